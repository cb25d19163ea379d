"""The outside world comes in: files, extracts, tables, rasters, datum."""

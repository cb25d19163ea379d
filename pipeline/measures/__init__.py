"""Pure functions: arrays and frames in, series and frames out; no file, no clock, no global."""

"""The stages, one thin file each: read, check, compute, write."""

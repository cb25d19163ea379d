"""Check what the stages write."""

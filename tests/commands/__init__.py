"""Check the commands as people type them."""

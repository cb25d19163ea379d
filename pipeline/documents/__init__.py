"""Make the documents that follow from code and data."""

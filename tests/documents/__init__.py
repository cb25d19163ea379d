"""Tests of the documents made from code and data."""

"""Tests that open built pages in a real browser."""

"""Tests of what the pipeline publishes."""

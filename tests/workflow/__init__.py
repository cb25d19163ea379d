"""Tests of the workflow engine's use."""

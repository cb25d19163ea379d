"""Tests of streets and rails as graphs."""

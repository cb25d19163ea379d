"""Typed settings, one module for each room of the study file."""

"""Layers for QGIS, maps for planners, report and tables."""

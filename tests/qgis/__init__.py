"""Open what is published in a real QGIS."""

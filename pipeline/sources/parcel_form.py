"""Describe the parcel form for QGIS: Chinese labels and drop-down lists, stored with the layer."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pandas as pd

from pipeline.sources.parcel_fields import Catalogue, Field


def form_style(known: Catalogue, stamp: str) -> pd.DataFrame:
    """Build the row of `layer_styles` that gives the layer `parcels` its form."""
    return pd.DataFrame(
        {
            "f_table_catalog": [""],
            "f_table_schema": [""],
            "f_table_name": ["parcels"],
            "f_geometry_column": ["geom"],
            "styleName": ["parcel form"],
            "styleQML": [_qml(known)],
            "styleSLD": [""],
            "useAsDefault": [True],
            "description": ["宗地填报表单 parcel form"],
            "owner": [""],
            "ui": [None],
            "update_time": [stamp],
        }
    )


def _qml(known: Catalogue) -> str:
    root = ET.Element("qgis", {"version": "3.22", "styleCategories": "Fields|Forms"})
    widgets = ET.SubElement(root, "fieldConfiguration")
    aliases = ET.SubElement(root, "aliases")
    for k, field in enumerate(known.fields):
        holder = ET.SubElement(widgets, "field", {"name": field.name})
        _widget(holder, field, known)
        # The first column of a GeoPackage layer is its feature id.
        ET.SubElement(
            aliases,
            "alias",
            {"index": str(k + 1), "field": field.name, "name": f"{field.zh} {field.en}"},
        )
    return ET.tostring(root, encoding="unicode")


def _widget(holder: ET.Element, field: Field, known: Catalogue) -> None:
    kinds = {"code": "ValueMap", "date": "DateTime", "flag": "CheckBox"}
    widget = ET.SubElement(holder, "editWidget", {"type": kinds.get(field.type, "TextEdit")})
    config = ET.SubElement(widget, "config")
    options = ET.SubElement(config, "Option", {"type": "Map"})
    if field.type == "code":
        choices = ET.SubElement(options, "Option", {"name": "map", "type": "List"})
        for code, entry in known.code_list(str(field.codes)).items():
            choice = ET.SubElement(choices, "Option", {"type": "Map"})
            text = {"name": f"{entry.zh} {entry.en}", "value": code, "type": "QString"}
            ET.SubElement(choice, "Option", text)
    elif field.type == "date":
        for name, value in (("display_format", "yyyy-MM-dd"), ("field_format", "yyyy-MM-dd")):
            ET.SubElement(options, "Option", {"name": name, "value": value, "type": "QString"})

"""Write QGIS style documents: symbols, labels, aliases and code lists of each layer."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from pipeline.publish.layer_schemas import LayerSchema
from pipeline.publish.qgis_looks import looks_of
from pipeline.publish.qgis_symbols import Look, StyleOptions

QGIS_VERSION = "3.22.16"


def styles(schemas: Sequence[LayerSchema], options: StyleOptions) -> dict[str, dict[str, str]]:
    """Give the QML documents of all layers: by layer, then by name, the default first."""
    found: dict[str, dict[str, str]] = {}
    for schema in schemas:
        looks: dict[str, Look | None] = dict(looks_of(schema, options)) or {"default": None}
        found[schema.name] = {name: qml(schema, look) for name, look in looks.items()}
    return found


def qml(schema: LayerSchema, look: Look | None) -> str:
    """Write a QGIS style document: symbols, labels, aliases, code lists."""
    top = ET.Element("qgis", version=QGIS_VERSION, styleCategories="AllStyleCategories")
    if look is not None:
        top.set("labelsEnabled", "0" if look.labelling is None else "1")
    for part in style_parts(schema, look):
        top.append(part)
    ET.indent(top, " ")
    head = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
    return head + ET.tostring(top, encoding="unicode")


def style_parts(schema: LayerSchema, look: Look | None) -> list[ET.Element]:
    """Give the elements that a style document and a project's layer have in common."""
    parts = [_field_configuration(schema), _aliases(schema)]
    if look is not None:
        parts.append(look.renderer)
        if look.labelling is not None:
            parts.append(look.labelling)
    if any(column.name == "name_zh" for column in schema.columns):
        preview = ET.Element("previewExpression")
        preview.text = "\"name_zh\" || ' ' || coalesce(\"name_en\", '')"
        parts.append(preview)
    return parts


def _aliases(schema: LayerSchema) -> ET.Element:
    found = ET.Element("aliases")
    for index, column in enumerate(schema.columns, start=1):
        ET.SubElement(found, "alias", field=column.name, name=column.alias, index=str(index))
    return found


def _field_configuration(schema: LayerSchema) -> ET.Element:
    """Show the label of a code in forms and tables, the code stays in the data."""
    found = ET.Element("fieldConfiguration")
    for column in schema.columns:
        if column.domain is None:
            continue
        element = ET.SubElement(found, "field", name=column.name)
        widget = ET.SubElement(element, "editWidget", type="ValueMap")
        config = ET.SubElement(ET.SubElement(widget, "config"), "Option", type="Map")
        listed = ET.SubElement(config, "Option", type="List", name="map")
        for code, (zh, en) in column.domain.labels.items():
            entry = ET.SubElement(listed, "Option", type="Map")
            ET.SubElement(entry, "Option", type="QString", name=f"{zh} / {en}", value=code)
    return found

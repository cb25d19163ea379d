"""Lay out a page to print: map of a theme, legend, scale, title, credit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from pipeline.publish.qgis_symbols import stable_key

FONT = "Noto Sans CJK SC"
PAGE_MM = (297.0, 210.0)
MAP_MM = (10.0, 22.0, 205.0, 172.0)
LEGEND_MM = (220.0, 22.0, 70.0, 120.0)
# QgsLayoutItemRegistry: the page, the map, the legend, text, the scale bar.
PAGE, MAP, LEGEND, LABEL, SCALE_BAR = "65638", "65639", "65642", "65641", "65646"
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class LayoutText:
    """What the page says."""

    title: str
    credit: str


def layout_element(
    name: str,
    text: LayoutText,
    *,
    legend: Sequence[tuple[str, str]],
    extent: Box,
    theme: str,
) -> ET.Element:
    """Write a print layout on A4, landscape.

    Parameters
    ----------
    name
        Name of the layout, unique in the project.
    text
        Title and credit.
    legend
        Id and title of the layers of the legend.
    extent
        West, south, east, north to be shown, in the CRS of the project; widened to the page.
    theme
        Theme of the project that the map follows.
    """
    found = ET.Element("Layout", name=name, units="mm", printResolution="200", worldFileMap="")
    pages = ET.SubElement(found, "PageCollection")
    pages.append(_item(PAGE, f"{name}/page", (0, 0, *PAGE_MM), background=True))
    found.append(_legend(name, legend))
    found.append(_scale_bar(name, extent))
    found.append(_label(f"{name}/title", text.title, (10, 7, 277, 12), size_pt=16))
    found.append(_label(f"{name}/credit", text.credit, (10, 196, 277, 11), size_pt=7))
    found.append(_map(name, extent, theme))
    return found


def _item(kind: str, key: str, box: Box, *, background: bool = False) -> ET.Element:
    x, y, width, height = box
    identity = stable_key("layout", key)
    found = ET.Element(
        "LayoutItem",
        type=kind,
        uuid=identity,
        templateUuid=identity,
        id=key.rsplit("/", 1)[1],
        position=f"{x:g},{y:g},mm",
        positionOnPage=f"{x:g},{y:g},mm",
        size=f"{width:g},{height:g},mm",
        referencePoint="0",
        visibility="1",
        opacity="1",
        background="true" if background else "false",
        frame="false",
        zValue={PAGE: "0", MAP: "1"}.get(kind, "2"),
    )
    ET.SubElement(found, "BackgroundColor", red="255", green="255", blue="255", alpha="255")
    return found


def _map(name: str, extent: Box, theme: str) -> ET.Element:
    found = _item(MAP, f"{name}/map", MAP_MM, background=True)
    found.attrib |= {
        "followPreset": "true",
        "followPresetName": theme,
        "keepLayerSet": "false",
        "drawCanvasItems": "false",
        "mapRotation": "0",
        "frame": "true",
        "outlineWidthM": "0.2,mm",
    }
    background = found.find("BackgroundColor")
    assert background is not None  # noqa: S101 - written just above
    background.attrib |= {"red": "223", "green": "232", "blue": "238"}
    west, south, east, north = _widened(extent, MAP_MM[2] / MAP_MM[3])
    sides = {"xmin": west, "ymin": south, "xmax": east, "ymax": north}
    ET.SubElement(found, "Extent", {side: f"{value:.1f}" for side, value in sides.items()})
    ET.SubElement(found, "LayerSet")
    return found


LEAST_M = 500.0


def _widened(extent: Box, ratio: float) -> Box:
    """Grow an extent about its centre to the ratio of width to height, with a small margin."""
    west, south, east, north = extent
    # A single point has no size of its own; it is shown with what lies around it.
    width, height = max((east - west) * 1.04, LEAST_M), max((north - south) * 1.04, LEAST_M)
    width, height = max(width, height * ratio), max(height, width / ratio)
    x, y = (west + east) / 2, (south + north) / 2
    return (x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def _legend(name: str, layers: Sequence[tuple[str, str]]) -> ET.Element:
    found = _item(LEGEND, f"{name}/legend", LEGEND_MM)
    found.attrib |= {
        "title": "",
        "map_uuid": stable_key("layout", f"{name}/map"),
        "resizeToContents": "1",
        "columnCount": "1",
        "symbolWidth": "6",
        "symbolHeight": "3.5",
        "boxSpace": "1",
        "wrapChar": "",
    }
    styles = ET.SubElement(found, "styles")
    for style, size_pt, margin_mm, left_mm in (
        ("group", 10, 2, 0),
        ("subgroup", 9, 2.5, 0),
        ("symbol", 8, 1.2, 0),
        ("symbolLabel", 8, 1.2, 2),
    ):
        element = ET.SubElement(
            styles, "style", name=style, marginTop=f"{margin_mm:g}", marginLeft=f"{left_mm:g}"
        )
        ET.SubElement(element, "styleFont", description=_font(size_pt), style="")
    tree = ET.SubElement(found, "layer-tree-group")
    for identity, title in layers:
        ET.SubElement(
            tree,
            "layer-tree-layer",
            id=identity,
            name=title,
            checked="Qt::Checked",
            expanded="1",
        )
    return found


def nice_length_km(extent: Box) -> float:
    """Give a round length (1, 2 or 5 times a power of ten) of about an eighth of the map."""
    west, _, east, _ = _widened(extent, MAP_MM[2] / MAP_MM[3])
    wanted = (east - west) / 8_000
    power = 10.0 ** math.floor(math.log10(wanted))
    return max(step * power for step in (1, 2, 5) if step * power <= wanted)


def _scale_bar(name: str, extent: Box) -> ET.Element:
    found = _item(SCALE_BAR, f"{name}/scale", (222, 178, 60, 12))
    found.attrib |= {
        "style": "Single Box",
        "mapUuid": stable_key("layout", f"{name}/map"),
        "unitType": "km",
        "unitLabel": "km",
        "numUnitsPerSegment": f"{nice_length_km(extent):g}",
        "numMapUnitsPerScaleBarUnit": "1",
        "numSegments": "2",
        "numSegmentsLeft": "0",
        "height": "2",
        "segmentSizeMode": "0",
        "labelBarSpace": "1",
        "boxContentSpace": "1",
    }
    ET.SubElement(
        found,
        "text-style",
        fontFamily=FONT,
        fontSize="8",
        fontSizeUnit="Point",
        textColor="34,48,60,255",
        textOpacity="1",
    )
    return found


def _label(key: str, text: str, box: Box, *, size_pt: float) -> ET.Element:
    found = _item(LABEL, key, box)
    found.attrib |= {
        "labelText": text,
        "htmlState": "0",
        "halign": "1",
        "valign": "128",
        "marginX": "0",
        "marginY": "0",
    }
    ET.SubElement(found, "LabelFont", description=_font(size_pt), style="")
    ET.SubElement(found, "FontColor", red="34", green="48", blue="60", alpha="255")
    return found


def _font(size_pt: float) -> str:
    return f"{FONT},{size_pt:g},-1,5,50,0,0,0,0,0"

"""Say symbols, renderers and labels in the XML that QGIS reads."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from xml.etree import ElementTree as ET

SymbolType = Literal["fill", "line", "marker"]
# Keys of rules and legend nodes are derived, not drawn, so that equal projects are equal files.
_NAMESPACE = uuid.UUID("6f1a1f0a-53a4-4b62-9a3e-2b6d5a1c9f10")
_EXPRESSION = "3"  # QgsProperty::ExpressionBasedProperty


@dataclass(frozen=True)
class Look:
    """How a layer is drawn and labelled."""

    renderer: ET.Element
    labelling: ET.Element | None = None


@dataclass(frozen=True)
class StyleOptions:
    """What the looks depend on.

    `counted` is the variant that the need of a service counts, with its Chinese and English name.
    """

    gap_breaks: Sequence[float]
    counted: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)


def stable_key(*parts: str) -> str:
    """Give a UUID that depends on the words alone, in the braces QGIS uses."""
    return "{" + str(uuid.uuid5(_NAMESPACE, "/".join(parts))) + "}"


def rgba(colour: str, alpha: float = 1.0) -> str:
    """Write ``#rrggbb`` as QGIS does: ``r,g,b,a`` with 0 to 255 each."""
    channels = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return ",".join(str(value) for value in (*channels, round(alpha * 255)))


@dataclass(frozen=True)
class SymbolLayer:
    """One layer of a symbol: its class, its properties, what data decide, a symbol within."""

    kind: str
    properties: Mapping[str, str]
    expressions: Mapping[str, str] = field(default_factory=dict)
    inner: Symbol | None = None


@dataclass(frozen=True)
class Symbol:
    """A symbol of one or more layers, drawn in their order."""

    type: SymbolType
    layers: tuple[SymbolLayer, ...]

    def element(self, name: str) -> ET.Element:
        """Write the symbol under a name."""
        found = ET.Element(
            "symbol",
            type=self.type,
            name=name,
            alpha="1",
            clip_to_extent="1",
            force_rhr="0",
        )
        for number, layer in enumerate(self.layers):
            found.append(_layer_element(layer, f"@{name}@{number}"))
        return found


def _layer_element(layer: SymbolLayer, inner_name: str) -> ET.Element:
    found = ET.Element("layer", {"class": layer.kind, "enabled": "1", "locked": "0", "pass": "0"})
    options = ET.SubElement(found, "Option", type="Map")
    for key, value in layer.properties.items():
        ET.SubElement(options, "Option", type="QString", name=key, value=value)
    if layer.expressions:
        found.append(_data_defined(layer.expressions))
    if layer.inner is not None:
        found.append(layer.inner.element(inner_name))
    return found


def _data_defined(expressions: Mapping[str, str]) -> ET.Element:
    found = ET.Element("data_defined_properties")
    top = ET.SubElement(found, "Option", type="Map")
    ET.SubElement(top, "Option", type="QString", name="name", value="")
    properties = ET.SubElement(top, "Option", type="Map", name="properties")
    for key, expression in expressions.items():
        one = ET.SubElement(properties, "Option", type="Map", name=key)
        ET.SubElement(one, "Option", type="bool", name="active", value="true")
        ET.SubElement(one, "Option", type="QString", name="expression", value=expression)
        ET.SubElement(one, "Option", type="int", name="type", value=_EXPRESSION)
    ET.SubElement(top, "Option", type="QString", name="type", value="collection")
    return found


def fill(
    colour: str,
    *,
    alpha: float,
    outline: str,
    width_mm: float = 0.3,
    dash: str | None = None,
    style: str = "solid",
    outline_style: str = "solid",
) -> SymbolLayer:
    """Fill an area; `dash` is an expression that is true where the outline is to be dashed."""
    expressions = {} if dash is None else {"outlineStyle": f"if({dash}, 'dash', 'solid')"}
    return SymbolLayer(
        "SimpleFill",
        {
            "color": rgba(colour, alpha),
            "style": style,
            "outline_color": rgba(outline),
            "outline_style": outline_style,
            "outline_width": f"{width_mm:g}",
            "outline_width_unit": "MM",
            "joinstyle": "round",
        },
        expressions,
    )


def marker(
    shape: str,
    colour: str,
    *,
    size_mm: float,
    alpha: float = 1.0,
    outline: str = "#ffffff",
    width_mm: float = 0.3,
    outline_style: str = "solid",
) -> SymbolLayer:
    """Mark a point with one of QGIS's simple shapes."""
    return SymbolLayer(
        "SimpleMarker",
        {
            "name": shape,
            "color": rgba(colour, alpha),
            "outline_color": rgba(outline),
            "outline_style": outline_style,
            "outline_width": f"{width_mm:g}",
            "outline_width_unit": "MM",
            "size": f"{size_mm:g}",
            "size_unit": "MM",
            "joinstyle": "round",
        },
    )


def at_centre(inner: SymbolLayer) -> SymbolLayer:
    """Mark an area at its centre, so that it is seen where the area itself is too small."""
    return SymbolLayer(
        "CentroidFill",
        {"point_on_surface": "0", "point_on_all_parts": "0", "clip_points": "0"},
        inner=Symbol("marker", (inner,)),
    )


def stroke(
    colour: str, *, width_mm: float, colour_by: str | None = None, line_style: str = "solid"
) -> SymbolLayer:
    """Draw a line; `colour_by` is an expression that gives its colour."""
    return SymbolLayer(
        "SimpleLine",
        {
            "line_color": rgba(colour),
            "line_width": f"{width_mm:g}",
            "line_width_unit": "MM",
            "line_style": line_style,
            "capstyle": "round",
            "joinstyle": "round",
        },
        {} if colour_by is None else {"outlineColor": colour_by},
    )


@dataclass(frozen=True)
class Rule:
    """A rule of a renderer: which features, drawn how, called what; may hold further rules."""

    label: str
    filter: str | None = None
    symbol: Symbol | None = None
    children: tuple[Rule, ...] = ()


def single(symbol: Symbol) -> ET.Element:
    """Draw every feature alike."""
    found = ET.Element("renderer-v2", type="singleSymbol", symbollevels="0", enableorderby="0")
    ET.SubElement(found, "symbols").append(symbol.element("0"))
    return found


def categorized(
    attribute: str, categories: Sequence[tuple[str, str, Symbol]], *, type_: str = "string"
) -> ET.Element:
    """Draw features by code: (code, label, symbol)."""
    found = ET.Element(
        "renderer-v2",
        type="categorizedSymbol",
        attr=attribute,
        symbollevels="0",
        enableorderby="0",
    )
    listed, symbols = ET.SubElement(found, "categories"), ET.SubElement(found, "symbols")
    for number, (code, label, symbol) in enumerate(categories):
        ET.SubElement(
            listed,
            "category",
            value=code,
            label=label,
            symbol=str(number),
            render="true",
            type=type_,
        )
        symbols.append(symbol.element(str(number)))
    return found


def graduated(attribute: str, ranges: Sequence[tuple[float, float, str, Symbol]]) -> ET.Element:
    """Draw features by class of a number: (above, up to, label, symbol)."""
    found = ET.Element(
        "renderer-v2",
        type="graduatedSymbol",
        attr=attribute,
        graduatedMethod="GraduatedColor",
        symbollevels="0",
        enableorderby="0",
    )
    listed, symbols = ET.SubElement(found, "ranges"), ET.SubElement(found, "symbols")
    for number, (low, high, label, symbol) in enumerate(ranges):
        ET.SubElement(
            listed,
            "range",
            lower=f"{low:.15f}",
            upper=f"{high:.15f}",
            label=label,
            symbol=str(number),
            render="true",
        )
        symbols.append(symbol.element(str(number)))
    return found


def ruled(name: str, rules: Sequence[Rule]) -> ET.Element:
    """Draw features by rules; `name` makes the rules' keys unique and stable."""
    found = ET.Element("renderer-v2", type="RuleRenderer", symbollevels="0", enableorderby="0")
    top = ET.SubElement(found, "rules", key=stable_key(name, "rules"))
    symbols = ET.SubElement(found, "symbols")
    _add_rules(top, symbols, rules, name)
    return found


def _add_rules(parent: ET.Element, symbols: ET.Element, rules: Sequence[Rule], name: str) -> None:
    for number, rule in enumerate(rules):
        key = f"{name}/{number}"
        attributes = {"key": stable_key(key), "label": rule.label}
        if rule.filter is not None:
            attributes["filter"] = rule.filter
        if rule.symbol is not None:
            attributes["symbol"] = str(len(symbols))
            symbols.append(rule.symbol.element(attributes["symbol"]))
        element = ET.SubElement(parent, "rule", attributes)
        _add_rules(element, symbols, rule.children, key)


def labels(
    expression: str,
    *,
    size_pt: float,
    colour: str,
    nearest_scale: int | None = None,
    over: Literal["point", "polygon", "line"] = "point",
    bold: bool = False,
) -> ET.Element:
    """Label features; beyond 1 : `nearest_scale` labels are left out."""
    found = ET.Element("labeling", type="simple")
    settings = ET.SubElement(found, "settings")
    style = ET.SubElement(
        settings,
        "text-style",
        fieldName=expression,
        isExpression="1",
        fontFamily="Noto Sans CJK SC",
        fontSize=f"{size_pt:g}",
        fontSizeUnit="Point",
        fontWeight="75" if bold else "50",
        namedStyle="Bold" if bold else "Regular",
        textColor=rgba(colour),
        textOpacity="1",
    )
    ET.SubElement(
        style,
        "text-buffer",
        bufferDraw="1",
        bufferSize="0.8",
        bufferSizeUnits="MM",
        bufferColor=rgba("#ffffff"),
        bufferOpacity="0.85",
    )
    placement = {"point": "6", "polygon": "1", "line": "3"}[over]
    ET.SubElement(
        settings,
        "placement",
        placement=placement,
        dist="1.2",
        distUnits="MM",
        predefinedPositionOrder="R,L,TR,BR,TL,BL,T,B",
        offsetType="1",
        centroidInside="1",
        priority="5",
    )
    scaled = (
        {} if nearest_scale is None else {"scaleVisibility": "1", "scaleMin": str(nearest_scale)}
    )
    ET.SubElement(settings, "rendering", {"scaleMax": "1", "obstacle": "1", **scaled})
    return found

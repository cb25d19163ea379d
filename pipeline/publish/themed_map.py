"""Draw maps that are lists of described layers, on one map or on two in comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import geopandas as gpd
import pandas as pd

from pipeline.errors import FieldError, Problem
from pipeline.publish.leaflet import OfflineMap
from pipeline.publish.map_elements import (
    MapSource,
    PageText,
    Starter,
    build_page,
    credit_lines,
    tile_credit,
)
from pipeline.publish.map_glossary import GLOSSARY
from pipeline.publish.map_payload import Cells, Payload, require_wgs84, within_budget
from pipeline.publish.map_tiles import Tiles, frame_on, tiles_of
from pipeline.settings.maps import MapsSettings

SCRIPTS = (
    "core.js",
    "canvas.js",
    "tiles.js",
    "mass.js",
    "stage.js",
    "tabs.js",
    "state.js",
    "themed.js",
)
SYNTHETIC = ("合成数据，非实测", "Synthetic, not real data")

Kind = Literal["polygon", "line", "point"]


@dataclass(frozen=True)
class Paint:
    """How a layer or a class is drawn; what is None is left to the layer, then to Leaflet.

    `hatch` (0..1) is the strength of the ground under diagonal stripes; `glyph` is ``circle``,
    ``square``, ``cross`` or ``pennant``, of `radius` pixels.
    """

    color: str | None = None
    weight: float | None = None
    dashArray: str | None = None  # noqa: N815 (Leaflet's own name)
    fill: bool | None = None
    fillColor: str | None = None  # noqa: N815
    fillOpacity: float | None = None  # noqa: N815
    opacity: float | None = None
    hatch: float | None = None
    glyph: str | None = None
    radius: float | None = None

    def options(self) -> dict[str, object]:
        """Give what is set, under the names the scripts use."""
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class MapClass:
    """One class of a layer: the value in its class column, its names, its paint.

    A class whose value is None takes every row that has no value or an unknown one.
    """

    value: str | None
    zh: str
    en: str
    paint: Paint


@dataclass(frozen=True)
class Fact:
    """One attribute told on a click or in a table: column, names, unit.

    `unit_column` names a column that holds each row's own unit; `small` the columns written in
    small print below; `bar` draws a share as a bar; `signed` writes a change with its sign;
    `quiet_column` names a column that is true where a bar must not alarm.
    """

    column: str
    zh: str
    en: str
    unit: str | None = None
    bar: bool = False
    unit_column: str | None = None
    small: tuple[str, ...] = ()
    signed: bool = False
    quiet_column: str | None = None


@dataclass(frozen=True)
class MapLayer:
    """A layer in EPSG:4326 with what is needed to draw, switch, explain and question it.

    `sides` names the maps it stands on; `title` the columns of a feature's Chinese and English
    name; `note` explains a layer that has no classes; `named` writes the names of up to 40 points;
    `ground` marks what only helps to find one's way: no switch, no legend, no part of the view.
    A `frame` that was encoded already (`drawn`) is no part of the view either.
    """

    key: str
    name: tuple[str, str]
    kind: Kind
    frame: gpd.GeoDataFrame | Cells
    paint: Paint
    class_column: str | None = None
    classes: Sequence[MapClass] = ()
    facts: Sequence[Fact] = ()
    title: tuple[str, str] = ("name_zh", "name_en")
    sides: Sequence[str] = ("map",)
    shown: bool = True
    note: tuple[str, str] = ("", "")
    named: bool = False
    ground: bool = False


@dataclass(frozen=True)
class MapTable:
    """A table beside the map, such as a scorecard or a ledger; `folded` shows its name first."""

    name: tuple[str, str]
    frame: pd.DataFrame | Cells
    columns: Sequence[Fact]
    note: tuple[str, str] = ("", "")
    folded: bool = False


@dataclass(frozen=True)
class MapFigure:
    """A drawing beside the tables: an SVG document, shown as a picture (its scripts never run)."""

    name: tuple[str, str]
    svg: str


@dataclass(frozen=True)
class MapList:
    """Sentences beside the map under a heading, Chinese and English."""

    name: tuple[str, str]
    lines: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class ThemedPage:
    """A page of described layers.

    `sides` is ``{"map": (zh, en)}`` for one map, or ``{"layout": ..., "gaps": ...}`` for two that
    are compared (left and right). `extent` is the first view as (south, west), (north, east); by
    default all layers are shown. `back` is the address of the page this one belongs to.
    """

    title: tuple[str, str]
    layers: Sequence[MapLayer]
    sides: Mapping[str, tuple[str, str]] = field(default_factory=lambda: {"map": ("地图", "Map")})
    subtitle: tuple[str, str] = ("", "")
    banner: tuple[str, str] = ("", "")
    tables: Sequence[MapTable] = ()
    lists: Sequence[MapList] = ()
    figures: Sequence[MapFigure] = ()
    back: str | None = None
    notes: Sequence[tuple[str, str]] = ()
    sources: Sequence[MapSource] = ()
    glossary: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    extent: tuple[tuple[float, float], tuple[float, float]] | None = None


def build_themed(page: ThemedPage, settings: MapsSettings, *, name: str) -> str:
    """Build a page of described layers as one HTML document that asks the network for nothing.

    Parameters
    ----------
    page
        The layers, tables and words.
    settings
        Budget, decimals, language.
    name
        Name of the map in messages.

    Raises
    ------
    FieldError
        A layer lacks a column that its description names; every such column is listed.
    CrsError
        A layer is not in EPSG:4326.
    LayerError
        The page would exceed its budget, or fetch something.
    """
    _check_columns(page.layers)
    tiles = tiles_of(settings.tiles)
    page = _on_datum(page, tiles)
    payload = _payload(page, settings)
    credits_ = [*tile_credit(tiles), *credit_lines(page.sources)]
    text = PageText(page.title, page.subtitle, page.banner, credits_, page.back)
    document = build_page(
        text=text,
        language=settings.first_language,
        scripts=SCRIPTS,
        settings={**_settings_of(page, settings), "tiles": tiles and tiles.options()},
        packed=payload.pack(),
        search=False,
        image_hosts=(tiles.host,) if tiles else (),
    )
    (south, west), (north, east) = _extent(page)
    maps = {
        side: OfflineMap(
            label=" ".join(label),
            location=((south + north) / 2, (west + east) / 2),
            zoom_start=12,
            zoom_snap=0.25,
            zoom_delta=0.5,
            min_zoom=4,
            max_zoom=19,
            attribution_control=False,
        )
        for side, label in page.sides.items()
    }
    for one in maps.values():
        document.add_child(one)
    document.add_child(Starter(function="startThemed", maps=maps))
    return within_budget(document.render(), payload, budget_mb=settings.budget_mb, name=name)


def _on_datum(page: ThemedPage, tiles: Tiles | None) -> ThemedPage:
    """Move all that is drawn onto the datum of the tiles below it."""
    return replace(page, layers=[_layer_on_datum(layer, tiles) for layer in page.layers])


def _layer_on_datum(layer: MapLayer, tiles: Tiles | None) -> MapLayer:
    if isinstance(layer.frame, Cells):
        return layer
    require_wgs84(layer.key, layer.frame)
    return layer if tiles is None else replace(layer, frame=frame_on(layer.frame, tiles.datum))


def drawn(layer: MapLayer, settings: MapsSettings) -> Cells:
    """Encode a layer as `build_themed` does, once for all pages that take rows of it.

    Raises
    ------
    CrsError
        The layer is not in EPSG:4326.
    """
    layer = _layer_on_datum(layer, tiles_of(settings.tiles))
    if isinstance(layer.frame, Cells):
        return layer.frame
    return Cells.of(layer.frame, _columns(layer), decimals=settings.coordinate_decimals)


def _payload(page: ThemedPage, settings: MapsSettings) -> Payload:
    payload = Payload(decimals=settings.coordinate_decimals)
    for layer in page.layers:
        payload.add_layer(layer.key, layer.frame, _columns(layer))
    for number, table in enumerate(page.tables):
        payload.add_table(f"table {number}", table.frame, columns_told(table.columns))
    payload.add_value("figures", [figure.svg for figure in page.figures])
    return payload


def columns_told(facts: Sequence[Fact]) -> list[str]:
    """Name the columns that a table of these facts takes, where it has them."""
    named = [
        name
        for fact in facts
        for name in (fact.column, fact.unit_column, fact.quiet_column, *fact.small)
        if name is not None
    ]
    return list(dict.fromkeys(named))


def _columns(layer: MapLayer) -> list[str]:
    named = [*layer.title, *(fact.column for fact in layer.facts)]
    if layer.class_column is not None:
        named.append(layer.class_column)
    return [column for column in dict.fromkeys(named) if column in layer.frame.columns]


def _check_columns(layers: Sequence[MapLayer]) -> None:
    problems = [
        Problem(
            zh=f"缺少字段 {column}",
            en=f"the column {column} is missing",
            path=f"map layer {layer.key}",
        )
        for layer in layers
        for column in [layer.class_column, *(fact.column for fact in layer.facts)]
        if column is not None and column not in layer.frame.columns
    ]
    if problems:
        raise FieldError(*problems)


def _extent(page: ThemedPage) -> tuple[tuple[float, float], tuple[float, float]]:
    if page.extent is not None:
        return page.extent
    seen = [layer.frame for layer in page.layers if not layer.ground]
    bounds = [
        frame.total_bounds
        for frame in seen
        if not isinstance(frame, Cells) and not frame.geometry.dropna().empty
    ]
    if not bounds:
        return (-60.0, -170.0), (75.0, 170.0)
    west, south, east, north = pd.DataFrame(bounds).agg({0: "min", 1: "min", 2: "max", 3: "max"})
    return (float(south), float(west)), (float(north), float(east))


def _settings_of(page: ThemedPage, settings: MapsSettings) -> dict[str, object]:
    return {
        "sides": [{"key": key, "name": name} for key, name in page.sides.items()],
        "layers": [_layer_settings(layer) for layer in page.layers],
        "tables": [_table_settings(table) for table in page.tables],
        "lists": [{"name": one.name, "lines": list(one.lines)} for one in page.lists],
        "figures": [figure.name for figure in page.figures],
        "notes": list(page.notes),
        "sources": [vars(source) for source in page.sources],
        "glossary": {**GLOSSARY, **page.glossary},
        "extent": _extent(page),
        "first": {"language": settings.first_language},
    }


def _layer_settings(layer: MapLayer) -> dict[str, object]:
    return {
        "key": layer.key,
        "name": layer.name,
        "kind": layer.kind,
        "paint": layer.paint.options(),
        "class_column": layer.class_column,
        "classes": [
            {"value": one.value, "zh": one.zh, "en": one.en, "paint": one.paint.options()}
            for one in layer.classes
        ],
        "facts": [vars(fact) for fact in layer.facts],
        "title": layer.title,
        "sides": list(layer.sides),
        "shown": layer.shown,
        "note": layer.note,
        "named": layer.named,
        "ground": layer.ground,
    }


def _table_settings(table: MapTable) -> dict[str, Any]:
    return {
        "name": table.name,
        "note": table.note,
        "folded": table.folded,
        "columns": [vars(column) for column in table.columns],
    }

"""Draw a scenario: places before and after it, beside the ledger of what changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import geopandas as gpd
import pandas as pd

from pipeline.publish import palettes
from pipeline.publish.map_elements import MapSource
from pipeline.publish.map_glossary import GAP_CLASSES
from pipeline.publish.park_layers import NAMED, NOTHING
from pipeline.publish.themed_map import (
    SYNTHETIC,
    Fact,
    MapClass,
    MapLayer,
    MapList,
    MapTable,
    Paint,
    ThemedPage,
    build_themed,
)
from pipeline.settings.maps import MapsSettings

CHANGED = MapLayer(
    "changed", ("变化最大", "Largest changes"), "point", NOTHING,
    Paint(color="#0b4f8a", weight=2.5, fill=False, glyph="circle", radius=16),
    named=True, sides=("gaps",), note=("缺口变化最大的地点", "places whose gap changes most"),
)  # fmt: skip

ADDED = MapLayer(
    "added", ("新增设施", "Added"), "point", NOTHING,
    Paint(color="#111", weight=1, fillColor="#ffd54a", fillOpacity=1, glyph="square", radius=3.2),
    sides=("gaps",), note=("情景新增", "added by the scenario"),
)  # fmt: skip
STATUSES = (
    MapClass("under_construction", "在建", "under construction", Paint()),
    MapClass("planned", "规划", "planned", Paint(fillColor="#ffffff")),
    MapClass(None, "其他", "other", Paint(fillColor="#aeb6be")),
)
STATUS = Fact("status", "状态", "Status")


@dataclass(frozen=True)
class ScenarioState:
    """One more service before and after, switched on by the reader; frames as in `ScenarioData`."""

    key: str
    name: tuple[str, str]
    before: gpd.GeoDataFrame
    after: gpd.GeoDataFrame


@dataclass(frozen=True)
class ScenarioData:
    """Before and after of a scenario.

    Parameters
    ----------
    title
        Chinese and English.
    before, after
        The same places (polygons or points in EPSG:4326) with ``name_zh``, ``name_en``, ``gap``
        (0 to 1, null unknown), ``method``.
    added
        What the scenario adds (points with ``name_zh``, ``name_en``), drawn on the right.
    ledger
        Any table of what changes; `ledger_columns` describes its columns.
    background
        Layers below the places, on both maps or one.
    facts
        Further columns of both that a click tells.
    changed
        Points of the places that change most, ringed and named on the right.
    states
        Further services before and after, not shown at first.
    tables, lists
        Further tables, set before the ledger, and sentences beside the map.
    on_top
        Layers over the places, such as what else the scenario adds.
    banner
        A mark that stays in view, such as that all times are estimates.
    """

    title: tuple[str, str]
    before: gpd.GeoDataFrame
    after: gpd.GeoDataFrame
    added: gpd.GeoDataFrame
    ledger: pd.DataFrame
    ledger_columns: Sequence[Fact]
    subtitle: tuple[str, str] = ("", "")
    banner: tuple[str, str] = ("", "")
    background: Sequence[MapLayer] = ()
    back: str | None = None
    extent: tuple[tuple[float, float], tuple[float, float]] | None = None
    facts: Sequence[Fact] = ()
    changed: gpd.GeoDataFrame | None = None
    states: Sequence[ScenarioState] = ()
    tables: Sequence[MapTable] = ()
    lists: Sequence[MapList] = ()
    on_top: Sequence[MapLayer] = ()
    notes: Sequence[tuple[str, str]] = ()
    sources: Sequence[MapSource] = ()
    glossary: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    synthetic: bool = False


def build_scenario(data: ScenarioData, settings: MapsSettings) -> str:
    """Build the before and after of a scenario, side by side or swiped, with its ledger."""
    layers = [*data.background]
    if not data.added.empty:
        told = "status" in data.added.columns
        layers.append(
            replace(
                ADDED,
                frame=data.added,
                class_column="status" if told else None,
                classes=STATUSES if told else (),
                facts=[NAMED, STATUS] if told else [NAMED],
            )
        )
    for state in (ScenarioState("", ("", ""), data.before, data.after), *data.states):
        pair = _state_layers(state, settings, data.facts)
        layers += [replace(layer, shown=not state.key) for layer in pair]
    layers += data.on_top
    if data.changed is not None and not data.changed.empty:
        layers.append(replace(CHANGED, frame=data.changed))
    page = ThemedPage(
        title=data.title,
        subtitle=data.subtitle,
        back=data.back,
        extent=data.extent,
        layers=layers,
        sides={"layout": ("现状", "Before"), "gaps": ("情景", "After")},
        banner=SYNTHETIC if data.synthetic else data.banner,
        tables=[
            *data.tables,
            MapTable(("变化台账", "Ledger of changes"), data.ledger, data.ledger_columns),
        ],
        lists=data.lists,
        notes=data.notes,
        sources=data.sources,
        glossary=data.glossary,
    )
    return build_themed(page, settings, name=data.title[1])


def _state_layers(
    state: ScenarioState, settings: MapsSettings, facts: Sequence[Fact]
) -> list[MapLayer]:
    """Colour one service on both sides; a further one carries its name and key."""
    suffix = f"-{state.key}" if state.key else ""
    zh, en = (f"：{state.name[0]}", f": {state.name[1]}") if state.key else ("", "")
    return [
        _gap_layer(
            frame, key=f"{key}{suffix}", name=(f"{word_zh}{zh}", f"{word_en}{en}"), side=side,
            settings=settings, facts=facts,
        )
        for frame, key, word_zh, word_en, side in (
            (state.before, "before", "现状", "Before", "layout"),
            (state.after, "after", "情景", "After", "gaps"),
        )
    ]  # fmt: skip


def _gap_layer(
    frame: gpd.GeoDataFrame,
    *,
    key: str,
    name: tuple[str, str],
    side: str,
    settings: MapsSettings,
    facts: Sequence[Fact],
) -> MapLayer:
    """Colour places by the class of their gap, hatched where it is estimated.

    A value on a break belongs to the class below.
    """
    edges = [-1.0, *settings.gap_breaks, 1.0]
    number = pd.cut(frame["gap"].astype("float64"), bins=edges, labels=False)
    measured = frame["method"].eq("measured_network")
    codes = [
        None if pd.isna(n) else f"{int(n)}{'m' if solid else 'e'}"
        for n, solid in zip(number, measured, strict=True)
    ]
    classed = frame.assign(gap_class=pd.Series(codes, index=frame.index, dtype="object"))
    classes = [one for one in _gap_classes() if one.value in codes]
    points = bool(len(frame)) and bool((frame.geom_type == "Point").all())
    return MapLayer(
        key,
        name,
        "point" if points else "polygon",
        classed,
        Paint(color="#39434c", weight=1, fill=True, fillOpacity=0.9, glyph="circle", radius=10),
        class_column="gap_class",
        classes=classes,
        facts=[Fact("gap", "缺口", "Gap"), *facts, Fact("method", "方法", "Method")],
        sides=(side,),
    )


def _gap_classes() -> list[MapClass]:
    classes = []
    for i, ((zh, en), colour) in enumerate(zip(GAP_CLASSES, palettes.GAP, strict=True)):
        estimated = Paint(fillColor=colour, hatch=0.3)
        classes.append(
            MapClass(f"{i}m", f"{zh}（实测）", f"{en} (measured)", Paint(fillColor=colour))
        )
        classes.append(MapClass(f"{i}e", f"{zh}（估算）", f"{en} (estimated)", estimated))
    return [*classes, MapClass(None, "无数据", "no data", Paint(fillColor=palettes.GAP_UNKNOWN))]

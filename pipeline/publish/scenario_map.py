"""Draw a scenario: places before and after it, beside the ledger of what changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import geopandas as gpd
import pandas as pd

from pipeline.publish import palettes
from pipeline.publish.map_elements import MapSource
from pipeline.publish.map_glossary import GAP_CLASSES
from pipeline.publish.park_layers import NAMED
from pipeline.publish.themed_map import (
    SYNTHETIC,
    Fact,
    MapClass,
    MapLayer,
    MapTable,
    Paint,
    ThemedPage,
    build_themed,
)
from pipeline.settings.maps import MapsSettings


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
    """

    title: tuple[str, str]
    before: gpd.GeoDataFrame
    after: gpd.GeoDataFrame
    added: gpd.GeoDataFrame
    ledger: pd.DataFrame
    ledger_columns: Sequence[Fact]
    notes: Sequence[tuple[str, str]] = ()
    sources: Sequence[MapSource] = ()
    glossary: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    synthetic: bool = False


def build_scenario(data: ScenarioData, settings: MapsSettings) -> str:
    """Build the before and after of a scenario, side by side or swiped, with its ledger."""
    layers = [
        _gap_layer(data.before, "before", ("现状", "Before"), "layout", settings),
        _gap_layer(data.after, "after", ("情景", "After"), "gaps", settings),
    ]
    if not data.added.empty:
        paint = Paint(
            color="#111", weight=2, fillColor="#ffd54a", fillOpacity=1, glyph="square", radius=7
        )
        layers.append(
            MapLayer(
                "added",
                ("新增设施", "Added"),
                "point",
                data.added,
                paint,
                facts=[NAMED],
                sides=("gaps",),
                note=("情景新增", "added by the scenario"),
            )
        )
    page = ThemedPage(
        title=data.title,
        layers=layers,
        sides={"layout": ("现状", "Before"), "gaps": ("情景", "After")},
        banner=SYNTHETIC if data.synthetic else ("", ""),
        tables=[MapTable(("变化台账", "Ledger of changes"), data.ledger, data.ledger_columns)],
        notes=data.notes,
        sources=data.sources,
        glossary=data.glossary,
    )
    return build_themed(page, settings, name=data.title[1])


def _gap_layer(
    frame: gpd.GeoDataFrame, key: str, name: tuple[str, str], side: str, settings: MapsSettings
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
        Paint(color="#39434c", weight=1, fill=True, fillOpacity=0.9, glyph="circle", radius=8),
        class_column="gap_class",
        classes=classes,
        facts=[Fact("gap", "缺口", "Gap"), Fact("method", "方法", "Method")],
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

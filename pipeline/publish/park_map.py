"""Draw the page of one park: its ground, ring, catchments, gates, routes and scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import geopandas as gpd
import pandas as pd

from pipeline.publish.map_elements import MapSource
from pipeline.publish.park_layers import (
    BARRIERS,
    FACILITIES,
    FOOTPRINT,
    GATES,
    RING,
    ROUTES,
    STREETS,
    catchment_layer,
)
from pipeline.publish.themed_map import (
    SYNTHETIC,
    Fact,
    MapLayer,
    MapTable,
    ThemedPage,
    build_themed,
)
from pipeline.settings.maps import MapsSettings

SCORE_COLUMNS = (
    Fact("service", "服务", "Service"),
    Fact("gap", "缺口", "Gap", bar=True),
    Fact("value", "数值", "Value"),
    Fact("unit", "单位", "Unit"),
    Fact("interval", "90% 区间", "90% interval"),
    Fact("method", "方法", "Method"),
    Fact("verdict", "判定", "Verdict"),
)
PROFILE_COLUMNS = (
    Fact("component", "指标", "Component"),
    Fact("observed", "园区", "Observed"),
    Fact("null_median", "随机对照", "Relocated"),
    Fact("percentile", "百分位", "Percentile", unit="share", bar=True),
    Fact("p", "p", "p"),
    Fact("status", "状态", "Status"),
)


@dataclass(frozen=True)
class ParkData:
    """What the page of one park shows; layers in EPSG:4326, any may be left out.

    Parameters
    ----------
    name, subtitle
        Chinese and English.
    footprint
        One polygon; ``boundary_class`` decides how certain it is drawn.
    ring
        The land around that the park is compared with.
    catchments
        Polygons with ``band`` (text, such as "10 min"), nearest first, and ``method``.
    gates
        Points with ``gate_class`` (``A`` mapped, ``B`` crossing street, ``C`` assumed,
        ``candidate``).
    routes
        Lines to the nearest facilities with ``service``, ``name_zh``, ``name_en``, ``minutes``,
        ``method``.
    facilities
        Points with ``service``, ``name_zh``, ``name_en``.
    barriers
        Lines with ``kind``.
    scorecard
        One row per service: ``service``, ``gap``, ``value``, ``low``, ``high``, ``unit``,
        ``method``, ``verdict``.
    profile
        Columns of `PROFILE_COLUMNS`, one row per component of the island profile.
    synthetic
        Whether any of it is made up; the page then says so.
    """

    name: tuple[str, str]
    subtitle: tuple[str, str]
    footprint: gpd.GeoDataFrame
    ring: gpd.GeoDataFrame | None = None
    catchments: gpd.GeoDataFrame | None = None
    gates: gpd.GeoDataFrame | None = None
    routes: gpd.GeoDataFrame | None = None
    facilities: gpd.GeoDataFrame | None = None
    barriers: gpd.GeoDataFrame | None = None
    streets: gpd.GeoDataFrame | None = None
    scorecard: pd.DataFrame | None = None
    profile: pd.DataFrame | None = None
    notes: Sequence[tuple[str, str]] = ()
    sources: Sequence[MapSource] = ()
    glossary: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    synthetic: bool = False


def build_park(data: ParkData, settings: MapsSettings) -> str:
    """Build the page of one park as one HTML document that asks the network for nothing.

    Raises
    ------
    FieldError, CrsError, LayerError
        See `pipeline.publish.themed_map.build_themed`.
    """
    page = ThemedPage(
        title=data.name,
        subtitle=data.subtitle,
        layers=_park_layers(data),
        banner=SYNTHETIC if data.synthetic else ("", ""),
        tables=_tables(data),
        notes=data.notes,
        sources=data.sources,
        glossary=data.glossary,
    )
    return build_themed(page, settings, name=data.name[1])


def _tables(data: ParkData) -> list[MapTable]:
    tables = []
    if data.scorecard is not None:
        scores = _with_interval(data.scorecard)
        name = ("服务得分", "Scorecard")
        tables.append(MapTable(name, scores, _present(scores, SCORE_COLUMNS)))
    if data.profile is not None:
        columns = _present(data.profile, PROFILE_COLUMNS)
        note = ("百分位：在随机移位的同形地块中的位置", "percentile among relocated footprints")
        tables.append(MapTable(("孤岛剖面", "Island profile"), data.profile, columns, note))
    return tables


def _with_interval(scores: pd.DataFrame) -> pd.DataFrame:
    if not {"low", "high"} <= set(scores.columns):
        return scores
    texts = [
        None if pd.isna(low) or pd.isna(high) else f"{low:.3g}–{high:.3g}"
        for low, high in zip(scores["low"], scores["high"], strict=True)
    ]
    return scores.assign(interval=pd.Series(texts, index=scores.index, dtype="object"))


def _present(frame: pd.DataFrame, columns: Sequence[Fact]) -> list[Fact]:
    return [fact for fact in columns if fact.column in frame.columns]


def _park_layers(data: ParkData) -> list[MapLayer]:
    """List the layers from the ground up, those that the park has."""
    certain = _certain(data.footprint)
    templates = [
        (data.ring, RING),
        (data.catchments, catchment_layer(data.catchments)),
        (
            data.footprint,
            replace(
                FOOTPRINT,
                paint=replace(FOOTPRINT.paint, dashArray=None if certain else "6 5"),
                note=("有依据的边界", "documented boundary")
                if certain
                else ("示意范围，非正式边界", "indicative, not an official boundary"),
            ),
        ),
        (data.streets, STREETS),
        (data.barriers, BARRIERS),
        (data.routes, ROUTES),
        (data.gates, GATES),
        (data.facilities, FACILITIES),
    ]
    return [
        replace(
            layer,
            frame=frame,
            facts=[fact for fact in layer.facts if fact.column in frame.columns],
        )
        for frame, layer in templates
        if frame is not None and layer is not None and not frame.empty
    ]


def _certain(footprint: gpd.GeoDataFrame) -> bool:
    if "boundary_class" not in footprint.columns:
        return False
    return bool(footprint["boundary_class"].isin(["surveyed", "digitised"]).all())

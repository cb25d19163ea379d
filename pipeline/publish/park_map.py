"""Draw the page of one park: its ground, ring, catchments, gates, routes and scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import geopandas as gpd
import pandas as pd

from pipeline.publish.map_elements import MapSource
from pipeline.publish.map_payload import Cells
from pipeline.publish.park_layers import (
    BARRIERS,
    FACILITIES,
    FOOTPRINT,
    GATES,
    NEAREST,
    PLAUSIBLE,
    RING,
    ROUTES,
    STREETS,
    catchment_layer,
)
from pipeline.publish.park_words import MEASURE_COLUMNS, SCORE_COLUMNS, Told
from pipeline.publish.study_words import FACILITY
from pipeline.publish.themed_map import (
    SYNTHETIC,
    Fact,
    MapFigure,
    MapLayer,
    MapList,
    MapTable,
    ThemedPage,
    build_themed,
)
from pipeline.settings.maps import MapsSettings

PROFILE_COLUMNS = (
    Fact("component", "指标", "Component"),
    Fact("observed", "园区", "Observed"),
    Fact("null_median", "随机对照", "Relocated"),
    Fact("percentile", "百分位", "Percentile", unit="share", bar=True),
    Fact("p", "p", "p"),
    Fact("status", "状态", "Status"),
)

Drawable: TypeAlias = gpd.GeoDataFrame | Cells


@dataclass(frozen=True)
class ParkData:
    """What the page of one park shows; layers in EPSG:4326 or encoded, any may be left out.

    Parameters
    ----------
    name, subtitle
        Chinese and English.
    footprint
        One polygon.
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
        Points with ``kind`` (`kinds_of`), ``name_zh``, ``name_en``.
    barriers
        Lines with ``kind``.
    nearest
        The facilities that the routes lead to, written with their names.
    plausible
        Where the footprint may lie, given how far its point may be off.
    scorecard
        One row per service (`pipeline.publish.park_words.SmallPrint.scorecard`).
    measures
        All results of the place by service: a table of its own, per name.
    lists
        Sentences beside the tables: about the place, what would change its gaps.
    figures
        Drawings beside the tables, such as the island profile.
    ground
        Layers that help to find one's way (`pipeline.publish.park_layers`).
    back
        Address of the overview, relative to the page.
    extent
        First view as (south, west), (north, east); all layers without it.
    profile
        Columns of `PROFILE_COLUMNS`, one row per component of the island profile.
    synthetic
        Whether any of it is made up; the page then says so.
    certain
        Whether the footprint is documented; one that is not is drawn so.
    """

    name: tuple[str, str]
    subtitle: tuple[str, str]
    footprint: Drawable
    ring: Drawable | None = None
    catchments: Drawable | None = None
    gates: Drawable | None = None
    routes: Drawable | None = None
    facilities: Drawable | None = None
    nearest: Drawable | None = None
    plausible: Drawable | None = None
    barriers: Drawable | None = None
    streets: Drawable | None = None
    scorecard: Told | None = None
    measures: Sequence[tuple[tuple[str, str], Told]] = ()
    profile: pd.DataFrame | None = None
    lists: Sequence[MapList] = ()
    figures: Sequence[MapFigure] = ()
    ground: Sequence[MapLayer] = ()
    back: str | None = None
    extent: tuple[tuple[float, float], tuple[float, float]] | None = None
    banner: tuple[str, str] = ("", "")
    notes: Sequence[tuple[str, str]] = ()
    sources: Sequence[MapSource] = ()
    glossary: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    synthetic: bool = False
    certain: bool = False


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
        layers=[*data.ground, *_park_layers(data)],
        banner=SYNTHETIC if data.synthetic else data.banner,
        tables=_tables(data),
        lists=data.lists,
        figures=data.figures,
        back=data.back,
        extent=data.extent,
        notes=data.notes,
        sources=data.sources,
        glossary={**data.glossary, **_words(data)},
    )
    return build_themed(page, settings, name=data.name[1])


def _words(data: ParkData) -> dict[str, tuple[str, str]]:
    """Give the small print of all tables in both languages, by its Chinese form, as codes are."""
    tables = [data.scorecard, *(rows for _, rows in data.measures)]
    return {words[0]: words for table in tables if table is not None for words in table.words()}


def _tables(data: ParkData) -> list[MapTable]:
    tables = []
    if data.scorecard is not None:
        scores = data.scorecard.cells
        name = ("服务得分", "Scorecard")
        tables.append(MapTable(name, scores, _present(scores, SCORE_COLUMNS)))
    if data.profile is not None:
        columns = _present(data.profile, PROFILE_COLUMNS)
        note = ("百分位：在随机移位的同形地块中的位置", "percentile among relocated footprints")
        tables.append(MapTable(("孤岛剖面", "Island profile"), data.profile, columns, note))
    for name, measures in data.measures:
        rows = measures.cells
        tables.append(MapTable(name, rows, _present(rows, MEASURE_COLUMNS), folded=True))
    return tables


def _present(table: pd.DataFrame | Cells, columns: Sequence[Fact]) -> list[Fact]:
    return [fact for fact in columns if fact.column in table.columns]


def _park_layers(data: ParkData) -> list[MapLayer]:
    """List the layers from the ground up, those that the park has."""
    templates = [
        (data.plausible, PLAUSIBLE),
        (data.ring, RING),
        (data.catchments, catchment_layer(_bands(data.catchments))),
        (
            data.footprint,
            replace(
                FOOTPRINT,
                paint=replace(FOOTPRINT.paint, dashArray=None if data.certain else "6 5"),
                note=("有依据的边界", "documented boundary")
                if data.certain
                else ("示意范围，非正式边界", "indicative, not an official boundary"),
            ),
        ),
        (data.streets, STREETS),
        (data.barriers, BARRIERS),
        (data.routes, ROUTES),
        (data.gates, GATES),
        (data.facilities, _named(FACILITIES, data.glossary)),
        (data.nearest, NEAREST),
    ]
    return [
        replace(
            layer,
            frame=frame,
            facts=[fact for fact in layer.facts if fact.column in frame.columns],
        )
        for frame, layer in templates
        if frame is not None and not frame.empty
    ]


def _bands(catchments: Drawable | None) -> list[str]:
    if catchments is None:
        return []
    named = catchments.columns if isinstance(catchments, Cells) else catchments
    return list(dict.fromkeys(named["band"]))


def kinds_of(facilities: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Tell the kinds of facilities as they are drawn from the services that count some of them."""
    service = facilities["service"].astype("object")
    drawn = service.isin(["rail", "hospital", "school"])
    return facilities.assign(kind=service.where(~drawn, FACILITY + service))


def _named(layer: MapLayer, glossary: Mapping[str, tuple[str, str]]) -> MapLayer:
    """Name the classes of a layer as the study does."""
    classes = [
        replace(one, zh=glossary[one.value][0], en=glossary[one.value][1])
        if one.value is not None and one.value in glossary
        else one
        for one in layer.classes
    ]
    return replace(layer, classes=classes)

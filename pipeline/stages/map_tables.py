"""Read once what all maps of a study show, in the coordinates and words of maps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import geopandas as gpd
import pandas as pd

from pipeline.measures.access_rows import SILENT
from pipeline.publish.map_changes import PLANNED, scenario_gaps, with_changes
from pipeline.publish.map_elements import MapSource
from pipeline.publish.map_ground import lines_through
from pipeline.publish.map_payload import Cells
from pipeline.publish.map_verdicts import verdict_words, with_verdicts
from pipeline.publish.overview_map import prepared_places, results_told
from pipeline.publish.park_words import MEASURE_COLUMNS
from pipeline.publish.study_words import study_words
from pipeline.publish.themed_map import columns_told
from pipeline.stages.context import StageContext
from pipeline.stages.map_island import WORDS as ISLAND_WORDS
from pipeline.stages.map_island import island_rows
from pipeline.stages.map_routes import MapStreets, street_routes

ACCESS_STAGES = ("rail", "hospitals", "schools")
PLANNED_NAME = (
    "在建与规划车站全部开通后",
    "with the stations under construction and planned open:",
)
CODE_COLUMNS = ("measure", "variant", "mode", "unit", "status", "service", "denominator")
Frame = TypeVar("Frame", bound=pd.DataFrame)
NO_STREETS = ("无街道数据：均为直线估算", "no street data: straight-line estimates")


@dataclass(frozen=True)
class MapGround:
    """What the maps of a study share and no gap changes; layers in EPSG:4326.

    `access` are all results; `words` the names of all codes.
    """

    title: tuple[str, str]
    date: str
    access: pd.DataFrame
    districts: gpd.GeoDataFrame
    lines: gpd.GeoDataFrame
    sources: list[MapSource]
    words: Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class MapTables(MapGround):
    """The tables of a study as maps need them; layers in EPSG:4326 unless said.

    `places_m` are the places in the working CRS; `gaps` carry routes and what would change them;
    `told` are the results that say something; `scenario` holds the gaps with the planned stations.
    """

    places: gpd.GeoDataFrame
    places_m: gpd.GeoDataFrame
    gaps: pd.DataFrame
    told: pd.DataFrame
    scenario: pd.DataFrame
    stations: gpd.GeoDataFrame
    hospitals: gpd.GeoDataFrame
    schools: gpd.GeoDataFrame
    standards: pd.DataFrame
    banner: tuple[str, str]

    @cached_property
    def results(self) -> Cells:
        """The rows of `told` as the overview and the pages of parks store them."""
        return results_told(self.told, *columns_told(MEASURE_COLUMNS))

    @cached_property
    def prepared(self) -> gpd.GeoDataFrame:
        """The places with points, short names and marks."""
        return prepared_places(self.places)


def read_ground(context: StageContext) -> MapGround:
    """Read what the maps share, whatever the gaps are."""
    identity = context.settings("study")
    access = pd.concat(
        [context.frame(stage, "access.parquet") for stage in ACCESS_STAGES], ignore_index=True
    )
    return MapGround(
        title=(identity.name_zh, identity.name_en),
        date=str(identity.date),
        access=access,
        districts=districts_of(context),
        lines=lines_of(context),
        sources=sources_of(context),
        words=_words(context, access),
    )


def read_tables(context: StageContext, streets: MapStreets, ground: MapGround) -> MapTables:
    """Read the tables that the maps share."""
    access = ground.access
    places = context.layer("ingest", "places.parquet")
    facilities = context.layer("ingest", "facilities.parquet").to_crs(4326)
    stations = _stations(context)
    scenario = _scenario(context, access, stations)
    gaps = context.frame("gaps", "gaps.parquet")
    changes = _with_changes(context, gaps, scenario, ground.words)
    return MapTables(
        **vars(ground),
        places=places.to_crs(4326),
        places_m=places,
        gaps=_all_gaps(context, changes, places, streets),
        told=access[~access["status"].isin(SILENT)],
        scenario=scenario,
        stations=stations,
        hospitals=_facilities(context, facilities, "hospital"),
        schools=_facilities(context, facilities, "school"),
        standards=_standards(context, gaps),
        banner=("", "") if len(context.frame("networks", "streets.parquet")) else NO_STREETS,
    )


def with_plain_text(frame: Frame) -> Frame:
    """Hold text as plain objects: pages take many small slices, which Arrow is slow to give."""
    text = frame.columns[[isinstance(kind, pd.StringDtype) for kind in frame.dtypes]]
    return frame.astype(dict.fromkeys(text, "object"))


def _facilities(
    context: StageContext, facilities: gpd.GeoDataFrame, service: str
) -> gpd.GeoDataFrame:
    """Take the facilities of a service, and say which of them its gap counts."""
    rows = facilities[facilities["service"].eq(service)]
    variant = next((n.variant for n in context.settings("gaps").needs if n.service == service), "")
    column = f"v_{variant}"
    return rows.assign(counted=rows[column] if column in rows.columns else None)


def _all_gaps(
    context: StageContext, gaps: pd.DataFrame, places: gpd.GeoDataFrame, streets: MapStreets
) -> pd.DataFrame:
    """Add the routes, and the island effect as one more service."""
    routed = with_verdicts(street_routes(context, with_composite_method(gaps), places, streets))
    island = island_rows(context)
    if island.empty:
        return routed
    return pd.concat([routed, island.astype("object")], ignore_index=True).infer_objects()


def with_composite_method(gaps: pd.DataFrame) -> pd.DataFrame:
    """Say of a composite whether all, some or none of what it joins was measured."""
    whole = gaps["service"].eq("composite")
    parts = gaps[~whole & gaps["method"].notna()].groupby("place_id")["method"]
    joined = parts.agg(lambda all_: all_.iloc[0] if all_.eq(all_.iloc[0]).all() else "mixed")
    return gaps.assign(
        method=gaps["method"].where(~whole, gaps["place_id"].map(joined)).astype("object")
    )


def _words(context: StageContext, access: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Name every code that a map shows."""
    codes = {str(code) for name in CODE_COLUMNS for code in access[name].dropna().unique()}
    words = study_words(
        context.frame("ingest", "labels.parquet"),
        context.settings("gaps").needs,
        codes=codes,
        named=_hubs(context),
    )
    return {**ISLAND_WORDS, **verdict_words(context.settings("gaps").worst_places), **words}


def _hubs(context: StageContext) -> dict[str, tuple[str, str]]:
    hubs = context.frame("ingest", "hubs.parquet")
    if not {"hub_id", "name_zh", "name_en"} <= set(hubs.columns):
        return {}
    named = hubs[["hub_id", "name_zh", "name_en"]].astype("str")
    return {str(row.hub_id): (str(row.name_zh), str(row.name_en)) for row in named.itertuples()}


def _scenario(
    context: StageContext, access: pd.DataFrame, stations: gpd.GeoDataFrame
) -> pd.DataFrame:
    """Give the gaps with the planned stations; nothing where no station is planned."""
    rules = context.settings("gaps")
    planned = bool(stations["status"].ne("operating").any())
    return scenario_gaps(
        access if planned else access.iloc[:0],
        rules.needs,
        variant=PLANNED,
        normalisation=rules.normalisation,
        cap=rules.cap,
    )


def _with_changes(
    context: StageContext,
    gaps: pd.DataFrame,
    scenario: pd.DataFrame,
    words: Mapping[str, tuple[str, str]],
) -> pd.DataFrame:
    return with_changes(
        gaps,
        scenario,
        scenario_name=PLANNED_NAME,
        weights=context.settings("gaps").weights,
        service_names=words,
    )


def districts_of(context: StageContext) -> gpd.GeoDataFrame:
    """Give the outlines of the districts with their names, in EPSG:4326."""
    outlines = context.layer("ingest", "districts.parquet").to_crs(4326)
    names = context.frame("ingest", "district_names.parquet")
    english = names.set_index("name_zh")["name_en"] if len(names) else pd.Series(dtype="str")
    return outlines.assign(
        name_zh=outlines["district_zh"], name_en=outlines["district_zh"].map(english)
    )


def lines_of(context: StageContext) -> gpd.GeoDataFrame:
    """Give the rail lines through their stations in order, in EPSG:4326."""
    stops = context.layer("ingest", "line_stations.parquet").to_crs(4326)
    if not len(stops):
        return gpd.GeoDataFrame({"name_zh": [], "name_en": []}, geometry=[], crs=4326)
    table = pd.DataFrame(stops.drop(columns="geometry")).assign(
        lon=stops.geometry.x, lat=stops.geometry.y
    )
    names = context.frame("ingest", "lines.parquet")
    return lines_through(table, names=names if len(names) else None)


def _stations(context: StageContext) -> gpd.GeoDataFrame:
    stations = context.layer("rail", "stations.parquet").to_crs(4326)
    names = context.frame("ingest", "lines.parquet")
    if not len(names):
        return stations
    zh, en = (names.set_index("line_id")[column] for column in ("name_zh", "name_en"))
    split = stations["lines"].fillna("").str.split("|")
    return stations.assign(
        detail_zh=[", ".join(str(zh.get(i, i)) for i in ids if i) or None for ids in split],
        detail_en=[", ".join(str(en.get(i, i)) for i in ids if i) or None for ids in split],
    )


def _standards(context: StageContext, gaps: pd.DataFrame) -> pd.DataFrame:
    """Give the standards that the gaps were held against, in words."""
    table = context.frame("ingest", "standards.parquet")
    if not len(table):
        return pd.DataFrame({"standard_id": [], "name_zh": [], "name_en": []})
    used = table[table["standard_id"].isin(gaps["standard_id"].dropna().unique())]
    return used.rename(columns={"stated_zh": "name_zh", "stated_en": "name_en"})[
        ["standard_id", "name_zh", "name_en", "value", "unit", "confidence", "source"]
    ]


def sources_of(context: StageContext) -> list[MapSource]:
    """Give the credits that every map of the study carries."""
    frame = context.frame("ingest", "sources.parquet")
    columns = ["name_zh", "name_en", "licence", "date"]
    rows = frame[columns].drop_duplicates().astype("object")
    stated = rows.where(rows.notna(), None)
    return [
        MapSource(str(zh), str(en), str(licence or "—"), None if date is None else str(date))
        for zh, en, licence, date in stated.to_numpy().tolist()
    ]

"""Match a list of facts to a layer of places, with the table in which a person decides."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from pipeline.errors import FieldError, ParkgapError, Problem
from pipeline.settings.sources import SourceSettings
from pipeline.sources.conflate import Conflation, conflate, read_decisions, write_decisions
from pipeline.sources.files import read_layer
from pipeline.sources.parcel_open import LayerOptions, open_raw
from pipeline.sources.table_kinds import guess_table

if TYPE_CHECKING:
    import geopandas as gpd

# Fields that name a record, the most telling first.
IDS = ("campus_id", "school_id", "place_id", "station_id", "id")


@dataclass(frozen=True)
class Matched:
    """The facts with what they were joined to, and how many pairs wait for a person."""

    table: pd.DataFrame
    found: Conflation
    waiting: int


def match_files(
    facts_path: Path, places_path: Path, decisions_path: Path, *, crs: str, settings: SourceSettings
) -> Matched:
    """Join facts (grade, quality, status) to the places of a layer by name and distance.

    Parameters
    ----------
    facts_path
        Table or layer of facts with a name; without coordinates names alone decide.
    places_path
        Layer of places with names.
    decisions_path
        Table of decisions: honoured, and extended by the pairs that are still open.
    crs
        Working CRS, in metres.
    settings
        How likeness and distance are weighed, and limits on archives.

    Returns
    -------
    matched
        `table` has every column of the facts, then `place_id`, `score`, `distance_m`, `outcome`,
        and `lon`, `lat` of the place (WGS84).

    Raises
    ------
    FieldError
        A file has no column of names, or ids twice.
    SourceError, CrsError
        See `read_layer` and `read_decisions`.
    """
    facts, places = _facts(facts_path, settings), read_layer(places_path).frame
    keys = [_keys(frame, path) for frame, path in ((facts, facts_path), (places, places_path))]
    facts, places = (
        frame.reset_index(drop=True).assign(match_id=ids).to_crs(crs)
        for frame, (ids, _) in zip((facts, places), keys, strict=True)
    )
    decisions = read_decisions(decisions_path)
    found = conflate(
        facts,
        places,
        fact_id="match_id",
        fact_name=keys[0][1][0],
        place_id="match_id",
        place_names=tuple(keys[1][1]),
        settings=settings.conflate,
        decisions=decisions,
    )
    waiting = write_decisions(decisions_path, found.candidates, decisions)
    spots = places.geometry.representative_point().to_crs(4326)
    at = pd.DataFrame({"lon": spots.x, "lat": spots.y}).set_axis(places["match_id"])
    table = pd.DataFrame(facts.drop(columns=[facts.geometry.name, "lon", "lat"], errors="ignore"))
    joined = table.drop(columns="match_id").join(found.joins)
    return Matched(joined.join(at, on="place_id"), found, waiting)


def _facts(path: Path, settings: SourceSettings) -> gpd.GeoDataFrame:
    """Read the facts; a table that has no coordinates keeps its rows without points."""
    import geopandas as gpd

    try:
        return read_layer(path, archives=settings.archives).frame
    except ParkgapError as error:
        if error.problems[0].rule != "coordinates":
            raise
    cells = open_raw(path, layer=None, options=LayerOptions()).cells
    return gpd.GeoDataFrame(cells, geometry=[None] * len(cells), crs=4326)


def _keys(frame: gpd.GeoDataFrame, path: Path) -> tuple[list[str], list[str]]:
    """Give the ids and the columns of names; rows are numbered where nothing is an id."""
    columns = [str(name) for name in frame.columns if name != frame.geometry.name]
    named = {item.field: item.column for item in guess_table(columns).fields}
    names = [named[field] for field in ("name_zh", "name_en") if field in named]
    names += [name for name in ("name", "name_zh") if name in columns and name not in names]
    if not names:
        raise FieldError(
            Problem(
                "没有名称字段", "there is no column of names", path=path, rule="match",
                remedy_zh="列名可用：名称、学校名称、医院名称、name",
                remedy_en="call it name, name_zh, 名称, 学校名称, 医院名称 or the like",
            )
        )  # fmt: skip
    for field in IDS:
        if field in named:
            ids = frame[named[field]].astype(str)
            if ids.is_unique and frame[named[field]].notna().all():
                return ids.tolist(), names
    return [f"row_{row}" for row in range(1, len(frame) + 1)], names

"""Check what a map is given before it is drawn."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import pandas as pd

from pipeline.errors import FieldError, Problem
from pipeline.publish.map_payload import require_wgs84

PLACE_COLUMNS = ("place_id", "name_zh", "name_en", "tier", "boundary_class")
GAP_COLUMNS = ("place_id", "service", "gap", "method")
ACCESS_COLUMNS = ("place_id", "service", "measure", "value", "unit", "status", "method")


def check_places(places: gpd.GeoDataFrame) -> None:
    """Refuse places without an id of their own or not in EPSG:4326.

    Raises
    ------
    FieldError
        Lists every problem found.
    CrsError
        The footprints are not in EPSG:4326.
    """
    problems = _absent("places", places, PLACE_COLUMNS)
    if not problems:
        doubled = places["place_id"][places["place_id"].duplicated()]
        problems += [
            _problem("places", f"重复的 place_id {i}", f"{i} appears twice") for i in doubled
        ]
    _raise(problems)
    require_wgs84("places", places)


def check_gaps(gaps: pd.DataFrame, *, place_ids: Sequence[str], services: Sequence[str]) -> None:
    """Refuse gaps outside 0..1, of unknown places or services, or given twice.

    Raises
    ------
    FieldError
        Lists every problem found.
    """
    problems = _absent("gaps", gaps, GAP_COLUMNS)
    if not problems:
        values = gaps["gap"].astype("Float64")
        outside = gaps[((values < 0) | (values > 1)).fillna(value=False)]
        problems += [
            _problem("gaps", f"{i} 的缺口不在 0–1 之间", f"the gap of {i} is outside 0..1")
            for i in outside["place_id"]
        ]
        strangers = sorted(set(gaps["place_id"]) - set(place_ids))
        problems += [_problem("gaps", f"未知地点 {i}", f"unknown place {i}") for i in strangers]
        unknown = sorted(set(gaps["service"]) - set(services))
        problems += [_problem("gaps", f"未知服务 {s}", f"unknown service {s}") for s in unknown]
        doubled = gaps[gaps.duplicated(["place_id", "service"])]
        problems += [
            _problem(
                "gaps", f"{row.place_id}/{row.service} 重复", "a place and service appear twice"
            )
            for row in doubled.itertuples()
        ]
    _raise(problems)


def check_access(access: pd.DataFrame) -> None:
    """Refuse a table of results that lacks a column of its contract (FieldError)."""
    _raise(_absent("access", access, ACCESS_COLUMNS))


def _absent(name: str, frame: pd.DataFrame, columns: Sequence[str]) -> list[Problem]:
    return [
        _problem(name, f"缺少字段 {column}", f"the column {column} is missing")
        for column in columns
        if column not in frame.columns
    ]


def _problem(layer: str, zh: str, en: str) -> Problem:
    return Problem(zh=zh, en=en, path=f"map layer {layer}")


def _raise(problems: list[Problem]) -> None:
    if problems:
        raise FieldError(*problems)

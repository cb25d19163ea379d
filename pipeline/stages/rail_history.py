"""Compute the coverage of the network of days in the past, as far as openings are known."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from pipeline.measures.access_rows import COLUMNS
from pipeline.measures.coverage import GeometryArray
from pipeline.measures.coverage_areas import area_coverage
from pipeline.network.rail_census import openings_on
from pipeline.stages.context import StageContext
from pipeline.stages.station_tables import platforms_of


def past_coverage(
    context: StageContext, units: gpd.GeoDataFrame, snapshot: str | None
) -> pd.DataFrame:
    """Give the straight-line coverage of the units on each day that the settings name.

    A day on which it is not known of some station whether it was open has no value, status
    `not_measurable`, and the coverage without and with those stations as interval; a day of which
    nothing is known has none either.

    Returns
    -------
    pandas.DataFrame
        Rows of the long table, variant `on_<day>`.
    """
    rules = context.settings("rail_coverage")
    table = context.layer("ingest", "line_stations.parquet")
    done: dict[bytes, pd.DataFrame] = {}  # days of one network are computed once

    def covered(chosen: pd.Series[bool]) -> pd.DataFrame:
        key = chosen.to_numpy(dtype=np.bool_).tobytes()
        if key not in done:
            done[key] = _coverage(context, units, table[chosen], snapshot)
        return done[key]

    parts = []
    for day in rules.history_dates:
        opened = openings_on(table, day)
        some, all_known = opened.eq("open"), not opened.eq("unknown").any()
        least = covered(some)
        found = (
            least if all_known else _between(least, covered(opened.ne("closed")), bool(some.any()))
        )
        parts.append(found.assign(variant=f"on_{day.isoformat()}"))
        context.log.info(
            "on %s %d line-stations were open, of %d it is not known",
            day.isoformat(), int(some.sum()), int(opened.eq("unknown").sum()),
        )  # fmt: skip
    empty = pd.DataFrame({name: [] for name in COLUMNS})
    return pd.concat(parts, ignore_index=True) if parts else empty


def _coverage(
    context: StageContext, units: gpd.GeoDataFrame, rows: gpd.GeoDataFrame, snapshot: str | None
) -> pd.DataFrame:
    """Compute the coverage of the platforms of some line-stations."""
    rules = context.settings("rail_coverage")
    stops = platforms_of(rows).assign(extent_m=rules.station_extent_m)
    found = area_coverage(
        units, stops, None,
        variant="", bands_m=rules.bands_m, network=_nothing, mapped=None, snapshot=snapshot,
    )  # fmt: skip
    return found[found["mode"].eq("straight_line")].reset_index(drop=True)


def _nothing(_: float) -> GeometryArray:
    """Give no land: walking on the streets of the past is not measured."""
    return np.empty(0, dtype=object)


def _between(least: pd.DataFrame, most: pd.DataFrame, known: bool) -> pd.DataFrame:  # noqa: FBT001
    """Give no value but the two between which it lies; neither where nothing is known."""
    told = least["status"].eq("ok")
    return least.assign(
        value=np.nan,
        low=least["value"] if known else np.nan,
        high=most["value"] if known else np.nan,
        status=least["status"].mask(told, "not_measurable"),
    )

"""Find the routes along streets to the facilities that maps name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import cast

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.network.paths import routes
from pipeline.network.place_access import Streets
from pipeline.settings.network import Mode
from pipeline.stages.context import StageContext
from pipeline.stages.place_tables import mode_streets

STREET_MODES = {"walk": "walk", "cycle": "cycle", "drive": "drive", "rail_walk": "walk"}


@dataclass(frozen=True, eq=False)
class MapStreets:
    """The streets that maps draw ways on; those to walk on, which every page needs, read once."""

    context: StageContext

    @cached_property
    def walk(self) -> Streets:
        """The streets to walk on."""
        return mode_streets(self.context, "walk", details=True)

    def of(self, mode: str) -> Streets:
        """Give the streets of a mode; those of other modes are not held."""
        if mode == "walk":
            return self.walk
        return mode_streets(self.context, cast("Mode", mode), details=True)


def street_routes(
    context: StageContext, gaps: pd.DataFrame, places: gpd.GeoDataFrame, known: MapStreets
) -> pd.DataFrame:
    """Add ``route`` (a line in EPSG:4326) and ``route_min`` to the rows whose way is on streets.

    A way is measured where both ends lie in the same region of mapped streets; the other rows stay
    null, and a map then joins the ends by a dashed line that is no route.

    Parameters
    ----------
    context
        Doors of the stage.
    gaps
        The table of gaps with ``mode``, ``nearest_lon``, ``nearest_lat``.
    places
        Places in the working CRS with ``place_id``, ``x``, ``y``.
    known
        The streets of the study.
    """
    found = gaps.assign(
        route=pd.Series(None, index=gaps.index, dtype="object"),
        route_min=pd.Series(np.nan, index=gaps.index),
    )
    points = places.set_index("place_id")[["x", "y"]]
    start = points.reindex(gaps["place_id"]).set_index(gaps.index)
    ends = start["x"].notna() & gaps["nearest_lon"].notna()
    for mode in sorted({STREET_MODES[m] for m in gaps["mode"].dropna() if m in STREET_MODES}):
        streets = known.of(mode)
        rows = gaps.index[ends & gaps["mode"].map(STREET_MODES).eq(mode)]
        if streets.graph is None or rows.empty:
            continue
        ways = _ways(context, streets, start.loc[rows], gaps.loc[rows])
        lines = ways[ways["status"].eq("ok")].to_crs(4326)
        found.loc[lines.index, "route"] = lines.geometry.astype("object")
        found.loc[lines.index, "route_min"] = lines["minutes"]
        context.log.info("%s: %d of %d ways along streets", mode, len(lines), len(rows))
    return found


def _ways(
    context: StageContext, streets: Streets, start: pd.DataFrame, gaps: pd.DataFrame
) -> gpd.GeoDataFrame:
    assert streets.graph is not None  # noqa: S101 - the caller asks only where there is a graph
    target = gpd.GeoSeries(
        gpd.points_from_xy(gaps["nearest_lon"], gaps["nearest_lat"]), index=gaps.index, crs=4326
    ).to_crs(context.crs)
    origin = gpd.GeoSeries(
        gpd.points_from_xy(start["x"], start["y"]), index=gaps.index, crs=context.crs
    )
    if streets.coverage is not None:
        here, there = (
            streets.coverage.region_of(shapely.get_coordinates(ends.to_numpy()))
            for ends in (origin, target)
        )
        joined = (here > 0) & (here == there)
        origin, target = origin[joined], target[joined]
    return routes(streets.graph, origin, target, snap_max_m=context.settings("network").snap_max_m)

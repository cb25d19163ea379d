"""Reach facilities from drawn cells by walking to a station, riding, and walking on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.spatial import KDTree

from pipeline.measures.access_pairs import BoolArray, FloatArray, IntArray
from pipeline.network.access import minutes_within
from pipeline.network.journey import journeys
from pipeline.network.journey_walks import ESTIMATED, Walks
from pipeline.network.place_access import PlaceAccess, Streets, measured_pairs
from pipeline.network.rail import RailCosts

STATIONS_PER_CHUNK = 64


@dataclass(frozen=True, eq=False)
class RailAccess:
    """Walks from cells to stations, and minutes from each station on to each campus.

    `onward` has shape (stations, campuses), infinite where no train leads or beyond the limit.
    Straight walks are `minutes_per_m`; the cells in `rows` have measured ones in `minutes`.
    Walks longer than `walk_limit_min` and journeys longer than `limit_min` do not count.
    """

    station_xy: FloatArray
    onward: FloatArray
    minutes_per_m: float
    rows: IntArray
    minutes: FloatArray
    walk_limit_min: float
    limit_min: float

    def improve(self, minutes: FloatArray, xy: FloatArray, part: slice) -> None:
        """Shorten the minutes of walking all the way where rail is quicker, in place.

        `minutes` has shape (campuses, cells); those beyond the limit become infinite.
        """
        for station, near, walk in self.walks(xy, part):
            served = np.flatnonzero(np.isfinite(self.onward[station]))
            there = self.onward[station, served][:, None] + walk
            at = np.ix_(served, near)
            minutes[at] = np.minimum(minutes[at], there)
        minutes[minutes > self.limit_min] = np.inf

    def walks(self, xy: FloatArray, part: slice) -> Iterator[tuple[int, IntArray, FloatArray]]:
        """Yield each station that leads on with the cells that walk there, and their minutes."""
        cells = xy[part]
        if not len(self.station_xy) or not len(cells):
            return
        centre = (cells.min(axis=0) + cells.max(axis=0)) / 2
        reach_m = np.hypot(*(cells - centre).T).max() + self.walk_limit_min / self.minutes_per_m
        close = np.hypot(*(self.station_xy - centre).T) <= reach_m
        low, high = np.searchsorted(self.rows, [part.start, part.stop])
        measured = self.rows[low:high] - part.start
        for station in np.flatnonzero(close & np.isfinite(self.onward).any(axis=1)).tolist():
            walk = np.hypot(*(cells - self.station_xy[station]).T) * self.minutes_per_m
            walk[measured] = self.minutes[low:high, station]
            near = np.flatnonzero(walk <= self.walk_limit_min)
            if len(near):
                yield station, near, walk[near]


def rail_access(
    access: PlaceAccess,
    stations: gpd.GeoDataFrame,
    costs: RailCosts,
    facilities: gpd.GeoDataFrame,
    walk: Streets,
    *,
    by: str,
    campuses: pd.Index,
    walk_limit_min: float,
    limit_min: float,
) -> RailAccess:
    """Prepare journeys by walking and rail from the drawn cells to campuses.

    Parameters
    ----------
    access
        The drawn cells.
    stations
        Points with `station_id`, the ids of `costs`.
    costs
        Minutes between stations.
    facilities
        One point per entrance, with column `by` naming its campus.
    walk
        Streets for walking.
    campuses
        The campuses, in the order of the columns wanted.
    walk_limit_min
        Longest walk to or from a station.
    limit_min
        Longest journey.
    """
    onward = onward_minutes(
        stations,
        costs,
        egress_walks(access, stations, facilities, walk, by=by, walk_limit_min=walk_limit_min),
        campuses,
        limit_min=limit_min,
    )
    rows, minutes = measured_walks(access, stations, walk, walk_limit_min)
    return RailAccess(
        station_xy=shapely.get_coordinates(stations.geometry.to_numpy()),
        onward=onward,
        minutes_per_m=access.minutes_per_m(walk),
        rows=rows,
        minutes=minutes,
        walk_limit_min=walk_limit_min,
        limit_min=limit_min,
    )


def egress_walks(
    access: PlaceAccess,
    stations: gpd.GeoDataFrame,
    facilities: gpd.GeoDataFrame,
    walk: Streets,
    *,
    by: str,
    walk_limit_min: float,
) -> pd.DataFrame:
    """Walk from stations to facilities within a limit, measured where streets are mapped.

    Returns
    -------
    pandas.DataFrame
        `station_id`, `facility_id`, `minutes`, `method`.
    """
    settings = access.network
    origins = stations.set_index("station_id").geometry
    found = minutes_within(
        origins,
        facilities,
        walk.graph,
        by=by,
        coverage=walk.coverage,
        walk_speed_m_min=settings.walk_speed_m_min,
        estimate_speed_m_min=walk.speed_m_min,
        detour_factor=settings.detour_factor,
        snap_max_m=settings.snap_max_m,
        cutoff_min=walk_limit_min,
        memory_mb=settings.matrix_memory_mb,
    )
    return found.rename(columns={"origin": "station_id"})


def onward_minutes(
    stations: gpd.GeoDataFrame,
    costs: RailCosts,
    egress: pd.DataFrame,
    campuses: pd.Index,
    *,
    limit_min: float,
) -> FloatArray:
    """Minutes from standing at each station to each campus by rail and walking.

    Returns
    -------
    onward
        Shape (stations, campuses), infinite where no journey is found within the limit.
    """
    ids = pd.Index(stations["station_id"])
    onward = np.full((len(ids), len(campuses)), np.inf)
    if not len(egress) or not len(ids):
        return onward
    there = pd.DataFrame({"origin_id": ids, "station_id": ids, "minutes": 0.0, "method": ESTIMATED})
    nothing = pd.DataFrame(
        {
            "origin_id": pd.Series(dtype="str"),
            "facility_id": pd.Series(dtype="str"),
            "minutes": pd.Series(dtype="float64"),
            "method": pd.Series(dtype="str"),
        }
    )
    found = journeys(
        ids,
        Walks(access=there, egress=egress, direct=nothing),
        costs,
        limit_min=limit_min,
        origins_per_chunk=STATIONS_PER_CHUNK,
    )
    row = ids.get_indexer(pd.Index(found["origin_id"].astype(object)))
    column = campuses.get_indexer(pd.Index(found["facility_id"].astype(object)))
    onward[row, column] = found["minutes"].to_numpy(dtype=np.float64)
    return onward


def measured_walks(
    access: PlaceAccess, stations: gpd.GeoDataFrame, walk: Streets, walk_limit_min: float
) -> tuple[IntArray, FloatArray]:
    """Measure walks from the cells on mapped streets to the stations within reach of any.

    Returns
    -------
    rows, minutes
        Rows of the cells (none without streets) and minutes of shape (rows, stations).
    """
    if walk.graph is None or not len(stations):
        return np.empty(0, dtype=np.int64), np.empty((0, len(stations)))
    here = access.on_streets(walk)
    every = np.full((len(here.rows), len(stations)), np.inf)
    if not len(here.rows):
        return here.rows, every
    xy = shapely.get_coordinates(stations.geometry.to_numpy())
    gap_m, _ = KDTree(here.start.xy).query(xy)
    near: BoolArray = gap_m / walk.speed_m_min <= walk_limit_min
    if near.any():
        some = stations[near]
        found = measured_pairs(
            access, some, walk, campus=np.arange(len(some)), limit_min=walk_limit_min
        )
        every[:, near] = found.minutes
    return here.rows, every

"""Reach facilities from drawn cells by walking to a station, riding, and walking on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.spatial import KDTree

from pipeline.measures.access_pairs import BoolArray, FloatArray, IntArray
from pipeline.measures.uncertainty_footprints import FootprintDraws
from pipeline.network.access import minutes_within
from pipeline.network.journey import journeys
from pipeline.network.journey_walks import MEASURED, Walks
from pipeline.network.place_access import CellPairs, PlaceAccess, Streets, measured_pairs
from pipeline.network.rail import RailCosts

STATIONS_PER_CHUNK = 64


@dataclass(frozen=True, eq=False)
class Onward:
    """Minutes from standing at each station to each campus, and whether no part is estimated.

    Shapes (stations, campuses); infinite where no train leads or beyond the limit.
    """

    minutes: FloatArray
    measured: BoolArray


@dataclass(frozen=True, eq=False)
class RailAccess:
    """Walks from cells to stations, and minutes from each station on to each campus.

    `onward` says how long it takes from boarding at a station to each campus. Straight walks are
    `minutes_per_m`; the cells of `walked` have measured ones to every station. Walks longer than
    `walk_limit_min` and journeys longer than `limit_min` do not count.
    """

    station_xy: FloatArray
    onward: Onward
    minutes_per_m: float
    walked: CellPairs
    walk_limit_min: float
    limit_min: float

    def leading_to(self, campuses: slice) -> RailAccess:
        """Give the journeys to a run of the campuses."""
        minutes, measured = self.onward.minutes[:, campuses], self.onward.measured[:, campuses]
        return replace(self, onward=Onward(minutes, measured))

    def improve(self, minutes: FloatArray, xy: FloatArray, part: slice) -> None:
        """Shorten the minutes of walking all the way where rail is quicker, in place.

        `minutes` has shape (campuses, cells); those beyond the limit become infinite.
        """
        for station, near, walk in self.walks(xy, part):
            there = self.onward.minutes[station][:, None] + walk  # infinite where no train leads
            if len(near) == minutes.shape[1]:
                np.minimum(minutes, there, out=minutes)
            else:
                minutes[:, near] = np.minimum(minutes[:, near], there, out=there)
        minutes[minutes > self.limit_min] = np.inf

    def walks(self, xy: FloatArray, part: slice) -> Iterator[tuple[int, IntArray, FloatArray]]:
        """Yield each station that leads on with the cells that walk there, and their minutes."""
        cells = xy[part]
        if not len(self.station_xy) or not len(cells):
            return
        centre = (cells.min(axis=0) + cells.max(axis=0)) / 2
        reach_m = np.hypot(*(cells - centre).T).max() + self.walk_limit_min / self.minutes_per_m
        close = np.hypot(*(self.station_xy - centre).T) <= reach_m
        low, high = np.searchsorted(self.walked.rows, [part.start, part.stop])
        measured = self.walked.rows[low:high] - part.start
        leads = np.isfinite(self.onward.minutes).any(axis=1)
        for station in np.flatnonzero(close & leads).tolist():
            walk = np.hypot(*(cells - self.station_xy[station]).T) * self.minutes_per_m
            walk[measured] = self.walked.minutes[low:high, station]
            near = np.flatnonzero(walk <= self.walk_limit_min)
            if len(near):
                yield station, near, walk[near]

    def measured(
        self, drawn: FootprintDraws, nearest: FloatArray, groups: BoolArray, on_foot: CellPairs
    ) -> BoolArray:
        """Tell which of the quickest journeys rest on no estimate: every leg and the ride measured.

        Parameters
        ----------
        drawn
            The cells.
        nearest
            Minutes from each cell to the nearest campus of each group, shape (cells, groups).
        groups
            Shape (places, groups, campuses): whether a campus belongs to a group for a place.
        on_foot
            Measured walks all the way to the nearest campus of each group (see `nearest_walks`).
        """
        found = np.zeros(nearest.shape, dtype=np.bool_)
        limit = np.minimum(nearest[on_foot.rows], on_foot.clear_min[:, None])
        found[on_foot.rows] = on_foot.minutes <= limit
        if not self.onward.measured.any():
            return found
        clear = np.zeros(len(drawn.xy))
        clear[self.walked.rows] = self.walked.clear_min
        for block in drawn.blocks:
            part = slice(block.start, block.start + block.draws * block.share.size)
            for station, near, walk in self.walks(drawn.xy, part):
                cells = near + part.start
                known = walk <= clear[cells]
                for group, member in enumerate(groups[block.position]):
                    there = np.where(member, self.onward.minutes[station], np.inf)
                    least = int(np.argmin(there))
                    if self.onward.measured[station, least]:
                        best = known & (there[least] + walk <= nearest[cells, group])
                        found[cells[best], group] = True
        return found


def nearest_walks(drawn: FootprintDraws, groups: BoolArray, walks: CellPairs) -> CellPairs:
    """Keep of measured walks to campuses the shortest to each group: shape (rows, groups)."""
    least = np.full((len(walks.rows), groups.shape[1]), np.inf)
    for block in drawn.blocks:
        end = block.start + block.draws * block.share.size
        part = slice(*np.searchsorted(walks.rows, [block.start, end]).tolist())
        for group, member in enumerate(groups[block.position]):
            least[part, group] = walks.minutes[part, member].min(axis=1, initial=np.inf)
    return replace(walks, minutes=least)


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
    return RailAccess(
        station_xy=shapely.get_coordinates(stations.geometry.to_numpy()),
        onward=onward,
        minutes_per_m=access.minutes_per_m(walk),
        walked=measured_walks(access, stations, walk, walk_limit_min),
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
) -> Onward:
    """Minutes from standing at each station to each campus by rail and walking."""
    ids = pd.Index(stations["station_id"])
    shape = len(ids), len(campuses)
    onward = Onward(np.full(shape, np.inf), np.zeros(shape, dtype=np.bool_))
    if not len(egress) or not len(ids):
        return onward
    there = pd.DataFrame({"origin_id": ids, "station_id": ids, "minutes": 0.0, "method": MEASURED})
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
    onward.minutes[row, column] = found["minutes"].to_numpy(dtype=np.float64)
    onward.measured[row, column] = found["method"].eq(MEASURED).to_numpy(dtype=np.bool_)
    return onward


def measured_walks(
    access: PlaceAccess, stations: gpd.GeoDataFrame, walk: Streets, walk_limit_min: float
) -> CellPairs:
    """Measure walks from the cells on mapped streets to the stations within reach of any."""
    if walk.graph is None or not len(stations):
        none = np.empty(0, dtype=np.int64)
        return CellPairs(none, np.empty((0, len(stations))), np.empty(0))
    here = access.on_streets(walk)
    if not len(here.rows):
        return CellPairs(here.rows, np.empty((0, len(stations))), np.empty(0))
    xy = shapely.get_coordinates(stations.geometry.to_numpy())
    gap_m, _ = KDTree(here.start.xy).query(xy)
    near: BoolArray = gap_m / walk.speed_m_min <= walk_limit_min
    if not near.any():
        far = np.full((len(here.rows), len(stations)), np.inf)
        return CellPairs(here.rows, far, np.zeros(len(here.rows)))
    found = measured_pairs(
        access, stations[near], walk, campus=np.arange(near.sum()), limit_min=walk_limit_min
    )
    if near.all():
        return found
    every = np.full((len(here.rows), len(stations)), np.inf)
    every[:, near] = found.minutes
    return replace(found, minutes=every)

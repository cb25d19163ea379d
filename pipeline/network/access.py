"""Give minutes to facilities, measured on streets where they are mapped, estimated elsewhere.

Every answer says which of the two it is. An answer counts as measured only when it is complete:

1. the origin stands on mapped streets (dense enough around it, not on a fragment of the map);
2. no facility that could not be measured from there might be nearer than the one found, even along
   a straight line. A facility cannot be measured when it stands off the mapped streets, or in
   another mapped region without a connection.

Otherwise the answer is the straight-line estimate. An origin on mapped streets but farther from
any of them than the cap of snapping is `unsnapped`: neither measured nor estimated.
"""

from __future__ import annotations

import logging

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.spatial import KDTree

from pipeline.network.costs import (
    entrance_pairs,
    facility_ids,
    first_true,
    nearest_entrance,
    nearest_entrances,
    take_ids,
)
from pipeline.network.coverage import StreetCoverage
from pipeline.network.graph import StreetGraph
from pipeline.network.phases import Flags, Floats, Ints
from pipeline.network.search import within
from pipeline.network.standing import Standing, coordinates, only, stand
from pipeline.network.straight import StraightEstimate, merge_methods, straight_pairs

logger = logging.getLogger(__name__)

MEASURED = "measured_network"
ESTIMATED = "estimated_straight_line"


def nearest_minutes(
    origins: gpd.GeoSeries | gpd.GeoDataFrame,
    facilities: gpd.GeoDataFrame,
    graph: StreetGraph | None,
    *,
    by: str,
    coverage: StreetCoverage | None,
    walk_speed_m_min: float,
    estimate_speed_m_min: float,
    detour_factor: float,
    snap_max_m: float,
    limit_min: float | None,
    start: Standing | None = None,
) -> pd.DataFrame:
    """Minutes from each origin to its nearest facility, measured or estimated.

    Parameters
    ----------
    origins
        Points in a projected CRS.
    facilities
        One point per entrance in the same CRS.
    graph
        Street graph in the same CRS, None where there are no street data at all.
    by
        Column of `facilities` naming the facility an entrance belongs to.
    coverage
        Where streets are mapped (`street_coverage`); None states that the extract is complete.
    walk_speed_m_min
        Walking speed in m/min.
    estimate_speed_m_min
        Speed of the mode along the estimated route, in m/min (walking: the walking speed).
    detour_factor
        Estimated route length over straight distance.
    snap_max_m
        Cap of snapping in metres.
    limit_min
        Costs within t <= limit count; None for no limit.
    start
        Where the origins stand on the graph (`stand`), where that is known already.

    Returns
    -------
    frame
        On the index of `origins`: `minutes` and `facility_id` (null unless ok), `status` (`ok`,
        `beyond_limit`, `unsnapped`, `no_data`), `method` (`measured_network`,
        `estimated_straight_line`), `straight_m`, the straight distance to the nearest facility by
        air, which need not be the one found on streets.

    Raises
    ------
    CrsError, GeometryError, FieldError
        Inputs differ in CRS, are no points, or lack the key.
    """
    origin_xy, facility_xy = coordinates(origins, facilities, graph)
    ids = facility_ids(facilities, by)
    if len(ids) == 0:
        return _without_facilities(origins.index)
    straight_m, by_air = KDTree(facility_xy).query(origin_xy) if len(origin_xy) else _nothing()
    minutes = straight_m * detour_factor / estimate_speed_m_min
    row = by_air.astype(np.int64)
    measured = np.zeros(len(origin_xy), dtype=bool)
    unsnapped = measured.copy()
    if graph is not None:
        graph = graph.at_walk_speed(walk_speed_m_min)
        if start is None:
            start = stand(origins, origin_xy, graph, coverage, snap_max_m)
        target = stand(facilities, facility_xy, graph, coverage, snap_max_m)
        found, entrance = _nearest_measured(graph, start, target, limit_min)
        measured = _is_complete(
            start, target, found, speed_m_min=estimate_speed_m_min, limit_min=limit_min
        )
        minutes, row = np.where(measured, found, minutes), np.where(measured, entrance, row)
        unsnapped = start.off_street
    reached = within(minutes, np.inf if limit_min is None else limit_min) & ~unsnapped
    frame = pd.DataFrame(
        {
            "minutes": np.where(reached, minutes, np.nan),
            "facility_id": take_ids(ids, np.where(reached, row, -1)),
            "status": first_true([(unsnapped, "unsnapped"), (~reached, "beyond_limit")], "ok"),
            "method": first_true([(measured | unsnapped, MEASURED)], ESTIMATED),
            "straight_m": straight_m,
        },
        index=origins.index,
    )
    logger.info(
        "nearest of %d facilities for %d origins: %d measured, %d estimated, %d unsnapped",
        ids.nunique(),
        len(frame),
        int(measured.sum()),
        int((~measured & ~unsnapped).sum()),
        int(unsnapped.sum()),
    )
    return frame


def minutes_within(
    origins: gpd.GeoSeries | gpd.GeoDataFrame,
    facilities: gpd.GeoDataFrame,
    graph: StreetGraph | None,
    *,
    by: str,
    coverage: StreetCoverage | None,
    walk_speed_m_min: float,
    estimate_speed_m_min: float,
    detour_factor: float,
    snap_max_m: float,
    cutoff_min: float,
    memory_mb: float,
) -> pd.DataFrame:
    """Minutes between all origins and facilities within a cutoff, measured or estimated per pair.

    Parameters as in `nearest_minutes`; `memory_mb` bounds one chunk of the search in MB.

    Returns
    -------
    table
        Columns `origin` (label in the index of `origins`, which must be unique), `facility_id`,
        `minutes`, `method`; one row for each pair within t <= cutoff, in the order of origins and
        facilities. A pair is measured when the rules of this module hold for it.
    """
    origin_xy, facility_xy = coordinates(origins, facilities, graph)
    codes, names = pd.factorize(facility_ids(facilities, by))
    size = len(origin_xy)
    settled = np.zeros(size, dtype=bool)
    measured = pd.DataFrame(
        {"origin": pd.Series(dtype="int64"), "target": pd.Series(dtype="int64"), "minutes": []}
    ).astype({"minutes": "float64"})
    reach_m = cutoff_min * estimate_speed_m_min
    groups: list[tuple[Ints, Flags, float]] = []
    if graph is not None:
        graph = graph.at_walk_speed(walk_speed_m_min)
        start = stand(origins, origin_xy, graph, coverage, snap_max_m)
        target = stand(facilities, facility_xy, graph, coverage, snap_max_m)
        pairs = entrance_pairs(
            graph,
            only(start.snapped, start.region > 0),
            only(target.snapped, target.region > 0),
            cutoff_min=cutoff_min,
            memory_mb=memory_mb,
        )
        measured = nearest_entrances(pairs.assign(target=codes[pairs["target"].to_numpy()]))
        groups = [
            (rows, target.unmeasured_from(region, part), reach_m)
            for region, part, rows in start.groups()
        ]
        settled = start.off_street | (start.region > 0)
    every = np.ones(len(facility_xy), dtype=bool)
    groups.append((np.flatnonzero(~settled), every, reach_m / detour_factor))
    straight = straight_pairs(origin_xy, facility_xy, groups, codes)
    table = merge_methods(
        measured,
        straight,
        StraightEstimate(origin_xy, facility_xy, codes, detour_factor, estimate_speed_m_min),
    )
    table = table[within(table["minutes"].to_numpy(), cutoff_min)]
    return pd.DataFrame(
        {
            "origin": origins.index[table["origin"].to_numpy()],
            "facility_id": names[table["target"].to_numpy()],
            "minutes": table["minutes"].to_numpy(),
            "method": first_true([(table["measured"].to_numpy(dtype=bool), MEASURED)], ESTIMATED),
        }
    )


def measurability(
    origins: gpd.GeoSeries | gpd.GeoDataFrame,
    graph: StreetGraph | None,
    *,
    coverage: StreetCoverage | None,
    snap_max_m: float,
) -> pd.DataFrame:
    """Tell for each origin whether costs from it are measured, before any facility is known.

    Parameters as in `nearest_minutes`.

    Returns
    -------
    frame
        On the index of `origins`: `status` (`ok`, `unsnapped`) and `method`.
    """
    size = len(origins)
    measurable, off_street = np.zeros(size, dtype=bool), np.zeros(size, dtype=bool)
    if graph is not None:
        xy = shapely.get_coordinates(origins.geometry.to_numpy())
        start = stand(origins, xy, graph, coverage, snap_max_m)
        measurable, off_street = start.region > 0, start.off_street
    return pd.DataFrame(
        {
            "status": np.where(off_street, "unsnapped", "ok"),
            "method": np.where(measurable | off_street, MEASURED, ESTIMATED),
        },
        index=origins.index,
    )


def _nothing() -> tuple[Floats, Ints]:
    """Stand in for a query without points."""
    return np.empty(0), np.empty(0, dtype=np.int64)


def _without_facilities(index: pd.Index) -> pd.DataFrame:
    """Answer for a study without any facility of the kind."""
    return pd.DataFrame(
        {
            "minutes": np.nan,
            "facility_id": pd.Series(None, index=index, dtype=object),
            "status": "no_data",
            "method": ESTIMATED,
            "straight_m": np.nan,
        },
        index=index,
    )


def _nearest_measured(
    graph: StreetGraph, start: Standing, target: Standing, limit_min: float | None
) -> tuple[Floats, Ints]:
    """Search on the graph from the measurable origins to the measurable facilities."""
    return nearest_entrance(
        graph,
        only(start.snapped, start.region > 0),
        only(target.snapped, target.region > 0),
        limit_min=limit_min,
    )


def _is_complete(
    start: Standing,
    target: Standing,
    found_min: Floats,
    *,
    speed_m_min: float,
    limit_min: float | None,
) -> Flags:
    """Tell for which origins no unmeasured facility could be nearer than what was found."""
    complete = start.region > 0
    bound = np.where(np.isnan(found_min), np.inf if limit_min is None else limit_min, found_min)
    for region, part, rows in start.groups():
        unmeasured = target.unmeasured_from(region, part)
        if unmeasured.any():
            gap_m, _ = KDTree(target.xy[unmeasured]).query(start.xy[rows])
            none_found = np.isnan(found_min[rows])
            nearer = np.where(
                none_found,
                within(gap_m / speed_m_min, bound[rows]),
                gap_m / speed_m_min < bound[rows],
            )
            complete[rows[nearer]] = False
    return np.asarray(complete)

"""Measure how places stand to stations: bands by straight line and on foot, minutes to hubs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.spatial import KDTree

from pipeline.measures.access_pairs import IntArray
from pipeline.measures.access_rows import MEASURED, Measured
from pipeline.measures.people import People
from pipeline.measures.uncertainty_footprints import summary_by_draw
from pipeline.network.place_access import PlaceAccess, Streets, measured_pairs
from pipeline.network.place_coverage import coverage_measures
from pipeline.network.place_pairs import ModeCosts, pair_means
from pipeline.network.place_rail import (
    RailAccess,
    measured_walks,
    nearest_walks,
    onward_minutes,
)
from pipeline.network.place_reach import Reach, stop_costs
from pipeline.network.place_services import minutes_measures
from pipeline.network.rail import RailCosts


def station_measures(
    access: PlaceAccess,
    stops: gpd.GeoDataFrame,
    walk: Streets,
    reach: Reach,
    people: People,
    *,
    variant: str,
    bands_m: Sequence[float],
    bands_min: Sequence[float],
    snapshot: str | None,
) -> list[Measured]:
    """Measure coverage of places by stations.

    Parameters
    ----------
    access
        The drawn cells of the places.
    stops
        One point per entrance or centre of a station; a station begins `extent_m` nearer.
    walk
        Streets for walking.
    reach
        The land within each band along streets (`reach_of`).
    people
        Where people live and work; the shares of a kind that nobody counts are null.
    variant
        Name of the scenario.
    bands_m
        Bands in metres, by straight line around stations and along streets.
    bands_min
        Bands in walking minutes.
    snapshot
        Date of the stations.

    Returns
    -------
    measures
        `distance_nearest_m` and `share_area_euclid_<band>m` (mode `straight_line`);
        `minutes_nearest_*`, `distance_walked_median_m`, `share_area_within_<limit>min`,
        `share_area_network_<band>m` and `ledger_<band>m`, network minus straight line (mode
        `walk`); the shares of residents and workers likewise.
    """
    drawn = access.drawn
    common: dict[str, Any] = {"service": "rail", "variant": variant, "snapshot": snapshot}
    metres = access.metres_to(shapely.get_coordinates(stops.geometry.to_numpy()))
    costs = stop_costs(access, stops, walk)
    share = access.measured_share(costs.measured)
    speed = access.network.walk_speed_m_min
    summary = summary_by_draw(drawn, costs.minutes)
    found = [
        Measured(mode="straight_line", measure="distance_nearest_m", unit="m", measured=None,
                 draws=summary_by_draw(drawn, metres)["median"], **common),
        Measured(mode="walk", measure="distance_walked_median_m", unit="m", measured=share,
                 draws=summary["median"] * speed, **common),
    ]  # fmt: skip
    found += minutes_measures(
        access, costs.minutes, mode="walk", limits_min=bands_min, measured=share, summary=summary,
        **common,
    )  # fmt: skip
    found += coverage_measures(
        access, stops, reach, costs, people,
        bands_m=bands_m, bands_min=bands_min, measured=share, **common,
    )  # fmt: skip
    return found


def hub_measures(
    access: PlaceAccess,
    hubs: gpd.GeoDataFrame,
    rail: RailAccess,
    walk: Streets,
    *,
    snapshot: str | None,
) -> list[Measured]:
    """Measure the minutes from places to hubs by walking and rail.

    Measured is land from which the walk, the ride and, off the hub's own stations, the walk on are.

    Parameters
    ----------
    access
        The drawn cells of the places.
    hubs
        Points with `hub_id`, in the order of the columns of `rail`.
    rail
        Journeys to the hubs (see `hub_journeys`).
    walk
        Streets for walking.
    """
    number: IntArray = np.arange(len(hubs), dtype=np.int64)
    on_foot = measured_pairs(access, hubs, walk, campus=number, limit_min=rail.limit_min)
    alone = np.broadcast_to(np.eye(len(hubs)), (len(access.places), len(hubs), len(hubs)))
    means = pair_means(
        access.drawn,
        shapely.get_coordinates(hubs.geometry.to_numpy()),
        number,
        modes={"rail_walk": ModeCosts(rail.minutes_per_m, rail.limit_min, on_foot, rail=rail)},
        kernels={"rail_walk": {}},
        groups=alone.astype(np.float64),
    )
    nearest = means.nearest["rail_walk"]
    walks = nearest_walks(access.drawn, alone > 0, on_foot)
    measured = rail.measured(access.drawn, nearest, alone > 0, walks)
    return [
        Measured(
            "rail", "operating", "rail_walk", f"minutes_to_{hub}_{name}", "min", matrix,
            access.measured_share(measured[:, column]), snapshot,
        )
        for column, hub in enumerate(hubs["hub_id"])
        for name, matrix in summary_by_draw(access.drawn, nearest[:, column]).items()
    ]  # fmt: skip


def hub_journeys(
    access: PlaceAccess,
    stations: gpd.GeoDataFrame,
    costs: RailCosts,
    hubs: gpd.GeoDataFrame,
    walk: Streets,
    *,
    same_point_m: float,
    walk_limit_min: float,
    limit_min: float,
) -> RailAccess:
    """Prepare journeys by walking and rail to hubs; arriving at a hub's own station is arriving.

    Parameters
    ----------
    stations, costs
        The rail network.
    hubs
        Points with `hub_id`; stations at most `same_point_m` from one are the hub itself.
    walk
        Streets for walking.
    walk_limit_min, limit_min
        Longest walk to a station and longest journey.
    """
    at = shapely.get_coordinates(stations.geometry.to_numpy())
    near = KDTree(at).query_ball_point(
        shapely.get_coordinates(hubs.geometry.to_numpy()), same_point_m
    )
    pairs = [
        (station, hub)
        for hub, found in zip(hubs["hub_id"], near, strict=True)
        for station in stations["station_id"].iloc[sorted(found)]
    ]
    egress = pd.DataFrame(pairs, columns=["station_id", "facility_id"])
    egress = egress.assign(minutes=0.0, method=MEASURED)  # there is no way left to be estimated
    onward = onward_minutes(stations, costs, egress, pd.Index(hubs["hub_id"]), limit_min=limit_min)
    walked = measured_walks(access, stations, walk, walk_limit_min)
    return RailAccess(at, onward, access.minutes_per_m(walk), walked, walk_limit_min, limit_min)

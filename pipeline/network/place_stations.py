"""Measure how places stand to stations: bands by straight line and on foot, minutes to hubs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.spatial import KDTree

from pipeline.measures.access_pairs import FloatArray
from pipeline.measures.access_rows import ESTIMATED, Measured
from pipeline.measures.coverage import share_area_euclid
from pipeline.measures.uncertainty_footprints import CERTAIN, share_by_draw, summary_by_draw
from pipeline.network.place_access import CellPairs, PlaceAccess, Streets
from pipeline.network.place_pairs import ModeCosts, pair_means
from pipeline.network.place_rail import RailAccess, measured_walks, onward_minutes
from pipeline.network.place_services import minutes_measures
from pipeline.network.rail import RailCosts


def station_measures(
    access: PlaceAccess,
    stations: gpd.GeoDataFrame,
    walk: Streets,
    *,
    variant: str,
    bands_m: Sequence[float],
    bands_min: Sequence[float],
    station_extent_m: float,
    snapshot: str | None,
) -> list[Measured]:
    """Measure coverage of places by stations.

    Parameters
    ----------
    access
        The drawn cells of the places.
    stations
        One point per station, or per entrance with `extent_m` 0 (column `extent_m`, metres; the
        station extent where it is null).
    walk
        Streets for walking.
    variant
        Name of the scenario.
    bands_m
        Bands in metres, by straight line around stations and along streets.
    bands_min
        Bands in walking minutes.
    station_extent_m
        Added to a band around a centroid.
    snapshot
        Date of the stations.

    Returns
    -------
    measures
        `distance_nearest_m` and `share_area_euclid_<band>m` (mode `straight_line`);
        `minutes_nearest_*`, `distance_walked_median_m`, `share_area_within_<limit>min`,
        `share_area_network_<band>m` and `ledger_<band>m`, network minus straight line (mode
        `walk`).
    """
    drawn = access.drawn
    common: dict[str, Any] = {"service": "rail", "variant": variant, "snapshot": snapshot}
    euclid = _euclid(access, stations, bands_m, station_extent_m)
    metres = access.metres_to(shapely.get_coordinates(stations.geometry.to_numpy()))
    distance = summary_by_draw(drawn, metres)["median"]
    found = [
        Measured(mode="straight_line", measure="distance_nearest_m", unit="m", draws=distance,
                 measured=None, **common),
    ]  # fmt: skip
    found += [
        Measured(mode="straight_line", measure=f"share_area_euclid_{band:g}m", unit="share",
                 draws=values, measured=None, **common)
        for band, values in euclid.items()
    ]  # fmt: skip
    costs = access.nearest(stations, walk)
    share = access.measured_share(costs.measured)
    found += minutes_measures(
        access, costs.minutes, mode="walk", limits_min=bands_min, measured=share, **common
    )
    speed = access.network.walk_speed_m_min
    walked = summary_by_draw(drawn, costs.minutes * speed)["median"]
    found.append(
        Measured(mode="walk", measure="distance_walked_median_m", unit="m", draws=walked,
                 measured=share, **common)
    )  # fmt: skip
    shares = share_by_draw(drawn, costs.minutes, limits=[band / speed for band in bands_m])
    for band in bands_m:
        network = shares[band / speed]
        for name, values in (
            (f"share_area_network_{band:g}m", network),
            (f"ledger_{band:g}m", network - euclid[band]),
        ):
            found.append(
                Measured(mode="walk", measure=name, unit="share", draws=values, measured=share,
                         **common)
            )  # fmt: skip
    return found


def _euclid(
    access: PlaceAccess,
    stations: gpd.GeoDataFrame,
    bands_m: Sequence[float],
    station_extent_m: float,
) -> dict[float, FloatArray]:
    """Share of land inside discs: by cells for drawn footprints, exact for certain ones."""
    xy = shapely.get_coordinates(stations.geometry.to_numpy())
    extent = stations.get("extent_m", pd.Series(np.nan, index=stations.index))
    extent = extent.astype("float64").fillna(station_extent_m)
    best = np.full(len(access.drawn.xy), np.nan)
    for reach, chosen in extent.groupby(extent).groups.items():
        rows = stations.index.get_indexer(chosen)
        # A station that reaches further is a station that lies nearer by as much.
        best = np.fmin(best, access.metres_to(xy[rows]) - float(reach))
    shares = share_by_draw(access.drawn, best, limits=bands_m)
    places = access.places
    certain = places["boundary_class"].isin(CERTAIN).to_numpy() & (
        access.drawn.draw_count.to_numpy() == 1
    )
    if certain.any() and len(stations):
        exact = share_area_euclid(
            places.geometry[certain], stations.geometry, bands_m=bands_m, extent_m=extent
        )
        for band in bands_m:
            shares[band][certain, 0] = exact[band].to_numpy(dtype=np.float64)
    return shares


def hub_measures(
    access: PlaceAccess,
    hubs: gpd.GeoDataFrame,
    rail: RailAccess,
    *,
    snapshot: str | None,
) -> list[Measured]:
    """Measure the minutes from places to hubs by walking and rail.

    Parameters
    ----------
    access
        The drawn cells of the places.
    hubs
        Points with `hub_id`, in the order of the columns of `rail`.
    rail
        Journeys to the hubs (see `hub_journeys`).
    """
    nowhere = CellPairs(np.empty(0, dtype=np.int64), np.empty((0, len(hubs))), np.empty(0))
    means = pair_means(
        access.drawn,
        shapely.get_coordinates(hubs.geometry.to_numpy()),
        np.arange(len(hubs)),
        modes={"rail_walk": ModeCosts(rail.minutes_per_m, rail.limit_min, nowhere, rail=rail)},
        kernels={"rail_walk": {}},
        groups=np.broadcast_to(
            np.eye(len(hubs)), (len(access.places), len(hubs), len(hubs))
        ).astype(np.float64),
    )
    estimated = np.where(access.drawn.counts > 0, 0.0, np.nan)
    return [
        Measured(
            "rail", "operating", "rail_walk", f"minutes_to_{hub}_{name}", "min", matrix,
            estimated, snapshot,
        )
        for column, hub in enumerate(hubs["hub_id"])
        for name, matrix in summary_by_draw(
            access.drawn, means.nearest["rail_walk"][:, column]
        ).items()
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
    egress = egress.assign(minutes=0.0, method=ESTIMATED)
    onward = onward_minutes(stations, costs, egress, pd.Index(hubs["hub_id"]), limit_min=limit_min)
    rows, minutes = measured_walks(access, stations, walk, walk_limit_min)
    return RailAccess(
        at, onward, access.minutes_per_m(walk), rows, minutes, walk_limit_min, limit_min
    )

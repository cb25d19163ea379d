"""Reach stations on foot: from where their entrances are, exactly along the streets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.measures.access_pairs import BoolArray, FloatArray
from pipeline.measures.coverage import GeometryArray, coverage_pieces
from pipeline.measures.uncertainty import THRESHOLD_SLACK
from pipeline.network.catchment import Grown, catchment_edges, catchment_polygons, whole_edges
from pipeline.network.graph import StreetGraph
from pipeline.network.place_access import CellCosts, PlaceAccess, Streets
from pipeline.network.standing import stand
from pipeline.settings.network import NetworkSettings


def stops_of(
    stations: gpd.GeoDataFrame,
    platforms: gpd.GeoDataFrame,
    entrances: gpd.GeoSeries,
    *,
    station_extent_m: float,
    entrance_max_m: float,
    entrances_at_least: int,
) -> gpd.GeoDataFrame:
    """Say where a station begins: at its mapped entrances, else around its platforms.

    An entrance belongs to the operating platform nearest to it, up to `entrance_max_m`. A station
    with fewer than `entrances_at_least` of them keeps its platforms, widened by the station extent:
    the map knows only some of its entrances, and the others may be nearer.

    Parameters
    ----------
    stations
        `station_id` and `status`, with a point that stands for a station without platforms.
    platforms
        Points with `station_id`: where the trains of each line stop.
    entrances
        Points of entrances, in the same CRS.

    Returns
    -------
    stops
        `station_id`, `status`, `extent_m` (0 at an entrance), `geometry`; sorted by station.
    """
    state = stations.drop_duplicates("station_id").set_index("station_id")["status"]
    alone = stations[~stations["station_id"].isin(platforms["station_id"])]
    centres = pd.concat([platforms, alone], ignore_index=True)[["station_id", "geometry"]]
    centres = centres.assign(status=centres["station_id"].map(state), extent_m=station_extent_m)
    running = centres[centres["status"].eq("operating")]
    if len(entrances) and len(running):
        tree, points = shapely.STRtree(running.geometry.to_numpy()), entrances.to_numpy()
        near, found = tree.query_nearest(points, max_distance=entrance_max_m, all_matches=False)
        at = running.iloc[found].assign(geometry=points[near], extent_m=0.0)
        enough = at.groupby("station_id")["extent_m"].transform("size") >= entrances_at_least
        at = at[enough]
        rest = centres[~centres["station_id"].isin(at["station_id"])]
        centres = pd.concat([rest, at], ignore_index=True)
    columns = ["station_id", "status", "extent_m", "geometry"]
    return gpd.GeoDataFrame(centres[columns], crs=stations.crs).sort_values(
        "station_id", kind="stable", ignore_index=True
    )


def stop_costs(access: PlaceAccess, stops: gpd.GeoDataFrame, walk: Streets) -> CellCosts:
    """Minutes on foot from every cell to the nearest stop, whose station begins `extent_m` nearer.

    A measured answer stands only if no stop that could not be measured might be nearer by air.
    """
    size = len(access.drawn.xy)
    minutes, estimate, air = (np.full(size, np.nan) for _ in range(3))
    measured, unknown = np.zeros(size, dtype=np.bool_), np.zeros(size, dtype=np.bool_)
    for extent, some in stops.groupby("extent_m", sort=True):
        reach = float(extent)
        metres = access.metres_to(shapely.get_coordinates(some.geometry.to_numpy()))
        left = np.maximum(metres - reach, 0.0)
        estimate = np.fmin(estimate, left * access.minutes_per_m(walk))
        costs = access.nearest(some, walk)
        there = np.maximum(costs.minutes - reach / walk.speed_m_min, 0.0)
        unknown |= np.isnan(costs.minutes) & ~np.isnan(metres)
        air = np.fmin(air, np.where(costs.measured, np.nan, left / walk.speed_m_min))
        minutes = np.fmin(minutes, np.where(costs.measured, there, np.nan))
        measured |= costs.measured
    whole = measured & ~(air < minutes)
    return CellCosts(np.where(unknown, np.nan, np.where(whole, minutes, estimate)), whole)


@dataclass(frozen=True, eq=False)
class Reach:
    """The land within each band of a stop on foot.

    `catchments` are measured along streets, by band in metres; `edges` what they are made of.
    `mapped` is the land where streets are known (None: nowhere); outside it discs of the band over
    the detour factor stand for the catchment, `estimated_m` their radius beyond the stops' extent.
    """

    catchments: dict[float, shapely.Geometry]
    edges: gpd.GeoDataFrame
    mapped: shapely.Geometry | None
    stops: gpd.GeoDataFrame
    detour_factor: float
    _made: dict[float, GeometryArray] = field(default_factory=dict, repr=False)

    def estimated(self, band_m: float) -> GeometryArray:
        """Give the discs that stand for a band where no streets are known, not overlapping."""
        points = shapely.get_coordinates(self.stops.geometry.to_numpy())
        reach = band_m / self.detour_factor + self.stops["extent_m"].to_numpy(dtype=np.float64)
        return coverage_pieces(points, reach, self.mapped)

    def pieces(self, band_m: float) -> GeometryArray:
        """Give the land within a band as polygons that do not overlap."""
        if band_m not in self._made:
            self._made[band_m] = self._pieces(band_m)
        return self._made[band_m]

    def _pieces(self, band_m: float) -> GeometryArray:
        known = self.catchments.get(band_m)
        if self.mapped is None or known is None:
            return self.estimated(band_m)
        inside = shapely.get_parts(shapely.intersection(known, self.mapped))
        return np.concatenate((inside, self.estimated(band_m)))

    def covers(self, xy: FloatArray, costs: CellCosts, band_m: float, speed: float) -> FloatArray:
        """Tell which cells lie within a band: 0 inside, infinite outside, NaN unknown.

        Where a cell is measured the catchment decides, elsewhere its estimated minutes.
        """
        near = costs.minutes <= band_m / speed * (1.0 + THRESHOLD_SLACK)
        known = self.catchments.get(band_m)
        if known is not None and costs.measured.any():
            shapely.prepare(known)
            rows = np.flatnonzero(costs.measured)
            near[rows] = shapely.contains_xy(known, xy[rows])
        return np.where(np.isnan(costs.minutes), np.nan, np.where(near, 0.0, np.inf))


def reach_of(
    stops: gpd.GeoDataFrame,
    walk: Streets,
    settings: NetworkSettings,
    *,
    bands_m: Sequence[float],
    grown: Grown | None = None,
) -> Reach:
    """Cut the streets exactly where each band ends and turn them into land.

    Parameters
    ----------
    stops
        Points with `extent_m`: a station begins that far from its centre.
    walk
        Streets for walking.
    settings
        Half-width and closing of the polygons, smallest hole.
    bands_m
        Bands in metres along streets.
    grown
        What was united for other stops (see `grown_for`).
    """
    nothing = gpd.GeoDataFrame(
        {"band_m": [], "edge_id": [], "from_m": [], "to_m": [], "length_m": []},
        geometry=[],
        crs=stops.crs,
    )
    graph = walk.graph
    if graph is None or not len(stops):
        return Reach({}, nothing, None, stops, settings.detour_factor)
    here = stops[_on_streets(stops, walk, settings)]
    speed = settings.walk_speed_m_min
    parts = []
    for extent, some in here.groupby("extent_m", sort=True):
        begun = float(extent)
        limits = [(band + begun) / speed for band in bands_m]
        edges = catchment_edges(
            graph, some.geometry, limits_min=limits, towards=True, snap_max_m=settings.snap_max_m
        )
        edges["band_m"] = np.round(edges["limit_min"] * speed - begun, 6)
        parts.append(edges.drop(columns="limit_min"))
    edges = gpd.GeoDataFrame(pd.concat([nothing, *parts], ignore_index=True), crs=stops.crs)
    found = land_served(graph, edges, edges["band_m"], settings, grown=grown)
    catchments = {band: found.get(round(band, 6), shapely.Polygon()) for band in sorted(bands_m)}
    return Reach(catchments, edges, _mapped_land(walk), stops, settings.detour_factor)


def land_served(
    graph: StreetGraph,
    edges: gpd.GeoDataFrame,
    limit: pd.Series[float],
    settings: NetworkSettings,
    *,
    grown: Grown | None = None,
) -> dict[float, shapely.Geometry]:
    """Turn reached parts of the edges of a graph into the land they serve, as wide as settings say.

    Parameters
    ----------
    graph, edges
        Streets, and what `catchment_edges` gives of them.
    limit
        The limit of each part of an edge.
    settings
        Half-width and closing of the polygons, smallest hole.
    grown
        What was united for other limits or sources (see `grown_for`).
    """
    return catchment_polygons(
        edges,
        limit,
        half_width_m=settings.catchment_half_width_m,
        closing_m=settings.catchment_closing_m,
        min_hole_m2=settings.catchment_min_hole_m2,
        whole=whole_edges(graph, edges),
        grown=grown_for(settings) if grown is None else grown,
    )


def grown_for(settings: NetworkSettings) -> Grown:
    """Begin to unite edges as wide as the settings want catchments."""
    return Grown(settings.catchment_half_width_m + settings.catchment_closing_m)


def _on_streets(stops: gpd.GeoDataFrame, walk: Streets, settings: NetworkSettings) -> BoolArray:
    assert walk.graph is not None  # noqa: S101 - asked only where there is one
    xy = shapely.get_coordinates(stops.geometry.to_numpy())
    standing = stand(stops, xy, walk.graph, walk.coverage, settings.snap_max_m)
    return np.asarray(standing.region > 0, dtype=np.bool_)


def _mapped_land(walk: Streets) -> shapely.Geometry:
    """Outline where streets are known: the dense cells, or the hull of a complete extract."""
    graph, coverage = walk.graph, walk.coverage
    assert graph is not None  # noqa: S101 - asked only where there is one
    if coverage is None:
        corners = _outermost(shapely.bounds(graph.lines).reshape(-1, 2))
        return shapely.convex_hull(shapely.multipoints(corners))
    rows, columns = coverage.region.nonzero()
    west = coverage.west_m + columns * coverage.cell_m
    south = coverage.south_m + rows * coverage.cell_m
    return shapely.union_all(
        shapely.box(west, south, west + coverage.cell_m, south + coverage.cell_m)
    )


def _outermost(points: FloatArray) -> FloatArray:
    """Leave out points inside the octagon of those farthest out, which are on no hull."""
    turn = np.arange(8) * np.pi / 4
    ways = np.stack((np.cos(turn), np.sin(turn)))
    octagon = shapely.convex_hull(shapely.multipoints(points[(points @ ways).argmax(axis=0)]))
    if octagon.geom_type != "Polygon":
        return points
    shapely.prepare(octagon)
    outside = ~shapely.contains_xy(octagon, points)
    return np.asarray(points[outside], dtype=np.float64)

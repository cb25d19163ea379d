"""Snap points to their nearest edge, which is split virtually at the foot of the point."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.errors import CrsError, GeometryError, Problem
from pipeline.network.graph import StreetGraph
from pipeline.network.phases import Flags, Floats, Ints

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Snapped:
    """Where points stand on a graph.

    Attributes
    ----------
    index
        Index of the points.
    found
        Whether the point has an edge within the cap; the other arrays mean nothing where not.
    edge
        Row of the edge.
    along
        Share of the edge's length from u to the foot of the point, 0 to 1.
    distance_m
        Straight distance from the point to its foot.
    xy
        Coordinates of the foot in metres, shape (n, 2).
    """

    index: pd.Index
    found: Flags
    edge: Ints
    along: Floats
    distance_m: Floats
    xy: Floats

    def __len__(self) -> int:
        """Count the points."""
        return len(self.found)

    def access_min(self, graph: StreetGraph) -> Floats:
        """Return the minutes of walking between point and edge."""
        return self.distance_m / graph.walk_speed_m_min

    def leaving_min(self, graph: StreetGraph) -> tuple[Floats, Floats]:
        """Return the minutes from each point to u and to v of its edge, NaN where one-way."""
        to_u = self.along * graph.back_min[self.edge]
        to_v = (1 - self.along) * graph.forward_min[self.edge]
        return self._with_access(graph, to_u, to_v)

    def arriving_min(self, graph: StreetGraph) -> tuple[Floats, Floats]:
        """Return the minutes from u and from v of its edge to each point, NaN where one-way."""
        from_u = self.along * graph.forward_min[self.edge]
        from_v = (1 - self.along) * graph.back_min[self.edge]
        return self._with_access(graph, from_u, from_v)

    def _with_access(self, graph: StreetGraph, u: Floats, v: Floats) -> tuple[Floats, Floats]:
        """Add the way to the edge; a point at an end of its edge is at the node, one-way or not."""
        access = self.access_min(graph)
        at_u = np.where(self.along == 0, 0.0, u) + access
        at_v = np.where(self.along == 1, 0.0, v) + access
        return at_u, at_v

    def take(self, rows: Ints) -> Snapped:
        """Return the points at the given rows."""
        return Snapped(
            index=self.index[rows],
            found=self.found[rows],
            edge=self.edge[rows],
            along=self.along[rows],
            distance_m=self.distance_m[rows],
            xy=self.xy[rows],
        )


def assert_points(points: gpd.GeoSeries | gpd.GeoDataFrame, graph: StreetGraph) -> gpd.GeoSeries:
    """Return the geometries, or raise unless all are points in the graph's CRS.

    Raises
    ------
    CrsError
        The CRS differs from the graph's.
    GeometryError
        A geometry is no point, is empty or is missing.
    """
    series = points.geometry
    if series.crs != graph.crs:
        found = "no CRS" if series.crs is None else series.crs.to_string()
        raise CrsError(
            Problem(
                zh=f"点的坐标系（{found}）与路网（{graph.crs.to_string()}）不同",
                en=f"points are in {found}, the street graph in {graph.crs.to_string()}",
                remedy_zh="先用 to_crs 转换",
                remedy_en="reproject the points with to_crs first",
            )
        )
    return assert_point_kind(series)


def assert_point_kind(series: gpd.GeoSeries) -> gpd.GeoSeries:
    """Return the geometries, or raise GeometryError naming the first that is no point."""
    array = series.to_numpy()
    bad = (shapely.get_type_id(array) != shapely.GeometryType.POINT) | shapely.is_empty(array)
    if bad.any():
        raise GeometryError(
            Problem(
                zh=f"{int(bad.sum())} 个几何不是点（或为空）",
                en=f"{int(bad.sum())} geometries are no points (or are empty)",
                row=str(series.index[int(np.flatnonzero(bad)[0])]),
                remedy_zh="用代表点或大门代替面",
                remedy_en="use representative points or gates instead of areas",
            )
        )
    return series


def snap(
    points: gpd.GeoSeries | gpd.GeoDataFrame, graph: StreetGraph, *, snap_max_m: float
) -> Snapped:
    """Snap points to the nearest snappable edge.

    Of edges at the same distance a public one wins over an interior, then the first in the table.

    Parameters
    ----------
    points
        Points in the graph's CRS.
    graph
        Street graph.
    snap_max_m
        Cap in metres; a point exactly at the cap is snapped.

    Returns
    -------
    snapped

    Raises
    ------
    CrsError, GeometryError
        See `assert_points`.
    """
    series = assert_points(points, graph)
    geometry = np.asarray(series.to_numpy())
    size = len(geometry)
    edge = np.full(size, -1, dtype=np.int64)
    distance = np.full(size, np.nan)
    if size and len(graph.snap_rows):
        (point, hit), gap = graph.snap_tree.query_nearest(
            geometry, max_distance=np.nextafter(snap_max_m, np.inf), return_distance=True
        )
        row = graph.snap_rows[hit]
        order = np.lexsort((row, graph.interior[row], point))
        point, row, gap = point[order], row[order], gap[order]
        first = np.unique(point, return_index=True)[1]
        first = first[gap[first] <= snap_max_m]
        edge[point[first]], distance[point[first]] = row[first], gap[first]
    found = edge >= 0
    along = np.full(size, np.nan)
    xy = np.full((size, 2), np.nan)
    lines = graph.lines[edge[found]]
    along[found] = shapely.line_locate_point(lines, geometry[found], normalized=True)
    # A line of no length has no place along it; both its ends are the same spot.
    along[found] = np.nan_to_num(along[found])
    xy[found] = shapely.get_coordinates(
        shapely.line_interpolate_point(lines, along[found], normalized=True)
    )
    logger.debug("snapped %d of %d points within %g m", found.sum(), size, snap_max_m)
    return Snapped(series.index, found, edge, along, distance, xy)


def snap_table(
    points: gpd.GeoSeries | gpd.GeoDataFrame, graph: StreetGraph, *, snap_max_m: float
) -> gpd.GeoDataFrame:
    """Snap points and tell about each.

    Returns
    -------
    table
        On the index of `points`: `edge_id`, `along_m` from u, `snap_m`, `access_min`, `status`
        (`ok` or `unsnapped`) and `geometry`, the foot on the edge; null where unsnapped.
    """
    snapped = snap(points, graph, snap_max_m=snap_max_m)
    row = np.where(snapped.found, snapped.edge, 0)
    edges = graph.edges.iloc[row]
    return gpd.GeoDataFrame(
        {
            "edge_id": edges["edge_id"].where(snapped.found).to_numpy(),
            "along_m": snapped.along * edges["length_m"].to_numpy(),
            "snap_m": snapped.distance_m,
            "access_min": snapped.access_min(graph),
            "status": np.where(snapped.found, "ok", "unsnapped"),
        },
        geometry=np.where(snapped.found, shapely.points(snapped.xy), None),
        index=snapped.index,
        crs=graph.crs,
    )

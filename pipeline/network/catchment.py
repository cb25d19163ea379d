"""Cut the edges that a cost reaches, exactly, and turn them into areas."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely.ops import substring

from pipeline.network.graph import StreetGraph
from pipeline.network.phases import Floats, Ints
from pipeline.network.search import COST_TOLERANCE_MIN, arriving, leaving, nearest_source
from pipeline.network.snap import Snapped, snap

# Shares of an edge closer than this are one place (a thousandth of a millimetre on 1 km).
_SHARE_TOLERANCE = 1e-9
# A quarter circle of 8 chords lies at most half a per cent of the radius inside the true one.
_CHORDS = 8


def catchment_edges(
    graph: StreetGraph,
    sources: gpd.GeoSeries | gpd.GeoDataFrame,
    *,
    limits_min: Sequence[float],
    towards: bool,
    snap_max_m: float,
) -> gpd.GeoDataFrame:
    """Find the parts of edges within each cost of the nearest of the sources.

    Parameters
    ----------
    graph
        Street graph.
    sources
        Points in the graph's CRS (all entrances of a facility, or of many).
    limits_min
        Costs in minutes.
    towards
        True for the places from which a source is reached, False for those reached from one.
    snap_max_m
        Cap of snapping in metres.

    Returns
    -------
    table
        One row for each connected part of an edge and each limit, sorted by both: `limit_min`,
        `edge_id`, `from_m` and `to_m` from u, `length_m`, `geometry`. An interior edge belongs to
        it where a route may begin (towards) or end there.
    """
    points = snap(sources, graph, snap_max_m=snap_max_m)
    farthest = max(limits_min)
    phases = graph.phases
    if towards:
        found = nearest_source(
            phases.reverse, arriving(graph, points), points.found, limit_min=farthest
        )
        at_u, at_v = found.minutes[phases.leave_u], found.minutes[phases.leave_v]
        from_u, from_v = graph.back_min, graph.forward_min
    else:
        found = nearest_source(
            phases.forward, leaving(graph, points), points.found, limit_min=farthest
        )
        at_u, at_v = found.minutes[phases.arrive_u], found.minutes[phases.arrive_v]
        from_u, from_v = graph.forward_min, graph.back_min
    parts = []
    for limit in sorted(limits_min):
        ends = _from_ends(limit, at_u=at_u, at_v=at_v, from_u=from_u, from_v=from_v)
        own = _from_points(limit, graph, points, from_u, from_v)
        parts.append(_merge(pd.concat((ends, own))).assign(limit_min=float(limit)))
    return _cut(graph, pd.concat(parts, ignore_index=True))


def _from_ends(
    limit: float, at_u: Floats, at_v: Floats, from_u: Floats, from_v: Floats
) -> pd.DataFrame:
    """Return the spans reached through the ends of edges, as shares of their length."""
    spans = []
    for spent, cost, start in ((at_u, from_u, True), (at_v, from_v, False)):
        edge = np.flatnonzero((spent <= limit + COST_TOLERANCE_MIN) & ~np.isnan(cost))
        share = _reach(limit - spent[edge], cost[edge])
        zero, one = np.zeros(len(edge)), np.ones(len(edge))
        low, high = (zero, share) if start else (1 - share, one)
        spans.append(pd.DataFrame({"edge": edge, "low": low, "high": high}))
    return pd.concat(spans)


def _from_points(
    limit: float, graph: StreetGraph, points: Snapped, from_u: Floats, from_v: Floats
) -> pd.DataFrame:
    """Return the spans around the sources on their own edges."""
    left = limit - points.access_min(graph)
    rows = np.flatnonzero(points.found & (left >= -COST_TOLERANCE_MIN))
    edge, along, left = points.edge[rows], points.along[rows], left[rows]
    # Growing from a source towards v is the same movement as entering at u, and the other way.
    up = np.nan_to_num(_reach(left, from_u[edge]))
    down = np.nan_to_num(_reach(left, from_v[edge]))
    return pd.DataFrame(
        {"edge": edge, "low": np.maximum(along - down, 0), "high": np.minimum(along + up, 1)}
    )


def _reach(left_min: Floats, cost_min: Floats) -> Floats:
    """Return the share of an edge that the minutes left suffice for."""
    free = cost_min == 0
    share = np.maximum(left_min, 0) / np.where(free, 1.0, cost_min)
    return np.asarray(np.where(free, 1.0, np.minimum(share, 1.0)))


def _merge(spans: pd.DataFrame) -> pd.DataFrame:
    """Unite overlapping spans of one edge."""
    spans = spans.sort_values(["edge", "low", "high"], ignore_index=True)
    edge, low = spans["edge"].to_numpy(), spans["low"].to_numpy()
    # Runs of one edge are kept apart by adding its row number: shares lie within 0 and 1.
    furthest = np.maximum.accumulate(spans["high"].to_numpy() + 2 * edge) - 2 * edge
    begins = np.ones(len(spans), dtype=bool)
    begins[1:] = (edge[1:] != edge[:-1]) | (low[1:] > furthest[:-1] + _SHARE_TOLERANCE)
    run = np.cumsum(begins) - 1
    merged = spans.groupby(run).agg({"edge": "first", "low": "min", "high": "max"})
    return merged[merged["high"] > merged["low"]]


def _cut(graph: StreetGraph, spans: pd.DataFrame) -> gpd.GeoDataFrame:
    """Cut the geometry of the edges at the spans."""
    edge: Ints = spans["edge"].to_numpy()
    low, high = spans["low"].to_numpy(), spans["high"].to_numpy()
    lines = graph.lines[edge].copy()
    partial = np.flatnonzero((low > 0) | (high < 1))
    for row in partial.tolist():
        lines[row] = substring(lines[row], low[row], high[row], normalized=True)
    whole_m = graph.edges["length_m"].to_numpy()[edge]
    return gpd.GeoDataFrame(
        {
            "limit_min": spans["limit_min"].to_numpy(dtype=np.float64),
            "edge_id": graph.edges["edge_id"].to_numpy()[edge],
            "from_m": low * whole_m,
            "to_m": high * whole_m,
            "length_m": (high - low) * whole_m,
        },
        geometry=lines,
        crs=graph.crs,
    )


def whole_edges(graph: StreetGraph, parts: pd.DataFrame) -> Ints:
    """Give the rows in the graph of edges that are reached from end to end; -1 for parts.

    Parameters
    ----------
    parts
        What `catchment_edges` gives.
    """
    row = pd.Index(graph.edges["edge_id"]).get_indexer(pd.Index(parts["edge_id"]))
    whole = parts["to_m"].to_numpy() == graph.edges["length_m"].to_numpy()[row]
    return np.where(whole & (parts["from_m"].to_numpy() == 0), row, -1)


class Grown:
    """Edges grown to either side and united, each whole edge once for all catchments that hold it.

    Parameters
    ----------
    reach_m
        How far edges grow.
    """

    def __init__(self, reach_m: float) -> None:
        self._reach_m = reach_m
        self._known: list[tuple[Ints, shapely.Geometry]] = []

    def land(self, lines: NDArray[np.object_], edge: Ints) -> shapely.Geometry:
        """Unite lines; those that are a whole edge have its number, parts of edges have -1."""
        number, first = np.unique(edge, return_index=True)
        whole = number >= 0
        parts = self._united(lines[edge < 0])
        return shapely.union(self._of_edges(number[whole], lines[first[whole]]), parts)

    def _of_edges(self, number: Ints, lines: NDArray[np.object_]) -> shapely.Geometry:
        """Unite whole edges, beginning from the most that are united already."""
        held = [known for known in self._known if np.isin(known[0], number).all()]
        done, land = max(held, key=lambda known: len(known[0]), default=(number[:0], None))
        fresh = ~np.isin(number, done)
        if land is None or fresh.any():
            added = self._united(lines[fresh])
            land = added if land is None else shapely.union(land, added)
            self._known.append((number, land))
        return land

    def _united(self, lines: NDArray[np.object_]) -> shapely.Geometry:
        return shapely.union_all(shapely.buffer(lines, self._reach_m, quad_segs=_CHORDS))


def catchment_polygon(
    edges: gpd.GeoDataFrame | gpd.GeoSeries,
    *,
    half_width_m: float,
    closing_m: float,
    min_hole_m2: float,
    whole: Ints | None = None,
    grown: Grown | None = None,
) -> shapely.Geometry:
    """Turn reached edges into the land they serve.

    Parameters
    ----------
    edges
        Parts of edges of one limit, in metres.
    half_width_m
        Distance to either side of an edge that counts as served.
    closing_m
        Radius of the closing (growing, then shrinking) that fills slits between edges.
    min_hole_m2
        Holes smaller than this are filled.
    whole, grown
        Numbers of the edges that are reached from end to end, -1 for parts of edges, and what was
        united of them for other limits or sources.

    Returns
    -------
    area
        Polygon or MultiPolygon; empty when there are no edges.
    """
    lines = edges.geometry.to_numpy()
    if len(lines) == 0:
        return shapely.Polygon()
    known = Grown(half_width_m + closing_m) if grown is None else grown
    land = known.land(lines, np.full(len(lines), -1) if whole is None else whole)
    closed = shapely.buffer(land, -closing_m, quad_segs=_CHORDS) if closing_m else land
    parts = [_without_small_holes(part, min_hole_m2) for part in shapely.get_parts(closed)]
    # Filling a hole may swallow a part that stood in it.
    return shapely.union_all(parts) if len(parts) > 1 else parts[0]


def _without_small_holes(polygon: shapely.Polygon, min_hole_m2: float) -> shapely.Polygon:
    """Fill the holes below a size."""
    holes = [ring for ring in polygon.interiors if shapely.Polygon(ring).area >= min_hole_m2]
    return shapely.Polygon(polygon.exterior, holes)

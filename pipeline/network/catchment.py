"""Cut the edges that a cost reaches, exactly, and turn them into areas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pipeline.network.graph import StreetGraph
from pipeline.network.phases import Floats, Ints, component_labels
from pipeline.network.search import COST_TOLERANCE_MIN, arriving, leaving, nearest_source
from pipeline.network.snap import Snapped, snap
from pipeline.network.threads import in_threads

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
    edge, low, high = (spans[name].to_numpy() for name in ("edge", "low", "high"))
    order = np.lexsort((high, low, edge))
    edge, low, high = edge[order], low[order], high[order]
    # Runs of one edge are kept apart by adding its row number: shares lie within 0 and 1.
    furthest = np.maximum.accumulate(high + 2 * edge) - 2 * edge
    begins = np.ones(len(spans), dtype=bool)
    begins[1:] = (edge[1:] != edge[:-1]) | (low[1:] > furthest[:-1] + _SHARE_TOLERANCE)
    first = np.flatnonzero(begins)
    if len(first):
        # Sorted, the first of a run begins where it begins.
        edge, low, high = edge[first], low[first], np.maximum.reduceat(high, first)
    some = high > low
    return pd.DataFrame({"edge": edge[some], "low": low[some], "high": high[some]})


def _cut(graph: StreetGraph, spans: pd.DataFrame) -> gpd.GeoDataFrame:
    """Cut the geometry of the edges at the spans."""
    edge: Ints = spans["edge"].to_numpy()
    low, high = spans["low"].to_numpy(), spans["high"].to_numpy()
    lines = graph.lines[edge].copy()
    partial = np.flatnonzero((low > 0) | (high < 1))
    lines[partial] = _substrings(lines[partial], low[partial], high[partial])
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


def _substrings(lines: NDArray[np.object_], low: Floats, high: Floats) -> NDArray[np.object_]:
    """Cut lines at two shares of their length, as `shapely.ops.substring` does one by one."""
    length = shapely.length(lines)
    first_m, last_m = low * length, high * length
    begin = shapely.get_coordinates(shapely.line_interpolate_point(lines, first_m))
    end = shapely.get_coordinates(shapely.line_interpolate_point(lines, last_m))
    xy, line = shapely.get_coordinates(lines, return_index=True)
    along_m = _along(xy, line)
    ending = np.diff(line, append=-1) != 0  # the last corner is an end, but for rounding
    between = (along_m > first_m[line]) & (along_m < last_m[line]) & ~ending
    every: Ints = np.arange(len(lines), dtype=np.int64)
    owner = np.concatenate((every, line[between], every))
    order = np.argsort(owner, kind="stable")
    corners = np.concatenate((begin, xy[between], end))
    return np.asarray(shapely.linestrings(corners[order], indices=owner[order]), dtype=object)


def _along(xy: Floats, line: Ints) -> Floats:
    """Measure how far along its line each corner lies; the corners of a line come together."""
    steps = np.sqrt(((xy[1:] - xy[:-1]) ** 2).sum(axis=1))
    along = np.zeros(len(xy))
    # Corner by corner of all lines at once: one sum over all would lose the last digits.
    start = np.flatnonzero(np.diff(line, prepend=-1))
    corners = np.bincount(line)
    for place in range(1, int(corners.max(initial=1))):
        row = start[corners > place] + place
        along[row] = along[row - 1] + steps[row - 1]
    return along


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


@dataclass(eq=False)
class _United:
    """Whole edges, and the land that they make."""

    number: Ints
    land: shapely.Geometry | None = None


class Grown:
    """Edges grown to either side and united, each whole edge once for all catchments that hold it.

    Parameters
    ----------
    reach_m
        How far edges grow.
    """

    def __init__(self, reach_m: float) -> None:
        self._reach_m = reach_m
        self._known: list[_United] = []

    def lands(self, groups: Sequence[tuple[NDArray[np.object_], Ints]]) -> list[shapely.Geometry]:
        """Unite the lines of each group.

        Parameters
        ----------
        groups
            Lines with a number for each that is a whole edge, -1 for parts of edges.
        """
        steps, lines_of = [], []
        for lines, edge in groups:
            number, first = np.unique(edge, return_index=True)
            step = self._planned(number[number >= 0])
            steps.append(step)
            fresh = np.isin(number, step[2])
            lines_of += [lines[first[fresh]], lines[edge < 0]]
        found = in_threads(self._united, lines_of)
        for (base, mine, _), added in zip(steps, found[::2], strict=True):
            if mine is not base:
                mine.land = added if base is None else _both((base.land, added))
        wholes = [mine.land for _, mine, _ in steps]
        return in_threads(_both, list(zip(wholes, found[1::2], strict=True)))

    def _planned(self, number: Ints) -> tuple[_United | None, _United, Ints]:
        """Give the most of these edges that are united already, what shall be, and the rest."""
        held = [known for known in self._known if np.isin(known.number, number).all()]
        base = max(held, key=lambda known: len(known.number), default=None)
        if base is not None and len(base.number) == len(number):
            return base, base, number[:0]
        self._known.append(_United(number))
        fresh = number if base is None else np.setdiff1d(number, base.number)
        return base, self._known[-1], fresh

    def _united(self, lines: NDArray[np.object_]) -> shapely.Geometry:
        grown = shapely.buffer(end_to_end(lines), self._reach_m, quad_segs=_CHORDS)
        return shapely.disjoint_subset_union_all(grown)


def end_to_end(lines: NDArray[np.object_]) -> NDArray[np.object_]:
    """Join lines into fewer and longer ones, pair by pair of those that meet at a point.

    Grown, they cover the same land but for the chords of their bends; half as many shapes overlap,
    and to unite them takes half the time. Lines that would close to a ring stay as they are: where
    two of them run along each other, the ring encloses nothing and loses its land when it grows.
    """
    if len(lines) == 0:
        return lines
    tips = np.concatenate([shapely.get_coordinates(shapely.get_point(lines, i)) for i in (0, -1)])
    place = np.unique(tips[:, 0] + 1j * tips[:, 1], return_inverse=True)[1]
    order = np.argsort(place, kind="stable")
    line, place = np.tile(np.arange(len(lines)), 2)[order], place[order]
    rank = np.arange(len(place)) - np.searchsorted(place, place)
    first = np.flatnonzero((rank[:-1] % 2 == 0) & (place[:-1] == place[1:]))
    chain = component_labels(line[first], line[first + 1], len(lines))
    order = np.argsort(chain, kind="stable")
    chains = shapely.multilinestrings(lines[order], indices=chain[order])
    joined, number = shapely.get_parts(shapely.line_merge(chains), return_index=True)
    closes = np.isin(number, number[shapely.is_closed(joined)])
    apart = np.isin(chain, number[closes])
    return np.concatenate((joined[~closes], lines[apart]))


def _both(two: tuple[shapely.Geometry, shapely.Geometry]) -> shapely.Geometry:
    """Unite two lands, of which most parts are apart from all others."""
    return shapely.disjoint_subset_union_all(shapely.get_parts(two))


def catchment_polygons(
    edges: gpd.GeoDataFrame,
    limit: pd.Series[float],
    *,
    half_width_m: float,
    closing_m: float,
    min_hole_m2: float,
    whole: Ints | None = None,
    grown: Grown | None = None,
) -> dict[float, shapely.Geometry]:
    """Turn reached edges into the land they serve.

    Parameters
    ----------
    edges
        Parts of edges, in metres.
    limit
        The limit of each part of an edge.
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
    areas
        Polygon or MultiPolygon by limit, in their order; none for a limit that reaches nothing.
    """
    known = Grown(half_width_m + closing_m) if grown is None else grown
    number = np.full(len(edges), -1) if whole is None else whole
    lines, of = edges.geometry.to_numpy(), limit.to_numpy(dtype=np.float64)
    limits = np.unique(of)
    lands = known.lands([(lines[of == one], number[of == one]) for one in limits])

    def closed(land: shapely.Geometry) -> shapely.Geometry:
        return _closed(land, closing_m, min_hole_m2)

    return dict(zip(limits.tolist(), in_threads(closed, lands), strict=True))


def _closed(land: shapely.Geometry, closing_m: float, min_hole_m2: float) -> shapely.Geometry:
    """Shrink land part by part, and fill its small holes."""
    parts = shapely.get_parts(land)
    if closing_m:
        parts = shapely.get_parts(shapely.buffer(parts, -closing_m, quad_segs=_CHORDS))
    filled = [_without_small_holes(part, min_hole_m2) for part in parts.tolist()]
    parts = np.array(filled, dtype=object)
    # Filling a hole may swallow a part that stood in it.
    inner, outer = shapely.STRtree(parts).query(parts)
    other = inner != outer  # to tell that a part is within itself takes longest of all
    swallowed = shapely.within(parts[inner[other]], parts[outer[other]])
    parts = np.delete(parts, inner[other][swallowed])
    return shapely.multipolygons(parts) if len(parts) != 1 else parts[0]


def _without_small_holes(polygon: shapely.Polygon, min_hole_m2: float) -> shapely.Polygon:
    """Fill the holes below a size."""
    holes = [ring for ring in polygon.interiors if shapely.Polygon(ring).area >= min_hole_m2]
    return shapely.Polygon(polygon.exterior, holes)

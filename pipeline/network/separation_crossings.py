"""Find where streets cross a park's boundary, in place and relocated, and what is mapped."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.measures.island_boundary import merge_openings, outline
from pipeline.measures.island_grid import BoolArray, FloatArray, IntArray
from pipeline.measures.island_ring import in_turn

from .separation_streets import Streets

# A street that leaves the boundary by less than this runs along it.
TOUCH_M = 1.0


def crossings(
    boundary: shapely.LinearRing, streets: Streets, *, public: bool
) -> tuple[IntArray, FloatArray]:
    """
    Find where edges cross a closed boundary.

    An edge crosses where it runs from inside to outside; two edges that meet at a node on the
    boundary cross there when one leads inside and the other leads outside or along the boundary.
    Edges that only run along the boundary, or touch it from one side, do not.

    Parameters
    ----------
    boundary
        Closed line in metres.
    streets
        The network.
    public
        Leave interior ways out.

    Returns
    -------
    edge (the one leading inside) and place along the boundary in metres of each crossing
    """
    found = np.sort(streets.tree.query(boundary, predicate="dwithin", distance=TOUCH_M))
    found = found[~streets.interior[found]] if public else found
    inward, outward = _sides(streets.lines[found], shapely.polygons(boundary))
    through = found[inward & outward]
    edge, place = _meet(streets.lines[through], boundary)
    at_node = _nodes_on(boundary, streets, found, inward=inward, outward=outward)
    node_edge = np.array([number for number, _ in at_node], dtype=np.int64)
    node_place = np.array([where for _, where in at_node], dtype=np.float64)
    return np.append(through[edge], node_edge), np.append(place, node_place)


def _sides(lines: NDArray[np.object_], area: shapely.Polygon) -> tuple[BoolArray, BoolArray]:
    """Tell which lines reach well inside an area and which well outside."""
    core, reach = shapely.buffer(area, -TOUCH_M), shapely.buffer(area, TOUCH_M)
    inward = shapely.intersects(lines, core)
    outward = ~shapely.covered_by(lines, reach)
    return np.asarray(inward), np.asarray(outward)


def _nodes_on(
    boundary: shapely.LinearRing,
    streets: Streets,
    found: IntArray,
    *,
    inward: BoolArray,
    outward: BoolArray,
) -> list[tuple[int, float]]:
    """List nodes on the boundary that join an edge leading inside to one that does not."""
    ends = np.append(streets.u[found], streets.v[found])
    edge = np.tile(found, 2)
    leads_in = np.tile(inward & ~outward, 2)
    elsewhere = np.tile(~inward, 2)
    points = shapely.points(streets.node_xy_m[ends])
    on_line = np.asarray(shapely.dwithin(points, boundary, TOUCH_M))
    joined = np.intersect1d(ends[on_line & leads_in], ends[on_line & elsewhere])
    result = []
    for node in joined:
        place = float(shapely.line_locate_point(boundary, shapely.Point(streets.node_xy_m[node])))
        entering = edge[(ends == node) & on_line & leads_in]
        result.append((int(entering[0]), place))
    return result


def _meet(lines: NDArray[np.object_], boundary: shapely.Geometry) -> tuple[IntArray, FloatArray]:
    """Give the number of each line that meets a boundary, and each place where it does."""
    met = shapely.intersection(lines, boundary)
    points, number = shapely.get_coordinates(shapely.extract_unique_points(met), return_index=True)
    place = shapely.line_locate_point(boundary, shapely.points(points))
    return np.asarray(number, dtype=np.int64), np.asarray(place, dtype=np.float64)


def openings_per_km(
    park: shapely.Geometry, streets: Streets, *, merge_m: float
) -> tuple[float, int]:
    """
    Measure porosity: walkable openings per km of a park's outer boundary.

    Parameters
    ----------
    park
        Polygon in metres.
    streets
        The network; interior ways make no opening.
    merge_m
        Crossings closer than this along the boundary are one opening.

    Returns
    -------
    openings per km, and the openings
    """
    boundary = outline(park)
    _, place = crossings(boundary, streets, public=True)
    openings = merge_openings(place, perimeter_m=boundary.length, merge_m=merge_m)
    return openings / (boundary.length / 1000), openings


def relocated_openings(
    boundaries: NDArray[np.object_], streets: Streets, *, merge_m: float
) -> IntArray:
    """
    Count the openings of one boundary, moved and turned, at many positions.

    A relocated boundary meets streets anywhere and never runs along one, so that every meeting
    is a crossing.
    """
    if streets.interior.all():
        return np.zeros(len(boundaries), dtype=np.int64)
    corners = shapely.get_coordinates(boundaries).reshape(len(boundaries), -1, 2)
    length = shapely.length(boundaries)
    found = []
    for rows in in_turn(len(boundaries)):
        start, run = corners[rows, :-1].reshape(-1, 2), np.diff(corners[rows], axis=1)
        side, share = streets.public_segments.meetings(start, run.reshape(-1, 2))
        metres = np.hypot(run[..., 0], run[..., 1])
        owner, corner = np.divmod(side, run.shape[1])
        place = (np.cumsum(metres, axis=1) - metres)[owner, corner] + share * metres[owner, corner]
        bounds = np.searchsorted(owner, np.arange(len(run) + 1))
        found += [
            merge_openings(place[begin:end], perimeter_m=float(whole), merge_m=merge_m)
            for begin, end, whole in zip(bounds[:-1], bounds[1:], length[rows], strict=True)
        ]
    return np.array(found, dtype=np.int64)


def mapped_km(area: shapely.Geometry, streets: Streets, *, public: bool) -> float:
    """Measure the street length within an area, interior ways included unless `public`."""
    return streets.metres_within(area)[public] / 1000

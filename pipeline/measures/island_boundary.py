"""Describe a boundary: openings, barriers, facing points, the way across a filled interior."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from .island_grid import BoolArray, FloatArray, IntArray


def outline(geometry: shapely.Geometry) -> shapely.LinearRing:
    """Give the outer boundary of a park, that of its largest part."""
    parts = shapely.get_parts(geometry)
    largest = parts[int(np.argmax(shapely.area(parts)))]
    return shapely.get_exterior_ring(largest)


def merge_openings(position_m: FloatArray, *, perimeter_m: float, merge_m: float) -> int:
    """
    Count openings on a closed boundary, taking those in a row closer than a distance as one.

    Parameters
    ----------
    position_m
        Places of crossings along the boundary.
    perimeter_m
        Length of the boundary, where it closes on itself.
    merge_m
        Crossings at most this far apart along the boundary are one opening.

    Returns
    -------
    openings; a boundary with one continuous row of crossings has one
    """
    if len(position_m) == 0:
        return 0
    ordered = np.sort(np.mod(position_m, perimeter_m))
    gaps = np.diff(np.append(ordered, ordered[0] + perimeter_m))
    return max(1, int((gaps > merge_m).sum()))


def barrier_share(
    geometry: shapely.Geometry, barriers: Sequence[shapely.Geometry], *, near_m: float
) -> float:
    """
    Give the share of a park's outer boundary that lies within a distance of a barrier.

    Parameters
    ----------
    geometry
        Park polygon in metres.
    barriers
        Expressways and railways (lines) and water (areas or lines).
    near_m
        Distance at which a barrier bars the boundary; a boundary exactly so far away counts.
    """
    line = outline(geometry)
    near = [barrier for barrier in barriers if shapely.dwithin(barrier, line, near_m)]
    if not near:
        return 0.0
    reach = shapely.union_all(shapely.buffer(np.array(near, dtype=object), near_m, quad_segs=16))
    return float(shapely.intersection(line, reach).length / line.length)


def boundary_points(geometry: shapely.Geometry, *, points: int) -> FloatArray:
    """Set points evenly along a park's outer boundary, shape (points, 2), half a step in."""
    line = outline(geometry)
    along = (np.arange(points) + 0.5) / points
    xy: FloatArray = shapely.get_coordinates(
        shapely.line_interpolate_point(line, along, normalized=True)
    )
    return xy


@dataclass(frozen=True)
class Facing:
    """
    Points on a boundary in the frame of its smallest rectangle, and which of them face each other.

    `turn_rad` is the direction of the rectangle's first side; `centre` its middle, in the
    coordinates given; `size_m` its two sides. `first` and `second` number the facing points.
    """

    turn_rad: float
    centre: tuple[float, float]
    size_m: tuple[float, float]
    first: IntArray
    second: IntArray

    def to_frame(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Turn coordinates into the rectangle's frame, whose origin is its middle."""
        cos, sin = np.cos(self.turn_rad), np.sin(self.turn_rad)
        dx, dy = x - self.centre[0], y - self.centre[1]
        return cos * dx + sin * dy, cos * dy - sin * dx


def facing_points(points: FloatArray, *, offset_share: float) -> Facing:
    """
    Pair boundary points on opposing sides of the smallest rectangle around them.

    A point belongs to the side it is nearest to, as a share of the rectangle. Two points on
    opposing sides face each other when they are offset by at most a share of the side between.

    Parameters
    ----------
    points
        Points along the boundary, shape (P, 2).
    offset_share
        The greatest offset.
    """
    rectangle = shapely.minimum_rotated_rectangle(shapely.multipoints(points))
    corner = shapely.get_coordinates(rectangle)
    side = corner[1] - corner[0], corner[2] - corner[1]
    size_m = float(np.hypot(*side[0])), float(np.hypot(*side[1]))
    middle = shapely.centroid(rectangle)
    empty = np.empty(0, dtype=np.int64)
    turn = float(np.arctan2(side[0][1], side[0][0]))
    frame = Facing(turn, (middle.x, middle.y), size_m, empty, empty)
    u, v = frame.to_frame(points[:, 0], points[:, 1])
    across = np.abs(u / size_m[0]) < np.abs(v / size_m[1])
    pairs = [
        _facing(u, across & (v < 0), across & (v > 0), offset_share * size_m[0]),
        _facing(v, ~across & (u < 0), ~across & (u > 0), offset_share * size_m[1]),
    ]
    first, second = np.concatenate(pairs, axis=1)
    return Facing(turn, frame.centre, size_m, first, second)


def _facing(along: FloatArray, near: BoolArray, far: BoolArray, offset_m: float) -> IntArray:
    i, j = np.flatnonzero(near), np.flatnonzero(far)
    close = np.abs(along[i][:, None] - along[j][None, :]) <= offset_m + 1e-9
    a, b = np.nonzero(close)
    return np.vstack([i[a], j[b]])


def filled_distance(
    first: tuple[FloatArray, FloatArray],
    second: tuple[FloatArray, FloatArray],
    *,
    spacing_m: FloatArray,
) -> FloatArray:
    """
    Measure the way across an interior filled with a lattice of streets.

    One street of the lattice runs through the park's middle each way. The
    way is the city-block distance, longer where no street of the lattice runs between the two
    points and the nearest one beside them has to be used.

    Parameters
    ----------
    first, second
        u and v of the two ends in a frame along the lattice around the park's middle.
    spacing_m
        Distance between the lattice's streets, broadcastable.

    Returns
    -------
    metres
    """
    du, dv = np.abs(first[0] - second[0]), np.abs(first[1] - second[1])
    upright = dv >= du
    low = np.where(upright, np.minimum(first[0], second[0]), np.minimum(first[1], second[1]))
    high = np.where(upright, np.maximum(first[0], second[0]), np.maximum(first[1], second[1]))
    below = np.floor(high / spacing_m) * spacing_m
    above = np.ceil(low / spacing_m) * spacing_m
    aside = np.where(below >= low - 1e-9, 0.0, 2 * np.minimum(low - below, above - high))
    result: FloatArray = du + dv + aside
    return result

"""Tell in which band around a polygon points lie, and count them at many positions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.compiled import compiled

from .island_grid import BoolArray, FloatArray, IntArray

# Cells along each side of the coarse raster of distances, at most, and points to one of its cells:
# fewer points are not worth the raster.
RASTER_STEPS, POINTS_TO_A_CELL = 160, 8
# A point closer to a border than this is measured by exact geometry.
ROUNDING_M = 1e-6
BUCKET_M = 250.0
UNKNOWN, BESIDE = -1, -2
# Cells along each side of a block.
BLOCK = 5


class Bands(NamedTuple):
    """
    A polygon's boundary in its own frame with bands up to some widths, and a coarse raster of them.

    `side` (5, K) are x and y of the first corner of each side of the boundary, how far it runs east
    and north, and one over its length squared; `border` are the widths and, first, 0. Cell (r, c)
    of `raster`, which covers all bands, begins `step` r north and c east of `west_south`; it is the
    band of all its points, or `UNKNOWN` where the boundary may run through it, or `BESIDE` where
    the border of a ring may. The sides that may be nearest to a point of block b, of `BLOCK` cells
    each way, are `near[first[b]]` to before `near[first[b + 1]]`.
    """

    side: FloatArray
    border: FloatArray
    west_south: FloatArray
    step: float
    raster: NDArray[np.int8]
    first: IntArray
    near: IntArray

    @classmethod
    def of(cls, shape: shapely.Geometry, ring_widths_m: Sequence[float], *, points: int) -> Bands:
        """Prepare a polygon for so many points, of ascending widths."""
        steps = min(RASTER_STEPS, int(np.sqrt(points / POINTS_TO_A_CELL)))
        steps = steps if steps >= RASTER_STEPS // 16 else 1
        west, south, east, north = shape.bounds
        margin = ring_widths_m[-1] + ROUNDING_M
        step = (max(east - west, north - south) + 2 * margin) / steps
        border = np.array([0.0, *ring_widths_m])
        xy, ring = shapely.get_coordinates(
            shapely.get_rings(shapely.get_parts(shape)), return_index=True
        )
        on = np.flatnonzero(ring[1:] == ring[:-1])
        on = on[(xy[on] != xy[on + 1]).any(axis=1)]
        run = xy[on + 1] - xy[on]
        side = np.vstack([xy[on].T, run.T, 1 / (run**2).sum(axis=1)])
        west_south = np.array([west - margin, south - margin])
        first, near = _nearest_sides(side, west_south, step, steps)
        centre = (np.arange(steps) + 0.5) * step
        x, y = np.meshgrid(west_south[0] + centre, west_south[1] + centre)
        shapely.prepare(shape)
        inside = shapely.contains_xy(shape, x.ravel(), y.ravel()).reshape(x.shape)
        blank = np.full((steps, steps), UNKNOWN, dtype=np.int8)
        bands = cls(side, border, west_south, step, blank, first, near)
        _rasterise(bands, inside)
        return bands


def _nearest_sides(
    side: FloatArray, west_south: FloatArray, step: float, steps: int
) -> tuple[IntArray, IntArray]:
    """List for each block the sides that may be nearest to one of its points."""
    blocks = -(-steps // BLOCK)
    centre = (np.arange(blocks) + 0.5) * BLOCK * step
    x, y = (axis.ravel()[:, None] for axis in np.meshgrid(*(west_south[:, None] + centre)))
    west, south, run_x, run_y, per_square = side
    dx, dy = x - west, y - south
    share = np.clip((dx * run_x + dy * run_y) * per_square, 0, 1)
    away = np.hypot(dx - share * run_x, dy - share * run_y)
    reach = away.min(axis=1) + BLOCK * step * np.sqrt(2.0) + ROUNDING_M
    block, near = np.nonzero(away <= reach[:, None])
    return np.searchsorted(block, np.arange(blocks**2 + 1)), near


class Buckets(NamedTuple):
    """
    Points (N, 2) with the number of their category, sorted into squares of 250 m.

    Square (r, c) of `columns` a row begins `BUCKET_M` r north and c east of `west_south`; its
    points are those from `first[s]` to before `first[s + 1]`, s = r * columns + c.
    """

    xy_m: FloatArray
    category: IntArray
    west_south: FloatArray
    columns: int
    first: IntArray

    @classmethod
    def of(cls, xy_m: FloatArray, category: IntArray) -> Buckets:
        """Sort points."""
        west_south = xy_m.min(axis=0) if len(xy_m) else np.zeros(2)
        square = np.floor((xy_m - west_south) / BUCKET_M).astype(np.int64)
        columns, rows = square.max(axis=0, initial=0) + 1
        number = square[:, 1] * columns + square[:, 0]
        rank = np.argsort(number, kind="stable")
        first = np.append(0, np.cumsum(np.bincount(number, minlength=rows * columns)))
        return cls(xy_m[rank], category[rank], west_south, int(columns), first)


def banded(
    shape: shapely.Geometry,
    ring_widths_m: Sequence[float],
    buckets: Buckets,
    positions: tuple[FloatArray, FloatArray, FloatArray],
    *,
    in_ring: BoolArray,
    categories: int,
) -> FloatArray:
    """
    Count points in each band of a polygon at many positions.

    Each point near a position is turned back into the polygon's own frame, so that no geometry is
    built for a position. Where points are many, the raster settles those of every cell that no
    border can reach; the others are measured one by one, those on a border by exact geometry.

    Parameters
    ----------
    shape
        Polygon in its own frame (origin at the centroid).
    ring_widths_m
        Ascending widths.
    buckets
        The points.
    positions
        x, y and rotation of each of D positions.
    in_ring
        Which of the points, as sorted, may be counted outside the polygon.
    categories
        How many categories C there are.

    Returns
    -------
    counts, shape (bands, D, C); the first band is the inside
    """
    x, y, angle = positions
    bands = Bands.of(
        shape, ring_widths_m, points=int(len(x) * _near(shape, ring_widths_m, buckets))
    )
    placed = np.column_stack([x, y, np.cos(angle), np.sin(angle)])
    counts = np.zeros((len(bands.border), len(x), categories), dtype=np.int64)
    unsure = np.empty((0, 2), dtype=np.int64)
    number = _tally(bands, buckets, placed, in_ring, (counts, unsure))
    if number:
        counts[:] = 0
        unsure = np.empty((number, 2), dtype=np.int64)
        _tally(bands, buckets, placed, in_ring, (counts, unsure))
        draw, point = unsure.T
        band = _exact(shape, bands.border, _turned_back(buckets.xy_m[point], placed[draw]))
        kept = (band < len(bands.border)) & ((band == 0) | in_ring[point])
        np.add.at(counts, (band[kept], draw[kept], buckets.category[point[kept]]), 1)
    return counts.astype(np.float64)


def bands_of(shape: shapely.Geometry, ring_widths_m: Sequence[float], xy_m: FloatArray) -> IntArray:
    """
    Tell in which band around a polygon each point lies.

    Parameters
    ----------
    shape
        The polygon.
    ring_widths_m
        Ascending widths W.
    xy_m
        Points, shape (N, 2).

    Returns
    -------
    0 inside, b up to the bth width, W + 1 beyond; a point exactly at a width is within it
    """
    bands = Bands.of(shape, ring_widths_m, points=len(xy_m))
    band = np.empty(len(xy_m), dtype=np.int64)
    _look_up(bands, np.ascontiguousarray(xy_m, dtype=np.float64), band)
    unsure = np.flatnonzero(band < 0)
    band[unsure] = _exact(shape, bands.border, xy_m[unsure])
    return band


def _near(shape: shapely.Geometry, ring_widths_m: Sequence[float], buckets: Buckets) -> float:
    """Estimate how many points lie around a polygon, were they spread evenly."""
    if len(buckets.xy_m) == 0:
        return 0.0
    west, south, east, north = shape.bounds
    wide, tall = np.maximum(np.ptp(buckets.xy_m, axis=0), 1.0)
    margin = 2 * ring_widths_m[-1]
    share = (east - west + margin) * (north - south + margin) / (wide * tall)
    return float(len(buckets.xy_m) * min(1.0, share))


def _exact(shape: shapely.Geometry, border: FloatArray, xy_m: FloatArray) -> IntArray:
    """Give the bands of points by exact geometry."""
    shapely.prepare(shape)
    away = shapely.distance(shape, shapely.points(xy_m))
    return np.asarray(np.searchsorted(border, away, side="left"))


def _turned_back(xy_m: FloatArray, placed: FloatArray) -> FloatArray:
    (dx, dy), (cos, sin) = (xy_m - placed[:, :2]).T, placed[:, 2:].T
    return np.column_stack([cos * dx + sin * dy, cos * dy - sin * dx])


@compiled
def _away(bands: Bands, row: int, column: int, x: float, y: float) -> float:
    """Give the distance to the boundary of a point in a cell of the raster."""
    block = row // BLOCK * (-(-len(bands.raster) // BLOCK)) + column // BLOCK
    west, south, run_x, run_y, per_square = bands.side
    least = np.inf
    for at in range(bands.first[block], bands.first[block + 1]):
        k = bands.near[at]
        dx, dy = x - west[k], y - south[k]
        share = min(max((dx * run_x[k] + dy * run_y[k]) * per_square[k], 0.0), 1.0)
        dx -= share * run_x[k]
        dy -= share * run_y[k]
        least = min(least, dx * dx + dy * dy)
    return float(np.sqrt(least))


@compiled
def _is_inside(side: FloatArray, x: float, y: float) -> bool:
    """Tell whether a ray to the west crosses the boundary an odd number of times."""
    west, south, run_x, run_y, _ = side
    inside = False
    for k in range(len(west)):
        dy = y - south[k]
        if (dy >= 0) != (dy >= run_y[k]) and x - west[k] < dy * run_x[k] / run_y[k]:
            inside = not inside
    return inside


@compiled
def _band(signed: float, border: FloatArray, reach: float) -> int:
    """Give the band of all points within a reach, or `UNKNOWN` or `BESIDE`."""
    if abs(signed) <= reach:
        return UNKNOWN
    for number in range(len(border)):
        if abs(signed - border[number]) <= reach:
            return BESIDE
        if signed < border[number]:
            return number
    return len(border)


@compiled
def _rasterise(bands: Bands, inside: BoolArray) -> None:
    """Find the band of each cell, of whose middle it is known whether it lies inside."""
    steps, step = len(bands.raster), bands.step
    reach = step * np.sqrt(0.5) + ROUNDING_M
    for row in range(steps):
        for column in range(steps):
            x = bands.west_south[0] + (column + 0.5) * step
            y = bands.west_south[1] + (row + 0.5) * step
            away = _away(bands, row, column, x, y)
            signed = -away if inside[row, column] else away
            bands.raster[row, column] = _band(signed, bands.border, reach)


@compiled
def _measured(bands: Bands, row: int, column: int, x: float, y: float) -> int:
    """Give the band of a point in a cell of which it is not known; negative on a border."""
    away = _away(bands, row, column, x, y)
    mixed = bands.raster[row, column] == UNKNOWN
    signed = -away if mixed and _is_inside(bands.side, x, y) else away
    return int(_band(signed, bands.border, ROUNDING_M))


@compiled
def _look_up(bands: Bands, xy_m: FloatArray, band: IntArray) -> None:
    """Give the bands of points in the polygon's frame; negative on a border."""
    steps = len(bands.raster)
    for point in range(len(xy_m)):
        x, y = xy_m[point]
        east_of, north_of = (xy_m[point] - bands.west_south) / bands.step
        if east_of < 0 or north_of < 0 or east_of >= steps or north_of >= steps:
            band[point] = len(bands.border)
        else:
            row, column = int(north_of), int(east_of)
            known = bands.raster[row, column]
            band[point] = known if known >= 0 else _measured(bands, row, column, x, y)


@compiled
def _tally(
    bands: Bands,
    buckets: Buckets,
    placed: FloatArray,
    in_ring: BoolArray,
    result: tuple[IntArray, IntArray],
) -> int:
    """Count points; list those on a border, draw and point, as far as there is room for them."""
    counts, unsure = result
    raster, per_step, steps = bands.raster, 1 / bands.step, len(bands.raster)
    (left, bottom), beyond = bands.west_south, len(bands.border)
    xy_m, category = buckets.xy_m, buckets.category
    first, columns, origin = buckets.first, buckets.columns, buckets.west_south
    number, rows = 0, (len(first) - 1) // columns
    far = np.maximum(
        np.abs(bands.west_south), np.abs(bands.west_south + bands.step * len(bands.raster))
    )
    reach = np.sqrt((far * far).sum())
    for draw in range(len(placed)):
        x, y, cos, sin = placed[draw]
        west = max(int(np.floor((x - reach - origin[0]) / BUCKET_M)), 0)
        east = min(int(np.floor((x + reach - origin[0]) / BUCKET_M)), columns - 1)
        south = max(int(np.floor((y - reach - origin[1]) / BUCKET_M)), 0)
        north = min(int(np.floor((y + reach - origin[1]) / BUCKET_M)), rows - 1)
        for row in range(south, north + 1 if west <= east else south):
            for point in range(first[row * columns + west], first[row * columns + east + 1]):
                dx, dy = xy_m[point, 0] - x, xy_m[point, 1] - y
                u, v = cos * dx + sin * dy, cos * dy - sin * dx
                east_of, north_of = (u - left) * per_step, (v - bottom) * per_step
                if east_of < 0 or north_of < 0 or east_of >= steps or north_of >= steps:
                    continue
                i, j = int(north_of), int(east_of)
                band = raster[i, j]
                if band < 0:
                    band = _measured(bands, i, j, u, v)
                if band < 0:
                    if number < len(unsure):
                        unsure[number] = draw, point
                    number += 1
                elif band == 0 or (band < beyond and in_ring[point]):
                    counts[band, draw, category[point]] += 1
    return number

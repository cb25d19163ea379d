"""Count exact points under a footprint and its rings at many positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
import shapely
from scipy.spatial import cKDTree

from .island_grid import BoolArray, FloatArray, GridFrame, IntArray

# Cells along each side of the coarse raster of distances, at most, and points to one of its cells:
# fewer points are not worth the raster.
RASTER_STEPS, POINTS_TO_A_CELL = 160, 8


@dataclass(frozen=True)
class PointLayer:
    """Facilities as points in metres: coordinates (N, 2) and the number of their category (N,)."""

    xy_m: FloatArray
    category: IntArray
    categories: tuple[str, ...]

    @cached_property
    def tree(self) -> cKDTree:
        """Index of the points."""
        return cKDTree(self.xy_m)

    def within(self, geometry: shapely.Geometry) -> FloatArray:
        """Count the points that a polygon contains, by category."""
        shapely.prepare(geometry)
        inside = shapely.contains_xy(geometry, self.xy_m[:, 0], self.xy_m[:, 1])
        return self._by_category(self.category[inside])

    def relocated(
        self,
        shape: shapely.Geometry,
        ring_widths_m: Sequence[float],
        *,
        positions: tuple[FloatArray, FloatArray, FloatArray],
        fine: GridFrame,
        blocked: BoolArray,
    ) -> tuple[FloatArray, FloatArray]:
        """
        Count points under a polygon and within its rings at many positions.

        Each point near a position is turned back into the polygon's own frame and its distance
        to the polygon measured there, so that no geometry is built for a position.

        Parameters
        ----------
        shape
            Polygon in its own frame (origin at the centroid).
        ring_widths_m
            Ascending widths.
        positions
            x, y and rotation of each of D positions.
        fine, blocked
            Grid and flat mask of land that does not belong to a ring.

        Returns
        -------
        counts inside (D, C) and cumulative counts in the rings (W, D, C)
        """
        x_m, y_m, angle_rad = positions
        corner = np.abs(shapely.get_coordinates(shape))
        reach_m = float(np.hypot(corner[:, 0], corner[:, 1]).max() + ring_widths_m[-1])
        near = self.tree.query_ball_point(np.column_stack([x_m, y_m]), reach_m)
        draw = np.repeat(np.arange(len(x_m)), [len(each) for each in near])
        point = np.fromiter(chain.from_iterable(near), dtype=np.int64)
        local = self._turned_back(point, x_m[draw], y_m[draw], angle_rad[draw])
        band = bands_of(shape, ring_widths_m, local)
        cell = fine.index(self.xy_m[point, 0], self.xy_m[point, 1])
        kept = (band <= len(ring_widths_m)) & ((band == 0) | ((cell >= 0) & ~blocked[cell]))
        size = (len(ring_widths_m) + 1, len(x_m), len(self.categories))
        flat = np.ravel_multi_index((band[kept], draw[kept], self.category[point[kept]]), size)
        counts = np.bincount(flat, minlength=int(np.prod(size))).reshape(size).astype(float)
        return counts[0], np.cumsum(counts[1:], axis=0)

    def _turned_back(
        self, point: IntArray, x: FloatArray, y: FloatArray, angle: FloatArray
    ) -> FloatArray:
        dx, dy = self.xy_m[point, 0] - x, self.xy_m[point, 1] - y
        cos, sin = np.cos(angle), np.sin(angle)
        return np.column_stack([cos * dx + sin * dy, cos * dy - sin * dx])

    def _by_category(self, numbers: IntArray) -> FloatArray:
        return np.bincount(numbers, minlength=len(self.categories)).astype(float)


def bands_of(shape: shapely.Geometry, ring_widths_m: Sequence[float], xy_m: FloatArray) -> IntArray:
    """
    Tell in which band around a polygon each point lies.

    Where points are many, a coarse raster of distances settles those of every cell that no border
    can reach, since distance changes by at most a metre per metre; the others are measured one by
    one. The result is exact.

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
    borders = np.array([0.0, *ring_widths_m])
    steps = min(RASTER_STEPS, int(np.sqrt(len(xy_m) / POINTS_TO_A_CELL)))
    if steps < RASTER_STEPS // 16:
        shapely.prepare(shape)
        away = shapely.distance(shape, shapely.points(xy_m))
        return np.asarray(np.searchsorted(borders, away, side="left"))
    west, south, east, north = shape.bounds
    margin = ring_widths_m[-1]
    side = max(east - west, north - south) + 2 * margin
    step = side / steps
    column = np.floor((xy_m[:, 0] - west + margin) / step).astype(np.int64)
    row = np.floor((xy_m[:, 1] - south + margin) / step).astype(np.int64)
    on_raster = (np.minimum(column, row) >= 0) & (np.maximum(column, row) < steps)
    cell = np.where(on_raster, row * steps + column, 0)
    centre = (np.arange(steps) + 0.5) * step
    x, y = np.meshgrid(west - margin + centre, south - margin + centre)
    signed = _signed_distance(shape, x.ravel(), y.ravel())
    gap = np.abs(signed[:, None] - borders).min(axis=1)
    known = np.searchsorted(borders, signed, side="left")
    band = np.where(on_raster, known[cell], len(borders))
    unsure = np.flatnonzero(on_raster & (gap[cell] <= step * np.sqrt(0.5) + 1e-6))
    shapely.prepare(shape)
    exact = shapely.distance(shape, shapely.points(xy_m[unsure]))
    band[unsure] = np.searchsorted(borders, exact, side="left")
    return band


def _signed_distance(shape: shapely.Geometry, x: FloatArray, y: FloatArray) -> FloatArray:
    """Give the distance to a polygon's boundary, negative inside."""
    away = shapely.distance(shapely.boundary(shape), shapely.points(x, y))
    shapely.prepare(shape)
    return np.asarray(np.where(shapely.contains_xy(shape, x, y), -away, away))

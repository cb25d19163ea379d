"""Count exact points under a footprint and its rings at many positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely
from scipy.spatial import cKDTree

from .island_grid import BoolArray, FloatArray, GridFrame, IntArray


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
        point = np.concatenate([np.asarray(each, dtype=np.int64) for each in near])
        distance = self._distance(shape, point, x_m[draw], y_m[draw], angle_rad[draw])
        band = np.searchsorted(np.array([0.0, *ring_widths_m]), distance, side="left")
        cell = fine.index(self.xy_m[point, 0], self.xy_m[point, 1])
        kept = (band <= len(ring_widths_m)) & ((band == 0) | ((cell >= 0) & ~blocked[cell]))
        size = (len(ring_widths_m) + 1, len(x_m), len(self.categories))
        flat = np.ravel_multi_index((band[kept], draw[kept], self.category[point[kept]]), size)
        counts = np.bincount(flat, minlength=int(np.prod(size))).reshape(size).astype(float)
        return counts[0], np.cumsum(counts[1:], axis=0)

    def _distance(
        self, shape: shapely.Geometry, point: IntArray, x: FloatArray, y: FloatArray,
        angle: FloatArray,
    ) -> FloatArray:  # fmt: skip
        dx, dy = self.xy_m[point, 0] - x, self.xy_m[point, 1] - y
        cos, sin = np.cos(angle), np.sin(angle)
        shapely.prepare(shape)
        distance: FloatArray = shapely.distance(
            shape, shapely.points(cos * dx + sin * dy, cos * dy - sin * dx)
        )
        return distance

    def _by_category(self, numbers: IntArray) -> FloatArray:
        return np.bincount(numbers, minlength=len(self.categories)).astype(float)

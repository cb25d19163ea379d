"""Count exact points under a footprint and its rings at many positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely

from .island_bands import Buckets, banded
from .island_grid import BoolArray, FloatArray, GridFrame, IntArray


@dataclass(frozen=True)
class PointLayer:
    """Facilities as points in metres: coordinates (N, 2) and the number of their category (N,)."""

    xy_m: FloatArray
    category: IntArray
    categories: tuple[str, ...]

    @cached_property
    def buckets(self) -> Buckets:
        """The points by where they lie."""
        return Buckets.of(self.xy_m, self.category)

    def within(self, geometry: shapely.Geometry) -> FloatArray:
        """Count the points that a polygon contains, by category."""
        west, south, east, north = shapely.bounds(geometry)
        x, y = self.xy_m.T
        near = np.flatnonzero((x >= west) & (x <= east) & (y >= south) & (y <= north))
        shapely.prepare(geometry)
        inside = shapely.contains_xy(geometry, x[near], y[near])
        return self._by_category(self.category[near[inside]])

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
        buckets = self.buckets
        cell = fine.index(buckets.xy_m[:, 0], buckets.xy_m[:, 1])
        counts = banded(
            shape, ring_widths_m, buckets, positions,
            in_ring=(cell >= 0) & ~blocked[cell], categories=len(self.categories),
        )  # fmt: skip
        return counts[0], np.cumsum(counts[1:], axis=0)

    def _by_category(self, numbers: IntArray) -> FloatArray:
        return np.bincount(numbers, minlength=len(self.categories)).astype(float)

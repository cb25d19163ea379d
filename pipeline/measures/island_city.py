"""Hold a city as grids and read what lies under a footprint and around it, at many positions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import fft, sparse

from .island_grid import (
    BoolArray,
    FloatArray,
    GridFrame,
    IntArray,
    check_layers,
    covered_cells,
    exact_fractions,
)
from .island_points import PointLayer
from .island_ring import GeometryArray, SampledFootprint, cells_below, in_turn, read_cells_below


@dataclass(frozen=True)
class Exposure:
    """
    What lies inside a footprint and in its rings, at D positions, for C categories and W widths.

    Shapes: `inside` (D, C), `inside_km2` (D,), `around` (W, D, C), `around_km2` (W, D). Areas are
    land; rings are without other parks.
    """

    inside: FloatArray
    inside_km2: FloatArray
    around: FloatArray
    around_km2: FloatArray


@dataclass(frozen=True)
class City:
    """
    A city on a grid: facilities, land, eligible land, and where parks are.

    `counts` (cells, categories) and `land_share`, `eligible` (cells,) are flat in the grid's
    order; `parks` counts the parks over each cell of the finer grid `fine`. Where `points` are
    given, facilities are counted there and `counts` has no columns.
    """

    grid: GridFrame
    categories: tuple[str, ...]
    counts: FloatArray
    points: PointLayer | None
    land_share: FloatArray
    eligible: BoolArray
    fine: GridFrame
    parks: NDArray[np.int16]
    centre_x_m: float
    centre_y_m: float

    @property
    def basis(self) -> str:
        """Say what facilities are counted from: `points` or `cells`."""
        return "cells" if self.points is None else "points"

    @cached_property
    def held_by(self) -> NDArray[np.int32]:
        """The cell that holds each cell of the finer grid; see `GridFrame.over`."""
        return self.grid.over(self.fine)

    @cached_property
    def read_layers(self) -> FloatArray:
        """Counts and, last, share of land by cell, and a row of zeros for what lies outside."""
        layers = np.column_stack([self.counts, self.land_share])
        return np.vstack([layers, np.zeros(layers.shape[1])])

    def exposure(
        self,
        footprint: SampledFootprint,
        *,
        x_m: FloatArray,
        y_m: FloatArray,
        angle_rad: FloatArray,
        blocked: BoolArray,
    ) -> Exposure:
        """
        Read counts and land under a footprint and its rings at many positions.

        Parameters
        ----------
        footprint
            The park as sample points.
        x_m, y_m, angle_rad
            Positions of the centroid and rotations, shape (D,).
        blocked
            Cells of the fine grid that do not belong to a ring (other parks), flat.
        """
        closed = np.append(blocked, True)
        parts = [
            self._below(footprint, closed, x_m[rows], y_m[rows], angle_rad[rows])
            for rows in in_turn(len(x_m))
        ]
        inside = np.concatenate([part.inside for part in parts])
        inside_km2 = np.concatenate([part.inside_km2 for part in parts])
        around = np.concatenate([part.around for part in parts], axis=1)
        around_km2 = np.concatenate([part.around_km2 for part in parts], axis=1)
        if self.points is not None:
            inside, around = self.points.relocated(
                footprint.shape, footprint.ring_widths_m, positions=(x_m, y_m, angle_rad),
                fine=self.fine, blocked=blocked,
            )  # fmt: skip
        return Exposure(inside, inside_km2, around, around_km2)

    def _below(
        self,
        footprint: SampledFootprint,
        closed: BoolArray,
        x_m: FloatArray,
        y_m: FloatArray,
        angle_rad: FloatArray,
    ) -> Exposure:
        """Read gridded counts and land at some positions; `closed` has an entry for outside."""
        at = {"x_m": x_m, "y_m": y_m, "angle_rad": angle_rad}
        cell = cells_below(footprint.inside, self.fine, **at)
        share = np.full(cell.shape, footprint.inside_km2 / cell.shape[1])
        inside, inside_km2 = (part[0] for part in self._read(cell, share, np.zeros(1, dtype=int)))
        cell = cells_below(footprint.around, self.fine, **at)
        weight = np.where(read_cells_below(closed, cell), 0.0, footprint.around_km2)
        # Ring points come band by band.
        first = np.searchsorted(footprint.band, np.arange(len(footprint.ring_widths_m)))
        counts, areas = self._read(cell, weight, first)
        return Exposure(inside, inside_km2, np.cumsum(counts, axis=0), np.cumsum(areas, axis=0))

    def within(self, geometry: shapely.Geometry) -> tuple[FloatArray, float]:
        """Count facilities by category and measure land (km²) under a polygon, exactly."""
        cells, share = exact_fractions(self.grid, geometry)
        land_km2 = float(share @ self.land_share[cells]) * self.grid.cell_km2
        if self.points is not None:
            return self.points.within(geometry), land_km2
        return share @ self.counts[cells], land_km2

    def _read(
        self, fine_cell: NDArray[np.int32], weight_km2: FloatArray, first: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        """
        Sum counts (B, positions, categories) and land (B, positions) over weighted points.

        `first` numbers the first point of each of B parts.
        """
        positions, points = fine_cell.shape
        parts = len(first)
        bounds = (np.arange(positions)[:, None] * points + first).ravel()
        reader = sparse.csr_array(
            (
                weight_km2.ravel(), read_cells_below(self.held_by, fine_cell.ravel()),
                np.append(bounds, positions * points),
            ),
            shape=(positions * parts, len(self.read_layers)),
        )  # fmt: skip
        shape = (positions, parts, self.read_layers.shape[1])
        total = (reader @ self.read_layers).reshape(shape).swapaxes(0, 1)
        return total[..., :-1] / self.grid.cell_km2, total[..., -1]

    @cached_property
    def fine_land(self) -> FloatArray:
        """Share of land by fine cell; the last entry, for what lies outside, is 0."""
        return np.append(self.land_share, 0.0)[self.held_by]

    @cached_property
    def fine_is_land(self) -> BoolArray:
        """Whether a fine cell holds any land; the last entry, for what lies outside, does not."""
        return np.asarray(self.fine_land > 0)

    @cached_property
    def fine_eligible(self) -> BoolArray:
        """Eligible land by fine cell; the last entry, for what lies outside, is not."""
        return np.append(self.eligible, False)[self.held_by]

    def others(self, parks: GeometryArray) -> BoolArray:
        """Mark the fine cells that lie in a park other than those given, flat."""
        left = self.parks.copy()
        for park in parks:
            left[covered_cells(self.fine, park)] -= 1
        return np.asarray(left > 0)


def build_city(
    *,
    grid: GridFrame,
    facilities: Mapping[str, NDArray[np.generic]] | PointLayer,
    land_share: NDArray[np.generic],
    eligible: BoolArray,
    parks: GeometryArray,
    fine_cell_m: float,
    centre_xy_m: tuple[float, float],
) -> City:
    """
    Gather the layers of a city, whose facilities are gridded counts or points.

    Raises
    ------
    FieldError
        If a layer does not lie on the grid or holds negative values.
    """
    points = facilities if isinstance(facilities, PointLayer) else None
    counts = {} if isinstance(facilities, PointLayer) else facilities
    check_layers(grid, {**counts, "land_share": land_share, "eligible": eligible})
    fine = grid.refined(fine_cell_m)
    covered = overlay(fine, parks)
    categories = points.categories if points else tuple(sorted(counts))
    stacked = np.zeros((grid.rows * grid.columns, len(counts)))
    for number, name in enumerate(sorted(counts)):
        stacked[:, number] = np.asarray(counts[name], dtype=np.float64).ravel()
    return City(
        grid, categories, stacked, points, np.asarray(land_share, dtype=float).ravel(),
        np.asarray(eligible, dtype=bool).ravel(), fine, covered, *centre_xy_m,
    )  # fmt: skip


def overlay(grid: GridFrame, parks: GeometryArray) -> NDArray[np.int16]:
    """Count the parks over the centre of each cell of a grid, flat."""
    covered = np.zeros(grid.rows * grid.columns, dtype=np.int16)
    for park in parks:
        covered[covered_cells(grid, park)] += 1
    return covered


def urban_land(
    grid: GridFrame,
    *,
    people_serving: NDArray[np.generic],
    land_share: NDArray[np.generic],
    radius_m: float,
    min_count: float,
    max_water_share: float,
) -> BoolArray:
    """
    Mark land where a park could stand in a city: dry cells with facilities within a radius.

    Parameters
    ----------
    grid
        The grid of the arrays.
    people_serving, land_share
        Facilities and share of land by cell, shape of the grid.
    radius_m, min_count
        A cell is urban with at least so many facilities within the radius of its centre.
    max_water_share
        A cell with more water than this is not eligible.

    Returns
    -------
    mask, shape of the grid
    """
    nearby = annulus_sum(
        grid, np.asarray(people_serving, dtype=float), inner_m=0.0, outer_m=radius_m
    )
    # The convolution leaves rounding noise of about 1e-12; a count has to reach the minimum.
    dry = np.asarray(land_share, dtype=float) >= 1.0 - max_water_share
    return np.asarray((nearby >= min_count - 1e-6) & dry)


def annulus_sum(
    grid: GridFrame, layer: FloatArray, *, inner_m: float, outer_m: float
) -> FloatArray:
    """
    Sum a layer over the annulus around each cell's centre.

    Cells on the rim count by the share of their area within the annulus (5 x 5 points a cell).
    """
    reach = int(np.ceil(outer_m / grid.cell_m))
    fifth = (np.arange(5) - 2) / 5
    offset = ((np.arange(-reach, reach + 1)[:, None] + fifth) * grid.cell_m).ravel()
    distance = np.hypot(offset[:, None], offset[None, :])
    within = (distance <= outer_m) & (distance >= inner_m)
    size = 2 * reach + 1
    kernel = within.reshape(size, 5, size, 5).mean(axis=(1, 3))
    # The kernel is symmetric: its transform needs no turning, only its middle has to be cut out.
    padded = [fft.next_fast_len(cells + 2 * reach, real=True) for cells in layer.shape]
    spread = fft.irfft2(fft.rfft2(layer, padded) * fft.rfft2(kernel, padded), padded)
    rows, columns = layer.shape
    total: FloatArray = spread[reach : reach + rows, reach : reach + columns]
    return np.maximum(total, 0.0)

"""Read what surrounds a park, in place and at its relocations: street density and any layer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.measures.island_city import City
from pipeline.measures.island_grid import BoolArray, FloatArray, GridFrame, IntArray
from pipeline.measures.island_null import Positions
from pipeline.measures.island_places import in_place
from pipeline.measures.island_ring import cells_below, lattice_points, read_cells_below, ring
from pipeline.measures.island_rows import PlaceContrast
from pipeline.settings.island import IslandSettings

from .separation_density import StreetDensity, lattice_direction

CellArray = NDArray[np.int32]


@dataclass(frozen=True)
class Surroundings:
    """
    Streets inside and in the ring of one park at D positions, km per km².

    `by_bearing` (D, bins) and `direction_rad` (D,) are those of the ring's public streets.
    """

    inside_all: FloatArray
    ring_all: FloatArray
    ring_public: FloatArray
    by_bearing: FloatArray
    direction_rad: FloatArray

    @property
    def road_share(self) -> FloatArray:
        """Mapped streets inside over what the ring leads one to expect; NaN without a ring's."""
        with np.errstate(divide="ignore", invalid="ignore"):
            share = self.inside_all / self.ring_all
        return np.where(self.ring_all > 0, share, np.nan)

    @property
    def spacing_m(self) -> FloatArray:
        """Spacing of a square lattice with the ring's median street density."""
        with np.errstate(divide="ignore"):
            spacing = 2000.0 / self.ring_public
        return np.where(self.ring_public > 0, spacing, np.nan)


class Around:
    """One place with its surroundings in place and at its relocations."""

    def __init__(self, place: PlaceContrast, city: City, settings: IslandSettings) -> None:
        self.place = place
        self.city = city
        self.settings = settings
        own = np.array([place.park], dtype=object)
        blocked = city.others(np.append(place.hosts, own))
        self.here = in_place(place.footprint)
        self.ring_points = {
            width_m: _ring_points(place, width_m, settings) for width_m in settings.ring_widths_m
        }
        self._ring_land = city.fine_is_land & ~np.append(blocked, True)

    @property
    def everywhere(self) -> Positions:
        """In place, the relocations, and the plausible positions where there are any."""
        plausible = self.place.plausible_positions
        parts = [self.here, self.place.positions, *([plausible] if plausible else [])]
        return Positions.joined(parts)

    def reached(self, grid: GridFrame) -> BoolArray:
        """Mark the cells of a grid that the park or its ring may meet at any position."""
        at = self.everywhere
        middle = np.zeros(grid.rows * grid.columns + 1, dtype=np.uint8)
        middle[grid.index(at.x_m, at.y_m)] = 1
        points = np.concatenate([self.place.footprint.inside, *self.ring_points.values()])
        steps = int(np.hypot(*points.T).max() // grid.cell_m) + 1
        near = ndimage.maximum_filter(
            middle[:-1].reshape(grid.shape), 2 * steps + 1, mode="constant"
        )
        return np.asarray(near > 0)

    def inside_cells(self, at: Positions, grid: GridFrame) -> CellArray:
        """Give the cells under points inside; -1 is outside the grid."""
        return cells_below(self.place.footprint.inside, grid, **_place_at(at))

    def ring_cells(
        self, at: Positions, grid: GridFrame, width_m: float
    ) -> tuple[CellArray, BoolArray]:
        """
        Give the cells under points in a ring, and which of these are land.

        Points lie as dense in one part of the ring as in another; -1 is outside the grid.
        """
        points = self.ring_points[width_m]
        fine = cells_below(points, self.city.fine, **_place_at(at))
        return cells_below(points, grid, **_place_at(at)), read_cells_below(self._ring_land, fine)

    def surroundings(self, at: Positions, density: StreetDensity) -> Surroundings:
        """Read the density and bearings of streets inside and in the ring."""
        inside = self.inside_cells(at, density.grid)
        around, land = self.ring_cells(at, density.grid, self.settings.ring_m)

        def in_ring(layer: FloatArray) -> FloatArray:
            values = _read(layer, around)
            values[~land] = np.nan
            return values

        by_bearing = [row_means(in_ring(layer)) for layer in density.by_bearing]
        four_fold = [row_means(in_ring(layer)) for layer in density.four_fold]
        return Surroundings(
            row_means(_read(density.all_ways, inside)),
            row_means(in_ring(density.all_ways)),
            row_medians(in_ring(density.public)),
            np.stack(by_bearing, axis=1),
            lattice_direction(np.stack(four_fold, axis=1)),
        )


def _ring_points(place: PlaceContrast, width_m: float, settings: IslandSettings) -> FloatArray:
    """Set points in a ring: half as many where it only shows how much its width matters."""
    points = settings.sample_points
    if width_m != settings.ring_m:
        points //= 2
    return lattice_points(ring(place.footprint.shape, width_m=width_m), points=points)


def _place_at(at: Positions) -> dict[str, FloatArray]:
    return {"x_m": at.x_m, "y_m": at.y_m, "angle_rad": at.angle_rad}


def _read(layer: FloatArray, cell: CellArray) -> FloatArray:
    return read_cells_below(np.append(layer, np.nan), cell)


@dataclass(frozen=True)
class Streeted:
    """One place with its street density in place and at its relocations."""

    around: Around
    observed: Surroundings
    null: Surroundings

    @classmethod
    def of(cls, around: Around, density: StreetDensity) -> Streeted:
        """Read the streets around a place in place and at its relocations."""
        return cls(
            around,
            around.surroundings(around.here, density),
            around.surroundings(around.place.positions, density),
        )


def row_means(values: FloatArray) -> FloatArray:
    """Average rows without their missing values; NaN where a row has none."""
    known = np.isfinite(values)
    number = known.sum(axis=1)
    total = np.where(known, values, 0.0).sum(axis=1)
    mean = np.full(len(values), np.nan)
    np.divide(total, number, out=mean, where=number > 0)
    return mean


def row_medians(values: NDArray[np.floating]) -> FloatArray:
    """Give the median of rows without their missing values; NaN where a row has none."""
    return medians_and_numbers(values)[0]


def medians_and_numbers(values: NDArray[np.floating]) -> tuple[FloatArray, IntArray]:
    """Give row medians without missing values, NaN where there are none, and how many there are."""
    # Missing values are sorted to the end.
    ordered = np.sort(values, axis=1)
    number = values.shape[1] - np.isnan(values).sum(axis=1)
    row = np.arange(len(values))
    upper = ordered[row, np.minimum(number // 2, values.shape[1] - 1)]
    lower = ordered[row, np.maximum(number - 1, 0) // 2]
    return np.where(number > 0, (lower + upper) / 2, np.nan), number

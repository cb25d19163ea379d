"""Tell where streets are mapped densely enough to measure on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.network.graph import StreetGraph
from pipeline.network.phases import Flags, Floats, Ints
from pipeline.network.snap import Snapped

# Steps along an edge at which its length is booked into cells, as a share of the cell.
_STEPS_PER_CELL = 4


@dataclass(frozen=True, eq=False)
class StreetCoverage:
    """Street density on a grid and the regions in which it is high enough.

    Attributes
    ----------
    west_m, south_m, cell_m
        Lower left corner and cell of the grid, multiples of the cell in the graph's CRS.
    density_km_per_km2
        Street density in the square window around each cell; rows run south to north.
    region
        Label of the connected region of mapped cells each cell belongs to; 0 is unmapped.
    part_is_mapped
        Per component of the graph: whether it is long enough to be more than a fragment.
    """

    west_m: float
    south_m: float
    cell_m: float
    density_km_per_km2: Floats
    region: NDArray[np.int32]
    part_is_mapped: Flags

    def __repr__(self) -> str:
        """Tell the size of the mapped area."""
        area_km2 = float((self.region > 0).sum()) * (self.cell_m / 1000) ** 2
        return (
            f"<StreetCoverage: {area_km2:.2f} km2 mapped in {int(self.region.max(initial=0))} "
            f"regions, cells of {self.cell_m:g} m>"
        )

    def _cells(self, xy: Floats) -> tuple[Ints, Ints, Flags]:
        """Return row and column of each place and whether it lies on the grid."""
        column = np.floor((xy[:, 0] - self.west_m) / self.cell_m).astype(np.int64)
        row = np.floor((xy[:, 1] - self.south_m) / self.cell_m).astype(np.int64)
        rows, columns = self.region.shape
        on_grid = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
        return np.where(on_grid, row, 0), np.where(on_grid, column, 0), on_grid

    def region_of(self, xy: Floats) -> Ints:
        """Return the region of each place (metres, shape (n, 2)), 0 where unmapped."""
        row, column, on_grid = self._cells(xy)
        return np.where(on_grid, self.region[row, column], 0)

    def density_of(self, xy: Floats) -> Floats:
        """Return the street density in km/km2 around each place, 0 off the grid."""
        row, column, on_grid = self._cells(xy)
        return np.where(on_grid, self.density_km_per_km2[row, column], 0.0)


def street_coverage(
    graph: StreetGraph,
    *,
    window_m: float,
    cell_m: float,
    min_density_km_per_km2: float,
    min_component_km: float,
) -> StreetCoverage:
    """Compute where the streets of a graph are mapped densely enough.

    Parameters
    ----------
    graph
        Street graph; interiors count, components shorter than `min_component_km` do not, and
        neither do edges no point snaps to (motorways pass over places they do not serve).
    window_m
        Side of the square window in metres, rounded to an odd number of cells.
    cell_m
        Cell of the grid in metres.
    min_density_km_per_km2
        A cell is mapped when the density in its window is at least this.
    min_component_km
        Least length of a connected part in km.

    Returns
    -------
    coverage
    """
    part_is_mapped = graph.component_km >= min_component_km
    counts = part_is_mapped[graph.edge_component] & graph.edges["snappable"].to_numpy(dtype=bool)
    reach = round(window_m / cell_m) // 2
    xy, length_km = _sample(graph.lines[counts], cell_m / _STEPS_PER_CELL)
    if len(xy) == 0:
        nothing = np.zeros((1, 1))
        return StreetCoverage(
            0.0, 0.0, cell_m, nothing, nothing.astype(np.int32), np.asarray(part_is_mapped)
        )
    low = np.floor(xy.min(axis=0) / cell_m) - reach
    high = np.floor(xy.max(axis=0) / cell_m) + reach
    columns, rows = (high - low + 1).astype(np.int64)
    cell = np.floor(xy / cell_m) - low
    flat = (cell[:, 1] * columns + cell[:, 0]).astype(np.int64)
    booked = np.bincount(flat, weights=length_km, minlength=rows * columns).reshape(rows, columns)
    # Plain sums: running sums would leave rounding crumbs in cells without any street.
    ones = np.ones(2 * reach + 1)
    for axis in (0, 1):
        booked = ndimage.convolve1d(booked, ones, axis=axis, mode="constant")
    density = booked / ((2 * reach + 1) * cell_m / 1000) ** 2
    mapped = (density > 0) & (density >= min_density_km_per_km2)
    region, _ = ndimage.label(mapped, structure=np.ones((3, 3)))
    return StreetCoverage(
        west_m=float(low[0] * cell_m),
        south_m=float(low[1] * cell_m),
        cell_m=cell_m,
        density_km_per_km2=density,
        region=region.astype(np.int32),
        part_is_mapped=np.asarray(part_is_mapped),
    )


def _sample(lines: NDArray[np.object_], step_m: float) -> tuple[Floats, Floats]:
    """Represent lines by points at most a step apart, each with the length it stands for in km."""
    length = shapely.length(lines)
    count = np.maximum(1, np.ceil(length / step_m)).astype(np.int64)
    line = np.repeat(np.arange(len(lines)), count)
    place = np.arange(len(line)) - np.repeat(np.cumsum(count) - count, count)
    share = (place + 0.5) / count[line]
    points = shapely.line_interpolate_point(lines[line], share, normalized=True)
    return shapely.get_coordinates(points), length[line] / count[line] / 1000


def mapped_regions(
    coverage: StreetCoverage | None, xy: Floats, graph: StreetGraph, snapped: Snapped
) -> Ints:
    """Return the mapped region each point is measured in, 0 where it cannot be measured.

    A point is measurable when it is snapped, the component it snaps to is no fragment, and
    streets around it are dense enough. Without a coverage the extract is taken as complete: all
    snapped points share region 1. `xy` are the places of the points themselves in metres.
    """
    if coverage is None:
        return snapped.found.astype(np.int64)
    region = coverage.region_of(xy)
    part = graph.edge_component[np.where(snapped.found, snapped.edge, 0)]
    return np.where(snapped.found & coverage.part_is_mapped[part], region, 0)

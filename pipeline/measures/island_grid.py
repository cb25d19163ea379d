"""Read regular grids of counts under polygons: exact fractions of cells, and rasterised masks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.errors import FieldError, Problem

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class GridFrame:
    """
    Where a regular grid lies: row 0 is the southernmost, column 0 the westernmost.

    `x_min_m` and `y_min_m` are the coordinates of the grid's south-west corner, in metres.
    """

    x_min_m: float
    y_min_m: float
    cell_m: float
    rows: int
    columns: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows, self.columns

    @property
    def cell_km2(self) -> float:
        """Area of one cell."""
        return self.cell_m**2 / 1e6

    def index(self, x: FloatArray, y: FloatArray) -> IntArray:
        """Give the flat index of the cell under each point; -1 outside the grid."""
        column = np.floor((x - self.x_min_m) / self.cell_m).astype(np.int64)
        row = np.floor((y - self.y_min_m) / self.cell_m).astype(np.int64)
        inside = (column >= 0) & (column < self.columns) & (row >= 0) & (row < self.rows)
        return np.where(inside, row * self.columns + column, -1)

    def centres(self, flat: IntArray) -> tuple[FloatArray, FloatArray]:
        """Give x and y of the centres of cells named by flat index."""
        row, column = np.divmod(flat, self.columns)
        x = self.x_min_m + (column + 0.5) * self.cell_m
        y = self.y_min_m + (row + 0.5) * self.cell_m
        return x, y

    def refined(self, cell_m: float) -> GridFrame:
        """Give the grid of the same extent whose cells are a whole fraction of this one's."""
        factor = max(1, round(self.cell_m / cell_m))
        return GridFrame(
            self.x_min_m, self.y_min_m, self.cell_m / factor, self.rows * factor,
            self.columns * factor,
        )  # fmt: skip

    def over(self, finer: GridFrame) -> NDArray[np.int32]:
        """
        Tell which of this grid's cells holds each cell of a finer grid of the same extent.

        The last entry, which index -1 reads, is the number of this grid's cells: a layer with one
        more entry for what lies outside can be read without asking where a point lies.
        """
        factor = finer.rows // self.rows
        row, column = np.divmod(np.arange(finer.rows * finer.columns), finer.columns)
        held = row // factor * self.columns + column // factor
        return np.append(held, self.rows * self.columns).astype(np.int32)

    def cells_under(self, geometry: shapely.Geometry) -> IntArray:
        """Give the flat indices of all cells that meet the bounding box of a geometry."""
        west, south, east, north = geometry.bounds
        first_column = max(0, int(np.floor((west - self.x_min_m) / self.cell_m)))
        last_column = min(self.columns - 1, int(np.floor((east - self.x_min_m) / self.cell_m)))
        first_row = max(0, int(np.floor((south - self.y_min_m) / self.cell_m)))
        last_row = min(self.rows - 1, int(np.floor((north - self.y_min_m) / self.cell_m)))
        rows = np.arange(first_row, last_row + 1)
        columns = np.arange(first_column, last_column + 1)
        return (rows[:, None] * self.columns + columns[None, :]).ravel()

    def boxes(self, flat: IntArray) -> NDArray[np.object_]:
        """Give the squares of cells named by flat index."""
        x, y = self.centres(flat)
        half = self.cell_m / 2
        result: NDArray[np.object_] = shapely.box(x - half, y - half, x + half, y + half)
        return result


def check_layers(grid: GridFrame, layers: Mapping[str, NDArray[np.generic]]) -> None:
    """
    Refuse arrays that do not lie on the grid.

    Raises
    ------
    FieldError
        If an array's shape differs from the grid's, or a count is negative or not finite.
    """
    problems = []
    for name, layer in layers.items():
        if layer.shape != grid.shape:
            problems.append(
                Problem(
                    zh=f"图层“{name}”的形状为 {layer.shape},网格为 {grid.shape}",
                    en=f"layer '{name}' has shape {layer.shape}, the grid {grid.shape}",
                    rule="island.cells",
                )
            )
        elif not np.isfinite(layer.astype(float)).all() or (layer.astype(float) < 0).any():
            problems.append(
                Problem(
                    zh=f"图层“{name}”含有负数或非有限值",
                    en=f"layer '{name}' holds negative or non-finite values",
                    rule="island.cells",
                )
            )
    if problems:
        raise FieldError(*problems)


def exact_fractions(grid: GridFrame, geometry: shapely.Geometry) -> tuple[IntArray, FloatArray]:
    """
    Give the share of each cell's area that a polygon covers, exactly.

    Parameters
    ----------
    grid
        The grid, in the polygon's CRS (metres).
    geometry
        A polygon or multipolygon.

    Returns
    -------
    flat indices of the cells met and the covered share of each, in (0, 1]. Parts of the polygon
    outside the grid are not represented.
    """
    if shapely.is_empty(geometry):
        return np.empty(0, dtype=np.int64), np.empty(0)
    cells = grid.cells_under(geometry)
    squares = grid.boxes(cells)
    shapely.prepare(geometry)
    whole = shapely.contains(geometry, squares)
    share = whole.astype(float)
    partial = ~whole & shapely.intersects(geometry, squares)
    covered = shapely.area(shapely.intersection(geometry, squares[partial]))
    share[partial] = covered / grid.cell_m**2
    kept = share > 0
    return cells[kept], share[kept]


def covered_cells(grid: GridFrame, geometry: shapely.Geometry) -> IntArray:
    """Give the flat indices of the cells whose centre a polygon covers."""
    if shapely.is_empty(geometry):
        return np.empty(0, dtype=np.int64)
    cells = grid.cells_under(geometry)
    x, y = grid.centres(cells)
    shapely.prepare(geometry)
    return np.asarray(cells[shapely.contains_xy(geometry, x, y)])

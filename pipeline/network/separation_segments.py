"""Find where many moved lines meet the straight stretches of streets, without building geometry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.measures.island_grid import FloatArray, GridFrame, IntArray

CELL_M = 100.0


@dataclass(frozen=True)
class SegmentGrid:
    """
    Straight stretches of lines and, by cell of a grid, those whose extent meets the cell.

    `start` and `run` (S, 2) are in metres; the stretches of cell c are `segment[first[c]]` to
    before `segment[first[c + 1]]`.
    """

    grid: GridFrame
    start: FloatArray
    run: FloatArray
    first: IntArray
    segment: IntArray

    @classmethod
    def of(cls, lines: NDArray[np.object_]) -> SegmentGrid:
        """Sort the stretches of lines, one at least, into cells of 100 m."""
        xy, owner = shapely.get_coordinates(lines, return_index=True)
        on = np.flatnonzero(owner[1:] == owner[:-1])
        start, run = xy[on], xy[on + 1] - xy[on]
        low, high = np.minimum(start, start + run), np.maximum(start, start + run)
        west, south = low.min(axis=0)
        across = np.floor((high.max(axis=0) - [west, south]) / CELL_M).astype(np.int64) + 1
        grid = GridFrame(float(west), float(south), CELL_M, int(across[1]), int(across[0]))
        part, cell = _covered(grid, low, high)
        order = np.argsort(cell, kind="stable")
        number = np.bincount(cell, minlength=grid.rows * grid.columns)
        return cls(grid, start, run, np.append(0, np.cumsum(number)), part[order])

    def meetings(self, start: FloatArray, run: FloatArray) -> tuple[IntArray, FloatArray]:
        """
        Find where straight lines meet the stretches.

        Parameters
        ----------
        start, run
            Where each line begins and how far it goes, shape (N, 2).

        Returns
        -------
        line, share
            The line of each meeting and the share of its length at which it is, in the order of the
            lines and of the stretches. A line along a stretch does not meet it.
        """
        line, low, high = self._pieces(start, run)
        ends = start[line] + run[line] * low[:, None], start[line] + run[line] * high[:, None]
        piece, cell = _covered(self.grid, np.minimum(*ends), np.maximum(*ends))
        number = self.first[cell + 1] - self.first[cell]
        begin = np.repeat(self.first[cell] - (np.cumsum(number) - number), number)
        segment = self.segment[np.arange(len(begin)) + begin]
        piece = np.repeat(piece, number)
        at = line[piece]
        gap_x, gap_y = (self.start[segment] - start[at]).T
        (line_x, line_y), (run_x, run_y) = run[at].T, self.run[segment].T
        with np.errstate(divide="ignore", invalid="ignore"):
            turn = line_x * run_y - line_y * run_x
            share = (gap_x * run_y - gap_y * run_x) / turn
            along = (gap_x * line_y - gap_y * line_x) / turn
        met = (along >= 0) & (along <= 1) & (share >= low[piece]) & (share <= high[piece])
        # A stretch stands in several cells.
        key, once = np.unique(at[met] * len(self.start) + segment[met], return_index=True)
        return key // len(self.start), share[met][once]

    def _pieces(
        self, start: FloatArray, run: FloatArray
    ) -> tuple[IntArray, FloatArray, FloatArray]:
        """Cut lines into pieces of a cell's side at most: the line of each, its shares of it."""
        number = np.maximum(1, np.ceil(np.hypot(*run.T) / self.grid.cell_m)).astype(np.int64)
        line = np.repeat(np.arange(len(start)), number)
        step = np.arange(len(line)) - np.repeat(np.cumsum(number) - number, number)
        return line, step / number[line], (step + 1) / number[line]


def _covered(grid: GridFrame, low: FloatArray, high: FloatArray) -> tuple[IntArray, IntArray]:
    """List each rectangle's number with every cell that it meets."""
    corner = np.array([grid.x_min_m, grid.y_min_m])
    most = np.array([grid.columns - 1, grid.rows - 1])
    lower = np.floor((low - corner) / grid.cell_m).astype(np.int64)
    upper = np.minimum(np.floor((high - corner) / grid.cell_m).astype(np.int64), most)
    lower = np.maximum(lower, 0)
    wide, tall = np.maximum(upper - lower + 1, 0).T
    cells = wide * tall
    which = np.repeat(np.arange(len(low)), cells)
    step = np.arange(len(which)) - np.repeat(np.cumsum(cells) - cells, cells)
    row, column = np.divmod(step, wide[which])
    return which, (lower[which, 1] + row) * grid.columns + lower[which, 0] + column

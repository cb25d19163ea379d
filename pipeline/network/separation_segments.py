"""Find where many moved lines meet the straight stretches of streets, without building geometry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.compiled import compiled
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
        grid = self.grid
        frame = grid.x_min_m, grid.y_min_m, grid.rows, grid.columns
        sorted_in = self.first, self.segment
        room, number = 8 * len(start) + 1024, -1
        while number < 0:
            found = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room)
            number = _meet(frame, sorted_in, (self.start, self.run), (start, run), found)
            room *= 2
        line, segment, share = found[0][:number], found[1][:number], found[2][:number]
        order = np.argsort(line * len(self.start) + segment)
        return line[order], share[order]


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


@compiled
def _meet(
    frame: tuple[float, float, int, int],
    sorted_in: tuple[IntArray, IntArray],
    stretches: tuple[FloatArray, FloatArray],
    lines: tuple[FloatArray, FloatArray],
    found: tuple[IntArray, IntArray, FloatArray],
) -> int:
    """
    List line, stretch and share of every meeting, and tell how many; -1 where room is short.

    Lines are cut into pieces of a cell's side at most, so that few cells have to be looked into.
    """
    x_min, y_min, rows, columns = frame
    first, segment = sorted_in
    number = 0
    for line in range(len(lines[0])):
        (x, y), (run_x, run_y) = lines[0][line], lines[1][line]
        before = number
        pieces = max(1, int(np.ceil(np.hypot(run_x, run_y) / CELL_M)))
        for piece in range(pieces):
            low, high = piece / pieces, (piece + 1) / pieces
            x_0, x_1, y_0, y_1 = (
                x + run_x * low,
                x + run_x * high,
                y + run_y * low,
                y + run_y * high,
            )
            west = max(int(np.floor((min(x_0, x_1) - x_min) / CELL_M)), 0)
            east = min(int(np.floor((max(x_0, x_1) - x_min) / CELL_M)), columns - 1)
            south = max(int(np.floor((min(y_0, y_1) - y_min) / CELL_M)), 0)
            north = min(int(np.floor((max(y_0, y_1) - y_min) / CELL_M)), rows - 1)
            for row in range(south, north + 1 if west <= east else south):
                begin, end = first[row * columns + west], first[row * columns + east + 1]
                for at in range(begin, end):
                    met = _share((x, y, run_x, run_y), stretches, segment[at])
                    # A stretch stands in several cells.
                    if not low <= met <= high or segment[at] in found[1][before:number]:
                        continue
                    if number == len(found[0]):
                        return -1
                    found[0][number], found[1][number] = line, segment[at]
                    found[2][number] = met
                    number += 1
    return number


@compiled
def _share(
    line: tuple[float, float, float, float],
    stretches: tuple[FloatArray, FloatArray],
    segment: int,
) -> float:
    """Give the share of a line's length at which it meets a stretch; NaN where it does not."""
    x, y, line_x, line_y = line
    gap_x, gap_y = stretches[0][segment, 0] - x, stretches[0][segment, 1] - y
    run_x, run_y = stretches[1][segment]
    turn = line_x * run_y - line_y * run_x
    if turn == 0:
        return np.nan
    along = (gap_x * line_y - gap_y * line_x) / turn
    return (gap_x * run_y - gap_y * run_x) / turn if 0 <= along <= 1 else np.nan

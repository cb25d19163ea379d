"""Measure straight lines from every cell of a fine grid to its nearest point, exactly."""

from __future__ import annotations

from itertools import chain

import numpy as np
from scipy.spatial import cKDTree

from pipeline.measures.island_grid import BoolArray, FloatArray, GridFrame


def nearest_metres(
    coarse: GridFrame, fine: GridFrame, xy_m: FloatArray, *, wanted: BoolArray | None = None
) -> FloatArray:
    """
    Give metres from the centre of each fine cell to the nearest of some points.

    The nearest point of any place in a coarse cell is at most the cell's diagonal farther from the
    cell's middle than the middle's own nearest point: few candidates are left for all fine cells
    of a coarse one.

    Parameters
    ----------
    coarse, fine
        Two grids of the same extent, the second a refinement of the first.
    xy_m
        Points, shape (N, 2).
    wanted
        The coarse cells to measure, flat; all where none are named.

    Returns
    -------
    metres, flat in the order of the fine grid; NaN in coarse cells that are not wanted
    """
    tree = cKDTree(xy_m)
    every = np.arange(coarse.rows * coarse.columns)
    asked = every if wanted is None else np.flatnonzero(wanted)
    middle = np.column_stack(coarse.centres(asked))
    reach = tree.query(middle)[0] + coarse.cell_m * np.sqrt(2.0) * (1 + 1e-9)
    near = tree.query_ball_point(middle, reach, return_sorted=True)
    number = np.array([len(each) for each in near])
    first = np.cumsum(number) - number
    candidate = np.fromiter(chain.from_iterable(near), dtype=np.int64)
    factor = fine.rows // coarse.rows
    offset = (np.arange(factor) + 0.5) * fine.cell_m - coarse.cell_m / 2
    square = np.full((len(middle), factor, factor), np.inf)
    for turn in range(int(number.max(initial=0))):
        cell = np.flatnonzero(number > turn)
        away = middle[cell] - xy_m[candidate[first[cell] + turn]]
        east, north = away[:, 0, None] + offset, away[:, 1, None] + offset
        metres2 = (north**2)[:, :, None] + (east**2)[:, None, :]
        square[cell] = np.minimum(square[cell], metres2)
    metres = np.full((len(every), factor, factor), np.nan)
    metres[asked] = np.sqrt(square)
    shape = (coarse.rows, coarse.columns, factor, factor)
    ordered: FloatArray = metres.reshape(shape).transpose(0, 2, 1, 3).ravel()
    return ordered

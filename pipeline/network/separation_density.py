"""Map how dense streets are and which way they run, and what that makes a boundary expect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from scipy import ndimage

from pipeline.measures.island_grid import FloatArray, GridFrame

from .separation_streets import Streets, directions

SMOOTHED_CELLS = 3
BINS = 12
# Steps of the table of what a boundary crosses, over half a turn.
TABLE_STEPS = 360


@dataclass(frozen=True)
class StreetDensity:
    """
    Street length per km² around each cell of a grid, flat.

    `all_ways` counts interior ways too, `public` does not. `by_bearing` (bins, cells) splits the
    public streets by their bearing, bin b around b / bins of half a turn; `four_fold`
    (2, cells) are the sums of cos and sin of four times the bearing, whose direction is that of
    the streets' lattice.
    """

    grid: GridFrame
    all_ways: FloatArray
    public: FloatArray
    by_bearing: FloatArray
    four_fold: FloatArray


def street_density(streets: Streets, grid: GridFrame) -> StreetDensity:
    """
    Measure street density and bearings in a moving window of three by three cells.

    Parameters
    ----------
    streets
        The network.
    grid
        Grid of the result.
    """
    pieces = streets.pieces
    cell = grid.index(pieces.xy_m[:, 0], pieces.xy_m[:, 1])
    on_grid = cell >= 0
    public = on_grid & ~streets.interior[pieces.edge]
    direction = directions(streets)
    number = np.rint(direction / np.pi * BINS).astype(np.int8) % BINS
    every = slice(None)
    metres_each = streets.length_m[pieces.edge] / pieces.number(every)

    def layer(weight: FloatArray) -> FloatArray:
        metres = np.bincount(cell[on_grid], weight[on_grid], grid.rows * grid.columns)
        mean = ndimage.uniform_filter(metres.reshape(grid.shape), SMOOTHED_CELLS, mode="constant")
        return np.asarray(mean.ravel() / 1000 / grid.cell_km2)

    length = np.where(public, metres_each, 0.0)
    return StreetDensity(
        grid,
        np.maximum(layer(metres_each), 0.0),
        np.maximum(layer(length), 0.0),
        np.array([np.maximum(layer(np.where(number == b, length, 0.0)), 0.0) for b in range(BINS)]),
        np.array([layer(length * wave(4 * direction)) for wave in (np.cos, np.sin)]),
    )


def expected_openings(
    boundary: shapely.LinearRing, angle_rad: FloatArray, by_bearing: FloatArray
) -> FloatArray:
    """
    Tell how many streets a boundary would cross if streets ran on as they do around it.

    A straight stretch of length L crosses, of streets of density r that run at an angle t to it,
    r L |sin t|. A boundary along the streets of a lattice so crosses fewer than one across it,
    which has to be allowed for when a park is turned.

    Parameters
    ----------
    boundary
        Closed line in metres.
    angle_rad
        Rotations, shape (D,).
    by_bearing
        Street density by bearing at each position, km per km², shape (D, bins).

    Returns
    -------
    openings, shape (D,)
    """
    corner = shapely.get_coordinates(boundary)
    run = np.diff(corner, axis=0)
    length_km = np.hypot(run[:, 0], run[:, 1]) / 1000
    bearing = np.arctan2(run[:, 1], run[:, 0])
    steps = np.arange(TABLE_STEPS) * np.pi / TABLE_STEPS
    crossed = (length_km * np.abs(np.sin(bearing - steps[:, None]))).sum(axis=1)
    streets = np.arange(by_bearing.shape[1]) * np.pi / by_bearing.shape[1]
    relative = np.mod(streets - angle_rad[:, None], np.pi) / np.pi * TABLE_STEPS
    at = np.interp(relative, np.arange(TABLE_STEPS + 1), np.append(crossed, crossed[0]))
    expected: FloatArray = (at * by_bearing).sum(axis=1)
    return expected


def lattice_direction(four_fold: FloatArray) -> FloatArray:
    """Give the direction of a lattice from its four-fold sums (D, 2), in (-pi/4, pi/4]."""
    return np.asarray(np.arctan2(four_fold[:, 1], four_fold[:, 0]) / 4)

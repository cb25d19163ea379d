"""Put many points on their lines in one compiled loop, as GEOS does to the last bit."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.compiled import compiled
from pipeline.measures.island_grid import FloatArray, IntArray


def corners(lines: NDArray[np.object_]) -> tuple[FloatArray, IntArray]:
    """Give the corners of lines one after the other, and where those of each line begin."""
    xy, owner = shapely.get_coordinates(lines, return_index=True)
    return xy, np.searchsorted(owner, np.arange(len(lines) + 1))


def feet(
    sorted_corners: tuple[FloatArray, IntArray], line: IntArray, xy_m: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """
    Find the point of a line that is nearest to each of some points.

    Parameters
    ----------
    sorted_corners
        What `corners` gives.
    line
        The line for each point, shape (N,).
    xy_m
        The points, shape (N, 2).

    Returns
    -------
    metres to the line (N,), the foot's share of the line's length (N,), and the foot (N, 2)
    """
    away, share, foot = np.empty(len(line)), np.empty(len(line)), np.empty((len(line), 2))
    _feet(sorted_corners, line, np.ascontiguousarray(xy_m), (away, share, foot))
    return away, share, foot


@compiled
def _feet(
    sorted_corners: tuple[FloatArray, IntArray],
    line: IntArray,
    xy_m: FloatArray,
    found: tuple[FloatArray, FloatArray, FloatArray],
) -> None:
    xy, first = sorted_corners
    away, share, foot = found
    for row in range(len(line)):
        begin, end = first[line[row]], first[line[row] + 1]
        away[row], along = _nearest(xy[begin:end], xy_m[row, 0], xy_m[row, 1])
        length = 0.0
        for corner in range(begin, end - 1):
            length += _metres(xy, corner)
        share[row] = along / length if length > 0 else np.nan
        _place(xy[begin:end], share[row] * length, foot[row])


@compiled
def _metres(xy: FloatArray, corner: int) -> float:
    dx, dy = xy[corner + 1] - xy[corner]
    return float(np.sqrt(dx * dx + dy * dy))


@compiled
def _nearest(xy: FloatArray, x: float, y: float) -> tuple[float, float]:
    """Give metres to a line, and metres along it to the nearest place."""
    least, along, before = np.inf, 0.0, 0.0
    for corner in range(len(xy) - 1):
        ax, ay = xy[corner]
        bx, by = xy[corner + 1]
        dx, dy = bx - ax, by - ay
        square = dx * dx + dy * dy
        metres = np.sqrt(square)
        part = ((x - ax) * dx + (y - ay) * dy) / square if square > 0 else 0.0
        if part <= 0:
            distance = np.sqrt((x - ax) * (x - ax) + (y - ay) * (y - ay))
        elif part >= 1:
            distance = np.sqrt((x - bx) * (x - bx) + (y - by) * (y - by))
        else:
            distance = abs(((ay - y) * dx - (ax - x) * dy) / square) * metres
        if distance < least:
            least, along = distance, before + min(max(part, 0.0), 1.0) * metres
        before += metres
    return least, along


@compiled
def _place(xy: FloatArray, along: float, place: FloatArray) -> None:
    """Find the place so many metres along a line."""
    before = 0.0
    place[:] = xy[-1]
    for corner in range(len(xy) - 1):
        metres = _metres(xy, corner)
        if before + metres > along:
            part = max((along - before) / metres, 0.0)
            place[:] = (xy[corner + 1] - xy[corner]) * part + xy[corner]
            return
        before += metres

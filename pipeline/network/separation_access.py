"""Measure walking minutes to facilities over a city, interior ways as first or last leg only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_array, csr_array
from scipy.spatial import cKDTree

from pipeline.measures.island_grid import BoolArray, FloatArray, GridFrame

from .separation_streets import OnStreet, Streets, snap_to_streets
from .shortest import nearest


def node_metres(streets: Streets, facilities_xy_m: FloatArray, *, snap_m: float) -> FloatArray:
    """
    Measure the walk from every node to its nearest facility.

    The way may use interior ways next to the facility, then public streets, then interior ways
    next to the node: never an interior in between.

    Parameters
    ----------
    streets
        The network.
    facilities_xy_m
        Entrances of facilities, shape (N, 2).
    snap_m
        A facility farther than this from any street is left out.

    Returns
    -------
    metres for each node; infinite where no facility can be reached
    """
    doors, away = _doors(streets, facilities_xy_m, snap_m)
    within = streets.interior[doors.edge]
    interior = streets.matrix(streets.interior).tocoo()
    on_street = np.zeros(len(streets.node_xy_m), dtype=bool)
    for ends in (streets.u, streets.v):
        on_street[ends[~streets.interior]] = True
    # A leg through an interior ends at the first street it meets, and starts at the last one.
    to_street = _without(interior, on_street[interior.row])
    from_street = _without(interior, on_street[interior.col])
    leg = _spread(to_street, _start(streets, doors.take(np.flatnonzero(within)), away[within]))
    street = np.minimum(leg, _start(streets, doors.take(np.flatnonzero(~within)), away[~within]))
    walked = _spread(streets.public, street)
    return np.minimum(_spread(from_street, walked), walked)


def _without(matrix: coo_array, dropped: BoolArray) -> csr_array:
    kept = ~dropped
    return csr_array((matrix.data[kept], (matrix.row[kept], matrix.col[kept])), shape=matrix.shape)


def _doors(streets: Streets, xy_m: FloatArray, snap_m: float) -> tuple[OnStreet, FloatArray]:
    """Put facilities on the nearest way of any kind; give places and metres to them."""
    places, row = snap_to_streets(streets, xy_m, snap_m=snap_m, public=False)
    away = np.hypot(*(xy_m.reshape(-1, 2)[row >= 0] - places.xy_m).T)
    return places, away


def _start(streets: Streets, doors: OnStreet, away_m: FloatArray) -> FloatArray:
    """Give the least metres from each node to a facility that lies along one of its edges."""
    start = np.full(len(streets.node_xy_m), np.inf)
    rest = streets.length_m[doors.edge] - doors.along_m
    np.minimum.at(start, streets.u[doors.edge], away_m + doors.along_m)
    np.minimum.at(start, streets.v[doors.edge], away_m + rest)
    return start


def _spread(matrix: csr_array, start_m: FloatArray) -> FloatArray:
    """Walk on from start values along a matrix; a node may keep its own start value."""
    known = np.flatnonzero(np.isfinite(start_m))
    return nearest(matrix, known, start_m[known], known)[0]


@dataclass(frozen=True)
class Beside:
    """The cells of a grid near a street: flat number, metres to it, and its nearest piece."""

    size: int
    cell: NDArray[np.int32]
    away_m: FloatArray
    piece: NDArray[np.int32]


def beside_streets(streets: Streets, grid: GridFrame, *, snap_m: float) -> Beside:
    """
    Find the cells whose centre lies within a distance of a street, and the piece nearest to each.

    Only cells in blocks that hold streets, or beside such blocks, are searched.
    """
    xy = streets.pieces.xy_m
    block = max(1, int(np.ceil(snap_m / grid.cell_m)))
    rows, columns = -(-grid.rows // block), -(-grid.columns // block)
    streeted = np.zeros((rows + 2, columns + 2), dtype=bool)
    step = block * grid.cell_m
    column = np.floor((xy[:, 0] - grid.x_min_m) / step).astype(np.int64)
    row = np.floor((xy[:, 1] - grid.y_min_m) / step).astype(np.int64)
    streeted[np.clip(row + 1, 0, rows + 1), np.clip(column + 1, 0, columns + 1)] = True
    near = ndimage.binary_dilation(streeted, np.ones((3, 3), dtype=bool))[1:-1, 1:-1]
    fine = near.repeat(block, axis=0).repeat(block, axis=1)[: grid.rows, : grid.columns]
    cell = np.flatnonzero(fine)
    away, piece = streets.any_tree.query(
        np.column_stack(grid.centres(cell)), distance_upper_bound=np.nextafter(snap_m, np.inf)
    )
    found = np.isfinite(away)
    cell, piece = cell[found].astype(np.int32), piece[found].astype(np.int32)
    return Beside(grid.rows * grid.columns, cell, away[found], piece)


def minutes_field(
    streets: Streets,
    facilities_xy_m: FloatArray,
    beside: Beside,
    *,
    snap_m: float,
    walk_m_min: float,
) -> FloatArray:
    """
    Give walking minutes to the nearest facility from the centre of each cell.

    Parameters
    ----------
    streets
        The network.
    facilities_xy_m
        Entrances of facilities, shape (N, 2).
    beside
        The cells near streets, of a grid of 50 to 100 m; see `beside_streets`.
    snap_m
        A facility farther than this from any street is left out.
    walk_m_min
        Walking speed, also to the street.

    Returns
    -------
    minutes, flat; NaN where there is no street near or no way
    """
    metres = node_metres(streets, facilities_xy_m, snap_m=snap_m)
    edge, share = streets.pieces.edge[beside.piece], streets.pieces.share(beside.piece)
    length_m = streets.length_m[edge]
    ends = np.minimum(
        metres[streets.u[edge]] + share * length_m,
        metres[streets.v[edge]] + (1 - share) * length_m,
    )
    along = np.minimum(ends, _same_edge(streets, beside.piece, facilities_xy_m, snap_m))
    total = beside.away_m + along
    minutes = np.full(beside.size, np.nan)
    minutes[beside.cell] = np.where(np.isfinite(total), total / walk_m_min, np.nan)
    return minutes


def _same_edge(
    streets: Streets, piece: NDArray[np.int32], xy_m: FloatArray, snap_m: float
) -> FloatArray:
    """Give metres from some pieces to a facility on the same edge, without passing its ends."""
    direct = np.full(len(piece), np.inf)
    doors, away = _doors(streets, xy_m, snap_m)
    if len(doors.edge) == 0:
        return direct
    # Edges stand far apart on this axis, so that the nearest facility is one on the same edge.
    step = 10.0 * (streets.length_m.max() + 1.0)
    own = doors.edge * step + doors.along_m
    served = np.zeros(len(streets.u), dtype=bool)
    served[doors.edge] = True
    pieces = streets.pieces
    near = np.flatnonzero(served[pieces.edge[piece]])
    edge = pieces.edge[piece[near]]
    along = pieces.share(piece[near]) * streets.length_m[edge]
    gap, number = cKDTree(own[:, None]).query((edge * step + along)[:, None])
    direct[near] = np.where(doors.edge[number] == edge, gap + away[number], direct[near])
    return direct

"""Measure how far one has to walk around: distances between many boundary points in few passes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.sparse.csgraph import dijkstra

from pipeline.measures.island_boundary import Facing, filled_distance
from pipeline.measures.island_grid import BoolArray, FloatArray, IntArray

from .separation_streets import OnStreet, Streets, snap_to_streets

logger = logging.getLogger(__name__)

# Rows of distances held at once; each is as long as the network has nodes.
CHUNK = 24

# Pairs looked at together. More are taken by neighbourhood.
PAIRS_AT_ONCE = 1_000_000
BYTES_A_PAIR = 400
NEIGHBOURHOOD_M = 5000.0

# Lengths of the ways looked for first, in multiples of the straight line (a lattice has at most
# the square root of 2).
SEARCHED_FIRST = (1.5, 3.0)

# Snapped ends have to stay this share of their boundary points' distance apart.
STILL_APART_SHARE = 0.5


@dataclass(frozen=True)
class Routes:
    """Pairs of places between which a way is wanted, and how long it may be at most."""

    first: OnStreet
    second: OnStreet
    limit_m: FloatArray

    @classmethod
    def joined(cls, parts: Sequence[Routes]) -> Routes:
        """Put the pairs of several parks together, in order."""

        def together(places: list[OnStreet]) -> OnStreet:
            return OnStreet(
                np.concatenate([place.edge for place in places]),
                np.concatenate([place.along_m for place in places]),
                np.concatenate([place.xy_m for place in places]),
            )

        return cls(
            together([part.first for part in parts]),
            together([part.second for part in parts]),
            np.concatenate([part.limit_m for part in parts]),
        )


def walking_distances(streets: Streets, routes: Routes) -> FloatArray:
    """
    Measure the ways between pairs of places on public streets, in shared passes.

    Most ways are little longer than the straight line, and a search costs the area it covers: the
    first pass looks no farther than `SEARCHED_FIRST` allows, the next ones only for pairs still
    without a way, up to the longest way they allow. What a pass finds within its limit is the
    shortest, so that the passes change no figure.

    Parameters
    ----------
    streets
        The network.
    routes
        Pairs of places.

    Returns
    -------
    metres; infinite where the way is longer than the limit or where there is none
    """
    found = np.full(len(routes.limit_m), np.inf)
    straight_m = np.hypot(*(routes.first.xy_m - routes.second.xy_m).T)
    pending = np.arange(len(found))
    for factor in (*SEARCHED_FIRST, None):
        limit_m = routes.limit_m[pending]
        if factor is not None:
            limit_m = np.minimum(limit_m, factor * straight_m[pending])
        for part in _neighbourhoods(routes.first.xy_m[pending]):
            which = pending[part]
            here = Routes(routes.first.take(which), routes.second.take(which), limit_m[part])
            found[which] = _one_pass(streets, here)
        pending = pending[np.isinf(found[pending]) & (limit_m < routes.limit_m[pending])]
        if not len(pending):
            break
    return found


def parts_of(pairs: int) -> int:
    """Say in how many parts so many pairs are searched."""
    return max(1, -(-pairs // PAIRS_AT_ONCE))


def _neighbourhoods(xy_m: FloatArray) -> list[IntArray]:
    """Split pairs that are too many to be held at once; neighbours stay together and share ways."""
    parts = parts_of(len(xy_m))
    if parts == 1:
        return [np.arange(len(xy_m))]
    logger.info("%d pairs around parks are searched in %d parts to save memory", len(xy_m), parts)
    column, row = np.floor(xy_m / NEIGHBOURHOOD_M).T
    return np.array_split(np.lexsort((column, row)), parts)


def _one_pass(streets: Streets, routes: Routes) -> FloatArray:
    """
    Measure ways up to their limits.

    Sources are the ends of the first places' edges; each is searched once for all pairs that need
    it, up to the longest way they allow, in order of that length.
    """
    a, b = routes.first, routes.second
    rest_b = streets.length_m[b.edge] - b.along_m
    best = np.where(a.edge == b.edge, np.abs(a.along_m - b.along_m), np.inf)
    # Both ends of the first edge are sources of the same pass: most serve as either.
    source = np.append(streets.u[a.edge], streets.v[a.edge])
    lead = np.append(a.along_m, streets.length_m[a.edge] - a.along_m)
    to_u, to_v = np.tile(streets.u[b.edge], 2), np.tile(streets.v[b.edge], 2)
    found = _from_sources(streets, source, to_u, to_v, np.tile(routes.limit_m, 2))
    ways = lead + np.minimum(found[0] + np.tile(b.along_m, 2), found[1] + np.tile(rest_b, 2))
    best = np.minimum(best, ways.reshape(2, -1).min(axis=0))
    # Rounding must not put a way of exactly the limit beyond it.
    return np.where(best <= routes.limit_m + 1e-3, best, np.inf)


def _from_sources(
    streets: Streets, source: IntArray, to_u: IntArray, to_v: IntArray, limit_m: FloatArray
) -> FloatArray:
    """Give metres from each source node to two target nodes, shape (2, pairs)."""
    result = np.full((2, len(source)), np.inf)
    for rows in _tiles(streets.node_xy_m[source], limit_m):
        result[:, rows] = _in_tile(streets, source[rows], to_u[rows], to_v[rows], limit_m[rows])
    return result


def _tiles(xy_m: FloatArray, limit_m: FloatArray) -> list[IntArray]:
    """Group pairs by limits of like size and by squares as wide as these: neighbours share."""
    size = np.ceil(np.log2(np.maximum(limit_m, 1.0)))
    square = np.floor((xy_m - xy_m.min(axis=0)) / np.exp2(size)[:, None]) if len(xy_m) else xy_m
    # Whole numbers up to 2^53 are exact.
    key = (size * 2**20 + square[:, 0]) * 2**20 + square[:, 1]
    order = np.argsort(key, kind="stable")
    cuts = np.flatnonzero(np.diff(key[order])) + 1
    return [part for part in np.split(order, cuts) if len(part)]


def _in_tile(
    streets: Streets, source: IntArray, to_u: IntArray, to_v: IntArray, limit_m: FloatArray
) -> FloatArray:
    """
    Search from sources that lie together, on the part of the network they can reach.

    No way is shorter than the straight line: nodes farther off than the limit cannot matter.
    """
    xy, reach_m = streets.node_xy_m, float(limit_m.max()) + 1.0
    west_south, east_north = xy[source].min(axis=0) - reach_m, xy[source].max(axis=0) + reach_m
    part = np.flatnonzero(((xy >= west_south) & (xy <= east_north)).all(axis=1))
    local = np.full(len(xy), -1, dtype=np.int64)
    local[part] = np.arange(len(part))
    network = streets.public[part][:, part]
    nodes, inverse = np.unique(local[source], return_inverse=True)
    reach = np.zeros(len(nodes))
    np.maximum.at(reach, inverse, limit_m)
    by_reach = np.argsort(reach, kind="stable")
    rank = np.empty(len(nodes), dtype=np.int64)
    rank[by_reach] = np.arange(len(nodes))
    pair = np.argsort(rank[inverse], kind="stable")
    row = rank[inverse][pair]
    result = np.full((2, len(source)), np.inf)
    for start in range(0, len(nodes), CHUNK):
        chunk = by_reach[start : start + CHUNK]
        # The matrix is symmetric: read as directed, each street is looked at once, not twice.
        metres = dijkstra(network, indices=nodes[chunk], limit=float(reach[chunk].max()))
        here = pair[np.searchsorted(row, start) : np.searchsorted(row, start + CHUNK)]
        line = rank[inverse][here] - start
        for number, target in enumerate((local[to_u[here]], local[to_v[here]])):
            result[number, here] = np.where(target >= 0, metres[line, target], np.inf)
    return result


@dataclass(frozen=True)
class BoundaryRoutes:
    """
    The facing pairs of one park's boundary at D positions.

    `draw` numbers the position of each pair; `filled_m` is the way across the filled interior.
    Pairs whose ends lie on different parts of the network are not among them.
    """

    positions: int
    draw: IntArray
    filled_m: FloatArray
    routes: Routes

    def circumvention(self, walked_m: FloatArray, *, quantile: float, min_pairs: int) -> FloatArray:
        """
        Give the quantile of walked over filled distance at each position.

        A way longer than the limit counts as the limit: the ratio is then a lower bound.

        Returns
        -------
        shape (D,); NaN where fewer than `min_pairs` pairs could be set
        """
        walked = np.where(np.isfinite(walked_m), walked_m, self.routes.limit_m)
        ratio = walked / np.minimum(self.filled_m, walked)
        result = np.full(self.positions, np.nan)
        order = np.argsort(self.draw, kind="stable")
        bounds = np.searchsorted(self.draw[order], np.arange(self.positions + 1))
        for position, (start, stop) in enumerate(pairwise(bounds)):
            if stop - start >= min_pairs:
                result[position] = np.quantile(ratio[order[start:stop]], quantile)
        return result


def boundary_routes(
    streets: Streets,
    facing: Facing,
    placed: tuple[FloatArray, FloatArray],
    local: tuple[FloatArray, FloatArray, FloatArray],
    *,
    spacing_m: FloatArray,
    direction_rad: FloatArray,
    snap_m: float,
    limit_factor: float,
) -> BoundaryRoutes:
    """
    Snap boundary points to public streets and set the ways wanted between facing ones.

    Parameters
    ----------
    streets
        The network.
    facing
        Which boundary points face each other, in the park's own frame.
    placed
        x and y of the boundary points at each position, shape (D, P).
    local
        x, y and rotation of each position, which put the middle of the rectangle.
    spacing_m, direction_rad
        Spacing and direction of the streets with which the interior is filled at each position,
        those of the ring, shape (D,).
    snap_m
        A point farther than this from a public street sets no pair.
    limit_factor
        Longest way searched, in multiples of the rectangle's two sides together.
    """
    x, y = placed
    places, row = snap_to_streets(streets, np.column_stack([x.ravel(), y.ravel()]), snap_m=snap_m)
    row = row.reshape(x.shape)
    first, second = row[:, facing.first], row[:, facing.second]
    usable = (first >= 0) & (second >= 0) & (spacing_m > 0)[:, None]
    draw = np.nonzero(usable)[0]
    start, end = places.take(first[usable]), places.take(second[usable])
    # Two points snapped to the same street in between no longer lie on opposing sides.
    across = np.hypot(*np.subtract(*_ends_apart(x, y, facing, usable)))
    apart = np.hypot(*(start.xy_m - end.xy_m).T) >= STILL_APART_SHARE * across
    of_edge = streets.component[streets.u]
    kept = np.flatnonzero(apart & (of_edge[start.edge] == of_edge[end.edge]))
    draw, start, end = draw[kept], start.take(kept), end.take(kept)
    filled = filled_distance(
        _in_frame(facing, start, draw, (*local, direction_rad)),
        _in_frame(facing, end, draw, (*local, direction_rad)),
        spacing_m=spacing_m[draw],
    )  # fmt: skip
    limit = np.full(len(draw), limit_factor * sum(facing.size_m))
    return BoundaryRoutes(len(x), draw, np.maximum(filled, 1.0), Routes(start, end, limit))


def _ends_apart(
    x: FloatArray, y: FloatArray, facing: Facing, usable: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """Give the coordinates of the first and second ends of usable pairs, each (2, pairs)."""
    first = np.stack([x[:, facing.first][usable], y[:, facing.first][usable]])
    second = np.stack([x[:, facing.second][usable], y[:, facing.second][usable]])
    return first, second


def _in_frame(
    facing: Facing, places: OnStreet, draw: IntArray, local: tuple[FloatArray, ...]
) -> tuple[FloatArray, FloatArray]:
    """Give places in a frame around the middle of the park, along the lattice that fills it."""
    x_m, y_m, angle, direction = (values[draw] for values in local)
    cos, sin = np.cos(angle), np.sin(angle)
    middle_x = x_m + cos * facing.centre[0] - sin * facing.centre[1]
    middle_y = y_m + sin * facing.centre[0] + cos * facing.centre[1]
    dx, dy = places.xy_m[:, 0] - middle_x, places.xy_m[:, 1] - middle_y
    cos, sin = np.cos(direction), np.sin(direction)
    return cos * dx + sin * dy, cos * dy - sin * dx

"""Measure how far one has to walk around: distances between many boundary points in few passes."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.measures.island_boundary import Facing, filled_distance
from pipeline.measures.island_grid import BoolArray, FloatArray, IntArray

from .separation_streets import OnStreet, Streets, snap_to_streets
from .shortest import between

logger = logging.getLogger(__name__)

# Pairs looked at together. More are taken by neighbourhood.
PAIRS_AT_ONCE = 500_000
BYTES_A_PAIR = 220
NEIGHBOURHOOD_M = 5000.0

# Rounding must not put a way of exactly the limit beyond it.
ROUNDING_M = 1e-3

# From here on numpy reckons a quantile down from the value above.
HALF = 0.5

# Snapped ends have to stay this share of their boundary points' distance apart.
STILL_APART_SHARE = 0.5


@dataclass(frozen=True)
class Ends:
    """Places on streets without their coordinates: there are millions of them."""

    edge: NDArray[np.int32]
    along_m: FloatArray

    @classmethod
    def of(cls, places: OnStreet) -> Ends:
        """Take what a search needs."""
        return cls(places.edge.astype(np.int32), places.along_m)

    def take(self, rows: IntArray | slice) -> Ends:
        """Give the places of some rows; those of a slice are no copy."""
        return Ends(self.edge[rows], self.along_m[rows])


@dataclass(frozen=True)
class Routes:
    """Pairs of places between which a way is wanted, and how long it may be at most."""

    first: Ends
    second: Ends
    limit_m: FloatArray

    @classmethod
    def joined(cls, parts: list[Routes]) -> Routes:
        """Put the pairs of several parks together, in order, and empty their list.

        One column after the other is taken out of the parts: they are not held twice.
        """
        columns: list[list[NDArray[Any]]] = [
            [part.first.edge for part in parts],
            [part.first.along_m for part in parts],
            [part.second.edge for part in parts],
            [part.second.along_m for part in parts],
            [part.limit_m for part in parts],
        ]
        parts.clear()
        together = []
        while columns:
            together.append(np.concatenate(columns.pop(0)))
        return cls(Ends(*together[:2]), Ends(*together[2:4]), together[4])

    def take(self, rows: IntArray | slice) -> Routes:
        """Give the pairs of some rows; those of a slice are no copy."""
        return Routes(self.first.take(rows), self.second.take(rows), self.limit_m[rows])


def walking_distances(streets: Streets, routes: Routes) -> FloatArray:
    """
    Measure the ways between pairs of places on public streets.

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
    node = streets.u.astype(np.int32)[routes.first.edge]
    for part in _neighbourhoods(streets.node_xy_m, node):
        found[part] = _ways(streets, routes.take(part))
    return found


def parts_of(pairs: int) -> int:
    """Say in how many parts so many pairs are searched."""
    return max(1, -(-pairs // PAIRS_AT_ONCE))


def _neighbourhoods(node_xy_m: FloatArray, node: NDArray[np.int32]) -> list[IntArray]:
    """Split pairs that are too many to be held at once; neighbours stay together and share ways."""
    parts = parts_of(len(node))
    if parts == 1:
        return [np.arange(len(node))]
    logger.info("%d pairs around parks are searched in %d parts to save memory", len(node), parts)
    column, row = np.floor(node_xy_m / NEIGHBOURHOOD_M).astype(np.int32).T
    return np.array_split(np.lexsort((column[node], row[node])), parts)


def _ways(streets: Streets, routes: Routes) -> FloatArray:
    """
    Measure ways up to their limits.

    Sources are the ends of the first places' edges; each is searched once for all pairs that need
    it, until it has met the ends of all their second places' edges.
    """
    a, b = routes.first, routes.second
    rest_b = streets.length_m[b.edge] - b.along_m
    best = np.where(a.edge == b.edge, np.abs(a.along_m - b.along_m), np.inf)
    # Both ends of the first edge are sources of the same pass: most serve as either.
    u, v = streets.u.astype(np.int32), streets.v.astype(np.int32)
    source = np.append(u[a.edge], v[a.edge])
    lead = np.append(a.along_m, streets.length_m[a.edge] - a.along_m)
    ends = np.tile(np.column_stack((u[b.edge], v[b.edge])), (2, 1))
    found = between(
        streets.public,
        source,
        ends,
        limit=np.tile(routes.limit_m + ROUNDING_M, 2),
        place=streets.along_curve,
    )
    onward = np.tile(np.column_stack((b.along_m, rest_b)), (2, 1))
    found += onward
    ways = lead + found.min(axis=1)
    best = np.minimum(best, ways.reshape(2, -1).min(axis=0))
    return np.where(best <= routes.limit_m + ROUNDING_M, best, np.inf)


@dataclass(frozen=True)
class BoundaryRoutes:
    """
    The facing pairs of one park's boundary at D positions.

    `draw` numbers the position of each pair; `filled_m` is the way across the filled interior.
    Pairs whose ends lie on different parts of the network are not among them.
    """

    positions: int
    draw: NDArray[np.int32]
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
        order = np.lexsort((ratio, self.draw))
        number = np.bincount(self.draw, minlength=self.positions)
        enough = np.flatnonzero(number >= max(min_pairs, 1))
        first = (np.cumsum(number) - number)[enough]
        # Linear between the two values around the place, as numpy reckons it, to the last bit.
        place = quantile * (number[enough] - 1)
        low = np.floor(place).astype(np.int64)
        share = place - low
        high = np.minimum(low + 1, number[enough] - 1)
        lower, upper = ratio[order[first + low]], ratio[order[first + high]]
        gap = upper - lower
        result = np.full(self.positions, np.nan)
        result[enough] = np.where(
            share >= HALF,
            upper - gap * (1 - share),
            lower + gap * share,
        )
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
    routes = Routes(Ends.of(start), Ends.of(end), limit)
    return BoundaryRoutes(len(x), draw.astype(np.int32), np.maximum(filled, 1.0), routes)


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

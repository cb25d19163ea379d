"""Prepare a walking network for the separation measures: matrices, pieces, indices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from pipeline.errors import FieldError, Problem
from pipeline.measures.island_grid import BoolArray, FloatArray, IntArray

from .graph import StreetGraph
from .separation_feet import corners, feet
from .separation_segments import SegmentGrid

# Edges are cut into pieces no longer than this, so that the nearest piece stands for the nearest
# edge: a point is then at most half a piece off along the street.
PIECE_M = 25.0
EDGES_AT_ONCE = 100_000
REQUIRED = ("u", "v", "length_m", "interior")


Numbers = NDArray[np.signedinteger[Any]]


@dataclass(frozen=True)
class Streets:
    """
    A walking network as plain arrays.

    `u`, `v` are node rows, `length_m` and `interior` describe each edge, `lines` are the edges'
    geometries and `node_xy_m` the nodes'. Interior ways serve as first or last leg only.
    """

    node_xy_m: FloatArray
    u: IntArray
    v: IntArray
    length_m: FloatArray
    interior: BoolArray
    lines: NDArray[np.object_]
    _metres: dict[shapely.Geometry, tuple[float, float]] = field(default_factory=dict, repr=False)

    @classmethod
    def from_tables(cls, nodes: gpd.GeoDataFrame, edges: gpd.GeoDataFrame) -> Streets:
        """
        Read node and edge tables.

        Parameters
        ----------
        nodes
            `node_id` and points in metres.
        edges
            `u`, `v` (node ids), `length_m`, `interior` and lines from u to v in metres.

        Raises
        ------
        FieldError
            If a column is missing or an edge names a node that does not exist.
        """
        missing = [name for name in REQUIRED if name not in edges.columns]
        ids = pd.Index(nodes["node_id"])
        ends = [] if missing else [ids.get_indexer(edges[name]) for name in ("u", "v")]
        if missing or any((end < 0).any() for end in ends):
            what = ", ".join(missing) or "u, v"
            raise FieldError(
                Problem(
                    zh=f"道路边表缺少字段或引用了不存在的节点：{what}",
                    en=f"the edge table lacks fields or names unknown nodes: {what}",
                    rule="island.streets",
                )
            )
        return cls(
            np.asarray(shapely.get_coordinates(nodes.geometry.to_numpy())),
            np.asarray(ends[0], dtype=np.int64),
            np.asarray(ends[1], dtype=np.int64),
            edges["length_m"].to_numpy(dtype=np.float64),
            edges["interior"].to_numpy(dtype=bool),
            np.asarray(edges.geometry.to_numpy()),
        )

    @classmethod
    def of_graph(cls, graph: StreetGraph) -> Streets:
        """Take over a walking graph that was read and checked."""
        return cls(
            graph.node_xy,
            graph.u_row,
            graph.v_row,
            graph.edges["length_m"].to_numpy(dtype=np.float64),
            graph.edges["interior"].to_numpy(dtype=bool),
            graph.lines,
        )

    @cached_property
    def public(self) -> csr_array:
        """Symmetric matrix of public edges in metres; of parallel edges the shortest."""
        return self.matrix(~self.interior)

    def matrix(self, chosen: BoolArray) -> csr_array:
        """Give the symmetric matrix of the chosen edges in metres, loops left out."""
        used = chosen & (self.u != self.v)
        low, high = np.minimum(self.u, self.v)[used], np.maximum(self.u, self.v)[used]
        # A matrix adds parallel edges up, and reads zero as no edge.
        metres = np.maximum(self.length_m[used], 1e-6)
        order = np.lexsort((metres, high, low))
        low, high, metres = low[order], high[order], metres[order]
        new = np.ones(len(low), dtype=bool)
        new[1:] = (np.diff(low) != 0) | (np.diff(high) != 0)
        low, high, metres = low[new], high[new], metres[new]
        size = len(self.node_xy_m)
        return csr_array(
            (np.tile(metres, 2), (np.append(low, high), np.append(high, low))), shape=(size, size)
        )

    def forget(self, *indices: str) -> None:
        """Drop indices that are not needed for now; asked for again they are made again."""
        for name in indices:
            self.__dict__.pop(name, None)

    def subset(self, chosen: BoolArray | IntArray) -> Streets:
        """Give the network of some edges; nodes keep their rows."""
        return Streets(
            self.node_xy_m, self.u[chosen], self.v[chosen], self.length_m[chosen],
            self.interior[chosen], self.lines[chosen],
        )  # fmt: skip

    def compact(self, nodes: IntArray) -> tuple[Streets, IntArray]:
        """Give the network of only the nodes at its edges and those named, and their new rows."""
        kept, row = np.unique(np.concatenate([self.u, self.v, nodes]), return_inverse=True)
        u, v, named = np.split(row, [len(self.u), 2 * len(self.u)])
        there = self.node_xy_m[kept]
        return Streets(there, u, v, self.length_m, self.interior, self.lines), named

    def near(self, west_south: FloatArray, east_north: FloatArray) -> IntArray:
        """Give the edges whose extent meets a rectangle, in order."""
        found: IntArray = np.sort(self.tree.query(shapely.box(*west_south, *east_north)))
        return found

    def metres_within(self, area: shapely.Geometry) -> tuple[float, float]:
        """Give the length of all streets and of the public ones in an area, measured once."""
        if area not in self._metres:
            found = self.tree.query(area, predicate="intersects")
            lines = self.lines[found]
            shapely.prepare(area)
            metres = shapely.length(lines)
            cut = ~shapely.contains_properly(area, lines)
            metres[cut] = shapely.length(shapely.intersection(lines[cut], area))
            public = metres[~self.interior[found]]
            self._metres[area] = float(metres.sum()), float(public.sum())
        return self._metres[area]

    @cached_property
    def along_curve(self) -> IntArray:
        """Places of the nodes along a curve that fills the plane: neighbours have near ones."""
        points = gpd.GeoSeries(shapely.points(self.node_xy_m))
        return np.asarray(points.hilbert_distance(), dtype=np.int64)

    @cached_property
    def degree(self) -> IntArray:
        """How many ends of edges meet at each node."""
        ends = np.append(self.u, self.v)
        return np.bincount(ends, minlength=len(self.node_xy_m)).astype(np.int64)

    @cached_property
    def component(self) -> IntArray:
        """Number of the public component of each node."""
        return np.asarray(connected_components(self.public, directed=False)[1], dtype=np.int64)

    @cached_property
    def pieces(self) -> Pieces:
        """All edges cut into short pieces."""
        return cut(self)

    @cached_property
    def public_tree(self) -> tuple[cKDTree, IntArray]:
        """Index of the middles of public pieces, and the pieces' numbers."""
        chosen = np.flatnonzero(~self.interior[self.pieces.edge])
        return cKDTree(self.pieces.xy_m[chosen]), chosen

    @cached_property
    def public_segments(self) -> SegmentGrid:
        """The straight stretches of public streets, by cell."""
        return SegmentGrid.of(self.lines[~self.interior])

    @cached_property
    def any_tree(self) -> cKDTree:
        """Index of the middles of all pieces."""
        return cKDTree(self.pieces.xy_m)

    @cached_property
    def corners(self) -> tuple[FloatArray, IntArray]:
        """The corners of all edges, and where those of each begin."""
        return corners(self.lines)

    @cached_property
    def tree(self) -> shapely.STRtree:
        """Index of the edges' geometries."""
        return shapely.STRtree(self.lines)


@dataclass(frozen=True)
class Pieces:
    """
    Short pieces of edges, millions of a large city: the middle (N, 2) and the edge of each.

    The pieces of edge e, which are equally long, are those from `first[e]` to before
    `first[e + 1]`.
    """

    xy_m: FloatArray
    edge: NDArray[np.int32]
    first: IntArray

    def share(self, piece: Numbers | slice) -> FloatArray:
        """Give the share of the edge's length at which the middles of some pieces lie."""
        edge = self.edge[piece]
        place = piece if isinstance(piece, np.ndarray) else np.arange(len(self.edge))[piece]
        return np.asarray((place - self.first[edge] + 0.5) / self.number(piece))

    def number(self, piece: Numbers | slice) -> IntArray:
        """Give how many pieces there are on the edges of some pieces."""
        edge = self.edge[piece]
        return np.asarray(self.first[edge + 1] - self.first[edge])


def cut(streets: Streets, piece_m: float = PIECE_M) -> Pieces:
    """Cut edges into equal pieces no longer than a length and give the pieces' middles."""
    number = np.maximum(1, np.ceil(streets.length_m / piece_m)).astype(np.int64)
    edge = np.repeat(np.arange(len(number), dtype=np.int32), number)
    pieces = Pieces(np.empty((len(edge), 2)), edge, np.append(0, np.cumsum(number)))
    for edges, rows in _in_blocks(pieces):
        own = edge[rows] - edges.start
        pieces.xy_m[rows] = _along(streets.lines[edges], own, pieces.share(rows))
    return pieces


def directions(streets: Streets) -> FloatArray:
    """Give the bearing of each piece from the x axis, in [0, pi)."""
    pieces = streets.pieces
    result = np.empty(len(pieces.edge))
    for edges, rows in _in_blocks(pieces):
        lines, own = streets.lines[edges], pieces.edge[rows] - edges.start
        share, half = pieces.share(rows), 0.5 / pieces.number(rows)
        run = _along(lines, own, share + half) - _along(lines, own, share - half)
        result[rows] = np.mod(np.arctan2(run[:, 1], run[:, 0]), np.pi)
    return result


def _in_blocks(pieces: Pieces) -> Iterator[tuple[slice, slice]]:
    """Yield some edges at a time and their pieces: each takes much more while it is cut."""
    count = len(pieces.first) - 1
    for begin in range(0, count, EDGES_AT_ONCE):
        end = min(begin + EDGES_AT_ONCE, count)
        yield slice(begin, end), slice(int(pieces.first[begin]), int(pieces.first[end]))


def _along(lines: NDArray[np.object_], number: NDArray[np.int32], share: FloatArray) -> FloatArray:
    """Give the point at a share of the length of each of the lines named by number."""
    xy, owner = shapely.get_coordinates(lines, return_index=True)
    run = np.diff(xy, axis=0, append=xy[-1:])
    metres = np.hypot(run[:, 0], run[:, 1])
    begin = np.searchsorted(owner, np.arange(len(lines) + 1))
    metres[begin[1:] - 1] = 0.0
    whole = np.add.reduceat(metres, begin[:-1])
    at, left = begin[number], share * whole[number]
    last = np.maximum(begin[number + 1] - 2, at)
    walking = np.flatnonzero((left > metres[at]) & (at < last))
    while len(walking):
        left[walking] -= metres[at[walking]]
        at[walking] += 1
        walking = walking[(left[walking] > metres[at[walking]]) & (at[walking] < last[walking])]
    part = np.divide(left, metres[at], out=np.zeros_like(left), where=metres[at] > 0)
    return np.asarray(xy[at] + np.minimum(part, 1.0)[:, None] * run[at])


@dataclass(frozen=True)
class OnStreet:
    """Places on streets: edge, metres along it from its first node, and coordinates."""

    edge: IntArray
    along_m: FloatArray
    xy_m: FloatArray

    def take(self, rows: IntArray | slice) -> OnStreet:
        """Give the places of some rows; those of a slice are no copy."""
        return OnStreet(self.edge[rows], self.along_m[rows], self.xy_m[rows])


def snap_to_streets(
    streets: Streets, xy_m: FloatArray, *, snap_m: float, public: bool = True
) -> tuple[OnStreet, IntArray]:
    """
    Put points on the street nearest to them.

    Parameters
    ----------
    streets
        The network.
    xy_m
        Points, shape (N, 2).
    snap_m
        A point farther than this from a street is not put anywhere.
    public
        Leave interior ways out.

    Returns
    -------
    places of the points that were put, and for each point its place's row or -1
    """
    tree, numbers = streets.public_tree if public else (streets.any_tree, None)
    away, nearest = tree.query(xy_m.reshape(-1, 2), distance_upper_bound=snap_m + PIECE_M)
    found = np.flatnonzero(np.isfinite(away))
    piece = nearest[found] if numbers is None else numbers[nearest[found]]
    edge = streets.pieces.edge[piece]
    away, share, foot = feet(streets.corners, edge, xy_m.reshape(-1, 2)[found])
    near = away <= snap_m
    found, edge, share = found[near], edge[near], share[near]
    row = np.full(len(xy_m), -1, dtype=np.int64)
    row[found] = np.arange(len(found))
    return OnStreet(edge, share * streets.length_m[edge], foot[near]), row

"""Compute the minutes from many points to every campus, at its nearest entrance."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from scipy.sparse import csr_matrix

from pipeline.compiled import compiled
from pipeline.network.graph import StreetGraph
from pipeline.network.phases import Flags, Floats, Ints
from pipeline.network.reduction import Reduced, reduce_network
from pipeline.network.search import (
    COST_TOLERANCE_MIN,
    Ends,
    arriving,
    leaving,
    points_at,
    same_edge,
    within,
)
from pipeline.network.shortest import from_neighbours, starts, to_points
from pipeline.network.snap import Snapped

# Shrinking the network costs about as much as so many searches of the whole of it, and a search of
# the shrunk one as much as a search of this share of the whole.
_WORTH_REDUCING, _SHARE_WHEN_REDUCED = 35, 0.006
_CAMPUSES_AT_ONCE = 32


class CampusNetwork:
    """The streets against their direction, with a node for each campus, shrunk where that pays.

    Parameters
    ----------
    graph
        Street graph; costs run from origin to campus.
    entrances
        Points on the graph; those not found take no part.
    campus
        Number of the campus of each entrance.
    """

    def __init__(self, graph: StreetGraph, entrances: Snapped, campus: Ints) -> None:
        self.graph, self.entrances, self.campus = graph, entrances, campus
        self.count = int(campus.max(initial=-1)) + 1
        self.farthest_min = 0.0
        self._kept: tuple[Ints, dict[int, Floats]] = (np.empty(0, dtype=np.int64), {})
        self.whole = _with_campuses(
            graph.phases.reverse,
            arriving(graph, entrances),
            campus,
            entrances.found,
            self.count,
        )

    @cached_property
    def reduced(self) -> Reduced:
        """The network of the campuses and what could not be taken out."""
        keep = np.zeros(self.whole.shape[0], dtype=bool)
        keep[-self.count :] = True
        return reduce_network(self.whole, keep)

    @cached_property
    def along_curve(self) -> Ints:
        """Place of each campus along a curve (Z-order) on which neighbours stay together."""
        first = np.searchsorted(self.campus, np.arange(self.count))
        xy = np.nan_to_num(self.entrances.xy)[np.minimum(first, len(self.campus) - 1)]
        square = (255 * (xy - xy.min(axis=0)) / np.maximum(np.ptp(xy, axis=0), 1.0)).astype(int)
        bits = [((square >> bit) & 1) << (2 * bit + np.arange(2)) for bit in range(8)]
        return np.asarray(np.sum(bits, axis=(0, 2)), dtype=np.int64)

    def search(self, origins: Snapped, limit_min: float) -> CampusSearch:
        """Prepare to search from the campuses to origins within a limit."""
        self.farthest_min = max(self.farthest_min, limit_min)
        saved = _share_reached(self.graph, limit_min) - _SHARE_WHEN_REDUCED
        worth = 0 if "reduced" in self.__dict__ else _WORTH_REDUCING
        return CampusSearch(self, origins, limit_min, by_sweep=self.count * saved > worth)

    def searched(self, asked: Ints, some: Ints) -> Floats:
        """Search the shrunk network from some of the campuses that are asked for together.

        What was found for the last ones asked for is kept: cells and homes are reached alike.
        """
        if not np.array_equal(self._kept[0], asked):
            self._kept = asked, {}
        found, first = self._kept[1], int(some[0])
        if first not in found:
            node = self.reduced.place[self.whole.shape[0] - self.count + asked[some]]
            limit_min = self.farthest_min + COST_TOLERANCE_MIN
            found[first] = from_neighbours(self.reduced.matrix, node, limit=limit_min)
        return found[first]


class CampusSearch:
    """Minutes from snapped origins to every campus, some campuses at a time.

    One search runs from each campus against the streets' direction. Where there are many, it sees
    the shrunk network only and is carried on from there to the ends of the origins' edges.
    """

    def __init__(
        self, network: CampusNetwork, origins: Snapped, limit_min: float, *, by_sweep: bool
    ) -> None:
        self._network, self._origins, self._limit_min = network, origins, limit_min
        start, rows = leaving(network.graph, origins), np.flatnonzero(origins.found)
        self._rows, self._sweep = rows, None
        self._points = points_at(start, origins.found, size=network.whole.shape[0])
        if by_sweep:
            nodes = [start.node_u[rows], start.node_v[rows]]
            self._sweep = network.reduced.sweep(np.concatenate(nodes))
            # An end that is closed costs infinitely much.
            costs = [np.where(np.isnan(cost), np.inf, cost) for cost in (start.min_u, start.min_v)]
            row = self._sweep.row
            self._via = (row[nodes[0]], costs[0][rows]), (row[nodes[1]], costs[1][rows])
        self._direct = same_edge(network.graph, origins, network.entrances)

    def minutes(self, campuses: slice) -> Floats:
        """Give minutes to a run of campuses: (origins, campuses), infinite beyond the limit."""
        asked = np.arange(self._network.count)[campuses]
        minutes = self._swept(asked) if self._sweep is not None else self._searched(asked)
        campus = self._network.campus[self._direct["target"].to_numpy()]
        own = np.isin(campus, asked)
        at = self._direct["origin"].to_numpy()[own], np.searchsorted(asked, campus[own])
        direct = self._direct["minutes"].to_numpy()[own]
        near = within(direct, self._limit_min)
        np.minimum.at(minutes, (at[0][near], at[1][near]), direct[near])
        return minutes

    def _searched(self, asked: Ints) -> Floats:
        """Search the whole network from some campuses; shape (origins, campuses)."""
        network = self._network
        node = network.whole.shape[0] - network.count + asked
        begin = starts(np.arange(len(asked)), node, np.zeros(len(asked)), count=len(asked))
        limit = self._limit_min + COST_TOLERANCE_MIN
        return to_points(network.whole, begin, self._points, limit=limit).T

    def _swept(self, asked: Ints) -> Floats:
        """Search the shrunk network from some campuses; shape (origins, campuses)."""
        assert self._sweep is not None  # noqa: S101 - asked by its only caller
        network, limit_min = self._network, self._limit_min + COST_TOLERANCE_MIN
        minutes = np.full((self._points.size, len(asked)), np.inf)
        # Neighbours are searched together: they leave the same parts of the network alone.
        order = np.argsort(network.along_curve[asked], kind="stable")
        room = np.empty((self._sweep.size, min(_CAMPUSES_AT_ONCE, len(asked))))
        for first in range(0, len(asked), _CAMPUSES_AT_ONCE):
            some = order[first : first + _CAMPUSES_AT_ONCE]
            known = network.searched(asked, some)
            part = room if len(some) == room.shape[1] else None
            found = self._sweep.carried(known, limit_min, part)
            _gather(found, self._via, (self._rows, some), limit_min, minutes)
        return minutes


@compiled
def _gather(
    found: Floats,
    via: tuple[tuple[Ints, Floats], tuple[Ints, Floats]],
    where: tuple[Ints, Ints],
    limit: float,
    minutes: Floats,
) -> None:
    """Write the minutes of points over both ends of their edges into their rows and columns."""
    (node_u, cost_u), (node_v, cost_v) = via
    for point in range(len(where[0])):
        over_u, over_v = found[node_u[point]], found[node_v[point]]
        for number in range(len(where[1])):
            total = min(over_u[number] + cost_u[point], over_v[number] + cost_v[point])
            if total <= limit:
                minutes[where[0][point], where[1][number]] = total


def _share_reached(graph: StreetGraph, limit_min: float) -> float:
    """Estimate which share of the network one search sees: its disc over the network's extent."""
    reach_m = limit_min * graph.fastest_m_min
    return float(min(1.0, np.pi * reach_m**2 / max(np.ptp(graph.node_xy, axis=0).prod(), 1.0)))


def _with_campuses(
    matrix: csr_matrix, ends: Ends, campus: Ints, where: Flags, count: int
) -> csr_matrix:
    """Append a row for each campus with arcs to the ends of its entrances, the cheapest of each."""
    size = matrix.shape[0]
    number = np.concatenate((campus, campus))
    node = np.concatenate((ends.node_u, ends.node_v))
    cost = np.concatenate((ends.min_u, ends.min_v))
    usable = np.concatenate((where, where)) & ~np.isnan(cost)
    number, node, cost = number[usable], node[usable], cost[usable]
    order = np.lexsort((cost, node, number))
    number, node, cost = number[order], node[order], cost[order]
    first = np.ones(len(number), dtype=bool)
    first[1:] = (number[1:] != number[:-1]) | (node[1:] != node[:-1])
    starts = matrix.indptr[-1] + np.cumsum(np.bincount(number[first], minlength=count))
    return csr_matrix(
        (
            np.concatenate((matrix.data, cost[first])),
            np.concatenate((matrix.indices, node[first].astype(matrix.indices.dtype))),
            np.concatenate((matrix.indptr, starts.astype(matrix.indptr.dtype))),
        ),
        shape=(size + count, size + count),
    )

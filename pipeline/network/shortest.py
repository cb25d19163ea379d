"""Search for shortest ways in compiled loops: Dijkstra (1959) with a four-ary heap.

scipy looks at every node of the network for each source and keeps a dense row of them. These
searches touch only what lies within their limit, stop once they know what was asked, and start at
several nodes of their own costs without a change of the matrix (`benchmarks/RESULTS.md` sets them
beside scipy). Costs are scipy's to the last bit: each is the least sum along a way, added up from
the source on.

A network is a sparse matrix of arcs, row to column, with no negative cost; a stored zero is an arc.
Costs carry no unit here: minutes on street graphs, metres where people walk round walls.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.network.phases import Floats, Ints
from pipeline.network.shortest_lanes import LANES, Asked, fill_targets
from pipeline.network.shortest_loops import (
    Arcs,
    Labelled,
    Nodes,
    Pairs,
    Points,
    Starts,
    fill_columns,
    fill_pairs,
    fill_points,
    grow_tree,
    label_nearest,
)
from pipeline.network.threads import in_threads

# Sources that one thread searches from in a go, in whole batches of neighbours.
_SOURCES_A_THREAD = 1000 * LANES

Network = Any  # a csr_matrix or csr_array of scipy, which has no types
Numbers = NDArray[np.signedinteger[Any]]


def starts(source: Ints, node: Ints, cost: Floats, *, count: int) -> Starts:
    """Group legs from sources to nodes of the network by source.

    Parameters
    ----------
    source, node, cost
        One entry for each leg; of NaN cost where it is closed.
    count
        How many sources there are.
    """
    usable = np.flatnonzero(~np.isnan(cost))
    order = usable[np.argsort(source[usable], kind="stable")]
    first = np.concatenate(([0], np.cumsum(np.bincount(source[order], minlength=count))))
    return Starts(first, node[order].astype(np.int32), cost[order].astype(np.float64))


def points(row: Ints, node: Ints, cost: Floats, *, count: int, nodes: int) -> Points:
    """Group legs from nodes of the network to points by node.

    Parameters
    ----------
    row, node, cost
        One entry for each leg; of NaN cost where it is closed.
    count, nodes
        How many points and nodes there are.
    """
    by_node = starts(node, row, cost, count=nodes)
    return Points(count, by_node.first, by_node.node, by_node.cost)


def nearest(
    network: Network, node: Ints, cost: Floats, label: Ints, *, limit: float = np.inf
) -> tuple[Floats, Ints]:
    """Find the nearest of many sources for every node, in one pass.

    Parameters
    ----------
    network
        Arcs, shape (N, N).
    node, cost, label
        Nodes where the search starts, at which costs, and the source that each belongs to.
    limit
        Nodes that cost more are not reached.

    Returns
    -------
    costs, labels
        Shape (N,); infinite and -1 where none is reached. Of sources at the same cost the one of
        the lowest label wins.
    """
    size = network.shape[0]
    arcs, begin = _arcs(network), Labelled(node.astype(np.int32), cost, label)
    most = len(arcs.head) + len(node) + 1
    while True:
        costs, labels = np.full(size, np.inf), np.full(size, -1)
        if label_nearest(arcs, begin, float(limit), (costs, labels), most):
            return costs, labels
        most *= 2  # many sources at the same cost: nodes were looked at anew for lower labels


def from_neighbours(network: Network, sources: Ints, *, limit: float = np.inf) -> Floats:
    """Give the costs from a few nodes to all nodes, in one search.

    A node is looked at when the first of the sources reaches it, and anew when a better way from
    any of them turns up; each look serves all sources together. Pays where the sources lie near
    each other and most of the network is within the limit of all.

    Returns
    -------
    costs
        Shape (N, sources); what lies beyond the limit may be infinite or given.
    """
    costs = np.full((network.shape[0], len(sources)), np.inf)
    fill_columns(_arcs(network), sources.astype(np.int32), float(limit), costs)
    return costs


def to_points(network: Network, sources: Starts, reached: Points, *, limit: float) -> Floats:
    """Give the costs from each source to each point.

    Returns
    -------
    costs
        Shape (sources, points); infinite beyond the limit.
    """
    costs = np.full((len(sources.first) - 1, reached.size), np.inf)
    fill_points(_arcs(network), sources, reached, float(limit), costs)
    return costs


def near_pairs(
    network: Network, sources: Starts, reached: Points, *, limit: float, most: int
) -> Iterator[tuple[Ints, Ints, Floats]]:
    """Yield the pairs of source and point within a limit, some sources at a time.

    Parameters
    ----------
    network, sources, reached, limit
        As in `to_points`.
    most
        About how many pairs are held at once; at least those of one source are.

    Yields
    ------
    source, point, cost
        Sorted by source.
    """
    room = max(most, reached.size, 1)
    pairs = Pairs(np.empty(room, dtype=np.int32), np.empty(room))
    begin, count = 0, len(sources.first) - 1
    while begin < count:
        ends = np.zeros(count - begin, dtype=np.int64)
        done = fill_pairs((_arcs(network), float(limit)), sources, reached, (pairs, ends), begin)
        held = np.diff(ends[:done], prepend=0)
        size = int(held.sum())
        source = np.repeat(np.arange(begin, begin + done), held)
        yield source, pairs.point[:size].astype(np.int64), pairs.cost[:size].copy()
        begin += done


def between(
    network: Network, source: Numbers, targets: Numbers, *, limit: Floats, place: Ints | None = None
) -> Floats:
    """Give the costs from nodes to a few nodes each.

    Parameters
    ----------
    network
        Arcs, shape (N, N).
    source
        Node of each of P searches wanted; equal ones are searched once.
    targets
        Nodes, shape (P, K).
    limit
        Farthest cost of each, shape (P,).
    place
        Numbers of the nodes that differ little where nodes are near each other, shape (N,): some
        sources that follow each other by it are searched together. None: the rows of the nodes.

    Returns
    -------
    costs
        Shape (P, K); infinite where a target lies beyond the limit of its search. A target may be
        given where it lies beyond its own limit but within that of another of the same source.
    """
    if len(source) == 0:
        return np.full(targets.shape, np.inf)
    order = np.argsort(source, kind="stable")
    if place is not None:
        order = order[np.argsort(place[source[order]], kind="stable")]
    first = np.flatnonzero(np.diff(source[order], prepend=-1))
    asked = Asked(
        source[order][first].astype(np.int32),
        np.append(first, len(source)),
        targets[order].astype(np.int32, copy=False),
        np.maximum.reduceat(limit[order], first),
    )
    arcs = _arcs(network)
    width = float(np.mean(arcs.length)) if len(arcs.length) else 0.0
    costs = np.empty(targets.shape)

    def fill(begin: int) -> None:
        end = min(begin + _SOURCES_A_THREAD, len(first))
        rows = slice(asked.first[begin], asked.first[end])
        fill_targets(arcs, asked.take(begin, end), width or 1.0, costs[rows])

    in_threads(fill, range(0, len(first), _SOURCES_A_THREAD))
    result = np.empty_like(costs)
    result[order] = costs
    return result


def tree_to(
    network: Network, node: Ints, cost: Floats, ends: Ints, legs: Floats
) -> tuple[Floats, Nodes]:
    """Search until the cheapest of some ends is known, remembering the way.

    Parameters
    ----------
    network
        Arcs, shape (N, N).
    node, cost
        Where the search starts.
    ends, legs
        Nodes at which the way may end, and what it then costs to go on.

    Returns
    -------
    costs, before
        Shape (N,); what was found until then (infinite elsewhere), and the node before each one on
        its way (-1: a start).
    """
    size = network.shape[0]
    costs, before = np.full(size, np.inf), np.full(size, -1, dtype=np.int32)
    grow_tree(_arcs(network), (node.astype(np.int32), cost), (ends, legs), costs, before)
    return costs, before


def _arcs(network: Network) -> Arcs:
    """Give the arrays of a sparse matrix, in the types that the loops are compiled for."""
    return Arcs(
        network.indptr.astype(np.int32, copy=False),
        network.indices.astype(np.int32, copy=False),
        network.data.astype(np.float64, copy=False),
    )

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
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.compiled import compiled
from pipeline.network.phases import Flags, Floats, Ints

_ARITY = 4
Nodes = NDArray[np.int32]
Network = Any  # a csr_matrix or csr_array of scipy, which has no types


class Starts(NamedTuple):
    """Where searches start: source i at `node[first[i]:first[i + 1]]`, each at its cost."""

    first: Ints
    node: Nodes
    cost: Floats

    def take(self, sources: Ints) -> Self:
        """Give the starts of some sources."""
        held = np.diff(self.first)[sources]
        first = np.concatenate(([0], np.cumsum(held)))
        inside = np.arange(first[-1]) + np.repeat(self.first[sources] - first[:-1], held)
        return type(self)(first, self.node[inside], self.cost[inside])


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


class Points(NamedTuple):
    """Points that are reached over nodes: `row[first[n]:first[n + 1]]` over node n, at a cost."""

    size: int
    first: Ints
    row: Nodes
    cost: Floats


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
    arcs, begin = _arcs(network), _Labelled(node.astype(np.int32), cost, label)
    most = len(arcs.head) + len(node) + 1
    while True:
        costs, labels = np.full(size, np.inf), np.full(size, -1)
        if _nearest(arcs, begin, float(limit), (costs, labels), most):
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
    _from_neighbours(_arcs(network), sources.astype(np.int32), float(limit), costs)
    return costs


def to_points(network: Network, sources: Starts, reached: Points, *, limit: float) -> Floats:
    """Give the costs from each source to each point.

    Returns
    -------
    costs
        Shape (sources, points); infinite beyond the limit.
    """
    costs = np.full((len(sources.first) - 1, reached.size), np.inf)
    _to_points(_arcs(network), sources, reached, float(limit), costs)
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
    pairs = _Pairs(np.empty(room, dtype=np.int32), np.empty(room))
    begin, count = 0, len(sources.first) - 1
    while begin < count:
        ends = np.zeros(count - begin, dtype=np.int64)
        done = _near_pairs((_arcs(network), float(limit)), sources, reached, (pairs, ends), begin)
        held = np.diff(ends[:done], prepend=0)
        size = int(held.sum())
        source = np.repeat(np.arange(begin, begin + done), held)
        yield source, pairs.point[:size].astype(np.int64), pairs.cost[:size].copy()
        begin += done


def between(network: Network, source: Ints, targets: Ints, *, limit: Floats) -> Floats:
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

    Returns
    -------
    costs
        Shape (P, K); infinite where a target lies beyond the limit of its search. A target may be
        given where it lies beyond its own limit but within that of another of the same source.
    """
    order = np.argsort(source, kind="stable")
    first = np.flatnonzero(np.diff(source[order], prepend=-1))
    farthest = np.maximum.reduceat(limit[order], first) if len(first) else limit
    costs = np.full(targets.shape, np.inf)
    bounds = np.append(first, len(source))
    nodes = source[order][first].astype(np.int32)
    asked = targets[order].astype(np.int32)
    _between(_arcs(network), _Asked(nodes, bounds, asked, farthest), costs)
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
    _tree_to(_arcs(network), (node.astype(np.int32), cost), (ends, legs), costs, before)
    return costs, before


class _Arcs(NamedTuple):
    """Arcs in rows: those of node n are `[first[n]:first[n + 1]]`."""

    first: Nodes
    head: Nodes
    length: Floats


class _Labelled(NamedTuple):
    """Where a search for the nearest starts."""

    node: Nodes
    cost: Floats
    label: Ints


class _Pairs(NamedTuple):
    """Room for pairs that are found."""

    point: Nodes
    cost: Floats


class _Asked(NamedTuple):
    """Sources, and the targets and the limit of each: `targets[first[i]:first[i + 1]]`."""

    source: Nodes
    first: Ints
    targets: Nodes
    limit: Floats


class _Room(NamedTuple):
    """What a search writes into: a heap, costs by node (infinite before and after), and marks."""

    keys: Floats
    nodes: Nodes
    costs: Floats
    touched: Nodes
    wanted: Flags


def _arcs(network: Network) -> _Arcs:
    """Give the arrays of a sparse matrix, in the types that the loops are compiled for."""
    return _Arcs(
        network.indptr.astype(np.int32, copy=False),
        network.indices.astype(np.int32, copy=False),
        network.data.astype(np.float64, copy=False),
    )


@compiled
def _room(arcs: _Arcs, starts: int) -> _Room:
    """Make room for searches: each arc and each start enter the heap once at most."""
    most, size = len(arcs.head) + starts + 1, len(arcs.first) - 1
    return _Room(
        np.empty(most),
        np.empty(most, np.int32),
        np.full(size, np.inf),
        np.empty(size, np.int32),
        np.zeros(size, np.bool_),
    )


@compiled
def _push(keys: Floats, nodes: Nodes, size: int, key: float, node: int) -> int:
    """Add a node to the heap; gives its new size."""
    place = size
    while place > 0:
        above = (place - 1) // _ARITY
        if keys[above] <= key:
            break
        keys[place], nodes[place] = keys[above], nodes[above]
        place = above
    keys[place], nodes[place] = key, node
    return size + 1


@compiled
def _drop(keys: Floats, nodes: Nodes, size: int) -> int:
    """Take the least node off the heap; gives its new size."""
    size -= 1
    key, node, place = keys[size], nodes[size], 0
    while True:
        child = _ARITY * place + 1
        if child >= size:
            break
        least, low = child, keys[child]
        for other in range(child + 1, min(child + _ARITY, size)):
            if keys[other] < low:
                least, low = other, keys[other]
        if low >= key:
            break
        keys[place], nodes[place] = low, nodes[least]
        place = least
    keys[place], nodes[place] = key, node
    return size


@compiled
def _nearest(
    arcs: _Arcs, begin: _Labelled, limit: float, found: tuple[Floats, Ints], most: int
) -> bool:
    """Spread the labels of the sources; tells whether the heap was large enough."""
    costs, labels = found
    keys, nodes = np.empty(most), np.empty(most, np.int32)
    size = 0
    for start in range(len(begin.node)):
        to, total, own = begin.node[start], begin.cost[start], begin.label[start]
        if total <= limit and (total < costs[to] or (total == costs[to] and own < labels[to])):
            costs[to], labels[to] = total, own
            size = _push(keys, nodes, size, total, to)
    while size > 0:
        key, at = keys[0], nodes[0]
        size = _drop(keys, nodes, size)
        if key > costs[at]:
            continue
        own = labels[at]
        for arc in range(arcs.first[at], arcs.first[at + 1]):
            to, total = arcs.head[arc], key + arcs.length[arc]
            if total <= limit and (total < costs[to] or (total == costs[to] and own < labels[to])):
                costs[to], labels[to] = total, own
                if size == most:
                    return False
                size = _push(keys, nodes, size, total, to)
    return True


@compiled
def _lower(room: _Room, sizes: tuple[int, int], to: int, total: float) -> tuple[int, int]:
    """Lower the cost of a node; gives the new sizes of the heap and of what was touched."""
    size, count = sizes
    if room.costs[to] == np.inf:
        room.touched[count] = to
        count += 1
    room.costs[to] = total
    return _push(room.keys, room.nodes, size, total, to), count


@compiled
def _spread(
    arcs: _Arcs, room: _Room, begin: tuple[Nodes, Floats], limit: float, missing: int
) -> int:
    """Search from some nodes within a limit; gives how many nodes were touched.

    The search ends when as many nodes as are missing, of those that are wanted, are settled;
    with none missing it goes to the limit.
    """
    size = count = 0
    for start in range(len(begin[0])):
        to, total = begin[0][start], begin[1][start]
        if total <= limit and total < room.costs[to]:
            size, count = _lower(room, (size, count), to, total)
    while size > 0:
        key, at = room.keys[0], room.nodes[0]
        size = _drop(room.keys, room.nodes, size)
        if key > room.costs[at]:
            continue
        if missing > 0 and room.wanted[at]:
            missing -= 1
            if missing == 0:
                break
        for arc in range(arcs.first[at], arcs.first[at + 1]):
            to, total = arcs.head[arc], key + arcs.length[arc]
            if total <= limit and total < room.costs[to]:
                size, count = _lower(room, (size, count), to, total)
    return count


@compiled
def _from_neighbours(arcs: _Arcs, sources: Nodes, limit: float, costs: Floats) -> None:
    """Fill a column of costs for each source; a node waits in the heap at its lowest new cost."""
    keys, nodes = np.empty(2 * len(arcs.first)), np.empty(2 * len(arcs.first), np.int32)
    waiting = np.full(len(arcs.first) - 1, np.inf)
    size = 0
    for number in range(len(sources)):
        at = sources[number]
        costs[at, number] = 0.0
        if waiting[at] == np.inf:
            waiting[at] = 0.0
            size = _push(keys, nodes, size, 0.0, at)
    while size > 0:
        key, at = keys[0], nodes[0]
        size = _drop(keys, nodes, size)
        if key != waiting[at]:
            continue
        waiting[at] = np.inf
        for arc in range(arcs.first[at], arcs.first[at + 1]):
            to = arcs.head[arc]
            lowest = _improve(costs, (at, to), arcs.length[arc])
            if lowest <= limit and lowest < waiting[to]:
                waiting[to] = lowest
                if size == len(keys):
                    keys = np.concatenate((keys, np.empty_like(keys)))
                    nodes = np.concatenate((nodes, np.empty_like(nodes)))
                size = _push(keys, nodes, size, lowest, to)


@compiled
def _improve(costs: Floats, ends: tuple[int, int], length: float) -> float:
    """Go along an arc from all sources; gives the lowest cost that is new (infinite: none)."""
    at, to = ends
    better = False
    for number in range(costs.shape[1]):
        better |= costs[at, number] + length < costs[to, number]
    lowest = np.inf
    if better:
        for number in range(costs.shape[1]):
            total = costs[at, number] + length
            if total < costs[to, number]:
                costs[to, number] = total
                lowest = min(lowest, total)
    return lowest


@compiled
def _to_points(arcs: _Arcs, sources: Starts, reached: Points, limit: float, found: Floats) -> None:
    """Fill a row of costs for each source."""
    room = _room(arcs, len(sources.node))
    for source in range(len(sources.first) - 1):
        own = slice(sources.first[source], sources.first[source + 1])
        count = _spread(arcs, room, (sources.node[own], sources.cost[own]), limit, 0)
        row = found[source]
        for at in room.touched[:count]:
            for way in range(reached.first[at], reached.first[at + 1]):
                total, point = room.costs[at] + reached.cost[way], reached.row[way]
                if total <= limit and total < row[point]:
                    row[point] = total
            room.costs[at] = np.inf


@compiled
def _near_pairs(
    network: tuple[_Arcs, float],
    sources: Starts,
    reached: Points,
    found: tuple[_Pairs, Ints],
    begin: int,
) -> int:
    """Fill in the pairs of each source while any number of them fits; gives the sources done.

    The second part of `found` receives where the pairs of each source end.
    """
    (arcs, limit), (pairs, ends) = network, found
    room = _room(arcs, len(sources.node))
    place = np.full(reached.size, -1, np.int64)
    size = 0
    for source in range(begin, len(sources.first) - 1):
        if source > begin and size + reached.size > len(pairs.point):
            return source - begin
        own = slice(sources.first[source], sources.first[source + 1])
        count = _spread(arcs, room, (sources.node[own], sources.cost[own]), limit, 0)
        opened = size
        for at in room.touched[:count]:
            for way in range(reached.first[at], reached.first[at + 1]):
                total, point = room.costs[at] + reached.cost[way], reached.row[way]
                if total > limit:
                    continue
                if place[point] < 0:
                    place[point] = size
                    pairs.point[size], pairs.cost[size] = point, total
                    size += 1
                elif total < pairs.cost[place[point]]:
                    pairs.cost[place[point]] = total
            room.costs[at] = np.inf
        place[pairs.point[opened:size]] = -1
        ends[source - begin] = size
    return len(sources.first) - 1 - begin


@compiled
def _between(arcs: _Arcs, asked: _Asked, found: Floats) -> None:
    """Fill in the costs to the targets of each source."""
    room, nothing = _room(arcs, 1), np.zeros(1)
    for number in range(len(asked.source)):
        own = slice(asked.first[number], asked.first[number + 1])
        targets, missing = asked.targets[own], 0
        for to in targets.flat:
            missing += not room.wanted[to]
            room.wanted[to] = True
        begin = asked.source[number : number + 1]
        count = _spread(arcs, room, (begin, nothing), asked.limit[number], missing)
        for row in range(len(targets)):
            for place in range(targets.shape[1]):
                to = targets[row, place]
                found[own.start + row, place], room.wanted[to] = room.costs[to], False
        room.costs[room.touched[:count]] = np.inf


@compiled
def _tree_to(
    arcs: _Arcs,
    begin: tuple[Nodes, Floats],
    ends: tuple[Ints, Floats],
    costs: Floats,
    before: Nodes,
) -> None:
    """Search from some nodes until no way to an end can be cheaper than the cheapest known."""
    most = len(arcs.head) + len(begin[0]) + 1
    keys, nodes = np.empty(most), np.empty(most, np.int32)
    size, best = 0, np.inf
    for start in range(len(begin[0])):
        to, total = begin[0][start], begin[1][start]
        if total < costs[to]:
            costs[to] = total
            size = _push(keys, nodes, size, total, to)
    while size > 0 and keys[0] <= best:
        key, at = keys[0], nodes[0]
        size = _drop(keys, nodes, size)
        if key > costs[at]:
            continue
        for end in range(len(ends[0])):
            if ends[0][end] == at:
                best = min(best, key + ends[1][end])
        for arc in range(arcs.first[at], arcs.first[at + 1]):
            to, total = arcs.head[arc], key + arcs.length[arc]
            if total < costs[to]:
                costs[to], before[to] = total, at
                size = _push(keys, nodes, size, total, to)

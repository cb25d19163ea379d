"""The loops of searches for shortest ways, compiled; see `shortest.py`, which calls them."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.compiled import compiled
from pipeline.network.phases import Floats, Ints

_ARITY = 4
Nodes = NDArray[np.int32]


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


class Points(NamedTuple):
    """Points that are reached over nodes: `row[first[n]:first[n + 1]]` over node n, at a cost."""

    size: int
    first: Ints
    row: Nodes
    cost: Floats


class Arcs(NamedTuple):
    """Arcs in rows: those of node n are `[first[n]:first[n + 1]]`."""

    first: Nodes
    head: Nodes
    length: Floats


class Labelled(NamedTuple):
    """Where a search for the nearest starts."""

    node: Nodes
    cost: Floats
    label: Ints


class Pairs(NamedTuple):
    """Room for pairs that are found."""

    point: Nodes
    cost: Floats


class _Room(NamedTuple):
    """What a search writes into: a heap, and costs by node (infinite before and after)."""

    keys: Floats
    nodes: Nodes
    costs: Floats
    touched: Nodes


@compiled
def _room(arcs: Arcs, starts: int) -> _Room:
    """Make room for searches: each arc and each start enter the heap once at most."""
    most, size = len(arcs.head) + starts + 1, len(arcs.first) - 1
    return _Room(
        np.empty(most),
        np.empty(most, np.int32),
        np.full(size, np.inf),
        np.empty(size, np.int32),
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
def label_nearest(
    arcs: Arcs, begin: Labelled, limit: float, found: tuple[Floats, Ints], most: int
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
def _spread(arcs: Arcs, room: _Room, begin: tuple[Nodes, Floats], limit: float) -> int:
    """Search from some nodes within a limit; gives how many nodes were touched."""
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
        for arc in range(arcs.first[at], arcs.first[at + 1]):
            to, total = arcs.head[arc], key + arcs.length[arc]
            if total <= limit and total < room.costs[to]:
                size, count = _lower(room, (size, count), to, total)
    return count


@compiled
def fill_columns(arcs: Arcs, sources: Nodes, limit: float, costs: Floats) -> None:
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
def fill_points(arcs: Arcs, sources: Starts, reached: Points, limit: float, found: Floats) -> None:
    """Fill a row of costs for each source."""
    room = _room(arcs, len(sources.node))
    for source in range(len(sources.first) - 1):
        own = slice(sources.first[source], sources.first[source + 1])
        count = _spread(arcs, room, (sources.node[own], sources.cost[own]), limit)
        row = found[source]
        for at in room.touched[:count]:
            for way in range(reached.first[at], reached.first[at + 1]):
                total, point = room.costs[at] + reached.cost[way], reached.row[way]
                if total <= limit and total < row[point]:
                    row[point] = total
            room.costs[at] = np.inf


@compiled
def fill_pairs(
    network: tuple[Arcs, float],
    sources: Starts,
    reached: Points,
    found: tuple[Pairs, Ints],
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
        count = _spread(arcs, room, (sources.node[own], sources.cost[own]), limit)
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
def grow_tree(
    arcs: Arcs,
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

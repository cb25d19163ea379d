"""Shrink a network to the nodes that matter without changing any distance between them.

A node that no trip starts from is taken out, and each way through it becomes an arc of its own
between its neighbours: the elimination step of contraction hierarchies (Geisberger et al. 2008,
10.1007/978-3-540-68552-4_24), stopped while it still pays. Nodes that are no neighbours of each
other are taken out together, as arrays. Distances to nodes that were taken out follow from those
to their neighbours, from the last taken out to the first (PHAST, Delling et al. 2013,
10.1016/j.jpdc.2012.02.007), for many origins at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from pipeline.compiled import compiled
from pipeline.network.phases import Flags, Floats, Ints

# How many arcs taking a node out may add: first dead ends and bends, then ever busier corners.
_ARCS_ADDED = (0, 10, 80, 320)
# A limit is left for the next one when a round takes out less than this share of the nodes.
_WORTH_A_ROUND = 0.05
# Every so many rounds, arcs that others replace are looked for.
_ROUNDS_TO_THIN = 4


@dataclass(frozen=True, eq=False)
class _Arcs:
    """Arcs as arrays."""

    tail: Ints
    head: Ints
    cost: Floats

    def take(self, chosen: Flags | Ints | slice) -> _Arcs:
        """Give some of the arcs."""
        return _Arcs(self.tail[chosen], self.head[chosen], self.cost[chosen])


@dataclass(frozen=True, eq=False)
class Reduced:
    """A network without the nodes that were taken out.

    `matrix` holds the arcs between the nodes that stayed; the least cost between any two of them is
    what it was, but for the last bits of a sum. `place` gives for every old node its row there (-1:
    taken out). `entering` are, round by round, the arcs into the nodes taken out.
    """

    matrix: csr_matrix
    place: Ints
    entering: Sequence[_Arcs]

    def sweep(self, wanted: Ints) -> Sweep:
        """Prepare to carry distances on to some of the old nodes."""
        needed, entered = np.zeros((2, len(self.place)), dtype=bool)
        needed[wanted] = True
        rounds = []
        for arcs in self.entering:
            own = arcs.take(needed[arcs.head])
            needed[own.tail] = True
            rounds.append(own.take(np.argsort(own.head, kind="stable")))
            entered[own.head] = True
        row, stayed = self.place.copy(), self.matrix.shape[0]
        cut_off = np.flatnonzero(needed & ~entered & (row < 0))
        row[cut_off], first = stayed + np.arange(len(cut_off)), [0] * (1 + len(cut_off))
        for arcs in reversed(rounds):
            node, held = np.unique(arcs.head, return_counts=True)
            row[node] = stayed + len(first) - 1 + np.arange(len(node))
            first.extend(first[-1] + np.cumsum(held))
        tail = np.concatenate([row[arcs.tail] for arcs in reversed(rounds)])
        cost = np.concatenate([arcs.cost for arcs in reversed(rounds)])
        return Sweep(row, stayed, np.array(first), tail.astype(np.int32), cost)


@dataclass(frozen=True, eq=False)
class Sweep:
    """How to carry distances from the nodes that stayed to others, by `row` of the result.

    Rows begin with those that `stayed`; the arcs into the next ones, the last taken out first, are
    `[first[n]:first[n + 1]]`, each from the row of its `tail`.
    """

    row: Ints
    stayed: int
    first: Ints
    tail: NDArray[np.int32]
    cost: Floats

    @property
    def size(self) -> int:
        """How many rows the result has."""
        return self.stayed + len(self.first) - 1

    def carried(self, known: Floats, limit: float = np.inf, room: Floats | None = None) -> Floats:
        """Give the distances to all nodes, shape (size, origins).

        Parameters
        ----------
        known
            Distances from each origin to the nodes that stayed, shape (stayed, origins).
        limit
            Nodes farther than this from every origin may be left infinite.
        room
            Where to write them, of the shape of the result; new without it.
        """
        found = np.empty((self.size, known.shape[1])) if room is None else room
        near = np.empty(self.size, dtype=bool)
        found[: self.stayed] = known
        near[: self.stayed] = known.min(axis=1, initial=np.inf) <= limit
        _carry(self.first, self.tail, self.cost, (found, near), limit)
        return found


@compiled
def _carry(
    first: Ints, tail: NDArray[np.int32], cost: Floats, reached: tuple[Floats, Flags], limit: float
) -> None:
    """Write the least of the distances over the arcs into each node in turn."""
    found, near = reached
    stayed = len(found) - len(first) + 1
    for node in range(len(first) - 1):
        own, least = found[stayed + node], np.inf
        own[:] = np.inf
        for arc in range(first[node], first[node + 1]):
            if near[tail[arc]]:
                before, leg = found[tail[arc]], cost[arc]
                for origin in range(len(own)):
                    total = before[origin] + leg
                    own[origin] = min(own[origin], total)
        for origin in range(len(own)):
            least = min(least, own[origin])
        near[stayed + node] = least <= limit


def reduce_network(matrix: csr_matrix, keep: Flags) -> Reduced:
    """Take out nodes that need not stay.

    Parameters
    ----------
    matrix
        Arcs and their costs, none negative; a stored zero is an arc.
    keep
        Per node: whether it has to stay.
    """
    size = matrix.shape[0]
    tail = np.repeat(np.arange(size), np.diff(matrix.indptr))
    arcs = _Arcs(tail, matrix.indices.astype(np.int64), np.asarray(matrix.data, dtype=np.float64))
    alive = np.ones(size, dtype=bool)
    entering = []
    # Neighbours never go together; equal ones take turns at random, so that a line goes in halves.
    drawn = np.random.default_rng(0).permutation(size)
    for limit in _ARCS_ADDED:
        share = 1.0
        while share >= _WORTH_A_ROUND:
            gone = _independent(arcs.tail, arcs.head, alive & ~keep, drawn, limit=limit)
            entering.append(arcs.take(gone[arcs.head] & (arcs.tail != arcs.head)))
            arcs = _without(arcs, gone)
            if limit > 0 and len(entering) % _ROUNDS_TO_THIN == 0:
                arcs = _thinned(arcs, size)
            alive &= ~gone
            share = int(gone.sum()) / max(1, int(alive.sum()))
    arcs = _thinned(arcs, size)
    rows = np.flatnonzero(alive)
    place = np.full(size, -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    packed = _packed(place[arcs.tail], place[arcs.head], arcs.cost, len(rows))
    return Reduced(packed, place, entering)


def _independent(tail: Ints, head: Ints, free: Flags, drawn: Ints, *, limit: int) -> Flags:
    """Choose nodes to take out: cheap ones, and of two neighbours the cheaper."""
    size = len(free)
    into, out = np.bincount(head, minlength=size), np.bincount(tail, minlength=size)
    added = into * out - into - out
    may_go = free & (added <= limit)
    both = may_go[tail] & may_go[head]
    one, other = tail[both], head[both]
    rank = added * size + drawn
    may_go[np.where(rank[one] > rank[other], one, other)] = False
    return may_go


def _without(arcs: _Arcs, gone: Flags) -> _Arcs:
    """Replace the arcs of nodes that go by arcs between their neighbours, the cheapest of each.

    Arcs are sorted by tail, before and after.
    """
    size = len(gone)
    held = np.bincount(arcs.tail, minlength=size)
    first = np.concatenate(([0], np.cumsum(held)))
    # A way through a node that goes becomes an arc; no two of these nodes are neighbours.
    most = np.where(gone[arcs.head], held[arcs.head], 1)[~gone[arcs.tail]].sum()
    made = _Arcs(np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most))
    count = _bridge(first, arcs.head, arcs.cost, gone, (made.tail, made.head, made.cost))
    return made.take(slice(count))


@compiled
def _bridge(
    first: Ints, head: Ints, cost: Floats, gone: Flags, made: tuple[Ints, Ints, Floats]
) -> int:
    """Write the arcs of each node that stays, over those that go; gives how many there are."""
    made_tail, made_head, made_cost = made
    place = np.full(len(gone), -1, np.int64)
    count = 0
    for tail in range(len(gone)):
        if gone[tail]:
            continue
        opened = count
        for arc in range(first[tail], first[tail + 1]):
            middle = head[arc]
            ways = range(first[middle], first[middle + 1]) if gone[middle] else range(arc, arc + 1)
            for way in ways:
                end = head[way]
                total = cost[arc] + cost[way] if gone[middle] else cost[arc]
                if end == tail:
                    continue
                if place[end] < 0:
                    place[end] = count
                    made_tail[count], made_head[count], made_cost[count] = tail, end, total
                    count += 1
                elif total < made_cost[place[end]]:
                    made_cost[place[end]] = total
        for arc in range(opened, count):
            place[made_head[arc]] = -1
    return count


def _thinned(arcs: _Arcs, size: int) -> _Arcs:
    """Drop the arcs that two others replace; arcs are sorted by tail."""
    first = np.concatenate(([0], np.cumsum(np.bincount(arcs.tail, minlength=size))))
    needed = np.ones(len(arcs.tail), dtype=bool)
    _drop_replaced(first, arcs.head, arcs.cost, needed)
    return arcs.take(needed)


@compiled
def _drop_replaced(first: Ints, head: Ints, cost: Floats, needed: Flags) -> None:
    """Mark the arcs that two others replace at no higher cost.

    Both must be shorter than what they replace: an arc that is dropped may then stand for another,
    as the shortest of a chain of replacements is never dropped.
    """
    place = np.full(len(first) - 1, -1, np.int64)
    for tail in range(len(first) - 1):
        own = range(first[tail], first[tail + 1])
        for arc in own:
            place[head[arc]] = arc
        for arc in own:
            for way in range(first[head[arc]], first[head[arc] + 1]):
                other = place[head[way]]
                if other >= 0 and cost[arc] + cost[way] <= cost[other]:
                    shorter = cost[arc] < cost[other] and cost[way] < cost[other]
                    needed[other] &= not shorter
        for arc in own:
            place[head[arc]] = -1


def _packed(tail: Ints, head: Ints, cost: Floats, size: int) -> csr_matrix:
    order = np.lexsort((head, tail))
    starts = np.concatenate(([0], np.cumsum(np.bincount(tail, minlength=size))))
    columns = head[order].astype(np.int32)
    return csr_matrix((cost[order], columns, starts.astype(np.int32)), shape=(size, size))

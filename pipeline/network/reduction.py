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
from scipy.sparse import csr_matrix

from pipeline.compiled import compiled
from pipeline.network.phases import Flags, Floats, Ints

# How many arcs taking a node out may add: first dead ends and bends, then ever busier corners.
_ARCS_ADDED = (-1, 0, 5, 20, 80, 320, 1280)
# A limit is left for the next one when a round takes out less than this share of the nodes.
_WORTH_A_ROUND = 0.03


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
        needed = np.zeros(len(self.place), dtype=bool)
        needed[wanted] = True
        rounds = []
        for arcs in self.entering:
            own = arcs.take(needed[arcs.head])
            needed[own.tail] = True
            rounds.append(own)
        stayed = self.matrix.shape[0]
        row = self.place.copy()
        gone = np.flatnonzero(needed & (row < 0))
        row[gone] = stayed + np.arange(len(gone))
        last_first = [arcs.take(np.argsort(arcs.head, kind="stable")) for arcs in reversed(rounds)]
        joined = _Arcs(
            row[np.concatenate([arcs.tail for arcs in last_first])],
            row[np.concatenate([arcs.head for arcs in last_first])],
            np.concatenate([arcs.cost for arcs in last_first]),
        )
        return Sweep(stayed + len(gone), row, joined)


@dataclass(frozen=True, eq=False)
class Sweep:
    """How to carry distances from the nodes that stayed to others, by `row` of the result.

    `arcs` lead into the nodes taken out, in rows of the result: first all of the last node.
    """

    size: int
    row: Ints
    arcs: _Arcs

    def carried(self, known: Floats, limit: float = np.inf) -> Floats:
        """Give the distances to all nodes, shape (size, origins).

        Parameters
        ----------
        known
            Distances from each origin to the nodes that stayed, shape (stayed, origins).
        limit
            Nodes farther than this from every origin may be left infinite.
        """
        found = np.full((self.size, known.shape[1]), np.inf)
        found[: len(known)] = known
        near = found.min(axis=1, initial=np.inf) <= limit
        _carry(self.arcs.tail, self.arcs.head, self.arcs.cost, (found, near), limit)
        return found


@compiled
def _carry(
    tail: Ints, head: Ints, cost: Floats, reached: tuple[Floats, Flags], limit: float
) -> None:
    """Lower the distances to the head of each arc in turn; all that enter a node stand together."""
    found, near = reached
    for arc in range(len(tail)):
        start, end = tail[arc], head[arc]
        if near[start]:
            for origin in range(found.shape[1]):
                found[end, origin] = min(found[end, origin], found[start, origin] + cost[arc])
            near[end] = True
        if near[end] and (arc + 1 == len(tail) or head[arc + 1] != end):
            near[end] = found[end].min() <= limit


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
            alive &= ~gone
            share = int(gone.sum()) / max(1, int(alive.sum()))
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


def _packed(tail: Ints, head: Ints, cost: Floats, size: int) -> csr_matrix:
    order = np.lexsort((head, tail))
    starts = np.concatenate(([0], np.cumsum(np.bincount(tail, minlength=size))))
    columns = head[order].astype(np.int32)
    return csr_matrix((cost[order], columns, starts.astype(np.int32)), shape=(size, size))

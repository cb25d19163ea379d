"""Search from several neighbouring nodes at once, compiled; see `between` in `shortest.py`.

Sources near each other reach nearly the same nodes. Each node carries one cost for every source of
a batch (a lane), and an arc is walked for all of them in one go. Nodes wait in buckets of costs
(Dial 1969, 10.1145/363269.363610; Meyer and Sanders 2003, 10.1016/S0196-6774(03)00076-2): a node is
looked at again when a better way from any of the sources turns up, so the costs are the least sums
along ways, to the last bit, in whatever order nodes are looked at.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pipeline.compiled import compiled
from pipeline.network.phases import Flags, Floats, Ints
from pipeline.network.shortest_loops import Arcs, Nodes

LANES = 8
_NOWHERE = -1


class Asked(NamedTuple):
    """Sources, and the targets and the limit of each: `targets[first[i]:first[i + 1]]`."""

    source: Nodes
    first: Ints
    targets: Nodes
    limit: Floats

    def take(self, begin: int, end: int) -> Asked:
        """Give the sources of a run."""
        first = self.first[begin : end + 1]
        return Asked(
            self.source[begin:end],
            first - first[0],
            self.targets[first[0] : first[-1]],
            self.limit[begin:end],
        )


class _Lanes(NamedTuple):
    """What a batch writes into: `costs` by node and source (infinite before and after).

    Nodes wait in buckets of a `width`: each in one, `bucket[node]`, chained from
    `first[bucket % size]` on by `links`, the node after and the node before. `touched` are the
    nodes that were `reached`, and `counts` how many those are and how many wait.
    """

    costs: Floats
    width: float
    first: Nodes
    bucket: Ints
    links: Nodes
    touched: Nodes
    reached: Flags
    counts: Ints


@compiled
def _lanes(arcs: Arcs, width: float) -> _Lanes:
    """Make room for batches; an arc leads no more buckets on than there are."""
    size = len(arcs.first) - 1
    longest = arcs.length.max() if len(arcs.length) else 0.0
    return _Lanes(
        np.full((size, LANES), np.inf),
        width,
        np.full(int(longest / width) + 3, _NOWHERE, np.int32),
        np.full(size, _NOWHERE, np.int64),
        np.empty((size, 2), np.int32),
        np.empty(size, np.int32),
        np.zeros(size, np.bool_),
        np.zeros(2, np.int64),
    )


@compiled
def _chain(first: Nodes, links: Nodes, slot: int, node: int) -> None:
    """Put a node in front of a bucket."""
    after = first[slot]
    links[node, 0], links[node, 1] = after, _NOWHERE
    if after >= 0:
        links[after, 1] = node
    first[slot] = node


@compiled
def _unchain(first: Nodes, links: Nodes, slot: int, node: int) -> None:
    """Take a node out of a bucket."""
    after, before = links[node]
    if before >= 0:
        links[before, 0] = after
    else:
        first[slot] = after
    if after >= 0:
        links[after, 1] = before


@compiled
def _improve(costs: Floats, at: int, to: int, length: float) -> float:
    """Go along an arc from all sources; gives the lowest cost that is new (infinite: none)."""
    lowest = np.inf
    for lane in range(LANES):
        total, known = costs[at, lane] + length, costs[to, lane]
        lowest = min(lowest, total if total < known else np.inf)
        costs[to, lane] = min(total, known)
    return lowest


@compiled
def _look(arcs: Arcs, lanes: _Lanes, now: int, limit: float) -> None:
    """Look at all nodes of a bucket, those that come to wait in it meanwhile among them."""
    # Handing tuples of arrays on for each arc would double the time.
    arc_of, head, length = arcs
    costs, width, first, bucket, links, touched, reached, counts = lanes
    count, waiting, buckets = counts[0], counts[1], len(first)
    while first[now % buckets] >= 0:
        at = first[now % buckets]
        _unchain(first, links, now % buckets, at)
        bucket[at] = _NOWHERE
        waiting -= 1
        for arc in range(arc_of[at], arc_of[at + 1]):
            to = head[arc]
            lowest = _improve(costs, at, to, length[arc])
            if lowest == np.inf:
                continue
            if not reached[to]:
                reached[to], touched[count] = True, to
                count += 1
            # A cost beyond the buckets is looked at too early: one look more, and no harm.
            into, held = min(max(int(lowest / width), now), now + buckets - 1), bucket[to]
            if lowest > limit or 0 <= held <= into:
                continue
            if held >= 0:
                _unchain(first, links, held % buckets, to)
                waiting -= 1
            _chain(first, links, into % buckets, to)
            bucket[to] = into
            waiting += 1
    counts[0], counts[1] = count, waiting


@compiled
def _known(costs: Floats, asked: Asked, batch: tuple[int, int], place: Ints, below: float) -> bool:
    """Tell whether all targets of a batch cost less; `place` is the lane, row, column to go on."""
    begin, end = batch
    while place[0] < end - begin:
        while place[1] < asked.first[begin + place[0] + 1]:
            while place[2] < asked.targets.shape[1]:
                if costs[asked.targets[place[1], place[2]], place[0]] >= below:
                    return False
                place[2] += 1
            place[1], place[2] = place[1] + 1, 0
        place[0] += 1
    return True


@compiled
def _search(arcs: Arcs, lanes: _Lanes, asked: Asked, batch: tuple[int, int]) -> None:
    """Search from a batch of distinct sources until the costs to their targets are known."""
    begin, end = batch
    for source in range(begin, end):
        node = asked.source[source]
        lanes.costs[node, source - begin] = 0.0
        lanes.reached[node], lanes.touched[source - begin] = True, node
        lanes.bucket[node] = 0
        _chain(lanes.first, lanes.links, 0, node)
    lanes.counts[:] = end - begin
    limit = asked.limit[begin:end].max()
    place, now = np.array([0, asked.first[begin], 0]), 0
    while lanes.counts[1] > 0:
        _look(arcs, lanes, now, limit)
        now += 1
        if _known(lanes.costs, asked, batch, place, now * lanes.width):
            break


@compiled
def _clear(lanes: _Lanes) -> None:
    """Leave no trace of a batch."""
    for node in lanes.touched[: lanes.counts[0]]:
        lanes.costs[node] = np.inf
        lanes.bucket[node] = _NOWHERE
        lanes.reached[node] = False
    lanes.first[:] = _NOWHERE
    lanes.counts[:] = 0


@compiled
def fill_targets(arcs: Arcs, asked: Asked, width: float, found: Floats) -> None:
    """Fill in the costs to the targets of each source; infinite beyond the source's limit.

    Sources that follow each other are searched together. `width` is that of a bucket.
    """
    lanes = _lanes(arcs, width)
    for begin in range(0, len(asked.source), LANES):
        end = min(begin + LANES, len(asked.source))
        _search(arcs, lanes, asked, (begin, end))
        for source in range(begin, end):
            for row in range(asked.first[source], asked.first[source + 1]):
                for place in range(asked.targets.shape[1]):
                    cost = lanes.costs[asked.targets[row, place], source - begin]
                    found[row, place] = cost if cost <= asked.limit[source] else np.inf
        _clear(lanes)

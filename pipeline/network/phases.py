"""Lay a street graph out in phases so that interiors serve as first or last leg only.

A route is (edges of the origin's compound)* (public edges)* (edges of the destination's
compound)*. A compound is a set of interior edges joined at nodes that no public edge touches; the
nodes it shares with public edges are its gates. Three copies of the network say so exactly:

* every node once for the public phase, linked by public edges;
* every (compound, node) pair once for leaving and once for arriving, linked by interior edges;
* free arcs from leaving to public and from public to arriving at gates, and from leaving to
  arriving anywhere, so that a route may stay within one compound.

Nothing leads from the public phase into leaving or out of arriving: a closed compound is never a
shortcut, and one ordinary shortest-path search answers for all origins at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_matrix
from scipy.sparse.csgraph import connected_components

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def component_labels(u: Ints, v: Ints, size: int) -> Ints:
    """Label the connected parts of an undirected set of edges over `size` nodes."""
    links = coo_array((np.ones(len(u), dtype=np.int8), (u, v)), shape=(size, size))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)


def enclosed_edges(u: Ints, v: Ints, size: int, *, interior: Flags, length_m: Floats) -> Flags:
    """Find public edges that can be reached through interiors only.

    Within each connected part of the whole network the longest public part is the street network;
    any other public part is cut off from it by interior edges, such as an untagged footway inside a
    gated compound, and belongs to that compound.

    Parameters
    ----------
    u, v
        Positions of the end nodes, one per edge.
    size
        Number of nodes.
    interior
        Whether the tags make the edge an interior.
    length_m
        Length of each edge in metres.

    Returns
    -------
    flags
        True where an edge is interior by tags or enclosed.
    """
    public = ~interior
    if not interior.any() or not public.any():
        return interior
    part = component_labels(u[public], v[public], size)[u]
    whole = component_labels(u, v, size)[u]
    total = np.bincount(part[public], weights=length_m[public], minlength=size)
    order = np.lexsort((part[public], -total[part[public]], whole[public]))
    first = np.unique(whole[public][order], return_index=True)[1]
    main = np.full(size, -1, dtype=np.int64)
    main[whole[public][order][first]] = part[public][order][first]
    return np.asarray(interior | (public & (part != main[whole])), dtype=bool)


@dataclass(frozen=True, eq=False)
class Phases:
    """The phased network: arcs in both orientations and where each edge joins it.

    Attributes
    ----------
    size
        Number of phased nodes.
    tail, head, minutes, edge
        The arcs; `edge` is the row of the edge an arc runs along, -1 for a free change of phase.
    node
        Row of the street node each phased node stands for.
    leave_u, leave_v
        Per edge: phased node at its ends for a route that starts on the edge.
    arrive_u, arrive_v
        Per edge: phased node at its ends for a route that ends on the edge.
    start, end
        Per street node: phased node for a route that starts or ends at the node itself.
    compound
        Per edge: label of its compound, -1 for public edges.
    """

    size: int
    tail: Ints
    head: Ints
    minutes: Floats
    edge: Ints
    node: Ints
    leave_u: Ints
    leave_v: Ints
    arrive_u: Ints
    arrive_v: Ints
    start: Ints
    end: Ints
    compound: Ints

    @cached_property
    def forward(self) -> csr_matrix:
        """Arcs as a sparse matrix, origins to destinations."""
        return _matrix(self.tail, self.head, self.minutes, self.size)

    @cached_property
    def reverse(self) -> csr_matrix:
        """Arcs turned round, destinations to origins."""
        return _matrix(self.head, self.tail, self.minutes, self.size)


def _matrix(tail: Ints, head: Ints, minutes: Floats, size: int) -> csr_matrix:
    """Pack arcs into rows without adding or dropping any (a stored zero is an arc)."""
    order = np.lexsort((head, tail))
    starts = np.concatenate(([0], np.cumsum(np.bincount(tail, minlength=size))))
    dtype = np.int32
    return csr_matrix(
        (minutes[order], head[order].astype(dtype), starts.astype(dtype)), shape=(size, size)
    )


def _cheapest(
    tail: Ints, head: Ints, minutes: Floats, edge: Ints
) -> tuple[Ints, Ints, Floats, Ints]:
    """Keep the cheapest of parallel arcs; sparse matrices would add them up."""
    pair = tail * (head.max(initial=0) + 1) + head
    order = np.argsort(pair, kind="stable")
    pair = pair[order]
    again = np.flatnonzero(pair[1:] == pair[:-1])
    if len(again):
        # Only parallel arcs, which are few, have to be put in order of cost.
        rows = np.unique(np.concatenate((again, again + 1)))
        few = order[rows]
        order[rows] = few[np.lexsort((edge[few], minutes[few], pair[rows]))]
    chosen = order[np.diff(pair, prepend=-1) != 0]
    return tail[chosen], head[chosen], minutes[chosen], edge[chosen]


def _compounds(u: Ints, v: Ints, interior: Flags, at_street: Flags) -> Ints:
    """Label interior edges joined at nodes that no public edge touches; -1 for public edges."""
    rows = np.flatnonzero(interior)
    label = np.full(len(u), -1, dtype=np.int64)
    if len(rows) == 0:
        return label
    nodes = len(at_street)
    elements = nodes + np.arange(len(rows))
    ends = np.concatenate((u[rows], v[rows]))
    joined = ~at_street[ends]
    parts = component_labels(
        np.concatenate((elements, elements))[joined], ends[joined], nodes + len(rows)
    )
    label[rows] = np.unique(parts[elements], return_inverse=True)[1]
    return label


def lay_out(
    u: Ints, v: Ints, size: int, *, forward_min: Floats, back_min: Floats, interior: Flags
) -> Phases:
    """Build the phased network of a street graph.

    Parameters
    ----------
    u, v
        Positions of the end nodes, one per edge.
    size
        Number of street nodes.
    forward_min, back_min
        Minutes from u to v and from v to u; NaN where not traversable.
    interior
        Whether the edge serves as first or last leg only.

    Returns
    -------
    phases
    """
    public = ~interior
    at_street = np.zeros(size, dtype=bool)
    at_street[u[public]] = at_street[v[public]] = True
    compound = _compounds(u, v, interior, at_street)
    rows = np.flatnonzero(interior)
    pairs = np.concatenate(
        (compound[rows] * size + u[rows], compound[rows] * size + v[rows])
    )  # a node at the gates of two compounds has a copy in each
    copies, where = np.unique(pairs, return_inverse=True)
    copy_node = copies % size
    leave, arrive = size + np.arange(len(copies)), size + len(copies) + np.arange(len(copies))

    leave_u, leave_v = u.copy(), v.copy()
    arrive_u, arrive_v = u.copy(), v.copy()
    leave_u[rows], leave_v[rows] = leave[where[: len(rows)]], leave[where[len(rows) :]]
    arrive_u[rows], arrive_v[rows] = arrive[where[: len(rows)]], arrive[where[len(rows) :]]

    start, end = np.arange(size), np.arange(size)
    inner = ~at_street[copy_node]
    start[copy_node[inner]], end[copy_node[inner]] = leave[inner], arrive[inner]

    gates = np.flatnonzero(~inner)
    every = np.arange(len(u))
    tails = [leave_u, leave_v, arrive_u[rows], arrive_v[rows]]
    heads = [leave_v, leave_u, arrive_v[rows], arrive_u[rows]]
    costs = [forward_min, back_min, forward_min[rows], back_min[rows]]
    edges = [every, every, rows, rows]
    free = [
        (leave[gates], copy_node[gates]),
        (copy_node[gates], arrive[gates]),
        (leave, arrive),
    ]
    for tail_free, head_free in free:
        tails.append(tail_free)
        heads.append(head_free)
        costs.append(np.zeros(len(tail_free)))
        edges.append(np.full(len(tail_free), -1))
    tail, head = np.concatenate(tails), np.concatenate(heads)
    minutes, edge = np.concatenate(costs), np.concatenate(edges)
    usable = ~np.isnan(minutes) & (tail != head)
    tail, head, minutes, edge = _cheapest(tail[usable], head[usable], minutes[usable], edge[usable])
    return Phases(
        size=size + 2 * len(copies),
        tail=tail,
        head=head,
        minutes=minutes,
        edge=edge,
        node=np.concatenate((np.arange(size), copy_node, copy_node)),
        leave_u=leave_u,
        leave_v=leave_v,
        arrive_u=arrive_u,
        arrive_v=arrive_v,
        start=start,
        end=end,
        compound=compound,
    )

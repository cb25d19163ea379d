"""Contract the segments of ways into edges between true nodes, geometry kept.

Rules:

1. Two segments meet only at a shared node id; lines that cross on the map do not join.
2. A node stays when other than two segments end there, at a gate, or where the use changes: class,
   name, structure, interior flag, speed or direction. Everything else is interior to an edge.
3. A way drawn against its neighbour is turned round if its use, seen from the other end, agrees.
4. A closed loop without any true node keeps one.
5. An edge is named after the first piece of way in it (`w<way id>:<position>`) and runs the way
   that piece is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.network.phases import Flags, Ints


@dataclass(frozen=True, eq=False)
class Segments:
    """Straight bits of ways between consecutive nodes, in order of way and position.

    `a` and `b` are node rows, `way_id` and `position` name the bit, `use` is the row of its use,
    `flipped_use` maps the row of each use to the row of the same use seen from the other end (-1
    where no way has that use).
    """

    a: Ints
    b: Ints
    way_id: Ints
    position: Ints
    use: Ints
    flipped_use: Ints


@dataclass(frozen=True, eq=False)
class Chains:
    """Edges as runs of node rows: edge i has `vertices[starts[i]:starts[i + 1]]`."""

    vertices: Ints
    starts: Ints
    use: Ints
    way_id: Ints
    position: Ints


def contract(segments: Segments, *, keep: Flags) -> Chains:
    """Join segments into edges.

    Parameters
    ----------
    segments
        The segments one mode may use.
    keep
        Per node row: True where the node must stay whatever its degree (gates).

    Returns
    -------
    chains
        Edges sorted by way id and position.
    """
    degree = np.bincount(segments.a, minlength=len(keep))
    degree += np.bincount(segments.b, minlength=len(keep))
    stays = keep | (degree != 2)  # noqa: PLR2004
    first = _piece_starts(segments, stays)
    last = np.append(first[1:], len(segments.a)) - 1
    use = segments.use[first]
    link = _links(segments.a[first], segments.b[last], use, stays, segments.flipped_use)
    chain, rank, turned = _walk(link)
    return _expand(segments, first, last, chain=chain, rank=rank, turned=turned)


def _piece_starts(segments: Segments, stays: Flags) -> Ints:
    """Find the segments at which a new piece of way begins."""
    begins = np.ones(len(segments.a), dtype=bool)
    begins[1:] = (
        (segments.way_id[1:] != segments.way_id[:-1])
        | (segments.position[1:] != segments.position[:-1] + 1)
        | (segments.use[1:] != segments.use[:-1])
        | (segments.a[1:] != segments.b[:-1])
        | stays[segments.a[1:]]
    )
    return np.flatnonzero(begins)


def _links(start: Ints, end: Ints, use: Ints, stays: Flags, flipped_use: Ints) -> Ints:
    """Link ends of pieces that continue each other; piece p starts at end 2p and ends at 2p+1.

    Returns
    -------
    link
        Per end: the end it continues at, -1 where a node stays.
    """
    node = np.column_stack((start, end)).ravel()
    link = np.full(len(node), -1, dtype=np.int64)
    free = np.flatnonzero(~stays[node])
    order = free[np.argsort(node[free], kind="stable")]
    pair = np.flatnonzero(node[order[1:]] == node[order[:-1]])
    one, two = order[pair], order[pair + 1]
    same_way_round = (one & 1) != (two & 1)
    use_two = np.where(same_way_round, use[two >> 1], flipped_use[use[two >> 1]])
    fits = (use[one >> 1] == use_two) & (one >> 1 != two >> 1)
    link[one[fits]], link[two[fits]] = two[fits], one[fits]
    return link


def _walk(link: Ints) -> tuple[Ints, Ints, Flags]:
    """Follow the links from piece to piece.

    Returns
    -------
    chain, rank, turned
        Per piece: label of its chain, place within it, whether it runs against its drawing.
    """
    pieces = len(link) // 2
    chain = np.arange(pieces)
    rank = np.zeros(pieces, dtype=np.int64)
    turned: Flags = np.zeros(pieces, dtype=bool)
    links = (link.reshape(-1, 2) >= 0).sum(axis=1)
    follow = link.tolist()
    seen: Flags = np.equal(links, 0)
    # From the tips first: what is left over are loops, entered at the start of any piece.
    for piece in np.concatenate((np.flatnonzero(links == 1), np.flatnonzero(links > 1))).tolist():
        if seen[piece]:
            continue
        inward = follow[2 * piece] < 0 or links[piece] > 1
        entry, place = (2 * piece if inward else 2 * piece + 1), 0
        while entry >= 0 and not seen[entry >> 1]:
            here = entry >> 1
            seen[here], chain[here], rank[here], turned[here] = True, piece, place, bool(entry & 1)
            entry, place = follow[entry ^ 1], place + 1
    return chain, rank, turned


def _expand(
    segments: Segments, first: Ints, last: Ints, *, chain: Ints, rank: Ints, turned: Flags
) -> Chains:
    """Spell out each chain as its node rows, along the drawing of its first piece."""
    head = np.full(len(chain), len(chain), dtype=np.int64)
    np.minimum.at(head, chain, np.arange(len(chain)))  # pieces stand in order of way and position
    head = head[chain]
    against = turned[head]
    turned = turned ^ against
    rank = np.where(against, -rank, rank)
    order = np.lexsort((rank, head))

    count = (last - first + 1)[order]
    piece = np.repeat(order, count)
    step = np.arange(len(piece)) - np.repeat(np.cumsum(count) - count, count)
    row = np.where(turned[piece], last[piece] - step, first[piece] + step)
    origin = np.where(turned[piece], segments.b[row], segments.a[row])
    target = np.where(turned[piece], segments.a[row], segments.b[row])

    edge = head[piece]
    closes = np.append(edge[1:] != edge[:-1], True)
    vertices = np.insert(origin, np.flatnonzero(closes) + 1, target[closes])
    starts = np.concatenate(([0], np.flatnonzero(closes) + 1 + np.arange(1, closes.sum() + 1)))
    heads = first[edge[closes]]
    return Chains(
        vertices=vertices,
        starts=starts,
        use=segments.use[heads],
        way_id=segments.way_id[heads],
        position=segments.position[heads],
    )

"""Compute the minutes from many points to every campus, at its nearest entrance."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from pipeline.network.graph import StreetGraph
from pipeline.network.phases import Flags, Floats, Ints
from pipeline.network.reduction import reduce_network
from pipeline.network.search import (
    COST_TOLERANCE_MIN,
    Ends,
    arriving,
    leaving,
    same_edge,
    within,
)
from pipeline.network.snap import Snapped

# Shrinking the network costs about as much as so many searches of the whole of it.
_WORTH_REDUCING = 200
_CAMPUSES_AT_ONCE = 32


def campus_minutes(
    graph: StreetGraph, origins: Snapped, entrances: Snapped, campus: Ints, *, limit_min: float
) -> Floats:
    """Minutes from snapped origins to every campus.

    One search runs from each campus against the streets' direction. Where there are many, the
    network is first shrunk to the campuses and the ends of the origins' edges.

    Parameters
    ----------
    graph
        Street graph; costs run from origin to campus.
    origins, entrances
        Points on the graph; those not found take no part.
    campus
        Number of the campus of each entrance.
    limit_min
        Costs within t <= limit count.

    Returns
    -------
    minutes
        Shape (origins, campuses), infinite beyond the limit.
    """
    count = int(campus.max(initial=-1)) + 1
    goal, start = arriving(graph, entrances), leaving(graph, origins)
    network = _with_campuses(graph.phases.reverse, goal, campus, entrances.found, count)
    size = network.shape[0] - count
    place = np.arange(network.shape[0])
    if count * _share_reached(graph, limit_min) > _WORTH_REDUCING:
        keep = np.zeros(network.shape[0], dtype=bool)
        keep[start.node_u[origins.found]] = keep[start.node_v[origins.found]] = True
        keep[size:] = True
        network, place = reduce_network(network, keep)
    minutes = np.full((len(origins), count), np.inf)
    rows = np.flatnonzero(origins.found)
    # An end that is closed costs infinitely much; it may not even be in the network.
    via = [
        (place[node[rows]], np.where(np.isnan(cost[rows]), np.inf, cost[rows]))
        for node, cost in ((start.node_u, start.min_u), (start.node_v, start.min_v))
    ]
    for first in range(0, count, _CAMPUSES_AT_ONCE):
        chunk = np.arange(first, min(first + _CAMPUSES_AT_ONCE, count))
        found = dijkstra(network, indices=place[size + chunk], limit=limit_min + COST_TOLERANCE_MIN)
        both = [found[:, node] + cost for node, cost in via]
        minutes[np.ix_(rows, chunk)] = np.minimum(both[0], both[1]).T
    direct = same_edge(graph, origins, entrances)
    at = direct["origin"].to_numpy(), campus[direct["target"].to_numpy()]
    np.minimum.at(minutes, at, direct["minutes"].to_numpy())
    minutes[~within(minutes, limit_min)] = np.inf
    return minutes


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

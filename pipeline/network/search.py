"""Search from points on edges: a search starts at both ends of the edge, at their costs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from pipeline.network.graph import StreetGraph
from pipeline.network.phases import Flags, Floats, Ints
from pipeline.network.shortest import nearest, points, starts
from pipeline.network.shortest_loops import Points, Starts
from pipeline.network.snap import Snapped

# Sums of the same legs in another order differ in the last bits; no threshold may hang on them.
COST_TOLERANCE_MIN = 1e-9


def within(minutes: Floats, limit_min: float | Floats) -> Flags:
    """Tell which costs are within a limit: t <= c, apart from the last bits of a sum.

    NaN is not within.
    """
    return np.asarray(minutes <= np.asarray(limit_min) + COST_TOLERANCE_MIN, dtype=bool)


class Ends(NamedTuple):
    """The two ways a point joins the phased network: phased nodes and minutes (NaN: closed)."""

    node_u: Ints
    node_v: Ints
    min_u: Floats
    min_v: Floats


def leaving(graph: StreetGraph, points: Snapped) -> Ends:
    """Return where routes that start at the points enter the network."""
    phases = graph.phases
    min_u, min_v = points.leaving_min(graph)
    return Ends(phases.leave_u[points.edge], phases.leave_v[points.edge], min_u, min_v)


def arriving(graph: StreetGraph, points: Snapped) -> Ends:
    """Return where routes that end at the points leave the network."""
    phases = graph.phases
    min_u, min_v = points.arriving_min(graph)
    return Ends(phases.arrive_u[points.edge], phases.arrive_v[points.edge], min_u, min_v)


def legs(ends: Ends, where: Flags) -> tuple[Ints, Ints, Floats]:
    """List the ways between points and the network: row of the point, phased node, minutes.

    Of each point that is `where`, in order; NaN where the way is closed.
    """
    rows = np.flatnonzero(where)
    node = np.column_stack((ends.node_u[rows], ends.node_v[rows]))
    minutes = np.column_stack((ends.min_u[rows], ends.min_v[rows]))
    return np.repeat(rows, 2), node.ravel(), minutes.ravel()


def starts_at(ends: Ends, where: Flags) -> Starts:
    """Give where the searches from points start; points that are not `where` start nowhere."""
    return starts(*legs(ends, where), count=len(where))


def points_at(ends: Ends, where: Flags, *, size: int) -> Points:
    """Give how points are reached from the phased nodes of a network of that size."""
    return points(*legs(ends, where), count=len(where), nodes=size)


class Nearest(NamedTuple):
    """Per phased node: minutes to the nearest source (inf: none) and its row (-1: none)."""

    minutes: Floats
    source: Ints


def nearest_source(
    matrix: csr_matrix, ends: Ends, where: Flags, *, limit_min: float | None
) -> Nearest:
    """Find the nearest of many points for every phased node, in one pass.

    Parameters
    ----------
    matrix
        Forward arcs to search from the points, reversed arcs to search towards them.
    ends, where
        Where the points join; which of them take part.
    limit_min
        Farthest cost, None for no limit.
    """
    limit = np.inf if limit_min is None else limit_min + COST_TOLERANCE_MIN
    row, node, minutes = legs(ends, where)
    usable = ~np.isnan(minutes)
    return Nearest(*nearest(matrix, node[usable], minutes[usable], row[usable], limit=limit))


def same_edge(graph: StreetGraph, origins: Snapped, targets: Snapped) -> pd.DataFrame:
    """Cost of going along one edge, for every origin and target that stand on the same one.

    Returns
    -------
    pairs
        Columns `origin`, `target` (rows) and `minutes`; pairs against a one-way are left out.
    """
    here = np.flatnonzero(origins.found)
    there = np.flatnonzero(targets.found)
    left = pd.DataFrame({"edge": origins.edge[here], "origin": here})
    left = left[np.isin(left["edge"], targets.edge[there])]
    right = pd.DataFrame({"edge": targets.edge[there], "target": there})
    pairs = left.merge(right, on="edge")
    origin, target = pairs["origin"].to_numpy(), pairs["target"].to_numpy()
    step = targets.along[target] - origins.along[origin]
    edge = pairs["edge"].to_numpy()
    ride = np.where(step >= 0, step * graph.forward_min[edge], -step * graph.back_min[edge])
    ride = np.where(step == 0, 0.0, ride)
    access = origins.access_min(graph)[origin] + targets.access_min(graph)[target]
    minutes = ride + access
    open_way = ~np.isnan(minutes)
    return pd.DataFrame(
        {"origin": origin[open_way], "target": target[open_way], "minutes": minutes[open_way]}
    )

"""Ask which opening in a park's edge would help most: candidate gates, opened one after another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from scipy.sparse.csgraph import dijkstra

from pipeline.measures.island_grid import FloatArray, IntArray

from .separation_streets import PIECE_M, Streets, snap_to_streets


@dataclass(frozen=True)
class Gates:
    """
    Candidate gates of one park.

    `node` is the end of a way inside, `link_m` the length of the gap to the public street, which
    it meets at `xy_m` on `edge`, `along_m` from the edge's first node.
    """

    node: IntArray
    link_m: FloatArray
    edge: IntArray
    along_m: FloatArray
    xy_m: FloatArray


def inside_edges(park: shapely.Geometry, streets: Streets) -> IntArray:
    """List the edges of which at least half lies within a park."""
    pieces, bounds = streets.pieces, np.array(park.bounds)
    near = streets.near(bounds[:2], bounds[2:])
    number = pieces.first[near + 1] - pieces.first[near]
    start = np.cumsum(number) - number
    own = np.arange(int(number.sum())) + np.repeat(pieces.first[near] - start, number)
    shapely.prepare(park)
    within = shapely.contains_xy(park, pieces.xy_m[own, 0], pieces.xy_m[own, 1])
    inside = np.bincount(np.repeat(np.arange(len(near)), number), within, len(near))
    return near[inside >= 0.5 * number]


def candidate_gates(park: shapely.Geometry, streets: Streets, *, near_m: float) -> Gates:
    """
    Find the ends of ways inside a park that stop short of a public street.

    Parameters
    ----------
    park
        Polygon in metres.
    streets
        The network.
    near_m
        Greatest gap between the end and a public street that does not lie inside the park.

    Returns
    -------
    gates in the order of their nodes; none where every way inside ends away from streets
    """
    own = inside_edges(park, streets)
    ends = np.unique(np.append(streets.u[own], streets.v[own]))
    ends = ends[streets.degree[ends] == 1]
    outside = np.empty(0, dtype=np.int64)
    if len(ends):
        xy, reach_m = streets.node_xy_m[ends], near_m + PIECE_M
        near = streets.near(xy.min(axis=0) - reach_m, xy.max(axis=0) + reach_m)
        outside = np.setdiff1d(near[~streets.interior[near]], own)
    if len(outside) == 0:
        nothing = np.empty(0, dtype=np.int64)
        return Gates(nothing, np.empty(0), nothing, np.empty(0), np.empty((0, 2)))
    around = streets.subset(outside)
    places, row = snap_to_streets(around, streets.node_xy_m[ends], snap_m=near_m)
    node = ends[row >= 0]
    gap = np.hypot(*(streets.node_xy_m[node] - places.xy_m).T)
    return Gates(node, gap, outside[places.edge], places.along_m, places.xy_m)


def open_gates(
    park: shapely.Geometry,
    streets: Streets,
    gates: Gates,
    *,
    metres: Mapping[str, FloatArray],
    demand_xy_m: FloatArray,
    demand: FloatArray,
    walk_m_min: float,
    snap_m: float,
    openings: int,
) -> pd.DataFrame:
    """
    Open candidate gates one after another, each time the one that helps most.

    A gate leads from the ways inside to the public street and on to the nearest facility. Ways
    inside stay first and last legs: a gate is no shortcut through the park, so that public
    distances do not change and the minutes saved are those of the people inside.

    Parameters
    ----------
    park
        Polygon in metres.
    streets
        The network.
    gates
        Candidates; see `candidate_gates`.
    metres
        Metres from each node to the nearest facility, by service; see `node_metres`.
    demand_xy_m, demand
        Points inside, shape (N, 2), and what each stands for (hectares, or people), shape (N,).
    walk_m_min
        Walking speed.
    snap_m
        A point farther than this from any way inside is not helped by a gate.
    openings
        Gates to open at most.

    Returns
    -------
    frame
        One row for each gate opened, in order: `order`, `node`, `x`, `y` (on the public street),
        `link_m`, `minutes_saved` (per unit of demand that already had a way, mean over services),
        `total_saved` (demand x minutes), `helped` (demand that gains), `newly_reached` (demand
        that had no way before). Stops where no gate helps any more.
    """
    before = _to_ends(streets, demand_xy_m, snap_m, list(metres.values()))
    after = _through(inside_edges(park, streets), streets, gates, metres, (demand_xy_m, snap_m))
    rows: list[dict[str, float]] = []
    left = list(range(len(gates.node)))
    while left and len(rows) < openings:
        gains = [_gain(before, after[number], demand, walk_m_min) for number in left]
        best = int(np.lexsort(([-gain[0] for gain in gains], [-gain[2] for gain in gains]))[0])
        total, helped, reached = gains[best]
        if helped == 0:
            break
        number = left.pop(best)
        had_way = float(demand[np.isfinite(before).all(axis=0)].sum())
        rows.append(
            {
                "order": len(rows) + 1,
                "node": int(gates.node[number]),
                "x": gates.xy_m[number, 0],
                "y": gates.xy_m[number, 1],
                "link_m": gates.link_m[number],
                "minutes_saved": total / had_way if had_way > 0 else np.nan,
                "total_saved": total,
                "helped": helped,
                "newly_reached": reached,
            }
        )
        before = np.minimum(before, after[number])
    return pd.DataFrame(rows, columns=COLUMNS)


COLUMNS = (
    "order",
    "node",
    "x",
    "y",
    "link_m",
    "minutes_saved",
    "total_saved",
    "helped",
    "newly_reached",
)


def _to_ends(
    streets: Streets, xy_m: FloatArray, snap_m: float, fields: Sequence[FloatArray]
) -> FloatArray:
    """Give metres from each point over its street to what fields of node metres hold there."""
    places, row = snap_to_streets(streets, xy_m, snap_m=snap_m, public=False)
    rest = streets.length_m[places.edge] - places.along_m
    away = np.hypot(*(xy_m[row >= 0] - places.xy_m).T)
    u, v = streets.u[places.edge], streets.v[places.edge]
    result = np.full((len(fields), len(xy_m)), np.inf)
    for number, field in enumerate(fields):
        ends = np.minimum(field[u] + places.along_m, field[v] + rest)
        result[number, row >= 0] = away + ends
    return result


def _through(
    own: IntArray,
    streets: Streets,
    gates: Gates,
    metres: Mapping[str, FloatArray],
    points: tuple[FloatArray, float],
) -> FloatArray:
    """Give metres through each gate over the ways inside, (gates, services, N)."""
    xy_m, snap_m = points
    if len(gates.node) == 0:
        return np.full((0, len(metres), len(xy_m)), np.inf)
    inside, place = streets.subset(own).compact(gates.node)
    everything = np.ones(len(inside.u), dtype=bool)
    within = dijkstra(inside.matrix(everything), indices=place)
    to_gate = _to_ends(inside, xy_m, snap_m, list(within))
    rest = streets.length_m[gates.edge] - gates.along_m
    u, v = streets.u[gates.edge], streets.v[gates.edge]
    beyond = np.array(
        [np.minimum(each[u] + gates.along_m, each[v] + rest) for each in metres.values()]
    )
    through: FloatArray = to_gate[:, None] + gates.link_m[:, None, None] + beyond.T[:, :, None]
    return through


def _gain(
    before: FloatArray, through: FloatArray, demand: FloatArray, walk_m_min: float
) -> tuple[float, float, float]:
    """Give demand x minutes saved (mean over services), demand helped, demand newly reached."""
    had, has = np.isfinite(before), np.isfinite(through)
    saved = np.zeros(before.shape)
    both = had & has
    saved[both] = np.maximum(before[both] - through[both], 0.0) / walk_m_min
    new = (~had & has).any(axis=0)
    helped = new | (saved > 0).any(axis=0)
    total = float((saved.mean(axis=0) * demand).sum())
    return total, float(demand[helped].sum()), float(demand[new].sum())

"""Draw the shortest routes behind a cost, edge by edge."""

from __future__ import annotations

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import shapely
from shapely.ops import substring

from pipeline.errors import GeometryError, Problem
from pipeline.network.graph import StreetGraph
from pipeline.network.phases import Floats
from pipeline.network.search import Ends, arriving, leaving, legs, same_edge
from pipeline.network.shortest import tree_to
from pipeline.network.shortest_loops import Nodes
from pipeline.network.snap import Snapped, snap


class _Route(NamedTuple):
    """A route as places on edges: row of the edge, share at which it is entered and left."""

    edge: list[int]
    enter: list[float]
    leave: list[float]


def routes(
    graph: StreetGraph,
    origins: gpd.GeoSeries | gpd.GeoDataFrame,
    destinations: gpd.GeoSeries | gpd.GeoDataFrame,
    *,
    snap_max_m: float,
) -> gpd.GeoDataFrame:
    """Find the cheapest route from each origin to the destination in the same position.

    Parameters
    ----------
    graph
        Street graph.
    origins, destinations
        Points in the graph's CRS, equally many.
    snap_max_m
        Cap of snapping in metres.

    Returns
    -------
    table
        On the index of `origins`: `minutes`, `length_m` (with the ways to and from the streets),
        `edge_ids` (list in the order of travel), `status` (`ok`, `beyond_limit` where unconnected,
        `unsnapped`) and `geometry`, a line from the origin itself to the destination itself.

    Raises
    ------
    GeometryError
        The numbers of origins and destinations differ.
    """
    if len(origins) != len(destinations):
        text = f"{len(origins)} origins against {len(destinations)} destinations"
        raise GeometryError(Problem(zh=f"起点与终点数量不同（{text}）", en=text))
    start, target = (
        snap(points, graph, snap_max_m=snap_max_m) for points in (origins, destinations)
    )
    both = start.found & target.found
    minutes = np.full(len(start), np.nan)
    ids: list[list[str] | None] = [None] * len(start)
    lines = np.full(len(start), None, dtype=object)
    names = graph.edges["edge_id"].to_numpy()
    tips = [
        shapely.get_coordinates(points.geometry.to_numpy()) for points in (origins, destinations)
    ]
    for row in np.flatnonzero(both):
        pair = np.array([row])
        minutes[row], route = _cheapest(graph, start.take(pair), target.take(pair))
        if route is not None:
            ids[row] = names[route.edge].tolist()
            lines[row] = _draw(graph, route, tips[0][row], tips[1][row])
    status = np.select([~both, np.isnan(minutes)], ["unsnapped", "beyond_limit"], "ok")
    return gpd.GeoDataFrame(
        {
            "minutes": minutes,
            "length_m": np.where(status == "ok", shapely.length(lines), np.nan),
            "edge_ids": ids,
            "status": status,
        },
        geometry=lines,
        index=start.index,
        crs=graph.crs,
    )


def _cheapest(graph: StreetGraph, start: Snapped, target: Snapped) -> tuple[float, _Route | None]:
    """Find the route between two single points: along their common edge or through the network."""
    from_ends, to_ends = leaving(graph, start), arriving(graph, target)
    _, node, minutes = legs(from_ends, start.found)
    _, ends, onward = legs(to_ends, target.found)
    begin, stop = ~np.isnan(minutes), np.where(np.isnan(onward), np.inf, onward)
    cost, before = tree_to(graph.phases.forward, node[begin], minutes[begin], ends, stop)
    total = cost[ends] + stop
    best = int(np.argmin(total))
    direct = np.nan
    if start.edge[0] == target.edge[0]:
        direct = same_edge(graph, start, target)["minutes"].min()
    if direct <= total[best]:
        share = (float(start.along[0]), float(target.along[0]))
        return float(direct), _Route([int(start.edge[0])], [share[0]], [share[1]])
    if not np.isfinite(total[best]):
        return np.nan, None
    nodes = _trace(before, int(ends[best]))
    route = _middle(graph, nodes)
    _prepend(route, start, from_ends, nodes[0])
    route.edge.append(int(target.edge[0]))
    route.enter.append(float(best))  # 0 at u, 1 at v
    route.leave.append(float(target.along[0]))
    return float(total[best]), route


def _trace(before: Nodes, node: int) -> list[int]:
    """Follow predecessors back from a node and return the phased nodes in order of travel."""
    nodes = [node]
    while before[nodes[-1]] >= 0:
        nodes.append(int(before[nodes[-1]]))
    return nodes[::-1]


def _middle(graph: StreetGraph, nodes: list[int]) -> _Route:
    """Name the whole edges a chain of phased nodes runs along."""
    phases, first = graph.phases, graph.phases.forward.indptr
    rows = [slice(first[tail], first[tail + 1]) for tail in nodes[:-1]]  # arcs sorted by head
    steps = [
        row.start + np.searchsorted(phases.head[row], head)
        for row, head in zip(rows, nodes[1:], strict=True)
    ]
    at = np.array(steps, dtype=np.int64)
    along = phases.edge[at] >= 0
    edge = phases.edge[at][along]
    forth = phases.node[phases.tail[at][along]] == graph.u_row[edge]
    return _Route(
        edge.tolist(), np.where(forth, 0.0, 1.0).tolist(), np.where(forth, 1.0, 0.0).tolist()
    )


def _prepend(route: _Route, start: Snapped, ends: Ends, first: int) -> None:
    """Put the part of the origin's edge before the first node reached."""
    via_u = ends.min_u[0] if ends.node_u[0] == first else np.nan
    via_v = ends.min_v[0] if ends.node_v[0] == first else np.nan
    at_u = np.isnan(via_v) or via_u <= via_v
    route.edge.insert(0, int(start.edge[0]))
    route.enter.insert(0, float(start.along[0]))
    route.leave.insert(0, 0.0 if at_u else 1.0)


def _draw(graph: StreetGraph, route: _Route, tip: Floats, end: Floats) -> shapely.LineString:
    """Join the parts of the edges, with straight ways to and from the streets, into one line."""
    parts = [tip[np.newaxis, :]]
    for edge, enter, leave in zip(route.edge, route.enter, route.leave, strict=True):
        part = substring(graph.lines[edge], enter, leave, normalized=True)
        parts.append(shapely.get_coordinates(part))
    parts.append(end[np.newaxis, :])
    xy = np.concatenate(parts)
    moved = np.append(True, (np.diff(xy, axis=0) != 0).any(axis=1))
    xy = xy[moved]
    return shapely.linestrings(xy if len(xy) > 1 else np.repeat(xy, 2, axis=0))

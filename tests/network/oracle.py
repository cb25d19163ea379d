"""Answer the same questions with networkx, from the tables alone."""

from __future__ import annotations

import math

import geopandas as gpd
import networkx as nx
import numpy as np
import shapely

from pipeline.network.graph import StreetGraph


def nearest_edge(graph: StreetGraph, point: shapely.Point) -> tuple[int, float, float]:
    """Find edge row, share along it and distance by trying all edges."""
    gaps = shapely.distance(graph.lines, point)
    best = gaps.min()
    rows = np.flatnonzero(gaps == best).tolist()
    row = min(rows, key=lambda one: (bool(graph.interior[one]), one))
    return int(row), float(graph.lines[row].project(point, normalized=True)), float(best)


def directed(graph: StreetGraph, rows: list[int]) -> nx.MultiDiGraph:
    """Build a networkx graph of some edges."""
    network = nx.MultiDiGraph()
    network.add_nodes_from(graph.node_ids.tolist())
    columns = graph.edges[["u", "v", "forward_min", "back_min"]].iloc[rows]
    for u, v, forward, back in columns.itertuples(index=False):
        if not math.isnan(forward):
            network.add_edge(u, v, weight=forward)
        if not math.isnan(back):
            network.add_edge(v, u, weight=back)
    return network


def compounds(graph: StreetGraph) -> dict[int, int]:
    """Label interior edges that hang together away from public streets."""
    inside = np.flatnonzero(graph.interior).tolist()
    street = set(graph.edges.loc[~graph.interior, ["u", "v"]].to_numpy().ravel().tolist())
    joint = nx.Graph()
    ends = graph.edges[["u", "v"]].to_numpy().tolist()
    for row in inside:
        joint.add_node(("edge", row))
        for node in ends[row]:
            if node not in street:
                joint.add_edge(("edge", row), ("node", node))
    return {
        row: label
        for label, part in enumerate(nx.connected_components(joint))
        for kind, row in part
        if kind == "edge"
    }


def add_point(
    network: nx.MultiDiGraph, graph: StreetGraph, name: str, place: tuple[int, float, float]
) -> None:
    """Join a point to a network in both directions through its edge."""
    row, along, gap = place
    edge = graph.edges.iloc[row]
    walk = gap / graph.walk_speed_m_min
    legs = (
        (edge.u, along * edge.back_min, along * edge.forward_min, along == 0),
        (edge.v, (1 - along) * edge.forward_min, (1 - along) * edge.back_min, along == 1),
    )
    for node, leave, arrive, here in legs:
        if here or not math.isnan(leave):
            network.add_edge(name, node, weight=walk + (0 if here else leave))
        if here or not math.isnan(arrive):
            network.add_edge(node, name, weight=walk + (0 if here else arrive))


def along_edge(
    graph: StreetGraph, one: tuple[int, float, float], two: tuple[int, float, float]
) -> float:
    """Cost between two points along their common edge, inf where there is none."""
    if one[0] != two[0]:
        return math.inf
    edge = graph.edges.iloc[one[0]]
    step = two[1] - one[1]
    ride = 0.0 if step == 0 else (step * edge.forward_min if step > 0 else -step * edge.back_min)
    access = (one[2] + two[2]) / graph.walk_speed_m_min
    return math.inf if math.isnan(ride) else ride + access


def pair_minutes(graph: StreetGraph, origin: shapely.Point, target: shapely.Point) -> float:
    """Cheapest route own compound* street* target's compound*, by definition; inf if none."""
    start, end = nearest_edge(graph, origin), nearest_edge(graph, target)
    label = compounds(graph)
    streets = [row for row in range(len(graph.edges)) if not graph.interior[row]]

    def legs(place: tuple[int, float, float]) -> list[int]:
        mine = label.get(place[0])
        return (
            [row for row, other in label.items() if other == mine] if mine is not None else streets
        )

    first, last, middle = (directed(graph, rows) for rows in (legs(start), legs(end), streets))
    add_point(first, graph, "origin", start)
    add_point(last, graph, "target", end)
    best = along_edge(graph, start, end)
    out = nx.single_source_dijkstra_path_length(first, "origin")
    back = nx.single_source_dijkstra_path_length(last.reverse(), "target")
    same = label.get(start[0]) == label.get(end[0])
    if same:
        best = min([best, *(out[node] + back[node] for node in set(out) & set(back))])
    street_nodes = set(graph.edges[["u", "v"]].iloc[streets].to_numpy().ravel().tolist())
    through = nx.MultiDiGraph(middle)
    for node, cost in out.items():
        if node in street_nodes:
            through.add_edge("start", node, weight=cost)
    for node, cost in back.items():
        if node in street_nodes:
            through.add_edge(node, "end", weight=cost)
    if "start" in through and "end" in through:
        reached = nx.single_source_dijkstra_path_length(through, "start")
        best = min(best, reached.get("end", math.inf))
    return best


def all_minutes(
    graph: StreetGraph, origins: gpd.GeoSeries, targets: gpd.GeoSeries
) -> dict[tuple[int, int], float]:
    """All costs by networkx alone on a graph without interiors."""
    assert not graph.interior.any()
    network = directed(graph, list(range(len(graph.edges))))
    ends = [nearest_edge(graph, point) for point in targets]
    for number, place in enumerate(ends):
        add_point(network, graph, f"t{number}", place)
    out = {}
    for number, point in enumerate(origins):
        place = nearest_edge(graph, point)
        probe = network.copy() if len(network) < 200 else network
        add_point(probe, graph, f"o{number}", place)
        reached = nx.single_source_dijkstra_path_length(probe, f"o{number}")
        for other, end in enumerate(ends):
            cost = min(reached.get(f"t{other}", math.inf), along_edge(graph, place, end))
            out[number, other] = cost
        if probe is network:
            network.remove_node(f"o{number}")
    return out

"""The same network task by parkgap and by its peers; each runs in a process of its own.

Peers are imported only inside their contender, so that this file runs under an interpreter that
has parkgap or one that has the peers.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.timing import report

CUTOFF_MIN = 15.0
HALF_WIDTH_M = 40.0

Inputs = dict[str, Any]
Contender = tuple[Callable[[Path], Any], Callable[[Any], float], int]


def _arrays(inputs: Path) -> Inputs:
    """Read the network that all contenders share: rows of nodes, minutes both ways, places."""
    return dict(np.load(inputs / "network.npz"))


def _total(minutes: np.ndarray) -> float:
    """Sum what is reached, the answer that contenders must agree on."""
    return float(minutes[np.isfinite(minutes)].sum())


# PBF to graph ------------------------------------------------------------------------------------


def _extract(inputs: Path) -> Path:
    return Path((inputs / "extract.txt").read_text(encoding="utf-8"))


def bare_pass(path: Path) -> float:
    """Decode the file and resolve the places of way nodes, without looking at anything."""
    import osmium

    reader = osmium.io.Reader(str(path), osmium.osm.NODE | osmium.osm.WAY)
    places = osmium.NodeLocationsForWays(osmium.index.create_map("flex_mem"))
    places.ignore_errors()
    osmium.apply(reader, places)
    return 0.0


def parkgap_read(path: Path) -> float:
    """Read the extract into a walking graph."""
    from pyproj import CRS

    from pipeline.network.osm_streets import read_osm_streets
    from pipeline.settings.network import NetworkSettings

    settings = NetworkSettings()
    graphs = read_osm_streets(
        path,
        area=None,
        crs=CRS.from_epsg(32628),
        rules={"walk": settings.rules("walk")},
        walk_speed_m_min=settings.walk_speed_m_min,
        scrap_max_km=settings.scrap_max_km,
    )
    return float(graphs["walk"].edges["length_m"].sum()) / 1000


def pyrosm_read(path: Path) -> float:
    """Read the extract with pyrosm into nodes and edges."""
    import pyrosm

    _, edges = pyrosm.OSM(str(path)).get_network(network_type="walking", nodes=True)
    return float(edges["length"].sum()) / 1000


def osmnx_read(path: Path) -> float:
    """Read the streets, already filtered and turned into XML, with OSMnx."""
    import osmnx

    graph = osmnx.graph_from_xml(path, bidirectional=True, retain_all=True)
    return float(sum(length for _, _, length in graph.edges(data="length"))) / 2000


# Graphs of the shared network --------------------------------------------------------------------


def _networkx(inputs: Path) -> tuple[Any, Inputs]:
    import networkx as nx

    data = _arrays(inputs)
    graph = nx.Graph()
    graph.add_nodes_from(range(len(data["xy"])))
    graph.add_weighted_edges_from(
        zip(data["u"].tolist(), data["v"].tolist(), data["minutes"].tolist(), strict=True),
        weight="minutes",
    )
    return graph, data


def _igraph(inputs: Path) -> tuple[Any, Inputs]:
    import igraph

    data = _arrays(inputs)
    pairs = np.column_stack((data["u"], data["v"])).tolist()
    return igraph.Graph(n=len(data["xy"]), edges=pairs), data


def _pandana(inputs: Path) -> tuple[Any, Inputs]:
    import pandana
    import pandas as pd

    data = _arrays(inputs)
    network = pandana.Network(
        pd.Series(data["xy"][:, 0]),
        pd.Series(data["xy"][:, 1]),
        pd.Series(data["u"]),
        pd.Series(data["v"]),
        pd.DataFrame({"minutes": data["minutes"]}),
        twoway=True,
    )
    return network, data


def _parkgap(inputs: Path) -> tuple[Any, Inputs]:
    from benchmarks.network_inputs import graph_of_arrays

    data = _arrays(inputs)
    graph = graph_of_arrays(data["xy"], data["u"], data["v"])
    _ = graph.phases.reverse, graph.phases.forward, graph.snap_tree
    data["places"] = places_at(graph, data["xy"][data["facilities"]])
    return graph, data


def _scipy(inputs: Path) -> tuple[Any, Inputs]:
    from scipy.sparse import csr_matrix

    data = _arrays(inputs)
    u, v = data["u"], data["v"]
    both = np.concatenate((u, v)), np.concatenate((v, u))
    size = len(data["xy"])
    return csr_matrix((np.tile(data["minutes"], 2), both), shape=(size, size)), data


def places_at(graph: Any, xy: np.ndarray) -> Any:  # noqa: ANN401
    """Turn places into facilities f0, f1, ... in the CRS of a parkgap graph."""
    import geopandas as gpd
    import shapely

    ids = [f"f{number}" for number in range(len(xy))]
    return gpd.GeoDataFrame({"facility_id": ids}, geometry=shapely.points(xy), crs=graph.crs)


# Nearest facility for all nodes ------------------------------------------------------------------


def parkgap_nearest(prepared: tuple[Any, Inputs]) -> float:
    """Search once from all facilities (snapping included)."""
    from pipeline.network.costs import nearest_for_nodes

    graph, data = prepared
    table = nearest_for_nodes(
        graph, data["places"], by="facility_id", snap_max_m=300.0, limit_min=None
    )
    return _total(table["minutes"].to_numpy())


def scipy_nearest(prepared: tuple[Any, Inputs]) -> float:
    """Search once from the nodes of all facilities with nothing around the search."""
    from scipy.sparse.csgraph import dijkstra

    matrix, data = prepared
    minutes, *_ = dijkstra(
        matrix, indices=data["facilities"], min_only=True, return_predecessors=True
    )
    return _total(minutes)


def parkgap_search(prepared: tuple[Any, Inputs]) -> float:
    """Search once from the nodes of all facilities: minutes and which one, as arrays."""
    from pipeline.network.shortest import nearest

    matrix, data = prepared
    node = data["facilities"]
    minutes, _ = nearest(matrix, node, np.zeros(len(node)), np.arange(len(node)))
    return _total(minutes)


def networkx_nearest(prepared: tuple[Any, Inputs]) -> float:
    """Search once from all facilities, in Python; the first node of a path is the nearest one."""
    import networkx as nx

    graph, data = prepared
    found, paths = nx.multi_source_dijkstra(
        graph, set(data["facilities"].tolist()), weight="minutes"
    )
    nearest = {node: path[0] for node, path in paths.items()}
    return float(sum(found[node] for node in nearest))


def networkx_minutes(prepared: tuple[Any, Inputs]) -> float:
    """Search as above without asking which facility it is."""
    import networkx as nx

    graph, data = prepared
    found = nx.multi_source_dijkstra_path_length(
        graph, set(data["facilities"].tolist()), weight="minutes"
    )
    return float(sum(found.values()))


def igraph_nearest(prepared: tuple[Any, Inputs]) -> float:
    """Search from every facility and keep the least."""
    graph, data = prepared
    rows = np.array(
        graph.distances(
            source=data["facilities"].tolist(), weights=data["minutes"].tolist(), mode="all"
        )
    )
    nearest = rows.argmin(axis=0)
    return _total(rows[nearest, np.arange(rows.shape[1])])


def pandana_nearest(prepared: tuple[Any, Inputs]) -> float:
    """Attach the facilities and query; the contraction hierarchy is preparation."""
    network, data = prepared
    places = data["xy"][data["facilities"]]
    network.set_pois("f", 1e6, 1, places[:, 0], places[:, 1])
    table = network.nearest_pois(1e6, "f", num_pois=1, imp_name="minutes", include_poi_ids=True)
    minutes = table.iloc[:, 0].to_numpy()
    return _total(np.where(minutes >= 1e6, np.inf, minutes))


# Origin-destination matrix with a cutoff ---------------------------------------------------------


def parkgap_matrix(prepared: tuple[Any, Inputs]) -> float:
    """Search from the smaller side, limited, in chunks (snapping included)."""
    from pipeline.network.costs import od_matrix

    graph, data = prepared
    origins = places_at(graph, data["xy"][data["origins"]]).geometry
    places = places_at(graph, data["xy"][data["destinations"]])
    table = od_matrix(
        graph,
        origins,
        places,
        by="facility_id",
        snap_max_m=300.0,
        cutoff_min=CUTOFF_MIN,
        memory_mb=256.0,
    )
    return float(table["minutes"].sum())


def networkx_matrix(prepared: tuple[Any, Inputs]) -> float:
    """Search from every destination with a cutoff."""
    import networkx as nx

    graph, data = prepared
    origins, total = set(data["origins"].tolist()), 0.0
    for node in data["destinations"].tolist():
        found = nx.single_source_dijkstra_path_length(
            graph, node, cutoff=CUTOFF_MIN, weight="minutes"
        )
        total += sum(found[origin] for origin in origins & found.keys())
    return total


def igraph_matrix(prepared: tuple[Any, Inputs]) -> float:
    """Search between all pairs; there is no cutoff."""
    graph, data = prepared
    rows = graph.distances(
        source=data["destinations"].tolist(),
        target=data["origins"].tolist(),
        weights=data["minutes"].tolist(),
        mode="all",
    )
    minutes = np.array(rows)
    return float(minutes[minutes <= CUTOFF_MIN].sum())


def pandana_matrix(prepared: tuple[Any, Inputs]) -> float:
    """Query all pairs; there is no cutoff."""
    network, data = prepared
    origins = np.repeat(data["origins"], len(data["destinations"]))
    destinations = np.tile(data["destinations"], len(data["origins"]))
    minutes = np.array(network.shortest_path_lengths(origins, destinations, imp_name="minutes"))
    return float(minutes[minutes <= CUTOFF_MIN].sum())


# Catchment polygons ------------------------------------------------------------------------------


def parkgap_catchments(prepared: tuple[Any, Inputs]) -> float:
    """Cut edges at the cost and turn them into land, for each place."""
    from pipeline.network.catchment import catchment_edges, catchment_polygons

    graph, data = prepared
    places, area = data["places"], 0.0
    for row in range(len(places)):
        edges = catchment_edges(
            graph, places.iloc[[row]], limits_min=[CUTOFF_MIN], towards=True, snap_max_m=300.0
        )
        found = catchment_polygons(
            edges,
            edges["limit_min"],
            half_width_m=HALF_WIDTH_M,
            closing_m=0.0,
            min_hole_m2=10_000.0,
        )
        area += sum(polygon.area for polygon in found.values())
    return area / 1e6


def osmnx_catchments(prepared: tuple[Any, Inputs]) -> float:
    """Follow OSMnx's isochrone example: ego graph, buffered edges and nodes, union."""
    import networkx as nx
    import shapely

    graph, data = prepared
    xy, area = data["xy"], 0.0
    for node in data["facilities"].tolist():
        reached = nx.ego_graph(graph, node, radius=CUTOFF_MIN, distance="minutes")
        shapes = [shapely.Point(xy[n]).buffer(HALF_WIDTH_M) for n in reached.nodes]
        shapes += [
            shapely.LineString([xy[u], xy[v]]).buffer(HALF_WIDTH_M) for u, v in reached.edges
        ]
        area += shapely.union_all(shapes).area
    return area / 1e6


CONTENDERS: dict[str, Contender] = {
    "libosmium, bare pass": (_extract, bare_pass, 9),
    "parkgap, read": (_extract, parkgap_read, 9),
    "pyrosm, read": (_extract, pyrosm_read, 2),
    "osmnx, read": (lambda inputs: inputs / "streets.osm", osmnx_read, 1),
    "parkgap, nearest": (_parkgap, parkgap_nearest, 9),
    "scipy alone, nearest": (_scipy, scipy_nearest, 9),
    "networkx, nearest": (_networkx, networkx_nearest, 3),
    "networkx (minutes only), nearest": (_networkx, networkx_minutes, 3),
    "igraph, nearest": (_igraph, igraph_nearest, 5),
    "pandana, nearest": (_pandana, pandana_nearest, 5),
    "parkgap, node to node": (_scipy, parkgap_search, 9),
    "scipy alone, node to node": (_scipy, scipy_nearest, 9),
    "networkx, node to node": (_networkx, networkx_nearest, 9),
    "networkx (minutes only), node to node": (_networkx, networkx_minutes, 9),
    "igraph, node to node": (_igraph, igraph_nearest, 5),
    "pandana, node to node": (_pandana, pandana_nearest, 5),
    "parkgap, matrix": (_parkgap, parkgap_matrix, 5),
    "networkx, matrix": (_networkx, networkx_matrix, 2),
    "igraph, matrix": (_igraph, igraph_matrix, 3),
    "pandana, matrix": (_pandana, pandana_matrix, 3),
    "parkgap, catchments": (_parkgap, parkgap_catchments, 3),
    "osmnx recipe, catchments": (_networkx, osmnx_catchments, 2),
}


if __name__ == "__main__":
    setup, task, repeats = CONTENDERS[sys.argv[1]]
    report(lambda: setup(Path(sys.argv[2])), task, repeats=repeats)

"""The whole way from an extract to minutes, by parkgap and by what people write today.

Three services of Las Palmas, 2,000 points: read the streets, find each point's and each facility's
place on them, give the minutes on foot to the nearest. The recipe is the one of osmnx's and
networkx's own examples. Each runs in a process of its own.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.timing import report

SERVICES = ("hospital", "school", "pharmacy")
WALK_M_MIN = 80.0
EPSG = 32628


def inputs_of(folder: Path) -> dict[str, Any]:
    """Give the extract, its streets as XML, and longitudes and latitudes of all points."""
    points = dict(np.load(folder / "flow.npz"))
    extract = Path((folder / "extract.txt").read_text(encoding="utf-8"))
    return {"points": points, "extract": extract, "xml": folder / "streets.osm"}


def parkgap_flow(inputs: dict[str, Any]) -> float:
    """Read, snap to edges and search, with the project's own functions."""
    import geopandas as gpd
    from pyproj import CRS

    from pipeline.network.costs import nearest
    from pipeline.network.osm_streets import read_osm_streets
    from pipeline.settings.network import NetworkSettings

    settings = NetworkSettings()
    graph = read_osm_streets(
        inputs["extract"],
        area=None,
        crs=CRS.from_epsg(EPSG),
        rules={"walk": settings.rules("walk")},
        walk_speed_m_min=WALK_M_MIN,
        scrap_max_km=settings.scrap_max_km,
    )["walk"]

    def layer(name: str) -> gpd.GeoDataFrame:
        lonlat = inputs["points"][name]
        points = gpd.GeoSeries.from_xy(lonlat[:, 0], lonlat[:, 1], crs=4326).to_crs(EPSG)
        return gpd.GeoDataFrame({"id": [f"{name}{i}" for i in range(len(points))]}, geometry=points)

    origins = layer("origins")
    minutes = [
        nearest(graph, origins, layer(name), by="id", snap_max_m=300.0, limit_min=None)["minutes"]
        for name in SERVICES
    ]
    return float(np.nanmedian(np.concatenate(minutes)))


def recipe_flow(inputs: dict[str, Any]) -> float:
    """Read the prepared XML, project, match nodes, search with networkx."""
    import networkx as nx
    import osmnx

    graph = osmnx.graph_from_xml(inputs["xml"], bidirectional=True, retain_all=False)
    graph = osmnx.project_graph(graph, to_crs=EPSG)
    place = _projected(inputs["points"])

    def nodes(name: str) -> list[int]:
        found = osmnx.distance.nearest_nodes(graph, place[name][:, 0], place[name][:, 1])
        return [int(node) for node in found]

    origins, minutes = nodes("origins"), []
    for name in SERVICES:
        length, _paths = nx.multi_source_dijkstra(graph, set(nodes(name)), weight="length")
        minutes += [length.get(node, np.nan) / WALK_M_MIN for node in origins]
    return float(np.nanmedian(minutes))


def _projected(points: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    from pyproj import Transformer

    to_metres = Transformer.from_crs(4326, EPSG, always_xy=True)
    return {name: np.column_stack(to_metres.transform(*at.T)) for name, at in points.items()}


CONTENDERS = {
    "parkgap, flow": (inputs_of, parkgap_flow, 3),
    "osmnx + networkx recipe, flow": (inputs_of, recipe_flow, 1),
}


if __name__ == "__main__":
    setup, task, repeats = CONTENDERS[sys.argv[1]]
    report(lambda: setup(Path(sys.argv[2])), task, repeats=repeats)

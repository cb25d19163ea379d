"""Write small OpenStreetMap files and draw cities whose answers follow from theory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import geopandas as gpd
import numpy as np
import osmium
import pandas as pd
import shapely
from pyproj import CRS, Transformer

from pipeline.network.graph import StreetGraph, assemble
from pipeline.settings.network import Mode

UTM = CRS.from_epsg(32651)
CORNER = (350_000.0, 3_450_000.0)
_TO_DEGREES = Transformer.from_crs(UTM, "EPSG:4326", always_xy=True)


@dataclass
class Drawing:
    """An OpenStreetMap extract in the making: places in metres from a corner of Shanghai's zone."""

    places: dict[int, tuple[float, float]] = field(default_factory=dict)
    node_tags: dict[int, dict[str, str]] = field(default_factory=dict)
    ways: list[tuple[int, list[int], dict[str, str]]] = field(default_factory=list)

    def node(self, node_id: int, x_m: float, y_m: float, **tags: str) -> int:
        """Add a node and return its id."""
        self.places[node_id] = (x_m, y_m)
        if tags:
            self.node_tags[node_id] = tags
        return node_id

    def way(self, way_id: int, nodes: Iterable[int], tags: Mapping[str, str]) -> None:
        """Add a way."""
        self.ways.append((way_id, list(nodes), dict(tags)))

    def write(
        self, path: Path, *, snapshot: str | None = "2026-05-19T00:00:00Z", form: str = ""
    ) -> Path:
        """Write the drawing; the suffix of the path chooses the format unless one is named."""
        header = osmium.io.Header()
        if snapshot:
            header.set("osmosis_replication_timestamp", snapshot)
        with osmium.SimpleWriter(
            osmium.io.File(str(path), form), header=header, overwrite=True
        ) as writer:
            for node_id in sorted(self.places):
                x, y = self.places[node_id]
                lon, lat = _TO_DEGREES.transform(CORNER[0] + x, CORNER[1] + y)
                writer.add_node(
                    osmium.osm.mutable.Node(
                        id=node_id, location=(lon, lat), tags=self.node_tags.get(node_id, {})
                    )
                )
            for way_id, nodes, tags in sorted(self.ways, key=lambda way: way[0]):
                writer.add_way(osmium.osm.mutable.Way(id=way_id, nodes=nodes, tags=tags))
        return path


def draw_lattice(columns: int, rows: int, *, block_m: float = 100.0) -> Drawing:
    """Draw a lattice of streets; node (column i, row j) has the id 1000 (j + 1) + i + 1."""
    drawing = Drawing()
    for j in range(rows):
        for i in range(columns):
            drawing.node(lattice_node(i, j), i * block_m, j * block_m)
    for j in range(rows):
        street = [lattice_node(i, j) for i in range(columns)]
        drawing.way(j + 1, street, {"highway": "residential", "name": f"Row {j}"})
    for i in range(columns):
        street = [lattice_node(i, j) for j in range(rows)]
        drawing.way(1000 + i, street, {"highway": "residential", "name": f"Column {i}"})
    return drawing


def lattice_node(i: int, j: int) -> int:
    """Name the node in column i and row j."""
    return 1000 * (j + 1) + i + 1


def graph_of(
    places: Mapping[int, tuple[float, float]],
    links: Iterable[tuple[int, int]],
    *,
    interior: Iterable[int] = (),
    oneway: Iterable[int] = (),
    minutes_per_m: Mapping[int, float] | None = None,
    mode: Mode = "walk",
    walk_speed_m_min: float = 80.0,
) -> StreetGraph:
    """Build a graph of straight edges with exact coordinates.

    `interior` and `oneway` are positions in `links`; `minutes_per_m` replaces the walking speed.
    """
    links = list(links)
    ids = np.array(sorted(places), dtype=np.int64)
    xy = np.array([places[node] for node in ids.tolist()], dtype=float)
    row = {node: number for number, node in enumerate(ids.tolist())}
    lines = np.array([shapely.LineString([xy[row[u]], xy[row[v]]]) for u, v in links], dtype=object)
    length = shapely.length(lines)
    pace = np.full(len(links), 1 / walk_speed_m_min)
    for link, value in (minutes_per_m or {}).items():
        pace[link] = value
    minutes = length / walk_speed_m_min if minutes_per_m is None else length * pace
    edges = pd.DataFrame(
        {
            "edge_id": [f"e{number}" for number in range(len(links))],
            "u": np.array([u for u, _ in links], dtype=np.int64),
            "v": np.array([v for _, v in links], dtype=np.int64),
            "length_m": length,
            "forward_min": minutes,
            "back_min": np.where(np.isin(np.arange(len(links)), list(oneway)), np.nan, minutes),
            "highway": "residential",
            "name": "street",
            "structure": "surface",
            "interior": np.isin(np.arange(len(links)), list(interior)),
            "snappable": True,
        }
    )
    return assemble(
        ids,
        xy,
        edges,
        lines=lines,
        crs=UTM,
        mode=mode,
        walk_speed_m_min=walk_speed_m_min,
        scrap_max_km=0.0,
        snapshot=None,
    )


def lattice_graph(half: int, *, block_m: float = 100.0) -> StreetGraph:
    """Build an exact square lattice with `half` blocks to each side of the origin (0, 0)."""
    span = range(-half, half + 1)
    places = {node: (i * block_m, j * block_m) for node, i, j in _numbered(span)}
    name = {(i, j): node for node, i, j in _numbered(span)}
    links = [(name[i, j], name[i + 1, j]) for i in span for j in span if i < half]
    links += [(name[i, j], name[i, j + 1]) for i in span for j in span if j < half]
    return graph_of(places, links)


def _numbered(span: range) -> list[tuple[int, int, int]]:
    """Give the nodes of a lattice numbers from 1."""
    pairs = [(i, j) for i in span for j in span]
    return [(number, i, j) for number, (i, j) in enumerate(pairs, start=1)]


def points(*places: tuple[float, float]) -> gpd.GeoSeries:
    """Make points in the zone of the test cities."""
    return gpd.GeoSeries(shapely.points(np.array(places, dtype=float).reshape(-1, 2)), crs=UTM)


def facilities(*places: tuple[float, float], ids: Iterable[str] | None = None) -> gpd.GeoDataFrame:
    """Make facilities f0, f1, ... (or as named) at the places."""
    series = points(*places)
    names = list(ids) if ids is not None else [f"f{number}" for number in range(len(series))]
    return gpd.GeoDataFrame({"facility_id": pd.Series(names, dtype=object)}, geometry=series)

"""Prepare the inputs that parkgap and its peers share, and cities of any size."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import osmium
import pandas as pd
import shapely
from pyproj import CRS

from pipeline.network.graph import StreetGraph, assemble
from pipeline.network.osm_reading import read_raw_streets
from pipeline.network.osm_streets import build_graph
from pipeline.network.tag_rules import keys_read, way_use
from pipeline.settings.network import NetworkSettings

SERVICES = ("hospital", "school", "pharmacy")
EXTRACT = "las_palmas/example_las_palmas_2023_osm_20230221.pbf"
ZONE = CRS.from_epsg(32628)


def prepare(shared: Path, folder: Path) -> None:
    """Write the largest connected part of Las Palmas on foot as arrays and its streets as XML."""
    path = shared / "data" / EXTRACT
    settings = NetworkSettings()
    rules = settings.rules("walk")
    raw = read_raw_streets(path, area=None, keys=keys_read(rules))
    graph = build_graph(
        raw,
        mode="walk",
        area=None,
        crs=ZONE,
        rules=rules,
        walk_speed_m_min=settings.walk_speed_m_min,
        scrap_max_km=0.0,
    )
    xy, u, v = _straight(graph)
    rng = np.random.default_rng(11)
    pick = rng.permutation(len(xy))
    np.savez(
        folder / "network.npz",
        xy=xy,
        u=u,
        v=v,
        minutes=np.hypot(*(xy[u] - xy[v]).T) / settings.walk_speed_m_min,
        facilities=pick[:30],
        origins=pick[30:1030],
        destinations=pick[1030:1230],
    )
    (folder / "extract.txt").write_text(str(path), encoding="utf-8")
    place = dict(zip(raw.refs.tolist(), zip(raw.lon, raw.lat, strict=True), strict=True))
    with osmium.SimpleWriter(str(folder / "streets.osm"), overwrite=True) as writer:
        kept = []
        for number, tag_row in enumerate(raw.tag_row.tolist()):
            tags = raw.tags[tag_row]
            refs = raw.refs[raw.offsets[number] : raw.offsets[number + 1]].tolist()
            known = [ref for ref in refs if not math.isnan(place[ref][0])]
            if len(known) > 1 and way_use(tags, rules, walk_km_h=4.8) is not None:
                kept.append((int(raw.way_ids[number]), known, dict(tags)))
        for node in sorted({ref for _, refs, _ in kept for ref in refs}):
            writer.add_node(osmium.osm.mutable.Node(id=node, location=place[node], version=1))
        for way, refs, tags in kept:
            writer.add_way(osmium.osm.mutable.Way(id=way, nodes=refs, tags=tags, version=1))


def prepare_flow(shared: Path, folder: Path) -> None:
    """Write where the services of Las Palmas are and 2,000 points near its streets, in degrees."""
    path = shared / "data" / EXTRACT
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in SERVICES}
    objects = osmium.FileProcessor(path, osmium.osm.NODE | osmium.osm.WAY).with_locations()
    for item in objects.with_filter(osmium.filter.KeyFilter("amenity")):
        kind = item.tags.get("amenity")
        if kind in found:
            at = item.location if isinstance(item, osmium.osm.Node) else item.nodes[0].location
            if at.valid():
                found[kind].append((at.lon, at.lat))
    raw = read_raw_streets(path, area=None, keys=())
    known = np.flatnonzero(~np.isnan(raw.lon))
    rng = np.random.default_rng(13)
    at = rng.choice(known, 2000, replace=False)
    origins = np.column_stack((raw.lon[at], raw.lat[at])) + rng.normal(0, 3e-4, (2000, 2))
    arrays = {name: np.array(places) for name, places in found.items()}
    np.savez(folder / "flow.npz", origins=origins, **arrays)


def prepare_large(folder: Path, *, nodes: int) -> None:
    """Write a generated city as arrays."""
    folder.mkdir(exist_ok=True)
    graph = generated_city(nodes)
    xy, u, v = _straight(graph)
    pick = np.random.default_rng(12).permutation(len(xy))
    minutes = np.hypot(*(xy[u] - xy[v]).T) / graph.walk_speed_m_min
    np.savez(folder / "network.npz", xy=xy, u=u, v=v, minutes=minutes, facilities=pick[:60])


def _straight(graph: StreetGraph) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Take the largest connected part with one straight edge for each pair of neighbours."""
    inside = graph.edge_component == 0
    pairs = np.sort(np.column_stack((graph.u_row, graph.v_row))[inside], axis=1)
    pairs = np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0)
    rows, local = np.unique(pairs, return_inverse=True)
    local = local.reshape(pairs.shape)
    return graph.node_xy[rows], local[:, 0], local[:, 1]


def graph_of_arrays(xy: np.ndarray, u: np.ndarray, v: np.ndarray) -> StreetGraph:
    """Make a walking graph of straight edges."""
    lines = shapely.linestrings(np.stack((xy[u], xy[v]), axis=1))
    length = shapely.length(lines)
    edges = pd.DataFrame(
        {
            "edge_id": [f"e{number}" for number in range(len(u))],
            "u": u + 1,
            "v": v + 1,
            "length_m": length,
            "forward_min": length / 80.0,
            "back_min": length / 80.0,
            "highway": "residential",
            "name": "street",
            "structure": "surface",
            "interior": False,
            "snappable": True,
        }
    )
    return assemble(
        np.arange(1, len(xy) + 1),
        xy,
        edges,
        lines=lines,
        crs=ZONE,
        mode="walk",
        walk_speed_m_min=80.0,
        scrap_max_km=0.0,
        snapshot=None,
    )


def generated_city(nodes: int) -> StreetGraph:
    """Generate a lattice of about so many nodes, shaken, a tenth of its streets taken out."""
    side = math.isqrt(nodes)
    rng = np.random.default_rng(nodes)
    i, j = np.divmod(np.arange(side * side), side)
    xy = np.column_stack((i, j)) * 100.0 + rng.normal(0, 15, (side * side, 2))
    number = np.arange(side * side).reshape(side, side)
    u = np.concatenate((number[:-1].ravel(), number[:, :-1].ravel()))
    v = np.concatenate((number[1:].ravel(), number[:, 1:].ravel()))
    kept = rng.random(len(u)) > 0.1
    return graph_of_arrays(xy, u[kept], v[kept])

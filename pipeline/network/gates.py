"""Find where a place is entered: mapped gates, streets that cross its boundary, assumed points."""

from __future__ import annotations

import logging
from pathlib import Path

import geopandas as gpd
import numpy as np
import osmium
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from scipy.spatial import KDTree

from pipeline.errors import CrsError, GeometryError, Problem
from pipeline.network.extract_checks import check_is_readable, unreadable
from pipeline.network.graph import StreetGraph
from pipeline.network.graph_contract import assert_projected
from pipeline.network.phases import Floats, Ints, component_labels

logger = logging.getLogger(__name__)

Lines = NDArray[np.object_]

MAPPED, CROSSING, ASSUMED = "A", "B", "C"
GATE_BARRIERS = ("entrance", "gate", "lift_gate", "sally_port", "sliding_gate", "swing_gate")


def read_gates(path: Path, *, area: shapely.Geometry | None, crs: CRS) -> gpd.GeoDataFrame:
    """Read gates and entrances from an OSM extract, streaming.

    Parameters
    ----------
    path
        An `.osm.pbf` or `.osm` file.
    area
        Area to keep, EPSG:4326; None keeps everything.
    crs
        Working CRS, projected in metres.

    Returns
    -------
    gates
        `gate_id` (n<node id>), `kind` (value of `barrier`, or `entrance`), `access` (null where
        untagged), point; sorted by node id. Gates tagged `access=no` are left out.

    Raises
    ------
    SourceError
        The file is missing, damaged or no OSM file.
    """
    assert_projected(crs, what="working CRS")
    check_is_readable(path)
    rows: list[tuple[int, str, str | None, float, float]] = []
    try:
        nodes = osmium.FileProcessor(path, osmium.osm.NODE).with_filter(
            osmium.filter.KeyFilter("barrier", "entrance")
        )
        for node in nodes:
            if not isinstance(node, osmium.osm.Node):
                continue
            tags, place = node.tags, node.location
            kind = tags.get("barrier") if tags.get("barrier") in GATE_BARRIERS else None
            if kind is None and tags.get("entrance", "no") != "no":
                kind = "entrance"
            if kind is not None and place.valid() and tags.get("access") != "no":
                rows.append((node.id, kind, tags.get("access"), place.lon, place.lat))
    except (RuntimeError, ValueError, osmium.InvalidLocationError) as error:
        raise unreadable(path, str(error)) from error
    table = pd.DataFrame(rows, columns=["node", "kind", "access", "lon", "lat"]).sort_values("node")
    points = gpd.points_from_xy(table["lon"], table["lat"], crs="EPSG:4326")
    gates = gpd.GeoDataFrame(
        {
            "gate_id": "n" + table["node"].astype(str),
            "kind": table["kind"].astype(object),
            "access": table["access"].astype(object),
        },
        geometry=points,
    )
    if area is not None:
        gates = gates[shapely.intersects(gates.geometry.to_numpy(), area)]
    logger.info("read %d gates and entrances from %s", len(gates), path.name)
    return gates.to_crs(crs).reset_index(drop=True)


def find_gates(
    places: gpd.GeoSeries | gpd.GeoDataFrame,
    graph: StreetGraph | None,
    mapped: gpd.GeoDataFrame | None,
    *,
    search_m: float,
    merge_m: float,
    assumed_spacing_m: float,
) -> gpd.GeoDataFrame:
    """Find the entrances of polygons.

    Rules:

    1. Class A: mapped gates within `search_m` of the boundary.
    2. Class B: places where a public street edge crosses the boundary on the surface; bridges and
       tunnels pass over and under it.
    3. Entrances of a place within `merge_m` of each other (chained) are one; a mapped gate stands
       for its group, else the first crossing.
    4. Class C: a place with neither gets assumed points along its boundary, evenly spaced.

    Parameters
    ----------
    places
        Polygons in a projected CRS; the index names them.
    graph
        Walking graph in the same CRS, None where there are no streets.
    mapped
        Gates as `read_gates` returns them, None where there are none.
    search_m, merge_m, assumed_spacing_m
        Distances in metres.

    Returns
    -------
    gates
        Columns `place` (label), `gate_class`, `is_assumed`, `gate_id` (mapped gate or edge id, null
        when assumed), `geometry`; sorted by place (in the order of `places`) and position along
        the boundary.

    Raises
    ------
    CrsError, GeometryError
        A layer differs in CRS; a place is no polygon.
    """
    boundaries = _boundaries(places, graph, mapped)
    found = [
        *_mapped(boundaries, mapped, search_m),
        *_crossings(boundaries, graph),
    ]
    parts = []
    for number, label in enumerate(places.index):
        own = [part for place, part in found if place == number]
        gates = _merge_near(pd.concat(own), merge_m) if own else pd.DataFrame()
        if gates.empty:
            gates = _assume(boundaries[number], assumed_spacing_m)
        at = shapely.line_locate_point(_outline(boundaries[number]), gates["geometry"].to_numpy())
        parts.append(gates.assign(place=label).iloc[np.argsort(at, kind="stable")])
    columns = ["place", "gate_class", "is_assumed", "gate_id", "geometry"]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns[1:])
    table["is_assumed"] = table["gate_class"].eq(ASSUMED)
    if not parts:
        table["place"] = pd.Series(dtype=object)
    logger.info(
        "found entrances of %d places: %s",
        len(places),
        table["gate_class"].value_counts().to_dict(),
    )
    return gpd.GeoDataFrame(table[columns], geometry="geometry", crs=places.crs)


def _boundaries(
    places: gpd.GeoSeries | gpd.GeoDataFrame,
    graph: StreetGraph | None,
    mapped: gpd.GeoDataFrame | None,
) -> Lines:
    """Return the boundary of each place, or raise with everything that is wrong."""
    crs = assert_projected(places.crs, what="places")
    for name, other in (("street graph", graph), ("mapped gates", mapped)):
        if other is not None and other.crs != crs:
            text = f"{name} and places differ in CRS"
            raise CrsError(Problem(zh=f"{name} 与地块的坐标系不同", en=text))
    shapes = places.geometry.to_numpy()
    polygonal = np.isin(
        shapely.get_type_id(shapes),
        (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON),
    ) & ~shapely.is_empty(shapes)
    problems = [
        Problem(zh="不是面", en="the place is no polygon", row=str(label))
        for label in places.index[~polygonal]
    ]
    if problems:
        raise GeometryError(*problems)
    return np.asarray(shapely.boundary(shapes), dtype=object)


def _outline(boundary: shapely.Geometry) -> shapely.LineString:
    """Return the longest ring of a boundary, along which entrances are ordered."""
    rings = shapely.get_parts(boundary)
    return rings[int(np.argmax(shapely.length(rings)))]


def _mapped(
    boundaries: Lines, mapped: gpd.GeoDataFrame | None, search_m: float
) -> list[tuple[int, pd.DataFrame]]:
    """List mapped gates near each boundary."""
    if mapped is None or len(mapped) == 0:
        return []
    tree = shapely.STRtree(mapped.geometry.to_numpy())
    place, gate = tree.query(boundaries, predicate="dwithin", distance=search_m)
    return _by_place(place, mapped["gate_id"].to_numpy()[gate], tree.geometries[gate], MAPPED)


def _crossings(boundaries: Lines, graph: StreetGraph | None) -> list[tuple[int, pd.DataFrame]]:
    """List places where public surface edges cross each boundary."""
    if graph is None:
        return []
    on_surface = graph.edges["structure"].eq("surface").to_numpy() & ~graph.interior
    rows = np.flatnonzero(on_surface)
    place, hit = shapely.STRtree(graph.lines[rows]).query(boundaries, predicate="intersects")
    edge = rows[hit]
    shared = shapely.intersection(boundaries[place], graph.lines[edge])
    # A street drawn along the boundary touches it in lines; its middle stands for it.
    shared, of = shapely.get_parts(shared, return_index=True)
    points = shapely.point_on_surface(shared)
    ids = graph.edges["edge_id"].to_numpy()[edge[of]]
    return _by_place(place[of], ids, points, CROSSING)


def _by_place(
    place: Ints, ids: NDArray[np.object_], points: NDArray[np.object_], gate_class: str
) -> list[tuple[int, pd.DataFrame]]:
    """Group entrances by the number of their place."""
    table = pd.DataFrame({"gate_class": gate_class, "gate_id": ids, "geometry": points})
    return [(int(number), table[place == number]) for number in np.unique(place)]


def _merge_near(gates: pd.DataFrame, merge_m: float) -> pd.DataFrame:
    """Keep one entrance of each group of near ones, mapped gates first."""
    gates = gates.sort_values(["gate_class", "gate_id"], kind="stable", ignore_index=True)
    xy: Floats = shapely.get_coordinates(gates["geometry"].to_numpy())
    near = KDTree(xy).query_pairs(merge_m, output_type="ndarray")
    group = component_labels(near[:, 0], near[:, 1], len(gates))
    return gates.iloc[np.unique(group, return_index=True)[1]]


def _assume(boundary: shapely.Geometry, spacing_m: float) -> pd.DataFrame:
    """Place points evenly along the outline, at most a spacing apart."""
    outline = _outline(boundary)
    count = max(1, int(np.ceil(outline.length / spacing_m)))
    points = shapely.line_interpolate_point(outline, np.arange(count) / count, normalized=True)
    return pd.DataFrame({"gate_class": ASSUMED, "gate_id": None, "geometry": points})

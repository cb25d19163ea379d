"""Entrances of places: mapped, crossing, assumed."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from pipeline.errors import CrsError, GeometryError, SourceError
from pipeline.network.gates import find_gates, read_gates
from pipeline.network.graph import StreetGraph
from tests.network.osm_writing import UTM, Drawing, draw_lattice, graph_of, points

OPTIONS = {"search_m": 30.0, "merge_m": 30.0, "assumed_spacing_m": 500.0}


def place(*boxes: tuple[float, float, float, float]) -> gpd.GeoSeries:
    """Make rectangular places named p0, p1, ..."""
    names = [f"p{number}" for number in range(len(boxes))]
    return gpd.GeoSeries([shapely.box(*box) for box in boxes], index=names, crs=UTM)


def mapped(*spots: tuple[float, float]) -> gpd.GeoDataFrame:
    """Make mapped gates n0, n1, ..."""
    series = points(*spots)
    ids = [f"n{number}" for number in range(len(series))]
    return gpd.GeoDataFrame({"gate_id": ids}, geometry=series)


def test_streets_that_cross_the_boundary_are_entrances(lattice: StreetGraph) -> None:
    gates = find_gates(place((-150, -150, 150, 150)), lattice, None, **OPTIONS)
    # Three streets run through each way: twelve crossings.
    assert len(gates) == 12
    assert gates["gate_class"].unique().tolist() == ["B"]
    assert not gates["is_assumed"].any()
    boundary = shapely.box(-150, -150, 150, 150).exterior
    assert gates.distance(boundary).max() == pytest.approx(0)
    assert gates["gate_id"].isin(lattice.edges["edge_id"]).all()


def test_interiors_bridges_and_tunnels_are_no_entrances() -> None:
    spots = {n: (0.0, n * 100.0) for n in range(4)} | {n + 10: (300.0, n * 100.0) for n in range(4)}
    links = [(n, n + 10) for n in range(4)]
    graph = graph_of(spots, links, interior=[0])
    structure = ["surface", "bridge", "tunnel", "surface"]
    graph = StreetGraph(graph.nodes, graph.edges.assign(structure=structure), "walk", 80.0, None)
    gates = find_gates(place((100, -50, 500, 350)), graph, None, **OPTIONS)
    assert gates["gate_id"].tolist() == ["e3"]


def test_a_mapped_gate_stands_for_the_crossing_beside_it(lattice: StreetGraph) -> None:
    gates = find_gates(place((-50, -50, 50, 50)), lattice, mapped((50, 20), (400, 400)), **OPTIONS)
    assert gates["gate_class"].tolist().count("A") == 1
    assert gates["gate_class"].tolist().count("B") == 3
    assert gates.loc[gates["gate_class"] == "A", "gate_id"].tolist() == ["n0"]


def test_crossings_within_the_merging_distance_are_one() -> None:
    spots = {
        1: (0.0, 0.0),
        2: (200.0, 0.0),
        3: (0.0, 25.0),
        4: (200.0, 25.0),
        5: (0, 90),
        6: (200, 90),
    }
    graph = graph_of(spots, [(1, 2), (3, 4), (5, 6)])
    gates = find_gates(place((100, -100, 300, 300)), graph, None, **OPTIONS)
    assert len(gates) == 2
    apart = find_gates(place((100, -100, 300, 300)), graph, None, **{**OPTIONS, "merge_m": 20.0})
    assert len(apart) == 3


def test_without_any_entrance_points_are_assumed_and_flagged(lattice: StreetGraph) -> None:
    places = place((-150, -150, 150, 150), (9000, 0, 10000, 1000))
    gates = find_gates(places, lattice, None, **OPTIONS)
    far = gates[gates["place"] == "p1"]
    assert far["gate_class"].unique().tolist() == ["C"]
    assert far["is_assumed"].all()
    assert far["gate_id"].isna().all()
    assert len(far) == 8  # a perimeter of 4 km at most 500 m apart
    assert gates["place"].unique().tolist() == ["p0", "p1"]
    nothing = find_gates(places, None, None, **OPTIONS)
    assert nothing["is_assumed"].all()


def test_holes_of_a_place_are_boundaries_too(lattice: StreetGraph) -> None:
    ring = shapely.box(-450, -450, 450, 450).difference(shapely.box(-50, -50, 50, 50))
    gates = find_gates(gpd.GeoSeries([ring], crs=UTM), lattice, None, **OPTIONS)
    assert len(gates) == 4 * 9 + 4


def test_wrong_inputs(lattice: StreetGraph) -> None:
    with pytest.raises(GeometryError, match="no polygon"):
        find_gates(points((0, 0)), lattice, None, **OPTIONS)
    with pytest.raises(CrsError, match="mapped gates and places differ"):
        find_gates(place((0, 0, 1, 1)), lattice, mapped((0, 0)).to_crs(32650), **OPTIONS)
    assert len(find_gates(place(), lattice, None, **OPTIONS)) == 0


def test_gates_are_read_from_an_extract(tmp_path: Path, lattice_drawing: Drawing) -> None:
    drawing = lattice_drawing
    drawing.node(1, 0, 10, barrier="gate", access="private")
    drawing.node(2, 0, 20, entrance="main")
    drawing.node(3, 0, 30, barrier="bollard")
    drawing.node(4, 0, 40, barrier="lift_gate", access="no")
    drawing.node(5, 0, 50, entrance="no")
    path = drawing.write(tmp_path / "gates.osm.pbf")
    gates = read_gates(path, area=None, crs=UTM)
    assert gates[["gate_id", "kind"]].to_numpy().tolist() == [["n1", "gate"], ["n2", "entrance"]]
    assert gates["access"].tolist()[0] == "private"
    assert np.diff(gates.geometry.y) == pytest.approx([10], abs=0.02)
    assert len(read_gates(path, area=shapely.box(0, 0, 1, 1), crs=UTM)) == 0
    with pytest.raises(SourceError, match="missing"):
        read_gates(tmp_path / "none.osm.pbf", area=None, crs=UTM)
    plain = draw_lattice(2, 2).write(tmp_path / "plain.osm.pbf")
    assert len(read_gates(plain, area=None, crs=UTM)) == 0

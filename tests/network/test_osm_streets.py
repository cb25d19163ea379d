"""Extracts drawn for one rule each, and every way an extract can be wrong."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import shapely
from pyproj import CRS, Transformer

from pipeline.errors import CrsError, SourceError
from pipeline.network.costs import nearest
from pipeline.network.graph import StreetGraph
from pipeline.network.osm_streets import read_osm_streets
from pipeline.settings.network import Mode, NetworkSettings
from tests.network.osm_writing import (
    CORNER,
    UTM,
    Drawing,
    draw_lattice,
    facilities,
    lattice_node,
    points,
)

RESIDENTIAL = {"highway": "residential"}


def read(path: Path, mode: Mode = "walk", area: shapely.Geometry | None = None) -> StreetGraph:
    """Read one mode with the default rules."""
    rules = NetworkSettings().rules(mode)
    graphs = read_osm_streets(
        path, area=area, crs=UTM, rules={mode: rules}, walk_speed_m_min=80.0, scrap_max_km=0.0
    )
    return graphs[mode]


def built(drawing: Drawing, tmp_path: Path, mode: Mode = "walk") -> StreetGraph:
    """Write a drawing and read it back."""
    return read(drawing.write(tmp_path / "city.osm.pbf"), mode)


def at(x_m: float, y_m: float) -> tuple[float, float]:
    """Shift drawing coordinates to the working CRS."""
    return CORNER[0] + x_m, CORNER[1] + y_m


def metres(graph: StreetGraph, one: tuple[float, float], two: tuple[float, float]) -> float:
    """Cheapest distance between two places of the drawing, NaN where none."""
    options = {"by": "facility_id", "snap_max_m": 300.0, "limit_min": None}
    table = nearest(graph, points(at(*one)), facilities(at(*two)), **options)
    return float(table["minutes"].iloc[0]) * 80


def test_a_lattice_is_read_as_drawn(lattice_drawing: Drawing, tmp_path: Path) -> None:
    graph = built(lattice_drawing, tmp_path)
    assert len(graph.nodes) == 20
    assert len(graph.edges) == 4 * 4 + 5 * 3
    assert graph.snapshot == dt.date(2026, 5, 19)
    np.testing.assert_allclose(graph.edges["length_m"], 100, atol=0.02)
    assert metres(graph, (0, 0), (400, 300)) == pytest.approx(700, abs=0.1)
    assert "20 nodes, 31 edges" in repr(graph)


@pytest.mark.parametrize("suffix", [".osm.pbf", ".osm", ".osm.bz2"])
def test_every_format_gives_the_same_tables(
    lattice_drawing: Drawing, tmp_path: Path, suffix: str
) -> None:
    first = built(lattice_drawing, tmp_path)
    second = read(lattice_drawing.write(tmp_path / f"other{suffix}"))
    assert first.edges.drop(columns="geometry").equals(second.edges.drop(columns="geometry"))
    assert (first.lines == second.lines).all()


def test_interior_nodes_of_degree_two_vanish_into_the_geometry(tmp_path: Path) -> None:
    drawing = Drawing()
    for node, (x, y) in enumerate([(0, 0), (100, 0), (100, 100), (200, 100), (300, 100)], start=1):
        drawing.node(node, x, y)
    drawing.way(7, [1, 2, 3], RESIDENTIAL)
    drawing.way(5, [5, 4, 3], RESIDENTIAL)  # drawn against its neighbour
    graph = built(drawing, tmp_path)
    assert graph.edges["edge_id"].tolist() == ["w5:0"]
    edge = graph.edges.iloc[0]
    assert (edge.u, edge.v) == (5, 1)
    assert edge.length_m == pytest.approx(400, abs=0.05)
    assert shapely.get_num_coordinates(edge.geometry) == 5


@pytest.mark.parametrize(
    ("tags", "pieces"),
    [
        (RESIDENTIAL, 1),
        ({**RESIDENTIAL, "name": "南京路"}, 2),
        ({"highway": "footway"}, 2),
        ({**RESIDENTIAL, "access": "private"}, 2),
        ({**RESIDENTIAL, "bridge": "yes"}, 2),
        ({**RESIDENTIAL, "surface": "asphalt"}, 1),
    ],
)
def test_edges_end_where_their_use_changes(
    tmp_path: Path, tags: dict[str, str], pieces: int
) -> None:
    drawing = Drawing()
    for node in (1, 2, 3):
        drawing.node(node, node * 100.0, 0)
    drawing.way(1, [1, 2], RESIDENTIAL)
    drawing.way(2, [2, 3], tags)
    assert len(built(drawing, tmp_path).edges) == pieces


@pytest.mark.parametrize(("oneway", "pieces"), [("-1", 1), ("yes", 2), ("no", 2)])
def test_oneway_streets_join_only_in_their_direction(
    tmp_path: Path, oneway: str, pieces: int
) -> None:
    drawing = Drawing()
    for node in (1, 2, 3):
        drawing.node(node, node * 100.0, 0)
    drawing.way(1, [1, 2], {**RESIDENTIAL, "oneway": "yes"})
    drawing.way(2, [3, 2], {**RESIDENTIAL, "oneway": oneway})
    graph = built(drawing, tmp_path, "drive")
    assert len(graph.edges) == pieces
    if pieces == 1:
        assert graph.edges[["u", "v"]].iloc[0].tolist() == [1, 3]
        assert graph.edges["back_min"].isna().all()


def test_a_loop_keeps_one_node(tmp_path: Path) -> None:
    drawing = Drawing()
    for node, (x, y) in enumerate([(0, 0), (100, 0), (100, 100), (0, 100)], start=1):
        drawing.node(node, x, y)
    drawing.way(1, [1, 2, 3], RESIDENTIAL)
    drawing.way(2, [3, 4, 1], RESIDENTIAL)
    graph = built(drawing, tmp_path)
    assert len(graph.edges) == 1
    assert graph.edges["u"].tolist() == graph.edges["v"].tolist() == [1]
    assert metres(graph, (100, 0), (0, 100)) == pytest.approx(200, abs=0.1)
    assert metres(graph, (50, 0), (0, 50)) == pytest.approx(100, abs=0.1)


def test_ways_that_cross_without_a_node_do_not_join(tmp_path: Path) -> None:
    drawing = draw_lattice(3, 3)
    drawing.node(1, 50, -100)
    drawing.node(2, 50, 300)
    drawing.way(9000, [1, 2], {**RESIDENTIAL, "bridge": "yes"})
    graph = built(drawing, tmp_path)
    assert graph.nodes["component"].nunique() == 2
    assert np.isnan(metres(graph, (50, -90), (200, 200)))


def test_walkers_ignore_oneway_and_drivers_do_not(tmp_path: Path) -> None:
    drawing = Drawing()
    for node, (x, y) in enumerate([(0, 0), (100, 0), (100, 100), (0, 100)], start=1):
        drawing.node(node, x, y)
    drawing.way(1, [1, 2, 3, 4, 1], {**RESIDENTIAL, "oneway": "yes", "maxspeed": "4.8"})
    walk, drive = (built(drawing, tmp_path, mode) for mode in ("walk", "drive"))
    assert metres(walk, (80, 0), (20, 0)) == pytest.approx(60, abs=0.1)
    assert metres(drive, (80, 0), (20, 0)) == pytest.approx(340, abs=0.2)
    assert drive.edges["back_min"].isna().all()


def test_a_barrier_cuts_drivers_off_and_lets_walkers_pass(tmp_path: Path) -> None:
    drawing = Drawing()
    for node in (1, 2, 3):
        drawing.node(node, node * 100.0, 0)
    drawing.node_tags[2] = {"barrier": "bollard"}
    drawing.way(1, [1, 2, 3], RESIDENTIAL)
    walk, drive = (built(drawing, tmp_path, mode) for mode in ("walk", "drive"))
    assert len(walk.edges) == 1
    assert np.isnan(metres(drive, (110, 0), (290, 0)))
    assert drive.nodes["node_id"].tolist() == [-129, -128, 1, 3]
    assert drive.components()["component_name"].tolist() == ["n1", "n2"]


def test_a_walled_block_makes_a_detour(tmp_path: Path) -> None:
    drawing = draw_lattice(2, 2)
    drawing.node(1, 0, 50, barrier="wall")
    drawing.ways = [way for way in drawing.ways if way[0] != 1000]
    drawing.way(1000, [lattice_node(0, 0), 1, lattice_node(0, 1)], RESIDENTIAL)
    assert metres(built(drawing, tmp_path), (0, 10), (0, 90)) == pytest.approx(320, abs=0.2)


def test_a_private_gate_makes_the_streets_behind_it_an_interior(tmp_path: Path) -> None:
    drawing = draw_lattice(2, 3)  # the middle row is a passage with a gate at each end
    drawing.ways = [way for way in drawing.ways if way[0] != 2]
    drawing.node(1, 10, 100, barrier="gate", access="private")
    drawing.node(2, 90, 100, barrier="gate", access="private")
    drawing.node(3, 50, 100)
    drawing.node(4, 50, 130)
    drawing.way(2, [lattice_node(0, 1), 1, 3, 2, lattice_node(1, 1)], {"highway": "footway"})
    drawing.way(9003, [3, 4], {"highway": "footway"})
    graph = built(drawing, tmp_path)
    inner = graph.edges["highway"] == "footway"
    assert graph.edges.loc[inner, "interior"].all()
    assert not graph.edges.loc[~inner, "interior"].any()
    assert metres(graph, (0, 100), (100, 100)) == pytest.approx(300, abs=0.2)  # not through
    assert metres(graph, (50, 130), (100, 100)) == pytest.approx(80, abs=0.2)  # but out


def test_nodes_outside_the_extract_end_a_way(tmp_path: Path) -> None:
    drawing = draw_lattice(3, 2)
    drawing.way(50, [lattice_node(2, 0), 99, lattice_node(2, 1)], {"highway": "footway"})
    graph = built(drawing, tmp_path)
    assert not graph.edges["highway"].eq("footway").any()


def test_a_way_that_is_repeated_counts_once(lattice_drawing: Drawing, tmp_path: Path) -> None:
    expected = len(built(lattice_drawing, tmp_path).edges)
    lattice_drawing.ways += lattice_drawing.ways[:2]
    assert len(built(lattice_drawing, tmp_path).edges) == expected


def test_the_area_clips_with_whole_segments(lattice_drawing: Drawing, tmp_path: Path) -> None:
    path = lattice_drawing.write(tmp_path / "city.osm.pbf")
    area = _box_in_degrees(-10, -10, 110, 110)
    graph = read(path, area=area)
    xy = graph.node_xy - np.array(CORNER)
    assert xy.max() < 201  # segments that leave the area stay whole
    assert len(graph.nodes) == 4 + 4


def test_three_modes_from_one_reading(
    lattice_drawing: Drawing, tmp_path: Path, settings: NetworkSettings
) -> None:
    path = lattice_drawing.write(tmp_path / "city.osm.pbf")
    rules = {mode: settings.rules(mode) for mode in ("walk", "cycle", "drive")}
    graphs = read_osm_streets(
        path, area=None, crs=UTM, rules=rules, walk_speed_m_min=80.0, scrap_max_km=0.0
    )
    assert list(graphs) == ["walk", "cycle", "drive"]
    speeds = {mode: graph.fastest_m_min * 60 / 1000 for mode, graph in graphs.items()}
    assert speeds == pytest.approx({"walk": 4.8, "cycle": 15.0, "drive": 20.0})


def test_scraps_are_kept_but_not_snapped_to(tmp_path: Path) -> None:
    drawing = draw_lattice(3, 3)
    drawing.node(1, 50, 50)
    drawing.node(2, 60, 50)
    drawing.way(9000, [1, 2], {"highway": "footway"})
    path = drawing.write(tmp_path / "city.osm.pbf")
    rules = {"walk": NetworkSettings().rules("walk")}
    options = {"area": None, "crs": UTM, "rules": rules, "walk_speed_m_min": 80.0}
    graph = read_osm_streets(path, **options, scrap_max_km=0.5)["walk"]
    assert graph.edges.loc[graph.edges["highway"] == "footway", "snappable"].tolist() == [False]
    assert metres(graph, (55, 50), (100, 100)) == pytest.approx(95, abs=0.2)


def _box_in_degrees(west: float, south: float, east: float, north: float) -> shapely.Polygon:
    """Turn a box of the drawing into one in longitude and latitude."""
    to_degrees = Transformer.from_crs(UTM, "EPSG:4326", always_xy=True)
    return shapely.box(
        *to_degrees.transform(*at(west, south)), *to_degrees.transform(*at(east, north))
    )


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def _text(path: Path) -> None:
    path.write_text("this is not a map", encoding="utf-8")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_truncated, "truncated"),
        (_text, "no readable OpenStreetMap file"),
        (lambda path: path.write_bytes(b""), "is empty"),
        (Path.unlink, "is missing"),
    ],
)
def test_damaged_files_are_named(
    lattice_drawing: Drawing, tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    path = lattice_drawing.write(tmp_path / "city.osm.pbf")
    damage(path)
    with pytest.raises(SourceError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert caught.value.problems[0].remedy_en


@pytest.mark.parametrize(
    ("area", "message"),
    [
        (shapely.Polygon(), "study area is empty"),
        (shapely.box(31.0, 121.0, 31.5, 121.5), "swapped"),
        (shapely.box(350_000, 3_450_000, 351_000, 3_451_000), "in metres"),
        (shapely.box(-51.3, -30.1, -51.1, -29.9), "misses the study"),
        (shapely.box(31.1, 89.0, 31.3, 89.9), "misses the study"),
    ],
)
def test_areas_that_cannot_be_right_are_refused(
    lattice_drawing: Drawing, tmp_path: Path, area: shapely.Geometry, message: str
) -> None:
    with pytest.raises(SourceError, match=message):
        read(lattice_drawing.write(tmp_path / "city.osm.pbf"), area=area)


def test_swapped_order_is_guessed_where_both_are_possible(tmp_path: Path) -> None:
    drawing = Drawing({1: (-9.2e6, 0.0), 2: (-9.2e6, 100.0)})
    drawing.way(1, [1, 2], RESIDENTIAL)
    path = drawing.write(tmp_path / "far.osm.pbf")
    west, south, east, north = _bounds_of(path)
    area = shapely.box(south - 0.1, west - 0.1, north + 0.1, east + 0.1)
    with pytest.raises(SourceError, match="order of coordinates"):
        read(path, area=area)


def _bounds_of(path: Path) -> tuple[float, float, float, float]:
    """Bounds of the streets of a file in degrees."""
    from pipeline.network.osm_reading import read_raw_streets

    raw = read_raw_streets(path, area=None, keys=())
    return raw.lon.min(), raw.lat.min(), raw.lon.max(), raw.lat.max()


def test_a_file_without_streets(tmp_path: Path) -> None:
    drawing = Drawing({1: (0.0, 0.0), 2: (1.0, 1.0)})
    drawing.way(1, [1, 2], {"building": "yes"})
    with pytest.raises(SourceError, match="holds no streets"):
        built(drawing, tmp_path)


def test_streets_whose_nodes_are_missing(tmp_path: Path) -> None:
    drawing = Drawing({1: (0.0, 0.0)})
    drawing.way(1, [2, 3], RESIDENTIAL)
    with pytest.raises(SourceError, match="no street node has a usable place"):
        built(drawing, tmp_path)


def test_no_streets_for_the_mode(tmp_path: Path) -> None:
    drawing = Drawing({1: (0.0, 0.0), 2: (100.0, 0.0)})
    drawing.way(1, [1, 2], {"highway": "footway"})
    with pytest.raises(SourceError, match="mode drive"):
        built(drawing, tmp_path, "drive")


def test_the_working_crs_must_be_in_metres(lattice_drawing: Drawing, tmp_path: Path) -> None:
    path = lattice_drawing.write(tmp_path / "city.osm.pbf")
    rules = {"walk": NetworkSettings().rules("walk")}
    with pytest.raises(CrsError, match="projected CRS in metres"):
        read_osm_streets(
            path,
            area=None,
            crs=CRS.from_epsg(4326),
            rules=rules,
            walk_speed_m_min=80.0,
            scrap_max_km=0.0,
        )

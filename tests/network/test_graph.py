"""The contract of a street graph, its files and its walking speeds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from pipeline.errors import CrsError, LayerError
from pipeline.network.graph import StreetGraph
from pipeline.settings.network import Mode
from tests.network.osm_writing import graph_of, lattice_graph

SMALL = {1: (0.0, 0.0), 2: (100.0, 0.0), 3: (100.0, 100.0)}


@pytest.fixture
def small() -> StreetGraph:
    return graph_of(SMALL, [(1, 2), (2, 3)])


def test_it_says_what_it_is(small: StreetGraph) -> None:
    assert repr(small) == (
        "<StreetGraph walk: 3 nodes, 2 edges (0 interior), 0.2 km, 1 components, "
        "EPSG:32651, snapshot unknown>"
    )


def test_written_and_read_it_is_the_same_in_the_same_bytes(
    small: StreetGraph, tmp_path: Path
) -> None:
    graph = replace(small, snapshot=dt.date(2026, 5, 19))
    first = [path.read_bytes() for path in graph.to_parquet(tmp_path / "one")]
    again = [path.read_bytes() for path in graph.to_parquet(tmp_path / "two")]
    assert first == again
    read = StreetGraph.from_parquet(tmp_path / "one", "walk")
    assert repr(read) == repr(graph)
    assert (read.mode, read.walk_speed_m_min, read.snapshot) == ("walk", 80.0, graph.snapshot)
    third = [path.read_bytes() for path in read.to_parquet(tmp_path / "three")]
    assert third == first
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == [
        "walk_edges.parquet",
        "walk_nodes.parquet",
    ]


def test_what_costs_need_is_read_alone(small: StreetGraph, tmp_path: Path) -> None:
    graph = replace(small, snapshot=dt.date(2026, 5, 19))
    graph.to_parquet(tmp_path)
    read = StreetGraph.for_costs(tmp_path, "walk")
    assert repr(read) == repr(graph)
    assert "geometry" not in read.nodes
    assert "edge_id" not in read.edges
    assert (read.node_xy == graph.node_xy).all()
    assert (read.lines == graph.lines).all()
    for name in ("tail", "head", "minutes", "edge"):
        assert (getattr(read.phases, name) == getattr(graph.phases, name)).all()


READERS = [StreetGraph.from_parquet, StreetGraph.for_costs]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("table", ["walk_edges", "walk_nodes"])
def test_a_missing_file_is_named(
    small: StreetGraph, tmp_path: Path, read: Callable[[Path, Mode], StreetGraph], table: str
) -> None:
    small.to_parquet(tmp_path)
    (tmp_path / f"{table}.parquet").unlink()
    with pytest.raises(LayerError, match=rf"{table}\.parquet"):
        read(tmp_path, "walk")


@pytest.mark.parametrize("shape", [shapely.LineString([(0, 0), (1, 1)]), None])
def test_nodes_that_are_no_points_are_refused(
    small: StreetGraph, tmp_path: Path, shape: shapely.LineString | None
) -> None:
    small.to_parquet(tmp_path)
    table = {"node_id": [1], "component": [0]}
    nodes = gpd.GeoDataFrame(table, geometry=[shape], crs=32651)
    nodes.to_parquet(tmp_path / "walk_nodes.parquet")
    with pytest.raises(LayerError, match="cannot be read"):
        StreetGraph.for_costs(tmp_path, "walk")


def test_a_damaged_file_is_named(small: StreetGraph, tmp_path: Path) -> None:
    small.to_parquet(tmp_path)
    (tmp_path / "walk_nodes.parquet").write_bytes(b"PAR1 not any more")
    for read in READERS:
        with pytest.raises(LayerError, match="cannot be read"):
            read(tmp_path, "walk")
    gpd.GeoDataFrame({"a": [1]}, geometry=[shapely.Point(0, 0)], crs=32651).to_parquet(
        tmp_path / "walk_nodes.parquet"
    )
    with pytest.raises(LayerError, match="cannot be read"):
        StreetGraph.from_parquet(tmp_path, "walk")


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("edge_id", ["a", "a"], "edge_id is not unique"),
        ("u", [1, 99], "1 edges end at unknown nodes"),
        ("length_m", [100.0, 50.0], "length_m is not the length"),
        ("forward_min", [-1.0, 1.0], "negative or infinite"),
        ("structure", ["surface", "ferry"], "structure is not one of"),
        ("u", [3, 2], "1 edges do not touch their first node"),
        ("interior", [0, 1], "edges.interior is int64, not bool"),
    ],
)
def test_each_breach_is_told(
    small: StreetGraph, column: str, values: list[object], message: str
) -> None:
    broken = replace(small, edges=small.edges.assign(**{column: values}))
    with pytest.raises(LayerError, match=message):
        broken.check()


def test_breaches_are_told_together(small: StreetGraph) -> None:
    edges = small.edges.assign(structure="ferry", forward_min=np.nan, back_min=np.nan)
    with pytest.raises(LayerError) as caught:
        replace(small, edges=edges).check()
    assert len(caught.value.problems) == 2


def test_no_column_no_edge_no_metres(small: StreetGraph) -> None:
    with pytest.raises(LayerError, match="edges lack highway, name"):
        replace(small, edges=small.edges.drop(columns=["highway", "name"])).check()
    with pytest.raises(LayerError, match="there is no edge"):
        replace(small, edges=small.edges.iloc[:0]).check()
    with pytest.raises(CrsError, match="metres"):
        replace(small, edges=small.edges.to_crs(4326)).check()
    with pytest.raises(LayerError, match="differ in CRS"):
        replace(small, nodes=small.nodes.to_crs(32650)).check()


def test_walking_speed_changes_walks_only() -> None:
    walk = graph_of(SMALL, [(1, 2), (2, 3)], oneway=[0])
    slow = walk.at_walk_speed(40.0)
    np.testing.assert_allclose(slow.forward_min, [2.5, 2.5])
    assert np.isnan(slow.back_min).tolist() == [True, False]
    assert walk.at_walk_speed(80.0) is walk
    _ = walk.phases
    np.testing.assert_allclose(np.sort(walk.at_walk_speed(40.0).phases.minutes), [2.5] * 3)
    drive = graph_of(SMALL, [(1, 2), (2, 3)], mode="drive")
    np.testing.assert_array_equal(drive.at_walk_speed(40.0).forward_min, drive.forward_min)


def test_components_are_ranked_by_length_and_named_by_their_least_node() -> None:
    places = {5: (0.0, 0.0), 9: (10.0, 0.0), 2: (500.0, 0.0), 7: (900.0, 0.0)}
    graph = graph_of(places, [(5, 9), (2, 7)])
    table = graph.components()
    assert table["component_name"].tolist() == ["n2", "n5"]
    assert table["length_km"].tolist() == [0.4, 0.01]


def test_public_ways_that_interiors_enclose_become_interior() -> None:
    places = {n: (n * 100.0, 0.0) for n in range(1, 7)}
    # street 1-2-3, private 3-4, a footway 4-5 behind it, and a private end 5-6
    links = [(1, 2), (2, 3), (3, 4), (4, 5), (5, 6)]
    graph = graph_of(places, links, interior=[2, 4])
    assert graph.edges["interior"].tolist() == [False, False, True, True, True]


def test_a_lattice_has_its_numbers() -> None:
    graph = lattice_graph(3)
    assert len(graph.nodes) == 49
    assert len(graph.edges) == 2 * 7 * 6

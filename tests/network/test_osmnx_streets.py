"""OSMnx graphs give the same streets as the extract they were made from."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from pipeline.errors import SourceError
from pipeline.network.costs import nearest_for_nodes
from pipeline.network.graph import StreetGraph
from pipeline.network.osm_streets import read_osm_streets
from pipeline.network.osmnx_sources import read_graph_package, read_graphml
from pipeline.network.osmnx_streets import from_osmnx
from pipeline.settings.network import Mode, NetworkSettings
from tests.network.osm_writing import CORNER, UTM, Drawing, draw_lattice, facilities, lattice_node

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def options(mode: Mode) -> dict[str, object]:
    """Give the settings of a mode."""
    return {
        "mode": mode,
        "crs": UTM,
        "rules": NetworkSettings().rules(mode),
        "walk_speed_m_min": 80.0,
        "scrap_max_km": 0.0,
    }


@pytest.fixture(scope="module")
def drawing() -> Drawing:
    """Draw a lattice with a one-way street, a bent footway and a private road."""
    drawing = draw_lattice(4, 4)
    ways = {way[0]: way for way in drawing.ways}
    ways[1][2]["oneway"] = "yes"
    ways[1001][2]["access"] = "private"
    drawing.node(1, 50, 40)
    bent = [lattice_node(0, 0), 1, lattice_node(1, 1)]
    drawing.way(9001, bent, {"highway": "footway"})
    return drawing


@pytest.fixture(scope="module")
def osmnx_graph(drawing: Drawing, tmp_path_factory: pytest.TempPathFactory) -> nx.MultiDiGraph:
    import osmnx

    path = drawing.write(tmp_path_factory.mktemp("osmnx") / "city.osm")
    osmnx.settings.useful_tags_way = ["highway", "name", "oneway", "access", "service"]
    raw = osmnx.graph_from_xml(path, simplify=False, retain_all=True)
    return osmnx.simplify_graph(raw, edge_attrs_differ=["highway", "access"])


def ours(drawing: Drawing, tmp_path: Path, mode: Mode) -> StreetGraph:
    """Read the same drawing without OSMnx."""
    path = drawing.write(tmp_path / "city.osm.pbf")
    settings = options(mode)
    return read_osm_streets(
        path,
        area=None,
        crs=UTM,
        rules={mode: NetworkSettings().rules(mode)},
        walk_speed_m_min=80.0,
        scrap_max_km=float(settings["scrap_max_km"]),
    )[mode]


def assert_same_streets(one: StreetGraph, other: StreetGraph) -> None:
    """Compare length, interiors and the costs between junctions."""
    assert one.edges["length_m"].sum() == pytest.approx(other.edges["length_m"].sum(), abs=0.5)
    inside = [graph.edges.loc[graph.edges["interior"], "length_m"].sum() for graph in (one, other)]
    assert inside[0] == pytest.approx(inside[1], abs=0.5)
    place = facilities((CORNER[0] + 210, CORNER[1] + 300))
    tables = [
        nearest_for_nodes(graph, place, by="facility_id", snap_max_m=50.0, limit_min=None)
        for graph in (one, other)
    ]
    shared = tables[0].index.intersection(tables[1].index)
    assert len(shared) == 14
    np.testing.assert_allclose(
        tables[0].loc[shared, "minutes"], tables[1].loc[shared, "minutes"], atol=1e-3
    )


@pytest.mark.parametrize("mode", ["walk", "drive"])
def test_the_same_as_from_the_extract(
    osmnx_graph: nx.MultiDiGraph, drawing: Drawing, tmp_path: Path, mode: Mode
) -> None:
    theirs = from_osmnx(osmnx_graph, **options(mode), source="test")
    assert_same_streets(theirs, ours(drawing, tmp_path, mode))


def test_one_way_streets_keep_their_direction(osmnx_graph: nx.MultiDiGraph) -> None:
    drive = from_osmnx(osmnx_graph, **options("drive"), source="test")
    oneway = drive.edges[drive.edges["back_min"].isna()]
    assert oneway["length_m"].sum() == pytest.approx(300, abs=0.1)
    assert (oneway["u"] < oneway["v"]).all()
    walk = from_osmnx(osmnx_graph, **options("walk"), source="test")
    assert walk.edges[["forward_min", "back_min"]].notna().all(axis=None)


@pytest.mark.parametrize("mode", ["walk", "drive"])
@pytest.mark.parametrize("directed", [True, False])
def test_saved_files_say_the_same(
    osmnx_graph: nx.MultiDiGraph, tmp_path: Path, mode: Mode, *, directed: bool
) -> None:
    import osmnx

    expected = from_osmnx(osmnx_graph, **options(mode), source="test")
    osmnx.save_graphml(osmnx_graph, tmp_path / "city.graphml")
    osmnx.save_graph_geopackage(osmnx_graph, tmp_path / "city.gpkg", directed=directed)
    assert_same_streets(read_graphml(tmp_path / "city.graphml", **options(mode)), expected)
    assert_same_streets(read_graph_package(tmp_path / "city.gpkg", **options(mode)), expected)


def test_a_projected_graph_is_taken_as_it_is(osmnx_graph: nx.MultiDiGraph) -> None:
    import osmnx

    projected = osmnx.project_graph(osmnx_graph, to_crs="EPSG:32650")
    assert_same_streets(
        from_osmnx(projected, **options("walk"), source="test"),
        from_osmnx(osmnx_graph, **options("walk"), source="test"),
    )


def test_what_is_missing_is_told(tmp_path: Path, osmnx_graph: nx.MultiDiGraph) -> None:
    with pytest.raises(SourceError, match="missing"):
        read_graphml(tmp_path / "none.graphml", **options("walk"))
    (tmp_path / "text.graphml").write_text("no graph", encoding="utf-8")
    with pytest.raises(SourceError, match="no GraphML"):
        read_graphml(tmp_path / "text.graphml", **options("walk"))
    with pytest.raises(SourceError, match="missing"):
        read_graph_package(tmp_path / "none.gpkg", **options("walk"))
    bare = nx.MultiDiGraph(crs="EPSG:4326", simplified=True)
    bare.add_edge(1, 2, highway="residential")
    with pytest.raises(SourceError, match=r"lacks nodes\.x, nodes\.y"):
        from_osmnx(bare, **options("walk"), source="bare")
    with pytest.raises(SourceError, match="no edges"):
        from_osmnx(nx.MultiDiGraph(simplified=True), **options("walk"), source="empty")
    rail = osmnx_graph.copy()
    nx.set_edge_attributes(rail, "rail", "highway")
    with pytest.raises(SourceError, match="mode walk"):
        from_osmnx(rail, **options("walk"), source="rail")

"""Snapping: places, caps, ties and inputs that cannot be snapped."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import CrsError, GeometryError
from pipeline.network.graph import StreetGraph
from pipeline.network.snap import snap, snap_table
from tests.network.osm_writing import UTM, graph_of, points


def test_the_foot_splits_the_edge(lattice: StreetGraph) -> None:
    table = snap_table(points((30, 10)), lattice, snap_max_m=300.0)
    row = table.iloc[0]
    assert (row.along_m, row.snap_m, row.access_min, row.status) == (30.0, 10.0, 0.125, "ok")
    assert row.geometry.equals(shapely.Point(30, 0))


@pytest.mark.parametrize(("gap_m", "status"), [(300.0, "ok"), (300.001, "unsnapped")])
def test_the_cap_is_inclusive(lattice: StreetGraph, gap_m: float, status: str) -> None:
    table = snap_table(points((50, 1800 + gap_m)), lattice, snap_max_m=300.0)
    assert table["status"].tolist() == [status]
    assert table["edge_id"].isna().tolist() == [status != "ok"]


def test_at_a_tie_the_public_street_wins() -> None:
    places = {1: (0.0, 0.0), 2: (100.0, 0.0), 3: (0.0, 20.0), 4: (100.0, 20.0)}
    graph = graph_of(places, [(1, 2), (3, 4), (1, 3)], interior=[0])
    assert snap(points((50, 10)), graph, snap_max_m=300.0).edge.tolist() == [1]


def test_points_snap_to_snappable_edges_only(lattice: StreetGraph) -> None:
    edges = lattice.edges.assign(snappable=lattice.edges["u"] != lattice.edges["u"].iloc[0])
    graph = StreetGraph(lattice.nodes, edges, "walk", 80.0, None)
    corner = points(tuple(lattice.node_xy[0]))
    assert snap(corner, graph, snap_max_m=300.0).distance_m[0] > 0
    none = StreetGraph(lattice.nodes, edges.assign(snappable=False), "walk", 80.0, None)
    assert not snap(corner, none, snap_max_m=300.0).found.any()


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.tuples(st.floats(-1800, 1800), st.floats(-1800, 1800)))
def test_the_nearest_edge_is_found(lattice: StreetGraph, place: tuple[float, float]) -> None:
    snapped = snap(points(place), lattice, snap_max_m=300.0)
    point = shapely.Point(place)
    assert snapped.distance_m[0] == pytest.approx(shapely.distance(lattice.lines, point).min())
    foot = lattice.lines[snapped.edge[0]].interpolate(snapped.along[0], normalized=True)
    assert foot.distance(point) == pytest.approx(snapped.distance_m[0], abs=1e-9)
    np.testing.assert_allclose(snapped.xy[0], (foot.x, foot.y))


def test_wrong_inputs(lattice: StreetGraph) -> None:
    with pytest.raises(CrsError, match="EPSG:4326"):
        snap(points((0, 0)).to_crs(4326), lattice, snap_max_m=300.0)
    area = gpd.GeoSeries([shapely.Point(0, 0), shapely.box(0, 0, 1, 1)], index=["a", "b"], crs=UTM)
    with pytest.raises(GeometryError, match="1 geometries are no points"):
        snap(area, lattice, snap_max_m=300.0)
    missing = gpd.GeoSeries([None, shapely.Point()], crs=UTM)
    with pytest.raises(GeometryError, match="2 geometries"):
        snap(missing, lattice, snap_max_m=300.0)


def test_no_points(lattice: StreetGraph) -> None:
    assert len(snap(points(), lattice, snap_max_m=300.0)) == 0
    assert len(snap_table(points(), lattice, snap_max_m=300.0)) == 0

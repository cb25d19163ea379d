"""Catchments: exact cuts, areas that follow from theory, growth with the cost."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from shapely.ops import substring

from pipeline.network.catchment import (
    _substrings,
    catchment_edges,
    catchment_polygons,
    end_to_end,
    whole_edges,
)
from pipeline.network.costs import od_matrix
from pipeline.network.graph import StreetGraph
from tests.network.osm_writing import UTM, facilities, graph_of, lattice_graph, points
from tests.network.test_costs import cities


def reach(graph: StreetGraph, *places: tuple[float, float], minutes: float) -> gpd.GeoDataFrame:
    """Catchment towards the places."""
    return catchment_edges(
        graph, points(*places), limits_min=[minutes], towards=True, snap_max_m=300.0
    )


def land(edges: gpd.GeoDataFrame, **options: float) -> shapely.Geometry:
    """Land of edges that are all reached within one limit."""
    found = catchment_polygons(edges, pd.Series(0.0, index=edges.index), **options)
    return found.get(0.0, shapely.Polygon())


@pytest.mark.parametrize("blocks", [5, 10, 15])
def test_reached_length_of_a_lattice(lattice: StreetGraph, blocks: int) -> None:
    # Each of the 2k(k+1)+1 nodes but those on the rim sends out its four half-edges: 4 k^2 edges.
    table = reach(lattice, (0, 0), minutes=blocks * 100 / 80)
    assert table["length_m"].sum() == pytest.approx(4 * blocks**2 * 100)
    assert shapely.length(table.geometry.to_numpy()).sum() == pytest.approx(4 * blocks**2 * 100)


def test_edges_are_cut_exactly_at_the_cost(lattice: StreetGraph) -> None:
    table = reach(lattice, (0, 0), minutes=130 / 80)
    ends = shapely.get_coordinates(table.geometry.to_numpy())
    by_street = np.abs(ends).sum(axis=1)  # on a lattice the way is the sum of both legs
    assert by_street.max() == pytest.approx(130)
    assert table["length_m"].sum() == pytest.approx(4 * 100 + 12 * 30)


def test_area_of_a_lattice_catchment_tends_to_two_r_squared() -> None:
    graph = lattice_graph(42)
    ratios = []
    for radius in (500, 1000, 2000, 4000):
        edges = reach(graph, (0, 0), minutes=radius / 80)
        area = land(edges, half_width_m=25.0, closing_m=30.0, min_hole_m2=10_000.0)
        ratios.append(area.area / (2 * radius**2))
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[-1] == pytest.approx(1, abs=0.025)
    # A disc overstates the catchment by pi / 2.
    assert math.pi * 4000**2 / (ratios[-1] * 2 * 4000**2) == pytest.approx(math.pi / 2, rel=0.03)


def test_within_one_edge(lattice: StreetGraph) -> None:
    table = reach(lattice, (50, 0), minutes=20 / 80)
    assert table[["from_m", "to_m"]].to_numpy().tolist() == [[30, 70]]
    overlapping = reach(lattice, (50, 0), (60, 0), minutes=20 / 80)
    assert overlapping[["from_m", "to_m"]].to_numpy() == pytest.approx(np.array([[30, 80]]))
    apart = reach(lattice, (20, 0), (80, 0), minutes=10 / 80)
    assert apart[["from_m", "to_m"]].to_numpy() == pytest.approx(np.array([[10, 30], [70, 90]]))


def test_the_way_to_the_street_is_part_of_the_cost(lattice: StreetGraph) -> None:
    assert reach(lattice, (50, 10), minutes=20 / 80)["length_m"].tolist() == pytest.approx([20])
    assert len(reach(lattice, (50, 10), minutes=9.9 / 80)) == 0


def test_direction_matters_on_oneway_streets() -> None:
    graph = graph_of({1: (0.0, 0.0), 2: (100.0, 0.0)}, [(1, 2)], oneway=[0], mode="drive")
    options = {"limits_min": [30 / 80], "snap_max_m": 300.0}
    towards = catchment_edges(graph, points((50, 0)), towards=True, **options)
    away = catchment_edges(graph, points((50, 0)), towards=False, **options)
    assert towards[["from_m", "to_m"]].to_numpy() == pytest.approx(np.array([[20, 50]]))
    assert away[["from_m", "to_m"]].to_numpy() == pytest.approx(np.array([[50, 80]]))


def test_an_interior_is_no_shortcut_but_belongs_to_the_catchment() -> None:
    places = {1: (0.0, 0.0), 2: (100.0, 0.0), 3: (100.0, 200.0), 4: (0.0, 200.0)}
    ring = [(1, 2), (2, 3), (3, 4), (1, 4)]
    graph = graph_of(places, ring, interior=[1])
    table = reach(graph, (0, 0), minutes=290 / 80)
    reached = dict(zip(table["edge_id"], table["length_m"], strict=True))
    # The interior edge e1 is reached 190 m from below; what lies behind it only round the street.
    assert reached == pytest.approx({"e0": 100, "e1": 190, "e2": 90, "e3": 200})


def test_catchments_grow_with_the_cost(lattice: StreetGraph) -> None:
    table = catchment_edges(
        lattice,
        points((13, 7), (701, 350)),
        limits_min=[12.0, 3.0, 7.5],
        towards=True,
        snap_max_m=300.0,
    )
    assert table["limit_min"].is_monotonic_increasing
    parts = {limit: part.geometry.union_all() for limit, part in table.groupby("limit_min")}
    assert parts[7.5].buffer(1e-6).covers(parts[3.0])
    assert parts[12.0].buffer(1e-6).covers(parts[7.5])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cities(interiors=True))
def test_what_is_inside_costs_no_more_and_what_is_outside_does(city) -> None:  # noqa: ANN001
    graph, _, targets = city
    place = targets.iloc[[0]]
    limit = 4.0
    table = catchment_edges(graph, place, limits_min=[limit], towards=True, snap_max_m=2000.0)
    probes, inside = [], []
    for row in range(len(graph.edges)):
        spans = table[table["edge_id"] == graph.edges["edge_id"].iloc[row]]
        length = graph.edges["length_m"].iloc[row]
        for share in (0.21, 0.5, 0.83):
            here = share * length
            margin = np.abs(np.r_[spans["from_m"], spans["to_m"]] - here)
            if len(margin) and margin.min() < 1e-3:
                continue
            probes.append(graph.lines[row].interpolate(here))
            inside.append(bool(((spans["from_m"] <= here) & (here <= spans["to_m"])).any()))
    origins = gpd.GeoSeries(probes, crs=UTM)
    crossing = shapely.STRtree(graph.lines).query(origins.to_numpy(), "dwithin", distance=1e-6)
    alone = np.bincount(crossing[0], minlength=len(probes)) == 1  # not where edges cross or repeat
    matrix = od_matrix(
        graph,
        origins,
        facilities((place.iloc[0].x, place.iloc[0].y)),
        by="facility_id",
        snap_max_m=2000.0,
        cutoff_min=limit,
        memory_mb=16.0,
    )
    within_cost = np.isin(np.arange(len(probes)), matrix["origin"])
    np.testing.assert_array_equal(within_cost[alone], np.array(inside)[alone])


def test_polygon_keeps_large_holes_and_fills_small_ones() -> None:
    ring = shapely.LineString([(0, 0), (400, 0), (400, 400), (0, 400), (0, 0)])
    series = gpd.GeoDataFrame(geometry=[ring], crs=UTM)
    options = {"half_width_m": 25.0, "closing_m": 30.0}
    kept = land(series, **options, min_hole_m2=10_000.0)
    filled = land(series, **options, min_hole_m2=200_000.0)
    assert len(kept.interiors) == 1
    assert kept.interiors[0].is_closed
    assert len(filled.interiors) == 0
    assert land(series.iloc[:0], **options, min_hole_m2=0.0).is_empty


def test_a_part_in_a_hole_that_is_filled_is_swallowed() -> None:
    ring = shapely.LineString([(0, 0), (400, 0), (400, 400), (0, 400), (0, 0)])
    inner = shapely.LineString([(190, 200), (210, 200)])
    apart = shapely.LineString([(900, 0), (1000, 0)])
    series = gpd.GeoDataFrame(geometry=[ring, inner, apart], crs=UTM)
    options = {"half_width_m": 25.0, "closing_m": 30.0}
    kept = shapely.get_parts(land(series, **options, min_hole_m2=10_000.0))
    filled = shapely.get_parts(land(series, **options, min_hole_m2=200_000.0))
    assert len(kept) == 3
    assert len(filled) == 2
    both = land(series.iloc[[0, 2]], **options, min_hole_m2=200_000.0)
    assert shapely.area(filled).sum() == pytest.approx(both.area, rel=1e-12)


def test_catchments_of_several_limits_are_those_of_each_alone() -> None:
    graph = lattice_graph(10)
    edges = catchment_edges(
        graph, points((0, 0), (430, 20)), limits_min=[2.0, 5.0, 3.5, 9.0], towards=True,
        snap_max_m=300.0,
    )  # fmt: skip
    options = {"half_width_m": 25.0, "closing_m": 30.0, "min_hole_m2": 1_000.0}
    limit = edges["limit_min"]
    found = catchment_polygons(edges, limit, whole=whole_edges(graph, edges), **options)
    assert list(found) == [2.0, 3.5, 5.0, 9.0]
    for one, shape in found.items():
        alone = land(edges[limit.eq(one)], **options)
        assert shape.area == pytest.approx(alone.area, rel=1e-6)
        assert shape.symmetric_difference(alone).area < 1e-6 * alone.area


def test_lines_joined_end_to_end_are_fewer_and_cover_the_same_land(lattice: StreetGraph) -> None:
    lines = reach(lattice, (30, 0), minutes=8).geometry.to_numpy()
    joined = end_to_end(lines)
    assert len(joined) < len(lines) / 2
    assert shapely.length(joined).sum() == pytest.approx(shapely.length(lines).sum())
    assert shapely.union_all(joined).equals(shapely.union_all(lines))
    one, other = (shapely.union_all(shapely.buffer(some, 30)) for some in (joined, lines))
    assert one.symmetric_difference(other).area < 1e-4 * other.area
    assert len(end_to_end(lines[:0])) == 0


def test_two_lanes_of_one_street_keep_the_land_around_them() -> None:
    bends = [
        (14.575878, 137.781227), (31.680093, 136.523705), (67.113764, 136.475196),
        (92.495717, 136.444369), (104.187366, 131.703208), (112.744548, 122.171683),
        (116.714979, 115.797059), (121.123297, 108.7068), (132.740243, 99.265874),
        (164.456898, 91.574987), (176.28542, 91.20024),
    ]  # fmt: skip
    fewer = [bend for number, bend in enumerate(bends) if number not in {2, 6}]
    lanes = np.array([shapely.LineString(bends), shapely.LineString(fewer)])
    one, other = (
        shapely.union_all(shapely.buffer(some, 60)) for some in (end_to_end(lanes), lanes)
    )
    assert one.symmetric_difference(other).area < 1e-4 * other.area


def test_lines_are_cut_as_shapely_cuts_one(lattice: StreetGraph) -> None:
    rng = np.random.default_rng(7)
    lines = shapely.linestrings(rng.random((400, 6, 2)) * 100)
    lines = np.concatenate((lines, lattice.lines))
    low = rng.choice([0.0, 0.25, 0.5], len(lines)) * rng.random(len(lines))
    high = np.where(rng.random(len(lines)) < 0.3, 1.0, low + (1 - low) * rng.random(len(lines)))
    cut = _substrings(lines, low, high)
    alone = [substring(*one, normalized=True) for one in zip(lines, low, high, strict=True)]
    assert shapely.equals_exact(cut, alone, 1e-9).all()


def test_what_is_around_a_box_reaches_what_the_whole_does_there() -> None:
    whole = lattice_graph(12)
    part = whole.around((-410.0, -280.0, 300.0, 380.0))
    assert len(part.nodes) < len(whole.nodes) / 2
    sources = points((20.0, 0.0), (-130.0, 100.0))
    options = {"limits_min": [2.0, 3.5], "towards": False, "snap_max_m": 100.0}
    pd.testing.assert_frame_equal(
        catchment_edges(whole, sources, **options), catchment_edges(part, sources, **options)
    )

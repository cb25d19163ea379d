"""Costs on cities whose answers follow from theory, and against networkx on random ones."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pipeline.errors import FieldError
from pipeline.network.costs import k_nearest, nearest, nearest_for_nodes, od_matrix
from pipeline.network.graph import StreetGraph
from pipeline.network.search import within
from tests.network.oracle import all_minutes, pair_minutes
from tests.network.osm_writing import UTM, facilities, graph_of, points

OPTIONS = {"by": "facility_id", "snap_max_m": 300.0}


@pytest.mark.parametrize(("radius_m", "count"), [(500, 61), (1000, 221), (1500, 481)])
def test_lattice_nodes_within_a_radius(lattice: StreetGraph, radius_m: int, count: int) -> None:
    limit = radius_m / 80
    table = nearest_for_nodes(lattice, facilities((0, 0)), **OPTIONS, limit_min=limit)
    assert (table["status"] == "ok").sum() == count
    assert table["minutes"].max() == limit  # the farthest nodes lie exactly at the limit
    assert table.loc[table["status"] != "ok", "minutes"].isna().all()


def test_a_limit_a_hair_smaller_loses_the_rim(lattice: StreetGraph) -> None:
    table = nearest_for_nodes(lattice, facilities((0, 0)), **OPTIONS, limit_min=500 / 80 - 1e-6)
    assert (table["status"] == "ok").sum() == 41


@pytest.mark.parametrize("speed_m_min", [75.0, 83.0, 66.6, 90.1, 71.7, 58.3])
def test_thresholds_do_not_hang_on_rounding(lattice: StreetGraph, speed_m_min: float) -> None:
    graph = lattice.at_walk_speed(speed_m_min)
    table = nearest_for_nodes(graph, facilities((0, 0)), **OPTIONS, limit_min=500 / speed_m_min)
    assert (table["status"] == "ok").sum() == 61
    rim = points(*((x, y) for x, y in lattice.node_xy.tolist() if abs(x) + abs(y) == 500))
    options = {**OPTIONS, "by": "facility_id"}
    ok = nearest(graph, rim, facilities((0, 0)), **options, limit_min=500 / speed_m_min)
    assert ok["status"].eq("ok").all()
    pairs = od_matrix(
        graph, rim, facilities((0, 0)), **OPTIONS, cutoff_min=500 / speed_m_min, memory_mb=8.0
    )
    assert len(pairs) == 20


def test_mean_detour_of_a_lattice_tends_to_four_over_pi(lattice: StreetGraph) -> None:
    table = nearest_for_nodes(lattice, facilities((0, 0)), **OPTIONS, limit_min=None)
    by_air = np.hypot(*lattice.node_xy.T)
    around = (by_air > 1200) & (by_air <= 1750)
    detour = table["minutes"].to_numpy()[around] * 80 / by_air[around]
    assert detour.mean() == pytest.approx(4 / math.pi, abs=0.01)


def test_between_nodes_both_offsets_count(lattice: StreetGraph) -> None:
    table = nearest(lattice, points((30, 10)), facilities((100, 60)), **OPTIONS, limit_min=None)
    # 10 m to the street, 70 m to the corner, 60 m up.
    assert table["minutes"].iloc[0] * 80 == pytest.approx(140)


def test_on_one_edge_the_way_is_direct(lattice: StreetGraph) -> None:
    table = nearest(lattice, points((30, 5)), facilities((80, -5)), **OPTIONS, limit_min=None)
    assert table["minutes"].iloc[0] * 80 == pytest.approx(60)


def test_nearest_entrance_of_a_facility_counts(lattice: StreetGraph) -> None:
    campus = facilities((500, 0), (100, 0), (300, 0), ids=["a", "a", "b"])
    table = nearest(lattice, points((0, 0)), campus, **OPTIONS, limit_min=None)
    assert table.iloc[0].tolist() == [1.25, "a", "ok"]
    ranked = k_nearest(
        lattice, points((0, 0)), campus, k=5, **OPTIONS, limit_min=60.0, memory_mb=16.0
    )
    assert ranked[["rank", "facility_id", "minutes"]].to_numpy().tolist() == [
        [1, "a", 1.25],
        [2, "b", 3.75],
    ]


def test_statuses(lattice: StreetGraph) -> None:
    origins = points((0, 0), (1800, 2101), (0, 1800))
    table = nearest(lattice, origins, facilities((100, 0)), **OPTIONS, limit_min=5.0)
    assert table["status"].tolist() == ["ok", "unsnapped", "beyond_limit"]
    assert table["minutes"].isna().tolist() == [False, True, True]
    none = nearest(lattice, origins, facilities(), **OPTIONS, limit_min=5.0)
    assert none["status"].unique().tolist() == ["no_data"]


def test_the_callers_index_returns(lattice: StreetGraph) -> None:
    origins = points((0, 0), (100, 0)).set_axis(pd.Index(["x", "y"], name="cell"))
    table = nearest(lattice, origins, facilities((100, 0)), **OPTIONS, limit_min=None)
    pd.testing.assert_index_equal(table.index, origins.index)


def test_oneway_binds() -> None:
    places = {1: (0, 0), 2: (100, 0), 3: (100, 100), 4: (0, 100)}
    ring = [(1, 2), (2, 3), (3, 4), (4, 1)]
    graph = graph_of(places, ring, oneway=range(4), mode="drive")
    there = nearest(graph, points((20, 0)), facilities((80, 0)), **OPTIONS, limit_min=None)
    back = nearest(graph, points((80, 0)), facilities((20, 0)), **OPTIONS, limit_min=None)
    assert there["minutes"].iloc[0] * 80 == pytest.approx(60)
    assert back["minutes"].iloc[0] * 80 == pytest.approx(340)


def test_at_the_end_of_a_oneway_one_stands_on_the_node() -> None:
    places = {1: (0, 0), 2: (100, 0), 3: (-100, 0)}
    graph = graph_of(places, [(1, 2), (1, 3)], oneway=[0], mode="drive")
    table = nearest(graph, points((0, 0)), facilities((-100, 0)), **OPTIONS, limit_min=None)
    assert table["minutes"].iloc[0] * 80 == pytest.approx(100)


def test_parallel_edges_count_once_and_the_faster_wins() -> None:
    places = {1: (0, 0), 2: (100, 0), 3: (200, 0)}
    pace = {0: 1 / 80, 1: 1 / 160, 2: 1 / 80}
    graph = graph_of(places, [(1, 2), (1, 2), (2, 3)], minutes_per_m=pace, mode="drive")
    table = nearest_for_nodes(graph, facilities((200, 0)), **OPTIONS, limit_min=None)
    assert table["minutes"].loc[1] == pytest.approx(100 / 160 + 100 / 80)


def test_an_island_is_unreachable_and_said_so() -> None:
    places = {1: (0, 0), 2: (100, 0), 3: (5000, 0), 4: (5100, 0)}
    graph = graph_of(places, [(1, 2), (3, 4)])
    table = nearest(
        graph, points((0, 0), (5000, 0)), facilities((50, 0)), **OPTIONS, limit_min=None
    )
    assert table["status"].tolist() == ["ok", "beyond_limit"]
    assert graph.components()["component_name"].tolist() == ["n1", "n3"]


def test_a_compound_across_the_street_is_no_way_through() -> None:
    # Two compounds meet at the junction 2: 1-2 and 2-3. The street runs round by 4 and 5.
    places = {1: (-100, 0), 2: (0, 0), 3: (100, 0), 4: (0, 100), 5: (100, 100)}
    links = [(1, 2), (2, 3), (2, 4), (4, 5), (5, 3)]
    graph = graph_of(places, links, interior=[0, 1])
    table = nearest(graph, points((-50, 0)), facilities((100, 20)), **OPTIONS, limit_min=None)
    assert table["minutes"].iloc[0] * 80 == pytest.approx(50 + 100 + 100 + 80)
    into = nearest(graph, points((-50, 0)), facilities((60, 0)), **OPTIONS, limit_min=None)
    assert into["minutes"].iloc[0] * 80 == pytest.approx(110)


def test_a_primary_school_inside_a_compound_is_reached_by_its_own_ways_alone() -> None:
    """The compound's ways lead to the school from either gate, and out of it, but not through."""
    places = {1: (0, 0), 2: (100, 0), 3: (200, 0), 4: (0, 300), 5: (200, 300)}
    links = [(1, 2), (2, 3), (1, 4), (4, 5), (5, 3)]
    graph = graph_of(places, links, interior=[0, 1])
    school = facilities((100, 10))
    homes = points((0, 50), (200, 50), (60, 0))
    table = nearest(graph, homes, school, **OPTIONS, limit_min=None)
    np.testing.assert_allclose(table["minutes"] * 80, [50 + 100 + 10, 50 + 100 + 10, 40 + 10])
    beyond = nearest(graph, points((0, 50)), facilities((200, 50)), **OPTIONS, limit_min=None)
    assert beyond["minutes"].iloc[0] * 80 == pytest.approx(250 + 200 + 250)


def test_missing_key_is_named(lattice: StreetGraph) -> None:
    with pytest.raises(FieldError, match="campus_id"):
        nearest(
            lattice,
            points((0, 0)),
            facilities((0, 0)),
            by="campus_id",
            snap_max_m=300.0,
            limit_min=None,
        )
    holes = facilities((0, 0), (1, 1), ids=["a", None])
    with pytest.raises(FieldError, match="empty cells"):
        nearest(lattice, points((0, 0)), holes, **OPTIONS, limit_min=None)


def test_matrix_in_any_chunks_is_the_same(lattice: StreetGraph) -> None:
    rng = np.random.default_rng(7)
    origins = points(*rng.uniform(-1800, 1800, (60, 2)).tolist())
    places = facilities(*rng.uniform(-1800, 1800, (9, 2)).tolist())
    options = {**OPTIONS, "cutoff_min": 15.0}
    whole = od_matrix(lattice, origins, places, **options, memory_mb=512.0)
    slices = od_matrix(lattice, origins, places, **options, memory_mb=0.001)
    pd.testing.assert_frame_equal(whole, slices)
    turned = od_matrix(lattice, places.geometry, _named(origins), **options, memory_mb=512.0)
    assert len(turned) == len(whole)  # walking is symmetric
    assert within(whole["minutes"].to_numpy(), 15.0).all()


def _named(series: gpd.GeoSeries) -> gpd.GeoDataFrame:
    names = [f"o{number}" for number in range(len(series))]
    return gpd.GeoDataFrame({"facility_id": names}, geometry=series)


@st.composite
def cities(draw: st.DrawFn, *, interiors: bool) -> tuple[StreetGraph, gpd.GeoSeries, gpd.GeoSeries]:
    """Draw a small random city with one-way streets, parallels, islands and maybe interiors."""
    size = draw(st.integers(3, 9))
    spot = st.tuples(st.integers(0, 12), st.integers(0, 12))
    spots = draw(st.lists(spot, min_size=size, max_size=size, unique=True))
    places = {number + 1: (x * 50.0, y * 50.0) for number, (x, y) in enumerate(spots)}
    ends = st.tuples(st.integers(1, size), st.integers(1, size)).filter(lambda uv: uv[0] != uv[1])
    links = draw(st.lists(ends, min_size=2, max_size=16))
    some = st.sets(st.integers(0, len(links) - 1))
    oneway = draw(some)
    interior = draw(some) if interiors else set()
    pace = {n: draw(st.sampled_from([1 / 80, 1 / 250, 1 / 600])) for n in range(len(links))}
    graph = graph_of(
        places, links, interior=interior, oneway=oneway, minutes_per_m=pace, mode="drive"
    )
    place = st.tuples(st.integers(0, 600), st.integers(0, 600))
    both = [draw(st.lists(place, min_size=1, max_size=4)) for _ in range(2)]
    return graph, points(*both[0]), points(*both[1])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cities(interiors=False))
def test_random_cities_agree_with_networkx(
    city: tuple[StreetGraph, gpd.GeoSeries, gpd.GeoSeries],
) -> None:
    graph, origins, targets = city
    _compare(graph, origins, targets, all_minutes(graph, origins, targets))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cities(interiors=True))
def test_random_cities_with_interiors_agree_with_the_definition(
    city: tuple[StreetGraph, gpd.GeoSeries, gpd.GeoSeries],
) -> None:
    graph, origins, targets = city
    expected = {
        (one, other): pair_minutes(graph, origin, target)
        for one, origin in enumerate(origins)
        for other, target in enumerate(targets)
    }
    _compare(graph, origins, targets, expected)


def _compare(
    graph: StreetGraph,
    origins: gpd.GeoSeries,
    targets: gpd.GeoSeries,
    expected: dict[tuple[int, int], float],
) -> None:
    """Hold nearest, matrix and ranks against known costs."""
    options = {"by": "facility_id", "snap_max_m": 2000.0}
    places = facilities(*shapely.get_coordinates(targets.to_numpy()).tolist())
    matrix = od_matrix(graph, origins, places, **options, cutoff_min=1e4, memory_mb=1.0)
    found = {
        (int(row.origin), int(row.facility_id[1:])): row.minutes for row in matrix.itertuples()
    }
    finite = {pair: cost for pair, cost in expected.items() if math.isfinite(cost)}
    assert found.keys() == finite.keys()
    for pair, cost in finite.items():
        assert found[pair] == pytest.approx(cost, abs=1e-9)
    table = nearest(graph, origins, places, **options, limit_min=None)
    for number, minutes in enumerate(table["minutes"]):
        best = min(cost for (one, _), cost in expected.items() if one == number)
        assert (minutes if not math.isnan(minutes) else math.inf) == pytest.approx(best, abs=1e-9)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(-900, 900), st.integers(-900, 900)), min_size=3, max_size=3))
@example([(0, 0), (0, 0), (50, 0)])
def test_walking_is_a_distance(lattice: StreetGraph, spots: list[tuple[int, int]]) -> None:
    flat = [(x, round(y, -2)) for x, y in spots]  # on the streets, so no way to them counts twice
    places = facilities(*flat)
    options = {**OPTIONS, "cutoff_min": 1e3, "memory_mb": 64.0}
    matrix = od_matrix(lattice, places.geometry, places, **options)
    cost = matrix["minutes"].to_numpy().reshape(3, 3)
    np.testing.assert_allclose(cost, cost.T, atol=1e-9)
    assert cost[0, 2] <= cost[0, 1] + cost[1, 2] + 1e-9
    assert str(places.crs) == str(UTM)

"""Check separation on lattices whose answers follow from geometry."""

from __future__ import annotations

import geopandas as gpd
import networkx as nx
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import FieldError
from pipeline.measures.island_boundary import (
    Facing,
    barrier_share,
    boundary_points,
    facing_points,
    filled_distance,
    merge_openings,
    outline,
)
from pipeline.measures.island_grid import GridFrame
from pipeline.network.separation_access import beside_streets, minutes_field, node_metres
from pipeline.network.separation_crossings import (
    crossings,
    mapped_km,
    openings_per_km,
    relocated_openings,
)
from pipeline.network.separation_density import (
    expected_openings,
    lattice_direction,
    street_density,
)
from pipeline.network.separation_routes import (
    BoundaryRoutes,
    Ends,
    Routes,
    boundary_routes,
    walking_distances,
)
from pipeline.network.separation_streets import Streets, snap_to_streets

from .separation_lattice import from_edges, inside, lattice

PARK = shapely.box(1000, 1400, 3000, 2400)
WALLED = lattice(drop=inside(PARK))
OPEN = lattice()
PRIVATE = lattice(interior=inside(PARK))
HERE = (np.zeros(1), np.zeros(1), np.zeros(1))


def midpoint_routes(streets: Streets, park: shapely.Polygon) -> BoundaryRoutes:
    west, south, east, north = park.bounds
    x, y = (west + east) / 2, (south + north) / 2
    facing = Facing(0.0, (x, y), (east - west, north - south), np.array([0, 2]), np.array([1, 3]))
    ends = (np.array([[x, x, west, east]]), np.array([[south, north, y, y]]))
    return boundary_routes(
        streets,
        facing,
        ends,
        HERE,
        spacing_m=np.array([100.0]),
        direction_rad=np.zeros(1),
        snap_m=50.0,
        limit_factor=3.0,
    )


def boundary_p90(streets: Streets, park: shapely.Polygon, direction: float = 0.0) -> float:
    points = boundary_points(park, points=32)
    wanted = boundary_routes(
        streets, facing_points(points, offset_share=0.25), (points[:, 0][None], points[:, 1][None]),
        HERE, spacing_m=np.array([100.0]), direction_rad=np.array([direction]),
        snap_m=150.0, limit_factor=3.0,
    )  # fmt: skip
    walked = walking_distances(streets, wanted.routes)
    return float(wanted.circumvention(walked, quantile=0.9, min_pairs=4)[0])


@pytest.mark.parametrize(("width", "height"), [(2000, 1000), (1000, 1000), (600, 1800)])
def test_walled_block_costs_one_plus_width_over_height(width: int, height: int) -> None:
    park = shapely.box(1000, 1000, 1000 + width, 1000 + height)
    streets = lattice(drop=inside(park))
    wanted = midpoint_routes(streets, park)
    ratio = walking_distances(streets, wanted.routes) / wanted.filled_m
    np.testing.assert_allclose(ratio, [1 + width / height, 1 + height / width])


def test_open_lattice_is_no_island() -> None:
    wanted = midpoint_routes(OPEN, PARK)
    np.testing.assert_allclose(walking_distances(OPEN, wanted.routes) / wanted.filled_m, 1.0)
    assert boundary_p90(OPEN, PARK) == pytest.approx(1.0, abs=0.1)


def test_walled_block_is_an_island_by_its_boundary_pairs_and_a_mean_is_nearly_blind() -> None:
    assert boundary_p90(WALLED, PARK) > 2.0
    points = boundary_points(PARK, points=32)
    first, second = np.triu_indices(32, k=1)
    everyone = Facing(0.0, (2000.0, 1900.0), (2000.0, 1000.0), first, second)
    wanted = boundary_routes(
        WALLED, everyone, (points[:, 0][None], points[:, 1][None]), HERE,
        spacing_m=np.array([100.0]), direction_rad=np.zeros(1), snap_m=150.0, limit_factor=3.0,
    )  # fmt: skip
    ratio = walking_distances(WALLED, wanted.routes) / wanted.filled_m
    assert ratio.mean() < 1.4


def test_turning_the_city_turns_nothing_else() -> None:
    angle = 0.5
    turned = shapely.affinity.rotate(PARK, angle, origin=(0, 0), use_radians=True)
    cos, sin = np.cos(angle), np.sin(angle)
    edges = []
    for line, flag in zip(WALLED.lines, WALLED.interior, strict=True):
        (x1, y1), (x2, y2) = line.coords
        spun = (cos * x1 - sin * y1, sin * x1 + cos * y1, cos * x2 - sin * y2, sin * x2 + cos * y2)
        edges.append((tuple(np.round(spun, 6)), bool(flag)))
    assert boundary_p90(from_edges(edges), turned, angle) == pytest.approx(
        boundary_p90(WALLED, PARK), rel=1e-3
    )


def test_private_interior_is_no_shortcut() -> None:
    assert boundary_p90(PRIVATE, PARK) == pytest.approx(boundary_p90(WALLED, PARK))
    assert openings_per_km(PARK, PRIVATE, merge_m=30.0) == (0.0, 0)


def test_private_interior_is_reached_as_last_leg() -> None:
    corner = np.array([[0.0, 0.0]])
    metres = node_metres(PRIVATE, corner, snap_m=300.0)
    heart = np.flatnonzero((PRIVATE.node_xy_m == [2000.0, 1900.0]).all(axis=1))[0]
    assert metres[heart] == pytest.approx(3900.0)
    # Behind the park the way leads around it, though the interior would be as short.
    behind = np.flatnonzero((PRIVATE.node_xy_m == [2000.0, 2400.0]).all(axis=1))[0]
    assert metres[behind] == pytest.approx(4400.0)
    sealed = node_metres(PRIVATE, np.array([[2000.0, 1400.0]]), snap_m=300.0)
    assert sealed[behind] == pytest.approx(3000.0)
    assert node_metres(OPEN, np.array([[2000.0, 1400.0]]), snap_m=300.0)[behind] == pytest.approx(
        1000.0
    )


def test_a_facility_inside_a_private_interior_is_reached_from_outside() -> None:
    metres = node_metres(PRIVATE, np.array([[2000.0, 1900.0]]), snap_m=300.0)
    behind = np.flatnonzero((PRIVATE.node_xy_m == [2000.0, 2400.0]).all(axis=1))[0]
    assert metres[behind] == pytest.approx(500.0)


def test_minutes_are_nothing_where_no_street_is() -> None:
    grid = GridFrame(0.0, 0.0, 50.0, 100, 100)
    beside = beside_streets(OPEN, grid, snap_m=300.0)
    field = minutes_field(OPEN, np.array([[0.0, 0.0]]), beside, snap_m=300.0, walk_m_min=80.0)
    cell = grid.index(np.array([2025.0, 4825.0]), np.array([1000.0, 1000.0]))
    assert field[cell[0]] == pytest.approx((2025 + 1025 + 25) / 80, abs=0.5)
    assert np.isnan(field[cell[1]])


def test_half_the_speed_doubles_every_minute() -> None:
    grid = GridFrame(0.0, 0.0, 100.0, 40, 40)
    beside = beside_streets(WALLED, grid, snap_m=300.0)
    fast, slow = (
        minutes_field(WALLED, np.array([[500.0, 500.0]]), beside, snap_m=300.0, walk_m_min=speed)
        for speed in (80.0, 40.0)
    )
    np.testing.assert_allclose(slow, 2 * fast)


def test_open_lattice_opens_at_every_street() -> None:
    # 19 streets cross each long side and 9 each short one, between the corners.
    per_km, openings = openings_per_km(PARK, OPEN, merge_m=30.0)
    assert (openings, per_km) == (56, pytest.approx(56 / 6))


@pytest.mark.parametrize("shift_m", [0.0, 30.0])
def test_openings_do_not_depend_on_where_in_the_block_the_boundary_runs(shift_m: float) -> None:
    park = shapely.box(1000 - shift_m, 1400 - shift_m, 3000 - shift_m, 2400 - shift_m)
    _, openings = openings_per_km(park, OPEN, merge_m=30.0)
    assert openings == (56 if shift_m == 0 else 60)


def test_one_gate_is_one_opening() -> None:
    link = (2000.0, 1400.0, 2000.0, 1900.0)
    assert (
        openings_per_km(PARK, lattice(drop=inside(PARK), extra=((link, False),)), merge_m=30)[1]
        == 1
    )
    private = lattice(drop=inside(PARK), extra=((link, True),))
    assert openings_per_km(PARK, private, merge_m=30)[1] == 0
    assert len(crossings(outline(PARK), private, public=False)[0]) == 1


def test_both_lanes_of_a_road_are_one_opening() -> None:
    assert merge_openings(np.array([5.0, 20.0, 500.0]), perimeter_m=1000.0, merge_m=30.0) == 2
    assert merge_openings(np.array([5.0, 990.0]), perimeter_m=1000.0, merge_m=30.0) == 1
    assert merge_openings(np.array([]), perimeter_m=1000.0, merge_m=30.0) == 0


def test_relocated_openings_count_as_the_observed_do() -> None:
    shifted = [shapely.box(1000 + d, 1400 + d, 3000 + d, 2400 + d) for d in (30.0, 50.0, 70.0)]
    turned = [shapely.affinity.rotate(shifted[0], angle) for angle in (15, 40)]
    parks = [*shifted, *turned]
    rings = np.array([outline(park) for park in parks])
    expected = [openings_per_km(park, OPEN, merge_m=30.0)[1] for park in parks]
    assert relocated_openings(rings, OPEN, merge_m=30.0).tolist() == expected


@pytest.mark.parametrize("angle", [0.0, 0.3, np.pi / 4])
def test_an_open_lattice_opens_as_expected_however_the_park_is_turned(angle: float) -> None:
    density = street_density(OPEN, GridFrame(0.0, 0.0, 250.0, 16, 16))
    cell = density.grid.index(np.array([2000.0]), np.array([2000.0]))
    local = shapely.box(-610, -590, 610, 590)
    expected = expected_openings(outline(local), np.array([angle]), density.by_bearing[:, cell].T)[
        0
    ]
    turned = shapely.affinity.rotate(local, angle, origin=(0, 0), use_radians=True)
    moved = shapely.affinity.translate(turned, 2010, 2030)
    assert len(crossings(outline(moved), OPEN, public=True)[0]) == pytest.approx(expected, rel=0.1)


def test_the_lattice_of_a_turned_city_is_found() -> None:
    angle = 0.4
    cos, sin = np.cos(angle), np.sin(angle)
    edges = []
    for line in lattice(cells=12).lines:
        (x1, y1), (x2, y2) = line.coords
        spun = (cos * x1 - sin * y1, sin * x1 + cos * y1, cos * x2 - sin * y2, sin * x2 + cos * y2)
        edges.append((tuple(np.round(spun, 6)), False))
    density = street_density(from_edges(edges), GridFrame(-1500.0, -1500.0, 250.0, 16, 16))
    total = density.four_fold.sum(axis=1)[None, :]
    assert lattice_direction(total)[0] == pytest.approx(angle, abs=1e-4)


def test_density_and_length_of_a_lattice() -> None:
    grid = GridFrame(0.0, 0.0, 250.0, 16, 16)
    density = street_density(PRIVATE, grid)
    far, within = grid.index(np.array([625.0, 2125.0]), np.array([3375.0, 1875.0]))
    assert density.all_ways[far] == pytest.approx(20.0, rel=0.1)
    assert density.public[within] == 0.0
    assert mapped_km(PARK, PRIVATE, public=False) == pytest.approx(9 * 2 + 19 * 1 + 6)
    assert mapped_km(PARK, PRIVATE, public=True) == pytest.approx(6.0)


def test_water_on_one_side_bars_that_side() -> None:
    river = shapely.box(3000, 0, 3300, 5000)
    assert barrier_share(PARK, [river], near_m=30.0) == pytest.approx((1000 + 60) / 6000)
    assert barrier_share(PARK, [shapely.box(3031, 0, 3300, 5000)], near_m=30.0) == 0.0
    assert barrier_share(PARK, [], near_m=30.0) == 0.0


def test_water_with_one_bridge_makes_a_detour() -> None:
    # Streets cross the river between x = 2000 and 2100 only at y = 0.
    river = shapely.box(2000, 50, 2100, 4050)
    streets = lattice(drop=lambda x, y: river.contains(shapely.Point(x, y)))
    start, _ = snap_to_streets(streets, np.array([[2000.0, 1500.0], [2100.0, 1500.0]]), snap_m=10.0)
    metres = node_metres(streets, np.array([[2100.0, 1500.0]]), snap_m=10.0)
    node = np.flatnonzero((streets.node_xy_m == [2000.0, 1500.0]).all(axis=1))[0]
    assert metres[node] == pytest.approx(3100.0)
    assert len(start.edge) == 2


def test_distances_agree_with_networkx() -> None:
    rng = np.random.default_rng(5)
    streets = lattice(cells=12, drop=lambda _x, _y: rng.uniform() < 0.15)
    points = rng.uniform(100, 1100, (24, 2))
    places, row = snap_to_streets(streets, points, snap_m=500.0)
    assert (row >= 0).all()
    first, second = np.arange(12), np.arange(12, 24)

    ours = walking_distances(
        streets, Routes(Ends.of(places.take(first)), Ends.of(places.take(second)), np.full(12, 1e6))
    )
    graph = nx.Graph()
    for u, v, metres in zip(streets.u, streets.v, streets.length_m, strict=True):
        graph.add_edge(int(u), int(v), weight=metres)
    for number in range(24):
        edge = places.edge[number]
        along, whole = places.along_m[number], streets.length_m[edge]
        graph.add_edge(f"p{number}", int(streets.u[edge]), weight=along)
        graph.add_edge(f"p{number}", int(streets.v[edge]), weight=whole - along)
    for number in range(12):
        if not nx.has_path(graph, f"p{number}", f"p{number + 12}"):
            assert np.isinf(ours[number])
            continue
        theirs = nx.shortest_path_length(graph, f"p{number}", f"p{number + 12}", weight="weight")
        if places.edge[number] != places.edge[number + 12]:
            assert ours[number] == pytest.approx(theirs)


def test_beyond_the_limit_is_not_found() -> None:
    wanted = midpoint_routes(WALLED, PARK)
    short = type(wanted.routes)(wanted.routes.first, wanted.routes.second, np.full(2, 2999.0))
    assert np.isinf(walking_distances(WALLED, short)).all()
    exact = type(wanted.routes)(wanted.routes.first, wanted.routes.second, np.full(2, 3000.0))
    assert np.isfinite(walking_distances(WALLED, exact)).all()


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.floats(-900, 900), st.floats(-900, 900)),
    st.tuples(st.floats(-900, 900), st.floats(-900, 900)),
    st.sampled_from([80.0, 150.0, 400.0]),
)
def test_filled_interior_is_between_city_block_and_one_block_more(
    a: tuple[float, float], b: tuple[float, float], spacing: float
) -> None:
    first = tuple(np.array([value]) for value in a)
    second = tuple(np.array([value]) for value in b)
    metres = filled_distance(first, second, spacing_m=np.array([spacing]))[0]
    block = abs(a[0] - b[0]) + abs(a[1] - b[1])
    assert block - 1e-9 <= metres <= block + spacing + 1e-9
    assert filled_distance(second, first, spacing_m=np.array([spacing]))[0] == pytest.approx(metres)


def test_an_edge_to_nowhere_is_refused() -> None:

    nodes = gpd.GeoDataFrame({"node_id": [1]}, geometry=[shapely.Point(0, 0)], crs=32651)
    line = shapely.LineString([(0, 0), (1, 1)])
    edges = gpd.GeoDataFrame(
        {"u": [1], "v": [2], "length_m": [1.0], "interior": [False]}, geometry=[line], crs=32651
    )
    with pytest.raises(FieldError):
        Streets.from_tables(nodes, edges)
    with pytest.raises(FieldError, match="interior"):
        Streets.from_tables(nodes, edges.drop(columns="interior"))

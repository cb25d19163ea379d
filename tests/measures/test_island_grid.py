"""Check fractions of cells, rings and sample points against areas known by hand."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import FieldError
from pipeline.measures.island_grid import GridFrame, check_layers, covered_cells, exact_fractions
from pipeline.measures.island_ring import (
    cells_below,
    neighbours_and_hosts,
    placed,
    ring,
    sample_footprint,
)

GRID = GridFrame(0.0, 0.0, 500.0, 10, 10)


def test_fractions_of_a_shifted_square() -> None:
    cells, share = exact_fractions(GRID, shapely.box(250, 250, 1250, 750))
    assert dict(zip(cells.tolist(), share.tolist(), strict=True)) == {
        0: 0.25, 1: 0.5, 2: 0.25, 10: 0.25, 11: 0.5, 12: 0.25,
    }  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(st.floats(600, 4400), st.floats(600, 4400), st.floats(20, 580), st.integers(3, 9))
def test_fractions_conserve_area(x: float, y: float, radius: float, sides: int) -> None:
    turn = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    polygon = shapely.Polygon(
        np.column_stack([x + radius * np.cos(turn), y + radius * np.sin(turn)])
    )
    _, share = exact_fractions(GRID, polygon)
    assert share.sum() * 500.0**2 == pytest.approx(polygon.area, rel=1e-9)


def test_fractions_agree_with_exactextract() -> None:
    from exactextract import exact_extract
    from exactextract.raster import NumPyRasterSource

    values = np.random.default_rng(3).poisson(4.0, GRID.shape).astype(float)
    park = shapely.Point(2300, 2710).buffer(1333.0)
    feature = {"type": "Feature", "geometry": shapely.geometry.mapping(park), "properties": {}}
    # Their rows run from north to south.
    source = NumPyRasterSource(values[::-1], xmin=0, ymin=0, xmax=5000, ymax=5000)
    theirs = exact_extract(source, [feature], ["sum"])[0]["properties"]["sum"]
    cells, share = exact_fractions(GRID, park)
    assert share @ values.ravel()[cells] == pytest.approx(theirs, rel=1e-5)


def test_a_polygon_beyond_the_grid_counts_only_inside() -> None:
    _, share = exact_fractions(GRID, shapely.box(-500, 4500, 500, 5500))
    assert share.sum() == 1.0


def test_layers_off_the_grid_are_all_named() -> None:
    with pytest.raises(FieldError) as caught:
        check_layers(GRID, {"shop": np.zeros((3, 3)), "food": np.full(GRID.shape, -1)})
    assert len(caught.value.problems) == 2


def test_ring_of_a_square_has_the_area_of_its_strips_and_corners() -> None:
    park = shapely.box(0, 0, 1000, 1000)
    expected = 4 * 1000 * 800 + np.pi * 800**2
    assert ring(park, width_m=800.0).area == pytest.approx(expected, rel=0.002)


def test_ring_leaves_out_water_and_other_parks_and_the_park() -> None:
    park, water = shapely.box(0, 0, 1000, 1000), shapely.box(1000, 0, 1800, 1000)
    other = shapely.box(-800, 0, 0, 1000)
    around = ring(park, width_m=800.0, excluded=[water, other])
    assert around.area == pytest.approx(2 * 1000 * 800 + np.pi * 800**2, rel=0.002)
    assert around.intersection(park).area == pytest.approx(0.0, abs=1e-6)


def test_a_host_is_not_a_neighbour_and_twins_hold_each_other() -> None:
    large, inner, apart = (
        shapely.box(0, 0, 5, 5),
        shapely.box(1, 1, 2, 2),
        shapely.box(9, 9, 10, 10),
    )
    beside, hosts = neighbours_and_hosts(
        np.array([large, inner, apart, inner]), host_overlap_share=0.5
    )
    assert [set(each.tolist()) for each in beside] == [{1, 2, 3}, {2}, {0, 1, 3}, {2}]
    assert [set(each.tolist()) for each in hosts] == [set(), {0, 3}, set(), {0, 1}]


@pytest.mark.parametrize("side_m", [200.0, 1000.0, 5000.0])
def test_sample_points_stand_for_exact_areas(side_m: float) -> None:
    park = shapely.box(70, 30, 70 + side_m, 30 + side_m / 2)
    sample = sample_footprint(park, ring_widths_m=(500.0, 800.0), points=600)
    assert (sample.x_m, sample.y_m) == (70 + side_m / 2, 30 + side_m / 4)
    assert sample.inside_km2 == pytest.approx(side_m**2 / 2e6)
    assert len(sample.inside) == pytest.approx(600, rel=0.05)
    within = np.bincount(sample.band, weights=sample.around_km2).cumsum()
    expected = [ring(park, width_m=width).area / 1e6 for width in (500.0, 800.0)]
    np.testing.assert_allclose(within, expected, rtol=1e-9)


def test_cells_count_as_covered_where_their_centre_is() -> None:
    cells = covered_cells(GRID, shapely.box(0, 0, 740, 1000))
    assert cells.tolist() == [0, GRID.columns]
    assert len(covered_cells(GRID, shapely.Polygon())) == 0


@pytest.mark.parametrize("corner_m", [(0.0, 0.0), (345_000.0, 3_400_000.0)])
def test_cells_below_moved_points_are_those_of_the_points(corner_m: tuple[float, float]) -> None:
    rng = np.random.default_rng(1)
    grid = GridFrame(*corner_m, 50.0, 300, 500)
    points = rng.uniform(-900, 900, (77, 2))
    at = {
        "x_m": corner_m[0] + rng.uniform(-2000, 27_000, 101),
        "y_m": corner_m[1] + rng.uniform(-2000, 17_000, 101),
        "angle_rad": rng.uniform(0, 7, 101),
    }
    x, y = placed(points, **at)
    expected = grid.index(x, y)
    found = cells_below(points, grid, **at)
    # A point within a few millimetres of a border may be told to lie beyond it.
    border = np.minimum(np.mod(x - corner_m[0], 50.0), np.mod(y - corner_m[1], 50.0))
    sure = (border > 0.01) & (border < 49.99)
    assert sure.mean() > 0.99
    np.testing.assert_array_equal(found[sure], expected[sure])
    assert (found == -1).any()


def test_a_finer_cell_is_held_by_the_cell_over_its_middle() -> None:
    grid = GridFrame(1000.0, 2000.0, 500.0, 4, 7)
    fine = grid.refined(100.0)
    held = grid.over(fine)
    x, y = fine.centres(np.arange(fine.rows * fine.columns))
    np.testing.assert_array_equal(held[:-1], grid.index(x, y))
    assert held[-1] == grid.rows * grid.columns

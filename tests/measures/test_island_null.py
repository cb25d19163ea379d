"""Check relocations, ranks, strata and that sampled footprints agree with exact overlay."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import shapely

from pipeline.errors import CrsError
from pipeline.measures.island_bands import bands_of
from pipeline.measures.island_city import City, annulus_sum, build_city, urban_land
from pipeline.measures.island_null import (
    generator,
    own_stratum,
    rank,
    relocate,
    ring_density,
)
from pipeline.measures.island_places import IslandContrast, measure_contrast
from pipeline.measures.island_points import PointLayer
from pipeline.measures.island_results import claimed
from pipeline.measures.island_ring import placed, ring, sample_footprint
from pipeline.settings.island import IslandSettings

from .island_worlds import (
    CENTRE,
    as_places,
    cell_counts,
    clustered_points,
    frame,
    scattered_parks,
)

GRID = frame()
DRY = np.ones(GRID.shape)
ANYWHERE = np.ones(GRID.shape, dtype=bool)
QUICK = IslandSettings(
    draws=199, min_valid_draws=99, sample_points=200, people_serving=("shops", "health")
)


def world(seed: int = 1) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "shops": clustered_points(rng, clusters=400, per_cluster=20),
        "health": clustered_points(rng, clusters=300, per_cluster=6),
    }


def measured(
    parks: list[shapely.Polygon], *, settings: IslandSettings = QUICK, **columns: object
) -> IslandContrast:
    points = world()
    return measure_contrast(
        as_places(parks, **columns), grid=GRID,
        facilities={name: cell_counts(xy) for name, xy in points.items()}, land_share=DRY,
        eligible=ANYWHERE, density=cell_counts(points["shops"]), centre_xy_m=CENTRE,
        settings=settings,
    )  # fmt: skip


def city(parks: list[shapely.Polygon], *, land: np.ndarray = DRY) -> City:
    return build_city(
        grid=GRID, facilities={"shops": cell_counts(world()["shops"])}, land_share=land,
        eligible=ANYWHERE, parks=np.array(parks, dtype=object), fine_cell_m=100.0,
        centre_xy_m=CENTRE,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("observed", "low", "high", "two"),
    [(0.0, 0.1, 1.0, 0.2), (4.5, 0.5, 0.6, 1.0), (9.0, 1.0, 0.1, 0.2)],
)
def test_p_counts_ties_and_the_observed_one(
    observed: float, low: float, high: float, two: float
) -> None:
    null = np.array([1.0, 2, 3, 4, 5, 6, 7, 8, 8.5])[:, None]
    ranked = rank(np.array([observed]), null)
    assert (ranked.p_low[0], ranked.p_high[0], ranked.p_two[0]) == pytest.approx((low, high, two))
    assert (ranked.median[0], ranked.valid[0]) == (5.0, 9)


def test_all_tied_is_no_evidence() -> None:
    ranked = rank(np.array([3.0]), np.full((99, 1), 3.0))
    assert (ranked.p_low[0], ranked.p_high[0]) == (1.0, 1.0)


def test_missing_relocations_do_not_count() -> None:
    ranked = rank(np.array([0.0, np.nan]), np.array([[1.0, 1.0], [np.nan, 2.0], [2.0, 3.0]]))
    assert ranked.valid.tolist() == [2, 3]
    assert ranked.p_low[0] == pytest.approx(1 / 3)
    assert np.isnan(ranked.p_low[1])


def test_relocations_keep_off_water_and_parks_and_the_rim() -> None:
    land = DRY.copy()
    land[:, :20] = 0.0
    parks = [shapely.box(20000, 20000, 22000, 21000), shapely.box(14000, 9000, 17000, 12000)]
    footprint = sample_footprint(parks[0], ring_widths_m=(800.0,), points=300)
    whole = city(parks, land=land)
    others = whole.others(np.array(parks[:1], dtype=object))
    here = relocate(
        whole, footprint, np.arange(GRID.rows * GRID.columns),
        rng=generator(1, "P00"), draws=300, others=others, max_water_share=0.05,
        min_eligible_share=0.5, max_proposals_per_draw=50,
    )  # fmt: skip
    assert len(here) == 300
    moved = [
        shapely.affinity.translate(
            shapely.affinity.rotate(footprint.shape, angle, origin=(0, 0), use_radians=True), x, y
        )
        for x, y, angle in zip(here.x_m, here.y_m, here.angle_rad, strict=True)
    ]
    sea = shapely.box(-5000, -5000, 10000, 35000)
    wet = [park.intersection(sea).area / park.area for park in moved]
    over = [park.intersection(parks[1]).area / park.area for park in moved]
    outside = [
        1 - park.intersection(shapely.box(0, 0, 30000, 30000)).area / park.area for park in moved
    ]
    assert max(wet) < 0.07
    assert max(over) < 0.01
    assert max(outside) < 0.07


def test_no_room_gives_fewer_relocations_and_says_so() -> None:
    crowd = [(0, 0, 13, 30), (17, 0, 30, 30), (13, 0, 17, 13), (13, 17, 17, 30)]
    around = [shapely.box(*(1000.0 * np.array(corner))) for corner in crowd]
    table = measured([shapely.box(14000, 14000, 16000, 16000), *around]).table
    row = table[(table["place_id"] == "P00") & (table["category"] == "shops")]
    assert set(row["status"]) == {"not_testable"}
    assert set(row["reason"]) == {"few_draws"}
    assert row["p"].isna().all()
    assert row["observed"].notna().all()


def test_the_same_place_draws_the_same_whoever_else_is_there() -> None:
    one, two = shapely.box(9000, 9000, 11000, 10500), shapely.box(19000, 14000, 21000, 16000)
    both, turned = measured([one, two]).draws(), measured([one, two]).draws()
    pd.testing.assert_frame_equal(both, turned)
    assert list(both.columns[:7]) == ["place_id", "draw", "x_m", "y_m", "dx_m", "dy_m", "angle_rad"]
    assert generator(1, "A").integers(1e9) != generator(1, "B").integers(1e9)


def test_stratum_holds_a_ninth_of_the_land_and_the_park_itself() -> None:
    park = shapely.box(14000, 14000, 15000, 15000)
    footprint = sample_footprint(park, ring_widths_m=(800.0,), points=100)
    whole = city([park])
    density = ring_density(whole, footprint, cell_counts(world()["shops"]).ravel(), ring_m=800.0)
    cells = own_stratum(whole, footprint, density, strata_distance=3, strata_density=3)
    assert len(cells) == pytest.approx(GRID.rows * GRID.columns / 9, rel=0.1)
    assert GRID.index(np.array([14500.0]), np.array([14500.0]))[0] in cells


def test_annulus_of_ones_is_its_area() -> None:
    total = annulus_sum(GRID, np.ones(GRID.shape), inner_m=1000.0, outer_m=2000.0)
    assert total[30, 30] * 0.25 == pytest.approx(np.pi * 3, rel=0.02)


def test_an_annulus_is_added_up_cell_by_cell() -> None:
    layer = np.random.default_rng(6).uniform(0, 9, GRID.shape)
    total = annulus_sum(GRID, layer, inner_m=750.0, outer_m=1750.0)
    fifth = (np.arange(5) - 2) * 100.0
    for row, column in ((0, 0), (0, 59), (31, 7), (59, 58)):
        expected = 0.0
        for other in np.ndindex(*GRID.shape):
            east, north = (column - other[1]) * 500.0 + fifth, (row - other[0]) * 500.0 + fifth
            away = np.hypot(east[:, None], north)
            expected += layer[other] * ((away >= 750.0) & (away <= 1750.0)).mean()
        assert total[row, column] == pytest.approx(expected)


def test_urban_land_is_dry_and_near_facilities() -> None:
    counts = np.zeros(GRID.shape)
    counts[10, 10] = 3
    land = DRY.copy()
    land[10, 11] = 0.5
    mask = urban_land(
        GRID, people_serving=counts, land_share=land, radius_m=1000.0, min_count=3.0,
        max_water_share=0.05,
    )  # fmt: skip
    assert mask[10, 10]
    assert mask[11, 10]
    assert not mask[10, 11]
    assert not mask[10, 14]


def test_sampled_cells_agree_with_exact_overlay() -> None:
    park = shapely.affinity.rotate(shapely.box(12100, 11900, 14300, 13100), 20)
    whole = city([park])
    sample = sample_footprint(park, ring_widths_m=(500.0, 800.0), points=600)
    rng = np.random.default_rng(2)
    x, y = rng.uniform(6000, 24000, (2, 40))
    angle = rng.uniform(0, 6.28, 40)
    read = whole.exposure(
        sample, x_m=x, y_m=y, angle_rad=angle, blocked=np.zeros(whole.parks.shape, dtype=bool)
    )
    for number in range(40):
        turned = shapely.affinity.rotate(
            sample.shape, angle[number], origin=(0, 0), use_radians=True
        )
        moved = shapely.affinity.translate(turned, x[number], y[number])
        counts, km2 = whole.within(moved)
        around, around_km2 = whole.within(ring(moved, width_m=800.0))
        assert read.inside_km2[number] == pytest.approx(km2, rel=1e-6)
        assert read.around_km2[1, number] == pytest.approx(around_km2, rel=0.01)
        assert read.inside[number] == pytest.approx(counts, rel=0.05, abs=0.3)
        assert read.around[1, number] == pytest.approx(around, rel=0.05, abs=0.5)


def test_points_under_moved_footprints_are_counted_exactly() -> None:
    shape = shapely.affinity.translate(shapely.box(0, 0, 2000, 900), -1000, -450)
    xy = clustered_points(np.random.default_rng(4), clusters=300, per_cluster=20)
    layer = PointLayer(xy, np.zeros(len(xy), dtype=np.int64), ("shops",))
    rng = np.random.default_rng(9)
    x, y, angle = *rng.uniform(4000, 26000, (2, 30)), rng.uniform(0, 6.28, 30)
    fine = GRID.refined(100.0)
    inside, around = layer.relocated(
        shape, (500.0, 800.0), positions=(x, y, angle), fine=fine,
        blocked=np.zeros(fine.rows * fine.columns, dtype=bool),
    )  # fmt: skip
    for number in range(30):
        turned = shapely.affinity.rotate(shape, angle[number], origin=(0, 0), use_radians=True)
        moved = shapely.affinity.translate(turned, x[number], y[number])
        assert inside[number] == layer.within(moved)
        away = shapely.distance(moved, shapely.points(xy))
        assert around[1, number, 0] == ((away > 0) & (away <= 800.0)).sum()


def test_bands_are_exact_at_every_border() -> None:
    shape = shapely.Point(0, 0).buffer(700).difference(shapely.box(0, 0, 300, 3000))
    rng = np.random.default_rng(0)
    xy = np.vstack([rng.uniform(-3000, 3000, (90000, 2)), [[-1200.0, 0.0], [-1500.0, 0.0]]])
    away = shapely.distance(shape, shapely.points(xy))
    expected = np.searchsorted([0.0, 500.0, 800.0], away, side="left")
    assert (bands_of(shape, (500.0, 800.0), xy) == expected).all()
    assert (bands_of(shape, (500.0, 800.0), xy[:50]) == expected[:50]).all()


def test_a_turned_footprint_keeps_its_shape() -> None:
    points = np.array([[100.0, 0.0], [0.0, 50.0]])
    x, y = placed(
        points, x_m=np.array([10.0]), y_m=np.array([20.0]), angle_rad=np.array([np.pi / 2])
    )
    np.testing.assert_allclose([x[0], y[0]], [[10.0, -40.0], [120.0, 20.0]], atol=1e-9)


def test_places_in_degrees_are_refused() -> None:
    places = as_places([shapely.box(0, 0, 1, 1)]).set_crs("EPSG:4326", allow_override=True)
    with pytest.raises(CrsError):
        measure_contrast(
            places, grid=GRID, facilities={}, land_share=DRY, eligible=ANYWHERE, density=DRY,
            centre_xy_m=CENTRE, settings=QUICK,
        )  # fmt: skip


def test_no_places_give_an_empty_table() -> None:
    assert measured([]).table.empty


def test_small_park_is_not_measurable_on_cells_and_a_missing_one_has_no_data() -> None:
    table = measured([shapely.box(14000, 14000, 14800, 14900), None]).table
    by_place = table.groupby("place_id")["reason"].agg(set)
    assert by_place["P00"] == {"below_cells"}
    assert by_place["P01"] == {"no_footprint"}
    assert set(table.loc[table["place_id"] == "P00", "status"]) == {"not_measurable"}
    assert table[["observed", "p", "effect"]].isna().all(axis=None)
    assert table["reason_zh"].notna().all()


def test_rare_facilities_are_not_tested() -> None:
    points = np.array([[14500.0, 14500.0]])
    table = measure_contrast(
        as_places([shapely.box(14000, 14000, 15500, 15500)]), grid=GRID,
        facilities={"shops": cell_counts(points)}, land_share=DRY, eligible=ANYWHERE,
        density=DRY, centre_xy_m=CENTRE, settings=QUICK,
    ).table  # fmt: skip
    assert set(table["reason"]) == {"few_facilities"}


def test_a_compound_known_to_within_two_kilometres_is_not_testable() -> None:
    disc = shapely.Point(15000, 15000).buffer(np.sqrt(39000 / np.pi))
    for basis in ("cells", "points"):
        points = world()["shops"]
        facilities = (
            {"shops": cell_counts(points)}
            if basis == "cells"
            else PointLayer(points, np.zeros(len(points), dtype=np.int64), ("shops",))
        )
        table = measure_contrast(
            as_places([disc], precision_m=1800.0, boundary_class="indicative"), grid=GRID,
            facilities=facilities, land_share=DRY, eligible=ANYWHERE,
            density=cell_counts(points), centre_xy_m=CENTRE, settings=QUICK,
        ).table  # fmt: skip
        assert set(table["status"]) == {"not_testable"}
        assert set(table["reason"]) == {"position"}
        assert table["observed"].isna().all()
        assert set(table["basis"]) == {basis}


def test_indicative_footprints_carry_an_interval_and_certain_ones_do_not() -> None:
    disc = shapely.Point(15000, 15000).buffer(1200)
    sure = measured([disc]).table
    unsure = measured([disc], precision_m=600.0, boundary_class="indicative").table
    shops = unsure[(unsure["category"] == "shops") & unsure["main_ring"]].iloc[0]
    assert shops["low"] < shops["observed"] < shops["high"]
    assert sure["low"].isna().all()
    assert sure["p_plausible"].isna().all()
    wider = measured([disc], precision_m=1200.0, boundary_class="indicative").table
    wide = wider[(wider["category"] == "shops") & wider["main_ring"]].iloc[0]
    assert wide["high"] - wide["low"] > shops["high"] - shops["low"]


def test_an_emptied_park_is_robustly_an_island() -> None:
    points = np.random.default_rng(3).uniform(0, 30000, (20000, 2))
    disc = shapely.Point(15000, 15000).buffer(2000)
    away = np.hypot(*(points - 15000).T) > 2200
    table = measure_contrast(
        as_places([disc], precision_m=300.0, boundary_class="indicative"), grid=GRID,
        facilities={"shops": cell_counts(points[away])}, land_share=DRY, eligible=ANYWHERE,
        density=DRY, centre_xy_m=CENTRE, settings=QUICK,
    ).table  # fmt: skip
    table = claimed(table, QUICK)
    row = table[(table["category"] == "shops") & table["main_ring"]].iloc[0]
    assert row["verdict"] == "robust"
    assert row["effect"] < -1
    assert row["p_island"] == pytest.approx(1 / 200)


def test_relocating_a_ring_leaves_parks_out() -> None:
    rng = np.random.default_rng(8)
    parks = scattered_parks(rng, number=6, side_m=1500)
    result = measured(list(parks.geometry))
    assert (result.table["inside_count"] >= 0).sum() > 0
    assert set(result.table["status"]) <= {"ok", "not_measurable", "not_testable"}

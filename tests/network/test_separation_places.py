"""Measure whole parks on a lattice city and on real extracts: gates, statuses, null model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pyproj import CRS

from pipeline.measures.island_barriers import barrier_raster, barrier_results, relocated_share
from pipeline.measures.island_boundary import barrier_share
from pipeline.measures.island_contrast import Statistic
from pipeline.measures.island_grid import FloatArray, GridFrame
from pipeline.measures.island_places import IslandContrast, measure_contrast
from pipeline.measures.island_results import ComponentResult, component_row
from pipeline.measures.island_score import score
from pipeline.network import separation
from pipeline.network.osm_streets import read_osm_streets
from pipeline.network.separation import Separation, separation_results
from pipeline.network.separation_around import row_means, row_medians
from pipeline.network.separation_gaps import best_access, estimated_access
from pipeline.network.separation_routes import Routes
from pipeline.network.separation_streets import Streets
from pipeline.settings.island import IslandSettings
from pipeline.settings.network import NetworkSettings
from tests.measures.island_worlds import as_places

from .separation_lattice import inside, lattice

SETTINGS = IslandSettings(
    draws=99, min_valid_draws=49, sample_points=150, ring_sensitivity_m=()
)  # fmt: skip
GRID = GridFrame(0.0, 0.0, 500.0, 20, 20)
WALLED = shapely.box(2000, 2000, 3000, 3000)
OPENED = shapely.box(6000, 6000, 7000, 7000)
UNMAPPED = shapely.box(2000, 6000, 3000, 7000)
FACILITY = np.array([[6500.0, 6500.0]])


def drop(x: float, y: float) -> bool:
    return inside(UNMAPPED)(x, y)


def interior(x: float, y: float) -> bool:
    return inside(WALLED)(x, y)


STREETS = lattice(cells=100, drop=drop, interior=interior)


def measured(parks: list[shapely.Polygon], **columns: object) -> IslandContrast:
    everywhere = np.ones(GRID.shape)
    return measure_contrast(
        as_places(parks, **columns), grid=GRID, facilities={"shops": 5 * everywhere},
        land_share=everywhere, eligible=everywhere > 0, density=everywhere,
        centre_xy_m=(5000.0, 5000.0), settings=SETTINGS,
    )  # fmt: skip


def rows(results: list[ComponentResult]) -> pd.DataFrame:
    table = pd.DataFrame([component_row(result, SETTINGS) for result in results])
    return table.set_index(["place_id", "component"])


def by_category(results: list[ComponentResult]) -> pd.DataFrame:
    table = pd.DataFrame([component_row(result, SETTINGS) for result in results])
    return table.set_index(["place_id", "category"])


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    contrast = measured([WALLED, OPENED, UNMAPPED])
    return rows(
        separation_results(
            contrast.places, contrast.city, STREETS, facilities_xy_m={"school": FACILITY},
            snap_m=300.0, walk_m_min=80.0, settings=SETTINGS,
        ).results
    )  # fmt: skip


def test_parks_whose_pairs_are_too_many_are_measured_in_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    contrast = measured([OPENED, shapely.box(6000, 2000, 7000, 3000)])
    held: list[int] = []
    walking_distances = separation.walking_distances

    def counted(streets: Streets, routes: Routes) -> FloatArray:
        held.append(len(routes.limit_m))
        return walking_distances(streets, routes)

    def both() -> Separation:
        return separation_results(
            contrast.places, contrast.city, STREETS, facilities_xy_m={}, snap_m=300.0,
            walk_m_min=80.0, settings=SETTINGS,
        )  # fmt: skip

    monkeypatch.setattr(separation, "walking_distances", counted)
    together = both()
    monkeypatch.setattr(separation, "PAIRS_HELD", 1000)
    apart = both()
    assert held == [together.pairs, held[1], together.pairs - held[1]]
    assert min(held) > 1000
    assert (together.parts, apart.parts, apart.pairs) == (1, 2, together.pairs)
    pd.testing.assert_frame_equal(rows(apart.results), rows(together.results), check_exact=True)


def test_unmapped_is_not_sealed(table: pd.DataFrame) -> None:
    for component in ("porosity", "circumvention"):
        assert table.loc[("P02", component), "reason"] == "unmapped"
        assert table.loc[("P00", component), "reason"] == "few_crossings"
        assert np.isnan(table.loc[("P00", component), "observed"])


def test_open_lattice_is_no_island(table: pd.DataFrame) -> None:
    porosity = table.loc[("P01", "porosity")]
    assert porosity["status"] == "ok"
    assert porosity["observed"] == pytest.approx(9.0)
    assert porosity["p_island"] > 0.05
    around = table.loc[("P01", "circumvention")]
    assert around["observed"] == pytest.approx(1.0, abs=0.1)
    assert around["p_island"] > 0.05


def test_minutes_inside_are_compared_with_the_ring(table: pd.DataFrame) -> None:
    gap = table.loc[("P01", "access_gap")]
    # The school stands in the middle: city-block distance, and the ring lies further out.
    assert gap["inside"] == pytest.approx(500 / 80, rel=0.1)
    assert gap["observed"] < -5
    assert gap["p_island"] > 0.95
    assert table.loc[("P01", "street_density"), "inside"] == pytest.approx(20 + 2, abs=0.1)


def test_a_walled_park_with_three_gates_is_measured_and_found() -> None:
    links = [((x, 2000.0, x, 2100.0), False) for x in (2200.0, 2500.0, 2800.0)]
    kept = lattice(
        cells=100, drop=lambda x, y: any((x, y) == (a, 2050.0) for a in (2200, 2500, 2800)),
        interior=interior, extra=tuple(links),
    )  # fmt: skip
    contrast = measured([WALLED])
    found = rows(
        separation_results(
            contrast.places, contrast.city, kept, facilities_xy_m={}, snap_m=300.0,
            walk_m_min=80.0, settings=SETTINGS,
        ).results
    )  # fmt: skip
    porosity, around = found.loc[("P00", "porosity")], found.loc[("P00", "circumvention")]
    assert porosity["observed"] == pytest.approx(3 / 4)
    assert porosity["p_island"] <= 0.05
    assert around["observed"] > 1.7
    assert around["p_island"] <= 0.05


def test_nothing_is_said_of_an_indicative_boundary() -> None:
    contrast = measured([OPENED], precision_m=400.0, boundary_class="indicative")
    results = separation_results(
        contrast.places, contrast.city, STREETS, facilities_xy_m={"school": FACILITY},
        snap_m=300.0, walk_m_min=80.0, settings=SETTINGS,
    ).results  # fmt: skip
    river = np.array([shapely.box(7000, 0, 7100, 10000)], dtype=object)
    results += barrier_results(contrast.places, {"water": river}, GRID, settings=SETTINGS)
    found = rows(results)
    for component in ("porosity", "circumvention", "barriers"):
        told = set(found.loc[[("P00", component)], "reason"])
        assert told <= {"boundary_unknown", "no_barrier_data"}
        assert "boundary_unknown" in told
    gap = found.loc[("P00", "access_gap")]
    assert gap["low"] <= gap["observed"] < gap["high"]


def test_barriers_in_place_and_relocated() -> None:
    river = np.array([shapely.box(7010, 0, 7100, 10000)], dtype=object)
    rail = np.array([shapely.LineString([(0, 7020), (10000, 7020)])], dtype=object)
    contrast = measured([OPENED, WALLED])
    mapped = {"water": river, "railway": rail}
    found = by_category(barrier_results(contrast.places, mapped, GRID, settings=SETTINGS))
    assert found.loc[("P00", "water"), "observed"] == pytest.approx((1000 + 40) / 4000)
    assert found.loc[("P00", "all"), "observed"] == pytest.approx((1000 + 20 + 1000 + 10) / 4000)
    assert found.loc[("P01", "all"), "observed"] == 0.0
    # What is unmapped is no 0: it has its own row, and the whole says what it is made of.
    assert found.loc[("P00", "expressway"), "status"] == "no_data"
    assert found.loc[("P00", "all"), "basis"] == "lines: railway, water"
    raster = barrier_raster(river, GRID, near_m=30.0)
    place = contrast.places[0]
    at = place.positions
    sampled = relocated_share(place, raster)
    for number in range(0, 99, 9):
        turned = shapely.affinity.rotate(
            place.footprint.shape, at.angle_rad[number], origin=(0, 0), use_radians=True
        )
        moved = shapely.affinity.translate(turned, at.x_m[number], at.y_m[number])
        assert sampled[number] == pytest.approx(
            barrier_share(moved, list(river), near_m=30.0), abs=0.01
        )
    missing = rows(barrier_results(contrast.places, {}, GRID, settings=SETTINGS))
    assert set(missing["status"]) == {"no_data"}


def test_a_gap_on_streets_without_relocations_on_streets_gives_way_to_straight_lines() -> None:
    null, nothing = np.arange(99.0), np.full(99, np.nan)
    statistic = Statistic("access_gap", "school", 800.0, "min")
    line = ComponentResult("A", statistic, 1.0, null, basis="straight_line")
    walked = ComponentResult("A", statistic, 2.0, null)
    untested = ComponentResult("A", statistic, 2.0, nothing)
    assert best_access([walked], [line], SETTINGS) == [walked]
    estimate, beside = best_access([untested], [line], SETTINGS)
    assert estimate is line
    assert (beside.statistic.component, beside.observed, beside.reason) == (
        "walked_gap", 2.0, "few_draws",
    )  # fmt: skip
    unknown = replace(untested, observed=np.nan, reason="few_minutes")
    assert best_access([unknown], [line], SETTINGS) == [line]
    crowded = replace(line, null=np.empty(0))
    assert best_access([untested], [crowded], SETTINGS) == [untested]


def test_straight_lines_estimate_and_say_so() -> None:
    contrast = measured([OPENED])
    result = estimated_access(
        contrast.places, contrast.city, facilities_xy_m={"school": FACILITY},
        detour_factor=1.32, walk_m_min=80.0, settings=SETTINGS,
    )[0]  # fmt: skip
    assert result.basis == "straight_line"
    assert result.inside == pytest.approx(1.32 * 383 / 80, rel=0.05)


def test_a_compound_known_to_within_two_kilometres_is_not_testable_anywhere() -> None:
    disc = shapely.Point(5000, 5000).buffer(np.sqrt(39000 / np.pi))
    contrast = measured([disc], precision_m=1800.0, boundary_class="indicative")
    results = estimated_access(
        contrast.places, contrast.city, facilities_xy_m={"school": FACILITY},
        detour_factor=1.32, walk_m_min=80.0, settings=SETTINGS,
    )  # fmt: skip
    found = rows(results)
    assert found["status"].tolist() == ["not_testable"]
    assert found["observed"].isna().all()
    assert score(results, settings=SETTINGS) == []


def test_rows_are_reduced_as_numpy_does() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(50, 9))
    values[rng.uniform(size=values.shape) < 0.4] = np.nan
    values[:, 0] = 1.0
    np.testing.assert_allclose(row_medians(values), np.nanmedian(values, axis=1))
    np.testing.assert_allclose(row_means(values), np.nanmean(values, axis=1))
    nothing = np.full((1, 3), np.nan)
    assert np.isnan(row_medians(nothing)).all()
    assert np.isnan(row_means(nothing)).all()


@pytest.mark.shared
def test_half_a_street_map_measures_and_does_not_test(shared: Path) -> None:
    path = shared / "data" / "shanghai" / "shanghai_sample.osm.pbf"
    streets = read_streets(path, 32651)
    hospital = gpd.GeoSeries.from_xy([121.4546], [31.1978], crs=4326).to_crs(32651).iloc[0]
    fenglin = shapely.box(hospital.x - 500, hospital.y - 500, hospital.x + 500, hospital.y + 500)
    zhangjiang = shapely.affinity.translate(fenglin, 13200, 1700)
    grid = GridFrame(345000.0, 3440000.0, 500.0, 50, 50)
    everywhere = np.ones(grid.shape)
    contrast = measure_contrast(
        as_places([fenglin, zhangjiang]), grid=grid, facilities={"shops": 5 * everywhere},
        land_share=everywhere, eligible=everywhere > 0, density=everywhere,
        centre_xy_m=(355000.0, 3456000.0), settings=SETTINGS,
    )  # fmt: skip
    found = rows(
        separation_results(
            contrast.places, contrast.city, streets, facilities_xy_m={}, snap_m=300.0,
            walk_m_min=80.0, settings=SETTINGS,
        ).results
    )  # fmt: skip
    measured_one = found.loc[("P00", "porosity")]
    assert measured_one["status"] == "not_testable"
    assert 1 < measured_one["observed"] < 10
    assert found.loc[("P01", "porosity"), "reason"] == "no_streets"


@pytest.mark.shared
def test_a_business_block_of_porto_alegre_is_measured(shared: Path) -> None:
    streets = read_streets(shared / "data" / "porto_alegre" / "poa_osm.pbf", 32722)
    low, high = streets.node_xy_m.min(axis=0), streets.node_xy_m.max(axis=0)
    low = np.floor(low / 500) * 500
    rows_, columns = np.ceil((high - low)[::-1] / 500).astype(int)
    grid = GridFrame(float(low[0]), float(low[1]), 500.0, int(rows_), int(columns))
    cell = grid.index(streets.node_xy_m[:, 0], streets.node_xy_m[:, 1])
    nodes = np.bincount(cell[cell >= 0], minlength=rows_ * columns).reshape(grid.shape)
    centre = gpd.GeoSeries.from_xy([-51.195], [-30.03], crs=4326).to_crs(32722).iloc[0]
    park = shapely.box(centre.x - 400, centre.y - 400, centre.x + 400, centre.y + 400)
    contrast = measure_contrast(
        as_places([park]).set_crs(32722, allow_override=True), grid=grid,
        facilities={"shops": nodes}, land_share=(nodes > 0).astype(float), eligible=nodes > 10,
        density=nodes, centre_xy_m=(centre.x, centre.y), settings=SETTINGS,
    )  # fmt: skip
    results = separation_results(
        contrast.places, contrast.city, streets,
        facilities_xy_m={"square": np.array([[centre.x, centre.y]])}, snap_m=300.0,
        walk_m_min=80.0, settings=SETTINGS,
    ).results  # fmt: skip
    found = rows(results)
    around = found.loc[("P00", "circumvention")]
    assert around["status"] == "ok"
    assert 1.0 <= around["observed"] < 3.0
    assert 1.0 < around["null_median"] < 2.5
    assert found.loc[("P00", "access_gap"), "observed"] < 0


def read_streets(path: Path, epsg: int) -> Streets:
    graph = read_osm_streets(
        path, area=None, crs=CRS(epsg), rules={"walk": NetworkSettings().walk},
        walk_speed_m_min=80.0, scrap_max_km=1.0,
    )["walk"]  # fmt: skip
    return Streets.from_tables(graph.nodes, graph.edges)

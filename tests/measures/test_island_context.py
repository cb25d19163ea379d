"""Check what is said of the land inside and around a park: cover, blocks and prices."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from pipeline.measures.island_context import (
    block_hectares,
    block_results,
    cover_results,
    covered_share,
    people_results,
    price_results,
)
from pipeline.measures.island_places import measure_contrast
from pipeline.measures.island_results import ComponentResult
from pipeline.measures.island_rows import PlaceContrast
from pipeline.settings.island import IslandSettings

from .island_worlds import CENTRE, as_places, frame

SETTINGS = IslandSettings(draws=19, min_valid_draws=19, sample_points=50, ring_sensitivity_m=())
PARK = shapely.box(14000, 14000, 15000, 15000)


@pytest.fixture(scope="module")
def places() -> tuple[PlaceContrast, ...]:
    grid = frame()
    everywhere = np.ones(grid.shape)
    return measure_contrast(
        as_places([PARK]), grid=grid, facilities={"shops": everywhere}, land_share=everywhere,
        eligible=everywhere > 0, density=everywhere, centre_xy_m=CENTRE, settings=SETTINGS,
    ).places  # fmt: skip


def boxes(*bounds: tuple[float, float, float, float]) -> np.ndarray:
    return np.array([shapely.box(*each) for each in bounds], dtype=object)


def by_name(results: list[ComponentResult]) -> dict[str, ComponentResult]:
    return {one.statistic.component: one for one in results}


def test_overlapping_shapes_cover_land_once() -> None:
    shapes = boxes((14000, 14000, 14500, 15000), (14250, 14000, 14500, 15000))
    assert covered_share(PARK, shapes) == pytest.approx(0.5)


def test_cover_is_described_where_mapped_and_told_apart_from_nothing(
    places: tuple[PlaceContrast, ...],
) -> None:
    yard, town = (14000, 14000, 14100, 15000), (13000, 13000, 14000, 16000)
    mapped = {"built_form": boxes(yard, town), "green_share": boxes(yard)}
    found = by_name(cover_results(places, mapped, settings=SETTINGS))
    assert found["built_form"].inside == pytest.approx(0.1)
    assert found["built_form"].ring > 0.3
    assert found["green_share"].ring == 0.0
    assert found["green_share"].observed == pytest.approx(0.1)
    assert found["water_share"].reason == "no_cover_data"
    thin = by_name(cover_results(places, {"built_form": boxes(yard)}, settings=SETTINGS))
    assert thin["built_form"].reason == "thin_cover"


def test_a_lattice_has_blocks_of_one_hectare_and_a_closed_park_is_one_block(
    places: tuple[PlaceContrast, ...],
) -> None:
    steps = np.arange(12000, 17001, 100)
    across = [shapely.LineString([(12000, y), (17000, y)]) for y in steps]
    along = [shapely.LineString([(x, 12000), (x, 17000)]) for x in steps]
    everywhere = np.array(across + along, dtype=object)
    open_ = block_results(places, everywhere, settings=SETTINGS)[0]
    assert (open_.inside, open_.ring) == pytest.approx((1.0, 1.0))
    closed = shapely.difference(everywhere, shapely.buffer(PARK, -1))
    walled = block_results(places, closed, settings=SETTINGS)[0]
    assert walled.inside == pytest.approx(100.0)
    assert walled.observed == pytest.approx(99.0)
    assert np.isnan(block_hectares(PARK, boxes((14000, 14000, 14300, 15000)), SETTINGS))
    nothing = block_results(places, boxes()[:0], settings=SETTINGS)[0]
    assert nothing.reason == "no_streets"


def test_prices_are_compared_by_medians(places: tuple[PlaceContrast, ...]) -> None:
    inside = np.column_stack([np.linspace(14100, 14900, 5), np.full(5, 14500.0)])
    around = inside + np.array([0, 800])
    price = np.array([1, 2, 3, 4, 99, 5, 6, 6, 6, 7.0])
    xy = np.vstack([inside, around])
    told = price_results(places, xy, price, settings=SETTINGS)[0]
    assert (told.inside, told.ring, told.observed) == (3.0, 6.0, 0.5)
    assert price_results(places, xy[1:], price[1:], settings=SETTINGS)[0].reason == "few_prices"
    assert price_results(places, xy[:0], price[:0], settings=SETTINGS)[0].reason == "no_price_data"


def test_people_are_those_of_counted_points_and_nobody_counted_is_no_zero(
    places: tuple[PlaceContrast, ...],
) -> None:
    xy = np.array([[14250.0, 14500.0], [14750.0, 14500.0], [14500.0, 15300.0], [14500.0, 14500.0]])
    people = np.array([300.0, 200.0, 0.0, np.nan])
    told = people_results(places, xy, people, settings=SETTINGS)[0]
    assert (told.inside, told.ring, told.observed) == pytest.approx((5.0, 0.0, 5.0))
    blind = people_results(places, xy[[0, 1, 3]], people[[0, 1, 3]], settings=SETTINGS)[0]
    assert blind.reason == "no_people_data"
    assert np.isnan(blind.observed)

"""Hold the measures over draws to their definitions and to the slower ways of computing them."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from pipeline.measures.access_impedance import truncated_gaussian_weight
from pipeline.measures.access_pairs import cost_pairs
from pipeline.measures.access_rows import (
    Judging,
    Measured,
    Need,
    draws_of_needs,
    judged,
    long_table,
    without_unfit,
)
from pipeline.measures.catchment_family import floating_catchment_draws, floating_catchment_gaussian
from pipeline.measures.coverage_cells import weighted_summary
from pipeline.measures.uncertainty import interval_of_draws, row_quantiles
from pipeline.measures.uncertainty_footprints import (
    FootprintDraws,
    draw_footprints,
    share_within,
    site_of,
    summarise_draws,
)

CRS = "EPSG:32651"
JUDGING = Judging(0.95, 0.66)


def register() -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {
            "boundary_class": ["indicative", "surveyed", "indicative", "none"],
            "planned_area_km2": [4.0, 1.0, np.nan, np.nan],
            "precision_m": [1500.0, 10.0, 1500.0, np.nan],
            "x": [0.0, 500.0, 0.0, np.nan],
            "y": [0.0, 500.0, 0.0, np.nan],
            "same_site_as": [None, None, "K2", None],
        },
        index=pd.Index(["K2", "S1", "M5", "R1"], name="place_id"),
        geometry=[None, shapely.box(0, 0, 1000, 1000), None, None],
        crs=CRS,
    )


def drawn(frame: gpd.GeoDataFrame, draws: int = 30) -> FootprintDraws:
    return draw_footprints(
        frame,
        draws=draws,
        seed=1,
        cells_per_footprint=25,
        cells_at_most=64,
        cell_m=200.0,
        certain_cell_m=100.0,
        assumed_area_km2=1.0,
        assumed_precision_m=2000.0,
    )


def test_one_site_moves_together_and_a_place_of_its_own_does_not() -> None:
    got = drawn(register())
    k2, _, m5 = got.blocks
    centre = {
        block.position: (block.of(got.xy) * block.share[None, :, None]).sum(axis=1)
        for block in got.blocks
    }
    np.testing.assert_allclose(centre[k2.position], centre[m5.position], atol=1e-6)
    apart = drawn(register().assign(same_site_as=None))
    other = (apart.blocks[2].of(apart.xy) * apart.blocks[2].share[None, :, None]).sum(axis=1)
    assert not np.allclose(centre[k2.position], other)


def test_sites_are_linked_both_ways_and_through_others() -> None:
    frame = pd.DataFrame({"same_site_as": ["C", None, "B", "A", None]}, index=list("ABCDE"))
    assert site_of(frame).tolist() == ["A", "A", "A", "A", "E"]


@pytest.mark.parametrize("seed", range(5))
def test_summaries_of_draws_are_those_of_weighted_cells(seed: int) -> None:
    got = drawn(register())
    random = np.random.default_rng(seed)
    values = np.round(random.gamma(2.0, 10.0, got.weight.size), 1)
    values[random.random(values.size) < 0.1] = np.nan
    fast = summarise_draws(got, values)
    cells = pd.RangeIndex(values.size)
    key = pd.MultiIndex.from_arrays([got.places[got.place], got.draw])
    code, labels = pd.factorize(key)
    slow = weighted_summary(
        pd.Series(values, index=cells),
        weight=pd.Series(got.weight, index=cells),
        unit=pd.Series(code, index=cells),
        beyond=pd.Series(data=False, index=cells),
    ).set_axis(pd.MultiIndex.from_tuples(list(labels)))
    for name in ("mean", "median", "p90"):
        np.testing.assert_allclose(fast[name], slow[name].reindex(fast.index), rtol=1e-12)


def test_cells_beyond_the_search_are_larger_than_all_and_leave_no_mean() -> None:
    got = drawn(register().loc[["S1"]])
    values = np.where(np.arange(got.weight.size) < 40, 5.0, np.inf)
    summary = summarise_draws(got, values).iloc[0]
    assert summary["median"] == np.inf
    assert summary["mean"] == np.inf
    assert share_within(got, values, limits=[5.0]).iloc[0, 0] == pytest.approx(0.4)


def test_quantiles_agree_with_numpy_and_keep_infinity() -> None:
    random = np.random.default_rng(3)
    matrix = random.normal(size=(40, 31))
    matrix[random.random(matrix.shape) < 0.2] = np.nan
    shares = [0.05, 0.5, 0.95]
    np.testing.assert_allclose(
        row_quantiles(matrix, shares), np.nanquantile(matrix, shares, axis=1).T
    )
    far = interval_of_draws(
        np.array([[1.0, 2.0, np.inf], [1.0, np.inf, np.inf], [np.nan] * 3]),
        np.array([3, 3, 3]),
        interval_share=0.9,
    )
    assert far["value"].tolist()[0] == 2.0
    assert far["value"].isna().tolist() == [False, True, True]
    assert far["status"].tolist() == ["ok", "beyond_limit", "no_data"]
    assert np.isnan(far["high"].iloc[0])  # the upper end lies beyond the search


def test_a_floating_catchment_of_one_draw_is_that_of_pairs() -> None:
    random = np.random.default_rng(7)
    minutes = random.uniform(0, 60, (6, 4))
    demand, supply = random.uniform(1, 9, 6), random.uniform(1, 5, 4)
    weights = truncated_gaussian_weight(minutes, cutoff_min=30.0)
    got = floating_catchment_draws(
        weights[:, None, :],
        demands=demand[None],
        supply=supply,
        counted=np.ones((6, 4), dtype=bool),
        draw_count=np.ones(6, dtype=np.int64),
    )[0]
    table = pd.DataFrame(
        {
            "origin": np.repeat(np.arange(6), 4),
            "facility": np.tile(np.arange(4), 6),
            "minutes": minutes.ravel(),
        }
    )
    origins, facilities = pd.RangeIndex(6), pd.RangeIndex(4)
    pairs = cost_pairs(table, origins=origins, facilities=facilities, limit_min=None)
    expected = floating_catchment_gaussian(
        pairs,
        demand=pd.Series(demand, index=origins),
        supply=pd.Series(supply, index=facilities),
        cutoff_min=30.0,
    )
    np.testing.assert_allclose(got[:, 0], expected.access["access"], rtol=1e-12)


def test_splitting_a_supplier_or_turning_the_order_changes_no_catchment() -> None:
    random = np.random.default_rng(11)
    weights = random.random((5, 20, 3))
    demand, supply = random.uniform(1, 9, 5), np.array([4.0, 2.0, 1.0])
    count = np.full(5, 20)

    def access(w: np.ndarray, s: np.ndarray, order: np.ndarray) -> np.ndarray:
        every = np.ones((5, len(s)), dtype=bool)
        found = floating_catchment_draws(
            w[order], demands=demand[None, order], supply=s, counted=every, draw_count=count
        )[0]
        return found[np.argsort(order)]

    plain = access(weights, supply, np.arange(5))
    halves = access(weights[:, :, [0, 0, 1, 2]], np.array([2.0, 2.0, 2.0, 1.0]), np.arange(5))
    turned = access(weights, supply, np.arange(5)[::-1])
    np.testing.assert_allclose(halves, plain, rtol=1e-12)
    np.testing.assert_allclose(turned, plain, rtol=1e-12)
    received = (plain * demand[:, None]).sum(axis=0)
    np.testing.assert_allclose(received, supply.sum(), rtol=1e-12)


def rows(draws: FootprintDraws, minutes: float, share: float | None) -> pd.DataFrame:
    values = np.full((4, draws.most_draws), minutes)
    values[draws.counts == 0] = np.nan
    measured = None if share is None else np.full(4, share)
    item = Measured("rail", "operating", "walk", "minutes", "min", values, measured, "2026-05-19")
    need = Need("rail", "operating", "walk", "minutes", 10.0, at_most=True, standard_id="s")
    table = long_table([item], draws, interval_share=0.9)
    told = draws_of_needs([item], draws, {need.key})
    return judged(table, told, needs=[need], judging=JUDGING).set_index("place_id")


def test_rows_tell_method_interval_and_verdict() -> None:
    got = drawn(register())
    table = rows(got, 10.0, 0.5)
    assert table["method"].tolist()[:3] == ["mixed"] * 3
    assert table.loc["R1", "status"] == "no_data"
    assert table.loc["R1", ["method", "measured_share", "value"]].isna().all()
    assert table["finding"].tolist()[:3] == ["no_gap"] * 3  # exactly the threshold is within
    assert table.loc["K2", "verdict"] == "robust"
    assert pd.isna(table.loc["S1", "verdict"])  # a certain boundary
    assert rows(got, 10.1, 1.0).loc["K2", ["finding", "method"]].tolist() == [
        "gap",
        "measured_network",
    ]
    assert rows(got, 1.0, 0.0).loc["K2", "method"] == "estimated_straight_line"
    assert pd.isna(rows(got, 1.0, None).loc["K2", "method"])


def test_unfit_places_are_blank_and_draws_of_needs_are_kept() -> None:
    got = drawn(register())
    table = rows(got, 12.0, 0.0).reset_index()
    blank = without_unfit(table, pd.Series({"K2": True})).set_index("place_id")
    assert blank.loc["K2", ["status", "verdict"]].tolist() == ["not_testable"] * 2
    assert blank.loc["K2", ["value", "low", "high", "finding"]].isna().all()
    assert blank.loc["M5", "value"] == 12.0
    values = np.where(np.arange(30) < 3, np.inf, 12.0) * np.ones((4, 1))
    item = Measured("rail", "v", "walk", "m", "min", values, None, None)
    kept = draws_of_needs([item], got, {("rail", "v", "walk", "m")})
    assert len(kept) == 30 + 1 + 30
    assert kept.loc[kept["place_id"].eq("K2"), "beyond"].sum() == 3
    assert kept.loc[kept["beyond"], "value"].isna().all()

"""Hold the test to its nominal level on cities without an effect, and report its power."""

from __future__ import annotations

import logging
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from pipeline.measures.island_places import measure_contrast
from pipeline.measures.island_points import PointLayer
from pipeline.settings.island import IslandSettings

from .island_worlds import (
    CENTRE,
    cell_counts,
    clustered_points,
    frame,
    scattered_parks,
    thinned,
    within_margin,
)

logger = logging.getLogger(__name__)

CITIES = {"cells": 30, "points": 20}
PARKS = 20
SIDE_M = 1500.0
SETTINGS = IslandSettings(
    draws=199, min_valid_draws=99, ring_sensitivity_m=(), sample_points=150,
    people_serving=("shops",),
)  # fmt: skip


def one_city(seed: int, *, deficit: float, side_m: float, basis: str) -> pd.DataFrame:
    """Measure the parks of one generated city; rows that could be tested."""
    rng = np.random.default_rng(seed)
    shops = clustered_points(rng, clusters=500, per_cluster=18)
    stops = cell_counts(clustered_points(rng, clusters=700, per_cluster=8))
    parks = scattered_parks(rng, number=PARKS, side_m=side_m)
    shops = thinned(shops, parks, deficit=deficit, rng=rng)
    grid = frame()
    layer = PointLayer(shops, np.zeros(len(shops), dtype=np.int64), ("shops",))
    table = measure_contrast(
        parks, grid=grid, facilities={"shops": cell_counts(shops)} if basis == "cells" else layer,
        land_share=np.ones(grid.shape), eligible=within_margin(side_m), density=stops,
        centre_xy_m=CENTRE, settings=SETTINGS,
    ).table  # fmt: skip
    return table[(table["category"] == "shops") & (table["status"] == "ok")]


@cache
def cities(deficit: float, side_m: float, basis: str, number: int) -> pd.DataFrame:
    """Measure several cities."""
    return pd.concat(
        one_city(seed, deficit=deficit, side_m=side_m, basis=basis) for seed in range(number)
    )


def rejected(p: pd.Series) -> float:
    return float((p <= 0.05).mean())


@pytest.mark.parametrize("basis", ["cells", "points"])
def test_without_an_effect_one_park_in_twenty_is_rejected(basis: str) -> None:
    table = cities(0.0, SIDE_M, basis, CITIES[basis])
    assert len(table) > 350
    for column in ("p", "p_island"):
        share = rejected(table[column])
        logger.info("%s, %s: %.3f of %d rejected", basis, column, share, len(table))
        assert 0.025 <= share <= 0.07


def test_a_binomial_test_rejects_far_too_often() -> None:
    table = cities(0.0, SIDE_M, "points", CITIES["points"])
    inside = table["inside_count"].astype(int)
    total = inside + table["ring_count"].astype(int)
    # The park's share of the land of park and ring, as densities give it.
    ring_km2 = table["ring_count"] / table["ring"]
    share = SIDE_M**2 / 1e6 / (SIDE_M**2 / 1e6 + ring_km2)
    p = [
        stats.binomtest(a, n, q).pvalue if n > 0 and np.isfinite(q) else 1.0
        for a, n, q in zip(inside, total, share, strict=True)
    ]
    naive = rejected(pd.Series(p))
    logger.info("binomial test: %.3f of %d rejected", naive, len(p))
    assert naive > 0.15


@pytest.mark.parametrize(
    ("deficit", "least", "most"), [(0.5, 0.10, 0.35), (0.7, 0.2, 0.6), (0.9, 0.45, 0.9)]
)
def test_power_of_one_square_kilometre(deficit: float, least: float, most: float) -> None:
    table = cities(deficit, 1000.0, "points", 6)
    power = rejected(table["p_island"])
    logger.info("deficit %.0f %%: found in %.2f of %d parks", 100 * deficit, power, len(table))
    assert least <= power <= most

"""Clusters are told from chance: closed forms for the statistics, known worlds for the test."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.spatial.distance import pdist

from pipeline.measures.clusters import (
    anchor_counts,
    concentration,
    neighbour_km,
    pattern_statistics,
    points_on_land,
    ripley_k_km2,
)

CELLS = np.array([[i * 500.0 + 250, j * 500.0 + 250] for i in range(40) for j in range(40)])


def held(xy: np.ndarray, weight: np.ndarray | None = None, seed: int = 1) -> dict[str, str]:
    found = concentration(
        xy,
        cells_xy=CELLS,
        weight=np.ones(len(CELLS)) if weight is None else weight,
        cell_m=500.0,
        neighbours=(1,),
        radii_m=(2000.0,),
        draws=199,
        seed=seed,
        interval_share=0.9,
        alpha=0.05,
    )
    return dict(zip(found["statistic"], found["finding"], strict=True))


def test_neighbours_on_a_lattice_are_a_block_apart() -> None:
    lattice = np.array([[i, j] for i in range(5) for j in range(5)]) * 1000.0
    assert neighbour_km(lattice, k=1) == pytest.approx(1.0)
    assert np.isnan(neighbour_km(lattice[:2], k=2))


def test_k_counts_ordered_pairs_and_the_radius_itself_belongs() -> None:
    """Four corners of a square of 1 km: 8 ordered pairs at 1 km, 12 from its diagonal on."""
    square = np.array([[0, 0], [1000, 0], [0, 1000], [1000, 1000]], dtype=float)
    found = ripley_k_km2(square, radii_m=(999.0, 1000.0, 1500.0), area_km2=12.0)
    assert found.tolist() == pytest.approx([0.0, 8.0, 12.0])
    assert np.isnan(ripley_k_km2(square[:2], radii_m=(1.0,), area_km2=1.0)).all()


def test_many_patterns_at_once_agree_with_a_tree_and_a_plain_count() -> None:
    patterns = np.random.default_rng(2).uniform(0, 5000, (7, 9, 2))
    found = pattern_statistics(patterns, neighbours=(3, 1, 9), radii_m=(1500.0,), area_km2=25.0)
    for row, xy in zip(found, patterns, strict=True):
        near, _ = cKDTree(xy).query(xy, k=4)
        pairs = 2 * np.count_nonzero(pdist(xy) <= 1500.0)
        assert row[[0, 1, 3]] == pytest.approx(
            [near[:, 3].mean() / 1000, near[:, 1].mean() / 1000, pairs * 25.0 / 72]
        )
        assert np.isnan(row[2])  # nine points have no ninth neighbour


def test_draws_stay_on_land_and_follow_the_weights() -> None:
    weight = np.zeros(len(CELLS))
    weight[7] = 1.0
    drawn = points_on_land(
        CELLS, weight=weight, cell_m=500.0, count=200, rng=np.random.default_rng(0)
    )
    assert (np.abs(drawn - CELLS[7]) <= 250.0).all()
    assert drawn.std(axis=0) == pytest.approx([500 / np.sqrt(12)] * 2, rel=0.15)


def test_known_worlds_are_told_apart() -> None:
    rng = np.random.default_rng(4)
    gathered = rng.normal(10_000, 300, (12, 2))
    spread = np.array([[i, j] for i in range(4) for j in range(4)]) * 5000.0 + 2500
    assert set(held(gathered).values()) == {"concentrated"}
    assert held(spread)["neighbour_km"] == "dispersed"


def test_points_that_only_follow_the_city_are_not_distinct_from_it() -> None:
    """Against bare land they look gathered; against where the city is they do not."""
    weight = np.exp(-np.linalg.norm(CELLS - 10_000, axis=1) / 1500)
    xy = points_on_land(CELLS, weight=weight, cell_m=500.0, count=15, rng=np.random.default_rng(9))
    assert held(xy)["ripley_k_km2"] == "concentrated"
    assert held(xy, weight)["ripley_k_km2"] == "not_distinct"


def test_chance_itself_is_rarely_called_a_cluster() -> None:
    """At a level of 5 % about one in twenty random patterns may be distinct; more is a fault."""
    called = 0
    for seed in range(60):
        rng = np.random.default_rng(seed + 100)
        xy = points_on_land(CELLS, weight=np.ones(len(CELLS)), cell_m=500.0, count=10, rng=rng)
        called += held(xy, seed=seed)["neighbour_km"] != "not_distinct"
    assert called <= 8


def test_the_seed_decides_the_envelope() -> None:
    xy = CELLS[::200]
    first, again = (held(xy, seed=3) for _ in range(2))
    assert first == again


def test_anchors_count_within_the_radius_and_none_is_null() -> None:
    points = np.array([[0.0, 0.0], [5000.0, 0.0]])
    count, nearest = anchor_counts(points, np.array([[1000.0, 0.0], [0.0, 0.0]]), radius_m=1000.0)
    assert count.tolist() == [2, 0]
    assert nearest.tolist() == [0.0, 4000.0]
    count, nearest = anchor_counts(points, np.empty((0, 2)), radius_m=1000.0)
    assert count.tolist() == [0, 0]
    assert np.isnan(nearest).all()

"""Hold nearest, counts and gravity to their definitions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import FieldError
from pipeline.measures.access import count_within, gravity, nearest, supply_within
from pipeline.measures.access_impedance import (
    exponential_weight,
    gaussian_weight,
    impedance_weight,
    power_weight,
    stepwise_weight,
    truncated_gaussian_weight,
)
from pipeline.measures.access_pairs import CostPairs, cost_pairs
from pipeline.settings.decay import ImpedanceSettings

ORIGINS = pd.Index(["a", "b", "c", "d"])
FACILITIES = pd.Index(["h2", "h1"])


def four_origins(limit_min: float | None = 45.0) -> CostPairs:
    rows = [("a", "h1", 15.0), ("a", "h2", 30.0), ("b", "h2", 10.0), ("b", "h1", 10.0)]
    return cost_pairs(
        pd.DataFrame(rows, columns=["origin", "facility", "minutes"]),
        origins=ORIGINS,
        facilities=FACILITIES,
        limit_min=limit_min,
        origin_status=pd.Series({"d": "unsnapped"}),
    )


def test_nearest_tells_minutes_facility_and_why_nothing_was_found() -> None:
    found = nearest(four_origins())
    assert found.index.equals(ORIGINS)
    assert found["minutes"].tolist()[:2] == [15.0, 10.0]
    assert found["facility"].tolist()[:2] == ["h1", "h1"]  # b: equal times, first id
    assert found["facility"].isna().tolist() == [False, False, True, True]
    assert found["minutes"].isna().tolist() == [False, False, True, True]
    assert found["status"].tolist() == ["ok", "ok", "beyond_limit", "unsnapped"]


def test_no_facility_at_all_is_no_data_not_far() -> None:
    empty = pd.DataFrame({"origin": [], "facility": [], "minutes": []})
    pairs = cost_pairs(empty, origins=ORIGINS, facilities=pd.Index([], dtype=object))
    assert nearest(pairs)["status"].tolist() == ["no_data"] * 4


def test_a_facility_at_exactly_the_threshold_counts() -> None:
    counts = count_within(four_origins(), thresholds_min=[10, 14.999, 15, 30])
    assert counts.loc["a"].tolist() == [0, 0, 1, 2]
    assert counts.loc["b"].tolist() == [2, 2, 2, 2]
    assert counts.loc["c"].tolist() == [0, 0, 0, 0]
    assert counts.loc["d"].isna().all()


def test_a_threshold_beyond_the_search_is_refused() -> None:
    with pytest.raises(FieldError, match="60 min exceeds the search limit of 45 min"):
        count_within(four_origins(), thresholds_min=[60])
    assert count_within(four_origins(None), thresholds_min=[60]).loc["a", 60] == 2


def test_supply_within_sums_sizes_and_refuses_nulls() -> None:
    supply = pd.Series({"h1": 500.0, "h2": 20.0})
    assert supply_within(four_origins(), supply, thresholds_min=[30]).loc["a", 30] == 520
    with pytest.raises(FieldError, match="supply has 1 null"):
        supply_within(four_origins(), supply.replace(20.0, np.nan), thresholds_min=[30])


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (ImpedanceSettings(kind="exponential", half_time_min=15), 0.5 * 8 + 0.25 * 4),
        (ImpedanceSettings(kind="power", exponent=1, floor_min=1), 8 / 15 + 4 / 30),
        (
            ImpedanceSettings(kind="gaussian", scale_min=15),
            8 * np.exp(-0.5) + 4 * np.exp(-2),
        ),
    ],
)
def test_gravity_by_hand(settings: ImpedanceSettings, expected: float) -> None:
    pull = gravity(four_origins(), pd.Series({"h1": 8.0, "h2": 4.0}), impedance=settings)
    assert pull["a"] == pytest.approx(expected, rel=1e-14)
    assert pull["c"] == 0
    assert np.isnan(pull["d"])


@pytest.mark.parametrize(
    ("minutes", "weight"),
    [
        (0.0, 1.0),
        (30.0, 0.0),
        (30.000001, 0.0),
        (15.0, (np.exp(-1 / 8) - np.exp(-0.5)) / 0.3934693402873666),
    ],
)
def test_the_truncated_gaussian_by_hand(minutes: float, weight: float) -> None:
    got = truncated_gaussian_weight(np.array([minutes]), cutoff_min=30.0)[0]
    assert got == pytest.approx(weight, rel=1e-14)


def test_zone_edges_are_inclusive() -> None:
    minutes = np.array([0, 10, 10.01, 20, 30, 30.01])
    weights = stepwise_weight(minutes, edges_min=(10, 20, 30), weights=(1, 0.68, 0.22))
    assert weights.tolist() == [1, 1, 0.68, 0.68, 0.22, 0]


def test_a_power_weight_stays_finite_at_zero() -> None:
    assert power_weight(np.zeros(1), exponent=2, floor_min=0.5)[0] == 4


@given(st.lists(st.floats(0, 500), min_size=2, max_size=20).map(sorted))
def test_no_weight_rises_with_time(minutes: list[float]) -> None:
    times = np.array(minutes)
    for weight in (
        exponential_weight(times, half_time_min=15),
        power_weight(times, exponent=1.5, floor_min=1),
        gaussian_weight(times, scale_min=15),
        truncated_gaussian_weight(times, cutoff_min=30),
        stepwise_weight(times, edges_min=(10, 20), weights=(1, 0.4)),
        impedance_weight(times, impedance=ImpedanceSettings()),
    ):
        assert (np.diff(weight) <= 0).all()


@given(
    st.lists(st.floats(0, 100), min_size=1, max_size=30), st.lists(st.floats(0, 100), min_size=2)
)
def test_counts_do_not_fall_as_the_threshold_rises(
    minutes: list[float], thresholds: list[float]
) -> None:
    facilities = pd.Index(range(len(minutes)))
    rows = pd.DataFrame({"origin": "a", "facility": facilities, "minutes": minutes})
    pairs = cost_pairs(rows, origins=pd.Index(["a"]), facilities=facilities)
    counts = count_within(pairs, thresholds_min=sorted(set(thresholds))).loc["a"]
    assert counts.is_monotonic_increasing

"""Documented figures and what follows from them agree to the digit the sources print."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline.measures.comparison import (
    beside,
    compound_growth,
    grown,
    location_types,
    share_of_draws,
    target_sums,
)


def test_growth_goes_both_ways() -> None:
    rate = compound_growth(6004.3, 9847.0, years=4)
    assert rate * 100 == pytest.approx(13.16, abs=0.01)
    assert grown(6004.3, growth_share=rate, years=4) == pytest.approx(9847.0)
    assert grown(169.57, growth_share=0.09, years=5) == pytest.approx(260.9, abs=0.05)
    assert np.isnan(compound_growth(0.0, 5.0, years=4))


def test_agreement_is_told_from_difference_and_from_nothing() -> None:
    rows = [
        ("a", "", "", "km2", 3.2, 3.13),
        ("b", "", "", "km2", 454.0, 500.0),
        ("c", "", "", "km2", np.nan, 1.0),
        ("d", "", "", "km2", 1.05, 1.0),
    ]
    found = beside(rows, tolerance_share=0.0500000001)
    assert found["outcome"].tolist() == ["agrees", "differs", "no_data", "agrees"]


def test_targets_sum_by_group_and_a_dash_is_no_zero() -> None:
    targets = pd.DataFrame(
        {
            "district": ["浦东", "浦东", "宝山"],
            "target_2023_10k_m2": [46.0, 23.0, 26.0],
            "target_2024_10k_m2": [33.0, np.nan, np.nan],
        }
    )
    found = target_sums(targets, by="district", kind="district").set_index("group")
    assert found.loc["浦东", "target_10k_m2"] == 102.0
    assert np.isnan(found.loc["宝山", "target_2024_10k_m2"])
    assert found["share"].sum() == pytest.approx(1.0)


def test_a_limit_belongs_to_the_inner_ring() -> None:
    found = location_types(
        np.array([14.5, 14.51, 30.0, 46.0, np.nan]),
        limits_km=(14.5, 30.0),
        names=("central", "near", "outer"),
    )
    assert found.tolist() == ["central", "near", "near", "outer", None]


def test_shares_of_draws_know_what_is_not_stated() -> None:
    drawn = np.array([["a", "b"], ["a", "a"]], dtype=object)
    shares = share_of_draws(drawn, pd.Series(["a", None], dtype="object"))
    assert shares[0] == 0.5
    assert np.isnan(shares[1])

"""Hold gaps, the composite and its rank range to their definitions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import FieldError
from pipeline.measures.gaps import (
    composite_gap,
    normalised_gap,
    rank_range,
    service_gap,
    two_tier_test,
)

PLACES = pd.Index(["K1", "K2", "K3", "X8"])
EQUAL = {"rail": 1.0, "hospital": 1.0, "school": 1.0}


def gaps() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "rail": [0.8, 1.0, 0.1, 0.6],
            "hospital": [0.5, 1.0, 0.0, 0.0],
            "school": [0.7, 0.9, 0.2, np.nan],
        },
        index=PLACES,
    )


def ranked(frame: pd.DataFrame, **changes: object) -> pd.DataFrame:
    options = {
        "weights": EQUAL,
        "draws": 400,
        "concentration": 20.0,
        "seed": 1,
        "worst_places": 2,
        "robust_share": 0.95,
        "likely_share": 0.66,
    }
    return rank_range(frame, **(options | changes))  # type: ignore[arg-type]


def test_a_gap_is_need_minus_provision_and_keeps_nulls() -> None:
    minutes = pd.Series([45.0, 30.0, 10.0, np.nan], index=PLACES)
    late = service_gap(minutes, need=30, direction="at_most")
    assert late.tolist()[:3] == [15, 0, -20]
    share = service_gap(pd.Series([0.1, 0.5]), need=0.4, direction="at_least")
    assert share.tolist() == pytest.approx([0.3, -0.1])
    normal = normalised_gap(late, need=30, normalisation="share_of_standard", cap=1.0)
    assert normal.tolist()[:3] == [0.5, 0, 0]
    assert np.isnan(normal["X8"])


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("share_of_standard", [1.0, 0.5, 0.0]),
        ("min_max", [1.0, 0.25, 0.0]),
        ("percentile", [1.0, 0.5, 0.0]),
    ],
)
def test_normalisations_by_hand(method: str, expected: list[float]) -> None:
    got = normalised_gap(
        pd.Series([60.0, 15.0, -5.0, np.nan]),
        need=30,
        normalisation=method,  # type: ignore[arg-type]
        cap=1.0,
    )
    assert got.tolist()[:3] == pytest.approx(expected)
    assert np.isnan(got[3])


def test_a_zero_standard_cannot_be_shared_out() -> None:
    with pytest.raises(FieldError, match="positive"):
        normalised_gap(pd.Series([1.0]), need=0, normalisation="share_of_standard", cap=1)


def test_a_missing_service_is_told_and_bounded_never_zero() -> None:
    got = composite_gap(gaps(), weights=EQUAL)
    assert got["composite"].tolist()[:3] == pytest.approx([2 / 3, 2.9 / 3, 0.1])
    assert np.isnan(got.loc["X8", "composite"])
    assert got.loc["X8", ["status", "missing"]].tolist() == ["no_data", "school"]
    assert got.loc["X8", "at_least"] == pytest.approx(0.2)
    assert got.loc["X8", "at_most"] == pytest.approx(0.2 + 1 / 3)
    assert (got["missing"] == "").tolist() == [True, True, True, False]
    unweighted = composite_gap(gaps(), weights=EQUAL | {"school": 0.0})
    assert unweighted.loc["X8", "composite"] == pytest.approx(0.3)
    with pytest.raises(FieldError, match="park"):
        composite_gap(gaps(), weights={"park": 1.0})


def test_ranks_that_no_weight_can_change_are_robust() -> None:
    got = ranked(gaps())
    assert got["rank"].tolist()[:3] == [2, 1, 3]
    assert got["rank_best"].tolist()[:3] == [2, 1, 3]
    assert got["rank_worst"].tolist()[:3] == [2, 1, 3]
    assert got["finding"].tolist()[:3] == ["gap", "gap", "no_gap"]
    assert got["verdict"].tolist() == ["robust", "robust", "robust", "not_testable"]
    assert got.loc["X8", ["rank", "rank_best", "rank_worst"]].isna().all()


def test_ranks_that_hang_on_the_weights_are_told() -> None:
    frame = pd.DataFrame(
        {"rail": [1.0, 0.0, 0.5], "hospital": [0.0, 1.0, 0.5], "school": [0.5, 0.5, 0.5]}
    )
    got = ranked(frame, worst_places=1)
    assert got["rank"].tolist() == [1, 1, 1]  # equal composites share the best rank
    assert got["rank_worst"].tolist()[:2] == [3, 3]
    assert got["verdict"].tolist()[:2] == ["not_testable"] * 2


def test_the_seed_and_the_order_of_rows() -> None:
    frame = gaps()
    pd.testing.assert_frame_equal(ranked(frame), ranked(frame.iloc[::-1]).loc[PLACES])


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_a_place_worse_in_everything_never_ranks_better(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.uniform(0, 0.9, (8, 3)), columns=list(EQUAL))
    frame.loc[8] = frame.loc[0] + 0.05
    got = ranked(frame, draws=50, seed=seed)
    ranks = got[["rank", "rank_best", "rank_worst"]]
    assert (ranks.loc[8] <= ranks.loc[0]).all()
    assert (got["rank_best"] <= got["rank"]).all()
    assert (got["rank"] <= got["rank_worst"]).all()


def findings(*rows: tuple[str | None, str | None]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["finding", "verdict"], index=PLACES[: len(rows)])


def test_from_nothing_to_something_not_yet_to_good() -> None:
    basic = findings(
        ("no_gap", "robust"), ("gap", None), (None, "not_testable"), ("no_gap", "robust")
    )
    quality = findings(("gap", "likely"), ("gap", None), ("gap", "robust"), ("no_gap", None))
    got = two_tier_test(basic, quality)
    assert got["tier"].tolist()[:2] == ["basic_only", "neither"]
    assert got["tier"].isna().tolist() == [False, False, True, False]
    assert got["verdict"].tolist()[0] == "likely"
    assert pd.isna(got["verdict"].iloc[1])
    assert got["verdict"].tolist()[2:] == ["not_testable", "robust"]


def test_a_place_without_a_gap_is_never_among_the_largest() -> None:
    frame = pd.DataFrame(
        {"rail": [0.0, 0.0, 0.4], "hospital": [0.0, 0.0, 0.0], "school": [0.0, 0.0, 0.0]},
        index=["A", "B", "C"],
    )
    found = ranked(frame)
    assert found["finding"].tolist() == ["no_gap", "no_gap", "gap"]
    assert found["rank"].tolist() == [2, 2, 1]

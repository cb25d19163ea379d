"""Hold intervals and verdicts to their definitions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline.measures.uncertainty import interval, verdict, withhold

PLACES = pd.Index(["a", "b", "c", "d"])


def draws(**by_place: list[float]) -> pd.Series[float]:
    rows = [(place, i, v) for place, values in by_place.items() for i, v in enumerate(values)]
    frame = pd.DataFrame(rows, columns=["place", "draw", "value"])
    return frame.set_index(["place", "draw"])["value"].astype(float)


def test_median_and_interval_by_hand() -> None:
    values = draws(a=list(range(101)), b=[7.0], c=[np.nan, 4.0, 4.0, np.nan])
    got = interval(values, places=PLACES, interval_share=0.9)
    assert got.index.equals(PLACES)
    assert got.loc["a", ["value", "low", "high"]].tolist() == pytest.approx([50, 5, 95])
    assert got.loc["b", "value"] == 7
    assert got.loc["b", ["low", "high"]].isna().all()  # the boundary is certain
    assert got.loc["c", ["value", "measured_draws"]].tolist() == [4, 0.5]
    assert got["status"].tolist() == ["ok", "ok", "ok", "no_data"]


@pytest.mark.parametrize(
    ("far", "finding", "word"),
    [
        (200, "gap", "robust"),
        (190, "gap", "robust"),
        (189, "gap", "likely"),
        (132, "gap", "likely"),
        (131, None, "not_testable"),
        (100, None, "not_testable"),
        (68, "no_gap", "likely"),
        (10, "no_gap", "robust"),
        (0, "no_gap", "robust"),
    ],
)
@pytest.mark.parametrize("claim", ["above", "below"])
def test_verdicts_at_their_limits(far: int, finding: str | None, word: str, claim: str) -> None:
    side = 31.0 if claim == "above" else 29.0
    values = draws(a=[side] * far + [30.0] * (200 - far))  # exactly the threshold is no gap
    got = verdict(
        values,
        places=PLACES[:1],
        threshold=30,
        claim=claim,  # type: ignore[arg-type]
        robust_share=0.95,
        likely_share=0.66,
    ).loc["a"]
    assert got["verdict"] == word
    assert (got["finding"] if pd.notna(got["finding"]) else None) == finding
    assert got["gap_share"] == far / 200


def judged(values: pd.Series[float]) -> pd.DataFrame:
    return verdict(
        values, places=PLACES, threshold=30, claim="above", robust_share=0.95, likely_share=0.66
    )


def test_a_certain_boundary_has_a_finding_and_needs_no_verdict() -> None:
    got = judged(draws(a=[31.0], b=[30.0], c=[np.nan]))
    assert got["finding"].tolist()[:2] == ["gap", "no_gap"]
    assert got["verdict"].isna().tolist() == [True, True, False, False]
    assert got["verdict"].tolist()[2:] == ["not_testable"] * 2  # no value; no draw at all


def test_a_draw_without_a_value_supports_nothing() -> None:
    got = judged(draws(a=[40.0] * 94 + [np.nan] * 6))
    assert got.loc["a", "verdict"] == "likely"
    assert got.loc["a", ["gap_share", "no_gap_share"]].tolist() == [0.94, 0.0]


def test_a_point_that_is_a_station_is_withheld() -> None:
    values = draws(a=[40.0] * 20, b=[40.0] * 20)
    results = interval(values, places=PLACES, interval_share=0.9).join(judged(values))
    got = withhold(results, pd.Series({"a": True, "b": False}))
    assert got.loc["a", ["status", "verdict"]].tolist() == ["not_testable"] * 2
    assert got.loc["a", ["value", "low", "high", "gap_share", "finding"]].isna().all()
    assert got.loc["b", "value"] == 40
    assert got.loc["b", "verdict"] == "robust"

"""Chosen sites are the best there are: against every choice tried by hand, and known cases."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.measures import siting
from pipeline.measures.siting import maximal_covering, p_median, set_covering

LIMIT_S = 10.0
COSTS = st.lists(
    st.lists(st.integers(1, 40), min_size=5, max_size=5), min_size=4, max_size=6
)  # 4 to 6 places, 5 candidates


def table(rows: list[list[float]]) -> pd.DataFrame:
    return pd.DataFrame(
        rows,
        index=[f"p{i}" for i in range(len(rows))],
        columns=[f"s{j}" for j in range(len(rows[0]))],
        dtype=float,
    )


def ones(minutes: pd.DataFrame) -> pd.Series:
    return pd.Series(np.arange(1.0, len(minutes) + 1), index=minutes.index)


@settings(max_examples=25, deadline=None)
@given(COSTS, st.integers(1, 3))
def test_covering_is_the_best_of_all_choices(rows: list[list[int]], sites: int) -> None:
    minutes = table([[float(value) for value in row] for row in rows])
    weight = ones(minutes)
    found = maximal_covering(
        minutes, weight=weight, threshold_min=12.0, sites=sites, time_limit_s=LIMIT_S
    )
    covers = minutes.to_numpy() <= 12.0
    best = max(
        weight.to_numpy() @ covers[:, list(choice)].any(axis=1)
        for choice in itertools.combinations(range(5), sites)
    )
    assert found.objective == pytest.approx(best)
    assert found.gap_share == pytest.approx(0.0, abs=1e-6)
    assert weight[list(found.helped)].sum() == pytest.approx(best)


@settings(max_examples=25, deadline=None)
@given(COSTS, st.integers(1, 3))
def test_the_median_saves_the_most_of_all_choices(rows: list[list[int]], sites: int) -> None:
    minutes = table([[float(value) for value in row] for row in rows])
    weight, present = ones(minutes), pd.Series(20.0, index=minutes.index)
    found = p_median(minutes, weight=weight, present_min=present, sites=sites, time_limit_s=LIMIT_S)
    best = max(
        weight.to_numpy()
        @ np.clip(20.0 - minutes.to_numpy()[:, list(choice)].min(axis=1), 0.0, None)
        for choice in itertools.combinations(range(5), sites)
    )
    assert found.objective == pytest.approx(best)


@settings(max_examples=25, deadline=None)
@given(COSTS)
def test_the_fewest_sites_cover_all_that_can_be(rows: list[list[int]]) -> None:
    minutes = table([[float(value) for value in row] for row in rows])
    found = set_covering(minutes, threshold_min=12.0, time_limit_s=LIMIT_S)
    covers = minutes.to_numpy() <= 12.0
    wanted = covers.any(axis=1)
    if not wanted.any():
        assert found.status == "not_coverable"
        return
    fewest = next(
        size
        for size in range(1, 6)
        if any(
            covers[wanted][:, list(choice)].any(axis=1).all()
            for choice in itertools.combinations(range(5), size)
        )
    )
    assert len(found.sites) == fewest
    assert set(found.helped) == set(minutes.index[wanted])
    assert found.status == ("ok" if wanted.all() else "not_coverable")


def test_the_threshold_itself_covers_and_null_does_not() -> None:
    minutes = table([[10.0, np.nan], [np.nan, 10.001]])
    found = maximal_covering(
        minutes, weight=ones(minutes), threshold_min=10.0, sites=2, time_limit_s=LIMIT_S
    )
    assert (found.sites, found.helped) == (("s0",), ("p0",))


def test_places_without_a_present_time_promise_no_saving() -> None:
    minutes = table([[1.0], [1.0]])
    present = pd.Series([np.nan, 11.0], index=minutes.index)
    found = p_median(
        minutes, weight=ones(minutes), present_min=present, sites=1, time_limit_s=LIMIT_S
    )
    assert (found.objective, found.helped) == (20.0, ("p1",))


def test_a_site_that_helps_nobody_is_not_proposed() -> None:
    minutes = table([[5.0, 99.0]])
    present = pd.Series([1.0], index=minutes.index)
    found = p_median(
        minutes, weight=ones(minutes), present_min=present, sites=2, time_limit_s=LIMIT_S
    )
    assert (found.sites, found.objective, found.status) == ((), 0.0, "ok")
    none = maximal_covering(
        minutes.iloc[:0], weight=ones(minutes), threshold_min=1, sites=1, time_limit_s=LIMIT_S
    )
    assert none.status == "not_measurable"


def test_only_candidates_that_another_one_outdoes_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of 200 candidates taken 7 at once those stay that no other one matches everywhere."""
    monkeypatch.setattr(siting, "CANDIDATES_AT_ONCE", 7)
    saved = np.random.default_rng(5).integers(0, 4, (3, 200)).astype(float)
    kept = siting._not_outdone(saved).tolist()
    columns = [tuple(column) for column in saved.T]
    best = {
        column
        for column in columns
        if not any(other != column and all(np.greater_equal(other, column)) for other in columns)
    }
    assert {columns[number] for number in kept} == best
    assert kept == sorted(max(k for k in range(200) if columns[k] == column) for column in best)

"""Hold inequality indexes to closed forms and laws."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from pipeline.errors import FieldError
from pipeline.measures import inequality
from pipeline.measures.inequality import Sampling

SAMPLING = Sampling(draws=40, seed=1, interval_share=0.9)
gini = partial(inequality.gini, sampling=SAMPLING)
palma = partial(inequality.palma, sampling=SAMPLING)
concentration_index = partial(inequality.concentration_index, sampling=SAMPLING)

cases = st.lists(st.tuples(st.floats(0.01, 1e4), st.integers(1, 50)), min_size=2, max_size=30).map(
    lambda rows: pd.DataFrame(rows, columns=["value", "weight"]).astype(float)
)


def ones(values: pd.Series[float]) -> pd.Series[float]:
    return pd.Series(1.0, index=values.index)


@pytest.mark.parametrize(
    ("values", "weight", "expected"),
    [
        ([5, 5, 5], [1, 2, 3], 0.0),
        ([0, 0, 0, 8], [1, 1, 1, 1], 0.75),  # one holds all: (n - 1) / n
        ([0, 1], [9, 1], 0.9),
        ([1, 2, 3, 4], [1, 1, 1, 1], 0.25),
    ],
)
def test_gini_by_hand(values: list[float], weight: list[float], expected: float) -> None:
    got = gini(pd.Series(values, dtype=float), weight=pd.Series(weight, dtype=float))
    assert got.value == pytest.approx(expected, abs=1e-12)
    assert got.status == "ok"


def test_palma_by_hand_splits_the_people_a_limit_cuts() -> None:
    equal = pd.Series([3.0] * 10)
    assert palma(equal, people=ones(equal)).value == pytest.approx(0.25)
    steps = pd.Series(np.arange(1.0, 11.0))
    assert palma(steps, people=ones(steps)).value == pytest.approx(10 / (1 + 2 + 3 + 4))
    two = pd.Series([1.0, 9.0])  # the top tenth is a fifth of the upper half
    got = palma(two, people=pd.Series([50.0, 50.0])).value
    assert got == pytest.approx((9 * 0.1) / (1 * 0.4))


def test_concentration_by_hand() -> None:
    rank = pd.Series([1.0, 2.0, 3.0, 4.0])
    top = pd.Series([0.0, 0.0, 0.0, 8.0])
    assert concentration_index(top, ranking=rank, weight=ones(top)).value == pytest.approx(0.75)
    assert concentration_index(top, ranking=-rank, weight=ones(top)).value == pytest.approx(-0.75)
    level = pd.Series([1.0, 1.0, 1.0, 1.0])
    assert concentration_index(top, ranking=level, weight=ones(top)).value == pytest.approx(0)


@given(cases)
@settings(max_examples=50, deadline=None)
def test_laws_of_the_indexes(case: pd.DataFrame) -> None:
    value, weight = case["value"], case["weight"]
    base = gini(value, weight=weight).value
    assert -1e-12 <= base < 1
    assert gini(value * 60, weight=weight * 7).value == pytest.approx(base, abs=1e-9)
    repeated = case.loc[case.index.repeat(case["weight"].astype(int))].reset_index(drop=True)
    assert gini(repeated["value"], weight=ones(repeated["value"])).value == pytest.approx(
        base, abs=1e-9
    )
    own = concentration_index(value, ranking=value, weight=weight).value
    assert own == pytest.approx(base, abs=1e-9)  # ranked by itself it is the gini
    assert palma(value, people=weight).value >= 0.25 - 1e-12


def test_nulls_are_left_out_and_counted_never_zero() -> None:
    values = pd.Series([1.0, 2.0, 3.0, 4.0, np.nan])
    rank = pd.Series([1.0, 2.0, 3.0, np.nan, 5.0])
    assert gini(values, weight=ones(values)).value == pytest.approx(0.25)
    assert gini(values, weight=ones(values)).left_out == 1
    assert concentration_index(values, ranking=rank, weight=ones(values)).observations == 3
    nothing = pd.Series([np.nan, 0.0])
    for index in (gini(nothing, weight=ones(nothing)), palma(nothing, people=ones(nothing))):
        assert np.isnan(index.value)
        assert index.status == "not_measurable"
    bottom_empty = pd.Series([0.0, 0.0, 0.0, 1.0])
    assert palma(bottom_empty, people=ones(bottom_empty)).status == "not_measurable"


def test_negatives_are_refused() -> None:
    with pytest.raises(FieldError, match="negative"):
        gini(pd.Series([-1.0, 2.0]), weight=pd.Series([1.0, 1.0]))


def correlate(values: pd.Series[float], ranking: pd.Series[float]) -> tuple[float, ...]:
    got = inequality.rank_correlation(values, ranking=ranking, sampling=Sampling(500, 1, 0.9))
    return got.value, got.low, got.high


def test_rank_correlation_agrees_with_scipy_and_brackets_it() -> None:
    rng = np.random.default_rng(5)
    ranking = pd.Series(rng.integers(1, 6, 40).astype(float))
    values = ranking + rng.normal(0, 1.5, 40)
    value, low, high = correlate(values, ranking)
    assert value == pytest.approx(spearmanr(values, ranking).statistic, abs=1e-12)
    assert low < value < high
    order = rng.permutation(40)
    assert correlate(values.iloc[order], ranking.iloc[order]) == pytest.approx((value, low, high))


def test_rank_correlation_needs_four_pairs_that_vary() -> None:
    assert np.isnan(correlate(pd.Series([1.0, 2, 3]), pd.Series([1.0, 2, 3]))[0])
    assert np.isnan(correlate(pd.Series([1.0, 2, 3, 4]), pd.Series([7.0] * 4))[0])
    value, low, high = correlate(pd.Series([1.0, 2, 3, 4, 5]), pd.Series([2.0, 4, 6, 8, 9]))
    assert (value, high) == pytest.approx((1, 1))
    assert low == pytest.approx(1)


def test_an_interval_narrows_with_the_places_and_does_not_hang_on_their_order() -> None:
    rng = np.random.default_rng(11)
    widths = []
    for count in (40, 4000):
        values = pd.Series(rng.gamma(2.0, 10.0, count))  # the gini of gamma(2) is 3/8
        people = pd.Series(rng.uniform(1.0, 9.0, count))
        got = inequality.gini(values, weight=people, sampling=Sampling(400, 3, 0.9))
        assert got.low < 0.375 < got.high
        assert got.low < got.value < got.high
        turned = inequality.gini(values[::-1], weight=people[::-1], sampling=Sampling(400, 3, 0.9))
        assert (turned.low, turned.high) == pytest.approx((got.low, got.high), abs=1e-12)
        widths.append(got.high - got.low)
    assert widths[0] / widths[1] == pytest.approx(10.0, rel=0.35)  # as one over the root of n
    few = gini(pd.Series([1.0, 2.0, 3.0]), weight=pd.Series([1.0, 1.0, 1.0]))
    assert np.isnan(few.low)  # three places tell nothing of others
    table = inequality.spread_among_people(
        values, people=people, kind="residents", sampling=SAMPLING
    )
    assert table["index"].tolist() == ["gini", "palma"]
    assert table["low"].lt(table["value"]).all()
    assert table["value"].lt(table["high"]).all()

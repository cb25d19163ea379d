"""Check effective kinds and rarefaction against small cases and against sampling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.measures.diversity import hill_number, rarefied_hill


def test_even_kinds_count_fully() -> None:
    np.testing.assert_allclose(hill_number(np.array([[3.0, 3, 3, 3], [7, 0, 0, 0]])), [4.0, 1.0])


def test_nothing_has_no_diversity() -> None:
    assert np.isnan(hill_number(np.zeros((1, 3)))).all()


def test_one_facility_is_one_kind_and_all_give_the_whole() -> None:
    counts = np.array([[5.0, 3, 2], [5, 3, 2]])
    result = rarefied_hill(counts, np.array([1, 10]))
    np.testing.assert_allclose(result, [1.0, hill_number(counts[0])])


def test_two_of_two_pairs_by_hand() -> None:
    # From {a, a, b, b} two are alike with chance 1/3 (1 kind, entropy 0), else entropy log 2.
    result = rarefied_hill(np.array([[2.0, 2.0]]), np.array([2]))
    assert result[0] == pytest.approx(np.exp(2 / 3 * np.log(2)))


def test_more_than_there_is_cannot_be_drawn() -> None:
    assert np.isnan(rarefied_hill(np.array([[2.0, 1.0]]), np.array([4]))).all()


def test_agrees_with_random_subsampling() -> None:
    counts, size = np.array([30, 12, 5, 2, 1]), 17
    kinds = np.repeat(np.arange(5), counts)
    rng = np.random.default_rng(11)
    drawn = np.array(
        [np.bincount(rng.choice(kinds, size, replace=False), minlength=5) for _ in range(4000)]
    )
    sampled = np.exp(np.log(hill_number(drawn.astype(float))).mean())
    analytic = rarefied_hill(counts[None].astype(float), np.array([size]))[0]
    assert analytic == pytest.approx(sampled, rel=0.01)


@given(st.lists(st.integers(0, 40), min_size=2, max_size=6).filter(lambda x: sum(x) >= 2))
def test_larger_samples_never_hold_fewer_kinds(counts: list[int]) -> None:
    sizes = np.arange(1, sum(counts) + 1)
    repeated = np.tile(np.array(counts, dtype=float), (len(sizes), 1))
    result = rarefied_hill(repeated, sizes)
    assert (np.diff(result) >= -1e-9).all()
    assert result[-1] <= np.count_nonzero(counts) + 1e-9

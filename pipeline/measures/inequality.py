"""Measure how unequally access is spread, and whether it follows a ranking."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.errors import FieldError, Problem
from pipeline.measures.access_pairs import OK, FloatArray, floats

NOT_MEASURABLE = "not_measurable"
MIN_RANKED = 4  # below four pairs a rank correlation takes only a handful of values


@dataclass(frozen=True)
class Spread:
    """One index: its value (null when not measurable), an interval where one exists, its base.

    `observations` is how many places or cells had a value and a weight; `left_out` how many had
    none and were left out (null is not zero).
    """

    value: float
    low: float
    high: float
    observations: int
    left_out: int
    status: str


def gini(values: pd.Series[float], *, weight: pd.Series[float]) -> Spread:
    """Compute the weighted Gini coefficient, the Lorenz curve joined by straight lines.

    Parameters
    ----------
    values
        Access by place or cell, not negative.
    weight
        Residents, workers or area, on the same index.

    Raises
    ------
    FieldError
        When a value or weight is negative.
    """
    amount, mass, left_out = _complete(values, weight)
    if not amount.size or amount @ mass <= 0:
        return _unmeasured(amount.size, left_out)
    people, share = _lorenz(amount, mass)
    area = float(np.diff(people) @ (share[1:] + share[:-1]) / 2.0)
    return _plain(1.0 - 2.0 * area, amount.size, left_out)


def palma(values: pd.Series[float], *, people: pd.Series[float]) -> Spread:
    """Compute the Palma ratio: what the top tenth of people hold over the bottom four tenths.

    The people in the band that a limit cuts are split. Not measurable when the bottom holds
    nothing. Weights must be people: a ratio of land has no meaning here.
    """
    amount, mass, left_out = _complete(values, people)
    if not amount.size or amount @ mass <= 0:
        return _unmeasured(amount.size, left_out)
    shares = np.interp([0.4, 0.9], *_lorenz(amount, mass))
    if shares[0] <= 0:
        return _unmeasured(amount.size, left_out)
    return _plain(float((1.0 - shares[1]) / shares[0]), amount.size, left_out)


def concentration_index(
    values: pd.Series[float], *, ranking: pd.Series[float], weight: pd.Series[float]
) -> Spread:
    """Compute the concentration index of a value over a ranking other than itself.

    C = 2 cov_w(h, R) / mean_w(h), R the fractional rank; places of one rank share the middle of
    their band. Positive: concentrated at the high end of the ranking; 0: does not follow it
    (Kakwani, Wagstaff and van Doorslaer 1997, 10.1016/S0304-4076(96)01807-6).

    Parameters
    ----------
    values
        Provision by place, not negative.
    ranking
        Larger is higher (strategic tier, planned floor area); ties allowed.
    weight
        Weight of each place (1 for a plain index).
    """
    kept = ranking.reindex(values.index).notna()
    amount, mass, left_out = _complete(values.where(kept), weight)
    rank_of = floats(ranking.reindex(values.index))[_has(values.where(kept), weight)]
    if not amount.size or amount @ mass <= 0:
        return _unmeasured(amount.size, left_out)
    mass = mass / mass.sum()
    level, group = np.unique(rank_of, return_inverse=True)
    band = np.bincount(group, weights=mass, minlength=level.size)
    rank = (np.cumsum(band) - band / 2.0)[group]
    mean = float(amount @ mass)
    covariance = float(((amount - mean) * mass) @ (rank - 0.5))
    return _plain(2.0 * covariance / mean, amount.size, left_out)


def rank_correlation(
    values: pd.Series[float],
    *,
    ranking: pd.Series[float],
    draws: int,
    seed: int,
    interval_share: float,
) -> Spread:
    """Compute Spearman's rank correlation with a percentile bootstrap interval over places.

    Parameters
    ----------
    values, ranking
        Two orderings of the same places; pairs with a null are left out.
    draws, seed
        Number and seed of the bootstrap samples.
    interval_share
        Share of the samples inside the interval.

    Returns
    -------
    Spread
        Not measurable with fewer than four pairs or when one side does not vary. Samples in which
        a side does not vary take no part in the interval.
    """
    first, second = floats(values), floats(ranking.reindex(values.index))
    known = np.isfinite(first) & np.isfinite(second)
    pair = np.column_stack((first, second))[known]
    left_out = int((~known).sum())
    value = _spearman(pair[None])[0] if len(pair) >= MIN_RANKED else np.nan
    if np.isnan(value):
        return _unmeasured(len(pair), left_out)
    order = np.lexsort((pair[:, 1], pair[:, 0]))  # the order of rows must not matter
    chosen = np.random.default_rng(seed).integers(0, len(pair), (draws, len(pair)))
    sampled = _spearman(pair[order][chosen])
    tail = (1.0 - interval_share) / 2.0
    low, high = np.nanquantile(sampled, [tail, 1.0 - tail])
    return Spread(float(value), float(low), float(high), len(pair), left_out, OK)


def _spearman(pairs: FloatArray) -> FloatArray:
    """Correlate ranks for each sample of shape (samples, pairs, 2); null without variation."""
    from scipy.stats import rankdata

    ranks = rankdata(pairs, axis=1)
    centred = ranks - ranks.mean(axis=1, keepdims=True)
    product = (centred[:, :, 0] * centred[:, :, 1]).sum(axis=1)
    size = np.sqrt((centred**2).sum(axis=1).prod(axis=1))
    result = np.full(len(pairs), np.nan)
    np.divide(product, size, out=result, where=size > 0)
    return result


def _lorenz(amount: FloatArray, mass: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Cumulate shares of people and of what they hold, from the poorest; both start at 0."""
    order = np.argsort(amount, kind="stable")
    people = np.r_[0.0, np.cumsum(mass[order])]
    held = np.r_[0.0, np.cumsum((amount * mass)[order])]
    return people / people[-1], held / held[-1]


def _complete(
    values: pd.Series[float], weight: pd.Series[float]
) -> tuple[FloatArray, FloatArray, int]:
    """Keep what has a value and a weight, and refuse negatives."""
    known = _has(values, weight)
    amount, mass = floats(values)[known], floats(weight.reindex(values.index))[known]
    if (amount < 0).any() or (mass < 0).any():
        raise FieldError(
            Problem(
                zh="不平等指标的数值或权重为负",
                en="a value or weight of an inequality index is negative",
                rule="inequality",
            )
        )
    return amount, mass, int((~known).sum())


def _has(values: pd.Series[float], weight: pd.Series[float]) -> np.ndarray:
    return np.isfinite(floats(values)) & np.isfinite(floats(weight.reindex(values.index)))


def _plain(value: float, observations: int, left_out: int) -> Spread:
    return Spread(value, np.nan, np.nan, observations, left_out, OK)


def _unmeasured(observations: int, left_out: int) -> Spread:
    return Spread(np.nan, np.nan, np.nan, observations, left_out, NOT_MEASURABLE)

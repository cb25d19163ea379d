"""Measure how unequally access is spread, and whether it follows a ranking."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.errors import FieldError, Problem
from pipeline.measures.access_pairs import OK, FloatArray, floats

NOT_MEASURABLE = "not_measurable"
ELEMENTS_PER_CHUNK = 2_000_000
INEQUALITY_COLUMNS = (
    "service", "variant", "mode", "measure", "index", "ranking", "weight", "value", "low", "high",
    "observations", "left_out", "status",
)  # fmt: skip
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


@dataclass(frozen=True)
class Sampling:
    """A percentile bootstrap: samples, seed, and share of them inside the interval.

    The samples of so many places are drawn once, for all that is measured of them.
    """

    draws: int
    seed: int
    interval_share: float
    _drawn: dict[int, NDArray[np.uint16]] = field(
        init=False, default_factory=dict, repr=False, compare=False
    )

    def resamples(self, size: int) -> Iterator[NDArray[np.uint16]]:
        """Yield how often each of some places is in each sample, some samples at a time."""
        if size not in self._drawn:
            self._drawn.clear()  # of one size at a time: a city's homes fill tens of megabytes
            self._drawn[size] = self._draw(size)
        at_once = max(1, ELEMENTS_PER_CHUNK // size)
        for first in range(0, self.draws, at_once):
            yield self._drawn[size][first : first + at_once]

    def _draw(self, size: int) -> NDArray[np.uint16]:
        """Draw the samples."""
        random, even = np.random.default_rng(self.seed), np.full(size, 1.0 / size)
        found = np.empty((self.draws, size), dtype=np.uint16)
        for first in range(0, self.draws, 100):
            part = found[first : first + 100]
            part[:] = random.multinomial(size, even, size=len(part))
        return found


def gini(values: pd.Series[float], *, weight: pd.Series[float], sampling: Sampling) -> Spread:
    """Compute the weighted Gini coefficient, the Lorenz curve joined by straight lines.

    Parameters
    ----------
    values
        Access by place or cell, not negative.
    weight
        Residents, workers or area, on the same index.
    sampling
        Bootstrap over places or cells, for the interval.

    Raises
    ------
    FieldError
        When a value or weight is negative.
    """
    return _bootstrapped(values, weight, None, _ginis, sampling)


def palma(values: pd.Series[float], *, people: pd.Series[float], sampling: Sampling) -> Spread:
    """Compute the Palma ratio: what the top tenth of people hold over the bottom four tenths.

    The people in the band that a limit cuts are split. Not measurable when the bottom holds
    nothing. Weights must be people: a ratio of land has no meaning here.
    """
    return _bootstrapped(values, people, None, _palmas, sampling)


def concentration_index(
    values: pd.Series[float],
    *,
    ranking: pd.Series[float],
    weight: pd.Series[float],
    sampling: Sampling,
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
    sampling
        Bootstrap over places, for the interval.
    """
    return _bootstrapped(values, weight, ranking, _concentrations, sampling)


def spread_among_people(
    values: pd.Series[float],
    *,
    people: pd.Series[float],
    kind: str,
    sampling: Sampling,
) -> pd.DataFrame:
    """Give Gini and Palma of what each resident, or worker, has (`kind`).

    Returns
    -------
    pandas.DataFrame
        `index`, `ranking` (null), `weight` (the kind), `value`, `low`, `high`, `observations`
        (homes), `left_out`, `status`.
    """
    found = {
        "gini": gini(values, weight=people, sampling=sampling),
        "palma": palma(values, people=people, sampling=sampling),
    }
    rows = [{"index": name, "ranking": None, "weight": kind, **vars(spread)}
            for name, spread in found.items()]  # fmt: skip
    return pd.DataFrame(rows)


def rank_correlation(
    values: pd.Series[float],
    *,
    ranking: pd.Series[float],
    sampling: Sampling,
) -> Spread:
    """Compute Spearman's rank correlation with a percentile bootstrap interval over places.

    Parameters
    ----------
    values, ranking
        Two orderings of the same places; pairs with a null are left out.
    sampling
        Bootstrap over places.

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
    chosen = np.random.default_rng(sampling.seed).integers(
        0, len(pair), (sampling.draws, len(pair))
    )
    sampled = _spearman(pair[order][chosen])
    tail = (1.0 - sampling.interval_share) / 2.0
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


def _bootstrapped(
    values: pd.Series[float],
    weight: pd.Series[float],
    ranking: pd.Series[float] | None,
    index: Callable[[FloatArray, FloatArray, FloatArray], FloatArray],
    sampling: Sampling,
) -> Spread:
    """Compute an index and its percentile interval over resampled places or cells."""
    ranked = pd.Series(0.0, index=values.index) if ranking is None else ranking
    kept = values.where(ranked.reindex(values.index).notna())
    amount, mass, left_out = _complete(kept, weight)
    rank = floats(ranked.reindex(values.index))[_has(kept, weight)]
    if not amount.size or amount @ mass <= 0:
        return _unmeasured(amount.size, left_out)
    order = np.lexsort((mass, rank, amount))  # the order of rows must not matter
    amount, mass, rank = amount[order], mass[order], rank[order]
    value = float(index(amount, mass[None, :], rank)[0])
    if np.isnan(value):
        return _unmeasured(amount.size, left_out)
    sampled = [index(amount, mass * often, rank) for often in sampling.resamples(amount.size)]
    tail = (1.0 - sampling.interval_share) / 2.0
    known = np.concatenate(sampled)
    known = known[~np.isnan(known)]
    # Resampling two or three places says nothing of others.
    told = known.size > 0 and amount.size >= MIN_RANKED
    low, high = np.quantile(known, [tail, 1.0 - tail]) if told else (np.nan, np.nan)
    return Spread(value, float(low), float(high), amount.size, left_out, OK)


def _lorenz(amount: FloatArray, mass: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Cumulate shares of people and of what they hold, from the poorest; both start at 0.

    `amount` is in order; `mass` has one row for each sample. Null where a sample holds nothing.
    """
    nothing = np.zeros((len(mass), 1))
    people = np.hstack((nothing, np.cumsum(mass, axis=1)))
    held = np.hstack((nothing, np.cumsum(amount * mass, axis=1)))
    with np.errstate(invalid="ignore", divide="ignore"):
        return people / people[:, -1:], held / np.where(held[:, -1:] > 0, held[:, -1:], np.nan)


def _ginis(amount: FloatArray, mass: FloatArray, _: FloatArray) -> FloatArray:
    people, share = _lorenz(amount, mass)
    area = (np.diff(people, axis=1) * (share[:, 1:] + share[:, :-1])).sum(axis=1) / 2.0
    return np.asarray(1.0 - 2.0 * area, dtype=np.float64)


def _palmas(amount: FloatArray, mass: FloatArray, _: FloatArray) -> FloatArray:
    ratios = []
    for people, share in zip(*_lorenz(amount, mass), strict=True):
        bottom, below_top = np.interp([0.4, 0.9], people, share)
        ratios.append((1.0 - below_top) / bottom if bottom > 0 else np.nan)
    return np.asarray(ratios, dtype=np.float64)


def _concentrations(amount: FloatArray, mass: FloatArray, ranking: FloatArray) -> FloatArray:
    share = mass / mass.sum(axis=1, keepdims=True)
    level, group = np.unique(ranking, return_inverse=True)
    band = share @ (group[:, None] == np.arange(level.size)).astype(np.float64)
    rank = (np.cumsum(band, axis=1) - band / 2.0)[:, group]
    mean = share @ amount
    covariance = ((amount - mean[:, None]) * share * (rank - 0.5)).sum(axis=1)
    index = np.full(len(mass), np.nan)
    np.divide(2.0 * covariance, mean, out=index, where=mean > 0)
    return index


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


def _unmeasured(observations: int, left_out: int) -> Spread:
    return Spread(np.nan, np.nan, np.nan, observations, left_out, NOT_MEASURABLE)

"""Measure how many kinds of function a set of facilities holds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

FloatArray = NDArray[np.float64]


def hill_number(counts: FloatArray) -> FloatArray:
    """
    Count the effective number of kinds: the Hill number of order 1.

    Parameters
    ----------
    counts
        Facilities by kind, shape (..., kinds); non-negative.

    Returns
    -------
    exp of the Shannon entropy, shape (...); NaN where the total is zero. Hill (1973), Ecology 54.
    """
    counts = np.asarray(counts, dtype=np.float64)
    total = counts.sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = counts / total
        terms = np.where(share > 0, share * np.log(share), 0.0)
    return np.where(total[..., 0] > 0, np.exp(-terms.sum(axis=-1)), np.nan)


def rarefied_hill(counts: FloatArray, sample: NDArray[np.int64]) -> FloatArray:
    """
    Give the Hill number of order 1 that a random subsample of a given size is expected to show.

    The expected number f_k of kinds with k members in a subsample of m out of n is
    hypergeometric; the value is exp(-sum_k k/m log(k/m) f_k): Chao et al. (2014), Ecological
    Monographs 84, equation for interpolation at q = 1. No random numbers are involved.

    Parameters
    ----------
    counts
        Facilities by kind, shape (rows, kinds); rounded to whole facilities.
    sample
        Subsample size m of each row, shape (rows,).

    Returns
    -------
    effective kinds, shape (rows,); NaN where m is below 1 or above the row's total.
    """
    whole = np.rint(np.asarray(counts, dtype=np.float64)).astype(np.int64)
    total = whole.sum(axis=1)
    size = np.asarray(sample, dtype=np.int64)
    usable = (size >= 1) & (size <= total)
    result = np.full(len(whole), np.nan)
    if not usable.any():
        return result
    entropy = _expected_entropy(whole[usable], total[usable], size[usable])
    result[usable] = np.exp(entropy)
    return result


def _expected_entropy(
    whole: NDArray[np.int64], total: NDArray[np.int64], size: NDArray[np.int64]
) -> FloatArray:
    log_factorial = gammaln(np.arange(int(total.max()) + 1) + 1.0)
    k = np.arange(1, int(size.max()) + 1)
    count = whole[:, :, None]
    rest = (total[:, None] - whole)[:, :, None]
    drawn = size[:, None, None]
    possible = (k <= count) & (k <= drawn) & (drawn - k <= rest)
    # What is not possible is read from anywhere and left out below.
    others = np.maximum(drawn - k, 0)
    log_ways = (
        log_factorial[count]
        - log_factorial[k]
        - log_factorial[np.maximum(count - k, 0)]
        + log_factorial[rest]
        - log_factorial[others]
        - log_factorial[np.maximum(rest - others, 0)]
    )
    log_all = log_factorial[total] - log_factorial[size] - log_factorial[total - size]
    log_chance = np.where(possible, log_ways - log_all[:, None, None], -np.inf)
    kinds_with_k = np.exp(log_chance).sum(axis=1)
    share = np.minimum(k[None, :] / size[:, None], 1.0)
    result: FloatArray = -(share * np.log(share) * kinds_with_k).sum(axis=1)
    return result

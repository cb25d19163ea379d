"""Set need against provision, service by service, then together with the rank it can have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd

from pipeline.errors import FieldError, Problem
from pipeline.measures.access_pairs import OK, FloatArray, floats
from pipeline.measures.standards import Direction
from pipeline.measures.uncertainty import GAP, LIKELY, NO_GAP, NOT_TESTABLE, ROBUST, judge

Normalisation = Literal["share_of_standard", "min_max", "percentile"]

INCOMPLETE = "no_data"
TIERS = {
    (NO_GAP, NO_GAP): "basic_and_quality",
    (NO_GAP, GAP): "basic_only",
    (GAP, NO_GAP): "quality_only",
    (GAP, GAP): "neither",
}


def service_gap(
    provision: pd.Series[float], *, need: float, direction: Direction
) -> pd.Series[float]:
    """Compute need minus provision on a standard, in the standard's unit.

    Parameters
    ----------
    provision
        What a place has (minutes to the nearest, a share covered, a count); null stays null.
    need
        The standard chosen.
    direction
        `at_least`: gap = need - provision; `at_most` (minutes, metres): gap = provision - need,
        the time by which the standard is missed.

    Returns
    -------
    pandas.Series
        On the caller's index; positive is a gap, negative a margin.
    """
    signed = need - provision if direction == "at_least" else provision - need
    return signed.rename("gap")


def normalised_gap(
    gap: pd.Series[float], *, need: float, normalisation: Normalisation, cap: float
) -> pd.Series[float]:
    """Bring a gap to [0, 1]; a margin counts 0, null stays null.

    Parameters
    ----------
    gap
        Signed gap by place, in the standard's unit.
    need
        The standard, larger than 0.
    normalisation
        `share_of_standard`: the part of the standard that is missing, at most `cap`, divided by
        `cap` (does not depend on which other places there are); `min_max`: over the largest gap;
        `percentile`: mean rank among the places with a value.
    cap
        Share of the standard at which a gap counts fully.

    Raises
    ------
    FieldError
        When the standard is not positive.
    """
    short = gap.clip(lower=0.0)
    if normalisation == "share_of_standard":
        if not need > 0:
            raise FieldError(
                Problem(zh="标准值须大于零", en="the standard must be positive", rule="need")
            )
        return (short / need).clip(upper=cap) / cap
    if normalisation == "min_max":
        largest = short.max()
        return short / largest if largest > 0 else short
    known = int(short.notna().sum())
    rank = short.rank(method="average") - 1.0
    return rank / (known - 1) if known > 1 else rank


def composite_gap(gaps: pd.DataFrame, *, weights: Mapping[str, float]) -> pd.DataFrame:
    """Join normalised gaps into one, without inventing what is missing.

    Parameters
    ----------
    gaps
        Normalised gaps in [0, 1], one column per service, null where unknown.
    weights
        Weight of each service (column).

    Returns
    -------
    pandas.DataFrame
        On the index of `gaps`: `composite` (weighted mean; null when a service with weight is
        missing), `at_least` and `at_most` (what it would be if the missing services had no gap, or
        the fullest), `missing` (their names, joined by `;`) and `status` (`ok` or `no_data`).

    Raises
    ------
    FieldError
        When a weight names no column.
    """
    share = _shares(gaps, weights)
    used = gaps[list(weights)]
    matrix = used.to_numpy(dtype=np.float64)
    unknown = np.isnan(matrix) & (share > 0)
    known = np.nan_to_num(matrix) @ share
    missing_share = unknown @ share
    complete = ~unknown.any(axis=1)
    names = np.array(list(weights), dtype=object)
    return pd.DataFrame(
        {
            "composite": np.where(complete, known, np.nan),
            "at_least": known,
            "at_most": known + missing_share,
            "missing": [";".join(names[row]) for row in unknown],
            "status": np.where(complete, OK, INCOMPLETE),
        },
        index=gaps.index,
    )


def rank_range(
    gaps: pd.DataFrame,
    *,
    weights: Mapping[str, float],
    draws: int,
    concentration: float,
    seed: int,
    worst_places: int,
    robust_share: float,
    likely_share: float,
) -> pd.DataFrame:
    """Rank places by composite gap and tell how far the rank depends on the weights.

    Weights tried: those set, equal ones, each service dropped in turn, and random ones from a
    Dirichlet distribution around those set. Rank 1 has the largest gap; equal gaps share the best
    rank. Places with a missing service are not ranked.

    Parameters
    ----------
    gaps, weights
        As in :func:`composite_gap`.
    draws, concentration, seed
        Number, concentration (larger stays closer to the weights set) and seed of random weights.
    worst_places
        Length k of the list that the verdict is about.
    robust_share, likely_share
        Shares of the random weights from which "among the k largest gaps" is robust, or likely.

    Returns
    -------
    pandas.DataFrame
        On the index of `gaps`: `rank`, `rank_best` and `rank_worst` over all weights tried,
        `rank_p05` and `rank_p95` over the random ones, `gap_share` and `no_gap_share` (of the
        random weights, for and against being among the k largest, which a gap of 0 never is),
        `finding` and `verdict`.
    """
    share = _shares(gaps, weights)
    composite = composite_gap(gaps, weights=weights)
    complete = (composite["status"] == OK).to_numpy()
    matrix = np.nan_to_num(gaps.loc[complete, list(weights)].to_numpy(dtype=np.float64))
    random = np.random.default_rng(seed).dirichlet(concentration * share[share > 0], draws)
    tried = np.zeros((draws, share.size))
    tried[:, share > 0] = random
    random_ranks = _ranks(matrix @ tried.T)
    stated_ranks = _ranks(matrix @ _stated_weights(share).T)
    every = np.concatenate((stated_ranks, random_ranks), axis=1)
    # A place that misses nothing is not among the largest gaps, however few places have one.
    among = ((random_ranks <= worst_places) & (matrix @ tried.T > 0)).mean(axis=1)
    index = gaps.index[complete]
    ranks = pd.DataFrame(
        {
            "rank": stated_ranks[:, 0],
            "rank_best": every.min(axis=1),
            "rank_worst": every.max(axis=1),
            "rank_p05": np.quantile(random_ranks, 0.05, axis=1),
            "rank_p95": np.quantile(random_ranks, 0.95, axis=1),
        },
        index=index,
    )
    judged = judge(
        pd.Series(among, index=index),
        pd.Series(1.0 - among, index=index),
        robust_share=robust_share,
        likely_share=likely_share,
    )
    result = ranks.join(judged).reindex(gaps.index)
    result["verdict"] = result["verdict"].fillna(NOT_TESTABLE)
    return result


def two_tier_test(basic: pd.DataFrame, quality: pd.DataFrame) -> pd.DataFrame:
    """Tell places with basic services but without high-quality ones from the rest.

    Parameters
    ----------
    basic, quality
        Columns `finding` (`gap`, `no_gap`, null) and `verdict` (null where the boundary is
        certain), as :func:`pipeline.measures.uncertainty.verdict` gives them, on the same places.

    Returns
    -------
    pandas.DataFrame
        On the index of `basic`: `tier` (`basic_and_quality`, `basic_only`, `quality_only`,
        `neither`; null when either is undecided) and `verdict`, the weaker of the two.
    """
    other = quality.reindex(basic.index)
    tier = [
        TIERS.get((low, high)) for low, high in zip(basic["finding"], other["finding"], strict=True)
    ]
    strength = {NOT_TESTABLE: 0, LIKELY: 1, ROBUST: 2}
    first, second = (frame["verdict"].map(strength).fillna(3) for frame in (basic, other))
    word = {0: NOT_TESTABLE, 1: LIKELY, 2: ROBUST}
    weaker = first.where(first <= second, second).map(word)
    decided = pd.Series([value is not None for value in tier], index=basic.index)
    return pd.DataFrame(
        {
            "tier": pd.Series(tier, index=basic.index, dtype="str"),
            "verdict": weaker.where(decided, NOT_TESTABLE),
        },
        index=basic.index,
    )


def _shares(gaps: pd.DataFrame, weights: Mapping[str, float]) -> FloatArray:
    """Turn weights into shares of one, in their own order."""
    unknown = [name for name in weights if name not in gaps.columns]
    if unknown:
        raise FieldError(
            *(
                Problem(
                    zh=f"权重中的服务 {name} 没有缺口数据",
                    en=f"weight given to {name}, which has no gaps",
                    rule="weights",
                )
                for name in unknown
            )
        )
    share = floats(pd.Series(weights, dtype=float))
    return np.asarray(share / share.sum(), dtype=np.float64)


def _stated_weights(share: FloatArray) -> FloatArray:
    """List the weights set, equal weights, and each service dropped in turn (if others remain)."""
    equal = (share > 0) / (share > 0).sum()
    dropped = share * (1.0 - np.eye(share.size))[share > 0]
    left = dropped.sum(axis=1, keepdims=True)
    kept = (left > 0)[:, 0]
    return np.vstack((share, equal, dropped[kept] / left[kept]))


def _ranks(composites: FloatArray) -> FloatArray:
    """Rank each column, largest first; equal values share the best rank."""
    # rounding keeps equal composites equal whatever the order of summation
    ranks = pd.DataFrame(-np.round(composites, 12)).rank(method="min")
    return np.asarray(ranks.to_numpy(dtype=np.float64), dtype=np.float64)

"""Turn draws of a value into an interval and a verdict on a claim."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from pipeline.measures.access_pairs import OK, FloatArray, IntArray, floats

ROBUST, LIKELY, NOT_TESTABLE = "robust", "likely", "not_testable"
GAP, NO_GAP = "gap", "no_gap"
THRESHOLD_SLACK = 1e-9  # relative; a sum of the same legs in another order differs by less

Claim = Literal["above", "below"]


def interval(
    values: pd.Series[float], *, places: pd.Index[Any], interval_share: float
) -> pd.DataFrame:
    """Report each place's median and interval over its draws.

    Parameters
    ----------
    values
        Indexed by place and draw; null where a draw could not be measured.
    places
        The places to report on, drawn or not.
    interval_share
        Share of the draws inside the interval (0.9: from the 5th to the 95th percentile).

    Returns
    -------
    pandas.DataFrame
        On `places`: `value` (median), `low`, `high` (null where there is a single draw: the
        boundary is certain), `measured_draws` (share of draws with a value) and `status` (`ok` or
        `no_data`).
    """
    matrix, drawn = _by_draw(values, places)
    return interval_of_draws(matrix, drawn, interval_share=interval_share).set_axis(places)


def interval_of_draws(
    matrix: FloatArray, drawn: IntArray, *, interval_share: float
) -> pd.DataFrame:
    """Report the median and interval of each row of draws.

    Parameters
    ----------
    matrix
        Shape (rows, draws): NaN where a draw has no value, infinite where it is known to lie
        beyond what the search could find. Infinite draws count as larger than all: a quantile
        that falls among them is null, with status `beyond_limit`.
    drawn
        Number of draws of each row; a single one is a certain boundary and has no interval.
    interval_share
        As in :func:`interval`.
    """
    known = (~np.isnan(matrix)).sum(axis=1)
    tail = (1.0 - interval_share) / 2.0
    result = row_quantiles(matrix, [0.5, tail, 1.0 - tail])
    result[:, 1:][drawn <= 1] = np.nan
    beyond = np.isinf(result[:, 0])
    finite = np.where(np.isinf(result), np.nan, result)
    return pd.DataFrame(
        {
            "value": finite[:, 0],
            "low": finite[:, 1],
            "high": finite[:, 2],
            "measured_draws": np.isfinite(matrix).sum(axis=1) / np.maximum(drawn, 1),
            "status": np.select([known == 0, beyond], ["no_data", "beyond_limit"], OK),
        }
    )


def row_quantiles(matrix: FloatArray, shares: Sequence[float]) -> FloatArray:
    """Give linear quantiles of each row, NaN left out, infinity kept; shape (rows, shares)."""
    ordered = np.sort(matrix, axis=1)
    known = (~np.isnan(matrix)).sum(axis=1)
    rows = np.arange(len(matrix))
    result = np.full((len(matrix), len(shares)), np.nan)
    if not matrix.size:
        return result
    for column, share in enumerate(shares):
        at = share * np.maximum(known - 1, 0)
        below = np.floor(at).astype(np.int64)
        low = ordered[rows, below]
        high = ordered[rows, np.minimum(below + 1, np.maximum(known - 1, 0))]
        rest = at - below
        step = np.subtract(high, low, out=np.zeros_like(low), where=np.isfinite(low))
        moved = np.multiply(step, rest, out=np.zeros_like(low), where=rest > 0)
        result[:, column] = low + moved
    return result


def verdict(
    values: pd.Series[float],
    *,
    places: pd.Index[Any],
    threshold: float,
    claim: Claim,
    robust_share: float,
    likely_share: float,
) -> pd.DataFrame:
    """Judge the claim of a gap by the share of draws in which it holds.

    A gap is `value > threshold` (claim "above": minutes, metres) or `value < threshold` ("below":
    shares, counts); a value at exactly the threshold is no gap. The refutation is judged by the
    same rule, so "no gap here" can be robust as well. A draw without a value supports neither.

    Parameters
    ----------
    values
        Indexed by place and draw.
    places
        The places to report on, drawn or not.
    threshold
        The standard, in the unit of the values.
    claim
        On which side of the threshold the gap lies.
    robust_share, likely_share
        Shares of draws from which a claim is robust, or likely.

    Returns
    -------
    pandas.DataFrame
        On `places`: `gap_share` and `no_gap_share` of the draws, `finding` (`gap`, `no_gap`,
        null when undecided) and `verdict` (`robust`, `likely`, `not_testable`; null where a
        single draw shows that the boundary is certain and a value is known).
    """
    matrix, drawn = _by_draw(values, places)
    judged = verdict_of_draws(
        matrix,
        drawn,
        threshold=threshold,
        claim=claim,
        robust_share=robust_share,
        likely_share=likely_share,
    )
    return judged.set_axis(places)


def verdict_of_draws(
    matrix: FloatArray,
    drawn: IntArray,
    *,
    threshold: float,
    claim: Claim,
    robust_share: float,
    likely_share: float,
) -> pd.DataFrame:
    """Judge each row of draws as :func:`verdict` does; infinite is beyond any threshold."""
    slack = THRESHOLD_SLACK * abs(threshold)
    beyond = matrix > threshold + slack if claim == "above" else matrix < threshold - slack
    gap = beyond.sum(axis=1) / np.maximum(drawn, 1)
    no_gap = (~np.isnan(matrix) & ~beyond).sum(axis=1) / np.maximum(drawn, 1)
    result = judge(
        pd.Series(gap), pd.Series(no_gap), robust_share=robust_share, likely_share=likely_share
    )
    certain = (drawn == 1) & result["finding"].notna().to_numpy()
    result["verdict"] = result["verdict"].mask(certain)
    return result


def judge(
    gap_share: pd.Series[float],
    no_gap_share: pd.Series[float],
    *,
    robust_share: float,
    likely_share: float,
) -> pd.DataFrame:
    """Name finding and verdict from the shares of draws for and against a gap.

    Returns
    -------
    pandas.DataFrame
        On the caller's index: `gap_share`, `no_gap_share`, `finding`, `verdict`.
    """
    against = floats(no_gap_share) > floats(gap_share)
    support = np.where(against, floats(no_gap_share), floats(gap_share))
    decided = support >= likely_share
    finding = np.where(against, NO_GAP, GAP)
    return pd.DataFrame(
        {
            "gap_share": gap_share,
            "no_gap_share": no_gap_share,
            "finding": pd.Series(finding, index=gap_share.index, dtype="str").where(decided),
            "verdict": np.select(
                [support >= robust_share, decided], [ROBUST, LIKELY], NOT_TESTABLE
            ),
        },
        index=gap_share.index,
    )


def withhold(results: pd.DataFrame, unfit: pd.Series[bool]) -> pd.DataFrame:
    """Blank the results of places whose recorded point is unfit for this service.

    A point that is itself a metro station says nothing about the way to the metro: values become
    null and status and verdict `not_testable`.

    Parameters
    ----------
    results
        Indexed by place, with any of the columns of :func:`interval` and :func:`verdict`.
    unfit
        True for the places to blank, indexed by place.
    """
    blank = unfit.reindex(results.index, fill_value=False)
    kept = results.copy()
    for column in kept.columns:
        if column in {"status", "verdict"}:
            kept[column] = kept[column].mask(blank, NOT_TESTABLE)
        else:
            kept[column] = kept[column].mask(blank)
    return kept


def _by_draw(values: pd.Series[float], places: pd.Index[Any]) -> tuple[FloatArray, IntArray]:
    """Lay values out as places x draws, null where there is no draw, and count the draws."""
    row = places.get_indexer(values.index.get_level_values(0))
    draw = values.index.get_level_values(1).to_numpy(dtype=np.int64)
    asked = row >= 0
    matrix = np.full((len(places), int(draw.max(initial=0)) + 1), np.nan)
    matrix[row[asked], draw[asked]] = floats(values)[asked]
    return matrix, np.bincount(row[asked], minlength=len(places)).astype(np.int64)

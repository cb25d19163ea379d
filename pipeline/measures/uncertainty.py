"""Turn draws of a value into an interval and a verdict on a claim."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd

from pipeline.measures.access_pairs import OK, FloatArray, IntArray, floats

ROBUST, LIKELY, NOT_TESTABLE = "robust", "likely", "not_testable"
GAP, NO_GAP = "gap", "no_gap"

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
    known = np.isfinite(matrix).sum(axis=1)
    tail = (1.0 - interval_share) / 2.0
    result = np.full((3, len(places)), np.nan)
    some = known > 0
    if some.any():
        result[:, some] = np.nanquantile(matrix[some], [0.5, tail, 1.0 - tail], axis=1)
    result[1:, drawn <= 1] = np.nan
    return pd.DataFrame(
        {
            "value": result[0],
            "low": result[1],
            "high": result[2],
            "measured_draws": known / np.maximum(drawn, 1),
            "status": np.where(some, OK, "no_data"),
        },
        index=places,
    )


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
    beyond = matrix > threshold if claim == "above" else matrix < threshold
    gap = beyond.sum(axis=1) / np.maximum(drawn, 1)
    no_gap = (np.isfinite(matrix) & ~beyond).sum(axis=1) / np.maximum(drawn, 1)
    result = judge(
        pd.Series(gap, index=places),
        pd.Series(no_gap, index=places),
        robust_share=robust_share,
        likely_share=likely_share,
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

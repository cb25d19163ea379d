"""Grade parcels into classes A to D by quantile of a weighted composite of percentiles."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from pipeline.measures.parcel_columns import Floats, floats


def percentiles(values: Floats, reference: Floats) -> Floats:
    """Return the mid-rank percentile (0 to 1) of each value in a reference; null stays null.

    With the reference given, a partition is graded as the whole table would be.
    """
    known = np.sort(reference[~np.isnan(reference)])
    if known.size == 0:
        return np.full(values.shape, np.nan)
    below = np.searchsorted(known, values, side="left")
    upto = np.searchsorted(known, values, side="right")
    return np.where(np.isnan(values), np.nan, (below + upto) / 2 / known.size)


def composite_score(
    frame: pd.DataFrame, *, weights: Mapping[str, float], reference: pd.DataFrame
) -> pd.Series:
    """Weight the percentiles of several indicators into one score, 0 to 1.

    A row needs every indicator: a missing one makes the score null instead of shifting its weight.
    """
    parts = [
        weight * percentiles(floats(frame, name), floats(reference, name))
        for name, weight in weights.items()
    ]
    return pd.Series(np.sum(parts, axis=0), index=frame.index, name="score")


def grade_cuts(score: pd.Series, *, shares: Mapping[str, float]) -> dict[str, float]:
    """Return the lowest score of every class but the last, classes ordered from best to worst.

    The cut of a class is the smallest score among the best rows whose share of all graded rows
    does not exceed the class's cumulative share; ties fall into the better class.
    """
    known = np.sort(score.dropna().to_numpy(dtype=np.float64))[::-1]
    cuts: dict[str, float] = {}
    total = 0.0
    for name, share in list(shares.items())[:-1]:
        total += share
        count = round(total * known.size, 9)
        cuts[name] = float(known[int(count) - 1]) if count >= 1 else np.inf
    return cuts


def grade(score: pd.Series, *, cuts: Mapping[str, float], last: str) -> pd.Series:
    """Give each score its class; null scores have none.

    Parameters
    ----------
    score
        Composite score.
    cuts
        Lowest score of each class, best first, as `grade_cuts` returns them.
    last
        The class of all scores under the last cut.
    """
    values = score.to_numpy(dtype=np.float64)
    labels = np.full(values.shape, last, dtype=object)
    for name, cut in reversed(list(cuts.items())):
        labels[values >= cut] = name
    labels[np.isnan(values)] = None
    return pd.Series(labels, index=score.index, name="grade", dtype="string")


def with_grades(
    frame: pd.DataFrame,
    *,
    weights: Mapping[str, float],
    shares: Mapping[str, float],
    reference: pd.DataFrame,
) -> pd.DataFrame:
    """Add `score`, `grade` and `grade_basis` to a table of indicators.

    A class stated in the input (`eff_class`) is kept and marked `given`; the others are `computed`
    from the quantiles of the reference.
    """
    score = composite_score(frame, weights=weights, reference=reference)
    whole = composite_score(reference, weights=weights, reference=reference)
    computed = grade(score, cuts=grade_cuts(whole, shares=shares), last=list(shares)[-1])
    given = pd.Series(pd.NA, index=frame.index, dtype="string")
    if "eff_class" in frame.columns:
        given = frame["eff_class"].astype("string")
    basis = pd.Series(pd.NA, index=frame.index, dtype="string")
    basis = basis.mask(computed.notna(), "computed").mask(given.notna(), "given")
    return frame.assign(score=score, grade=given.fillna(computed), grade_basis=basis)

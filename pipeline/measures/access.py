"""Measure access: the nearest facility, how many lie within a time, and their pull."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from pipeline.errors import FieldError, Problem
from pipeline.measures.access_impedance import impedance_weight
from pipeline.measures.access_pairs import OK, CostPairs, FloatArray, floats, sum_by
from pipeline.settings.decay import ImpedanceSettings

BEYOND = "beyond_limit"
NO_DATA = "no_data"


def nearest(pairs: CostPairs) -> pd.DataFrame:
    """Find each origin's nearest facility.

    Returns
    -------
    pandas.DataFrame
        On the origins: `minutes` and `facility` (null where none was reached) and `status`
        (`ok`, `beyond_limit`, `no_data` without any facility, or the origin's own status). Equal
        times go to the facility whose id sorts first.
    """
    count = pairs.origins.size
    minutes = np.full(count, np.nan)
    facility = np.full(count, None, dtype=object)
    if pairs.minutes.size:
        rank = np.empty(pairs.facilities.size, dtype=np.int64)
        rank[np.argsort(pairs.facilities.astype(str), kind="stable")] = np.arange(rank.size)
        order = np.lexsort((rank[pairs.facility_code], pairs.minutes, pairs.origin_code))
        first = order[np.r_[True, np.diff(pairs.origin_code[order]) > 0]]
        found = pairs.origin_code[first]
        minutes[found] = pairs.minutes[first]
        facility[found] = pairs.facilities.to_numpy(dtype=object)[pairs.facility_code[first]]
    return pd.DataFrame(
        {"minutes": minutes, "facility": facility, "status": _status(pairs, np.isfinite(minutes))},
        index=pairs.origins,
    )


def count_within(pairs: CostPairs, *, thresholds_min: Sequence[float]) -> pd.DataFrame:
    """Count the facilities with t <= c for each threshold c.

    Returns
    -------
    pandas.DataFrame
        On the origins, one column per threshold. A count of zero is a real zero; origins that
        could not be measured are null.

    Raises
    ------
    FieldError
        When a threshold lies beyond the limit of the search: the count would be too low.
    """
    ones = pd.Series(1.0, index=pairs.facilities)
    return supply_within(pairs, ones, thresholds_min=thresholds_min)


def supply_within(
    pairs: CostPairs, supply: pd.Series[float], *, thresholds_min: Sequence[float]
) -> pd.DataFrame:
    """Sum the supply within each threshold: cumulative opportunities.

    Parameters
    ----------
    pairs
        Travel costs in minutes.
    supply
        Size of each facility, indexed by facility, without nulls.
    thresholds_min
        Thresholds in minutes, inclusive.

    Returns
    -------
    pandas.DataFrame
        On the origins, one column per threshold, in the unit of the supply.
    """
    for threshold in thresholds_min:
        require_searched(pairs, threshold)
    size = values_on(supply, pairs.facilities, name="supply")[pairs.facility_code]
    sums = {
        threshold: _sum_by_origin(pairs, np.where(pairs.minutes <= threshold, size, 0.0))
        for threshold in thresholds_min
    }
    return pd.DataFrame(sums, index=pairs.origins)


def gravity(
    pairs: CostPairs, supply: pd.Series[float], *, impedance: ImpedanceSettings
) -> pd.Series[float]:
    """Sum supply weighed by the decay of travel time over every reached facility (Hansen).

    Returns
    -------
    pandas.Series
        On the origins, in the unit of the supply; null for origins that could not be measured.
    """
    size = values_on(supply, pairs.facilities, name="supply")[pairs.facility_code]
    pull = size * impedance_weight(pairs.minutes, impedance=impedance)
    return pd.Series(_sum_by_origin(pairs, pull), index=pairs.origins, name="gravity")


def require_searched(pairs: CostPairs, threshold_min: float) -> None:
    """Refuse a threshold that the search behind the costs did not reach."""
    if pairs.limit_min is not None and threshold_min > pairs.limit_min:
        raise FieldError(
            Problem(
                zh=f"阈值 {threshold_min:g} 分钟超出搜索上限 {pairs.limit_min:g} 分钟",
                en=f"threshold {threshold_min:g} min exceeds the search limit of "
                f"{pairs.limit_min:g} min",
                rule="t <= c",
                remedy_zh="提高搜索上限",
                remedy_en="search further",
            )
        )


def values_on(values: pd.Series[float], index: pd.Index[Any], *, name: str) -> FloatArray:
    """Align values with an index and refuse nulls and negatives."""
    aligned = floats(values.reindex(index))
    broken = ~(np.isfinite(aligned) & (aligned >= 0))
    if broken.any():
        raise FieldError(
            Problem(
                zh=f"{name} 有 {broken.sum()} 个空值、负值或非有限值",
                en=f"{name} has {broken.sum()} null, negative or non-finite values",
                row=str(index[int(broken.argmax())]),
                rule=name,
                remedy_zh="补充数值，或以声明的默认值填充",
                remedy_en="supply the value, or fill it with a stated default",
            )
        )
    return aligned


def _sum_by_origin(pairs: CostPairs, amounts: FloatArray) -> FloatArray:
    sums = sum_by(pairs.origin_code, amounts, pairs.origins.size)
    return np.asarray(np.where(pairs.usable, sums, np.nan), dtype=np.float64)


def _status(pairs: CostPairs, found: Any) -> Any:  # noqa: ANN401
    """Say why nothing was found: the origin, no facility at all, or too far."""
    missing = BEYOND if pairs.facilities.size else NO_DATA
    return np.where(pairs.usable, np.where(found, OK, missing), pairs.origin_status)

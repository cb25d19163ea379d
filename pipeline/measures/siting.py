"""Choose sites on a table of travel times: most gap covered, least time, fewest sites."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.errors import FieldError, Problem
from pipeline.measures.access_pairs import OK, BoolArray, FloatArray, floats

NOT_MEASURABLE = "not_measurable"
INFEASIBLE = "not_coverable"
TIME_LIMIT = "time_limit"
_TIME_LIMIT_CODE = 1
CANDIDATES_AT_ONCE = 512
_WHOLE = 0.5  # a binary variable above it counts as chosen


@dataclass(frozen=True)
class Siting:
    """The sites a model chose and how good they are.

    `objective` is what the chosen sites reach, `bound` the best that any choice could reach and
    `gap_share` their difference as a share of the objective: 0 is proven optimal. `helped` lists
    the demand that the sites cover (MCLP, LSCP) or bring nearer (p-median).
    """

    sites: tuple[str, ...]
    objective: float
    bound: float
    gap_share: float
    helped: tuple[str, ...]
    status: str


def maximal_covering(
    minutes: pd.DataFrame,
    *,
    weight: pd.Series[float],
    threshold_min: float,
    sites: int,
    time_limit_s: float,
) -> Siting:
    """Cover the most demand with a number of sites (MCLP; Church and ReVelle 1974).

    Parameters
    ----------
    minutes
        Demand as rows, candidate sites as columns; null where there is no way.
    weight
        Weight of each demand row.
    threshold_min
        A site covers demand at t <= threshold.
    sites
        How many sites at most.
    time_limit_s
        When to stop searching; the optimality gap then says what may be missing.
    """
    covers = _within(minutes, threshold_min)
    if not covers.size or not sites:
        return _nothing()
    tried = _not_outdone(covers)
    if not len(tried):
        return _nothing(OK)
    minutes, covers = minutes.iloc[:, tried], covers[:, tried]
    rows, columns = covers.shape
    # maximise covered weight: y <= sum of the chosen sites that cover it
    result = _solve(
        np.r_[np.zeros(columns), -floats(weight.reindex(minutes.index))],
        [
            (np.hstack([covers.astype(float), -np.eye(rows)]), 0.0, np.inf),
            (np.r_[np.ones(columns), np.zeros(rows)][None, :], 0.0, float(sites)),
        ],
        whole=np.r_[np.ones(columns), np.zeros(rows)],
        time_limit_s=time_limit_s,
    )
    if result.x is None:
        return _nothing(_failed(result))
    # a site that covers nothing more is no proposal
    chosen = _useful(result.x[:columns] > _WHOLE, covers)
    helped = _any(covers[:, chosen])
    return _siting(minutes, chosen, helped, result, sign=-1.0)


def p_median(
    minutes: pd.DataFrame,
    *,
    weight: pd.Series[float],
    present_min: pd.Series[float],
    sites: int,
    time_limit_s: float,
) -> Siting:
    """Save the most travel time with a number of sites beside those that exist (p-median).

    Demand goes to the nearest of the new and present facilities. The objective is the weighted sum
    of minutes saved, which is the p-median's total read from the other side.

    Parameters
    ----------
    minutes, weight, sites, time_limit_s
        As in :func:`maximal_covering`.
    present_min
        Minutes to the nearest present facility, on the rows of `minutes`; rows with null are left
        out, as nothing can be said about what they would save.
    """
    known = present_min.reindex(minutes.index).notna().to_numpy()
    table = minutes[known]
    mass = floats(weight.reindex(table.index))
    cost = table.to_numpy(dtype=np.float64)
    before = floats(present_min.reindex(table.index))
    saved = np.clip(before[:, None] - np.where(np.isfinite(cost), cost, np.inf), 0.0, None)
    from scipy.sparse import csr_array

    if not saved.size or not sites:
        return _nothing()
    tried = _not_outdone(saved)
    if not len(tried):
        return _nothing(OK)
    table, saved = table.iloc[:, tried], saved[:, tried]
    rows, columns = saved.shape
    demand, site = np.nonzero(saved > 0)
    links = len(demand)
    link, size = np.arange(links), columns + links
    once = csr_array((np.ones(links), (demand, columns + link)), shape=(rows, size))
    signs = np.repeat((1.0, -1.0), links)
    ends = (np.tile(link, 2), np.concatenate((site, columns + link)))
    opened = csr_array((signs, ends), shape=(links, size))
    result = _solve(
        np.r_[np.zeros(columns), -(mass[demand] * saved[demand, site])],
        [
            (once, 0.0, 1.0),
            (opened, 0.0, np.inf),
            (np.r_[np.ones(columns), np.zeros(links)][None, :], 0.0, float(sites)),
        ],
        whole=np.r_[np.ones(columns), np.zeros(links)],
        time_limit_s=time_limit_s,
    )
    if result.x is None:
        return _nothing(_failed(result))
    chosen = _useful(result.x[:columns] > _WHOLE, saved > 0)
    helped = _any(saved[:, chosen] > 0)
    return _siting(table, chosen, helped, result, sign=-1.0)


def set_covering(minutes: pd.DataFrame, *, threshold_min: float, time_limit_s: float) -> Siting:
    """Cover all demand that can be covered with the fewest sites (LSCP; Toregas et al. 1971).

    Demand that no candidate reaches is left out and missing in `helped`; the status is then
    `not_coverable`.
    """
    covers = _within(minutes, threshold_min)
    coverable = covers.any(axis=1)
    if not coverable.any():
        return _nothing(INFEASIBLE if len(covers) else NOT_MEASURABLE)
    tried = _not_outdone(covers)
    minutes, covers = minutes.iloc[:, tried], covers[:, tried]
    columns = covers.shape[1]
    result = _solve(
        np.ones(columns),
        [(covers[coverable].astype(float), 1.0, np.inf)],
        whole=np.ones(columns),
        time_limit_s=time_limit_s,
    )
    if result.x is None:
        return _nothing(_failed(result))
    chosen = np.asarray(result.x[:columns] > _WHOLE, dtype=np.bool_)
    found = _siting(minutes, chosen, _any(covers[:, chosen]), result, sign=1.0)
    if coverable.all():
        return found
    return Siting(
        found.sites, found.objective, found.bound, found.gap_share, found.helped, INFEASIBLE
    )


def _within(minutes: pd.DataFrame, threshold_min: float) -> BoolArray:
    cost = minutes.to_numpy(dtype=np.float64)
    return np.asarray(np.isfinite(cost) & (cost <= threshold_min), dtype=np.bool_)


def _not_outdone(helps: NDArray[Any]) -> NDArray[np.intp]:
    """Leave out the candidates that another one outdoes, as it helps every demand as much or more.

    No choice without them is worse. Of candidates that help alike the last stays: known places
    stand after the points of a grid.
    """
    some = np.flatnonzero(helps.any(axis=0))[::-1]
    if not len(some):
        return some
    _, first = np.unique(helps[:, some], axis=1, return_index=True)
    different = some[first]
    order = different[np.argsort(-helps[:, different].sum(axis=0), kind="stable")]
    kept = order[:0]
    for start in range(0, len(order), CANDIDATES_AT_ONCE):
        part = order[start : start + CANDIDATES_AT_ONCE]
        rivals = np.concatenate((kept, part))
        outdone = rivals[:, None] != part[None, :]
        for row in helps:
            outdone &= row[rivals][:, None] >= row[part][None, :]
        kept = np.concatenate((kept, part[~outdone.any(axis=0)]))
    return np.sort(kept)


def _any(helps: BoolArray) -> BoolArray:
    """Tell which demand rows some column helps."""
    return np.asarray(helps.any(axis=1), dtype=np.bool_)


def _useful(chosen: BoolArray, helps: BoolArray) -> BoolArray:
    """Drop chosen sites that help no demand."""
    return np.asarray(chosen & helps.any(axis=0), dtype=np.bool_)


def _solve(
    cost: FloatArray,
    rules: list[tuple[Any, float, float]],
    *,
    whole: FloatArray,
    time_limit_s: float,
) -> Any:  # noqa: ANN401
    """Minimise with HiGHS; every variable lies between 0 and 1, rules are rows dense or sparse."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array

    if not np.isfinite(cost).all():
        raise FieldError(
            Problem(zh="需求权重缺失", en="a weight of demand is missing", rule="siting")
        )
    return milp(
        cost,
        integrality=whole,
        bounds=Bounds(0.0, 1.0),
        constraints=[LinearConstraint(csr_array(rule), low, high) for rule, low, high in rules],
        options={"time_limit": time_limit_s},
    )


def _siting(
    minutes: pd.DataFrame,
    chosen: BoolArray,
    helped: BoolArray,
    result: Any,  # noqa: ANN401
    *,
    sign: float,
) -> Siting:
    objective = sign * float(result.fun) + 0.0
    bound = sign * float(result.mip_dual_bound) + 0.0
    return Siting(
        tuple(str(name) for name in minutes.columns[chosen]),
        objective,
        bound,
        abs(bound - objective) / objective if objective > 0 else 0.0,
        tuple(str(name) for name in minutes.index[helped]),
        TIME_LIMIT if result.status == _TIME_LIMIT_CODE else OK,
    )


def _failed(result: Any) -> str:  # noqa: ANN401
    return TIME_LIMIT if result.status == _TIME_LIMIT_CODE else INFEASIBLE


def _nothing(status: str = NOT_MEASURABLE) -> Siting:
    value = 0.0 if status == OK else np.nan
    return Siting((), value, value, 0.0 if status == OK else np.nan, (), status)

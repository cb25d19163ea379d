"""Measure access with floating catchments: supply shared among the demand that reaches it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.errors import MeasureError, Problem
from pipeline.measures.access import BEYOND, require_searched, values_on
from pipeline.measures.access_impedance import stepwise_weight, truncated_gaussian_weight
from pipeline.measures.access_pairs import (
    OK,
    BoolArray,
    CostPairs,
    FloatArray,
    IntArray,
    sum_by,
)

log = logging.getLogger(__name__)

CONSERVATION_TOLERANCE = 1e-9  # relative, METHODS 4


@dataclass(frozen=True, eq=False)
class FloatingCatchment:
    """Result of a two-step floating catchment.

    `access` is on the origins: `access` (supply per unit of demand), `reached` (facilities with
    t <= c) and `status` (`ok`; `beyond_limit` with access 0 where nobody is reachable; the
    origin's own status with null access where it could not be measured).
    `facilities` is on the facilities: `ratio` (supply per weighted demand, null without demand),
    `weighted_demand` and `status` (`ok` or `no_demand`).
    """

    access: pd.DataFrame
    facilities: pd.DataFrame


def floating_catchment_gaussian(
    pairs: CostPairs,
    *,
    demand: pd.Series[float],
    supply: pd.Series[float],
    cutoff_min: float,
) -> FloatingCatchment:
    """Compute 2SFCA with Dai's truncated gaussian.

    R_j = S_j / sum_k P_k f(t_kj); A_i = sum_j R_j f(t_ij).

    Parameters
    ----------
    pairs
        Travel costs in minutes, one facility per campus.
    demand
        P by origin, without nulls.
    supply
        S by facility, without nulls.
    cutoff_min
        Cutoff c in minutes, inclusive.

    Raises
    ------
    FieldError
        When demand or supply has nulls, or the cutoff was not searched.
    MeasureError
        When the supply is not conserved.
    """
    weight = truncated_gaussian_weight(pairs.minutes, cutoff_min=cutoff_min)
    return _two_steps(pairs, demand, supply, weight, cutoff_min)


def floating_catchment_stepwise(
    pairs: CostPairs,
    *,
    demand: pd.Series[float],
    supply: pd.Series[float],
    edges_min: Sequence[float],
    weights: Sequence[float],
) -> FloatingCatchment:
    """Compute E2SFCA: travel-time zones with falling weights (Luo and Qi 2009).

    Parameters and errors as in :func:`floating_catchment_gaussian`; `edges_min` are the inclusive
    upper edges of the zones, `weights` their weights. One zone of weight 1 is the plain 2SFCA.
    """
    weight = stepwise_weight(pairs.minutes, edges_min=edges_min, weights=weights)
    return _two_steps(pairs, demand, supply, weight, max(edges_min))


def _two_steps(
    pairs: CostPairs,
    demand: pd.Series[float],
    supply: pd.Series[float],
    weight: FloatArray,
    cutoff_min: float,
) -> FloatingCatchment:
    require_searched(pairs, cutoff_min)
    people = values_on(demand, pairs.origins, name="demand")
    size = values_on(supply, pairs.facilities, name="supply")
    weighted_demand = sum_by(pairs.facility_code, people[pairs.origin_code] * weight, size.size)
    served = weighted_demand > 0
    ratio = np.divide(size, weighted_demand, out=np.zeros_like(size), where=served)
    access = sum_by(pairs.origin_code, ratio[pairs.facility_code] * weight, people.size)
    require_conservation(people, access, size[served])
    log.debug("%d of %d facilities have demand within %g min", served.sum(), size.size, cutoff_min)
    return FloatingCatchment(
        access=_origin_frame(pairs, access, cutoff_min),
        facilities=pd.DataFrame(
            {
                "ratio": np.where(served, ratio, np.nan),
                "weighted_demand": weighted_demand,
                "status": np.where(served, OK, "no_demand"),
            },
            index=pairs.facilities,
        ),
    )


def floating_catchment_draws(
    weights: FloatArray,
    *,
    demands: FloatArray,
    supply: FloatArray,
    counted: BoolArray,
    draw_count: IntArray,
) -> FloatArray:
    """Compute a two-step floating catchment in every draw of the demand's footprints.

    The demand of a place is spread evenly over its land, so that the mean weight over the land is
    the weight of the place; draw k of all places is one state of the world, and supply is
    conserved in each. A place with a certain boundary is the same in all of them.

    Parameters
    ----------
    weights
        f(t) averaged over each place's land: shape (places, draws, facilities), NaN where unknown.
    demands
        P of each place under each notion of demand, shape (notions, places), not null; a place
        without weights takes part with none.
    supply
        S of each facility.
    counted
        Shape (places, facilities): whether a facility serves a place (the variant, admission).
    draw_count
        Draws of each place: 0, 1 or all.

    Returns
    -------
    access
        Shape (notions, places, draws), supply per unit of demand; NaN where weights are unknown.

    Raises
    ------
    MeasureError
        When the supply is not conserved in a draw.
    """
    if not weights.size:
        return np.full((len(demands), *weights.shape[:2]), np.nan)
    known, felt, supply = _felt(weights, counted, supply, draw_count)
    weighted_demand = np.tensordot(demands, felt, axes=1)
    served: BoolArray = np.asarray(weighted_demand > 0, dtype=np.bool_)
    ratio = np.divide(supply, weighted_demand, out=np.zeros_like(weighted_demand), where=served)
    access = np.einsum("dkj,pkj->dpk", ratio, felt)
    given = np.asarray(served, dtype=np.float64) @ supply
    received = np.einsum("dp,dpk->dk", demands, access)
    kept = np.abs(received - given) <= CONSERVATION_TOLERANCE * np.maximum(given, received)
    for notion, draw in np.argwhere(~kept).tolist():
        require_conservation(demands[notion], access[notion, :, draw], given[notion, [draw]])
    there = np.arange(weights.shape[1])[None, :] < draw_count[:, None]
    return np.asarray(np.where(known & there, access, np.nan), dtype=np.float64)


def _felt(
    weights: FloatArray, counted: BoolArray, supply: FloatArray, draw_count: IntArray
) -> tuple[BoolArray, FloatArray, FloatArray]:
    """Lay out what takes part: for which draws weights are known, the weights, the supply.

    Certain places are spread over all draws; facilities that nobody feels are left out, for they
    have no demand.
    """
    known = np.asarray(~np.isnan(weights).any(axis=2), dtype=np.bool_)
    felt = counted.any(axis=0) & (weights > 0).any(axis=(0, 1))
    part = weights[:, :, felt] * counted[:, None, felt]
    part[~known] = 0.0
    certain = draw_count == 1
    if certain.any():
        known = np.where(certain[:, None], known[:, :1], known)
        part[certain] = part[certain][:, :1]
    return known, part, supply[felt]


@dataclass(frozen=True, eq=False)
class CityCatchment:
    """A floating catchment among the people of a city.

    `ratio` is the supply of each facility per weighted demand (0 without demand), `access` what
    each home has, per person; NaN where a home's costs are unknown.
    """

    ratio: FloatArray
    access: FloatArray


def floating_catchment_city(
    weights: FloatArray, *, people: FloatArray, supply: FloatArray, counted: BoolArray
) -> CityCatchment:
    """Compute a two-step floating catchment among known people.

    Parameters
    ----------
    weights
        f(t) from homes to facilities, shape (homes, facilities), NaN where unknown; such homes
        take part with nobody.
    people
        Residents of each home.
    supply
        S of each facility.
    counted
        Shape (homes, facilities): whether a facility serves a home.

    Raises
    ------
    MeasureError
        When the supply is not conserved.
    """
    known: BoolArray = np.asarray(~np.isnan(weights).any(axis=1), dtype=np.bool_)
    felt = np.where(known[:, None], weights, 0.0) * counted
    weighted_demand: FloatArray = np.asarray(people @ felt, dtype=np.float64)
    served: BoolArray = np.asarray(weighted_demand > 0, dtype=np.bool_)
    ratio = np.divide(supply, weighted_demand, out=np.zeros_like(supply), where=served)
    access = felt @ ratio
    require_conservation(people, access, supply[served])
    return CityCatchment(ratio, np.where(known, access, np.nan))


def floating_catchment_observed(
    weights: FloatArray, ratio: FloatArray, *, counted: BoolArray
) -> FloatArray:
    """Give the access of places to supply that others share: A = sum_j R_j f(t_ij).

    The places add no demand of their own: whoever lives in them is among the people already.

    Parameters
    ----------
    weights
        Mean f(t) over each place's land, shape (places, draws, facilities), NaN where unknown.
    ratio
        R of each facility (see `floating_catchment_city`).
    counted
        Shape (places, facilities).

    Returns
    -------
    access
        Shape (places, draws), supply per person.
    """
    access: FloatArray = np.einsum("pkj,pj->pk", weights, counted * ratio)
    return access


def require_conservation(demand: FloatArray, access: FloatArray, served_supply: FloatArray) -> None:
    """Hold the law of the method: sum P_i A_i equals the supply of facilities with demand.

    Raises
    ------
    MeasureError
        When the two differ by more than 1e-9 of the supply.
    """
    given, received = float(served_supply.sum()), float(demand @ access)
    if not abs(received - given) <= CONSERVATION_TOLERANCE * max(given, received):
        raise MeasureError(
            Problem(
                zh=f"两步移动搜索法供给不守恒：供给 {given:.12g}，分配 {received:.12g}",
                en=f"floating catchment does not conserve supply: {given:.12g} given, "
                f"{received:.12g} received",
                rule="sum P·A = sum S",
            )
        )


def _origin_frame(pairs: CostPairs, access: FloatArray, cutoff_min: float) -> pd.DataFrame:
    within = pairs.minutes <= cutoff_min
    reached = np.bincount(pairs.origin_code[within], minlength=pairs.origins.size)
    usable = pairs.usable
    status = np.where(usable, np.where(reached > 0, OK, BEYOND), pairs.origin_status)
    return pd.DataFrame(
        {
            "access": np.where(usable, access, np.nan),
            "reached": np.where(usable, reached.astype(float), np.nan),
            "status": status,
        },
        index=pairs.origins,
    )

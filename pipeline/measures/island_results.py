"""Give results their tests, statuses and reasons: one row for each statistic of a place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipeline.settings.island import IslandSettings

from .island_contrast import AMENITY, MIX, Statistic
from .island_grid import FloatArray
from .island_null import TIE, Ranked, rank

# Which tail means "island": few amenities inside, little mix, little porosity, slow access.
ISLAND_SIDE = {
    AMENITY: "low",
    MIX: "low",
    "porosity": "low",
    "circumvention": "high",
    "access_gap": "high",
    "barriers": "high",
}

# A disc drawn as a polygon of 32 sides is up to this share smaller than the area it stands for.
DISC_AREA_LOSS = 0.01

REASONS = {
    "no_footprint": ("no_data", "没有可用的园区轮廓", "the place has no footprint"),
    "position": (
        "not_testable",
        "位置误差大于环带与园区直径之和，无法分辨园内与环带",
        "the position is too uncertain to tell inside from ring",
    ),
    "below_cells": (
        "not_measurable",
        "园区过小，网格计数无法分辨",
        "the park is too small for gridded counts to resolve",
    ),
    "little_ring": (
        "not_measurable",
        "扣除水面与其他园区后环带所剩无几",
        "little of the ring is left without water and other parks",
    ),
    "few_facilities": (
        "not_measurable",
        "园内与环带的设施合计过少",
        "too few facilities inside and in the ring together",
    ),
    "unmapped": (
        "not_measurable",
        "园内道路测绘不足，未测绘不等于封闭",
        "too few streets are mapped inside; unmapped is not sealed",
    ),
    "few_crossings": (
        "not_measurable",
        "确定的边界出入口过少，无法与未测绘区分",
        "too few certain crossings of the boundary to tell sealed from unmapped",
    ),
    "no_streets": (
        "no_data",
        "环带内没有道路数据",
        "there are no streets in the ring",
    ),
    "no_street_data": (
        "no_data",
        "没有道路数据（本研究未提供 OSM 摘录）",
        "there are no street data: the study names no OpenStreetMap extract",
    ),
    "boundary_unknown": (
        "not_testable",
        "边界仅为示意，不能据此衡量边界本身",
        "the boundary is only indicative, so nothing can be said of the boundary itself",
    ),
    "few_pairs": (
        "not_measurable",
        "边界附近可通行的道路过少，无法设定相对点对",
        "too few walkable streets along the boundary to set facing pairs",
    ),
    "few_minutes": (
        "not_measurable",
        "园内或环带内有可达时间的位置过少",
        "too few positions inside or in the ring have a travel time",
    ),
    "no_barrier_data": (
        "no_data",
        "摘录没有测绘此种阻隔，未测绘不等于没有；需要含有它的 osm_extract",
        "this kind of barrier is unmapped, not absent: it takes an `osm_extract` that holds it",
    ),
    "no_cover_data": (
        "no_data",
        "没有此类地物的数据；需要含有它的 osm_extract",
        "no such land cover is mapped: it takes an `osm_extract` that holds it",
    ),
    "thin_cover": (
        "not_measurable",
        "环带内测绘的建筑过少，未测绘不等于空地",
        "too few buildings are mapped in the ring; unmapped is not empty",
    ),
    "few_blocks": (
        "not_measurable",
        "道路围合的街区过少",
        "too little land lies in blocks that mapped streets enclose",
    ),
    "no_price_data": (
        "no_data",
        "没有价格数据；需要输入 inputs.prices（点位与价格）",
        "there are no prices: it takes the input `inputs.prices` (points with a price)",
    ),
    "no_people_data": (
        "no_data",
        "园内或环带内没有居民数；需要输入 inputs.residents（点位、格网或栅格）",
        "no residents are counted inside or in the ring: it takes the input `inputs.residents`",
    ),
    "few_prices": (
        "not_measurable",
        "园内或环带内的价格过少",
        "too few prices inside or in the ring",
    ),
    "no_candidates": (
        "ok",
        "园内没有在公共道路附近中断的道路，无可开口之处",
        "no way inside stops short of a public street: there is nothing to open",
    ),
    "no_gain": (
        "ok",
        "开口不能明显缩短步行时间",
        "no opening would shorten walks enough to be listed",
    ),
    "no_facilities": (
        "no_data",
        "没有此类设施的数据；需要 osm_extract 或相应的输入",
        "no such facility is known: it takes an `osm_extract` or the input of that name",
    ),
    "not_scored": (
        "not_measurable",
        "各分项均不可测，不予评分",
        "no component could be measured: not scored",
    ),
    "no_donors": (
        "no_data",
        "没有普通工业用地数据可作对照",
        "there is no ordinary industrial land in the data to compare with",
    ),
    "few_draws": (
        "not_testable",
        "可供重置的合格位置不足，仅给出观测值",
        "too few eligible relocations; the observed value is shown without a test",
    ),
}


@dataclass(frozen=True)
class ComponentResult:
    """
    One statistic of one place: observed, relocated (D,), and over plausible footprints (K,).

    `reason` names why nothing is measured, a key of `REASONS`.
    """

    place_id: str
    statistic: Statistic
    observed: float
    null: FloatArray
    inside: float = np.nan
    ring: float = np.nan
    plausible: FloatArray | None = None
    reason: str | None = None
    basis: str = "streets"


def component_row(result: ComponentResult, settings: IslandSettings) -> dict[str, Any]:
    """
    Give the row of one statistic.

    Parameters
    ----------
    result
        What was measured.
    settings
        The island settings.

    Returns
    -------
    row with the columns of the island table; a component without an island side is context and
    is not tested
    """
    ranked = rank(np.array([result.observed]), result.null[:, None])
    reason = result.reason
    context = result.statistic.component not in ISLAND_SIDE
    if reason is None and not context and ranked.valid[0] < settings.min_valid_draws:
        reason = "few_draws"
    row = blank_row(result.place_id, result.statistic, settings, reason)
    row["basis"] = result.basis
    if reason in {None, "few_draws"}:
        row |= {"inside": result.inside, "ring": result.ring, "observed": result.observed}
    if reason is None and not context:
        row |= tested(result.observed, result.statistic, ranked, 0)
        if result.plausible is not None:
            row |= plausible_span(result.statistic, result.plausible, result.null)
    return row


def blank_row(
    place_id: str, statistic: Statistic, settings: IslandSettings, reason: str | None
) -> dict[str, Any]:
    """Give a row with every column, no figure, and status and reason in both languages."""
    status, zh, en = REASONS[reason] if reason else ("ok", None, None)
    missing = dict.fromkeys(FIGURES, np.nan)
    return {
        "place_id": place_id,
        "component": statistic.component,
        "category": statistic.category,
        "ring_m": statistic.ring_m,
        "main_ring": statistic.ring_m == settings.ring_m,
        "unit": statistic.unit,
        **missing,
        "p_plausible": None,
        "draws": 0,
        "verdict": None,
        "status": status,
        "reason": reason,
        "reason_zh": zh,
        "reason_en": en,
        "basis": None,
    }


FIGURES = (
    "inside",
    "ring",
    "inside_count",
    "ring_count",
    "observed",
    "effect",
    "null_median",
    "null_low",
    "null_high",
    "p",
    "p_island",
    "low",
    "high",
)


def tested(observed: float, statistic: Statistic, ranked: Ranked, number: int) -> dict[str, Any]:
    """Give the columns of the test: effect, null range, p and number of relocations."""
    low = ISLAND_SIDE[statistic.component] == "low"
    one_sided = (ranked.p_low if low else ranked.p_high)[number]
    return {
        "effect": observed - ranked.median[number],
        "null_median": ranked.median[number],
        "null_low": ranked.low[number],
        "null_high": ranked.high[number],
        # Amenities may differ either way; every other component has one island side.
        "p": ranked.p_two[number] if statistic.component == AMENITY else one_sided,
        "p_island": one_sided,
        "draws": int(ranked.valid[number]),
    }


def plausible_span(statistic: Statistic, values: FloatArray, null: FloatArray) -> dict[str, Any]:
    """
    Tell how a statistic and its test vary over plausible footprints.

    Parameters
    ----------
    statistic
        Which one.
    values, null
        The statistic of each plausible footprint (K,) and relocation (D,).

    Returns
    -------
    5 and 95 % bounds, and the p of each footprint in the island direction (`claimed`)
    """
    if not np.isfinite(values).any():
        return {"low": np.nan, "high": np.nan, "p_plausible": None}
    low, high = np.nanquantile(values, [0.05, 0.95])
    p_island = island_p(values, null, side=ISLAND_SIDE[statistic.component])
    return {"low": float(low), "high": float(high), "p_plausible": p_island}


def island_p(values: FloatArray, null: FloatArray, *, side: str) -> FloatArray:
    """Give the one-sided p, in the island direction, of each of many values against one null."""
    sign = 1.0 if side == "low" else -1.0
    drawn = np.sort(sign * null[np.isfinite(null)])
    as_extreme = np.searchsorted(drawn, sign * values + TIE, side="right")
    return np.where(np.isfinite(values), (1 + as_extreme) / (len(drawn) + 1), np.nan)


def claimed(table: pd.DataFrame, settings: IslandSettings) -> pd.DataFrame:
    """
    Say of every row how many plausible footprints support its island claim, and how well.

    Parameters
    ----------
    table
        `p_plausible`: the p of each plausible footprint (K,), NaN where it cannot be measured and
        does not support the claim; None where the boundary is certain or nothing is measured.
        `verdict` is filled.
    settings
        `alpha`, `robust_share` and `likely_share`.

    Returns
    -------
    the table with `claim_share` instead of `p_plausible`, on the same rows
    """
    shares = [_supporting(p, settings.alpha) for p in table["p_plausible"]]
    verdicts = pd.Series([verdict(share, settings) for share in shares], table.index, dtype=object)
    told = table.rename(columns={"p_plausible": "claim_share"})
    return told.assign(claim_share=np.array(shares, dtype=np.float64), verdict=verdicts)


def _supporting(p: FloatArray | None, alpha: float) -> float:
    if p is None:
        return np.nan
    with np.errstate(invalid="ignore"):
        return float((p <= alpha).mean())


def verdict(claim_share: float, settings: IslandSettings) -> str | None:
    """
    Say how well a claim stands over the plausible footprints.

    Parameters
    ----------
    claim_share
        Share of plausible footprints for which the claim holds.
    settings
        `robust_share` and `likely_share`.

    Returns
    -------
    `robust`, `likely` or `not_testable`; None where the claim fails as surely as a robust one
    holds (nothing is claimed), or there is no share
    """
    if np.isnan(claim_share) or claim_share <= 1 - settings.robust_share:
        return None
    if claim_share >= settings.robust_share:
        return "robust"
    return "likely" if claim_share >= settings.likely_share else "not_testable"

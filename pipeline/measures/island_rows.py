"""Turn what was measured for a place into rows with p values, statuses and reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipeline.settings.island import IslandSettings

from .island_contrast import AMENITY, MIX, POOLED, Contrast, Statistic
from .island_grid import FloatArray
from .island_null import Positions, Ranked, rank

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
        "位置误差大于环带与园区直径之和,无法分辨园内与环带",
        "the position is too uncertain to tell inside from ring",
    ),
    "below_cells": (
        "not_measurable",
        "园区过小,网格计数无法分辨",
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
    "few_draws": (
        "not_testable",
        "可供重置的合格位置不足,仅给出观测值",
        "too few eligible relocations; the observed value is shown without a test",
    ),
}


@dataclass(frozen=True)
class PlaceContrast:
    """
    What was measured for a place: exactly, by sample points in place, relocated, and plausible.

    The exact values are reported; the sampled ones are ranked among the relocations, so that
    both sides of the comparison carry the same approximation. `cell_km2` is 0 for points.
    """

    place_id: str
    area_km2: float
    cell_km2: float
    equivalent_radius_m: float
    precision_m: float
    indicative: bool
    origin_xy_m: tuple[float, float]
    positions: Positions
    exact: Contrast
    sampled: Contrast
    null: Contrast
    plausible: Contrast | None

    def draws(self) -> pd.DataFrame:
        """Give one row for each relocation, with shift, rotation and statistics."""
        shift = pd.DataFrame(
            {
                "place_id": self.place_id,
                "draw": np.arange(len(self.positions)),
                "x_m": self.positions.x_m,
                "y_m": self.positions.y_m,
                "dx_m": self.positions.x_m - self.origin_xy_m[0],
                "dy_m": self.positions.y_m - self.origin_xy_m[1],
                "angle_rad": self.positions.angle_rad,
            }
        )
        names = [statistic.column for statistic in self.null.statistics]
        return pd.concat([shift, pd.DataFrame(self.null.value, columns=names)], axis=1)


def unmeasured_rows(
    place_id: str, categories: Sequence[str], settings: IslandSettings, reason: str
) -> list[dict[str, Any]]:
    """Give the rows of a place that cannot be measured at all, each with status and reason."""
    keys = [(AMENITY, name) for name in (*categories, POOLED)] + [(MIX, POOLED)]
    return [
        _row(place_id, Statistic(component, category, width_m, ""), settings, reason)
        for component, category in keys
        for width_m in settings.ring_widths_m
    ]


def place_rows(place: PlaceContrast, settings: IslandSettings) -> list[dict[str, Any]]:
    """
    Give one row for each statistic of a place.

    Parameters
    ----------
    place
        What was measured.
    settings
        The island settings.

    Returns
    -------
    rows with `status` `ok` where tested, else a reason in both languages; where only the test is
    impossible the observed value stays
    """
    whole = _whole_place_reason(place, settings)
    ranked = rank(place.sampled.value[0], place.null.value)
    span = _plausible_span(place, settings)
    rows = []
    for number, statistic in enumerate(place.exact.statistics):
        reason = whole or _statistic_reason(place, number, ranked, settings)
        row = _row(place.place_id, statistic, settings, reason)
        if reason in (None, "few_draws"):
            row |= _observed(place, number)
        if reason is None:
            row |= _tested(row["observed"], statistic, ranked, number)
            row |= {name: values[number] for name, values in span.items()}
        rows.append(row)
    return rows


def _row(
    place_id: str, statistic: Statistic, settings: IslandSettings, reason: str | None
) -> dict[str, Any]:
    status, zh, en = REASONS[reason] if reason else ("ok", None, None)
    return {
        "place_id": place_id,
        "component": statistic.component,
        "category": statistic.category,
        "ring_m": statistic.ring_m,
        "main_ring": statistic.ring_m == settings.ring_m,
        "unit": statistic.unit,
        "inside": np.nan,
        "ring": np.nan,
        "inside_count": np.nan,
        "ring_count": np.nan,
        "observed": np.nan,
        "effect": np.nan,
        "null_median": np.nan,
        "null_low": np.nan,
        "null_high": np.nan,
        "p": np.nan,
        "p_island": np.nan,
        "draws": 0,
        "low": np.nan,
        "high": np.nan,
        "claim_share": np.nan,
        "verdict": None,
        "status": status,
        "reason": reason,
        "reason_zh": zh,
        "reason_en": en,
    }


def _whole_place_reason(place: PlaceContrast, settings: IslandSettings) -> str | None:
    reach_m = settings.ring_m + 2 * place.equivalent_radius_m
    if place.indicative and place.precision_m > reach_m:
        return "position"
    if place.area_km2 < settings.min_cells_inside * place.cell_km2 * (1 - DISC_AREA_LOSS):
        return "below_cells"
    return None


def _statistic_reason(
    place: PlaceContrast, number: int, ranked: Ranked, settings: IslandSettings
) -> str | None:
    exact, sampled = place.exact, place.sampled
    if np.isnan(exact.value[0, number]) or np.isnan(sampled.value[0, number]):
        total = exact.inside_count[0, number] + exact.ring_count[0, number]
        few = total < settings.min_total_count or exact.statistics[number].component == MIX
        return "few_facilities" if few else "little_ring"
    return "few_draws" if ranked.valid[number] < settings.min_valid_draws else None


def _observed(place: PlaceContrast, number: int) -> dict[str, Any]:
    exact = place.exact
    return {
        "inside": exact.inside[0, number],
        "ring": exact.ring[0, number],
        "inside_count": exact.inside_count[0, number],
        "ring_count": exact.ring_count[0, number],
        "observed": exact.value[0, number],
    }


def _tested(observed: float, statistic: Statistic, ranked: Ranked, number: int) -> dict[str, Any]:
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


def _plausible_span(place: PlaceContrast, settings: IslandSettings) -> dict[str, Any]:
    if place.plausible is None:
        return {}
    values = place.plausible.value
    p_island = island_p_of_each(values, place.null)
    exists = np.isfinite(values).any(axis=0)
    low, high = np.full((2, values.shape[1]), np.nan)
    low[exists], high[exists] = np.nanquantile(values[:, exists], [0.05, 0.95], axis=0)
    with np.errstate(invalid="ignore"):
        claim = np.where(exists, (p_island <= settings.alpha).mean(axis=0), np.nan)
    verdicts = [verdict(share, settings) for share in claim]
    return {"low": low, "high": high, "claim_share": claim, "verdict": verdicts}


def island_p_of_each(values: FloatArray, null: Contrast) -> FloatArray:
    """Give the one-sided p of each of many footprints against one null; shape (D, S)."""
    result = np.full(values.shape, np.nan)
    for number, statistic in enumerate(null.statistics):
        sign = 1.0 if ISLAND_SIDE[statistic.component] == "low" else -1.0
        drawn = np.sort(sign * null.value[np.isfinite(null.value[:, number]), number])
        if len(drawn) == 0:
            continue
        below = np.searchsorted(drawn, sign * values[:, number] + 1e-9, side="right")
        result[:, number] = (1 + below) / (len(drawn) + 1)
    return np.where(np.isfinite(values), result, np.nan)


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

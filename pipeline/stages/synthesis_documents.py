"""Set documented figures beside what follows from them: costs, growth, targets, areas."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from pipeline.measures.comparison import beside, compound_growth, grown
from pipeline.settings.synthesis import SynthesisSettings
from pipeline.sources.documented_checks import Check, Cost, DocumentedChecks, documented_checks
from pipeline.stages.context import StageContext

COSTS = (
    "item", "zh", "en", "unit", "here", "there", "here_zh", "here_en", "there_zh", "there_en",
    "ratio", "ratio_stated", "check_value", "check_source", "source",
)  # fmt: skip


def write_documents(context: StageContext, targets: pd.DataFrame, places: gpd.GeoDataFrame) -> None:
    """Write `costs` and `figure_checks`; empty for a study without these documents."""
    settings: SynthesisSettings = context.settings("synthesis")
    asked = documented_checks()
    source = context.input("places")
    costs = pd.DataFrame({name: [] for name in COSTS})
    checks = beside([], tolerance_share=settings.tolerance_share)
    if source is not None and source.reference == asked.places_table:
        from pipeline.sources.reference import read_reference

        figures = read_reference("policy_figures").set_index("figure_id")
        costs = _costs(context, figures, asked)
        rows = [
            (check.id, check.zh, check.en, check.unit,
             _computed(check, figures, targets, places), _stated(check, figures))
            for check in asked.checks
            if check.footprint is None or check.footprint in places.index
        ]  # fmt: skip
        checks = beside(rows, tolerance_share=settings.tolerance_share)
    context.put("costs.parquet", costs)
    context.put("figure_checks.parquet", checks)


def _costs(context: StageContext, figures: pd.DataFrame, asked: DocumentedChecks) -> pd.DataFrame:
    """Set the costs of the two cities side by side, with an independent check where one is."""
    standards = context.frame("ingest", "standards.parquet").set_index("standard_id")
    rows = [_cost(cost, figures, standards) for cost in asked.costs]
    named = {
        f"{side}_{language}": getattr(getattr(asked.cities, side), language)
        for side in ("here", "there")
        for language in ("zh", "en")
    }
    return pd.DataFrame(rows).assign(**named)[list(COSTS)]


def _cost(cost: Cost, figures: pd.DataFrame, standards: pd.DataFrame) -> dict[str, object]:
    value = figures["value"].astype("float64")
    here = float(value[cost.here])
    stated = float("nan") if cost.ratio is None else float(value[cost.ratio])
    there = here / stated if cost.there is None else float(value[cost.there])
    check = standards.reindex([cost.standard])
    return {
        "item": cost.item,
        "zh": cost.zh,
        "en": cost.en,
        "unit": cost.unit,
        "here": here,
        "there": there,
        "ratio": here / there,
        "ratio_stated": stated,
        "check_value": check["value"].astype("float64").iloc[0],
        "check_source": check["source"].iloc[0],
        "source": str(figures.loc[cost.here, "source"]),
    }


def _computed(
    check: Check, figures: pd.DataFrame, targets: pd.DataFrame, places: gpd.GeoDataFrame
) -> float:
    """Compute what the figures imply, in the one way the check states."""
    value = figures["value"].astype("float64")
    if (grow := check.before_growth or check.yearly_growth) is not None:
        level = float(value[grow.level])
        first = level / (1 + value[grow.growth] / 100)
        if check.before_growth is not None:
            return float(first)
        return compound_growth(first, level, years=grow.years) * 100
    if (grow := check.grown) is not None:
        share = float(value[grow.growth]) / 100
        return grown(float(value[grow.level]), growth_share=share, years=grow.years)
    if check.ratio is not None:
        return float(value[check.ratio.of] / value[check.ratio.to])
    if check.target is not None:
        asked = check.target
        column = "target_10k_m2" if asked.year is None else f"target_{asked.year}_10k_m2"
        sums = targets.set_index(["kind", "group"])[column]
        return float(sums.get((asked.kind, asked.group), np.nan))
    return float(places["footprint_km2"].astype("float64").get(check.footprint or "", np.nan))


def _stated(check: Check, figures: pd.DataFrame) -> float:
    return float(figures["check_value" if check.other else "value"].astype("float64")[check.stated])

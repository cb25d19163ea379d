"""Set need against provision for every place: per service, composite, by tier."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.measures.gaps import composite_gap, normalised_gap, rank_range, service_gap
from pipeline.settings.needs import NeedSettings
from pipeline.stages.context import StageContext

SOURCES = {"rail": "rail", "hospital": "hospitals", "school": "schools"}
KEPT = ("value", "unit", "low", "high", "status", "method", "finding", "verdict", "measured_share")


def run(context: StageContext) -> None:
    """Write one row per place and service, the composite with its rank range, and tier means."""
    places = context.layer("ingest", "places.parquet").set_index("place_id")
    settings = context.settings("gaps")
    rows = [_service(context, need, places.index) for need in settings.needs]
    wide = pd.concat(
        {need.service: row["gap"] for need, row in zip(settings.needs, rows, strict=True)}, axis=1
    )
    rows.append(_composite(context, wide))
    table = pd.concat(rows).rename_axis("place_id").reset_index()
    context.put("gaps.parquet", table.sort_values(["place_id", "service"], ignore_index=True))
    context.put("tiers.parquet", _tiers(table, places["tier"]))


def _service(context: StageContext, need: NeedSettings, ids: pd.Index[str]) -> pd.DataFrame:
    """Take the measure that the need names and say by how much it misses the standard."""
    stage = SOURCES[need.service]
    access = context.frame(stage, "access.parquet")
    wanted = (
        access["variant"].eq(need.variant)
        & access["mode"].eq(need.mode)
        & access["measure"].eq(need.measure)
    )
    found = access[wanted].set_index("place_id")[list(KEPT)].reindex(ids)
    settings = context.settings("gaps")
    missed = service_gap(found["value"], need=need.threshold, direction=need.direction)
    found["missed_by"] = missed
    found["gap"] = normalised_gap(
        missed, need=need.threshold, normalisation=settings.normalisation, cap=settings.cap
    )
    found["status"] = found["status"].fillna("no_data")
    nearest = context.frame(stage, "nearest.parquet")
    named = nearest[nearest["variant"].eq(need.variant)].set_index("place_id").reindex(ids)
    return found.assign(
        service=need.service,
        variant=need.variant,
        mode=need.mode,
        measure=need.measure,
        need=need.threshold,
        standard_id=need.standard_id,
        nearest_name_zh=named["name_zh"],
        nearest_name_en=named["name_en"],
        nearest_lon=named["lon"],
        nearest_lat=named["lat"],
        nearest_straight_m=named["straight_m"],
        snapshot=context.settings("study").date.isoformat(),
    )


def _composite(context: StageContext, wide: pd.DataFrame) -> pd.DataFrame:
    settings, uncertainty = context.settings("gaps"), context.settings("uncertainty")
    joined = composite_gap(wide, weights=settings.weights)
    ranks = rank_range(
        wide,
        weights=settings.weights,
        draws=settings.dirichlet_draws,
        concentration=settings.dirichlet_concentration,
        seed=context.settings("study").seed,
        worst_places=settings.worst_places,
        robust_share=uncertainty.robust_share,
        likely_share=uncertainty.likely_share,
    )
    return pd.DataFrame(
        {
            "service": "composite",
            "gap": joined["composite"],
            "low": joined["at_least"],
            "high": joined["at_most"],
            "status": joined["status"],
            "value": joined["composite"],
            "unit": "share",
            "missing": joined["missing"],
            "rank": ranks["rank"],
            "rank_low": ranks["rank_best"],
            "rank_high": ranks["rank_worst"],
            "finding": ranks["finding"],
            "verdict": ranks["verdict"],
            "snapshot": context.settings("study").date.isoformat(),
        },
        index=wide.index,
    )


def _tiers(table: pd.DataFrame, tier: pd.Series[str]) -> pd.DataFrame:
    """Summarise gaps by tier over the places that have one; the others are counted."""
    known = table.assign(tier=table["place_id"].map(tier))
    grouped = known.groupby(["tier", "service"], sort=True)
    return pd.DataFrame(
        {
            "places": grouped.size(),
            "with_value": grouped["gap"].count(),
            "gap_mean": grouped["gap"].mean(),
            "gap_median": grouped["gap"].median(),
            "gap_robust": grouped.apply(_count("gap", "robust"), include_groups=False),
            "gap_likely": grouped.apply(_count("gap", "likely"), include_groups=False),
            "no_gap_robust": grouped.apply(_count("no_gap", "robust"), include_groups=False),
            "undecided": grouped["verdict"].agg(lambda words: int((words == "not_testable").sum())),
        }
    ).reset_index()


def _count(finding: str, verdict: str):  # noqa: ANN202
    def count(rows: pd.DataFrame) -> int:
        return int(np.sum(rows["finding"].eq(finding) & rows["verdict"].eq(verdict)))

    return count

"""Set need against provision for every place: per service, composite, by tier."""

from __future__ import annotations

import pandas as pd

from pipeline.errors import Problem, StudyError
from pipeline.measures.gaps import composite_gap, normalised_gap, rank_range, service_gap
from pipeline.measures.uncertainty import interval, verdict
from pipeline.settings.needs import NeedSettings
from pipeline.stages.context import StageContext

SOURCES = {"rail": "rail", "hospital": "hospitals", "school": "schools"}
KEPT = (
    "value", "unit", "low", "high", "status", "method", "finding", "verdict", "measured_share",
    "snapshot",
)  # fmt: skip


def run(context: StageContext) -> None:
    """Write one row per place and service, the composite with its rank range, and tier means."""
    places = context.layer("ingest", "places.parquet").set_index("place_id")
    needs = context.settings("gaps").needs
    rows = [_service(context, need, places.index) for need in needs]
    wide = pd.concat({need.service: r["gap"] for need, r in zip(needs, rows, strict=True)}, axis=1)
    drawn = pd.concat({need.service: _drawn(context, need) for need in needs}, axis=1)
    dates = pd.concat([row["snapshot"] for row in rows]).dropna()
    joined = _composite(context, wide, drawn)
    rows.append(joined.assign(snapshot=None if dates.empty else dates.min()))
    table = pd.concat(rows).rename_axis("place_id").reset_index()
    context.put("gaps.parquet", table.sort_values(["place_id", "service"], ignore_index=True))
    context.put("tiers.parquet", _tiers(table, places["tier"]))


def _service(context: StageContext, need: NeedSettings, ids: pd.Index[str]) -> pd.DataFrame:
    """Take the measure that the need names and say by how much it misses the standard."""
    stage = SOURCES[need.service]
    access = context.frame(stage, "needs.parquet")
    found = access[_named(access, need)].set_index("place_id")[list(KEPT)].reindex(ids)
    found["missed_by"] = service_gap(found["value"], need=need.threshold, direction=need.direction)
    # Known to lie beyond the search is known to miss the standard, and by no known amount.
    beyond = found["status"].eq("beyond_limit")
    found["gap"] = _normalised(context, need, found["missed_by"], beyond)
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
    )


def _named(table: pd.DataFrame, need: NeedSettings) -> pd.Series[bool]:
    """Find the rows of the measure that a need names."""
    return (
        table["service"].eq(need.service)
        & table["variant"].eq(need.variant)
        & table["mode"].eq(need.mode)
        & table["measure"].eq(need.measure)
    )


def _drawn(context: StageContext, need: NeedSettings) -> pd.Series[float]:
    """Give the normalised gap of a need in every draw of every place."""
    table = context.frame(SOURCES[need.service], "draws.parquet")
    rows = table[_named(table, need)].set_index(["place_id", "draw"])
    missed = service_gap(rows["value"], need=need.threshold, direction=need.direction)
    return _normalised(context, need, missed, rows["beyond"])


def _normalised(
    context: StageContext, need: NeedSettings, missed: pd.Series[float], beyond: pd.Series[bool]
) -> pd.Series[float]:
    settings = context.settings("gaps")
    whole = missed.mask(beyond.astype(bool), settings.cap * need.threshold)
    return normalised_gap(
        whole, need=need.threshold, normalisation=settings.normalisation, cap=settings.cap
    )


def _composite(context: StageContext, wide: pd.DataFrame, drawn: pd.DataFrame) -> pd.DataFrame:
    """Join the gaps shown, so that parts, whole and rank agree; the interval is over the draws.

    The rank range over weights stands apart from that interval.
    """
    settings, rules = context.settings("gaps"), context.settings("uncertainty")
    weights = _weights(context)
    by_draw = composite_gap(drawn, weights=weights)
    over_draws = interval(
        by_draw["composite"], places=wide.index, interval_share=rules.interval_share
    )
    judged = verdict(
        by_draw["composite"],
        places=wide.index,
        threshold=0.0,
        claim="above",
        robust_share=rules.robust_share,
        likely_share=rules.likely_share,
    )
    joined = composite_gap(wide, weights=weights)
    whole = joined["composite"].where(over_draws["value"].notna())
    ranks = rank_range(
        wide,
        weights=weights,
        draws=settings.dirichlet_draws,
        concentration=settings.dirichlet_concentration,
        seed=context.settings("study").seed,
        worst_places=settings.worst_places,
        robust_share=rules.robust_share,
        likely_share=rules.likely_share,
    )
    return pd.DataFrame(
        {
            "service": "composite",
            "gap": whole,
            "low": over_draws["low"],
            "high": over_draws["high"],
            "status": over_draws["status"],
            "value": whole,
            "unit": "share",
            "finding": judged["finding"],
            "verdict": judged["verdict"],
            "missing": joined["missing"],
            "at_least": joined["at_least"],
            "at_most": joined["at_most"],
            "rank": ranks["rank"],
            "rank_low": ranks["rank_best"],
            "rank_high": ranks["rank_worst"],
            "rank_finding": ranks["finding"],
            "rank_verdict": ranks["verdict"],
        },
        index=wide.index,
    )


def _weights(context: StageContext) -> dict[str, float]:
    """Leave out what the city has none of: a park cannot lack of its city what that lacks itself.

    Raises
    ------
    StudyError
        When no other service has a weight.
    """
    weights: dict[str, float] = dict(context.settings("gaps").weights)
    if not context.settings("rail").in_city:
        weights.pop("rail", None)
    if not sum(weights.values()) > 0:
        raise StudyError(
            Problem(
                zh="本市没有轨道交通，而综合缺口只含轨道",
                en="the city has no rail and the composite gap consists of nothing else",
                rule="gaps.weights",
                remedy_zh="给医院或学校以权重",
                remedy_en="give hospitals or schools a weight",
            )
        )
    return weights


def _tiers(table: pd.DataFrame, tier: pd.Series[str]) -> pd.DataFrame:
    """Summarise gaps by tier over the places that have one; the others are counted."""
    gap, no_gap = table["finding"].eq("gap"), table["finding"].eq("no_gap")
    # A certain boundary has a finding without a verdict: it holds as a robust one does.
    firm = table["verdict"].eq("robust") | (table["verdict"].isna() & table["finding"].notna())
    flagged = table.assign(
        tier=table["place_id"].map(tier),
        gap_robust=gap & firm,
        gap_likely=gap & table["verdict"].eq("likely"),
        no_gap_robust=no_gap & firm,
        undecided=table["verdict"].eq("not_testable") & table["gap"].notna(),
    )
    return (
        flagged.groupby(["tier", "service"], sort=True)
        .agg(
            places=("place_id", "size"),
            with_value=("gap", "count"),
            gap_mean=("gap", "mean"),
            gap_median=("gap", "median"),
            gap_robust=("gap_robust", "sum"),
            gap_likely=("gap_likely", "sum"),
            no_gap_robust=("no_gap_robust", "sum"),
            undecided=("undecided", "sum"),
        )
        .reset_index()
    )

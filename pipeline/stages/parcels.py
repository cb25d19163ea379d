"""Judge parcels: what is under-used, what can be done with it, and whether services are near."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import partial

import geopandas as gpd
import pandas as pd

from pipeline.measures.parcel_access import (
    ACCESS_COLUMNS,
    ServiceStandard,
    cross_with_access,
    land_without_services,
)
from pipeline.measures.parcel_checks import contradictions, documented_against_computed
from pipeline.measures.parcel_partition import Judged, judge, measure
from pipeline.measures.parcel_places import island_by_place
from pipeline.measures.parcel_scenarios import carrier_targets, uplift_against_targets
from pipeline.measures.parcel_switches import scenario_columns
from pipeline.measures.parcel_totals import totals, verdict_totals
from pipeline.measures.parcel_verdicts import evidence
from pipeline.measures.targets import targets_text
from pipeline.settings.parcel_rules import RuleSet
from pipeline.sources.parcel_rules import read_rules
from pipeline.sources.synthetic_parcels import BEFORE
from pipeline.spreadsheet import without_formulas
from pipeline.stages.context import StageContext
from pipeline.stages.parcel_figures import computed_figures
from pipeline.stages.parcel_inputs import MARK, ParcelTables, parcel_tables
from pipeline.stages.parcel_minutes import parcel_minutes
from pipeline.stages.place_tables import DRAWING

GROUPS = {"park": "park_id", "zone": "zone_id", "district": "district_zh", "all": "all"}
ACCESS = {"rail": "rail", "hospital": "hospitals", "school": "schools"}
WAS = "before_"  # what was before renewal
VERDICT = ("verdict", "outcome", "outcome_no", "zh", "en", "far", "idle_yr", "rules_fired")


# Every part and what it is set by. A changed need moves services and nothing else.
JUDGED = (
    "study.crs",
    "study.date",
    "study.buffer_m",
    "parcels.rules",
    "parcels.cutoffs",
    "parcels.far_target",
    "parcels.max_coverage_share",
    "parcels.min_known_share",
    "parcels.estimated_confidence",
    "parcels.about_share",
    "parcels.reading",
    "parcels.footprints",
    "parcels.zero_class",
    "parcels.lease",
    "parcels.levy",
    "parcels.synthetic",
)
TIMED = (
    "study.crs",
    "study.seed",
    "network",
    *DRAWING,
    *(f"gaps.needs.{name}" for name in ("service", "variant", "mode", "unit")),
)
SERVED = ("study.crs", "gaps.needs", "parcels.min_served", "parcels.min_low_land_m2")


def run(context: StageContext) -> None:
    """Write parcels with verdicts, their evidence, sums, checks and the land-service table."""
    context.part("judged", partial(_write_judged, context), set_by=JUDGED)
    context.part("minutes", partial(_write_minutes, context), set_by=TIMED)
    context.part("services", partial(_write_services, context), set_by=SERVED)


def _write_judged(context: StageContext) -> None:
    """Judge the parcels by themselves, whatever is near: `judged.parquet` and what it sums to."""
    settings = context.settings("parcels")
    written = read_rules(settings.rules)
    rules = written.with_cutoffs(settings.cutoffs)
    given = parcel_tables(context, written)
    now = _judged(context, given.parcels, rules, on=context.settings("study").date)
    earlier = None
    if given.before is not None:
        earlier = _judged(context, given.before, rules, on=BEFORE)
    synthetic = bool(given.parcels["synthetic"].any())
    tables = {
        "judged": _side_by_side(context, now.frame, earlier),
        "zones": given.zones,
        "evidence": _evidence({"now": now, "before": earlier}, rules),
        "totals": _totals(context, now, earlier),
        "outcomes": _outcomes(now.frame),
        "targets": _targets(context, now.frame),
        "checks": documented_against_computed(
            given.documented,
            computed_figures(
                context.layer("ingest", "places.parquet"),
                now.frame,
                None if earlier is None else earlier.frame,
                zones=given.zones,
                min_known_share=settings.min_known_share,
            ),
            about_share=settings.about_share,
        ),
        "findings": given.findings,
    }
    for name, content in tables.items():
        context.put(f"{name}.parquet", _marked(content, synthetic=synthetic))
    said = contradictions(given.documented, about_share=settings.about_share)
    # Documents against documents: nothing generated stands in this table.
    context.put("contradictions.parquet", _marked(said, synthetic=False))
    with context.writing("outputs:tables/parcel_findings.csv") as target:
        without_formulas(given.findings).to_csv(target, index=False, encoding="utf-8-sig")
    _notice(context, given, synthetic=synthetic)


def _write_minutes(context: StageContext) -> None:
    path = context.path("parcels", "judged.parquet")
    parcels = gpd.read_parquet(path, columns=["parcel_id", "synthetic", "geometry"])
    minutes = parcel_minutes(context, parcels)
    context.put("minutes.parquet", _marked(minutes, synthetic=bool(parcels["synthetic"].any())))


def _write_services(context: StageContext) -> None:
    """Set what is near beside every parcel, and sum up by place where land and services meet."""
    settings = context.settings("parcels")
    judged = context.layer("parcels", "judged.parquet")
    synthetic = bool(judged["synthetic"].any())
    crossed = _crossed(context, judged)
    land = land_without_services(
        judged, crossed, place_column="park_id", min_land_m2=settings.min_low_land_m2
    )
    after = {*(f"{WAS}{name}" for name in VERDICT), "mark"}
    last = [name for name in judged.columns if name in after]
    parcels = pd.concat([judged.drop(columns=last), crossed, judged[last]], axis=1)
    context.put("parcels.parquet", parcels)
    land = land.reset_index(drop="place_id" in land.columns)
    context.put("land_and_services.parquet", _marked(land, synthetic=synthetic))


def _notice(context: StageContext, given: ParcelTables, *, synthetic: bool) -> None:
    """Say what was judged, and where to read what the reader found."""
    if synthetic:
        context.notice(
            "没有地块文件：地块部分为合成示例",
            "no parcel file: the parcels are a synthetic example",
        )
    if count := len(given.findings):
        context.notice(
            f"地块文件有 {count} 条说明，见 tables/parcel_findings.csv",
            f"{count} findings on the parcel file, see tables/parcel_findings.csv",
        )


def _marked(table: pd.DataFrame, *, synthetic: bool) -> pd.DataFrame:
    """Say on every row whether it rests on generated parcels."""
    mark = pd.array([MARK if synthetic else None] * len(table), dtype="string")
    return table.assign(synthetic=synthetic, mark=mark)


def _judged(
    context: StageContext, parcels: gpd.GeoDataFrame, rules: RuleSet, *, on: dt.date
) -> Judged:
    settings = context.settings("parcels")
    measured = measure(
        parcels,
        study_date=on,
        far_target=settings.far_target,
        max_coverage_share=settings.max_coverage_share,
    )
    return judge(
        measured,
        rules,
        estimated_confidence=settings.estimated_confidence,
        grade_reference=None,
    )


def _side_by_side(
    context: StageContext, judged: pd.DataFrame, earlier: Judged | None
) -> gpd.GeoDataFrame:
    """Put verdicts, scenarios and the verdict before renewal side by side."""
    settings = context.settings("parcels")
    scenarios = scenario_columns(
        judged, zero_class=settings.zero_class, lease=settings.lease, levy=settings.levy
    )
    parts = [judged, scenarios]
    if earlier is not None:
        parts.append(earlier.frame[list(VERDICT)].add_prefix(WAS))
    whole = pd.concat(parts, axis=1)
    return _plain(gpd.GeoDataFrame(whole, geometry="geometry", crs=context.crs))


def _evidence(states: Mapping[str, Judged | None], rules: RuleSet) -> pd.DataFrame:
    """List the comparisons that held, state by state and decision by decision."""
    read = {"parcel_id", *rules.fields()}
    parts = []
    for state, judged in states.items():
        if judged is None:
            continue
        frame = pd.DataFrame(judged.frame[[name for name in judged.frame if name in read]])
        parts += [
            evidence(
                frame, rules, judged.evaluation, decision=decision.id, id_column="parcel_id"
            ).assign(decision=decision.id, state=state)
            for decision in rules.decisions
        ]
    return pd.concat(parts, ignore_index=True)


def _crossed(context: StageContext, parcels: pd.DataFrame) -> pd.DataFrame:
    access = pd.concat(
        [context.frame(stage, "needs.parquet", ACCESS_COLUMNS) for stage in ACCESS.values()],
        ignore_index=True,
    )
    standards = [
        ServiceStandard(
            need.service, need.variant, need.mode, need.measure, need.threshold, need.unit
        )
        for need in context.settings("gaps").needs
        if need.direction == "at_most"
    ]
    return cross_with_access(
        parcels,
        access,
        standards=standards,
        min_served=context.settings("parcels").min_served,
        place_column="park_id",
        island=island_by_place(context.frame("island", "scored.parquet")),
    )


def _totals(context: StageContext, now: Judged, earlier: Judged | None) -> pd.DataFrame:
    least = context.settings("parcels").min_known_share
    states: Mapping[str, Judged | None] = {"now": now, "before": earlier}
    parts = [
        totals(judged.frame.assign(all="all"), by=column, min_known_share=least)
        .rename_axis("group")
        .reset_index()
        .assign(level=level, state=state)
        for state, judged in states.items()
        if judged is not None
        for level, column in GROUPS.items()
    ]
    return pd.concat(parts, ignore_index=True)


def _outcomes(parcels: pd.DataFrame) -> pd.DataFrame:
    grouped = parcels.assign(all="all")
    parts = [
        verdict_totals(grouped, by=column, outcome="outcome").assign(level=level)
        for level, column in GROUPS.items()
    ]
    return pd.concat(parts, ignore_index=True)


def _targets(context: StageContext, parcels: pd.DataFrame) -> pd.DataFrame:
    """Set the room for more floor area against the carriers' targets, by district."""
    places = pd.DataFrame(context.layer("ingest", "places.parquet").drop(columns="geometry"))
    uplift = parcels.groupby("district_zh")["uplift_m2"].sum(min_count=1)
    targets = carrier_targets(places.dropna(subset=["district_zh"]), by="district_zh")
    table = uplift_against_targets(uplift, targets).reset_index()
    return table.assign(targets=targets_text(table))


def _plain(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Join lists to text, so that every column has one plain type."""
    lists = [
        name
        for name in table.columns
        if name != "geometry" and any(isinstance(cell, list) for cell in table[name])
    ]
    return table.assign(**{name: table[name].map(";".join) for name in lists})

"""Judge parcels: what is under-used, what can be done with it, and whether services are near."""

from __future__ import annotations

from collections.abc import Mapping

import geopandas as gpd
import pandas as pd

from pipeline.measures.parcel_access import (
    ServiceStandard,
    cross_with_access,
    land_without_services,
)
from pipeline.measures.parcel_checks import contradictions, documented_against_computed
from pipeline.measures.parcel_partition import Judged, judge, measure
from pipeline.measures.parcel_scenarios import carrier_targets, uplift_against_targets
from pipeline.measures.parcel_totals import totals, verdict_totals
from pipeline.measures.parcel_verdicts import evidence
from pipeline.settings.parcel_rules import RuleSet
from pipeline.sources.parcel_rules import find_rules, read_rules
from pipeline.stages.context import StageContext

GROUPS = {"park": "park_id", "zone": "zone_id", "district": "district_zh"}
ACCESS = {"rail": "rail", "hospital": "hospitals", "school": "schools"}
M2_PER_MU = 10_000 / 15


def run(context: StageContext) -> None:
    """Write parcels with verdicts, their evidence, sums, checks and the land-service table."""
    settings = context.settings("parcels")
    rules = read_rules(find_rules(settings.rules, workspace=context.workspace.root)).with_cutoffs(
        settings.cutoffs
    )
    parcels, before = _parcels(context, rules)
    now = _judged(context, parcels, rules)
    earlier = None if before is None else _judged(context, before, rules)
    crossed = _crossed(context, now.frame)
    table = gpd.GeoDataFrame(
        pd.concat([now.frame, crossed], axis=1), geometry="geometry", crs=context.crs
    )
    context.put("parcels.parquet", _plain(table))
    decision = rules.decisions[0].id
    told = evidence(now.frame, rules, now.evaluation, decision=decision, id_column="parcel_id")
    tables = {
        "evidence": told,
        "totals": _totals(context, now, earlier),
        "outcomes": _outcomes(now.frame),
    }
    land = land_without_services(
        now.frame, crossed, place_column="park_id", min_land_m2=settings.min_low_land_m2
    )
    tables |= {
        "land_and_services": land.reset_index(drop="place_id" in land.columns),
        "targets": _targets(context, now.frame),
        "checks": _checks(context, rules, now, earlier),
    }
    synthetic = bool(table["synthetic"].any())
    for name, content in tables.items():
        context.put(f"{name}.parquet", content.assign(synthetic=synthetic))
    said = contradictions(rules.documented, about_share=settings.about_share)
    context.put("contradictions.parquet", said)


def _parcels(
    context: StageContext, rules: RuleSet
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame | None]:
    """Read the user's parcels, or make the synthetic zone with its state before renewal."""
    from pipeline.sources.parcels import read_parcels
    from pipeline.sources.synthetic_parcels import before_renewal, synthetic_zone

    settings, given = context.settings("parcels"), context.settings("inputs").parcels
    if given.path is None:
        zone = synthetic_zone(
            seed=settings.synthetic.seed,
            parcels=settings.synthetic.parcels,
            documented=rules.documented,
        )
        context.log.info("no parcel file: %d synthetic parcels", len(zone.parcels))
        parcels = zone.parcels.to_crs(context.crs)
        return parcels, before_renewal(parcels)
    read = read_parcels(
        given.path,
        working_crs=context.crs,
        area_tolerance_share=settings.reading.area_tolerance_share,
        overlap_min_m2=settings.reading.overlap_min_m2,
        broken_cells=settings.reading.broken_cells,
        area_unit=given.area_unit,
        money_unit=given.money_unit,
        crs=given.crs,
        encoding=given.encoding,
    )
    context.log.info("%s", read.report)
    return read.frame, None


def _judged(context: StageContext, parcels: gpd.GeoDataFrame, rules: RuleSet) -> Judged:
    settings = context.settings("parcels")
    measured = measure(
        parcels,
        study_date=context.settings("study").date,
        far_target=settings.far_target,
        max_coverage_share=settings.max_coverage_share,
    )
    return judge(
        measured,
        rules,
        estimated_confidence=settings.estimated_confidence,
        grade_reference=None,
    )


def _crossed(context: StageContext, parcels: pd.DataFrame) -> pd.DataFrame:
    access = pd.concat(
        [context.frame(stage, "access.parquet") for stage in ACCESS.values()], ignore_index=True
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
    )


def _totals(context: StageContext, now: Judged, earlier: Judged | None) -> pd.DataFrame:
    least = context.settings("parcels").min_known_share
    states: Mapping[str, Judged | None] = {"now": now, "before": earlier}
    parts = [
        totals(judged.frame, by=column, min_known_share=least)
        .rename_axis("group")
        .reset_index()
        .assign(level=level, state=state)
        for state, judged in states.items()
        if judged is not None
        for level, column in GROUPS.items()
    ]
    return pd.concat(parts, ignore_index=True)


def _outcomes(parcels: pd.DataFrame) -> pd.DataFrame:
    parts = [
        verdict_totals(parcels, by=column, outcome="outcome").assign(level=level)
        for level, column in GROUPS.items()
    ]
    return pd.concat(parts, ignore_index=True)


def _targets(context: StageContext, parcels: pd.DataFrame) -> pd.DataFrame:
    """Set the room for more floor area against the carriers' targets, by district."""
    places = pd.DataFrame(context.layer("ingest", "places.parquet").drop(columns="geometry"))
    uplift = parcels.groupby("district_zh")["uplift_m2"].sum(min_count=1)
    targets = carrier_targets(places.dropna(subset=["district_zh"]), by="district_zh")
    return uplift_against_targets(uplift, targets).reset_index()


def _checks(
    context: StageContext, rules: RuleSet, now: Judged, earlier: Judged | None
) -> pd.DataFrame:
    """Hold the computed figures of the demonstration zone against the documented ones."""
    return documented_against_computed(
        rules.documented,
        _computed(context, now, earlier),
        about_share=context.settings("parcels").about_share,
    )


def _computed(
    context: StageContext, now: Judged, earlier: Judged | None
) -> dict[str, float | None]:
    places = context.layer("ingest", "places.parquet")
    years = {year: places[f"target_{year}_10k_m2"].sum(min_count=1) for year in (2023, 2024)}
    figures: dict[str, float | None] = {
        "carriers_2023_10k_m2": years[2023],
        "carriers_2024_10k_m2": years[2024],
        "carriers_by_2024_10k_m2": years[2023] + years[2024],
    }
    if earlier is None:
        return figures
    least = context.settings("parcels").min_known_share
    for state, judged in (("after", now), ("before", earlier)):
        row = totals(judged.frame, by="zone_id", min_known_share=least).iloc[0]
        figures[f"zone_far_{state}"] = float(row["far"])
        figures[f"zone_tax_{state}"] = float(row["tax_10k_yuan_ha"])
        figures[f"development_rate_{state}"] = float(row["developed_share"])
    cases, was = _by_case(now.frame), _by_case(earlier.frame)
    figures["revived_mu"] = now.frame.loc[now.frame["revived"], "area_m2"].sum() / M2_PER_MU
    figures["buy_back_far_before"] = was["buy_back"]["far"]
    figures["buy_back_far_after"] = cases["buy_back"]["far"]
    figures["buy_back_gfa_m2"] = cases["buy_back"]["gfa_m2"]
    figures["idle_area_mu"] = cases["idle"]["area_m2"] / M2_PER_MU
    figures["extension_gfa_m2"] = cases["extension"]["gfa_m2"] - was["extension"]["gfa_m2"]
    return figures


def _by_case(parcels: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Give the figures of the documented cases in the demonstration zone."""
    cases = parcels[parcels["case"].notna()].set_index("case")[["far", "gfa_m2", "area_m2"]]
    return {
        str(case): {str(name): float(value) for name, value in row.items()}
        for case, row in cases.astype("float64").to_dict("index").items()
    }


def _plain(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Join lists to text, so that every column has one plain type."""
    lists = [
        name
        for name in table.columns
        if name != "geometry" and table[name].map(lambda cell: isinstance(cell, list)).any()
    ]
    return table.assign(**{name: table[name].map(";".join) for name in lists})

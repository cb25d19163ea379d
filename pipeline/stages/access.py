"""Join all figures of access: long and wide table, standards, fit with the strategy, two tiers."""

from __future__ import annotations

from functools import partial

import geopandas as gpd
import numpy as np
import pandas as pd

from pipeline.measures.access_outcome import (
    comparisons,
    fit_rows,
    only_known,
    scopes_of,
    wide_table,
)
from pipeline.measures.access_rows import COLUMNS
from pipeline.measures.gaps import two_tier_test
from pipeline.measures.inequality import INEQUALITY_COLUMNS
from pipeline.measures.people import KINDS
from pipeline.measures.standards import Standard
from pipeline.measures.targets import target_total
from pipeline.measures.uncertainty_footprints import site_of
from pipeline.publish.access_dictionary import dictionary_text
from pipeline.settings.needs import MeasureSettings
from pipeline.spreadsheet import without_formulas
from pipeline.stages.context import StageContext
from pipeline.stages.place_tables import sampling_of

SERVICES = ("rail", "hospitals", "schools")
NAMES = ("name_zh", "name_en", "tier", "district_zh", "boundary_class", "precision_m")

FIGURES = (
    "study.crs",
    "study.seed",
    "gaps.comparisons",
    "gaps.provisions",
    "gaps.tier_rank",
    "gaps.bootstrap_draws",
    "uncertainty.interval_share",
)
# Of the gaps, what the two-tier test sets daily life against.
QUALITY = ("place_id", "service", "finding", "verdict")


def run(context: StageContext) -> None:
    """Write the long and the wide table, their dictionary, and what they say together."""
    places = context.layer("ingest", "places.parquet").set_index("place_id")
    told = partial(_write_told, context, places)
    context.part("tables", told, set_by=("study.crs", "gaps.basic_needs"))
    # What only rests on figures is a part of its own: a changed threshold moves findings alone.
    context.part("figures", partial(_write_figures, context, places), set_by=FIGURES)


def _write_told(context: StageContext, places: gpd.GeoDataFrame) -> None:
    """Write the tables that tell findings: long, wide, its dictionary, the two-tier test."""
    long = _long(context, "access.parquet")[list(COLUMNS)]
    context.put("access_long.parquet", long)
    standards = _standards(context)
    marked = {name: " ".join((name, *one.mark)).strip() for name, one in standards.items()}
    with context.writing("outputs:tables/access_wide.csv") as target:
        wide = wide_table(long, pd.DataFrame(places[list(NAMES)]), marked)
        without_formulas(wide).to_csv(target, index=False, encoding="utf-8-sig")
    with context.writing("outputs:tables/access_dictionary.md") as target:
        facilities = context.layer("ingest", "facilities.parquet")
        target.write_text(dictionary_text(long, standards, facilities), encoding="utf-8")
    context.put("two_tier.parquet", _two_tier(context, long, places.index))


def _write_figures(context: StageContext, places: gpd.GeoDataFrame) -> None:
    """Write what follows from the figures, whatever was found of them: comparisons and fit."""
    long = _long(context, "measured.parquet")
    context.put("comparisons.parquet", _comparisons(context, long, places, _standards(context)))
    context.put("fit.parquet", _fit(context, long, places))


def _long(context: StageContext, name: str) -> pd.DataFrame:
    """Join the tables of all services, of those with needs the one of this name."""
    tables = [context.frame(stage, name) for stage in SERVICES]
    tables.append(context.frame("basic", "access.parquet"))
    tables.append(context.frame("rail", "areas.parquet"))
    return only_known(tables)


def _standards(context: StageContext) -> dict[str, Standard]:
    """Read the thresholds and targets of the table of standards, by id."""
    table = context.frame("ingest", "standards.parquet")
    kinds = table["kind"] if len(table) else pd.Series(dtype="str")
    rows = table[kinds.isin(["threshold", "target"])].set_index("standard_id", drop=False)
    return {
        str(name): Standard.from_row({str(key): cell for key, cell in row.items()})
        for name, row in rows.iterrows()
    }


def _comparisons(
    context: StageContext,
    long: pd.DataFrame,
    places: pd.DataFrame,
    standards: dict[str, Standard],
) -> pd.DataFrame:
    asked = [
        ((item.service, item.variant, item.mode, item.measure), item.standard_id)
        for item in context.settings("gaps").comparisons
    ]
    return comparisons(long, standards, asked, scopes_of(places))


def _fit(context: StageContext, long: pd.DataFrame, places: gpd.GeoDataFrame) -> pd.DataFrame:
    """Tell how unequal provision is and whether it follows the strategy.

    Places of one site count once. The spread among the residents of the city comes from the stages
    of the services.
    """
    site = site_of(places)
    weights = _weights(context, places)
    by_site = {name: weight.groupby(site).max() for name, weight in weights.items()}
    settings = context.settings("gaps")
    each = {
        "tier": places["tier"].map(settings.tier_rank).astype("float64"),
        "planned_floor_area": target_total(places),
        "planned_area": places["planned_area_km2"].astype("float64"),
    }
    rankings = {name: ranking.groupby(site).max() for name, ranking in each.items()}
    parts = [context.frame(stage, "inequality.parquet") for stage in ("hospitals", "schools")]
    for item in settings.provisions:
        rows = long[_named(long, item)].set_index("place_id")
        values = rows["value"].astype("float64").reindex(places.index).groupby(site).first()
        found = fit_rows(values, rankings, by_site, sampling=sampling_of(context))
        parts.append(found.assign(**item.model_dump()))
    table = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    return table[list(INEQUALITY_COLUMNS)]


def _weights(context: StageContext, places: gpd.GeoDataFrame) -> dict[str, pd.Series[float]]:
    """Say what a place counts for: one, its land, and who lives and works there where known."""
    ones = pd.Series(1.0, index=places.index)
    weights = {"site": ones, "land_area": places["planned_area_km2"].astype("float64")}
    people = context.frame("ingest", "people_of_places.parquet").set_index("place_id")
    known = [kind for kind in KINDS if people[kind].notna().any()]
    weights |= {kind: people[kind].reindex(places.index) for kind in known}
    return weights


def _two_tier(context: StageContext, long: pd.DataFrame, ids: pd.Index[str]) -> pd.DataFrame:
    """Set each need of daily life against the service of quality of its kind."""
    gaps = context.frame("gaps", "gaps.parquet", QUALITY)
    parts = []
    for need in context.settings("gaps").basic_needs:
        basic = long[_named(long, need)].set_index("place_id").reindex(ids)
        quality = gaps[gaps["service"].eq(need.quality)].set_index("place_id").reindex(ids)
        basic["verdict"] = basic["verdict"].mask(basic["status"].eq("no_data"), "not_testable")
        tested = two_tier_test(basic, quality)
        parts.append(
            tested.assign(
                basic_service=need.service,
                basic_variant=need.variant,
                quality_service=need.quality,
                status=np.where(tested["tier"].notna(), "ok", "not_testable"),
            ).rename_axis("place_id")
        )
    return pd.concat(parts).reset_index() if parts else pd.DataFrame({"place_id": []})


def _named(long: pd.DataFrame, item: MeasureSettings) -> pd.Series[bool]:
    return (
        long["service"].eq(item.service)
        & long["variant"].eq(item.variant)
        & long["mode"].eq(item.mode)
        & long["measure"].eq(item.measure)
    )

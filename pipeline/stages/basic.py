"""Measure how far places are from ordinary schools, clinics and shops, where a study knows them."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd

from pipeline.measures.access_rows import (
    Need,
    draws_of_needs,
    judged,
    long_table,
    without_absence,
)
from pipeline.network.place_basic import BasicKind, basic_measures
from pipeline.settings.network import Mode
from pipeline.stages.context import StageContext
from pipeline.stages.place_tables import StreetsInTurn, judging_of, place_access

# Service, variant, kind of facility, column that must hold, level whose service radius counts.
KINDS = (
    ("school", "primary_public", "primary", "v_primary_public", "primary"),
    ("school", "junior_public", "junior", "v_junior_public", "junior"),
    ("school", "compulsory_affiliated", None, "v_compulsory_affiliated", None),
    ("school", "compulsory_education_group", None, "v_compulsory_education_group", None),
    ("kindergarten", "all", "kindergarten", None, "kindergarten"),
    ("clinic", "all", "clinic", None, None),
    ("supermarket", "all", "supermarket", None, None),
)
MODES: tuple[Mode, ...] = ("walk", "drive")


def run(context: StageContext) -> None:
    """Write the access of every place to each kind; without an extract every row is `no_data`."""
    ordinary = context.layer("ingest", "ordinary.parquet")
    access = place_access(context)
    rules = context.settings("schools")
    streets = StreetsInTurn(context, MODES)
    dates = ordinary["snapshot"].dropna()
    kinds = [
        BasicKind(
            service,
            variant,
            _of_kind(ordinary, kind, flag),
            rules.service_radius_m.get(level),
            None if dates.empty else str(dates.max()),
        )
        for service, variant, kind, flag, level in KINDS
    ]
    found = basic_measures(access, kinds, streets, limits_min=rules.thresholds_min)
    needs = [
        Need(n.service, n.variant, n.mode, n.measure, n.threshold, n.direction == "at_most",
             n.standard_id)
        for n in context.settings("gaps").basic_needs
    ]  # fmt: skip
    share = context.settings("uncertainty").interval_share
    table = judged(
        long_table(found, access.drawn, interval_share=share),
        draws_of_needs(found, access.drawn, {need.key for need in needs}),
        needs=needs,
        judging=judging_of(context),
    )
    if not context.settings("gaps").ordinary_is_complete:
        table = without_absence(table)
    context.put("access.parquet", table)
    context.log.info("measured %d places to %d ordinary facilities", len(access.places),
                     len(ordinary))  # fmt: skip


def _of_kind(ordinary: gpd.GeoDataFrame, kind: str | None, flag: str | None) -> gpd.GeoDataFrame:
    chosen = ordinary["status"].eq("operating")
    if kind is not None:
        chosen &= ordinary["kind"].eq(kind)
    if flag is not None:
        chosen &= pd.Series(ordinary[flag], index=ordinary.index).fillna(value=False).astype(bool)
    return ordinary[chosen].reset_index(drop=True)

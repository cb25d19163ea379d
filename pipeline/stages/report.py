"""Write the report and its figures."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from pipeline.measures.coverage import share_area_euclid
from pipeline.publish.map_changes import PLANNED, scenario_gaps
from pipeline.publish.report import build_report, compile_templates
from pipeline.publish.report_cells import Words
from pipeline.publish.report_data import Parameter, ReportData
from pipeline.publish.study_words import study_words
from pipeline.resources import shipped
from pipeline.settings.report import ReportSettings
from pipeline.stages.context import StageContext
from pipeline.stages.map_tables import with_plain_text
from pipeline.study import portable

ISLAND_TABLES = ("island", "ranks", "pooled")
PARCEL_TABLES = ("parcels", "totals", "checks", "targets")
SYNTHESIS_TABLES = (
    "siting",
    "sites",
    "pairing",
    "prices",
    "sectors",
    "rings",
    "layout_targets",
    "cluster_classes",
    "anchors",
    "concentration",
    "cluster_distances",
    "costs",
    "carrier_status",
    "contiguity",
    "retention",
    "figure_checks",
)
STRATEGY_TABLES = ("two_tier", "fit")
ACCESS = ("rail", "hospitals", "schools")
COVERAGE = ("name_zh", "name_en", "area_km2", "share", "share_extent")
COVERAGE_TABLE = "coverage.parquet"
COVERED_BY = ("study.crs", "rail_coverage.station_extent_m", "report.coverage_band_m")
REGISTER = "places"
#: The settings that the report names, by section.
NAMED = {
    "study": ("date", "seed"),
    "network": ("walk_speed_m_min", "detour_factor", "drive_estimate_speed_m_min", "snap_max_m"),
    "rail_coverage": ("station_extent_m",),
    "uncertainty": ("draws", "robust_share", "likely_share"),
    "gaps": ("normalisation", "cap", "worst_places", "dirichlet_draws"),
}


def prepare() -> None:
    """Compile the templates before there is anything to fill them with."""
    compile_templates()


def run(context: StageContext) -> None:
    """Write the report, and its figures as files of their own."""
    context.part("coverage", partial(_write_coverage, context), set_by=COVERED_BY)
    report = build_report(_data(context))
    with context.writing("outputs:report.html") as target:
        target.write_bytes(report.html.encode())
    for name, drawing in report.figures.items():
        with context.writing(f"outputs:figures/{name}.svg") as target:
            target.write_bytes(drawing.encode())
    context.log.info("wrote the report and %d figures", len(report.figures))


def _data(context: StageContext) -> ReportData:
    identity, gaps = context.settings("study"), context.settings("gaps")
    extent_m = context.settings("rail_coverage").station_extent_m
    rules = _rules(context)
    access = pd.concat(
        [context.frame(stage, "access.parquet") for stage in ACCESS], ignore_index=True
    )
    ahead = context.layer("rail", "stations.parquet")["status"].value_counts()
    return ReportData(
        title=Words(identity.name_zh, identity.name_en),
        study_date=identity.date.isoformat(),
        version=version("parkgap"),
        digest=_digest(context),
        crs=context.crs,
        needs=gaps.needs,
        worst_places=gaps.worst_places,
        places=with_plain_text(context.layer("ingest", "places.parquet")),
        gaps=with_plain_text(context.frame("gaps", "gaps.parquet")),
        access=access,
        words=study_words(context.frame("ingest", "labels.parquet"), gaps.needs),
        scenario=scenario_gaps(
            access if ahead.drop("operating", errors="ignore").sum() else access.iloc[:0],
            gaps.needs,
            variant=PLANNED,
            normalisation=gaps.normalisation,
            cap=gaps.cap,
        ),
        stations_ahead={str(status): int(count) for status, count in ahead.items()},
        cap=gaps.cap if gaps.normalisation == "share_of_standard" else None,
        facilities=pd.DataFrame(context.layer("ingest", "facilities.parquet")),
        sources=context.frame("ingest", "sources.parquet"),
        standards=context.frame("ingest", "standards.parquet"),
        documented=_embedded(context, "policy_figures"),
        contradictions=_embedded(context, "contradictions"),
        coverage=context.frame("report", COVERAGE_TABLE),
        coverage_band_m=rules.coverage_band_m,
        station_extent_m=extent_m,
        area_tolerance_share=rules.area_tolerance_share,
        parameters=_parameters(context),
        island=_tables(context, "island", ISLAND_TABLES),
        parcels=_tables(context, "parcels", PARCEL_TABLES),
        synthesis={
            **_tables(context, "synthesis", SYNTHESIS_TABLES),
            **_tables(context, "access", STRATEGY_TABLES),
        },
    )


def _tables(context: StageContext, stage: str, names: Sequence[str]) -> dict[str, pd.DataFrame]:
    return {name: context.frame(stage, f"{name}.parquet") for name in names}


def _rules(context: StageContext) -> ReportSettings:
    rules: ReportSettings = context.settings("report")
    return rules


def _embedded(context: StageContext, name: str) -> pd.DataFrame:
    """Read an embedded table about the embedded register; another study's register has none."""
    table = pd.read_csv(shipped("reference") / f"{name}.csv")
    given = context.settings("inputs").places
    return table if given is not None and given.reference == REGISTER else table.iloc[:0]


def _write_coverage(context: StageContext) -> None:
    """Share the land of each district near an operating station, to set beside published ones."""
    band_m = _rules(context).coverage_band_m
    extent_m = context.settings("rail_coverage").station_extent_m
    districts = context.layer("ingest", "districts.parquet")
    stations = context.layer("rail", "stations.parquet")
    open_ = stations[stations["status"].eq("operating")]
    if open_.empty:  # no station is known, which is no share of zero
        context.put(COVERAGE_TABLE, pd.DataFrame({name: [] for name in COVERAGE}, dtype="float64"))
        return
    names = context.frame("ingest", "district_names.parquet")
    english = dict(zip(names.get("name_zh", []), names.get("name_en", []), strict=True))
    near, wide = (
        share_area_euclid(
            gpd.GeoSeries(districts.geometry),
            gpd.GeoSeries(open_.geometry),
            bands_m=[band_m],
            extent_m=pd.Series(np.full(len(open_), extra), index=open_.index),
        )[band_m]
        for extra in (0.0, extent_m)
    )
    shares = {
        "name_zh": districts["district_zh"],
        "name_en": districts["district_zh"].map(english),
        "area_km2": districts.geometry.area / 1e6,
        "share": near,
        "share_extent": wide,
    }
    context.put(COVERAGE_TABLE, pd.DataFrame(shares))


def _digest(context: StageContext) -> str:
    """Hash the settings this report rests on, as `Study.digest` does for the same sections."""
    content = {
        name: portable(context.settings(name).model_dump()) for name in context.spec.settings
    }
    line = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(line.encode()).hexdigest()


def _parameters(context: StageContext) -> list[Parameter]:
    found, basis = [], context.settings("study").basis
    for section, keys in NAMED.items():
        settings = context.settings(section)
        for key in keys:
            field = type(settings).model_fields.get(key)
            if field is None:
                continue
            extra: Any = field.json_schema_extra
            found.append(
                Parameter(
                    key=f"{section}.{key}",
                    name=Words(extra["zh"], extra["en"]),
                    value=str(getattr(settings, key)),
                    unit=str(extra.get("unit", "")),
                    source=basis.get(f"{section}.{key}", str(extra.get("source", ""))),
                )
            )
    return found

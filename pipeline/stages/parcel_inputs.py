"""Gather what the parcel stage judges: the user's parcels or the demonstration zone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.measures.parcel_footprints import estimate_coverage, with_estimates
from pipeline.measures.parcel_places import nearest_place, registered, strangers
from pipeline.settings.inputs import ParcelInput
from pipeline.settings.parcel_rules import RuleSet, Statement
from pipeline.sources.locate import Bounds
from pipeline.sources.parcel_report import FINDINGS, ParcelRead
from pipeline.sources.parcel_rules import read_rules
from pipeline.sources.parcel_table import no_parcels
from pipeline.stages.context import StageContext

if TYPE_CHECKING:
    from pipeline.sources.synthetic_parcels import SyntheticZone

MARK = "合成 synthetic"
EXTRACTS = (".pbf", ".osm", ".bz2")


@dataclass(frozen=True)
class ParcelTables:
    """What is judged.

    Attributes
    ----------
    parcels
        The parcel table in the working CRS.
    before
        The same parcels before renewal; None for a user's file.
    zones
        Outlines of the zones.
    findings
        What the reader found in a user's file.
    documented
        Figures that the results are held against.
    """

    parcels: gpd.GeoDataFrame
    before: gpd.GeoDataFrame | None
    zones: gpd.GeoDataFrame
    findings: pd.DataFrame
    documented: tuple[Statement, ...]


def parcel_tables(context: StageContext, rules: RuleSet) -> ParcelTables:
    """Read the user's parcels, or make the demonstration zone with its state before renewal.

    `rules` are those of the study; figures of its documents are held against a user's parcels.
    """
    given: ParcelInput = context.settings("inputs").parcels
    places = context.layer("ingest", "places.parquet")
    if given.path is None:
        return _demonstration(context, places, rules)
    read = _read(context, given.path, given, places)
    parcels = read.frame.assign(park_id=registered(read.frame["park_id"], places))
    notes = [_stranger(name, places) for name in strangers(read.frame["park_id"], places)]
    parcels, estimated = _estimated(context, given, parcels)
    extra = pd.DataFrame([*notes, *estimated], columns=list(FINDINGS), dtype="string")
    findings = pd.concat([read.report.findings(), extra], ignore_index=True)
    return ParcelTables(parcels, None, _zones(parcels), findings, rules.documented)


def _demonstration(context: StageContext, places: gpd.GeoDataFrame, own: RuleSet) -> ParcelTables:
    """Make the zone where the study asks for it and has its park; else there are no parcels."""
    from pipeline.sources.synthetic_parcels import before_renewal, synthetic_zone

    settings, named = context.settings("parcels").synthetic, context.settings("parcels").rules
    nothing = pd.DataFrame(columns=list(FINDINGS), dtype="string")
    rules = None
    if settings.documented is not None:
        rules = own if settings.documented == named else read_rules(settings.documented)
    site = None if rules is None else rules.demonstration
    if rules is None or site is None or not places["place_id"].eq(site.park_id).any():
        context.log.info("no parcel file and no place to demonstrate on: no parcels")
        parcels = no_parcels(context.crs)
        return ParcelTables(parcels, None, _zones(parcels), nothing, ())
    made: SyntheticZone = synthetic_zone(seed=settings.seed, parcels=settings.parcels, rules=rules)
    context.log.info("no parcel file: %d synthetic parcels", len(made.parcels))
    parcels, zone = made.parcels.to_crs(context.crs), made.zone.to_crs(context.crs)
    zone = zone.assign(parcels=len(parcels), outline_basis="synthetic")
    return ParcelTables(parcels, before_renewal(parcels), zone, nothing, rules.documented)


def _read(
    context: StageContext, path: Path, given: ParcelInput, places: gpd.GeoDataFrame
) -> ParcelRead:
    from pipeline.sources.parcel_given import read_given

    read = read_given(
        path,
        given,
        context.settings("parcels").reading,
        working_crs=context.crs,
        study_bounds=study_bounds(places, context.settings("study").buffer_m),
    )
    context.log.info("%r", read.report)
    for problem in read.report.problems:
        context.log.warning("made null: %s", problem)
    return read


def study_bounds(places: gpd.GeoDataFrame, buffer_m: float) -> Bounds | None:
    """Give west, south, east, north in degrees around all places; None where none has a point."""
    shapes = places.geometry.dropna()
    if shapes.empty:
        return None
    west, south, east, north = shapes.total_bounds
    box = shapely.box(west - buffer_m, south - buffer_m, east + buffer_m, north + buffer_m)
    bounds = gpd.GeoSeries([box], crs=places.crs).to_crs(4326).total_bounds.tolist()
    return (bounds[0], bounds[1], bounds[2], bounds[3])


def _stranger(name: str, places: gpd.GeoDataFrame) -> tuple[str, None, str, str, str]:
    near = nearest_place(name, places)
    return (
        "note",
        None,
        "park_id",
        f"园区“{name}”不在地点名册中，其地块无法与可达性关联"
        + (f"；最接近的名称是“{near}”" if near else ""),
        f"the park {name} is not in the register, so its parcels have no access results"
        + (f"; the nearest name is {near}" if near else ""),
    )


def _estimated(
    context: StageContext, given: ParcelInput, parcels: gpd.GeoDataFrame
) -> tuple[gpd.GeoDataFrame, list[tuple[str, None, str, str, str]]]:
    """Estimate floor area and remainder from footprints where they are not stated."""
    blind = parcels["far_now"].isna() & (parcels["gfa_m2"].isna() | parcels["area_m2"].isna())
    blank = blind | parcels["remainder_m2"].isna()
    source = given.buildings or context.extract()
    if source is None or not blank.any() or parcels.geometry.isna().all():
        return parcels, []
    buildings = _buildings(source, context.crs)
    settings = context.settings("parcels").footprints
    out = with_estimates(parcels, buildings, **settings.model_dump())
    told = estimate_coverage(out)
    filled = int((blind & out["far_estimated"].notna()).sum())
    share = "-" if told["mapped_share"] is None else f"{told['mapped_share']:.1%}"
    zh = (
        f"{int(blind.sum())} 宗未填容积率，其中 {filled} 宗由建筑基底估算（{source.name}）；"
        f"{share} 的宗地内有建筑数据"
    )
    en = (
        f"{int(blind.sum())} parcels state no FAR, {filled} of them are estimated from footprints "
        f"({source.name}); {share} of the parcels have a mapped building"
    )
    context.log.info("%s", en)
    return out, [("estimate", None, "far", zh, en)]


def _buildings(path: Path, crs: str) -> gpd.GeoDataFrame:
    from pipeline.sources.files import read_layer
    from pipeline.sources.osm_features import read_osm_features
    from pipeline.sources.osm_mapping import read_mapping
    from pipeline.sources.parcel_buildings import standard_buildings

    if path.suffix.lower() in EXTRACTS:
        mapping = read_mapping(None)
        layer = read_osm_features(path, mapping=mapping, crs=crs, categories=["buildings"]).features
    else:
        layer = read_layer(path).frame
    return standard_buildings(layer, working_crs=crs)


def _zones(parcels: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Outline each zone of a user's file as the union of its parcels."""
    known = parcels[parcels["zone_id"].notna() & parcels.geometry.notna()]
    names = sorted(known["zone_id"].unique())
    groups = [known[known["zone_id"] == name] for name in names]
    shapes = [shapely.union_all(group.geometry.to_numpy()) for group in groups]
    return gpd.GeoDataFrame(
        {
            "zone_id": pd.array(names, dtype="string"),
            "name_zh": pd.array(names, dtype="string"),
            "name_en": pd.array(names, dtype="string"),
            "area_m2": np.array([shape.area for shape in shapes], dtype="float64"),
            "synthetic": np.zeros(len(names), dtype=bool),
            "parcels": np.array([len(group) for group in groups], dtype="int64"),
            "outline_basis": pd.array(["union_of_parcels"] * len(names), dtype="string"),
        },
        geometry=gpd.GeoSeries(shapes, crs=parcels.crs),
        crs=parcels.crs,
    )

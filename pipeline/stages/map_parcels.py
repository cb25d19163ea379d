"""Gather what the map of parcels shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd

from pipeline.publish.parcel_map import ParcelData, build_parcels
from pipeline.publish.park_layers import DISTRICTS, METRO
from pipeline.publish.themed_map import Fact, MapLayer, MapTable
from pipeline.stages.context import StageContext
from pipeline.stages.map_tables import MapGround

CLASS = "map_class"
POSSIBLE = "possible"
FACTS = (
    Fact("zh", "判定", "Verdict"),
    Fact("route_zh", "处置路径", "Route"),
    Fact("standing", "依据性质", "Standing"),
    Fact("rules_fired", "触发规则", "Rules fired"),
    Fact("missing_fields", "缺少字段", "Fields missing"),
    Fact("confidence", "可信度", "Confidence", unit="share"),
    Fact("area_m2", "用地面积", "Plot area", unit="m²"),
    Fact("far", "现状容积率", "Floor area ratio"),
    Fact("far_target", "目标容积率", "Target ratio"),
    Fact("uplift_m2", "可增建筑面积", "Floor area that fits", unit="m²"),
    Fact("served", "达标服务数", "Services within their standard"),
    Fact("renewal_priority", "更新次序", "Priority"),
)
OUTCOME_COLUMNS = (
    Fact("name", "类型", "Type", small=("name_en",)),
    Fact("parcels", "宗数", "Plots"),
    Fact("land_ha", "面积（公顷）", "Land (ha)"),
)
WORDS: Mapping[str, tuple[str, str]] = {
    "proposal": ("建议，非政策", "a proposal, no policy"),
    "policy": ("政策文件", "policy"),
    "to_check": ("待核实", "to be checked"),
}
QUIET = {"none": ("未触发规则", "no rule fires")}
M2_PER_HA = 10_000
DISCS = (
    "没有边界的地块以面积相等的圆表示。",
    "A plot without an outline is drawn as a disc of its area.",
)
SMALLEST_M2 = 400.0
AROUND = 0.05  # degrees of background around the parcels
PAGE = "parcels.html"
TITLE = ("地块判定与更新", "Parcels: verdicts and renewal")


def write_parcels(context: StageContext, ground: MapGround) -> None:
    """Write the page of the parcels, where there are any."""
    parcels = parcel_data(context, ground)
    if len(parcels.parcels):
        with context.writing(f"outputs:maps/{PAGE}") as target:
            target.write_text(build_parcels(parcels, context.settings("maps")), encoding="utf-8")


def parcel_data(context: StageContext, ground: MapGround) -> ParcelData:
    """Read the judged parcels and class them by outcome, or by why they have none."""
    read = context.layer("parcels", "parcels.parquet")
    bare = read.geometry.isna() | read.geometry.is_empty
    parcels = _with_shapes(read).to_crs(4326)
    classed = parcels.assign(**{CLASS: _classes(parcels)})
    synthetic = bool(parcels["synthetic"].any()) if len(parcels) else False
    return ParcelData(
        title=TITLE,
        subtitle=ground.title,
        parcels=classed,
        outcomes=_outcomes(parcels),
        quiet=QUIET,
        facts=[fact for fact in FACTS if fact.column in parcels.columns],
        synthetic=synthetic,
        class_column=CLASS,
        name_columns=("name_zh", "name_en"),
        tables=[_table(parcels)],
        background=_background(parcels, ground),
        back="overview.html",
        notes=[
            (
                "“未判定”是可能触发、但缺少字段而不能断定的地块。",
                "“No verdict”: a rule may fire, but fields it needs are missing.",
            ),
            *([DISCS] if bare.any() else []),
        ],
        sources=ground.sources,
        glossary={**WORDS, **ground.words},
    )


def _background(parcels: gpd.GeoDataFrame, ground: MapGround) -> list[MapLayer]:
    """Give districts and rail lines around the parcels, to tell where they are."""
    if parcels.geometry.dropna().empty:
        return []
    west, south, east, north = parcels.total_bounds
    layers = [(DISTRICTS, ground.districts), (METRO, ground.lines)]
    near = [
        (template, layer.cx[west - AROUND : east + AROUND, south - AROUND : north + AROUND])
        for template, layer in layers
    ]
    return [replace(template, frame=layer) for template, layer in near if len(layer)]


def _with_shapes(parcels: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Draw plots that have a point but no outline as discs of their area, so that all are seen."""
    bare = parcels.geometry.isna() | parcels.geometry.is_empty
    if not bare.any():
        return parcels
    area = parcels["area_m2"].astype("float64").fillna(SMALLEST_M2).clip(lower=SMALLEST_M2)
    points = gpd.GeoSeries.from_xy(parcels["x"], parcels["y"], crs=parcels.crs)
    discs = points.buffer(np.sqrt(area / np.pi)).where(parcels["x"].notna())
    shapes = parcels.geometry.where(~bare, discs)
    drawn: gpd.GeoDataFrame = parcels.set_geometry(shapes)
    return drawn


def _classes(parcels: pd.DataFrame) -> pd.Series[str]:
    """Give the outcome; where there is none the verdict, null where a rule may fire."""
    verdict = parcels["verdict"].astype("object")
    left = verdict.where(verdict.isin(list(QUIET)), None)
    return parcels["outcome"].astype("object").where(parcels["outcome"].notna(), left)


def _outcomes(parcels: gpd.GeoDataFrame) -> dict[str, tuple[str, str]]:
    found = parcels.dropna(subset=["outcome"]).sort_values(["outcome_no", "outcome"])
    rows = found.drop_duplicates("outcome")[["outcome", "zh", "en"]]
    return {row.outcome: (row.zh, row.en) for row in rows.itertuples()}


def _table(parcels: gpd.GeoDataFrame) -> MapTable:
    """Sum plots and land by outcome, then those without one, then all of them."""
    found = parcels.dropna(subset=["outcome"])
    grouped = found.groupby(["outcome_no", "outcome"], sort=True, dropna=False)
    table = grouped.agg(
        name=("zh", "first"),
        name_en=("en", "first"),
        parcels=("outcome", "size"),
        land_ha=("area_m2", lambda areas: areas.sum(min_count=1) / M2_PER_HA),
    )
    silent = parcels["outcome"].isna()
    open_ = silent & ~parcels["verdict"].isin(list(QUIET))
    others = [
        _sum(parcels[open_], "未判定（缺字段）", "no verdict (fields are missing)"),
        _sum(parcels[silent & ~open_], *QUIET["none"]),
        _sum(parcels, "合计", "total"),
    ]
    rows = pd.concat([table[["name", "name_en", "parcels", "land_ha"]], pd.DataFrame(others)])
    shown = rows[rows["parcels"].gt(0)].reset_index(drop=True)
    return MapTable(("按类型合计", "By type"), shown, OUTCOME_COLUMNS)


def _sum(parcels: gpd.GeoDataFrame, zh: str, en: str) -> dict[str, object]:
    land_ha = parcels["area_m2"].sum(min_count=1) / M2_PER_HA
    return {"name": zh, "name_en": en, "parcels": len(parcels), "land_ha": land_ha}

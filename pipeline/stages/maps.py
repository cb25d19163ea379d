"""Draw the maps a planner opens."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd

from pipeline.publish.map_elements import MapSource
from pipeline.publish.map_ground import lines_through
from pipeline.publish.overview_map import OverviewData, build_overview
from pipeline.stages.context import StageContext

SHOWN = ("rail", "hospital", "school")
ACCESS = {"rail": "rail", "hospital": "hospitals", "school": "schools"}


def run(context: StageContext) -> None:
    """Write the overview, one HTML file that asks the network for nothing."""
    page = build_overview(_overview(context), context.settings("maps"))
    with context.writing("outputs:maps/overview.html") as target:
        target.write_text(page, encoding="utf-8")


def _overview(context: StageContext) -> OverviewData:
    identity = context.settings("study")
    facilities = _wgs84(context.layer("ingest", "facilities.parquet"))
    measured = len(context.frame("networks", "streets.parquet")) > 0
    gaps = context.frame("gaps", "gaps.parquet")
    return OverviewData(
        title=(identity.name_zh, identity.name_en),
        subtitle=(
            f"空间布局与服务缺口，研究日期 {identity.date}",
            f"layout and service gaps, study date {identity.date}",
        ),
        places=_wgs84(context.layer("ingest", "places.parquet")),
        gaps=gaps,
        access=pd.concat(
            [context.frame(stage, "access.parquet") for stage in ACCESS.values()],
            ignore_index=True,
        ),
        districts=_districts(context),
        metro_lines=_lines(context),
        stations=_stations(context),
        hospitals=facilities[facilities["service"] == "hospital"],
        schools=facilities[facilities["service"] == "school"],
        standards=_standards(context, gaps),
        headlines=_headlines(context, gaps),
        sources=_sources(context),
        banner=("", "")
        if measured
        else ("无街道数据：均为直线估算", "no street data: straight-line estimates"),
    )


def _wgs84(layer: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return layer.to_crs(4326)


def _districts(context: StageContext) -> gpd.GeoDataFrame:
    outlines = _wgs84(context.layer("ingest", "districts.parquet"))
    names = context.frame("ingest", "district_names.parquet")
    english = names.set_index("name_zh")["name_en"] if len(names) else pd.Series(dtype="str")
    return outlines.assign(
        name_zh=outlines["district_zh"], name_en=outlines["district_zh"].map(english)
    )


def _lines(context: StageContext) -> gpd.GeoDataFrame:
    stops = _wgs84(context.layer("ingest", "line_stations.parquet"))
    if not len(stops):
        return gpd.GeoDataFrame({"name_zh": [], "name_en": []}, geometry=[], crs=4326)
    table = pd.DataFrame(stops.drop(columns="geometry")).assign(
        lon=stops.geometry.x, lat=stops.geometry.y
    )
    return lines_through(table, names=context.frame("ingest", "lines.parquet"))


def _stations(context: StageContext) -> gpd.GeoDataFrame:
    stations = _wgs84(context.layer("rail", "stations.parquet"))
    names = context.frame("ingest", "lines.parquet")
    if not len(names):
        return stations
    zh, en = (names.set_index("line_id")[column] for column in ("name_zh", "name_en"))
    split = stations["lines"].fillna("").str.split("|")
    return stations.assign(
        detail_zh=[", ".join(str(zh.get(i, i)) for i in ids if i) or None for ids in split],
        detail_en=[", ".join(str(en.get(i, i)) for i in ids if i) or None for ids in split],
    )


def _standards(context: StageContext, gaps: pd.DataFrame) -> pd.DataFrame:
    """Give the standards that the gaps were held against, in words."""
    table = context.frame("ingest", "standards.parquet")
    if not len(table):
        return pd.DataFrame({"standard_id": [], "name_zh": [], "name_en": []})
    used = table[table["standard_id"].isin(gaps["standard_id"].dropna().unique())]
    return used.rename(columns={"stated_zh": "name_zh", "stated_en": "name_en"})[
        ["standard_id", "name_zh", "name_en", "value", "unit", "confidence", "source"]
    ]


def _headlines(context: StageContext, gaps: pd.DataFrame) -> list[tuple[str, str]]:
    """Say the totals of the layout and what is missing where, from the figures alone."""
    places = context.layer("ingest", "places.parquet")
    said = []
    for year in (2023, 2024):
        total = places[f"target_{year}_10k_m2"].sum(min_count=1)
        if pd.notna(total):
            said.append(
                (
                    f"智造载体 {year} 年开工目标合计 {total:g} 万平方米",
                    f"carriers' construction targets of {year}: {total:g} x 10^4 m2",
                )
            )
    names = {
        "rail": ("轨道", "rail"),
        "hospital": ("医院", "hospital"),
        "school": ("学校", "school"),
    }
    for service in SHOWN:
        rows = gaps[gaps["service"].eq(service) & gaps["gap"].notna()]
        found = rows["finding"].eq("gap") & rows["verdict"].isin(["robust"])
        zh, en = names[service]
        said.append(
            (
                f"{zh}：{len(rows)} 处可测地点中 {int(found.sum())} 处缺口稳健",
                f"{en}: a robust gap at {int(found.sum())} of {len(rows)} places with a value",
            )
        )
    return said


def _sources(context: StageContext) -> list[MapSource]:
    frame = context.frame("ingest", "sources.parquet")
    columns = ["name_zh", "name_en", "licence", "date"]
    return [MapSource(*row) for row in frame[columns].drop_duplicates().to_numpy().tolist()]

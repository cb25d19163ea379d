"""Make map data like the real ones: the shared register with synthetic gaps, or tiny cities."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.publish.map_elements import MapSource
from pipeline.publish.overview_map import SERVICES, OverviewData, lines_through

TIER_OF = {
    "1": "core",
    "5": "zone",
    "X": "x",
    "carrier": "carrier",
    "service cluster": "cluster",
    "Minhang park": "local",
    "comparator": "comparator",
}


def shared_overview(shared: Path) -> OverviewData:
    """Read the shared facts; gaps and intervals are synthetic and say so."""
    facts = shared / "facts"
    places = _places(pd.read_csv(facts / "places_register.csv", dtype=str))
    stops = pd.read_csv(facts / "metro_line_stations.csv", dtype={"line": str})
    hospitals = _points(
        pd.read_csv(facts / "tertiary_hospitals.csv").rename(columns={"hospital": "name_zh"})
    )
    hospitals["detail_zh"] = hospitals["grade"].map({"3A": "三甲", "3B": "三乙"}).fillna("三级")
    hospitals["detail_en"] = "grade " + hospitals["grade"].astype(str)
    schools = _points(
        pd.read_csv(facts / "quality_public_senior_highs.csv").rename(columns={"name": "name_zh"})
    )
    return OverviewData(
        title=(
            "上海生物医药园区：空间布局与服务缺口",
            "Shanghai biomedical parks: layout and gaps",
        ),
        subtitle=("1+5+X 布局、智造载体与轨道、医院、学校、孤岛效应", "1+5+X against services"),
        places=places,
        gaps=synthetic_gaps(places, hospitals),
        access=synthetic_access(places),
        districts=_districts(shared / "data" / "shanghai" / "towns.geojson"),
        metro_lines=lines_through(stops),
        stations=_stations(stops, pd.read_csv(facts / "metro_planned_stations.csv")),
        hospitals=hospitals,
        schools=schools,
        headlines=[("此处缺口为合成数据。", "The gaps on this page are synthetic.")],
        sources=[
            MapSource(
                "© OpenStreetMap 贡献者", "© OpenStreetMap contributors", "ODbL 1.0", "2026-05-19"
            ),
            MapSource("地点名录", "Register of places", "MIT", "2026-11-01"),
        ],
        banner=("缺口为合成数据，仅用于测试", "Gaps are synthetic, for testing"),
    )


def synthetic_gaps(places: gpd.GeoDataFrame, hospitals: gpd.GeoDataFrame) -> pd.DataFrame:
    """Draw gaps at random (seeded), some null, most estimated."""
    random = np.random.default_rng(7)
    rows = []
    located = places.dropna(subset=["lon"])
    for place in located.itertuples():
        away = np.hypot(place.lon - 121.47, place.lat - 31.23) / 0.45
        near = hospitals.iloc[
            ((hospitals.geometry.x - place.lon) ** 2 + (hospitals.geometry.y - place.lat) ** 2)
            .to_numpy()
            .argmin()
        ]
        for service in SERVICES:
            gap = float(np.clip(away + random.normal(0, 0.18), 0, 1))
            missing = random.random() < 0.08
            rows.append(
                {
                    "place_id": place.place_id,
                    "service": service,
                    "gap": None if missing else round(gap, 3),
                    "method": "measured_network"
                    if place.place_id in ("T1", "T2", "R3")
                    else "estimated_straight_line",
                    "status": "not_measurable" if missing else "ok",
                    "verdict": ["robust", "likely", "not_testable"][int(random.integers(3))],
                    "value": None if missing else round(5 + 55 * gap, 1),
                    "unit": "min",
                    "low": None if missing else round(4 + 40 * gap, 1),
                    "high": None if missing else round(6 + 70 * gap, 1),
                    "nearest_name_zh": near["name_zh"],
                    "nearest_name_en": None,
                    "nearest_lon": near.geometry.x,
                    "nearest_lat": near.geometry.y,
                    "snapshot": "2026-05-19",
                }
            )
    return pd.DataFrame(rows)


def synthetic_access(places: gpd.GeoDataFrame) -> pd.DataFrame:
    """Give each place and service a few rows of the long table."""
    rows = [
        {
            "place_id": place_id, "service": service, "variant": "all", "mode": mode,
            "measure": "nearest_min", "value": float(i), "unit": "min", "status": "ok",
            "method": "estimated_straight_line", "low": float(i) - 1, "high": float(i) + 2,
        }
        for place_id in places["place_id"]
        for service in SERVICES[:3]
        for i, mode in enumerate(("walk", "drive"), start=12)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _number(text: object) -> float | None:
    head = str(text).split(" ")[0].strip("()")
    try:
        return float(head)
    except ValueError:
        return None


def _places(register: pd.DataFrame) -> gpd.GeoDataFrame:
    for column in ("lon", "lat", "precision_m"):
        register[column] = pd.to_numeric(register[column])
    register["planned_area_km2"] = register["planned_area_km2"].map(_number)
    for year in ("2023", "2024"):
        register[f"target_{year}_10k_m2"] = register[f"target_{year}_10k_m2"].map(_number)
    register["tier"] = register["tier"].map(TIER_OF).fillna("policy")
    register["case"] = register["id"].isin(["K1", "K2", "K3"])
    register["part_of"] = register["id"].map({"C1a": "C1", "C1b": "C1"})
    register["boundary_class"] = np.where(
        register["planned_area_km2"].notna(), "indicative", "none"
    )
    register.loc[register["id"].isin(["C1a", "H4"]), "boundary_class"] = "digitised"
    points = gpd.GeoSeries.from_xy(register["lon"], register["lat"], crs=4326).to_crs(32651)
    radius = np.sqrt(register["planned_area_km2"].astype(float) * 1e6 / np.pi)
    discs = points.buffer(radius.fillna(0)).where(radius.notna() & register["lon"].notna())
    frame = gpd.GeoDataFrame(register, geometry=discs.to_crs(4326))
    return frame.rename(columns={"id": "place_id", "district_stated": "district_zh"})


def _points(frame: pd.DataFrame) -> gpd.GeoDataFrame:
    frame = frame.dropna(subset=["lon", "lat"]).assign(name_en=None, status="operating")
    return gpd.GeoDataFrame(
        frame, geometry=gpd.points_from_xy(frame["lon"], frame["lat"]), crs=4326
    )


def _stations(stops: pd.DataFrame, planned: pd.DataFrame) -> gpd.GeoDataFrame:
    lines = stops.groupby("station")["line"].agg(lambda x: ", ".join(sorted(set(x))))
    one = stops.drop_duplicates("station").rename(columns={"station": "name_zh"})
    one["detail_zh"] = one["name_zh"].map(lines) + " 号线"
    both = pd.concat([one, planned.rename(columns={"name": "name_zh"})], ignore_index=True)
    kept = _points(both)
    kept["status"] = both.loc[kept.index, "status"]
    return kept


def _districts(path: Path) -> gpd.GeoDataFrame:
    towns = gpd.GeoDataFrame.from_features(json.loads(path.read_text("utf-8")), crs=4326)
    towns["geometry"] = shapely.make_valid(towns.geometry.to_numpy())
    merged = towns.dissolve("district").reset_index()
    merged["geometry"] = merged.to_crs(32651).buffer(60).buffer(-60).to_crs(4326)
    return gpd.GeoDataFrame(
        {"name_zh": merged["district"], "name_en": None}, geometry=merged.geometry, crs=4326
    )

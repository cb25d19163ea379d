"""Make map data like the real ones: the shared register with synthetic gaps, or tiny cities."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import CRS

from pipeline.publish.map_elements import MapSource
from pipeline.publish.map_ground import lines_through, outlines_of_cells
from pipeline.publish.overview_map import SERVICES, OverviewData, results_told

REFERENCE = Path(__file__).resolve().parents[2] / "layers" / "reference"


def reference_overview() -> OverviewData:
    """Read the embedded tables; gaps and intervals are synthetic and say so."""
    places = _places(pd.read_csv(REFERENCE / "places.csv"))
    stops = pd.read_csv(REFERENCE / "line_stations.csv", dtype={"line_id": str})
    lines = pd.read_csv(REFERENCE / "lines.csv", dtype={"line_id": str})
    hospitals = _points(pd.read_csv(REFERENCE / "tertiary_hospitals.csv"))
    hospitals["detail_zh"] = hospitals["campus_zh"] + " " + hospitals["grade"]
    hospitals["detail_en"] = hospitals["campus_en"] + " " + hospitals["grade"]
    return OverviewData(
        title=(
            "上海生物医药园区：空间布局与服务缺口",
            "Shanghai biomedical parks: layout and gaps",
        ),
        subtitle=("1+5+X 布局、智造载体与轨道、医院、学校、孤岛效应", "1+5+X against services"),
        places=places,
        gaps=synthetic_gaps(places, hospitals),
        access=results_told(synthetic_access(places)),
        districts=_districts(),
        metro_lines=lines_through(stops, names=lines),
        stations=_stations(stops, lines),
        hospitals=hospitals,
        schools=_points(pd.read_csv(REFERENCE / "quality_schools.csv")),
        headlines=[("此处缺口为合成数据。", "The gaps on this page are synthetic.")],
        sources=[
            MapSource(
                "© OpenStreetMap 贡献者", "© OpenStreetMap contributors", "ODbL 1.0", "2026-05-19"
            ),
            MapSource("地点名录", "Register of places", "MIT", "2026-11-01"),
        ],
        banner=("缺口为合成数据，仅用于测试", "Gaps are synthetic, for testing"),
        glossary={"nearest_min": ("到最近设施", "to the nearest"), "all": ("全部", "all")},
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


def _places(register: pd.DataFrame) -> gpd.GeoDataFrame:
    points = gpd.GeoSeries.from_xy(register["lon"], register["lat"], crs=4326).to_crs(32651)
    radius = np.sqrt(register["planned_area_km2"].astype(float) * 1e6 / np.pi)
    known = register["planned_area_km2"].notna() & register["lon"].notna()
    discs = points.buffer(radius.fillna(0)).where(known)
    register.loc[register["place_id"] == "H4", "boundary_class"] = "digitised"
    return gpd.GeoDataFrame(register, geometry=discs.to_crs(4326))


def _points(frame: pd.DataFrame) -> gpd.GeoDataFrame:
    frame = frame.dropna(subset=["lon", "lat"]).reset_index(drop=True)
    if "status" not in frame.columns:
        frame["status"] = "operating"
    return gpd.GeoDataFrame(
        frame, geometry=gpd.points_from_xy(frame["lon"], frame["lat"]), crs=4326
    )


def _stations(stops: pd.DataFrame, lines: pd.DataFrame) -> gpd.GeoDataFrame:
    named = stops.merge(
        lines[["line_id", "name_zh", "name_en"]], on="line_id", suffixes=("", "_line")
    )
    joined = named.groupby("station_id")[["name_zh_line", "name_en_line"]].agg(
        lambda texts: ", ".join(dict.fromkeys(texts))
    )
    one = stops.drop_duplicates("station_id").set_index("station_id")
    one["detail_zh"], one["detail_en"] = joined["name_zh_line"], joined["name_en_line"]
    planned = pd.read_csv(REFERENCE / "planned_stations.csv")
    return _points(pd.concat([one.reset_index(), planned], ignore_index=True))


def _districts() -> gpd.GeoDataFrame:
    runs = pd.read_csv(REFERENCE / "cells_500m_land.csv")
    names = pd.read_csv(REFERENCE / "districts.csv")
    areas = outlines_of_cells(
        runs, key="district_zh", cell_m=500, crs=CRS.from_epsg(32651), tolerance_m=600
    )
    named = areas.merge(names, left_on="district_zh", right_on="short_zh", how="left")
    named["name_zh"] = named["short_zh"]
    named["name_en"] = named["name_en"].str.replace(" District", "")
    return named

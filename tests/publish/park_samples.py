"""Make a small synthetic park with everything around it."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import shapely
from shapely.affinity import translate

from pipeline.publish.park_map import ParkData
from pipeline.publish.park_words import SmallPrint
from pipeline.publish.scenario_map import ScenarioData
from pipeline.publish.themed_map import Fact

CORNER_X, CORNER_Y = 351_000.0, 3_452_000.0


def layer(shapes: list[shapely.Geometry], **columns: object) -> gpd.GeoDataFrame:
    """Put shapes in metres from the park's corner on the map."""
    moved = [translate(shape, CORNER_X, CORNER_Y) for shape in shapes]
    return gpd.GeoDataFrame(columns, geometry=moved, crs=32651).to_crs(4326)


def park() -> ParkData:
    """Give a park of 1200 x 800 m with a ring, two bands, gates, routes and scores."""
    ground = shapely.box(0, 0, 1200, 800)
    gates = [shapely.Point(x, y) for x, y in ((600, 0), (0, 400), (1200, 400), (600, 800))]
    station, hospital = shapely.Point(2000, -500), shapely.Point(-900, 1500)
    return ParkData(
        name=("示例园区", "Sample park"),
        subtitle=("1.2 × 0.8 公里", "1.2 by 0.8 km"),
        footprint=layer([ground], name_zh=["示例园区"], name_en=["Sample"]),
        certain=True,
        ring=layer([ground.buffer(800).difference(ground)]),
        catchments=layer(
            [station.buffer(800), station.buffer(1200).difference(station.buffer(800))],
            band=["10 min", "15 min"],
            method=["measured_network"] * 2,
        ),
        gates=layer(
            gates, gate_class=["A", "B", "C", "candidate"], minutes_saved=[None, None, None, 3.2]
        ),
        routes=layer(
            [
                shapely.LineString([gates[2], (1600, 400), (1600, -500), station]),
                shapely.LineString([gates[1], hospital]),
            ],
            service=["rail", "hospital"],
            name_zh=["示例站", "示例医院"],
            name_en=["Sample station", "Sample hospital"],
            minutes=[21.0, 27.5],
            method=["measured_network", "estimated_straight_line"],
        ),
        facilities=layer(
            [station, hospital],
            kind=["rail", "hospital"],
            name_zh=["示例站", "示例医院"],
            name_en=["Sample station", "Sample hospital"],
        ),
        barriers=layer(
            [
                shapely.LineString([(-300, -200), (1500, -200)]),
                shapely.LineString([(1400, -300), (1400, 1200)]),
            ],
            kind=["expressway", "water"],
            name_zh=["某高架", "某河"],
        ),
        scorecard=SmallPrint(None).scorecard(
            pd.DataFrame(
                {
                    "service": ["rail", "hospital", "school"],
                    "gap": [0.62, 0.35, None],
                    "value": [21.0, 27.5, None],
                    "low": [18.0, 22.0, None],
                    "high": [25.0, 35.0, None],
                    "unit": ["min", "min", None],
                    "method": ["measured_network", "estimated_straight_line", None],
                    "verdict": ["robust", "likely", "not_testable"],
                }
            )
        ),
        profile=pd.DataFrame(
            {
                "component": ["porosity", "circumvention", "function_mix"],
                "observed": [3.1, 1.42, 4.0],
                "null_median": [6.2, 1.2, 5.5],
                "percentile": [0.95, 0.81, None],
                "p": [0.012, 0.19, None],
                "status": ["ok", "ok", "not_measurable"],
            }
        ),
        glossary={
            "porosity": ("出入口密度", "Porosity"),
            "circumvention": ("绕行", "Circumvention"),
            "function_mix": ("功能混合", "Function mix"),
        },
        synthetic=True,
    )


def scenario() -> ScenarioData:
    """Give three parks before and after a new station."""
    boxes = [shapely.box(x, 0, x + 900, 700) for x in (0, 1500, 3000)]
    before = layer(
        boxes,
        name_zh=["甲园", "乙园", "丙园"],
        name_en=["A", "B", "C"],
        gap=[0.9, 0.7, None],
        method=["estimated_straight_line"] * 3,
    )
    return ScenarioData(
        title=("新增车站情景", "A new station"),
        before=before,
        after=before.assign(gap=[0.2, 0.7, None]),
        added=layer([shapely.Point(450, -100)], name_zh=["规划站"], name_en=["Planned station"]),
        ledger=pd.DataFrame(
            {"name_zh": ["甲园"], "before": [0.9], "after": [0.2], "area_km2": [0.63]}
        ),
        ledger_columns=[
            Fact("name_zh", "地点", "Place"),
            Fact("before", "现状", "Before"),
            Fact("after", "情景", "After"),
            Fact("area_km2", "面积", "Area", "km²"),
        ],
        synthetic=True,
    )

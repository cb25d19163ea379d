"""Describe the layers of a park's page: how each is drawn, classed and questioned."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd

from pipeline.publish import palettes
from pipeline.publish.themed_map import Fact, MapClass, MapLayer, Paint

NAMED = Fact("name_zh", "名称", "Name")

NOTHING = gpd.GeoDataFrame(geometry=[], crs=4326)
RING = MapLayer(
    "ring", ("外围对比环", "Ring compared with"), "polygon", NOTHING,
    Paint(
        color="#7d8da0", weight=1, dashArray="2 3", fill=True, fillColor="#c9d3dc", fillOpacity=0.5,
    ),
    note=("边界外对比范围", "land around the park"),
)  # fmt: skip
FOOTPRINT = MapLayer(
    "footprint", ("园区范围", "Footprint"), "polygon", NOTHING,
    Paint(color="#0b4f8a", weight=2.4, fill=True, fillColor="#0b4f8a", fillOpacity=0.15),
    facts=[
        Fact("outline", "边界", "Boundary"),
        Fact("planned_area_km2", "规划面积", "Planned area", "km²"),
        Fact("precision_m", "点位误差", "Position within", "m"),
    ],
)  # fmt: skip
PLAUSIBLE = MapLayer(
    "plausible", ("可能的位置范围", "Where it may lie"), "polygon", NOTHING,
    Paint(color="#0b4f8a", weight=1, dashArray="1 5", fill=True, fillColor="#0b4f8a",
          fillOpacity=0.05),
    note=("点位误差以内", "within the error of its point"),
)  # fmt: skip
DISTRICTS = MapLayer(
    "ground-districts", ("行政区", "Districts"), "polygon", NOTHING,
    Paint(color="#b9c1c8", weight=1.2, fill=True, fillColor=palettes.LAND, fillOpacity=1),
    ground=True,
)  # fmt: skip
METRO = MapLayer(
    "ground-metro", ("轨道线路", "Rail lines"), "line", NOTHING,
    Paint(color=palettes.METRO, weight=1.8, opacity=0.8), ground=True,
)  # fmt: skip
STREETS = MapLayer(
    "streets", ("街道", "Streets"), "line", NOTHING,
    Paint(color="#9aa5ae", weight=1), note=("步行街道", "walkable streets"),
)  # fmt: skip
BARRIERS = MapLayer(
    "barriers", ("阻隔", "Barriers"), "line", NOTHING, Paint(color="#333", weight=3),
    class_column="kind",
    classes=[
        MapClass("expressway", "快速路", "expressway", Paint(color="#8a4b08")),
        MapClass("railway", "铁路", "railway", Paint(color="#333", dashArray="8 4")),
        MapClass("water", "水面", "water", Paint(color="#2b7bba")),
        MapClass(None, "其他", "other", Paint(color="#777")),
    ],
    facts=[NAMED, Fact("kind", "类型", "Kind")],
)  # fmt: skip
ROUTES = MapLayer(
    "routes", ("最近设施路线", "Routes to the nearest"), "line", NOTHING, Paint(weight=3),
    class_column="method",
    classes=[
        MapClass("measured_network", "实测路线", "measured route", Paint(color="#111")),
        MapClass(None, "直线估算", "straight-line estimate", Paint(color="#111", dashArray="6 5")),
    ],
    facts=[
        Fact("service", "服务", "Service"),
        Fact("minutes", "时间", "Time", "min"),
        Fact("method", "方法", "Method"),
    ],
)  # fmt: skip
GATES = MapLayer(
    "gates", ("出入口", "Gates"), "point", NOTHING,
    Paint(color="#111", weight=1.6, fillOpacity=1, glyph="square", radius=4.5),
    class_column="gate_class",
    classes=[
        MapClass("A", "有标注的出入口", "mapped gate", Paint(fillColor="#00795a")),
        MapClass("B", "道路穿越边界处", "street crossing the boundary", Paint(fillColor="#7bc8ae")),
        MapClass("C", "假定出入口", "assumed", Paint(fillColor="#fff", dashArray="2 2")),
        MapClass("candidate", "候选新出入口", "candidate to open", Paint(fillColor="#ffd54a")),
        MapClass(None, "未分类", "unclassified", Paint(fillColor="#aeb6be")),
    ],
    facts=[
        Fact("gate_class", "类别", "Class"),
        Fact("minutes_saved", "开放可节省", "Saved if opened", "min"),
    ],
)  # fmt: skip
FACILITIES = MapLayer(
    "facilities", ("设施", "Facilities"), "point", NOTHING,
    Paint(color="#fff", weight=1, fillOpacity=1, radius=5), class_column="kind",
    classes=[
        MapClass(
            "facility_rail", "轨道站点", "Rail",
            Paint(fillColor="#fff", color=palettes.FACILITY["rail"], glyph="circle", weight=2),
        ),
        MapClass(
            "facility_hospital", "医院", "Hospital",
            Paint(fillColor=palettes.FACILITY["hospital"], glyph="cross"),
        ),
        MapClass(
            "facility_school", "学校", "School",
            Paint(fillColor=palettes.FACILITY["school"], glyph="pennant"),
        ),
        MapClass(
            "rail_future", "在建与规划车站", "Station under construction or planned",
            Paint(fillColor="#fff", color=palettes.FACILITY["rail"], glyph="circle", weight=1.5,
                  dashArray="3 2"),
        ),
        MapClass(None, "其他", "other", Paint(fillColor="#777")),
    ],
    facts=[NAMED, Fact("kind", "类型", "Kind"), Fact("status", "状态", "Status"),
           Fact("counted", "计入缺口", "Counts for the gap"), Fact("detail_zh", "说明", "Detail")],
)  # fmt: skip
NEAREST = MapLayer(
    "nearest", ("最近设施", "Nearest facilities"), "point", NOTHING,
    Paint(color="#111", weight=2, fillColor="#ffd54a", fillOpacity=1, radius=6), named=True,
    facts=[NAMED, Fact("service", "服务", "Service"), Fact("straight_m", "直线距离", "By air", "m"),
           Fact("minutes", "沿路线时间", "Along the route", "min")],
    note=("路线所到之处", "where the routes lead"),
)  # fmt: skip


def catchment_layer(bands: Sequence[str]) -> MapLayer:
    """Shade the bands from near (dark) to far (light), in the order they come."""
    shades = palettes.CATCHMENT[: len(bands)]
    classes = [
        MapClass(band, band.replace("min", "分钟"), band, Paint(fillColor=shade, color=shade))
        for band, shade in zip(bands, shades, strict=False)
    ]
    return MapLayer(
        "catchments", ("可达范围", "Catchments"), "polygon", NOTHING,
        Paint(weight=1, fill=True, fillOpacity=0.35), class_column="band", classes=classes,
        facts=[Fact("band", "时间", "Band"), Fact("method", "方法", "Method")],
    )  # fmt: skip

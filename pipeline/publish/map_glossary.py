"""Name the codes that maps show, in Chinese and English."""

from __future__ import annotations

#: Names of the classes of a gap, from small to large.
GAP_CLASSES = (
    ("基本无缺口", "hardly any"),
    ("轻度", "slight"),
    ("中度", "moderate"),
    ("较重", "large"),
    ("严重", "severe"),
)

#: Classes and hints of services that are no gap to a standard.
CLASSES_OF = {
    "island": (
        ("最不像孤岛", "least of an island"),
        ("较不像", "less"),
        ("居中", "middling"),
        ("较像", "more"),
        ("最像孤岛", "most of an island"),
    ),
}
HINTS_OF = {
    "island": (
        (
            "比多少随机搬移的同形地块更像孤岛（1 = 比全部都像）。深浅不代表显著，"
            "显著者另加橙色描边；是关联，不是因果；单个园区的检验力低；不计入综合。空间隔离见园区页。"
        ),
        (
            "Share of relocated footprints that are less of an island. Darker is not significant: "
            "that is the orange outline. Association, not cause; low power; not in the composite. "
            "Separation, the other meaning: on the park's page."
        ),
    ),
}

GLOSSARY: dict[str, tuple[str, str]] = {
    # services and facilities
    "rail": ("轨道站点", "Rail"),
    "park": ("园区", "Park"),
    "rail_future": ("在建与规划车站", "Stations under construction or planned"),
    "hospital": ("医院", "Hospital"),
    "school": ("学校", "School"),
    "kindergarten": ("幼儿园", "Kindergarten"),
    "clinic": ("诊所", "Clinic"),
    "supermarket": ("超市", "Supermarket"),
    "island": ("孤岛·内外反差", "Island: contrast"),
    "separation": ("孤岛·空间隔离", "Island: separation"),
    "composite": ("综合", "Composite"),
    # tiers
    "layout": ("空间布局", "Layout"),
    "core": ("核心区", "Core"),
    "core_part": ("核心区内片区", "Parts of the core"),
    "zone": ("特色区", "Zones"),
    "case": ("案例园区", "Case parks"),
    "x": ("其他园区", "Further parks"),
    "carrier": ("制造载体", "Manufacturing carriers"),
    "cluster": ("服务集聚区", "Service clusters"),
    "local": ("区级园区", "Local parks"),
    "comparator": ("对照地区", "Comparators"),
    "policy": ("政策区域", "Policy areas"),
    # categories of places
    "case_park": ("案例园区", "Case park"),
    "core_area": ("核心区", "Core"),
    "characteristic_zone": ("特色区", "Characteristic zone"),
    "characteristic_park": ("特色产业园区", "Characteristic park"),
    "smart_manufacturing": ("智能制造", "Smart manufacturing"),
    "industrial_base": ("产业基地", "Industrial base"),
    "focus_area": ("重点地区", "Focus area"),
    "benchmark_cluster": ("国际对标", "International benchmark"),
    "innovation_cluster": ("城区创新集聚区", "Inner-city innovation cluster"),
    "policy_area": ("政策区域", "Policy area"),
    "service_research": ("科研机构导向", "Research-oriented"),
    "service_business": ("商务环境导向", "Business-oriented"),
    "service_policy": ("特殊政策导向", "Special-policy"),
    "expand": ("拓展", "To be expanded"),
    "foster": ("培育", "To be fostered"),
    # methods, verdicts, statuses
    "measured_network": ("实测（街道网络）", "measured on streets"),
    "estimated_straight_line": ("估算（直线×绕行系数）", "estimated (straight line × detour)"),
    "mixed": ("部分实测", "partly measured on streets"),
    "gap": ("存在缺口", "a gap"),
    "no_gap": ("无缺口", "no gap"),
    "robust": ("稳健", "robust"),
    "likely": ("较可能", "likely"),
    "not_testable": ("点位或边界不确定，无法判定", "not testable: point or boundary too uncertain"),
    "ok": ("有结果", "ok"),
    "beyond_limit": ("超出搜索范围", "beyond the search limit"),
    "unsnapped": ("未能接入路网", "not on the street network"),
    "no_data": ("无数据", "no data"),
    "none_in_city": ("本市没有", "none in this city"),
    "not_measurable": ("不可测", "not measurable"),
    "operating": ("运营", "operating"),
    "under_construction": ("在建", "under construction"),
    "planned": ("规划", "planned"),
    # boundaries
    "surveyed": ("实测边界", "surveyed"),
    "digitised": ("数字化边界", "digitised"),
    "indicative": ("示意（圆）", "indicative (a disc)"),
    "planned_area_disc": ("示意（按规划面积画圆）", "indicative (disc of the planned area)"),
    "assumed_area_disc": (
        "示意（未载规划面积，按假设面积画圆）",
        "indicative (disc of an assumed area: no planned one is documented)",
    ),
    "none": ("仅有点位", "point only"),
    # modes and units
    "walk": ("步行", "walk"),
    "cycle": ("骑行", "cycle"),
    "drive": ("驾车", "drive"),
    "transit": ("轨道+步行", "rail and walk"),
    "rail_walk": ("轨道+步行", "rail and walk"),
    "straight_line": ("直线", "straight line"),
    "min": ("分钟", "min"),
    "m": ("米", "m"),
    "km": ("公里", "km"),
    "share": ("份额", "share"),
    "count": ("个", "in number"),
}

CAVEATS = (
    (
        "斜纹 = 估算（直线距离×绕行系数），实心 = 在街道网络上实测。",
        "Hatched = estimated (straight line × detour factor); solid = measured on streets.",
    ),
    (
        "虚线范围为示意：按规划面积（未载者按假设面积）在概略点位画圆，不是正式边界。",
        (
            "Dashed extents are indicative: discs of the planned area, or of an assumed one where "
            "none is documented; no official boundaries."
        ),
    ),
    (
        "“?” 表示没有数据或不可测，不等于没有设施。",
        "“?” means no data or not measurable; it does not mean that nothing is there.",
    ),
    (
        "相距很近的符号排成一行，位置以细节缩放后为准。",
        "Symbols that would cover each other stand in a row; zoom in for their true points.",
    ),
)

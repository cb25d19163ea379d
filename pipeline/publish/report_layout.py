"""Set the tables about the layout: rings, a district's structure, service clusters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from pipeline.publish.report_cells import DASH, Badge, Cell, Column, Table, Words, clean, name_cell
from pipeline.publish.report_context import OUTCOMES
from pipeline.publish.report_data import ReportData
from pipeline.publish.report_synthesis import place_names
from pipeline.publish.synthesis_words import first_ring, records

Names = Mapping[str, tuple[str, str]]
LONG = 160
SIDES = {
    "north": ("北", "north"),
    "east": ("东", "east"),
    "south": ("南", "south"),
    "west": ("西", "west"),
}
KINDS = ("service_research", "service_business", "service_policy")
CLUSTERS = {"clusters": ("全部服务集聚区", "all service clusters")}
STATISTICS = {
    "neighbour_km": (
        "到最近邻的距离（公里），第 {at:.0f} 近",
        "distance to neighbour no. {at:.0f}, km",
    ),
    "ripley_k_km2": ("Ripley K（平方公里），半径 {at:.0f} 米", "Ripley's K (km²) at {at:.0f} m"),
}
FINDINGS = {
    "concentrated": Badge("gap-likely", "集聚", "concentrated"),
    "dispersed": Badge("no-gap-likely", "分散", "dispersed"),
    "not_distinct": Badge("undecided", "与随机无异", "not distinct from chance"),
}
RINGS = {
    "central_city": ("中心城区", "central city"),
    "near_suburb": ("近郊", "near suburbs"),
    "outer_suburb": ("远郊", "outer suburbs"),
}


def layout_tables(data: ReportData) -> list[Table | None]:
    """Give the tables about the layout; none where a run has no synthesis."""
    if data.synthesis is None:
        return []
    found, names = data.synthesis, place_names(data)
    return [
        _rings(found["layout_targets"], *first_ring(found["rings"])),
        _sectors(found["sectors"], names, data.words),
        _clusters(found, names, data.words),
        _concentration(found["concentration"], {**data.words, **CLUSTERS}),
        _distances(found["cluster_distances"], data, names),
    ]


def _rings(table: pd.DataFrame, zh: str, en: str) -> Table | None:
    """Say how much of the targets lies inside the outer ring, and how sure that is."""
    shown = table[table["kind"].isin(["outer_ring", "ring"])]
    if shown.empty:
        return None
    names = {
        **RINGS,
        "inside": (f"{zh}以内", f"inside the {en}"),
        "outside": (f"{zh}以外", f"outside the {en}"),
    }
    rows = [
        [
            name_cell(*names.get(str(row.group), (row.group, ""))),
            Cell(str(int(row.carriers)), kind="number"),
            Cell(
                f"{row.target_10k_m2:.0f}",
                interval=""
                if pd.isna(row.target_low)
                else f"[{row.target_low:.0f}, {row.target_high:.0f}]",
                kind="number",
            ),
            Cell(f"{100 * row.share:.0f}", kind="number"),
        ]
        for row in records(shown.sort_values("kind", kind="stable"))
    ]
    return Table(
        "rings",
        Words(f"生产空间在{zh}内外的分布", f"Production space inside and outside the {en}"),
        [
            Column("范围", "Where", kind="name"),
            Column("载体", "Carriers", kind="number"),
            Column("两年目标", "Targets of both years", "10⁴ m²", "number"),
            Column("占比", "Share", "%", "number"),
        ],
        rows,
        notes=(
            Words(
                "按载体记录点所在划分；方括号为点位在误差内移动时的 90% 区间。",
                "By the recorded points of the carriers; in brackets the 90 % interval over points "
                "moved within their precision.",
            ),
        ),
    )


def _sectors(table: pd.DataFrame, names: Names, words: Names) -> Table | None:
    """Hold the stated sides of a district against bearings from its middle."""
    stated = table[table["stated"].notna()] if len(table) else table
    if stated.empty:
        return None
    rows = [
        [
            name_cell(*names.get(str(row.place_id), (row.place_id, ""))),
            Cell(*words.get(str(row.role), (row.role, ""))),
            Cell(f"{row.bearing_deg:.0f}", kind="number"),
            Cell(*SIDES.get(str(row.side), (row.side, ""))),
            Cell("", badges=(OUTCOMES["agrees" if row.agrees else "differs"],)),
            Cell(f"{100 * row.agrees_share:.0f}", kind="number"),
        ]
        for row in records(stated)
    ]
    return Table(
        "sectors",
        Words(
            "区内结构的核对：文献所说的方位与实际方位",
            "Structure of the district: the sides stated and those found",
        ),
        [
            Column("地点", "Place", kind="name"),
            Column("文献所述", "As stated"),
            Column("方位角", "Bearing", "°", "number"),
            Column("最近的方位", "Nearest side"),
            Column("结论", "Outcome"),
            Column("点位移动后仍相符", "Agrees when points move", "%", "number"),
        ],
        rows,
    )


def _clusters(found: Mapping[str, pd.DataFrame], names: Names, words: Names) -> Table | None:
    """List the service clusters with their anchors and the kind these suggest."""
    classes, anchors = found["cluster_classes"], found["anchors"]
    if classes.empty:
        return None
    # a record has a method named count
    told = records(anchors.rename(columns={"count": "count_"}))
    by = {(row.place_id, row.anchor): row for row in told}
    near = f"{anchors['radius_m'].iloc[0] / 1000:g} km"
    rows = [
        [
            name_cell(*names.get(str(row.place_id), (row.place_id, ""))),
            Cell(*words.get(str(row.category), (row.category, ""))),
            *(_anchor(by[row.place_id, anchor]) for anchor in ("hospital", "university")),
            _kind(
                words.get(str(row.reproduced), (str(row.reproduced), "")), agrees=bool(row.agrees)
            ),
            Cell(clean(row.why_zh, LONG), clean(row.why_en, LONG)),
        ]
        for row in records(classes)
    ]
    return Table(
        "clusters",
        Words("服务集聚区与锚点机构", "Service clusters and their anchors"),
        [
            Column("集聚区", "Cluster", kind="name"),
            Column("文献类型", "Kind as stated"),
            Column("医院", "Hospitals", near, "number"),
            Column("高校", "Universities", near, "number"),
            Column("由周边推断", "Kind told from surroundings"),
            Column("理由", "Why"),
        ],
        rows,
        notes=(
            Words(
                "有摘录时以高校为锚点；没有时只能用医院，而中心城处处近医院，推断不可靠。实验室没有公开点位。",
                "With an extract universities are the anchors; without one only hospitals are, and "
                "the centre is full of them. No public data tell where laboratories are.",
            ),
        ),
    )


def _kind(name: tuple[str, str], *, agrees: bool) -> Cell:
    return Cell(*name, badges=(OUTCOMES["agrees" if agrees else "differs"],))


def _anchor(row: Any) -> Cell:  # noqa: ANN401 (a record)
    if row.status != "ok":
        return Cell("无数据", "no data", kind="number")
    return Cell(str(int(row.count_)), f"最近 nearest {row.nearest_m:,.0f} m", kind="number")


def _concentration(table: pd.DataFrame, words: Names) -> Table | None:
    """Show how the clusters gather against where there is city."""
    shown = table[table["null"].eq("city") & ~table["group"].isin(KINDS)] if len(table) else table
    shown = shown[shown["status"].eq("ok")]
    if shown.empty:
        return None
    rows = [
        [
            name_cell(*words.get(str(row.group), (row.group, ""))),
            name_cell(*(words.format(at=row.at) for words in STATISTICS[str(row.statistic)])),
            Cell(f"{row.observed:,.1f}", kind="number"),
            Cell(
                f"{row.null_median:,.1f}",
                interval=f"[{row.low:,.1f}, {row.high:,.1f}]",
                kind="number",
            ),
            Cell(f"{row.p:.3f}", kind="number"),
            Cell("", badges=(FINDINGS.get(str(row.finding), FINDINGS["not_distinct"]),)),
        ]
        for row in records(shown)
    ]
    return Table(
        "concentration",
        Words("服务集聚：与随机位置的比较", "Concentration against random positions"),
        [
            Column("对象", "What", kind="name"),
            Column("统计量", "Statistic", kind="name"),
            Column("观测值", "Observed", kind="number"),
            Column("随机", "Chance", kind="number"),
            Column("p", "p", kind="number"),
            Column("结论", "Finding"),
        ],
        rows,
        notes=(
            Words(
                "随机位置按城市设施的疏密抽取 999 次，不是平均撒在土地上。检验的是集聚区的位置，"
                "不是企业：企业点位没有公开数据。",
                "Random positions are drawn 999 times where the city has its facilities, not "
                "evenly "
                "over land. What is tested is where the clusters lie, not firms: their positions "
                "are not public.",
            ),
        ),
    )


def _distances(table: pd.DataFrame, data: ReportData, names: Names) -> Table | None:
    """Give the drive from the core, zones and case parks to the nearest cluster of each kind."""
    if table.empty:
        return None
    words = data.words
    tiers = data.places.set_index("place_id")[["tier", "category"]]
    chosen = tiers["tier"].isin(["core", "zone"]) & tiers["category"].ne("core_part")
    wanted = tiers.index[chosen | tiers["category"].eq("case_park")]
    kinds = [kind for kind in KINDS if table["category"].eq(kind).any()]
    nearest = {(row.place_id, row.category): row for row in records(table)}
    rows = [
        [
            name_cell(*names[str(place)]),
            *(_nearest(nearest.get((place, kind)), names) for kind in kinds),
        ]
        for place in wanted
        if table["place_id"].eq(place).any()
    ]
    if not rows:
        return None
    return Table(
        "cluster_distances",
        Words("到各类服务集聚区的距离", "Distance to the nearest service cluster of each kind"),
        [
            Column("园区", "Park", kind="name"),
            *(Column(*words.get(kind, (kind, "")), unit="min") for kind in kinds),
        ],
        rows,
    )


def _nearest(row: Any, names: Names) -> Cell:  # noqa: ANN401 (a record)
    if row is None or pd.isna(row.minutes):
        return Cell(DASH)
    zh, en = names.get(str(row.cluster_id), (str(row.cluster_id), ""))
    sign = "" if row.method == "measured_network" else "≈"
    return Cell(f"{sign}{row.minutes:.0f} {zh}", en)

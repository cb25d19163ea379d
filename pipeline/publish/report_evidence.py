"""Set the tables about the evidence: sources, standards, contradictions, published figures."""

from __future__ import annotations

import pandas as pd

from pipeline.publish.report_cells import (
    DASH,
    Badge,
    Cell,
    Column,
    Table,
    Words,
    clean,
    name_cell,
)
from pipeline.publish.report_data import ReportData, Row
from pipeline.publish.report_text import confidence_words

LONG = 160
_TRUST = {
    "verified": "no-gap-robust",
    "partly_verified": "no-gap-likely",
    "memory": "gap-robust",
    "analyst_choice": "undecided",
}


def contradictions(data: ReportData) -> Table | None:
    """List where two sources disagree, which was used, and why."""
    if data.contradictions.empty:
        return None
    rows = [
        [
            name_cell(row["topic_zh"], row["topic_en"]),
            Cell(clean(row["value_a"]), clean(row["source_a"], LONG)),
            Cell(clean(row["value_b"]), clean(row["source_b"], LONG)),
            Cell(clean(row["unit"]), kind="short"),
            Cell(
                f"{clean(row['used'])}（{clean(row['reason_zh'], LONG)}）",
                clean(row["reason_en"], LONG),
            ),
        ]
        for _, row in data.contradictions.iterrows()
    ]
    return Table(
        "contradictions",
        Words("来源之间的矛盾", "Where sources contradict each other"),
        [
            Column("事项", "Topic", kind="name"),
            Column("一说", "One value and its source"),
            Column("另一说", "The other value and its source"),
            Column("单位", "Unit"),
            Column("采用及理由", "Used, and why"),
        ],
        rows,
    )


def published_coverage(data: ReportData) -> Table | None:
    """Set published and computed station coverage side by side; denominators are named."""
    computed = data.coverage.dropna(subset=["share", "area_km2"])
    topic = data.standards[data.standards["topic"].eq("rail") & data.standards["unit"].eq("share")]
    stated = topic[topic["kind"].isin(["observation", "target"])]
    if computed.empty and stated.empty:
        return None
    rows = [_computed_row(data, "全域", "whole area", computed)] if len(computed) else []
    rows += [
        _computed_row(data, row["name_zh"], row["name_en"], computed.loc[[index]])
        for index, row in computed.sort_values("share", ascending=False).iterrows()
    ]
    rows += [_stated_row(row) for _, row in stated.iterrows()]
    return Table(
        "coverage",
        Words("轨道站点覆盖：计算值与公布值", "Station coverage: computed and published"),
        [
            Column("范围", "Area", kind="name"),
            Column("年份", "Year"),
            Column("覆盖率", "Coverage", "%", "number"),
            Column("计入站体", "With station extent", "%", "number"),
            Column("性质", "Standing"),
            Column("分母与出处", "Denominator and wording"),
        ],
        rows,
        notes=(
            Words(
                "公布值的分母（中心城、主城区、新城；用地、人口、岗位）与计算值（全域或区的土地）"
                "不同，只可参照，不可相减。区界由 500 米格网概化。",
                "Published figures have other denominators (central city, main city, new towns; "
                "land, residents, jobs) than the computed ones (land of the whole area or a "
                "district): for orientation, not for subtraction. District outlines are "
                "generalised from 500 m cells.",
            ),
        ),
    )


def _computed_row(data: ReportData, zh: object, en: object, rows: pd.DataFrame) -> list[Cell]:
    weight = rows["area_km2"] / rows["area_km2"].sum()
    shares = [float((rows[name] * weight).sum()) for name in ("share", "share_extent")]
    return [
        name_cell(zh, en),
        Cell(data.study_date[:4]),
        *(Cell(f"{100.0 * share:.1f}", kind="number") for share in shares),
        Cell("", badges=(Badge("undecided", "计算", "computed"),)),
        Cell(
            f"土地面积，{data.coverage_band_m:g} 米直线",
            f"land area, {data.coverage_band_m:g} m straight line",
        ),
    ]


def _stated_row(row: Row) -> list[Cell]:
    return [
        name_cell(row["applies_to_zh"], row["applies_to_en"]),
        Cell(clean(row["year"]) or DASH),
        Cell(f"{100.0 * row['value']:.1f}", kind="number"),
        Cell(DASH, kind="number"),
        Cell("", badges=(trust_badge(row["confidence"]),)),
        Cell(clean(row["stated_zh"], LONG), clean(row["stated_en"], LONG)),
    ]


def trust_badge(confidence: object) -> Badge:
    """Show how far a fact was verified."""
    zh, en = confidence_words(confidence)
    return Badge(_TRUST.get(str(confidence), "undecided"), zh, en)


def standards(data: ReportData) -> Table | None:
    """List the standards that gaps are held against, then those nobody has verified."""
    used = {need.standard_id for need in data.needs}
    table = data.standards
    chosen = table[
        table["standard_id"].isin(used) | table["confidence"].isin(["memory", "analyst_choice"])
    ]
    if chosen.empty:
        return None
    first = ~chosen["standard_id"].isin(used)
    ordered = chosen.assign(first=first).sort_values(["first", "standard_id"], kind="stable")
    rows = [
        [
            Cell(
                clean(row["stated_zh"], LONG),
                clean(row["stated_en"], LONG),
                badges=(Badge("gap-likely", "本报告采用", "used here"),)
                if row["standard_id"] in used
                else (),
                kind="name",
            ),
            Cell(clean(row["standard_zh"]) or DASH, clean(row["standard_en"])),
            Cell("", badges=(trust_badge(row["confidence"]),)),
            Cell(clean(row["source"], LONG)),
        ]
        for _, row in ordered.iterrows()
    ]
    return Table(
        "standards",
        Words(
            "所用标准，以及尚未核实的标准",
            "The standards used, and those not verified",
        ),
        [
            Column("条文", "Statement", kind="name"),
            Column("标准", "Standard"),
            Column("核实状态", "Verification"),
            Column("来源", "Source"),
        ],
        rows,
    )


def sources(data: ReportData) -> Table:
    """List what came in: name, licence, date of the data."""
    rows = [
        [
            Cell(clean(row["name_zh"], LONG), clean(row["name_en"], LONG), kind="name"),
            Cell(clean(row["licence"]) or DASH),
            Cell(clean(row["date"]) or DASH),
        ]
        for _, row in data.sources.iterrows()
    ]
    return Table(
        "sources",
        Words("数据来源、许可与日期", "Sources, licences and data dates"),
        [
            Column("数据", "Data", kind="name"),
            Column("许可", "Licence"),
            Column("数据日期", "As of"),
        ],
        rows,
    )


def parameters(data: ReportData) -> Table:
    """List the settings that the figures rest on."""
    rows = [
        [
            Cell(one.name.zh, one.name.en, kind="name"),
            Cell(one.value, kind="number"),
            Cell(one.unit or DASH, kind="short"),
            Cell(one.key),
            Cell(clean(one.source, LONG) or DASH),
        ]
        for one in data.parameters
    ]
    return Table(
        "parameters",
        Words("主要设置", "Main settings"),
        [
            Column("设置", "Setting", kind="name"),
            Column("取值", "Value", kind="number"),
            Column("单位", "Unit"),
            Column("键", "Key"),
            Column("依据", "Source"),
        ],
        rows,
    )

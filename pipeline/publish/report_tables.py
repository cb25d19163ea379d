"""Set the report's tables about places: matrix, ranking, case parks, carriers, districts."""

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
    number,
    number_cell,
)
from pipeline.publish.report_data import CASE, PART, ReportData, Row
from pipeline.publish.report_outcomes import (
    BADGES,
    GAP_ROBUST,
    NO_VALUE,
    OUTCOMES,
    RANK_BADGES,
    kinds_present,
    tally,
)
from pipeline.publish.report_text import carriers, target_columns, threshold_words, trust_words

M2_PER_KM2 = 1e6
_BOUNDARIES = {
    "surveyed": ("实测边界", "surveyed"),
    "digitised": ("数字化", "digitised"),
    "indicative": ("示意圆", "indicative disc"),
    "none": ("仅点位", "point only"),
}
_REASONS = {
    "no_data": ("无数据", "no data"),
    "none_in_city": ("本市没有", "none in this city"),
    "not_testable": ("点位不适用", "point unfit"),
    "not_measurable": ("不可测", "not measurable"),
    "beyond_limit": ("超出搜索范围", "beyond limit"),
    "unsnapped": ("未接入路网", "not on streets"),
}


def matrix(data: ReportData) -> Table:
    """Count, tier by service, what was found: six outcomes that add up to the tier's places."""
    kinds = data.kinds
    services = (*(need.service for need in data.needs), "composite")
    rows = []
    for name in kinds_present(kinds):
        ids = kinds.index[kinds.eq(name)]
        counts = [tally(data.service_rows(service).loc[ids, "outcome"]) for service in services]
        rows.append(
            [
                name_cell(*data.name(name)),
                Cell(str(len(ids)), kind="number"),
                *(
                    Cell("", badges=_counted(count, service))
                    for count, service in zip(counts, services, strict=True)
                ),
            ]
        )
    return Table(
        "matrix",
        Words("层级 × 服务：各种结论的地点数", "Tier by service: number of places by outcome"),
        [
            Column("层级", "Tier", kind="name"),
            Column("地点", "Places", kind="number"),
            *(Column(*data.name(need.service)) for need in data.needs),
            Column(*_largest(data)),
        ],
        rows,
        total=[
            Cell("合计", "Total", kind="name"),
            Cell(str(len(kinds)), kind="number"),
            *(Cell("") for _ in services),
        ],
        notes=(
            Words(
                "每格各类之和等于该层级的地点数，未列出的类为 0 处；“无值”不是 0，也不是无缺口。"
                "每处地点只计一次：案例园区不计入所属层级，核心区内片区另列一行。"
                f"最后一列问的是另一件事：综合缺口是否属于最大的 {data.worst_places} 处。",
                "The outcomes in a cell add up to the tier's places, those not named count none; "
                "no value is neither zero nor absence of a gap. Every place counts once: case "
                "parks and parts of the core have rows of their own. The last column asks "
                f"something else: whether the composite gap is among the {data.worst_places} "
                "largest.",
            ),
        ),
    )


def _largest(data: ReportData) -> tuple[str, str]:
    """Head what the composite is asked: not whether there is a gap, but whether it is large."""
    return (
        f"综合：是否缺口最大的 {data.worst_places} 处",
        f"Composite: among the {data.worst_places} largest?",
    )


def _counted(counts: pd.Series[int], service: str) -> tuple[Badge, ...]:
    """Show how many places have each outcome, leaving out those that none has."""
    words = RANK_BADGES if service == "composite" else BADGES
    return tuple(
        Badge(words[key].css, f"{counts[key]} {words[key].zh}", words[key].en)
        for key in OUTCOMES
        if counts[key]
    )


def service_columns(data: ReportData) -> list[Column]:
    """Head the columns of the services with the mode and threshold that they are held to."""
    heads = []
    for need in data.needs:
        sign, limit = threshold_words(need)
        zh, en = data.name(need.mode)
        trust = trust_words(data, need)
        unit = f"{zh} {en} {sign} {limit.en} {trust.zh} {trust.en}".strip()
        heads.append(Column(*data.name(need.service), unit=unit, kind="number"))
    return heads


def ranking(data: ReportData) -> Table:
    """Rank the places by composite gap, with what each service contributes."""
    composite = data.service_rows("composite")
    order = composite.sort_values(["rank", "at_most", "at_least"], ascending=[True, False, False])
    ranked = order[order["rank"].notna()].index
    left = order[order["rank"].isna()].index
    known = data.gaps[data.gaps["gap"].notna()]["place_id"]
    shown = [*ranked, *(key for key in left if key in set(known))]
    silent = len(order) - len(shown)
    ceiling = (
        Words("")
        if data.cap is None
        else Words(
            f"（超出门槛 {data.cap:g} 倍即封顶）", f" (from {data.cap:g} times over its threshold)"
        )
    )
    return Table(
        "ranking",
        Words("缺口排序（综合，从大到小）", "Places by composite gap, largest first"),
        [
            Column("名次", "Rank", kind="number"),
            Column("地点", "Place", kind="name"),
            Column("层级", "Tier"),
            Column("综合缺口", "Composite gap", f"0–1，是否最大 {data.worst_places} 处", "number"),
            *service_columns(data),
        ],
        [_ranked_row(data, str(key), composite.loc[key]) for key in shown],
        notes=(
            Words(
                "名次下括号内为改变权重（含逐项剔除）后的名次范围；方括号为边界位置不确定造成的"
                "90% 区间；缺项而不排名者，综合缺口的方括号为缺项按无缺口与最大缺口补足的上下限。"
                f"单项缺口最大记 1{ceiling.zh}，最小记 0：区间两端相同的，"
                "是各项都已在 0 或 1，位置误差不再改变它，不是没有误差。≈ 表示直线估算。"
                f"另有 {silent} 处没有任何服务的值，不列入本表。",
                "In parentheses the range of the rank over all weights tried; in brackets the 90 % "
                "interval over plausible boundaries or, for places not ranked, what the composite "
                "would be with the missing services at no gap and at the fullest. One service "
                f"counts at most 1{ceiling.en} and at least 0: "
                "where both ends of an interval agree, every service stands at 0 or 1 and the "
                "error of the position no longer shows, which is not the same as no error; ≈ marks "
                f"straight-line estimates. {silent} places without any value are not listed.",
            ),
        ),
    )


def _ranked_row(data: ReportData, key: str, row: Row) -> list[Cell]:
    place = data.place(key)
    if pd.isna(row["rank"]):
        rank = Cell(DASH, "缺项 incomplete", kind="number")
    else:
        span = f"({row['rank_low']:.0f}–{row['rank_high']:.0f})"
        rank = Cell(f"{row['rank']:.0f}", interval=span, kind="number")
    found = str(row["outcome"])
    low, high = ("at_least", "at_most") if pd.isna(row["gap"]) else ("low", "high")
    composite = number_cell(
        row["gap"], "gap", low=row[low], high=row[high], badge=RANK_BADGES[found]
    )
    services = [service_cell(data, need.service, key) for need in data.needs]
    return [
        rank,
        name_cell(place["name_zh"], place["name_en"]),
        _word(data, data.kinds[str(place["place_id"])]),
        composite,
        *services,
    ]


def service_cell(data: ReportData, service: str, place_id: str) -> Cell:
    """Show a place's value of one service: estimated or measured, interval, judgement, reason."""
    row = data.service_row(service, place_id)
    found = str(row["outcome"])
    badge = BADGES[found]
    if found == NO_VALUE:
        reason = _REASONS.get(str(row["status"]), ("无值", "no value"))
        badge = Badge("no-value", *reason)
    unit = row["unit"] if isinstance(row["unit"], str) else "min"
    return number_cell(
        None if found == NO_VALUE else row["value"],
        unit,
        low=row["low"],
        high=row["high"],
        estimated=row["method"] == "estimated_straight_line",
        badge=badge,
    )


def case_parks(data: ReportData) -> Table | None:
    """Hold the case parks' documented areas against register and footprint, and list services."""
    parks = data.places[data.places["category"].eq(CASE)]
    if parks.empty:
        return None
    return Table(
        "cases",
        Words("案例园区", "Case parks"),
        [
            Column("园区", "Park", kind="name"),
            Column("区", "District"),
            Column("文件面积", "Documented", "km²", "number"),
            Column("名录面积", "Register", "km²", "number"),
            Column("范围面积", "Footprint", "km²", "number"),
            Column("点位精度", "Precision", "m", "number"),
            *service_columns(data),
        ],
        [_case_row(data, park) for _, park in parks.iterrows()],
        notes=(
            Words(
                f"三个面积相差不超过 {data.area_tolerance_share:.0%} 记为一致。范围为示意圆时，"
                "面积一致只说明圆按该面积画出，不说明边界。",
                f"Areas that differ by at most {data.area_tolerance_share:.0%} agree. Where the "
                "footprint is an indicative disc, agreement tells that the disc was drawn to that "
                "area, nothing about the boundary.",
            ),
        ),
    )


def _case_row(data: ReportData, park: Row) -> list[Cell]:
    stated = data.documented_value(f"case_area_{park['place_id'].lower()}")
    shape = park["geometry"]
    drawn = None if shape is None or shape.is_empty else shape.area / M2_PER_KM2
    areas = [area for area in (stated, park["planned_area_km2"], drawn) if pd.notna(area)]
    agree = len(areas) > 1 and max(areas) - min(areas) <= data.area_tolerance_share * max(areas)
    badge = (
        Badge("no-gap-robust", "一致", "agree")
        if agree
        else Badge("gap-likely", "不一致", "differ")
    )
    certainty = _BOUNDARIES.get(str(park["boundary_class"]), (DASH, ""))
    return [
        name_cell(park["name_zh"], park["name_en"]),
        Cell(clean(park["district_zh"]) or DASH, kind="short"),
        number_cell(stated, "km2"),
        number_cell(park["planned_area_km2"], "km2", badge=badge if len(areas) > 1 else None),
        Cell(
            DASH if drawn is None else f"{drawn:.3g}",
            badges=(Badge("undecided", *certainty),),
            kind="number",
        ),
        number_cell(park["precision_m"], "m"),
        *(service_cell(data, need.service, park["place_id"]) for need in data.needs),
    ]


def layout(data: ReportData, tiers: tuple[str, ...]) -> Table | None:
    """List the places of some tiers with area, precision and services."""
    kinds = data.places["place_id"].map(data.kinds)
    places = data.places.assign(tier=kinds)[kinds.isin(tiers)]
    if places.empty:
        return None
    order = places["tier"].map({name: i for i, name in enumerate(tiers)})
    several = len(set(places["tier"])) > 1
    roles = "district_role" in places.columns and bool(places["district_role"].notna().any())
    places = places.assign(order=order).sort_values(["order", "place_id"], kind="stable")
    return Table(
        "layout-" + "-".join(tiers),
        Words(
            "、".join(data.name(name)[0] for name in tiers),
            ", ".join(data.name(name)[1] for name in tiers),
        ),
        [
            Column("地点", "Place", kind="name"),
            *([Column("层级", "Tier")] if several else []),
            *([Column("区内分工", "Role in its district")] if roles else []),
            Column("区", "District"),
            Column("规划面积", "Planned area", "km²", "number"),
            Column("点位精度", "Precision", "m", "number"),
            *service_columns(data),
        ],
        [
            [
                name_cell(place["name_zh"], place["name_en"]),
                *([_word(data, data.kinds[str(place["place_id"])])] if several else []),
                *([_word(data, place["district_role"])] if roles else []),
                Cell(clean(place["district_zh"]) or DASH, kind="short"),
                number_cell(place["planned_area_km2"], "km2"),
                number_cell(place["precision_m"], "m"),
                *(service_cell(data, need.service, place["place_id"]) for need in data.needs),
            ]
            for _, place in places.iterrows()
        ],
    )


def targets(data: ReportData) -> Table | None:
    """List the carriers with their targets, the totals, and the documented totals beside them."""
    rows, columns = carriers(data), target_columns(data)
    if rows.empty:
        return None
    years = [name.split("_")[1] for name in columns]
    total = [number(rows[name].sum(min_count=1), "10k_m2") for name in columns]
    stated = [data.documented_value(f"annex_{year}") for year in years]
    body = [
        [
            name_cell(row["name_zh"], row["name_en"]),
            Cell(clean(row["district_zh"]) or DASH, kind="short"),
            _word(data, row["priority_group"]),
            *(number_cell(row[name], "10k_m2") for name in columns),
            *(service_cell(data, need.service, row["place_id"]) for need in data.needs),
        ]
        for _, row in rows.iterrows()
    ]
    documented = "、".join(
        f"{year} 年 {number(value, '10k_m2')}" for year, value in zip(years, stated, strict=True)
    )
    english = ", ".join(
        f"{number(value, '10k_m2')} in {year}" for year, value in zip(years, stated, strict=True)
    )
    return Table(
        "targets",
        Words(
            f"{data.name('carrier')[0]}与开工目标",
            f"{data.name('carrier')[1]} and their construction targets",
        ),
        [
            Column("载体", "Carrier", kind="name"),
            Column("区", "District"),
            Column("分组", "Group"),
            *(Column(f"{year} 年目标", f"Target {year}", "10⁴ m²", "number") for year in years),
            *service_columns(data),
        ],
        body,
        total=[
            Cell("合计", "Total", kind="name"),
            Cell(""),
            Cell(""),
            *(Cell(text, kind="number") for text in total),
            *(Cell("") for _ in data.needs),
        ],
        notes=(
            Words(
                f"文件所载合计：{documented}（万平方米）。“{DASH}”为文件未给目标，不是 0。",
                f"Totals stated in the document: {english} (10⁴ m²). A dash: the document gives no "
                "target, which is not zero.",
            ),
        ),
    )


def districts(data: ReportData) -> Table | None:
    """Sum places, robust gaps and targets by the district that the register states."""
    places = data.places[
        data.places["tier"].isin(["core", "zone", "x", "carrier"])
        & data.places["category"].ne(PART)
    ]
    if places.empty:
        return None
    found = {
        need.service: data.service_rows(need.service).loc[places["place_id"], "outcome"]
        for need in data.needs
    }
    columns = target_columns(data)
    place_of = places["district_zh"].fillna("")
    rows = []
    for name in sorted(set(place_of), key=lambda text: (text == "", text)):
        chosen = places[place_of.eq(name)]
        robust = [
            int(found[need.service].loc[chosen["place_id"]].eq(GAP_ROBUST).sum())
            for need in data.needs
        ]
        rows.append(
            [
                Cell(
                    clean(name) or "跨区或未载",
                    "" if name else "several or not stated",
                    kind="name",
                ),
                Cell(str(len(chosen)), kind="number"),
                *(number_cell(chosen[key].sum(min_count=1), "10k_m2") for key in columns),
                *(Cell(str(count), kind="number") for count in robust),
            ]
        )
    return Table(
        "districts",
        Words(
            "按区汇总（核心区、特色区、园区、载体，不含核心区内片区）",
            "By district (core, zones, parks, carriers; without the parts of the core)",
        ),
        [
            Column("区", "District"),
            Column("地点", "Places", kind="number"),
            *(
                Column(
                    f"{key.split('_')[1]} 年目标", f"Target {key.split('_')[1]}", "10⁴ m²", "number"
                )
                for key in columns
            ),
            *(
                Column(
                    f"{data.name(need.service)[0]}缺口稳健",
                    f"robust gap, {data.name(need.service)[1].lower()}",
                    "处",
                    "number",
                )
                for need in data.needs
            ),
        ],
        rows,
    )


def _word(data: ReportData, code: object) -> Cell:
    """Name a code of the tables in both languages."""
    zh, en = data.name(code)
    return Cell(zh or DASH, en)

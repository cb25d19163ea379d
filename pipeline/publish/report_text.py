"""Say the ten lines of the summary: every figure comes from the tables, none is typed."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from pipeline.measures.access_rows import NONE_IN_CITY
from pipeline.measures.targets import target_columns as columns_of_targets
from pipeline.publish.report_cells import UNITS, Words, clean, interval, number, with_unit
from pipeline.publish.report_data import CASE, PART, ReportData, Row
from pipeline.publish.report_island import pooled_words
from pipeline.publish.report_outcomes import (
    BADGES,
    GAP_LIKELY,
    GAP_ROBUST,
    NO_GAP_LIKELY,
    NO_GAP_ROBUST,
    NO_VALUE,
    UNDECIDED,
    count_interval,
    kinds_present,
    tally,
)
from pipeline.publish.report_parcels import headline, is_synthetic
from pipeline.publish.report_scenario import opened
from pipeline.settings.needs import NeedSettings

LINES = 10
LISTED = 3
#: How far a standard is to be trusted, in words.
CONFIDENCE = {
    "verified": ("已核实", "verified"),
    "partly_verified": ("部分核实", "partly verified"),
    "memory": ("未核实（凭记忆）", "unverified (from memory)"),
    "analyst_choice": ("分析者设定，非标准", "analyst's choice, no standard"),
}
_UNKNOWN_CONFIDENCE = ("未说明", "not stated")


@dataclass(frozen=True)
class Line:
    """One line of the summary with what qualifies it: method, interval, verdict, standard."""

    text: Words
    marks: tuple[Words, ...] = field(default=())


def summary(data: ReportData) -> list[Line]:
    """Say what was found, in at most ten lines.

    A line about tables that the study does not have is left out, and the next one takes its place.
    """
    said: list[Line | None] = [_scope(data)]
    said += [_service(data, need) for need in data.needs]
    said += [_worst(data), _case_parks(data), _targets(data), _planned(data)]
    said += [_island(data), _parcels(data), _tiers(data), _coverage(data)]
    return [line for line in said if line is not None][:LINES]


def method_words(data: ReportData, methods: pd.Series[str]) -> Words:
    """Say how a set of values came about; a mixture tells how many were measured."""
    known = methods.dropna()
    measured = int(known.eq("measured_network").sum())
    if known.empty:
        return Words("方法：不适用", "method: not applicable")
    if measured in {0, len(known)}:
        zh, en = data.name(known.iloc[0])
        return Words(f"方法：{zh}", f"method: {en}")
    return Words(
        f"方法：{measured} 个实测，{len(known) - measured} 个估算",
        f"method: {measured} measured, {len(known) - measured} estimated",
    )


def standard_words(data: ReportData, standard_id: str) -> Words:
    """Name a standard and say whether it was verified."""
    row = data.standard(standard_id)
    if row is None:
        zh, en = data.name(standard_id)
        if zh != standard_id:  # the study names it
            return Words(f"门槛：{zh}", f"threshold: {en}")
        return Words(f"标准 {standard_id}：标准表中没有", f"{standard_id}: not in the table")
    zh, en = confidence_words(row["confidence"])
    if row["confidence"] == "analyst_choice":
        return Words(f"门槛：{zh}", f"threshold: {en}")
    return Words(
        f"门槛依据：{clean(row['standard_zh'])}，{zh}",
        f"threshold after: {clean(row['standard_en'])}, {en}",
    )


def confidence_words(code: object) -> tuple[str, str]:
    """Say in words how far a standard or fact was verified."""
    return CONFIDENCE.get(str(code), _UNKNOWN_CONFIDENCE)


def need_words(data: ReportData, need: NeedSettings) -> Words:
    """Say what is asked for: the threshold, its mode of travel, and how far it is to be trusted."""
    mode_zh, mode_en = data.name(need.mode)
    sign, limit = threshold_words(need)
    trust = trust_words(data, need)
    return Words(
        f"{mode_zh}中位数 {sign} {limit.zh}" + (f"，{trust.zh}" if trust.zh else ""),
        f"median by {mode_en} {sign} {limit.en}" + (f", {trust.en}" if trust.en else ""),
    )


def trust_words(data: ReportData, need: NeedSettings) -> Words:
    """Say in a word or two that a threshold is no verified standard; nothing where it is one."""
    row = data.standard(need.standard_id)
    return _TRUST.get("" if row is None else str(row["confidence"]), Words(""))


_TRUST = {
    "memory": Words("标准未核实", "standard unverified"),
    "partly_verified": Words("标准部分核实", "standard partly verified"),
    "analyst_choice": Words("分析者设定", "analyst's choice"),
}


def threshold_words(need: NeedSettings) -> tuple[str, Words]:
    """Write the threshold of a need as it was set, with the sign of its direction."""
    sign = "≤" if need.direction == "at_most" else "≥"
    scale = 100.0 if need.unit == "share" else 1.0
    zh, en, _ = UNITS[need.unit]
    value = f"{scale * need.threshold:g}"
    return sign, Words(f"{value} {zh}", f"{value} {en}")


def _scope(data: ReportData) -> Line:
    places, classes = data.places, data.places["boundary_class"]
    drawn = int(places.geometry.notna().sum())
    certain = int(classes.isin(["surveyed", "digitised"]).sum())
    values = data.gaps[data.gaps["service"].ne("composite")]
    known = int(values["gap"].notna().sum())
    parts = int(data.kinds.eq(PART).sum())
    inside = (
        Words(f"（含核心区内片区 {parts} 处）", f" ({parts} of them parts of the core)")
        if parts
        else Words("")
    )
    return Line(
        Words(
            f"名录共 {len(places)} 处地点{inside.zh}，{drawn} 处有范围可算（其中边界确定 {certain} "
            f"处，其余为示意圆）；每处 {len(data.needs)} 项服务，共 {len(values)} 项，"
            f"{known} 项有值。",
            f"{len(places)} places in the register{inside.en}; {drawn} have an extent ({certain} "
            f"with a certain boundary, the others are indicative discs); of {len(values)} pairs of "
            f"place and service {known} have a value.",
        ),
        (method_words(data, values.loc[values["gap"].notna(), "method"]),),
    )


def _service(data: ReportData, need: NeedSettings) -> Line:
    rows = data.service_rows(need.service)
    counts = tally(rows["outcome"])
    known = len(rows) - int(counts[NO_VALUE])
    zh, en = data.name(need.service)
    if len(rows) and rows["status"].eq(NONE_IN_CITY).all():
        return Line(
            Words(
                f"{zh}：本市没有，故不算缺口，也不计入综合。",
                f"{en}: none in this city; it is no gap and no part of the composite.",
            ),
            (Words("研究文件所述", "as the study states"),),
        )
    asked = need_words(data, need)
    if not known:
        return Line(
            Words(
                f"{zh}（{asked.zh}）：{len(rows)} 处都没有值。",
                f"{en} ({asked.en}): none of {len(rows)} places has a value.",
            ),
            (Words("无值不是零", "no value is not zero"),),
        )
    least, most = count_interval(counts)
    firm, likely = int(counts[GAP_ROBUST]), int(counts[GAP_LIKELY])
    none = int(counts[NO_GAP_ROBUST] + counts[NO_GAP_LIKELY])
    open_, without = int(counts[UNDECIDED]), int(counts[NO_VALUE])
    return Line(
        Words(
            f"{zh}（{asked.zh}）：有值的 {known} 处中，缺口稳健 {firm} 处、较可能 {likely} 处，"
            f"无缺口 {none} 处，无法判定 {open_} 处；另有 {without} 处无值。",
            f"{en} ({asked.en}): of {known} places with a value the gap is robust at {firm} and "
            f"likely at {likely}; no gap at {none}, undecided {open_}; {without} have no value.",
        ),
        (
            method_words(data, rows.loc[rows["gap"].notna(), "method"]),
            Words(
                f"有缺口的地点：至少 {least} 处，至多 {most} 处",
                f"places with a gap: at least {least}, at most {most}",
            ),
            standard_words(data, need.standard_id),
        ),
    )


def _case_parks(data: ReportData) -> Line | None:
    parks = data.places[data.places["category"].eq(CASE)]
    need = data.needs[0] if data.needs else None
    if parks.empty or need is None:
        return None
    rows = data.service_rows(need.service).loc[parks["place_id"]]
    asked = data.name(need.service)
    said = [
        _place_value(park, data.service_row(need.service, str(park["place_id"])))
        for _, park in parks.iterrows()
    ]
    return Line(
        Words(
            f"案例园区到{asked[0]}：" + "；".join(words.zh for words in said) + "。",
            f"Case parks, {asked[1].lower()}: " + "; ".join(words.en for words in said) + ".",
        ),
        (method_words(data, rows["method"]),),
    )


def _place_value(place: Row, row: Row) -> Words:
    """Say one place's value with interval and verdict."""
    zh, en = clean(place["name_zh"]), clean(place["name_en"])
    estimated = row["method"] == "estimated_straight_line"
    unit = row["unit"] if isinstance(row["unit"], str) else "min"
    value = with_unit(row["value"], unit, estimated=estimated)
    spread = interval(row["low"], row["high"], unit)
    badge = BADGES[str(row["outcome"])]
    return Words(
        f"{zh} {value.zh} {spread}（{badge.zh}）".replace("  ", " "),
        f"{en or zh} {value.en} {spread} ({badge.en})".replace("  ", " "),
    )


def carriers(data: ReportData) -> pd.DataFrame:
    """Give the places that have a target in any year."""
    columns = target_columns(data)
    return pd.DataFrame(data.places[data.places[columns].notna().any(axis=1)])


def target_columns(data: ReportData) -> list[str]:
    """Name the columns of the register that hold targets of a year."""
    return columns_of_targets(data.places.columns)


def _targets(data: ReportData) -> Line | None:
    rows, columns = carriers(data), target_columns(data)
    if rows.empty or not data.needs:
        return None
    area = rows.set_index("place_id")[columns].sum(axis=1, min_count=1)
    found = data.service_rows(data.needs[0].service).loc[rows["place_id"]]
    firm = float(area[found["outcome"].eq(GAP_ROBUST)].sum())
    open_ = float(area[found["outcome"].isin([GAP_LIKELY, UNDECIDED, NO_VALUE])].sum())
    whole = float(area.sum())
    joined, joined_en = _year_totals(rows, columns)
    zh, en = data.name(data.needs[0].service)
    kind = data.name("carrier")
    return Line(
        Words(
            f"{len(rows)} 处{kind[0]}开工目标合计：{joined} 万平方米，共 "
            f"{number(whole, '10k_m2')} 万平方米；其中 {number(firm, '10k_m2')} 万平方米"
            f"（{number(firm / whole, 'share')}%）位于{zh}缺口稳健的载体。",
            f"Construction targets of {len(rows)} {kind[1].lower()}: {joined_en}, together "
            f"{number(whole, '10k_m2')} (10⁴ m²); {number(firm, '10k_m2')} of it "
            f"({number(firm / whole, 'share')} %) at carriers with a robust gap in {en.lower()}.",
        ),
        (
            *_documented_totals(data, rows, columns),
            method_words(data, found["method"]),
            Words(
                f"缺口处的目标：至少 {number(firm, '10k_m2')}，"
                f"至多 {number(firm + open_, '10k_m2')}",
                f"targets in a gap: at least {number(firm, '10k_m2')}, at most "
                f"{number(firm + open_, '10k_m2')}",
            ),
        ),
    )


def _year_totals(rows: pd.DataFrame, columns: list[str]) -> tuple[str, str]:
    totals = [
        (name.split("_")[1], number(rows[name].sum(min_count=1), "10k_m2")) for name in columns
    ]
    return (
        "、".join(f"{year} 年 {total}" for year, total in totals),
        ", ".join(f"{total} in {year}" for year, total in totals),
    )


def _documented_totals(data: ReportData, rows: pd.DataFrame, columns: list[str]) -> list[Words]:
    """Say whether the sums over the register are those the document states."""
    pairs = [
        (float(rows[name].sum()), data.documented_value(f"annex_{name.split('_')[1]}"))
        for name in columns
    ]
    if all(stated is None for _, stated in pairs):
        return []
    if all(total == stated for total, stated in pairs):
        return [Words("与文件合计一致", "agrees with the documented totals")]
    return [Words("与文件合计不一致", "differs from the documented totals")]


def _worst(data: ReportData) -> Line | None:
    rows = data.service_rows("composite")
    ranked = rows[rows["rank"].notna()].sort_values(["rank", "gap"], kind="stable")
    if ranked.empty:
        return None
    largest = ranked[ranked["gap"].gt(0)].head(LISTED)
    if largest.empty:
        return Line(
            Words(
                f"有综合值的 {len(ranked)} 处地点都没有缺口（综合缺口均为 0）。",
                f"None of the {len(ranked)} places with a composite has a gap (it is 0 at each).",
            ),
            (),
        )
    said = [_ranked_place(data.place(str(key)), row) for key, row in largest.iterrows()]
    counts = tally(rows["outcome"])
    firm, left = int(counts[GAP_ROBUST]), int(counts[NO_VALUE])
    return Line(
        Words(
            "综合缺口最大：" + "；".join(words.zh for words in said) + "。",
            "Largest composite gaps: " + "; ".join(words.en for words in said) + ".",
        ),
        (
            Words(
                f"{firm} 处稳健列入缺口最大的 {data.worst_places} 处；{left} 处缺项未排名",
                f"{firm} robustly among the {data.worst_places} largest; {left} not ranked",
            ),
            Words("名次区间随权重而变", "rank range over the weights tried"),
        ),
    )


def _ranked_place(place: Row, row: Row) -> Words:
    span = f"{row['rank_low']:.0f}–{row['rank_high']:.0f}"
    gap = number(row["gap"], "gap")
    return Words(
        f"{clean(place['name_zh'])} {gap}（名次 {span}）",
        f"{clean(place['name_en']) or clean(place['name_zh'])} {gap} (rank {span})",
    )


def _tiers(data: ReportData) -> Line | None:
    rows = data.service_rows("composite")
    known = rows.assign(tier=data.kinds.reindex(rows.index))
    known = known[known["gap"].notna()]
    names = [name for name in kinds_present(known["tier"]) if name in _LAYOUT]
    if len(names) < 2:  # noqa: PLR2004 (nothing to compare)
        return None
    medians = known.groupby("tier")["gap"].median()
    counted = known.groupby("tier").size()
    said = [
        Words(*(f"{word} {number(medians[name], 'gap')}" for word in data.name(name)))
        for name in names
    ]
    total = "、".join(f"{data.name(name)[0]} {counted[name]}" for name in names)
    total_en = ", ".join(f"{data.name(name)[1]} {counted[name]}" for name in names)
    return Line(
        Words(
            "综合缺口中位数（0 = 没有缺口，1 = 最大）：" + "，".join(w.zh for w in said) + "。",
            "Median composite gap (0 none, 1 fullest): " + ", ".join(w.en for w in said) + ".",
        ),
        (
            Words(f"有值的地点数：{total}", f"places with a value: {total_en}"),
            method_words(data, data.gaps.loc[data.gaps["gap"].notna(), "method"]),
        ),
    )


_LAYOUT = ("core", "zone", "case", "carrier", "x")


def _island(data: ReportData) -> Line | None:
    said = None if data.island is None else pooled_words(data.island["pooled"])
    if said is None:
        return None
    return Line(
        said,
        (
            Words("方法：园区轮廓随机搬移", "method: relocations of the footprint"),
            Words("关联，不是因果", "association, not cause"),
            Words(
                "单个 1 km² 园区设施真少一半也只有约五分之一的机会检出",
                "a 1 km² park with a true 50 % deficit is found a fifth of the time",
            ),
        ),
    )


def _parcels(data: ReportData) -> Line | None:
    if data.parcels is None or not len(data.parcels["parcels"]):
        return None
    methods = [Words("方法：规则判定，界线见设置", "method: rules, cut-offs in the settings")]
    if is_synthetic(data):
        methods.append(Words("合成 synthetic", "no real parcel"))
    return Line(headline(data.parcels), tuple(methods))


def _planned(data: ReportData) -> Line | None:
    found = opened(data)
    if found is None:
        return None
    now, then = (int(found[name].sum()) for name in ("met", "met_after"))
    return Line(
        Words(
            f"情景：在建与规划车站全部开通后，步行时间在门槛以内的地点由 {now} 处变为 {then} 处"
            f"（共 {len(found)} 处有值，按中位值）。",
            f"Scenario: with every station under construction or planned open, {then} of "
            f"{len(found)} places are within the threshold instead of {now} (by the median).",
        ),
        (
            method_words(data, found["method"]),
            Words("情景，非现状", "a scenario, not the present"),
        ),
    )


def _coverage(data: ReportData) -> Line | None:
    known = data.coverage.dropna(subset=["share", "area_km2"])
    if known.empty:
        return None
    weight = known["area_km2"] / known["area_km2"].sum()
    near, wide = (float((known[name] * weight).sum()) for name in ("share", "share_extent"))
    band = number(data.coverage_band_m, "m")
    return Line(
        Words(
            f"全域 {number(known['area_km2'].sum(), 'count')} 平方公里土地中，"
            f"轨道站点 {band} 米（直线）覆盖 {100 * near:.1f}%。",
            f"Within {band} m (straight line) of an operating station lie {100 * near:.1f} % of "
            f"the {number(known['area_km2'].sum(), 'count')} km² of land.",
        ),
        (
            Words("方法：直线圆，按土地面积", "method: discs, by land area"),
            Words(
                f"计入站体 {number(data.station_extent_m, 'm')} 米则为 {100 * wide:.1f}%",
                f"{100 * wide:.1f} % with a station extent of "
                f"{number(data.station_extent_m, 'm')} m",
            ),
        ),
    )

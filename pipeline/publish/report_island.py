"""Set the island profile: contrast and separation apart, each with its null model and reasons."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, TypeAlias

import pandas as pd

from pipeline.publish.island_profile import (
    CAVEATS,
    COMPONENTS,
    SERVICE_NAMES,
    THEME_NAMES,
    UNITS_ZH,
    WHOLE,
)
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

_SERVICES = {"station": "rail", "hospital": "hospital", "school": "school"}
_VERDICTS = {
    "robust": Badge("gap-robust", "似孤岛·稳健", "island-like, robust"),
    "likely": Badge("gap-likely", "似孤岛·较可能", "island-like, likely"),
    "not_testable": Badge("undecided", "无法判定", "undecided"),
}
_NOT_FOUND = Badge("no-gap-robust", "未见孤岛", "not island-like")
_NO_DATA = Badge("no-value", "无数据", "no data")

_COUNTED = Words(
    "同一地块上的多个编号在合并检验中只计一次，在名次中各计一次，所以合并检验的地点数较少。",
    "Places on one site count once in the pooled test and each by itself in the ranks, so that the "
    "pooled test counts fewer places.",
)

#: A component and the category or service it was measured for.
Part = tuple[str, str]
Record: TypeAlias = Mapping[Hashable, Any]


def island_tables(data: ReportData) -> list[Table | None]:
    """Give the pooled tests and the profile; a run without the stage has neither."""
    if data.island is None:
        return []
    rows = data.island["island"]
    if rows.empty:  # without counts per cell nothing was measured, and the table has no columns
        return []
    main = rows[rows["main_ring"].astype(bool)]
    return [_pooled(data.island["pooled"]), _profile(data, main, data.island["ranks"])]


def pooled_words(pooled: pd.DataFrame) -> Words | None:
    """Say in one sentence what all places together show, meaning by meaning."""
    said = [
        Words(
            f"{THEME_NAMES[row['theme']][0]} {row['mean_score']:.2f}（{row['places']} 处；"
            f"随机搬移所得 {_random(row)}，p = {row['p']:.3f}）",
            f"{THEME_NAMES[row['theme']][1]} {row['mean_score']:.2f} ({row['places']} places; "
            f"relocated at random {_random(row)}, p = {row['p']:.3f})",
        )
        for _, row in pooled.iterrows()
        if row["theme"] in THEME_NAMES
    ]
    if not said:
        return None
    return Words(
        "孤岛效应合并检验（得分 0 = 与随机搬移相当，正值更像孤岛）："
        + "；".join(w.zh for w in said)
        + "。",
        "Island effect of all places together (0: as by chance, positive: more island-like): "
        + "; ".join(words.en for words in said)
        + ".",
    )


def _random(row: Row | Record) -> str:
    """Write what chance gives; unlike an interval of error it has no brackets."""
    return f"{row['null_low']:.2f} … {row['null_high']:.2f}"


def _pooled(pooled: pd.DataFrame) -> Table | None:
    rows = [
        [
            Cell(*THEME_NAMES.get(row["theme"], (clean(row["theme"]), "")), kind="name"),
            Cell(str(row["places"]), kind="number"),
            Cell(f"{row['mean_score']:.2f}", kind="number"),
            Cell(_random(row), kind="number"),
            Cell(f"{row['p']:.3f}", kind="number"),
        ]
        for _, row in pooled.iterrows()
    ]
    if not rows:
        return None
    return Table(
        "island-pooled",
        Words("孤岛效应：全部地点合并检验", "Island effect: all places together"),
        [
            Column("含义", "Meaning", kind="name"),
            Column("地点", "Places", kind="number"),
            Column("平均得分", "Mean score", kind="number"),
            Column("随机搬移的 90% 范围", "90 % of random relocations", kind="number"),
            Column("p", "one-sided", kind="number"),
        ],
        rows,
        notes=(_COUNTED, *(Words(zh, en) for zh, en in CAVEATS)),
    )


def _profile(data: ReportData, rows: pd.DataFrame, ranks: pd.DataFrame) -> Table | None:
    known = rows[rows["observed"].notna()]
    parts = _parts(known)
    themes = [name for name in THEME_NAMES if name in set(ranks["theme"])]
    if not parts:
        return None
    keys = ("place_id", "component", "category")
    cells: dict[tuple[str, ...], Record] = {}
    for row in rows.to_dict("records"):
        cells.setdefault(tuple(row[name] for name in keys), row)
    ranked = {(row["place_id"], row["theme"]): row for row in ranks.to_dict("records")}
    shown = set(rows.loc[rows["status"].ne("no_data"), "place_id"])
    return Table(
        "island",
        Words("孤岛效应分项", "Island profile"),
        [
            Column("地点", "Place", kind="name"),
            *(
                Column(f"{THEME_NAMES[name][0]}名次", f"{THEME_NAMES[name][1]} rank", kind="number")
                for name in themes
            ),
            *(_head(data, known, part) for part in parts),
        ],
        [
            [
                name_cell(place["name_zh"], place["name_en"]),
                *(_rank_cell(ranked.get((str(place["place_id"]), name))) for name in themes),
                *(_part_cell(data, cells.get((place["place_id"], *part))) for part in parts),
            ]
            for _, place in data.places.iterrows()
            if place["place_id"] in shown
        ],
        notes=(
            Words(
                "“内外反差”与“空间隔离”是两种含义，分别计算，不合并。“a … b”是把园区轮廓随机搬移"
                "所得同一统计量的 90% 范围，不是误差区间；名次取登记的点位，其下括号为"
                "改变环宽、步速与剔除一项后的范围。"
                + _basis(known).zh
                + _unmeasured(rows, parts).zh,
                "Contrast and separation are two meanings, computed and shown apart. “a … b” is "
                "the 90 % range of the same statistic over random relocations of the footprint, "
                "not an error interval; ranks are those of the recorded points, in parentheses the "
                "rank over ring widths, walking speeds and components dropped. "
                + _basis(known).en
                + _unmeasured(rows, parts).en,
            ),
        ),
    )


def _parts(known: pd.DataFrame) -> list[Part]:
    """List what was measured anywhere: the amenities pooled, everything else as it is."""
    pairs = {(str(a), str(b)) for a, b in zip(known["component"], known["category"], strict=True)}
    order = list(COMPONENTS)
    kept = [pair for pair in pairs if pair[1] == WHOLE.get(pair[0], pair[1])]
    return sorted((pair for pair in kept if pair[0] in order), key=lambda p: (order.index(p[0]), p))


def _basis(known: pd.DataFrame) -> Words:
    """Say where minutes rest on straight lines, which know no walls."""
    gaps = known.loc[known["component"].eq("access_gap"), "basis"]
    straight = int(gaps.eq("straight_line").sum())
    if not straight:
        return Words("")
    if straight == len(gaps):
        return Words(
            "可达差距为直线估算，看不到围墙与绕行。",
            "Access gaps are straight-line estimates, blind to walls and detours. ",
        )
    return Words(
        f"可达差距 {len(gaps)} 项中 {straight} 项为直线估算，看不到围墙与绕行，其余沿街道。",
        f"Of {len(gaps)} access gaps {straight} are straight-line estimates, blind to walls and "
        "detours; the others follow streets. ",
    )


def _unmeasured(rows: pd.DataFrame, parts: list[Part]) -> Words:
    missing = [name for name in COMPONENTS if name not in {component for component, _ in parts}]
    if not missing:
        return Words("")
    there = set(rows["component"])
    words = [COMPONENTS[name] for name in missing]
    reason = Words("无数据或不可测", "no data or not measurable")
    if there.isdisjoint(missing):
        reason = Words("没有街道数据", "no street data")
    return Words(
        f"未能测算：{'、'.join(zh for zh, _ in words)}（{reason.zh}）。",
        f"Not measured: {', '.join(en for _, en in words)} ({reason.en}).",
    )


def _head(data: ReportData, known: pd.DataFrame, part: Part) -> Column:
    component, category = part
    zh, en = COMPONENTS[component]
    if category in _SERVICES:
        service = data.name(_SERVICES[category])
        zh, en = f"{zh}·{service[0]}", f"{en}, {service[1].lower()}"
    elif category in SERVICE_NAMES:
        service = SERVICE_NAMES[category]
        zh, en = f"{zh}·{service[0]}", f"{en}, {service[1]}"
    units = known.loc[known["component"].eq(component), "unit"].dropna()
    unit = clean(units.iloc[0]) if len(units) else ""
    return Column(zh, en, unit=UNITS_ZH.get(unit, unit), kind="number")


def _rank_cell(row: Record | None) -> Cell:
    if row is None:
        return Cell(DASH, kind="number")
    span = f"({row['rank_low']:.0f}–{row['rank_high']:.0f})"
    return Cell(f"{row['rank']:.0f} / {row['ranked']:.0f}", interval=span, kind="number")


def _part_cell(data: ReportData, row: Record | None) -> Cell:
    if row is None:
        return Cell(DASH, badges=(_NO_DATA,), kind="number")
    if pd.isna(row["observed"]):
        return Cell(DASH, badges=(_reason(data, row),), kind="number")
    known = pd.notna(row["null_low"]) and pd.notna(row["null_high"])
    span = _random(row) if known else ""
    return Cell(
        f"{row['observed']:.2f}", interval=span, badges=(_judged(data, row),), kind="number"
    )


def _judged(data: ReportData, row: Record) -> Badge:
    """Name the verdict; a place with a certain boundary has a p-value instead."""
    if row["status"] != "ok":
        return _reason(data, row)
    if isinstance(row["verdict"], str):
        return _VERDICTS.get(row["verdict"], _VERDICTS["not_testable"])
    if pd.notna(row["claim_share"]):
        return _NOT_FOUND
    return Badge("undecided", f"p = {row['p_island']:.3f}", "one-sided")


def _reason(data: ReportData, row: Record) -> Badge:
    """Say in one word why a figure is missing."""
    zh, en = data.name(row["status"])
    return Badge("no-value", zh.partition("，")[2] or zh, en.partition(":")[0])

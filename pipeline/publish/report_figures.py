"""Draw the report's figures: gaps by place with intervals, tier by service, targets."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from pipeline.publish import palettes
from pipeline.publish.report_cells import Badge, clean, number
from pipeline.publish.report_data import ReportData, Row
from pipeline.publish.report_outcomes import (
    BADGES,
    FILL,
    NO_VALUE,
    OUTCOMES,
    RANK_BADGES,
    kinds_present,
)
from pipeline.publish.report_svg import INK, RULE, SOFT, Sheet, fitted, text_width
from pipeline.publish.report_text import carriers, need_words, target_columns
from pipeline.settings.needs import NeedSettings

WIDTH = 1080.0
TICKS = (0, 5, 10, 15, 30, 45, 60, 90, 120, 180, 240, 360, 480, 720)
LABELS = 300.0
NO_MARK = {NO_VALUE: "#6b7680"}
APART = 26.0  # of labels on a scale, in pixels
ROW = 19.0
HEAD = 92.0
YEAR_FILL = ("#8fb4d3", "#0b4f8a", "#c4500b", "#00795a")


def draw_figures(data: ReportData) -> dict[str, str]:
    """Draw every figure that the study has data for: file name without suffix -> SVG."""
    drawn = {"gap_strip": gap_strip(data), "tier_matrix": tier_matrix(data)}
    if len(carriers(data)):
        drawn["carrier_targets"] = carrier_targets(data)
    return drawn


def gap_strip(data: ReportData) -> str:
    """Draw one panel per service: the value of each place, its interval, and the standard.

    The scale is a square root, so that minutes near the standard can be told apart while the
    farthest places stay on the sheet. Hollow marks are estimates, filled ones measurements.
    """
    order = _strip_order(data)
    panels = len(data.needs)
    sheet = Sheet(
        WIDTH,
        HEAD + ROW * max(len(order), 1) + 66,
        "各地点服务水平与区间 / value and interval by place",
    )
    width = (WIDTH - LABELS - 16) / max(panels, 1)
    _names(sheet, data, order)
    for i, need in enumerate(data.needs):
        _panel(sheet, data, need, order, left=LABELS + i * width + 18, width=width - 36)
    _outcome_legend(sheet, BADGES, 16.0, sheet.height - 38)
    _mark_legend(sheet, 16.0, sheet.height - 14)
    return sheet.render()


def _strip_order(data: ReportData) -> list[str]:
    """List places with any value: ranked ones first, then by the bounds of the composite."""
    rows = data.service_rows("composite")
    known = set(data.gaps.loc[data.gaps["gap"].notna(), "place_id"])
    ordered = rows.sort_values(["rank", "at_most", "at_least"], ascending=[True, False, False])
    return [str(key) for key in ordered.index if key in known]


def _names(sheet: Sheet, data: ReportData, order: Sequence[str]) -> None:
    for i, key in enumerate(order):
        place = data.place(key)
        y = HEAD + ROW * i
        if i % 2 == 0:
            sheet.rect(0, y, WIDTH, ROW, fill="#f6f7f8")
        tier = str(place["tier"])
        sheet.rect(14, y + 4, 5, ROW - 8, fill=palettes.TIER.get(tier, SOFT))
        name = clean(place["name_zh"]) or clean(place["name_en"])
        made = sheet.text(26, y + 13.5, fitted(name, LABELS - 40, 12), size=12)
        sheet.hint(made, f"{name} {place['name_en']} ({data.name(data.kinds[key])[0]})")


def _panel(
    sheet: Sheet,
    data: ReportData,
    need: NeedSettings,
    order: Sequence[str],
    *,
    left: float,
    width: float,
) -> None:
    """Draw the panel of one service: head, ticks, standard, then a mark in every row."""
    rows = [data.service_row(need.service, key) for key in order]
    shown = [row for row in rows if pd.notna(row["gap"])]
    reached = [row[name] for name in ("value", "high") for row in shown]
    top = 1.02 * float(np.nanmax(np.array([need.threshold, *reached], dtype=np.float64)))
    bottom = HEAD + ROW * len(order)
    zh, en = data.name(need.service)
    asked = need_words(data, need)
    sheet.text(left, 18, fitted(zh, width + 30, 14.5), size=14.5, font_weight="bold")
    sheet.text(left, 34, fitted(en, width + 30, 11.5), size=11.5)
    sheet.text(left, 49, asked.zh, size=11, fill=SOFT)
    sheet.text(left, 63, asked.en, size=11, fill=SOFT)
    _ticks(sheet, need, top, left=left, width=width, bottom=bottom)
    limit = left + width * math.sqrt(need.threshold / top)
    sheet.line(
        limit, HEAD - 8, limit, bottom, stroke=INK, stroke_width="1.4", stroke_dasharray="4 3"
    )
    label = f"{100 * need.threshold:g}%" if need.unit == "share" else f"{need.threshold:g}"
    sheet.text(limit, HEAD - 13, label, size=11, text_anchor="middle", font_weight="bold")
    for i, row in enumerate(rows):
        outcome = str(row["outcome"])
        middle = HEAD + ROW * i + ROW / 2
        if pd.isna(row["value"]):
            _no_mark(
                sheet, data, row, x=limit + 7, y=middle, colour=NO_MARK.get(outcome, FILL[outcome])
            )
        else:
            _mark(sheet, row, outcome, left=left, width=width, top=top, y=middle)


def _ticks(
    sheet: Sheet, need: NeedSettings, top: float, *, left: float, width: float, bottom: float
) -> None:
    """Draw the ticks of a square-root scale, dropping those that would run into each other."""
    share = need.unit == "share"
    wanted = [t / 100 for t in (0, 20, 40, 60, 80, 100)] if share else [float(t) for t in TICKS]
    limit, last = left + width * math.sqrt(need.threshold / top), -math.inf
    for tick in wanted:
        x = left + width * math.sqrt(tick / top)
        if tick > top or x - last < APART or abs(x - limit) < APART:
            continue
        last = x
        sheet.line(x, HEAD - 8, x, bottom, stroke_width="1")
        label = f"{100 * tick:g}%" if share else f"{tick:g}"
        sheet.text(x, HEAD - 13, label, size=10.5, text_anchor="middle", fill=SOFT)


def _no_mark(sheet: Sheet, data: ReportData, row: Row, *, x: float, y: float, colour: str) -> None:
    """Say in the place of a mark that there is no value, and why; beyond the search is a gap."""
    beyond = row["status"] == "beyond_limit"
    zh, en = data.name(row["status"])
    words = "超出搜索 beyond search" if beyond else "无值 no value"
    made = sheet.text(x, y + 4, words, size=10, fill=colour)
    sheet.hint(made, f"{zh} {en}")


def _mark(
    sheet: Sheet, row: Row, found: str, *, left: float, width: float, top: float, y: float
) -> None:
    """Draw a value with its interval."""

    def across(value: float) -> float:
        return left + width * math.sqrt(max(value, 0.0) / top)

    colour = FILL[found]
    if pd.notna(row["low"]) and pd.notna(row["high"]):
        sheet.line(
            across(row["low"]), y, across(row["high"]), y, stroke=colour, stroke_width="3.2",
            stroke_opacity="0.55", stroke_linecap="round",
        )  # fmt: skip
    measured = row["method"] == "measured_network"
    dot = sheet.circle(
        across(row["value"]), y, 4.6, fill=colour if measured else "#ffffff", stroke=colour,
        stroke_width="2.4",
    )  # fmt: skip
    words = " ".join(BADGES[found].zh.split())
    unit = row["unit"] if isinstance(row["unit"], str) else "min"
    span = f" [{number(row['low'], unit)}, {number(row['high'], unit)}]"
    sheet.hint(dot, f"{number(row['value'], unit)}{span if pd.notna(row['low']) else ''} {words}")


_TIER_OF = {"case": "x", "core_part": "core"}


def tier_matrix(data: ReportData) -> str:
    """Draw one square for each place of a tier and service, coloured by its outcome."""
    tier = data.kinds
    names = kinds_present(tier)
    services = [*(need.service for need in data.needs), "composite"]
    side, per_row, label = 15.0, 12, 224.0
    column = (WIDTH - label) / len(services)
    heights = [max(44.0, 20 + side * math.ceil(tier.eq(name).sum() / per_row)) for name in names]
    sheet = Sheet(WIDTH, 64 + sum(heights) + 64, "层级 × 服务 / tier by service")
    for j, service in enumerate(services):
        zh, en = data.name(service)
        sheet.text(label + j * column, 26, zh, size=15, font_weight="bold")
        sheet.text(label + j * column, 44, en, size=11.5, fill=SOFT)
    y = 64.0
    for name, height in zip(names, heights, strict=True):
        sheet.line(14, y, WIDTH - 14, y)
        ids = tier.index[tier.eq(name)]
        zh, en = data.name(name)
        sheet.rect(14, y + 12, 5, 22, fill=palettes.TIER.get(_TIER_OF.get(name, name), SOFT))
        counted = f"{zh} · {len(ids)}"
        sheet.text(28, y + 22, fitted(counted, label - 40, 13.5), size=13.5, font_weight="bold")
        sheet.text(28, y + 37, fitted(en, label - 40, 10.5), size=10.5, fill=SOFT)
        for j, service in enumerate(services):
            _squares(
                sheet, data, service, list(ids), left=label + j * column, top=y + 13, side=side,
                per_row=per_row,
            )  # fmt: skip
        y += height
    sheet.line(14, y, WIDTH - 14, y)
    _outcome_legend(sheet, BADGES, 16.0, y + 28)
    note = (
        f"每格一处地点。综合一列的颜色另有含义：深红为缺口最大的 {data.worst_places} 处之一，"
        f"深蓝为不在其列。 Composite column: among the {data.worst_places} largest gaps (red) or "
        "not (blue)."
    )
    sheet.text(16, y + 52, note, size=11, fill=SOFT)
    return sheet.render()


def _squares(
    sheet: Sheet,
    data: ReportData,
    service: str,
    ids: list[str],
    *,
    left: float,
    top: float,
    side: float,
    per_row: int,
) -> None:
    found = data.outcome(service)
    rank = {key: i for i, key in enumerate(OUTCOMES)}
    badges = RANK_BADGES if service == "composite" else BADGES
    ordered = sorted(ids, key=lambda key: (rank[found[key]], key))
    for i, key in enumerate(ordered):
        outcome = found[key]
        box = sheet.rect(
            left + side * (i % per_row) + 0.75, top + side * (i // per_row) + 0.75, side - 2.5,
            side - 2.5, fill=FILL[outcome], **_outline(outcome),
        )  # fmt: skip
        sheet.hint(
            box, f"{clean(data.place(key)['name_zh'])}：{badges[outcome].zh} {badges[outcome].en}"
        )


def _outline(outcome: str) -> dict[str, str]:
    if outcome != NO_VALUE:
        return {}
    return {"stroke": "#8d969f", "stroke_width": "1", "stroke_dasharray": "2 2"}


def carrier_targets(data: ReportData) -> str:
    """Draw the targets of each carrier by year; a year without a target says so."""
    rows, columns = carriers(data), target_columns(data)
    top = float(np.nanmax(rows[columns].to_numpy(dtype=float)))
    bar, block = 15.0, 15.0 * len(columns) + 16
    left, right = 320.0, 90.0
    sheet = Sheet(WIDTH, 66 + block * len(rows) + 16, "载体开工目标 / carriers' targets")
    x = 16.0
    for i, name in enumerate(columns):
        total = number(rows[name].sum(min_count=1), "10k_m2")
        words = f"{name.split('_')[1]} 年 合计 total {total} 万平方米 10⁴ m²"
        sheet.rect(x, 15, 13, 13, fill=YEAR_FILL[i % len(YEAR_FILL)])
        sheet.text(x + 19, 26, words, size=13)
        x += text_width(words, 13) + 50
    for i, (_, row) in enumerate(rows.iterrows()):
        y = 52 + block * i
        sheet.line(14, y, WIDTH - 14, y)
        _carrier_name(sheet, data, row, y, left)
        for j, name in enumerate(columns):
            at = y + 8 + bar * j
            if pd.isna(row[name]):
                words = f"{name.split('_')[1]}：文件未给目标 none stated"
                sheet.text(left, at + 11, words, size=11, fill="#78838d")
                continue
            length = (WIDTH - left - right) * float(row[name]) / top
            sheet.rect(left, at, length, bar - 2, fill=YEAR_FILL[j % len(YEAR_FILL)])
            sheet.text(left + length + 6, at + 11, number(row[name], "10k_m2"), size=12)
    sheet.line(left, 52, left, 52 + block * len(rows), stroke=SOFT)
    return sheet.render()


def _carrier_name(sheet: Sheet, data: ReportData, row: Row, y: float, left: float) -> None:
    name = clean(row["name_zh"]) or clean(row["name_en"])
    sheet.text(16, y + 20, fitted(name, left - 30, 13), size=13)
    group = data.name(row["priority_group"])
    below = " · ".join(part for part in (clean(row["district_zh"]), *group) if part)
    sheet.text(16, y + 36, fitted(below, left - 30, 11), size=11, fill=SOFT)


def _outcome_legend(sheet: Sheet, badges: dict[str, Badge], x: float, y: float) -> None:
    for outcome in OUTCOMES:
        words = f"{badges[outcome].zh} {badges[outcome].en}"
        sheet.rect(x, y - 10, 12, 12, fill=FILL[outcome], **_outline(outcome))
        sheet.text(x + 17, y, words, size=11)
        x += text_width(words, 11) + 36


def _mark_legend(sheet: Sheet, x: float, y: float) -> None:
    """Explain filled and hollow marks, the bar, the broken line and the scale."""
    sheet.circle(x + 6, y - 4, 4.6, fill="#ffffff", stroke=SOFT, stroke_width="2.4")
    sheet.text(x + 17, y, "估算 estimated", size=11)
    sheet.circle(x + 126, y - 4, 4.6, fill=SOFT, stroke=SOFT, stroke_width="2.4")
    sheet.text(x + 137, y, "实测 measured", size=11)
    sheet.line(
        x + 240, y - 4, x + 270, y - 4, stroke=SOFT, stroke_width="3.2", stroke_opacity="0.55"
    )
    sheet.text(x + 277, y, "90% 区间 interval", size=11)
    sheet.line(
        x + 400, y - 12, x + 400, y + 3, stroke=INK, stroke_width="1.4", stroke_dasharray="4 3"
    )
    sheet.text(x + 409, y, "门槛 threshold", size=11)
    sheet.text(x + 510, y, "横轴为平方根刻度 square-root scale", size=11, fill=SOFT)
    sheet.line(0, HEAD - 8, WIDTH, HEAD - 8, stroke=RULE)

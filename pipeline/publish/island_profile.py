"""Draw a park's island profile as SVG: a percentile strip per component, then score and ranks."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any
from xml.etree import ElementTree as ET

import pandas as pd

WIDTH, ROW, TOP, LINE = 1080, 46, 104, 17
BESIDE = "背景（园内 / 环带，不计分） context, not scored (inside / ring):"
STRIP_X, STRIP_W = 290, 300
TEXT_X = STRIP_X + STRIP_W + 18
FONTS = "'Noto Sans CJK SC','Source Han Sans SC','WenQuanYi Micro Hei','Microsoft YaHei',sans-serif"
INK, QUIET, FAINT, MARK = "#1a1a1a", "#5a5a5a", "#d5dbe1", "#b3261e"

COMPONENTS: Mapping[str, tuple[str, str]] = {
    "amenity_contrast": ("设施对比", "amenity contrast"),
    "function_mix": ("功能混合度", "function mix"),
    "porosity": ("边界通透度", "porosity"),
    "circumvention": ("绕行系数", "circumvention"),
    "access_gap": ("可达差距", "access gap"),
    "barriers": ("边界阻隔", "barriers"),
}
# What is shown beside the components and never scored.
CONTEXT: Mapping[str, tuple[str, str]] = {
    "walked_gap": ("街道实测差距", "gap walked on mapped streets"),
    "street_density": ("公共道路密度", "density of public streets"),
    "block_size": ("街区大小", "size of blocks"),
    "built_form": ("建筑覆盖", "built-over land"),
    "green_share": ("绿地占比", "green"),
    "water_share": ("水面占比", "water"),
    "people_density": ("居住人口密度", "density of residents"),
    "price": ("价格中位数", "median price"),
}
THEME_NAMES: Mapping[str, tuple[str, str]] = {
    "contrast": ("内外反差", "contrast"),
    "separation": ("空间隔离", "separation"),
}
POOLED_NAMES: Mapping[str, tuple[str, str]] = {
    "people_serving": ("服务设施合计", "people-serving, pooled"),
    "all": ("", ""),
}
SERVICE_NAMES: Mapping[str, tuple[str, str]] = {
    "station": ("轨道站点", "rail station"),
    "hospital": ("医院", "hospital"),
    "school": ("学校", "school"),
    "food": ("超市", "daily food (supermarket)"),
}
BARRIER_NAMES: Mapping[str, str] = {
    "expressway": "快速路",
    "railway": "铁路",
    "water": "水面",
}
VERDICTS: Mapping[str, str] = {
    "robust": "稳健 robust",
    "likely": "较可能 likely",
    "not_testable": "无法定论 undecided",
}
STRAIGHT = "直线估算 straight-line estimate"
UNITS_ZH: Mapping[str, str] = {
    "log ratio of facilities per km²": "每 km² 设施数之比的对数",
    "effective kinds": "有效种类数",
    "openings per km": "每 km 出入口数",
    "ratio": "倍",
    "min": "分钟",
    "share of the boundary": "占边界比例",
    "share of land": "占用地比例",
    "km per km²": "km/km²",
    "ha": "公顷",
    "residents per ha": "每公顷居民",
    "ratio of medians": "中位数之比",
}
# Components of which one category stands for all.
WHOLE: Mapping[str, str] = {"amenity_contrast": "people_serving", "barriers": "all"}
# Both statements have to stand wherever a score stands.
CAVEATS: tuple[tuple[str, str], ...] = (
    (
        "这是关联，不是因果：园区往往选址于地价较低的边缘。",
        "Association, not cause: parks are sent to cheap edges.",
    ),
    (
        "单个 1 km² 园区即使设施真少一半，也只有约五分之一的机会被检出。",
        "A 1 km² park with a true 50 % deficit is found only about a fifth of the time.",
    ),
)


def profile_svg(
    *,
    name_zh: str,
    name_en: str,
    rows: pd.DataFrame,
    ranks: pd.DataFrame,
    categories: Mapping[str, tuple[str, str]],
) -> str:
    """
    Draw the profile of one place.

    Parameters
    ----------
    name_zh, name_en
        The place's names.
    rows
        The place's rows of the island table at one ring width.
    ranks
        The place's rows of `rank_ranges`.
    categories
        Chinese and English names of categories and services.

    Returns
    -------
    SVG document, bilingual; what is not measured says why instead of showing a mark
    """
    names = {**POOLED_NAMES, **SERVICE_NAMES, **categories}
    order = list(COMPONENTS)
    shown = [
        row
        for row in rows.to_dict("records")
        if row["component"] in COMPONENTS
        and row["category"] == WHOLE.get(row["component"], row["category"])
    ]
    beside = _beside(rows, names)
    shown.sort(key=lambda row: order.index(row["component"]))
    scored = TOP + ROW * (len(shown) + max(len(ranks), 1)) + 12
    height = scored + LINE * (len(beside) + bool(beside)) + 84
    root = ET.Element(
        "svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {WIDTH} {height}",
        width=str(WIDTH), height=str(height), role="img", lang="zh",
    )  # fmt: skip
    root.set("font-family", FONTS)
    ET.SubElement(root, "title").text = f"{name_zh} 孤岛剖面 / island profile of {name_en}"
    ET.SubElement(root, "rect", width="100%", height="100%", fill="#ffffff")
    _text(root, 24, 34, f"{name_zh}  孤岛剖面", size=20, weight="bold")
    _text(root, 24, 56, f"{name_en}: island profile", size=13, fill=QUIET)
    _axis(root)
    for number, row in enumerate(shown):
        _component(root, TOP + ROW * number, row, names)
    if ranks.empty:
        y = TOP + ROW * len(shown) + 12
        _text(root, 24, y + 14, "不予评分", size=14, weight="bold")
        _text(root, 24, y + 31, "not scored: no component could be tested", size=11, fill=QUIET)
    for number, rank in enumerate(ranks.to_dict("records")):
        _score(root, TOP + ROW * (len(shown) + number) + 12, rank)
    for number, line in enumerate([BESIDE, *beside] if beside else []):
        _text(root, 24, scored + 14 + LINE * number, line, size=11, fill=QUIET)
    for number, (zh, en) in enumerate(CAVEATS):
        _text(root, 24, height - 40 + 18 * number, f"{zh} {en}", size=11, fill=QUIET)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _beside(rows: pd.DataFrame, names: Mapping[str, tuple[str, str]]) -> list[str]:
    """Say in one line each what is known of the context, inside against around."""
    known = rows[rows["component"].isin(list(CONTEXT)) & rows["observed"].notna()]
    order = list(CONTEXT)
    lines = []
    for row in sorted(known.to_dict("records"), key=lambda row: order.index(row["component"])):
        zh, en = CONTEXT[row["component"]]
        kind = names.get(str(row["category"]), ("", ""))
        unit = "min" if row["component"] == "walked_gap" else row["unit"]
        unit = "" if row["component"] == "price" else f" {unit}"
        both = f"{row['inside']:.2f} / {row['ring']:.2f}{unit}"
        label = "·".join(filter(None, (zh, kind[0]))), ", ".join(filter(None, (en, kind[1])))
        lines.append(f"{label[0]} {label[1]}: {both}")
    return lines


def _text(
    parent: ET.Element, x: float, y: float, text: str, *, size: int = 12, fill: str = INK,
    weight: str = "normal", anchor: str = "start",
) -> None:  # fmt: skip
    element = ET.SubElement(
        parent, "text",
        {
            "x": f"{x:g}", "y": f"{y:g}", "font-size": str(size), "fill": fill,
            "font-weight": weight, "text-anchor": anchor,
        },
    )  # fmt: skip
    element.text = text


def _axis(root: ET.Element) -> None:
    left = "更像周边 / like elsewhere"
    _text(root, STRIP_X, 86, left, size=11, fill=QUIET)
    right = "更像孤岛 / more island-like"
    _text(root, STRIP_X + STRIP_W, 86, right, size=11, fill=QUIET, anchor="end")
    figures = "观测值（与随机重置中位数之差） / observed (minus median relocation)"
    _text(root, TEXT_X, 86, figures, size=11, fill=QUIET)


def _component(
    root: ET.Element,
    y: float,
    row: Mapping[Hashable, Any],
    categories: Mapping[str, tuple[str, str]],
) -> None:
    zh, en = COMPONENTS[row["component"]]
    kind_zh, kind_en = categories.get(row["category"], (row["category"], row["category"]))
    _text(root, 24, y + 14, f"{zh}·{kind_zh}" if kind_zh else zh, size=14)
    _text(root, 24, y + 31, f"{en}: {kind_en}" if kind_en else en, size=11, fill=QUIET)
    measured = row["status"] == "ok" and pd.notna(row["p_island"])
    _strip(root, y, None if not measured else 1.0 - float(row["p_island"]))
    if measured:
        value = f"{row['observed']:.2f} ({row['effect']:+.2f})  p = {row['p_island']:.3f}"
        _text(root, TEXT_X, y + 14, value, size=13)
        _text(root, TEXT_X, y + 31, _second_line(row), size=11, fill=QUIET)
    else:
        seen = f"{row['observed']:.2f}  " if pd.notna(row["observed"]) else ""
        _text(root, TEXT_X, y + 14, f"{seen}{row['reason_zh'] or '未检验'}", size=11, fill=QUIET)
        _text(root, TEXT_X, y + 31, str(row["reason_en"] or "not tested"), size=10, fill=QUIET)


def _second_line(row: Mapping[Hashable, Any]) -> str:
    unit = str(row["unit"])
    parts = [f"{UNITS_ZH[unit]} {unit}" if unit in UNITS_ZH else unit]
    if pd.notna(row["low"]):
        parts.append(f"90 % [{row['low']:.2f}, {row['high']:.2f}]")
    if isinstance(row["verdict"], str):
        parts.append(VERDICTS[row["verdict"]])
    if row["basis"] == "straight_line":
        parts.append(STRAIGHT)
    if str(row["basis"]).startswith("lines: "):
        kinds = str(row["basis"]).removeprefix("lines: ").split(", ")
        zh = "、".join(BARRIER_NAMES[kind] for kind in kinds)
        parts.append(f"仅含{zh} only {', '.join(kinds)}")
    return " · ".join(parts)


def _strip(root: ET.Element, y: float, percentile: float | None) -> None:
    box = {"x": str(STRIP_X), "y": f"{y + 8:g}", "width": str(STRIP_W), "height": "14"}
    if percentile is None:
        hollow = {"fill": "none", "stroke": FAINT, "stroke-dasharray": "4 4"}
        ET.SubElement(root, "rect", box | hollow)
        return
    ET.SubElement(root, "rect", box | {"fill": FAINT, "opacity": "0.45"})
    middle = {"x": f"{STRIP_X + 0.05 * STRIP_W:g}", "width": f"{0.9 * STRIP_W:g}"}
    ET.SubElement(root, "rect", box | middle | {"fill": FAINT})
    half = f"{STRIP_X + STRIP_W / 2:g}"
    ET.SubElement(
        root, "line",
        {"x1": half, "x2": half, "y1": f"{y + 6:g}", "y2": f"{y + 24:g}", "stroke": QUIET},
    )  # fmt: skip
    x = STRIP_X + percentile * STRIP_W
    points = f"{x:g},{y + 25:g} {x - 6:g},{y + 3:g} {x + 6:g},{y + 3:g}"
    ET.SubElement(root, "polygon", points=points, fill=MARK)


def _score(root: ET.Element, y: float, rank: Mapping[Hashable, Any]) -> None:
    zh, en = THEME_NAMES[rank["theme"]]
    _text(root, 24, y + 14, f"得分·{zh}", size=14, weight="bold")
    _text(root, 24, y + 31, f"score, {en}", size=11, fill=QUIET)
    places = max(int(rank["ranked"]) - 1, 1)
    line = {"y1": f"{y + 15:g}", "y2": f"{y + 15:g}"}
    span = {"x1": str(STRIP_X), "x2": str(STRIP_X + STRIP_W)}
    ET.SubElement(root, "line", line | span | {"stroke": FAINT, "stroke-width": "2"})
    best, worst, own = (
        STRIP_X + STRIP_W * (1 - min((float(rank[name]) - 1) / places, 1.0))
        for name in ("rank_low", "rank_high", "rank")
    )
    reach = {"x1": f"{worst:g}", "x2": f"{best:g}", "stroke": QUIET, "stroke-width": "6"}
    ET.SubElement(root, "line", line | reach)
    ET.SubElement(root, "circle", cx=f"{own:g}", cy=f"{y + 15:g}", r="6", fill=MARK)
    value = f"{rank['score']:+.2f}  p = {rank['p']:.3f}  ({rank['components']}/{rank['of']})"
    _text(root, TEXT_X, y + 14, value, size=13)
    low, high = int(rank["rank_low"]), int(rank["rank_high"])
    place = f"排名 rank {int(rank['rank'])}/{int(rank['ranked'])}，范围 range {low}–{high}"
    _text(root, TEXT_X, y + 31, " · ".join([place, *_over_positions(rank)]), size=11, fill=QUIET)


def _over_positions(rank: Mapping[Hashable, Any]) -> list[str]:
    """Say how the score varies over plausible footprints, and how the claim stands there."""
    if pd.isna(rank["low"]):
        return []
    said = [f"90 % [{rank['low']:.2f}, {rank['high']:.2f}]"]
    if isinstance(rank["verdict"], str):
        said.append(VERDICTS[rank["verdict"]])
    return said

"""Set what the stations under construction and planned would change, place by place."""

from __future__ import annotations

import pandas as pd

from pipeline.publish.report_cells import (
    DASH,
    Badge,
    Cell,
    Column,
    Table,
    Words,
    name_cell,
    number,
)
from pipeline.publish.report_data import ReportData, Row
from pipeline.settings.needs import NeedSettings

SERVICE = "rail"
MAP = (
    "maps/scenario_planned_stations.html",
    Words("情景地图：前后对照", "The map of the scenario"),
)
LEAST_CHANGE = 0.05  # half the last decimal that is shown
_MET = Badge("no-gap-robust", "达到", "within")
_MISSED = Badge("gap-likely", "未达到", "beyond")


def opened(data: ReportData) -> pd.DataFrame | None:
    """Set the values of today beside those with every station open; None without a scenario.

    Gives one row per place with both: ``value``, ``value_after``, ``gap``, ``gap_after``, whether
    the threshold is ``met`` and ``met_after``, ``method``.
    """
    need = _need(data)
    if need is None or data.scenario is None or data.scenario.empty:
        return None
    after = data.scenario[data.scenario["service"].eq(SERVICE)].set_index("place_id")
    both = data.service_rows(SERVICE)[["value", "gap", "method", "unit"]].join(
        after[["value", "gap"]].astype("float64").add_suffix("_after"), how="inner"
    )
    both = both.dropna(subset=["value", "value_after"])
    if both.empty:
        return None
    sign = 1.0 if need.direction == "at_most" else -1.0
    return both.assign(
        met=sign * both["value"].astype("float64") <= sign * need.threshold,
        met_after=sign * both["value_after"] <= sign * need.threshold,
    )


def scenario_table(data: ReportData) -> Table | None:
    """List the places that the new stations bring nearer, the largest change first."""
    found, need = opened(data), _need(data)
    if found is None or need is None:
        return None
    fall = found["value"].astype("float64") - found["value_after"]
    moved = found.assign(fall=fall)[fall.abs() > LEAST_CHANGE]
    moved = moved.sort_values(["fall", "value"], ascending=[False, True], kind="stable")
    name = data.name(SERVICE)
    unit = f"{need.unit}, ≤ {need.threshold:g}" if need.direction == "at_most" else need.unit
    return Table(
        "scenario-stations",
        Words(
            f"在建与规划车站全部开通：到{name[0]}的时间，前后对照",
            f"All stations under construction or planned open: {name[1].lower()}, before and after",
        ),
        [
            Column("地点", "Place", kind="name"),
            Column("层级", "Tier"),
            Column("现状", "Today", unit, "number"),
            Column("全部开通后", "With them open", unit, "number"),
            Column("缺口（0–1）前 → 后", "Gap (0–1), before → after", kind="number"),
        ],
        [_row(data, str(key), row) for key, row in moved.iterrows()],
        notes=(_note(found, len(moved), need),),
    )


def scenario_words(data: ReportData) -> list[Words]:
    """Say what the scenario assumes and what it sums up to."""
    found, need = opened(data), _need(data)
    if found is None or need is None:
        return []
    gained = int((~found["met"] & found["met_after"]).sum())
    counts = data.stations_ahead
    building, planned = counts.get("under_construction", 0), counts.get("planned", 0)
    return [
        Words(
            f"设想在建 {building} 座、规划 {planned} 座车站全部开通，其余（街道、方法、门槛）不变。"
            f"新达到步行 {need.threshold:g} 分钟门槛的地点有 {gained} 处。",
            f"Suppose that the {building} stations under construction and the {planned} planned "
            "ones are all open and nothing else changes (streets, method, threshold): "
            f"{gained} more places come within {need.threshold:g} minutes on foot.",
        ),
        Words(
            "车站的开通日期不详，规划车站未必建成：这是上限，不是预测。",
            "Opening dates are unknown and planned stations may never open: an upper bound, no "
            "forecast.",
        ),
    ]


def _need(data: ReportData) -> NeedSettings | None:
    return next((need for need in data.needs if need.service == SERVICE), None)


def _row(data: ReportData, key: str, row: Row) -> list[Cell]:
    place = data.place(key)
    zh, en = data.name(data.kinds[key])
    unit = row["unit"] if isinstance(row["unit"], str) else "min"
    told = [number(row[name], "gap") for name in ("gap", "gap_after")]
    return [
        name_cell(place["name_zh"], place["name_en"]),
        Cell(zh or DASH, en),
        Cell(number(row["value"], unit), badges=(_judged(row["met"]),), kind="number"),
        Cell(number(row["value_after"], unit), badges=(_judged(row["met_after"]),), kind="number"),
        Cell(" → ".join(told), kind="number"),
    ]


def _judged(met: object) -> Badge:
    return _MET if bool(met) else _MISSED


def _note(found: pd.DataFrame, moved: int, need: NeedSettings) -> Words:
    still = len(found) - moved
    return Words(
        f"只列有变化的 {moved} 处；另 {still} 处不变。缺口封顶为 1：远在门槛之外的地点，"
        f"时间大减而缺口仍可为 1。门槛 {need.threshold:g} 分钟。",
        f"Only the {moved} places that change are listed; {still} others stay as they are. A gap "
        "is at most 1: far beyond the threshold the time may fall a lot and the gap still be 1. "
        f"Threshold {need.threshold:g} min.",
    )

"""Write the small print of a park's tables in both languages: interval, threshold, nearest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.publish.map_changes import UNIT_WORDS
from pipeline.publish.map_measures import Words
from pipeline.publish.map_payload import Cells, plain, taken
from pipeline.publish.study_words import FACILITY
from pipeline.publish.themed_map import Fact, columns_told

DOUBTS: Mapping[str, Words] = {
    "memory": ("标准未核实", "standard unverified"),
    "partly_verified": ("标准部分核实", "standard partly verified"),
    "analyst_choice": ("分析者设定", "analyst's choice"),
}
INCOMPLETE = ("缺少某项服务，不作综合", "a service is missing: no composite")
NO_GAP = (
    "“缺口”栏不是缺口，而是有多少随机搬移不如它像孤岛",
    "the figure under Gap is no gap but the share of relocations less of an island",
)
ISLAND = ("island", "separation")  # the two meanings of the island effect
OUTSIDE = (
    "数值取登记的点位；它在区间之外，即多数可能的位置不是这样",
    "the value is that of the recorded point; it lies outside, so most plausible positions differ",
)
POINT = (
    "区间缩为一点：各项都在 0 或封顶值 1",
    "the interval is one point: every service at 0 or at the ceiling of 1",
)
SCORE_COLUMNS = (
    Fact("service", "服务", "Service", small=("measure", "mode", "held", "nearest", "meant")),
    Fact("gap", "缺口", "Gap", bar=True, quiet_column="quiet", small=("gap_interval",)),
    Fact("value", "数值", "Value", unit_column="unit", small=("interval", "outside", "told")),
    Fact("judged", "判定", "Verdict", small=("placed", "largest", "method")),
)
MEASURE_COLUMNS = (
    Fact("measure", "指标", "Measure", small=("variant", "mode")),
    Fact("value", "数值", "Value", unit_column="unit", small=("interval", "told")),
    Fact("method", "方法", "Method", small=("finding", "verdict")),
)
# The columns that the small print speaks of.
TOLD = (
    "service", "unit", "low", "high", "value", "gap", "need", "standard_id",
    "nearest_name_zh", "nearest_name_en", "nearest_straight_m", "p", "p_single", "rank", "rank_low",
    "rank_high", "ranked",
)  # fmt: skip
# Those that an interval is written from.
INTERVAL = ("service", "unit", "low", "high")
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Told:
    """Rows of a table with their small print: `said` are its texts, column by column."""

    cells: Cells
    said: Sequence[list[Words | None]]

    def rows(self, which: slice | Sequence[int]) -> Told:
        """Take some of the rows: those of one park, of a table about all."""
        return Told(self.cells.rows(which), [taken(texts, which) for texts in self.said])

    def words(self) -> list[Words]:
        """Give what is said in both languages; the table holds its Chinese form, as codes."""
        return [words for texts in self.said for words in texts if words is not None]


class SmallPrint:
    """Writes the small print of the tables of many parks at once."""

    def __init__(
        self, standards: pd.DataFrame | None, glossary: Mapping[str, Words] | None = None
    ) -> None:
        self._glossary = glossary or {}
        known = (
            {}
            if standards is None or standards.empty
            else dict(
                zip(
                    standards["standard_id"].tolist(), standards["confidence"].tolist(), strict=True
                )
            )
        )
        self._confidence: Mapping[str, str] = known

    def scorecard(self, scores: pd.DataFrame) -> Told:
        """Add what stands in small print below each service's row.

        `scores` have ``service``, ``gap``, ``value``, ``low``, ``high``, ``unit``, ``method``,
        ``verdict``; where known also ``measure``, ``mode``, ``finding``, ``status``.
        """
        given = _records(scores, TOLD)
        said: dict[str, list[Words | None]] = {}
        texts = self._small_print(scores, given, said)
        whole = [row["service"] == "composite" for row in given]  # its interval is that of the gap
        pairs = list(zip(whole, texts["interval"], strict=True))
        texts["gap_interval"] = [text if own else None for own, text in pairs]
        texts["interval"] = [None if own else text for own, text in pairs]
        for name, say in (
            ("held", self._held),
            ("nearest", self._nearest),
            ("meant", _meant),
            ("outside", _outside),
            ("placed", _placed),
        ):
            said[name] = [say(row) for row in given]
            texts[name] = _chinese(said[name])
        rows = scores
        if "judged" not in rows.columns and "verdict" in rows.columns:
            rows = rows.assign(judged=rows["verdict"])
        if "significant" in rows.columns:
            rows = rows.assign(quiet=rows["significant"].eq(other=False))
        return _told(Cells.of(rows, columns_told(SCORE_COLUMNS)), texts, said)

    def measures(self, rows: pd.DataFrame, cells: Cells | None = None) -> Told:
        """Add intervals as text, and the status where there is no value.

        `cells` are the same rows, where these were encoded before.
        """
        said: dict[str, list[Words | None]] = {}
        texts = self._small_print(rows, _records(rows, INTERVAL), said)
        known = cells or Cells.of(rows, columns_told(MEASURE_COLUMNS))
        return _told(known, texts, said)

    def _small_print(
        self, rows: pd.DataFrame, given: Sequence[Row], said: dict[str, list[Words | None]]
    ) -> dict[str, list[str | None]]:
        """Give what `measures` adds, by column, and keep in `said` what that says."""
        said["interval"] = [self._interval(row) for row in given]
        added = {"interval": _chinese(said["interval"])}
        if "status" in rows.columns:
            status = rows["status"].tolist()
            told = [None if code == "ok" else plain(code) for code in status]
            if "service" in rows.columns:
                said["told"] = [INCOMPLETE] * len(given)
                told = [
                    INCOMPLETE[0] if (row["service"], code) == ("composite", "no_data") else text
                    for row, code, text in zip(given, status, told, strict=True)
                ]
            added["told"] = told
        return added

    def _interval(self, row: Mapping[str, Any]) -> Words | None:
        low, high = row.get("low"), row.get("high")
        if low is None or high is None or pd.isna(low) or pd.isna(high):
            return None
        if low == high:
            return POINT if row.get("service") == "composite" else None
        text = (
            f"{100 * low:.0f}–{100 * high:.0f} %"
            if row.get("unit") == "share" and row.get("service") != "composite"
            else f"{low:.2f}–{high:.2f}"
            if row.get("service") == "composite"
            else f"{low:.3g} 至 {high:.3g}"
            if low < 0
            else f"{low:.3g}–{high:.3g}"
        )
        return f"90% 区间 {text}", f"90 % interval {text.replace('至', 'to')}"

    def _held(self, row: Mapping[str, Any]) -> Words | None:
        """Say the threshold, and that its standard is unverified where it is."""
        need = row.get("need")
        if need is None or pd.isna(need):
            return None
        zh, en = UNIT_WORDS.get(str(row.get("unit")), ("", ""))
        share = row.get("unit") == "share"
        amount = f"{100 * need:g} %" if share else f"{need:g}"
        doubt = DOUBTS.get(self._confidence.get(str(row.get("standard_id")), ""))
        counted = self._counted(str(row.get("service")))
        return (
            f"门槛 {amount} {zh}".rstrip() + (f"（{doubt[0]}）" if doubt else "") + counted[0],
            f"threshold {amount} {en}".rstrip() + (f" ({doubt[1]})" if doubt else "") + counted[1],
        )

    def _counted(self, service: str) -> Words:
        """Say which facilities count, where these are not all of their kind."""
        held, kind = (self._glossary.get(name) for name in (service, FACILITY + service))
        if held is None or kind is None or held == kind:
            return "", ""
        return f"；只计{held[0]}", f"; only {held[1]} count"

    def _nearest(self, row: Mapping[str, Any]) -> Words | None:
        """Name the nearest facility, also where it lies beyond the view."""
        zh, en = row.get("nearest_name_zh"), row.get("nearest_name_en")
        if not isinstance(zh, str):
            return None
        away = row.get("nearest_straight_m")
        km = "" if away is None or pd.isna(away) else f"{away / 1000:.1f} km"
        return (
            f"最近：{zh}" + (f"，直线 {km}" if km else ""),
            f"nearest: {en if isinstance(en, str) else zh}" + (f", {km} by air" if km else ""),
        )


def _told(
    known: Cells,
    texts: Mapping[str, list[str | None]],
    said: Mapping[str, list[Words | None]],
) -> Told:
    return Told(Cells(known.count, {**known.columns, **texts}), list(said.values()))


def _chinese(said: Sequence[Words | None]) -> list[str | None]:
    return [None if words is None else words[0] for words in said]


def _records(rows: pd.DataFrame, names: Sequence[str]) -> list[Row]:
    """Give what is told of each row as plain values."""
    known = [name for name in names if name in rows.columns]
    columns = [rows[name].tolist() for name in known]
    return [dict(zip(known, values, strict=True)) for values in zip(*columns, strict=True)]


def _meant(row: Mapping[str, Any]) -> Words | None:
    """Tell the island effect, whose share is held against no standard, from a gap."""
    return NO_GAP if row.get("service") in ISLAND and pd.notna(row.get("gap")) else None


def _outside(row: Mapping[str, Any]) -> Words | None:
    """Explain a score of the recorded position that few of the plausible positions reach."""
    low, high, value = row.get("low"), row.get("high"), row.get("value")
    if row.get("service") not in ISLAND or pd.isna(low) or pd.isna(value):
        return None
    return None if low <= value <= high else OUTSIDE


def _placed(row: Row) -> Words | None:
    """Give the p-value and the rank of one meaning of the island effect."""
    p, adjusted, rank = (row.get(name) for name in ("p_single", "p", "rank"))
    if row.get("service") not in ISLAND or pd.isna(p) or pd.isna(rank):
        return None
    low, high, ranked = (row[name] for name in ("rank_low", "rank_high", "ranked"))
    span = "" if low == high else f" ({low:.0f}–{high:.0f})"
    return (
        f"p = {p:.3f}，多重比较校正后 {adjusted:.3f}；名次 {rank:.0f}{span} / {ranked:.0f}",
        f"p = {p:.3f}, adjusted {adjusted:.3f}; rank {rank:.0f}{span} of {ranked:.0f}",
    )

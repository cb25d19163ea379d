"""Set the island profile: one row per place, contrast and separation apart, reasons for gaps."""

from __future__ import annotations

import pandas as pd

from pipeline.publish.island_profile import CAVEATS, COMPONENTS, POOLED_NAMES, THEME_NAMES
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

COMPONENT_TABLE, RANK_TABLE = "components", "ranks"
_VERDICTS = {
    "robust": Badge("gap-robust", "似孤岛·稳健", "island-like, robust"),
    "likely": Badge("gap-likely", "似孤岛·较可能", "island-like, likely"),
}
_OPEN = Badge("undecided", "无法判定", "undecided")


def island_tables(data: ReportData) -> list[Table | None]:
    """Give the profile; a run without the stage's tables, or without a row, has none."""
    if data.island is None:
        return []
    rows = _main_rows(data.island[COMPONENT_TABLE])
    if rows.empty:
        return []
    ranks = data.island.get(RANK_TABLE, pd.DataFrame(columns=["place_id", "theme"]))
    shown = [name for name in COMPONENTS if name in set(rows["component"])]
    themes = [name for name in THEME_NAMES if name in set(ranks["theme"])]
    return [
        Table(
            "island",
            Words("孤岛效应分项", "Island profile"),
            [
                Column("地点", "Place", kind="name"),
                *(
                    Column(f"{THEME_NAMES[name][0]}名次", f"Rank, {THEME_NAMES[name][1]}")
                    for name in themes
                ),
                *(Column(*COMPONENTS[name], unit=_unit(rows, name)) for name in shown),
            ],
            [
                [
                    name_cell(place["name_zh"], place["name_en"]),
                    *(_rank_cell(ranks, str(place["place_id"]), name) for name in themes),
                    *(_component_cell(rows, str(place["place_id"]), name) for name in shown),
                ]
                for _, place in data.places.iterrows()
                if place["place_id"] in set(rows["place_id"])
            ],
            notes=(
                Words(
                    "“内外反差”与“空间隔离”是两种含义，分别计算，不合并。方括号为随机搬移园区轮廓"
                    "所得的零模型 90% 范围。",
                    "Contrast and separation are two meanings, computed and shown apart. Brackets: "
                    "90 % range of the same statistic over random relocations of the footprint.",
                ),
                *(Words(zh, en) for zh, en in CAVEATS),
            ),
        )
    ]


def _main_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Keep the main ring and, of the amenities, all people-serving ones together."""
    pooled = table["category"].isin(list(POOLED_NAMES)) | table["category"].isna()
    single = table.groupby("component")["category"].transform("nunique") <= 1
    return table[table["main_ring"].astype(bool) & (pooled | single)]


def _unit(rows: pd.DataFrame, component: str) -> str:
    units = rows.loc[rows["component"].eq(component), "unit"].dropna()
    return clean(units.iloc[0]) if len(units) else ""


def _rank_cell(ranks: pd.DataFrame, place_id: str, theme: str) -> Cell:
    found = ranks[ranks["place_id"].eq(place_id) & ranks["theme"].eq(theme)]
    if found.empty:
        return Cell(DASH, kind="number")
    row = found.iloc[0]
    span = f"({row['rank_low']:.0f}–{row['rank_high']:.0f})" if "rank_low" in found else ""
    return Cell(f"{row['rank']:.0f} / {row['ranked']:.0f}", interval=span, kind="number")


def _component_cell(rows: pd.DataFrame, place_id: str, component: str) -> Cell:
    found = rows[rows["place_id"].eq(place_id) & rows["component"].eq(component)]
    if found.empty:
        return Cell(DASH, kind="number")
    row: Row = found.iloc[0]
    value = row.get("observed")
    reason = () if row["status"] == "ok" else (_reason(row),)
    if value is None or pd.isna(value):
        return Cell(DASH, badges=reason, kind="number")
    verdict = () if reason else (_VERDICTS.get(str(row["verdict"]), _OPEN),)
    low, high = row.get("null_low"), row.get("null_high")
    known = low is not None and pd.notna(low) and high is not None and pd.notna(high)
    span = f"[{low:.2f}, {high:.2f}]" if known else ""
    return Cell(f"{value:.2f}", interval=span, badges=(*reason, *verdict), kind="number")


def _reason(row: Row) -> Badge:
    """Say why a component is not tested, in the words of the stage."""
    return Badge("no-value", clean(row["reason_zh"]) or "无值", clean(row["reason_en"]))

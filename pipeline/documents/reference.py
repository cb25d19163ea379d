"""Render docs/reference.md from the data dictionary of the embedded tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from pipeline.sources.reference import TableSpec, reference_tables
from pipeline.sources.reference_cells import ColumnSpec

INTRODUCTION = """\
# 内置参考表 / Embedded tables of facts

<!-- generated from layers/reference/tables.yml; do not edit -->

本页由 `layers/reference/tables.yml` 生成。表为 UTF-8 CSV，空单元格表示未知（不是零）；坐标为 WGS84
（EPSG:4326）。每一行都注明来源。

This page is generated from `layers/reference/tables.yml`. The tables are UTF-8 CSV; an empty cell
means unknown, never zero; positions are WGS84 (EPSG:4326). Every row names its source.
"""


def render_reference_docs(*, folder: Path | None = None) -> str:
    """Render the data dictionary as Markdown, ending in a newline.

    Parameters
    ----------
    folder
        Folder of the tables; the embedded one when None.
    """
    tables = reference_tables(folder=folder)
    parts = [INTRODUCTION, _contents(tables.values())]
    parts.extend("\n".join(_section(table)) + "\n" for table in tables.values())
    return "\n".join(parts)


def _contents(tables: Iterable[TableSpec]) -> str:
    rows = [
        "| 表 / table | 内容 | content | 许可 / licence | 日期 / snapshot |",
        "|---|---|---|---|---|",
    ]
    rows.extend(
        f"| [`{table.name}`](#{_anchor(_heading(table))}) | {table.title_zh} | {table.title_en} "
        f"| {table.licence.name} | {table.snapshot.isoformat()} |"
        for table in tables
    )
    return "\n".join(rows) + "\n"


def _heading(table: TableSpec) -> str:
    return f"`{table.name}` {table.title_zh} / {table.title_en}"


def _anchor(heading: str) -> str:
    """Give the name under which a heading can be linked to, as GitHub and the site make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _section(table: TableSpec) -> Iterator[str]:
    yield f"## {_heading(table)}"
    yield ""
    yield f"`layers/reference/{table.name}.csv`"
    yield ""
    yield table.description_zh
    yield ""
    yield table.description_en
    yield ""
    yield f"- 许可 / licence: {table.licence.name}（{table.licence.zh}；{table.licence.en}）"
    if table.licence.attribution:
        yield f"- 署名 / attribution: {table.licence.attribution}"
    for one in table.reservations:
        yield f"- 保留 / reserved ({', '.join(one.rows)}): {one.zh} {one.en}"
    yield f"- 数据日期 / snapshot: {table.snapshot.isoformat()}"
    yield f"- 来源 / sources: {'; '.join(table.sources)}"
    yield f"- 唯一键 / key: {_codes(table.key)}"
    for link in table.references:
        yield f"- `{link.column}` → `{link.table}.{link.to}`"
    yield ""
    yield "| 列 / column | 类型 / type | 单位 / unit | 可空 / null | 取值 / values | 含义 | en |"
    yield "|---|---|---|---|---|---|---|"
    yield from map(_row, table.columns)


def _row(column: ColumnSpec) -> str:
    cells = (
        f"`{column.name}`",
        column.kind,
        column.unit or "",
        "✓" if column.nullable else "",
        _domain(column),
        column.zh,
        column.en,
    )
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _domain(column: ColumnSpec) -> str:
    if column.allowed:
        return _codes(column.allowed)
    if column.pattern is not None:
        return f"`{column.pattern}`"
    if column.low is None and column.high is None:
        return ""
    return (
        f"{'' if column.low is None else column.low} … {'' if column.high is None else column.high}"
    )


def _codes(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)

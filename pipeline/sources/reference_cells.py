"""Turn the text cells of an embedded table into typed columns and name every cell that fails."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from pipeline.errors import Problem

if TYPE_CHECKING:
    from pandas.api.extensions import ExtensionArray

HEADER_LINE = 1
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
FLAGS = {"true": True, "false": False}

Kind = Literal["str", "int", "float", "bool", "date"]
Cells = Sequence[str]
Fault = tuple[str, str, str, str]
"""What is wrong and how to mend it: Chinese, English, remedy in Chinese, remedy in English."""


@dataclass(frozen=True)
class ColumnSpec:
    """One column as the data dictionary describes it; `low` and `high` are inclusive."""

    name: str
    kind: Kind
    zh: str
    en: str
    unit: str | None = None
    nullable: bool = False
    allowed: tuple[str, ...] = ()
    pattern: str | None = None
    low: float | None = None
    high: float | None = None


def column_of(found: Mapping[str, Any]) -> ColumnSpec:
    """Build a column from its entry in the data dictionary.

    Raises
    ------
    ValueError
        When the entry has an unknown key or type.
    """
    known = {"name", "type", "zh", "en", "unit", "nullable", "allowed", "pattern", "min", "max"}
    if unknown := set(found) - known:
        msg = f"{found.get('name')}: unknown keys {sorted(unknown)}"
        raise ValueError(msg)
    if found["type"] not in get_args(Kind):
        msg = f"{found['name']}: unknown type {found['type']!r}"
        raise ValueError(msg)
    return ColumnSpec(
        name=found["name"],
        kind=found["type"],
        zh=found["zh"],
        en=found["en"],
        unit=found.get("unit"),
        nullable=found.get("nullable", False),
        allowed=tuple(str(value) for value in found.get("allowed", ())),
        pattern=found.get("pattern"),
        low=found.get("min"),
        high=found.get("max"),
    )


def parse_column(
    column: ColumnSpec, cells: Cells, *, path: Path, problems: list[Problem]
) -> ExtensionArray | Any:  # noqa: ANN401
    """Parse the cells of one column; an empty cell is null, never zero.

    Parameters
    ----------
    column
        What the data dictionary says of the column.
    cells
        Text of the cells, in the order of the rows.
    path
        File the cells come from, for the problems.
    problems
        List to which every cell that breaks a rule is added.

    Returns
    -------
    array
        Of pandas' nullable type for the column.
    """
    values: list[Any] = []
    for line, cell in enumerate(cells, start=HEADER_LINE + 1):
        value, faults = _parse(column, cell)
        values.append(value)
        problems.extend(
            Problem(zh, en, path, line, column.name, remedy_zh, remedy_en)
            for zh, en, remedy_zh, remedy_en in faults
        )
    return _array(column.kind, values)


def _parse(column: ColumnSpec, cell: str) -> tuple[Any, list[Fault]]:
    if cell == "":
        return None, [] if column.nullable else [_EMPTY]
    try:
        value = _READERS[column.kind](cell)
    except ValueError:
        return None, [_not_a(column.kind, cell)]
    return value, list(_domain_faults(column, cell, value))


def _domain_faults(column: ColumnSpec, cell: str, value: object) -> Iterator[Fault]:
    if column.kind == "str":
        yield from _text_faults(cell)
    if column.allowed and cell not in column.allowed:
        shown = ", ".join(column.allowed)
        yield (
            f"不允许的值 {cell}",
            f"value {cell!r} is not allowed",
            f"可用：{shown}",
            f"use one of {shown}",
        )
    if column.pattern is not None and re.search(column.pattern, cell) is None:
        yield (
            f"{cell} 不符合格式 {column.pattern}",
            f"{cell!r} does not match {column.pattern}",
            "按数据字典的格式书写",
            "write it as the data dictionary says",
        )
    if isinstance(value, (int, float)) and not _within(column, value):
        yield (
            f"{cell} 超出 {column.low} 至 {column.high}",
            f"{cell} is outside {column.low} to {column.high}",
            "核对数值与单位",
            "check the value and its unit",
        )


def _text_faults(cell: str) -> Iterator[Fault]:
    # Spreadsheets run such cells as formulas when a reader opens the table.
    if cell.startswith(FORMULA_STARTS):
        yield (
            f"文字以 {cell[0]!r} 开头，表格软件会当作公式",
            f"text starts with {cell[0]!r}, which spreadsheets take for a formula",
            "改写，使其以文字开头",
            "reword it so that it starts with a letter",
        )
    if cell != cell.strip():
        yield ("首尾有空白", "blanks at the start or end", "删去空白", "remove the blanks")


def _within(column: ColumnSpec, value: float) -> bool:
    above = column.low is None or value >= column.low
    below = column.high is None or value <= column.high
    return above and below


def _read_float(cell: str) -> float:
    value = float(cell)
    # nan and inf are spellings of "unknown" that hide behind a number.
    if value - value != 0 or "_" in cell:
        raise ValueError(cell)
    return value


def _read_int(cell: str) -> int:
    if re.fullmatch(r"-?[0-9]+", cell) is None:
        raise ValueError(cell)
    return int(cell)


def _read_bool(cell: str) -> bool:
    if cell not in FLAGS:
        raise ValueError(cell)
    return FLAGS[cell]


_READERS: dict[Kind, Callable[[str], Any]] = {
    "str": str,
    "int": _read_int,
    "float": _read_float,
    "bool": _read_bool,
    "date": dt.date.fromisoformat,
}

_EMPTY: Fault = (
    "单元格为空",
    "the cell is empty",
    "填写，或在数据字典中声明可为空",
    "fill it, or declare the column nullable in the data dictionary",
)

_FORMS: dict[Kind, tuple[str, str]] = {
    "str": ("文字", "text"),
    "int": ("整数", "whole number"),
    "float": ("数", "number"),
    "bool": ("true 或 false", "true or false"),
    "date": ("日期 YYYY-MM-DD", "date YYYY-MM-DD"),
}


def _not_a(kind: Kind, cell: str) -> Fault:
    zh, en = _FORMS[kind]
    return (
        f"{cell!r} 不是{zh}",
        f"{cell!r} is not a {en}",
        "未知的值留空",
        "leave unknown values empty",
    )


def _array(kind: Kind, values: Sequence[Any]) -> ExtensionArray | Any:  # noqa: ANN401
    import numpy as np
    import pandas as pd

    if kind == "str":
        return pd.array(values, dtype=pd.StringDtype(na_value=np.nan))
    if kind == "int":
        return pd.array(values, dtype="Int64")
    if kind == "bool":
        return pd.array(values, dtype="boolean")
    if kind == "date":
        return pd.to_datetime(pd.Series(values, dtype="object")).to_numpy()
    return np.array([np.nan if value is None else value for value in values], dtype="float64")

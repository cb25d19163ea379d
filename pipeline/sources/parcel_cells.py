"""Read the cells of a parcel table: numbers with units, dates, yes and no, codes."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd

from pipeline.errors import Problem
from pipeline.sources.parcel_fields import Catalogue, Field, catalogue, plain

NUMBER = re.compile(r"^([+-]?(?:\d[\d,]*)?\.?\d+(?:e[+-]?\d+)?)(.*)$")
DATE = re.compile(r"^(\d{4})(?:[-/.年](\d{1,2})(?:[-/.月](\d{1,2})日?)?月?)?年?(?:t?\d\d:\d\d.*)?$")
COMPACT_DATE = re.compile(r"^(\d{4})(\d\d)(\d\d)$")
NOT_A_NUMBER = ("不是数字", "is not a number")
NOT_FINITE = ("不是有限的数", "is not finite")
NOT_WHOLE = ("不是整数", "is not a whole number")
NOT_A_DATE = ("不是日期", "is not a date")
IMPLAUSIBLE_YEAR = ("的年份不合理", "has an implausible year")
NEITHER = ("应为“是”或“否”", "is neither yes nor no")
EXCEL_EPOCH = date(1899, 12, 30)
EXCEL_SERIALS = (20_000, 80_000)
DTYPES = {"text": "string", "code": "string", "number": "float64", "count": "Int64"}


@dataclass
class Column:
    """One read column with everything that was wrong in it."""

    cells: pd.Series
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)


class CellError(ValueError):
    """A cell breaks its field's rule; carries both languages."""

    def __init__(self, zh: str, en: str) -> None:
        self.zh, self.en = zh, en
        super().__init__(en)


@dataclass(frozen=True)
class Where:
    """Where a column stands: the file, the header, and the row numbers people see."""

    path: str
    header: str
    rows: Sequence[int | str]


def read_column(raw: pd.Series, spec: Field, *, unit: str | None, where: Where) -> Column:
    """Read every cell of a column; a cell that cannot be read becomes null and a problem.

    Parameters
    ----------
    raw
        Cells as they came: text, numbers, dates, booleans or null.
    spec
        The field the column was taken for.
    unit
        Declared unit of the column for fields with a dimension.
    where
        For the problems' texts.

    Returns
    -------
    Column whose values are on the index of `raw`, in the canonical unit.
    """
    out = Column(cells=raw)
    fast = _already_numbers(raw, spec, unit)
    if fast is not None:
        out.cells = fast
        return out
    reader = _reader(spec, unit, catalogue())
    nulls = {plain(word) for word in catalogue().null_words}
    fast = _by_distinct_cells(raw, spec, reader, nulls)
    if fast is not None:
        out.cells = fast
        return out
    read: dict[object, object] = {}
    values: list[object] = []
    for cell, row in zip(raw.tolist(), where.rows, strict=True):
        # True == 1 as a dictionary key, hence the type.
        key = (type(cell), cell)
        if key not in read:
            read[key] = _attempt(cell, reader, nulls)
        value = read[key]
        if isinstance(value, CellError):
            out.problems.append(_problem(value, cell, spec, row, where))
            value = None
        elif spec.type == "date" and value is not None and _is_partial_date(cell):
            out.notes.append(_partial_note(cell, value, row, where))
        values.append(value)
    out.cells = _typed(values, spec, raw.index)
    return out


def _already_numbers(raw: pd.Series, spec: Field, unit: str | None) -> pd.Series | None:
    """Convert a clean numeric column at once; None where any cell has to be looked at."""
    if spec.type != "number" or not pd.api.types.is_numeric_dtype(raw.dtype):
        return None
    if pd.api.types.is_bool_dtype(raw.dtype):
        return None
    values = raw.to_numpy(dtype=np.float64, na_value=np.nan)
    factor = 1.0 if spec.dimension is None else catalogue().factor(spec.dimension, str(unit))
    if factor is None or np.isinf(values).any():
        return None
    values = values * factor
    low = -np.inf if spec.min is None else spec.min
    high = np.inf if spec.max is None else spec.max
    outside = (values < low) | (values > high) | (spec.min_open & (values == low))
    return None if outside.any() else pd.Series(values, index=raw.index)


def _by_distinct_cells(
    raw: pd.Series, spec: Field, reader: Callable[[object], object], nulls: set[str]
) -> pd.Series | None:
    """Read a column of one type by its distinct cells; None where any of them needs a remark."""
    if raw.dtype == object:  # cells of several types: True, 1 and "1" must stay apart
        return None
    codes, distinct = pd.factorize(raw)
    cells = distinct.tolist()
    values = [_attempt(cell, reader, nulls) for cell in cells]
    if any(isinstance(value, CellError) for value in values):
        return None
    if spec.type == "date" and any(
        value is not None and _is_partial_date(cell)
        for cell, value in zip(cells, values, strict=True)
    ):
        return None
    # Null cells have the code -1: the entry added at the end.
    typed = _typed([*values, None], spec, pd.RangeIndex(len(values) + 1))
    return typed.take(codes % len(typed)).set_axis(raw.index)


def _attempt(cell: object, reader: Callable[[object], object], nulls: set[str]) -> object:
    """Read one cell: its value, None for a null, or the error."""
    if _is_null(cell, nulls):
        return None
    try:
        return reader(cell)
    except CellError as fault:
        return fault


def _problem(fault: CellError, cell: object, spec: Field, row: int | str, where: Where) -> Problem:
    return Problem(
        zh=f"“{spec.zh}”的值 {cell!r} {fault.zh}",
        en=f"{spec.name}: {cell!r} {fault.en}",
        path=where.path,
        row=row,
        rule=where.header.replace("\n", " "),
    )


def _partial_note(cell: object, value: object, row: int | str, where: Where) -> Problem:
    return Problem(
        zh=f"日期 {cell!r} 不完整，取当期最后一天 {value}（计时从晚不从早）",
        en=f"the date {cell!r} is partial; its last day {value} is used, so no clock runs early",
        path=where.path,
        row=row,
        rule=where.header.replace("\n", " "),
    )


def _is_null(cell: object, nulls: set[str]) -> bool:
    if isinstance(cell, str):
        return plain(cell) in nulls
    return cell is None or bool(pd.isna(cell))  # type: ignore[call-overload]


def _reader(spec: Field, unit: str | None, known: Catalogue) -> Callable[[object], object]:
    if spec.type == "number":
        return lambda cell: _ranged(read_number(cell, spec, unit, known), spec)
    if spec.type == "count":
        return lambda cell: _whole(_ranged(read_number(cell, spec, None, known), spec))
    if spec.type == "date":
        return read_date
    if spec.type == "flag":
        yes = {plain(word) for word in (*known.true_words, *spec.true_words)}
        no = {plain(word) for word in (*known.false_words, *spec.false_words)}
        return lambda cell: read_flag(cell, yes, no)
    if spec.type == "code":
        return _code_reader(str(spec.codes), known)
    return _text


def _text(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def read_number(cell: object, spec: Field, unit: str | None, known: Catalogue) -> float:
    """Read a number, with a unit written in the cell taking precedence over the declared one."""
    if isinstance(cell, bool):
        raise CellError(*NOT_A_NUMBER)
    if isinstance(cell, int | float | np.integer | np.floating):
        value, told = float(cell), ""
    else:
        found = NUMBER.match(plain(str(cell)))
        if found is None:
            raise CellError(*NOT_A_NUMBER)
        value, told = float(found.group(1).replace(",", "")), found.group(2)
    if not np.isfinite(value):
        raise CellError(*NOT_FINITE)
    if spec.dimension is None:
        if told:
            raise CellError(*NOT_A_NUMBER)
        return value
    factor = known.factor(spec.dimension, told or str(unit))
    if factor is None:
        zh = f"的单位“{told or unit}”未知"
        raise CellError(zh, f"has the unknown unit {told or unit}")
    return value * factor


def _ranged(value: float, spec: Field) -> float:
    low = spec.min is not None and (value < spec.min or (spec.min_open and value == spec.min))
    if low or (spec.max is not None and value > spec.max):
        limits = (("> " if spec.min_open else "≥ ", spec.min), ("≤ ", spec.max))
        bounds = ", ".join(f"{sign}{bound:g}" for sign, bound in limits if bound is not None)
        zh = f"超出允许范围（{bounds}）"
        raise CellError(zh, f"is out of range ({bounds})")
    return value


def _whole(value: float) -> int:
    if not value.is_integer():
        raise CellError(*NOT_WHOLE)
    return int(value)


def read_date(cell: object) -> date:
    """Read a date; a year or a month alone means its last day."""
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    text = plain(str(cell))
    if isinstance(cell, int | float | np.integer | np.floating):
        serial = float(cell)
        if EXCEL_SERIALS[0] <= serial <= EXCEL_SERIALS[1]:
            return EXCEL_EPOCH + timedelta(days=int(serial))
        text = str(int(serial))
    found = COMPACT_DATE.match(text) or DATE.match(text)
    if found is None:
        raise CellError(*NOT_A_DATE)
    year, month, day = (None if part is None else int(part) for part in found.groups())
    return _last_day(int(year or 0), month, day)


def _last_day(year: int, month: int | None, day: int | None) -> date:
    if not 1900 <= year <= 2200:  # noqa: PLR2004
        raise CellError(*IMPLAUSIBLE_YEAR)
    try:
        if day is not None and month is not None:
            return date(year, month, day)
        month = 12 if month is None else month
        return date(year, month, calendar.monthrange(year, month)[1])
    except (ValueError, calendar.IllegalMonthError):
        raise CellError(*NOT_A_DATE) from None


def _is_partial_date(cell: object) -> bool:
    if isinstance(cell, date):
        return False
    text = plain(str(int(cell)) if isinstance(cell, float) else str(cell))
    found = DATE.match(text)
    return found is not None and found.group(3) is None and COMPACT_DATE.match(text) is None


def read_flag(cell: object, yes: set[str], no: set[str]) -> bool:
    """Read a yes or a no."""
    if isinstance(cell, bool | np.bool_):
        return bool(cell)
    text = plain(str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell))
    if text in yes:
        return True
    if text in no:
        return False
    raise CellError(*NEITHER)


def _code_reader(name: str, known: Catalogue) -> Callable[[object], str]:
    entries = known.code_list(name)
    table: dict[str, str] = {}
    for code, entry in entries.items():
        for word in (code, entry.zh, entry.en, *entry.aliases, f"{code}{entry.zh}"):
            table.setdefault(plain(word), code)
    patterns = known.code_patterns(name)

    def read(cell: object) -> str:
        text = _text(cell)
        # Templates offer "code name"; the code is what stands before the space.
        for offer in (text, text.split(" ")[0]):
            if plain(offer) in table:
                return table[plain(offer)]
        head = text.split(" ")[0].upper()
        if any(pattern.fullmatch(head) for pattern in patterns):
            return head
        some = "、".join(f"{code} {entry.zh}" for code, entry in list(entries.items())[:8])
        zh = f"不在代码表内（如 {some}）"
        raise CellError(zh, f"is not in the code list {name}")

    return read


def _typed(values: list[object], spec: Field, index: pd.Index) -> pd.Series:
    if spec.type == "date":
        return pd.Series(pd.to_datetime(pd.Series(values, index=index)), dtype="datetime64[s]")
    if spec.type == "flag":
        return pd.Series(values, index=index, dtype="boolean")
    if spec.type == "number":
        return pd.Series([np.nan if v is None else v for v in values], index=index, dtype="float64")
    return pd.Series(values, index=index, dtype=DTYPES[spec.type])

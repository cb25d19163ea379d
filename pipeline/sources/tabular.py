"""Read CSV and Excel tables as people keep them."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pandas as pd

from pipeline.errors import FieldError, Problem, SourceError
from pipeline.sources.coordinates import CoordinateColumns, find_columns
from pipeline.sources.text_encoding import detect_encoding

_DELIMITERS = ",;\t|"
_SAMPLE = 1 << 16
_TITLE_ROWS = 5
_CODE = re.compile(r"^[-+]?0\d|^\d{16,}$")  # leading zeros or more digits than a number can carry


def read_text_table(path: Path, *, encoding: str | None) -> tuple[pd.DataFrame, str]:
    """Read delimited text; detect its encoding and delimiter.

    Returns
    -------
    table, encoding
        Columns of plain numbers are numeric; codes (leading zeros, long digits) stay text.

    Raises
    ------
    SourceError
        The text cannot be decoded or is no table.
    """
    raw = path.read_bytes()
    used = encoding or detect_encoding(raw)
    try:
        text = raw.decode(used)
    except (UnicodeDecodeError, LookupError) as error:
        raise SourceError(_undecodable(path, used, error)) from error
    try:
        delimiter = csv.Sniffer().sniff(text[:_SAMPLE], delimiters=_DELIMITERS).delimiter
    except csv.Error:
        delimiter = ","
    try:
        table = pd.read_csv(io.StringIO(text), sep=delimiter, dtype=str, skipinitialspace=True)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise SourceError(Problem("不是有效的表格", f"no table: {error}", path=path)) from error
    return table.apply(_typed), used


def read_workbook(
    path: Path, *, sheet: str | None
) -> tuple[pd.DataFrame, CoordinateColumns, str, tuple[str, ...]]:
    """Read the sheet that is named, else the only one with coordinates; titles above are skipped.

    Returns
    -------
    table, columns, sheet, sheets

    Raises
    ------
    SourceError
        The workbook cannot be read, lacks the sheet, or has several sheets with coordinates.
    FieldError
        No sheet has columns of coordinates.
    """
    try:
        sheets = pd.read_excel(path, sheet_name=None, header=None, dtype=object)
    except MemoryError:
        raise
    except Exception as error:  # whatever zip, XML and openpyxl raise on a damaged workbook
        text = f"the workbook cannot be read: {error}"
        raise SourceError(Problem("Excel文件无法读取", text, path=path)) from error
    names = tuple(map(str, sheets))
    if sheet is not None and sheet not in sheets:
        raise SourceError(several_layers(path, names, missing=sheet))
    found = []
    problems: list[Problem] = []
    for name in [sheet] if sheet is not None else names:
        try:
            found.append((*_with_header(sheets[name]), name))
        except FieldError as error:
            problems += error.problems
    if not found:
        raise FieldError(*problems)
    if len(found) > 1:
        raise SourceError(several_layers(path, tuple(name for *_, name in found)))
    table, columns, name = found[0]
    return table, columns, name, names


def several_layers(path: Path, names: tuple[str, ...], missing: str | None = None) -> Problem:
    """Describe a file with several layers, or without the one that was asked for."""
    listed = ", ".join(names) or "-"
    zh = f"没有图层 {missing}" if missing else "文件含多个图层"
    en = f"there is no layer {missing}" if missing else "the file has several layers"
    return Problem(
        f"{zh}：{listed}",
        f"{en}: {listed}",
        path=path,
        rule="layer",
        remedy_zh="用 layer 指明图层",
        remedy_en="name the layer with layer",
    )


def _with_header(sheet: pd.DataFrame) -> tuple[pd.DataFrame, CoordinateColumns]:
    """Take the first row that names coordinates for the header."""
    first: FieldError | None = None
    for row in range(min(_TITLE_ROWS, len(sheet))):
        names = [str(v).strip() if pd.notna(v) else f"_{i}" for i, v in enumerate(sheet.iloc[row])]
        table = sheet.iloc[row + 1 :].reset_index(drop=True).set_axis(names, axis=1)
        try:
            columns = find_columns(table)
        except FieldError as error:
            first = first or error
        else:
            return table.infer_objects(), columns
    if first is None:
        raise FieldError(Problem("工作表为空", "the sheet is empty"))
    raise first


def _typed(column: pd.Series[str]) -> pd.Series[float] | pd.Series[str]:
    text = column.dropna()
    numeric = pd.to_numeric(text, errors="coerce")
    if not len(text) or numeric.isna().any() or text.str.match(_CODE).any():
        return column
    return numeric.reindex(column.index)


def _undecodable(path: Path, encoding: str, error: Exception) -> Problem:
    return Problem(
        f"无法按 {encoding} 解码",
        f"cannot be decoded as {encoding}: {error}",
        path=path,
        rule="encoding",
        remedy_zh="用 encoding 指明编码，例如 gb18030、utf-8、big5",
        remedy_en="state the encoding, for example gb18030, utf-8 or big5",
    )

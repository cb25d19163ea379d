"""Write tables that a spreadsheet opens as they are: Chinese intact, no cell run as a formula."""

from __future__ import annotations

import codecs
import csv
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.publish.layer_columns import plain_values
from pipeline.publish.layer_schemas import LayerSchema
from pipeline.spreadsheet import neutralised


def write_csv(path: Path, frame: pd.DataFrame, schema: LayerSchema) -> None:
    """Write a layer's columns as CSV for people.

    UTF-8 with a byte order mark, so that Excel recognises it; comma, CRLF line ends (RFC 4180); an
    empty cell is null; dates as YYYY-MM-DD; booleans as true and false. A text that a spreadsheet
    would run as a formula gets an apostrophe in front; numbers are left alone. Points carry `lon`
    and `lat` in EPSG:4326; other geometries are left out.

    Parameters
    ----------
    path
        File to write.
    frame
        Conforming rows.
    schema
        Their schema.
    """
    plain = plain_columns(frame, schema)
    columns = [_cells(plain[name]) for name in plain.columns]
    # The mark in front and not by the codec, whose encoder is slow and called for every row.
    with path.open("w", encoding="utf-8", newline="") as handle:
        handle.write(codecs.BOM_UTF8.decode())
        writer = csv.writer(handle, lineterminator="\r\n")
        writer.writerow(plain.columns)
        writer.writerows(zip(*columns, strict=True))


def _cells(column: pd.Series) -> list[Any]:
    found = plain_values(column, of_text=neutralised)
    if pd.api.types.is_bool_dtype(column.dtype):
        return [None if value is None else str(value).lower() for value in found]
    return found


def write_table(path: Path, plain: pd.DataFrame) -> None:
    """Write a table of our own words in the same form: byte order mark, commas, CRLF."""
    with path.open("w", encoding="utf-8-sig", newline="") as handle:
        plain.to_csv(handle, index=False, lineterminator="\r\n")


def plain_columns(frame: pd.DataFrame, schema: LayerSchema) -> pd.DataFrame:
    """Drop the geometry; points keep it as `lon` and `lat` in degrees."""
    plain = pd.DataFrame(frame.drop(columns="geometry", errors="ignore"))
    if schema.kind == "point" and "lon" not in plain.columns:
        plain = plain.assign(lon=frame.geometry.x, lat=frame.geometry.y)
    return plain


def readme() -> str:
    """Say how the tables are to be read, in both languages."""
    return """# 表格说明 / About these tables

* 编码 UTF-8（带 BOM），逗号分隔；空单元格表示空值，不是零。
  UTF-8 with a byte order mark, comma separated; an empty cell is null, not zero.
* 以 = + - @ 等开头的文字前加了撇号 (')，以免电子表格当作公式执行；数字不受影响。
  A text that begins with = + - @ or the like has an apostrophe (') in front, so that no spreadsheet
  runs it as a formula; numbers are untouched.
* 点图层带 lon、lat（WGS84，度）；面与线的几何见 parkgap.gpkg。
  Point layers carry lon and lat (WGS84, degrees); areas and lines are in parkgap.gpkg.
* 列的含义、单位与代码：data_dictionary.csv。来源与许可：layers/built 中的 parkgap.provenance.json。
  Meaning, unit and codes of columns: data_dictionary.csv. Sources and licences:
  parkgap.provenance.json beside the layers.
"""

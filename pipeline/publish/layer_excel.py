"""Write layers as one Excel workbook, a sheet for each, without a cell that runs as a formula."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipeline.publish.layer_csv import plain_columns

if TYPE_CHECKING:
    from pipeline.publish.layer_tables import Finished

_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
#: Longer tables open slowly in a spreadsheet; they are named in the contents and left to CSV.
ROWS_AT_MOST = 50_000
CONTENTS = "contents"


def write_excel(
    path: Path, layers: Sequence[Finished], *, date: dt.date, most_rows: int = ROWS_AT_MOST
) -> None:
    """Write a workbook: header row with aliases below the names, empty cells for nulls.

    Parameters
    ----------
    path
        File to write.
    layers
        Conforming layers; geometry is left out, points carry `lon` and `lat`.
    date
        Stands for the time of writing, so that equal content makes an equal file.
    most_rows
        A longer layer has no sheet; the first sheet lists every layer and says where it is.
    """
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    moment = dt.datetime(date.year, date.month, date.day, tzinfo=dt.UTC).replace(tzinfo=None)
    book.properties.creator = "parkgap"
    book.properties.created = book.properties.modified = moment
    contents = book.create_sheet(CONTENTS)
    for listed in _contents(layers, most_rows):
        contents.append([_cell(contents, value) for value in listed])
    for layer in (one for one in layers if len(one.frame) <= most_rows):
        sheet = book.create_sheet(layer.schema.name[:31])
        sheet.freeze_panes = "A3"
        for row in _rows(layer):
            sheet.append([_cell(sheet, value) for value in row])
    memory = io.BytesIO()
    book.save(memory)
    _with_fixed_times(memory, path, moment)


def _contents(layers: Sequence[Finished], most_rows: int) -> Iterator[list[Any]]:
    yield ["layer", "中文", "English", "行数 / rows", "所在 / where"]
    for layer in layers:
        schema, rows = layer.schema, len(layer.frame)
        where = (
            "本工作簿 / here"
            if rows <= most_rows
            else f"行数过多，见 / too long, see {schema.name}.csv"
        )
        yield [schema.name, schema.zh, schema.en, rows, where]


def _rows(layer: Finished) -> Iterator[list[Any]]:
    table = plain_columns(layer.frame, layer.schema)
    told = {column.name: column.alias for column in layer.schema.columns}
    yield list(table.columns)
    yield [told.get(name, name) for name in table.columns]
    for row in table.astype(object).itertuples(index=False):
        yield [None if pd.isna(value) else value for value in row]


def _cell(sheet: Any, value: Any) -> Any:  # noqa: ANN401 - openpyxl's cells carry no types
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    if not isinstance(value, str):
        return value
    cell = WriteOnlyCell(sheet, value=ILLEGAL_CHARACTERS_RE.sub("", value))
    cell.data_type = "s"  # a text that begins with = stays a text
    return cell


def _with_fixed_times(memory: io.BytesIO, path: Path, moment: dt.datetime) -> None:
    """Copy the archive with one time on all its entries; the writer stamps the present."""
    import re

    stamp = moment.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    with zipfile.ZipFile(memory) as given, zipfile.ZipFile(path, "w") as made:
        for name in given.namelist():
            content = given.read(name)
            if name == "docProps/core.xml":
                content = re.sub(
                    rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*", rb"\g<1>" + stamp, content
                )
            entry = zipfile.ZipInfo(name, date_time=_ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            made.writestr(entry, content)

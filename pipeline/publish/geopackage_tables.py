"""Write tables without geometry to an open GeoPackage, as GDAL would, by one connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import chain, islice
from typing import Any

import pandas as pd

from pipeline.publish.layer_columns import plain_values

#: The identifier of the standard for a table that lies nowhere.
UNDEFINED_SRS = 0
#: As many as any SQLite takes in one statement.
MARKS_AT_MOST = 999


def write_attributes(
    database: sqlite3.Connection,
    name: str,
    frame: pd.DataFrame,
    *,
    title: str,
    told: str,
    moment: str,
    fid: str,
) -> None:
    """Write a table, registered in `gpkg_contents` as attributes, with the count GDAL keeps.

    GDAL opens and reads the whole file again for each table that it adds; this does not.

    Parameters
    ----------
    database
        A GeoPackage that GDAL began.
    name
        Name of the table.
    frame
        Text, integers, floats, truth values, dates.
    title, told
        Its identifier and description.
    moment
        Stands for the time of writing.
    fid
        Name of the column that numbers the rows.
    """
    write_rows(database, name, frame, fid=fid)
    register(database, name, title=title, told=told, moment=moment)


def write_rows(database: sqlite3.Connection, name: str, frame: pd.DataFrame, *, fid: str) -> None:
    """Write a table to any database; it is none of a GeoPackage before it is registered."""
    columns = [f"{_quoted(column)} {_sql_type(kind)}" for column, kind in frame.dtypes.items()]
    key = f"{_quoted(fid)} INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL"
    database.execute(f"CREATE TABLE {_quoted(name)} ( {', '.join([key, *columns])})")
    _insert(database, name, frame)


def copy_rows(database: sqlite3.Connection, source: str, name: str) -> None:
    """Copy a table that `write_rows` wrote to an attached database.

    SQLite copies the rows of a table of the same form as they lie, in a tenth of the time.
    """
    given, table = f"{_quoted(source)}.{_quoted(name)}", _quoted(name)
    form = f"SELECT sql FROM {_quoted(source)}.sqlite_master WHERE name = ?"  # noqa: S608 - quoted
    database.execute(database.execute(form, (name,)).fetchone()[0])
    any_row = database.execute(f"SELECT EXISTS (SELECT 1 FROM {given})")  # noqa: S608
    if any_row.fetchone()[0]:  # else the copy would begin to number rows that there are none of
        database.execute(f"INSERT INTO main.{table} SELECT * FROM {given}")  # noqa: S608


def register(
    database: sqlite3.Connection, name: str, *, title: str, told: str, moment: str
) -> None:
    """Make a table one of the attributes of the GeoPackage."""
    database.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change,"
        " srs_id) VALUES (?, 'attributes', ?, ?, ?, ?)",
        (name, title or name, told, moment, UNDEFINED_SRS),
    )
    count = database.execute(f"SELECT count(*) FROM {_quoted(name)}")  # noqa: S608 - quoted
    _count(database, name, count.fetchone()[0])


def _insert(database: sqlite3.Connection, name: str, frame: pd.DataFrame) -> None:
    """Insert rows, many by each statement: that takes half the time of one by each."""
    width = len(frame.columns)
    names = ", ".join(_quoted(column) for column in frame.columns)
    row = f"({', '.join('?' * width)})"
    values = chain.from_iterable(
        zip(*(plain_values(frame[column]) for column in frame.columns), strict=True)
    )
    while given := list(islice(values, max(1, MARKS_AT_MOST // width) * width)):
        rows = ", ".join([row] * (len(given) // width))
        database.execute(
            f"INSERT INTO {_quoted(name)} ({names}) VALUES {rows}",  # noqa: S608 - names are quoted
            given,
        )


def in_order(database: sqlite3.Connection, names: Sequence[str]) -> None:
    """List these tables first, in this order, which programs keep that open the file."""
    for register in ("gpkg_contents", "gpkg_ogr_contents"):
        database.executemany(
            f"UPDATE {register} SET rowid = ? WHERE table_name = ?",  # noqa: S608 - our own names
            [(place - len(names), name) for place, name in enumerate(names)],
        )


def _count(database: sqlite3.Connection, name: str, rows: int) -> None:
    """Tell GDAL the number of rows, and keep it true when somebody edits the table."""
    table = _quoted(name)
    database.execute("INSERT INTO gpkg_ogr_contents VALUES (?, ?)", (name, rows))
    for event, sign in (("insert", "+"), ("delete", "-")):
        trigger = _quoted(f"trigger_{event}_feature_count_{name}")
        database.execute(
            f"CREATE TRIGGER {trigger} AFTER {event.upper()} ON {table} BEGIN"  # noqa: S608
            f" UPDATE gpkg_ogr_contents SET feature_count = feature_count {sign} 1"
            f" WHERE lower(table_name) = lower({_literal(name)}); END"
        )


def _sql_type(kind: Any) -> str:  # noqa: ANN401 - any type of column pandas knows
    if pd.api.types.is_bool_dtype(kind):
        return "BOOLEAN"
    if pd.api.types.is_integer_dtype(kind):
        return "INTEGER"
    if pd.api.types.is_float_dtype(kind):
        return "REAL"
    if pd.api.types.is_string_dtype(kind):
        return "TEXT"
    return "DATE" if isinstance(kind, pd.ArrowDtype) else "DATETIME"


def _quoted(name: object) -> str:
    return '"' + str(name).replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

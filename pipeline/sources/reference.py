"""Read the embedded tables of facts and hold them to their data dictionary."""

from __future__ import annotations

import csv
import datetime as dt
import difflib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pipeline.errors import FieldError, Problem, SourceError
from pipeline.resources import shipped
from pipeline.sources.reference_cells import HEADER_LINE, Cells, ColumnSpec, column_of, parse_column

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

DICTIONARY = "tables.yml"
Licence = Literal["MIT", "ODbL-1.0"]


@dataclass(frozen=True)
class LicenceSpec:
    """What a table may be used for, and whom to name."""

    name: str
    zh: str
    en: str
    attribution: str | None


@dataclass(frozen=True)
class Reference:
    """Values of `column` must occur in column `to` of table `table`."""

    column: str
    table: str
    to: str


@dataclass(frozen=True)
class Reservation:
    """Rows, by key, whose right the table's licence cannot promise, and why."""

    rows: tuple[str, ...]
    zh: str
    en: str


@dataclass(frozen=True)
class TableSpec:
    """One embedded table as the data dictionary describes it."""

    name: str
    title_zh: str
    title_en: str
    description_zh: str
    description_en: str
    licence: LicenceSpec
    snapshot: dt.date
    sources: tuple[str, ...]
    key: tuple[str, ...]
    references: tuple[Reference, ...]
    columns: tuple[ColumnSpec, ...]
    reservations: tuple[Reservation, ...] = ()


def reference_folder() -> Path:
    """Give the folder of the embedded tables, in a checkout or in an installed wheel."""
    return shipped("reference")


def reference_tables(*, folder: Path | None = None) -> dict[str, TableSpec]:
    """Read the data dictionary.

    Parameters
    ----------
    folder
        Folder that holds `tables.yml`; the embedded one when None.

    Returns
    -------
    dict
        Tables by name, in the order of the file.

    Raises
    ------
    SourceError
        When the dictionary is absent or is not a readable dictionary.
    """
    path = (folder or reference_folder()) / DICTIONARY
    described = _load_dictionary(path)
    try:
        licences = {
            name: LicenceSpec(name, found["zh"], found["en"], found["attribution"])
            for name, found in described["licences"].items()
        }
        return {
            name: _table_of(name, found, licences) for name, found in described["tables"].items()
        }
    except (KeyError, TypeError, AttributeError, ValueError) as fault:
        problem = Problem(
            zh=f"数据字典不完整：{fault}",
            en=f"the data dictionary is incomplete: {fault}",
            path=path,
            rule=DICTIONARY,
            remedy_zh="恢复随项目提供的 tables.yml",
            remedy_en="restore the tables.yml that came with the project",
        )
        raise SourceError(problem) from fault


def read_reference(name: str, *, folder: Path | None = None) -> pd.DataFrame:
    """Read one embedded table, checked against the data dictionary.

    Parameters
    ----------
    name
        Name of the table, such as `places`.
    folder
        Folder of the tables; the embedded one when None.

    Returns
    -------
    pandas.DataFrame
        Columns and order of the data dictionary. Text is a string type with NaN for an empty cell,
        `int` is Int64, `float` float64, `bool` boolean (nullable), `date` datetime64. Positions are
        degrees in EPSG:4326.

    Raises
    ------
    SourceError
        When there is no such table or its file cannot be read.
    FieldError
        When columns or cells break the dictionary; all problems are listed.
    """
    home = folder or reference_folder()
    table = _named(name, reference_tables(folder=home), home)
    path = home / f"{name}.csv"
    header, rows = _read_csv(path)
    wanted = [column.name for column in table.columns]
    if problems := list(_header_problems(header, wanted, path)):
        raise FieldError(*problems)
    problems.extend(_width_problems(rows, len(header), path))
    if problems:
        raise FieldError(*problems)
    frame, problems = _typed(table, header, rows, path)
    problems.extend(_key_problems(table, header, rows, path))
    if problems:
        raise FieldError(*problems)
    logger.debug("read %d rows of reference table %s", len(frame), name)
    return frame


def check_references(*, folder: Path | None = None) -> None:
    """Check that every value that points to another table is found there.

    Raises
    ------
    FieldError
        Listing each table, row and value that points nowhere.
    """
    home = folder or reference_folder()
    tables = reference_tables(folder=home)
    linked = {name for name, table in tables.items() if table.references}
    linked |= {link.table for table in tables.values() for link in table.references}
    frames = {name: read_reference(name, folder=home) for name in sorted(linked)}
    problems = [
        problem
        for name, table in tables.items()
        for link in table.references
        for problem in _loose_ends(frames[name], frames[link.table], link, home / f"{name}.csv")
    ]
    if problems:
        raise FieldError(*problems)


def _loose_ends(
    frame: pd.DataFrame, target: pd.DataFrame, link: Reference, path: Path
) -> list[Problem]:
    values = frame[link.column].tolist()
    known = set(target[link.to])
    lost = [
        (line, value)
        for line, (value, absent) in enumerate(
            zip(values, frame[link.column].isna(), strict=True), start=HEADER_LINE + 1
        )
        if not absent and value not in known
    ]
    return [
        Problem(
            zh=f"{link.column} 的值 {value} 不在 {link.table}.{link.to} 中",
            en=f"{link.column} {value!r} is not in {link.table}.{link.to}",
            path=path,
            row=line,
            rule=link.column,
            remedy_zh="改正编号或补上所指的行",
            remedy_en="correct the id, or add the row it points to",
        )
        for line, value in lost
    ]


def _load_dictionary(path: Path) -> Mapping[str, Any]:
    from ruamel.yaml.error import YAMLError

    try:
        loaded = _parse_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as fault:
        raise SourceError(_unreadable(path, fault)) from fault
    if not isinstance(loaded, Mapping):
        raise SourceError(_unreadable(path, "no mapping"))
    return loaded


@lru_cache(maxsize=4)
def _parse_yaml(text: str) -> Any:  # noqa: ANN401
    # Keyed by the text itself, so that an edited dictionary is read anew.
    from ruamel.yaml import YAML

    return YAML(typ="safe").load(text)


def _table_of(
    name: str, found: Mapping[str, Any], licences: Mapping[str, LicenceSpec]
) -> TableSpec:
    snapshot = found["snapshot"]
    return TableSpec(
        name=name,
        title_zh=found["title_zh"],
        title_en=found["title_en"],
        description_zh=found["description_zh"],
        description_en=found["description_en"],
        licence=licences[found["licence"]],
        snapshot=snapshot
        if isinstance(snapshot, dt.date)
        else dt.date.fromisoformat(str(snapshot)),
        sources=tuple(found["sources"]),
        key=tuple(found["key"]),
        references=tuple(Reference(**link) for link in found.get("references", ())),
        columns=tuple(column_of(column) for column in found["columns"]),
        reservations=tuple(
            Reservation(tuple(one["rows"]), one["zh"], one["en"])
            for one in found.get("reservations", ())
        ),
    )


def _named(name: str, tables: Mapping[str, TableSpec], home: Path) -> TableSpec:
    if name in tables:
        return tables[name]
    near = difflib.get_close_matches(name, tables, n=1)
    known = ", ".join(tables)
    raise SourceError(
        Problem(
            zh=f"没有名为 {name} 的参考表",
            en=f"there is no reference table {name!r}",
            path=home / DICTIONARY,
            rule="table",
            remedy_zh=f"最接近：{near[0]}" if near else f"可用：{known}",
            remedy_en=f"nearest match: {near[0]}" if near else f"use one of {known}",
        )
    )


def _read_csv(path: Path) -> tuple[list[str], list[list[str]]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = list(csv.reader(file, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as fault:
        raise SourceError(_unreadable(path, fault)) from fault
    if not lines:
        raise SourceError(_unreadable(path, "empty file"))
    return lines[0], lines[1:]


def _unreadable(path: Path, fault: object) -> Problem:
    return Problem(
        zh=f"无法读取：{fault}",
        en=f"cannot be read: {fault}",
        path=path,
        rule="file",
        remedy_zh="恢复随项目提供的文件（UTF-8）",
        remedy_en="restore the file that came with the project (UTF-8)",
    )


def _header_problems(header: Sequence[str], wanted: Sequence[str], path: Path) -> list[Problem]:
    missing = [name for name in wanted if name not in header]
    unknown = [name for name in header if name not in wanted]
    twice = sorted({name for name in header if header.count(name) > 1})
    cases = (
        *((name, "缺少列", "column is missing") for name in missing),
        *((name, "数据字典没有这一列", "column is not in the data dictionary") for name in unknown),
        *((name, "列重复", "column stands twice") for name in twice),
    )
    return [
        Problem(
            zh=f"{zh}：{name}",
            en=f"{en}: {name}",
            path=path,
            row=HEADER_LINE,
            rule=name,
            remedy_zh=f"对照 {DICTIONARY} 修改",
            remedy_en=f"make it agree with {DICTIONARY}",
        )
        for name, zh, en in cases
    ]


def _width_problems(rows: Sequence[Sequence[str]], width: int, path: Path) -> list[Problem]:
    return [
        Problem(
            zh=f"应有 {width} 格，实有 {len(row)} 格",
            en=f"{width} cells expected, {len(row)} found",
            path=path,
            row=line,
            rule="cells",
            remedy_zh="含逗号的文字要加引号",
            remedy_en="quote text that holds commas",
        )
        for line, row in enumerate(rows, start=HEADER_LINE + 1)
        if len(row) != width
    ]


def _typed(
    table: TableSpec, header: Sequence[str], rows: Sequence[Sequence[str]], path: Path
) -> tuple[pd.DataFrame, list[Problem]]:
    import pandas as pd

    problems: list[Problem] = []
    columns: dict[str, Any] = {}
    for column in table.columns:
        at = header.index(column.name)
        cells: Cells = [row[at] for row in rows]
        columns[column.name] = parse_column(column, cells, path=path, problems=problems)
    return (pd.DataFrame() if problems else pd.DataFrame(columns)), problems


def _key_problems(
    table: TableSpec, header: Sequence[str], rows: Sequence[Sequence[str]], path: Path
) -> list[Problem]:
    places = [header.index(name) for name in table.key]
    seen: dict[tuple[str, ...], int] = {}
    problems: list[Problem] = []
    for line, row in enumerate(rows, start=HEADER_LINE + 1):
        key = tuple(row[place] for place in places)
        first = seen.setdefault(key, line)
        if first != line:
            shown = ", ".join(key)
            problems.append(
                Problem(
                    zh=f"编号 {shown} 与第 {first} 行重复",
                    en=f"key {shown} already stands in line {first}",
                    path=path,
                    row=line,
                    rule=", ".join(table.key),
                    remedy_zh="每行的编号必须唯一",
                    remedy_en="give every row a key of its own",
                )
            )
    return problems

"""Read the inventory of datasets and hold files to what it says of them."""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from pipeline.errors import FieldError, Problem, SourceError
from pipeline.sources.fetch_cache import hash_file
from pipeline.sources.reference import reference_folder

FILE = "inventory.csv"
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Dataset:
    """One file that the project was built, tested or illustrated with.

    `path` is relative to the folder of data that lies beside the project; `date` is that of the
    data (ISO 8601, null where its source does not tell), `used_for` what the project does with it.
    """

    name: str
    path: str
    version: str
    date: dt.date | None
    source: str
    licence: str
    attribution: str
    sha256: str
    used_for: str


def read_inventory(path: Path | None = None) -> tuple[Dataset, ...]:
    """Read and check the inventory.

    Parameters
    ----------
    path
        The table; the embedded one when null.

    Returns
    -------
    datasets in the order of the file

    Raises
    ------
    SourceError
        The table cannot be read.
    FieldError
        Lists every row that lacks a field, repeats a path, or states a date or hash that is none.
    """
    path = path or reference_folder() / FILE
    try:
        with path.open(encoding="utf-8", newline="") as handle:
            rows = list(csv.DictReader(handle, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        text = f"the inventory cannot be read: {error}"
        raise SourceError(Problem("数据清单无法读取", text, path=path)) from error
    problems = list(_problems(rows, path))
    if problems:
        raise FieldError(*problems)
    return tuple(_dataset(row) for row in rows)


def compare_files(datasets: Sequence[Dataset], folder: Path) -> list[Problem]:
    """List the files in a folder that differ from the inventory, in either direction.

    Files of the inventory that the folder lacks are listed, and so are files of the folder that the
    inventory does not name.
    """
    known = {dataset.path: dataset for dataset in datasets}
    found = {p.relative_to(folder).as_posix(): p for p in sorted(folder.rglob("*")) if p.is_file()}
    problems = [_absent(name, folder) for name in known if name not in found]
    for name, path in found.items():
        if name not in known:
            problems.append(
                Problem("文件不在数据清单中", "the file is not in the inventory", path=path)
            )
        elif (digest := hash_file(path)) != known[name].sha256:
            problems.append(
                Problem(
                    zh=f"内容与数据清单不符，实为 {digest}",
                    en=f"the content is not that of the inventory: {digest}",
                    path=path,
                    rule="sha256",
                )
            )
    return problems


def _absent(name: str, folder: Path) -> Problem:
    return Problem("缺少清单中的文件", "a file of the inventory is absent", path=folder / name)


def _dataset(row: dict[str, str]) -> Dataset:
    date = dt.date.fromisoformat(row["date"]) if row["date"] else None
    return Dataset(**{**row, "date": date})  # type: ignore[arg-type]


def _problems(rows: Sequence[dict[str, str]], path: Path) -> Iterator[Problem]:
    wanted = [field.name for field in fields(Dataset)]
    seen: set[str] = set()
    for line, row in enumerate(rows, start=2):
        if list(row) != wanted:
            lacking = ", ".join(wanted)
            yield Problem("字段不符", f"the columns must be: {lacking}", path=path, row=line)
            continue
        blank = [name for name in wanted if name not in {"date", "attribution"} and not row[name]]
        for name in blank:
            yield Problem("字段为空", f"{name} is blank", path=path, row=line, rule=name)
        if row["path"] in seen:
            yield Problem("路径重复", "the path appears twice", path=path, row=line, rule="path")
        seen.add(row["path"])
        if not _HASH.fullmatch(row["sha256"]):
            yield Problem(
                "不是 SHA-256", "no SHA-256 in lower case", path=path, row=line, rule="sha256"
            )
        if row["date"] and not _is_date(row["date"]):
            yield Problem("不是日期", "no date as YYYY-MM-DD", path=path, row=line, rule="date")


def _is_date(text: str) -> bool:
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return True

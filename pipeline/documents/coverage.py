"""Say for each claim of the sources where it is computed, on which data, and with what result."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.errors import LayerError, Problem, StudyError
from pipeline.resources import shipped
from pipeline.sources.reference import read_reference
from pipeline.workspace import Workspace

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

MAPPING = shipped("reference") / "requirements_map.yml"
NOTHING = "—"
STATES = {
    "computed": ("已计算", "computed"),
    "partly": ("部分计算", "partly computed"),
    "synthetic": ("在合成示例上计算", "computed on the synthetic sample"),
    "user_data": ("需用户数据", "needs the user's data"),
    "documented": ("以文献表格展示", "shown as a documented table"),
}
HEAD = """# 论断与结果对照 / Claims and results

由 `parkgap coverage` 根据已构建的研究生成，勿手工修改。
每条论断：在哪里计算、用什么数据、结果如何、还缺什么。
数字来自只用内置参考表的研究（无 OSM 摘录），通行时间为直线估算。

Written by `parkgap coverage` from a built study; do not edit. For each claim of the sources: where
it is computed, on which data, with what result, and what is missing. Figures are those of the study
built on the embedded tables alone, without an extract, so travel times are straight-line estimates.
"""


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Result(_Closed):
    """One table that answers a claim, and how a row of it reads.

    `show` is filled with the columns of a row (``{place_id} {value:.1f} min``); `tell` with the
    number of rows as `{rows}`. Both may stand; `where` chooses rows by exact values and `expect`
    says what the source leads one to expect in each of them.
    """

    table: str
    where: dict[str, Any] = {}
    show: str | None = None
    tell: str | None = None
    expect: dict[str, Any] = {}
    limit: int = 8
    lead: str = ""


class Answer(_Closed):
    """How one claim is answered."""

    state: Literal["computed", "partly", "synthetic", "user_data", "documented"]
    results: tuple[Result, ...] = ()
    files: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    missing_zh: str | None = None
    missing_en: str | None = None


def read_mapping(path: Path = MAPPING) -> dict[str, Answer]:
    """Read which tables answer which claim.

    Raises
    ------
    StudyError
        When an entry breaks the format, a claim of the table of requirements has no entry, or an
        entry names no claim.
    """
    from ruamel.yaml import YAML

    entries = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    known = set(read_reference("requirements")["requirement_id"])
    problems = [
        Problem(
            zh="论断清单与对照文件不一致",
            en="the list of claims and the mapping differ",
            path=path,
            row=name,
            rule="requirements",
        )
        for name in sorted(known ^ set(entries))
    ]
    answers = {}
    for name, entry in entries.items():
        try:
            answers[name] = Answer.model_validate(entry)
        except ValidationError as error:
            problems += [_wrong(path, name, detail) for detail in error.errors()]
    if problems:
        raise StudyError(*problems)
    return answers


def render_coverage(workspace: Workspace, answers: Mapping[str, Answer]) -> str:
    """Write the document from a built study.

    Raises
    ------
    LayerError
        Naming every table, column or file that an answer names and the study does not have.
    """
    tables = _Tables(workspace)
    claims = read_reference("requirements").set_index("requirement_id")
    problems: list[Problem] = []
    sections = [
        _section(claim, answers[str(name)], tables, problems) for name, claim in claims.iterrows()
    ]
    if problems:
        raise LayerError(*problems)
    return "\n".join([HEAD, _summary(claims, answers), *sections])


class _Tables:
    """The built tables, each read once."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._read: dict[str, pd.DataFrame] = {}

    def table(self, name: str) -> pd.DataFrame:
        """Read `stage/table.parquet`, or `reference/table`."""
        if name not in self._read:
            folder, _, rest = name.partition("/")
            self._read[name] = (
                read_reference(rest)
                if folder == "reference"
                else pd.read_parquet(self.workspace.built / name)
            )
        return self._read[name]

    def file(self, name: str) -> Path:
        return self.workspace.output("", name)

    def sources(self) -> dict[str, str]:
        """Name each role of the study's inputs, in both languages."""
        rows = self.table("ingest/sources.parquet")
        return {
            str(row["role"]): f"{row['name_zh']} / {row['name_en']} ({row['date'] or NOTHING})"
            for _, row in rows.iterrows()
        }


def _summary(claims: pd.DataFrame, answers: Mapping[str, Answer]) -> str:
    count = dict.fromkeys(STATES, 0)
    for name in claims.index:
        count[answers[str(name)].state] += 1
    lines = ["| 状态 / state | 条数 / claims |", "|---|---|"]
    lines += [f"| {zh} / {en} | {count[state]} |" for state, (zh, en) in STATES.items()]
    return "\n".join([*lines, ""])


def _section(
    claim: pd.Series[Any], answer: Answer, tables: _Tables, problems: list[Problem]
) -> str:
    name, sources = str(claim.name), tables.sources()
    zh, en = STATES[answer.state]
    lines = [f"## {name} {claim['claim_zh']} / {claim['claim_en']}", "", f"**{zh} / {en}**", ""]
    for result in answer.results:
        lines += _result(name, result, tables, problems)
    lines += [_file(name, path, tables, problems) for path in answer.files]
    lines += [_rules(name, rules, problems) for rules in answer.rules]
    lines += [f"- 数据 / data: {sources.get(role, role)}" for role in answer.data]
    if isinstance(claim["validation_en"], str):
        lines.append(f"- 应见 / expected: {claim['validation_en']}")
    if answer.missing_zh:
        lines.append(f"- 尚缺 / missing: {answer.missing_zh} / {answer.missing_en}")
    return "\n".join([*lines, ""])


def _result(name: str, result: Result, tables: _Tables, problems: list[Problem]) -> list[str]:
    try:
        table = tables.table(result.table)
    except (OSError, ValueError, LayerError) as error:
        problems.append(_absent(name, result.table, str(error)))
        return []
    wanted = [*result.where, *result.expect, *_fields(result.show)]
    absent = sorted(set(wanted) - set(table.columns))
    if absent:
        problems.extend(_absent(name, f"{result.table}: {column}", "column") for column in absent)
        return []
    rows = _chosen(table, result.where)
    if rows.empty and result.tell is None:
        problems.append(_absent(name, f"{result.table}: {result.where}", "no row"))
        return []
    columns = ", ".join(f"`{column}`" for column in dict.fromkeys(_fields(result.show)))
    at = f"- `{result.table}`" + (f" ({columns})" if columns else "")
    return [f"{at}: {result.lead}{'; '.join(_told(rows, result))}{_expected(rows, result.expect)}"]


def _expected(rows: pd.DataFrame, expect: Mapping[str, Any]) -> str:
    """Say in how many rows the result is what the source leads one to expect."""
    if not expect:
        return ""
    met = pd.Series(data=True, index=rows.index)
    for column, value in expect.items():
        met &= rows[column].eq(value).fillna(value=False).astype(bool)
    return f" — 合乎预期 / as expected: {int(met.sum())}/{len(rows)}"


def _told(rows: pd.DataFrame, result: Result) -> Iterable[str]:
    if result.tell is not None:
        yield result.tell.format(rows=len(rows))
    if result.show is not None:
        for _, row in rows.head(result.limit).iterrows():
            yield result.show.format_map({str(key): _Cell(value) for key, value in row.items()})
        if len(rows) > result.limit:
            yield f"… ({len(rows)})"


def _chosen(table: pd.DataFrame, where: Mapping[str, Any]) -> pd.DataFrame:
    """Keep the rows whose columns have the values, in the order in which values are listed."""
    rows = table
    for column, value in where.items():
        values = value if isinstance(value, list) else [value]
        rows = rows[rows[column].isin(values)]
        if isinstance(value, list):
            order = rows[column].map({item: number for number, item in enumerate(values)})
            rows = rows.iloc[order.argsort(kind="stable").to_numpy()]
    return rows


def _fields(template: str | None) -> list[str]:
    from string import Formatter

    return [field for _, field, _, _ in Formatter().parse(template or "") if field]


class _Cell:
    """A value of a table that reads as a dash where it is null, whatever the format asks."""

    def __init__(self, value: Any) -> None:  # noqa: ANN401
        self.value = value

    def __format__(self, spec: str) -> str:
        null = self.value is None or self.value is pd.NA
        if null or (isinstance(self.value, float) and math.isnan(self.value)):
            return NOTHING
        return format(self.value, spec) if spec else str(self.value)


def _file(name: str, path: str, tables: _Tables, problems: list[Problem]) -> str:
    if not tables.file(path).is_file():
        problems.append(_absent(name, path, "file"))
    return f"- `{path.rpartition(':')[2]}`"


def _rules(name: str, rules: str, problems: list[Problem]) -> str:
    if not (shipped("studies") / "rules" / f"{rules}.yml").is_file():
        problems.append(_absent(name, f"rules/{rules}.yml", "rule set"))
    return f"- 规则集 / rule set: `studies/rules/{rules}.yml`"


def _absent(name: str, what: str, why: str) -> Problem:
    return Problem(
        zh="对照文件所说的表、字段或文件不存在",
        en=f"the mapping names a table, column or file that is not there ({why})",
        path=what,
        row=name,
        rule="requirements_map",
        remedy_zh="先运行 parkgap run，或改正 requirements_map.yml",
        remedy_en="run `parkgap run` first, or correct requirements_map.yml",
    )


def _wrong(path: Path, name: str, detail: ErrorDetails) -> Problem:
    place = ".".join(str(part) for part in detail["loc"])
    return Problem(
        zh="对照条目格式不符", en=f"{place}: {detail['msg']}", path=path, row=name, rule="mapping"
    )

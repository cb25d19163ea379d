"""Describe every column and measure of the tables of access, from the tables themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.errors import MeasureError, Problem
from pipeline.measures.standards import Standard

TEXTS = Path(__file__).with_name("access_dictionary.yml")
INTRODUCTION = (
    "# 可达性数据字典 / Data dictionary of access",
    "",
    "长表（图层 `access`，即 `access.csv`）：每行为一个地点的一个指标。",
    "宽表 `access_wide.csv`：每行一个地点，列名为 `服务.口径.方式.指标`，",
    "后缀 `.low`、`.high`、`.status`、`.verdict`、`.standard`、`.method`。",
    "`.status` 只在并非全部为 ok 的列出现，说明空格的原因；两者皆空表示该地点不适用此指标。",
    "",
    "Long table (layer `access`, here `access.csv`): one measure of one place per row.",
    "Wide table `access_wide.csv`: one place per row, columns",
    "`service.variant.mode.measure`, with `.low`, `.high`, `.status`, `.verdict`, `.standard`,",
    "`.method`. A `.status` stands where not all of a column is ok and says why a cell is empty;",
    "where both are empty, the measure is not asked of that place.",
    "",
)


@cache
def _texts() -> Any:  # noqa: ANN401
    from ruamel.yaml import YAML

    return YAML(typ="safe").load(TEXTS.read_text(encoding="utf-8"))


def describe(measure: str) -> tuple[str, str]:
    """Say in both languages what a measure is.

    Raises
    ------
    MeasureError
        When no entry of the dictionary fits.
    """
    for entry in _texts()["measures"]:
        if re.fullmatch(entry["name"], measure):
            return entry["zh"], entry["en"]
    raise MeasureError(_undescribed(measure))


def dictionary_text(
    long: pd.DataFrame, standards: Mapping[str, Standard], facilities: pd.DataFrame
) -> str:
    """Write the data dictionary of the long and the wide table as Markdown.

    Parameters
    ----------
    long
        The long table of access.
    standards
        Standards by id, for those that the table is held against.
    facilities
        Entrances of campuses: `service`, `campus_id`, `supply_basis`, `supply_year`.

    Raises
    ------
    MeasureError
        When a column or measure of the table is not described.
    """
    columns = _texts()["columns"]
    unknown = [name for name in long.columns if name not in columns]
    if unknown:
        raise MeasureError(*(_undescribed(name) for name in unknown))
    lines = [*INTRODUCTION, "| column | 中文 | English |", "| --- | --- | --- |"]
    lines += [f"| `{name}` | {columns[name]['zh']} | {columns[name]['en']} |" for name in long]
    lines += ["", "| measure | unit | 中文 | English |", "| --- | --- | --- | --- |"]
    used = long[["measure", "unit"]].drop_duplicates().sort_values(["measure", "unit"])
    for measure, unit in used.itertuples(index=False):
        zh, en = describe(measure)
        lines.append(f"| `{measure}` | {unit} | {zh} | {en} |")
    lines += ["", "| service | variant | mode |", "| --- | --- | --- |"]
    for (service, variant), part in long.groupby(["service", "variant"], sort=True):
        modes = ", ".join(sorted(part["mode"].unique()))
        lines.append(f"| {service} | {variant} | {modes} |")
    lines += _supply(facilities)
    lines += _standards(long, standards)
    return "\n".join(lines) + "\n"


def _supply(facilities: pd.DataFrame) -> list[str]:
    """Say what the supply of each service counts, and of which year the figures are."""
    once = facilities.drop_duplicates(["service", "campus_id"])
    told = once["supply_year"].astype("string").fillna("未注明 not stated")
    lines = ["", "| service | supply | year | campuses |", "| --- | --- | --- | --- |"]
    keys = ["service", "supply_basis", "supply_year"]
    counted = once.assign(supply_year=told).groupby(keys).size().reset_index(name="campuses")
    lines += [f"| {' | '.join(str(cell) for cell in row)} |" for row in counted.to_numpy()]
    return lines


def _standards(long: pd.DataFrame, standards: Mapping[str, Standard]) -> list[str]:
    """List the standards that figures are held against, each with its mark and its source."""
    heads = ("standard", "value", "applies to", "mark", "source")
    lines = ["", f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    for name in sorted(long["standard_id"].dropna().unique()):
        found = standards.get(name)
        if found is None:
            lines.append(f"| `{name}` | | | 未列入标准表 not in the table of standards | |")
            continue
        where, mark = "; ".join(sorted(found.applies_to)), " ".join(found.mark).strip()
        sign = "<=" if found.direction == "at_most" else ">="
        value = f"{sign} {found.value:g} {found.unit}"
        lines.append(f"| `{name}` | {value} | {where} | {mark} | {found.source} |")
    return lines


def _undescribed(name: str) -> Problem:
    return Problem(
        zh=f"数据字典没有 {name}",
        en=f"the data dictionary lacks {name}",
        path=TEXTS,
        rule="access dictionary",
    )

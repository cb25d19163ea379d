"""Read a rule file, and refuse what could hide an error: unknown fields, aliases, deep nesting."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from pipeline.errors import Problem, StudyError
from pipeline.measures.parcel_indicators import DERIVED_FROM
from pipeline.plain_yaml import read_plain_yaml
from pipeline.settings.parcel_rules import RuleSet
from pipeline.sources.parcel_fields import catalogue

CLOCKS = ("idle_yr",)


def known_fields() -> tuple[str, ...]:
    """Return every name a rule may read: the fields of the parcel table and the indicators."""
    names = {field.name for field in catalogue().fields} | set(DERIVED_FROM) | set(CLOCKS)
    return tuple(sorted(names))


def read_rules(path: Path) -> RuleSet:
    """Read and check a rule file.

    Parameters
    ----------
    path
        YAML in UTF-8, without aliases, at most 500 kB and 40 levels deep.

    Raises
    ------
    StudyError
        With one problem for each wrong key, missing reference and unknown field.
    """
    tree = read_plain_yaml(path, error=StudyError, rule="rule file")
    try:
        rules = RuleSet.model_validate(tree)
    except ValidationError as error:
        raise StudyError(
            *(
                _bad(path, "规则文件有误", detail["msg"], row=".".join(map(str, detail["loc"])))
                for detail in error.errors()
            )
        ) from None
    strangers = sorted(set(rules.fields()) - set(known_fields()))
    if strangers:
        raise StudyError(*(_stranger(path, name, known_fields()) for name in strangers))
    return rules


def _bad(path: Path, zh: str, en: str, *, row: str | None = None) -> Problem:
    return Problem(zh=zh, en=en, path=path, row=row, rule="rule file")


def _stranger(path: Path, name: str, known: Sequence[str]) -> Problem:
    near = difflib.get_close_matches(name, known, n=1)
    return Problem(
        zh=f"规则读取了未知字段 {name}",
        en=f"a rule reads the unknown field {name}",
        path=path,
        rule=name,
        remedy_zh=f"是否为 {near[0]}？" if near else None,
        remedy_en=f"did you mean {near[0]}?" if near else None,
    )

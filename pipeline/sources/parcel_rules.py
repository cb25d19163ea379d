"""Read a rule file, and refuse what could hide an error: unknown fields, aliases, deep nesting."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent

from pipeline.errors import Problem, StudyError
from pipeline.measures.parcel_indicators import DERIVED_FROM
from pipeline.settings.parcel_rules import RuleSet
from pipeline.sources.parcel_fields import catalogue

MAX_BYTES = 500_000
MAX_DEPTH = 40
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
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(_bad(path, "无法读取规则文件", f"cannot be read: {error}")) from error
    tree = _parse(path, text)
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


def _parse(path: Path, text: str) -> object:
    if len(text.encode()) > MAX_BYTES:
        raise StudyError(_bad(path, f"超过 {MAX_BYTES} 字节", f"larger than {MAX_BYTES} bytes"))
    parser = YAML(typ="safe", pure=True)
    try:
        depth = 0
        for event in parser.parse(text):
            if isinstance(event, AliasEvent):
                raise StudyError(_bad(path, "不允许使用 YAML 别名", "YAML aliases are not allowed"))
            depth += isinstance(event, CollectionStartEvent)
            depth -= isinstance(event, CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise StudyError(_bad(path, "嵌套过深", f"nested deeper than {MAX_DEPTH} levels"))
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise StudyError(_bad(path, "不是有效的 YAML", f"not valid YAML: {error}")) from error


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

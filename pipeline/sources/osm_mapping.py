"""Say which OpenStreetMap objects belong to which category, from a file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.errors import Problem, SourceError
from pipeline.plain_yaml import read_plain_yaml
from pipeline.sources.school_rules import Condition, SchoolRules

Form = Literal["point", "area", "line"]
Status = Literal["operating", "under_construction", "planned", "closed"]

DEFAULT_MAPPING = Path(__file__).with_name("osm_mapping.yml")
_ANY = "*"
_MOST_KNOWN = 50_000  # sets of tags that are remembered, some 20 MB


class Tagged(Protocol):
    """Tags of an object: a dictionary of them, or libosmium's own."""

    def get(self, key: str, /) -> str | None:
        """Give the value of a key."""


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class StatusRule(_Closed):
    """When an object is not in operation: by its tags or by a word in its name."""

    any_of: list[Condition] = Field(alias="any", default_factory=list)
    name_has: list[str] = Field(default_factory=list)


class Category(_Closed):
    """One category: which tags belong, in which shapes, and how duplicates merge."""

    zh: str
    en: str
    forms: list[Form] = Field(min_length=1)
    merge_m: float = Field(ge=0)
    any_of: list[Condition] = Field(alias="any", min_length=1)
    none_of: list[Condition] = Field(alias="not", default_factory=list)


class OsmMapping(_Closed):
    """The whole mapping file."""

    version: Literal[1]
    status: dict[Literal["under_construction", "planned", "closed"], StatusRule]
    categories: dict[str, Category] = Field(min_length=1)
    cells: dict[str, list[str]] = Field(default_factory=dict)
    schools: SchoolRules | None = None

    @model_validator(mode="after")
    def _cells_name_categories(self) -> OsmMapping:
        unknown = sorted({c for row in self.cells.values() for c in row} - set(self.categories))
        if unknown:
            msg = f"cells name unknown categories: {', '.join(unknown)}"
            raise ValueError(msg)
        return self


@dataclass(frozen=True)
class _StatusTest:
    """One rule of status: `words` finds any of its folded words, `keys` are of its conditions."""

    status: Status
    rule: StatusRule
    keys: frozenset[str]
    words: re.Pattern[str] | None

    def fires(self, tags: Mapping[str, str], name: str) -> bool:
        """Tell whether the rule holds for an object with a folded name."""
        if not self.keys.isdisjoint(tags) and any(_meets(tags, c) for c in self.rule.any_of):
            return True
        return bool(name) and self.words is not None and bool(self.words.search(name))


@dataclass(frozen=True)
class Matcher:
    """A mapping compiled for speed: each key points at the conditions that need it.

    `deciding` are the keys on which the categories of an object rest; most objects share the values
    of those with many others, whose categories are `known`.
    """

    by_key: Mapping[str, tuple[tuple[str, Condition], ...]]
    mapping: OsmMapping
    deciding: tuple[str, ...]
    tests: tuple[_StatusTest, ...]
    known: dict[tuple[tuple[str, str], ...], tuple[str, ...]] = field(default_factory=dict)

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of which an object must carry at least one."""
        return tuple(self.by_key)

    def categories(self, tags: Tagged) -> tuple[str, ...]:
        """List the categories an object with these tags belongs to, in the file's order."""
        # Asking libosmium for a few tags takes far less than reading them all.
        asked = [(key, tags.get(key)) for key in self.deciding]
        decisive = tuple([(key, value) for key, value in asked if value is not None])
        found = self.known.get(decisive)
        if found is None:
            if len(self.known) > _MOST_KNOWN:
                self.known.clear()
            found = self.known[decisive] = self._matched(dict(decisive))
        return found

    def _matched(self, tags: Mapping[str, str]) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for key in tags:
            for name, condition in self.by_key.get(key, ()):
                if name not in found and _meets(tags, condition):
                    found[name] = None
        known = self.mapping.categories
        return tuple(
            name
            for name in known
            if name in found and not any(_meets(tags, c) for c in known[name].none_of)
        )

    def status(self, tags: Mapping[str, str]) -> Status:
        """Tell whether the object operates; the first rule that fires in the file's order wins."""
        name = (tags.get("name", "") + tags.get("name:zh", "")).casefold()
        for test in self.tests:
            if test.fires(tags, name):
                return test.status
        return "operating"


def read_mapping(path: Path | None = None) -> OsmMapping:
    """Read and validate a mapping file.

    Parameters
    ----------
    path
        The YAML file; ``None`` reads the one the package ships.

    Returns
    -------
    mapping

    Raises
    ------
    SourceError
        The file is missing, is not YAML, or breaks the form; every problem is listed.
    """
    path = DEFAULT_MAPPING if path is None else path
    raw = read_plain_yaml(path, error=SourceError, rule="mapping file")
    try:
        return OsmMapping.model_validate(raw)
    except ValidationError as error:
        raise SourceError(*_problems(error, path)) from error


def school_rules(mapping: OsmMapping) -> SchoolRules:
    """Give a mapping's rules on schools; the shipped ones where it has none of its own."""
    found = mapping.schools or read_mapping().schools
    assert found is not None  # noqa: S101 - the shipped file has them
    return found


def compile_mapping(mapping: OsmMapping, categories: Iterable[str] | None = None) -> Matcher:
    """Prepare a mapping for matching, for all or for some of its categories.

    Raises
    ------
    SourceError
        A category is asked for that the mapping does not have.
    """
    wanted = list(mapping.categories if categories is None else categories)
    unknown = [name for name in wanted if name not in mapping.categories]
    if unknown:
        known = ", ".join(mapping.categories)
        raise SourceError(
            *(
                Problem(
                    f"映射中没有类别 {name}",
                    f"the mapping has no category {name}",
                    remedy_zh=f"可用类别：{known}",
                    remedy_en=f"known categories: {known}",
                )
                for name in unknown
            )
        )
    index: dict[str, list[tuple[str, Condition]]] = {}
    for name in wanted:
        for condition in mapping.categories[name].any_of:
            index.setdefault(next(iter(condition)), []).append((name, condition))
    conditions = [
        condition
        for name in wanted
        for condition in (*mapping.categories[name].any_of, *mapping.categories[name].none_of)
    ]
    tests = tuple(
        _StatusTest(
            status,
            rule,
            frozenset().union(*rule.any_of),
            _any_word([word.casefold() for word in rule.name_has]),
        )
        for status, rule in mapping.status.items()
    )
    return Matcher(
        {key: tuple(rules) for key, rules in index.items()},
        mapping,
        tuple(sorted(frozenset().union(*conditions))),
        tests,
    )


def _any_word(words: Iterable[str]) -> re.Pattern[str] | None:
    """Look for any of some words in one go; None where there is none to look for."""
    parts = [re.escape(word) for word in words]
    return re.compile("|".join(parts)) if parts else None


def _meets(tags: Mapping[str, str], condition: Condition) -> bool:
    for key, allowed in condition.items():
        value = tags.get(key)
        if value is None:
            return False
        if value not in allowed and not (_ANY in allowed and value != "no"):
            return False
    return True


def _problems(error: ValidationError, path: Path) -> list[Problem]:
    return [
        Problem(
            "映射文件不符合格式",
            f"the mapping breaks its form: {item['msg']}",
            path=path,
            row=".".join(str(part) for part in item["loc"]),
        )
        for item in error.errors()
    ]

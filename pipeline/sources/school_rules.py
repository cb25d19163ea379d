"""Tell the levels, the ownership and the affiliation of schools by rules that are data.

The rules stand in the mapping file (`schools`), names in several languages side by side; a study
adds names of its own (`sources.school_names`). For the level of a school the first that tells
decides: (1) a word in its name that makes it no school of the levels (`left_out`); (2) tags of a
level; (3) the grades taught; (4) the first rule of names that fits. Otherwise it is unknown, which
is not none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from pipeline.settings.sources import SchoolNameSettings

Level = Literal["primary", "junior", "senior"]
LEVEL_WORDS: Mapping[Level, str] = {"primary": "小学", "junior": "初中", "senior": "高中"}
LEVELS: tuple[Level, ...] = tuple(LEVEL_WORDS)
Condition = Annotated[dict[str, list[str]], Field(min_length=1)]
_RANGE = re.compile(r"(\d+)\s*[-–—~]\s*(\d+)")
_LIST = re.compile(r"[;,，；/]")
_HIGHEST_GRADE = 13  # beyond it the numbers are ages


def _is_pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        msg = f"不是正则表达式 / is no regular expression: {text!r} ({error})"
        raise ValueError(msg) from error
    return text


Pattern = Annotated[str, AfterValidator(_is_pattern)]
ByLanguage = dict[str, list[Pattern]]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Words(_Closed):
    """Tags or names, by language, that tell one thing of a school."""

    any_of: list[Condition] = Field(alias="any", default_factory=list)
    names: ByLanguage = Field(default_factory=dict)


class LevelRule(_Closed):
    """A level: the tags that state it, and a grade that every school of the level teaches."""

    any_of: list[Condition] = Field(alias="any", default_factory=list)
    grade: int = Field(ge=0, le=_HIGHEST_GRADE)


class NameRule(_Closed):
    """Names that tell which levels a school teaches; none: neither of them."""

    teaches: list[Level]
    names: ByLanguage = Field(min_length=1)


class AffiliateNames(_Closed):
    """How the name of a school tells that it belongs to another one."""

    formal: list[Pattern] = Field(default_factory=list)
    kind: str = ""
    links: list[Pattern] = Field(default_factory=list)
    vague: list[Pattern] = Field(default_factory=list)
    shortest: int = Field(2, ge=1)


class SchoolRules(_Closed):
    """The rules on schools of a mapping file."""

    left_out: Words
    levels: dict[Level, LevelRule]
    names: list[NameRule]
    private: Words
    public: Words
    groups: Words
    affiliates: AffiliateNames

    @model_validator(mode="after")
    def _every_level(self) -> SchoolRules:
        if set(self.levels) != set(LEVELS):
            msg = f"levels must be {', '.join(LEVELS)}"
            raise ValueError(msg)
        return self


class SchoolReader:
    """Rules prepared for reading schools, with the names that a study adds.

    Parameters
    ----------
    rules
        Of the mapping file.
    own
        What the study adds: names by level, of private schools, and of what is no school.
    """

    def __init__(self, rules: SchoolRules, own: SchoolNameSettings) -> None:
        self.rules = rules
        self.own = own

    def levels(self, name: str, tags: Mapping[str, str]) -> frozenset[Level] | None:
        """Give the levels a school teaches (a school of dance: none); null where nothing tells."""
        stated = {key: _values(str(value)) for key, value in tags.items()}
        text = folded(name)
        if _meets(stated, self.rules.left_out.any_of) or self._left_out.search(text):
            return frozenset()
        tagged = [level for level, rule in self.rules.levels.items() if _meets(stated, rule.any_of)]
        if tagged:
            return frozenset(tagged)
        grades = _grades(str(tags.get("grades", "")))
        if grades is not None:
            rules = self.rules.levels.items()
            return frozenset(lv for lv, rule in rules if grades[0] <= rule.grade <= grades[1])
        for teaches, pattern in self._names:
            if pattern.search(text):
                return teaches
        return None

    def is_private(self, name: str, tags: Mapping[str, str]) -> bool:
        """Tell whether a school is private: by its tags, else by its name; unknown is public."""
        stated = {key: _values(str(value)) for key, value in tags.items()}
        if _meets(stated, self.rules.private.any_of):
            return True
        if _meets(stated, self.rules.public.any_of) or self._public.search(folded(name)):
            return False
        return bool(self._private.search(folded(name)))

    def is_in_group(self, name: str, tags: Mapping[str, str]) -> bool:
        """Tell whether the name or the operator is that of a group of schools."""
        return bool(self._groups.search(folded(name + " " + str(tags.get("operator", "")))))

    def affiliates(self, names: Iterable[str]) -> re.Pattern[str]:
        """Say how the affiliates of schools are named: those of 格致中学 hold 格致初级."""
        rules = self.rules.affiliates
        if not rules.links:
            return re.compile(r"(?!)")
        cities = sorted(map(re.escape, self.own.city_words), key=len, reverse=True)
        city = re.compile(f"^(?:{'|'.join(cities)})" if cities else r"(?!)")
        vague = re.compile(
            "|".join([*map(re.escape, self.own.vague_words), *rules.vague]) or "(?!)"
        )
        formal = re.compile("|".join(rules.formal) or "(?!)")
        short = {formal.sub("", formal.sub("", city.sub("", str(name)))) for name in names}
        stems = sorted(name for name in short if len(name) >= rules.shortest)
        kind, link = re.escape(rules.kind), f"({'|'.join(rules.links)})"
        parts = [
            re.escape(stem) + (kind if vague.fullmatch(stem) else f"({kind})?") + link
            for stem in stems
        ]
        return re.compile("|".join(parts) or r"(?!)")

    @cached_property
    def _names(self) -> list[tuple[frozenset[Level], re.Pattern[str]]]:
        """The study's own names first: they are the more particular."""
        own = [
            (frozenset({level}), _pattern({"own": list(self.own.levels.get(level, ()))}))
            for level in LEVELS
        ]
        return own + [(frozenset(rule.teaches), _pattern(rule.names)) for rule in self.rules.names]

    @cached_property
    def _left_out(self) -> re.Pattern[str]:
        return _pattern({**self.rules.left_out.names, "own": list(self.own.no_schools)})

    @cached_property
    def _private(self) -> re.Pattern[str]:
        return _pattern({**self.rules.private.names, "own": list(self.own.private)})

    @cached_property
    def _public(self) -> re.Pattern[str]:
        return _pattern(self.rules.public.names)

    @cached_property
    def _groups(self) -> re.Pattern[str]:
        return _pattern(self.rules.groups.names)


def folded(text: str) -> str:
    """Fold width, case and accents, so that `PÚBLICO` and `publico` are one word."""
    wide = unicodedata.normalize("NFKD", text)
    return "".join(sign for sign in wide if not unicodedata.combining(sign)).lower()


def _pattern(names: Mapping[str, list[str]]) -> re.Pattern[str]:
    """Join the patterns of all languages, folded like the names but for what a backslash marks."""
    parts = [_folded_pattern(one) for each in names.values() for one in each]
    return re.compile("|".join(f"(?:{part})" for part in parts) or r"(?!)")


def _folded_pattern(text: str) -> str:
    return "".join(
        part if part.startswith("\\") else folded(part) for part in re.split(r"(\\.)", text)
    )


def _values(text: str) -> frozenset[str]:
    """Split `1;2` and `1-3` into the values they stand for."""
    found = {part.strip().lower() for part in _LIST.split(text)}
    for low, high in _RANGE.findall(text):
        if int(high) <= _HIGHEST_GRADE:
            found |= {str(value) for value in range(int(low), int(high) + 1)}
    return frozenset(found)


def _meets(stated: Mapping[str, frozenset[str]], conditions: Iterable[Condition]) -> bool:
    return any(
        all(stated.get(key, frozenset()) & set(allowed) for key, allowed in condition.items())
        for condition in conditions
    )


def _grades(text: str) -> tuple[int, int] | None:
    """Give the lowest and the highest grade; `PK-12` begins at 0, `1-6，7-9` is one school."""
    numbers = [int(number) for number in re.findall(r"\d+", text)]
    if re.search(r"[Kk]", text):
        numbers.append(0)
    if not numbers or max(numbers) > _HIGHEST_GRADE:
        return None
    return min(numbers), max(numbers)

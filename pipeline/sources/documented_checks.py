"""Read what documented figures imply: which sums and ratios are held against what is stated."""

from __future__ import annotations

from functools import cache
from typing import Self

from pydantic import model_validator
from ruamel.yaml import YAML

from pipeline.resources import shipped
from pipeline.settings.base import Section

FILE = "documented_checks.yml"
WAYS = ("before_growth", "yearly_growth", "grown", "ratio", "target", "footprint")


class Growth(Section):
    """A level with the growth in per cent that led to it over some years, or leads on from it."""

    level: str
    growth: str
    years: int = 1


class Ratio(Section):
    """One figure over another."""

    of: str
    to: str


class Target(Section):
    """A sum of targets: of one group, in one year or in all."""

    kind: str
    group: str
    year: int | None = None


class Check(Section):
    """One implied quantity and the figure that states it."""

    id: str
    zh: str
    en: str
    unit: str
    stated: str
    other: bool = False
    before_growth: Growth | None = None
    yearly_growth: Growth | None = None
    grown: Growth | None = None
    ratio: Ratio | None = None
    target: Target | None = None
    footprint: str | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum(getattr(self, way) is not None for way in WAYS) != 1:
            msg = f"{self.id}: exactly one of {', '.join(WAYS)} is needed"
            raise ValueError(msg)
        return self


class Cost(Section):
    """A price here and in another city; `ratio` where the other is only told as a ratio."""

    item: str
    zh: str
    en: str
    unit: str
    here: str
    there: str | None = None
    ratio: str | None = None
    standard: str | None = None


class Words(Section):
    """A name in both languages."""

    zh: str
    en: str


class Cities(Section):
    """The two cities whose costs stand side by side."""

    here: Words
    there: Words


class DocumentedChecks(Section):
    """The whole file; `places_table` is the embedded table of places it holds for."""

    places_table: str
    cities: Cities
    costs: tuple[Cost, ...]
    checks: tuple[Check, ...]


@cache
def documented_checks() -> DocumentedChecks:
    """Read the shipped file."""
    text = (shipped("reference") / FILE).read_text(encoding="utf-8")
    return DocumentedChecks.model_validate(YAML(typ="safe", pure=True).load(text))

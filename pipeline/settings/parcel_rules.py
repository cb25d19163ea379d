"""Type the rule files that classify parcels: cut-offs, rules, decisions and documented figures."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictStr,
    model_validator,
)

from pipeline.errors import Problem, StudyError
from pipeline.settings.base import Section

Op = Literal["eq", "ne", "lt", "le", "gt", "ge", "in", "not_in", "known", "unknown"]
Standing = Literal["statutory", "policy", "documented", "proposal", "override"]
NULLARY_OPS = ("known", "unknown")


class Text(Section):
    """A text in both languages."""

    zh: str
    en: str


class Cutoff(Section):
    """One number a rule compares with, where it comes from and how binding it is."""

    value: float
    unit: str
    status: Standing
    source: str
    zh: str
    en: str


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


Codes = Annotated[tuple[StrictStr, ...], BeforeValidator(_as_tuple)]


class Condition(Section):
    """One node of a condition: a comparison, `all`, `any`, `not`, or a reference to a rule.

    Numbers are only reachable through `cutoff` (and `times`, a second cut-off it is multiplied by),
    so no rule can hide one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    field: str | None = None
    op: Op | None = None
    value: StrictBool | StrictStr | Codes | None = None
    cutoff: str | None = None
    times: str | None = None
    other: str | None = None
    all_: tuple[Condition, ...] | None = Field(default=None, alias="all", min_length=1)
    any_: tuple[Condition, ...] | None = Field(default=None, alias="any", min_length=1)
    not_: Condition | None = Field(default=None, alias="not")
    rule: str | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = (self.field, self.all_, self.any_, self.not_, self.rule)
        if sum(kind is not None for kind in kinds) != 1:
            msg = "exactly one of field, all, any, not, rule is needed"
            raise ValueError(msg)
        operands = sum(part is not None for part in (self.value, self.cutoff, self.other))
        if self.field is None:
            if self.op is not None or operands or self.times is not None:
                msg = "op, value, cutoff, times and other go with field only"
                raise ValueError(msg)
            return self
        self._check_comparison(operands)
        return self

    def _check_comparison(self, operands: int) -> None:
        if self.op is None:
            msg = f"field {self.field} needs an op"
            raise ValueError(msg)
        wanted = 0 if self.op in NULLARY_OPS else 1
        if operands != wanted:
            msg = f"op {self.op} takes {wanted} of value, cutoff, other"
            raise ValueError(msg)
        if self.op in {"in", "not_in"} and not isinstance(self.value, tuple):
            msg = f"op {self.op} takes a list of codes as value"
            raise ValueError(msg)
        if self.op in {"lt", "le", "gt", "ge"} and self.value is not None:
            msg = "an ordering compares with a cutoff or another field, never with a bare value"
            raise ValueError(msg)
        if self.times is not None and self.cutoff is None:
            msg = "times multiplies a cutoff"
            raise ValueError(msg)

    def children(self) -> tuple[Condition, ...]:
        """Return the nodes directly below."""
        if self.not_ is not None:
            return (self.not_,)
        return self.all_ or self.any_ or ()

    def walk(self) -> Iterator[Condition]:
        """Iterate over this node and everything below it."""
        yield self
        for child in self.children():
            yield from child.walk()


class Rule(Section):
    """A named condition."""

    id: str
    zh: str
    en: str
    status: Standing
    source: str
    when: Condition


class Outcome(Section):
    """What a decision may conclude: the type, its disposal route and who leads."""

    id: str
    no: int | None = None
    zh: str
    en: str
    route: Text
    lead: Text | None = None
    lead_status: Standing = "proposal"
    rules: tuple[str, ...] = Field(min_length=1)


class Decision(Section):
    """Outcomes in order of precedence: the first whose rules hold is the verdict."""

    id: str
    zh: str
    en: str
    precedence: str
    outcomes: tuple[Outcome, ...] = Field(min_length=1)


class Grading(Section):
    """Classes by quantile of a composite: weights by indicator, shares from best to worst."""

    status: Standing
    source: str
    weights: dict[str, float]
    shares: dict[str, float]

    @model_validator(mode="after")
    def _shares_sum_to_one(self) -> Self:
        for name, parts in (("weights", self.weights), ("shares", self.shares)):
            if abs(sum(parts.values()) - 1.0) > 1e-9:  # noqa: PLR2004
                msg = f"{name} must add up to 1"
                raise ValueError(msg)
        return self


class Statement(Section):
    """One documented figure: `relation` tells what the source claims about the quantity.

    `rounded_to` is the step the source rounded to; by default one unit of the last digit written.
    """

    id: str
    subject: str
    relation: Literal["eq", "about", "gt", "lt", "ge", "le"] = "eq"
    value: float
    unit: str
    source: str
    zh: str
    en: str
    rounded_to: float | None = None

    @property
    def half_step(self) -> float:
        """Return how far the true value may lie from the rounded one."""
        if self.rounded_to is not None:
            return self.rounded_to / 2
        exponent = Decimal(f"{self.value:.12g}").as_tuple().exponent
        return 0.5 * 10.0 ** min(int(exponent), 0)


class Site(Section):
    """Where the demonstration zone of a rule set lies; its figures are the documented ones."""

    park_id: str
    district_zh: str
    zh: str
    en: str
    crs: str
    centre_x_m: float
    centre_y_m: float
    land_price_10k_yuan_m2: float = Field(gt=0)


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"；最接近 / nearest match: {near[0]}" if near else ""


class RuleSet(Section):
    """A whole rule file; references inside it are checked when it is built."""

    schema_: Literal["parkgap-rules/1"] = Field(alias="schema")
    id: str
    zh: str
    en: str
    cutoffs: dict[str, Cutoff]
    rules: tuple[Rule, ...] = Field(min_length=1)
    decisions: tuple[Decision, ...] = Field(min_length=1)
    flags: tuple[str, ...] = ()
    grading: Grading | None = None
    documented: tuple[Statement, ...] = ()
    demonstration: Site | None = None

    @model_validator(mode="after")
    def _references_exist(self) -> Self:
        faults = [*self._rule_faults(), *self._decision_faults()]
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def _rule_faults(self) -> list[str]:
        faults, seen = [], set[str]()
        for rule in self.rules:
            for node in rule.when.walk():
                names = (node.cutoff, node.times)
                faults += [
                    f"rule {rule.id}: cutoff {name} is not declared"
                    for name in names
                    if name is not None and name not in self.cutoffs
                ]
                if node.rule is not None and node.rule not in seen:
                    faults.append(f"rule {rule.id}: refers to {node.rule}, not declared before it")
            if rule.id in seen:
                faults.append(f"rule {rule.id} is declared twice")
            seen.add(rule.id)
        return faults

    def _decision_faults(self) -> list[str]:
        known = {rule.id for rule in self.rules}
        used = [("flags", name) for name in self.flags]
        for decision in self.decisions:
            for outcome in decision.outcomes:
                used += [(f"decision {decision.id}", name) for name in outcome.rules]
        faults = [
            f"{where}: rule {name} is not declared" for where, name in used if name not in known
        ]
        for decision in self.decisions:
            ids = [outcome.id for outcome in decision.outcomes]
            faults += [f"decision {decision.id}: {i} twice" for i in set(ids) if ids.count(i) > 1]
        return faults

    def fields(self) -> tuple[str, ...]:
        """Return the sorted names of the fields any rule or the grading reads."""
        nodes = [node for rule in self.rules for node in rule.when.walk()]
        names = {name for node in nodes for name in (node.field, node.other) if name is not None}
        if self.grading is not None:
            names |= set(self.grading.weights)
        return tuple(sorted(names))

    def decision(self, name: str) -> Decision:
        """Return the decision called `name`; raise `StudyError` when the file has none."""
        for decision in self.decisions:
            if decision.id == name:
                return decision
        known = ", ".join(decision.id for decision in self.decisions)
        raise StudyError(
            Problem(
                zh=f"规则集 {self.id} 没有判定表 {name}",
                en=f"rule set {self.id} has no decision {name}",
                rule="decisions",
                remedy_zh=f"可用：{known}",
                remedy_en=f"available: {known}",
            )
        )

    def with_cutoffs(self, overrides: dict[str, float]) -> RuleSet:
        """Return a copy with other cut-off values, each marked `override`.

        Raises
        ------
        StudyError
            Names every override that is no cut-off of this file.
        """
        strangers = sorted(set(overrides) - set(self.cutoffs))
        if strangers:
            raise StudyError(
                *(
                    Problem(
                        zh=f"规则集 {self.id} 没有阈值 {name}",
                        en=f"rule set {self.id} has no cut-off {name}",
                        rule=f"parcels.cutoffs.{name}",
                        remedy_zh=f"可用：{'、'.join(self.cutoffs)}{_nearest(name, self.cutoffs)}",
                        remedy_en=f"allowed: {', '.join(self.cutoffs)}",
                    )
                    for name in strangers
                )
            )
        changed = {
            name: self.cutoffs[name].model_copy(update={"value": value, "status": "override"})
            for name, value in overrides.items()
        }
        return self.model_copy(update={"cutoffs": {**self.cutoffs, **changed}})

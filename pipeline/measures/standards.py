"""Compare a value with a standard only where the standard applies, and mark unverified ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import numpy as np
import pandas as pd

from pipeline.errors import FieldError, Problem
from pipeline.measures.access_pairs import BoolArray, FloatArray, floats

Direction = Literal["at_most", "at_least"]
Kind = Literal["threshold", "target"]
Confidence = Literal["verified", "partly_verified", "memory", "analyst_choice"]

EVERYWHERE = "*"
SEPARATOR = ";"
MARKS: dict[Confidence, tuple[str, str]] = {
    "verified": ("", ""),
    "partly_verified": ("部分核实", "partly verified"),
    "memory": ("未核实", "unverified"),
    "analyst_choice": ("分析者设定，非标准", "analyst's choice, not a standard"),
}


@dataclass(frozen=True)
class Standard:
    """One threshold with its source, where it applies and how sure we are of it.

    `direction` tells on which side a value meets it: `at_most` for minutes and metres (t <= c),
    `at_least` for shares and counts; with `strict` the bound itself does not meet it ("more than
    40 %"). `kind` tells a standard in force (`threshold`) from one for a later year (`target`).
    `applies_to` names scopes (`main_city`, `new_town`, `residential` ...); `*` applies everywhere.
    """

    standard_id: str
    value: float
    unit: str
    direction: Direction
    strict: bool
    kind: Kind
    applies_to: frozenset[str]
    confidence: Confidence
    source: str

    @property
    def mark(self) -> tuple[str, str]:
        """Give the mark that every output shows, Chinese and English; empty when verified."""
        return MARKS[self.confidence]

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Standard:
        """Read a standard from a row of the table of standards.

        Keys `standard_id`, `value`, `unit`, `direction`, `strict`, `kind`, `applies_to` (scopes
        joined by `;`), `confidence`, `source`. Observations, rules and methods are no standards
        and are refused.

        Raises
        ------
        FieldError
            Naming every key that is missing or breaks its rule.
        """
        problems = list(_row_problems(row))
        if problems:
            raise FieldError(*problems)
        scopes = (scope.strip() for scope in str(row["applies_to"]).split(SEPARATOR))
        return cls(
            standard_id=str(row["standard_id"]),
            value=float(row["value"]),
            unit=str(row["unit"]),
            direction=cast("Direction", row["direction"]),
            strict=str(row["strict"]).lower() == "true",
            kind=cast("Kind", row["kind"]),
            applies_to=frozenset(scope for scope in scopes if scope),
            confidence=cast("Confidence", row["confidence"]),
            source=str(row["source"]),
        )


def compare_with_standard(
    values: pd.Series[float], standard: Standard, *, unit: str, scopes: pd.Series[Any]
) -> pd.DataFrame:
    """Compare values with a standard where it applies.

    Parameters
    ----------
    values
        Measured values, null where not measured.
    standard
        The threshold.
    unit
        Unit of the values; must be the standard's.
    scopes
        On the same index, the scopes of each value: one text, or a set of texts.

    Returns
    -------
    pandas.DataFrame
        On the index of `values`: `standard_id`, `threshold` and `kind` (null where the standard
        does not apply), `comparison` (`meets`, `fails`, `not_applicable`, `no_data`), `verified`,
        `mark_zh` and `mark_en` (to be shown beside the figure).

    Raises
    ------
    FieldError
        When the units differ.
    """
    _require_unit(standard, unit)
    applies = scopes.reindex(values.index).map(lambda scope: _in_scope(scope, standard)).to_numpy()
    amount = floats(values)
    outcome = np.select(
        [~applies.astype(bool), np.isnan(amount), _meets(amount, standard)],
        ["not_applicable", "no_data", "meets"],
        "fails",
    )
    mark_zh, mark_en = standard.mark
    table = pd.DataFrame(
        {
            "standard_id": standard.standard_id,
            "threshold": standard.value,
            "kind": standard.kind,
            "comparison": outcome,
            "verified": standard.confidence == "verified",
            "mark_zh": mark_zh,
            "mark_en": mark_en,
        },
        index=values.index,
    )
    shown = ["standard_id", "threshold", "kind"]
    table[shown] = table[shown].where(table["comparison"] != "not_applicable")
    return table


def _meets(amount: FloatArray, standard: Standard) -> BoolArray:
    """Tell which values stand on the right side of the standard, the bound as it says."""
    side = 1.0 if standard.direction == "at_least" else -1.0
    margin = side * (amount - standard.value)
    return np.asarray(margin > 0 if standard.strict else margin >= 0, dtype=np.bool_)


def _in_scope(scope: Any, standard: Standard) -> bool:  # noqa: ANN401
    """Tell whether one scope, or any of a set of scopes, is the standard's."""
    if EVERYWHERE in standard.applies_to:
        return True
    if isinstance(scope, str):
        return scope in standard.applies_to
    if isinstance(scope, (set, frozenset, list, tuple)):
        return not standard.applies_to.isdisjoint(scope)
    return False


def _require_unit(standard: Standard, unit: str) -> None:
    if unit != standard.unit:
        raise FieldError(
            Problem(
                zh=f"数值单位 {unit} 与标准 {standard.standard_id} 的单位 {standard.unit} 不同",
                en=f"values in {unit} cannot be compared with standard {standard.standard_id} "
                f"in {standard.unit}",
                rule=standard.standard_id,
            )
        )


def _row_problems(row: Mapping[str, Any]) -> list[Problem]:
    """List every rule a row breaks."""
    name = str(row.get("standard_id") or "?")
    checks = (
        ("standard_id", bool(row.get("standard_id"))),
        ("value", _is_number(row.get("value"))),
        ("unit", bool(row.get("unit"))),
        ("direction", row.get("direction") in get_args(Direction)),
        ("strict", str(row.get("strict")).lower() in {"true", "false"}),
        ("kind", row.get("kind") in get_args(Kind)),
        ("applies_to", bool(row.get("applies_to"))),
        ("confidence", row.get("confidence") in MARKS),
        ("source", bool(row.get("source"))),
    )
    return [
        Problem(
            zh=f"标准的字段 {key} 缺失或不合规：{row.get(key)!r}",
            en=f"field {key} of the standard is missing or not allowed: {row.get(key)!r}",
            row=name,
            rule="standards",
        )
        for key, valid in checks
        if not valid
    ]


def _is_number(value: Any) -> bool:  # noqa: ANN401
    try:
        return bool(np.isfinite(float(value)))
    except (TypeError, ValueError):
        return False

"""Evaluate rule files on whole tables in Kleene's three-valued logic.

A rule is `FALSE` (0), `UNKNOWN` (1) or `TRUE` (2), so that "and" is the minimum, "or" the maximum
and "not" the reflection `2 - x`. A comparison with a null or with an absent column is unknown;
a rule only becomes unknown when the missing value could have changed it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.errors import FieldError, Problem
from pipeline.settings.parcel_rules import Condition, RuleSet

FALSE, UNKNOWN, TRUE = 0, 1, 2
MAX_FIELDS = 62

Truth = npt.NDArray[np.int8]
Bits = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Evaluation:
    """What every rule says about every row.

    Attributes
    ----------
    truth
        int8, the frame's index x rule ids: 0 false, 1 unknown, 2 true.
    missing
        int64 bit sets, same shape: which of `fields` would have to be filled in to decide the rule.
    fields
        Names behind the bits.
    """

    truth: pd.DataFrame
    missing: pd.DataFrame
    fields: tuple[str, ...]

    def missing_names(self, bits: Bits) -> list[str]:
        """Name the fields of each bit set, `;`-joined and in the order of `fields`."""
        return join_bits(bits, self.fields)


def join_bits(bits: Bits, names: Sequence[str]) -> list[str]:
    """Turn bit sets into `;`-joined names; formats each distinct set once."""
    distinct, inverse = np.unique(bits, return_inverse=True)
    texts = [
        ";".join(name for k, name in enumerate(names) if int(value) >> k & 1) for value in distinct
    ]
    return [texts[k] for k in inverse.tolist()]


def evaluate(
    frame: pd.DataFrame,
    ruleset: RuleSet,
    *,
    derived_from: Mapping[str, Sequence[str]],
) -> Evaluation:
    """Evaluate every rule of a rule set on every row.

    Parameters
    ----------
    frame
        Fields and indicators, one row per parcel; a column a rule reads may be absent.
    ruleset
        The rules.
    derived_from
        For each indicator the input fields it is computed from, so that what is reported as missing
        is what a person can fill in.

    Returns
    -------
    Evaluation on the frame's index. The result of a row depends on that row alone.
    """
    run = _Run(frame, ruleset, derived_from)
    for rule in ruleset.rules:
        run.truth[rule.id] = run.truth_of(rule.when)
        run.missing[rule.id] = run.missing_of(rule.when)
        run.forget()
    return Evaluation(
        truth=pd.DataFrame(run.truth, index=frame.index),
        missing=pd.DataFrame(run.missing, index=frame.index),
        fields=run.bit_names,
    )


def any_of(truths: Sequence[Truth]) -> Truth:
    """Combine by Kleene's "or"."""
    return np.asarray(np.maximum.reduce(list(truths)), dtype=np.int8)


def all_of(truths: Sequence[Truth]) -> Truth:
    """Combine by Kleene's "and"."""
    return np.asarray(np.minimum.reduce(list(truths)), dtype=np.int8)


def negate(truth: Truth) -> Truth:
    """Apply Kleene's "not"."""
    return np.subtract(np.int8(TRUE), truth)


def from_bool(values: Mask, known: Mask) -> Truth:
    """Build a truth from booleans and the mask of rows where they are known."""
    return np.where(known, np.where(values, TRUE, FALSE), UNKNOWN).astype(np.int8)


class _Run:
    """One pass over one frame: keeps null masks and the truths of the rule at hand."""

    def __init__(
        self, frame: pd.DataFrame, ruleset: RuleSet, derived_from: Mapping[str, Sequence[str]]
    ) -> None:
        self.frame = frame
        self.ruleset = ruleset
        self.derived_from = derived_from
        self.truth: dict[str, Truth] = {}
        self.missing: dict[str, Bits] = {}
        self._nulls: dict[str, Mask] = {}
        self._nodes: dict[int, Truth] = {}
        names: dict[str, None] = {}
        for field in ruleset.fields():
            names.update(dict.fromkeys((*derived_from.get(field, ()), field)))
        self.bit_names = tuple(names)
        if len(self.bit_names) > MAX_FIELDS:
            raise FieldError(
                Problem(
                    zh=f"规则读取的字段过多（{len(self.bit_names)} 个，最多 {MAX_FIELDS} 个）",
                    en=f"the rules read {len(self.bit_names)} fields, at most {MAX_FIELDS} can be",
                    rule=ruleset.id,
                )
            )
        self._bit = {name: np.int64(1 << k) for k, name in enumerate(self.bit_names)}

    def forget(self) -> None:
        """Drop the node truths of the rule just finished."""
        self._nodes.clear()

    def nulls(self, field: str) -> Mask:
        """Return where a field is unknown; an absent column is unknown everywhere."""
        if field not in self._nulls:
            absent = field not in self.frame.columns
            size = len(self.frame)
            self._nulls[field] = (
                np.ones(size, dtype=bool) if absent else self.frame[field].isna().to_numpy(bool)
            )
        return self._nulls[field]

    def truth_of(self, node: Condition) -> Truth:
        """Return the truth of a node, computed once."""
        if id(node) not in self._nodes:
            self._nodes[id(node)] = self._truth_of(node)
        return self._nodes[id(node)]

    def _truth_of(self, node: Condition) -> Truth:
        if node.rule is not None:
            return self.truth[node.rule]
        if node.not_ is not None:
            return negate(self.truth_of(node.not_))
        if node.all_ is not None:
            return all_of([self.truth_of(child) for child in node.all_])
        if node.any_ is not None:
            return any_of([self.truth_of(child) for child in node.any_])
        return self._compare(node)

    def _compare(self, node: Condition) -> Truth:
        field = str(node.field)
        null = self.nulls(field)
        if node.op in {"known", "unknown"}:
            return from_bool(null == (node.op == "unknown"), np.ones(null.size, dtype=bool))
        known = ~null if node.other is None else ~(null | self.nulls(node.other))
        if not known.any():
            return np.full(null.size, UNKNOWN, dtype=np.int8)
        if node.value is not None:
            return from_bool(self._match_codes(node, known), known)
        left = self.frame[field].to_numpy()
        right: object = threshold(node, self.ruleset)
        if node.other is not None:
            right = self.frame[node.other].to_numpy()[known]
        values = np.zeros(null.size, dtype=bool)
        values[known] = _order(str(node.op), _plain(left[known]), _plain(right))
        return from_bool(values, known)

    def _match_codes(self, node: Condition, known: Mask) -> Mask:
        column = self.frame[str(node.field)]
        if isinstance(node.value, bool):
            same = column.fillna(value=False).to_numpy(bool) == node.value
        else:
            codes = node.value if isinstance(node.value, tuple) else (str(node.value),)
            same = column.isin(list(codes)).to_numpy(bool)
        wanted = node.op in {"eq", "in"}
        return np.asarray(known & (same == wanted), dtype=np.bool_)

    def missing_of(self, node: Condition) -> Bits:
        """Return which fields keep a node unknown (0 where it is decided)."""
        if node.rule is not None:
            return self.missing[node.rule]
        unknown = self.truth_of(node) == UNKNOWN
        bits = np.zeros(unknown.size, dtype=np.int64)
        if not unknown.any():
            return bits
        if node.field is None:
            for child in node.children():
                bits |= self.missing_of(child)
        else:
            for field in (node.field, node.other):
                if field is not None:
                    bits |= self._missing_inputs(field)
        return np.where(unknown, bits, 0)

    def _missing_inputs(self, field: str) -> Bits:
        null = self.nulls(field)
        bits = np.zeros(null.size, dtype=np.int64)
        for name in self.derived_from.get(field, ()):
            if name != field:
                bits |= np.where(null & self.nulls(name), self._bit[name], 0)
        return np.where(null & (bits == 0), self._bit[field], bits)


def leaf_truth(frame: pd.DataFrame, node: Condition, ruleset: RuleSet) -> Truth:
    """Evaluate one comparison of a rule set on every row."""
    return _Run(frame, ruleset, {}).truth_of(node)


def threshold(node: Condition, ruleset: RuleSet) -> float | None:
    """Return the number a comparison is held against, or None when it names no cut-off."""
    if node.cutoff is None:
        return None
    factor = 1.0 if node.times is None else ruleset.cutoffs[node.times].value
    return ruleset.cutoffs[node.cutoff].value * factor


def _plain(values: object) -> object:
    """Give numpy numbers or dates, whatever the extension type."""
    if isinstance(values, np.ndarray) and values.dtype == object:
        return values.astype(np.float64)
    return values


def _order(op: str, left: object, right: object) -> Mask:
    compare = {
        "eq": np.equal,
        "ne": np.not_equal,
        "lt": np.less,
        "le": np.less_equal,
        "gt": np.greater,
        "ge": np.greater_equal,
    }[op]
    return np.asarray(compare(left, right), dtype=np.bool_)  # type: ignore[call-overload]

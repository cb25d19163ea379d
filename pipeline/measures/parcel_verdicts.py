"""Turn evaluated rules into a verdict per parcel and the evidence behind it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from pipeline.measures.parcel_columns import Floats
from pipeline.measures.rules import (
    FALSE,
    TRUE,
    UNKNOWN,
    Evaluation,
    Truth,
    any_of,
    join_bits,
    leaf_truth,
    threshold,
)
from pipeline.settings.parcel_rules import Condition, Decision, Outcome, Rule, RuleSet

ESTIMATED_BASES = {
    "far": ("far_basis", "estimated_footprints"),
    "remainder_m2": ("remainder_basis", "estimated_footprints"),
    "remainder_share": ("remainder_basis", "estimated_footprints"),
}


def verdicts(
    frame: pd.DataFrame,
    ruleset: RuleSet,
    evaluation: Evaluation,
    *,
    decision: str,
    estimated_confidence: float,
) -> pd.DataFrame:
    """Decide one question for every parcel.

    Outcomes are tried in the rule file's order; the first whose rules hold is the verdict. An
    outcome that is undecided because a field is missing is never taken as false: it is listed in
    `possible` with the fields that would settle it.

    Parameters
    ----------
    frame
        The table that was evaluated.
    ruleset, evaluation
        The rules and what they say about each row.
    decision
        Id of the decision in the rule file.
    estimated_confidence
        Factor on the confidence of a verdict that rests on an estimated figure, 0 to 1.

    Returns
    -------
    On the frame's index: `verdict` (`matched`, `possible`, `none`), `status` (`ok`, `no_data`),
    `outcome`, `outcome_no`, `zh`, `en`, `route_zh`, `route_en`, `lead_zh`, `lead_en`,
    `lead_status`, `standing` (of the deciding rules), `also` (other outcomes that hold),
    `possible`, `rules_fired`, `missing_fields`, `estimated` and `confidence`: the share of
    outcomes up to the verdict that could be decided, times the factor where it rests on an
    estimate.
    """
    table = ruleset.decision(decision)
    truths = _outcome_truths(table, evaluation)
    first, matched = _first_true(truths)
    possible = _possible(truths, first, matched)
    estimated = _rests_on_estimate(frame, ruleset, evaluation, table, first)
    confidence = _confidence(truths, first, matched)
    ids = [outcome.id for outcome in table.outcomes]
    also = (truths == TRUE) & (np.arange(len(ids)) != first[:, None])
    out = _outcome_texts(table, ruleset, first, frame.index)
    none_possible = ~possible.any(axis=1)
    out.insert(
        0, "verdict", np.where(matched, "matched", np.where(none_possible, "none", "possible"))
    )
    out.insert(1, "status", np.where(matched | none_possible, "ok", "no_data"))
    out["also"] = join_bits(_bits(also), ids)
    out["possible"] = join_bits(_bits(possible), ids)
    out["rules_fired"] = fired_rules(evaluation, table)
    out["missing_fields"] = evaluation.missing_names(_missing(evaluation, table, possible))
    out["estimated"] = estimated
    out["confidence"] = np.where(estimated, confidence * estimated_confidence, confidence)
    return out


def _outcome_truths(decision: Decision, evaluation: Evaluation) -> Truth:
    columns = [
        any_of([evaluation.truth[name].to_numpy() for name in outcome.rules])
        for outcome in decision.outcomes
    ]
    return np.column_stack(columns)


def _first_true(truths: Truth) -> tuple[np.ndarray, np.ndarray]:
    """Return the position of the first true outcome (their number where none is) and whether."""
    hits = truths == TRUE
    matched = hits.any(axis=1)
    return np.where(matched, hits.argmax(axis=1), truths.shape[1]), matched


def _possible(truths: Truth, first: np.ndarray, matched: np.ndarray) -> np.ndarray:
    """Mark undecided outcomes that would take precedence, or all of them where none holds."""
    before = np.arange(truths.shape[1]) < first[:, None]
    return np.asarray((truths == UNKNOWN) & (before | ~matched[:, None]))


def _confidence(truths: Truth, first: np.ndarray, matched: np.ndarray) -> Floats:
    last = np.where(matched, first, truths.shape[1] - 1)
    asked = np.arange(truths.shape[1]) <= last[:, None]
    decided = asked & (truths != UNKNOWN)
    return np.asarray(decided.sum(axis=1) / asked.sum(axis=1), dtype=np.float64)


def _bits(flags: np.ndarray) -> np.ndarray:
    weights = np.left_shift(np.int64(1), np.arange(flags.shape[1], dtype=np.int64))
    return np.asarray(flags.astype(np.int64) @ weights)


def _missing(evaluation: Evaluation, decision: Decision, possible: np.ndarray) -> np.ndarray:
    bits = np.zeros(len(possible), dtype=np.int64)
    for k, outcome in enumerate(decision.outcomes):
        for name in outcome.rules:
            bits |= np.where(possible[:, k], evaluation.missing[name].to_numpy(), 0)
    return bits


def fired_rules(evaluation: Evaluation, decision: Decision) -> list[str]:
    """Name the rules of a decision that hold for each row, `;`-joined in the file's order."""
    names = [name for outcome in decision.outcomes for name in outcome.rules]
    hits = np.column_stack([evaluation.truth[name].to_numpy() == TRUE for name in names])
    return join_bits(_bits(hits), names)


def _outcome_texts(
    decision: Decision, ruleset: RuleSet, first: np.ndarray, index: pd.Index
) -> pd.DataFrame:
    """Spread the outcomes' texts over the rows; null where no outcome holds."""
    rules = {rule.id: rule for rule in ruleset.rules}
    rows = [_texts(outcome, rules) for outcome in decision.outcomes]
    table = pd.DataFrame([*rows, dict.fromkeys(rows[0])])
    table["outcome_no"] = table["outcome_no"].astype("Int64")
    for name in table.columns.drop("outcome_no"):
        table[name] = table[name].astype("string")
    return table.take(first).set_axis(index)


def _texts(outcome: Outcome, rules: dict[str, Rule]) -> dict[str, object]:
    standings = {rules[name].status for name in outcome.rules}
    return {
        "outcome": outcome.id,
        "outcome_no": outcome.no,
        "zh": outcome.zh,
        "en": outcome.en,
        "route_zh": outcome.route.zh,
        "route_en": outcome.route.en,
        "lead_zh": outcome.lead.zh if outcome.lead else None,
        "lead_en": outcome.lead.en if outcome.lead else None,
        "lead_status": outcome.lead_status if outcome.lead else None,
        "standing": "proposal" if "proposal" in standings else min(standings),
    }


def _rests_on_estimate(
    frame: pd.DataFrame,
    ruleset: RuleSet,
    evaluation: Evaluation,
    decision: Decision,
    first: np.ndarray,
) -> np.ndarray:
    """Tell whether the deciding outcome reads a figure that is an estimate in that row."""
    out = np.zeros(len(frame), dtype=bool)
    for field, (basis, mark) in ESTIMATED_BASES.items():
        if basis not in frame.columns:
            continue
        estimated = (frame[basis] == mark).fillna(value=False).to_numpy(bool)
        for k, outcome in enumerate(decision.outcomes):
            for name in outcome.rules:
                if field in _fields_read(name, ruleset):
                    fired = evaluation.truth[name].to_numpy() == TRUE
                    out |= estimated & fired & (first == k)
    return out


def _fields_read(name: str, ruleset: RuleSet) -> set[str]:
    rule = next(rule for rule in ruleset.rules if rule.id == name)
    fields: set[str] = set()
    for node in rule.when.walk():
        if node.rule is not None:
            fields |= _fields_read(node.rule, ruleset)
        fields |= {field for field in (node.field, node.other) if field is not None}
    return fields


def flag_columns(evaluation: Evaluation, ruleset: RuleSet) -> pd.DataFrame:
    """Give each flag of the rule file as a nullable yes/no column `flag_<rule>`."""
    columns = {}
    for name in ruleset.flags:
        truth = evaluation.truth[name].to_numpy()
        values = pd.arrays.BooleanArray(truth == TRUE, truth == UNKNOWN)
        columns[f"flag_{name}"] = pd.Series(values, index=evaluation.truth.index)
    return pd.DataFrame(columns, index=evaluation.truth.index)


def evidence(
    frame: pd.DataFrame,
    ruleset: RuleSet,
    evaluation: Evaluation,
    *,
    decision: str,
    id_column: str,
) -> pd.DataFrame:
    """List, for every rule of a decision that fired, the comparisons that held and their values.

    Returns
    -------
    One row for each parcel x rule x comparison: the id, `rule`, `rule_zh`, `rule_en`, `field`,
    `value`, `op`, `threshold`, `unit`, `cutoff`, `standing`, `source`; sorted by id, then in the
    rule file's order. Values and thresholds are text, because they are numbers, dates or codes.
    """
    wanted = [name for outcome in ruleset.decision(decision).outcomes for name in outcome.rules]
    rules = {rule.id: rule for rule in ruleset.rules}
    parts = []
    for name in dict.fromkeys(wanted):
        fired = evaluation.truth[name].to_numpy() == TRUE
        if fired.any():
            parts += list(_rule_evidence(frame[fired], rules[name], ruleset, id_column))
    if not parts:
        return pd.DataFrame({name: pd.Series(dtype="str") for name in (id_column, *EVIDENCE)})
    table = pd.concat(parts, ignore_index=True)
    return table.sort_values(id_column, kind="stable", ignore_index=True)


EVIDENCE = (
    *("rule", "rule_zh", "rule_en", "field", "value", "op", "threshold", "unit", "cutoff"),
    *("standing", "source"),
)


def _rule_evidence(
    rows: pd.DataFrame, rule: Rule, ruleset: RuleSet, id_column: str
) -> Iterator[pd.DataFrame]:
    for node, positive in _leaves(rule.when, ruleset, positive=True):
        held = leaf_truth(rows, node, ruleset) == (TRUE if positive else FALSE)
        if not held.any():
            continue
        some = rows[held]
        cutoff = None if node.cutoff is None else ruleset.cutoffs[node.cutoff]
        limit = threshold(node, ruleset)
        yield pd.DataFrame(
            {
                id_column: some[id_column].astype("str"),
                "rule": rule.id,
                "rule_zh": rule.zh,
                "rule_en": rule.en,
                "field": node.field,
                "value": _as_text(some, str(node.field)),
                "op": node.op if positive else f"not {node.op}",
                "threshold": _limit_text(some, node, limit),
                "unit": None if cutoff is None else cutoff.unit,
                "cutoff": "*".join(name for name in (node.cutoff, node.times) if name) or None,
                "standing": rule.status if cutoff is None else cutoff.status,
                "source": rule.source if cutoff is None else cutoff.source,
            }
        )


def _leaves(
    node: Condition, ruleset: RuleSet, *, positive: bool
) -> Iterator[tuple[Condition, bool]]:
    if node.field is not None:
        yield node, positive
    elif node.rule is not None:
        inner = next(rule for rule in ruleset.rules if rule.id == node.rule)
        yield from _leaves(inner.when, ruleset, positive=positive)
    else:
        flipped = positive if node.not_ is None else not positive
        for child in node.children():
            yield from _leaves(child, ruleset, positive=flipped)


def _as_text(rows: pd.DataFrame, field: str) -> pd.Series:
    if field not in rows.columns:
        return pd.Series(pd.NA, index=rows.index, dtype="string")
    column = rows[field]
    if pd.api.types.is_float_dtype(column):
        return column.map(lambda value: f"{value:.6g}", na_action="ignore").astype("string")
    if pd.api.types.is_datetime64_any_dtype(column):
        return pd.Series(column.dt.strftime("%Y-%m-%d"), dtype="string")
    return column.astype("string")


def _limit_text(rows: pd.DataFrame, node: Condition, limit: float | None) -> pd.Series | str | None:
    if limit is not None:
        return f"{limit:.6g}"
    if node.other is not None:
        return _as_text(rows, node.other)
    if isinstance(node.value, tuple):
        return ", ".join(node.value)
    if isinstance(node.value, bool):
        return str(node.value).lower()
    return node.value

"""Evaluate a table of parcels, whole or in parts, with the same result."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pandas as pd

from pipeline.measures.parcel_grades import with_grades
from pipeline.measures.parcel_indicators import DERIVED_FROM, indicators
from pipeline.measures.parcel_scenarios import uplift_m2, zero_increment_m2
from pipeline.measures.parcel_verdicts import flag_columns, verdicts
from pipeline.measures.rules import Evaluation, evaluate
from pipeline.settings.parcel_rules import RuleSet


@dataclass(frozen=True)
class Judged:
    """A table with indicators and verdicts, and the evaluation they came from."""

    frame: pd.DataFrame
    evaluation: Evaluation


def measure(
    frame: pd.DataFrame,
    *,
    study_date: date,
    far_target: float | None,
    max_coverage_share: float | None,
) -> pd.DataFrame:
    """Add the indicators, uplift potential and extension capacity to a parcel table."""
    out = indicators(frame, study_date=study_date, far_target=far_target)
    return out.assign(
        uplift_m2=uplift_m2(out),
        zero_increment_m2=zero_increment_m2(out, max_coverage_share=max_coverage_share),
    )


def judge(
    measured: pd.DataFrame,
    ruleset: RuleSet,
    *,
    estimated_confidence: float,
    grade_reference: pd.DataFrame | None,
) -> Judged:
    """Add the verdicts of every decision and the flags of a rule set to measured parcels.

    The columns of the first decision carry no prefix; those of the others start with its id and an
    underscore. With a grading in the rule set, `score`, `grade` and `grade_basis` are added, the
    quantiles taken from `grade_reference` (the whole table when that is None).
    """
    frame = measured
    if ruleset.grading is not None:
        frame = with_grades(
            measured,
            weights=ruleset.grading.weights,
            shares=ruleset.grading.shares,
            reference=measured if grade_reference is None else grade_reference,
        )
    evaluation = evaluate(frame, ruleset, derived_from=DERIVED_FROM)
    parts = [frame]
    for k, decision in enumerate(ruleset.decisions):
        decided = verdicts(
            frame,
            ruleset,
            evaluation,
            decision=decision.id,
            estimated_confidence=estimated_confidence,
        )
        parts.append(decided if k == 0 else decided.add_prefix(f"{decision.id}_"))
    parts.append(flag_columns(evaluation, ruleset))
    return Judged(pd.concat(parts, axis=1), evaluation)


def evaluate_partition(
    frame: pd.DataFrame,
    ruleset: RuleSet,
    *,
    study_date: date,
    far_target: float | None,
    max_coverage_share: float | None,
    estimated_confidence: float,
    grade_reference: pd.DataFrame | None,
) -> pd.DataFrame:
    """Measure and judge one part of a parcel table.

    The result of a row depends on that row and the arguments alone, never on its neighbours or its
    place in the table, so a table can be cut anywhere and evaluated in any order or in parallel. A
    rule set with a grading needs the grading's indicators of the whole table as `grade_reference`,
    otherwise the quantiles are those of the part.

    Returns
    -------
    The frame with indicators, `uplift_m2`, `zero_increment_m2`, verdicts and flags, on its index.
    """
    measured = measure(
        frame,
        study_date=study_date,
        far_target=far_target,
        max_coverage_share=max_coverage_share,
    )
    return judge(
        measured,
        ruleset,
        estimated_confidence=estimated_confidence,
        grade_reference=grade_reference,
    ).frame

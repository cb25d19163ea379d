"""Compare documented figures with each other and with what is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from pipeline.settings.parcel_rules import Statement

PAIR = (
    *("subject", "unit", "first", "first_claim", "first_source", "first_zh", "first_en"),
    *("second", "second_claim", "second_source", "second_zh", "second_en"),
    *("gap_share", "verdict"),
)
CHECK = (
    *("subject", "unit", "claim", "documented", "computed", "difference", "agrees", "status"),
    *("source", "zh", "en"),
)
SYMBOLS = {"eq": "=", "about": "≈", "gt": ">", "ge": "≥", "lt": "<", "le": "≤"}


def contradictions(statements: Sequence[Statement], *, about_share: float) -> pd.DataFrame:
    """List the pairs of documented figures about one quantity that cannot both be true.

    Parameters
    ----------
    statements
        Documented figures; two are compared when they have the same `subject`. A plain figure may
        lie half a unit of its last digit off.
    about_share
        Relative tolerance of an approximate figure.

    Returns
    -------
    One row for each pair: `subject`, `unit`, both ids, claims, sources and texts, `verdict`
    (`contradiction`, `differs`) and `gap_share`, the distance between the two figures relative to
    the first. `differs` marks figures that agree only because one of them is approximate.
    """
    rows = []
    for k, first in enumerate(statements):
        for second in statements[k + 1 :]:
            if first.subject != second.subject:
                continue
            if not _compatible(first, second, about_share):
                verdict = "contradiction"
            elif not _compatible(first, second, 0.0):
                verdict = "differs"
            else:
                continue
            rows.append(_pair(first, second, verdict))
    return pd.DataFrame(rows, columns=list(PAIR))


def _interval(statement: Statement, about: float) -> tuple[float, float]:
    slack = statement.half_step
    if statement.relation == "about":
        slack = max(slack, abs(statement.value) * about)
    low, high = statement.value - slack, statement.value + slack
    if statement.relation in {"gt", "ge"}:
        return statement.value, float("inf")
    if statement.relation in {"lt", "le"}:
        return float("-inf"), statement.value
    return low, high


def _compatible(first: Statement, second: Statement, about: float) -> bool:
    (a, b), (c, d) = (_interval(s, about) for s in (first, second))
    low, high = max(a, c), min(b, d)
    strict = {first.relation, second.relation} & {"gt", "lt"}
    return low < high or (low == high and not strict)


def _pair(first: Statement, second: Statement, verdict: str) -> dict[str, object]:
    return {
        "subject": first.subject,
        "unit": first.unit,
        "first": first.id,
        "first_claim": f"{SYMBOLS[first.relation]} {first.value:g}",
        "first_source": first.source,
        "first_zh": first.zh,
        "first_en": first.en,
        "second": second.id,
        "second_claim": f"{SYMBOLS[second.relation]} {second.value:g}",
        "second_source": second.source,
        "second_zh": second.zh,
        "second_en": second.en,
        "gap_share": abs(first.value - second.value) / abs(first.value) if first.value else None,
        "verdict": verdict,
    }


def documented_against_computed(
    statements: Sequence[Statement],
    computed: Mapping[str, float | None],
    *,
    about_share: float,
) -> pd.DataFrame:
    """Hold computed values against every documented figure about the same quantity.

    Returns
    -------
    One row for each statement: `subject`, `unit`, `claim`, `documented`, `computed`,
    `difference`, `agrees` (null where nothing was computed), `status` (`ok`, `no_data`), source
    and texts.
    """
    rows = []
    for statement in statements:
        value = computed.get(statement.subject)
        low, high = _interval(statement, about_share)
        inside = None if value is None else low <= value <= high
        if inside and statement.relation in {"gt", "lt"}:
            inside = value != statement.value
        rows.append(
            {
                "subject": statement.subject,
                "unit": statement.unit,
                "claim": f"{SYMBOLS[statement.relation]} {statement.value:g}",
                "documented": statement.value,
                "computed": value,
                "difference": None if value is None else value - statement.value,
                "agrees": inside,
                "status": "no_data" if value is None else "ok",
                "source": statement.source,
                "zh": statement.zh,
                "en": statement.en,
            }
        )
    table = pd.DataFrame(rows, columns=list(CHECK))
    return table.astype({"computed": "float64", "difference": "float64", "agrees": "boolean"})

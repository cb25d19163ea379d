"""Say, from the figures, what would change a place's gap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd

from pipeline.measures.gaps import Normalisation, normalised_gap, service_gap
from pipeline.measures.standards import Direction

KEY = ["place_id", "service"]
#: Variant of the stations with those under construction and planned.
PLANNED = "with_planned"
UNIT_WORDS: Mapping[str, tuple[str, str]] = {
    "min": ("分钟", "min"),
    "m": ("米", "m"),
    "share": ("", ""),
    "count": ("处", ""),
}


class Need(Protocol):
    """What a service is held against (`pipeline.settings.needs.NeedSettings`)."""

    @property
    def service(self) -> str:
        """Code of the service."""

    @property
    def mode(self) -> str:
        """Mode of travel."""

    @property
    def measure(self) -> str:
        """Name of the measure."""

    @property
    def threshold(self) -> float:
        """Threshold in the measure's unit."""

    @property
    def direction(self) -> Direction:
        """Side on which the standard is met."""


def scenario_gaps(
    access: pd.DataFrame,
    needs: Sequence[Any],
    *,
    variant: str,
    normalisation: Normalisation,
    cap: float,
) -> pd.DataFrame:
    """Compute the gap that each place would have by another variant of the same measure.

    Parameters
    ----------
    access
        The long table of results.
    needs
        The needs of the study, one per service (`Need`).
    variant
        Variant of the facilities in the scenario.
    normalisation, cap
        As the study's gaps are normalised. Only a share of the standard can be told for one place
        alone; with another normalisation the gaps stay null.

    Returns
    -------
    pandas.DataFrame
        ``place_id``, ``service``, ``value``, ``low``, ``high``, ``unit``, ``method``, ``missed_by``
        (the threshold, in its unit; negative is a margin), ``gap``; one row per place of every
        service that has the variant.
    """
    parts = [
        _scenario(access, need, variant, normalisation=normalisation, cap=cap) for need in needs
    ]
    columns = [*KEY, "value", "low", "high", "unit", "method", "missed_by", "gap"]
    return pd.concat([pd.DataFrame(columns=columns), *parts], ignore_index=True)[columns]


def _scenario(
    access: pd.DataFrame, need: Need, variant: str, *, normalisation: Normalisation, cap: float
) -> pd.DataFrame:
    same = (
        access["service"].eq(need.service)
        & access["variant"].eq(variant)
        & access["mode"].eq(need.mode)
        & access["measure"].eq(need.measure)
    )
    rows = access[same].copy()
    missed = service_gap(
        rows["value"].astype("float64"), need=need.threshold, direction=need.direction
    )
    gap = normalised_gap(missed, need=need.threshold, normalisation=normalisation, cap=cap)
    rows["missed_by"] = missed
    rows["gap"] = gap if normalisation == "share_of_standard" else np.nan
    return rows


def with_changes(
    gaps: pd.DataFrame,
    scenario: pd.DataFrame,
    *,
    scenario_name: tuple[str, str],
    weights: Mapping[str, float],
    service_names: Mapping[str, tuple[str, str]],
) -> pd.DataFrame:
    """Add ``change_zh`` and ``change_en``: what would change the gap, in figures.

    A service says what the scenario would make of the same measure, and by how much its standard
    is missed; the composite says which service weighs most in it.

    Parameters
    ----------
    gaps
        The table of gaps.
    scenario
        What `scenario_gaps` gives.
    scenario_name
        The scenario in words, Chinese and English.
    weights
        Weights of the composite by service.
    service_names
        Names of the services.
    """
    planned = {(row["place_id"], row["service"]): row for row in _records(scenario)}
    own = {
        (row["place_id"], row["service"]): row["gap"]
        for row in _records(gaps)
        if row["service"] != "composite"
    }
    texts = []
    for row in _records(gaps):
        if row["service"] == "composite":
            said = _heaviest(row, own, weights, service_names)
        else:
            after = planned.get((row["place_id"], row["service"]))
            said = [*_today(row), *_planned(row, after, scenario_name)]
        texts.append(said)
    return gaps.assign(
        **{
            f"change_{language}": pd.Series(
                [joint.join(pair[i] for pair in said) or None for said in texts],
                index=gaps.index,
                dtype="object",
            )
            for i, (language, joint) in enumerate((("zh", "；"), ("en", "; ")))
        }
    )


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def _today(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Say by how much the threshold is missed today, where it is."""
    missed = row.get("missed_by")
    if missed is None or pd.isna(missed) or missed <= 0:
        return []
    zh, en = _beyond(row, missed)
    return [(f"现状 {_amount(row, 0)}，{zh}", f"today {_amount(row, 1)}, {en}")]


def _planned(
    row: Mapping[str, Any], after: Mapping[str, Any] | None, name: tuple[str, str]
) -> list[tuple[str, str]]:
    """Say what the scenario makes of it: the new value, against the threshold, and the gap."""
    if after is None or pd.isna(after["value"]) or pd.isna(row["value"]):
        return []
    if after["value"] == row["value"]:
        return [(f"{name[0]}不变", f"{name[1]}: no change")]
    held = {**row, "value": after["value"]}
    missed = after["missed_by"]
    zh, en = _beyond(held, missed) if missed > 0 else ("在门槛以内", "within the threshold")
    gap = _gap_change(row["gap"], after["gap"])
    return [
        (
            f"{name[0]} {_amount(held, 0)}，{zh}" + (f"（{gap[0]}）" if gap else ""),
            f"{name[1]} {_amount(held, 1)}, {en}" + (f" ({gap[1]})" if gap else ""),
        )
    ]


def _beyond(row: Mapping[str, Any], missed: float) -> tuple[str, str]:
    """Say by how much a value misses its threshold, and on which side."""
    zh, en = UNIT_WORDS.get(str(row["unit"]), ("", ""))
    need = row.get("need")
    limit_zh, limit_en, below = "比门槛", "the threshold", False
    if need is not None and not pd.isna(need):
        limit_zh = f"比 {_number(need)} {zh}".rstrip() + "的门槛"
        limit_en = f"the threshold of {_number(need)} {en}"
        below = row["value"] < need
    amount = f"{_number(missed)} {en}".rstrip()
    return (
        f"{limit_zh}{'少' if below else '多'} {_number(missed)} {zh}".rstrip(),
        f"{amount} {'below' if below else 'over'} {limit_en}".rstrip(),
    )


def _gap_change(before: float, after: float) -> tuple[str, str] | None:
    if pd.isna(before) or pd.isna(after):
        return None
    now, then = f"{before:.2f}", f"{after:.2f}"
    if now == then == "1.00":
        return ("缺口仍为 1.00：已封顶", "the gap stays at its ceiling of 1.00")
    return (f"缺口 {now} → {then}", f"gap {now} → {then}")


def _amount(row: Mapping[str, Any], language: int) -> str:
    unit = UNIT_WORDS.get(str(row["unit"]), ("", ""))[language]
    return f"{_number(row['value'])} {unit}".rstrip()


def _heaviest(
    row: Mapping[str, Any],
    own: Mapping[tuple[str, str], float],
    weights: Mapping[str, float],
    names: Mapping[str, tuple[str, str]],
) -> list[tuple[str, str]]:
    """Name the service that adds most to a composite, and the composite without its gap."""
    parts = {
        service: weight * own[row["place_id"], service]
        for service, weight in weights.items()
        if not pd.isna(own.get((row["place_id"], service), float("nan")))
    }
    if pd.isna(row["gap"]) or not parts or max(parts.values()) <= 0:
        return []
    service = max(parts, key=lambda name: (parts[name], name))
    without = (sum(parts.values()) - parts[service]) / sum(weights[name] for name in parts)
    zh, en = names.get(service, (service, service))
    return [
        (
            f"补齐“{zh}”后，综合由 {row['gap']:.2f} 降为 {without:.2f}",
            f"with “{en}” made good it falls from {row['gap']:.2f} to {without:.2f}",
        )
    ]


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 100 else f"{value:,.0f}"  # noqa: PLR2004 (three digits)

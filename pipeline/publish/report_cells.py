"""Write values the way readers see them: unit, interval, method, verdict; null is a dash."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

DASH = "—"
ESTIMATED = "≈"
LONGEST_NAME = 64

#: Units as readers see them, and how many decimals a value in that unit deserves.
UNITS: dict[str, tuple[str, str, int]] = {
    "min": ("分钟", "min", 1),
    "m": ("米", "m", 0),
    "km": ("公里", "km", 1),
    "km2": ("平方公里", "km²", 2),
    "10k_m2": ("万平方米", "10⁴ m²", 0),
    "share": ("%", "%", 0),
    "gap": ("0–1", "0–1", 2),
    "count": ("处", "places", 0),
}
LARGE = 100.0


@dataclass(frozen=True)
class Words:
    """One text in both languages."""

    zh: str
    en: str = ""


@dataclass(frozen=True)
class Badge:
    """A judgement shown as a small coloured label; `css` names its class."""

    css: str
    zh: str
    en: str


@dataclass(frozen=True)
class Cell:
    """One cell of a table: what stands first, below it, the interval and the judgements."""

    zh: str
    en: str = ""
    interval: str = ""
    badges: tuple[Badge, ...] = ()
    kind: str = "text"


@dataclass(frozen=True)
class Column:
    """The head of a column, with the unit of its numbers."""

    zh: str
    en: str
    unit: str = ""
    kind: str = "text"


@dataclass(frozen=True)
class Table:
    """A table of the report; `total` is its last row, set apart."""

    name: str
    caption: Words
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    total: Sequence[Cell] = ()
    notes: Sequence[Words] = field(default=())


def clean(text: object, longest: int = LONGEST_NAME) -> str:
    """Make a name from outside safe to set in a line of text.

    Control characters, lone surrogates and marks that turn the direction of the text around it
    are dropped; what is longer than `longest` characters is cut and ends in an ellipsis. Escaping
    is left to the writer of the document.
    """
    if text is None or (isinstance(text, float) and math.isnan(text)) or text is pd.NA:
        return ""
    given = str(text)[: 4 * longest]
    if not given.isprintable():  # which spaces are, but no other character that this drops
        given = "".join(
            " " if character.isspace() else character
            for character in given
            if character.isspace()
            or unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Cn"}
        )
    kept = given.strip()
    return kept if len(kept) <= longest else kept[: longest - 1].rstrip() + "…"


def number(value: float | None, unit: str) -> str:
    """Write a number with the decimals its unit deserves, without the unit; null is a dash."""
    if value is None or pd.isna(value):
        return DASH
    decimals = UNITS[unit][2]
    if unit == "share":
        return f"{100.0 * value:.{decimals}f}"
    if unit in {"km2", "10k_m2"}:  # documented figures: as the source states them
        return f"{value:,.6g}"
    if decimals == 1 and abs(value) >= LARGE:
        decimals = 0
    return f"{value:,.{decimals}f}"


def interval(low: float | None, high: float | None, unit: str) -> str:
    """Write an interval in brackets; empty where there is none."""
    if low is None or high is None or pd.isna(low) or pd.isna(high):
        return ""
    return f"[{number(low, unit)}, {number(high, unit)}]"


def with_unit(value: float | None, unit: str, *, estimated: bool = False) -> Words:
    """Write a number with its unit in both languages; an estimate starts with ≈."""
    text = number(value, unit)
    zh, en, _ = UNITS[unit]
    if text == DASH:
        return Words("无值", "no value")
    sign = ESTIMATED if estimated else ""
    gap = "" if unit == "share" else " "
    return Words(f"{sign}{text}{gap}{zh}", f"{sign}{text}{gap}{en}")


def number_cell(
    value: float | None,
    unit: str,
    *,
    low: float | None = None,
    high: float | None = None,
    estimated: bool = False,
    badge: Badge | None = None,
) -> Cell:
    """Make the cell of a number; estimates are marked, an absent value is a dash."""
    text = number(value, unit)
    if text != DASH and estimated:
        text = ESTIMATED + text
    return Cell(text, interval=interval(low, high, unit), badges=_some(badge), kind="number")


def name_cell(zh: object, en: object) -> Cell:
    """Make the cell of a name; what comes from outside is cleaned."""
    first, second = clean(zh), clean(en)
    return Cell(first or second or DASH, second if first else "", kind="name")


def _some(badge: Badge | None) -> tuple[Badge, ...]:
    return () if badge is None else (badge,)

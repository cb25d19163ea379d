"""Find the construction targets that a register of places states, one column for each year."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pandas as pd

TARGET = re.compile(r"target_(\d{4})_10k_m2")


def target_columns(names: Iterable[object]) -> list[str]:
    """List the columns `target_<year>_10k_m2` among some names, in the order of the years."""
    return sorted(str(name) for name in names if TARGET.fullmatch(str(name)))


def target_year(column: str) -> int:
    """Give the year of a column of targets.

    Raises
    ------
    ValueError
        The column is none of targets.
    """
    found = TARGET.fullmatch(column)
    if found is None:
        msg = f"{column!r} is no column of targets"
        raise ValueError(msg)
    return int(found[1])


def targets_of(places: pd.DataFrame) -> pd.DataFrame:
    """Give the targets of places in 10⁴ m², a column for each year; null where none is stated."""
    return places[target_columns(places.columns)].astype("float64")


def target_total(places: pd.DataFrame) -> pd.Series[float]:
    """Sum a place's targets of all years in 10⁴ m²; null where it states none."""
    return targets_of(places).sum(axis=1, min_count=1)


def targets_text(places: pd.DataFrame) -> pd.Series[str]:
    """Write the targets in words, such as `2023: 46; 2024: 33`; null where none is stated."""
    columns = target_columns(places.columns)
    told = [
        "; ".join(
            f"{target_year(name)}: {value:g}"
            for name, value in zip(columns, row, strict=True)
            if pd.notna(value)
        )
        for row in targets_of(places).itertuples(index=False)
    ]
    return pd.Series([text or None for text in told], index=places.index, dtype="object")

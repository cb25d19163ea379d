"""Keep texts texts when a spreadsheet program opens a table."""

from __future__ import annotations

import pandas as pd

# What a spreadsheet program takes for the beginning of a formula (OWASP, "CSV injection").
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
GUARD = "'"


def neutralised(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would take for a formula."""
    return GUARD + text if text.startswith(FORMULA_STARTS) else text


def without_formulas(table: pd.DataFrame) -> pd.DataFrame:
    """Neutralise the texts and the column names of a table; numbers are left alone."""
    safe = table.copy()
    for column in table.columns:
        values = table[column]
        if pd.api.types.is_object_dtype(values) or pd.api.types.is_string_dtype(values):
            safe[column] = values.map(
                lambda value: neutralised(value) if isinstance(value, str) else value
            )
    return safe.rename(columns=lambda name: neutralised(name) if isinstance(name, str) else name)

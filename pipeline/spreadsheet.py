"""Keep texts texts when a spreadsheet program opens a table."""

from __future__ import annotations

import numpy as np
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
    texts = [
        name
        for name, dtype in table.dtypes.items()
        if pd.api.types.is_object_dtype(dtype) or pd.api.types.is_string_dtype(dtype)
    ]
    cells = table[texts].to_numpy(dtype=object)
    starts = np.asarray(np.frompyfunc(_starts_a_formula, 1, 1)(cells), dtype=np.bool_)
    for number in np.flatnonzero(starts.any(axis=0)).tolist():
        safe[texts[number]] = table[texts[number]].map(
            lambda value: neutralised(value) if isinstance(value, str) else value
        )
    return safe.rename(columns=lambda name: neutralised(name) if isinstance(name, str) else name)


def _starts_a_formula(value: object) -> bool:
    return isinstance(value, str) and value.startswith(FORMULA_STARTS)

"""Give the columns of a table as lists of plain values, which writers take row by row."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd


def plain_values(column: pd.Series, *, of_text: Callable[[str], str] = str) -> list[Any]:
    """Give a column as texts, numbers, truth values, days (YYYY-MM-DD) or moments; null is None.

    Parameters
    ----------
    column
        Text, integers, floats, truth values, dates or moments, as conforming layers hold them.
    of_text
        What becomes of a text; asked once for each text that occurs, however often it does.
    """
    kind = column.dtype
    if pd.api.types.is_string_dtype(kind):
        return _repeated(column, of_text)
    if isinstance(kind, pd.ArrowDtype):
        return _repeated(column, dt.date.isoformat)
    if pd.api.types.is_float_dtype(kind):
        numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
        values = numbers.astype(object)
        values[np.isnan(numbers)] = None
        return list(values.tolist())
    known = column.notna().tolist()
    found = [value if there else None for value, there in zip(column.tolist(), known, strict=True)]
    if pd.api.types.is_integer_dtype(kind) or pd.api.types.is_bool_dtype(kind):
        return found
    return [None if moment is None else _told(moment) for moment in found]


def _told(given: dt.datetime) -> str:
    return f"{given.astimezone(dt.UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def _repeated(column: pd.Series, say: Callable[[Any], str]) -> list[Any]:
    """Say each value that occurs once, however often it does."""
    import pyarrow as pa

    text = None if isinstance(column.dtype, pd.ArrowDtype) else pa.large_string()
    given = pa.array(column, type=text, from_pandas=True)
    whole = given.combine_chunks() if isinstance(given, pa.ChunkedArray) else given
    coded = whole.dictionary_encode()
    words = [say(word) for word in coded.dictionary.to_pylist()]
    known = np.array([*words, None], dtype=object)
    codes = coded.indices.fill_null(len(words)).to_numpy(zero_copy_only=False)
    return list(known[codes].tolist())

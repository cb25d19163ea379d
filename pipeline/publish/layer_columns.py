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
        return _texts(column, of_text)
    if pd.api.types.is_float_dtype(kind):
        numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
        values = numbers.astype(object)
        values[np.isnan(numbers)] = None
        return list(values.tolist())
    known = column.notna().tolist()
    found = [value if there else None for value, there in zip(column.tolist(), known, strict=True)]
    if pd.api.types.is_integer_dtype(kind) or pd.api.types.is_bool_dtype(kind):
        return found
    return [None if day is None else _day_or_moment(day) for day in found]


def _day_or_moment(given: dt.date) -> str:
    if not isinstance(given, dt.datetime):
        return given.isoformat()
    return f"{given.astimezone(dt.UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def _texts(column: pd.Series, of_text: Callable[[str], str]) -> list[Any]:
    import pyarrow as pa

    given = pa.array(column, type=pa.large_string(), from_pandas=True)
    whole = given.combine_chunks() if isinstance(given, pa.ChunkedArray) else given
    coded = whole.dictionary_encode()
    words = [of_text(word) for word in coded.dictionary.to_pylist()]
    known = np.array([*words, None], dtype=object)
    codes = coded.indices.fill_null(len(words)).to_numpy(zero_copy_only=False)
    return list(known[codes].tolist())

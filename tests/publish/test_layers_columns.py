"""Give columns as plain values: null is None, a text that repeats is treated once."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pyarrow as pa

from pipeline.publish.layer_columns import plain_values


def test_every_kind_of_column_gives_plain_values_and_none() -> None:
    day = dt.date(2026, 5, 19)
    given = {
        "text": (pd.Series(["轨道", None, ""], dtype="string"), ["轨道", None, ""]),
        "int": (pd.Series([3, None, -1], dtype="Int64"), [3, None, -1]),
        "float": (pd.Series([0.1, None, 2.0]), [0.1, None, 2.0]),
        "bool": (pd.Series([True, None, False], dtype="boolean"), [True, None, False]),
        "date": (pd.Series([day, None], dtype=pd.ArrowDtype(pa.date32())), ["2026-05-19", None]),
        "moment": (pd.Series([pd.Timestamp(day, tz="UTC")]), ["2026-05-19T00:00:00.000Z"]),
    }
    for name, (column, wanted) in given.items():
        found = plain_values(column)
        assert found == wanted, name
        assert [type(one) for one in found] == [type(one) for one in wanted], name


def test_a_text_that_repeats_is_treated_once() -> None:
    asked: list[str] = []

    def upper(text: str) -> str:
        asked.append(text)
        return text.upper()

    column = pd.Series(["a", "b", None, "a", "a"], dtype="string")
    assert plain_values(column, of_text=upper) == ["A", "B", None, "A", "A"]
    assert asked == ["a", "b"]

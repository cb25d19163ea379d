"""Say in Chinese and English what is wrong with a value, for the usual kinds of mistakes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_NUMBER = ("须为数", "must be a number")
_WHOLE = ("须为整数", "must be a whole number")
_TRUTH = ("须为 true 或 false", "must be true or false")
_TEXT = ("须为文字", "must be text")
_LIST = ("须为列表，如 [a, b]", "must be a list such as [a, b]")
_TABLE = ("须为“键: 值”", "must be a mapping of key: value")
_DATE = ("须为日期，如 2026-05-19", "must be a date such as 2026-05-19")

#: By pydantic's name of the mistake; braces hold what it gives with it.
KINDS: Mapping[str, tuple[str, str]] = {
    "greater_than": ("须大于 {gt}", "must be greater than {gt}"),
    "greater_than_equal": ("须不小于 {ge}", "must be at least {ge}"),
    "less_than": ("须小于 {lt}", "must be less than {lt}"),
    "less_than_equal": ("须不大于 {le}", "must be at most {le}"),
    "finite_number": ("须为有限的数", "must be a finite number"),
    "int_parsing": _WHOLE,
    "int_type": _WHOLE,
    "int_from_float": _WHOLE,
    "float_parsing": _NUMBER,
    "float_type": _NUMBER,
    "bool_parsing": _TRUTH,
    "bool_type": _TRUTH,
    "string_type": _TEXT,
    "string_pattern_mismatch": ("不合格式 {pattern}", "does not match {pattern}"),
    "string_too_short": ("至少 {min_length} 个字", "must have at least {min_length} characters"),
    "string_too_long": ("至多 {max_length} 个字", "must have at most {max_length} characters"),
    "literal_error": ("只可为 {expected}", "must be one of {expected}"),
    "too_short": ("至少 {min_length} 项", "must have at least {min_length} entries"),
    "too_long": ("至多 {max_length} 项", "must have at most {max_length} entries"),
    "list_type": _LIST,
    "tuple_type": _LIST,
    "dict_type": _TABLE,
    "model_type": _TABLE,
    "model_attributes_type": _TABLE,
    "date_type": _DATE,
    "date_parsing": _DATE,
    "date_from_datetime_parsing": _DATE,
    "date_from_datetime_inexact": _DATE,
    "path_type": ("须为文件路径", "must be the path of a file"),
}


def mistake(kind: str, message: str, context: Mapping[str, Any]) -> tuple[str, str]:
    """Say what is wrong, in Chinese and in English.

    Parameters
    ----------
    kind, message, context
        What pydantic tells of the mistake: its type, its English words, and its bounds.

    Returns
    -------
    Both sentences; Chinese is empty for a kind that has no translation. A message of the project's
    own is told apart at " / ", whichever language stands first.
    """
    if kind in KINDS:
        zh, en = KINDS[kind]
        told = {name: str(value).replace(" or ", ", ") for name, value in context.items()}
        return zh.format(**told), en.format(**told)
    own = message.removeprefix("Value error, ")
    first, parted, second = own.partition(" / ")
    if parted and bool(_CHINESE.search(first)) != bool(_CHINESE.search(second)):
        return (first, second) if _CHINESE.search(first) else (second, first)
    return (own, own) if _CHINESE.search(own) else ("", own)

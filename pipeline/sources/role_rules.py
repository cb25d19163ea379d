"""Hold a user's table against what its role needs: fields, and numbers that can be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from pipeline.errors import FieldError, Problem

#: Fields without which a table of a role cannot be used; others are optional.
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "standards": (
        "standard_id",
        "topic",
        "kind",
        "value",
        "unit",
        "direction",
        "stated_zh",
        "stated_en",
        "source",
        "confidence",
    ),
    "districts": ("name_zh", "name_en", "centrality", "area_km2"),
    "lines": ("line_id", "name_zh", "name_en"),
}
#: Fields that hold numbers, by role: the name as a pattern, the least value, whether it may be met.
NUMBERS: Mapping[str, tuple[tuple[str, float, bool], ...]] = {
    "places": (
        ("planned_area_km2", 0, False),
        (r"target_\d{4}_10k_m2", 0, True),
        ("precision_m", 0, True),
    ),
    "hospitals": (("beds|supply|precision_m", 0, True),),
    "schools": (("places|supply|precision_m", 0, True),),
    "residents": (("residents|jobs", 0, True),),
    "standards": (("value", -np.inf, True),),
}
_MOST_NAMED = 20


def check_role(table: pd.DataFrame, role: str, *, path: object) -> None:
    """Refuse a table that lacks a field of its role, or has cells that are no possible number.

    Parameters
    ----------
    table
        Under the project's field names; a blank cell is null, which is allowed.
    role
        The role of the study file.
    path
        The file, for messages.

    Raises
    ------
    FieldError
        One problem for each field that is missing and each wrong cell (the first of many).
    """
    present = [str(name) for name in table.columns if name != "geometry"]
    problems = [
        Problem(
            zh=f"输入“{role}”缺少字段“{name}”",
            en=f"the input {role!r} lacks the field {name!r}",
            path=str(path),
            rule=f"inputs.{role}",
            remedy_zh=f"现有字段：{'、'.join(present)[:500]}；可用 columns 指明",
            remedy_en=f"fields present: {', '.join(present)[:500]}; name them with columns",
        )
        for name in REQUIRED.get(role, ())
        if name not in table.columns
    ]
    for pattern, least, may_meet in NUMBERS.get(role, ()):
        for name in present:
            if re.fullmatch(pattern, name):
                problems += _wrong_cells(table[name], least, role, path, may_meet=may_meet)
    if problems:
        raise FieldError(*problems)


def _wrong_cells(
    column: pd.Series, least: float, role: str, path: object, *, may_meet: bool
) -> Iterator[Problem]:
    text = column.astype("string").str.strip()
    said = text.mask(text.eq("").fillna(value=False))
    values = pd.to_numeric(said, errors="coerce").astype("float64")
    possible = np.isfinite(values) & (values.ge(least) if may_meet else values.gt(least))
    wrong = said[said.notna() & ~possible]
    allowed = "" if np.isinf(least) else f" {'≥' if may_meet else '>'} {least:g}"
    for row, cell in list(wrong.items())[:_MOST_NAMED]:
        yield Problem(
            zh=f"“{cell[:60]}”不是可用的数{allowed}",
            en=f"{cell[:60]!r} is no possible number{allowed}",
            path=str(path),
            row=f"{column.name}, row {int(str(row)) + 1}",
            rule=f"inputs.{role}",
            remedy_zh="未知请留空；单位见 docs/reference.md",
            remedy_en="leave it blank where it is not known; units are in docs/reference.md",
        )

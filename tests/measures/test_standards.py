"""Hold that a figure is compared only with a standard that applies, and marked when unverified."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.errors import FieldError
from pipeline.measures.standards import Standard, compare_with_standard

ROW = {
    "standard_id": "rail_600m_main_city",
    "value": 0.4,
    "unit": "share",
    "direction": "at_least",
    "strict": False,
    "kind": "threshold",
    "applies_to": "main_city; central_city",
    "confidence": "verified",
    "source": "White Paper 2022",
}


def compare(values: list[float], scopes: list[object], **changes: object) -> pd.DataFrame:
    return compare_with_standard(
        pd.Series(values),
        Standard.from_row(ROW | changes),
        unit=str(changes.get("unit", "share")),
        scopes=pd.Series(scopes, dtype=object),
    )


def test_only_where_it_applies() -> None:
    got = compare(
        [0.39, 0.4, 0.1, np.nan, 0.5],
        ["main_city", {"new_town", "central_city"}, "new_town", "main_city", None],
    )
    assert got["comparison"].tolist() == [
        "fails",
        "meets",
        "not_applicable",
        "no_data",
        "not_applicable",
    ]
    assert got["threshold"].isna().tolist() == [False, False, True, False, True]
    assert got["standard_id"].isna().tolist() == [False, False, True, False, True]
    assert got["verified"].all()
    assert (got["mark_en"] == "").all()


def test_exactly_the_limit_meets_it_on_either_side() -> None:
    got = compare(
        [500.0, 500.1], ["*", "x"], value=500, unit="m", direction="at_most", applies_to="*"
    )
    assert got["comparison"].tolist() == ["meets", "fails"]


def test_a_strict_standard_is_not_met_by_its_bound() -> None:
    got = compare([0.4, 0.4000001], ["main_city"] * 2, strict="true")
    assert got["comparison"].tolist() == ["fails", "meets"]
    most = compare([0.4, 0.39], ["main_city"] * 2, strict=True, direction="at_most")
    assert most["comparison"].tolist() == ["fails", "meets"]


def test_a_target_is_told_from_a_standard_in_force() -> None:
    assert compare([0.4], ["main_city"], kind="target")["kind"].tolist() == ["target"]
    with pytest.raises(FieldError, match="kind"):
        compare([0.4], ["main_city"], kind="observation")


def test_every_comparable_row_of_the_embedded_table_can_be_read(project: Path) -> None:
    table = pd.read_csv(project / "layers/reference/standards.csv")
    rows = table[table["kind"].isin(["threshold", "target"])]
    standards = [Standard.from_row(row) for row in rows.to_dict("records")]
    assert len(standards) > 40
    by_id = {standard.standard_id: standard for standard in standards}
    assert by_id["rail600_area_main_city_2022"].strict
    assert by_id["primary_radius"].mark == ("未核实", "unverified")


@pytest.mark.parametrize(
    ("confidence", "zh", "en"),
    [
        ("memory", "未核实", "unverified"),
        ("partly_verified", "部分核实", "partly verified"),
        ("analyst_choice", "分析者设定，非标准", "analyst's choice, not a standard"),
    ],
)
def test_unverified_standards_carry_their_mark(confidence: str, zh: str, en: str) -> None:
    got = compare([0.1], ["main_city"], confidence=confidence)
    assert not got["verified"].any()
    assert got.loc[0, ["mark_zh", "mark_en"]].tolist() == [zh, en]


def test_units_must_agree() -> None:
    standard = Standard.from_row(ROW)
    with pytest.raises(FieldError, match="values in min"):
        compare_with_standard(
            pd.Series([1.0]), standard, unit="min", scopes=pd.Series(["main_city"])
        )


def test_a_broken_row_names_every_field() -> None:
    broken = ROW | {"value": "40 %", "direction": "more", "confidence": "sure", "source": ""}
    with pytest.raises(FieldError) as caught:
        Standard.from_row(broken)
    named = " ".join(problem.en for problem in caught.value.problems)
    assert len(caught.value.problems) == 4
    assert all(key in named for key in ("value", "direction", "confidence", "source"))

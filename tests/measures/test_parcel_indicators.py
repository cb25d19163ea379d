"""Check clocks, yields and land-use classes of single parcels."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.measures.parcel_indicators import indicators, years_between
from tests.measures.parcel_cases import table

DAY = date(2025, 7, 31)
DATES = st.dates(date(1990, 1, 1), date(2040, 12, 31))


def measured(row: dict[str, object], *, day: date = DAY) -> pd.Series:
    return indicators(table(row), study_date=day, far_target=None).iloc[0]


def years(start: date, end: date) -> float:
    return float(years_between(np.array([start], "datetime64[D]"), np.datetime64(end, "D"))[0])


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (date(2011, 12, 2), date(2012, 12, 2), 1.0),
        (date(2011, 12, 2), date(2012, 12, 1), 365 / 366),
        (date(2011, 12, 2), date(2020, 12, 2), 9.0),
        (date(2012, 2, 29), date(2013, 2, 28), 365 / 366),
        (date(2012, 2, 29), date(2013, 3, 1), 1.0),
        (date(2012, 2, 29), date(2016, 2, 29), 4.0),
        (date(2025, 7, 31), date(2025, 7, 31), 0.0),
        (date(2026, 7, 31), date(2025, 7, 31), -1.0),
    ],
)
def test_years_are_counted_by_anniversaries(start: date, end: date, expected: float) -> None:
    assert years(start, end) == pytest.approx(expected, abs=1e-12)


@given(start=DATES, end=DATES)
def test_years_grow_with_the_day_and_stay_near_the_days(start: date, end: date) -> None:
    elapsed = years(start, end)
    assert years(start, end + timedelta(days=1)) > elapsed
    assert elapsed == pytest.approx((end - start).days / 365.2425, abs=0.01)
    assert (elapsed >= 1) == (end >= following_year(start))


def following_year(start: date) -> date:
    try:
        return start.replace(year=start.year + 1)
    except ValueError:
        return date(start.year + 1, 3, 1)


def test_far_prefers_the_stated_then_the_computed_then_the_estimated() -> None:
    rows: list[dict[str, object]] = [
        {"area_m2": 100.0, "far_now": 1.5, "gfa_m2": 120.0, "far_estimated": 1.0},
        {"area_m2": 100.0, "far_now": None, "gfa_m2": 120.0, "far_estimated": 1.0},
        {"area_m2": 100.0, "far_now": None, "gfa_m2": None, "far_estimated": 1.0},
        {"area_m2": None, "far_now": None, "gfa_m2": 120.0, "far_estimated": None},
        {"area_m2": 100.0, "far_now": None, "gfa_m2": 0.0, "far_estimated": 1.0},
    ]
    out = indicators(table(*rows), study_date=DAY, far_target=2.0)
    assert out["far"].iloc[[0, 1, 2, 4]].tolist() == [1.5, 1.2, 1.0, 0.0]
    assert pd.isna(out["far"].iloc[3])
    assert out["far_basis"].fillna("-").tolist() == [
        "given",
        "gfa_over_area",
        "estimated_footprints",
        "-",
        "gfa_over_area",
    ]
    assert out["far_target"].eq(2.0).all()
    assert out["far_target_basis"].eq("setting").all()


def test_yields_per_hectare_and_per_mu() -> None:
    row = measured({"area_m2": 15_583.333, "tax_10k_yuan": 4000.0, "output_10k_yuan": None})
    assert round(row["tax_10k_yuan_ha"]) == 2567
    assert row["tax_10k_yuan_mu"] * 15 == pytest.approx(row["tax_10k_yuan_ha"], rel=1e-12)
    assert pd.isna(row["output_10k_yuan_ha"])
    assert measured({"area_m2": 20_000.0, "tax_10k_yuan": 0.0})["tax_10k_yuan_ha"] == 0


def test_a_stated_yield_is_used_where_the_total_is_unknown() -> None:
    row = measured({"area_m2": 10_000.0, "tax_10k_yuan": None, "tax_10k_yuan_ha": 30.0})
    assert row["tax_10k_yuan_ha"] == 30.0
    assert row["tax_10k_yuan_mu"] == 2.0
    both = measured({"area_m2": 10_000.0, "tax_10k_yuan": 60.0, "tax_10k_yuan_ha": 30.0})
    assert both["tax_10k_yuan_ha"] == 60.0


@pytest.mark.parametrize(
    ("row", "idle", "basis"),
    [
        ({"build_status": "not_started", "agreed_start": "2023-07-31"}, 2.0, "agreed_start"),
        (
            {"build_status": "not_started", "agreed_finish": "2024-07-31"},
            1.0,
            "agreed_finish_lower_bound",
        ),
        ({"build_status": "stopped", "stop_date": "2022-07-31"}, 3.0, "stop_date"),
        ({"build_status": "built", "agreed_start": "2001-01-01"}, None, None),
        ({"build_status": None, "agreed_start": "2001-01-01"}, None, None),
        ({"build_status": "not_started", "agreed_start": "2030-01-01"}, 0.0, "agreed_start"),
    ],
)
def test_idle_clock(row: dict[str, object], idle: float | None, basis: str | None) -> None:
    out = measured({"area_m2": 1.0} | row)
    assert (None if pd.isna(out["idle_yr"]) else out["idle_yr"]) == idle
    assert (None if pd.isna(out["idle_basis"]) else out["idle_basis"]) == basis


def test_started_follows_the_status_then_the_date_and_is_unknown_otherwise() -> None:
    rows: list[dict[str, object]] = [
        {"build_status": "under_construction", "actual_start": None},
        {"build_status": "not_started", "actual_start": None},
        {"build_status": None, "actual_start": "2020-01-01"},
        {"build_status": None, "actual_start": "2026-01-01"},
        {"build_status": None, "actual_start": None},
    ]
    out = indicators(table(*rows), study_date=DAY, far_target=None)["started"]
    assert out.tolist()[:4] == [True, False, True, False]
    assert pd.isna(out.iloc[4])


def test_remaining_lease() -> None:
    row = measured({"grant_date": "2005-07-31", "term_years": 50.0})
    assert row["remaining_lease_yr"] == 30.0
    assert measured({"grant_date": "2005-07-31", "term_years": 20.0})["remaining_lease_yr"] == 0.0
    assert pd.isna(measured({"grant_date": None, "term_years": 20.0})["remaining_lease_yr"])


@pytest.mark.parametrize(
    ("national", "local", "expected"),
    [
        ("100102", None, "is_industrial"),
        (None, "M1", "is_industrial"),
        (None, "M0", "is_industrial"),
        ("0802", None, "is_research"),
        (None, "C65", "is_research"),
        ("110101", None, "is_storage"),
        (None, "W0", "is_storage"),
        ("100101", "C65", "is_industrial"),
    ],
)
def test_land_use_families(national: str | None, local: str | None, expected: str) -> None:
    row = measured({"landuse_2023": national, "landuse_sh": local})
    names = ("is_industrial", "is_research", "is_storage")
    assert [name for name in names if row[name]] == [expected]
    assert pd.isna(row["is_m0"]) == (local is None)


def test_unknown_land_use_is_unknown() -> None:
    row = measured({"landuse_2023": None, "landuse_sh": None})
    assert row[["is_industrial", "is_research", "is_storage", "is_zero_class"]].isna().all()

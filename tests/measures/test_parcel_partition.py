"""Check that a table cut anywhere and in any order is judged the same."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.measures.parcel_partition import evaluate_partition, measure
from pipeline.settings.parcel_rules import RuleSet
from tests.measures.parcel_cases import rule_set

DAY = date(2025, 7, 31)
FIELDS = {
    "build_status": ["built", "stopped", "not_started", None],
    "tenure": ["granted", "allocated", None],
    "ownership": ["state", "collective", None],
    "owner_intent": ["stay", "sell", "extend", None],
    "landuse_2023": ["100101", "0802", None],
    "plan_use_2023": ["100101", "07", None],
}


def random_parcels(seed: int, size: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"parcel_id": [f"P{k:07d}" for k in range(size)]})
    for name, codes in FIELDS.items():
        frame[name] = pd.array(np.array(codes, dtype=object)[rng.integers(len(codes), size=size)])
        frame[name] = frame[name].astype("string")
    frame["area_m2"] = rng.lognormal(10, 1, size)
    numbers = ("far_now", "far_plan", "tax_10k_yuan", "output_10k_yuan", "jobs", "energy_tce")
    for name in (*numbers, "contract_tax_10k_yuan"):
        values = rng.lognormal(0, 1, size) * (1 if name.startswith("far") else 500)
        frame[name] = np.where(rng.random(size) < 0.3, np.nan, values)
    for name in ("agreed_start", "agreed_finish", "agreed_production", "stop_date", "grant_date"):
        days = rng.integers(11_000, 20_500, size).astype("datetime64[D]").astype("datetime64[s]")
        frame[name] = pd.Series(days).mask(rng.random(size) < 0.3)
    frame["term_years"] = rng.choice([20.0, 50.0], size)
    frame["in_control_line"] = pd.array(rng.random(size) < 0.9, dtype="boolean")
    return frame


def run(frame: pd.DataFrame, rules: RuleSet, reference: pd.DataFrame | None) -> pd.DataFrame:
    return evaluate_partition(
        frame,
        rules,
        study_date=DAY,
        far_target=None,
        max_coverage_share=None,
        estimated_confidence=0.7,
        grade_reference=reference,
    )


@pytest.mark.parametrize("name", ["shanghai", "ningbo"])
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), pieces=st.integers(1, 5))
def test_parts_in_any_order_give_the_whole(name: str, seed: int, pieces: int) -> None:
    frame = random_parcels(seed, 40)
    rules = rule_set(name)
    reference = measure(frame, study_date=DAY, far_target=None, max_coverage_share=None)
    whole = run(frame, rules, reference)
    assert whole.index.equals(frame.index)
    shuffled = frame.sample(frac=1, random_state=seed)
    parts = [run(shuffled.iloc[k::pieces], rules, reference) for k in range(pieces)]
    pd.testing.assert_frame_equal(whole, pd.concat(parts).sort_index(), check_exact=True)


@pytest.mark.parametrize("name", ["shanghai", "ningbo"])
def test_an_empty_part_has_the_same_columns(name: str) -> None:
    frame = random_parcels(1, 12)
    rules = rule_set(name)
    reference = measure(frame, study_date=DAY, far_target=None, max_coverage_share=None)
    empty, whole = run(frame.iloc[:0], rules, reference), run(frame, rules, reference)
    assert list(empty.columns) == list(whole.columns)
    assert empty.empty


def test_verdicts_are_consistent() -> None:
    out = run(random_parcels(7, 2000), rule_set("shanghai"), None)
    matched = out["verdict"] == "matched"
    assert out.loc[matched, "outcome"].notna().all()
    assert out.loc[matched, "rules_fired"].ne("").all()
    assert out.loc[~matched, "outcome"].isna().all()
    possible = out["verdict"] == "possible"
    open_texts = out.loc[possible, ["possible", "missing_fields"]].to_numpy(dtype=object)
    assert (open_texts != "").all()
    settled = out.loc[out["verdict"] == "none", ["possible", "missing_fields", "also"]]
    assert (settled.to_numpy(dtype=object) == "").all()
    assert out["confidence"].between(0, 1).all()
    assert out.loc[out["verdict"] == "none", "confidence"].eq(1).all()

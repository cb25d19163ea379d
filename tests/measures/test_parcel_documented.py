"""Reproduce the documented parcels and figures exactly."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from pipeline.measures.parcel_checks import contradictions, documented_against_computed
from pipeline.measures.parcel_scenarios import carrier_targets, rebuild, uplift_against_targets
from pipeline.measures.parcel_verdicts import evidence
from tests.measures.parcel_cases import (
    BUY_BACK,
    EXTENSION,
    IDLE,
    M2_PER_MU,
    judged,
    rule_set,
    table,
)

STUDY_DATE = date(2020, 6, 30)


def test_buy_back_case_goes_to_the_platform_company_and_gains_13246_m2() -> None:
    result = judged(table(BUY_BACK), "shanghai", STUDY_DATE)
    row = result.frame.iloc[0]
    assert (row["outcome"], row["outcome_no"]) == ("buy_back", 5)
    assert row["route_zh"] == "平台回购"
    assert row["lead_zh"] == "园区国资平台公司"
    assert round(row["area_m2"] / 10_000, 3) == 1.558
    assert round(row["area_m2"] / M2_PER_MU, 1) == 23.4
    assert row["uplift_m2"] == pytest.approx(18_700 - 0.35 * 18_700 / 1.2, rel=1e-12)
    assert round(row["uplift_m2"]) == 13_246
    site = rebuild(site_m2=row["area_m2"], far_now=0.35, far_new=1.2)
    assert site["gfa_after_m2"] == pytest.approx(18_700, rel=1e-12)
    assert round(site["gfa_before_m2"]) == 5454


def test_buy_back_evidence_names_the_value_the_cut_off_and_its_standing() -> None:
    result = judged(table(BUY_BACK), "shanghai", STUDY_DATE)
    rows = evidence(
        result.frame,
        rule_set("shanghai"),
        result.evaluation,
        decision="low_type",
        id_column="parcel_id",
    )
    assert set(rows["rule"]) == {"buy_back"}
    far = rows.set_index("field").loc["far"]
    assert (far["value"], far["op"], far["threshold"]) == ("0.35", "lt", "0.664")
    assert far["cutoff"] == "zone_far*low_far_share"
    assert rows.set_index("field").loc["owner_intent", "threshold"] == "sell"


def test_idle_case_is_type_1_by_the_agreed_finish_alone() -> None:
    result = judged(table(IDLE), "shanghai", STUDY_DATE)
    row = result.frame.iloc[0]
    assert (row["outcome"], row["outcome_no"]) == ("idle", 1)
    assert row["standing"] == "statutory"
    assert row["route_zh"] == "行政收地"
    assert row["idle_basis"] == "agreed_finish_lower_bound"
    assert int(row["idle_yr"]) == 8
    assert round(row["area_m2"] / 10_000, 4) == 3.2467
    assert pd.isna(row["flag_idle_recoverable"]), "the cause of the delay is not documented"


def test_idle_case_with_a_cause_is_recoverable() -> None:
    row = judged(table(IDLE | {"delay_cause": "enterprise"}), "shanghai", STUDY_DATE).frame.iloc[0]
    assert row["flag_idle_recoverable"]
    assert not row["flag_idle_fee_due"]


@pytest.mark.parametrize(
    ("day", "verdict"),
    [(date(2011, 12, 2), "none"), (date(2012, 12, 1), "none"), (date(2012, 12, 2), "matched")],
)
def test_idle_clock_strikes_on_the_anniversary(day: date, verdict: str) -> None:
    known = IDLE | {
        "agreed_start": "2011-12-02",
        "tenure": "granted",
        "ownership": "state",
        "agreed_production": "2030-01-01",
        "far_now": 0.0,
        "plan_use_2023": "100101",
        "owner_intent": "stay",
    }
    row = judged(table(known), "shanghai", day).frame.iloc[0]
    assert row["verdict"] == verdict


def test_extension_case_adds_7198_m2_without_new_land() -> None:
    row = judged(table(EXTENSION), "shanghai", STUDY_DATE).frame.iloc[0]
    assert (row["outcome"], row["outcome_no"]) == ("renewal", 4)
    assert row["zero_increment_m2"] == pytest.approx(7198, rel=1e-12)


def test_sources_contradict_each_other_where_they_do() -> None:
    found = contradictions(rule_set("shanghai").documented, about_share=0.1)
    verdict = found.set_index("subject")["verdict"].to_dict()
    assert verdict == {
        "development_rate_after": "contradiction",
        "idle_unused_yr": "contradiction",
        "carriers_2023_10k_m2": "differs",
        "carriers_by_2024_10k_m2": "differs",
    }
    rate = found.set_index("subject").loc["development_rate_after"]
    assert (rate["first_claim"], rate["second_claim"]) == ("= 0.946", "> 0.95")


def test_over_and_under_the_same_figure_cannot_both_be_true() -> None:
    over = next(s for s in rule_set("shanghai").documented if s.id == "development_over_95")
    under = over.model_copy(update={"id": "under", "relation": "lt"})
    upto = over.model_copy(update={"id": "upto", "relation": "le"})
    from_on = over.model_copy(update={"id": "from", "relation": "ge"})
    assert len(contradictions([over, under], about_share=0.1)) == 1
    assert len(contradictions([over, upto], about_share=0.1)) == 1
    assert contradictions([from_on, upto], about_share=0.1).empty


def test_computed_figures_are_held_against_every_statement() -> None:
    checks = documented_against_computed(
        rule_set("shanghai").documented,
        {"development_rate_after": 0.946, "revived_mu": 2100.0},
        about_share=0.1,
    )
    by_claim = checks.set_index(["subject", "claim"])["agrees"]
    assert by_claim["development_rate_after", "= 0.946"]
    assert not by_claim["development_rate_after", "> 0.95"]
    assert not by_claim["revived_mu", "> 2100"], "exactly 2100 is not over 2100"
    assert pd.isna(by_claim["zone_far_after", "= 0.83"])


@pytest.mark.shared
def test_carriers_add_up_to_the_annex(shared: Path) -> None:
    places = pd.read_csv(shared / "facts" / "places_register.csv")
    for year in ("target_2023_10k_m2", "target_2024_10k_m2"):
        places[year] = pd.to_numeric(places[year], errors="coerce")
    carriers = places[places["id"].str.match(r"M\d")].assign(
        district=lambda t: t["district_stated"].str.slice(0, 2)
    )
    sums = carrier_targets(carriers, by="district")
    assert sums["target_2023_10k_m2"].sum() == 188
    assert sums["target_2024_10k_m2"].sum() == 266
    assert sums["target_10k_m2"].to_dict() == {
        "临港": 50,
        "奉贤": 55,
        "宝山": 76,
        "浦东": 102,
        "闵行": 59,
        "青浦": 112,
    }
    waigaoqiao = carrier_targets(carriers, by="id").loc["M2"]
    assert pd.isna(waigaoqiao["target_2024_10k_m2"]), "a dash is unknown, not zero"


def test_uplift_against_targets_keeps_the_unknown_apart() -> None:
    targets = carrier_targets(
        pd.DataFrame(
            {
                "district": ["闵行", "浦东"],
                "target_2023_10k_m2": [16.0, 46.0],
                "target_2024_10k_m2": [43.0, None],
            }
        ),
        by="district",
    )
    out = uplift_against_targets(pd.Series({"闵行": 1_180_000.0, "宝山": 5.0}), targets)
    assert out.loc["闵行", "uplift_of_target_share"] == 2.0
    assert out["status"].to_dict() == {"宝山": "no_data", "浦东": "no_data", "闵行": "ok"}

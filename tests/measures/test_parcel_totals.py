"""Check sums by park, classes by quantile and scenarios."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.measures.parcel_grades import grade, grade_cuts, percentiles, with_grades
from pipeline.measures.parcel_scenarios import (
    holding_levy,
    lease_years,
    uplift_m2,
    zero_class_capacity,
    zero_increment_m2,
)
from pipeline.measures.parcel_totals import (
    add_totals,
    finish_totals,
    partial_totals,
    totals,
    verdict_totals,
)


def park() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "park_id": ["A", "A", "A", "B", None],
            "area_m2": [10_000.0, 30_000.0, 10_000.0, 20_000.0, 5.0],
            "far": [1.0, 0.5, 9.0, np.nan, 1.0],
            "far_target": [2.0, 0.25, 9.0, 2.0, 2.0],
            "tax_10k_yuan": [100.0, np.nan, 900.0, 40.0, 1.0],
            "developed_area_m2": [10_000.0, 15_000.0, 10_000.0, 0.0, 5.0],
            "is_industrial": pd.array([True, True, False, True, True], dtype="boolean"),
            "build_status": ["built", "built", "built", None, "built"],
        }
    )


def test_rates_are_sums_over_sums_of_known_land() -> None:
    out = totals(park(), by="park_id", min_known_share=0.2)
    a = out.loc["A"]
    assert (a["parcels"], a["industrial_parcels"], a["land_m2"]) == (3, 2, 50_000)
    assert a["far"] == 25_000 / 40_000
    assert a["tax_10k_yuan_ha"] == 100.0, "the parcel without tax counts in neither sum"
    assert a["tax_10k_yuan_ha_known_share"] == 0.25
    assert a["tax_10k_yuan_mu"] == pytest.approx(100 / 15)
    assert a["developed_share"] == 35_000 / 50_000, "over all land, industrial or not"
    assert list(out.index) == ["A", "B"], "parcels without a park are left out"


def test_too_little_data_gives_no_rate_and_says_so() -> None:
    out = totals(park(), by="park_id", min_known_share=0.5)
    assert pd.isna(out["tax_10k_yuan_ha"]["A"])
    assert out.loc["A", "tax_10k_yuan_ha_status"] == "no_data"
    assert out.loc["B", "far_status"] == "no_data"
    assert out.loc["B", "developed_share"] == 0.0, "known to be zero is not unknown"


def test_uplift_is_never_negative_and_never_made_of_unknowns() -> None:
    uplift = uplift_m2(park())
    assert uplift.iloc[:3].tolist() == [10_000.0, 0.0, 0.0]
    assert pd.isna(uplift.iloc[3])
    frame = park().assign(uplift_m2=uplift)
    out = totals(frame, by="park_id", min_known_share=0.5)
    assert out.loc["A", "uplift_m2"] == 10_000
    assert pd.isna(out["uplift_m2"]["B"])
    assert out.loc["B", "uplift_m2_known_share"] == 0.0


def test_extension_capacity_is_of_built_parcels_within_the_cap() -> None:
    frame = park().assign(coverage_share=[0.7, 0.3, 0.3, 0.3, 0.3])
    assert zero_increment_m2(frame, max_coverage_share=None).iloc[0] == 10_000
    assert zero_increment_m2(frame, max_coverage_share=0.6).iloc[0] == 0
    assert pd.isna(zero_increment_m2(frame, max_coverage_share=None).iloc[3])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), pieces=st.integers(1, 6))
def test_parts_add_up_to_the_whole_in_any_order(seed: int, pieces: int) -> None:
    rng = np.random.default_rng(seed)
    size = 60
    frame = pd.DataFrame(
        {
            "park_id": rng.choice(["A", "B", "C"], size),
            "area_m2": rng.lognormal(9, 1, size),
            "far": np.where(rng.random(size) < 0.2, np.nan, rng.random(size)),
            "tax_10k_yuan": np.where(rng.random(size) < 0.2, np.nan, rng.lognormal(5, 2, size)),
            "developed_area_m2": rng.random(size),
            "is_industrial": pd.array(rng.random(size) < 0.8, dtype="boolean"),
        }
    )
    whole = totals(frame, by="park_id", min_known_share=0.0)
    shuffled = frame.sample(frac=1, random_state=seed)
    again = totals(shuffled, by="park_id", min_known_share=0.0)
    pd.testing.assert_frame_equal(whole, again, check_exact=True)
    turns = [shuffled.iloc[k::pieces] for k in range(pieces)]
    parts = [partial_totals(part, by="park_id") for part in turns]
    summed = finish_totals(add_totals(parts), min_known_share=0.0)
    pd.testing.assert_frame_equal(whole, summed, rtol=1e-12)


def test_verdicts_are_counted_with_their_land() -> None:
    frame = pd.DataFrame(
        {
            "park_id": ["A", "A", "A"],
            "area_m2": [10_000.0, 20_000.0, 30_000.0],
            "outcome": pd.array(["idle", None, "idle"], dtype="string"),
            "verdict": ["matched", "possible", "matched"],
        }
    )
    out = verdict_totals(frame, by="park_id", outcome="outcome")
    assert out[["outcome", "parcels", "land_mu"]].to_dict("records") == [
        {"outcome": "idle", "parcels": 2, "land_mu": pytest.approx(60)},
        {"outcome": "possible", "parcels": 1, "land_mu": pytest.approx(30)},
    ]


SHARES = {"A": 0.2, "B": 0.4, "C": 0.3, "D": 0.1}


def test_classes_have_the_shares_asked_for() -> None:
    score = pd.Series(np.random.default_rng(3).permutation(100) / 100)
    classes = grade(score, cuts=grade_cuts(score, shares=SHARES), last="D")
    assert classes.value_counts().to_dict() == {"A": 20, "B": 40, "C": 30, "D": 10}
    assert score[classes == "A"].min() > score[classes == "B"].max()


def test_ties_fall_into_the_better_class_and_nulls_into_none() -> None:
    score = pd.Series([1.0, 1.0, 0.5, np.nan])
    classes = grade(score, cuts=grade_cuts(score, shares={"A": 0.34, "D": 0.66}), last="D")
    assert classes.fillna("-").tolist() == ["A", "A", "D", "-"]


def test_percentiles_are_mid_ranks() -> None:
    values = np.array([1.0, 2.0, 2.0, 4.0, np.nan])
    assert percentiles(values, values)[:4].tolist() == [0.125, 0.5, 0.5, 0.875]
    assert np.isnan(percentiles(values, values)[4])


def test_a_stated_class_is_kept_and_a_part_is_graded_like_the_whole() -> None:
    frame = pd.DataFrame({"t": np.arange(10.0), "eff_class": [None] * 9 + ["D"]})
    frame["eff_class"] = frame["eff_class"].astype("string")
    whole = with_grades(frame, weights={"t": 1.0}, shares=SHARES, reference=frame)
    assert whole["grade"].iloc[9] == "D"
    assert whole["grade_basis"].tolist() == ["computed"] * 9 + ["given"]
    part = with_grades(frame.iloc[3:5], weights={"t": 1.0}, shares=SHARES, reference=frame)
    pd.testing.assert_frame_equal(part, whole.iloc[3:5])


def test_scenarios_leave_the_unknown_unknown() -> None:
    frame = pd.DataFrame({"area_m2": [10_000.0, 10_000.0], "far": [1.0, 1.0]})
    options = pd.Series(["m0", None], dtype="string")
    out = zero_class_capacity(
        frame,
        options=options,
        far_by_class={"m0": 2.5},
        industry_share=0.6,
        rd_share=0.3,
        storage_share=0.1,
    )
    assert out["zero_gfa_m2"].iloc[0] == 25_000
    assert out["zero_added_m2"].iloc[0] == 15_000
    mix = out[["zero_industry_m2", "zero_rd_m2", "zero_storage_m2"]].iloc[0].sum()
    assert mix == pytest.approx(25_000)
    assert out.iloc[1].isna().all()
    terms = lease_years(pd.Series(["short", "long", None]), short_term_yr=20, long_term_yr=50)
    assert terms.fillna(-1).tolist() == [20, 50, -1]
    levy = holding_levy(pd.Series(["idle", "x"]), pd.Series([100.0, 100.0]), rates={"idle": 0.2})
    assert levy.fillna(-1).tolist() == [20, -1]

"""Check scores, ranks, adjustment, the pooled test and the comparison with donors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pipeline.measures.island_contrast import AMENITY, MIX, POOLED, Statistic
from pipeline.measures.island_ranks import (
    adjusted,
    at_speed,
    at_width,
    rank_ranges,
    rank_table,
    variants,
)
from pipeline.measures.island_results import ComponentResult, claimed, component_row, verdict
from pipeline.measures.island_score import Scored, among_donors, normal_scores, pooled, score
from pipeline.settings.island import IslandSettings

SETTINGS = IslandSettings(draws=199, min_valid_draws=99)


def result(
    place_id: str, observed: float, *, component: str = "porosity", seed: int = 1,
    reason: str | None = None,
) -> ComponentResult:  # fmt: skip
    null = np.random.default_rng(seed).normal(size=199)
    category = "all" if component == "barriers" else POOLED
    statistic = Statistic(component, category, 800.0, "unit")
    return ComponentResult(place_id, statistic, observed, null, reason=reason)


def test_score_is_high_on_the_island_side_of_each_component() -> None:
    low = normal_scores(result("A", -3.0), SETTINGS)
    high = normal_scores(result("A", 3.0, component="circumvention"), SETTINGS)
    assert low is not None
    assert high is not None
    assert low.observed > 2
    assert high.observed > 2


def test_middling_and_tied_parks_score_about_nothing() -> None:
    middle = normal_scores(result("A", 0.0), SETTINGS)
    assert middle is not None
    assert abs(middle.observed) < 0.2
    assert abs(middle.null.mean()) < 0.02
    tied = ComponentResult("A", Statistic("barriers", "all", 800.0, ""), 0.0, np.zeros(199))
    scores = normal_scores(tied, SETTINGS)
    assert scores is not None
    assert scores.observed == pytest.approx(0.0, abs=1e-9)


def test_either_direction_takes_a_surplus_for_an_island_too() -> None:
    surplus = result("A", 3.0, component=AMENITY)
    either = normal_scores(surplus, IslandSettings(min_valid_draws=99, contrast_direction="either"))
    deficit = normal_scores(surplus, SETTINGS)
    assert either is not None
    assert deficit is not None
    assert either.observed > 2
    assert deficit.observed < -2


def test_the_two_meanings_are_never_blended() -> None:
    scored = score(
        [result("A", -3.0), result("A", 0.0, component=MIX), result("A", 1.0, component="x")],
        settings=SETTINGS,
    )
    assert [item.theme for item in scored] == ["contrast", "separation"]
    assert scored[1].score > scored[0].score + 1


def test_what_cannot_be_measured_is_left_out_and_not_zero() -> None:
    alone = score([result("A", -2.0)], settings=SETTINGS)[0]
    with_missing = score(
        [
            result("A", -2.0),
            result("A", np.nan, component="circumvention"),
            result("A", 1.0, component="barriers", reason="no_barrier_data"),
        ],
        settings=SETTINGS,
    )[0]
    assert with_missing.score == alone.score
    assert set(with_missing.parts) == {"porosity"}
    assert score([result("A", np.nan)], settings=SETTINGS) == []


def test_services_count_as_one_component() -> None:
    gaps = [
        ComponentResult("A", Statistic("access_gap", name, 800.0, "min"), 3.0, one.null)
        for name in ("rail", "school", "hospital")
        for one in [result("A", 0.0)]
    ]
    scored = score([*gaps, result("A", 0.0)], settings=SETTINGS)[0]
    assert set(scored.parts) == {"access_gap", "porosity"}
    assert scored.score == pytest.approx(np.mean(list(scored.parts.values())))


@settings(max_examples=40, deadline=None)
@given(st.floats(-4, 4), st.floats(0.01, 5))
def test_a_more_sealed_park_never_scores_lower(observed: float, less: float) -> None:
    more = normal_scores(result("A", observed - less), SETTINGS)
    fewer = normal_scores(result("A", observed), SETTINGS)
    assert more is not None
    assert fewer is not None
    assert more.observed >= fewer.observed


def test_ranks_start_with_the_most_island_like_and_keep_a_range() -> None:
    base = [result(name, value) for name, value in (("A", -2.0), ("B", 0.0), ("C", 2.0))]
    extra = [
        result(name, value, component="barriers", seed=2)
        for name, value in (("A", -2.0), ("B", 2.5), ("C", 0.0))
    ]
    table = rank_ranges({"800": base + extra, "500": base}, base="800", settings=SETTINGS)
    table = table.set_index("place_id")
    assert table["choices"].tolist() == [4, 4, 4]
    assert (table["rank_low"] <= table["rank"]).all()
    assert (table["rank"] <= table["rank_high"]).all()
    assert table.loc["A", "rank_low"] == 1
    assert table.loc["A", "rank_high"] == 3
    plain = rank_table(score(base, settings=SETTINGS))
    assert plain["rank"].tolist() == [1, 2, 3]


def test_benjamini_hochberg_by_hand() -> None:
    np.testing.assert_allclose(
        adjusted(np.array([0.01, 0.04, 0.03, np.nan])), [0.03, 0.04, 0.04, np.nan]
    )


def test_many_weak_effects_show_together() -> None:
    weak = [result(f"P{i:02d}", -1.0, seed=i) for i in range(20)]
    scored = score(weak, settings=SETTINGS)
    assert min(item.p for item in scored) > 0.05
    together = pooled(scored, theme="separation")
    assert together is not None
    assert together.p == pytest.approx(1 / 200)
    assert together.places == 20
    assert pooled(scored, theme="contrast") is None


def test_no_effect_does_not_show_together() -> None:
    rng = np.random.default_rng(12)
    share = []
    for trial in range(60):
        parks = [result(f"P{i:02d}", rng.normal(), seed=1000 * trial + i) for i in range(8)]
        together = pooled(score(parks, settings=SETTINGS), theme="separation")
        assert together is not None
        share.append(together.p <= 0.05)
    assert np.mean(share) <= 0.15


def minutes(
    place_id: str, service: str, observed: float, *, ring_m: float = 800.0
) -> ComponentResult:
    null = np.random.default_rng(5).normal(size=199)
    statistic = Statistic("access_gap", service, ring_m, "min")
    return ComponentResult(place_id, statistic, observed, null)


def test_every_choice_is_listed_and_services_are_left_out_one_by_one() -> None:
    base = [result("A", 1.0), minutes("A", "station", 2.0), minutes("A", "school", 1.0)]
    ways = variants({"base": base}, base="base")
    assert set(ways) == {
        "base", "without access_gap", "without access_gap school", "without access_gap station",
        "without porosity",
    }  # fmt: skip
    assert [one.statistic.category for one in ways["without access_gap school"]] == [
        POOLED, "station",
    ]  # fmt: skip


def test_another_walking_speed_changes_minutes_and_no_p() -> None:
    usual = [minutes("A", "station", 2.0), result("A", 1.0)]
    slow = at_speed(usual, factor=80 / 64)
    assert [one.observed for one in slow] == [2.5, 1.0]
    before, after = (score(part, settings=SETTINGS)[0] for part in (usual, slow))
    assert (before.score, before.p) == (after.score, after.p)


def test_a_ring_width_takes_its_own_gaps_and_what_knows_no_other() -> None:
    narrow = minutes("A", "station", 9.0, ring_m=500.0)
    every = [minutes("A", "station", 2.0), narrow, result("A", 1.0)]
    assert at_width(every, ring_m=500.0, settings=SETTINGS) == [narrow, every[2]]
    assert at_width(every, ring_m=800.0, settings=SETTINGS) == [every[0], every[2]]


def test_single_kinds_of_barrier_explain_and_are_not_scored() -> None:
    whole = result("A", 0.0, component="barriers")
    rail = replace(whole, observed=3.0, statistic=replace(whole.statistic, category="railway"))
    both, one = (score(part, settings=SETTINGS)[0] for part in ([whole, rail], [whole]))
    assert both.score == one.score


def test_donors_are_counted_by_part() -> None:
    park = Scored("A", "separation", 1.0, np.zeros(1), {"porosity": 1.0})
    donors = [
        Scored("D1", "separation", 0.5, np.zeros(1), {"porosity": 2.0}),
        Scored("D2", "separation", 1.5, np.zeros(1), {"barriers": 1.5}),
        Scored("D3", "contrast", -9.0, np.zeros(1), {}),
    ]
    table = among_donors([park], donors).set_index("part")
    assert table.loc["score", ["more_than", "donors"]].tolist() == [1, 2]
    assert table.loc["porosity", ["more_than", "donors"]].tolist() == [0, 1]


def test_rows_carry_status_and_reason_in_both_languages() -> None:
    row = component_row(result("A", np.nan, reason="unmapped"), SETTINGS)
    assert (row["status"], row["reason"]) == ("not_measurable", "unmapped")
    assert "未测绘" in row["reason_zh"]
    assert "not sealed" in row["reason_en"]
    few = component_row(result("A", 1.0), IslandSettings(draws=999, min_valid_draws=500))
    assert (few["status"], few["observed"]) == ("not_testable", 1.0)
    assert np.isnan(few["p"])
    context = component_row(result("A", 2.0, component="street_density"), SETTINGS)
    assert (context["status"], context["observed"]) == ("ok", 2.0)
    assert np.isnan(context["p"])


@pytest.mark.parametrize(
    ("share", "expected"),
    [(1.0, "robust"), (0.95, "robust"), (0.94, "likely"), (0.66, "likely"), (0.65, "not_testable"),
     (0.06, "not_testable"), (0.04, None), (float("nan"), None)],
)  # fmt: skip
def test_verdict_at_its_thresholds(share: float, expected: str | None) -> None:
    assert verdict(share, SETTINGS) == expected


def test_plausible_footprints_give_the_score_an_interval() -> None:
    sure = result("A", -1.0)
    unsure = ComponentResult(
        "A", sure.statistic, -1.0, sure.null, plausible=np.linspace(-2.0, 0.5, 200)
    )
    certain, uncertain = (score([one], settings=SETTINGS)[0] for one in (sure, unsure))
    low, high = uncertain.interval
    assert low < uncertain.score < high
    assert uncertain.score == certain.score
    assert np.isnan(certain.interval).all()
    same = ComponentResult("A", sure.statistic, -1.0, sure.null, plausible=np.full(200, -1.0))
    assert score([same], settings=SETTINGS)[0].interval == pytest.approx((certain.score,) * 2)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0.001, 1.0), min_size=1, max_size=30))
def test_adjusted_p_agree_with_scipy(p: list[float]) -> None:
    found = adjusted(np.array(p))
    np.testing.assert_allclose(found, stats.false_discovery_control(p, method="bh"))


def test_a_score_that_most_plausible_positions_do_not_share_is_not_claimed() -> None:
    null = np.random.default_rng(5).normal(size=999)
    recorded = Scored(
        "A", "contrast", 3.0, null, {}, plausible=np.r_[np.full(190, 0.2), [3.0] * 10]
    )
    everywhere = Scored("B", "contrast", 3.0, null, {}, plausible=np.full(200, 3.0))
    unscored = Scored("C", "contrast", 3.0, null, {}, plausible=np.r_[[3.0] * 80, [np.nan] * 120])
    certain = Scored("D", "contrast", 3.0, null, {})
    table = claimed(rank_table([recorded, everywhere, unscored, certain]), SETTINGS)
    table = table.set_index("place_id")
    assert table.loc["A", "claim_share"] == pytest.approx(0.05)
    assert table.loc["A", "score"] > table.loc["A", "high"]
    assert table["verdict"].dropna().to_dict() == {"B": "robust", "C": "not_testable"}
    assert table["claim_share"].isna().to_dict() == {"A": False, "B": False, "C": False, "D": True}

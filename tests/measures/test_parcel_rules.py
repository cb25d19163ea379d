"""Check the rule logic against a row-by-row evaluator written independently."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.errors import StudyError
from pipeline.measures.rules import FALSE, TRUE, UNKNOWN, evaluate
from pipeline.settings.parcel_rules import RuleSet
from tests.measures.parcel_cases import BUY_BACK, judged, rule_set, table

Row = dict[str, Any]
NUMBERS, WORDS, FLAGS = ("a", "b"), ("w",), ("f",)


def make(when: dict[str, Any], *, cut: float = 1.0) -> RuleSet:
    text = {"zh": "-", "en": "-"}
    source = {"status": "proposal", "source": "test"}
    return RuleSet.model_validate(
        {
            "schema": "parkgap-rules/1",
            "id": "t",
            **text,
            "cutoffs": {"cut": {"value": cut, "unit": "-", **source, **text}},
            "rules": [{"id": "r", **text, **source, "when": when}],
            "decisions": [
                {
                    "id": "d",
                    **text,
                    "precedence": "-",
                    "outcomes": [{"id": "o", **text, "route": text, "rules": ["r"]}],
                }
            ],
        }
    )


def kleene(node: dict[str, Any], row: Row, cut: float) -> bool | None:
    """Evaluate a condition on one row with None for unknown."""
    if "not" in node:
        inner = kleene(node["not"], row, cut)
        return None if inner is None else not inner
    for word, stop in (("all", False), ("any", True)):
        if word in node:
            parts = [kleene(child, row, cut) for child in node[word]]
            if stop in parts:
                return stop
            return None if None in parts else not stop
    return compare(node, row, cut)


def compare(node: dict[str, Any], row: Row, cut: float) -> bool | None:
    left, op = row[node["field"]], node["op"]
    if op in {"known", "unknown"}:
        return bool((left is None) == (op == "unknown"))
    right = row[node["other"]] if "other" in node else node.get("value", cut)
    if left is None or right is None:
        return None
    tests: dict[str, Callable[[], bool]] = {
        "eq": lambda: bool(left == right),
        "ne": lambda: bool(left != right),
        "in": lambda: left in right,
        "not_in": lambda: left not in right,
        "lt": lambda: bool(left < right),
        "le": lambda: bool(left <= right),
        "gt": lambda: bool(left > right),
        "ge": lambda: bool(left >= right),
    }
    return tests[op]()


def leaves() -> st.SearchStrategy[dict[str, Any]]:
    number = st.fixed_dictionaries(
        {
            "field": st.sampled_from(NUMBERS),
            "op": st.sampled_from(["lt", "le", "gt", "ge", "eq", "ne"]),
            "cutoff": st.just("cut"),
        }
    )
    pair = st.fixed_dictionaries(
        {"field": st.just("a"), "op": st.sampled_from(["lt", "ge"]), "other": st.just("b")}
    )
    word = st.fixed_dictionaries(
        {"field": st.just("w"), "op": st.sampled_from(["eq", "ne"]), "value": st.just("x")}
    )
    words = st.fixed_dictionaries(
        {"field": st.just("w"), "op": st.sampled_from(["in", "not_in"]), "value": st.just(["x"])}
    )
    flag = st.fixed_dictionaries(
        {"field": st.just("f"), "op": st.just("eq"), "value": st.booleans()}
    )
    told = st.fixed_dictionaries(
        {"field": st.sampled_from(["a", "w"]), "op": st.sampled_from(["known", "unknown"])}
    )
    return st.one_of(number, pair, word, words, flag, told)


CONDITIONS = st.recursive(
    leaves(),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"all": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"any": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"not": inner}),
    ),
    max_leaves=8,
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "a": st.sampled_from([None, 0.0, 1.0, 2.0]),
            "b": st.sampled_from([None, 0.0, 1.0]),
            "w": st.sampled_from([None, "x", "y"]),
            "f": st.sampled_from([None, True, False]),
        }
    ),
    min_size=1,
    max_size=8,
)


def frame_of(rows: list[Row]) -> pd.DataFrame:
    frame = pd.DataFrame(rows)
    types = {"a": "float64", "b": "float64", "w": "string", "f": "boolean"}
    return frame.astype(types)


@settings(max_examples=150, deadline=None)
@given(when=CONDITIONS, rows=ROWS)
def test_agrees_with_a_plain_evaluator_on_every_row(when: dict[str, Any], rows: list[Row]) -> None:
    result = evaluate(frame_of(rows), make(when), derived_from={})
    names = {True: TRUE, False: FALSE, None: UNKNOWN}
    assert result.truth["r"].tolist() == [names[kleene(when, row, 1.0)] for row in rows]


@settings(max_examples=100, deadline=None)
@given(when=CONDITIONS, rows=ROWS, fill=st.sampled_from([0.0, 2.0]))
def test_filling_in_the_missing_fields_decides_a_rule(
    when: dict[str, Any], rows: list[Row], fill: float
) -> None:
    result = evaluate(frame_of(rows), make(when), derived_from={})
    missing = result.missing_names(result.missing["r"].to_numpy())
    filled = []
    for row, names in zip(rows, missing, strict=True):
        values = {name: fill if name in "ab" else "x" if name == "w" else True for name in "abwf"}
        filled.append({k: values[k] if k in names.split(";") else v for k, v in row.items()})
    unknown = result.truth["r"].to_numpy() == UNKNOWN
    assert [bool(names) for names in missing] == unknown.tolist()
    again = evaluate(frame_of(filled), make(when), derived_from={}).truth["r"].to_numpy()
    assert not (again == UNKNOWN).any()


def test_an_absent_column_is_unknown_never_false() -> None:
    result = evaluate(
        pd.DataFrame({"b": [1.0]}),
        make({"field": "a", "op": "lt", "cutoff": "cut"}),
        derived_from={},
    )
    assert result.truth["r"].tolist() == [UNKNOWN]
    assert result.missing_names(result.missing["r"].to_numpy()) == ["a"]


def test_missing_indicators_are_named_by_what_a_person_can_fill_in() -> None:
    frame = pd.DataFrame({"a": [np.nan, np.nan], "raw1": [1.0, np.nan], "raw2": [np.nan, np.nan]})
    result = evaluate(
        frame,
        make({"field": "a", "op": "lt", "cutoff": "cut"}),
        derived_from={"a": ("raw1", "raw2")},
    )
    assert result.missing_names(result.missing["r"].to_numpy()) == ["raw2", "raw1;raw2"]


@pytest.mark.parametrize(
    ("when", "words"),
    [
        ({"field": "a", "op": "lt", "value": "0.5"}, "ordering"),
        ({"field": "a", "op": "eq", "value": 5}, "value"),
        ({"field": "a", "op": "lt"}, "takes 1"),
        ({"field": "a"}, "needs an op"),
        ({"field": "a", "op": "known", "cutoff": "cut"}, "takes 0"),
        ({"field": "a", "op": "in", "value": "x"}, "list"),
        ({"field": "a", "op": "lt", "cutoff": "none"}, "not declared"),
        ({"all": []}, "at least 1"),
        ({"rule": "later"}, "not declared before"),
        ({"field": "a", "op": "lt", "cutoff": "cut", "eval": "1"}, "eval"),
        ({"field": "a", "op": "lt", "other": "b", "times": "cut"}, "times"),
    ],
)
def test_a_rule_that_could_hide_an_error_is_refused(when: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        make(when)


def test_cutoffs_can_be_replaced_by_name_only() -> None:
    rules = rule_set("shanghai").with_cutoffs({"zone_far": 1.0})
    assert rules.cutoffs["zone_far"].status == "override"
    assert rule_set("shanghai").cutoffs["zone_far"].value == 0.83
    with pytest.raises(StudyError) as caught:
        rules.with_cutoffs({"far_zone": 1.0, "x": 2.0})
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize("name", ["shanghai", "ningbo"])
def test_every_cutoff_has_a_source_and_is_used(name: str) -> None:
    rules = rule_set(name)
    used = {n for r in rules.rules for node in r.when.walk() for n in (node.cutoff, node.times)}
    assert set(rules.cutoffs) == used - {None}
    assert all(cutoff.source and cutoff.zh and cutoff.en for cutoff in rules.cutoffs.values())
    for decision in rules.decisions:
        assert len({outcome.id for outcome in decision.outcomes}) == len(decision.outcomes)


def test_only_the_idle_type_is_statutory() -> None:
    rules = {rule.id: rule.status for rule in rule_set("shanghai").rules}
    for outcome in rule_set("shanghai").decision("low_type").outcomes:
        statutory = {rules[name] == "statutory" for name in outcome.rules}
        assert statutory == {outcome.id == "idle"}


def test_unknown_decision_is_named() -> None:
    with pytest.raises(StudyError, match="low_type"):
        rule_set("shanghai").decision("lowtype")


def test_verdict_of_a_bare_parcel_is_possible_with_everything_missing() -> None:
    row = judged(table({"area_m2": 1.0}), "shanghai", date(2025, 7, 31)).frame.iloc[0]
    assert (row["verdict"], row["status"]) == ("possible", "no_data")
    assert row["confidence"] == 0
    assert pd.isna(row["outcome"])
    assert len(row["possible"].split(";")) == 8
    assert {"agreed_start", "tenure", "ownership"} <= set(row["missing_fields"].split(";"))


def test_several_types_are_all_named_and_the_strongest_ground_leads() -> None:
    both = BUY_BACK | {"ownership": "collective"}
    row = judged(table(both), "shanghai", date(2025, 7, 31)).frame.iloc[0]
    assert row["outcome"] == "collective"
    assert row["also"] == "buy_back"
    assert row["rules_fired"] == "collective_low;buy_back"


def test_an_estimated_ratio_lowers_the_confidence() -> None:
    given_far = judged(table(BUY_BACK), "shanghai", date(2025, 7, 31)).frame.iloc[0]
    estimated = {k: v for k, v in BUY_BACK.items() if k != "far_now"} | {"far_estimated": 0.35}
    row = judged(table(estimated), "shanghai", date(2025, 7, 31)).frame.iloc[0]
    assert row["outcome"] == "buy_back"
    assert row["estimated"]
    assert row["confidence"] == pytest.approx(0.7 * given_far["confidence"])


NINGBO: dict[str, tuple[dict[str, object], str, str | None]] = {
    "new": ({"in_control_line": False, "new_supply": True}, "violation", None),
    "kept": ({"in_control_line": False, "retained": True}, "retain", "upgrade"),
    "unsafe": (
        {"in_control_line": False, "retained": False, "safety_risk": True},
        "exit",
        "relocate",
    ),
    "aligned": (
        {
            "in_control_line": False,
            "retained": False,
            "industry_aligned": True,
            "safety_risk": False,
        },
        "move",
        "relocate",
    ),
    "low": ({"in_control_line": True, "eff_class": "D"}, "upgrade", "upgrade"),
    "rezoned": (
        {"in_control_line": True, "eff_class": "C", "plan_use_2023": "09"},
        "transform",
        "transform",
    ),
}


@pytest.mark.parametrize("case", NINGBO)
def test_ningbo_control_line(case: str) -> None:
    fields, treatment, renewal = NINGBO[case]
    defaults: dict[str, object] = {
        "landuse_2023": "100101",
        "new_supply": False,
        "plan_use_2023": "100101",
    }
    frame = table(defaults | {"landuse_sh": "M1", "area_m2": 10_000.0} | fields)
    for name in ("in_control_line", "new_supply", "retained", "safety_risk", "industry_aligned"):
        if name in frame:
            frame[name] = frame[name].astype("boolean")
    row = judged(frame, "ningbo", date(2025, 7, 31)).frame.iloc[0]
    assert row["outcome"] == treatment
    if renewal is not None:
        assert row["renewal_class_outcome"] == renewal


@pytest.mark.parametrize(("far", "flag"), [(1.99, True), (2.0, False), (None, None)])
def test_ningbo_floor_counts_at_exactly_the_threshold(far: float | None, flag: bool | None) -> None:  # noqa: FBT001
    frame = table({"area_m2": 1.0, "far_plan": far, "new_supply": True, "in_urban_area": True})
    frame["far_plan"] = frame["far_plan"].astype("float64")
    row = judged(frame, "ningbo", date(2025, 7, 31)).frame.iloc[0]
    value = row["flag_far_below_floor"]
    assert (None if pd.isna(value) else bool(value)) is flag


def test_ningbo_m0_floor_and_ancillary_share() -> None:
    rows = [
        {"landuse_sh": "M0", "far_plan": 2.4, "gfa_m2": 100.0, "rd_gfa_m2": 15.0},
        {"landuse_sh": "M0", "far_plan": 2.5, "gfa_m2": 100.0, "rd_gfa_m2": 15.1},
    ]
    frame = table(*({"area_m2": 1.0, "new_supply": True} | row for row in rows))
    out = judged(frame, "ningbo", date(2025, 7, 31)).frame
    assert out["flag_far_below_floor_m0"].tolist() == [True, False]
    assert out["flag_rd_above_share"].tolist() == [False, True]

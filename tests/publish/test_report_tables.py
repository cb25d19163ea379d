"""Outcomes, counts, intervals and tables of the report, on places counted by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.publish import report_tables
from pipeline.publish.report import build_report
from pipeline.publish.report_cells import clean, interval, number, with_unit
from pipeline.publish.report_evidence import contradictions, standards
from pipeline.publish.report_figures import draw_figures
from pipeline.publish.report_guide import how_to_read
from pipeline.publish.report_island import island_tables
from pipeline.publish.report_outcomes import OUTCOMES, count_interval, outcomes, tally
from pipeline.publish.report_parcels import headline, parcel_tables, parcel_words
from pipeline.publish.report_scenario import scenario_table, scenario_words
from pipeline.publish.report_text import summary
from pipeline.settings.needs import NEEDS
from tests.publish.report_samples import (
    NOTHING,
    STANDARD_COLUMNS,
    gaps,
    island,
    parcels,
    places,
    sample,
)


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (None, "min", "—"),
        (math.nan, "share", "—"),
        (0.0, "min", "0.0"),
        (9.96, "min", "10.0"),
        (224.6, "min", "225"),
        (0.478, "share", "48"),
        (0.039, "km2", "0.039"),
        (14.9518, "km2", "14.9518"),
        (266.0, "10k_m2", "266"),
        (1500.4, "m", "1,500"),
    ],
)
def test_a_number_has_the_decimals_of_its_unit(
    value: float | None, unit: str, expected: str
) -> None:
    assert number(value, unit) == expected


def test_nothing_found_is_never_written_as_zero() -> None:
    assert number(None, "count") != number(0.0, "count")
    assert with_unit(None, "min").en == "no value"
    assert interval(3.0, None, "min") == ""


def test_an_estimate_is_marked() -> None:
    assert with_unit(3.0, "min", estimated=True).zh == "≈3.0 分钟"
    assert with_unit(3.0, "min").en == "3.0 min"


def test_outcomes_of_every_kind() -> None:
    table = pd.DataFrame(
        [
            (0.5, "gap", "robust"),
            (0.5, "gap", "likely"),
            (0.5, None, "not_testable"),
            (0.0, "no_gap", "likely"),
            (0.0, "no_gap", "robust"),
            (None, "gap", "robust"),
            (0.5, "gap", None),
            (0.0, "no_gap", None),
            (0.5, "gap", "not_testable"),
        ],
        columns=["gap", "finding", "verdict"],
        index=list("abcdefghi"),
    )
    assert outcomes(table).to_dict() == {
        "a": "gap_robust", "b": "gap_likely", "c": "undecided", "d": "no_gap_likely",
        "e": "no_gap_robust", "f": "no_value", "g": "gap_robust", "h": "no_gap_robust",
        "i": "undecided",
    }  # fmt: skip


@given(
    st.lists(
        st.tuples(
            st.sampled_from([0.0, 0.4, None]),
            st.sampled_from(["gap", "no_gap", None]),
            st.sampled_from(["robust", "likely", "not_testable", None]),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_counts_add_up_and_bound_each_other(rows: list[tuple[object, object, object]]) -> None:
    counts = tally(outcomes(pd.DataFrame(rows, columns=["gap", "finding", "verdict"])))
    assert list(counts.index) == list(OUTCOMES)
    assert counts.sum() == len(rows)
    least, most = count_interval(counts)
    assert 0 <= least <= most <= len(rows) - counts["no_value"]


def test_the_matrix_counts_each_place_once() -> None:
    table = report_tables.matrix(sample())
    carriers = next(row for row in table.rows if row[0].zh == "制造载体")
    rail, hospital, school, composite = carriers[2:]
    assert [(mark.css, mark.zh.split()[0]) for mark in rail.badges] == [
        ("gap-robust", "1"), ("no-gap-robust", "1"),
    ]  # fmt: skip
    assert {mark.css for mark in hospital.badges} == {"no-gap-likely", "no-gap-robust"}
    assert [(mark.css, mark.zh) for mark in school.badges] == [("no-value", "2 无值")]
    assert [mark.zh for mark in composite.badges] == ["2 无值"]
    counted = {row[0].zh: int(row[1].zh) for row in table.rows}
    assert counted["案例园区"] == 1  # of tier x, and in no other row
    assert sum(counted.values()) == int(table.total[1].zh) == 4


def test_the_ranking_tells_incomplete_places_from_silent_ones() -> None:
    table = report_tables.ranking(sample())
    assert [row[1].zh for row in table.rows] == ["案例园", "载体一", "载体二"]
    assert table.rows[0][0].interval == "(1–2)"
    assert table.rows[0][3].interval == "[0.40, 0.60]"
    assert table.rows[1][0].zh == "—"
    assert table.rows[1][3].interval == "[0.30, 0.70]"  # what missing services leave open
    assert "1 处没有任何服务的值" in table.notes[0].zh


def test_a_service_cell_shows_method_interval_and_verdict() -> None:
    estimated = report_tables.service_cell(sample(), "rail", "K1")
    assert (estimated.zh, estimated.interval) == ("≈29.0", "[14.0, 56.0]")
    assert estimated.badges[0].css == "gap-robust"
    measured = report_tables.service_cell(sample(gaps=gaps(measured=("K1",))), "rail", "K1")
    assert measured.zh == "29.0"
    silent = report_tables.service_cell(sample(), "rail", "R1")
    assert (silent.zh, silent.badges[0].zh) == ("—", "无数据")


def test_areas_agree_within_the_setting() -> None:
    table = report_tables.case_parks(sample())
    assert table is not None
    assert [cell.zh for cell in table.rows[0][2:5]] == ["3.13", "3.13", "3.13"]
    assert table.rows[0][3].badges[0].en == "agree"
    other = pd.DataFrame({"figure_id": ["case_area_k1"], "value": [3.5]})
    apart = report_tables.case_parks(sample(documented=other))
    assert apart is not None
    assert apart.rows[0][3].badges[0].en == "differ"


def test_targets_are_summed_and_a_missing_one_is_no_zero() -> None:
    table = report_tables.targets(sample())
    assert table is not None
    assert [cell.zh for cell in table.total[3:5]] == ["69", "33"]
    assert table.rows[1][4].zh == "—"


def test_districts_sum_what_the_register_states() -> None:
    table = report_tables.districts(sample())
    assert table is not None
    assert [row[0].zh for row in table.rows] == ["浦东新区", "闵行区", "跨区或未载"]
    assert [cell.zh for cell in table.rows[1][1:4]] == ["1", "46", "33"]
    assert [cell.zh for cell in table.rows[2][1:4]] == ["1", "23", "—"]


def test_sections_without_their_tables_do_not_exist() -> None:
    alone = places()
    alone = alone[alone["place_id"].eq("R1")].reset_index(drop=True)
    data = sample(places=alone, gaps=gaps({"R1": (NOTHING, NOTHING, NOTHING)}))
    assert report_tables.case_parks(data) is None
    assert report_tables.targets(data) is None
    assert report_tables.districts(data) is None
    assert contradictions(data) is None
    assert standards(data) is None
    assert parcel_tables(data) == []
    none = {name: table.iloc[:0] for name, table in parcels(synthetic=False).items()}
    assert 'id="parcels"' not in build_report(sample(parcels=none)).html


def test_a_guide_speaks_of_discs_only_where_there_are_any() -> None:
    drawn = places()
    discs = int(drawn["boundary_class"].eq("indicative").sum())
    told = [text.zh for _, text in how_to_read(sample(places=drawn))]
    assert [text for text in told if text.startswith(f"{discs} 处地点没有公开的边界")]
    certain = sample(places=drawn.assign(boundary_class="digitised"))
    assert not [text for _, text in how_to_read(certain) if "示意圆" in text.zh]


def test_the_island_table_counts_what_rests_on_straight_lines() -> None:
    found = island()
    gap = {"component": "access_gap", "category": "hospital", "unit": "min", "basis": "streets"}
    row = found["island"].iloc[0].to_dict() | gap
    rows = [row, row | {"place_id": "M1", "basis": "straight_line"}]
    for all_, note in ((rows, "可达差距 2 项中 1 项为直线估算"), (rows[1:], "可达差距为直线估算")):
        table = pd.concat([found["island"], pd.DataFrame(all_)], ignore_index=True)
        profile = island_tables(sample(island=found | {"island": table}))[1]
        assert profile is not None
        assert note in profile.notes[0].zh


def test_the_summary_takes_its_figures_from_the_tables() -> None:
    lines = [line.text.zh for line in summary(sample())]
    assert "缺口稳健 2 处、较可能 0 处，无缺口 1 处，无法判定 0 处；另有 1 处无值" in lines[1]
    assert any("2023 年 69、2024 年 33 万平方米，共 102" in line for line in lines)
    assert any("其中 23 万平方米（23%" in line for line in lines)  # M2, of 102
    shifted = sample(
        gaps=gaps({"K1": (NOTHING,) * 3, "M1": (NOTHING,) * 3, "M2": (NOTHING,) * 3,
                   "R1": (NOTHING,) * 3})
    )  # fmt: skip
    silent = [line.text.zh for line in summary(shifted)]
    assert "4 处都没有值" in silent[1]
    assert not any("nan" in line.lower() for line in silent)


def test_an_unverified_standard_says_so() -> None:
    row = dict.fromkeys(STANDARD_COLUMNS, "") | {
        "standard_id": NEEDS[0].standard_id, "standard_zh": "标准甲", "standard_en": "Standard A",
        "confidence": "memory", "value": 800.0, "unit": "m", "kind": "threshold",
    }  # fmt: skip
    data = sample(standards=pd.DataFrame([row]))
    marks = [mark.zh for mark in summary(data)[1].marks]
    assert "门槛依据：标准甲，未核实（凭记忆）" in marks
    assert "标准未核实" in report_tables.service_columns(data)[0].unit
    assert "标准未核实" in draw_figures(data)["gap_strip"]
    table = standards(data)
    assert table is not None
    assert table.rows[0][2].badges[0].css == "gap-robust"


def test_synthetic_parcels_are_marked_everywhere_they_are_told() -> None:
    made, real = parcels(synthetic=True), parcels(synthetic=False)
    tables = [table for table in parcel_tables(sample(parcels=made)) if table is not None]
    assert all("合成 synthetic" in table.caption.zh for table in tables)
    assert headline(made).zh.startswith("合成地块")
    plain = [table for table in parcel_tables(sample(parcels=real)) if table is not None]
    assert not any("合成" in table.caption.zh for table in plain)
    assert tables[0].rows[0][7].zh == "—"  # no field for the potential: not zero
    assert tables[0].rows[0][5].zh == "3.2"


def test_parcels_outside_every_park_are_explained_instead_of_an_empty_table() -> None:
    given = parcels(synthetic=False)
    assert parcel_words(sample(parcels=given)) == []
    outside = given | {"totals": given["totals"].assign(level="district")}
    data = sample(parcels=outside)
    assert "parcel-totals" not in {table.name for table in parcel_tables(data) if table}
    assert "park_id" in parcel_words(data)[0].zh
    section = next(
        part for part in build_report(data).html.split("<section") if 'id="parcels"' in part[:40]
    )
    assert "park_id" in section


def test_the_island_profile_keeps_meanings_nulls_and_verdicts_apart() -> None:
    pooled, profile = island_tables(sample(island=island()))
    assert pooled is not None
    assert profile is not None
    assert [cell.zh for cell in pooled.rows[0][1:]] == ["2", "0.40", "-0.30 … 0.30", "0.020"]
    assert [row[0].zh for row in profile.rows] == ["案例园", "载体一", "载体二"]
    tested, small, certain = (row[1:] for row in profile.rows)
    assert (tested[0].zh, tested[0].interval) == ("1 / 2", "(1–2)")
    assert (tested[1].zh, tested[1].interval) == ("-1.20", "-0.50 … 0.60")
    assert tested[1].badges[0].en == "island-like, robust"
    assert (small[1].zh, small[1].badges[0].zh) == ("—", "不可测")
    assert certain[1].badges[0].zh == "p = 0.200"
    assert "边界通透度" in profile.notes[0].zh  # not measured, and said so
    assert island_tables(sample()) == []
    assert any("p = 0.020" in line.text.zh for line in summary(sample(island=island())))


def test_the_scenario_tells_before_and_after_and_what_stays() -> None:
    after = pd.DataFrame(
        {
            "place_id": ["K1", "M1", "M2"],
            "service": "rail",
            "value": [9.0, 8.0, 11.0],
            "gap": [0.0, 0.0, 0.1],
        }
    )
    data = sample(scenario=after, stations_ahead={"operating": 9, "under_construction": 2})
    table = scenario_table(data)
    assert table is not None
    assert [row[0].zh for row in table.rows] == ["案例园", "载体二"]  # M1 stays as it is
    assert [(cell.zh, *(mark.en for mark in cell.badges)) for cell in table.rows[0][2:]] == [
        ("29.0", "beyond"), ("9.0", "within"), ("0.50 → 0.00",),
    ]  # fmt: skip
    assert "另 1 处不变" in table.notes[0].zh
    assert "在建 2 座、规划 0 座" in scenario_words(data)[0].zh
    assert "由 1 处变为 2 处" in next(
        line.text.zh for line in summary(data) if line.text.zh.startswith("情景")
    )
    assert scenario_table(sample()) is None


@given(st.text(max_size=300))
def test_clean_text_is_one_short_line_any_encoder_takes(text: str) -> None:
    done = clean(text)
    assert len(done) <= 64
    assert done.encode("utf-8").decode("utf-8") == done
    assert not any(ord(character) < 32 for character in done)
    assert clean(done) == done


def test_clean_takes_what_tables_hold() -> None:
    assert clean(None) == clean(np.nan) == clean(pd.NA) == ""
    assert clean(2035) == "2035"
    assert clean("a\ud800b\x00\u202ec") == "abc"

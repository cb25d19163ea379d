"""Check the words that maps make of codes and figures, and the names of their files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.publish.map_addresses import park_pages
from pipeline.publish.map_changes import scenario_gaps, with_changes
from pipeline.publish.map_measures import code_words
from pipeline.publish.map_verdicts import verdict_words, with_verdicts
from pipeline.publish.park_words import NO_GAP, POINT, SmallPrint
from pipeline.publish.study_words import study_words
from pipeline.settings.needs import NEEDS
from tests.first_study import SHANGHAI

NAMES = {"rail": ("轨道站点", "Rail"), "hospital": ("三级医院", "Tertiary hospital")}
PLANNED = ("建成后", "once built")


@pytest.mark.parametrize(
    ("code", "zh", "en"),
    [
        ("minutes_nearest_median", "到最近处的时间，中位数", "time to the nearest, median"),
        ("minutes_nearest_p90", "第 90 百分位", "90th percentile"),
        ("share_area_euclid_600m", "直线 600 米内", "within 600 m as the crow flies"),
        ("share_area_within_15min", "15 分钟内", "within 15 min"),
        ("ledger_800m", "步行覆盖减直线覆盖", "on foot minus straight line"),
        ("count_within_5000m", "直线 5000 米内", "within 5000 m"),
        ("access_2sfca_gaussian_by_land_area", "高斯衰减，按用地面积", "Gaussian decay, per land"),
        ("senior_policy_76_own_district", "76 所，限本区", "(76), own district only"),
        ("with_planned", "含在建与规划车站", "planned"),
        ("campus/km2", "处/km²", "campuses per km²"),
    ],
)
def test_codes_are_named_in_both_languages(code: str, zh: str, en: str) -> None:
    words = code_words([code], given=SHANGHAI.inputs.labels)[code]
    assert zh in words[0]
    assert en in words[1]


def test_codes_that_name_a_hub_take_its_name() -> None:
    hubs = {"rail_hongqiao": ("虹桥枢纽", "Hongqiao hub")}
    words = code_words(["minutes_to_rail_hongqiao_p90", "minutes_to_x_mean"], named=hubs)
    assert words["minutes_to_rail_hongqiao_p90"] == (
        "到虹桥枢纽的时间，第 90 百分位",
        "time to Hongqiao hub, 90th percentile",
    )
    assert words["minutes_to_x_mean"][1] == "time to x, mean"


def test_a_code_nobody_knows_keeps_its_name() -> None:
    assert code_words(["share_of_pink_elephants", "minutes_nearest"]) == {}


def test_a_service_is_called_by_what_its_gap_is_held_against() -> None:
    given = SHANGHAI.inputs.labels
    labels = pd.DataFrame(
        [(code, *names) for code, names in given.items()], columns=["code", "name_zh", "name_en"]
    )
    words = study_words(labels, SHANGHAI.gaps.needs)
    assert words["hospital"] == ("三甲综合医院", "Grade 3A general hospitals")
    assert words["facility_hospital"] == ("三级医院", "Tertiary hospitals")  # as they are drawn
    assert words["rail"] == words["facility_rail"] == ("轨道站点", "Rail")
    assert study_words(labels, NEEDS)["hospital"] == ("三级医院", "Tertiary hospitals")


def test_a_composite_answers_two_questions_in_different_words() -> None:
    rows = pd.DataFrame(
        {
            "service": ["rail", "composite", "composite", "composite"],
            "gap": [0.4, 0.4, 0.2, np.nan],
            "finding": ["gap", "gap", "gap", None],
            "verdict": [None, "robust", "not_testable", "not_testable"],  # certain: no verdict
            "rank_finding": [None, "no_gap", "gap", None],
            "rank_verdict": [None, "likely", "robust", "not_testable"],
        }
    )
    words, found = verdict_words(10), with_verdicts(rows)
    told = {
        name: [words[code][0] if isinstance(code, str) else None for code in found[name]]
        for name in ("judged", "largest")
    }
    assert told["judged"] == ["有缺口", "至少一项有缺口·稳健", "有没有一项有缺口：无法判定", None]
    assert told["largest"] == [
        None, "不属于缺口最大的 10 处·较可能", "缺口最大的 10 处之一·稳健", None,
    ]  # fmt: skip
    assert len({zh for zh, _ in words.values()}) == len(words)


def test_a_scorecard_tells_threshold_doubt_interval_and_nearest_in_both_languages() -> None:
    standards = pd.DataFrame({"standard_id": ["s"], "confidence": ["memory"]})
    scores = pd.DataFrame(
        {
            "service": ["rail", "composite", "separation"],
            "low": [14.2, 1.0, -0.87],
            "high": [55.8, 1.0, 0.75],
            "unit": ["min", "share", "score"],
            "need": [10.0, np.nan, np.nan],
            "standard_id": ["s", None, None],
            "status": ["ok", "ok", "ok"],
            "nearest_name_zh": ["新场", None, None],
            "nearest_name_en": ["Xinchang", None, None],
            "nearest_straight_m": [2340.0, np.nan, np.nan],
            "significant": [None, None, False],
            "gap": [0.4, 1.0, 0.3],
            "p_single": [np.nan, np.nan, 0.005],
            "p": [np.nan, np.nan, 0.036],
            "rank": [3.0, 1.0, 2.0],
            "rank_low": [2.0, 1.0, 2.0],
            "rank_high": [4.0, 1.0, 9.0],
            "ranked": [np.nan, np.nan, 14.0],
        }
    )
    told = SmallPrint(standards).scorecard(scores)
    rows = told.cells.columns
    assert rows["held"][0] == "门槛 10 分钟（标准未核实）"
    narrow = SmallPrint(
        standards, {"rail": ("地铁站", "Metro"), "facility_rail": ("车站", "Stations")}
    )
    assert (
        narrow.scorecard(scores).cells.columns["held"][0]
        == "门槛 10 分钟（标准未核实）；只计地铁站"
    )
    nearest = ("最近：新场，直线 2.3 km", "nearest: Xinchang, 2.3 km by air")
    assert rows["nearest"][0] == nearest[0]
    assert nearest in told.words()
    second = told.rows(slice(1, 2))  # a page takes the rows of its park, and their words alone
    assert second.cells.columns["gap_interval"] == [POINT[0]]
    assert nearest not in second.words()
    assert rows["interval"] == [
        "90% 区间 14.2–55.8", None, "90% 区间 -0.87 至 0.75",
    ]  # fmt: skip
    assert rows["gap_interval"] == [None, POINT[0], None]
    assert rows["quiet"] == [False, False, True]
    assert rows["placed"] == [
        None, None, "p = 0.005，多重比较校正后 0.036；名次 2 (2–9) / 14",
    ]  # fmt: skip
    assert rows["meant"] == [None, None, NO_GAP[0]]


def access(value: float | None) -> pd.DataFrame:
    need = NEEDS[0]
    return pd.DataFrame(
        {
            "place_id": ["A"], "service": ["rail"], "variant": ["with_planned"],
            "mode": [need.mode], "measure": [need.measure], "value": [value],
            "low": [None], "high": [None], "unit": ["min"], "method": ["measured_network"],
        }
    )  # fmt: skip


def test_a_scenario_is_held_against_the_same_standard() -> None:
    table = scenario_gaps(
        access(15.0), NEEDS, variant="with_planned", normalisation="share_of_standard", cap=1.0
    )
    assert table["gap"].tolist() == pytest.approx([0.5])  # 5 minutes over a standard of 10
    relative = scenario_gaps(
        access(15.0), NEEDS, variant="with_planned", normalisation="percentile", cap=1.0
    )
    assert relative["gap"].isna().all()  # one place alone has no percentile


def gaps() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "place_id": ["A", "A", "A"],
            "service": ["rail", "hospital", "composite"],
            "value": [25.0, 20.0, 0.5],
            "unit": ["min", "min", "share"],
            "gap": [1.0, 0.2, 0.6],
            "need": [10.0, 30.0, np.nan],
            "missed_by": [15.0, -10.0, np.nan],
        },
        index=[7, 3, 5],
    )


def told(value: float | None) -> pd.DataFrame:
    scenario = scenario_gaps(
        access(value), NEEDS, variant="with_planned", normalisation="share_of_standard", cap=1.0
    )
    return with_changes(
        gaps(), scenario, scenario_name=PLANNED, weights={"rail": 1.0, "hospital": 1.0},
        service_names=NAMES,
    )  # fmt: skip


def test_what_would_change_a_gap_is_computed() -> None:
    found = told(12.0)
    assert found.index.tolist() == [7, 3, 5]
    assert found["change_zh"][7] == (
        "现状 25 分钟，比 10 分钟的门槛多 15 分钟；"
        "建成后 12 分钟，比 10 分钟的门槛多 2 分钟（缺口 1.00 → 0.20）"
    )
    assert found["change_en"][7] == (
        "today 25 min, 15 min over the threshold of 10 min; "
        "once built 12 min, 2 min over the threshold of 10 min (gap 1.00 → 0.20)"
    )
    assert found["change_zh"][3] is None
    assert found["change_zh"][5] == "补齐“轨道站点”后，综合由 0.60 降为 0.10"  # (0 + 0.2) / 2


def test_an_unknown_scenario_says_nothing_and_a_useless_one_says_so() -> None:
    assert "建成后" not in told(None)["change_zh"][7]
    assert told(25.0)["change_zh"][7].endswith("；建成后不变")


def test_a_fall_that_leaves_a_gap_at_its_ceiling_says_so() -> None:
    assert (
        "建成后 22 分钟，比 10 分钟的门槛多 12 分钟（缺口仍为 1.00：已封顶）"
        in told(22.0)["change_zh"][7]
    )
    assert "建成后 9 分钟，在门槛以内（缺口 1.00 → 0.00）" in told(9.0)["change_zh"][7]


def test_files_have_names_that_every_system_takes() -> None:
    hostile = [
        "K1",
        "k1",
        "../../etc/passwd",
        "a b",
        "<script>",
        "con",
        "园区",
        "x" * 300,
        "K1.html",
    ]
    pages = park_pages(hostile)
    names = [page.removeprefix("parks/").removesuffix(".html") for page in pages.values()]
    assert pages["K1"] == "parks/K1.html"
    assert len({name.lower() for name in names}) == len(hostile)
    assert all(name.isascii() and len(name) < 60 for name in names)
    assert all(set('/\\<>:"|?* .').isdisjoint(name) for name in names)
    assert pages == park_pages(reversed(hostile))


def test_map_code_knows_no_city() -> None:
    publish = Path(__file__).resolve().parents[2] / "pipeline" / "publish"
    stages = publish.parent / "stages"
    files = [
        *publish.glob("*map*.py"), *publish.glob("park_*.py"), *(publish / "assets").glob("*.js"),
        *stages.glob("map*.py"),
    ]  # fmt: skip
    assert len(files) > 30
    for path in files:
        text = path.read_text("utf-8")
        for word in ("上海", "Shanghai", "闵行", "1+5", "张江"):
            if word == "张江" and path.name == "map_search.py":
                continue  # an example of pinyin in a docstring
            assert word not in text, (path.name, word)

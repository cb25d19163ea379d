"""The answers say what the tables hold, with their doubt, and nothing a table cannot tell."""

from __future__ import annotations

import pandas as pd

from pipeline.publish.synthesis_words import answers

NAMES = {"r": ("研", "R"), "m": ("造", "M")}


def tables(**given: pd.DataFrame) -> dict[str, pd.DataFrame]:
    empty = {
        "siting": ["service", "proposal", "model", "sites", "helped_places", "demand_places"],
        "sites": ["service", "proposal", "model", "sites", "name_zh", "name_en"],
        "pairing": ["research_id", "carrier_id", "first", "first_share", "minutes"],
        "prices": ["role", "price_min", "told_zh", "told_en"],
        "two_tier": ["place_id"],
        "fit": ["index"],
        "layout_targets": ["kind", "group"],
        "rings": ["name_zh", "name_en"],
    }
    return {name: given.get(name, pd.DataFrame(columns=columns)) for name, columns in empty.items()}


def test_empty_tables_answer_nothing() -> None:
    assert answers(tables(), NAMES) == []


def test_a_pair_says_how_sure_it_is() -> None:
    pairs = pd.DataFrame(
        {
            "research_id": ["r", "r"], "carrier_id": ["m", "x"], "first": [True, False],
            "first_share": [0.94, 0.0], "minutes": [34.4, 50.0],
        }
    )  # fmt: skip
    ((zh, en),) = answers(tables(pairing=pairs), NAMES)
    assert "34 分钟" in zh
    assert "不稳定" in zh
    assert "in 94% of draws (not stable)" in en
    ((zh, _),) = answers(tables(pairing=pairs.assign(first_share=0.95)), NAMES)
    assert "（稳健）" in zh


def test_only_an_interval_off_zero_shows_a_relation() -> None:
    fit = pd.DataFrame(
        {
            "index": "rank_correlation", "ranking": "tier",
            "service": ["rail", "hospital", "school"],
            "value": [0.5, -0.5, 0.1], "low": [0.1, -0.8, -0.3], "high": [0.8, -0.2, 0.4],
            "observations": 19,
        }
    )  # fmt: skip
    said = [zh for zh, _ in answers(tables(fit=fit), NAMES)]
    assert ["的供给跟随" in said[0], "相反于" in said[1], "看不出跟随" in said[2]] == [True] * 3


def test_a_two_tier_test_without_verdicts_is_no_absence() -> None:
    unknown = pd.DataFrame({"place_id": ["a"], "tier": pd.Series([None], dtype="str")})
    ((zh, _),) = answers(tables(two_tier=unknown), NAMES)
    assert "不能判定" in zh
    known = pd.DataFrame({"place_id": list("abc"), "tier": ["basic_only", None, "neither"]})
    ((zh, _),) = answers(tables(two_tier=known), NAMES)
    assert "2 项中有 1 项" in zh


def test_a_site_that_helps_nobody_is_no_answer() -> None:
    key = {"service": ["school"], "proposal": ["campus"], "model": ["mclp"], "sites": [1]}
    siting = pd.DataFrame({**key, "helped_places": [3], "demand_places": [7]})
    sites = pd.DataFrame({**key, "name_zh": ["某处"], "name_en": ["somewhere"]})
    ((zh, en),) = answers(tables(siting=siting, sites=sites), NAMES)
    assert "7 处缺口地点中有 3 处" in zh
    assert en.startswith("One more school: best at somewhere")
    assert answers(tables(siting=siting.assign(helped_places=0), sites=sites), NAMES) == []

"""Joining facts to places: sure joins are right, doubtful ones wait for a person and are kept."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import CrsError, FieldError
from pipeline.settings.sources import ConflateSettings
from pipeline.sources.conflate import (
    Conflation,
    conflate,
    read_decisions,
    write_decisions,
)
from pipeline.sources.name_likeness import name_likeness
from pipeline.sources.place_names import aliases, campus_words, core_name, fold_name, station_name

SETTINGS = ConflateSettings()
CRS = 32651


def _frame(rows: list[tuple[str, str, float | None]]) -> gpd.GeoDataFrame:
    """Ids, names and a distance along a line (nothing: no point)."""
    geometry = [None if x is None else shapely.Point(350_000 + x, 3_450_000) for *_, x in rows]
    table = {"id": [r[0] for r in rows], "name": [r[1] for r in rows]}
    return gpd.GeoDataFrame(table, geometry=geometry, crs=CRS)


def _join(
    facts: gpd.GeoDataFrame,
    places: gpd.GeoDataFrame,
    settings: ConflateSettings = SETTINGS,
    *,
    decisions: pd.DataFrame | None = None,
) -> Conflation:
    return conflate(
        facts,
        places,
        fact_id="id",
        fact_name="name",
        place_id="id",
        place_names=("name",),
        settings=settings,
        decisions=decisions,
    )


@pytest.mark.parametrize(
    ("name", "core", "campus"),
    [
        ("上海市第六人民医院（临港院区）", "第六人民医院", "临港院区"),
        ("复旦大学附属中山医院徐汇院区", "复旦大学附属中山医院", "徐汇院区"),
        ("上海市 市西中学", "市西中学", ""),
        ("ＡＢＣ Hospital", "abchospital", ""),
        ("上海中学", "上海中学", ""),
        ("仁济医院东院", "仁济医院", "东院"),
        ("本部", "本部", "本部"),
    ],
)
def test_what_names_an_institution(name: str, core: str, campus: str) -> None:
    assert core_name(name) == core
    assert campus_words(name) == campus


def test_other_foldings() -> None:
    assert station_name("上海火车站（地铁站）") == "上海火车"
    assert station_name("徐家汇") == station_name("徐家汇 站")
    assert aliases("第二附属医院（上海长征医院）") == (
        "第二附属医院（上海长征医院）",
        "上海长征医院",
    )
    assert aliases("中山医院（徐汇院区）") == ("中山医院（徐汇院区）",)
    assert fold_name(None) == fold_name("") == ""
    assert aliases(None) == ()


@given(st.text(max_size=12), st.text(max_size=12))
def test_likeness_is_symmetric_and_bounded(left: str, right: str) -> None:
    score = name_likeness(left, right)
    assert 0.0 <= score <= 1.0
    assert score == name_likeness(right, left)
    if fold_name(left):
        assert name_likeness(left, left) == 1.0


def test_likeness_orders_candidates_as_a_person_would() -> None:
    fact = "上海交通大学医学院附属仁济医院（西院）"
    ranked = ["仁济医院西院", "仁济医院", "仁济医院东院", "瑞金医院"]
    scores = [name_likeness(fact, name) for name in ranked]
    assert scores[0] >= scores[1] > scores[2] > scores[3]


def test_sure_joins_and_places_far_away() -> None:
    facts = _frame([("a", "上海市甲医院", 0), ("b", "乙医院", 0), ("c", "丙医院", None)])
    places = _frame([("1", "甲医院", 100), ("2", "乙医院", 9000), ("3", "丙医院", 50)])
    joins = _join(facts, places).joins
    assert joins["outcome"].tolist() == ["accepted", "unmatched", "accepted"]
    assert joins["place_id"].fillna("").tolist() == ["1", "", "3"]
    assert joins["distance_m"].iloc[0] == pytest.approx(100)
    assert pd.isna(joins["distance_m"].iloc[2])


def test_a_doubtful_record_shows_its_best_candidates_and_says_how_many_more() -> None:
    places = _frame([(str(n), f"甲乙丙医院{c}院", 0) for n, c in enumerate("东南西北中新老")])
    facts = _frame([("a", "甲乙丙医院", None), ("b", "甲乙丙医院南院", None)])
    few = SETTINGS.model_copy(update={"most_candidates": 3})
    found = _join(facts, places, few)
    every = _join(facts, places, SETTINGS.model_copy(update={"most_candidates": 99})).candidates
    of_a = found.candidates[found.candidates["fact_id"].eq("a")]
    assert of_a["place_id"].tolist() == every[every["fact_id"].eq("a")]["place_id"].tolist()[:3]
    assert "4 more" in of_a["note"].iloc[-1]
    assert of_a["note"].iloc[:-1].eq("").all()
    assert found.left_out == len(every) - len(found.candidates) > 0


def test_a_city_word_of_the_study_is_no_part_of_a_name() -> None:
    facts = _frame([("a", "大江长海医院", None), ("b", "第二医院（大江长征医院）", None)])
    places = _frame([("1", "长海医院", 0), ("2", "长征医院", 0)])
    assert _join(facts, places).joins["outcome"].tolist() == ["ambiguous", "ambiguous"]
    own = SETTINGS.model_copy(update={"city_words": ("大江",)})
    assert _join(facts, places, own).joins["place_id"].tolist() == ["1", "2"]


def test_without_a_point_only_the_very_name_is_accepted() -> None:
    places = _frame([("1", "甲乙丙医院东院", 0)])
    assert _join(_frame([("a", "甲乙丙医院", None)]), places).joins["outcome"].item() == "ambiguous"


def test_two_campuses_side_by_side_are_ambiguous_but_parts_of_one_are_not() -> None:
    facts = _frame([("a", "甲小学", 0)])
    apart = _frame([("1", "甲小学", 60), ("2", "甲小学", -60)])
    result = _join(facts, apart)
    assert result.joins["outcome"].item() == "ambiguous"
    assert result.candidates["place_id"].tolist() == ["1", "2"]
    touching = apart.set_geometry(apart.buffer(61))
    assert _join(facts, touching).joins["outcome"].item() == "accepted"


def test_a_place_goes_to_its_best_claim() -> None:
    facts = _frame([("a", "甲医院", 10), ("b", "甲医院（南院）", 12)])
    joins = _join(facts, _frame([("1", "甲医院", 10)])).joins
    assert joins["outcome"].tolist() == ["accepted", "ambiguous"]


def test_decisions_are_kept_and_honoured(tmp_path: Path) -> None:
    path = tmp_path / "decisions.csv"
    facts = _frame([("a", "甲小学", 0), ("b", "乙中学", 500), ("c", "丙中学", 900)])
    places = _frame([("1", "甲小学", 60), ("2", "甲小学", -60), ("3", "丙中学", 900)])
    first = _join(facts, places)
    assert write_decisions(path, first.candidates, read_decisions(path)) == 2
    table = read_decisions(path)
    table.loc[table["place_id"] == "2", ["decision", "note"]] = ["Yes ", "电话核实"]
    extra = {"fact_id": "c", "place_id": "3", "decision": "no", "note": ""}
    table = pd.concat([table, pd.DataFrame([extra])], ignore_index=True)
    table.to_csv(path, index=False)
    decided = read_decisions(path)
    second = _join(facts, places, decisions=decided)
    assert second.joins["outcome"].tolist() == ["decided", "unmatched", "rejected"]
    assert second.joins["place_id"].fillna("").tolist() == ["2", "", ""]
    assert write_decisions(path, second.candidates, decided) == 0
    kept = read_decisions(path)
    assert kept.loc[kept["fact_id"] == "a", "note"].tolist() == ["电话核实"]
    once = path.read_bytes()
    write_decisions(path, second.candidates, kept)
    assert path.read_bytes() == once


def test_bad_decisions_are_reported_together(tmp_path: Path) -> None:
    path = tmp_path / "decisions.csv"
    path.write_text("fact_id,place_id,decision\na,1,yes\na,2,yes\nb,1,maybe\n")
    with pytest.raises(FieldError) as raised:
        read_decisions(path)
    assert len(raised.value.problems) == 2
    path.write_text("fact_id,decision\n")
    with pytest.raises(FieldError, match="place_id"):
        read_decisions(path)


def test_frames_are_asserted_at_the_door() -> None:
    facts = _frame([("a", "甲", 0), ("a", "乙", 0)])
    with pytest.raises(FieldError, match="not unique"):
        _join(facts, _frame([("1", "甲", 0)]))
    with pytest.raises(CrsError, match="share a CRS"):
        _join(facts.to_crs(4326), facts.to_crs(4326))


@pytest.mark.shared
def test_real_hospitals_join_to_the_objects_that_a_person_listed(shared: Path) -> None:
    """The list of campuses states an OSM object for each, found by hand."""
    table = pd.read_csv(shared / "facts/tertiary_hospitals.csv")
    table["id"] = [f"h{i}" for i in range(len(table))]
    table["name"] = table["hospital"] + "（" + table["campus"].fillna("") + "）"
    points = gpd.points_from_xy(table["lon"], table["lat"], crs=4326)
    facts = gpd.GeoDataFrame(table, geometry=points).to_crs(CRS)
    facts.loc[table["lon"].isna(), "geometry"] = None
    places = gpd.read_file(shared / "data/shanghai/layers/hospital.gpkg").to_crs(CRS)
    places["id"] = places["osm_type"].str[0] + places["osm_id"].astype(str)
    joins = _join(facts, places).joins
    accepted = joins["outcome"] == "accepted"
    assert accepted.sum() >= 60
    assert (joins.loc[accepted, "place_id"] == table.loc[accepted, "osm_ref"]).all()
    blind = facts.assign(geometry=gpd.GeoSeries([None] * len(facts), crs=CRS))
    joins = _join(blind.set_geometry("geometry"), places).joins
    accepted = joins["outcome"] == "accepted"
    assert (joins.loc[accepted, "place_id"] == table.loc[accepted, "osm_ref"]).all()

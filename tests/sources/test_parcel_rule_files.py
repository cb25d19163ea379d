"""Refuse rule files that hide an error, with the place and the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import StudyError
from pipeline.settings.parcels import ParcelSettings, find_rules
from pipeline.sources.parcel_fields import catalogue, match_columns, split_header
from pipeline.sources.parcel_rules import known_fields, read_rules

PROJECT = Path(__file__).resolve().parents[2]
SHANGHAI = PROJECT / "studies" / "rules" / "shanghai.yml"


def changed(tmp_path: Path, old: str, new: str) -> Path:
    text = SHANGHAI.read_text("utf-8")
    assert old in text
    path = tmp_path / "rules.yml"
    path.write_text(text.replace(old, new, 1), "utf-8")
    return path


@pytest.mark.parametrize("name", ["shanghai", "ningbo"])
def test_shipped_rule_files_read(name: str) -> None:
    rules = read_rules(find_rules(name))
    assert rules.id == name
    assert set(rules.fields()) <= set(known_fields())


def test_a_misspelt_field_is_named_with_the_nearest(tmp_path: Path) -> None:
    path = changed(tmp_path, "field: tenure,", "field: tenur,")
    with pytest.raises(StudyError) as caught:
        read_rules(path)
    (problem,) = caught.value.problems
    assert problem.rule == "tenur"
    assert "tenure" in str(problem.remedy_en)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("    value: 1\n", "    value: one\n", "valid number"),
        ("cutoff: idle_yr}", "cutoff: idle_years}", "idle_years is not declared"),
        ("op: ge, cutoff", "op: '>=', cutoff", "Input should be"),
        ("rules: [buy_back]", "rules: [buyback]", "buyback is not declared"),
        ("schema: parkgap-rules/1", "schema: parkgap-rules/2", "parkgap-rules/1"),
        ("id: shanghai", "id: *x", "alias"),
        ("id: shanghai", "id: &x shanghai\nzh2: *x", "aliases"),
        ("id: shanghai", "id: " + "[" * 50 + "]" * 50, "nested"),
        ("id: shanghai", "id: [", "not valid YAML"),
        (
            "id: shanghai",
            "id: !!python/object/apply:os.system [ls]",
            "could not determine a constructor",
        ),
    ],
)
def test_a_broken_rule_file_is_refused(tmp_path: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(StudyError, match=words):
        read_rules(changed(tmp_path, old, new))


def test_an_absent_rule_set_lists_those_there_are() -> None:
    with pytest.raises(ValueError, match="nearest match: shanghai"):
        find_rules("shangai")


def test_a_rule_set_is_found_beside_the_study_or_by_path(tmp_path: Path) -> None:
    own = tmp_path / "rules" / "shanghai.yml"
    own.parent.mkdir()
    own.write_text(SHANGHAI.read_text("utf-8"), "utf-8")
    assert find_rules("shanghai") == SHANGHAI
    assert find_rules("shanghai", beside=tmp_path) == own
    assert find_rules("rules/shanghai.yml", beside=tmp_path) == own
    assert find_rules("ningbo", beside=tmp_path).parent == SHANGHAI.parent
    with pytest.raises(ValueError, match="nearest match: shanghai"):
        find_rules("rules/shangai.yml", beside=tmp_path)


def test_a_resolved_study_names_shipped_rules_and_finds_them_again(tmp_path: Path) -> None:
    own = tmp_path / "own.yml"
    own.write_text(SHANGHAI.read_text("utf-8"), "utf-8")
    for given, written in (("ningbo", "ningbo"), ("own.yml", str(own))):
        read = ParcelSettings.model_validate({"rules": given}, context={"base": tmp_path})
        assert isinstance(read.model_dump()["rules"], Path)
        assert read.model_dump(mode="json")["rules"] == written
        again = ParcelSettings.model_validate_json(read.model_dump_json())
        assert again == read


@pytest.mark.parametrize(
    ("header", "field", "unit"),
    [
        ("用地面积（亩）", "area_m2", "亩"),
        ("用地面积 [公顷]", "area_m2", "公顷"),
        ("area_ha", "area_m2", "ha"),
        ("Plot Area (mu)", "area_m2", "mu"),
        ("ＦＡＲ", "far_now", None),
        ("tax_wan", "tax_10k_yuan", "wan_yuan"),
        ("亩均税收（万元/亩）", "tax_10k_yuan_ha", "万元/亩"),
        ("约定竣工日", "agreed_finish", None),
        ("用地面积（", "area_m2", None),
        ("税收(万", "tax_10k_yuan", "万"),
        ("contract_o", "contract_output_10k_yuan", "wan_yuan"),
        ("宗地编号\nparcel_id*", "parcel_id", None),
    ],
)
def test_headers_people_write(header: str, field: str, unit: str | None) -> None:
    matches, strangers = match_columns([header])
    assert strangers == []
    assert (matches[0].field, matches[0].unit) == (field, unit)


def test_unknown_headers_are_left_alone() -> None:
    assert match_columns(["备注", "OBJECTID", "shape_area"]) == (
        [],
        ["备注", "OBJECTID", "shape_area"],
    )
    assert split_header("面积(亩)")[1] == "亩"


def test_no_two_fields_share_a_name() -> None:
    seen: dict[str, str] = {}
    for field in catalogue().fields:
        for name in (field.name, field.zh, field.en, *field.aliases):
            assert seen.setdefault(name, field.name) == field.name, name


@pytest.mark.parametrize(
    ("dimension", "unit", "factor"),
    [
        ("area", "亩", 10_000 / 15),
        ("area", "公顷", 10_000),
        ("floor", "万平方米", 10_000),
        ("money", "元", 1e-4),
        ("money", "亿元", 1e4),
        ("money_per_area", "万元/亩", 15),
        ("money_per_area", "元/平方米", 1),
        ("share", "%", 0.01),
        ("area", "万元", None),
        ("money_per_area", "万元", None),
    ],
)
def test_units(dimension: str, unit: str, factor: float | None) -> None:
    found = catalogue().factor(dimension, unit)
    assert (found is None) == (factor is None)
    if factor is not None:
        assert found == pytest.approx(factor, rel=1e-15)


@pytest.mark.shared
def test_every_attribute_of_the_facts_is_a_field(shared: Path) -> None:
    lines = (shared / "facts" / "parcel_schema.csv").read_text("utf-8").splitlines()[1:]
    names = [line.split(",")[0] for line in lines]
    matches, strangers = match_columns(names)
    assert strangers == []
    assert len({match.field for match in matches}) == len(names)

"""A study file is read exactly or refused with the line, the allowed values and the remedy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.commands.studies import keep_options, last_options, left_out
from pipeline.errors import StudyError
from pipeline.settings.access import GapSettings
from pipeline.settings.base import Section, setting
from pipeline.settings.inputs import TableInput
from pipeline.study import Study, find_study, read_study, restore_study
from pipeline.study_overrides import put_overrides
from pipeline.study_yaml import plain_tree, tree_with_lines
from pipeline.workspace import Workspace

Altered = Callable[[str, str], Path]
SHANGHAI = Path(__file__).parents[1] / "studies" / "shanghai.yml"


@pytest.fixture
def altered(tmp_path: Path) -> Altered:
    """Write a copy of the Shanghai study with one piece of text replaced."""

    def write(was: str, now: str) -> Path:
        text = SHANGHAI.read_text(encoding="utf-8")
        assert was in text
        path = tmp_path / "altered.yml"
        path.write_text(text.replace(was, now, 1), encoding="utf-8")
        return path

    return write


def line_of(path: Path, part: str) -> int:
    lines = path.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if part in line)


def test_shanghai_states_every_setting_itself() -> None:
    """Nothing that a study can set is left to a default in code."""
    from ruamel.yaml import YAML

    tree = YAML(typ="safe").load(SHANGHAI.read_text(encoding="utf-8"))
    silent: list[str] = []

    def walk(model: type, values: dict, path: str) -> None:
        for name, field in model.model_fields.items():
            if name not in values:
                silent.append(f"{path}{name}")
            inner = field.annotation
            if isinstance(values.get(name), dict) and hasattr(inner, "model_fields"):
                walk(inner, values[name], f"{path}{name}.")

    walk(Study, tree, "")
    assert [name for name in silent if not name.startswith("inputs.")] == []


def test_unknown_key_names_line_and_nearest_match(altered: Altered) -> None:
    path = altered("centre_lat:", "center_lat:")
    with pytest.raises(StudyError) as caught:
        read_study(path)
    text = str(caught.value)
    assert f"line {line_of(path, 'center_lat')}" in text
    assert "nearest match: centre_lat" in text
    assert "required setting 'centre_lat' is missing" in text


def test_all_problems_are_told_at_once(altered: Altered) -> None:
    path = altered("centre_lat:", "center_lat:")
    path.write_text(path.read_text(encoding="utf-8").replace("EPSG:32651", "EPSG:3857"), "utf-8")
    with pytest.raises(StudyError) as caught:
        read_study(path)
    assert len(caught.value.problems) == 3
    assert "does not measure metres" in str(caught.value)


@pytest.mark.parametrize(
    ("crs", "word"),
    [
        ("EPSG:4326", "does not measure metres"),
        ("EPSG:3857", "does not measure metres"),
        ("EPSG:2263", "in metres"),  # New York, US feet
        ("EPSG:999999", "not a coordinate system"),
    ],
)
def test_working_crs_must_measure_metres(altered: Altered, crs: str, word: str) -> None:
    with pytest.raises(StudyError, match=word):
        read_study(altered("EPSG:32651", crs))


def test_missing_file_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "streets.osm.pbf").write_bytes(b"")
    with pytest.raises(StudyError, match=r"nearest match in that folder: streets\.osm\.pbf"):
        read_study(SHANGHAI, {"inputs.osm_extract": str(tmp_path / "street.osm.pbf")})


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("a: [1, 2", "not valid YAML"),
        ("- 1\n- 2\n", "mapping of sections"),
        ("a: 1\na: 2\n", "not valid YAML"),
        ("a: !!python/object/apply:os.system ['true']\n", "study"),
        ("", "mapping of sections"),
        ("x: " + "[" * 40 + "]" * 40 + "\n", "nested too deeply"),
        ("- " * 100_000, "cannot be interpreted"),
    ],
)
def test_not_a_study(tmp_path: Path, content: str, word: str) -> None:
    path = tmp_path / "bad.yml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(StudyError, match=word):
        read_study(path)


@pytest.mark.parametrize("path", sorted(SHANGHAI.parent.glob("*.yml")), ids=lambda path: path.stem)
def test_both_parsers_read_the_same(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert plain_tree(path, text) == tree_with_lines(path, text)


def test_gbk_file_is_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "gbk.yml"
    path.write_bytes("study: 上海".encode("gbk"))
    with pytest.raises(StudyError, match="not UTF-8"):
        read_study(path)


def test_unknown_study_lists_the_known(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="nearest match: shanghai"):
        find_study("shangai", workspace=tmp_path)


def test_resolved_study_comes_back_the_same(tmp_path: Path) -> None:
    study = read_study(SHANGHAI)
    plan = tmp_path / "study.json"
    plan.write_text(study.model_dump_json(), encoding="utf-8")
    assert restore_study(plan) == study
    assert restore_study(plan).digest() == study.digest()


@pytest.mark.parametrize(
    ("key", "value", "zh", "en"),
    [
        ("network.walk_speed_m_min", -3, "须大于 0", "greater than 0"),
        ("island.draws", "many", "须为整数", "whole number"),
        ("maps.first_language", "fr", "只可为 'zh', 'en'", "one of 'zh', 'en'"),
        ("study.date", "soon", "须为日期", "a date"),
        ("study.date", "2026-13-01", "须为日期", "a date"),
        ("gaps.weights", [1], "须为“键: 值”", "a mapping"),
        ("network.extract_is_complete", "perhaps", "true 或 false", "true or false"),
        ("hospitals.variants", [], "至少 1 项", "at least 1"),
    ],
)
def test_mistakes_are_told_in_both_languages_by_the_argument_that_made_them(
    key: str, value: object, zh: str, en: str
) -> None:
    typed = f"--set {key}={value}"
    with pytest.raises(StudyError) as caught:
        read_study(SHANGHAI, {key: value}, typed={key: typed})
    problem = caught.value.problems[0]
    assert zh in problem.zh
    assert en in problem.en
    assert problem.path == typed
    assert problem.row is None
    assert (problem.rule or "").startswith(key)


def test_an_entry_of_a_list_is_chosen_by_what_it_says_of_itself() -> None:
    key = "gaps.needs[service=school].threshold"
    plain, changed = read_study(SHANGHAI), read_study(SHANGHAI, {key: 3.5})
    assert [need.threshold for need in changed.gaps.needs] == [
        3.5 if need.service == "school" else need.threshold for need in plain.gaps.needs
    ]
    assert changed.digest() == read_study(SHANGHAI, {"gaps.needs": changed.gaps.needs}).digest()
    typed = {key: f"--set {key}=x"}
    with pytest.raises(StudyError, match="number") as caught:
        read_study(SHANGHAI, {key: "x"}, typed=typed)
    assert caught.value.problems[0].path == typed[key]
    with pytest.raises(StudyError, match=r"there are: gaps.needs\[service=rail\]"):
        read_study(SHANGHAI, {"gaps.needs[service=tram].threshold": 1})
    bare: dict[str, Any] = {}  # a study that leaves the list to the defaults
    assert put_overrides(bare, {key: 3.5}, {key: key}, Study) == {"gaps.needs.2.threshold": key}
    assert GapSettings.model_validate(bare["gaps"]).needs[2].threshold == 3.5
    assert GapSettings.model_validate(bare["gaps"]).needs[:2] == GapSettings().needs[:2]


def test_an_argument_below_a_plain_value_is_refused() -> None:
    with pytest.raises(StudyError, match="no section"):
        read_study(SHANGHAI, {"study.id.x": 2})


def test_a_file_alone_replaces_an_embedded_table(tmp_path: Path) -> None:
    own = tmp_path / "own.geojson"
    own.touch()
    study = read_study(SHANGHAI, {"inputs.places": str(own), "inputs.parcels": str(own)})
    assert study.inputs.places.path == own
    assert study.inputs.places.reference is None
    assert study.inputs.parcels.path == own


def test_a_section_left_empty_begins_with_an_argument(tmp_path: Path) -> None:
    table = tmp_path / "people.csv"
    table.write_text("cell_id,lon,lat,residents\n", encoding="utf-8")
    study = read_study(SHANGHAI, {"inputs.residents.path": str(table)})
    assert study.inputs.residents is not None
    assert study.inputs.residents.path == table


def test_the_options_of_the_last_run_are_kept(tmp_path: Path) -> None:
    place = Workspace(tmp_path, "shanghai")
    assert last_options(place) is None
    keep_options(place, None, ["island.draws=200"])
    assert last_options(place) == (None, ["island.draws=200"])
    keep_options(place, tmp_path / "a.osm.pbf", None)
    assert last_options(place) == (tmp_path / "a.osm.pbf", [])
    keep_options(place, None, None)
    assert last_options(place) is None


def test_options_that_are_not_given_again_are_told(tmp_path: Path) -> None:
    place, extract = Workspace(tmp_path, "shanghai"), tmp_path / "a.osm.pbf"
    assert left_out(place, None, None) == []
    keep_options(place, extract, ["gaps.cap=2", "study.seed=7"])
    assert left_out(place, None, ["gaps.cap=3"]) == [f"--osm {extract}", "--set study.seed=7"]
    assert left_out(place, extract, ["study.seed=7", "gaps.cap=2"]) == []


def test_a_need_in_another_unit_than_its_measure_is_refused() -> None:
    with pytest.raises(StudyError, match="is in min, not in m"):
        read_study(SHANGHAI, {"gaps.needs[service=rail].unit": "m"})


@pytest.mark.parametrize(
    ("key", "value"), [("hospitals.catchment_min", 100_000), ("network.walk_speed_m_min", 5000)]
)
def test_a_slip_of_the_unit_is_refused(key: str, value: float) -> None:
    with pytest.raises(StudyError, match="must be at most"):
        read_study(SHANGHAI, {key: value})


def test_digest_sees_only_the_named_sections() -> None:
    one = read_study(SHANGHAI)
    other = read_study(SHANGHAI, {"study.seed": 1})
    assert one.digest("inputs") == other.digest("inputs")
    assert one.digest("study") != other.digest("study")


class Walk(Section):
    """A section with a unit."""

    reach: float = setting(800.0, zh="距离", en="reach", unit="m", gt=0)


@given(st.floats(min_value=1e-3, max_value=1e6))
def test_a_number_with_its_unit_is_the_number(value: float) -> None:
    assert Walk.model_validate({"reach": f"{value!r} m"}).reach == value


@pytest.mark.parametrize("text", ["800 km", "800 min", "1 M", "5 m/s"])
def test_another_unit_is_refused_never_converted(text: str) -> None:
    with pytest.raises(ValueError, match="valid number"):
        Walk.model_validate({"reach": text})
    with pytest.raises(StudyError) as caught:
        read_study(SHANGHAI, {"network.snap_max_m": text})
    assert "单位为 m" in caught.value.problems[0].zh
    assert "allowed unit: m" in caught.value.problems[0].en


def test_an_origin_given_as_an_argument_replaces_that_of_the_file(tmp_path: Path) -> None:
    own = tmp_path / "hospitals.csv"
    own.write_text("医院名称,经度,纬度\n甲,121.5,31.2\n", encoding="utf-8")
    given = {"inputs.hospitals.path": str(own), "inputs.hospitals.datum": "gcj02"}
    study = read_study(SHANGHAI, given)
    assert study.inputs.hospitals == TableInput(path=own, datum="gcj02")
    again = read_study(SHANGHAI, {"inputs.hospitals.reference": "tertiary_hospitals"})
    assert again.inputs == read_study(SHANGHAI).inputs
    both = {**given, "inputs.hospitals.reference": "tertiary_hospitals"}
    with pytest.raises(StudyError, match="give one of") as caught:
        read_study(SHANGHAI, both, typed={key: f"--set {key}={both[key]}" for key in both})
    assert str(caught.value.problems[0].path).startswith("--set inputs.hospitals.path=")


def test_a_wrong_key_of_an_argument_is_blamed_on_it() -> None:
    typed = "--set inputs.hospital.path=x"
    key = "inputs.hospital.path"
    with pytest.raises(StudyError, match="nearest match: hospitals") as caught:
        read_study(SHANGHAI, {key: "x"}, typed={key: typed})
    (problem,) = caught.value.problems
    assert (problem.path, problem.row) == (typed, None)

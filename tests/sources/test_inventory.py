"""Every dataset the project was made with is named, licensed and unchanged."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline.errors import FieldError, SourceError
from pipeline.publish.layer_licences import UNSTATED, licence_of
from pipeline.sources.inventory import compare_files, read_inventory
from pipeline.sources.reference import reference_folder

HEADER = "name,path,version,date,source,licence,attribution,sha256,used_for"
ROW = "A,a.csv,1,2026-01-01,s,MIT,,{},tests"
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_embedded_inventory_is_sound() -> None:
    datasets = read_inventory()
    assert len(datasets) >= 25
    assert {"shanghai", "porto_alegre", "las_palmas"} == {
        dataset.path.split("/")[0] for dataset in datasets
    }
    for dataset in datasets:
        assert dataset.licence != "ODbL-1.0" or "OpenStreetMap" in dataset.attribution


@pytest.mark.shared
def test_files_at_hand_are_those_of_the_inventory(shared: Path) -> None:
    assert [str(problem) for problem in compare_files(read_inventory(), shared / "data")] == []


def test_a_changed_an_absent_and_an_unknown_file_are_told_apart(tmp_path: Path) -> None:
    table, folder = tmp_path / "inventory.csv", tmp_path / "data"
    folder.mkdir()
    rows = [ROW.format(EMPTY), ROW.format(EMPTY).replace("a.csv", "b.csv")]
    table.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    (folder / "a.csv").write_bytes(b"")
    (folder / "b.csv").write_bytes(b"")
    assert compare_files(read_inventory(table), folder) == []
    (folder / "a.csv").write_bytes(b"other")
    (folder / "b.csv").rename(folder / "c.csv")
    said = [problem.en for problem in compare_files(read_inventory(table), folder)]
    assert len(said) == 3
    assert "absent" in said[0]
    assert "not that of the inventory" in said[1]
    assert "not in the inventory" in said[2]


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        (ROW.format("abc"), "sha256"),
        (ROW.format(EMPTY.upper()), "sha256"),
        (ROW.format(EMPTY).replace("2026-01-01", "May 2026"), "date"),
        (ROW.format(EMPTY).replace("MIT", ""), "licence"),
        (ROW.format(EMPTY) + "\n" + ROW.format(EMPTY), "path"),
    ],
)
def test_a_row_that_breaks_a_rule_is_named(tmp_path: Path, row: str, rule: str) -> None:
    table = tmp_path / "inventory.csv"
    table.write_text(f"{HEADER}\n{row}\n", encoding="utf-8")
    with pytest.raises(FieldError) as caught:
        read_inventory(table)
    assert [problem.rule for problem in caught.value.problems] == [rule]


def test_a_missing_inventory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        read_inventory(tmp_path / "none.csv")
    assert (reference_folder() / "inventory.csv").is_file()


def test_the_worked_example_states_the_licence_of_every_input(project: Path) -> None:
    """What a study says of a file is what the inventory says; nothing is left to be asked."""
    study = YAML(typ="safe").load((project / "studies/porto_alegre.yml").read_text("utf-8"))
    inputs = study["inputs"]
    known = {Path(dataset.path).name: dataset for dataset in read_inventory()}
    stated = {
        item["path"]: (item.get("licence"), item.get("attribution"))
        for item in inputs.values()
        if isinstance(item, dict) and "path" in item
    }
    stated[inputs["rail_timetable"]] = (
        inputs["rail_timetable_licence"],
        inputs["rail_timetable_attribution"],
    )
    assert len(stated) >= 5
    for path, (licence, whom) in stated.items():
        assert licence_of(licence) != UNSTATED, path
        assert whom, path
        if path.startswith("../../shared"):
            listed = known[Path(path).name]
            assert licence in listed.licence, path
            assert listed.attribution in whom, path

"""What a table looks like by its columns, in either language and in everybody's headers."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from pipeline.settings.sources import SourceSettings
from pipeline.sources.check import check_file
from pipeline.sources.guarded import CheckAgainst
from pipeline.sources.parcel_fields import catalogue
from pipeline.sources.table_kinds import guess_table, table_kinds

REFERENCE = {
    "places": "places",
    "tertiary_hospitals": "hospitals",
    "quality_schools": "schools",
    "line_stations": "line_stations",
    "standards": "standards",
}


@pytest.mark.parametrize(
    ("columns", "kind", "fields"),
    [
        (["宗地编号", "用地面积（亩）", "容积率"], "parcels", ["parcel_id", "area_m2", "far_now"]),
        (["parcel_id", "area_m2", "far_now"], "parcels", ["parcel_id", "area_m2", "far_now"]),
        (["医院名称", "等级", "经度", "纬度"], "hospitals", ["name_zh", "grade", "lon", "lat"]),
        (["学校", "学段", "v_own_list"], "schools", ["name_zh", "level", "v_own_list"]),
        (["线路", "站序", "站名"], "line_stations", ["line_id", "seq", "name_zh"]),
        (["population", "jobs", "lon", "lat"], "residents", ["residents", "jobs", "lon", "lat"]),
        (["园区名称", "规划面积"], "places", ["name_zh", "planned_area_km2"]),
        (["名称", "经度", "纬度"], None, ["name_zh", "lon", "lat"]),
        (["a", "b"], None, []),
        ([], None, []),
    ],
)
def test_kinds_and_fields(columns: list[str], kind: str | None, fields: list[str]) -> None:
    guess = guess_table(columns)
    assert guess.kind == kind
    assert [item.field for item in guess.fields] == fields
    assert {item.column for item in guess.fields} | set(guess.unknown) == set(columns)


def test_units_strangers_and_absent_fields_are_told() -> None:
    guess = guess_table(["用地面积（亩）", "容积率", "税收（万元）", "备注二"])
    assert [item.unit for item in guess.fields] == ["亩", None, "万元"]
    assert guess.unknown == ("备注二",)
    assert guess.missing == ("parcel_id",)
    said = "\n".join(guess.lines())
    assert "地块 / parcels (inputs.parcels)" in said
    assert "required and absent: parcel_id" in said


def test_every_field_of_parcels_speaks_in_chinese_as_in_english() -> None:
    for language in ("zh", "en"):
        names = [getattr(field, language) for field in catalogue().fields]
        guess = guess_table(names)
        assert guess.kind == "parcels"
        assert guess.unknown == ()


def test_the_embedded_tables_are_told_apart(project: Path) -> None:
    for name, kind in REFERENCE.items():
        columns = pd.read_csv(project / "layers/reference" / f"{name}.csv", nrows=0).columns
        guess = guess_table(columns)
        assert guess.kind == kind, name
        assert not guess.missing


def test_no_two_fields_of_a_kind_share_a_name() -> None:
    for kind in table_kinds().kinds.values():
        names = [name for field in kind.fields.values() for name in field.names]
        assert len(names) == len(set(names))


def test_a_table_of_attributes_is_usable_and_says_how(tmp_path: Path) -> None:
    path = tmp_path / "宗地.csv"
    path.write_bytes("宗地编号,用地面积（亩）,容积率\nA1,12.5,0.8\n".encode("gbk"))
    report = check_file(path, against=CheckAgainst(), settings=SourceSettings())
    assert report.ok
    assert "inputs.parcels.table" in str(report)
    told = json.loads(report.as_json())["table"]
    assert told["kind"] == "parcels"
    assert told["fields"][1] == {
        "column": "用地面积（亩）", "field": "area_m2", "zh": "用地面积", "en": "plot area",
        "unit": "亩",
    }  # fmt: skip
    path.write_text("医院名称,等级\n某医院,三甲\n", encoding="utf-8")
    assert not check_file(path, against=CheckAgainst(), settings=SourceSettings()).ok

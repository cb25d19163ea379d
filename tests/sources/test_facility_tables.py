"""One hospital, many campuses, many entrances: campuses count, entrances are ways in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.errors import FieldError
from pipeline.network.place_catalogue import catalogue_of
from pipeline.settings.inputs import TableInput
from pipeline.settings.sources import SchoolNameSettings, SourceSettings
from pipeline.sources.facility_tables import hospitals_of, schools_of
from pipeline.sources.guarded import CheckAgainst
from pipeline.sources.osm_mapping import read_mapping, school_rules
from pipeline.sources.role_tables import open_placed
from pipeline.sources.school_rules import SchoolReader
from pipeline.sources.table_kinds import guess_table

UTM = "EPSG:32651"


def hospital(**columns: list[object]) -> pd.DataFrame:
    rows = {
        "campus_id": ["ruijin-main", "ruijin-main", "ruijin-north"],
        "name_zh": ["瑞金医院", "瑞金医院", "瑞金医院"],
        "campus_zh": [None, None, "北院"],
        "entrance_id": ["east", "west", None],
        "beds": [1600, 1600, 600],
        "grade": ["3A", "3A", "3A"],
        "kind": ["general", "general", "general"],
        "lon": [121.46, 121.462, 121.3],
        "lat": [31.21, 31.211, 31.4],
    }
    return pd.DataFrame(rows | columns)


def test_entrances_are_rows_of_one_campus_and_campuses_are_suppliers() -> None:
    table = hospitals_of(hospital(), crs=UTM, grades={"best": {"grade": ("3A",)}})
    assert table["facility_id"].tolist() == ["ruijin-main/east", "ruijin-main/west", "ruijin-north"]
    assert table["name_zh"].tolist() == ["瑞金医院", "瑞金医院", "瑞金医院 北院"]
    anywhere = pd.DataFrame({"district_zh": ["徐汇区"]}, index=["P1"])
    got = catalogue_of(table, anywhere, variants=["best"], by_admission=(), default_supply=1.0)
    supply = dict(zip(got.campuses, got.supply.tolist(), strict=True))
    assert supply == {"ruijin-main": 1600.0, "ruijin-north": 600.0}  # not once per entrance
    assert got.campuses[got.campus].tolist() == got.facilities["campus_id"].tolist()
    assert got.supply_unit == "bed"
    assert len(got.entrance_xy) == 3


def test_a_file_is_read_by_the_names_that_check_tells(tmp_path: Path) -> None:
    """The run takes 医院名称, 等级 and 床位数 for what `parkgap check` says that they are."""
    path = tmp_path / "hospitals.csv"
    path.write_text(
        "编号,医院名称,等级,类别,床位数,经度,纬度\n"
        "7,瑞金医院,3A,general,1600,121.46,31.21\n8,某医院,2A,general,,121.5,31.2\n",
        encoding="gb18030",
    )
    told = guess_table(path.read_text(encoding="gb18030").splitlines()[0].split(","))
    table = open_placed(
        TableInput(path=path), role="hospitals", against=CheckAgainst(), settings=SourceSettings()
    )
    assert {item.field for item in told.fields} <= set(table.columns)
    found = hospitals_of(table, crs=UTM, grades={"best": {"grade": ("3A",), "kind": ("general",)}})
    assert found["name_zh"].tolist() == ["瑞金医院", "某医院"]
    assert found["campus_id"].tolist() == ["7", "8"]
    assert found["supply"].tolist()[0] == 1600.0
    assert np.isnan(found["supply"].tolist()[1])
    assert found["v_best"].tolist() == [True, False]
    stated = open_placed(
        TableInput(path=path, columns={"name_zh": "编号"}),
        role="hospitals", against=CheckAgainst(), settings=SourceSettings(),
    )  # fmt: skip
    assert stated["name_zh"].astype(str).tolist() == ["7", "8"]  # what the study says goes first


def test_supply_has_the_year_of_the_figure_that_it_is() -> None:
    rows = hospital(
        beds=[1600, 1600, None], beds_year=[2023, 2023, 2019], supply=[None, None, 3],
        supply_year=[2020, 2020, 2021],
    )  # fmt: skip
    found = hospitals_of(rows, crs=UTM)
    assert found["supply"].tolist() == [1600.0, 1600.0, 3.0]
    assert found["supply_year"].tolist() == [2023, 2023, 2021]
    school = rows.rename(columns={"campus_id": "school_id"}).drop(columns=["campus_zh", "supply"])
    assert schools_of(school, crs=UTM)["supply_year"].isna().all()  # no size, no year of one
    placed = schools_of(school.assign(places=900, places_year=2024), crs=UTM)
    assert placed["supply_year"].tolist() == [2024] * 3


def test_without_entrances_a_campus_stands_once_and_an_entrance_too() -> None:
    with pytest.raises(FieldError, match="ruijin-main"):
        hospitals_of(hospital(entrance_id=[None, None, None]), crs=UTM)
    with pytest.raises(FieldError, match="ruijin-main/east"):
        hospitals_of(hospital(entrance_id=["east", "east", None]), crs=UTM)
    school = hospital().rename(columns={"campus_id": "school_id"}).drop(columns="campus_zh")
    assert schools_of(school, crs=UTM)["campus_id"].nunique() == 2


def test_grades_mean_what_the_study_says() -> None:
    """A country's grades are rules of the study; without them a grade is no variant."""
    rows = hospital(entrance_id=["east", "west", None], grade=["3A", "3A", "2"])
    rules = {"best": {"grade": ("3A",)}, "general": {"grade": ("3A", "2"), "kind": ("general",)}}
    graded = hospitals_of(rows, crs=UTM, grades=rules)
    assert graded["v_best"].tolist() == [True, True, False]
    assert graded["v_general"].tolist() == [True, True, True]
    assert "v_hospital_all" not in graded
    assert hospitals_of(rows, crs=UTM)["v_hospital_all"].all()
    stated = hospitals_of(rows.assign(v_night=[1, 1, 0]), crs=UTM, grades=rules)
    assert stated["v_night"].tolist() == [True, True, False]
    assert "v_best" not in stated


def test_levels_come_from_the_table_or_else_from_the_names() -> None:
    rows = pd.DataFrame(
        {
            "name": ["EMEF Monte Cristo", "CEIP Cervantes", "甲校", "乙"],
            "level": [None, "senior", "小学、初中", None],
            "lon": [1.0, 2.0, 3.0, 4.0],
            "lat": 1.0,
        }
    )
    reader = SchoolReader(school_rules(read_mapping()), SchoolNameSettings())
    got = schools_of(rows, crs=UTM, reader=reader)
    assert got["v_school_all"].all()
    assert got["v_school_primary"].tolist() == [True, False, True, False]
    assert got["v_school_junior"].tolist() == [True, False, True, False]
    assert got["v_school_senior"].tolist() == [False, True, False, False]  # the table before names

"""One hospital, many campuses, many entrances: campuses count, entrances are ways in."""

from __future__ import annotations

import pandas as pd
import pytest

from pipeline.errors import FieldError
from pipeline.network.place_catalogue import catalogue_of
from pipeline.sources.facility_tables import hospitals_of, schools_of

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
    table = hospitals_of(hospital(), crs=UTM)
    assert table["facility_id"].tolist() == ["ruijin-main/east", "ruijin-main/west", "ruijin-north"]
    assert table["name_zh"].tolist() == ["瑞金医院", "瑞金医院", "瑞金医院 北院"]
    anywhere = pd.DataFrame({"district_zh": ["徐汇区"]}, index=["P1"])
    got = catalogue_of(
        table, anywhere, variants=["tertiary_3a"], by_admission=(), default_supply=1.0
    )
    assert got.campuses.tolist() == ["ruijin-main", "ruijin-north"]
    assert got.supply.tolist() == [1600.0, 600.0]  # beds count once, not once per entrance
    assert got.supply_unit == "bed"
    assert len(got.entrance_xy) == 3


def test_without_entrances_a_campus_stands_once_and_an_entrance_too() -> None:
    with pytest.raises(FieldError, match="ruijin-main"):
        hospitals_of(hospital(entrance_id=[None, None, None]), crs=UTM)
    with pytest.raises(FieldError, match="ruijin-main/east"):
        hospitals_of(hospital(entrance_id=["east", "east", None]), crs=UTM)
    school = hospital().rename(columns={"campus_id": "school_id"}).drop(columns="campus_zh")
    assert schools_of(school, crs=UTM)["campus_id"].nunique() == 2

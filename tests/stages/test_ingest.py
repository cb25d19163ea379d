"""Ingest takes cities as they come: from an extract, a timetable, tables with their own names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest

from pipeline.errors import CrsError, FieldError, StudyError
from pipeline.measures import people as people_module
from pipeline.sources.datum import wgs84_to_gcj02
from pipeline.stages import ingest
from pipeline.stages.context import StageContext
from pipeline.stages.flow import BY_NAME
from pipeline.study import Study
from pipeline.workspace import Workspace

Built = Callable[..., dict[str, pd.DataFrame]]
LAS_PALMAS = "las_palmas/example_las_palmas_2023_osm_20230221.pbf"
IDENTITY = {
    "id": "town",
    "name_zh": "小城",
    "name_en": "Town",
    "crs": "EPSG:32651",
    "date": "2026-05-19",
    "centre_lon": 121.47,
    "centre_lat": 31.23,
    "centre_name": "centre",
}
PARKS = """place_id,name,tier,lon,lat,km2,station
A,甲园,local,121.40,31.20,1.5,yes
B,乙园,local,121.50,31.25,,no
C,丙园,local,,,2,
"""


@pytest.fixture
def built(tmp_path: Path) -> Built:
    """Give a function that runs the stage on a study and reads back what it wrote."""

    def run(inputs: dict[str, Any], **identity: Any) -> dict[str, pd.DataFrame]:
        study = Study.model_validate(
            {"schema_version": 1, "study": {**IDENTITY, **identity}, "inputs": inputs},
            context={"base": tmp_path},
        )
        place = Workspace(tmp_path / "ws", study.study.id)
        context = StageContext(BY_NAME["ingest"], study, place)
        ingest.run(context)
        context.finish({})
        found: dict[str, pd.DataFrame] = {}
        for path in sorted((place.built / "ingest").glob("*.parquet")):
            try:
                found[path.stem] = gpd.read_parquet(path)
            except ValueError:  # a table without geometry
                found[path.stem] = pd.read_parquet(path)
        return found

    return run


def _parks(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "parks.csv").write_text(PARKS, encoding="utf-8")
    columns = {"name_zh": "name", "planned_area_km2": "km2", "is_station_point": "station"}
    return {"path": "parks.csv", "columns": columns, "precision_m": 500}


def test_a_table_with_names_of_its_own_and_nothing_else(built: Built, tmp_path: Path) -> None:
    found = built({"places": _parks(tmp_path)})
    places = found["places"].set_index("place_id")
    assert places["name_en"].to_dict() == {"A": "甲园", "B": "乙园", "C": "丙园"}
    assert places["footprint_basis"].to_dict() == {
        "A": "planned_area_disc",
        "B": "assumed_area_disc",
        "C": "none",
    }
    assert places.area["A"] == pytest.approx(1.5e6, rel=0.01)
    assert places["is_station_point"].to_dict() == {"A": True, "B": False, "C": False}
    assert places["precision_m"].eq(500).all()
    assert places.geometry["C"] is None
    for name in ("facilities", "line_stations", "planned_stations", "cells", "residents"):
        assert len(found[name]) == 0, name
    assert {"standard_id", "topic"} <= set(found["standards"].columns)


def test_every_output_that_the_flow_promises_is_there(built: Built, tmp_path: Path) -> None:
    found = built({"places": _parks(tmp_path)})
    promised = {name.removesuffix(".parquet") for name in BY_NAME["ingest"].outputs}
    assert promised <= set(found)


def test_labels_are_passed_on(built: Built, tmp_path: Path) -> None:
    labels = {"local": ["本地园区", "Local parks"]}
    found = built({"places": _parks(tmp_path), "labels": labels})["labels"]
    assert found.to_numpy().tolist() == [["local", "本地园区", "Local parks"]]


def test_an_id_twice_is_refused(built: Built, tmp_path: Path) -> None:
    given = _parks(tmp_path)
    (tmp_path / "parks.csv").write_text(PARKS.replace("B,", "A,"), encoding="utf-8")
    with pytest.raises(FieldError, match="appears twice: A"):
        built({"places": given})


def test_a_field_that_the_file_lacks_is_named_with_those_it_has(
    built: Built, tmp_path: Path
) -> None:
    given = _parks(tmp_path)
    given["columns"] = {"name_zh": "title"}
    with pytest.raises(FieldError, match="has no field 'title'") as caught:
        built({"places": given})
    assert "place_id, name, tier" in str(caught.value)


def test_counts_per_cell_become_facilities(built: Built, tmp_path: Path) -> None:
    (tmp_path / "grid.csv").write_text(
        "id,lon,lat,people,clinics\n"
        "h1,121.40,31.20,10,2\nh2,121.41,31.20,,0\nh3,121.42,31.20,30,\n",
        encoding="utf-8",
    )
    grid = {"path": "grid.csv"}
    counted = {"only_with": "clinics", "columns": {"campus_id": "id", "supply": "clinics"}}
    found = built(
        {
            "places": _parks(tmp_path),
            "hospitals": {**grid, **counted, "precision_m": 200},
            "residents": {**grid, "columns": {"residents": "people"}},
        }
    )
    (facility,) = found["facilities"].to_dict("records")
    assert (facility["facility_id"], facility["supply"]) == ("h1", 2.0)
    assert facility["v_hospital_all"]
    assert facility["precision_m"] == 200
    people = found["residents"].set_index("cell_id")["residents"]
    assert people["h1"] == 10
    assert pd.isna(people["h2"])  # blank is unknown, not nobody


def test_own_variants_go_before_all(built: Built, tmp_path: Path) -> None:
    (tmp_path / "schools.csv").write_text(
        "school_id,name,lon,lat,v_public,v_old\ns1,一,121.4,31.2,yes,no\ns2,二,121.5,31.2,no,yes\n",
        encoding="utf-8",
    )
    found = built({"places": _parks(tmp_path), "schools": {"path": "schools.csv"}})["facilities"]
    assert [name for name in found.columns if name.startswith("v_")] == ["v_old", "v_public"]
    assert found.set_index("facility_id")["v_public"].to_dict() == {"s1": True, "s2": False}


def test_a_file_in_another_datum_never_gets_in(built: Built, tmp_path: Path, project: Path) -> None:
    """Hospitals under the names of the embedded table, shifted as AMap shows them."""
    known = pd.read_csv(project / "layers/reference/tertiary_hospitals.csv").dropna(subset=["lon"])
    lon, lat = wgs84_to_gcj02(known["lon"].to_numpy(), known["lat"].to_numpy())
    shifted = pd.DataFrame(
        {"id": range(len(known)), "name": known["name_zh"], "lon": lon, "lat": lat}
    )
    shifted.to_csv(tmp_path / "hospitals.csv", index=False)
    given = {"places": {"reference": "places"}, "cells": {"reference": "cells_500m"}}
    with pytest.raises(CrsError, match="declare datum: gcj02"):
        built({**given, "hospitals": {"path": "hospitals.csv"}})
    told = built({**given, "hospitals": {"path": "hospitals.csv", "datum": "gcj02"}})
    back = (
        told["facilities"]
        .to_crs(4326)
        .set_index("facility_id")
        .sort_index(key=lambda i: i.astype(int))
    )
    assert back.geometry.x.to_numpy() == pytest.approx(known["lon"].to_numpy(), abs=1e-6)


def test_a_category_that_is_not_mapped_is_named_with_the_nearest(
    built: Built, tmp_path: Path
) -> None:
    (tmp_path / "town.osm").write_text('<osm version="0.6"></osm>', encoding="utf-8")
    with pytest.raises(StudyError, match="nearest match: industrial"):
        built({"places": {"osm": "industry"}, "osm_extract": "town.osm"})


@pytest.mark.shared
def test_a_city_from_an_extract_alone(built: Built, shared: Path) -> None:
    """Las Palmas: the port and a dozen estates, 27 hospitals, 129 schools, and no rail.

    Of 161 objects tagged as schools 31 teach dance, languages or the smallest, and one has closed;
    Spanish names and one tag tell 36 primary and 24 secondary schools.
    """
    roles = {"places": "industrial", "hospitals": "hospitals", "schools": "schools"}
    found = built(
        {
            **{role: {"osm": category} for role, category in roles.items()},
            "line_stations": {"osm": "rail_station"},
            "osm_extract": str(shared / "data" / LAS_PALMAS),
        },
        crs="EPSG:32628",
        centre_lon=-15.43,
        centre_lat=28.12,
    )
    places = found["places"]
    assert 10 <= len(places) <= 25
    assert places["boundary_class"].eq("digitised").all()
    assert places.area.between(0.05e6, 5e6).all()
    assert "Urbanización Industrial Las Torres" in set(places["name_en"])
    sizes = found["facilities"].groupby("service").size()
    assert sizes.to_dict() == {"hospital": 27, "school": 129}
    levels = found["facilities"].filter(like="v_school_").sum()
    assert levels["v_school_all"] == 129
    assert (levels["v_school_primary"], levels["v_school_junior"]) == (36, 24)
    assert found["ordinary"]["kind"].value_counts()["primary"] == 36
    assert len(found["line_stations"]) == 0
    cells = found["cells"]
    assert cells["stops"].sum() == pytest.approx(739, abs=30)
    assert cells["shops"].sum() > 2000
    dates = found["sources"].set_index("role")["date"]
    assert dates["hospitals"] == dates["osm_extract"] == "2023-02-21"


def test_too_many_points_of_people_are_gathered_and_the_run_says_so(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        f"c{i}_{j},{121.39 + i / 1e3},{31.19 + j / 1e3},10" for i in range(20) for j in range(20)
    ]
    (tmp_path / "homes.csv").write_text("cell_id,lon,lat,residents\n" + "\n".join(rows))
    inputs = {"places": _parks(tmp_path), "residents": {"path": "homes.csv"}}
    manifest = tmp_path / "ws" / "layers" / "built" / IDENTITY["id"] / "ingest" / "manifest.json"

    def counted() -> tuple[float, str]:
        people = built(inputs)["people_of_places"]["residents"]
        return float(people.iloc[0]), manifest.read_text(encoding="utf-8")

    each, told = counted()
    assert "gathered" not in told
    monkeypatch.setattr(people_module, "CELLS_AT_MOST", 150)
    gathered, told = counted()
    assert gathered == pytest.approx(each, rel=0.1)
    assert "gathered in squares of 1" in told
    assert "方格汇总，总数不变" in told

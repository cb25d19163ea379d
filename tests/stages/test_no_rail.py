"""A city without rail, and one of which nobody mapped it, are told apart from stage to stage."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.built import parkgap

FEED = "data/las_palmas/gtfs_es_las_palmas_de_gran_canaria_guaguas_20230222.zip"
STUDY = """schema_version: 1
study: {{id: bus_town, name_zh: 甲, name_en: A, crs: 'EPSG:32628', date: 2023-03-01,
  centre_lon: -15.43, centre_lat: 28.12, centre_name: A}}
inputs:
  places: {{path: places.csv}}
  hospitals: {{path: hospitals.csv}}
  schools: {{path: schools.csv}}
  rail_timetable: '{feed}'
uncertainty: {{draws: 20}}
"""
PLACES = """place_id,tier,lon,lat,planned_area_km2,precision_m
P1,local,-15.43,28.12,1,300
P2,local,-15.45,28.05,1,300
"""
FAR = "id,lon,lat\nH1,-15.43,28.13\n"


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Path:
    root = tmp_path_factory.mktemp("bus_town")
    folder = root / "studies"
    folder.mkdir()
    (folder / "bus_town.yml").write_text(STUDY.format(feed=shared / FEED), encoding="utf-8")
    for name, text in (("places", PLACES), ("hospitals", FAR), ("schools", FAR)):
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return root


def _run(root: Path, stage: str, *more: str) -> str:
    return parkgap("stage", stage, "-s", "bus_town", "-w", str(root), *more).stdout


def _read(root: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(root / "layers/built/bus_town" / f"{name}.parquet")


@pytest.mark.shared
def test_a_timetable_of_buses_alone_is_no_rail(town: Path) -> None:
    """Unknown is null; none in the city is known, no gap, and holds no composite back."""
    said = _run(town, "rail")
    assert "no rail route" in said
    assert "rail.in_city: false" in said
    assert _read(town, "rail/areas")["value"].isna().all()
    assert _read(town, "rail/areas")["status"].eq("no_data").all()
    assert _read(town, "rail/access")["status"].ne("none_in_city").all()

    said = _run(town, "gaps", "--set", "rail.in_city=false")
    assert "rail.in_city: false" not in said
    found = _read(town, "gaps/gaps").set_index(["service", "place_id"])
    rail, whole = found.loc["rail"], found.loc["composite"]
    assert rail["status"].eq("none_in_city").all()
    assert rail[["value", "gap", "finding", "verdict"]].isna().all(axis=None)
    parts = pd.concat([found.loc["hospital", "gap"], found.loc["school", "gap"]], axis=1)
    assert whole["gap"].tolist() == pytest.approx(parts.mean(axis=1).tolist())
    assert whole["missing"].eq("").all()
    assert _read(town, "rail/grid")["status"].eq("none_in_city").all()

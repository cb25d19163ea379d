"""Checking a file: each thing that can be wrong is told, in both languages, and nothing raises."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from affine import Affine
from pydantic import ValidationError

from pipeline.errors import CrsError
from pipeline.settings.inputs import TableInput
from pipeline.settings.sources import SourceSettings
from pipeline.sources.check import check_file
from pipeline.sources.check_report import CheckReport
from pipeline.sources.datum import wgs84_to_gcj02
from pipeline.sources.guarded import CheckAgainst, read_guarded, recognise_fields
from pipeline.sources.role_tables import open_placed

SETTINGS = SourceSettings()
LON, LAT = (grid.ravel() for grid in np.meshgrid(np.linspace(121.2, 121.6, 5), [31.0, 31.2, 31.4]))
NAMES = [f"第{i}园" for i in range(15)]


@pytest.fixture
def against() -> CheckAgainst:
    points = gpd.GeoDataFrame({"name": NAMES}, geometry=gpd.points_from_xy(LON, LAT), crs=4326)
    area = gpd.GeoDataFrame(geometry=[shapely.box(121.0, 30.8, 121.8, 31.6)], crs=4326)
    return CheckAgainst(study_area=area, named_points=points)


def _check(path: Path, against: CheckAgainst, **said: str) -> CheckReport:
    report = check_file(path, against=against, settings=SETTINGS, **said)
    again = json.loads(report.as_json())
    assert again["ok"] == report.ok
    for finding in report.findings:
        assert any("\u4e00" <= letter <= "\u9fff" for letter in finding.zh)
        assert finding.en in str(report)
    return report


def _codes(report: CheckReport) -> dict[str, str]:
    return {finding.code: finding.severity for finding in report.findings}


def _save(path: Path, lon: np.ndarray, lat: np.ndarray) -> Path:
    pd.DataFrame({"园区名称": NAMES, "经度": lon, "纬度": lat}).to_csv(path, index=False)
    return path


def test_a_sound_file(tmp_path: Path, against: CheckAgainst) -> None:
    frame = against.named_points
    assert frame is not None
    frame.to_file(tmp_path / "a.gpkg")
    report = _check(tmp_path / "a.gpkg", against)
    assert report.ok
    assert _codes(report) == {}
    assert report.datum[0].verdict == "agrees"
    assert report.fields == {"name": "name"}


def test_a_shifted_file_is_refused_until_it_is_declared(
    tmp_path: Path, against: CheckAgainst
) -> None:
    path = _save(tmp_path / "a.csv", *wgs84_to_gcj02(LON, LAT))
    report = _check(path, against)
    assert not report.ok
    assert _codes(report)["datum"] == "error"
    assert "datum: gcj02" in str(report)
    assert _check(path, against, datum="gcj02").ok
    with pytest.raises(CrsError, match="figures say gcj02"):
        read_guarded(path, declared="wgs84", against=against, settings=SETTINGS)
    guarded = read_guarded(path, declared="gcj02", against=against, settings=SETTINGS)
    np.testing.assert_allclose(guarded.read.frame.geometry.x, LON, atol=1e-9)
    assert guarded.read.report.datum == "gcj02"


def test_names_of_columns_hint_at_the_datum(tmp_path: Path, against: CheckAgainst) -> None:
    pd.DataFrame({"gcj_lng": LON, "gcj_lat": LAT}).to_csv(tmp_path / "a.csv", index=False)
    codes = _codes(_check(tmp_path / "a.csv", against))
    assert codes["datum_hint"] == "warning"
    assert codes["datum_not_testable"] == "warning"


def test_places_outside(tmp_path: Path, against: CheckAgainst) -> None:
    some = _check(_save(tmp_path / "a.csv", np.where(LON > 121.5, 122.5, LON), LAT), against)
    finding = next(f for f in some.findings if f.code == "outside_study")
    assert (finding.severity, finding.count) == ("warning", 3)
    assert finding.examples == ("4", "9", "14")
    every = _check(_save(tmp_path / "b.csv", LON - 10, LAT), against)
    assert _codes(every)["outside_study"] == "error"


def test_geometry_health_and_duplicates(tmp_path: Path, against: CheckAgainst) -> None:
    bow = shapely.Polygon([(121.3, 31), (121.4, 31.1), (121.4, 31), (121.3, 31.1)])
    box = shapely.box(121.3, 31.0, 121.31, 31.01)
    nearly = shapely.Point(121.5, 31.0000001)
    flat = shapely.Polygon([(121.3, 31), (121.4, 31), (121.3, 31)])
    frame = gpd.GeoDataFrame(
        {"名称": ["a", "b", "c", "d", "同 名", "同名", "g"]},
        geometry=[bow, box, box.reverse(), None, shapely.Point(121.5, 31), nearly, flat],
        crs=4326,
    )
    frame.to_parquet(tmp_path / "a.parquet")
    report = _check(tmp_path / "a.parquet", against)
    counts = {f.code: f.count for f in report.findings}
    assert counts["no_geometry"] == 1
    assert counts["invalid_geometry"] == 2
    assert counts["zero_area"] == 1
    assert counts["same_geometry"] == 2
    assert counts["same_name_and_place"] == 2
    assert "mixed_geometry" in counts
    assert not report.ok


def test_an_unreadable_file_is_a_finding(tmp_path: Path, against: CheckAgainst) -> None:
    (tmp_path / "a.csv").write_text("name,price\na,1\n")
    report = _check(tmp_path / "a.csv", against)
    assert not report.ok
    assert report.layer is None
    assert "lon/lat" in str(report)


def test_fields_by_the_names_people_give() -> None:
    columns = ["DKBH", "项目名称", "行政区", "用地面积", "备注"]
    assert recognise_fields(columns) == {
        "name": "项目名称",
        "district": "行政区",
        "id": "DKBH",
        "area": "用地面积",
    }


@pytest.mark.shared
def test_real_files(shared: Path) -> None:
    towns = gpd.read_file(shared / "data/shanghai/towns.geojson")
    stations = gpd.read_file(shared / "data/shanghai/layers/rail_station.gpkg")
    against = CheckAgainst(study_area=towns, named_points=stations, districts=towns)
    facts = _check(shared / "facts/tertiary_hospitals.csv", against)
    assert facts.ok
    assert [d.verdict for d in facts.datum] == ["not_testable", "agrees"]
    elsewhere = _check(shared / "data/porto_alegre/poa_points_of_interest.csv", against)
    assert _codes(elsewhere)["outside_study"] == "error"


def test_metres_without_a_crs_are_read_by_the_one_that_is_stated(
    tmp_path: Path, against: CheckAgainst
) -> None:
    """What the message advises works for every table of a study, and for the check."""
    assert against.named_points is not None
    frame = against.named_points.rename(columns={"name": "园区名称"}).to_crs("EPSG:32651")
    frame.to_file(tmp_path / "a.shp", encoding="gbk")
    (tmp_path / "a.prj").unlink()
    path = tmp_path / "a.shp"
    here = replace(against, study_area=None)
    assert "--crs" in str(_check(path, here))
    assert _check(path, here, crs="EPSG:32651").ok
    assert "PROJ does not know" in str(_check(path, here, crs="EPSG:1"))
    table = open_placed(
        TableInput(path=path, crs="EPSG:32651"), role="places", against=here, settings=SETTINGS
    )
    np.testing.assert_allclose(table["lon"], LON, atol=1e-9)
    with pytest.raises(ValidationError, match="only together with"):
        TableInput(reference="places", crs="EPSG:32651")


def test_a_raster_of_people(tmp_path: Path, against: CheckAgainst) -> None:
    path = tmp_path / "people.tif"
    counts = np.full((1, 4, 5), 10.0, dtype="float32")
    counts[0, 0, :2] = (-200.0, -9999.0)
    grid = Affine(0.05, 0.0, 121.2, 0.0, -0.05, 31.4)
    about = {"driver": "GTiff", "count": 1, "height": 4, "width": 5, "dtype": "float32"}
    with rasterio.open(path, "w", crs=4326, transform=grid, nodata=-9999, **about) as raster:
        raster.write(counts)
    report = _check(path, against)
    assert report.raster is not None
    assert (report.raster.with_data, report.raster.negative) == (19, 1)
    assert (report.raster.total, report.raster.inside) == (-20.0, -20.0)
    assert _codes(report) == {"counts": "error"}
    assert "nodata: -200" in str(report)
    counts[0, 0, 0] = 10.0
    with rasterio.open(path, "w", crs=4326, transform=grid, nodata=-9999, **about) as raster:
        raster.write(counts)
    assert _check(path, against).ok
    away = replace(
        against, study_area=gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)], crs=4326)
    )
    assert _codes(_check(path, away)) == {"outside_study": "error"}


def test_what_a_run_must_refuse_is_not_usable(tmp_path: Path, against: CheckAgainst) -> None:
    path = tmp_path / "places.csv"
    path.write_text("place_id,name_zh,lon,lat\nA,甲,121.5,31.2\nB,乙,abc,31.2\n", "utf-8")
    report = _check(path, against)
    assert not report.ok
    assert _codes(report)["required_fields"] == "error"
    assert "lon, row 2: abc" in str(report)
    named = check_file(path, against=against, settings=SETTINGS, columns={"tier": "name_zh"})
    assert named.ok  # the study says which column it is


def test_a_file_that_is_not_there_has_a_near_match(tmp_path: Path, against: CheckAgainst) -> None:
    _save(tmp_path / "parks.csv", LON, LAT)
    assert "nearest match: parks.csv" in str(_check(tmp_path / "park.csv", against))
    assert "files there: parks.csv" in str(_check(tmp_path / "医院.shp", against))

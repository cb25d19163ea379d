"""Reading what people have: every format, encodings, missing parts, odd columns."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from pipeline.errors import CrsError, FieldError, ParkgapError, SourceError
from pipeline.sources.datum import wgs84_to_gcj02
from pipeline.sources.files import read_layer

SHANGHAI = (120.85, 30.67, 122.25, 31.88)
NAMES = ["漕河泾开发区", "张江科学城", "临港新片区", "紫竹高新区"]
LON = np.array([121.397, 121.607, 121.909, 121.447])
LAT = np.array([31.170, 31.202, 30.894, 31.022])


@pytest.fixture
def parks() -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"name": NAMES}, geometry=gpd.points_from_xy(LON, LAT), crs=4326)


def _check(frame: gpd.GeoDataFrame, column: str = "name") -> None:
    back = frame.to_crs(4326)
    assert list(back[column]) == NAMES
    np.testing.assert_allclose(back.geometry.x, LON, atol=1e-6)
    np.testing.assert_allclose(back.geometry.y, LAT, atol=1e-6)


@pytest.mark.parametrize("ending", ["gpkg", "geojson", "fgb", "shp", "gml"])
def test_formats_of_gdal(parks: gpd.GeoDataFrame, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"parks.{ending}"
    parks.to_file(path, encoding="utf-8" if ending == "shp" else None)
    read = read_layer(path)
    frame = read.frame.sort_values("name", key=lambda s: s.map(NAMES.index))
    _check(frame)
    assert read.report.crs_basis == "file"
    assert (read.report.rows, read.report.without_geometry) == (4, 0)
    assert read.report.datum_basis == "assumed"
    assert read.report.as_dict()["path"] == str(path)


def test_kml_kmz_and_dxf(parks: gpd.GeoDataFrame, tmp_path: Path) -> None:
    parks.rename(columns={"name": "Name"}).to_file(tmp_path / "parks.kml", driver="LIBKML")
    _check(read_layer(tmp_path / "parks.kml").frame, "Name")
    with zipfile.ZipFile(tmp_path / "parks.kmz", "w") as archive:
        archive.write(tmp_path / "parks.kml", "doc.kml")
    read = read_layer(tmp_path / "parks.kmz")
    _check(read.frame, "Name")
    assert read.report.format == "KML"
    parks.to_crs(4549)[["geometry"]].to_file(tmp_path / "parks.dxf", driver="DXF")
    with pytest.raises(CrsError, match="no CRS is stated"):
        read_layer(tmp_path / "parks.dxf")
    drawing = read_layer(tmp_path / "parks.dxf", crs="EPSG:4549")
    np.testing.assert_allclose(drawing.frame.to_crs(4326).geometry.x, LON, atol=1e-6)


def test_geoparquet_and_plain_parquet(parks: gpd.GeoDataFrame, tmp_path: Path) -> None:
    parks.to_parquet(tmp_path / "a.parquet")
    _check(read_layer(tmp_path / "a.parquet").frame)
    pd.DataFrame({"name": NAMES, "lng": LON, "lat": LAT}).to_parquet(tmp_path / "b.parquet")
    read = read_layer(tmp_path / "b.parquet")
    _check(read.frame)
    assert read.report.coordinate_columns == ("lng", "lat")


@pytest.mark.parametrize("encoding", ["gbk", "utf-8", "gb18030"])
@pytest.mark.parametrize("cpg", ["absent", "right", "wrong"])
def test_shapefile_without_prj_and_with_any_cpg(
    parks: gpd.GeoDataFrame, tmp_path: Path, encoding: str, cpg: str
) -> None:
    path = tmp_path / "parks.shp"
    parks.to_file(path, encoding=encoding)
    path.with_suffix(".prj").unlink()
    path.with_suffix(".cpg").unlink()
    if cpg != "absent":
        stated = encoding if cpg == "right" else "ISO-8859-1"
        path.with_suffix(".cpg").write_text(stated)
    read = read_layer(path)
    _check(read.frame)
    assert read.report.encoding_basis == ("file" if cpg == "right" else "detected")
    assert read.report.crs_basis == "degrees_assumed"
    codes = {note.code for note in read.report.notes}
    assert ("encoding_contradicted" in codes) == (cpg == "wrong")
    assert "crs_assumed" in codes


def test_overrides_win(parks: gpd.GeoDataFrame, tmp_path: Path) -> None:
    path = tmp_path / "parks.shp"
    parks.to_file(path, encoding="utf-8")
    read = read_layer(path, encoding="cp1252", crs="EPSG:4490")
    assert read.frame["name"][0] != NAMES[0]
    assert (read.report.crs, read.report.crs_basis) == ("EPSG:4490", "given")
    assert read.report.encoding_basis == "given"


def test_shapefile_with_missing_parts(parks: gpd.GeoDataFrame, tmp_path: Path) -> None:
    parks.to_file(tmp_path / "parks.shp")
    (tmp_path / "parks.dbf").unlink()
    assert len(read_layer(tmp_path / "parks.shp").frame) == 4
    (tmp_path / "parks.shx").unlink()
    with pytest.raises(SourceError, match=r"\.shx"):
        read_layer(tmp_path / "parks.shp")


def test_zipped_shapefile_with_gbk_names(parks: gpd.GeoDataFrame, tmp_path: Path) -> None:
    for stem in ("parks", "other"):
        parks.to_file(tmp_path / f"{stem}.shp", encoding="gbk")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for part in tmp_path.glob("parks.*"):
            archive.write(part, f"资料/园区{part.suffix}")
    read = read_layer(tmp_path / "a.zip")
    _check(read.frame)
    assert read.report.format == "Shapefile"
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        for part in [*tmp_path.glob("parks.*"), *tmp_path.glob("other.*")]:
            archive.write(part, part.name)
    with pytest.raises(SourceError, match=r"several layers: other\.shp, parks\.shp"):
        read_layer(tmp_path / "b.zip")
    _check(read_layer(tmp_path / "b.zip", layer="parks").frame)


def test_several_layers_must_be_named(parks: gpd.GeoDataFrame, tmp_path: Path) -> None:
    path = tmp_path / "parks.gpkg"
    parks.to_file(path, layer="parks")
    parks.to_file(path, layer="more")
    with pytest.raises(SourceError, match="several layers: parks, more"):
        read_layer(path)
    assert read_layer(path, layer="more").report.layers == ("parks", "more")
    with pytest.raises(SourceError, match="no layer shops"):
        read_layer(path, layer="shops")


@pytest.mark.parametrize(
    ("east", "north"),
    [
        ("lon", "lat"),
        ("lng", "lat"),
        ("经度", "纬度"),
        ("x", "y"),
        ("X坐标", "Y坐标"),
        ("Longitude(E)", "Latitude(N)"),
        ("东经", "北纬"),
        ("WGS84_LON", "WGS84_LAT"),
        ("经度（WGS84）", "纬度（WGS84）"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
def test_tables_by_any_column_name(tmp_path: Path, east: str, north: str, encoding: str) -> None:
    if east == "Longitude(E)":
        east, north = "longitude", "latitude"
    path = tmp_path / "parks.csv"
    table = pd.DataFrame({"name": NAMES, east: LON, north: LAT})
    path.write_bytes(table.to_csv(index=False, sep=";").encode(encoding))
    read = read_layer(path)
    _check(read.frame)
    assert read.report.coordinate_columns == (east, north)


def test_true_coordinates_are_preferred_to_shifted_ones(tmp_path: Path) -> None:
    table = pd.DataFrame({"gcj_lon": LON + 1, "gcj_lat": LAT, "lon": LON, "lat": LAT})
    table.assign(name=NAMES).to_csv(tmp_path / "a.csv", index=False)
    read = read_layer(tmp_path / "a.csv")
    _check(read.frame)
    table[["gcj_lon", "gcj_lat"]].to_csv(tmp_path / "b.csv", index=False)
    assert read_layer(tmp_path / "b.csv").report.hinted_datum == "gcj02"


def test_wkt_text_pairs_and_degrees_minutes_seconds(tmp_path: Path) -> None:
    pairs = list(zip(LON, LAT, strict=True))
    tables = {
        "wkt": {"WKT": [f"POINT ({x} {y})" for x, y in pairs]},
        "text": {"坐标": [f"{x},{y}" for x, y in pairs]},
    }
    for name, columns in tables.items():
        path = tmp_path / f"{name}.csv"
        pd.DataFrame({"name": NAMES, **columns}).to_csv(path, index=False)
        _check(read_layer(path).frame)
    dms = pd.DataFrame(
        {
            "name": ["a", "b"],
            "经度": ["121°30′36″", "东经121度30分"],
            "纬度": ["31°12'", "３１．２"],
        }
    )
    dms.to_csv(tmp_path / "dms.csv", index=False)
    frame = read_layer(tmp_path / "dms.csv").frame
    np.testing.assert_allclose(frame.geometry.x, [121.51, 121.5], atol=1e-12)
    np.testing.assert_allclose(frame.geometry.y, [31.2, 31.2], atol=1e-12)


def test_blank_and_zero_coordinates_are_kept_without_geometry(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,lon,lat\n007,121.4,31.2\n008,,\n009,0,0\n010,x,31\n")
    read = read_layer(tmp_path / "a.csv")
    assert list(read.frame["id"]) == ["007", "008", "009", "010"]  # codes stay text
    assert read.frame.geometry.isna().tolist() == [False, True, True, True]
    assert read.report.without_geometry == 3


def test_excel_with_titles_above_and_other_sheets(tmp_path: Path) -> None:
    path = tmp_path / "parks.xlsx"
    head = [["园区名录（2026）", None, None], ["name", "经度", "纬度"]]
    body = [[n, x, y] for n, x, y in zip(NAMES, LON, LAT, strict=True)]
    with pd.ExcelWriter(path) as book:
        pd.DataFrame([["说明"]]).to_excel(book, sheet_name="说明", index=False, header=False)
        pd.DataFrame(head + body).to_excel(book, sheet_name="园区", index=False, header=False)
    read = read_layer(path)
    _check(read.frame)
    assert read.report.layer == "园区"
    assert read.report.layers == ("说明", "园区")
    with pytest.raises(FieldError):
        read_layer(path, layer="说明")


@pytest.mark.parametrize("code", ["EPSG:4528", "EPSG:4499", "EPSG:4529"])
@pytest.mark.parametrize("order", ["xy", "yx"])
def test_metres_with_a_zone_number(tmp_path: Path, code: str, order: str) -> None:
    placed = gpd.GeoSeries(gpd.points_from_xy(LON, LAT), crs=4326).to_crs(code)
    x, y = (placed.x, placed.y) if order == "xy" else (placed.y, placed.x)
    pd.DataFrame({"name": NAMES, "X": x, "Y": y}).to_csv(tmp_path / "a.csv", index=False)
    read = read_layer(tmp_path / "a.csv")
    _check(read.frame)
    assert (read.report.crs, read.report.crs_basis) == (code, "zone_number")
    assert read.report.swapped == (order == "yx")


def test_metres_that_fit_several_grids_are_refused_with_the_list(tmp_path: Path) -> None:
    placed = gpd.GeoSeries(gpd.points_from_xy(LON, LAT), crs=4326).to_crs(4550)
    pd.DataFrame({"x": placed.x, "y": placed.y}).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(CrsError, match=r"EPSG:32651.*EPSG:4510.*EPSG:4550"):
        read_layer(tmp_path / "a.csv", study_bounds=SHANGHAI)


def test_swapped_degrees_and_a_false_label(parks: gpd.GeoDataFrame, tmp_path: Path) -> None:
    pd.DataFrame({"name": NAMES, "lon": LAT, "lat": LON}).to_csv(tmp_path / "a.csv", index=False)
    read = read_layer(tmp_path / "a.csv")
    _check(read.frame)
    assert read.report.swapped
    metres = parks.to_crs(4528).set_crs(4326, allow_override=True)
    metres.to_file(tmp_path / "b.gpkg")
    read = read_layer(tmp_path / "b.gpkg")
    _check(read.frame)
    assert {note.code for note in read.report.notes} >= {"crs_contradicted", "crs_assumed"}


def test_swapped_degrees_are_told_by_the_study_area(tmp_path: Path) -> None:
    table = pd.DataFrame({"x": [-30.03, -30.05], "y": [-51.22, -51.20]})
    table.to_csv(tmp_path / "a.csv", index=False)
    assert not read_layer(tmp_path / "a.csv").report.swapped
    city = (-51.4, -30.3, -51.0, -29.9)
    read = read_layer(tmp_path / "a.csv", study_bounds=city)
    assert read.report.swapped
    assert read.frame.geometry.x.tolist() == [-51.22, -51.20]


def test_a_declared_shifted_datum_is_undone(tmp_path: Path) -> None:
    lon, lat = wgs84_to_gcj02(LON, LAT)
    pd.DataFrame({"name": NAMES, "lng": lon, "lat": lat}).to_csv(tmp_path / "a.csv", index=False)
    read = read_layer(tmp_path / "a.csv", datum="gcj02")
    _check(read.frame)
    assert read.report.datum_basis == "declared"
    assert abs(read_layer(tmp_path / "a.csv").frame.geometry.x[0] - LON[0]) > 1e-3


def test_old_datums_are_noted(parks: gpd.GeoDataFrame, tmp_path: Path) -> None:
    parks.to_crs(2437).to_file(tmp_path / "a.gpkg")  # Beijing 1954, 3 degrees, 120 E
    notes = {note.code for note in read_layer(tmp_path / "a.gpkg").report.notes}
    assert "old_datum" in notes


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("a.gpkg", b"not a database", SourceError),
        ("a.parquet", b"PAR1 no", SourceError),
        ("a.geojson", b'{"type": "FeatureCollection", "features": [', SourceError),
        ("a.csv", b"name,price\na,1\n", FieldError),
        ("a.csv", b"", SourceError),
        ("a.xlsx", b"PK no", SourceError),
        ("a.zip", b"PK no", SourceError),
        ("a.dwg", b"AC1027", SourceError),
        ("a.kml", b"<kml", SourceError),
    ],
)
def test_damaged_and_unknown_files_say_so_in_both_languages(
    tmp_path: Path, name: str, content: bytes, error: type[ParkgapError]
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(error) as raised:
        read_layer(tmp_path / name)
    for problem in raised.value.problems:
        assert any("\u4e00" <= letter <= "\u9fff" for letter in problem.zh)
        assert problem.en


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not exist"):
        read_layer(tmp_path / "nothing.gpkg")


def test_an_empty_layer_is_no_data(parks: gpd.GeoDataFrame, tmp_path: Path) -> None:
    parks.head(0).to_file(tmp_path / "a.gpkg")
    with pytest.raises(SourceError, match="no rows"):
        read_layer(tmp_path / "a.gpkg")


@pytest.mark.shared
def test_real_layers(shared: Path, tmp_path: Path) -> None:
    folder = shared / "data/shanghai"
    hospitals = read_layer(folder / "layers/hospital.gpkg", study_bounds=SHANGHAI)
    assert (hospitals.report.rows, hospitals.report.crs) == (440, "EPSG:4326")
    facts = read_layer(shared / "facts/tertiary_hospitals.csv", study_bounds=SHANGHAI)
    assert facts.report.coordinate_columns == ("lon", "lat")
    assert facts.report.rows - facts.report.without_geometry == 78
    towns = read_layer(folder / "towns.geojson")
    path = tmp_path / "towns.shp"
    towns.frame.to_crs(4549).to_file(path, encoding="gbk")
    path.with_suffix(".cpg").unlink()
    back = read_layer(path)
    assert list(back.frame["name"]) == list(towns.frame["name"])
    assert back.report.crs == "EPSG:4549"
    shutil.copy(folder / "towns.geojson", tmp_path / "towns.json")
    assert shapely.is_valid(read_layer(tmp_path / "towns.json").frame.geometry).all()

"""Open what was written with other programs than the one that wrote it."""

from __future__ import annotations

import datetime as dt
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from xml.etree import ElementTree as ET

import pyogrio
import pytest

from pipeline.publish.geopackage import (
    Begun,
    begin_geopackage,
    begin_tables,
    write_geopackage,
)
from pipeline.publish.layer_schemas import layer_schemas
from pipeline.publish.qgis_style import styles
from pipeline.publish.qgis_symbols import StyleOptions
from tests.conftest import required_in_ci
from tests.publish.layer_samples import BREAKS, town_layers

DATE = dt.date(2026, 5, 19)
VALIDATOR = Path("/usr/lib/python3/dist-packages/osgeo_utils/samples/validate_gpkg.py")
ISO = "http://www.isotc211.org/2005/gmd"


def written(path: Path, **begun: Begun) -> Path:
    layers = town_layers()
    write_geopackage(
        path,
        layers,
        date=DATE,
        styles=styles([layer.schema for layer in layers], StyleOptions(gap_breaks=BREAKS)),
        metadata={
            "": ("https://stacspec.org", "application/json", "{}"),
            "gaps": (ISO, "text/xml", "<a/>"),
        },
        **begun,
    )
    return path


@pytest.fixture(scope="module")
def gpkg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("town") / "parkgap.gpkg")


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(query).fetchall()


def conforms_to_ogc(path: Path) -> None:
    """Run GDAL's validator, with every extension in use named by the standard."""
    if not VALIDATOR.is_file():
        required_in_ci("GDAL's validate_gpkg.py is absent (Debian: python3-gdal)")
    done = subprocess.run(
        ["/usr/bin/python3", str(VALIDATOR), "--extra", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip() == ""  # it also grumbles without failing


def test_the_file_conforms_to_the_standard(gpkg: Path) -> None:
    conforms_to_ogc(gpkg)


def test_the_validator_would_notice(gpkg: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.gpkg"
    broken.write_bytes(gpkg.read_bytes())
    with closing(sqlite3.connect(broken)) as database:
        database.execute("DELETE FROM gpkg_geometry_columns")
        database.commit()
    with pytest.raises(AssertionError):
        conforms_to_ogc(broken)


def test_equal_content_is_an_equal_file(gpkg: Path, tmp_path: Path) -> None:
    time.sleep(1.1)  # a second later, in case a clock is read
    assert written(tmp_path / "again.gpkg").read_bytes() == gpkg.read_bytes()


def test_a_file_begun_earlier_holds_what_one_written_at_once_does(
    gpkg: Path, tmp_path: Path
) -> None:
    ground = Begun(tmp_path / "ground.gpkg", frozenset({"places", "gaps", "coverage", "standards"}))
    tables = Begun(tmp_path / "it's.db", frozenset({"access", "fit"}))
    layers = {layer.schema.name: layer for layer in town_layers()}
    begin_geopackage(ground.path, [layers[name] for name in sorted(ground.layers)], date=DATE)
    begin_tables(tables.path, [layers[name] for name in sorted(tables.layers)])
    path = written(tmp_path / "parkgap.gpkg", ground=ground, tables=tables)
    conforms_to_ogc(path)
    told = []
    for file in (path, gpkg):
        with closing(sqlite3.connect(file)) as database:
            tables = sorted(name for (name,) in rows(file, "SELECT name FROM sqlite_master"))
            # How a tree of rectangles is laid out is no content.
            lines = sorted(line for line in database.iterdump() if "rtree_" not in line)
            first = rows(file, "SELECT table_name FROM gpkg_contents ORDER BY rowid")
        told.append((tables, lines, first))
    assert told[0] == told[1]


def test_the_clock_is_given_back(gpkg: Path) -> None:
    assert gpkg.is_file()
    assert pyogrio.get_gdal_config_option("OGR_CURRENT_DATE") is None


def test_every_layer_is_there_with_its_rows_and_index(gpkg: Path) -> None:
    indexed = {table for (table,) in rows(gpkg, "SELECT table_name FROM gpkg_extensions")}
    for layer in town_layers():
        schema = layer.schema
        info = pyogrio.read_info(gpkg, layer=schema.name)
        assert info["features"] == len(layer.frame)
        assert list(info["fields"]) == [column.name for column in schema.columns]
        if schema.spatial:
            assert info["crs"] == "EPSG:4326"
            assert schema.name in indexed


def test_types_are_those_of_the_schema(gpkg: Path) -> None:
    told = {"text": "TEXT", "int": "INTEGER", "float": "REAL", "bool": "BOOLEAN", "date": "DATE"}
    for schema in layer_schemas().values():
        kinds = {
            name: kind for _, name, kind, *_ in rows(gpkg, f"PRAGMA table_info({schema.name})")
        }
        for column in schema.columns:
            assert str(kinds[column.name]).startswith(told[column.type]), (schema.name, column)


def test_null_is_stored_as_null(gpkg: Path) -> None:
    query = "SELECT planned_area_km2, name_en, geom FROM places WHERE place_id = 'P3'"
    assert rows(gpkg, query) == [(None, None, None)]


def test_every_column_is_described_and_every_code_listed(gpkg: Path) -> None:
    told = rows(
        gpkg, "SELECT table_name, column_name, name, constraint_name FROM gpkg_data_columns"
    )
    columns = [(s, c) for s in layer_schemas().values() for c in s.columns]
    assert len(told) == len(columns) == len(rows(gpkg, "SELECT * FROM data_dictionary"))
    assert ("places", "precision_m", "点位精度 / how far the point may be off [m]", None) in told
    codes = rows(
        gpkg,
        "SELECT value, description FROM gpkg_data_column_constraints"
        " WHERE constraint_name = 'method' ORDER BY value",
    )
    assert ("estimated_straight_line", "直线估算 / straight-line estimate") in codes
    assert ("measured_network", "街道网络实测 / measured on streets") in codes


def test_each_layer_has_one_default_style(gpkg: Path) -> None:
    found = rows(
        gpkg, "SELECT f_table_name, f_geometry_column FROM layer_styles WHERE useAsDefault"
    )
    spatial = {name: schema.spatial for name, schema in layer_schemas().items()}
    assert dict(found) == {name: "geom" if has else "" for name, has in spatial.items()}
    assert len(found) == len(spatial)
    for (qml,) in rows(gpkg, "SELECT styleQML FROM layer_styles"):
        document = str(qml).split("\n", 1)[1]
        assert ET.fromstring(document).tag == "qgis"  # noqa: S314 - written by ourselves


def test_metadata_hang_on_the_file_and_on_the_layer(gpkg: Path) -> None:
    found = rows(
        gpkg,
        "SELECT reference_scope, table_name, metadata, timestamp FROM gpkg_metadata_reference"
        " JOIN gpkg_metadata ON id = md_file_id ORDER BY id",
    )
    moment = "2026-05-19T00:00:00.000Z"
    assert found == [("geopackage", None, "{}", moment), ("table", "gaps", "<a/>", moment)]

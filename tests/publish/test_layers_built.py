"""Check the layers of the embedded study as they lie on disk."""

from __future__ import annotations

import csv
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import rasterio
import shapely

from pipeline.publish.layer_export import export_layers
from pipeline.publish.layer_licences import LICENCES
from pipeline.publish.layer_schemas import layer_schemas
from tests.built import parkgap
from tests.publish.test_layers_geopackage import conforms_to_ogc

OSM = "© OpenStreetMap contributors"


@pytest.fixture(scope="module")
def built(embedded: Path) -> Path:
    return embedded / "layers" / "built" / "shanghai"


@pytest.fixture(scope="module")
def tables(embedded: Path) -> Path:
    return embedded / "outputs" / "shanghai" / "tables"


@pytest.fixture(scope="module")
def collection(built: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads(
        (built / "parkgap.provenance.json").read_text(encoding="utf-8")
    )
    return found


def layer_names(built: Path) -> list[str]:
    names = [str(name) for name in pyogrio.list_layers(built / "parkgap.gpkg")[:, 0]]
    return [name for name in names if name in layer_schemas()]


def test_all_schemas_are_built_and_the_file_conforms(built: Path) -> None:
    assert set(layer_names(built)) == set(layer_schemas())
    conforms_to_ogc(built / "parkgap.gpkg")


def test_running_the_stage_again_changes_no_byte(built: Path, tmp_path: Path) -> None:
    copy = tmp_path / "layers" / "built" / "shanghai"
    shutil.copytree(built, copy)
    parkgap("execute", "layers", "--plan", str(copy / "study.json"))
    kept = [path for path in sorted(built.rglob("*")) if path.suffix in {".gpkg", ".qgz", ".tif"}]
    kept += [*sorted((built / "parquet").glob("*.parquet")), built / "parkgap.provenance.json"]
    assert len(kept) > len(layer_schemas())
    for path in kept:
        assert (copy / path.relative_to(built)).read_bytes() == path.read_bytes(), path.name


def test_layers_say_what_the_stages_found(built: Path) -> None:
    gaps = gpd.read_file(built / "parkgap.gpkg", layer="gaps").set_index("place_id")
    found = pd.read_parquet(built / "gaps" / "gaps.parquet")
    for service in ("rail", "hospital", "school", "composite"):
        wanted = found[found["service"].eq(service)].set_index("place_id")["gap"]
        got = gaps[f"gap_{service}"].reindex(wanted.index)
        np.testing.assert_array_equal(got.to_numpy(), wanted.to_numpy(dtype=float))
        unknown = gaps[f"gap_{service}"].isna()
        assert (gaps[f"class_{service}"].isna() == unknown).all()
    places = gpd.read_parquet(built / "ingest" / "places.parquet")
    drawn = places.set_index("place_id").geometry.dropna().to_crs(4326)
    assert gaps.geometry.isna().sum() == places.geometry.isna().sum()
    apart = shapely.hausdorff_distance(
        gaps.geometry.reindex(drawn.index).to_numpy(), drawn.to_numpy()
    )
    assert (apart < 1e-9).all()


def test_every_column_says_something(built: Path) -> None:
    """A column that a stage no longer writes would be published as nothing but nulls."""
    # No extract: no gates, no donors, no ordinary facilities; beds and densities are unknown, as
    # are the figures of the carriers; no idle plot of the sample is young enough for a fee.
    unknown = {"gates", "island_donors", "two_tier", "parcel_totals", "hospitals", "schools"}
    unknown |= {"carrier_status", "retention"}
    for path in sorted((built / "parquet").glob("*.parquet")):
        frame = pd.read_parquet(path)
        if len(frame) and path.stem not in unknown:
            assert [name for name in frame.columns if frame[name].isna().all()] == [], path.stem


def test_no_line_jumps_across_the_city(built: Path) -> None:
    lines = gpd.read_file(built / "parkgap.gpkg", layer="rail_lines").to_crs("EPSG:32651")
    links = lines.explode().geometry.segmentize(1e9).apply(lambda line: list(line.coords))
    longest = max(
        float(np.hypot(*np.diff(np.array(coordinates), axis=0).T).max()) for coordinates in links
    )
    assert longest < 35_000  # the maglev's one link of 29 km is the longest there is


def test_every_file_of_the_provenance_exists_and_every_layer_is_traced(
    built: Path, collection: dict[str, dict[str, dict[str, str]]]
) -> None:
    for asset in collection["assets"].values():
        assert (built / asset["href"]).is_file(), asset
    traced = {one["layer"]: one for one in collection["parkgap:layers"]}
    assert set(traced) == set(layer_schemas())
    for name, one in traced.items():
        assert one["licence"] in LICENCES
        assert one["sources"] or not one["rows"], name  # no extract, no mapped streets
        assert one["stages"], name
        dates = [source["date"] for source in one["sources"] if source["role"] != "parcels"]
        assert all(dates), name
    for name in ("gaps", "access", "stations", "cells", "island"):
        assert (traced[name]["licence"], traced[name]["attribution"]) == ("ODbL-1.0", [OSM]), name


def test_the_metadata_table_tells_of_every_layer(built: Path) -> None:
    told = gpd.read_file(built / "parkgap.gpkg", layer="metadata").set_index("layer")
    assert set(told.index) == set(layer_schemas())
    assert OSM in told.loc["gaps", "attribution"]
    assert "Register of places" in told.loc["gaps", "sources"]
    assert told.loc["gaps", "settings_sha256"].startswith("gaps ")
    assert "C1" in told.loc["places", "reserved"]
    assert told.loc["rail_minutes", "rows"] > 100_000


def test_no_path_of_this_machine_is_published(built: Path, embedded: Path) -> None:
    with closing(sqlite3.connect(built / "parkgap.gpkg")) as database:
        text = "".join(row[0] for row in database.execute("SELECT metadata FROM gpkg_metadata"))
    text += (built / "parkgap.provenance.json").read_text(encoding="utf-8")
    assert str(embedded) not in text
    assert str(Path.home()) not in text


def test_every_layer_is_a_table_too(built: Path, tables: Path) -> None:
    for name in layer_names(built):
        count = pyogrio.read_info(built / "parkgap.gpkg", layer=name)["features"]
        with (tables / f"{name}.csv").open(encoding="utf-8-sig", newline="") as handle:
            rows = list(csv.reader(handle))
        assert len(rows) == count + 1, name
        assert len(pd.read_parquet(built / "parquet" / f"{name}.parquet")) == count
    assert OSM in (tables / "README.md").read_text(encoding="utf-8")


def test_surfaces_agree_with_each_other_and_with_the_need(built: Path) -> None:
    names = {"minutes_rail", "minutes_hospital", "minutes_school", "density_facilities"}
    assert {path.stem for path in (built / "rasters").glob("*.tif")} == names
    with rasterio.open(built / "rasters" / "minutes_rail.tif") as found:
        minutes, measured, gap = found.read()
        assert OSM in found.tags()["ATTRIBUTION"]
    known = ~np.isnan(minutes)
    assert 0.2 < known.mean() < 0.8  # land, not the sea around it
    assert (measured[known] == 0).all()  # no extract: all estimated
    assert ((gap > 0) == (minutes > 10))[known].all()
    assert np.nanmin(minutes) >= 0


def test_the_built_layers_go_out_in_cgcs2000(built: Path, tmp_path: Path) -> None:
    written = export_layers(
        built / "parkgap.gpkg",
        tmp_path,
        formats=["gpkg", "shapefile"],
        crs="EPSG:4549",
        layers=["places", "gaps", "districts"],
    )
    assert all(path.is_file() for path in written)
    area = gpd.read_file(tmp_path / "gpkg" / "parkgap.gpkg", layer="districts").area.sum() / 1e6
    stated = gpd.read_file(built / "parkgap.gpkg", layer="districts")["area_km2"].sum()
    assert area == pytest.approx(stated, rel=0.02)

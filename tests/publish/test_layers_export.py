"""Take layers out in every format and CRS, and read the same back."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import CrsError, LayerError, StudyError
from pipeline.publish.export_losses import Loss, worst_first
from pipeline.publish.geopackage import write_geopackage
from pipeline.publish.layer_export import FORMATS, SIDECAR, export_layers
from pipeline.publish.layer_schemas import layer_schemas
from pipeline.publish.layer_shapefile import NAME_BYTES, TEXT_BYTES, short_names
from tests.publish.layer_samples import town_layers

LONG_NOTE = "长" * 200
SUFFIX = {name: kind.suffix for name, kind in FORMATS.items()}


@pytest.fixture(scope="module")
def gpkg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("town") / "parkgap.gpkg"
    layers = town_layers()
    layers[0].frame.loc[0, "note"] = LONG_NOTE
    write_geopackage(path, layers, date=dt.date(2026, 5, 19), styles={}, metadata={})
    path.with_name(SIDECAR).write_text('{"license": "ODbL-1.0"}', encoding="utf-8")
    return path


def back(folder: Path, kind: str, name: str, columns: list[str]) -> pd.DataFrame:
    if kind == "gpkg":
        return gpd.read_file(folder / kind / "parkgap.gpkg", layer=name)
    path = folder / kind / f"{name}{SUFFIX[kind]}"
    if kind == "geoparquet":
        return gpd.read_parquet(path)
    found = gpd.read_file(path)
    if kind == "shapefile":
        return found.rename(columns={short: name for name, short in short_names(columns).items()})
    return found


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("crs", [None, "EPSG:4549", "EPSG:4550", "EPSG:32651"])
def test_what_goes_out_comes_back(gpkg: Path, tmp_path: Path, kind: str, crs: str | None) -> None:
    names = ["place_points", "gaps", "rail_lines"]
    export_layers(gpkg, tmp_path, formats=[kind], crs=crs, layers=names)
    for name in names:
        schema = layer_schemas()[name]
        columns = [column.name for column in schema.columns]
        wanted = gpd.read_file(gpkg, layer=name)
        found = back(tmp_path, kind, name, columns)
        assert found.crs == (crs or "EPSG:4326")
        key = schema.key[0]
        found = found.set_index(key).loc[wanted[key]].to_crs(4326)
        # A shapefile knows no difference between one part and many.
        apart = shapely.hausdorff_distance(found.geometry.to_numpy(), wanted.geometry.to_numpy())
        near = apart < 2e-7  # degrees: 2 cm
        missing = wanted.geometry.isna().to_numpy()
        assert (near | missing).all()
        assert (found.geometry.isna().to_numpy() == missing).all()
        for column in schema.columns:
            if column.name == key:
                continue
            one, other = wanted[column.name], found[column.name]
            assert (one.isna().to_numpy() == other.isna().to_numpy()).all(), column.name
            if column.type == "float":
                assert other.to_numpy(dtype=float) == pytest.approx(
                    one.to_numpy(dtype=float), nan_ok=True, abs=1e-9
                )
            elif column.type == "text":
                assert other.dropna().tolist() == one.dropna().tolist()


@pytest.mark.parametrize("kind", FORMATS)
def test_every_layer_and_table_can_be_taken_out(gpkg: Path, tmp_path: Path, kind: str) -> None:
    written = export_layers(gpkg, tmp_path, formats=[kind], crs="EPSG:4549")
    assert all(path.is_file() for path in written)
    assert (tmp_path / kind / SIDECAR).read_text(encoding="utf-8") == '{"license": "ODbL-1.0"}'
    again = export_layers(gpkg, tmp_path, formats=[kind], crs="EPSG:4549")
    assert again == written


def test_a_metre_stays_a_metre_in_cgcs2000(gpkg: Path, tmp_path: Path) -> None:
    export_layers(gpkg, tmp_path, formats=["gpkg"], crs="EPSG:4549", layers=["places"])
    park = gpd.read_file(tmp_path / "gpkg/parkgap.gpkg", layer="places").set_index("place_id")
    assert park.loc["P1", "geometry"].area == pytest.approx(1e6, rel=2e-3)


def test_shapefile_names_texts_and_booleans_fit_and_the_list_tells(
    gpkg: Path, tmp_path: Path
) -> None:
    losses: list[Loss] = []
    export_layers(
        gpkg, tmp_path, formats=["shapefile"], crs=None, layers=["places"], tell=losses.append
    )
    folder = tmp_path / "shapefile"
    found = gpd.read_file(folder / "places.shp").set_index("place_id")
    assert (folder / "places.cpg").read_text() == "UTF-8"
    note = found.loc["P1", "note"]
    assert LONG_NOTE.startswith(note)
    assert TEXT_BYTES - 3 < len(note.encode()) <= TEXT_BYTES
    assert found.loc["P1", "name_zh"] == "甲园"
    with (folder / "places.fields.csv").open(encoding="utf-8-sig") as handle:
        told = {row["column"]: row for row in csv.DictReader(handle)}
    assert told["note"]["texts_cut"] == "1"
    assert found.loc["P2", told["is_station_point"]["field"]] == 1
    told_losses = [str(loss) for loss in worst_first([*losses, *losses])]
    assert [line.split(" ")[0] for line in told_losses] == ["丢失", "改写", "改写", "提示"]
    assert "1 texts cut to 254 bytes (note)" in told_losses[0]
    assert "places.fields.csv" in told_losses[1]
    assert "is_station_point" in told_losses[2]
    assert (folder / "data_dictionary.csv").is_file()


@given(st.lists(st.from_regex(r"[a-z][a-z0-9_]{0,24}", fullmatch=True), unique=True, max_size=40))
def test_short_names_fit_never_clash_and_never_change(names: list[str]) -> None:
    short = short_names(names)
    assert list(short) == names
    assert all(len(text) <= NAME_BYTES for text in short.values())
    assert len(set(short.values())) == len(names)
    assert short == short_names(names)


def test_a_format_goes_by_its_suffix_too(gpkg: Path, tmp_path: Path) -> None:
    written = export_layers(gpkg, tmp_path, formats=["SHP", "fgb"], crs=None, layers=["hubs"])
    assert tmp_path / "shapefile" / "data_dictionary.csv" in written
    assert {path.parent.name for path in written} == {"shapefile", "flatgeobuf"}


def test_wrong_names_are_all_told_with_what_there_is(gpkg: Path, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="geojson"):
        export_layers(gpkg, tmp_path, formats=["dwg"], crs=None, layers=["palaces"])
    with pytest.raises(LayerError) as caught:
        export_layers(gpkg, tmp_path, formats=["gpkg"], crs=None, layers=["palaces", "huts"])
    assert len(caught.value.problems) == 2
    assert "places" in str(caught.value)


def test_there_must_be_layers(tmp_path: Path) -> None:
    with pytest.raises(LayerError, match="parkgap run"):
        export_layers(tmp_path / "no.gpkg", tmp_path, formats=["gpkg"], crs=None)


@pytest.mark.parametrize(
    ("crs", "told"), [("EPSG:99999", "unknown"), ("EPSG:31370", "far outside")]
)
def test_a_crs_must_exist_and_be_made_for_the_place(
    gpkg: Path, tmp_path: Path, crs: str, told: str
) -> None:
    with pytest.raises(CrsError, match=told):
        export_layers(gpkg, tmp_path, formats=["gpkg"], crs=crs)

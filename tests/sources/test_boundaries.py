"""A traced boundary replaces the disc of its place, and a wrong file is refused row by row."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from pipeline.errors import FieldError
from pipeline.sources.boundaries import with_boundaries
from tests.built import parkgap

BOX = shapely.box(121.58, 31.20, 121.60, 31.22)


def written(path: Path, *rows: dict[str, object]) -> Path:
    features = [
        {
            "type": "Feature",
            "properties": {key: value for key, value in row.items() if key != "shape"},
            "geometry": json.loads(shapely.to_geojson(row.get("shape", BOX))),
        }
        for row in rows
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")
    return path


def register() -> pd.DataFrame:
    return pd.DataFrame({"place_id": ["a", "b"], "boundary_class": ["indicative", None]})


def test_only_the_place_named_gets_the_polygon(tmp_path: Path) -> None:
    path = written(tmp_path / "a.geojson", {"place_id": "a", "accepted": True})
    found = with_boundaries(register(), path).set_index("place_id")
    assert found.loc["a", "geometry"].equals(BOX)
    assert found.loc["a", "boundary_class"] == "digitised"
    assert found.loc["b", "geometry"] is None
    surveyed = written(tmp_path / "b.geojson", {"place_id": "b", "boundary_class": "surveyed"})
    assert with_boundaries(register(), surveyed)["boundary_class"].tolist() == [
        "indicative",
        "surveyed",
    ]


def test_every_wrong_row_is_told(tmp_path: Path) -> None:
    path = written(
        tmp_path / "x.geojson",
        {"place_id": "q"},
        {"place_id": "a", "accepted": False},
        {"place_id": "b", "shape": shapely.Point(121.5, 31.2)},
        {"place_id": "b"},
    )
    with pytest.raises(FieldError) as caught:
        with_boundaries(register(), path)
    assert [problem.row for problem in caught.value.problems] == ["q", "a", "b", "b"]
    with pytest.raises(FieldError, match="place_id"):
        with_boundaries(register(), written(tmp_path / "y.geojson", {"name": "a"}))


def test_a_study_takes_a_boundary_instead_of_the_disc(tmp_path: Path) -> None:
    path = written(tmp_path / "K1.geojson", {"place_id": "K1"})
    parkgap("stage", "ingest", "-w", str(tmp_path), "--set", f"inputs.boundaries={path}")
    places = gpd.read_parquet(
        tmp_path / "layers" / "built" / "shanghai" / "ingest" / "places.parquet"
    ).set_index("place_id")
    assert places.loc["K1", ["boundary_class", "footprint_basis"]].tolist() == [
        "digitised",
        "given_boundary",
    ]
    expected = gpd.GeoSeries([BOX], crs=4326).to_crs(places.crs).area.iloc[0]
    assert places.geometry["K1"].area == pytest.approx(expected)
    assert places.loc["K2", "boundary_class"] == "indicative"

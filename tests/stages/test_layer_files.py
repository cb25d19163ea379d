"""Layers between stages are read as geopandas reads them, whatever their CRS."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyarrow.parquet as pq
import pytest
from geopandas.testing import assert_geodataframe_equal
from pandas.testing import assert_frame_equal
from shapely import Point

from pipeline.stages import layer_files
from pipeline.stages.layer_files import read_layer, read_table

CRS = "EPSG:32651"
PUBLISHED = ("parquet", "layers")  # in EPSG:4326


def test_every_layer_of_a_study_is_read_as_geopandas_reads_it(
    embedded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers = [
        path
        for path in sorted((embedded / "layers" / "built").glob("*/*/*.parquet"))
        if b"geo" in (pq.read_schema(path).metadata or {}) and path.parent.name not in PUBLISHED
    ]
    wanted = {path: gpd.read_parquet(path) for path in layers}
    assert len(wanted) > 10
    monkeypatch.setattr(gpd, "read_parquet", None)  # none of them needs it
    for path, layer in wanted.items():
        found = layer_files.read_layer(path, CRS)
        assert_geodataframe_equal(found, layer)
        assert list(found.dtypes) == list(layer.dtypes)
        assert found.crs.to_wkt() == layer.crs.to_wkt()


def test_every_table_of_a_study_is_read_as_pandas_reads_it(embedded: Path) -> None:
    tables = [
        path
        for path in sorted((embedded / "layers" / "built").glob("*/*/*.parquet"))
        if b"geo" not in (pq.read_schema(path).metadata or {}) and path.parent.name not in PUBLISHED
    ]
    assert len(tables) > 30
    for path in tables:
        wanted = pd.read_parquet(path)
        assert_frame_equal(read_table(path), wanted, check_exact=True)
        some = list(wanted.columns[::-2])
        assert_frame_equal(read_table(path, some), pd.read_parquet(path, columns=some))


def test_a_layer_in_another_crs_keeps_it(tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame({"a": [1, 2]}, geometry=[Point(1, 2), None], crs="EPSG:4326")
    frame.to_parquet(tmp_path / "other.parquet")
    assert read_layer(tmp_path / "other.parquet", CRS).crs == "EPSG:4326"
    frame.set_crs(None, allow_override=True).to_parquet(tmp_path / "none.parquet")
    assert read_layer(tmp_path / "none.parquet", CRS).crs is None

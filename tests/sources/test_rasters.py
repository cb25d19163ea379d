"""Rasters: exact shares of cells, no data told from zero, totals that stay."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine

from pipeline.errors import CrsError, SourceError
from pipeline.sources.rasters import (
    read_window,
    zonal_statistics,
)

CRS = "EPSG:32651"
EAST, NORTH, SIDE = 350_000.0, 3_450_000.0, 100.0
GRID = Affine(SIDE, 0, EAST, 0, -SIDE, NORTH)


def _write(path: Path, values: np.ndarray, *, nodata: float | None, crs: str | None = CRS) -> Path:
    profile = {"driver": "GTiff", "count": 1, "dtype": "float64", "nodata": nodata}
    rows, cols = values.shape
    with rasterio.open(
        path, "w", width=cols, height=rows, crs=crs, transform=GRID, **profile
    ) as dataset:
        dataset.write(values, 1)
    return path


@pytest.fixture
def ramp(tmp_path: Path) -> Path:
    """Ten by ten cells that count 0 to 99, the last one without data."""
    values = np.arange(100.0).reshape(10, 10)
    values[9, 9] = -9999
    return _write(tmp_path / "ramp.tif", values, nodata=-9999)


def _box(col: float, row: float, width: float, height: float) -> shapely.Polygon:
    x, y = EAST + col * SIDE, NORTH - row * SIDE
    return shapely.box(x, y - height * SIDE, x + width * SIDE, y)


def _zones(*shapes: shapely.Polygon) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        geometry=list(shapes), crs=CRS, index=[f"z{i}" for i in range(len(shapes))]
    )


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        (_box(0, 0, 1, 1), 0.0),
        (_box(3, 2, 1, 1), 23.0),
        (_box(3, 2, 0.5, 0.5), 23 / 4),
        (_box(3.5, 2, 1, 1), 23.5),
        (_box(8, 9, 2, 1), 98.0),  # its other cell has no data
        (_box(0, 0, 10, 10), 99 * 98 / 2 + 0.0),
        (_box(-5, 0, 6, 1), 0.0),
    ],
)
def test_sums_by_hand(ramp: Path, zone: shapely.Polygon, expected: float) -> None:
    table = zonal_statistics(ramp, _zones(zone), statistics=["sum"])
    assert table["sum"].item() == pytest.approx(expected)
    assert table["status"].item() == "ok"


def test_no_data_is_null_and_shares_are_told(ramp: Path) -> None:
    zones = _zones(_box(9, 9, 1, 1), _box(8, 9, 2, 1), _box(50, 50, 1, 1), _box(0, 0, 1, 1))
    table = zonal_statistics(ramp, zones, statistics=["sum", "mean"])
    assert list(table.index) == ["z0", "z1", "z2", "z3"]
    assert table["sum"].isna().tolist() == [True, False, True, False]
    assert table["status"].tolist() == ["no_data", "ok", "no_data", "ok"]
    np.testing.assert_allclose(table["data_share"], [0, 0.5, 0, 1], atol=1e-9)
    assert table["mean"].iloc[1] == 98.0


def test_no_data_that_the_file_does_not_state(tmp_path: Path) -> None:
    values = np.ones((4, 4))
    values[0, 0] = -1
    path = _write(tmp_path / "a.tif", values, nodata=None)
    zone = _zones(_box(0, 0, 4, 4))
    assert zonal_statistics(path, zone, statistics=["sum"])["sum"].item() == pytest.approx(14)
    imposed = zonal_statistics(path, zone, statistics=["sum"], nodata=-1)
    assert imposed["sum"].item() == pytest.approx(15)
    bounds = tuple(zone.total_bounds)
    window = read_window(path, bounds=bounds, bounds_crs=CRS, nodata=-1)
    assert np.isnan(window.values[0, 0])
    assert np.nansum(window.values) == 15


def test_a_window_reads_the_cells_that_touch(ramp: Path) -> None:
    bounds = _box(2, 3, 2, 1).bounds
    window = read_window(ramp, bounds=bounds, bounds_crs=CRS)
    assert window.values.tolist() == [[32.0, 33.0]]
    wider = read_window(ramp, bounds=_box(1.5, 3, 2, 1).bounds, bounds_crs=CRS)
    assert wider.values.tolist() == [[31.0, 32.0, 33.0]]
    corner = read_window(ramp, bounds=_box(8, 8, 9, 9).bounds, bounds_crs=CRS)
    assert corner.values.shape == (2, 2)
    assert np.isnan(corner.values[1, 1])
    assert (corner.transform.c, corner.transform.f) == (EAST + 800, NORTH - 800)


def test_what_cannot_be_read(ramp: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not touch"):
        read_window(ramp, bounds=_box(50, 50, 1, 1).bounds, bounds_crs=CRS)
    with pytest.raises(SourceError, match="no band 2"):
        read_window(ramp, bounds=_box(0, 0, 1, 1).bounds, bounds_crs=CRS, band=2)
    (tmp_path / "no.tif").write_bytes(b"no")
    with pytest.raises(SourceError, match="cannot be read"):
        read_window(tmp_path / "no.tif", bounds=(0, 0, 1, 1), bounds_crs=CRS)
    bare = _write(tmp_path / "bare.tif", np.ones((2, 2)), nodata=None, crs=None)
    with pytest.raises(CrsError, match="no CRS"):
        read_window(bare, bounds=(0, 0, 1, 1), bounds_crs=CRS)
    with pytest.raises(CrsError, match="zones have no CRS"):
        zonal_statistics(ramp, gpd.GeoDataFrame(geometry=[_box(0, 0, 1, 1)]), statistics=["sum"])


@pytest.mark.shared
def test_real_heights_against_brute_force(shared: Path) -> None:
    """Each cell's share by polygon intersection, in plain shapely, for a tilted zone."""
    path = shared / "data/porto_alegre/poa_elevation.tif"
    zone = shapely.affinity.rotate(shapely.box(-51.22, -30.06, -51.216, -30.055), 27)
    zones = gpd.GeoDataFrame(geometry=[zone], crs=4326)
    window = read_window(path, bounds=zone.bounds, bounds_crs="EPSG:4326")
    row, col = np.indices(window.values.shape)
    grid = window.transform
    x0, y0 = grid.c + grid.a * col.ravel(), grid.f + grid.e * row.ravel()
    x1, y1 = x0 + grid.a, y0 + grid.e
    cells = shapely.box(x0, y1, x1, y0)
    share = shapely.area(shapely.intersection(cells, zone)) / shapely.area(cells)
    expected = float((share * window.values.ravel()).sum())
    table = zonal_statistics(path, zones, statistics=["sum", "mean"])
    assert table["sum"].item() == pytest.approx(expected, rel=1e-6)
    assert table["mean"].item() == pytest.approx(expected / share.sum(), rel=1e-6)
    assert table["data_share"].item() == pytest.approx(1.0)
    metric = zonal_statistics(path, zones.to_crs(32722), statistics=["sum"])
    assert metric["sum"].item() == pytest.approx(expected, rel=1e-4)

"""Hold where people live to an independent zonal sum and to the counts themselves."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from pyproj import CRS

from pipeline.measures.coverage_raster import CountRaster, sum_by_cell_fractions
from pipeline.measures.people import PeopleCells, people_cells
from pipeline.sources.people import of_raster
from pipeline.sources.rasters import zonal_statistics

UTM = "EPSG:32651"
SIDE, SIZE = 100.0, 12


def grid(counts: np.ndarray) -> gpd.GeoDataFrame:
    row, column = np.indices(counts.shape).reshape(2, -1)
    x, y = (column + 0.5) * SIDE, (SIZE - row - 0.5) * SIDE
    return gpd.GeoDataFrame(
        {"residents": counts.ravel(), "jobs": np.nan}, geometry=gpd.points_from_xy(x, y), crs=UTM
    )


def cells_of(counts: np.ndarray) -> PeopleCells:
    cells = people_cells(grid(counts))
    assert cells is not None
    return cells


def test_sums_in_polygons_are_those_of_exactextract() -> None:
    random = np.random.default_rng(3)
    counts = random.integers(0, 90, (SIZE, SIZE)).astype(float)
    counts[2, 3] = np.nan  # not counted is not nobody
    corner = random.uniform(100, 700, (40, 2))
    polygons = shapely.buffer(shapely.points(corner), random.uniform(20, 300, 40))
    raster = CountRaster(counts, (0.0, 0.0, SIZE * SIDE, SIZE * SIDE), CRS(UTM).to_wkt())
    expected = sum_by_cell_fractions(gpd.GeoSeries(polygons, crs=UTM), raster)["total"]
    got = cells_of(counts).inside(polygons, "residents")
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_every_person_is_counted_once_and_workers_nobody_counted_are_not_there() -> None:
    counts = np.arange(float(SIZE * SIZE)).reshape(SIZE, SIZE)
    cells = cells_of(counts)
    assert list(cells.counts) == ["residents"]
    whole = np.array([shapely.box(-500, -500, 2000, 2000), shapely.box(9e3, 9e3, 1e4, 1e4), None])
    got = cells.inside(whole, "residents")
    assert got[0] == pytest.approx(counts.sum())
    assert np.isnan(got[1:]).all()
    spots = shapely.get_coordinates(grid(counts).geometry.to_numpy())
    inner = (spots > 150).all(axis=1) & (spots < 1050).all(axis=1)
    density = cells.density_at(spots[inner], "residents")
    np.testing.assert_allclose(density * SIDE**2, counts.ravel()[inner], rtol=1e-9)
    assert cells.density_at(np.array([[5e4, 5e4]]), "residents").tolist() == [0.0]


def test_a_raster_of_residents_is_read_as_its_own_cells(tmp_path: Path) -> None:
    counts = np.arange(float(SIZE * SIZE)).reshape(SIZE, SIZE)
    counts[0, 0] = -9999.0
    path = tmp_path / "people.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=SIZE, height=SIZE, count=1, dtype="float64", crs=UTM,
        transform=Affine(SIDE, 0, 0, 0, -SIDE, SIZE * SIDE), nodata=-9999.0,
    ) as dataset:  # fmt: skip
        dataset.write(counts, 1)
    people = of_raster(path, shapely.box(0, 0, SIZE * SIDE, SIZE * SIDE), crs=UTM)
    assert len(people) == SIZE * SIZE - 1  # no data is not nobody
    assert people["residents"].sum() == counts.sum() + 9999.0
    assert people["jobs"].isna().all()
    cells = people_cells(people)
    assert cells is not None
    box = np.array([shapely.box(150, 150, 400, 350)])
    expected = zonal_statistics(path, gpd.GeoDataFrame(geometry=box, crs=UTM), statistics=["sum"])[
        "sum"
    ]
    np.testing.assert_allclose(cells.inside(box, "residents"), expected, rtol=1e-6)


def test_points_on_one_spot_add_up_and_one_spot_has_no_land() -> None:
    two = gpd.GeoDataFrame(
        {"residents": [3.0, 4.0, np.nan], "jobs": [1.0, np.nan, np.nan]},
        geometry=gpd.points_from_xy([0.0, 0.0, 100.0], [0.0, 0.0, 0.0]),
        crs=UTM,
    )
    cells = people_cells(two)
    assert cells is not None
    order = np.argsort(cells.points[:, 0])
    np.testing.assert_array_equal(cells.counts["residents"][order], [7.0, np.nan])
    np.testing.assert_array_equal(cells.counts["workers"][order], [1.0, np.nan])
    assert people_cells(two.iloc[:2]) is None
    assert people_cells(two.iloc[:0]) is None

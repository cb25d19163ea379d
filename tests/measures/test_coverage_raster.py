"""Hold raster sums to a brute-force computation of cell fractions."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely

from pipeline.errors import CrsError
from pipeline.measures.coverage_raster import CountRaster, share_by_raster, sum_by_cell_fractions

CRS = "EPSG:32651"
SIZE_M = 100.0


def random_raster(seed: int, *, holes: bool) -> CountRaster:
    rng = np.random.default_rng(seed)
    counts = rng.uniform(0, 300, (12, 15))
    if holes:
        counts[rng.uniform(size=counts.shape) < 0.2] = np.nan
    return CountRaster(counts, (1000.0, 2000.0, 2500.0, 3200.0), pyproj.CRS(CRS).to_wkt())


def random_polygon(seed: int) -> shapely.Polygon:
    rng = np.random.default_rng(seed)
    return shapely.convex_hull(shapely.multipoints(rng.uniform([1050, 2050], [2450, 3150], (6, 2))))


def cell_fractions(raster: CountRaster, polygon: shapely.Polygon) -> np.ndarray:
    rows, columns = raster.counts.shape
    west, _, _, north = raster.bounds
    fractions = np.zeros((rows, columns))
    for row in range(rows):
        for column in range(columns):
            x, y = west + column * SIZE_M, north - (row + 1) * SIZE_M
            cell = shapely.box(x, y, x + SIZE_M, y + SIZE_M)
            fractions[row, column] = cell.intersection(polygon).area / SIZE_M**2
    return fractions


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("holes", [False, True])
def test_sums_agree_with_brute_force_cell_fractions(seed: int, *, holes: bool) -> None:
    raster, polygon = random_raster(seed, holes=holes), random_polygon(seed)
    got = sum_by_cell_fractions(gpd.GeoSeries([polygon], crs=CRS), raster).iloc[0]
    fractions = cell_fractions(raster, polygon)
    assert got["total"] == pytest.approx(np.nansum(fractions * raster.counts), rel=1e-6)
    known = np.isfinite(raster.counts)
    expected = (fractions * known).sum() * SIZE_M**2 / polygon.area
    assert got["measured_share"] == pytest.approx(expected, rel=1e-6)


def test_outside_the_raster_is_null_and_half_outside_is_told() -> None:
    raster = CountRaster(np.ones((2, 2)), (0.0, 0.0, 200.0, 200.0), pyproj.CRS(CRS).to_wkt())
    shapes = gpd.GeoSeries(
        [shapely.box(900, 900, 950, 950), shapely.box(100, 0, 300, 200), None],
        index=["out", "half", "none"],
        crs=CRS,
    )
    got = sum_by_cell_fractions(shapes, raster)
    assert got["status"].tolist() == ["no_data", "ok", "no_data"]
    assert np.isnan(got.loc["out", "total"])
    assert got.loc["half", "total"] == pytest.approx(2)
    assert got.loc["half", "measured_share"] == pytest.approx(0.5)


def test_shares_of_people_by_band() -> None:
    counts = np.array([[10.0, 30.0], [0.0, 60.0]])
    raster = CountRaster(counts, (0.0, 0.0, 200.0, 200.0), pyproj.CRS(CRS).to_wkt())
    units = gpd.GeoSeries(
        [shapely.box(0, 0, 200, 200), shapely.box(0, 0, 100, 100), shapely.box(900, 0, 950, 50)],
        crs=CRS,
    )
    reach = {
        500.0: gpd.GeoSeries([shapely.box(150, 0, 400, 200)], crs=CRS),
        800.0: gpd.GeoSeries([shapely.box(-50, -50, 400, 400)] * 2, crs=CRS),
        100.0: gpd.GeoSeries([], crs=CRS),
    }
    got = share_by_raster(units, reach, raster)
    assert got.loc[0].tolist() == pytest.approx([0.45, 1.0, 0.0])
    assert got.loc[1].isna().all()  # nobody lives there: a share of nobody is null
    assert got.loc[2].isna().all()


def test_another_crs_is_refused() -> None:
    raster = random_raster(1, holes=False)
    with pytest.raises(CrsError, match="EPSG:4326"):
        sum_by_cell_fractions(gpd.GeoSeries([random_polygon(1)], crs="EPSG:4326"), raster)

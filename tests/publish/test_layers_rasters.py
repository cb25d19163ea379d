"""Read surfaces back, and hold minutes to what distance and speed make of them."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Point, Polygon, box

from pipeline.network.place_access import Streets
from pipeline.publish.layer_rasters import Band, Grid, inside, write_cog
from pipeline.publish.layer_surfaces import Ground, density_bands, minutes_bands, minutes_of
from pipeline.settings.needs import NeedSettings
from pipeline.settings.network import NetworkSettings
from tests.publish.layer_samples import CRS, cells

LONG = st.floats(min_value=-1e6, max_value=1e6, allow_subnormal=False)


@given(LONG, LONG, st.floats(min_value=1, max_value=1e4), st.floats(min_value=1, max_value=1e4))
def test_a_grid_covers_its_extent_on_multiples_of_the_cell(
    west: float, south: float, width: float, height: float
) -> None:
    grid = Grid.over((west, south, west + width, south + height), cell_m=250, crs=CRS)
    assert grid.west % 250 == grid.north % 250 == 0
    assert grid.west <= west < grid.west + 250
    assert grid.north - grid.rows * 250 <= south
    assert grid.west + grid.columns * 250 >= west + width


def test_cells_run_from_the_north_west() -> None:
    x, y = Grid.over((0, 0, 500, 250), cell_m=250, crs=CRS).centres()
    assert x.tolist() == [125.0, 375.0]
    assert y.tolist() == [125.0, 125.0]


def test_a_gap_between_outlines_counts_as_land_and_the_sea_does_not() -> None:
    grid = Grid.over((0, 0, 1000, 1000), cell_m=250, crs=CRS)
    ring = Polygon(box(0, 0, 750, 750).exterior, [box(300, 300, 450, 450).exterior])
    land = inside(grid, gpd.GeoSeries([ring], crs=CRS)).reshape(4, 4)
    assert land.sum() == 9
    assert not land[0].any()
    assert inside(grid, gpd.GeoSeries([], crs=CRS)).all()


@pytest.fixture
def surface(tmp_path: Path) -> Path:
    grid = Grid.over((0, 0, 250_000, 250_000), cell_m=250, crs=CRS)
    values = np.arange(1_000_000, dtype=np.float32).reshape(1000, 1000)
    values[0, :3] = np.nan
    band = Band("minutes", "分钟", "minutes", "min", values)
    path = tmp_path / "minutes.tif"
    write_cog(path, grid, [band, band], tags={"LICENCE": "ODbL-1.0"})
    return path


def test_a_surface_is_cloud_optimised_and_says_what_it_is(surface: Path) -> None:
    with rasterio.open(surface) as found:
        assert found.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert found.overviews(1) == [2, 4]
        assert found.crs == CRS
        assert np.isnan(found.nodata)
        assert found.units == ("min", "min")
        assert found.descriptions[0] == "分钟 / minutes"
        assert found.tags()["LICENCE"] == "ODbL-1.0"
        assert found.transform.to_gdal() == (0, 250, 0, 250_000, 0, -250)
        read = found.read(1, masked=True)
    assert read.mask.sum() == 3
    assert read[1, 0] == 1000


def test_what_is_unknown_never_enters_an_overview(surface: Path) -> None:
    with rasterio.open(surface, overview_level=0) as found:
        half = found.read(1)
    assert np.isnan(half).sum() == 0
    assert half[0, 0] == pytest.approx((1000 + 1001) / 2)


def need(minutes: float) -> NeedSettings:
    return NeedSettings(
        service="rail",
        variant="operating",
        mode="walk",
        measure="minutes_nearest_median",
        threshold=minutes,
        unit="min",
        direction="at_most",
        standard_id="x",
    )


def test_minutes_without_streets_are_distance_by_detour_by_speed() -> None:
    grid = Grid.over((0, 0, 2000, 250), cell_m=250, crs=CRS)
    ground = Ground.of(grid, gpd.GeoSeries([box(0, 0, 1750, 250)], crs=CRS))
    station = gpd.GeoDataFrame({"id": ["s"]}, geometry=[Point(125, 125)], crs=CRS)
    network = NetworkSettings()
    streets = Streets("walk", None, None, network.walk_speed_m_min)
    found = minutes_of(ground, station, streets, by="id", network=network)
    minutes, measured, gap = minutes_bands(grid, found, need=need(10), gap_cap=1.0)
    wanted = np.arange(7) * 250 * network.detour_factor / network.walk_speed_m_min
    np.testing.assert_allclose(minutes.values[0, :7], wanted, rtol=1e-6)
    assert np.isnan(minutes.values[0, 7])
    assert (measured.values[0, :7] == 0).all()
    np.testing.assert_allclose(gap.values[0, :7], np.clip(wanted / 10 - 1, 0, 1), atol=1e-6)


def test_without_facilities_nothing_is_known() -> None:
    ground = Ground.of(Grid.over((0, 0, 250, 250), cell_m=250, crs=CRS), gpd.GeoSeries([], crs=CRS))
    network = NetworkSettings()
    none = gpd.GeoDataFrame({"id": []}, geometry=[], crs=CRS)
    streets = Streets("walk", None, None, network.walk_speed_m_min)
    found = minutes_of(ground, none, streets, by="id", network=network)
    bands = minutes_bands(ground.grid, found, need=need(10), gap_cap=1.0)
    assert all(np.isnan(band.values).all() for band in bands)


def test_density_lies_where_its_cells_lie() -> None:
    given_cells = cells()
    grid, bands = density_bands(given_cells, cell_m=500, crs=CRS)
    stops = next(band for band in bands if band.name == "stops")
    assert stops.values.shape == (3, 2)
    assert np.nansum(stops.values) * 0.25 == given_cells["stops"].sum()
    assert np.isnan(stops.values[0, 1])  # no cell is not an empty cell
    x, y = grid.centres()
    south_west = given_cells.geometry.iloc[0].centroid
    assert (x[4], y[4]) == (south_west.x, south_west.y)

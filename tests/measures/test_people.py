"""Hold where people live to an independent zonal sum and to the counts themselves."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from exactextract import exact_extract
from exactextract.raster import NumPyRasterSource

from pipeline.measures import people as module
from pipeline.measures.people import PeopleCells, people_cells

UTM = "EPSG:32651"
SIDE, SIZE = 100.0, 12


def grid(counts: np.ndarray) -> gpd.GeoDataFrame:
    row, column = np.indices(counts.shape).reshape(2, -1)
    x, y = (column + 0.5) * SIDE, (SIZE - row - 0.5) * SIDE
    return gpd.GeoDataFrame(
        {"residents": counts.ravel(), "jobs": np.nan}, geometry=gpd.points_from_xy(x, y), crs=UTM
    )


def cells_of(counts: np.ndarray) -> PeopleCells:
    return people_cells(grid(counts))["residents"]


@pytest.mark.parametrize("at_once", [200_000, 7])
def test_sums_in_polygons_are_those_of_exactextract(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAIRS_AT_ONCE", at_once)
    held: list[int] = []
    covers = shapely.covers

    def counted(polygons: np.ndarray, parts: np.ndarray) -> np.ndarray:
        held.append(len(parts))
        return covers(polygons, parts)

    monkeypatch.setattr(shapely, "covers", counted)
    random = np.random.default_rng(3)
    counts = random.integers(0, 90, (SIZE, SIZE)).astype(float)
    counts[2, 3] = np.nan  # not counted is not nobody
    corner = random.uniform(100, 700, (40, 2))
    polygons = shapely.buffer(shapely.points(corner), random.uniform(20, 300, 40))
    zones = gpd.GeoDataFrame(geometry=polygons, crs=UTM)
    edges = {"xmin": 0, "ymin": 0, "xmax": SIZE * SIDE, "ymax": SIZE * SIDE}
    raster = NumPyRasterSource(counts, **edges, srs_wkt=zones.crs.to_wkt())
    expected = exact_extract(raster, zones, ["sum"], output="pandas")["sum"]
    np.testing.assert_allclose(cells_of(counts).inside(polygons), expected, rtol=1e-5)
    assert max(held) <= at_once
    assert sum(held) > 500


def test_every_person_is_counted_once_and_workers_nobody_counted_are_not_there() -> None:
    counts = np.arange(float(SIZE * SIZE)).reshape(SIZE, SIZE)
    assert list(people_cells(grid(counts))) == ["residents"]
    cells = cells_of(counts)
    whole = np.array([shapely.box(-500, -500, 2000, 2000), shapely.box(9e3, 9e3, 1e4, 1e4), None])
    got = cells.inside(whole)
    assert got[0] == pytest.approx(counts.sum())
    assert np.isnan(got[1:]).all()
    spots = shapely.get_coordinates(grid(counts).geometry.to_numpy())
    inner = (spots > 150).all(axis=1) & (spots < 1050).all(axis=1)
    density = cells.density_at(spots[inner])
    np.testing.assert_allclose(density * SIDE**2, counts.ravel()[inner], rtol=1e-9)
    assert cells.density_at(np.array([[5e4, 5e4]])).tolist() == [0.0]


def test_points_on_one_spot_add_up_and_one_spot_has_no_land() -> None:
    two = gpd.GeoDataFrame(
        {"residents": [3.0, 4.0, np.nan], "jobs": [1.0, np.nan, np.nan]},
        geometry=gpd.points_from_xy([0.0, 0.0, 100.0], [0.0, 0.0, 0.0]),
        crs=UTM,
    )
    cells = people_cells(two)
    order = np.argsort(cells["residents"].points[:, 0])
    np.testing.assert_array_equal(cells["residents"].counts[order], [7.0, np.nan])
    np.testing.assert_array_equal(cells["workers"].counts[order], [1.0, np.nan])
    assert people_cells(two.iloc[:2]) == {}
    assert people_cells(two.iloc[:0]) == {}


def test_too_many_points_are_gathered_in_squares_and_nobody_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "CELLS_AT_MOST", 150)
    size = 2 * SIZE
    counts = np.arange(float(size**2)).reshape(size, size)
    cells = cells_of(counts)
    assert len(cells.points) == SIZE**2
    assert cells.gathered_m == 2 * SIDE
    assert np.nansum(cells.counts) == counts.sum()
    west_half = np.array([shapely.box(0, -SIZE * SIDE, SIZE * SIDE, SIZE * SIDE)])
    assert cells.inside(west_half)[0] == pytest.approx(counts[:, :SIZE].sum())

"""Hold people of rasters and tables to brute force: nobody is lost, moved or counted twice."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from pydantic import ValidationError

from pipeline.errors import SourceError
from pipeline.measures.people import PeopleCells
from pipeline.settings.inputs import PeopleInput
from pipeline.settings.rasters import RasterSettings
from pipeline.sources.people import RasterCounts, counted_people, of_raster

UTM = "EPSG:32651"
SIDE, ROWS, COLUMNS = 100.0, 12, 15
WEST, NORTH = 1000.0, 3200.0
NOTHING = -9999.0
RASTERS = RasterSettings()


def counts_of(seed: int) -> np.ndarray:
    """Give counts with holes: not counted is not nobody."""
    random = np.random.default_rng(seed)
    counts = random.uniform(0, 300, (ROWS, COLUMNS))
    counts[random.uniform(size=counts.shape) < 0.2] = np.nan
    return counts


def written(path: Path, counts: np.ndarray, **options: object) -> Path:
    profile = {
        "crs": UTM, "transform": Affine(SIDE, 0, WEST, 0, -SIDE, NORTH), "nodata": NOTHING,
    } | options  # fmt: skip
    values = np.where(np.isnan(counts), NOTHING, counts)
    with rasterio.open(
        path, "w", driver="GTiff", height=len(counts), width=counts.shape[1], count=1,
        dtype="float64", **profile,
    ) as dataset:  # fmt: skip
        dataset.write(values, 1)
    return path


def raster(path: Path, at_once: int = 4_000_000) -> RasterCounts:
    return RasterCounts(path, 1, None, UTM, at_once)


def cells() -> np.ndarray:
    row, column = np.indices((ROWS, COLUMNS)).reshape(2, -1)
    x, y = WEST + column * SIDE, NORTH - (row + 1) * SIDE
    return shapely.box(x, y, x + SIDE, y + SIDE)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("at_once", [4_000_000, 20], ids=["whole", "part by part"])
def test_sums_are_those_of_brute_force_cell_fractions(
    tmp_path: Path, seed: int, at_once: int
) -> None:
    counts = counts_of(seed)
    random = np.random.default_rng(seed)
    corners = random.uniform([1050, 2050], [2450, 3150], (9, 6, 2))
    polygons = shapely.convex_hull(shapely.multipoints(corners))
    share = shapely.area(shapely.intersection(polygons[:, None], cells()[None, :])) / SIDE**2
    expected = np.nansum(share * counts.ravel(), axis=1)
    got = raster(written(tmp_path / "p.tif", counts), at_once).inside(polygons)
    np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_what_is_off_the_raster_or_not_counted_is_null(tmp_path: Path) -> None:
    counts = np.full((ROWS, COLUMNS), 3.0)
    counts[0, 0] = np.nan
    people = raster(written(tmp_path / "p.tif", counts))
    everywhere = shapely.box(0, 0, 9000, 9000)
    shapes = np.array([everywhere, cells()[0], shapely.box(9e3, 9e3, 1e4, 1e4), None], object)
    np.testing.assert_array_equal(people.inside(shapes), [3.0 * 179, np.nan, np.nan, np.nan])
    spots = np.array([[WEST + 150, NORTH - 50], [WEST + 50, NORTH - 50], [0.0, 0.0]])
    np.testing.assert_allclose(people.density_at(spots), [3.0 / SIDE**2, np.nan, 0.0])


@pytest.mark.parametrize("at_once", [4_000_000, 16], ids=["whole", "part by part"])
def test_density_times_land_is_the_count_in_degrees_too(tmp_path: Path, at_once: int) -> None:
    counts = np.nan_to_num(counts_of(5), nan=7.0)
    side = 0.001
    degrees = Affine(side, 0, 121.4, 0, -side, 31.2)
    path = written(tmp_path / "d.tif", counts, crs="EPSG:4326", transform=degrees)
    row, column = np.indices(counts.shape).reshape(2, -1)
    west, north = 121.4 + column * side, 31.2 - row * side
    land = gpd.GeoSeries(shapely.box(west, north - side, west + side, north), crs=4326).to_crs(UTM)
    centre = gpd.GeoSeries.from_xy(west + side / 2, north - side / 2, crs=4326).to_crs(UTM)
    density = raster(path, at_once).density_at(np.column_stack((centre.x, centre.y)))
    np.testing.assert_allclose(density * land.area, counts.ravel(), rtol=1e-9)


@pytest.mark.parametrize("at_once", [10_000, 10_001])
def test_cells_are_gathered_in_blocks_without_losing_anybody(tmp_path: Path, at_once: int) -> None:
    random = np.random.default_rng(2)
    counts = random.uniform(0, 9, (300, 101))
    counts[random.uniform(size=counts.shape) < 0.3] = np.nan
    path = written(tmp_path / "many.tif", counts)
    source = PeopleInput(path=path)
    area = shapely.box(WEST, NORTH - 30_000, WEST + 10_100, NORTH)

    def read(most: int) -> tuple[gpd.GeoDataFrame, int]:
        rules = RasterSettings(cells_at_once=at_once, points_at_most=most)
        return of_raster(source, area, role="workers", crs=UTM, rasters=rules)

    fine, side = read(40_000)
    assert side == 1
    assert len(fine) == np.count_nonzero(counts > 0)  # a cell with nobody is no home
    assert fine["residents"].isna().all()
    coarse, side = read(2_000)
    assert side == 4
    assert len(coarse) <= 2_000
    assert coarse["cell_id"].is_unique
    for found in (fine, coarse):
        assert found["jobs"].sum() == pytest.approx(np.nansum(counts), rel=1e-12)
        middle = [
            (found["jobs"] * way).sum() / found["jobs"].sum()
            for way in (found.geometry.x, found.geometry.y)
        ]
        people = np.nan_to_num(counts)
        row, column = np.indices(counts.shape)
        expected = [
            WEST + ((column + 0.5) * people).sum() / people.sum() * SIDE,
            NORTH - ((row + 0.5) * people).sum() / people.sum() * SIDE,
        ]
        np.testing.assert_allclose(middle, expected, rtol=1e-12)


def test_a_count_below_zero_and_a_raster_upside_down_are_refused(tmp_path: Path) -> None:
    counts = counts_of(1)
    bare = written(tmp_path / "bare.tif", counts, nodata=None)
    area = shapely.box(WEST, NORTH - 1200, WEST + 1500, NORTH)
    ask = {"role": "residents", "crs": UTM, "rasters": RASTERS}
    with pytest.raises(SourceError, match="nodata: -9999"):
        of_raster(PeopleInput(path=bare), area, **ask)
    told, _ = of_raster(PeopleInput(path=bare, nodata=NOTHING), area, **ask)
    assert told["residents"].sum() == pytest.approx(np.nansum(counts))
    south_up = Affine(SIDE, 0, WEST, 0, SIDE, NORTH - 1200)
    flipped = written(tmp_path / "flipped.tif", counts, transform=south_up)
    with pytest.raises(SourceError, match="north up"):
        of_raster(PeopleInput(path=flipped), area, **ask)


def test_residents_and_workers_may_be_counted_in_different_ways(tmp_path: Path) -> None:
    path = written(tmp_path / "p.tif", counts_of(3))
    table = tmp_path / "p.csv"
    table.write_text("lon,lat\n", encoding="utf-8")
    people = gpd.GeoDataFrame(
        {
            "counted_by": ["residents"] * 2 + ["workers"] * 2,
            "residents": [1.0, 2.0, np.nan, np.nan],
            "jobs": [7.0, 7.0, 5.0, 6.0],
        },
        geometry=gpd.points_from_xy([0, 100, 0, 300], [0, 0, 50, 50]),
        crs=UTM,
    )
    grid, rows = PeopleInput(path=path), PeopleInput(path=table)

    def kinds(residents: PeopleInput | None, workers: PeopleInput | None) -> dict[str, str]:
        inputs = {"residents": residents, "workers": workers}
        found = counted_people(people, inputs, RASTERS)
        return {name: type(one).__name__ for name, one in found.items()}

    assert kinds(grid, rows) == {"residents": "RasterCounts", "workers": "PeopleCells"}
    assert kinds(rows, grid) == {"residents": "PeopleCells", "workers": "RasterCounts"}
    assert kinds(grid, None) == {"residents": "RasterCounts"}
    assert kinds(None, grid) == {"workers": "RasterCounts"}
    assert kinds(None, None) == {}
    both = counted_people(people, {"residents": rows, "workers": rows}, RASTERS)
    workers, alone = both["workers"], counted_people(people, {"residents": rows}, RASTERS)
    assert isinstance(workers, PeopleCells)
    assert np.nansum(workers.counts) == 11.0  # the workers' own table goes before
    assert isinstance(alone["workers"], PeopleCells)
    assert np.nansum(alone["workers"].counts) == 14.0


@pytest.mark.parametrize(
    ("values", "is_raster"),
    [
        ({"path": "p.tif"}, True),
        ({"path": "p.TIFF"}, True),
        ({"path": "p.csv"}, False),
        ({"path": "p.tif", "kind": "table"}, False),
        ({"path": "p.csv", "kind": "raster", "band": 2}, True),
    ],
)
def test_the_kind_is_told_by_the_ending_or_declared(
    tmp_path: Path, values: dict[str, object], *, is_raster: bool
) -> None:
    (tmp_path / str(values["path"])).touch()
    source = PeopleInput.model_validate(values, context={"base": tmp_path})
    assert source.is_raster is is_raster


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"path": "p.tif", "columns": {"residents": "x"}}, "no columns"),
        ({"path": "p.tif", "datum": "gcj02"}, "not shifted"),
        ({"path": "p.csv", "band": 2}, "rasters alone"),
        ({"reference": "service_hubs", "kind": "raster"}, "is a file"),
    ],
)
def test_what_means_nothing_is_refused(
    tmp_path: Path, values: dict[str, object], words: str
) -> None:
    for name in ("p.tif", "p.csv"):
        (tmp_path / name).touch()
    with pytest.raises(ValidationError, match=words):
        PeopleInput.model_validate(values, context={"base": tmp_path})

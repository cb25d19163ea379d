"""Read rasters of people, workers, lights or heights: by strips, by points, in exact zonal sums."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.errors import CrsError, Problem, SourceError

if TYPE_CHECKING:
    import geopandas as gpd
    from affine import Affine

logger = logging.getLogger(__name__)

Values = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Statistic = Literal["sum", "mean", "min", "max", "median", "stdev"]

CELLS_AT_ONCE = 4_000_000  # 8 bytes each and a few copies
_EDGE_SHARE = 0.25  # zone edges are cut to this share of a cell before they change CRS


@dataclass(frozen=True)
class RasterWindow:
    """A part of a raster in memory; cells without data are NaN.

    `values` has the shape (rows, columns), row 0 in the north for a north-up raster; `transform`
    maps (column, row) to coordinates in `crs`.
    """

    values: Values
    transform: Affine
    crs: str

    def __repr__(self) -> str:
        """Say what a person wants to know of the window."""
        rows, cols = self.values.shape
        filled = int(np.isfinite(self.values).sum())
        return f"RasterWindow({rows} x {cols} cells, {filled} with data, {self.crs})"


@dataclass(frozen=True)
class RasterAbout:
    """What a raster says of itself: `cell` is its width and height, `bounds` in its own CRS."""

    crs: str
    bounds: tuple[float, float, float, float]
    rows: int
    columns: int
    cell: tuple[float, float]
    bands: int
    nodata: float | None


def described(path: Path) -> RasterAbout:
    """Tell what a raster says of itself, without reading its cells.

    Raises
    ------
    SourceError, CrsError
        As for `read_window`.
    """
    with _opened(path, 1, None) as dataset:
        grid, nodata = dataset.transform, dataset.nodata
        west, north = float(grid.c), float(grid.f)
        east, south = west + grid.a * dataset.width, north + grid.e * dataset.height
        return RasterAbout(
            crs=dataset.crs.to_string(),
            bounds=(west, south, east, north),
            rows=int(dataset.height),
            columns=int(dataset.width),
            cell=(abs(float(grid.a)), abs(float(grid.e))),
            bands=int(dataset.count),
            nodata=None if nodata is None else float(nodata),
        )


def read_window(
    path: Path,
    *,
    bounds: tuple[float, float, float, float],
    bounds_crs: str,
    band: int = 1,
    nodata: float | None = None,
) -> RasterWindow:
    """Read the cells that touch a rectangle, and no others.

    Parameters
    ----------
    path
        Any raster GDAL reads.
    bounds
        West, south, east, north in `bounds_crs`.
    bounds_crs
        CRS of the bounds.
    band
        Band, counted from 1.
    nodata
        Value that stands for "no data" where the file does not say so, or says it wrongly.

    Returns
    -------
    window

    Raises
    ------
    SourceError
        The file cannot be read, has no such band, does not lie north up, or does not touch the
        rectangle.
    CrsError
        The raster has no CRS.
    """
    with _opened(path, band, nodata) as dataset:
        return _read(dataset, band, _window_of(dataset, bounds, bounds_crs, path))


def read_strips(
    path: Path,
    *,
    bounds: tuple[float, float, float, float],
    bounds_crs: str,
    cells_at_once: int,
    rows_of: Callable[[int, int], int],
    band: int = 1,
    nodata: float | None = None,
) -> Iterator[tuple[int, RasterWindow]]:
    """Read the cells that touch a rectangle strip by strip, from the north.

    Parameters
    ----------
    path, bounds, bounds_crs, band, nodata
        As for `read_window`.
    cells_at_once
        Most cells of a strip, unless one step of rows has more.
    rows_of
        Gives the step of rows that must not be divided, from the rows and columns of all that is
        read.

    Yields
    ------
    first_row, window
        Number of a strip's first row in all that is read, and the strip.
    """
    from rasterio.windows import Window

    with _opened(path, band, nodata) as dataset:
        whole = _window_of(dataset, bounds, bounds_crs, path)
        rows, columns = int(whole.height), int(whole.width)
        step = rows_of(rows, columns)
        at_once = max(cells_at_once // columns // step, 1) * step
        for first in range(0, rows, at_once):
            height = min(at_once, rows - first)
            part = Window(whole.col_off, whole.row_off + first, columns, height)
            yield first, _read(dataset, band, part)


def densities_at(
    path: Path,
    xy: Values,
    *,
    crs: str,
    cells_at_once: int,
    band: int = 1,
    nodata: float | None = None,
) -> Values:
    """Give the counts per m² of the cells that points lie in.

    Parameters
    ----------
    path, band, nodata
        As for `read_window`.
    xy
        Points in metres, shape (n, 2).
    crs
        Their projected CRS, in metres; the land of a cell is measured in it.
    cells_at_once
        Most cells held in memory.

    Returns
    -------
    densities
        0 off the raster, NaN in a cell without data.
    """
    from rasterio.windows import Window

    found = np.zeros(len(xy))
    with _opened(path, band, nodata) as dataset:
        there = _transformed(xy, crs, dataset.crs)
        grid = ~dataset.transform
        column = np.floor(grid.a * there[:, 0] + grid.c).astype(np.int64)
        row = np.floor(grid.e * there[:, 1] + grid.f).astype(np.int64)
        on = (column >= 0) & (column < dataset.width) & (row >= 0) & (row < dataset.height)
        if not on.any():
            return found
        west, east = int(column[on].min()), int(column[on].max()) + 1
        at_once = max(cells_at_once // (east - west), 1)
        for first in np.unique(row[on] // at_once) * at_once:
            height = min(at_once, dataset.height - int(first))
            strip = _read(dataset, band, Window(west, int(first), east - west, height))
            rows = np.flatnonzero(on & (row >= first) & (row < first + height))
            found[rows] = np.asarray(strip.values)[row[rows] - first, column[rows] - west]
        rows = np.flatnonzero(on)
        found[rows] /= _cell_m2(dataset, column[rows], row[rows], crs)
    return found


def zonal_statistics(
    path: Path,
    zones: gpd.GeoDataFrame,
    *,
    statistics: Sequence[Statistic],
    band: int = 1,
    nodata: float | None = None,
    cells_at_once: int = CELLS_AT_ONCE,
) -> pd.DataFrame:
    """Compute statistics over zones with exact shares of the cells on their edges.

    Zones are brought to the raster's CRS (never the raster to the zones'), with their edges cut
    into short pieces first so that they stay where they are.

    Parameters
    ----------
    path
        Any raster GDAL reads.
    zones
        Polygons with a CRS.
    statistics
        The statistics wanted; "sum" is the sum of values times the share of each cell.
    band, nodata
        As for `read_window`.
    cells_at_once
        Most cells held in memory; a larger zone is summed part by part.

    Returns
    -------
    table
        On the zones' index: one column per statistic, `cells` (covered, with fractions),
        `data_share` (share of the zone's area that has data) and `status`: "ok" or "no_data".
        Where there is no data the statistics are null, not zero.

    Raises
    ------
    SourceError, CrsError
        As for `read_window`; also when the zones have no CRS.
    """
    import shapely
    from exactextract import exact_extract
    from exactextract.raster import RasterioRasterSource

    if zones.crs is None:
        raise CrsError(Problem("分区没有坐标系", "the zones have no CRS", rule="crs"))
    with _opened(path, band, nodata) as dataset:
        shapes = _in_raster(zones, dataset)
        source = RasterioRasterSource(dataset, band_idx=band)
        found = exact_extract(
            source,
            shapes,
            [*statistics, "count"],
            include_cols=["zone"],
            output="pandas",
            max_cells_in_memory=cells_at_once,
        )
        cell = abs(dataset.transform.a * dataset.transform.e)
    table = found.set_index("zone").reindex(range(len(zones)))
    table.index = zones.index
    cells = table["count"].fillna(0.0).to_numpy(float)
    area = shapely.area(shapes.geometry.to_numpy())  # in the raster's own units, as its cells are
    empty = cells == 0
    out = pd.DataFrame(table[list(statistics)].astype(float))
    out[empty] = np.nan
    out["cells"] = cells
    out["data_share"] = np.clip(cells * cell / np.where(area > 0, area, np.nan), 0.0, 1.0)
    out["status"] = np.where(empty, "no_data", "ok")
    logger.debug("computed %d zones on %s, %d without data", len(out), path.name, int(empty.sum()))
    return out


def _window_of(
    dataset: Any,  # noqa: ANN401
    bounds: tuple[float, float, float, float],
    bounds_crs: str,
    path: Path,
) -> Any:  # noqa: ANN401
    """Give the whole cells of a raster that touch a rectangle."""
    import rasterio.windows
    from rasterio.warp import transform_bounds

    there = transform_bounds(bounds_crs, dataset.crs, *bounds, densify_pts=21)
    wanted = rasterio.windows.from_bounds(*there, transform=dataset.transform)
    try:
        return _whole_cells(wanted).intersection(
            rasterio.windows.Window(0, 0, dataset.width, dataset.height)
        )
    except rasterio.errors.WindowError as error:
        text = f"the raster does not touch the area {bounds}"
        raise SourceError(Problem("栅格与研究区不相交", text, path=path)) from error


def _read(dataset: Any, band: int, window: Any) -> RasterWindow:  # noqa: ANN401
    """Read a window; cells without data are NaN."""
    masked = dataset.read(band, window=window, masked=True)
    values = np.where(np.ma.getmaskarray(masked), np.nan, masked.data.astype(np.float64))
    corner = _moved(dataset.transform, window.col_off, window.row_off)
    return RasterWindow(values, corner, dataset.crs.to_string())


def _transformed(xy: Values, crs: str, to: Any) -> Values:  # noqa: ANN401
    """Bring points to another CRS."""
    from pyproj import CRS, Transformer

    target = CRS.from_wkt(to.to_wkt())
    if target == CRS.from_user_input(crs):
        return xy
    move = Transformer.from_crs(crs, target, always_xy=True)
    return np.column_stack(move.transform(xy[:, 0], xy[:, 1]))


def _cell_m2(dataset: Any, column: Ints, row: Ints, crs: str) -> Values:  # noqa: ANN401
    """Measure the land of cells in a projected CRS in metres."""
    from pyproj import CRS, Transformer

    grid, own = dataset.transform, CRS.from_wkt(dataset.crs.to_wkt())
    if own == CRS.from_user_input(crs):
        return np.full(len(column), abs(grid.a * grid.e))
    key = row * dataset.width + column
    cell, again = np.unique(key, return_inverse=True)
    down, right = np.divmod(cell, dataset.width)
    right = right[:, None] + np.array([0, 1, 1, 0])
    down = down[:, None] + np.array([0, 0, 1, 1])
    move = Transformer.from_crs(own, crs, always_xy=True)
    x, y = move.transform(grid.c + grid.a * right, grid.f + grid.e * down)
    x, y = x - x[:, :1], y - y[:, :1]  # northings are large, and their products lose digits
    twice = (x * np.roll(y, -1, axis=1) - np.roll(x, -1, axis=1) * y).sum(axis=1)
    area: Values = np.abs(twice) / 2.0
    return area[again.reshape(-1)]


def _moved(transform: Affine, cols: float, rows: float) -> Affine:
    """Give the transform of a window that starts at a column and row."""
    a, b, c, d, e, f = tuple(transform)[:6]
    return type(transform)(a, b, a * cols + b * rows + c, d, e, d * cols + e * rows + f)


@contextmanager
def _opened(path: Path, band: int, nodata: float | None) -> Iterator[Any]:
    """Open a raster with a CRS and the band; a value for "no data" may be imposed on it."""
    import rasterio
    from rasterio.vrt import WarpedVRT

    try:
        dataset = rasterio.open(path)
    except rasterio.errors.RasterioIOError as error:
        text = f"the raster cannot be read: {error}"
        raise SourceError(Problem("栅格无法读取", text, path=path)) from error
    with dataset:
        if dataset.crs is None:
            raise CrsError(
                Problem(
                    "栅格没有坐标系",
                    "the raster has no CRS",
                    path=path,
                    rule="crs",
                    remedy_zh="用 gdal_translate -a_srs 写入坐标系",
                    remedy_en="write it with gdal_translate -a_srs",
                )
            )
        if not 1 <= band <= dataset.count:
            text = f"there is no band {band}, the raster has {dataset.count}"
            raise SourceError(Problem(f"没有波段 {band}", text, path=path, rule="band"))
        if dataset.transform.b or dataset.transform.d or dataset.transform.e > 0:
            raise SourceError(
                Problem(
                    "栅格不是正北朝上",
                    "the raster does not lie north up",
                    path=path,
                    rule="north up",
                    remedy_zh="用 gdalwarp 改正",
                    remedy_en="warp it with gdalwarp",
                )
            )
        if nodata is None:
            yield dataset
        else:
            with WarpedVRT(dataset, src_nodata=nodata, nodata=nodata) as imposed:
                yield imposed


def _whole_cells(window: Any) -> Any:  # noqa: ANN401
    """Widen a window to whole cells, but not by a cell for a rounding error."""
    from rasterio.windows import Window

    west, north = np.floor(np.round([window.col_off, window.row_off], 6))
    east = np.ceil(np.round(window.col_off + window.width, 6))
    south = np.ceil(np.round(window.row_off + window.height, 6))
    return Window(west, north, max(east - west, 1), max(south - north, 1))


def _in_raster(zones: gpd.GeoDataFrame, dataset: Any) -> gpd.GeoDataFrame:  # noqa: ANN401
    import geopandas as gpd
    import shapely

    shapes = zones.geometry
    if zones.crs != dataset.crs:
        side = min(abs(dataset.transform.a), abs(dataset.transform.e))
        metres = side * (_METRES_PER_DEGREE if dataset.crs.is_geographic else 1.0)
        units = metres / (_METRES_PER_DEGREE if zones.crs.is_geographic else 1.0)
        cut = shapely.segmentize(shapes.to_numpy(), units * _EDGE_SHARE)
        shapes = gpd.GeoSeries(cut, crs=zones.crs).to_crs(dataset.crs.to_wkt())
    numbered = {"zone": np.arange(len(zones))}
    return gpd.GeoDataFrame(numbered, geometry=shapes.to_numpy(), crs=dataset.crs.to_wkt())


_METRES_PER_DEGREE = 111_320.0

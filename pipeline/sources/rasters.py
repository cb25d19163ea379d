"""Read rasters of people, workers, lights or heights: windows, exact zonal sums, kept totals."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.errors import CrsError, MeasureError, Problem, SourceError

if TYPE_CHECKING:
    import geopandas as gpd
    from affine import Affine

logger = logging.getLogger(__name__)

Values = npt.NDArray[np.float64]
Statistic = Literal["sum", "mean", "min", "max", "median", "stdev"]

_CONSERVED = 1e-9  # relative
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
        The file cannot be read, has no such band, or does not touch the rectangle.
    CrsError
        The raster has no CRS.
    """
    import rasterio.windows
    from rasterio.warp import transform_bounds

    with _opened(path, band, nodata) as dataset:
        there = transform_bounds(bounds_crs, dataset.crs, *bounds, densify_pts=21)
        wanted = rasterio.windows.from_bounds(*there, transform=dataset.transform)
        try:
            window = _whole_cells(wanted).intersection(
                rasterio.windows.Window(0, 0, dataset.width, dataset.height)
            )
        except rasterio.errors.WindowError as error:
            text = f"the raster does not touch the area {bounds}"
            raise SourceError(Problem("栅格与研究区不相交", text, path=path)) from error
        masked = dataset.read(band, window=window, masked=True)
        values = np.where(np.ma.getmaskarray(masked), np.nan, masked.data.astype(np.float64))
        corner = _moved(dataset.transform, window.col_off, window.row_off)
        return RasterWindow(values, corner, dataset.crs.to_string())


def zonal_statistics(
    path: Path,
    zones: gpd.GeoDataFrame,
    *,
    statistics: Sequence[Statistic],
    band: int = 1,
    nodata: float | None = None,
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
            source, shapes, [*statistics, "count"], include_cols=["zone"], output="pandas"
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
    logger.info("computed %d zones on %s, %d without data", len(out), path.name, int(empty.sum()))
    return out


def resample_totals(
    window: RasterWindow,
    *,
    to_crs: str,
    to_transform: Affine,
    to_shape: tuple[int, int],
    split: int,
) -> tuple[Values, float]:
    """Bring counts (people, workers) to another grid without losing or adding any.

    Each source cell is cut into `split` x `split` parts with an equal share of its count, and each
    part goes to the target cell that holds its centre. Other methods interpolate the counts as if
    they were heights, and the total changes.

    Parameters
    ----------
    window
        Counts per cell.
    to_crs, to_transform, to_shape
        The target grid.
    split
        Parts along each side of a cell; more parts are finer where cells straddle.

    Returns
    -------
    values, outside
        Counts per target cell (NaN where no source cell with data falls), and the total that lies
        outside the target grid.

    Raises
    ------
    MeasureError
        The totals differ by more than 1e-9: a defect.
    """
    x, y, share = _parts(window, split)
    if window.crs != to_crs:
        from pyproj import Transformer

        x, y = Transformer.from_crs(window.crs, to_crs, always_xy=True).transform(x, y)
    col, row = _apply(~to_transform, x, y)
    inside = (col >= 0) & (row >= 0) & (col < to_shape[1]) & (row < to_shape[0])
    flat = np.floor(row[inside]).astype(int) * to_shape[1] + np.floor(col[inside]).astype(int)
    size = to_shape[0] * to_shape[1]
    total = np.bincount(flat, weights=share[inside], minlength=size)
    values = np.where(np.bincount(flat, minlength=size) > 0, total, np.nan).reshape(to_shape)
    outside = float(share[~inside].sum())
    before, after = float(np.nansum(window.values)), float(np.nansum(values)) + outside
    if abs(before - after) > _CONSERVED * max(abs(before), 1.0):
        text = f"resampling changed the total from {before} to {after}"
        raise MeasureError(Problem("重采样改变了总量", text, rule="totals"))
    return values, outside


def _parts(window: RasterWindow, split: int) -> tuple[Values, Values, Values]:
    """Cut the cells with data into parts: centres and the share of the count of each."""
    row, col = np.nonzero(np.isfinite(window.values))
    step = (np.arange(split) + 0.5) / split
    down, right = (grid.ravel() for grid in np.meshgrid(step, step, indexing="ij"))
    cols = (col[:, None] + right[None, :]).ravel()
    rows = (row[:, None] + down[None, :]).ravel()
    x, y = _apply(window.transform, cols, rows)
    counts = np.asarray(window.values)[row, col]
    return x, y, np.repeat(counts / split**2, split**2)


def _apply(transform: Affine, x: Values, y: Values) -> tuple[Values, Values]:
    """Apply an affine transform to arrays; its own operator changed between releases."""
    a, b, c, d, e, f = tuple(transform)[:6]
    return a * x + b * y + c, d * x + e * y + f


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

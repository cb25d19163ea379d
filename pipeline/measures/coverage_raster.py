"""Share out residents and workers of a raster by exact cell fractions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.errors import CrsError, Problem
from pipeline.measures.access_pairs import OK, FloatArray


@dataclass(frozen=True, eq=False)
class CountRaster:
    """A north-up raster of counts per cell (residents, workers), null where unknown.

    `counts` has shape (rows, columns), first row in the north; `bounds` are west, south, east and
    north in `crs_wkt`.
    """

    counts: FloatArray
    bounds: tuple[float, float, float, float]
    crs_wkt: str


def sum_by_cell_fractions(polygons: gpd.GeoSeries, raster: CountRaster) -> pd.DataFrame:
    """Sum a raster of counts inside each polygon, boundary cells by the exact part inside.

    Parameters
    ----------
    polygons
        In the raster's own CRS (shares of cells are the same in degrees as in metres).
    raster
        Counts per cell.

    Returns
    -------
    pandas.DataFrame
        On the index of `polygons`: `total` (null where no cell is known), `measured_share` (of the
        polygon, over cells with a value) and `status` (`ok` or `no_data`).

    Raises
    ------
    CrsError
        When the polygons are in another CRS than the raster.
    """
    _require_same_crs(polygons, raster)
    shapes = polygons.to_numpy()
    solid = np.asarray(~shapely.is_missing(shapes) & (shapely.area(shapes) > 0), dtype=np.bool_)
    total = np.full(len(polygons), np.nan)
    measured = np.full(len(polygons), np.nan)
    if solid.any():
        total[solid], measured[solid] = _extract(polygons[solid], raster)
    unknown = ~(measured > 0)
    total[unknown] = np.nan
    return pd.DataFrame(
        {
            "total": total,
            "measured_share": measured,
            "status": np.where(unknown, "no_data", OK),
        },
        index=polygons.index,
    )


def share_by_raster(
    units: gpd.GeoSeries, reach: Mapping[float, gpd.GeoSeries], raster: CountRaster
) -> pd.DataFrame:
    """Compute which share of each unit's residents or workers lies within reach, per band.

    Parameters
    ----------
    units
        Polygons in the raster's CRS.
    reach
        For each band the polygons within reach (discs or a network catchment), in the same CRS.
    raster
        Residents or workers per cell.

    Returns
    -------
    pandas.DataFrame
        On the index of `units`, one column per band: shares in [0, 1]; null where the raster knows
        nothing of the unit or nobody lives or works there.
    """
    whole = sum_by_cell_fractions(units, raster)["total"].to_numpy(dtype=np.float64)
    shares = {}
    for band, polygons in reach.items():
        inside = units.intersection(shapely.union_all(polygons.to_numpy()))
        part = sum_by_cell_fractions(inside, raster)["total"].fillna(0.0).to_numpy()
        ratio = np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)
        shares[band] = np.clip(ratio, 0.0, 1.0)
    return pd.DataFrame(shares, index=units.index)


def _extract(polygons: gpd.GeoSeries, raster: CountRaster) -> tuple[FloatArray, FloatArray]:
    """Run exactextract over the counts and over what is known of them."""
    import exactextract
    from exactextract.raster import NumPyRasterSource

    west, south, east, north = raster.bounds
    known = np.isfinite(raster.counts)
    edges = {"xmin": west, "ymin": south, "xmax": east, "ymax": north}
    layers = {"total": raster.counts, "known": known.astype(np.float64)}
    frame = gpd.GeoDataFrame(geometry=polygons.reset_index(drop=True))
    sums = {
        name: exactextract.exact_extract(
            NumPyRasterSource(layer, **edges, srs_wkt=raster.crs_wkt),
            frame,
            ["sum"],
            output="pandas",
        )["sum"].to_numpy(dtype=np.float64, na_value=0.0)
        for name, layer in layers.items()
    }
    rows, columns = raster.counts.shape
    cell_area = (east - west) / columns * (north - south) / rows
    return sums["total"], sums["known"] * cell_area / shapely.area(polygons.to_numpy())


def _require_same_crs(polygons: gpd.GeoSeries, raster: CountRaster) -> None:
    if polygons.crs is None or polygons.crs != raster.crs_wkt:
        name = "none" if polygons.crs is None else polygons.crs.to_string()
        raise CrsError(
            Problem(
                zh=f"多边形坐标系 {name} 与栅格不一致",
                en=f"the polygons' CRS {name} is not the raster's",
                rule="one CRS",
                remedy_zh="请把多边形转换到栅格坐标系",
                remedy_en="reproject the polygons to the raster's CRS",
            )
        )

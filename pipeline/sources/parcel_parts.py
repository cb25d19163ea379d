"""Cut a parcel file of any size into files of one spatial cell each, in bounded memory."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely

from pipeline.errors import CrsError, Problem
from pipeline.sources.parcel_open import ROW
from pipeline.sources.shapefile import settle_encoding

log = logging.getLogger(__name__)

PARQUET = (".parquet", ".geoparquet")


def split_parcels(
    path: Path, folder: Path, *, crs: str, cell_m: float, rows: int, layer: str | None
) -> list[Path]:
    """Write one GeoParquet file for each cell that holds parcels.

    1. The file is read `rows` rows at a time, so memory does not grow with its size.
    2. A parcel goes to the cell of its inner point, whole; rows without an outline share one file.
    3. The pieces of a cell are put together at the end, cell by cell.

    Columns and outlines stay as they came, with a number of the row in the file (`source_row`), so
    each part is a parcel file that `read_parcels` reads.

    Parameters
    ----------
    path
        GeoParquet, or any vector file that GDAL streams; it must state its CRS.
    folder
        Where the parts are written; emptied first.
    crs
        Projected CRS in which the cells are squares.
    cell_m
        Side of a cell.
    rows
        Rows in memory at once.
    layer
        Layer of the file; the first when None.

    Returns
    -------
    The parts, sorted: `part_<column>_<row>.parquet`.

    Raises
    ------
    CrsError
        The file does not state its CRS.
    """
    shutil.rmtree(folder, ignore_errors=True)
    pieces = folder / "pieces"
    pieces.mkdir(parents=True)
    total = 0
    for number, chunk in enumerate(_chunks(path, rows, layer)):
        if chunk.crs is None:
            raise CrsError(
                Problem(
                    zh="分块读取的文件须声明坐标系",
                    en="a file that is read in parts has to state its CRS",
                    path=path,
                    rule="crs",
                )
            )
        chunk.insert(0, ROW, np.arange(total + 1, total + len(chunk) + 1).astype(str))
        total += len(chunk)
        names, cell = np.unique(
            cell_names(chunk.geometry.to_crs(crs), cell_m).astype(str), return_inverse=True
        )
        order = np.argsort(cell, kind="stable")
        cuts = np.searchsorted(cell[order], np.arange(1, len(names)))
        for name, here in zip(names.tolist(), np.split(order, cuts), strict=True):
            (pieces / name).mkdir(exist_ok=True)
            chunk.take(here).to_parquet(pieces / name / f"{number:06d}.parquet", index=False)
    parts = [_joined(cell, folder) for cell in sorted(pieces.iterdir())]
    shutil.rmtree(pieces)
    log.info("cut %d parcels of %s into %d parts", total, path, len(parts))
    return parts


def cell_names(shapes: gpd.GeoSeries, cell_m: float) -> np.ndarray:
    """Name the cell of each outline by its column and row; `nowhere` without an outline."""
    points = shapely.point_on_surface(shapes.to_numpy())
    placed = ~shapely.is_missing(points) & ~shapely.is_empty(points)
    names = np.full(len(points), "nowhere", dtype=object)
    cells = np.floor(shapely.get_coordinates(points[placed]) / cell_m).astype(np.int64)
    distinct, which = np.unique(cells, axis=0, return_inverse=True)
    named = np.array([f"{column}_{row}" for column, row in distinct.tolist()], dtype=object)
    names[placed] = named[which.reshape(-1)]
    return names


def _chunks(path: Path, rows: int, layer: str | None) -> Iterator[gpd.GeoDataFrame]:
    if path.suffix.lower() in PARQUET:
        yield from _parquet_chunks(path, rows)
        return
    import pyogrio

    encoding = settle_encoding(path, given=None).name if path.suffix.lower() == ".shp" else None
    with pyogrio.open_arrow(
        path, layer=layer, batch_size=rows, encoding=encoding, use_pyarrow=True
    ) as (about, batches):
        column = about["geometry_name"] or "wkb_geometry"
        for batch in batches:
            table = batch.to_pandas()
            shapes = gpd.GeoSeries.from_wkb(table.pop(column), crs=about["crs"])
            yield gpd.GeoDataFrame(table, geometry=shapes)


def _parquet_chunks(path: Path, rows: int) -> Iterator[gpd.GeoDataFrame]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as source:
        for batch in source.iter_batches(batch_size=rows):
            table = pa.Table.from_batches([batch], schema=source.schema_arrow)
            yield gpd.GeoDataFrame.from_arrow(table)


def _joined(cell: Path, folder: Path) -> Path:
    """Put the pieces of a cell together as columns, without opening the outlines."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = [pq.read_table(piece) for piece in sorted(cell.iterdir())]
    about = dict(tables[0].schema.metadata)
    geo = json.loads(about[b"geo"])
    kinds = [json.loads(t.schema.metadata[b"geo"])["columns"] for t in tables]
    for name, column in geo["columns"].items():
        column.pop("bbox", None)  # of the first piece only
        types = {kind for piece in kinds for kind in piece[name]["geometry_types"]}
        column["geometry_types"] = sorted(types)
    about[b"geo"] = json.dumps(geo).encode()
    whole = pa.concat_tables(tables, promote_options="permissive")
    target = folder / f"part_{cell.name}.parquet"
    pq.write_table(whole.replace_schema_metadata(about), target, compression="snappy")
    shutil.rmtree(cell)
    return target

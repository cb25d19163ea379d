"""Write and read the two tables of a street graph as GeoParquet."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline.atomic import atomic_path
from pipeline.errors import LayerError, Problem
from pipeline.settings.network import Mode

_METADATA_KEY = b"parkgap"
_REMEDY = {"remedy_zh": "重新运行 networks 阶段", "remedy_en": "run the networks stage again"}
# A point as well-known binary: byte order, kind, x, y.
_POINT = np.dtype([("order", "u1"), ("kind", "<u4"), ("x", "<f8"), ("y", "<f8")])


def graph_files(folder: Path, mode: Mode) -> tuple[Path, Path]:
    """Name the nodes file and the edges file of one mode."""
    return folder / f"{mode}_nodes.parquet", folder / f"{mode}_edges.parquet"


def write_table(frame: gpd.GeoDataFrame, path: Path, about: dict[str, Any]) -> None:
    """Write one GeoParquet file with the graph's own facts in its metadata, whole or not at all."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    buffer.seek(0)
    table = pq.read_table(buffer)
    metadata = {**table.schema.metadata, _METADATA_KEY: json.dumps(about).encode()}
    with atomic_path(path) as temporary:
        pq.write_table(table.replace_schema_metadata(metadata), temporary, compression="zstd")


def read_table(
    path: Path, columns: Sequence[str] | None = None
) -> tuple[gpd.GeoDataFrame, dict[str, Any]]:
    """Read one table, or some columns of it, and the graph's facts."""
    if not path.is_file():
        raise LayerError(
            Problem(zh="缺少路网表", en="the street table is missing", path=path, **_REMEDY)
        )
    try:
        about = json.loads((pq.read_schema(path).metadata or {})[_METADATA_KEY])
        frame = gpd.read_parquet(path, columns=None if columns is None else list(columns))
    except (KeyError, ValueError, OSError) as error:
        raise _unreadable(path, error) from error
    return frame, cast("dict[str, Any]", about)


def read_points(path: Path, columns: Sequence[str]) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """Read numbers and coordinates of a table of points, without making half a million points."""
    if not path.is_file():
        raise LayerError(
            Problem(zh="缺少路网表", en="the street table is missing", path=path, **_REMEDY)
        )
    try:
        table = pq.read_table(path, columns=[*columns, "geometry"])
        xy = np.concatenate([_coordinates(part) for part in table.column("geometry").chunks])
    except (KeyError, ValueError, OSError) as error:
        raise _unreadable(path, error) from error
    return pd.DataFrame({name: table.column(name).to_numpy() for name in columns}), xy


def _coordinates(points: pa.BinaryArray) -> NDArray[np.float64]:
    """Take the coordinates out of the binary form of points."""
    _, offsets, content = points.buffers()
    ends = np.frombuffer(offsets, "<i4", len(points) + 1, 4 * points.offset)
    form = np.frombuffer(content, _POINT, len(points), ends[0])
    plain = (np.diff(ends) == _POINT.itemsize) & (form["order"] == 1) & (form["kind"] == 1)
    if points.null_count or not plain.all():
        msg = "a node is no plain point"
        raise ValueError(msg)
    return np.column_stack((form["x"], form["y"]))


def _unreadable(path: Path, error: Exception) -> LayerError:
    """Say that a table cannot be read."""
    text = f"the street table cannot be read ({error})"
    return LayerError(Problem(zh="路网表无法读取", en=text, path=path, **_REMEDY))

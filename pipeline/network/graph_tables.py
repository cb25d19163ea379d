"""Write and read the two tables of a street graph as GeoParquet."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, cast

import geopandas as gpd
import pyarrow.parquet as pq

from pipeline.atomic import atomic_path
from pipeline.errors import LayerError, Problem
from pipeline.settings.network import Mode

_METADATA_KEY = b"parkgap"


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


def read_table(path: Path) -> tuple[gpd.GeoDataFrame, dict[str, Any]]:
    """Read one table and the graph's facts."""
    remedy = {"remedy_zh": "重新运行 networks 阶段", "remedy_en": "run the networks stage again"}
    if not path.is_file():
        raise LayerError(
            Problem(zh="缺少路网表", en="the street table is missing", path=path, **remedy)
        )
    try:
        about = json.loads((pq.read_schema(path).metadata or {})[_METADATA_KEY])
        frame = gpd.read_parquet(path)
    except (KeyError, ValueError, OSError) as error:
        text = f"the street table cannot be read ({error})"
        raise LayerError(Problem(zh="路网表无法读取", en=text, path=path, **remedy)) from error
    return frame, cast("dict[str, Any]", about)

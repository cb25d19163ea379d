"""Write layers as GeoParquet that carries its own dictionary and provenance."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.publish.layer_schemas import structure
from pipeline.publish.provenance import Provenance

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from pipeline.publish.layer_tables import Layer


def write_geoparquet(path: Path, layer: Layer, traced: Provenance) -> None:
    """Write one layer as (Geo)Parquet, EPSG:4326, geometry as WKB.

    The file's own metadata hold, beside what GeoParquet asks for, ``parkgap:provenance`` and
    ``parkgap:schema`` as JSON, and each field its description.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = _as_arrow(layer.frame)
    fields = [
        field.with_metadata({"description": told[field.name]}) if field.name in told else field
        for told in [{column.name: column.alias for column in layer.schema.columns}]
        for field in table.schema
    ]
    documents = {
        b"parkgap:provenance": json.dumps(traced.record(), ensure_ascii=False).encode(),
        b"parkgap:schema": json.dumps(structure(layer.schema), ensure_ascii=False).encode(),
    }
    kept = dict(table.schema.metadata or {})
    described = table.cast(pa.schema(fields, metadata=kept | documents))
    pq.write_table(described, path, compression="zstd")


def read_geoparquet(path: Path, *, spatial: bool) -> pd.DataFrame:
    """Read back the rows of a layer as they were written, types and geometry."""
    import geopandas as gpd
    import pandas as pd

    return gpd.read_parquet(path) if spatial else pd.read_parquet(path)


def _as_arrow(frame: pd.DataFrame) -> pa.Table:
    """Turn a frame into an Arrow table with the metadata of (Geo)Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if "geometry" not in frame.columns:
        return pa.Table.from_pandas(frame, preserve_index=False)
    draft = io.BytesIO()  # geopandas gives its metadata to files alone
    frame.to_parquet(draft, index=False, compression=None)
    draft.seek(0)
    return pq.read_table(draft)

"""Publish layers as GeoParquet that carries its own dictionary and provenance."""

from __future__ import annotations

import json
from pathlib import Path

from pipeline.publish.layer_schemas import LayerSchema, structure
from pipeline.publish.provenance import Provenance


def write_geoparquet(path: Path, rows: Path, schema: LayerSchema, traced: Provenance) -> None:
    """Write one layer as (Geo)Parquet, EPSG:4326, geometry as WKB.

    The file's own metadata hold, beside what GeoParquet asks for, ``parkgap:provenance`` and
    ``parkgap:schema`` as JSON, and each field its description.

    Parameters
    ----------
    path
        File to write.
    rows
        Conforming rows as pandas or geopandas write them to Parquet.
    schema
        Their schema.
    traced
        Where they come from.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.ParquetFile(rows).read()
    told = {column.name: column.alias for column in schema.columns}
    fields = [
        field.with_metadata({"description": told[field.name]}) if field.name in told else field
        for field in table.schema
    ]
    documents = {
        b"parkgap:provenance": json.dumps(traced.record(), ensure_ascii=False).encode(),
        b"parkgap:schema": json.dumps(structure(schema), ensure_ascii=False).encode(),
    }
    kept = dict(table.schema.metadata or {})
    described = table.cast(pa.schema(fields, metadata=kept | documents))
    pq.write_table(described, path, compression="zstd")

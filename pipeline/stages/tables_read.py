"""Tell by digests what the tables that stages read hold."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.workspace import Workspace


def digest_now(workspace: Workspace, name: str, promises: Mapping[str, str]) -> str | None:
    """Hash what a stage read, by the name under which its manifest lists it; None if it is gone.

    `promises` are the digests that the manifest of the stage that wrote it gives of its files.
    """
    stage, _, table = name.partition("/")
    table, _, columns = table.partition("?")
    manifest = workspace.manifest(stage)
    if table == manifest.name:
        return _manifest_digest(manifest, columns)
    digest = promises.get(table)
    if digest is None or not columns:
        return digest
    return columns_digest(workspace.output(stage, table), columns.split(","))


def _manifest_digest(manifest: Path, key: str) -> str | None:
    """Hash a manifest, or what it says under one key alone."""
    if not manifest.is_file():
        return None
    if not key:
        return sha256(manifest)
    told = json.loads(manifest.read_text(encoding="utf-8"))[key]
    text = json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def promised(manifest: Path) -> dict[str, str]:
    """Give the SHA-256 of each file that a manifest lists; nothing where there is no manifest."""
    if not manifest.is_file():
        return {}
    files: dict[str, str] = json.loads(manifest.read_text(encoding="utf-8"))["files"]
    return files


def columns_digest(path: Path, columns: Sequence[str]) -> str:
    """Hash what some columns of a Parquet file hold, whatever the others do."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:  # read_table would import what pandas needs as well
        table = file.read(columns=list(columns)).replace_schema_metadata(None)
    buffer = pa.BufferOutputStream()
    with pa.ipc.new_stream(buffer, table.schema) as stream:
        stream.write_table(table.combine_chunks())
    return hashlib.sha256(buffer.getvalue()).hexdigest()


def sha256(path: Path) -> str:
    """Hash a file's content without reading it whole."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()

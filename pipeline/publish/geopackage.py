"""Write layers to one GeoPackage that says what every column means, byte for byte the same."""

from __future__ import annotations

import datetime as dt
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from pipeline.publish.geopackage_tables import (
    copy_rows,
    in_order,
    register,
    write_attributes,
    write_rows,
)
from pipeline.publish.layer_frames import GEOMETRY_TYPES
from pipeline.publish.layer_tables import Finished

if TYPE_CHECKING:
    from pipeline.publish.layer_schemas import LayerSchema

GEOMETRY = "geom"
FID = "fid"
# 1.3 is the newest that GDAL 3.6, hence QGIS 3.22, reads without a warning.
GPKG_VERSION = "1.3"
DICTIONARY = "data_dictionary"
ABOUT = "metadata"
_BEGUN = "begun"
_SCHEMA_EXTENSION = "http://www.geopackage.org/spec121/#extension_schema"
_METADATA_EXTENSION = "http://www.geopackage.org/spec121/#extension_metadata"

_DATA_COLUMNS = """
CREATE TABLE IF NOT EXISTS gpkg_data_columns (
  table_name TEXT NOT NULL, column_name TEXT NOT NULL, name TEXT, title TEXT, description TEXT,
  mime_type TEXT, constraint_name TEXT,
  CONSTRAINT pk_gdc PRIMARY KEY (table_name, column_name),
  CONSTRAINT gdc_tn UNIQUE (table_name, name))
"""
_CONSTRAINTS = """
CREATE TABLE IF NOT EXISTS gpkg_data_column_constraints (
  constraint_name TEXT NOT NULL, constraint_type TEXT NOT NULL, value TEXT, min NUMERIC,
  min_is_inclusive BOOLEAN, max NUMERIC, max_is_inclusive BOOLEAN, description TEXT,
  CONSTRAINT gdcc_ntv UNIQUE (constraint_name, constraint_type, value))
"""
_METADATA = """
CREATE TABLE IF NOT EXISTS gpkg_metadata (
  id INTEGER CONSTRAINT m_pk PRIMARY KEY ASC NOT NULL,
  md_scope TEXT NOT NULL DEFAULT 'dataset', md_standard_uri TEXT NOT NULL,
  mime_type TEXT NOT NULL DEFAULT 'text/xml', metadata TEXT NOT NULL DEFAULT '')
"""
_REFERENCES = """
CREATE TABLE IF NOT EXISTS gpkg_metadata_reference (
  reference_scope TEXT NOT NULL, table_name TEXT, column_name TEXT, row_id_value INTEGER,
  timestamp DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  md_file_id INTEGER NOT NULL, md_parent_id INTEGER,
  CONSTRAINT crmr_mfi_fk FOREIGN KEY (md_file_id) REFERENCES gpkg_metadata(id),
  CONSTRAINT crmr_mpi_fk FOREIGN KEY (md_parent_id) REFERENCES gpkg_metadata(id))
"""


@dataclass(frozen=True)
class Begun:
    """A file that holds the rows of some layers already, and nothing else."""

    path: Path
    layers: frozenset[str]


def begin_geopackage(
    path: Path, layers: Sequence[Finished], *, date: dt.date, tables: Begun | None = None
) -> None:
    """Write the rows of layers to a GeoPackage that may exist already.

    Parameters
    ----------
    path
        The file.
    layers
        Conforming layers, EPSG:4326.
    date
        Stands for the time of writing.
    tables
        What `begin_tables` wrote of some of them.
    """
    moment = _moment(date)
    with _options(OGR_CURRENT_DATE=moment, OGR_SQLITE_SYNCHRONOUS="OFF"):
        for layer in layers:
            if layer.schema.spatial:
                _write_layer(path, layer)
    with _writing(path, tables) as database:
        for layer in layers:
            schema = layer.schema
            if schema.spatial:
                continue
            if tables is not None and schema.name in tables.layers:
                copy_rows(database, _BEGUN, schema.name)
            else:
                write_rows(database, schema.name, layer.frame, fid=FID)
            register(
                database,
                schema.name,
                title=f"{schema.zh} / {schema.en}",
                told=" / ".join(schema.about),
                moment=moment,
            )


def begin_tables(path: Path, layers: Sequence[Finished]) -> None:
    """Write the rows of layers that are tables to a database, for a GeoPackage to take over."""
    with _writing(path) as database:
        for layer in layers:
            write_rows(database, layer.schema.name, layer.frame, fid=FID)


def write_geopackage(
    path: Path,
    layers: Sequence[Finished],
    *,
    date: dt.date,
    styles: Mapping[str, Mapping[str, str]],
    metadata: Mapping[str, tuple[str, str, str]],
    about: pd.DataFrame | None = None,
    ground: Begun | None = None,
    tables: Begun | None = None,
) -> None:
    """Write layers, their dictionary, domains, styles and metadata to a new GeoPackage.

    Parameters
    ----------
    path
        A file that does not exist yet.
    layers
        Conforming layers, EPSG:4326.
    date
        Stands for the time of writing everywhere in the file, so that equal content makes an equal
        file.
    styles
        QML by layer and name of the style; the first style of a layer is its default.
    metadata
        By layer (empty name: the whole file): URI of the standard, mime type, document.
    about
        Table `metadata`, one row for each layer, for people who open the file without those.
    ground
        What `begin_geopackage` wrote of some of the layers on the same date.
    tables
        What `begin_tables` wrote of others.
    """
    known: frozenset[str] = frozenset()
    if ground is not None:
        shutil.copyfile(ground.path, path)
        known = ground.layers
    others = [layer for layer in layers if layer.schema.name not in known]
    begin_geopackage(path, others, date=date, tables=tables)
    schemas, moment = [layer.schema for layer in layers], _moment(date)
    with _writing(path) as database:
        _write_words(database, schemas, about, moment)
        styled = _style_rows(schemas, styles, moment)
        write_attributes(
            database, "layer_styles", styled, title="", told="", moment=moment, fid="id"
        )
        in_order(database, [schema.name for schema in schemas])
        _describe_columns(database, schemas)
        _store_metadata(database, metadata, moment)


def _moment(date: dt.date) -> str:
    return f"{date.isoformat()}T00:00:00.000Z"


@contextmanager
def _writing(path: Path, begun: Begun | None = None) -> Iterator[sqlite3.Connection]:
    """Open the file for one transaction: a commit for each row takes seconds.

    Nobody sees it before it is whole and on the disk, so that nothing has to wait for the disk.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA synchronous = OFF")
        if begun is not None:
            database.execute(f"ATTACH ? AS {_BEGUN}", (str(begun.path),))
        database.execute("BEGIN")
        yield database
        database.execute("COMMIT")


def dictionary(schemas: Sequence[LayerSchema]) -> pd.DataFrame:
    """Give the data dictionary: one row for each column of each layer."""
    return pd.DataFrame(
        [
            {
                "layer": schema.name,
                "layer_zh": schema.zh,
                "layer_en": schema.en,
                "schema_version": schema.version,
                "position": position,
                "column": column.name,
                "type": column.type,
                "nullable": column.nullable,
                "is_key": column.name in schema.key,
                "unit": column.unit,
                "zh": column.zh,
                "en": column.en,
                "domain": None if column.domain is None else column.domain.name,
                "codes": None
                if column.domain is None
                else "; ".join(
                    f"{code} = {zh} / {en}" for code, (zh, en) in column.domain.labels.items()
                ),
                "min": column.min,
                "max": column.max,
            }
            for schema in schemas
            for position, column in enumerate(schema.columns, start=1)
        ]
    ).astype(dict.fromkeys(("unit", "domain", "codes"), "string") | {"min": float, "max": float})


@contextmanager
def _options(**options: str) -> Iterator[None]:
    """Set options of GDAL for a while: the moment that it stamps `last_change` with, and so on."""
    import pyogrio

    before = {name: pyogrio.get_gdal_config_option(name) for name in options}
    pyogrio.set_gdal_config_options(options)
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options(before)


def _write_layer(path: Path, layer: Finished) -> None:
    import pyogrio

    schema = layer.schema
    pyogrio.write_dataframe(
        layer.frame,
        path,
        layer=schema.name,
        driver="GPKG",
        geometry_type=GEOMETRY_TYPES[schema.kind],
        use_arrow=True,
        dataset_options={"VERSION": GPKG_VERSION},
        layer_options={
            "GEOMETRY_NAME": GEOMETRY,
            "FID": FID,
            "SPATIAL_INDEX": "YES",
            "IDENTIFIER": f"{schema.zh} / {schema.en}",
            "DESCRIPTION": " / ".join(schema.about),
        },
    )


def _write_words(
    database: sqlite3.Connection,
    schemas: Sequence[LayerSchema],
    about: pd.DataFrame | None,
    moment: str,
) -> None:
    """Write the dictionary, and what every layer is."""
    words = dictionary(schemas)
    extra = [(DICTIONARY, words, "what every column means")]
    if about is not None:
        extra.append((ABOUT, about, "what every layer is, whose, from what and how"))
    for name, frame, told in extra:
        write_attributes(database, name, frame, title="", told=told, moment=moment, fid=FID)


def _style_rows(
    schemas: Sequence[LayerSchema], styles: Mapping[str, Mapping[str, str]], moment: str
) -> pd.DataFrame:
    """Lay styles out as QGIS looks for them: by table, geometry column and default flag."""
    known = {schema.name: schema for schema in schemas}
    rows = [
        {
            "f_table_catalog": "",
            "f_table_schema": "",
            "f_table_name": layer,
            "f_geometry_column": GEOMETRY if known[layer].spatial else "",
            "styleName": name,
            "styleQML": qml,
            "styleSLD": "",
            "useAsDefault": position == 0,
            "description": f"{known[layer].zh} / {known[layer].en}",
            "owner": "",
            "ui": "",
            "update_time": pd.Timestamp(moment),
        }
        for layer, named in styles.items()
        if layer in known
        for position, (name, qml) in enumerate(named.items())
    ]
    columns = ("f_table_catalog", "f_table_schema", "f_table_name", "f_geometry_column")
    texts = (*columns, "styleName", "styleQML", "styleSLD", "description", "owner", "ui")
    frame = pd.DataFrame(rows, columns=[*texts[:7], "useAsDefault", *texts[7:], "update_time"])
    return frame.astype(
        dict.fromkeys(texts, "string")
        | {"useAsDefault": "boolean", "update_time": "datetime64[ms, UTC]"}
    )


def _describe_columns(database: sqlite3.Connection, schemas: Sequence[LayerSchema]) -> None:
    """Store aliases, descriptions and domains by the Schema extension of the standard."""
    database.execute(_DATA_COLUMNS)
    database.execute(_CONSTRAINTS)
    domains = {
        column.domain.name: column.domain
        for schema in schemas
        for column in schema.columns
        if column.domain is not None
    }
    database.executemany(
        "INSERT INTO gpkg_data_column_constraints (constraint_name, constraint_type, value,"
        " description) VALUES (?, 'enum', ?, ?)",
        [
            (name, code, f"{zh} / {en}")
            for name, domain in sorted(domains.items())
            for code, (zh, en) in domain.labels.items()
        ],
    )
    database.executemany(
        "INSERT INTO gpkg_data_columns (table_name, column_name, name, title, description,"
        " constraint_name) VALUES (?, ?, ?, ?, ?, ?)",
        [
            (
                schema.name,
                column.name,
                column.alias,
                column.zh,
                f"{column.alias} ({column.type}{', null' if column.nullable else ''})",
                None if column.domain is None else column.domain.name,
            )
            for schema in schemas
            for column in schema.columns
        ],
    )
    _register(database, ("gpkg_data_columns", "gpkg_data_column_constraints"), "gpkg_schema")


def _store_metadata(
    database: sqlite3.Connection, documents: Mapping[str, tuple[str, str, str]], moment: str
) -> None:
    """Store provenance documents by the Metadata extension, for the file and for each layer."""
    database.execute(_METADATA)
    database.execute(_REFERENCES)
    parent = None
    for number, (layer, (uri, mime, text)) in enumerate(sorted(documents.items()), start=1):
        database.execute(
            "INSERT INTO gpkg_metadata VALUES (?, ?, ?, ?, ?)",
            (number, "series" if layer == "" else "dataset", uri, mime, text),
        )
        scope = ("geopackage", None) if layer == "" else ("table", layer)
        database.execute(
            "INSERT INTO gpkg_metadata_reference VALUES (?, ?, NULL, NULL, ?, ?, ?)",
            (*scope, moment, number, parent),
        )
        if layer == "":
            parent = number
    _register(database, ("gpkg_metadata", "gpkg_metadata_reference"), "gpkg_metadata")


def _register(database: sqlite3.Connection, tables: Sequence[str], extension: str) -> None:
    database.execute(
        "CREATE TABLE IF NOT EXISTS gpkg_extensions (table_name TEXT, column_name TEXT,"
        " extension_name TEXT NOT NULL, definition TEXT NOT NULL, scope TEXT NOT NULL,"
        " CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name))"
    )
    definition = _SCHEMA_EXTENSION if extension == "gpkg_schema" else _METADATA_EXTENSION
    database.executemany(
        "INSERT INTO gpkg_extensions VALUES (?, NULL, ?, ?, 'read-write')",
        [(table, extension, definition) for table in tables],
    )

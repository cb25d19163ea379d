"""Read a layer from whatever file people have, and tell what was found out on the way."""

from __future__ import annotations

import difflib
import logging
import warnings
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pipeline.errors import Problem, SourceError
from pipeline.settings.sources import ArchiveSettings
from pipeline.sources.archives import require_harmless, unpacked
from pipeline.sources.coordinates import find_columns, place_rows
from pipeline.sources.datum import Datum, frame_to_wgs84
from pipeline.sources.drawing import read_drawing
from pipeline.sources.locate import Bounds, CrsBasis, Located, Note, locate
from pipeline.sources.positions import usable_positions
from pipeline.sources.shapefile import AttributeEncoding, EncodingBasis, settle_encoding
from pipeline.sources.tabular import read_text_table, read_workbook, several_layers

if TYPE_CHECKING:
    import geopandas as gpd

logger = logging.getLogger(__name__)

Format = Literal[
    "GeoPackage", "GeoJSON", "Shapefile", "KML", "DXF", "FlatGeobuf", "GML", "GPX", "GeoParquet",
    "CSV", "Excel",
]  # fmt: skip

FORMATS: dict[str, Format] = {
    ".gpkg": "GeoPackage",
    ".geojson": "GeoJSON",
    ".json": "GeoJSON",
    ".shp": "Shapefile",
    ".kml": "KML",
    ".dxf": "DXF",
    ".fgb": "FlatGeobuf",
    ".gml": "GML",
    ".gpx": "GPX",
    ".parquet": "GeoParquet",
    ".geoparquet": "GeoParquet",
    ".csv": "CSV",
    ".tsv": "CSV",
    ".txt": "CSV",
    ".xlsx": "Excel",
    ".xlsm": "Excel",
}
_ARCHIVES = {".zip", ".kmz"}
MOST_NAMED = 10
_STYLE_TABLES = {"layer_styles", "qgis_projects"}


@dataclass(frozen=True)
class LayerReport:
    """What was read and how each thing that the file did not say was settled."""

    path: Path
    format: Format
    layer: str | None
    layers: tuple[str, ...]
    rows: int
    without_geometry: int
    encoding: str | None
    encoding_basis: EncodingBasis | None
    crs: str
    crs_basis: CrsBasis
    datum: Datum
    datum_basis: Literal["declared", "assumed"]
    hinted_datum: Datum | None
    swapped: bool
    coordinate_columns: tuple[str, ...]
    notes: tuple[Note, ...]

    def __str__(self) -> str:
        """Render as one lower-case sentence."""
        return (
            f"read {self.rows} rows ({self.without_geometry} without geometry) of {self.format}"
            f"{'' if self.layer is None else f' layer {self.layer}'}, "
            f"encoding {self.encoding or 'by the format'}, crs {self.crs} ({self.crs_basis}), "
            f"datum {self.datum} ({self.datum_basis})"
        )

    def as_dict(self) -> dict[str, Any]:
        """Give the report as plain values for JSON."""
        return asdict(self) | {"path": str(self.path)}


@dataclass(frozen=True)
class LayerRead:
    """A layer with the report of its reading."""

    frame: gpd.GeoDataFrame
    report: LayerReport


@dataclass(frozen=True)
class _Raw:
    frame: gpd.GeoDataFrame
    layer: str | None = None
    layers: tuple[str, ...] = ()
    encoding: str | None = None
    encoding_basis: EncodingBasis | None = None
    hinted_datum: Datum | None = None
    coordinate_columns: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()


def read_layer(
    path: Path,
    *,
    layer: str | None = None,
    encoding: str | None = None,
    crs: str | None = None,
    datum: Datum | None = None,
    study_bounds: Bounds | None = None,
    archives: ArchiveSettings | None = None,
) -> LayerRead:
    """Read a layer of GeoPackage, GeoJSON, Shapefile, KML/KMZ, DXF, FlatGeobuf, GML, GPX, CSV ...

    Also GeoParquet, CSV and Excel with coordinates in columns, and any of them in a zip file. What
    the file does not say is found out and reported; each keyword overrides what would be found.

    Parameters
    ----------
    path
        The file.
    layer
        Layer, sheet, or (in a zip file) the name of the data set without its ending.
    encoding
        Encoding of the attributes.
    crs
        CRS of the coordinates.
    datum
        Declared datum of coordinates in degrees; "gcj02" and "bd09" are converted to WGS 84.
    study_bounds
        West, south, east, north of the study in degrees: helps where the file says nothing.
    archives
        Limits on zip files; the defaults of the settings when empty.

    Returns
    -------
    frame and report
        The frame keeps its own CRS, or is in EPSG:4326 after a conversion of the datum. Rows
        without geometry are kept and counted.

    Raises
    ------
    SourceError
        Missing, damaged or of an unknown format, several layers and none named, limits broken.
    CrsError
        No CRS fits, or several do.
    FieldError
        A table without coordinates.
    GeometryError
        No row has a position that can be used.
    """
    if not path.is_file():
        raise SourceError(_folder(path) if path.is_dir() else _missing(path))
    limits = archives or ArchiveSettings()
    inner = path
    if path.suffix.lower() in _ARCHIVES:
        with unpacked(path, **limits.model_dump()) as folder:
            inner, inner_layer = _data_set(path, folder, layer)
            raw = _read(inner, inner_layer, encoding, limits)
    else:
        raw = _read(path, layer, encoding, limits)
    if raw.frame.empty:
        raise SourceError(Problem("图层没有记录", "the layer has no rows", path=path))
    usable, notes = usable_positions(raw.frame, path=path)
    raw = replace(raw, frame=usable, notes=(*raw.notes, *notes))
    placed = locate(raw.frame, path=path, crs=crs, study_bounds=study_bounds)
    return _finish(path, FORMATS[inner.suffix.lower()], raw, placed, datum)


def _finish(path: Path, kind: Format, raw: _Raw, placed: Located, datum: Datum | None) -> LayerRead:
    frame = placed.frame
    if datum in {"gcj02", "bd09"}:
        frame = frame_to_wgs84(frame, datum)
    report = LayerReport(
        path=path,
        format=kind,
        layer=raw.layer,
        layers=raw.layers,
        rows=len(frame),
        without_geometry=int((frame.geometry.isna() | frame.geometry.is_empty).sum()),
        encoding=raw.encoding,
        encoding_basis=raw.encoding_basis,
        crs=_label(frame),
        crs_basis=placed.basis,
        datum=datum or "wgs84",
        datum_basis="declared" if datum else "assumed",
        hinted_datum=raw.hinted_datum,
        swapped=placed.swapped,
        coordinate_columns=raw.coordinate_columns,
        notes=(*raw.notes, *placed.notes),
    )
    logger.info("%s from %s", report, path.name)
    return LayerRead(frame, report)


def _label(frame: gpd.GeoDataFrame) -> str:
    authority = frame.crs.to_authority()
    return ":".join(authority) if authority else str(frame.crs.name)


def _data_set(path: Path, folder: Path, wanted: str | None) -> tuple[Path, str | None]:
    """Choose the data set in an unpacked archive: the named one, else the only one."""
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in FORMATS)
    if any(p.suffix.lower() != ".txt" for p in found):  # a readme is no data set
        found = [p for p in found if p.suffix.lower() != ".txt"]
    named = [p for p in found if wanted in {p.stem, p.name}]
    if len(named) == 1:
        return named[0], None
    if len(found) == 1:
        return found[0], wanted
    names = tuple(p.name for p in found)
    raise SourceError(several_layers(path, names, missing=None if found and not wanted else wanted))


def _read(path: Path, layer: str | None, encoding: str | None, limits: ArchiveSettings) -> _Raw:
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise SourceError(_unknown_format(path))
    if kind == "GeoParquet":
        return _read_parquet(path)
    if kind == "CSV":
        table, used = read_text_table(path, encoding=encoding)
        columns = find_columns(table)
        basis: EncodingBasis = "given" if encoding else "detected"
        placed = place_rows(table, columns)
        return _Raw(placed, None, (), used, basis, columns.hinted_datum, columns.names)
    if kind == "Excel":
        require_harmless(path, **limits.model_dump())
        table, columns, sheet, sheets = read_workbook(path, sheet=layer)
        hint = columns.hinted_datum
        return _Raw(place_rows(table, columns), sheet, sheets, None, None, hint, columns.names)
    if kind == "Shapefile":
        return _read_gdal(path, layer, settle_encoding(path, given=encoding))
    given: EncodingBasis | None = "given" if encoding else None
    return _read_gdal(path, layer, AttributeEncoding(encoding, given, ()))


def _read_parquet(path: Path) -> _Raw:
    import geopandas as gpd
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if b"geo" in (pq.read_schema(path).metadata or {}):
            return _Raw(gpd.read_parquet(path))
        table = pd.read_parquet(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise SourceError(_unreadable(path, error)) from error
    columns = find_columns(table)
    hint = columns.hinted_datum
    return _Raw(place_rows(table, columns), hinted_datum=hint, coordinate_columns=columns.names)


def _read_gdal(path: Path, layer: str | None, text: AttributeEncoding) -> _Raw:
    import pyogrio

    try:
        chosen, names = _chosen_layer(path, layer)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            if path.suffix.lower() == ".dxf":
                frame = read_drawing(path, encoding=text.name)
            else:
                frame = pyogrio.read_dataframe(
                    path, layer=chosen, encoding=text.name, on_invalid="ignore"
                )
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise SourceError(_unreadable(path, error)) from error
    except (UnicodeDecodeError, LookupError) as error:
        raise SourceError(_unreadable(path, error)) from error
    said = sorted({str(warning.message) for warning in caught})
    notes = (*text.notes, *(Note("driver", f"读取提示：{words}", words) for words in said))
    if "geometry" in frame:
        return _Raw(frame, chosen, names, text.name, text.basis, notes=notes)
    columns = find_columns(frame)
    return _Raw(
        place_rows(frame, columns),
        chosen,
        names,
        text.name,
        text.basis,
        columns.hinted_datum,
        columns.names,
        notes,
    )


def _chosen_layer(path: Path, wanted: str | None) -> tuple[str, tuple[str, ...]]:
    """Choose the named layer, else the only one with geometry and rows."""
    import pyogrio

    listed = pyogrio.list_layers(path)
    names = tuple(str(name) for name, _ in listed)
    if wanted is not None:
        if wanted not in names:
            raise SourceError(several_layers(path, names, missing=wanted))
        return wanted, names
    spatial = [str(n) for n, kind in listed if kind is not None and n not in _STYLE_TABLES]
    if len(spatial) > 1:
        filled = [
            n
            for n in spatial
            if pyogrio.read_info(path, layer=n, force_feature_count=True)["features"]
        ]
        spatial = filled or spatial
    if len(spatial) > 1:
        raise SourceError(several_layers(path, tuple(spatial)))
    return (spatial or list(names))[0], names


def _unknown_format(path: Path) -> Problem:
    known = " ".join(sorted([*FORMATS, *_ARCHIVES]))
    return Problem(
        f"不支持的格式 {path.suffix or path.name}",
        f"the format {path.suffix or path.name} is not read",
        path=path,
        rule="format",
        remedy_zh=f"可用格式：{known}；.xls 请另存为 .xlsx，.dwg 请另存为 .dxf",
        remedy_en=f"formats: {known}; save .xls as .xlsx and .dwg as .dxf",
    )


def _unreadable(path: Path, error: Exception) -> Problem:
    return Problem(
        "文件无法读取，可能已损坏或扩展名与内容不符",
        f"the file cannot be read, it may be damaged or misnamed: {error}",
        path=path,
    )


def _missing(path: Path) -> Problem:
    known = {*_ARCHIVES, *FORMATS}
    around = path.parent.iterdir() if path.parent.is_dir() else ()
    names = sorted(p.name for p in around if p.suffix.lower() in known)
    near = difflib.get_close_matches(path.name, names, n=1)
    there_zh = f"该文件夹中有：{'、'.join(names[:MOST_NAMED])}" if names else "核对文件夹与文件名"
    there_en = f"files there: {', '.join(names[:MOST_NAMED])}" if names else "look at its folder"
    return Problem(
        "文件不存在",
        "the file does not exist",
        path=path,
        remedy_zh=f"最接近：{near[0]}" if near else there_zh,
        remedy_en=f"nearest match: {near[0]}" if near else there_en,
    )


def _folder(path: Path) -> Problem:
    """Say that a folder is none, and which files in it could be meant."""
    known = {*_ARCHIVES, *FORMATS}
    names = sorted(p.name for p in path.iterdir() if p.suffix.lower() in known)[:MOST_NAMED]
    return Problem(
        "这是文件夹，不是文件",
        "this is a folder, not a file",
        path=path,
        remedy_zh="给出其中一个文件" + (f"：{'、'.join(names)}" if names else ""),
        remedy_en="name a file in it" + (f": {', '.join(names)}" if names else ""),
    )

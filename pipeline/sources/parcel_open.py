"""Open a parcel file of any supported kind as raw cells, outlines and row numbers."""

from __future__ import annotations

import glob
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.errors import ParkgapError, Problem, SourceError
from pipeline.settings.sources import ArchiveSettings
from pipeline.sources.archives import require_harmless
from pipeline.sources.files import read_layer
from pipeline.sources.locate import Bounds
from pipeline.sources.parcel_fields import plain
from pipeline.sources.shapefile import settle_encoding
from pipeline.sources.text_encoding import detect_encoding

SHEETS = (".xlsx", ".xlsm")
TEXTS = (".csv", ".txt", ".tsv")
WKT_NAMES = ("wkt", "geometry", "geom", "the_geom", "图形", "几何", "边界", "outline")
RING_NAMES = ("坐标串", "界址点坐标", "拐点坐标", "坐标", "coordinates", "ring")
X_NAMES = ("x", "lon", "lng", "longitude", "经度", "横坐标", "x坐标", "东坐标")
Y_NAMES = ("y", "lat", "latitude", "纬度", "纵坐标", "y坐标", "北坐标")
DBF_BLOCK, DBF_NAME, DBF_HEADER_END = 32, 11, 0x0D
# Number of the row in the file a part was cut from.
ROW = "source_row"
TEMPLATE_SHEET = "宗地 parcels"


@dataclass
class RawTable:
    """What a file holds before anything is interpreted.

    Attributes
    ----------
    cells
        Columns as they came, without the geometry.
    outlines
        Geometries aligned with `cells`, None where a row has none.
    rows
        Row numbers as people see them: the sheet's row, the line, or the feature's number.
    crs
        The file's own CRS, if it says one.
    encoding
        How the text was decoded, where that had to be chosen.
    problems, notes
        What could not be read, and what a person should know about the reading.
    blank_rows
        Blank rows that were dropped.
    """

    cells: pd.DataFrame
    outlines: np.ndarray
    rows: Sequence[int | str]
    crs: object = None
    encoding: str | None = None
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    blank_rows: int = 0


@dataclass(frozen=True)
class LayerOptions:
    """What the user declares about a file; each overrides what would be found."""

    encoding: str | None = None
    crs: str | None = None
    study_bounds: Bounds | None = None


def open_raw(path: Path, *, layer: str | None, options: LayerOptions) -> RawTable:
    """Open any layer `read_layer` reads, or a table whose rows may lack coordinates.

    Raises
    ------
    SourceError
        Where the file is absent, damaged or of a kind that is not supported.
    CrsError
        Where a layer's CRS is neither stated nor to be found.
    """
    if not path.exists():
        raise SourceError(
            Problem(zh="文件不存在", en="there is no such file", path=path, rule="path")
        )
    suffix = path.suffix.lower()
    try:
        if suffix in SHEETS:
            return _open_sheet(path, layer)
        if suffix in TEXTS:
            return _open_text(path, options.encoding)
        return _open_vector(path, layer, options)
    except (ParkgapError, MemoryError):
        raise
    except Exception as error:  # whatever the libraries raise on a damaged file
        raise SourceError(
            Problem(
                zh=f"无法读取：{error}",
                en=f"cannot be read: {error}",
                path=path,
                rule="format",
                remedy_zh="支持 GeoPackage、Shapefile、GeoJSON、DXF、Excel、CSV",
                remedy_en="GeoPackage, Shapefile, GeoJSON, DXF, Excel and CSV are supported",
            )
        ) from error


def _open_sheet(path: Path, layer: str | None) -> RawTable:
    require_harmless(path, **ArchiveSettings().model_dump())
    with pd.ExcelFile(path, engine="openpyxl") as book:
        first = TEMPLATE_SHEET if TEMPLATE_SHEET in book.sheet_names else book.sheet_names[0]
        sheet = layer or first
        cells = pd.read_excel(book, sheet, dtype=object, keep_default_na=False, na_values=[""])
    return _from_cells(cells, path)


def _open_text(path: Path, encoding: str | None) -> RawTable:
    chosen = encoding or detect_encoding(path.read_bytes())
    separator = "\t" if path.suffix.lower() == ".tsv" else None
    cells = pd.read_csv(
        path,
        sep=separator or ",",
        dtype=object,
        encoding=chosen,
        keep_default_na=False,
        na_values=[""],
        skip_blank_lines=False,
    )
    raw = _from_cells(cells, path)
    raw.encoding = chosen
    return raw


def _from_cells(cells: pd.DataFrame, path: Path) -> RawTable:
    """Take a table with a header in its first row; whole blank rows are dropped and counted."""
    cells.columns = pd.Index([str(name) for name in cells.columns])
    rows = np.arange(2, len(cells) + 2)
    blank = cells.isna().all(axis=1).to_numpy(bool)
    cells, rows = cells[~blank].reset_index(drop=True), rows[~blank]
    raw = RawTable(cells, np.full(len(cells), None), rows.tolist(), blank_rows=int(blank.sum()))
    _take_wkt(raw, path)
    _take_rings(raw, path)
    return raw


def _column_named(cells: pd.DataFrame, names: Sequence[str]) -> str | None:
    wanted = {plain(name) for name in names}
    for column in cells.columns:
        if plain(re.split(r"[\n(（]", column)[0]) in wanted:
            return str(column)
    return None


def _take_wkt(raw: RawTable, path: Path) -> None:
    column = _column_named(raw.cells, WKT_NAMES)
    if column is None:
        return
    for k, text in enumerate(raw.cells.pop(column).tolist()):
        if not isinstance(text, str):
            continue
        try:
            raw.outlines[k] = _finite(shapely.from_wkt(text))
        except (ValueError, shapely.errors.GEOSException) as error:
            raw.problems.append(_bad_outline(path, raw.rows[k], column, error))


def _take_rings(raw: RawTable, path: Path) -> None:
    column = _column_named(raw.cells, RING_NAMES)
    if column is None:
        return
    for k, text in enumerate(raw.cells.pop(column).tolist()):
        if not isinstance(text, str):
            continue
        numbers = [float(n) for n in re.findall(r"[-+]?\d+(?:\.\d+)?", text)]
        try:
            raw.outlines[k] = _finite(shapely.Polygon(np.reshape(numbers, (-1, 2))))
        except (ValueError, shapely.errors.GEOSException) as error:
            raw.problems.append(_bad_outline(path, raw.rows[k], column, error))


def _finite(shape: shapely.Geometry) -> shapely.Geometry:
    if not np.isfinite(shapely.get_coordinates(shape)).all():
        msg = "a coordinate is not finite"
        raise ValueError(msg)
    return shape


def _bad_outline(path: Path, row: int | str, column: str, error: Exception) -> Problem:
    return Problem(
        zh=f"无法读取边界：{error}",
        en=f"the outline cannot be read: {error}",
        path=path,
        row=row,
        rule=column,
    )


def take_points(raw: RawTable) -> np.ndarray:
    """Take the columns of coordinates, where a table has them, as one point per row."""
    x, y = _column_named(raw.cells, X_NAMES), _column_named(raw.cells, Y_NAMES)
    points = np.full(len(raw.cells), None)
    if x is None or y is None:
        return points
    xs = pd.to_numeric(raw.cells.pop(x), errors="coerce").to_numpy(dtype=np.float64)
    ys = pd.to_numeric(raw.cells.pop(y), errors="coerce").to_numpy(dtype=np.float64)
    told = np.isfinite(xs) & np.isfinite(ys)
    points[told] = shapely.points(xs[told], ys[told])
    return points


def _open_vector(path: Path, layer: str | None, options: LayerOptions) -> RawTable:
    if path.suffix.lower() == ".shp":
        chosen = settle_encoding(path, given=options.encoding).name or "utf-8"
        if _names_are_cut(path, chosen):
            with TemporaryDirectory() as folder:
                whole = _copy_with_whole_names(path, Path(folder), chosen)
                return _read_vector(whole, layer, options)
    return _read_vector(path, layer, options)


def _read_vector(path: Path, layer: str | None, options: LayerOptions) -> RawTable:
    read = read_layer(
        path,
        layer=layer,
        encoding=options.encoding,
        crs=options.crs,
        study_bounds=options.study_bounds,
    )
    raw = _from_frame(read.frame)
    raw.encoding = read.report.encoding
    raw.notes = [
        Problem(zh=note.zh, en=note.en, path=path, rule=note.code) for note in read.report.notes
    ]
    return raw


def _from_frame(frame: pd.DataFrame) -> RawTable:
    rows: Sequence[int | str] = range(1, len(frame) + 1)
    if not isinstance(frame, gpd.GeoDataFrame):
        return RawTable(frame.reset_index(drop=True), np.full(len(frame), None), rows)
    cells = pd.DataFrame(frame.drop(columns=frame.geometry.name)).reset_index(drop=True)
    if ROW in cells.columns:
        rows = cells.pop(ROW).astype(str).tolist()
    return RawTable(cells, frame.geometry.to_numpy().copy(), rows, crs=frame.crs)


def _table_of(path: Path) -> Path:
    small = path.with_suffix(".dbf")
    return small if small.exists() else path.with_suffix(".DBF")


def _field_names(raw: bytes | bytearray) -> Iterator[tuple[int, bytes]]:
    """Iterate over the places and the bytes of a DBF's field names."""
    start = DBF_BLOCK
    while start + DBF_NAME < len(raw) and raw[start] != DBF_HEADER_END:
        yield start, bytes(raw[start : start + DBF_NAME]).split(b"\x00")[0]
        start += DBF_BLOCK


def _names_are_cut(path: Path, encoding: str) -> bool:
    table = _table_of(path)
    if not table.exists():
        return False
    for _, name in _field_names(table.read_bytes()):
        try:
            name.decode(encoding)
        except UnicodeDecodeError:
            return True
    return False


def _copy_with_whole_names(path: Path, folder: Path, encoding: str) -> Path:
    """Copy a shapefile and blank the half characters at the ends of its field names.

    Writers cut names at ten bytes without looking, and a name that ends inside a character makes
    the whole file unreadable.
    """
    for part in path.parent.glob(f"{glob.escape(path.stem)}.*"):
        shutil.copy(part, folder)
    copy = folder / path.name
    raw = bytearray(_table_of(copy).read_bytes())
    for start, name in list(_field_names(raw)):
        whole = name.decode(encoding, errors="ignore").encode(encoding)
        raw[start : start + DBF_NAME] = whole.ljust(DBF_NAME, b"\x00")
    _table_of(copy).write_bytes(raw)
    return copy

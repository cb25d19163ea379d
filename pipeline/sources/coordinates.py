"""Find the coordinates in a table, whatever its columns are called."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.errors import FieldError, Problem
from pipeline.sources.datum import Datum

if TYPE_CHECKING:
    import geopandas as gpd

Kind = Literal["pair", "text", "wkt"]

# In the order of preference; compared after folding case, width and separators.
_EAST = (
    "lon",
    "lng",
    "long",
    "longitude",
    "经度",
    "东经",
    "x",
    "xcoord",
    "coordx",
    "pointx",
    "横坐标",
    "x坐标",
    "easting",
    "east",
)
_NORTH = (
    "lat",
    "latd",
    "latitude",
    "纬度",
    "北纬",
    "y",
    "ycoord",
    "coordy",
    "pointy",
    "纵坐标",
    "y坐标",
    "northing",
    "north",
)
_WKT = (
    "wkt",
    "wktgeom",
    "geom",
    "geometry",
    "thegeom",
    "shape",
    "几何",
)
_TEXT = (
    "coordinates",
    "coordinate",
    "coord",
    "coords",
    "location",
    "lnglat",
    "lonlat",
    "坐标",
    "经纬度",
    "位置坐标",
)
_SHIFTED: tuple[tuple[str, Datum], ...] = (
    ("gcj", "gcj02"),
    ("amap", "gcj02"),
    ("gaode", "gcj02"),
    ("高德", "gcj02"),
    ("腾讯", "gcj02"),
    ("火星", "gcj02"),
    ("bd09", "bd09"),
    ("baidu", "bd09"),
    ("百度", "bd09"),
)
_AFFIX = re.compile(r"wgs84|wgs|cgcs2000|gcj02|gcj|bd09|bd|amap|gaode|baidu|高德|百度|腾讯|火星")
_GEOMETRY = re.compile(r"^\s*(?:SRID=\d+;)?(?:MULTI)?(?:POINT|LINESTRING|POLYGON)\b", re.IGNORECASE)
_NUMBERS = re.compile(r"^\s*\(?\s*(-?\d+(?:\.\d+)?)\s*[,;，；\s]\s*(-?\d+(?:\.\d+)?)\s*\)?\s*$")
_DMS = re.compile(
    r"^\s*(?P<head>[EWNSewns东西南北]?)[经纬]?\s*(?P<d>\d{1,3})\s*[°度]\s*"
    r"(?:(?P<m>\d{1,2}(?:\.\d+)?)\s*['′分])?\s*(?:(?P<s>\d{1,2}(?:\.\d+)?)\s*(?:[\"″秒]|''))?\s*"
    r"(?P<tail>[EWNSewns]?)\s*$"
)


@dataclass(frozen=True)
class CoordinateColumns:
    """Where the coordinates are: one column of geometry or text, or a pair east and north."""

    kind: Kind
    names: tuple[str, ...]
    hinted_datum: Datum | None


def find_columns(table: pd.DataFrame) -> CoordinateColumns:
    """Recognise the columns that hold coordinates, by name and content.

    Raises
    ------
    FieldError
        No such column, with the columns there are and the names that would be understood.
    """
    folded = {name: _fold(name) for name in map(str, table.columns)}
    hint = _hint(folded)
    for name in _named(folded, _WKT):
        if table[name].dropna().astype(str).str.match(_GEOMETRY).any():
            return CoordinateColumns("wkt", (name,), hint)
    east, north = _named(folded, _EAST), _named(folded, _NORTH)
    if east and north:
        return CoordinateColumns("pair", (east[0], north[0]), hint)
    for name in _named(folded, _TEXT):
        if table[name].dropna().astype(str).str.match(_NUMBERS).any():
            return CoordinateColumns("text", (name,), hint)
    known = ", ".join(folded) or "-"
    raise FieldError(
        Problem(
            f"没有找到坐标字段；现有字段：{known}",
            f"no columns of coordinates were found; there are: {known}",
            rule="coordinates",
            remedy_zh="把字段命名为 lon/lat、经度/纬度、x/y，或用一列 WKT",
            remedy_en="name the columns lon/lat, 经度/纬度 or x/y, or give one column of WKT",
        )
    )


def place_rows(table: pd.DataFrame, columns: CoordinateColumns) -> gpd.GeoDataFrame:
    """Make geometries from the columns; rows without usable coordinates get none.

    A pair of exactly (0, 0) is taken for a blank.

    Returns
    -------
    frame
        All rows on the table's index, without CRS.
    """
    import geopandas as gpd
    import shapely

    if columns.kind == "wkt":
        text = table[columns.names[0]].astype(object).where(table[columns.names[0]].notna(), None)
        wkt = [None if v is None else str(v).split(";", 1)[-1] for v in text]
        shapes = shapely.from_wkt(np.array(wkt, dtype=object), on_invalid="ignore")
        rest = table.drop(columns=[columns.names[0]])
        return gpd.GeoDataFrame(rest, geometry=shapes)
    if columns.kind == "text":
        parts = table[columns.names[0]].astype("string").str.extract(_NUMBERS)
        x, y = numbers(parts[0]), numbers(parts[1])
    else:
        x, y = (numbers(table[name]) for name in columns.names)
    blank = ~(np.isfinite(x) & np.isfinite(y)) | ((x == 0) & (y == 0))
    shapes = shapely.points(np.where(blank, 0.0, x), np.where(blank, 0.0, y))
    shapes[blank] = None
    return gpd.GeoDataFrame(table, geometry=shapes)


def numbers(values: Iterable[object]) -> npt.NDArray[np.float64]:
    """Read numbers as people write them (full width, degrees-minutes-seconds); else NaN."""
    return np.array([_number(value) for value in values], dtype=np.float64)


def _number(value: object) -> float:
    if isinstance(value, (int, float, np.number)):
        return float(value)
    if not isinstance(value, str):
        return float("nan")
    text = unicodedata.normalize("NFKC", value).strip()
    try:
        return float(text)
    except ValueError:
        match = _DMS.match(value) or _DMS.match(text)
    if match is None:
        return float("nan")
    size = float(match["d"]) + float(match["m"] or 0) / 60 + float(match["s"] or 0) / 3600
    return -size if set(match["head"] + match["tail"]) & set("WSws西南") else size


def _fold(name: str) -> str:
    return re.sub(r"[\s_\-().:/（）]+", "", unicodedata.normalize("NFKC", name).casefold())


def _named(folded: dict[str, str], wanted: Iterable[str]) -> list[str]:
    """List the columns of these names in the order of preference, true datums before shifted."""
    found = []
    for want in wanted:
        for exact in (True, False):
            for name, fold in folded.items():
                bare = fold if exact else _AFFIX.sub("", fold)
                if bare == want and name not in found:
                    found.append(name)
    return sorted(found, key=lambda name: any(mark in folded[name] for mark, _ in _SHIFTED))


def _hint(folded: dict[str, str]) -> Datum | None:
    """Tell the datum that the columns' names speak of, if they speak of one only."""
    spoken = {datum for fold in folded.values() for mark, datum in _SHIFTED if mark in fold}
    return spoken.pop() if len(spoken) == 1 else None

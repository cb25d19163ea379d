"""Read a DXF drawing in the encoding that its version says, and tell what its layers hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import geopandas as gpd

# Since AutoCAD 2007 the text of a drawing is UTF-8, whatever code page its header names.
FIRST_UTF8 = "AC1021"
_HEADER_BYTES = 1 << 16
_VERSION = re.compile(rb"\$ACADVER\s+1\s+(AC\d{4})")
# What GDAL calls the Chinese code pages that Python knows by other names.
_GDAL_NAMES = {"gbk": "CP936", "gb2312": "CP936", "gb18030": "CP936", "big5": "CP950"}


@dataclass(frozen=True)
class DrawingLayer:
    """A layer of a drawing: how many closed outlines and how many texts it holds."""

    name: str
    outlines: int
    texts: int

    def __str__(self) -> str:
        """Render for a person, Chinese first."""
        return f"{self.name}（闭合边界 closed {self.outlines}，文字 texts {self.texts}）"


def read_drawing(path: Path, *, encoding: str | None = None) -> gpd.GeoDataFrame:
    """Read all entities of a drawing.

    Parameters
    ----------
    path
        The drawing.
    encoding
        Encoding of the text of a drawing older than AutoCAD 2007; its header's code page when
        empty. Text since then is UTF-8 (DXF Reference, $ACADVER and $DWGCODEPAGE).

    Raises
    ------
    pyogrio.errors.DataSourceError, UnicodeDecodeError
        The drawing cannot be read, or its text is in another encoding.
    """
    import pyogrio

    with _decoding(_utf8(path) or encoding):
        return pyogrio.read_dataframe(path, on_invalid="ignore")


def layers_of(drawing: gpd.GeoDataFrame) -> list[DrawingLayer]:
    """Count the closed outlines and the texts of each layer, in the order of their names."""
    import shapely

    shapes = drawing.geometry.to_numpy()
    kinds = shapely.get_type_id(shapes)
    areal = np.isin(kinds, (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON))
    closed = areal | ((kinds == shapely.GeometryType.LINESTRING) & shapely.is_closed(shapes))
    texts = drawing["Text"].notna().to_numpy() & (kinds == shapely.GeometryType.POINT)
    names = drawing["Layer"].astype("string").fillna("").to_numpy(dtype=object)
    return [
        DrawingLayer(str(name), int(closed[names == name].sum()), int(texts[names == name].sum()))
        for name in sorted(set(names))
    ]


def _utf8(path: Path) -> str | None:
    """Say that the text is UTF-8 where the version says so and the bytes allow it."""
    raw = path.read_bytes()
    found = _VERSION.search(raw[:_HEADER_BYTES])
    if found is None or found[1].decode() < FIRST_UTF8:
        return None
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return "UTF-8"


@contextmanager
def _decoding(encoding: str | None) -> Iterator[None]:
    import pyogrio

    name = None if encoding is None else _GDAL_NAMES.get(encoding.casefold(), encoding.upper())
    pyogrio.set_gdal_config_options({"DXF_ENCODING": name})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"DXF_ENCODING": None})

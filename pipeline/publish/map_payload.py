"""Pack layers into the small block of data that a map page unpacks."""

from __future__ import annotations

import base64
import json
import logging
import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pipeline.errors import CrsError, LayerError, Problem

log = logging.getLogger(__name__)

MEGABYTE = 1_000_000
#: Level 9 of zlib takes three times as long for 1.5 % less.
LEVEL = 6
#: Codes of shapely for the kinds of geometry that maps draw.
NOTHING, POINTS, LINES, POLYGONS = -1, (0,), (1, 5), (3, 6)

Shapes = NDArray[np.object_]
T = TypeVar("T")


@dataclass(frozen=True)
class Cells:
    """Rows of a table, or of a layer with its shapes encoded, as the plain values of a page.

    What many pages take rows of is encoded once for all of them. `columns` are lists of equal
    length; `shapes` are those of a layer, None in a table.
    """

    count: int
    columns: Mapping[str, list[Any]]
    shapes: list[Any] | None = None

    @classmethod
    def of(
        cls, frame: pd.DataFrame, columns: Sequence[str], *, decimals: int | None = None
    ) -> Cells:
        """Encode those of the columns that a table has; with `decimals` a layer's shapes too."""
        return cls(
            len(frame),
            {name: _values(frame[name]) for name in columns if name in frame.columns},
            None
            if decimals is None
            else encode_geometries(frame.geometry.to_numpy(), decimals=decimals),
        )

    def __len__(self) -> int:
        """Count the rows."""
        return self.count

    @property
    def empty(self) -> bool:
        """Whether there is no row."""
        return self.count == 0

    def rows(self, which: slice | Sequence[int]) -> Cells:
        """Take some of the rows, that stand together or by their numbers."""
        count = len(range(self.count)[which] if isinstance(which, slice) else which)
        columns = {name: taken(values, which) for name, values in self.columns.items()}
        return Cells(count, columns, None if self.shapes is None else taken(self.shapes, which))

    def block(self, columns: Sequence[str]) -> dict[str, Any]:
        """Give what a page unpacks of some columns; repeated texts are stored once."""
        table = {name: _coded(self.columns[name]) for name in columns if name in self.columns}
        shapes = {} if self.shapes is None else {"g": self.shapes}
        return {"n": self.count, "c": table, **shapes}


def taken(values: list[T], which: slice | Sequence[int]) -> list[T]:
    """Take some values of a list, that stand together or by their numbers."""
    return values[which] if isinstance(which, slice) else [values[row] for row in which]


@dataclass
class Payload:
    """Layers and tables of one page, each kept as columns, with the size each one costs.

    `decimals` is the number of decimals kept of longitude and latitude.
    """

    decimals: int
    _blocks: dict[str, Any] = field(default_factory=dict)

    def add_layer(self, name: str, layer: gpd.GeoDataFrame | Cells, columns: Sequence[str]) -> None:
        """Add a layer in EPSG:4326; `columns` are the attributes the page needs, each stored once.

        Raises
        ------
        CrsError
            The layer is not in EPSG:4326.
        """
        if not isinstance(layer, Cells):
            require_wgs84(name, layer)
            layer = Cells.of(layer, columns, decimals=self.decimals)
        self._blocks[name] = layer.block(columns)

    def add_table(self, name: str, table: pd.DataFrame | Cells, columns: Sequence[str]) -> None:
        """Add a table without geometry."""
        cells = table if isinstance(table, Cells) else Cells.of(table, columns)
        self._blocks[name] = cells.block(columns)

    def add_value(self, name: str, value: object) -> None:
        """Add anything JSON can hold (no NaN, no infinity)."""
        self._blocks[name] = value

    def pack(self) -> str:
        """Give the compressed block as base64 text; the same content gives the same text."""
        content = {"scale": 10**self.decimals, **self._blocks}
        return _deflate(content)

    def weights(self) -> dict[str, int]:
        """Measure what each layer costs in bytes of page, heaviest first."""
        sizes = {name: len(_deflate(block)) for name, block in self._blocks.items()}
        return dict(sorted(sizes.items(), key=lambda item: -item[1]))


def within_budget(page: str, payload: Payload, *, budget_mb: float, name: str) -> str:
    """Give the page back when it is within its budget.

    Parameters
    ----------
    page
        The finished document.
    payload
        What was packed into it; consulted for the heaviest layer.
    budget_mb
        Budget in megabytes of 10^6 bytes.
    name
        Name of the map, for the message.

    Raises
    ------
    LayerError
        The page is too heavy; the message names its heaviest layer.
    """
    size_mb = len(page.encode("utf-8")) / MEGABYTE
    log.info("map %s takes %.2f mb of %.2f", name, size_mb, budget_mb)
    if size_mb <= budget_mb:
        return page
    layer, weight = next(iter(payload.weights().items()), ("page", len(page)))
    raise LayerError(
        Problem(
            zh=f"地图 {name} 为 {size_mb:.2f} MB，超过 {budget_mb:g} MB；"
            f"最重的图层是 {layer}（{weight / MEGABYTE:.2f} MB）",
            en=f"map {name} takes {size_mb:.2f} MB, over {budget_mb:g} MB; "
            f"its heaviest layer is {layer} ({weight / MEGABYTE:.2f} MB)",
            rule="maps.budget_mb",
            remedy_zh="增大 maps.simplify_m、减少该图层的要素，或提高 maps.budget_mb",
            remedy_en="raise maps.simplify_m, thin out that layer, or raise maps.budget_mb",
        )
    )


def require_wgs84(name: str, frame: gpd.GeoDataFrame) -> None:
    """Refuse a layer whose coordinates are not longitude and latitude in EPSG:4326."""
    crs = frame.crs
    if crs is None or crs.to_epsg() != 4326:  # noqa: PLR2004 (the EPSG code itself)
        raise CrsError(
            Problem(
                zh=f"地图图层 {name} 的坐标系应为 EPSG:4326",
                en=f"the map layer {name} must be in EPSG:4326, not {crs}",
                rule="interchange CRS",
                remedy_zh="先用 to_crs(4326) 转换",
                remedy_en="convert it with to_crs(4326) first",
            )
        )


def simplified(frame: gpd.GeoDataFrame, *, tolerance_m: float) -> gpd.GeoDataFrame:
    """Simplify a layer in degrees for display by a tolerance in metres; shared borders stay so.

    Gives a copy in the same CRS. Borders are simplified together only where the polygons form a
    coverage (no overlap); otherwise each is simplified by itself.
    """
    if frame.empty or tolerance_m == 0:
        return frame.copy()
    metres = frame.to_crs(_utm(frame))
    shapes = metres.geometry.to_numpy()
    polygonal = bool((metres.geom_type.isin(["Polygon", "MultiPolygon"])).all())
    if polygonal and bool(shapely.coverage_is_valid(shapes)):
        # the argument of coverage_simplify is the square root of an area
        thin = shapely.coverage_simplify(shapes, tolerance=tolerance_m)
    else:
        thin = shapely.simplify(shapes, tolerance_m)
    return metres.set_geometry(gpd.GeoSeries(thin, index=frame.index, crs=metres.crs)).to_crs(
        frame.crs
    )


def _utm(frame: gpd.GeoDataFrame) -> int:
    """Give the EPSG code of the UTM zone around the middle; geopandas asks a database for it."""
    west, south, east, north = frame.total_bounds
    zone = int((west + east) / 2 + 180) // 6 % 60 + 1
    return (32600 if south + north >= 0 else 32700) + zone


def encode_geometries(geometries: Iterable[Any], *, decimals: int) -> list[Any]:
    """Encode geometries as whole numbers: each chain is its first point, then steps.

    A point becomes ``[x, y]``; a line a list of chains; a polygon a list of polygons, each a list
    of rings, shells counter-clockwise and holes clockwise; nothing becomes null. Coordinates are
    longitude and latitude times 10^decimals.
    """
    shapes = np.array(
        [shape if isinstance(shape, shapely.Geometry) else None for shape in geometries],
        dtype=object,
    )
    kinds = np.where(shapely.is_empty(shapes), NOTHING, shapely.get_type_id(shapes))
    _refuse_other_kinds(shapes, kinds)
    encoded: list[Any] = [None] * len(shapes)
    for draw, own in ((_points, POINTS), (_lines, LINES), (_polygons, POLYGONS)):
        rows = np.flatnonzero(np.isin(kinds, own))
        if len(rows):
            for row, code in zip(rows.tolist(), draw(shapes[rows], 10**decimals), strict=True):
                encoded[row] = code
    return encoded


def plain(value: object) -> Any:  # noqa: ANN401
    """Turn a cell into what JSON holds: null for nothing and for what is not finite."""
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return _short(value)
    if isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    return str(value)


def _short(value: float) -> float | int | None:
    if not math.isfinite(value):
        return None
    short = float(f"{value:.6g}")
    return int(short) if short.is_integer() else short


def _values(column: pd.Series[Any]) -> list[Any]:
    """Give the plain values of a column."""
    if pd.api.types.is_float_dtype(column.dtype):
        return [
            _short(value) for value in column.to_numpy(dtype=np.float64, na_value=np.nan).tolist()
        ]
    if isinstance(column.dtype, pd.StringDtype):
        texts: list[Any] = column.array.to_numpy(dtype=object, na_value=None).tolist()
        return texts
    return [value if isinstance(value, str) else plain(value) for value in column.tolist()]


def _coded(values: list[Any]) -> list[Any] | dict[str, Any]:
    """Store repeated texts once, where a column holds nothing else."""
    if not isinstance(next((value for value in values if value is not None), None), str):
        return values
    texts = [value for value in values if isinstance(value, str)]
    used = set(texts)
    if len(texts) > 2 * len(used) and len(texts) + values.count(None) == len(values):
        words = sorted(used)
        index: dict[str | None, int | None] = {word: number for number, word in enumerate(words)}
        index[None] = None
        return {"w": words, "i": [index[value] for value in values]}
    return values


def _refuse_other_kinds(shapes: Shapes, kinds: NDArray[np.integer[Any]]) -> None:
    for shape in shapes[~np.isin(kinds, (NOTHING, *POINTS, *LINES, *POLYGONS))]:
        msg = f"a map cannot draw a {shape.geom_type}"
        raise ValueError(msg)


def _points(shapes: Shapes, scale: int) -> list[Any]:
    return _chains(shapes, scale)


def _lines(shapes: Shapes, scale: int) -> list[Any]:
    parts, owner = shapely.get_parts(shapes, return_index=True)
    return _gathered(_chains(parts, scale), owner, len(shapes))


def _polygons(shapes: Shapes, scale: int) -> list[Any]:
    parts, owner = shapely.get_parts(shapely.orient_polygons(shapes), return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    return _gathered(_gathered(_chains(rings, scale), part, len(parts)), owner, len(shapes))


def _gathered(items: list[Any], owner: NDArray[np.integer[Any]], owners: int) -> list[Any]:
    """Cut a list into those of each owner, which stand together and in order."""
    ends = np.cumsum(np.bincount(owner, minlength=owners)).tolist()
    return [items[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _chains(shapes: Shapes, scale: int) -> list[list[int]]:
    """Encode points, lines or rings, each a chain, all of them at once."""
    xy, owner = shapely.get_coordinates(shapes, return_index=True)
    steps = np.rint(xy * scale).astype(np.int64)
    inside = owner[1:] == owner[:-1]
    steps[1:] -= np.where(inside[:, np.newaxis], steps[:-1], 0)
    # a step of nothing is a vertex that rounding merged into the one before
    keep = np.ones(len(steps), dtype=bool)
    keep[1:] = ~inside | steps[1:].any(axis=1)
    return _gathered(steps[keep].ravel().tolist(), np.repeat(owner[keep], 2), len(shapes))


def _deflate(content: object) -> str:
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    packed = zlib.compress(text.encode("utf-8"), LEVEL)
    return base64.b64encode(packed).decode("ascii")

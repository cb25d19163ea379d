"""Read parcel outlines from a drawing and name them by the labels that stand inside."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.errors import Problem, SourceError
from pipeline.sources.drawing import layers_of, read_drawing
from pipeline.sources.parcel_open import RawTable

LINES = (shapely.GeometryType.LINESTRING, shapely.GeometryType.MULTILINESTRING)
AREAS = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)


def open_dxf(
    path: Path,
    *,
    outline_layer: str | None,
    label_layer: str | None,
    encoding: str | None = None,
) -> RawTable:
    """Read outlines and labels of a DXF drawing.

    1. Closed lines and hatches are outlines; open lines that close together are polygonised.
    2. A text whose point stands in an outline names it (the smallest outline around the point).
    3. Outlines without a label keep a null id, to be joined by a point of the table.

    Parameters
    ----------
    path
        The drawing.
    outline_layer, label_layer
        Layers of the drawing to use; all when None.
    encoding
        Encoding of its text; by the drawing's version when None.

    Returns
    -------
    RawTable with the columns `parcel_id` and `layer`; its rows are the outlines in reading order.
    Labels outside every outline and outlines with two labels are problems.

    Raises
    ------
    SourceError
        Where the drawing cannot be read or holds no closed outline.
    """
    try:
        drawing = read_drawing(path, encoding=encoding)
    except (OSError, RuntimeError, ValueError) as error:
        raise SourceError(
            Problem(zh=f"无法读取：{error}", en=f"cannot be read: {error}", path=path, rule="DXF")
        ) from error
    shapes, layers = _outlines(drawing, outline_layer)
    if not shapes.size:
        raise SourceError(
            Problem(
                zh="图中没有闭合的宗地边界",
                en="the drawing holds no closed outline",
                path=path,
                rule=f"DXF layer {outline_layer}" if outline_layer else "DXF",
                remedy_zh=f"图层有：{_layers(drawing)}；用 inputs.parcels.outline_layer 指明",
                remedy_en=f"its layers are: {_layers(drawing)}; set inputs.parcels.outline_layer",
            )
        )
    names, problems = _name(shapes, _labels(drawing, label_layer), path)
    cells = pd.DataFrame({"parcel_id": names, "layer": layers})
    rows = list(range(1, len(cells) + 1))
    return RawTable(cells, shapes, rows, problems=problems)


def _layers(drawing: gpd.GeoDataFrame) -> str:
    return ", ".join(map(str, layers_of(drawing)))


def _outlines(drawing: gpd.GeoDataFrame, layer: str | None) -> tuple[np.ndarray, list[str]]:
    used = drawing if layer is None else drawing[drawing["Layer"] == layer]
    shapes = shapely.force_2d(used.geometry.to_numpy())
    kinds = shapely.get_type_id(shapes)
    closed = np.isin(kinds, LINES[:1]) & shapely.is_closed(shapes)
    open_lines = np.isin(kinds, LINES) & ~closed
    found, layers = [], []
    for k in np.flatnonzero(closed | np.isin(kinds, AREAS)).tolist():
        found.append(
            shapely.polygons(shapely.get_coordinates(shapes[k])) if closed[k] else shapes[k]
        )
        layers.append(str(used["Layer"].iloc[k]))
    if open_lines.any():
        noded = shapely.union_all(shapes[open_lines])
        rings = shapely.get_parts(shapely.polygonize([noded]))
        found += list(rings)
        layers += [layer or "polygonised"] * len(rings)
    return np.array(found, dtype=object), layers


def _labels(drawing: gpd.GeoDataFrame, layer: str | None) -> pd.DataFrame:
    texts = drawing[drawing["Text"].notna() & (drawing.geometry.geom_type == "Point")]
    if layer is not None:
        texts = texts[texts["Layer"] == layer]
    return pd.DataFrame(
        {
            "text": texts["Text"].astype(str).str.strip().to_numpy(),
            "point": shapely.force_2d(texts.geometry.to_numpy()),
        }
    )


def _name(
    shapes: np.ndarray, labels: pd.DataFrame, path: Path
) -> tuple[list[str | None], list[Problem]]:
    names: list[str | None] = [None] * shapes.size
    problems = []
    homes = smallest_around(shapes, labels["point"].to_numpy())
    for text, home in zip(labels["text"].tolist(), homes.tolist(), strict=True):
        if home < 0:
            problems.append(_stray(path, text))
        elif names[home] is not None and names[home] != text:
            problems.append(_twice(path, home + 1, str(names[home]), text))
        else:
            names[home] = text
    return names, problems


def smallest_around(shapes: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return for each point the position of the smallest outline around it, -1 for none."""
    homes = np.full(points.size, -1, dtype=np.int64)
    which, around = shapely.STRtree(shapes).query(points, predicate="intersects")
    order = np.argsort(-shapely.area(shapes[around]), kind="stable")
    homes[which[order]] = around[order]
    return homes


def _stray(path: Path, text: str) -> Problem:
    return Problem(
        zh=f"标注“{text}”不在任何宗地边界内",
        en=f"the label {text} stands in no outline",
        path=path,
        row=text,
        rule="DXF label",
        remedy_zh="移动标注，或用 label_layer 指定标注图层",
        remedy_en="move the label, or name the layer of the labels with label_layer",
    )


def _twice(path: Path, row: int, first: str, second: str) -> Problem:
    return Problem(
        zh=f"同一边界内有两个标注：{first}、{second}",
        en=f"one outline holds two labels, {first} and {second}",
        path=path,
        row=row,
        rule="DXF label",
    )

"""Bring a layer of buildings, OpenStreetMap's or a user's, to the columns the estimate reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.sources.parcel_fields import plain, split_header

LEVELS = ("building:levels", "levels", "floors", "storeys", "层数", "楼层数", "建筑层数", "floor")
HEIGHTS = ("height", "building:height", "height_m", "高度", "建筑高度", "楼高")
POLYGONAL = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)
FEET_M = 0.3048


def standard_buildings(layer: gpd.GeoDataFrame, *, working_crs: str) -> gpd.GeoDataFrame:
    """Keep the outlines of buildings with their storeys and heights.

    Columns are recognised by OpenStreetMap key, English or Chinese name; a column `tags` with the
    full JSON is read too. What is not a number ("3?", "low") is unknown. Heights are metres unless
    they say feet.

    Parameters
    ----------
    layer
        Any layer with a CRS; points and lines are left out.
    working_crs
        Projected CRS of the result.

    Returns
    -------
    `levels`, `height_m` (null where unknown) and valid polygons, on the layer's index.
    """
    kept = layer[np.isin(shapely.get_type_id(layer.geometry.to_numpy()), POLYGONAL)]
    shapes = kept.geometry.to_crs(working_crs).make_valid()
    tags = _tags(kept)
    return gpd.GeoDataFrame(
        {
            "levels": _numbers(_find(kept, tags, LEVELS)),
            "height_m": _numbers(_find(kept, tags, HEIGHTS)),
        },
        geometry=shapes,
        crs=working_crs,
        index=kept.index,
    )


def _tags(layer: pd.DataFrame) -> list[dict[str, object]]:
    if "tags" not in layer.columns:
        return [{}] * len(layer)
    read = (json.loads(t) if isinstance(t, str) else t for t in layer["tags"])
    return [t if isinstance(t, dict) else {} for t in read]


def _find(layer: pd.DataFrame, tags: list[dict[str, object]], names: Iterable[str]) -> list[object]:
    """Take the first of the names that has a value, column by column, then from the tags."""
    wanted = [plain(name) for name in names]
    columns = {plain(split_header(str(c))[0][0]): c for c in layer.columns}
    found: list[object] = [None] * len(layer)
    for name in wanted:
        values = layer[columns[name]].tolist() if name in columns else [None] * len(layer)
        from_tags = [tag.get(name) for tag in tags]
        for k, pair in enumerate(zip(values, from_tags, strict=True)):
            known = [v for v in pair if not pd.isna(v)]  # type: ignore[arg-type]
            if found[k] is None and known:
                found[k] = known[0]
    return found


def _numbers(cells: list[object]) -> np.ndarray:
    return np.array([_number(cell) for cell in cells], dtype=np.float64)


def _number(cell: object) -> float:
    """Read "6", "6.5", "18 m", "60 ft"; several values ("2;3") mean the highest."""
    if cell is None:
        return np.nan
    values = []
    for part in str(cell).split(";"):
        found = re.fullmatch(r"(\d+(?:\.\d+)?)(m|米|层|ft|')?", plain(part))
        if found is None:
            return np.nan
        feet = found.group(2) in {"ft", "'"}
        values.append(float(found.group(1)) * (FEET_M if feet else 1.0))
    return max(values)

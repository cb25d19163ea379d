"""Bring a frame into the form its schema promises, or say everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipeline.errors import LayerError, Problem
from pipeline.publish.layer_schemas import Column, LayerSchema

if TYPE_CHECKING:
    import geopandas as gpd

#: Geometry is stored in the many-part form, so that every layer has one type.
GEOMETRY_TYPES = {"point": "Point", "line": "MultiLineString", "polygon": "MultiPolygon"}
#: By the code of shapely.
_TYPE_NAMES = (
    "Point", "LineString", "LinearRing", "Polygon", "MultiPoint", "MultiLineString",
    "MultiPolygon", "GeometryCollection",
)  # fmt: skip
INTERCHANGE_CRS = "EPSG:4326"


def conform(frame: pd.DataFrame, schema: LayerSchema) -> pd.DataFrame:
    """Cast, order and check a frame against its schema.

    Parameters
    ----------
    frame
        Rows in any CRS (a GeoDataFrame unless the schema is a table). Columns the schema does not
        name are left out; a nullable column that is absent is filled with nulls.
    schema
        What the layer promises.

    Returns
    -------
    A frame in EPSG:4326 with exactly the schema's columns in their order, sorted by key; text is
    never empty (null instead), numbers are finite.

    Raises
    ------
    LayerError
        With one problem for each broken promise.
    """
    problems = list(_absent(frame, schema))
    if problems:
        raise LayerError(*problems)
    cast: dict[str, pd.Series] = {}
    for column in schema.columns:
        try:
            cast[column.name] = _cast(frame, column)
        except (TypeError, ValueError) as fault:
            problems.append(
                _problem(
                    schema,
                    column.name,
                    f"不是 {column.type}：{fault}",
                    f"is not {column.type}: {fault}",
                )
            )
    if problems:
        raise LayerError(*problems)
    table = pd.DataFrame(cast, index=frame.index)
    problems.extend(_broken(table, schema))
    if schema.spatial:
        table, more = _with_geometry(frame, table, schema)
        problems.extend(more)
    if problems:
        raise LayerError(*problems)
    return table.sort_values(list(schema.key), ignore_index=True)


def _absent(frame: pd.DataFrame, schema: LayerSchema) -> Iterator[Problem]:
    for column in schema.columns:
        if column.name not in frame.columns and not column.nullable:
            yield _problem(schema, column.name, "缺少此列", "the column is missing")
    if schema.spatial and getattr(frame, "crs", None) is None:
        yield _problem(schema, "geometry", "没有几何或坐标系", "there is no geometry or no CRS")


def _cast(frame: pd.DataFrame, column: Column) -> pd.Series:
    import pyarrow as pa

    given = frame.get(column.name, pd.Series(None, index=frame.index, dtype=object))
    if column.type == "text":
        text = given.astype("string").str.strip()
        empty = text.eq("").to_numpy(dtype=bool, na_value=False)
        return text.mask(empty) if empty.any() else text
    if column.type == "int":
        return pd.to_numeric(given, errors="raise").astype("float64").astype("Int64")
    if column.type == "float":
        return pd.to_numeric(given, errors="raise").astype("float64")
    if column.type == "bool":
        return given.astype("boolean")
    moments = pd.to_datetime(given, errors="raise")
    return moments.dt.date.astype(pd.ArrowDtype(pa.date32()))


def _broken(table: pd.DataFrame, schema: LayerSchema) -> Iterator[Problem]:
    for column in schema.columns:
        yield from _broken_column(table[column.name], column, schema)
    doubled = table.duplicated(list(schema.key))
    if doubled.any():
        first = table.loc[doubled, list(schema.key)].iloc[0].tolist()
        yield _problem(
            schema,
            "+".join(schema.key),
            f"主键重复 {int(doubled.sum())} 次，如 {first}",
            f"the key repeats in {int(doubled.sum())} rows, such as {first}",
        )


def _broken_column(values: pd.Series, column: Column, schema: LayerSchema) -> Iterator[Problem]:
    empty = int(values.isna().sum())
    if empty and not column.nullable:
        yield _problem(schema, column.name, f"{empty} 个空值", f"{empty} nulls")
    present = values.dropna() if empty else values
    if column.domain is not None and not column.domain.of_study:
        strange = sorted({str(code) for code in present.unique()} - set(column.domain.labels))
        if strange:
            yield _problem(
                schema,
                column.name,
                f"不在代码表 {column.domain.name} 中：{strange[:5]}",
                f"not in domain {column.domain.name}: {strange[:5]}",
            )
    if column.type == "float" and not np.isfinite(present).all():
        yield _problem(schema, column.name, "有无穷值", "holds infinite values")
    low = -np.inf if column.min is None else column.min
    high = np.inf if column.max is None else column.max
    bounded = column.type in {"int", "float"} and (column.min is not None or column.max is not None)
    if bounded and not present.between(low, high).all():
        outside = present[~present.between(low, high)].iloc[0]
        yield _problem(
            schema,
            column.name,
            f"{outside} 超出 [{low}, {high}]",
            f"{outside} lies outside [{low}, {high}]",
        )


def _with_geometry(
    frame: pd.DataFrame, table: pd.DataFrame, schema: LayerSchema
) -> tuple[gpd.GeoDataFrame, list[Problem]]:
    import geopandas as gpd
    import shapely

    shapes = gpd.GeoSeries(frame["geometry"], crs=getattr(frame, "crs", None))
    shapes = shapes.to_crs(INTERCHANGE_CRS)
    values = np.array(shapes.to_numpy(), dtype=object)
    valid = shapely.is_valid(values) | shapely.is_missing(values)
    problems = []
    if not valid.all():
        reason = shapely.is_valid_reason(values[~valid][0])
        problems.append(
            _problem(schema, "geometry", f"几何无效：{reason}", f"invalid geometry: {reason}")
        )
    single = GEOMETRY_TYPES[schema.kind].removeprefix("Multi")
    kinds = np.unique(shapely.get_type_id(values[~shapely.is_missing(values)])).tolist()
    present = {_TYPE_NAMES[kind] for kind in kinds}
    if not present <= {single, f"Multi{single}"} or (schema.kind == "point" and len(present) > 1):
        problems.append(
            _problem(
                schema, "geometry", f"几何类型 {sorted(present)}", f"geometry is {sorted(present)}"
            )
        )
    # An empty geometry says no more than none, and few programs read it.
    values[shapely.is_empty(values)] = None
    return gpd.GeoDataFrame(table, geometry=_many(values, schema), crs=INTERCHANGE_CRS), problems


def _many(shapes: np.ndarray, schema: LayerSchema) -> np.ndarray:
    """Put lines and polygons into their many-part form."""
    import shapely

    if schema.kind == "point":
        return shapes
    wrap = shapely.multilinestrings if schema.kind == "line" else shapely.multipolygons
    single = (
        shapely.GeometryType.LINESTRING if schema.kind == "line" else shapely.GeometryType.POLYGON
    )
    alone = np.flatnonzero(shapely.get_type_id(shapes) == single)
    many = shapes.copy()
    if len(alone):
        many[alone] = wrap(shapes[alone], indices=np.arange(len(alone)))
    return many


def _problem(schema: LayerSchema, column: str, zh: str, en: str) -> Problem:
    return Problem(
        zh=f"图层“{schema.zh}”的 {column}：{zh}",
        en=f"layer {schema.name}, {column}: {en}",
        path=schema.name,
        rule=f"layer_schemas {schema.version}",
    )

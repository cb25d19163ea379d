"""Lay a grid of origins inside places and summarise what the cells measure."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.errors import FieldError, MeasureError, Problem
from pipeline.measures.access_pairs import OK, FloatArray, IntArray, floats, sum_by
from pipeline.measures.coverage import require_metric_crs

AREA_TOLERANCE = 1e-9  # relative
QUANTILE_SLACK = 1e-9  # of the weight; keeps a quantile from moving by rounding of sums


def cells_in(units: gpd.GeoSeries, *, size_m: float) -> gpd.GeoDataFrame:
    """Cut each polygon by a grid of squares anchored at the CRS's origin.

    The anchor makes cells the same whichever place is asked for. A cell on the boundary weighs its
    exact part inside; its point is that part's centroid, or a point on it where the centroid falls
    outside.

    Parameters
    ----------
    units
        Polygons in a projected CRS in metres; null and empty ones give no cells.
    size_m
        Side of the squares in metres.

    Returns
    -------
    geopandas.GeoDataFrame
        Columns `unit` (the unit's index label), `column` and `row` of the square, `area_m2` and
        point `geometry`; sorted by unit, row and column.

    Raises
    ------
    MeasureError
        When the cells of a unit do not add up to its area.
    """
    require_metric_crs(units)
    frames = [
        _cells_of(label, shape, size_m)
        for label, shape in zip(units.index, units.to_numpy(), strict=True)
        if shape is not None and not shape.is_empty and shape.area > 0
    ]
    empty = pd.DataFrame(
        {"unit": [], "column": [], "row": [], "area_m2": [], "geometry": []}, dtype=object
    )
    cells = pd.concat(frames, ignore_index=True) if frames else empty
    return gpd.GeoDataFrame(cells, geometry="geometry", crs=units.crs)


def weighted_summary(
    values: pd.Series[float],
    *,
    weight: pd.Series[float],
    unit: pd.Series[Any],
    beyond: pd.Series[bool],
) -> pd.DataFrame:
    """Summarise cells by place: weighted mean, median and 90th percentile, nulls kept apart.

    Null values are of two kinds. Those marked `beyond` are known to be larger than anything the
    search could find: they take part in the quantiles as larger than all, and leave no mean. The
    others are unknown and take part in nothing but `measured_share`. A quantile is the smallest
    value that at least the asked share of the weight does not exceed, so splitting a cell in two
    changes nothing.

    Parameters
    ----------
    values
        Minutes (or metres) by cell, null where nothing was found.
    weight
        Area, residents or workers of each cell, on the same index.
    unit
        The place each cell belongs to, on the same index.
    beyond
        True where a null is a cost beyond the search limit.

    Returns
    -------
    pandas.DataFrame
        Indexed by unit: `mean`, `median`, `p90`, `measured_share` (of weight, with a value),
        `beyond_share` (of weight, beyond the limit) and `status`: `ok`, `beyond_limit` where the
        mean is null because part of the place lies beyond the limit, `no_data` where nothing is
        known.

    Raises
    ------
    FieldError
        When a weight is null or negative.
    """
    mass = floats(weight.reindex(values.index))
    _refuse_bad_weight(mass, values)
    code, labels = pd.factorize(unit.reindex(values.index), sort=True)
    count = len(labels)
    cost = floats(values)
    far = beyond.reindex(values.index).to_numpy(dtype=np.bool_) & np.isnan(cost)
    measured = np.isfinite(cost)
    known = measured | far
    total = sum_by(code, mass, count)
    found = sum_by(code[measured], mass[measured], count)
    beyond_mass = sum_by(code[far], mass[far], count)
    mean = _ratio(sum_by(code[measured], (cost * mass)[measured], count), found)
    quantiles = {
        name: _weighted_quantile(code[known], cost[known], mass[known], count, share)
        for name, share in (("median", 0.5), ("p90", 0.9))
    }
    nothing = np.where(beyond_mass > 0, "beyond_limit", "no_data")
    complete = (found > 0) & (beyond_mass == 0)
    return pd.DataFrame(
        {
            "mean": np.where(complete, mean, np.nan),
            **quantiles,
            "measured_share": _ratio(found, total),
            "beyond_share": _ratio(beyond_mass, total),
            "status": np.where(complete, OK, nothing),
        },
        index=pd.Index(labels, name="unit"),
    )


def _cells_of(label: Any, shape: Any, size_m: float) -> pd.DataFrame:  # noqa: ANN401
    """Cut one polygon; only squares on its boundary need an intersection."""
    x_low, y_low, x_high, y_high = np.floor(np.asarray(shape.bounds) / size_m).astype(np.int64)
    rows, columns = np.mgrid[y_low : y_high + 1, x_low : x_high + 1].reshape(2, -1)
    west, south = columns * size_m, rows * size_m
    squares = shapely.box(west, south, west + size_m, south + size_m)
    shapely.prepare(shape)
    touched = shapely.intersects(shape, squares)
    inside = shapely.contains_properly(shape, squares)
    edge = touched & ~inside
    squares[edge] = shapely.intersection(squares[edge], shape)
    area = np.where(touched, shapely.area(squares), 0.0)
    kept = area > 0
    _require_whole(label, shape.area, area[kept].sum())
    points = shapely.centroid(squares[kept])
    stray = ~shapely.intersects(squares[kept], points)
    points[stray] = shapely.point_on_surface(squares[kept][stray])
    return pd.DataFrame(
        {
            "unit": label,
            "column": columns[kept],
            "row": rows[kept],
            "area_m2": area[kept],
            "geometry": points,
        }
    )


def _require_whole(label: Any, whole_m2: float, parts_m2: float) -> None:  # noqa: ANN401
    if not abs(parts_m2 - whole_m2) <= AREA_TOLERANCE * whole_m2:
        raise MeasureError(
            Problem(
                zh=f"格网面积之和 {parts_m2:.6f} m² 与图形面积 {whole_m2:.6f} m² 不符",
                en=f"cells add up to {parts_m2:.6f} m² instead of {whole_m2:.6f} m²",
                row=str(label),
                rule="cells",
            )
        )


def _weighted_quantile(
    code: IntArray, values: FloatArray, mass: FloatArray, count: int, share: float
) -> FloatArray:
    """Find in each group the smallest value whose cumulated weight reaches the share.

    A null sorts after every number: it stands for a value larger than all.
    """
    order = np.lexsort((values, code))
    group, ordered, weights = code[order], values[order], mass[order]
    result = np.full(count, np.nan)
    if not group.size:
        return result
    parts = _ratio(weights, sum_by(group, weights, count)[group])
    running = np.r_[0.0, np.cumsum(np.nan_to_num(parts))]
    members = np.bincount(group, minlength=count)
    before = running[np.cumsum(members) - members][group]
    enough = (running[1:] - before >= share - QUANTILE_SLACK) & (weights > 0)
    hit_group, first = np.unique(group[enough], return_index=True)
    result[hit_group] = ordered[enough][first]
    return result


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    ratio = np.full(part.shape, np.nan)
    np.divide(part, whole, out=ratio, where=whole > 0)
    return ratio


def _refuse_bad_weight(mass: FloatArray, values: pd.Series[float]) -> None:
    broken = ~(np.isfinite(mass) & (mass >= 0))
    if broken.any():
        raise FieldError(
            Problem(
                zh=f"{broken.sum()} 个单元格的权重为空或为负",
                en=f"{broken.sum()} cells have a null or negative weight",
                row=str(values.index[int(broken.argmax())]),
                rule="weight",
            )
        )

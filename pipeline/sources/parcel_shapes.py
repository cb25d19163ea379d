"""Repair the outlines of parcels and list what overlaps, repeats or disagrees with the table."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.errors import Problem

POLYGONAL = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)
REPAIR_COLUMNS = ("row", "parcel_id", "what", "x", "y", "area_before_m2", "area_after_m2")
UNIT_FACTORS = {"mu": 10_000 / 15, "ha": 10_000.0, "m2": 1.0}


def repair(
    shapes: gpd.GeoSeries, *, rows: Sequence[int | str], ids: pd.Series, path: str
) -> tuple[gpd.GeoSeries, pd.DataFrame, list[Problem]]:
    """Make every outline a valid polygon.

    1. Heights are dropped.
    2. Invalid outlines are rebuilt from their structure (rings that cross, holes outside).
    3. Lines and points left over by the rebuilding are dropped.

    Parameters
    ----------
    shapes
        Outlines in a projected CRS, m; null allowed (a parcel known by its table row alone).
    rows, ids
        Row numbers people see, and parcel ids, aligned with `shapes`.
    path
        File, for the problems' texts.

    Returns
    -------
    The outlines; the table of repairs (`row`, `parcel_id`, `what` and where (`x`, `y`), area before
    and after, `area_changed_m2`); and the problems: empty outlines, and points or lines.
    """
    flat = shapely.force_2d(shapes.to_numpy())
    out, problems, repairs = flat.copy(), [], []
    empty = shapely.is_empty(flat) & ~shapely.is_missing(flat)
    kinds = shapely.get_type_id(flat)
    wrong = ~np.isin(kinds, POLYGONAL) & ~shapely.is_missing(flat) & ~empty
    for k in np.flatnonzero(empty | wrong).tolist():
        problems.append(_unusable(flat[k], rows[k], path))
        out[k] = None
    broken = np.flatnonzero(~shapely.is_valid(out) & ~shapely.is_missing(out))
    for k in broken.tolist():
        mended = _polygonal(shapely.make_valid(out[k], method="structure", keep_collapsed=False))
        if mended is None:
            problems.append(_unusable(out[k], rows[k], path))
        else:
            repairs.append(_repair_row(out[k], mended, rows[k], ids.iloc[k]))
        out[k] = mended
    table = pd.DataFrame(repairs, columns=[*REPAIR_COLUMNS])
    table["area_changed_m2"] = table["area_after_m2"] - table["area_before_m2"]
    return gpd.GeoSeries(out, index=shapes.index, crs=shapes.crs), table, problems


def _polygonal(shape: shapely.Geometry) -> shapely.Geometry | None:
    parts = shapely.get_parts(shape)
    kept = parts[np.isin(shapely.get_type_id(parts), POLYGONAL) & ~shapely.is_empty(parts)]
    if not kept.size:
        return None
    return kept[0] if kept.size == 1 else shapely.union_all(kept)


def _repair_row(
    before: shapely.Geometry, after: shapely.Geometry, row: int | str, parcel_id: object
) -> tuple[object, ...]:
    reason = shapely.is_valid_reason(before)
    what, _, place = reason.partition("[")
    x, _, y = place.rstrip("]").partition(" ")
    where = (float(x), float(y)) if y else (None, None)
    return (row, parcel_id, what.strip(), *where, shapely.area(before), shapely.area(after))


def _unusable(shape: shapely.Geometry, row: int | str, path: str) -> Problem:
    kind = "empty" if shapely.is_empty(shape) else shape.geom_type
    return Problem(
        zh=f"图形不是面（{kind}），无法作为宗地边界",
        en=f"the outline is {kind}, not a polygon with an area",
        path=path,
        row=row,
        rule="geometry",
        remedy_zh="请检查并重新绘制该宗地，或删除此行",
        remedy_en="redraw this parcel or delete the row",
    )


def overlaps(shapes: gpd.GeoSeries, *, ids: pd.Series, min_m2: float) -> pd.DataFrame:
    """List the pairs of parcels that overlap by more than `min_m2`.

    Returns
    -------
    `parcel_a`, `parcel_b` (positions in the table decide the order), `overlap_m2` and its share of
    the smaller of the two; largest first.
    """
    geoms = shapes.to_numpy()
    tree = shapely.STRtree(geoms)
    first, second = tree.query(geoms, predicate="intersects")
    upper = first < second
    first, second = first[upper], second[upper]
    areas = shapely.area(shapely.intersection(geoms[first], geoms[second]))
    smaller = np.minimum(shapely.area(geoms[first]), shapely.area(geoms[second]))
    table = pd.DataFrame(
        {
            "parcel_a": ids.iloc[first].to_numpy(),
            "parcel_b": ids.iloc[second].to_numpy(),
            "overlap_m2": areas,
            "overlap_share": areas / smaller,
        }
    )
    table = table[table["overlap_m2"] > min_m2]
    return table.sort_values(
        ["overlap_m2", "parcel_a", "parcel_b"], ascending=[False, True, True], ignore_index=True
    )


def duplicates(shapes: gpd.GeoSeries, *, ids: pd.Series, rows: Sequence[int | str]) -> pd.DataFrame:
    """List rows that repeat an id or an outline of an earlier row.

    Returns
    -------
    `row`, `parcel_id`, `same` (`id`, `outline`) and `first_row`.
    """
    wkb = shapely.to_wkb(shapely.normalize(shapes.to_numpy()))
    names = ids.astype(object).where(ids.notna(), None).tolist()
    keys = {"id": names, "outline": wkb.tolist()}
    found = []
    for what, values in keys.items():
        seen: dict[object, int | str] = {}
        for value, parcel_id, row in zip(values, ids, rows, strict=True):
            if value is None:
                continue
            if value in seen:
                found.append((row, parcel_id, what, seen[value]))
            else:
                seen[value] = row
    return pd.DataFrame(found, columns=["row", "parcel_id", "same", "first_row"])


def area_disagreements(
    area_m2: pd.Series, shapes: gpd.GeoSeries, *, rows: Sequence[int | str], tolerance_share: float
) -> pd.DataFrame:
    """List rows whose stated area is off the outline's by more than the tolerance.

    Returns
    -------
    `row`, `stated_m2`, `outline_m2`, `ratio`.
    """
    outline = shapes.area
    share = area_m2 / outline.where(outline > 0)
    off = ((share - 1).abs() > tolerance_share).to_numpy(bool)
    return pd.DataFrame(
        {
            "row": [row for row, bad in zip(rows, off, strict=True) if bad],
            "stated_m2": area_m2[off].to_numpy(),
            "outline_m2": outline[off].to_numpy(),
            "ratio": share[off].to_numpy(),
        }
    )


def likely_area_unit(values: pd.Series, shapes: gpd.GeoSeries) -> str | None:
    """Guess the unit of an undeclared area column from the outlines, for the message only."""
    ratios = (shapes.area / values.where(values > 0)).dropna()
    if ratios.empty:
        return None
    middle = float(ratios.median())
    unit = min(UNIT_FACTORS, key=lambda name: abs(np.log(middle / UNIT_FACTORS[name])))
    return unit if abs(np.log(middle / UNIT_FACTORS[unit])) < np.log(1.2) else None

"""Measure what share of a place lies within the service radius of a kind of school."""

from __future__ import annotations

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.errors import FieldError, Problem
from pipeline.measures.access_pairs import OK, FloatArray
from pipeline.measures.coverage import require_metric_crs, share_area_euclid

STEM = "v_"


def service_radius_coverage(
    units: gpd.GeoSeries, schools: gpd.GeoDataFrame, *, radius_m: Mapping[str, float]
) -> pd.DataFrame:
    """Compute service-radius coverage of each unit for each variant.

    Parameters
    ----------
    units
        Polygons in a projected CRS in metres.
    schools
        Points with one boolean column `v_<variant>` per variant, in the same CRS.
    radius_m
        Service radius in metres of each variant asked for.

    Returns
    -------
    pandas.DataFrame
        Indexed by unit and variant: `radius_m`, `share_area` (of land within the radius of a
        school), `schools_within` (schools whose radius touches the unit, t <= c), `nearest_m` (from
        the unit's edge, 0 inside) and `status`: `ok`, or `no_data` with nulls where the unit has no
        polygon or no school of the variant is known anywhere.

    Raises
    ------
    FieldError
        When a variant has no boolean column.
    """
    require_metric_crs(units, schools.geometry)
    _require_variants(schools, radius_m)
    frames = {
        variant: _one_variant(units, schools.geometry[schools[STEM + variant]], radius)
        for variant, radius in radius_m.items()
    }
    table = pd.concat(frames, names=["variant"])
    table.index = table.index.set_names(["variant", "unit"])
    order = pd.MultiIndex.from_product([units.index, list(radius_m)], names=["unit", "variant"])
    return table.swaplevel().reindex(order)


def _one_variant(units: gpd.GeoSeries, points: gpd.GeoSeries, radius: float) -> pd.DataFrame:
    count = len(units)
    share: FloatArray = np.full(count, np.nan)
    within, nearest = share.copy(), share.copy()
    if len(points):
        none_wider = pd.Series(0.0, index=points.index)
        covered = share_area_euclid(units, points, bands_m=[radius], extent_m=none_wider)
        share = covered[radius].to_numpy(dtype=np.float64)
        known = np.isfinite(share)
        within[known], nearest[known] = _around(units[known], points, radius)
    return pd.DataFrame(
        {
            "radius_m": radius,
            "share_area": share,
            "schools_within": within,
            "nearest_m": nearest,
            "status": np.where(np.isfinite(share), OK, "no_data"),
        },
        index=units.index,
    )


def _around(
    units: gpd.GeoSeries, points: gpd.GeoSeries, radius: float
) -> tuple[FloatArray, FloatArray]:
    """Count the schools within the radius of each unit and measure the way to the nearest."""
    tree = shapely.STRtree(points.to_numpy())
    hits, _ = tree.query(units.to_numpy(), predicate="dwithin", distance=radius)
    counts = np.bincount(hits, minlength=len(units)).astype(np.float64)
    pair, distance = tree.query_nearest(units.to_numpy(), return_distance=True, all_matches=False)
    nearest = np.full(len(units), np.nan)
    nearest[pair[0]] = distance
    return counts, nearest


def _require_variants(schools: gpd.GeoDataFrame, radius_m: Mapping[str, float]) -> None:
    problems = [
        Problem(
            zh=f"学校表缺少布尔字段 {STEM}{variant}",
            en=f"the table of schools lacks the boolean field {STEM}{variant}",
            rule="variants",
        )
        for variant in radius_m
        if schools.get(STEM + variant, pd.Series(dtype=object)).dtype != np.bool_
    ]
    if problems:
        raise FieldError(*problems)

"""Estimate floor area ratio, coverage and the unbuilt remainder from building footprints."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.errors import CrsError, Problem
from pipeline.measures.parcel_columns import Floats, floats, ratio


def far_from_footprints(
    parcels: gpd.GeoDataFrame,
    buildings: gpd.GeoDataFrame,
    *,
    storey_height_m: float,
    min_levels_share: float,
    min_piece_share: float,
) -> pd.DataFrame:
    """Estimate the floor area ratio of each parcel from the buildings on it.

    1. Each footprint is cut at the parcel's boundary; a piece of less than `min_piece_share` of its
       building is a neighbour's house drawn across the boundary, and is left out.
    2. Its storeys are `levels`, else `height_m` / `storey_height_m` (at least 1), else unknown.
    3. Floor area is footprint x storeys over the buildings with known storeys.
    4. Where at least `min_levels_share` of the footprint area has known storeys, the rest is
       assumed to be as high as the known part; below that the ratio is null.

    A parcel without any mapped building is `no_data`: unmapped is not empty.

    Parameters
    ----------
    parcels
        Polygons with `area_m2` (or measured from the geometry where that is null), projected, m.
    buildings
        Polygons in the same CRS with `levels` and/or `height_m` (null where unknown).
    storey_height_m
        Height of one storey.
    min_levels_share
        Least share (0 to 1) of the footprint area that must have levels or a height.
    min_piece_share
        Least share (0 to 1) of a building that counts for a parcel.

    Returns
    -------
    On the parcels' index: `footprint_m2`, `coverage_estimated_share`, `levels_known_share`,
    `gfa_known_m2`, `gfa_estimated_m2`, `far_estimated`, `buildings`, `estimate_status` (`ok`,
    `no_data`) and `estimate_method` (`estimated_footprints` where a ratio was estimated).

    Raises
    ------
    CrsError
        Where the layers' CRSs differ or are not projected.
    """
    _same_projected(parcels, buildings)
    pairs = _pieces(parcels, buildings, _storeys(buildings, storey_height_m), min_piece_share)
    size = len(parcels)
    told = pairs[pairs["storeys"].notna()]
    footprint = _sum_by(pairs["parcel"], pairs["m2"], size)
    known = _sum_by(told["parcel"], told["m2"], size)
    floor = _sum_by(told["parcel"], told["m2"] * told["storeys"], size)
    count = np.bincount(pairs["parcel"], minlength=size)
    area = _plot_area(parcels)
    share = ratio(known, footprint)
    usable = share >= min_levels_share
    gfa = np.where(usable, ratio(floor, share), np.nan)
    far = ratio(gfa, area)
    mapped = count > 0
    method = pd.array(["estimated_footprints"] * size, dtype="string")
    return pd.DataFrame(
        {
            "buildings": count,
            "footprint_m2": np.where(mapped, footprint, np.nan),
            "coverage_estimated_share": np.where(mapped, ratio(footprint, area), np.nan),
            "levels_known_share": share,
            "gfa_known_m2": np.where(known > 0, floor, np.nan),
            "gfa_estimated_m2": gfa,
            "far_estimated": far,
            "estimate_status": np.where(np.isnan(far), "no_data", "ok"),
            "estimate_method": pd.Series(method, index=parcels.index).where(~np.isnan(far)),
        },
        index=parcels.index,
    )


def with_estimates(
    parcels: gpd.GeoDataFrame,
    buildings: gpd.GeoDataFrame,
    *,
    storey_height_m: float,
    min_levels_share: float,
    min_piece_share: float,
    yard_m: float,
    min_width_m: float,
) -> gpd.GeoDataFrame:
    """Add the estimates to a parcel table; what is stated stays and is never replaced.

    Returns
    -------
    The parcels with the columns of `far_from_footprints` (read by the indicators where no ratio is
    stated), `remainder_m2` filled where it was null, and `remainder_basis` (`given`,
    `estimated_footprints` or null).
    """
    estimates = far_from_footprints(
        parcels,
        buildings,
        storey_height_m=storey_height_m,
        min_levels_share=min_levels_share,
        min_piece_share=min_piece_share,
    )
    blank = parcels["remainder_m2"].isna() & (estimates["buildings"] > 0)
    found = undeveloped_remainder(
        parcels[blank], buildings, yard_m=yard_m, min_width_m=min_width_m
    ).reindex(parcels.index)
    remainder = parcels["remainder_m2"].astype("float64").fillna(found)
    basis = pd.Series(pd.NA, index=parcels.index, dtype="string")
    basis = basis.mask(remainder.notna(), "estimated_footprints")
    basis = basis.mask(parcels["remainder_m2"].notna(), "given")
    return parcels.assign(**estimates, remainder_m2=remainder, remainder_basis=basis)


def estimate_coverage(estimates: pd.DataFrame) -> dict[str, float | None]:
    """Tell how many parcels an estimate could be made for and why not for the others.

    Returns
    -------
    `parcels`, `mapped_share` (at least one building), `estimated_share` (a ratio was given),
    both of all parcels; null shares for an empty table.
    """
    size = len(estimates)
    if size == 0:
        return {"parcels": 0.0, "mapped_share": None, "estimated_share": None}
    return {
        "parcels": float(size),
        "mapped_share": float((estimates["buildings"] > 0).mean()),
        "estimated_share": float(estimates["far_estimated"].notna().mean()),
    }


def undeveloped_remainder(
    parcels: gpd.GeoDataFrame,
    buildings: gpd.GeoDataFrame,
    *,
    yard_m: float,
    min_width_m: float,
) -> pd.Series:
    """Measure the largest contiguous unbuilt part of each parcel.

    Buildings keep a yard of `yard_m`; what remains is opened by `min_width_m` / 2, so that strips
    narrower than that do not count. Null where no building is mapped on the parcel, because an
    empty map does not prove an empty plot.

    Returns
    -------
    `remainder_m2` on the parcels' index.
    """
    _same_projected(parcels, buildings)
    yards = buildings.geometry.buffer(yard_m, join_style="mitre").to_numpy()
    plots = parcels.geometry.to_numpy()
    tree = shapely.STRtree(yards)
    which, built = tree.query(plots, predicate="intersects")
    out = np.full(len(parcels), np.nan)
    # A strip of exactly the least width counts, so it must not shrink to a line.
    reach = min_width_m / 2 - 1e-6
    touched, starts = np.unique(which, return_index=True)
    if not touched.size:
        return pd.Series(out, index=parcels.index, name="remainder_m2")
    for plot, blocks in zip(touched.tolist(), np.split(built, starts[1:]), strict=True):
        free = shapely.difference(plots[plot], shapely.union_all(yards[blocks]))
        core = shapely.buffer(free, -reach, join_style="mitre")
        # Mitred corners of a thin core overshoot, hence the cut.
        opened = shapely.intersection(free, shapely.buffer(core, reach, join_style="mitre"))
        areas = shapely.area(shapely.get_parts(opened))
        out[plot] = float(areas.max()) if areas.size else 0.0
    return pd.Series(out, index=parcels.index, name="remainder_m2")


def _sum_by(group: pd.Series, values: pd.Series, size: int) -> Floats:
    sums = np.bincount(group.to_numpy(), weights=values.to_numpy(), minlength=size)
    return sums.astype(np.float64)


def _storeys(buildings: gpd.GeoDataFrame, storey_height_m: float) -> Floats:
    levels = floats(buildings, "levels")
    by_height = np.maximum(np.round(floats(buildings, "height_m") / storey_height_m), 1.0)
    return np.where(levels > 0, levels, by_height)


def _pieces(
    parcels: gpd.GeoDataFrame,
    buildings: gpd.GeoDataFrame,
    storeys: Floats,
    min_piece_share: float,
) -> pd.DataFrame:
    """Cut the buildings at the parcels: position of the parcel, area in m², storeys."""
    plots, blocks = parcels.geometry.to_numpy(), buildings.geometry.to_numpy()
    which, built = shapely.STRtree(blocks).query(plots, predicate="intersects")
    areas = shapely.area(shapely.intersection(plots[which], blocks[built]))
    table = pd.DataFrame({"parcel": which, "m2": areas, "storeys": storeys[built]})
    whole = shapely.area(blocks[built])
    kept: pd.DataFrame = table[(areas > 0) & (areas >= min_piece_share * whole)]
    return kept.sort_values(["parcel", "m2", "storeys"], ignore_index=True)


def _plot_area(parcels: gpd.GeoDataFrame) -> Floats:
    stated = floats(parcels, "area_m2")
    return np.where(np.isnan(stated), parcels.geometry.area.to_numpy(), stated)


def _same_projected(parcels: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame) -> None:
    if parcels.crs is None or not parcels.crs.is_projected or parcels.crs != buildings.crs:
        raise CrsError(
            Problem(
                zh=f"宗地坐标系为 {parcels.crs}，建筑坐标系为 {buildings.crs}",
                en=f"the parcels are in {parcels.crs}, the buildings in {buildings.crs}",
                rule="same projected CRS",
                remedy_zh="先统一转换到研究的投影坐标系",
                remedy_en="transform both to the study's projected CRS first",
            )
        )

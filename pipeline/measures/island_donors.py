"""Choose what parks are compared with and cut off by: ordinary industrial land, barriers."""

from __future__ import annotations

import json
from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from .island_ring import GeometryArray

EXPRESSWAYS = {"motorway", "trunk"}


def barriers_of(
    features: gpd.GeoDataFrame, *, kinds: Sequence[str], min_objects: int
) -> GeometryArray | None:
    """
    Take expressways, railways and water out of an extract's features.

    Walls and fences are left out: they tell what a park is, not what lies around it, and are mapped
    in few places.

    Parameters
    ----------
    features
        `category` (`barriers`, `water`), `status`, `tags` (JSON) and shapes in metres.
    kinds
        `expressway`, `railway`, `water`: those the extract has to hold.
    min_objects
        A kind with fewer objects counts as unmapped.

    Returns
    -------
    shapes; None where a kind is unmapped, as the share of a boundary that is barred would then
    come out too small
    """
    there = features[features["status"].eq("operating")]
    kind = _kind(there)
    if any(kind.eq(name).sum() < min_objects for name in kinds):
        return None
    shapes: GeometryArray = there.geometry[kind.isin(list(kinds))].to_numpy()
    return shapes


def _kind(features: gpd.GeoDataFrame) -> pd.Series:
    tags = features["tags"].map(json.loads)
    fast = tags.map(lambda each: each.get("highway") in EXPRESSWAYS).astype(bool)
    rail = tags.map(lambda each: "railway" in each).astype(bool)
    lines = features["category"].eq("barriers")
    kind = pd.Series("", index=features.index)
    kind[lines & rail] = "railway"
    kind[lines & fast] = "expressway"
    kind[features["category"].eq("water")] = "water"
    return kind


def ordinary_industry(
    features: gpd.GeoDataFrame, parks: GeometryArray, *, area_factor: float, most: int
) -> gpd.GeoDataFrame:
    """
    Choose industrial land that is no park but of a park's size.

    Parameters
    ----------
    features
        `osm_id`, `category`, `status` and shapes in metres; areas of the category `industrial`
        count.
    parks
        Polygons of all parks; land that meets one of them is no donor.
    area_factor
        Greatest ratio between a donor's area and the parks' median area.
    most
        Donors at most: those nearest in area.

    Returns
    -------
    `place_id` (`osm:` and the id), `precision_m` (0), `boundary_class` (`digitised`) and polygons,
    sorted by `place_id`; of sites that hold one another only the largest
    """
    chosen = features["category"].eq("industrial") & features["status"].eq("operating")
    areal = shapely.get_dimensions(features.geometry.to_numpy()) == 2  # noqa: PLR2004
    land = features[chosen & areal].sort_values("osm_id", ignore_index=True)
    ratio = np.log(land.area / float(np.median(shapely.area(parks)))) if len(parks) else land.area
    land = land[(np.abs(ratio) <= np.log(area_factor)) & (len(parks) > 0)]
    free = ~land.geometry.intersects(shapely.union_all(parks))
    land = _apart(land[free])
    nearest = ratio.loc[land.index].abs().sort_values(kind="stable").index[:most]
    found = land.loc[nearest].sort_values("osm_id")
    return gpd.GeoDataFrame(
        {
            "place_id": "osm:" + found["osm_id"].astype(str),
            "precision_m": 0.0,
            "boundary_class": "digitised",
        },
        geometry=found.geometry, crs=features.crs,
    ).reset_index(drop=True)  # fmt: skip


def _apart(land: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Keep the larger of any two sites that share ground."""
    by_size = land.iloc[np.argsort(-land.area.to_numpy(), kind="stable")]
    shapes = by_size.geometry.to_numpy()
    left, right = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    shared = shapely.area(shapely.intersection(shapes[left], shapes[right])) > 0
    inner = np.unique(left[shared & (right < left)])
    return by_size.drop(index=by_size.index[inner])

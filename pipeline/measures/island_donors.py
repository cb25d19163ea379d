"""Choose what parks are compared with and cut off by: ordinary industrial land, barriers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from .island_ring import GeometryArray

EXPRESSWAYS = {"motorway", "trunk"}
OPEN_TAGS = {"bridge", "cutting", "embankment"}


def barriers_of(
    features: gpd.GeoDataFrame, *, kinds: Sequence[str], min_km: float
) -> dict[str, GeometryArray]:
    """
    Take expressways, railways and water out of an extract's features.

    Walls and fences are left out: they tell what a park is, not what lies around it, and are mapped
    in few places. Metro lines count where their tags say that they run in the open.

    Parameters
    ----------
    features
        `category` (`barriers`, `water`), `status`, `tags` (JSON) and shapes in metres.
    kinds
        `expressway`, `railway`, `water`: those the area has.
    min_km
        A kind with less length (of lines, and of the outlines of areas) counts as unmapped.

    Returns
    -------
    shapes by kind; a kind that is unmapped is not among them, which does not make it absent
    """
    there = features[features["status"].eq("operating")]
    kind = _kind(there)
    by_kind = {name: there.geometry[kind.eq(name)] for name in kinds}
    return {
        name: shapes.to_numpy()
        for name, shapes in by_kind.items()
        if shapes.length.sum() / 1000 >= min_km
    }


def _kind(features: gpd.GeoDataFrame) -> pd.Series:
    tags = features.loc[features["category"].eq("barriers"), "tags"].map(json.loads)
    fast = tags.map(lambda each: each.get("highway") in EXPRESSWAYS).astype(bool)
    rail = tags.map(_open_rail).astype(bool)
    kind = pd.Series("", index=features.index)
    kind[rail.index[rail]] = "railway"
    kind[fast.index[fast]] = "expressway"
    kind[features["category"].eq("water")] = "water"
    return kind


def _open_rail(tags: Mapping[str, str]) -> bool:
    """Tell whether a track lies where people would have to cross it; most metro does not."""
    if tags.get("railway") != "subway":
        return "railway" in tags
    # Overhead wires hang in the open; a third rail may run anywhere.
    told = OPEN_TAGS & set(tags) or tags.get("electrified") == "contact_line"
    return bool(told) or tags.get("layer", "").isdigit()


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

"""Merge OpenStreetMap objects that stand for the same facility."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

if TYPE_CHECKING:
    import geopandas as gpd

Pairs = npt.NDArray[np.int64]


def merge_duplicates(
    features: gpd.GeoDataFrame, distance_m: Mapping[str, float]
) -> gpd.GeoDataFrame:
    """Keep one row for each facility of a category and status.

    Two objects are one facility when (1) they bear the same name and their shapes are at most the
    category's distance apart, or (2) one is a node inside the area of the other and their names
    agree or one of them has none. Nearness is not chained through a node that lies in two areas.
    The area stays rather than the node, the larger rather than the smaller, the lower id at last;
    a missing name is taken over, and the ids of what was merged are listed in ``merged_ids``.

    Parameters
    ----------
    features
        Columns ``osm_id``, ``category``, ``status``, ``name``, ``name_zh``, ``name_en``,
        ``area_m2``, ``merged_ids`` and a geometry in metres.
    distance_m
        Merging distance by category; 0 or absent keeps every object.

    Returns
    -------
    features
        The rows that stay, on their own index labels.
    """
    kept = []
    for (category, _status), group in features.groupby(["category", "status"], sort=True):
        limit_m = distance_m.get(str(category), 0.0)
        kept.append(_merge_group(group, limit_m) if limit_m > 0 else group)
    return features if not kept else _concat(kept, features)


def _concat(parts: list[gpd.GeoDataFrame], like: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    import geopandas as gpd

    return gpd.GeoDataFrame(pd.concat(parts), geometry="geometry", crs=like.crs)


def _merge_group(group: gpd.GeoDataFrame, limit_m: float) -> gpd.GeoDataFrame:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    keys = _name_keys(group["name"])
    pairs = np.concatenate([_same_name(group, keys, limit_m), _labels_of_areas(group, keys)])
    if not len(pairs):
        return group
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(group),) * 2)
    cluster = connected_components(links, directed=False)[1]
    order = np.lexsort((group["osm_id"], -group["area_m2"].fillna(-1.0).to_numpy()))
    first: dict[int, int] = {}
    others: dict[int, list[int]] = {}
    for position in order:
        head = first.setdefault(int(cluster[position]), int(position))
        if head != position:
            others.setdefault(head, []).append(int(position))
    return _take_over(group, sorted(first.values()), others)


def _take_over(
    group: gpd.GeoDataFrame, heads: list[int], others: Mapping[int, list[int]]
) -> gpd.GeoDataFrame:
    out = group.copy()
    columns = {c: out.columns.get_loc(c) for c in ("name", "name_zh", "name_en", "merged_ids")}
    for head, rest in others.items():
        ids = sorted(str(group["osm_id"].iloc[r]) for r in rest)
        out.iloc[head, columns["merged_ids"]] = " ".join(ids)
        for column in ("name", "name_zh", "name_en"):
            if pd.isna(out[column].iloc[head]):
                given: list[Any] = [group[column].iloc[r] for r in rest]
                named = [value for value in given if pd.notna(value)]
                out.iloc[head, columns[column]] = named[0] if named else None
    return out.iloc[heads]


def _name_keys(names: pd.Series[str]) -> npt.NDArray[np.object_]:
    """Fold width, case and white space, so that only the letters of a name decide."""
    return np.array(
        [
            "".join(unicodedata.normalize("NFKC", name).casefold().split())
            if isinstance(name, str)
            else ""
            for name in names
        ],
        dtype=object,
    )


def _same_name(group: gpd.GeoDataFrame, keys: npt.NDArray[np.object_], limit_m: float) -> Pairs:
    """Pair objects of one name whose shapes are within the limit."""
    import shapely

    shapes = group.geometry.to_numpy()
    named = np.flatnonzero(keys != "")
    tree = shapely.STRtree(shapes[named])
    left, right = tree.query(shapes[named], predicate="dwithin", distance=limit_m)
    left, right = named[left], named[right]
    same = (left < right) & (keys[left] == keys[right])
    return np.stack([left[same], right[same]], axis=1)


def _labels_of_areas(group: gpd.GeoDataFrame, keys: npt.NDArray[np.object_]) -> Pairs:
    """Pair each node with the smallest area around it, when their names do not disagree."""
    import shapely

    shapes = group.geometry.to_numpy()
    dimension = shapely.get_dimensions(shapes)
    areas, nodes = np.flatnonzero(dimension == 2), np.flatnonzero(dimension == 0)  # noqa: PLR2004
    if not len(areas) or not len(nodes):
        return np.empty((0, 2), dtype=np.int64)
    node, area = shapely.STRtree(shapes[areas]).query(shapes[nodes], predicate="intersects")
    node, area = nodes[node], areas[area]
    agree = (keys[node] == keys[area]) | (keys[node] == "") | (keys[area] == "")
    node, area = node[agree], area[agree]
    smallest = np.lexsort((shapely.area(shapes[area]), node))
    node, area = node[smallest], area[smallest]
    once = np.unique(node, return_index=True)[1]
    return np.stack([node[once], area[once]], axis=1)

"""Measure how far plots lie together: patches across streets, largest patch, compactness."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

COLUMNS = (
    "plots", "land_ha", "patches", "largest_ha", "largest_share", "mesh_ha", "compactness",
)  # fmt: skip


def contiguity(plots: gpd.GeoDataFrame, *, by: str, gap_m: float) -> pd.DataFrame:
    """Join plots that lie within a gap of each other and describe the patches they make.

    Parameters
    ----------
    plots
        Polygons in a CRS in metres, with the column `by`; plots without an outline are left out.
    by
        Column of the groups, such as the park.
    gap_m
        Plots at most so far apart belong to one patch: a street between them does not part them.

    Returns
    -------
    pandas.DataFrame
        On the groups: `plots`, `land_ha`, `patches`, `largest_ha` and `largest_share` (the largest
        patch's land and its share of all, the largest patch index), `mesh_ha` (effective mesh
        size, Jaeger 2000: the patch in which a random spot of the land lies, on average) and
        `compactness` of the largest patch (Polsby-Popper: 1 is a disc), its outline closed over
        the gaps.
    """
    drawn = plots[~(plots.geometry.isna() | plots.geometry.is_empty)]
    rows = {
        name: _patches(part.geometry.to_numpy(), gap_m)
        for name, part in drawn.groupby(by, sort=True)
    }
    found = pd.DataFrame.from_dict(rows, orient="index", columns=list(COLUMNS)).rename_axis(by)
    return found.astype({"plots": "int64", "patches": "int64"})


def _patches(shapes: np.ndarray, gap_m: float) -> tuple[float, ...]:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    tree = shapely.STRtree(shapes)
    first, second = tree.query(shapes, predicate="dwithin", distance=gap_m)
    links = coo_array((np.ones(len(first)), (first, second)), shape=(len(shapes),) * 2)
    count, patch = connected_components(links, directed=False)
    area = shapely.area(shapes)
    sums = np.bincount(patch, weights=area, minlength=count)
    whole, largest = float(sums.sum()), int(sums.argmax())
    wide = shapely.buffer(shapes[patch == largest], gap_m / 2, join_style="mitre")
    closed = shapely.buffer(shapely.union_all(wide), -gap_m / 2, join_style="mitre")
    compact = 4 * np.pi * closed.area / closed.length**2 if closed.length > 0 else np.nan
    return (
        len(shapes), whole / 1e4, count, sums[largest] / 1e4, sums[largest] / whole,
        float((sums**2).sum() / whole) / 1e4, compact,
    )  # fmt: skip

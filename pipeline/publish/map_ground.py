"""Draw the ground of a map from the project's own tables: districts and rail lines."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import shapely
from pyproj import CRS


def lines_through(stations: pd.DataFrame, *, names: pd.DataFrame | None = None) -> gpd.GeoDataFrame:
    """Join ordered line-stations into one line per rail line.

    Parameters
    ----------
    stations
        Columns ``line_id``, ``branch``, ``seq``, ``lon``, ``lat`` (EPSG:4326).
    names
        Optional ``line_id``, ``name_zh``, ``name_en``; a line without names goes by its id.

    Returns
    -------
    geopandas.GeoDataFrame
        ``line_id``, ``name_zh``, ``name_en``, ``status`` (operating) and a MultiLineString per
        line, EPSG:4326, sorted by ``line_id``.
    """
    ordered = stations.dropna(subset=["lon", "lat"]).sort_values(["line_id", "branch", "seq"])
    parts: dict[str, list[shapely.LineString]] = {}
    for (line, _), branch in ordered.groupby(["line_id", "branch"], sort=True):
        if len(branch) > 1:
            points = branch[["lon", "lat"]].to_numpy()
            parts.setdefault(str(line), []).append(shapely.LineString(points))
    lines = gpd.GeoDataFrame(
        {"line_id": list(parts), "status": "operating"},
        geometry=[shapely.MultiLineString(chains) for chains in parts.values()],
        crs=4326,
    )
    if names is None:
        return lines.assign(name_zh=lines["line_id"], name_en=lines["line_id"])
    named = names.assign(line_id=names["line_id"].astype(str))
    return lines.merge(named[["line_id", "name_zh", "name_en"]], on="line_id", how="left")


def outlines_of_cells(
    runs: pd.DataFrame, *, key: str, cell_m: float, crs: CRS, tolerance_m: float
) -> gpd.GeoDataFrame:
    """Turn runs of square cells into smoothed outlines that keep their common borders.

    Parameters
    ----------
    runs
        One row per run of cells: ``row``, ``first_col``, ``last_col`` (counted from the origin of
        the CRS in steps of `cell_m`) and the column `key` that names the area.
    key
        Column of `runs` that is dissolved by.
    cell_m
        Side of a cell in metres.
    crs
        Working CRS of the grid, in metres.
    tolerance_m
        How strongly stair steps are smoothed; about 1.5 cells looks natural.

    Returns
    -------
    geopandas.GeoDataFrame
        `key` and polygons in EPSG:4326, sorted by `key`. They are drawings, too coarse to measure.
    """
    boxes = shapely.box(
        runs["first_col"].to_numpy() * cell_m,
        runs["row"].to_numpy() * cell_m,
        (runs["last_col"].to_numpy() + 1) * cell_m,
        (runs["row"].to_numpy() + 1) * cell_m,
    )
    cells = gpd.GeoDataFrame(runs[[key]].reset_index(drop=True), geometry=boxes, crs=crs)
    areas = cells.dissolve(key, sort=True).reset_index()
    outlines = shapely.coverage_simplify(areas.geometry.to_numpy(), tolerance=tolerance_m)
    return areas.set_geometry(gpd.GeoSeries(outlines, crs=crs)).to_crs(4326)

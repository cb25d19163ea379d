"""Join the line-stations that were read to stations and to platforms."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import shapely

from pipeline.stages.context import StageContext


def all_stations(context: StageContext) -> gpd.GeoDataFrame:
    """Join line-stations to stations, operating or not; one row for each station."""
    lines = context.layer("ingest", "line_stations.parquet")
    planned = context.layer("ingest", "planned_stations.parquet")
    parts = []
    if len(lines):
        operating = lines[lines["status"].eq("operating")]
        parts.append(_merged(operating).assign(status="operating"))
    if len(planned):
        fresh = planned.rename(columns={"planned_id": "station_id"}).assign(lines=None)
        parts.append(fresh[["station_id", "name_zh", "name_en", "lines", "status", "geometry"]])
    if not parts:
        columns: dict[str, list[str]] = {
            key: [] for key in ("station_id", "name_zh", "name_en", "lines", "status")
        }
        return gpd.GeoDataFrame(columns, geometry=[], crs=context.crs)
    stations = gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs=context.crs)
    return stations.sort_values("station_id", ignore_index=True)


def _merged(rows: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Join line-stations to stations at the mean of their points, with their lines."""
    grouped = rows.assign(x=rows.geometry.x, y=rows.geometry.y).groupby("station_id", sort=True)
    merged = grouped.agg(
        name_zh=("name_zh", "first"),
        name_en=("name_en", "first"),
        x=("x", "mean"),
        y=("y", "mean"),
        lines=("line_id", lambda ids: "|".join(sorted(set(ids.astype(str))))),
    ).reset_index()
    points = shapely.points(merged["x"], merged["y"])
    return gpd.GeoDataFrame(merged.drop(columns=["x", "y"]), geometry=points, crs=rows.crs)


def platforms_of(rows: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """List where trains stop: lines on one platform once, wide interchanges at each of them."""
    once = rows.assign(x=rows.geometry.x, y=rows.geometry.y)
    once = once.drop_duplicates(["station_id", "x", "y"])[["station_id", "geometry"]]
    return once.sort_values("station_id", kind="stable", ignore_index=True)

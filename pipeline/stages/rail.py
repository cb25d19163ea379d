"""Measure how far places are from rail: by straight line and on foot, operating and planned."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.measures.access_rows import Measured
from pipeline.measures.uncertainty_footprints import is_facility_point
from pipeline.network.place_access import PlaceAccess
from pipeline.network.place_stations import station_measures
from pipeline.network.rail import RailGraph, rail_costs
from pipeline.network.rail_lines import build_rail_graph
from pipeline.stages.context import StageContext
from pipeline.stages.facility_access import write_rows
from pipeline.stages.place_tables import mode_streets, nearest_named, place_access, snapshot_of

SCENARIOS = {
    "operating": ("operating",),
    "with_planned": ("operating", "under_construction", "planned"),
}


def run(context: StageContext) -> None:
    """Write the stations, the access of every place to them, and the nearest station's name."""
    stations = _stations(context)
    context.put("stations.parquet", stations)
    _write_network(context)
    access = place_access(context)
    rules, walk = context.settings("rail_coverage"), mode_streets(context, "walk")
    found: list[Measured] = []
    names = []
    for variant, states in SCENARIOS.items():
        chosen = stations[stations["status"].isin(states)]
        found += station_measures(
            access,
            chosen,
            walk,
            variant=variant,
            bands_m=rules.bands_m,
            bands_min=rules.bands_min,
            station_extent_m=rules.station_extent_m,
            snapshot=snapshot_of(context, "line_stations", "planned_stations"),
        )
        names.append(nearest_named(access.places, chosen, "station_id").assign(variant=variant))
    write_rows(context, access, "rail", found, unfit=_unfit(access, stations))
    context.put("nearest.parquet", pd.concat(names, ignore_index=True).assign(service="rail"))


def _unfit(access: PlaceAccess, stations: gpd.GeoDataFrame) -> pd.Series[bool]:
    """Name the places whose recorded point is that of a station, by the register or by position."""
    places = access.places
    operating = stations[stations["status"].eq("operating")]
    same = is_facility_point(
        places["x"],
        places["y"],
        shapely.get_coordinates(operating.geometry.to_numpy()),
        same_point_m=access.uncertainty.same_point_m,
    )
    return pd.Series(places["is_station_point"].astype(bool) | same, index=places.index)


def _write_network(context: StageContext) -> None:
    """Write the stations with trains and the minutes between all of them."""
    lines = context.layer("ingest", "line_stations.parquet")
    ids: list[str] = []
    points = gpd.GeoDataFrame({"station_id": ids, "name_zh": ids}, geometry=[], crs=context.crs)
    minutes = pd.DataFrame({"from_id": ids, "to_id": ids, "minutes": [], "transfers": []})
    if len(lines):
        table = pd.DataFrame(lines.drop(columns="geometry")).rename(columns={"name_zh": "station"})
        graph = build_rail_graph(
            table, crs=context.crs, statuses=["operating"], settings=context.settings("rail")
        )
        points, minutes = _network_tables(context, graph)
    context.put("rail_stations.parquet", points)
    context.put("rail_minutes.parquet", minutes)


def _network_tables(
    context: StageContext, graph: RailGraph
) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    costs = rail_costs(graph)
    found = graph.stations
    points = gpd.GeoDataFrame(
        {
            "station_id": found["station_id"],
            "name_zh": found["name"],
            "lines": found["lines"].map("|".join),
        },
        geometry=gpd.points_from_xy(found["x"], found["y"]),
        crs=context.crs,
    )
    size = len(costs.from_ids)
    minutes = pd.DataFrame(
        {
            "from_id": np.repeat(np.array(costs.from_ids, dtype=object), size),
            "to_id": np.tile(np.array(costs.to_ids, dtype=object), size),
            "minutes": costs.minutes.ravel(),
            "transfers": costs.transfers.ravel(),
            "method": costs.method,
        }
    )
    return points, minutes


def _stations(context: StageContext) -> gpd.GeoDataFrame:
    """Join line-stations to stations, operating or not; one row for each station."""
    lines = context.layer("ingest", "line_stations.parquet")
    planned = context.layer("ingest", "planned_stations.parquet")
    parts = []
    if len(lines):
        operating = lines[lines["status"].eq("operating")]
        parts.append(_merged(operating, "station_id", "line_id").assign(status="operating"))
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


def _merged(rows: gpd.GeoDataFrame, key: str, line: str) -> gpd.GeoDataFrame:
    grouped = rows.assign(x=rows.geometry.x, y=rows.geometry.y).groupby(key, sort=True)
    merged = grouped.agg(
        name_zh=("name_zh", "first"),
        name_en=("name_en", "first"),
        x=("x", "mean"),
        y=("y", "mean"),
        lines=(line, lambda ids: "|".join(sorted(set(ids.astype(str))))),
    ).reset_index()
    points = shapely.points(merged["x"], merged["y"])
    return gpd.GeoDataFrame(merged.drop(columns=["x", "y"]), geometry=points, crs=rows.crs)

"""Measure how far places are from rail: by straight line and on foot, operating and planned."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import pandas as pd
import shapely

from pipeline.measures.uncertainty_footprints import nearest_m, share_within, summarise_draws
from pipeline.network.place_access import Need, PlaceAccess, streets_of
from pipeline.stages.context import StageContext
from pipeline.stages.networks import load_graph
from pipeline.stages.place_tables import nearest_named, needs_of, place_access

SCENARIOS = {
    "operating": ("operating",),
    "with_planned": ("operating", "under_construction", "planned"),
}


def run(context: StageContext) -> None:
    """Write the stations, the access of every place to them, and the nearest station's name."""
    stations = _stations(context)
    context.put("stations.parquet", stations)
    access = place_access(context)
    streets = streets_of("walk", load_graph(context, "walk"), context.settings("network"))
    rows, names = [], []
    for variant, states in context.track(list(SCENARIOS.items()), "rail"):
        chosen = stations[stations["status"].isin(states)]
        needs = needs_of(context, "rail", variant, "walk")
        found = access.nearest_of_cells(chosen, streets, by="station_id")
        rows.append(_straight(context, access, chosen, variant, needs))
        rows.append(
            access.minutes_rows(
                found,
                service="rail",
                variant=variant,
                mode="walk",
                limits_min=_limits_min(context),
                needs=needs,
            )
        )
        names.append(nearest_named(access.places, chosen, "station_id").assign(variant=variant))
    table = pd.concat(rows, ignore_index=True)
    context.put("access.parquet", access.withheld(table, access.places["is_station_point"]))
    context.put("nearest.parquet", pd.concat(names, ignore_index=True).assign(service="rail"))


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
        columns = {key: [] for key in ("station_id", "name_zh", "name_en", "lines", "status")}
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


def _limits_min(context: StageContext) -> list[float]:
    """Give the bands as minutes on foot: those in metres at the walking speed, and the timed."""
    rules, speed = context.settings("rail_coverage"), context.settings("network").walk_speed_m_min
    return sorted({*(band / speed for band in rules.bands_m), *rules.bands_min})


def _straight(
    context: StageContext,
    access: PlaceAccess,
    stations: gpd.GeoDataFrame,
    variant: str,
    needs: Sequence[Need],
) -> pd.DataFrame:
    """Measure distances by air and the share of land inside the discs around stations.

    Entrances are unknown here, so a disc is widened by the station extent.
    """
    rules = context.settings("rail_coverage")
    metres = nearest_m(access.drawn, shapely.get_coordinates(stations.geometry.to_numpy()))
    reach = [band + rules.station_extent_m for band in rules.bands_m]
    shares = share_within(access.drawn, metres, limits=reach)
    measures = {"distance_nearest_m": (summarise_draws(access.drawn, metres)["median"], "m")}
    for band, limit in zip(rules.bands_m, reach, strict=True):
        measures[f"share_area_euclid_{band:g}m"] = (shares[limit], "share")
    # A straight line is exact whatever the streets: it is neither measured on them nor estimated.
    nothing = pd.Series(float("nan"), index=access.places.index)
    tables = [
        access.rows(
            values,
            service="rail",
            variant=variant,
            mode="straight_line",
            measure=name,
            unit=unit,
            measured=nothing,
            needs=needs,
        )
        for name, (values, unit) in measures.items()
    ]
    return pd.concat(tables, ignore_index=True)

"""Measure how far every single parcel is from what the needs of the study ask for."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from pipeline.measures.access import NO_DATA
from pipeline.measures.access_rows import ESTIMATED, MEASURED
from pipeline.network.place_access import CellCosts, PlaceAccess
from pipeline.network.place_people import standing_at
from pipeline.network.place_reach import stop_costs
from pipeline.settings.needs import NeedSettings
from pipeline.stages.context import StageContext
from pipeline.stages.place_tables import StreetsInTurn, no_places, of_variant, snapshot_of

ROLES = {"rail": ("line_stations", "planned_stations"), "hospital": ("hospitals",),
         "school": ("schools",)}  # fmt: skip


def parcel_minutes(context: StageContext, parcels: gpd.GeoDataFrame) -> pd.DataFrame:
    """Give the minutes from each parcel to the nearest facility of each need.

    A parcel is one origin: a point inside it. Where it has no shape or no such facility is known
    the row has no value, status `no_data`; needs of journeys by rail are left to the places.

    Returns
    -------
    pandas.DataFrame
        `parcel_id`, `service`, `variant`, `mode`, `measure` (`minutes_nearest`), `value`, `unit`,
        `status`, `method`, `snapshot`.
    """
    shapes = parcels.geometry
    there = (shapes.notna() & ~shapes.is_empty).to_numpy()
    origins = standing_at(shapes[there].representative_point(), no_places(context))
    timed = [
        need
        for need in context.settings("gaps").needs
        if need.mode != "rail_walk" and need.unit == "min"
    ]
    streets = StreetsInTurn(context, ())
    by_mode = sorted(range(len(timed)), key=lambda number: timed[number].mode)
    measured = {number: _costs(context, origins, timed[number], streets) for number in by_mode}
    parts = []
    for number, need in enumerate(timed):
        found = pd.DataFrame(
            {"value": np.nan, "status": NO_DATA, "method": None}, index=parcels.index
        )
        costs = measured[number]
        if costs is not None and there.any():
            off = np.isnan(costs.minutes)
            found.loc[there, "value"] = costs.minutes
            found.loc[there, "status"] = np.where(off, "unsnapped", "ok")
            found.loc[there, "method"] = np.where(costs.measured | off, MEASURED, ESTIMATED)
        parts.append(
            found.assign(
                parcel_id=parcels["parcel_id"],
                service=need.service,
                variant=need.variant,
                mode=need.mode,
                snapshot=snapshot_of(context, *ROLES.get(need.service, ())),
            )
        )
    columns = ["parcel_id", "service", "variant", "mode", "measure", "value", "unit", "status",
               "method", "snapshot"]  # fmt: skip
    if not parts:
        return pd.DataFrame({name: [] for name in columns})
    table = pd.concat(parts, ignore_index=True).assign(measure="minutes_nearest", unit="min")
    return table[columns]


def _costs(
    context: StageContext, origins: PlaceAccess, need: NeedSettings, streets: StreetsInTurn
) -> CellCosts | None:
    """Measure the minutes of one need; None where no facility of it is known."""
    way = streets[need.mode]
    if need.service == "rail":
        stops = context.layer("rail", "stops.parquet")
        running = stops[stops["status"].eq("operating")].reset_index(drop=True)
        return stop_costs(origins, running, way) if len(running) else None
    facilities = context.layer("ingest", "facilities.parquet")
    chosen = of_variant(facilities, need.service, need.variant)
    return origins.nearest(chosen, way) if len(chosen) else None

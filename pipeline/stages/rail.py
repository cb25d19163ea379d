"""Measure how far places are from rail: by straight line and on foot, operating and planned."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from pipeline.errors import Problem, StudyError
from pipeline.measures.access_rows import Measured, none_in_city
from pipeline.measures.coverage_areas import area_coverage
from pipeline.measures.people import KINDS
from pipeline.measures.uncertainty_footprints import is_facility_point
from pipeline.network.place_access import PlaceAccess, Streets
from pipeline.network.place_reach import Reach, grown_for, reach_of, stops_of
from pipeline.network.place_stations import hub_journeys, hub_measures, station_measures
from pipeline.sources.people import counted_people
from pipeline.sources.tables import points_of
from pipeline.stages import rail_tables
from pipeline.stages.context import StageContext
from pipeline.stages.facility_access import measured_and_judged, write_rows
from pipeline.stages.place_tables import (
    mode_streets,
    nearest_named,
    place_access,
    rail_network,
    snapshot_of,
)
from pipeline.stages.rail_history import past_coverage
from pipeline.stages.rail_reach import gate_measures, grid_of, write_catchments
from pipeline.stages.station_tables import all_stations, platforms_of

SCENARIOS = {
    "operating": ("operating",),
    "with_planned": ("operating", "under_construction", "planned"),
}


@dataclass(frozen=True, eq=False)
class _State:
    """What one state of the network gives: measures of places, their gates, coverage of units."""

    reach: Reach
    found: list[Measured]
    gates: gpd.GeoDataFrame
    areas: pd.DataFrame

    def named(self, variant: str) -> _State:
        """Tell the same of another variant."""
        found = [replace(one, variant=variant) for one in self.found]
        gates, areas = self.gates.assign(variant=variant), self.areas.assign(variant=variant)
        return _State(self.reach, found, gates, areas)


NETWORK = ("study.crs", "study.date", "rail", "timetables")
SET_BY = (
    "study.crs",
    "study.date",
    "study.seed",
    "sources.rasters",
    "network",
    "rail.in_city",
    "rail_coverage",
)


def run(context: StageContext) -> None:
    """Write the stations, the access of every place to them, and the nearest station's name."""
    context.part("network", partial(_write_network, context), set_by=NETWORK)
    measured_and_judged(context, "rail", partial(_measure, context), set_by=SET_BY)


def _write_network(context: StageContext) -> None:
    rail_tables.write_network(context)
    rail_tables.write_count(context)


def _measure(context: StageContext) -> None:
    stations = all_stations(context)
    _check(context, stations)
    context.put("stations.parquet", stations)
    access = place_access(context)
    rules, walk = context.settings("rail_coverage"), mode_streets(context, "walk", details=True)
    lines = context.layer("ingest", "line_stations.parquet")
    stops = stops_of(
        stations,
        platforms_of(lines[lines["status"].eq("operating")]),
        context.layer("ingest", "entrances.parquet").geometry,
        station_extent_m=rules.station_extent_m,
        entrance_max_m=rules.entrance_max_m,
        entrances_at_least=rules.entrances_at_least,
    )
    context.put("stops.parquet", stops)
    people = counted_people(
        context.layer("ingest", "residents.parquet"),
        {kind: context.input(kind) for kind in KINDS},
        context.settings("sources").rasters,
    )
    units = rail_tables.units_of(context)
    snapshot = snapshot_of(context, "line_stations", "planned_stations")
    found: list[Measured] = _hubs(context, access, walk)
    grown, states = grown_for(access.network), dict[str, _State]()
    names = []
    for variant, counted in SCENARIOS.items():
        chosen = stops[stops["status"].isin(counted)].reset_index(drop=True)
        # Without planned stations both states of the network are one.
        same = [known for known in states.values() if len(known.reach.stops) == len(chosen)]
        if same:
            states[variant] = same[0].named(variant)
        else:
            reach = reach_of(chosen, walk, access.network, bands_m=rules.bands_m, grown=grown)
            common: dict[str, Any] = {"variant": variant, "snapshot": snapshot}
            measured = station_measures(
                access, chosen, walk, reach, people,
                bands_m=rules.bands_m, bands_min=rules.bands_min, **common,
            )  # fmt: skip
            from_gates, gates = gate_measures(context, access, chosen, walk, **common)
            areas = area_coverage(
                units, chosen, people,
                bands_m=rules.bands_m, network=reach.pieces, mapped=reach.mapped, **common,
            )  # fmt: skip
            states[variant] = _State(reach, [*measured, *from_gates], gates, areas)
        found += states[variant].found
        named = stations[stations["status"].isin(counted)]
        names.append(nearest_named(access.places, named, "station_id").assign(variant=variant))
    none = not context.settings("rail").in_city
    write_rows(context, access, "rail", found, unfit=_unfit(access, stations), none=none)
    context.put("nearest.parquet", pd.concat(names, ignore_index=True).assign(service="rail"))
    context.put("units.parquet", units)
    past = past_coverage(context, units, snapshot)
    covered = [_known(context, state.areas) for state in states.values()]
    context.put("areas.parquet", pd.concat([*covered, past], ignore_index=True))
    rail_tables.write_published(context, covered[0])
    write_catchments(context, {variant: state.reach for variant, state in states.items()})
    at = pd.concat([state.gates for state in states.values()], ignore_index=True)
    context.put("gates.parquet", _known(context, at))
    operating = stops[stops["status"].eq("operating")].reset_index(drop=True)
    cell_m = access.uncertainty.certain_cell_m
    grid = grid_of(access, operating, walk, cell_m=cell_m)
    context.put("grid.parquet", _known(context, grid))


def _check(context: StageContext, stations: gpd.GeoDataFrame) -> None:
    """Hold the stations against what the study says of the city; tell where there are none.

    Raises
    ------
    StudyError
        The study says that the city has no rail, and its inputs hold stations in operation.
    """
    running = int(stations["status"].eq("operating").sum())
    if context.settings("rail").in_city:
        if not running:
            context.notice(
                "没有任何运营车站：轨道各项为“无数据”，综合缺口为空。若本市确无轨道交通，"
                "请设 rail.in_city: false",
                "no station in operation is known: rail has no data and the composite is null. If "
                "the city has no rail, set rail.in_city: false",
            )
        return
    if running:
        raise StudyError(
            Problem(
                zh=f"研究说本市没有轨道交通，输入中却有 {running} 座运营车站",
                en=f"the study says that the city has no rail; its inputs hold {running} stations",
                rule="rail.in_city",
                remedy_zh="删去 rail.in_city: false，或去掉不属于本市的车站",
                remedy_en="drop rail.in_city: false, or leave out stations of elsewhere",
            )
        )


def _known(context: StageContext, table: pd.DataFrame) -> pd.DataFrame:
    """Tell `none in this city`, which the study states, from what is merely not mapped."""
    return table if context.settings("rail").in_city else none_in_city(table)


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


def _hubs(context: StageContext, access: PlaceAccess, walk: Streets) -> list[Measured]:
    """Measure journeys to the hubs of the study's table: those of the settings, else all."""
    rules = context.settings("rail_coverage")
    table = context.frame("ingest", "hubs.parquet")
    if not len(table):
        return []
    chosen = table["hub_id"].isin(rules.hubs) if rules.hubs else table["hub_id"].notna()
    hubs = points_of(table[chosen], crs=context.crs)
    stations, costs = rail_network(context)
    if not len(stations) or not len(hubs):
        return []
    rail = hub_journeys(
        access,
        stations,
        costs,
        hubs,
        walk,
        same_point_m=access.uncertainty.same_point_m,
        walk_limit_min=rules.station_walk_min,
        limit_min=rules.hub_limit_min,
    )
    return hub_measures(access, hubs, rail, walk, snapshot=snapshot_of(context, "line_stations"))

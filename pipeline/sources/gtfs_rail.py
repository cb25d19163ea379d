"""Sum a timetable window up as the platforms and rides of a rail graph."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import date

import pandas as pd
from pyproj import Transformer

from pipeline.errors import FieldError, Problem, SourceError
from pipeline.network.rail import RailGraph, RailTables, assemble_graph
from pipeline.network.station_groups import nearby_links, place_platforms, stations_of
from pipeline.settings.rail import GtfsSettings, RailSettings
from pipeline.sources.gtfs import Feed
from pipeline.sources.gtfs_events import Window, nothing_departs, stop_events

logger = logging.getLogger(__name__)

STOP_KEYS = ["line", "direction", "stop_id"]


def build_gtfs_graph(
    feed: Feed,
    *,
    day: date,
    crs: str,
    route_types: Iterable[int] | None,
    gtfs: GtfsSettings,
    rail: RailSettings,
) -> RailGraph:
    """Build the rail graph of a feed on a service date and departure window.

    Stops of one name within `same_stop_max_m` are one place; places within `walk_link_max_m` are
    linked on foot. See `gtfs_tables` for times and headways.
    """
    tables = gtfs_tables(feed, day=day, crs=crs, route_types=route_types, settings=gtfs)
    placed = place_platforms(tables.platforms, max_m=gtfs.same_stop_max_m, separate_names=())
    links = nearby_links(
        stations_of(placed),
        max_m=gtfs.walk_link_max_m,
        settings=rail,
        street_min=gtfs.stop_change_min,
    )
    changes = rail.model_copy(update={"transfer_walk_min": gtfs.stop_change_min})
    return assemble_graph(replace(tables, platforms=placed), links=links, settings=changes)


def gtfs_tables(
    feed: Feed,
    *,
    day: date,
    crs: str,
    route_types: Iterable[int] | None,
    settings: GtfsSettings,
) -> RailTables:
    """Reduce the departures of a window to headways and in-vehicle minutes.

    For each route, direction and stop: the median gap between successive departures (one
    departure: the length of the window), the median dwell and the share of trips that go on. For
    each pair of consecutive stops: the median minutes between departure and arrival, and the share
    of the first stop's trips that run it.
    Routes that share a stop are not pooled, so that waits are upper bounds where they run parallel.

    Parameters
    ----------
    day
        Service date; trips of the day before that run past midnight are included.
    crs
        Working CRS, in metres.
    route_types
        GTFS route types to keep; `None` keeps all.

    Raises
    ------
    SourceError
        When nothing departs in the window, or expanding it passes the limit of stop events.
    """
    window = Window.of(settings)
    stops = stop_places(feed, crs=crs)
    events = stop_events(
        feed, stops, day=day, window=window, route_types=route_types, settings=settings
    )
    rides = _rides(events, window)
    if rides.empty:
        raise SourceError(nothing_departs(feed, day, settings))
    platforms = _platforms(events, rides, stops, window)
    logger.info("%d platforms and %d rides on %s", len(platforms), len(rides), day)
    return RailTables(platforms, rides, "measured_network")


def stop_places(feed: Feed, *, crs: str) -> pd.DataFrame:
    """Place stops in the working CRS; a stop of a station takes the station's name.

    Returns
    -------
    stops
        Index `stop_id`; columns `station` (name, or the id where there is none), `x`, `y` in
        metres.
    """
    stops = feed.stops.set_index("stop_id")
    lon, lat = (pd.to_numeric(stops[c], errors="coerce") for c in ("stop_lon", "stop_lat"))
    used = stops.index.isin(feed.stop_times["stop_id"])
    wrong = stops.index[used & ~(lon.abs().le(180) & lat.abs().le(90))]
    if len(wrong):
        raise FieldError(
            *(
                Problem(
                    zh=f"站点 {stop} 没有有效坐标",
                    en=f"stop {stop} has no valid coordinates",
                    path=feed.path,
                    row="stops.txt",
                    rule="stop_lat, stop_lon",
                )
                for stop in wrong[:20]
            )
        )
    to_metres = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    x, y = to_metres.transform(lon.to_numpy(float), lat.to_numpy(float))
    blank = pd.Series("", index=stops.index)
    names = stops.get("stop_name", blank)
    names = names.where(names != "", stops.index.to_series())
    parent = stops.get("parent_station", blank).map(names)
    return pd.DataFrame({"station": parent.fillna(names), "x": x, "y": y}, index=stops.index)


def _rides(events: pd.DataFrame, window: Window) -> pd.DataFrame:
    """Take the median over the trips that leave one stop for the next within the window.

    The headway of a ride is the stop's headway over the share of its trips that make the ride.
    """
    following = events[["run", "stop_id", "arr_s"]].shift(-1)
    legs = events.assign(to_stop=following["stop_id"], ride_s=following["arr_s"] - events["dep_s"])
    legs = legs[(following["run"] == events["run"]) & (following["stop_id"] != events["stop_id"])]
    legs = legs[window.holds(legs["dep_s"])]
    by_ride = legs.groupby([*STOP_KEYS, "to_stop"])
    rides = pd.DataFrame(
        {"ride_min": by_ride["ride_s"].median() / 60, "runs": by_ride["run"].nunique()}
    )
    rides = rides.reset_index()
    leaving = legs.groupby(STOP_KEYS)["run"].nunique()
    at = pd.MultiIndex.from_frame(rides[STOP_KEYS])
    share = rides["runs"].to_numpy(float) / leaving.reindex(at).to_numpy(float)
    headway_min = _headways(events, window).reindex(at).fillna(window.length_min)
    return pd.DataFrame(
        {
            "from_platform": _platform_ids(rides, "stop_id"),
            "to_platform": _platform_ids(rides, "to_stop"),
            "ride_min": rides["ride_min"],
            "headway_min": headway_min.to_numpy(float) / share,
        }
    )


def _platform_ids(table: pd.DataFrame, stop: str) -> pd.Series:
    return table["line"] + "/" + table["direction"] + "/" + table[stop].astype(str)


def _headways(events: pd.DataFrame, window: Window) -> pd.Series:
    """Give the median gap in minutes between departures at each stop; one departure gives none.

    Departures of one second count once, and so does a trip that calls at a stop again.
    """
    calls = events[~_ends(events) & events["boards"] & window.holds(events["dep_s"])]
    times = calls.drop_duplicates(["run", "stop_id"])[[*STOP_KEYS, "dep_s"]]
    times = times.drop_duplicates().sort_values([*STOP_KEYS, "dep_s"])
    gaps_min = times.groupby(STOP_KEYS)["dep_s"].diff() / 60
    return gaps_min.groupby([times[key] for key in STOP_KEYS]).median()


def _ends(events: pd.DataFrame) -> pd.Series:
    return events["run"] != events["run"].shift(-1)


def _platforms(
    events: pd.DataFrame, rides: pd.DataFrame, stops: pd.DataFrame, window: Window
) -> pd.DataFrame:
    ends = _ends(events)
    stay_min = (events["dep_s"] - events["arr_s"]) / 60
    dwell_min = stay_min[~ends].groupby([events[key] for key in STOP_KEYS]).median()
    arriving = (events["run"] == events["run"].shift()) & window.holds(events["arr_s"])
    going_on = (~ends)[arriving].groupby([events[key] for key in STOP_KEYS]).mean()
    table = events[STOP_KEYS].drop_duplicates().sort_values(STOP_KEYS, ignore_index=True)
    table["platform_id"] = _platform_ids(table, "stop_id")
    called = set(rides["from_platform"]) | set(rides["to_platform"])
    table = table[table["platform_id"].isin(called)]
    at = pd.MultiIndex.from_frame(table[STOP_KEYS])
    # One departure stands for the whole window. A terminus has none, and no ride leaves it.
    headway_min = _headways(events, window).reindex(at).fillna(window.length_min).to_numpy(float)
    placed = table.merge(stops, left_on="stop_id", right_index=True, how="left")
    return placed.assign(
        headway_min=headway_min,
        arrival_headway_min=headway_min * going_on.reindex(at).fillna(1.0).to_numpy(float),
        dwell_min=dwell_min.reindex(at).fillna(0.0).to_numpy(),
        platform_group="",
        is_shared=False,
    ).reset_index(drop=True)

"""Read the stations of each line, in order, from a timetable."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from pipeline.errors import FieldError, Problem
from pipeline.sources.gtfs import Feed, seconds

logger = logging.getLogger(__name__)

# Extended route types that are rail: railways, urban railways and metros, trams.
_EXTENDED = frozenset([*range(100, 118), *range(400, 406), *range(900, 907)])
MOST_NAMED = 20
Pattern = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class RailTimetable:
    """Stations in order along their lines, the lines, and the first day the timetable holds."""

    line_stations: pd.DataFrame
    lines: pd.DataFrame
    first_day: str | None


def rail_lines(feed: Feed, *, route_types: Collection[int]) -> RailTimetable:
    """List the line-stations and the lines of a feed.

    The main branch of a line is its longest sequence of stations (of equals the one with most
    trips); sequences that serve further stations give branches, from the station before the first
    of them to the station after the last.

    Parameters
    ----------
    feed
        The timetable.
    route_types
        GTFS route types to keep, beside the extended ones for rail.

    Returns
    -------
    timetable
        `line_stations`: `line_station_id`, `line_id`, `line`, `branch`, `seq`, `station_id`,
        `name_zh`, `name_en`, `lon`, `lat`, `status` (operating), `source`; `lines`: `line_id`,
        `name_zh`, `name_en`, `colour_hex`. Names are the feed's own in both languages. Both are
        empty, without columns, where the feed has no route of these types.

    Raises
    ------
    FieldError
        A time, a type of route, the order of a trip's stops or the position of a station is none.
    """
    kinds = pd.to_numeric(feed.routes["route_type"], errors="coerce")
    # Whether a route without a known type is rail cannot be told.
    untold = feed.routes.loc[kinds.isna(), ["route_id", "route_type"]]
    _refuse_no_number(feed, untold, table="routes.txt", what="线路")
    routes = feed.routes[kinds.isin([*route_types, *_EXTENDED])]
    if routes.empty:
        held = ", ".join(sorted(set(feed.routes["route_type"])))
        logger.warning("%s has no rail route, its route types: %s", feed.path.name, held)
        return RailTimetable(pd.DataFrame(), pd.DataFrame(), _first_day(feed))
    stations = _stations(feed)
    sequences = _sequences(feed, routes["route_id"].tolist(), stations["station_id"])
    rows = [
        (route, branch, number, station)
        for route, patterns in sequences.items()
        for branch, chain in _branches(patterns)
        for number, station in enumerate(chain)
    ]
    table = pd.DataFrame(rows, columns=["line_id", "branch", "seq", "station_id"])
    lines = _lines(routes)
    table["line"] = table["line_id"].map(lines.set_index("line_id")["name_zh"])
    table["line_station_id"] = (
        table["line_id"] + "-" + table["branch"] + "-" + table["seq"].astype(str).str.zfill(2)
    )
    placed = stations.drop_duplicates("station_id").drop(columns="stop_id")
    _refuse_nowhere(feed, placed[placed["station_id"].isin(table["station_id"])])
    table = table.merge(placed, on="station_id", how="left").assign(
        status="operating", source=feed.path.name
    )
    logger.info("%d line-stations on %d lines", len(table), table["line_id"].nunique())
    served = lines[lines["line_id"].isin(table["line_id"])].reset_index(drop=True)
    return RailTimetable(table, served, _first_day(feed))


def _refuse_no_number(feed: Feed, wrong: pd.DataFrame, *, table: str, what: str) -> None:
    """Refuse rows, named by their first column, whose second one has to be a number and is none."""
    if len(wrong):
        raise FieldError(
            *(
                Problem(
                    zh=f"{what} {name} 的 {wrong.columns[1]}“{said}”不是数字",
                    en=f"the {wrong.columns[1]} {said!r} of {wrong.columns[0]} {name} is no number",
                    path=feed.path,
                    row=table,
                    rule=str(wrong.columns[1]),
                )
                for name, said in wrong.head(MOST_NAMED).itertuples(index=False)
            )
        )


def _refuse_nowhere(feed: Feed, served: pd.DataFrame) -> None:
    """Refuse stations that trains call at and that lie nowhere on earth."""
    lon, lat = served["lon"].abs(), served["lat"].abs()
    lost = served.loc[~(lon.le(180) & lat.le(90)), "station_id"].head(MOST_NAMED)
    if len(lost):
        raise FieldError(
            *(
                Problem(
                    zh=f"车站 {name} 没有可用的坐标",
                    en=f"the station {name} has no usable position",
                    path=feed.path,
                    row="stops.txt",
                    rule="stop_lon, stop_lat",
                )
                for name in lost
            )
        )


def _first_day(feed: Feed) -> str | None:
    """Give the first day of the latest calendar, ISO 8601; null where only single days are."""
    days = pd.to_datetime(feed.calendar["start_date"], format="%Y%m%d", errors="coerce").dropna()
    return None if days.empty else str(days.max().date())


def _stations(feed: Feed) -> pd.DataFrame:
    """Place each stop at the station it is part of."""
    stops = feed.stops.set_index("stop_id", drop=False)
    parent = stops.get("parent_station", pd.Series("", index=stops.index))
    parent = parent.where(parent.isin(stops.index), stops["stop_id"])
    at = stops.reindex(parent)
    names = at.get("stop_name", pd.Series("", index=at.index)).to_numpy()
    shown = [_readable(name) or key for name, key in zip(names, parent, strict=True)]
    return pd.DataFrame(
        {
            "stop_id": stops["stop_id"].to_numpy(),
            "station_id": parent.to_numpy(),
            "name_zh": shown,
            "name_en": shown,
            "lon": pd.to_numeric(at["stop_lon"], errors="coerce").to_numpy(),
            "lat": pd.to_numeric(at["stop_lat"], errors="coerce").to_numpy(),
        }
    )


def _readable(name: str) -> str:
    """Write a name in capitals as people do."""
    return name.title() if name.isupper() else name


def _sequences(
    feed: Feed, routes: Sequence[str], station: pd.Series[str]
) -> dict[str, list[Pattern]]:
    """Give the sequences of stations of each route, the most served first."""
    trips = feed.trips[feed.trips["route_id"].isin(routes)].set_index("trip_id")["route_id"]
    times = feed.stop_times[feed.stop_times["trip_id"].isin(trips.index)]
    seconds(times["departure_time"])  # refuses what is no time
    order = times.assign(at=pd.to_numeric(times["stop_sequence"], errors="coerce"))
    untold = order.loc[order["at"].isna(), ["trip_id", "stop_sequence"]]
    _refuse_no_number(feed, untold, table="stop_times.txt", what="班次")
    order = order.sort_values(["trip_id", "at"])
    of_stop = dict(zip(feed.stops["stop_id"], station, strict=True))
    called = order["stop_id"].map(of_stop).groupby(order["trip_id"]).agg(_once)
    run = Counter(zip(trips.reindex(called.index), called, strict=True))
    found: dict[str, list[Pattern]] = {route: [] for route in routes}
    for route, pattern in sorted(run, key=lambda key: (-len(key[1]), -run[key], key)):
        found[route].append(pattern)
    return found


def _once(stations: pd.Series[str]) -> Pattern:
    """Drop a station that repeats at once, as two platforms of one station do."""
    names = stations.tolist()
    return tuple(name for i, name in enumerate(names) if i == 0 or names[i - 1] != name)


def _branches(patterns: Sequence[Pattern]) -> Iterator[tuple[str, Pattern]]:
    """Yield the main sequence, then the parts of others that serve stations not yet seen."""
    seen: set[str] = set()
    number = 0
    for pattern in patterns:
        fresh = [i for i, name in enumerate(pattern) if name not in seen]
        if not fresh:
            continue
        part = pattern if not seen else pattern[max(fresh[0] - 1, 0) : fresh[-1] + 2]
        if len(part) < 2:  # noqa: PLR2004
            continue
        yield ("main" if not seen else f"branch_{number}"), part
        seen.update(part)
        number += 1


def _lines(routes: pd.DataFrame) -> pd.DataFrame:
    blank = pd.Series("", index=routes.index)
    short, full = (routes.get(f"route_{kind}_name", blank) for kind in ("short", "long"))
    names = short.where(short.ne(""), full).where(lambda text: text.ne(""), routes["route_id"])
    colour = routes.get("route_color", blank)
    return pd.DataFrame(
        {
            "line_id": routes["route_id"],
            "name_zh": names,
            "name_en": names,
            "colour_hex": ("#" + colour).where(colour.str.fullmatch(r"[0-9A-Fa-f]{6}"), None),
        }
    ).reset_index(drop=True)

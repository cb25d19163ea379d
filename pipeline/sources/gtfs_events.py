"""List the calls of a timetable's trips around a departure window."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.errors import FieldError, Problem, SourceError
from pipeline.settings.rail import GtfsSettings
from pipeline.sources.gtfs import Feed, seconds, trips_on

logger = logging.getLogger(__name__)

Floats = NDArray[np.float64]

NO_PICKUP = "1"
FORTH, BACK = "0", "1"


@dataclass(frozen=True)
class Window:
    """Departures from `start_s` (inclusive) to `end_s` (exclusive) after midnight, in seconds."""

    start_s: float
    end_s: float

    @classmethod
    def of(cls, settings: GtfsSettings) -> Window:
        """Read the window of the settings."""
        edges = pd.Series([settings.window_start + ":00", settings.window_end + ":00"])
        start_s, end_s = seconds(edges)
        if start_s >= end_s:
            problem = Problem(
                zh="时段结束须晚于开始",
                en="the window must end after it starts",
                rule="window_start, window_end",
            )
            raise FieldError(problem)
        return cls(float(start_s), float(end_s))

    @property
    def length_min(self) -> float:
        """Length in minutes."""
        return (self.end_s - self.start_s) / 60

    def holds(self, times: pd.Series) -> pd.Series:
        """Tell which times fall into the window."""
        return (times >= self.start_s) & (times < self.end_s)


def stop_events(
    feed: Feed,
    stops: pd.DataFrame,
    *,
    day: date,
    window: Window,
    route_types: Iterable[int] | None,
    settings: GtfsSettings,
) -> pd.DataFrame:
    """List the calls of all trips that touch the window.

    Untimed calls are interpolated along the straight distance between timed ones; trips given by
    frequency are expanded; trips untimed at an end or running backwards in time are left out.

    Returns
    -------
    events
        Columns `run`, `line` (route id), `direction`, `stop_id`, `arr_s`, `dep_s`, `boards`,
        sorted by run and order.
    """
    trips = trips_on(feed, day, route_types=route_types)
    trips = trips.assign(run=np.arange(len(trips)))
    events = _timed(feed, trips)
    _check_size(feed, len(events), settings)
    events = _frequencies(feed, events, window, settings)
    ends = events.groupby("run").agg(first=("dep_s", "min"), last=("arr_s", "max"))
    touching = ends.index[(ends["first"] < window.end_s) & (ends["last"] >= window.start_s)]
    events = events[events["run"].isin(touching)].reset_index(drop=True)
    if events.empty:
        raise SourceError(nothing_departs(feed, day, settings))
    events = _interpolated(events, stops)
    backwards = events["arr_s"] < events.groupby("run")["dep_s"].shift()
    backwards |= events["dep_s"] < events["arr_s"]
    broken = events.loc[backwards, "run"].unique()
    if len(broken):
        logger.warning("left out %d trips that run backwards in time", len(broken))
    events = events[~events["run"].isin(broken)]
    return events.assign(direction=_directions(events)).reset_index(drop=True)


def nothing_departs(feed: Feed, day: date, settings: GtfsSettings) -> Problem:
    """Say that the window is empty."""
    return Problem(
        zh=f"{day} {settings.window_start}-{settings.window_end} 没有班次",
        en=f"nothing departs on {day} from {settings.window_start} to {settings.window_end}",
        path=feed.path,
        rule="window_start, window_end",
        remedy_zh="放宽时段或更换日期",
        remedy_en="widen the window or choose another date",
    )


def _timed(feed: Feed, trips: pd.DataFrame) -> pd.DataFrame:
    columns = ["trip_id", "run", "route_id", "day_shift_s"]
    trips = trips.assign(given=trips.get("direction_id", pd.Series("", index=trips.index)))
    events = feed.stop_times.merge(trips[[*columns, "given"]], on="trip_id")
    order = pd.to_numeric(events["stop_sequence"], errors="coerce")
    if not (order >= 0).all():
        raise FieldError(_bad_number(feed, "stop_times.txt", "stop_sequence"))
    arrives, departs = seconds(events["arrival_time"]), seconds(events["departure_time"])
    pickup = events.get("pickup_type", pd.Series("", index=events.index))
    frame = pd.DataFrame(
        {
            "trip_id": events["trip_id"],
            "run": events["run"],
            "line": events["route_id"],
            "given": events["given"],
            "stop_id": events["stop_id"],
            "order": order,
            "shift_s": events["day_shift_s"],
            "arr_s": arrives.fillna(departs) + events["day_shift_s"],
            "dep_s": departs.fillna(arrives) + events["day_shift_s"],
            "boards": pickup != NO_PICKUP,
        }
    )
    return frame.sort_values(["run", "order"], ignore_index=True)


def _frequencies(
    feed: Feed, events: pd.DataFrame, window: Window, settings: GtfsSettings
) -> pd.DataFrame:
    """Replace every trip of `frequencies.txt` by its departures around the window."""
    rules = feed.frequencies[feed.frequencies["trip_id"].isin(events["trip_id"])]
    if rules.empty:
        return events
    rules = rules.assign(
        start_s=seconds(rules["start_time"]),
        end_s=seconds(rules["end_time"]),
        gap_s=pd.to_numeric(rules["headway_secs"], errors="coerce"),
    )
    if not (rules["gap_s"] > 0).all():
        raise FieldError(_bad_number(feed, "frequencies.txt", "headway_secs"))
    fixed = events[~events["trip_id"].isin(rules["trip_id"])]
    parts, calls, next_run = [fixed], len(fixed), int(events["run"].max()) + 1
    for _, template in events[events["trip_id"].isin(rules["trip_id"])].groupby("run"):
        own = rules[rules["trip_id"] == template["trip_id"].iloc[0]]
        departs_s = _departures(own, template, window)
        calls += len(departs_s) * len(template)
        _check_size(feed, calls, settings)
        parts.append(_copies(template, departs_s, next_run))
        next_run += len(departs_s)
    return pd.concat(parts, ignore_index=True)


def _departures(rules: pd.DataFrame, template: pd.DataFrame, window: Window) -> Floats:
    """Give the departures from the first stop whose trip is under way in the window."""
    length_s = template["arr_s"].max() - template["dep_s"].min()
    shift_s = template["shift_s"].iloc[0]
    found = [np.empty(0)]
    for start_s, end_s, gap_s in rules[["start_s", "end_s", "gap_s"]].to_numpy(float):
        starts = np.arange(start_s, end_s, gap_s) + shift_s
        found.append(starts[(starts < window.end_s) & (starts + length_s >= window.start_s)])
    return np.concatenate(found)


def _copies(template: pd.DataFrame, departs_s: Floats, next_run: int) -> pd.DataFrame:
    copy = np.repeat(np.arange(len(departs_s)), len(template))
    rows = np.tile(np.arange(len(template)), len(departs_s))
    later_s = departs_s[copy] - template["dep_s"].min()
    calls = template.iloc[rows].reset_index(drop=True)
    return calls.assign(
        run=next_run + copy, arr_s=calls["arr_s"] + later_s, dep_s=calls["dep_s"] + later_s
    )


def _interpolated(events: pd.DataFrame, stops: pd.DataFrame) -> pd.DataFrame:
    """Fill untimed calls along the straight distance between the timed calls around them."""
    has_time = events["arr_s"].notna()
    whole = has_time.groupby(events["run"]).agg(["first", "last"]).all(axis=1)
    if lost := int((~whole).sum()):
        logger.warning("left out %d trips without a time at an end", lost)
    events = events[events["run"].map(whole)].reset_index(drop=True)
    timed = events["arr_s"].notna().to_numpy()
    rows = np.arange(len(events))
    before = np.maximum.accumulate(np.where(timed, rows, 0))
    after = np.minimum.accumulate(np.where(timed, rows, len(rows))[::-1])[::-1]
    along_m = _along(events, stops)
    arr_s, dep_s = events["arr_s"].to_numpy(float), events["dep_s"].to_numpy(float)
    span_m = along_m[after] - along_m[before]
    # Stops mapped at one point leave no distance to share the time by: share it by order.
    part = (rows - before) / np.maximum(after - before, 1)
    part = np.divide(along_m - along_m[before], span_m, out=part, where=span_m > 0)
    guess_s = dep_s[before] + (arr_s[after] - dep_s[before]) * part
    return events.assign(
        arr_s=np.where(timed, arr_s, guess_s), dep_s=np.where(timed, dep_s, guess_s)
    )


def _along(events: pd.DataFrame, stops: pd.DataFrame) -> Floats:
    places = stops.loc[events["stop_id"], ["x", "y"]].to_numpy(float)
    step_m = np.hypot(*np.diff(places, axis=0, prepend=places[:1]).T)
    return np.cumsum(step_m)


def _directions(events: pd.DataFrame) -> pd.Series:
    """Give each call its direction: the feed's, or the order in which stops are called at.

    Where a route has no `direction_id`, the stop sequence of most trips runs forth; a sequence
    that calls at its stops mostly in the reverse order runs back.
    """
    missing = events.loc[events["given"] == "", "line"].unique()
    guessed = events[events["line"].isin(missing)]
    if guessed.empty:
        return events["given"]
    patterns = guessed.groupby(["line", "run"])["stop_id"].agg(tuple)
    found: dict[int, str] = {}
    for _, group in patterns.groupby(level="line"):
        runs = group.droplevel("line")
        counted = Counter(runs)
        usual = max(counted, key=lambda pattern: (counted[pattern], pattern))
        place = {stop: i for i, stop in enumerate(usual)}
        sense = {pattern: _sense(pattern, place) for pattern in counted}
        found |= dict(zip(runs.index.tolist(), runs.map(sense), strict=True))
    return events["given"].where(~events["line"].isin(missing), events["run"].map(found))


def _sense(pattern: tuple[str, ...], place: Mapping[str, int]) -> str:
    steps = np.diff([place[stop] for stop in pattern if stop in place])
    return BACK if np.sign(steps).sum() < 0 else FORTH


def _check_size(feed: Feed, calls: int, settings: GtfsSettings) -> None:
    if calls > settings.max_events:
        problem = Problem(
            zh=f"停站记录超过上限 {settings.max_events}",
            en=f"more than {settings.max_events} stop events",
            path=feed.path,
            rule="max_events",
            remedy_zh="缩短时段、限定线路类型，或提高该设置",
            remedy_en="narrow the window or the route types, or raise the setting",
        )
        raise SourceError(problem)


def _bad_number(feed: Feed, table: str, column: str) -> Problem:
    return Problem(
        zh=f"{column} 须为正数",
        en=f"{column} must be a positive number",
        path=feed.path,
        row=table,
        rule=column,
    )

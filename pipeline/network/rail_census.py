"""Count line-stations as the official figure does, and say what is known of the past network."""

from __future__ import annotations

import calendar
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from pipeline.errors import FieldError, Problem
from pipeline.network.rail_lines import MAIN, shared_section
from pipeline.network.station_groups import place_platforms, plain_name
from pipeline.settings.rail import MissingStations, RailSettings, SharedTrack

CHANGES = {
    "ring": ("环线首站在表尾重复", "the ring repeats its first station at the end"),
    "junction": ("支线重复分岔站", "the branch repeats its junction"),
    "shared": ("共线车站只计一次", "stations on shared track are counted once"),
    "scope": ("官方数字不含该线", "the official figure leaves the line out"),
    "missing": ("官方计入而表中没有", "counted officially, absent from the table"),
}


@dataclass(frozen=True)
class StationCount:
    """Line-stations counted once per line, with the ledger that leads to the official figure.

    `ledger` has one row for each station added or left out: `step` (a key of `CHANGES`), `line`,
    `station`, `change` (+1 or -1), `reason_zh`, `reason_en`. `unexplained` is `comparable` minus
    the official figure: what no name accounts for, null without an official figure.
    """

    rows: int
    line_stations: int
    stations: int
    interchanges: int
    comparable: int
    official: int | None
    unexplained: int | None
    by_line: pd.Series
    ledger: pd.DataFrame


def count_line_stations(
    table: pd.DataFrame,
    *,
    shared_rule: Sequence[SharedTrack],
    not_in_official: Collection[str],
    official_only: Sequence[MissingStations],
    official: int | None,
    settings: RailSettings,
) -> StationCount:
    """Count line-stations, stations and interchanges, and list by name what differs.

    `line_stations` counts a station once per line (rings and junctions once), `comparable` also
    counts shared track once, leaves out lines that the official figure leaves out and adds those
    stations that only it holds.

    Parameters
    ----------
    table
        Line-stations with `x`, `y` in metres (see `checked_line_stations`), the rows to be counted.
    shared_rule
        Sections of shared track, each station counted once.
    not_in_official, official_only, official
        Scope of the official figure, and the figure.
    settings
        Interchange distance and names that are no interchange.
    """
    entries = list(_repeats(table))
    repeated = {row for row, _ in entries}
    ledger = [entry for _, entry in entries]
    once = table[~table.index.isin(repeated)]
    ledger += _shared_again(once, shared_rule)
    outside = once[once["line"].isin(set(not_in_official))]
    ledger += [("scope", line, name, -1) for line, name in _names(outside)]
    ledger += [("missing", m.line, name, 1) for m in official_only for name in m.stations]
    placed = place_platforms(
        once, max_m=settings.interchange_max_m, separate_names=settings.never_interchange
    )
    lines_at = placed.groupby("station_id")["line"].nunique()
    listed = _ledger(ledger, official_only)
    comparable = len(table) + int(listed["change"].sum())
    return StationCount(
        rows=len(table),
        line_stations=len(once),
        stations=len(lines_at),
        interchanges=int((lines_at > 1).sum()),
        comparable=comparable,
        official=official,
        unexplained=None if official is None else comparable - official,
        by_line=once.groupby("line").size().rename("line_stations"),
        ledger=listed,
    )


Entry = tuple[str, str, str, int]


def _names(rows: pd.DataFrame) -> Iterator[tuple[str, str]]:
    yield from zip(rows["line"], rows["station"], strict=True)


def _repeats(table: pd.DataFrame) -> Iterator[tuple[object, Entry]]:
    """List rows that name a station of their line again: the end of a ring, a junction."""
    ordered = table.assign(late=table["branch"] != MAIN, key=table["station"].map(plain_name))
    ordered = ordered.sort_values(["line", "late", "branch", "seq"], kind="stable")
    again = ordered[ordered.duplicated(["line", "key"])]
    for row, line, branch, station in again[["line", "branch", "station"]].itertuples(name=None):
        yield row, ("ring" if branch == MAIN else "junction", line, station, -1)


def _shared_again(once: pd.DataFrame, rules: Sequence[SharedTrack]) -> list[Entry]:
    entries: list[Entry] = []
    for rule in rules:
        if set(rule.lines) <= set(once["line"]):
            sections = [shared_section(once, line, rule) for line in rule.lines]
            for section in sections[1:]:
                entries += [("shared", line, name, -1) for line, name in _names(section)]
    return entries


def _ledger(entries: Sequence[Entry], official_only: Sequence[MissingStations]) -> pd.DataFrame:
    reasons = {(m.line, name): m for m in official_only for name in m.stations}
    rows = []
    for step, line, station, change in entries:
        zh, en = CHANGES[step]
        if step == "missing":
            zh, en = reasons[line, station].reason_zh, reasons[line, station].reason_en
        rows.append((step, line, station, change, zh, en))
    columns = ["step", "line", "station", "change", "reason_zh", "reason_en"]
    return pd.DataFrame(rows, columns=columns)


HISTORY = ("date", "lines", "stations", "length_km", "scope", "source", "confidence")


def read_history(history: pd.DataFrame) -> pd.DataFrame:
    """Read the table of the network by date into numbers.

    Dates may be a day, a month (its last day) or `YYYY-end`; rows that are an expectation or a
    count of one's own are marked as such. `508`, `506-508` and `~620` become bounds; the figure as
    written stays.

    Returns
    -------
    history
        The rows in order of date with `as_of` (date), `kind` (`reported`, `expected`,
        `own_count`) and, for `lines`, `stations` and `length_km`, the columns `_low` and `_high`
        (null where the source gives none).

    Raises
    ------
    FieldError
        When a column is missing or a date cannot be read.
    """
    if missing := [name for name in HISTORY if name not in history.columns]:
        raise FieldError(
            *(Problem(zh=f"缺少字段 {c}", en=f"column {c} is missing", rule=c) for c in missing)
        )
    rows = history.copy()
    rows["as_of"] = [_as_of(str(text), row) for row, text in history["date"].items()]
    rows["kind"] = "reported"
    rows.loc[rows["date"].str.contains("expected"), "kind"] = "expected"
    rows.loc[rows["date"].str.contains("data set"), "kind"] = "own_count"
    for name in ("lines", "stations", "length_km"):
        bounds = [_bounds(text) for text in rows[name]]
        rows[f"{name}_low"] = pd.array([low for low, _ in bounds], dtype="Float64")
        rows[f"{name}_high"] = pd.array([high for _, high in bounds], dtype="Float64")
    return rows.sort_values("as_of", kind="stable", ignore_index=True)


def _as_of(text: str, row: object) -> date:
    if found := re.match(r"^(\d{4})-(\d{2})-(\d{2})$", text):
        return date(*(int(part) for part in found.groups()))
    if found := re.match(r"^(\d{4})-(\d{2})\b", text):
        year, month = int(found[1]), int(found[2])
        return date(year, month, calendar.monthrange(year, month)[1])
    if found := re.match(r"^(\d{4})(-end)?\b", text):
        return date(int(found[1]), 12, 31)
    problem = Problem(
        zh=f"无法读取日期「{text}」", en=f"cannot read date {text!r}", row=str(row), rule="date"
    )
    raise FieldError(problem)


def _bounds(value: object) -> tuple[float | None, float | None]:
    """Read a leading number or range; a count that starts with words or a plus sign is none."""
    found = re.match(
        r"^~?(\d+(?:\.\d+)?)(?:\s*[-–]\s*(\d+(?:\.\d+)?))?(?![\d-])", str(value).strip()
    )
    if value is None or value is pd.NA or found is None:
        return None, None
    low = float(found[1])
    return low, float(found[2]) if found[2] else low


@dataclass(frozen=True)
class NetworkOnDate:
    """What the tables tell of the network on a date.

    `figures` is the latest reported row on or before the date (null before the first), `days_old`
    its age. Coverage needs the stations that were open, hence `station_status`: `ok` where every
    line-station has an opening date, `not_measurable` otherwise.
    """

    day: date
    status: str
    figures: pd.Series | None
    days_old: int | None
    station_status: str
    open_stations: pd.DataFrame | None
    without_date: int


def network_on(day: date, *, history: pd.DataFrame, line_stations: pd.DataFrame) -> NetworkOnDate:
    """Look up the network on a date, without interpolating and without inventing openings.

    Figures of different dates have different scopes (with or without maglev, Jinshan railway) and
    must not be subtracted from each other unless `scope` agrees.

    Parameters
    ----------
    history
        Table of figures by date (`HISTORY`).
    line_stations
        Ordered line-stations; a column `opened` (ISO date) is used where it exists.
    """
    rows = read_history(history)
    past = rows[(rows["kind"] == "reported") & (rows["as_of"] <= day)]
    figures = None if past.empty else past.iloc[-1]
    days_old = None if figures is None else (day - figures["as_of"]).days
    opened = line_stations.get("opened", pd.Series(None, index=line_stations.index, dtype=object))
    without = int(opened.isna().sum())
    known = without == 0 and len(line_stations) > 0
    dates = np.array([date.fromisoformat(str(text)) for text in opened]) if known else None
    return NetworkOnDate(
        day=day,
        status="no_data" if figures is None else "ok",
        figures=figures,
        days_old=days_old,
        station_status="ok" if known else "not_measurable",
        open_stations=None if dates is None else line_stations[dates <= day],
        without_date=without,
    )

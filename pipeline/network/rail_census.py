"""Count line-stations as the official figure does, and say what is known of the past network."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

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


OPEN, CLOSED, UNKNOWN = "open", "closed", "unknown"


def openings_on(line_stations: pd.DataFrame, day: date) -> pd.Series[str]:
    """Say of every line-station whether it was open on a day, as far as its dates tell.

    Nothing is interpolated: between the last day on which a station was not yet open and the first
    on which it was, its state is unknown, and so it is before the first day on which anything is
    known of it.

    Parameters
    ----------
    line_stations
        `opened` (the day it opened), or `opened_by` (a day on which it was open) and `opened_after`
        (a day on which it was not yet); ISO days, null where unknown. Absent columns are unknown.

    Returns
    -------
    state
        `open`, `closed` or `unknown`, on the index of the table.
    """
    days = {
        name: pd.to_datetime(
            line_stations.get(name, pd.Series(None, index=line_stations.index, dtype=object))
        )
        for name in ("opened", "opened_by", "opened_after")
    }
    when = pd.Timestamp(day)
    is_open = (days["opened"] <= when) | (days["opened_by"] <= when)
    is_closed = (days["opened"] > when) | (days["opened_after"] >= when)
    state = pd.Series(UNKNOWN, index=line_stations.index, dtype="str")
    return state.mask(is_closed, CLOSED).mask(is_open, OPEN)

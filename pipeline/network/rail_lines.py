"""Turn ordered line-stations into the platforms and rides of a rail graph."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Collection, Iterable
from dataclasses import replace

import numpy as np
import pandas as pd
from pyproj import Transformer

from pipeline.errors import FieldError, Problem
from pipeline.network.rail import RIDE_COLUMNS, RailGraph, RailTables, assemble_graph
from pipeline.network.station_groups import named_links, place_platforms, plain_name, stations_of
from pipeline.settings.rail import RailSettings, SharedTrack, ThroughBranch

logger = logging.getLogger(__name__)

COLUMNS = ("line", "branch", "seq", "station", "lon", "lat", "status")
MAIN = "main"
UP, DOWN = "up", "down"
STATUSES = frozenset({"operating", "under_construction", "planned", "closed"})
# A ring needs three different stations; its table repeats the first one at the end.
SHORTEST_RING = 4


def build_rail_graph(
    line_stations: pd.DataFrame, *, crs: str, statuses: Collection[str], settings: RailSettings
) -> RailGraph:
    """Build the rail graph of the lines in a table of ordered line-stations.

    Parameters
    ----------
    line_stations
        Columns `line`, `branch` (`main` or the branch's name), `seq` (order along the branch),
        `station`, `lon`, `lat` (EPSG:4326), `status`. A line whose first and last station agree is
        a ring. A branch repeats its junction.
    crs
        Working CRS, in metres.
    statuses
        Statuses at which trains stop (`operating`; more for a scenario); they pass the others.
    settings
        Speeds, headways, changes, branches run through, shared track.

    Raises
    ------
    FieldError
        When the table breaks one of these rules; all problems are listed.
    """
    tables = line_tables(line_stations, crs=crs, statuses=statuses, settings=settings)
    placed = place_platforms(
        tables.platforms,
        max_m=settings.interchange_max_m,
        separate_names=settings.never_interchange,
    )
    links = named_links(stations_of(placed), settings=settings)
    return assemble_graph(replace(tables, platforms=placed), links=links, settings=settings)


def line_tables(
    line_stations: pd.DataFrame, *, crs: str, statuses: Collection[str], settings: RailSettings
) -> RailTables:
    """List the platforms and rides of the lines, closed stations passed without a stop.

    Ride minutes are the straight distance between stations times the track factor over the running
    speed of the line's class; the result is therefore `estimated_straight_line`.
    """
    rows = checked_line_stations(line_stations, crs=crs)
    parts = [_route(group, settings) for _, group in rows.groupby(["line", "branch"], sort=True)]
    platforms = pd.concat([part[0] for part in parts], ignore_index=True)
    rides = pd.concat([part[1] for part in parts], ignore_index=True)
    problems: list[Problem] = []
    stops = platforms["status"].isin(set(statuses))
    served = set(zip(platforms["line"][stops], platforms["branch"][stops], strict=True))
    for through in settings.through_branches:
        if (through.line, through.branch) in served:
            platforms, rides = _run_through(platforms, rides, through, problems)
    for shared in settings.shared_tracks:
        if set(shared.lines) <= set(platforms["line"]):
            platforms, rides = _share_track(platforms, rides, shared, problems)
    if problems:
        raise FieldError(*problems)
    passed = platforms.loc[~platforms["status"].isin(set(statuses)), "platform_id"]
    rides = _pass_through(rides, passed.tolist())
    kept = platforms[~platforms["platform_id"].isin(set(passed))].reset_index(drop=True)
    # No line of the table turns trains back on its way, so all that arrive go on.
    kept["arrival_headway_min"] = kept["headway_min"]
    logger.info(
        "%d platforms, %d passed without a stop, %d rides", len(kept), len(passed), len(rides)
    )
    return RailTables(kept, rides, "estimated_straight_line")


def checked_line_stations(line_stations: pd.DataFrame, *, crs: str) -> pd.DataFrame:
    """Check a table of line-stations and add `x`, `y` in the working CRS.

    Rows come back sorted by line, branch and order.
    """
    if missing := [name for name in COLUMNS if name not in line_stations.columns]:
        raise FieldError(
            *(Problem(zh=f"缺少字段 {c}", en=f"column {c} is missing", rule=c) for c in missing)
        )
    problems = list(_cell_problems(line_stations))
    if problems:
        raise FieldError(*problems)
    rows = line_stations[list(COLUMNS)].copy()
    for name in ("line", "branch", "station"):
        rows[name] = rows[name].astype(str).str.strip()
    to_metres = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    rows["x"], rows["y"] = to_metres.transform(rows["lon"].to_numpy(), rows["lat"].to_numpy())
    return rows.sort_values(["line", "branch", "seq"], ignore_index=True)


def _cell_problems(table: pd.DataFrame) -> Iterable[Problem]:
    for name in COLUMNS:
        for row in table.index[table[name].isna()]:
            yield Problem(zh=f"{name} 为空", en=f"{name} is empty", row=row, rule=name)
    for row in table.index[~table["status"].isin(STATUSES)]:
        allowed = ", ".join(sorted(STATUSES))
        yield Problem(
            zh=f"未知状态 {table['status'][row]}",
            en=f"unknown status {table['status'][row]}",
            row=row,
            rule="status",
            remedy_zh=f"可用：{allowed}",
            remedy_en=f"use one of {allowed}",
        )
    for row in table.index[(table["lon"].abs() > 180) | (table["lat"].abs() > 90)]:  # noqa: PLR2004
        yield Problem(
            zh="坐标不是经纬度", en="coordinates are not degrees", row=row, rule="lon, lat"
        )
    for row in table.index[table.duplicated(["line", "branch", "seq"])]:
        yield Problem(zh="同一支线序号重复", en="order repeats in a branch", row=row, rule="seq")
    for (line, branch), group in table.groupby(["line", "branch"]):
        names = group.sort_values("seq")["station"].astype(str).map(plain_name).tolist()
        inner = names[:-1] if len(names) >= SHORTEST_RING and names[0] == names[-1] else names
        if len(inner) < 2 or len(set(inner)) < len(inner):  # noqa: PLR2004
            yield Problem(
                zh=f"{line} 号线 {branch} 少于两站或车站重复",
                en=f"line {line} {branch} has fewer than two stations or repeats one",
                rule="station",
            )


def _route(group: pd.DataFrame, settings: RailSettings) -> tuple[pd.DataFrame, pd.DataFrame]:
    """List platforms and rides of one branch in both directions."""
    line, branch = group["line"].iloc[0], group["branch"].iloc[0]
    kind, headway_min = settings.class_of(line), settings.headway_of(line)
    step_m = np.hypot(np.diff(group["x"]), np.diff(group["y"])) * settings.track_factor
    ride_min = step_m / 1000 / kind.running_speed_kmh * 60
    names = group["station"].tolist()
    ring = plain_name(names[0]) == plain_name(names[-1])
    stops = group.iloc[:-1] if ring else group
    if ring:
        names[-1] = names[0]
    platforms, rides = [], []
    for direction in (UP, DOWN):
        ids = [f"{line}/{branch}/{direction}/{name}" for name in names]
        table = stops[["line", "branch", "seq", "station", "status", "x", "y"]].assign(
            platform_id=ids[: len(stops)], direction=direction
        )
        platforms.append(table)
        pairs = list(itertools.pairwise(ids))
        if direction == DOWN:
            pairs = [(end, start) for start, end in pairs]
        rides.append(pd.DataFrame(pairs, columns=["from_platform", "to_platform"]))
        rides[-1]["ride_min"] = ride_min
    platform_table = pd.concat(platforms, ignore_index=True).assign(
        headway_min=headway_min, dwell_min=kind.dwell_min, platform_group="", is_shared=False
    )
    return platform_table, pd.concat(rides, ignore_index=True).assign(headway_min=headway_min)


def _run_through(
    platforms: pd.DataFrame, rides: pd.DataFrame, rule: ThroughBranch, problems: list[Problem]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Splice a branch into its main line: its trains run on, each arm gets its share of them."""
    line = platforms["line"] == rule.line
    main = platforms[line & (platforms["branch"] == MAIN)]
    at = main[main["station"] == rule.junction].set_index("direction")
    goal = main[main["station"] == rule.towards]
    own = platforms[line & (platforms["branch"] == rule.branch)]
    doubles = own.loc[own["station"] == rule.junction, "platform_id"]
    if at.empty or goal.empty or doubles.empty or rule.junction == rule.towards:
        problems.append(_bad_rule(f"{rule.line}/{rule.branch}", rule.junction, rule.towards))
        return platforms, rides
    onward = UP if goal["seq"].iloc[0] > at["seq"].iloc[0] else DOWN
    back = DOWN if onward == UP else UP
    sign = 1 if onward == UP else -1
    arm = main.loc[(main["seq"] - at["seq"].iloc[0]) * sign < 0, "platform_id"]
    platforms = platforms[~platforms["platform_id"].isin(doubles)]
    for ids, share in ((arm, 1 - rule.share), (own["platform_id"], rule.share)):
        platforms = _rarer(platforms, platforms["platform_id"].isin(ids), share)
        touched = rides["from_platform"].isin(ids) | rides["to_platform"].isin(ids)
        rides = _rarer(rides, touched, share)
    arrives, leaves = rides["to_platform"].isin(doubles), rides["from_platform"].isin(doubles)
    joined = rides.assign(
        to_platform=rides["to_platform"].mask(arrives, str(at.loc[onward, "platform_id"])),
        from_platform=rides["from_platform"].mask(leaves, str(at.loc[back, "platform_id"])),
    )
    return platforms.reset_index(drop=True), joined


def _rarer(table: pd.DataFrame, rows: pd.Series, share: float) -> pd.DataFrame:
    headway_min = table["headway_min"]
    return table.assign(headway_min=headway_min.mask(rows, headway_min / share))


def _share_track(
    platforms: pd.DataFrame, rides: pd.DataFrame, rule: SharedTrack, problems: list[Problem]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Add the section as a line of its own, on which the first train of any line serves."""
    sections = [shared_section(platforms, line, rule) for line in rule.lines]
    names = [set(section["station"].map(plain_name)) for section in sections]
    if not names[0] or any(other != names[0] for other in names[1:]):
        problems.append(_bad_rule("/".join(rule.lines), rule.first, rule.last))
        return platforms, rides
    label = "/".join(rule.lines)
    per_min = sum(1 / section["headway_min"].max() for section in sections)
    twin = {name: f"{label}//{name}" for name in sections[0]["platform_id"]}
    within = rides["from_platform"].isin(twin) & rides["to_platform"].isin(twin)
    extra_rides = rides[within].assign(
        from_platform=rides["from_platform"].map(twin),
        to_platform=rides["to_platform"].map(twin),
        headway_min=1 / per_min,
    )
    extra = sections[0].assign(
        platform_id=sections[0]["platform_id"].map(twin),
        line=label,
        headway_min=1 / per_min,
        is_shared=True,
    )
    grouped = set().union(*(section["platform_id"] for section in sections))
    platforms = pd.concat([platforms, extra], ignore_index=True)
    one_platform = platforms["platform_id"].isin(grouped | set(twin.values()))
    platforms.loc[one_platform, "platform_group"] = label
    return platforms, pd.concat([rides, extra_rides], ignore_index=True)


def shared_section(rows: pd.DataFrame, line: str, rule: SharedTrack) -> pd.DataFrame:
    """Give the rows of a line's main route between the ends of a shared section, ends included.

    On a ring the section must not cross the station where its table starts. Empty when an end is
    not on the line.
    """
    main = rows[(rows["line"] == line) & (rows["branch"] == MAIN)]
    ends = [main.loc[main["station"] == name, "seq"] for name in (rule.first, rule.last)]
    if any(end.empty for end in ends):
        return main.iloc[:0]
    low, high = sorted(int(end.iloc[0]) for end in ends)
    return main[main["seq"].between(low, high)]


def _pass_through(rides: pd.DataFrame, passed: Iterable[str]) -> pd.DataFrame:
    """Join the rides into and out of every platform that trains pass."""
    for name in passed:
        into, out = rides[rides["to_platform"] == name], rides[rides["from_platform"] == name]
        joined = into.merge(out, how="cross", suffixes=("_a", "_b"))
        joined = joined[joined["from_platform_a"] != joined["to_platform_b"]]
        past = pd.DataFrame(
            {
                "from_platform": joined["from_platform_a"],
                "to_platform": joined["to_platform_b"],
                "ride_min": joined["ride_min_a"] + joined["ride_min_b"],
                "headway_min": joined[["headway_min_a", "headway_min_b"]].max(axis=1),
            }
        )
        left = rides.drop(index=into.index.union(out.index))
        rides = past if left.empty else pd.concat([left, past], ignore_index=True)
    return rides[list(RIDE_COLUMNS)].reset_index(drop=True)


def _bad_rule(line: str, first: str, last: str) -> Problem:
    return Problem(
        zh=f"设置中 {line} 的「{first}」「{last}」与线路车站表不符",
        en=f"the setting for {line} ({first}, {last}) does not match the table of line-stations",
        rule="through_branches, shared_tracks",
        remedy_zh="改正站名，或删去该设置",
        remedy_en="correct the station names or drop the setting",
    )

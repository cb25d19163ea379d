"""Join lines, waits and changes to one rail graph and compute its station-to-station minutes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from pipeline.errors import FieldError, Problem
from pipeline.network.station_groups import stations_of
from pipeline.settings.rail import RailSettings

logger = logging.getLogger(__name__)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PLATFORM_COLUMNS = (
    "platform_id",
    "line",
    "direction",
    "station",
    "x",
    "y",
    "headway_min",
    "arrival_headway_min",
    "dwell_min",
    "platform_group",
    "is_shared",
)
RIDE_COLUMNS = ("from_platform", "to_platform", "ride_min", "headway_min")


@dataclass(frozen=True)
class RailTables:
    """Lines before they are joined: where trains stop, what runs between, how often.

    `platforms` has one row for each line, direction and stop (`PLATFORM_COLUMNS`); between
    platforms of one `platform_group` (not empty) riders change without leaving the platform.
    `rides` has one row for each pair of consecutive stops (`RIDE_COLUMNS`), minutes between doors
    closing and doors opening.
    `method` tells whether times are timetabled or estimated.
    """

    platforms: pd.DataFrame
    rides: pd.DataFrame
    method: str


@dataclass(frozen=True)
class RailGraph:
    """A rail network as nodes and directed edges with minutes.

    Every station has an `in` and an `out` node, every platform an `arr` and a `dep` node; walking
    in and out are thus no detour around a change. Edge kinds: `board` (half the headway), `ride`,
    `dwell`, `transfer` (walk plus half the headway), `alight`.
    """

    stations: pd.DataFrame
    platforms: pd.DataFrame
    nodes: pd.DataFrame
    edges: pd.DataFrame
    method: str

    def __repr__(self) -> str:
        """Describe the graph in one line."""
        lines = self.platforms.loc[~self.platforms["is_shared"], "line"].nunique()
        return (
            f"RailGraph({len(self.stations)} stations, {lines} lines, "
            f"{int(self.stations['is_interchange'].sum())} interchanges, {len(self.edges)} edges, "
            f"{self.method})"
        )

    @cached_property
    def costs(self) -> csr_array:
        """Minutes between nodes as a sparse matrix, the least of parallel edges."""
        least = self.edges.groupby(["from_node", "to_node"], as_index=False)["minutes"].min()
        pairs = (least["from_node"].to_numpy(), least["to_node"].to_numpy())
        size = len(self.nodes)
        return csr_array((least["minutes"].to_numpy(float), pairs), shape=(size, size))

    def positions(self, station_ids: Sequence[str]) -> Ints:
        """Find the row of each station id, raising `FieldError` for unknown ones."""
        index = pd.Index(self.stations["station_id"])
        found = index.get_indexer(pd.Index(station_ids))
        if unknown := [s for s, i in zip(station_ids, found, strict=True) if i < 0]:
            raise FieldError(*(_unknown_station(name) for name in unknown))
        return np.asarray(found, dtype=np.int64)


def _unknown_station(name: str) -> Problem:
    return Problem(
        zh=f"轨道网络中没有车站「{name}」",
        en=f"the rail graph has no station {name!r}",
        rule="station_id",
        remedy_zh="检查站名，或车站是否已运营",
        remedy_en="check the name and whether the station is operating",
    )


@dataclass(frozen=True)
class RailCosts:
    """Minutes and changes between stations; NaN where no train leads, shape (from, to)."""

    from_ids: tuple[str, ...]
    to_ids: tuple[str, ...]
    minutes: Floats
    transfers: Floats
    method: str


def assemble_graph(tables: RailTables, *, links: pd.DataFrame, settings: RailSettings) -> RailGraph:
    """Join platforms to a graph by boarding, riding, dwelling, changing and alighting.

    A rider waits half the headway at each boarding and nowhere else. Where trains part or end,
    those that go on are rarer than those before: half the difference of the headways is added
    there (on the ride into a branch, on the dwell where some trains turn back), so that a trip
    waits for its own trains.

    Parameters
    ----------
    tables
        Lines whose platforms carry a `station_id` (see `place_platforms`).
    links
        Changes on foot between stations: `station_a`, `station_b` (ids), `walk_min`; both ways.
    settings
        Minutes of changes, walking speed and detour.

    Raises
    ------
    FieldError
        When a platform or ride lacks a time, has a negative one, or names an unknown platform.
    """
    _check(tables)
    platforms = tables.platforms.reset_index(drop=True)
    stations = stations_of(platforms)
    rows = pd.Index(stations["station_id"]).get_indexer(pd.Index(platforms["station_id"]))
    numbers = _Numbers(len(stations), len(platforms))
    edges = pd.concat(
        [
            _calls(platforms, np.asarray(rows, dtype=np.int64), numbers),
            _rides(platforms, tables.rides, numbers),
            _changes(platforms, numbers, settings),
            _street_changes(platforms, links, numbers),
        ],
        ignore_index=True,
    )
    graph = RailGraph(stations, platforms, _nodes(stations, platforms), edges, tables.method)
    logger.info("built %r", graph)
    return graph


@dataclass(frozen=True)
class _Numbers:
    """Node numbers: all `in`, all `out`, all `arr`, all `dep`."""

    stations: int
    platforms: int

    @property
    def out(self) -> int:
        return self.stations

    @property
    def arr(self) -> int:
        return 2 * self.stations

    @property
    def dep(self) -> int:
        return 2 * self.stations + self.platforms


def _nodes(stations: pd.DataFrame, platforms: pd.DataFrame) -> pd.DataFrame:
    parts = [
        stations[["station_id"]].assign(kind="in"),
        stations[["station_id"]].assign(kind="out"),
        platforms[["station_id", "platform_id", "line", "direction"]].assign(kind="arr"),
        platforms[["station_id", "platform_id", "line", "direction"]].assign(kind="dep"),
    ]
    nodes = pd.concat(parts, ignore_index=True)
    nodes.index.name = "node"
    return nodes[["kind", "station_id", "platform_id", "line", "direction"]]


def _check(tables: RailTables) -> None:
    problems = []
    known = set(tables.platforms["platform_id"])
    for table, columns in (
        (tables.platforms, ("headway_min", "arrival_headway_min", "dwell_min", "x", "y")),
        (tables.rides, ("ride_min", "headway_min")),
    ):
        for column in columns:
            values = table[column].to_numpy(float)
            negative = column.endswith("_min") & (values < 0)
            if bad := int((~np.isfinite(values) | negative).sum()):
                problems.append(
                    Problem(
                        zh=f"{bad} 行的 {column} 缺失或为负",
                        en=f"{bad} rows have no or a negative {column}",
                        rule=column,
                    )
                )
    for column in ("from_platform", "to_platform"):
        problems += [
            Problem(zh=f"未知站台 {name}", en=f"unknown platform {name}", rule=column)
            for name in sorted(set(tables.rides[column]) - known)
        ]
    if tables.platforms["platform_id"].duplicated().any():
        problems.append(Problem(zh="站台编号重复", en="platform ids repeat", rule="platform_id"))
    if problems:
        raise FieldError(*problems)


def _edges(kind: str, start: Ints, end: Ints, minutes: Floats | float) -> pd.DataFrame:
    return pd.DataFrame({"from_node": start, "to_node": end, "kind": kind, "minutes": minutes})


def _calls(platforms: pd.DataFrame, rows: Ints, numbers: _Numbers) -> pd.DataFrame:
    every = np.arange(len(platforms))
    arr, dep = numbers.arr + every, numbers.dep + every
    rarer = (platforms["headway_min"] - platforms["arrival_headway_min"]).to_numpy(float)
    through_min = platforms["dwell_min"].to_numpy(float) + np.maximum(rarer, 0.0) / 2
    return pd.concat(
        [
            _edges("board", rows, dep, platforms["headway_min"].to_numpy(float) / 2),
            _edges("alight", arr, numbers.out + rows, 0.0),
            _edges("dwell", arr, dep, through_min),
        ]
    )


def _rides(platforms: pd.DataFrame, rides: pd.DataFrame, numbers: _Numbers) -> pd.DataFrame:
    index = pd.Index(platforms["platform_id"])
    start = index.get_indexer(pd.Index(rides["from_platform"]))
    end = index.get_indexer(pd.Index(rides["to_platform"]))
    rarer = rides["headway_min"].to_numpy(float) - platforms["headway_min"].to_numpy(float)[start]
    minutes = rides["ride_min"].to_numpy(float) + np.maximum(rarer, 0.0) / 2
    return _edges("ride", numbers.dep + start, numbers.arr + end, minutes)


def _changes(platforms: pd.DataFrame, numbers: _Numbers, settings: RailSettings) -> pd.DataFrame:
    columns = ["station_id", "line", "platform_group", "x", "y", "headway_min"]
    calls = platforms[columns].assign(row=np.arange(len(platforms)))
    pairs = calls.merge(calls, on="station_id", suffixes=("_a", "_b"))
    pairs = pairs[pairs["row_a"] != pairs["row_b"]]
    side, rise = pairs["x_a"] - pairs["x_b"], pairs["y_a"] - pairs["y_b"]
    apart_m = np.hypot(side.to_numpy(float), rise.to_numpy(float))
    walk = settings.transfer_walk_min + apart_m * settings.walk_detour / settings.walk_speed_m_min
    one_line = (pairs["line_a"] == pairs["line_b"]).to_numpy(bool)
    group = pairs["platform_group_a"]
    one_platform = ((group == pairs["platform_group_b"]) & (group != "")).to_numpy(bool)
    walk = np.where(one_line, settings.same_line_transfer_min, walk)
    walk = np.where(one_platform, settings.same_platform_min, walk)
    minutes = walk + pairs["headway_min_b"].to_numpy(float) / 2
    start, end = pairs["row_a"].to_numpy(), pairs["row_b"].to_numpy()
    return _edges("transfer", numbers.arr + start, numbers.dep + end, minutes)


def _street_changes(
    platforms: pd.DataFrame, links: pd.DataFrame, numbers: _Numbers
) -> pd.DataFrame:
    calls = platforms[["station_id", "headway_min"]].assign(row=np.arange(len(platforms)))
    there = links[["station_a", "station_b", "walk_min"]]
    back = there.rename(columns={"station_a": "station_b", "station_b": "station_a"})
    pairs = (
        pd.concat([there, back], ignore_index=True)
        .merge(calls, left_on="station_a", right_on="station_id")
        .merge(calls, left_on="station_b", right_on="station_id", suffixes=("_a", "_b"))
    )
    minutes = (pairs["walk_min"] + pairs["headway_min_b"] / 2).to_numpy(float)
    start, end = pairs["row_a"].to_numpy(), pairs["row_b"].to_numpy()
    return _edges("transfer", numbers.arr + start, numbers.dep + end, minutes)


def rail_costs(
    graph: RailGraph,
    *,
    from_stations: Sequence[str] | None = None,
    to_stations: Sequence[str] | None = None,
    sources_per_chunk: int = 64,
) -> RailCosts:
    """Compute minutes and number of changes between stations, over the quickest path.

    A station is 0 minutes and 0 changes from itself. `None` stands for all stations.

    Parameters
    ----------
    from_stations, to_stations
        Station ids.
    sources_per_chunk
        Stations searched at a time; bounds memory only.
    """
    every = graph.stations["station_id"].tolist()
    from_ids = tuple(every if from_stations is None else from_stations)
    to_ids = tuple(every if to_stations is None else to_stations)
    sources, targets = graph.positions(from_ids), graph.positions(to_ids)
    minutes = np.full((len(sources), len(targets)), np.nan)
    transfers = np.full_like(minutes, np.nan)
    for first in range(0, len(sources), sources_per_chunk):
        part = slice(first, first + sources_per_chunk)
        minutes[part], transfers[part] = _search(graph, sources[part], targets)
    same = sources[:, None] == targets[None, :]
    minutes[same] = transfers[same] = 0.0
    return RailCosts(from_ids, to_ids, minutes, transfers, graph.method)


def _search(graph: RailGraph, sources: Ints, targets: Ints) -> tuple[Floats, Floats]:
    numbers = _Numbers(len(graph.stations), len(graph.platforms))
    cost, before = dijkstra(graph.costs, indices=sources, return_predecessors=True)
    boardings = _boardings(before, numbers)[:, numbers.out + targets].astype(float)
    cost = cost[:, numbers.out + targets]
    unreached = ~np.isfinite(cost)
    cost[unreached] = boardings[unreached] = np.nan
    return cost, boardings - 1.0


def _boardings(before: NDArray[np.int32], numbers: _Numbers) -> Ints:
    """Count boardings from the root to every node by doubling pointers along predecessors."""
    nodes = np.arange(before.shape[1])
    rooted = np.where(before < 0, nodes, before).astype(np.int64)
    stays = rooted == nodes - numbers.platforms
    boards = (nodes >= numbers.dep) & ~stays & (rooted != nodes)
    count: Ints = boards.astype(np.int64)
    while True:
        further = np.take_along_axis(rooted, rooted, axis=1)
        if np.array_equal(further, rooted):
            return count
        count += np.take_along_axis(count, rooted, axis=1)
        rooted = further


def rail_minutes(
    graph: RailGraph, from_stations: Sequence[str], to_stations: Sequence[str]
) -> pd.DataFrame:
    """Compute minutes by rail, one row for each origin station and one column for each target.

    Boarding wait, in-vehicle time, dwell and changes are included; null where no train leads.

    Raises
    ------
    FieldError
        When a station id is unknown.
    """
    costs = rail_costs(graph, from_stations=from_stations, to_stations=to_stations)
    return pd.DataFrame(
        costs.minutes,
        index=pd.Index(costs.from_ids, name="station_id"),
        columns=pd.Index(costs.to_ids, name="hub_id"),
    )


def nearest_hubs(
    graph: RailGraph, *, from_stations: Sequence[str], hubs: Sequence[str], k: int
) -> pd.DataFrame:
    """List the `k` hubs that each station reaches soonest by rail.

    Returns
    -------
    hubs
        Columns `station_id`, `rank` (1 is nearest), `hub_id`, `minutes`, `transfers`, `status`.
        Hubs out of reach are not ranked; a station that reaches none has one row with null values
        and status `no_data`. Ties are broken by the order of `hubs`.
    """
    costs = rail_costs(graph, from_stations=from_stations, to_stations=hubs)
    order = np.argsort(costs.minutes, axis=1, kind="stable")[:, :k]
    rows = np.arange(len(order))[:, None]
    minutes = costs.minutes[rows, order]
    kept = np.isfinite(minutes)
    kept[:, 0] = True
    origin, rank = np.nonzero(kept)
    found = np.isfinite(minutes[origin, rank])
    hub_ids = np.asarray(costs.to_ids, dtype=object)[order[origin, rank]]
    return pd.DataFrame(
        {
            "station_id": np.asarray(costs.from_ids, dtype=object)[origin],
            "rank": rank + 1,
            "hub_id": pd.Series(hub_ids, dtype=object).where(found),
            "minutes": minutes[origin, rank],
            "transfers": pd.array(costs.transfers[rows, order][origin, rank], dtype="Float64"),
            "status": np.where(found, "ok", "no_data"),
        }
    )

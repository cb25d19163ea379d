"""Compute the nearest facility, the k nearest and origin-destination costs on a street graph."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.errors import FieldError, Problem
from pipeline.network.graph import StreetGraph
from pipeline.network.phases import Flags, Floats, Ints
from pipeline.network.search import (
    COST_TOLERANCE_MIN,
    arriving,
    leaving,
    nearest_source,
    points_at,
    same_edge,
    starts_at,
    within,
)
from pipeline.network.shortest import near_pairs
from pipeline.network.snap import Snapped, snap

_BYTES_PER_MB = 2**20
# Of a pair that is held: the point and the minutes, and both again as they are handed on.
_BYTES_PER_PAIR = 48


def facility_ids(facilities: gpd.GeoDataFrame, by: str) -> pd.Series:
    """Return the column that tells which entrances belong to one facility.

    Raises
    ------
    FieldError
        The column is missing or has empty cells.
    """
    if by not in facilities.columns:
        text = f"facilities lack the column {by}"
        raise FieldError(Problem(zh=f"设施表缺少字段 {by}", en=text, rule=by))
    ids: pd.Series = facilities[by]
    if ids.isna().any():
        row = str(facilities.index[int(np.flatnonzero(ids.isna())[0])])
        raise FieldError(
            Problem(zh=f"字段 {by} 有空值", en=f"{by} has empty cells", row=row, rule=by)
        )
    return ids


def nearest(
    graph: StreetGraph,
    origins: gpd.GeoSeries | gpd.GeoDataFrame,
    facilities: gpd.GeoDataFrame,
    *,
    by: str,
    snap_max_m: float,
    limit_min: float | None,
) -> pd.DataFrame:
    """Minutes to the nearest facility, for all origins in one search.

    Parameters
    ----------
    graph
        Street graph; costs run from origin to facility.
    origins
        Points in the graph's CRS.
    facilities
        One point per entrance in the graph's CRS.
    by
        Column of `facilities` naming the facility an entrance belongs to.
    snap_max_m
        Cap of snapping in metres.
    limit_min
        Costs within t <= limit count; None for no limit.

    Returns
    -------
    frame
        On the index of `origins`: `minutes`, `facility_id` (null where none) and `status`: `ok`,
        `beyond_limit` (none within the limit, or none connected), `unsnapped`, `no_data` (no
        facilities at all).
    """
    ids = facility_ids(facilities, by)
    start = snap(origins, graph, snap_max_m=snap_max_m)
    target = snap(facilities, graph, snap_max_m=snap_max_m)
    minutes, entrance = nearest_entrance(graph, start, target, limit_min=limit_min)
    nothing = np.full(len(start), len(ids) == 0)
    status = first_true(
        [(nothing, "no_data"), (~start.found, "unsnapped"), (entrance < 0, "beyond_limit")], "ok"
    )
    return pd.DataFrame(
        {"minutes": minutes, "facility_id": take_ids(ids, entrance), "status": status},
        index=start.index,
    )


def take_ids(ids: pd.Series, rows: Ints) -> pd.api.extensions.ExtensionArray | NDArray[np.object_]:
    """Return the ids at the rows, None at -1."""
    if isinstance(ids.array, pd.api.extensions.ExtensionArray) and len(ids):
        return ids.array.take(rows, allow_fill=True)  # text stays packed: no object per row
    named = np.empty(len(ids) + 1, dtype=object)
    named[:-1] = ids.to_numpy()
    return np.asarray(named[rows], dtype=object)


def first_true(
    choices: Sequence[tuple[Flags, str]], otherwise: str
) -> pd.api.extensions.ExtensionArray:
    """Name each row after the first condition that holds, as packed text."""
    names = pd.array([*(name for _, name in choices), otherwise], dtype="str")
    first = np.full(len(choices[0][0]), len(choices))
    for place in reversed(range(len(choices))):
        first[choices[place][0]] = place
    return names.take(first)


def nearest_entrance(
    graph: StreetGraph, origins: Snapped, targets: Snapped, *, limit_min: float | None
) -> tuple[Floats, Ints]:
    """Minutes to the nearest of the targets and its row, for snapped origins.

    Returns
    -------
    minutes, row
        NaN and -1 where no target is within the limit.
    """
    found = nearest_source(
        graph.phases.reverse, arriving(graph, targets), targets.found, limit_min=limit_min
    )
    ends = leaving(graph, origins)
    via_u = np.where(np.isnan(ends.min_u), np.inf, found.minutes[ends.node_u] + ends.min_u)
    via_v = np.where(np.isnan(ends.min_v), np.inf, found.minutes[ends.node_v] + ends.min_v)
    minutes = np.minimum(via_u, via_v)
    row = np.where(via_u <= via_v, found.source[ends.node_u], found.source[ends.node_v])
    direct = same_edge(graph, origins, targets)
    direct = direct.sort_values(["minutes", "target"]).drop_duplicates("origin")
    at = direct["origin"].to_numpy()
    shorter = direct["minutes"].to_numpy() < minutes[at]
    minutes[at[shorter]] = direct["minutes"].to_numpy()[shorter]
    row[at[shorter]] = direct["target"].to_numpy()[shorter]
    limit = np.inf if limit_min is None else limit_min
    reached = origins.found & np.isfinite(minutes) & within(minutes, limit)
    return np.where(reached, minutes, np.nan), np.where(reached, row, -1)


def nearest_for_nodes(
    graph: StreetGraph,
    facilities: gpd.GeoDataFrame,
    *,
    by: str,
    snap_max_m: float,
    limit_min: float | None,
) -> pd.DataFrame:
    """Minutes from every node of the graph to its nearest facility, in one pass.

    Parameters as in `nearest`.

    Returns
    -------
    frame
        Index `node_id`; `minutes`, `facility_id`, `status` (`ok`, `beyond_limit`, `no_data`).
    """
    ids = facility_ids(facilities, by)
    target = snap(facilities, graph, snap_max_m=snap_max_m)
    found = nearest_source(
        graph.phases.reverse, arriving(graph, target), target.found, limit_min=limit_min
    )
    minutes, row = found.minutes[graph.phases.start], found.source[graph.phases.start]
    none = "beyond_limit" if len(ids) else "no_data"
    return pd.DataFrame(
        {
            "minutes": np.where(row < 0, np.nan, minutes),
            "facility_id": take_ids(ids, row),
            "status": first_true([(row < 0, none)], "ok"),
        },
        index=pd.Index(graph.node_ids, name="node_id"),
    )


def od_matrix(
    graph: StreetGraph,
    origins: gpd.GeoSeries | gpd.GeoDataFrame,
    facilities: gpd.GeoDataFrame,
    *,
    by: str,
    snap_max_m: float,
    cutoff_min: float,
    memory_mb: float,
) -> pd.DataFrame:
    """Minutes between all origins and facilities within a cutoff, as a long table.

    Parameters as in `nearest`; `memory_mb` bounds one chunk of the search in MB.

    Returns
    -------
    table
        Columns `origin` (label in the index of `origins`), `facility_id`, `minutes`; one row for
        each pair within t <= cutoff, at the facility's nearest entrance, in the order of origins
        and facilities.
    """
    ids = facility_ids(facilities, by)
    start = snap(origins, graph, snap_max_m=snap_max_m)
    target = snap(facilities, graph, snap_max_m=snap_max_m)
    codes, names = pd.factorize(ids)
    pairs = entrance_pairs(graph, start, target, cutoff_min=cutoff_min, memory_mb=memory_mb)
    pairs = nearest_entrances(pairs.assign(target=codes[pairs["target"].to_numpy()]))
    return pd.DataFrame(
        {
            "origin": start.index[pairs["origin"].to_numpy()],
            "facility_id": names[pairs["target"].to_numpy()],
            "minutes": pairs["minutes"].to_numpy(),
        }
    )


def nearest_entrances(pairs: pd.DataFrame) -> pd.DataFrame:
    """Keep the cheapest row of each pair of `origin` and `target`, sorted by both."""
    ordered = pairs.sort_values(["origin", "target", "minutes"], kind="stable")
    return ordered.drop_duplicates(["origin", "target"]).reset_index(drop=True)


def k_nearest(
    graph: StreetGraph,
    origins: gpd.GeoSeries | gpd.GeoDataFrame,
    facilities: gpd.GeoDataFrame,
    *,
    k: int,
    by: str,
    snap_max_m: float,
    limit_min: float,
    memory_mb: float,
) -> pd.DataFrame:
    """Find the k nearest facilities of every origin within a limit.

    Parameters as in `od_matrix`.

    Returns
    -------
    table
        Columns `origin`, `rank` (1 is the nearest), `facility_id`, `minutes`; fewer than k rows
        where fewer facilities are within the limit.
    """
    bytes_per_pair = 64
    block = max(1, int(memory_mb * _BYTES_PER_MB / (bytes_per_pair * max(1, len(facilities)))))
    parts = []
    for begin in range(0, len(origins), block):
        table = od_matrix(
            graph,
            origins.iloc[begin : begin + block],
            facilities,
            by=by,
            snap_max_m=snap_max_m,
            cutoff_min=limit_min,
            memory_mb=memory_mb,
        )
        place = table.groupby("origin", sort=False)["minutes"].rank(method="first").astype("int64")
        table.insert(1, "rank", place)
        parts.append(table[place <= k])
    columns = ["origin", "rank", "facility_id", "minutes"]
    table = pd.concat(parts) if parts else pd.DataFrame(columns=columns)
    order = pd.Index(origins.index).get_indexer(pd.Index(table["origin"]))
    return table.iloc[np.lexsort((table["rank"], order))].reset_index(drop=True)


def entrance_pairs(
    graph: StreetGraph,
    origins: Snapped,
    targets: Snapped,
    *,
    cutoff_min: float,
    memory_mb: float,
) -> pd.DataFrame:
    """Minutes between snapped origins and targets within a cutoff.

    One limited search runs from each point of the smaller side.

    Returns
    -------
    pairs
        Columns `origin`, `target` (rows) and `minutes`; a pair may appear twice (along its common
        edge, and round it).
    """
    backwards = targets.found.sum() < origins.found.sum()
    sources, others = (targets, origins) if backwards else (origins, targets)
    direct = same_edge(graph, origins, targets)
    network = graph.phases.reverse if backwards else graph.phases.forward
    enter, leave = (arriving, leaving) if backwards else (leaving, arriving)
    found = near_pairs(
        network,
        starts_at(enter(graph, sources), sources.found),
        points_at(leave(graph, others), others.found, size=network.shape[0]),
        limit=cutoff_min + COST_TOLERANCE_MIN,
        most=int(memory_mb * _BYTES_PER_MB / _BYTES_PER_PAIR),
    )
    parts = [
        (other, one, minutes) if backwards else (one, other, minutes)
        for one, other, minutes in found
    ]
    parts.append(
        (direct["origin"].to_numpy(), direct["target"].to_numpy(), direct["minutes"].to_numpy())
    )
    origin, target, cost = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    near = within(cost, cutoff_min)
    return pd.DataFrame({"origin": origin[near], "target": target[near], "minutes": cost[near]})

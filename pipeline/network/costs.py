"""Compute the nearest facility, the k nearest and origin-destination costs on a street graph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from pipeline.errors import FieldError, Problem
from pipeline.network.graph import StreetGraph
from pipeline.network.phases import Flags, Floats, Ints
from pipeline.network.search import (
    COST_TOLERANCE_MIN,
    Ends,
    arriving,
    leaving,
    nearest_source,
    same_edge,
    with_sources,
    within,
)
from pipeline.network.snap import Snapped, snap

_BYTES_PER_MB = 2**20
# With more of the network inside a tile than this, cutting it out costs more than it saves.
_WORTH_CUTTING = 0.6
_POINTS_PER_TILE = 32


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

    One limited search runs from each point of the smaller side, in chunks of neighbours; each chunk
    sees only the part of the network that its cutoff can reach.

    Returns
    -------
    pairs
        Columns `origin`, `target` (rows) and `minutes`; a pair may appear twice (along its common
        edge, and round it).
    """
    backwards = targets.found.sum() < origins.found.sum()
    sources, others = (targets, origins) if backwards else (origins, targets)
    direct = same_edge(graph, origins, targets)
    found = _chunks(
        graph,
        sources,
        others,
        backwards=bool(backwards),
        cutoff_min=cutoff_min,
        memory_mb=memory_mb,
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


def _chunks(
    graph: StreetGraph,
    sources: Snapped,
    others: Snapped,
    *,
    backwards: bool,
    cutoff_min: float,
    memory_mb: float,
) -> Iterator[tuple[Ints, Ints, Floats]]:
    """Yield rows of sources and others within the cutoff, and their minutes, chunk by chunk."""
    matrix = graph.phases.reverse if backwards else graph.phases.forward
    enter, leave = (arriving, leaving) if backwards else (leaving, arriving)
    source_ends, other_ends = enter(graph, sources), leave(graph, others)
    node_xy = graph.node_xy[graph.phases.node]
    reach_m = cutoff_min * graph.fastest_m_min + 1.0
    other_rows = np.flatnonzero(others.found)
    place = np.full(len(node_xy), -1, dtype=np.int64)
    for tile in _tiles(sources, reach_m):
        low, high = sources.xy[tile].min(axis=0) - reach_m, sources.xy[tile].max(axis=0) + reach_m
        inside = ((node_xy >= low) & (node_xy <= high)).all(axis=1)
        if inside.mean() > _WORTH_CUTTING:
            inside[:] = True
        kept = np.flatnonzero(inside)
        near = other_rows[((others.xy[other_rows] >= low) & (others.xy[other_rows] <= high)).all(1)]
        part = matrix if len(kept) == len(inside) else matrix[kept][:, kept]
        place[kept] = np.arange(len(kept))
        rows_at_once = max(
            1, int(memory_mb * _BYTES_PER_MB / (8 * (len(kept) + 4 * len(near) + 1)))
        )
        for begin in range(0, len(tile), rows_at_once):
            chunk = tile[begin : begin + rows_at_once]
            minutes = _dense(
                part,
                _relabel(source_ends, chunk, place),
                _relabel(other_ends, near, place),
                cutoff_min,
            )
            one, other = np.nonzero(within(minutes, cutoff_min))
            yield chunk[one], near[other], minutes[one, other]
        place[kept] = -1


def _tiles(points: Snapped, reach_m: float) -> Iterator[Ints]:
    """Group the rows of found points by squares.

    Squares are at least as wide as the reach of a search, and wide enough to share out the work of
    cutting their part of the network among many points.
    """
    rows = np.flatnonzero(points.found)
    if len(rows) == 0:
        return
    extent = float(np.ptp(points.xy[rows], axis=0).prod())
    side_m = max(reach_m, 1.0, float(np.sqrt(extent * _POINTS_PER_TILE / len(rows))))
    square = np.floor(points.xy[rows] / side_m).astype(np.int64)
    order = np.lexsort((rows, square[:, 1], square[:, 0]))
    square, rows = square[order], rows[order]
    cut = np.flatnonzero((np.diff(square, axis=0) != 0).any(axis=1)) + 1
    yield from np.split(rows, cut)


def _relabel(ends: Ends, rows: Ints, place: Ints) -> Ends:
    """Take the ends at the rows, on the node labels of a part of the network.

    An end outside the part is farther than the cutoff: it is closed.
    """
    node_u, node_v = place[ends.node_u[rows]], place[ends.node_v[rows]]
    return Ends(
        np.maximum(node_u, 0),
        np.maximum(node_v, 0),
        np.where(node_u < 0, np.nan, ends.min_u[rows]),
        np.where(node_v < 0, np.nan, ends.min_v[rows]),
    )


def _dense(matrix: csr_matrix, sources: Ends, others: Ends, cutoff_min: float) -> Floats:
    """Minutes between some sources and others as a dense block, inf beyond the cutoff."""
    size, count = matrix.shape[0], len(sources.node_u)
    minutes = dijkstra(
        with_sources(matrix, sources, np.ones(count, dtype=bool)),
        indices=size + np.arange(count),
        limit=cutoff_min + COST_TOLERANCE_MIN,
    )
    via_u = minutes[:, others.node_u] + np.where(np.isnan(others.min_u), np.inf, others.min_u)
    via_v = minutes[:, others.node_v] + np.where(np.isnan(others.min_v), np.inf, others.min_v)
    return np.asarray(np.minimum(via_u, via_v, out=via_u))

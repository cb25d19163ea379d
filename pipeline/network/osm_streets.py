"""Build street graphs from an OpenStreetMap extract, streaming."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from pipeline.cycles import no_search_for_cycles
from pipeline.network.contract import Chains, Segments, contract
from pipeline.network.extract_checks import no_streets
from pipeline.network.graph import SIDES_OF_A_BARRIER, StreetGraph, assemble
from pipeline.network.graph_contract import assert_projected
from pipeline.network.osm_reading import RawStreets, read_raw_streets
from pipeline.network.phases import Flags, Floats, Ints
from pipeline.network.tag_rules import Use, barrier_effect, keys_read, way_use
from pipeline.settings.network import Mode, ModeRules

logger = logging.getLogger(__name__)

_KM_H_IN_M_MIN = 1000 / 60


def read_osm_streets(
    path: Path,
    *,
    area: shapely.Geometry | None,
    crs: CRS,
    rules: Mapping[Mode, ModeRules],
    walk_speed_m_min: float,
    scrap_max_km: float,
) -> dict[Mode, StreetGraph]:
    """Read an extract once and build the graph of every mode asked for.

    Parameters
    ----------
    path
        An `.osm.pbf`, `.osm` or other file libosmium reads, nodes before ways.
    area
        Area to keep, EPSG:4326 (longitude, latitude), the study with its buffer; a segment stays
        when one of its ends lies inside. None keeps everything.
    crs
        Working CRS, projected in metres.
    rules
        Tag rules by mode.
    walk_speed_m_min
        Walking speed in m/min.
    scrap_max_km
        Connected parts shorter than this are kept, but no point snaps to them.

    Returns
    -------
    graphs
        One street graph for each mode.

    Raises
    ------
    SourceError
        The file is missing, damaged or no OSM file; its area misses the study; a mode has no
        streets; coordinates are swapped or in metres.
    CrsError
        `crs` is not projected in metres.
    """
    graphs = each_graph(
        path,
        area=area,
        crs=crs,
        rules=rules,
        walk_speed_m_min=walk_speed_m_min,
        scrap_max_km=scrap_max_km,
    )
    return {graph.mode: graph for graph in graphs}


def each_graph(
    path: Path,
    *,
    area: shapely.Geometry | None,
    crs: CRS,
    rules: Mapping[Mode, ModeRules],
    walk_speed_m_min: float,
    scrap_max_km: float,
) -> Iterator[StreetGraph]:
    """Read an extract once and build one graph after the other, none held but by the caller.

    Parameters and errors as in `read_osm_streets`.
    """
    assert_projected(crs, what="working CRS")
    keys = frozenset[str]().union(*map(keys_read, rules.values()))
    raw = read_raw_streets(path, area=area, keys=keys)
    for mode, mode_rules in rules.items():
        with no_search_for_cycles():
            graph = build_graph(
                raw,
                mode=mode,
                area=area,
                crs=crs,
                rules=mode_rules,
                walk_speed_m_min=walk_speed_m_min,
                scrap_max_km=scrap_max_km,
            )
        yield graph
        del graph  # before the next one is built


def build_graph(
    raw: RawStreets,
    *,
    mode: Mode,
    area: shapely.Geometry | None,
    crs: CRS,
    rules: ModeRules,
    walk_speed_m_min: float,
    scrap_max_km: float,
) -> StreetGraph:
    """Build the graph of one mode from the streets as drawn.

    Parameters and errors as in `read_osm_streets`.
    """
    kinds, of_way = _kinds(raw, rules, walk_speed_m_min / _KM_H_IN_M_MIN)
    node_ids, first, row = raw.nodes
    inside = _inside(raw.lon[first], raw.lat[first], area)
    segments = _segments(raw, row, of_way, kinds.flipped, inside)
    if len(segments.a) == 0:
        raise no_streets(raw.path, mode, area)
    effects = _effects(raw.barriers, rules)
    segments, node_ids, source = _close_barriers(segments, node_ids, effects)
    private = np.isin(node_ids, [node for node, effect in effects.items() if effect == "interior"])
    chains = contract(segments, keep=private)
    graph = _to_graph(
        chains,
        kinds,
        node_ids,
        raw.projected(crs)[source],
        private=private,
        crs=crs,
        mode=mode,
        walk_speed_m_min=walk_speed_m_min,
        scrap_max_km=scrap_max_km,
        snapshot=raw.snapshot,
    )
    logger.info("built %r from %s", graph, raw.path.name)
    return graph


@dataclass(frozen=True, eq=False)
class Kinds:
    """Kinds of street: pieces join into one edge only where use and name agree.

    `use` and `name` are per kind the row in `uses` and in `names` (-1: none); `flipped` is the row
    of the same kind seen from the other end (-1: no way is of that kind).
    """

    uses: list[Use]
    names: list[str]
    use: Ints
    name: Ints
    flipped: Ints

    def numbers(self, field: str, rows: Ints) -> NDArray[Any]:
        """Return a field of the use of each row's kind, NaN where there is none."""
        values = pd.Series([getattr(use, field) for use in self.uses])
        return np.asarray(values)[self.use[rows]]

    def texts(self, field: str, rows: Ints) -> pd.api.extensions.ExtensionArray:
        """Return a field of the use of each row's kind as packed text."""
        values = pd.array([getattr(use, field) for use in self.uses], dtype="str")
        return values.take(self.use[rows])

    def called(self, rows: Ints) -> pd.api.extensions.ExtensionArray:
        """Return the name of each row's kind, null where there is none."""
        return pd.array([*self.names, None], dtype="str").take(self.name[rows])  # -1 is the last


def _kinds(raw: RawStreets, rules: ModeRules, walk_km_h: float) -> tuple[Kinds, Ints]:
    """Apply the rules to every way; ways with the same tags are judged once.

    Returns
    -------
    kinds, row
        Distinct kinds; per way the row of its kind (-1: closed to the mode).
    """
    rows: dict[Use, int] = {}
    of_tags = np.full(len(raw.tags), -1, dtype=np.int64)
    for number, tags in enumerate(raw.tags):
        use = way_use(tags, rules, walk_km_h=walk_km_h)
        if use is not None:
            of_tags[number] = rows.setdefault(use, len(rows))
    back = np.array([rows.get(use.flipped(), -1) for use in rows], dtype=np.int64)
    names = len(raw.names) + 1
    use_of_way = of_tags[raw.tag_row]
    code = np.where(use_of_way < 0, -1, use_of_way * names + raw.name_row + 1)
    codes, row = np.unique(code, return_inverse=True)
    if codes.min(initial=0) < 0:
        codes, row = codes[1:], row - 1
    use_row, name_row = codes // names, codes % names
    other = np.where(back[use_row] < 0, -1, back[use_row] * names + name_row)
    at = np.minimum(np.searchsorted(codes, other), max(0, len(codes) - 1))
    flipped = np.where(codes[at] == other, at, -1)
    return Kinds(list(rows), raw.names, use_row, name_row - 1, flipped), row


def _effects(barriers: Mapping[int, Mapping[str, str]], rules: ModeRules) -> dict[int, str]:
    """Tell what each barrier does to the mode; those with the same tags are judged once."""
    kinds = {id(tags): tags for tags in barriers.values()}
    effects = {kind: barrier_effect(tags, rules) for kind, tags in kinds.items()}
    every = ((node, effects[id(tags)]) for node, tags in barriers.items())
    return {node: effect for node, effect in every if effect is not None}


def _segments(raw: RawStreets, row: Ints, of_way: Ints, flipped: Ints, inside: Flags) -> Segments:
    """Cut usable ways into segments with both ends known and at least one inside the area."""
    way = np.repeat(np.arange(len(raw.way_ids)), np.diff(raw.offsets))
    known = ~np.isnan(raw.lon)
    a, b = row[:-1], row[1:]
    fits = (
        (way[:-1] == way[1:])
        & (of_way[way[:-1]] >= 0)
        & known[:-1]
        & known[1:]
        & (a != b)
        & (inside[a] | inside[b])
    )
    at = np.flatnonzero(fits)
    order = np.lexsort((at, raw.way_ids[way[at]]))
    at = at[order]
    return Segments(
        a=a[at],
        b=b[at],
        way_id=raw.way_ids[way[at]],
        position=at - raw.offsets[way[at]],
        use=of_way[way[at]],
        flipped_use=flipped,
    )


def _close_barriers(
    segments: Segments, node_ids: Ints, effects: Mapping[int, str]
) -> tuple[Segments, Ints, Ints]:
    """Give every way that ends at a closed barrier an end of its own.

    Returns
    -------
    segments, node_ids, source
        Segments over the new node rows; ids of the new rows; the old row each one lies at.
    """
    source = np.arange(len(node_ids))
    shut = [node for node, effect in effects.items() if effect == "closed"]
    closed = np.isin(node_ids, shut)
    ends = np.concatenate((segments.a, segments.b))
    at = np.flatnonzero(closed[ends])
    if len(at) == 0:
        return segments, node_ids, source
    order = at[np.argsort(ends[at], kind="stable")]
    starts = np.unique(ends[order], return_index=True)[1]
    side = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
    new_ids = -(node_ids[ends[order]] * SIDES_OF_A_BARRIER + side)
    source = np.concatenate((source, ends[order]))
    ends[order] = len(node_ids) + np.arange(len(order))
    half = len(segments.a)
    apart = Segments(
        a=ends[:half],
        b=ends[half:],
        way_id=segments.way_id,
        position=segments.position,
        use=segments.use,
        flipped_use=segments.flipped_use,
    )
    return apart, np.concatenate((node_ids, new_ids)), source


def _to_graph(
    chains: Chains,
    kinds: Kinds,
    node_ids: Ints,
    xy: Floats,
    *,
    private: Flags,
    crs: CRS,
    mode: Mode,
    walk_speed_m_min: float,
    scrap_max_km: float,
    snapshot: dt.date | None,
) -> StreetGraph:
    """Turn chains of node rows into the tables."""
    parts = np.repeat(np.arange(len(chains.use)), np.diff(chains.starts))
    lines = shapely.linestrings(xy[chains.vertices], indices=parts)
    u = chains.vertices[chains.starts[:-1]]
    v = chains.vertices[chains.starts[1:] - 1]
    used = np.zeros(len(node_ids), dtype=bool)
    used[u] = used[v] = True
    length = shapely.length(lines)
    edges = pd.DataFrame(
        {
            "edge_id": _edge_names(chains.way_id, chains.position),
            "u": node_ids[u],
            "v": node_ids[v],
            "length_m": length,
            "highway": kinds.texts("highway", chains.use),
            "name": kinds.called(chains.use),
            "structure": kinds.texts("structure", chains.use),
            "interior": kinds.numbers("interior", chains.use) | private[u] | private[v],
            "snappable": kinds.numbers("snappable", chains.use),
        }
    )
    for column, speed in (("forward_min", "forward_km_h"), ("back_min", "back_km_h")):
        speed_m_min = kinds.numbers(speed, chains.use).astype(np.float64) * _KM_H_IN_M_MIN
        if mode == "walk":  # exact lengths over the exact speed, not over a rounded km/h
            speed_m_min = np.where(np.isnan(speed_m_min), np.nan, walk_speed_m_min)
        edges[column] = length / speed_m_min
    return assemble(
        node_ids[used],
        xy[used],
        edges,
        lines=lines,
        crs=crs,
        mode=mode,
        walk_speed_m_min=walk_speed_m_min,
        scrap_max_km=scrap_max_km,
        snapshot=snapshot,
    )


def _edge_names(way_id: Ints, position: Ints) -> pd.api.extensions.ExtensionArray:
    """Name edges after their first piece: way id and position of its first node."""
    way, place = (pc.cast(pa.array(numbers), pa.string()) for numbers in (way_id, position))
    ways = pc.binary_join_element_wise("w", way, "")
    names: pd.api.extensions.ExtensionArray = pd.array(
        pc.binary_join_element_wise(ways, place, ":"), dtype="str"
    )
    return names


def _inside(lon: Floats, lat: Floats, area: shapely.Geometry | None) -> Flags:
    """Tell which nodes lie in the area."""
    if area is None:
        return np.ones(len(lon), dtype=bool)
    shapely.prepare(area)
    return np.asarray(shapely.intersects_xy(area, lon, lat), dtype=bool)

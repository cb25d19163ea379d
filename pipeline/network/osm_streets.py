"""Build street graphs from an OpenStreetMap extract, streaming."""

from __future__ import annotations

import datetime as dt
import logging
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import osmium
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from pipeline.network.contract import Chains, Segments, contract
from pipeline.network.extract_checks import (
    check_area,
    check_area_is_met,
    check_header,
    check_is_readable,
    no_streets,
    unreadable,
)
from pipeline.network.graph import SIDES_OF_A_BARRIER, StreetGraph, assemble
from pipeline.network.graph_contract import assert_projected
from pipeline.network.phases import Flags, Floats, Ints
from pipeline.network.tag_rules import Use, barrier_effect, way_use
from pipeline.settings.network import Mode, ModeRules

logger = logging.getLogger(__name__)

_UNDEFINED = 2147483647
_DEGREES = 1e-7
_LARGE_EXTRACT_BYTES = 256 * 2**20
_KM_H_IN_M_MIN = 1000 / 60


@dataclass(frozen=True, eq=False)
class RawStreets:
    """The streets of an extract as drawn: ways with their nodes and tags, and barriers.

    `refs[offsets[i]:offsets[i + 1]]` are the node ids of way i; `lon`, `lat` run parallel to
    `refs`, in degrees, NaN where the extract lacks the node.
    """

    path: Path
    way_ids: Ints
    offsets: Ints
    refs: Ints
    lon: Floats
    lat: Floats
    tags: list[Mapping[str, str]]
    barriers: Mapping[int, Mapping[str, str]]
    snapshot: dt.date | None


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
    assert_projected(crs, what="working CRS")
    raw = read_raw_streets(path, area=area)
    return {
        mode: build_graph(
            raw,
            mode=mode,
            area=area,
            crs=crs,
            rules=mode_rules,
            walk_speed_m_min=walk_speed_m_min,
            scrap_max_km=scrap_max_km,
        )
        for mode, mode_rules in rules.items()
    }


def read_raw_streets(path: Path, *, area: shapely.Geometry | None) -> RawStreets:
    """Read ways with `highway` and nodes with `barrier` in one pass over the file.

    Locations are kept in libosmium's compact index (16 bytes a node; on disk for extracts over
    256 MB), tags and node lists for streets only.

    Raises
    ------
    SourceError
        See `read_osm_streets`.
    """
    check_is_readable(path)
    if area is not None:
        check_area(area, path)
    store = "sparse_file_array" if path.stat().st_size > _LARGE_EXTRACT_BYTES else "flex_mem"
    way_ids, offsets, refs = array("q"), array("q", [0]), array("q")
    x, y = array("q"), array("q")
    tags: list[Mapping[str, str]] = []
    barriers: dict[int, Mapping[str, str]] = {}
    newest: dt.datetime | None = None
    try:
        reader = (
            osmium.FileProcessor(path, osmium.osm.NODE | osmium.osm.WAY)
            .with_locations(store)
            .with_filter(osmium.filter.KeyFilter("highway", "barrier"))
        )
        snapshot = check_header(reader.header, path, area)
        for item in reader:
            if isinstance(item, osmium.osm.Node):
                if "barrier" in item.tags:
                    barriers[item.id] = dict(item.tags)
            elif isinstance(item, osmium.osm.Way) and "highway" in item.tags:
                way_ids.append(item.id)
                tags.append(dict(item.tags))
                for node in item.nodes:
                    place = node.location
                    refs.append(node.ref)
                    x.append(place.x)
                    y.append(place.y)
                offsets.append(len(refs))
                newest = item.timestamp if newest is None else max(newest, item.timestamp)
    except RuntimeError as error:
        raise unreadable(path, str(error)) from error
    lon, lat = _degrees(x), _degrees(y)
    ok = _is_on_earth(lon, lat)
    lon[~ok], lat[~ok] = np.nan, np.nan
    raw = RawStreets(
        path=path,
        way_ids=_ints(way_ids),
        offsets=_ints(offsets),
        refs=_ints(refs),
        lon=lon,
        lat=lat,
        tags=tags,
        barriers=barriers,
        snapshot=snapshot or _edited(newest),
    )
    check_area_is_met(raw.lon, raw.lat, ways=len(tags), path=path, area=area)
    logger.info(
        "read %d ways with %d nodes from %s, %d node places missing",
        len(tags),
        len(raw.refs),
        path.name,
        int((~ok).sum()),
    )
    return raw


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
    uses, way_use_row, flipped = _uses(raw.tags, rules, walk_speed_m_min / _KM_H_IN_M_MIN)
    node_ids, first, row = np.unique(raw.refs, return_index=True, return_inverse=True)
    lon, lat = raw.lon[first], raw.lat[first]
    segments = _segments(raw, row, way_use_row, flipped, _inside(lon, lat, area))
    if len(segments.a) == 0:
        raise no_streets(raw.path, mode, area)
    effects = {
        node: effect
        for node, tags in raw.barriers.items()
        if (effect := barrier_effect(tags, rules)) is not None
    }
    segments, node_ids, source = _close_barriers(segments, node_ids, effects)
    private = np.isin(node_ids, [node for node, effect in effects.items() if effect == "interior"])
    chains = contract(segments, keep=private)
    to_crs = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    xy = np.column_stack(to_crs.transform(lon, lat))[source]
    graph = _to_graph(
        chains,
        uses,
        node_ids,
        xy,
        private=private,
        crs=crs,
        mode=mode,
        walk_speed_m_min=walk_speed_m_min,
        scrap_max_km=scrap_max_km,
        snapshot=raw.snapshot,
    )
    logger.info("built %r from %s", graph, raw.path.name)
    return graph


def _uses(
    tags: list[Mapping[str, str]], rules: ModeRules, walk_km_h: float
) -> tuple[list[Use], Ints, Ints]:
    """Apply the rules to every way.

    Returns
    -------
    uses, row, flipped
        Distinct uses; per way the row of its use (-1: closed to the mode); per use the row of the
        same use seen from the other end (-1: none).
    """
    rows: dict[Use, int] = {}
    of_way = np.full(len(tags), -1, dtype=np.int64)
    for way, way_tags in enumerate(tags):
        use = way_use(way_tags, rules, walk_km_h=walk_km_h)
        if use is not None:
            of_way[way] = rows.setdefault(use, len(rows))
    flipped = np.array([rows.get(use.flipped(), -1) for use in rows], dtype=np.int64)
    return list(rows), of_way, flipped


def _segments(
    raw: RawStreets, row: Ints, way_use_row: Ints, flipped: Ints, inside: Flags
) -> Segments:
    """Cut usable ways into segments with both ends known and at least one inside the area."""
    way = np.repeat(np.arange(len(raw.way_ids)), np.diff(raw.offsets))
    known = ~np.isnan(raw.lon)
    a, b = row[:-1], row[1:]
    fits = (
        (way[:-1] == way[1:])
        & (way_use_row[way[:-1]] >= 0)
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
        use=way_use_row[way[at]],
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
    uses: list[Use],
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
    table = pd.DataFrame(uses, columns=list(Use._fields)).iloc[chains.use]
    length = shapely.length(lines)
    edges = pd.DataFrame(
        {
            "edge_id": edge_names(chains.way_id, chains.position),
            "u": node_ids[u],
            "v": node_ids[v],
            "length_m": length,
            "highway": table["highway"].to_numpy(),
            "name": table["name"].to_numpy(),
            "structure": table["structure"].to_numpy(),
            "interior": table["interior"].to_numpy(dtype=bool) | private[u] | private[v],
            "snappable": table["snappable"].to_numpy(dtype=bool),
        }
    )
    for column, speed in (("forward_min", "forward_km_h"), ("back_min", "back_km_h")):
        speed_m_min = table[speed].to_numpy(dtype=np.float64) * _KM_H_IN_M_MIN
        if mode == "walk":  # exact lengths over the exact speed, not over a rounded km/h
            speed_m_min = np.where(np.isnan(speed_m_min), np.nan, walk_speed_m_min)
        edges[column] = length / speed_m_min
    return assemble(
        node_ids,
        xy,
        edges,
        lines=lines,
        crs=crs,
        mode=mode,
        walk_speed_m_min=walk_speed_m_min,
        scrap_max_km=scrap_max_km,
        snapshot=snapshot,
    )


def edge_names(way_id: Ints, position: Ints) -> NDArray[np.object_]:
    """Name edges after their first piece: way id and position of its first node."""
    pairs = zip(way_id.tolist(), position.tolist(), strict=True)
    return np.array([f"w{way}:{place}" for way, place in pairs], dtype=object)


def _inside(lon: Floats, lat: Floats, area: shapely.Geometry | None) -> Flags:
    """Tell which nodes lie in the area."""
    if area is None:
        return np.ones(len(lon), dtype=bool)
    shapely.prepare(area)
    return np.asarray(shapely.intersects_xy(area, lon, lat), dtype=bool)


def _ints(values: array[int]) -> Ints:
    """View a packed array as numpy."""
    return np.frombuffer(values, dtype=np.int64) if len(values) else np.empty(0, dtype=np.int64)


def _degrees(values: array[int]) -> Floats:
    """Turn libosmium's integers into degrees; NaN where undefined."""
    whole = _ints(values)
    return np.where(whole == _UNDEFINED, np.nan, whole * _DEGREES)


def _is_on_earth(lon: Floats, lat: Floats) -> Flags:
    """Tell which places libosmium would call valid."""
    return (np.abs(lon) <= 180) & (np.abs(lat) <= 90)  # noqa: PLR2004


def _edited(newest: dt.datetime | None) -> dt.date | None:
    """Take the newest edit of a street for the date of a file that tells none."""
    return None if newest is None or newest.year <= 1970 else newest.date()  # noqa: PLR2004

"""Read the streets of an OpenStreetMap extract as they are drawn, streaming."""

from __future__ import annotations

import datetime as dt
import logging
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import osmium
import shapely

from pipeline.network.extract_checks import (
    check_area,
    check_area_is_met,
    check_header,
    check_is_readable,
    unreadable,
)
from pipeline.network.phases import Flags, Floats, Ints

logger = logging.getLogger(__name__)

_UNDEFINED = 2147483647
_DEGREES = 1e-7
_LARGE_EXTRACT_BYTES = 256 * 2**20


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
    seen: set[int] = set()
    newest: dt.datetime | None = None
    try:
        reader = (
            osmium.FileProcessor(path, osmium.osm.NODE | osmium.osm.WAY)
            .with_locations(store)
            .with_filter(_with_key("highway", osmium.osm.WAY))
            .with_filter(_with_key("barrier", osmium.osm.NODE))
        )
        snapshot = check_header(reader.header, path, area)
        for item in reader:
            if isinstance(item, osmium.osm.Node):
                barriers[item.id] = dict(item.tags)
            elif isinstance(item, osmium.osm.Way) and item.id not in seen:
                seen.add(item.id)  # extracts joined by hand repeat ways along the seam
                way_ids.append(item.id)
                tags.append(dict(item.tags))
                for node in item.nodes:
                    place = node.location
                    refs.append(node.ref)
                    x.append(place.x)
                    y.append(place.y)
                offsets.append(len(refs))
                newest = item.timestamp if newest is None else max(newest, item.timestamp)
    except (RuntimeError, ValueError, osmium.InvalidLocationError) as error:
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


def _with_key(key: str, kind: osmium.osm.osm_entity_bits) -> osmium.filter.KeyFilter:
    """Let objects of one kind pass only with the key; other kinds are not judged."""
    chosen = osmium.filter.KeyFilter(key)
    chosen.enable_for(kind)
    return chosen


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

"""Read the streets of an OpenStreetMap extract as they are drawn, streaming."""

from __future__ import annotations

import ctypes
import datetime as dt
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import osmium
import pyarrow as pa
import shapely
from pyproj import CRS, Transformer

from pipeline.machine import refusal
from pipeline.network.extract_checks import (
    check_area,
    check_area_is_met,
    check_header,
    check_is_readable,
    unreadable,
)
from pipeline.network.osm_lines import Lines, Ways, joined, plain, tags_of
from pipeline.network.phases import Flags, Floats, Ints

logger = logging.getLogger(__name__)

_LARGE_EXTRACT_BYTES = 256 * 2**20
_BUFFER_BYTES = 2**18


@dataclass(frozen=True, eq=False)
class RawStreets:
    """The streets of an extract as drawn: ways with their nodes and tags, and barriers.

    `refs[offsets[i]:offsets[i + 1]]` are the node ids of way i; `lon`, `lat` run parallel to
    `refs`, in degrees, NaN where the extract lacks the node. Way i has the tags
    `tags[tag_row[i]]`, of which only the keys asked for were kept, and the name
    `names[name_row[i]]`, none where the row is -1.
    """

    path: Path
    way_ids: Ints
    offsets: Ints
    refs: Ints
    lon: Floats
    lat: Floats
    tags: list[Mapping[str, str]]
    tag_row: Ints
    names: list[str]
    name_row: Ints
    barriers: Mapping[int, Mapping[str, str]]
    snapshot: dt.date | None
    _places: dict[str, Floats] = field(default_factory=dict)

    @cached_property
    def nodes(self) -> tuple[Ints, Ints, Ints]:
        """Distinct node ids, where each first stands in `refs`, and the row of each reference."""
        return np.unique(self.refs, return_index=True, return_inverse=True)

    def projected(self, crs: CRS) -> Floats:
        """Return the places of `nodes` in metres, shape (nodes, 2), computed once a CRS."""
        if crs.srs not in self._places:
            first = self.nodes[1]
            project = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
            places = project.transform(self.lon[first], self.lat[first])
            self._places[crs.srs] = np.column_stack(places)
        return self._places[crs.srs]


def read_raw_streets(
    path: Path, *, area: shapely.Geometry | None, keys: Collection[str]
) -> RawStreets:
    """Read ways with `highway` and nodes with `barrier` in one pass over the file.

    libosmium does the pass alone: it writes the streets with the places of their nodes, one way a
    line, to a temporary file that is then read as arrays. Locations are kept in its compact index
    (16 bytes a node; on disk for extracts over 256 MB), node lists and tags for streets only, and
    of these for those that come near the area.

    Parameters
    ----------
    path, area
        See `read_osm_streets`; ways without a node in the area's box are left out.
    keys
        Keys of the tags to keep of ways; the name is always kept.

    Raises
    ------
    SourceError
        See `read_osm_streets`.
    """
    check_is_readable(path)
    if area is not None:
        check_area(area, path)
    with TemporaryDirectory(prefix="parkgap-streets-") as folder:
        target = Path(folder) / "streets.opl"
        try:
            reader = osmium.io.Reader(path, osmium.osm.NODE | osmium.osm.WAY)
            snapshot = check_header(reader.header(), path, area)
            streets = _with_key("highway", osmium.osm.WAY), _with_key("barrier", osmium.osm.NODE)
            index = index_of_places(path)
            write_lines(reader, streets, index, target, with_times=snapshot is None)
        except (RuntimeError, ValueError, IndexError, osmium.InvalidLocationError) as error:
            raise refusal(error) or unreadable(path, str(error)) from error
        lines = Lines(target, keys, with_times=snapshot is None)
        try:
            raw = _as_arrays(lines, path, area, snapshot)
        except (pa.ArrowInvalid, UnicodeError) as error:
            raise unreadable(path, str(error)) from error
    logger.info(
        "read %d ways with %d nodes from %s, %d node places missing",
        len(raw.way_ids),
        len(raw.refs),
        path.name,
        int(np.isnan(raw.lon).sum()),
    )
    return raw


def index_of_places(path: Path) -> osmium.index.LocationTable:
    """Give room for the places of an extract's nodes: in memory, on disk for a large extract."""
    large = path.stat().st_size > _LARGE_EXTRACT_BYTES
    return osmium.index.create_map("sparse_file_array" if large else "flex_mem")


def write_lines(
    reader: osmium.io.Reader,
    filters: Sequence[osmium.filter.KeyFilter | osmium.filter.IdFilter],
    index: osmium.index.LocationTable,
    target: Path,
    *,
    with_times: bool,
) -> None:
    """Let libosmium write what passes all filters as lines, ways with the places of their nodes."""
    places = osmium.NodeLocationsForWays(index)
    places.ignore_errors()
    metadata = "timestamp" if with_times else "false"
    form = f"opl,locations_on_ways=true,add_metadata={metadata}"
    writer = osmium.SimpleWriter(osmium.io.File(str(target), form), _BUFFER_BYTES)
    try:
        osmium.apply(reader, places, *filters, writer)
        writer.close()
    except BaseException:
        _close_or_keep(writer)
        raise


def _close_or_keep(writer: osmium.SimpleWriter) -> None:
    """Close a writer after an error.

    One that failed itself (a full disk, text that is no Unicode) cannot be closed, and would end
    the whole process when it is destroyed: it is never destroyed.
    """
    try:
        writer.close()
    except RuntimeError:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(writer))


def _with_key(key: str, kind: osmium.osm.osm_entity_bits) -> osmium.filter.KeyFilter:
    """Let objects of one kind pass only with the key; other kinds are not judged."""
    chosen = osmium.filter.KeyFilter(key)
    chosen.enable_for(kind)
    return chosen


def _as_arrays(
    lines: Lines, path: Path, area: shapely.Geometry | None, snapshot: dt.date | None
) -> RawStreets:
    """Read what libosmium wrote."""
    ways = _near(lines, path, area)
    return RawStreets(
        path=path,
        way_ids=ways.ids,
        offsets=np.concatenate(([0], np.cumsum(ways.counts))),
        refs=ways.refs,
        lon=ways.lon,
        lat=ways.lat,
        tags=[tags_of(text) for text in ways.tags.dictionary.to_pylist()],
        tag_row=ways.tags.indices.to_numpy().astype(np.int64),
        names=[plain(text) for text in ways.names.dictionary.to_pylist()],
        name_row=ways.names.indices.fill_null(-1).to_numpy().astype(np.int64),
        barriers=lines.tagged_nodes(),
        snapshot=snapshot or _edited(lines.newest),
    )


def _near(lines: Lines, path: Path, area: shapely.Geometry | None) -> Ways:
    """Read the ways that come near the area, each once, places off the earth taken out."""
    parts: list[Ways] = []
    count = 0
    west, south, east, north = np.inf, np.inf, -np.inf, -np.inf
    for ways in lines.ways():
        lon, lat = ways.lon, ways.lat
        known = _is_on_earth(lon, lat)
        lon[~known], lat[~known] = np.nan, np.nan
        west, east = np.fmin.reduce(lon, initial=west), np.fmax.reduce(lon, initial=east)
        south, north = np.fmin.reduce(lat, initial=south), np.fmax.reduce(lat, initial=north)
        count += len(ways.ids)
        parts.append(ways if area is None else ways.take(_touching(ways, area)))
    check_area_is_met((west, south, east, north), ways=count, path=path, area=area)
    ways = joined(parts)
    first = np.unique(ways.ids, return_index=True)[1]
    if len(first) == len(ways.ids):
        return ways
    once = np.zeros(len(ways.ids), dtype=bool)
    once[first] = True  # extracts joined by hand repeat ways along the seam
    return ways.take(once)


def _touching(ways: Ways, area: shapely.Geometry) -> Flags:
    """Tell which ways have a node in the box of the area."""
    west, south, east, north = area.bounds
    lon, lat = ways.lon, ways.lat
    inside = (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
    way = np.repeat(np.arange(len(ways.ids)), ways.counts)
    return np.bincount(way[inside], minlength=len(ways.ids)) > 0


def _is_on_earth(lon: Floats, lat: Floats) -> Flags:
    """Tell which places libosmium would call valid."""
    return (np.abs(lon) <= 180) & (np.abs(lat) <= 90)  # noqa: PLR2004


def _edited(newest: str) -> dt.date | None:
    """Take the newest edit of a street for the date of a file that tells none."""
    day = dt.date.fromisoformat(newest[1:11]) if len(newest) > 1 else None
    return None if day is None or day.year <= 1970 else day  # noqa: PLR2004

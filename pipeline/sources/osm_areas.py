"""Make areas of closed ways as arrays, and let libosmium assemble what is no plain ring."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import osmium
import shapely

from pipeline.network.phases import Flags, Floats, Ints
from pipeline.sources.osm_objects import Objects

Assembled = tuple[bool, int, dict[str, str], shapely.Geometry]

_PLACE = re.compile(r"x[^,]*")
_UNITS_A_DEGREE = 1e7
_LATITUDES = 2**32  # more than there are
_CORNERS = 3


def closed_ways(counts: Ints, spots: Floats) -> Flags:
    """Tell which ways end where they begin and have corners enough for an area.

    Parameters
    ----------
    counts
        How many nodes each way has.
    spots
        Longitude and latitude of the nodes of all ways, NaN where unknown.
    """
    closed = counts > _CORNERS
    first = (np.cumsum(counts) - counts)[closed]
    closed[closed] = (spots[first] == spots[first + counts[closed] - 1]).all(axis=1)
    return closed


def plain_areas(counts: Ints, spots: Floats) -> tuple[npt.NDArray[np.object_], Flags]:
    """Make areas of closed ways as libosmium assembles them, where they are plain rings.

    A ring begins at its westernmost corner and runs counter-clockwise.

    Returns
    -------
    areas, plain
        Multipolygons in degrees, and which of them are good: a ring that lacks a node, meets itself
        or has no extent is left to libosmium.
    """
    way = np.repeat(np.arange(len(counts)), counts)
    units = np.rint(spots * _UNITS_A_DEGREE)
    whole = np.bincount(way, np.isnan(units).any(axis=1), len(counts)) == 0
    again = np.zeros(len(way), dtype=bool)  # a corner given twice in a row, or the end of the ring
    again[:-1] = (way[1:] == way[:-1]) & (units[1:] == units[:-1]).all(axis=1)
    again[np.cumsum(counts) - 1] = True
    kept = whole[way] & ~again
    own, corners = way[kept], units[kept].astype(np.int64)
    number = np.bincount(own, minlength=len(counts))
    plain = number >= _CORNERS
    own, corners, number = own[plain[own]], corners[plain[own]], number[plain]
    turned, rings = _turned(corners, number)
    ring = np.repeat(np.arange(len(number)), number + 1)
    # Whole units: what meets what is told exactly.
    sound = shapely.is_valid(shapely.polygons(shapely.linearrings(turned, indices=ring)))
    areas = np.full(len(counts), None, dtype=object)
    made = shapely.polygons(shapely.linearrings(turned / _UNITS_A_DEGREE, indices=ring))
    areas[plain] = shapely.multipolygons(made, indices=np.arange(rings))
    plain[plain] = sound
    return areas, plain


def _turned(corners: Ints, number: Ints) -> tuple[Floats, int]:
    """Let closed rings begin at their westernmost corner and run counter-clockwise."""
    if len(number) == 0:
        return np.empty((0, 2)), 0
    start = np.cumsum(number) - number
    ring = np.repeat(np.arange(len(number)), number)
    key = corners[:, 0] * _LATITUDES + corners[:, 1]
    least = np.minimum.reduceat(key, start)
    at = np.flatnonzero(key == least[ring])
    begin = at[np.searchsorted(ring[at], np.arange(len(number)))] - start
    x, y = (corners - corners[start][ring]).T
    following = np.arange(len(ring)) + 1
    following[start + number - 1] = start
    twice_area = np.add.reduceat(x * y[following] - x[following] * y, start)
    step = np.where(twice_area < 0, -1, 1)
    closed = np.repeat(np.arange(len(number)), number + 1)
    place = np.arange(len(closed)) - np.repeat(np.cumsum(number + 1) - number - 1, number + 1)
    row = start[closed] + (begin[closed] + step[closed] * place) % number[closed]
    return corners[row].astype(np.float64), len(number)


def assembled(
    relations: Collection[str], ways: Collection[Objects], folder: Path
) -> Iterator[Assembled]:
    """Let libosmium assemble areas of a few ways and relations.

    Parameters
    ----------
    relations
        Lines of relations.
    ways
        Ways that are areas themselves, or members of the relations.
    folder
        Where a temporary file may be written.

    Yields
    ------
    from_way, id, tags, shape
        Areas with usable rings, in degrees.
    """
    factory = osmium.geom.WKBFactory()
    target = folder / "assembled.opl"
    target.write_text("".join([*_nodes(ways), *_ways(ways), *relations]), encoding="utf-8")
    for item in osmium.FileProcessor(str(target)).with_areas():
        if not isinstance(item, osmium.osm.Area):
            continue
        try:
            shape = shapely.from_wkb(factory.create_multipolygon(item))
        except RuntimeError:  # no usable ring
            continue
        yield item.from_way(), item.orig_id(), dict(item.tags), shape


def _nodes(ways: Collection[Objects]) -> list[str]:
    """Write the nodes of ways, each once."""
    found = {
        node
        for part in ways
        for text in part.last[0].to_pylist()
        for node in text[1:].split(",")
        if not node.endswith("y")  # no place is known
    }
    nodes = [(int(node[1:].split("x")[0]), node) for node in found if node]
    return [f"{node.replace('x', ' x').replace('y', ' y')}\n" for _, node in sorted(nodes)]


def _ways(ways: Collection[Objects]) -> list[str]:
    """Write ways without the places of their nodes, each once."""
    lines = {
        int(number): f"w{number} T{tags} {_PLACE.sub('', nodes)}\n"
        for part in ways
        for number, tags, nodes in zip(
            part.ids.tolist(), part.tags.to_pylist(), part.last[0].to_pylist(), strict=True
        )
    }
    return [lines[number] for number in sorted(lines)]

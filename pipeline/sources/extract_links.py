"""Write an OpenStreetMap extract anew with further footways, for what-if questions."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pyproj import Geod

from pipeline.atomic import atomic_path
from pipeline.errors import GeometryError, Problem

logger = logging.getLogger(__name__)
_GEOD = Geod(ellps="WGS84")


@dataclass(frozen=True)
class Link:
    """A way to add between the mapped street nodes nearest to two points (lon, lat)."""

    name: str
    start: tuple[float, float]
    end: tuple[float, float]


def with_links(source: Path, target: Path, links: Sequence[Link], *, snap_max_m: float) -> Path:
    """Copy an extract and add one footway for each link.

    Parameters
    ----------
    source
        Any file libosmium reads.
    target
        The copy; written whole or not at all.
    links
        What to add.
    snap_max_m
        How far the ends may be moved to a node of a mapped street, in metres.

    Raises
    ------
    GeometryError
        An end has no street node near it, or both ends have the same one.
    """
    import osmium

    nodes, places, highest = _street_nodes(source)
    ways, problems = [], []
    for number, link in enumerate(links, start=1):
        ends = [_nearest(nodes, places, point) for point in (link.start, link.end)]
        if max(metres for _, metres in ends) > snap_max_m or ends[0][0] == ends[1][0]:
            problems.append(_loose(link, [metres for _, metres in ends], snap_max_m))
            continue
        logger.info("link %s joins nodes %d and %d", link.name, ends[0][0], ends[1][0])
        tags = {"highway": "footway", "name": link.name}
        ways.append(
            osmium.osm.mutable.Way(
                id=highest + number, nodes=[node for node, _ in ends], tags=tags, version=1
            )
        )
    if problems:
        raise GeometryError(*problems)
    with atomic_path(target) as temporary:
        # the suffix tells the library which format to write
        named = temporary.with_name(f".part.{target.name}")
        _copy(source, named, ways)
        named.replace(temporary)
    return target


def _street_nodes(source: Path) -> tuple[np.ndarray, np.ndarray, int]:
    """List the nodes of all highways with their places, and the highest id of a way."""
    import osmium

    found: dict[int, tuple[float, float]] = {}
    highest = 0
    reader = osmium.FileProcessor(str(source), osmium.osm.NODE | osmium.osm.WAY)
    for item in reader.with_locations():
        if not isinstance(item, osmium.osm.Way):
            continue
        highest = max(highest, item.id)
        if "highway" in item.tags:
            found |= {
                node.ref: (node.lon, node.lat) for node in item.nodes if node.location.valid()
            }
    places = np.array(list(found.values()), dtype=np.float64).reshape(-1, 2)
    return np.array(list(found), dtype=np.int64), places, highest


def _nearest(
    nodes: np.ndarray, places: np.ndarray, point: tuple[float, float]
) -> tuple[int, float]:
    if not len(nodes):
        return 0, np.inf
    stretch = np.cos(np.radians(point[1]))
    best = int(np.hypot((places[:, 0] - point[0]) * stretch, places[:, 1] - point[1]).argmin())
    _, _, metres = _GEOD.inv(*point, *places[best])
    return int(nodes[best]), float(metres)


def _copy(source: Path, target: Path, ways: Sequence[object]) -> None:
    """Copy every object; the new ways go in after the last way, before any relation."""
    import osmium

    with osmium.io.Reader(str(source)) as reader:
        header = reader.header()
    with osmium.SimpleWriter(str(target), header=header, overwrite=True) as out:
        pending = list(ways)
        for item in osmium.FileProcessor(str(source)):
            if isinstance(item, osmium.osm.Relation) and pending:
                for way in pending:
                    out.add_way(way)
                pending = []
            out.add(item)
        for way in pending:
            out.add_way(way)


def _loose(link: Link, metres: Sequence[float], snap_max_m: float) -> Problem:
    told = ", ".join(f"{value:.0f} m" for value in metres)
    return Problem(
        zh=f"“{link.name}”两端与街道的距离为 {told}，须不超过 {snap_max_m:g} 米且接在不同节点",
        en=f"the ends of {link.name!r} lie {told} from mapped streets; they must be within "
        f"{snap_max_m:g} m and meet different nodes",
        rule="open_gate",
    )

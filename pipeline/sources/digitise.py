"""Trace a boundary from the four limits that a source states, where the extract has them."""

from __future__ import annotations

import heapq
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from pyproj import Transformer

from pipeline.errors import Problem, SourceError, StudyError

logger = logging.getLogger(__name__)

SIDES = {"北": "north", "东": "east", "南": "south", "西": "west"}
OPPOSITE = {"南": "北", "北": "南", "东": "西", "西": "东"}
KEYS = ("highway", "waterway", "railway")
_STOP = r"，,、；;。/（(\s\d"
# "北起大叶公路", "东至金汇港": the limit itself
_LIMIT = re.compile(rf"([东南西北])(?:至|起|临|依|靠|抵|到|:|：)\s*([^{_STOP}]+)")
# "龙东大道以南": what lies south of it has it as its northern limit
_BEYOND = re.compile(rf"([^{_STOP}]+?)以([东南西北])")
# "外环-沪芦高速": the limit runs along one road and then along the other
_CHAIN = re.compile(r"[-—－–]")
_TAIL = re.compile(r"(公路|道路|延伸段)$")
_SHORTEST_NAME = 2
_TOUCH_M = 1.0
_OVERLAP_M = 5.0  # how far a bridge runs over the ends it joins, so that they cross
_MOST_FACES = 4
_ROAD_M = 60.0  # two carriageways and what lies between them are one limit


@dataclass(frozen=True)
class Traced:
    """A boundary traced from four limits, and whether its area is the documented one.

    `bridged_share` is the part of the outline that no mapped piece of a limit carries: straight
    joins between pieces of one road.
    """

    polygon: shapely.Polygon
    limits: Mapping[str, str]
    area_km2: float
    documented_km2: float | None
    difference_share: float | None
    accepted: bool
    bridged_share: float = 0.0


def stated_limits(text: str) -> dict[str, str]:
    """Read the four limits from a Chinese description; sides it does not name are left out.

    Both ways of saying it are read: "东至金汇港" names the eastern limit, and of "龙东大道以南" the
    road is the northern one.
    """
    found: dict[str, str] = {}
    for name, side in _BEYOND.findall(text):
        found.setdefault(SIDES[OPPOSITE[side]], name.strip())
    for side, name in _LIMIT.findall(text):
        found.setdefault(SIDES[side], name.strip())
    return found


def read_named_lines(path: Path, names: Mapping[str, str], *, crs: str) -> dict[str, list[object]]:
    """Read the ways of an extract that bear the name of a limit, in the working CRS.

    A name fits when it is equal, or when one begins with the other after "公路" and the like are
    taken off: 沪金高速公路 is tagged 沪金高速. A limit may name several, joined by a hyphen.
    """
    import osmium

    transform = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    found: dict[str, list[object]] = {side: [] for side in names}
    reader = osmium.FileProcessor(str(path), osmium.osm.NODE | osmium.osm.WAY).with_locations()
    for item in reader.with_filter(osmium.filter.KeyFilter(*KEYS)):
        if not isinstance(item, osmium.osm.Way) or "name" not in item.tags:
            continue
        sides = [side for side, name in names.items() if same_name(name, item.tags["name"])]
        if not sides:
            continue
        places = np.array(
            [(node.lon, node.lat) for node in item.nodes if node.location.valid()]
        ).reshape(-1, 2)
        if len(places) > 1:
            x, y = transform.transform(places[:, 0], places[:, 1])
            line = shapely.LineString(np.column_stack((x, y)))
            for side in sides:
                found[side].append(line)
    return found


def same_name(stated: str, tagged: str) -> bool:
    """Tell whether a tagged name is a stated limit, or one of those it names in a chain."""
    return any(_same(part.strip(), tagged.strip()) for part in _CHAIN.split(stated))


def _same(stated: str, tagged: str) -> bool:
    first, second = (_TAIL.sub("", name) for name in (stated, tagged))
    if tagged in (stated, f"{stated}高速"):  # the outer ring is tagged as the motorway it is
        return True
    short, long = sorted((first, second), key=len)
    return len(short) > _SHORTEST_NAME and long.startswith(short)


def trace(
    lines: Mapping[str, list[object]],
    names: Mapping[str, str],
    *,
    point: tuple[float, float],
    documented_km2: float | None,
    reach_m: float,
    corner_m: float,
    tolerance_share: float,
    bridge_m: float = 0.0,
) -> Traced:
    """Close the four limits to a polygon around a point.

    Rules:

    1. lines farther than `reach_m` from the point are another stretch of the road and left out;
    2. pieces of one limit up to `bridge_m` apart are joined straight, nearest ends first;
    3. each line is prolonged by `corner_m` at its ends, as two limits may not quite meet;
    4. of the areas the lines enclose, those count that all four limits bound, and of these the one
       that holds the point, else the nearest;
    5. where none is bounded by all four, as a limit also runs on inside, neighbours of the area
       that holds the point are added until all four bound the whole, which is kept smallest.

    Parameters
    ----------
    lines, names
        Lines and names by side (`north`, `east`, `south`, `west`), in a working CRS in metres.
    point
        Recorded point of the place.
    documented_km2
        Area that the source states; null accepts nothing, as nothing can be checked.
    reach_m, corner_m, bridge_m
        As in the rules.
    tolerance_share
        Largest difference of the areas, as a share of the documented one.

    Raises
    ------
    SourceError
        Names the limits that the extract lacks, or says that the four enclose nothing.
    """
    at = shapely.Point(point)
    near = {
        side: [line for line in found if shapely.distance(line, at) <= reach_m]
        for side, found in lines.items()
    }
    missing = [side for side in SIDES.values() if not near.get(side)]
    if missing:
        raise SourceError(*(_no_line(side, names.get(side)) for side in missing))
    bridges = {side: _bridges(found, bridge_m) for side, found in near.items()}
    merged = {
        side: shapely.union_all([_prolonged(found, corner_m), *bridges[side]])
        for side, found in near.items()
    }
    noded = shapely.union_all(list(merged.values()))
    faces = shapely.get_parts(shapely.polygonize([*shapely.get_parts(noded)]))
    polygon = _enclosed(list(faces), list(merged.values()), at)
    if polygon is None:
        raise SourceError(_open(names))
    area = float(polygon.area / 1e6)
    share = None if documented_km2 is None else abs(area - documented_km2) / documented_km2
    joins = shapely.union_all([line for found in bridges.values() for line in found])
    bridged = joins.intersection(polygon.exterior.buffer(_TOUCH_M)).length / polygon.length
    logger.info("%d areas enclosed, %.0f %% of the outline bridged", len(faces), 100 * bridged)
    return Traced(
        polygon, dict(names), area, documented_km2, share,
        accepted=share is not None and share <= tolerance_share, bridged_share=bridged,
    )  # fmt: skip


def _enclosed(
    faces: list[shapely.Polygon], limits: list[shapely.Geometry], at: shapely.Point
) -> shapely.Polygon | None:
    """Choose the area that all limits bound (rules 4 and 5); null where there is none."""
    solid = [face for face in faces if not face.buffer(-_ROAD_M / 2).is_empty] or faces
    touched = [
        frozenset(
            number
            for number, limit in enumerate(limits)
            if shapely.distance(face.exterior, limit) <= _TOUCH_M
        )
        for face in solid
    ]
    order = sorted(range(len(solid)), key=lambda i: (solid[i].distance(at), -solid[i].area))
    for i in order:
        if len(touched[i]) == len(limits):
            return solid[i]
    chosen = _grown(solid, touched, order[0], len(limits)) if order else None
    if chosen is None:
        return None
    # what lies between the carriageways of a limit that runs on inside belongs to the whole
    wide = shapely.union_all([solid[i].buffer(_ROAD_M / 2, join_style="mitre") for i in chosen])
    whole = wide.buffer(-_ROAD_M / 2, join_style="mitre")
    return shapely.Polygon(max(shapely.get_parts(whole), key=lambda part: part.area).exterior)


def _grown(
    faces: list[shapely.Polygon], touched: list[frozenset[int]], start: int, limits: int
) -> frozenset[int] | None:
    """Find the smallest set of neighbouring faces around one that all limits touch."""
    tree = shapely.STRtree(faces)
    heap = [(faces[start].area, (start,))]
    seen = {frozenset([start])}
    while heap:
        area, members = heapq.heappop(heap)
        if len(frozenset().union(*(touched[i] for i in members))) == limits:
            return frozenset(members)
        if len(members) == _MOST_FACES:
            continue
        near = tree.query([faces[i] for i in members], predicate="dwithin", distance=_ROAD_M)[1]
        for other in sorted(set(near.tolist()) - set(members)):
            grown = tuple(sorted((*members, other)))
            if frozenset(grown) not in seen:
                seen.add(frozenset(grown))
                heapq.heappush(heap, (area + faces[other].area, grown))
    return None


def _bridges(lines: list[object], bridge_m: float) -> list[shapely.LineString]:
    """Join pieces of one limit by the shortest straight lines that make it one."""
    from scipy.sparse.csgraph import minimum_spanning_tree

    parts = shapely.get_parts(shapely.line_merge(shapely.union_all(lines)))
    if bridge_m <= 0 or len(parts) < 2:  # noqa: PLR2004 (one piece needs no bridge)
        return []
    apart = np.asarray(shapely.distance(parts[:, None], parts[None]))
    tree = minimum_spanning_tree(apart).tocoo()
    short = [
        shapely.shortest_line(parts[first], parts[second])
        for first, second, metres in zip(tree.row, tree.col, tree.data, strict=True)
        if metres <= bridge_m
    ]
    return [shapely.LineString(_both_ends(line, _OVERLAP_M)) for line in short]


def _prolonged(lines: list[object], by_m: float) -> shapely.Geometry:
    """Join the pieces of a road and prolong its loose ends straight on."""
    joined = shapely.line_merge(shapely.union_all(lines))
    parts = [
        line if line.is_closed else shapely.LineString(_both_ends(line, by_m))
        for line in shapely.get_parts(joined)
    ]
    return shapely.union_all(parts)


def _both_ends(line: shapely.LineString, by_m: float) -> list[np.ndarray]:
    xy = shapely.get_coordinates(line)
    return [_beyond(xy[1], xy[0], by_m), *xy, _beyond(xy[-2], xy[-1], by_m)]


def _beyond(before: np.ndarray, end: np.ndarray, by_m: float) -> np.ndarray:
    step = end - before
    length = float(np.hypot(*step))
    return end if length <= 0 else end + step / length * by_m


def require_four(names: Mapping[str, str], *, place_id: str) -> None:
    """Refuse a description that does not name all four sides.

    Raises
    ------
    StudyError
        Names the sides that are not stated and how to give them.
    """
    absent = [side for side in SIDES.values() if not names.get(side)]
    if absent:
        raise StudyError(
            Problem(
                zh=f"{place_id} 的四至不全：缺 {'、'.join(absent)}",
                en=f"the limits of {place_id} are not all stated: {', '.join(absent)}",
                rule="digitise",
                remedy_zh="用 --north、--east、--south、--west 指定",
                remedy_en="give them with --north, --east, --south, --west",
            )
        )


def _no_line(side: str, name: str | None) -> Problem:
    return Problem(
        zh=f"摘录在该地点附近没有名为“{name}”的线（{side}）",
        en=f"near the place the extract has no line named {name!r} ({side})",
        rule="digitise",
        remedy_zh="换用覆盖此处街道的摘录，或用 --north 等改写名称",
        remedy_en="use an extract with streets here, or give another name with --north and so on",
    )


def _open(names: Mapping[str, str]) -> Problem:
    told = ", ".join(f"{side} {name}" for side, name in names.items())
    return Problem(
        zh=f"四条界线围不成一个面：{told}",
        en=f"the four limits enclose no area: {told}",
        rule="digitise",
        remedy_zh="加大 --corner；摘录中道路断续时用 --bridge，例如 --bridge 3000",
        remedy_en="try a larger --corner, or --bridge 3000 where the roads are mapped in pieces",
    )

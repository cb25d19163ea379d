"""Read facilities, land and obstacles from an OpenStreetMap extract in one streaming pass."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.cycles import no_search_for_cycles
from pipeline.errors import Problem, SourceError
from pipeline.sources.osm_mapping import Form, Matcher, OsmMapping, compile_mapping
from pipeline.sources.osm_merge import merge_duplicates
from pipeline.sources.osm_near import CoarseCells
from pipeline.sources.osm_tags import Described

if TYPE_CHECKING:
    import geopandas as gpd

logger = logging.getLogger(__name__)

Shape = str | list[tuple[float, float]] | None  # WKB, or the corners of a way

_EPOCH_YEAR = 1970  # the year libosmium gives to an object without a time stamp
# Kinds of tags that are kept described; most objects share theirs.
_MOST_KNOWN = 50_000
_KIND = {"n": "node", "w": "way", "r": "relation"}


@dataclass(frozen=True)
class OsmReport:
    """What was read, what was merged and what could not be placed."""

    path: Path
    snapshot: str | None
    read: Mapping[str, int]
    kept: Mapping[str, int]
    merged: int
    unlocated: Mapping[str, int]
    partly_located: int

    def __str__(self) -> str:
        """Render as one lower-case sentence with counts."""
        return (
            f"read {sum(self.read.values())} objects in {len(self.read)} categories, "
            f"merged {self.merged} duplicates, {sum(self.unlocated.values())} without a position"
        )


@dataclass(frozen=True)
class OsmRead:
    """Features of an extract with the report of the reading."""

    features: gpd.GeoDataFrame
    report: OsmReport


def read_osm_features(
    path: Path,
    *,
    mapping: OsmMapping,
    crs: str,
    categories: Iterable[str] | None = None,
    merge: bool = True,
    near: Mapping[str, npt.NDArray[np.object_]] | None = None,
) -> OsmRead:
    """Read the mapped categories of an extract (nodes, ways, multipolygons).

    Parameters
    ----------
    path
        An ``.osm.pbf`` (or any file libosmium reads).
    mapping
        What belongs to which category.
    crs
        Working CRS in metres of the result.
    categories
        The categories wanted; ``None`` reads all.
    merge
        Merge duplicates by the mapping's rule.
    near
        Shapes in the working CRS by category: ways of that category without a corner within 250 m
        of the extent of one are left out. A city has hundreds of thousands of buildings, and few
        questions about all of them.

    Returns
    -------
    features and report
        One row for each object and category, sorted by category and ``osm_id``: ``osm_id``
        ("n1", "w1", "r1"), ``category``, ``status``, ``name``, ``name_zh``, ``name_en``, ``basis``
        ("point", "area", "line", "way_nodes": an unclosed outline, placed by the nodes it has),
        ``levels``, ``height_m``, ``area_m2`` (null unless an area), ``x``, ``y`` (representative
        point in the working CRS), ``merged_ids``, ``tags`` (JSON), ``geometry``.

    Raises
    ------
    SourceError
        The file is missing, damaged or no OSM extract.
    """
    matcher = compile_mapping(mapping, categories)
    closely = {name: CoarseCells.around(shapes, crs) for name, shapes in (near or {}).items()}
    gatherer, snapshot = _stream(path, matcher, closely)
    frame, unlocated = _frame(gatherer, crs)
    read = frame["category"].value_counts().sort_index().to_dict()
    before = len(frame)
    if merge:
        frame = merge_duplicates(frame, {n: c.merge_m for n, c in mapping.categories.items()})
    frame = frame.sort_values(["category", "osm_id"], kind="stable").reset_index(drop=True)
    report = OsmReport(
        path=path,
        snapshot=snapshot,
        read=read,
        kept=frame["category"].value_counts().sort_index().to_dict(),
        merged=before - len(frame),
        unlocated=unlocated,
        partly_located=gatherer.partly_located,
    )
    logger.info("%s from %s", report, path.name)
    return OsmRead(frame, report)


class _Gatherer:
    """Objects in the order of the file, before they become a frame."""

    def __init__(self, matcher: Matcher, near: Mapping[str, CoarseCells]) -> None:
        from osmium.geom import WKBFactory

        self.rows: list[tuple[str, str, str | None, Described]] = []
        self.shapes: list[Shape] = []
        self.partly_located = 0
        self.latest = 0.0
        self.dated = False
        self._matcher = matcher
        self._near = near
        self._factory = WKBFactory()
        self._pending: dict[str, int] = {}
        self._assembled: set[str] = set()
        self._open: dict[int, list[str]] = {}  # ways that may be areas, by category
        self._known: dict[tuple[tuple[str, str], ...], Described] = {}

    def take(self, item: Any) -> None:  # noqa: ANN401
        """Take one node, way, relation or assembled area."""
        found = self._categories(item)
        if not found:
            return
        if not self.dated and item.timestamp.year > _EPOCH_YEAR:
            self.latest = max(self.latest, item.timestamp.timestamp())
        if item.is_area():
            self._take_area(item, found)
            return
        osm_id = f"{item.type_str()}{item.id}"
        form: Form = "point" if item.is_node() else "line"
        shape, basis = self._shape(item)
        for category in found:
            forms = self._matcher.mapping.categories[category].forms
            key = f"{osm_id}/{category}"
            if key in self._assembled:  # areas of relations arrive before the relation
                continue
            if self._is_far(category, shape):
                continue
            if form == "line" and "area" in forms:
                self._pending[key] = len(self.rows)
                if item.is_way():
                    self._open.setdefault(item.id, []).append(category)
                basis_of = basis if "line" in forms else "way_nodes"
                self._append(osm_id, category, basis_of, shape, self._described(item))
            elif form in forms:
                self._append(osm_id, category, basis, shape, self._described(item))

    def _categories(self, item: Any) -> Sequence[str]:  # noqa: ANN401
        """List what an object is wanted as; an area follows its way, whose tags it has."""
        if item.is_area() and item.from_way():
            return self._open.pop(item.orig_id(), ())
        return self._matcher.categories(item.tags)

    def _is_far(self, category: str, shape: Shape) -> bool:
        """Tell whether a way of a category that is wanted near some shapes is off them."""
        near = self._near.get(category)
        return near is not None and isinstance(shape, list) and not near.hold(shape)

    def _described(self, item: Any) -> Described:  # noqa: ANN401
        """Say what tags mean; most objects share theirs with many others."""
        # Each is a pair of key and value; asking for one too many is an exception in libosmium.
        tags = tuple(islice(item.tags, len(item.tags)))
        if tags not in self._known:
            if len(self._known) > _MOST_KNOWN:
                self._known.clear()
            self._known[tags] = Described.of(dict(tags), self._matcher)
        return self._known[tags]

    def _take_area(self, item: Any, found: Sequence[str]) -> None:  # noqa: ANN401
        """Put the assembled area in the place of the way or relation it was made from."""
        osm_id = f"{'w' if item.from_way() else 'r'}{item.orig_id()}"
        try:
            wkb = self._factory.create_multipolygon(item)
        except RuntimeError:  # no usable ring: the outline or nothing stays
            return
        for category in found:
            key = f"{osm_id}/{category}"
            if "area" not in self._matcher.mapping.categories[category].forms:
                continue
            row = self._pending.pop(key, None)
            if row is None:
                self._assembled.add(key)
                self._append(osm_id, category, "area", wkb, self._described(item))
            else:
                # The tags of a way are those of its area, and were read.
                said = self.rows[row][3] if item.from_way() else self._described(item)
                self.shapes[row] = wkb
                self.rows[row] = (osm_id, category, "area", said)

    def _shape(self, item: Any) -> tuple[Shape, str | None]:  # noqa: ANN401
        """Give the shape; a way cut by the extract's edge keeps the nodes that it has."""
        if item.is_relation():
            return None, None
        if item.is_node():
            placed = item.location.valid()
            return (self._factory.create_point(item), "point") if placed else (None, None)
        places = [node.location for node in item.nodes]
        spots = [(place.lon, place.lat) for place in places if place.valid()]
        self.partly_located += len(spots) < len(places)
        if not spots:
            return None, None
        return spots, "way_nodes" if len(spots) == 1 else "line"

    def _append(
        self, osm_id: str, category: str, basis: str | None, shape: Shape, said: Described
    ) -> None:
        self.shapes.append(shape)
        self.rows.append((osm_id, category, basis, said))


def _stream(
    path: Path, matcher: Matcher, near: Mapping[str, CoarseCells]
) -> tuple[_Gatherer, str | None]:
    """Pass over the file; the snapshot is its own stamp, else the latest edit among the objects."""
    import osmium

    if not path.is_file():
        raise SourceError(
            Problem(
                "找不到OSM数据文件",
                "the OSM extract does not exist",
                path=path,
                remedy_zh="检查路径，或从 Geofabrik 下载 .osm.pbf",
                remedy_en="check the path, or download an .osm.pbf from Geofabrik",
            )
        )
    wanted = osmium.filter.KeyFilter(*matcher.keys)
    gatherer = _Gatherer(matcher, near)
    try:
        processor = osmium.FileProcessor(str(path)).with_locations().with_areas(wanted)
        stamp = processor.header.get("osmosis_replication_timestamp")
        gatherer.dated = bool(stamp)
        with no_search_for_cycles():
            for item in processor.with_filter(wanted):
                gatherer.take(item)
    except (RuntimeError, ValueError, osmium.InvalidLocationError) as error:
        raise SourceError(
            Problem(
                "OSM数据文件无法读取",
                f"the OSM extract cannot be read: {error}",
                path=path,
                remedy_zh="文件可能不完整或不是OSM格式，请重新获取",
                remedy_en="the file may be cut short or no OSM file: get it again",
            )
        ) from error
    if not stamp and gatherer.latest:
        stamp = pd.Timestamp(gatherer.latest, unit="s", tz="UTC").isoformat()
    return gatherer, stamp[:10] if stamp else None


def _frame(gatherer: _Gatherer, crs: str) -> tuple[gpd.GeoDataFrame, dict[str, int]]:
    """Make the frame, drop what has no position, and measure in the working CRS."""
    import geopandas as gpd
    import shapely

    said = [row[3] for row in gatherer.rows]
    rows = pd.DataFrame(
        {
            "osm_id": [row[0] for row in gatherer.rows],
            "category": [row[1] for row in gatherer.rows],
            "status": [one.status for one in said],
            "name": [one.name for one in said],
            "name_zh": [one.name_zh for one in said],
            "name_en": [one.name_en for one in said],
            "basis": [row[2] for row in gatherer.rows],
            "levels": np.array([one.levels for one in said], dtype=np.float64),
            "height_m": np.array([one.height_m for one in said], dtype=np.float64),
            "tags": [one.tags for one in said],
        }
    )
    geometry = _geometry(gatherer.shapes)
    frame = gpd.GeoDataFrame(rows, geometry=geometry, crs="EPSG:4326")
    lost = frame.geometry.isna()
    # Without any object the column is not of text.
    kinds = frame.loc[lost, "osm_id"].astype("str").str[0].map(_KIND)
    unlocated = Counter(f"{c} {k}" for c, k in zip(frame.loc[lost, "category"], kinds, strict=True))
    frame = frame[~lost].reset_index(drop=True)
    shapes = _repaired(frame.to_crs(crs).geometry.to_numpy())
    areal = shapely.get_dimensions(shapes) == 2  # noqa: PLR2004
    spots = _representative(shapes)
    frame = frame.set_geometry(shapes, crs=crs)
    frame["area_m2"] = np.where(areal, shapely.area(shapes), np.nan)
    frame["x"], frame["y"] = shapely.get_x(spots), shapely.get_y(spots)
    frame["merged_ids"] = ""
    return frame, dict(sorted(unlocated.items()))


def _geometry(shapes: list[Shape]) -> npt.NDArray[np.object_]:
    """Make shapes of WKB and of the corners of ways."""
    import shapely

    text = [shape if isinstance(shape, str) else None for shape in shapes]
    made = shapely.from_wkb(np.array(text, dtype=object))
    for row, shape in enumerate(shapes):
        if isinstance(shape, list):
            made[row] = shapely.LineString(shape) if len(shape) > 1 else shapely.Point(shape[0])
    return np.asarray(made, dtype=object)


def _repaired(shapes: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    import shapely

    broken = ~shapely.is_valid(shapes)
    if broken.any():
        shapes = shapes.copy()
        shapes[broken] = shapely.make_valid(shapes[broken], method="structure")
    return shapes


def _representative(shapes: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """Give a point on each shape: inside an area, half way along a line."""
    import shapely

    spots = shapely.point_on_surface(shapes)
    lines = shapely.get_type_id(shapes) == shapely.GeometryType.LINESTRING
    spots[lines] = shapely.line_interpolate_point(shapes[lines], 0.5, normalized=True)
    return np.asarray(spots, dtype=object)

"""Read facilities, land and obstacles from an OpenStreetMap extract in one streaming pass."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.errors import Problem, SourceError
from pipeline.sources.osm_mapping import Form, Matcher, OsmMapping, compile_mapping
from pipeline.sources.osm_merge import merge_duplicates
from pipeline.sources.osm_tags import height_m, levels, names

if TYPE_CHECKING:
    import geopandas as gpd

logger = logging.getLogger(__name__)

_EPOCH_YEAR = 1970  # the year libosmium gives to an object without a time stamp
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
    gatherer, snapshot = _stream(path, matcher)
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

    def __init__(self, matcher: Matcher) -> None:
        from osmium.geom import WKBFactory

        self.rows: list[dict[str, Any]] = []
        self.wkb: list[str | None] = []
        self.partly_located = 0
        self.latest = 0.0
        self._matcher = matcher
        self._factory = WKBFactory()
        self._pending: dict[str, int] = {}
        self._assembled: set[str] = set()

    def take(self, item: Any) -> None:  # noqa: ANN401
        """Take one node, way, relation or assembled area."""
        tags = {tag.k: tag.v for tag in item.tags}
        found = self._matcher.categories(tags)
        if not found:
            return
        if item.timestamp.year > _EPOCH_YEAR:
            self.latest = max(self.latest, item.timestamp.timestamp())
        if item.is_area():
            self._take_area(item, found, tags)
            return
        osm_id = f"{item.type_str()}{item.id}"
        form: Form = "point" if item.is_node() else "line"
        wkb, basis = self._shape(item)
        for category in found:
            forms = self._matcher.mapping.categories[category].forms
            key = f"{osm_id}/{category}"
            if key in self._assembled:  # areas of relations arrive before the relation
                continue
            if form == "line" and "area" in forms:
                self._pending[key] = len(self.rows)
                self._append(osm_id, category, basis if "line" in forms else "way_nodes", wkb, tags)
            elif form in forms:
                self._append(osm_id, category, basis, wkb, tags)

    def _take_area(self, item: Any, found: list[str], tags: dict[str, str]) -> None:  # noqa: ANN401
        """Put the assembled area in the place of the way or relation it was made from."""
        osm_id = f"{'w' if item.from_way() else 'r'}{item.orig_id()}"
        try:
            wkb = self._factory.create_multipolygon(item)
        except RuntimeError:  # no usable ring: the outline or nothing stays
            return
        for category in found:
            if "area" not in self._matcher.mapping.categories[category].forms:
                continue
            key = f"{osm_id}/{category}"
            row = self._pending.pop(key, None)
            if row is None:
                self._assembled.add(key)
                self._append(osm_id, category, "area", wkb, tags)
            else:
                self.wkb[row] = wkb
                self.rows[row]["basis"] = "area"

    def _shape(self, item: Any) -> tuple[str | None, str | None]:  # noqa: ANN401
        """Give the shape as WKB; a way cut by the extract's edge keeps the nodes that it has."""
        if item.is_relation():
            return None, None
        if item.is_node():
            placed = item.location.valid()
            return (self._factory.create_point(item), "point") if placed else (None, None)
        import shapely

        spots = [(n.location.lon, n.location.lat) for n in item.nodes if n.location.valid()]
        self.partly_located += len(spots) < len(item.nodes)
        if not spots:
            return None, None
        if len(spots) == 1:
            return shapely.to_wkb(shapely.Point(spots[0]), hex=True), "way_nodes"
        return shapely.to_wkb(shapely.LineString(spots), hex=True), "line"

    def _append(
        self, osm_id: str, category: str, basis: str | None, wkb: str | None, tags: dict[str, str]
    ) -> None:
        name, name_zh, name_en = names(tags)
        self.wkb.append(wkb)
        self.rows.append(
            {
                "osm_id": osm_id,
                "category": category,
                "status": self._matcher.status(tags),
                "name": name,
                "name_zh": name_zh,
                "name_en": name_en,
                "basis": basis,
                "levels": levels(tags),
                "height_m": height_m(tags),
                "tags": json.dumps(tags, ensure_ascii=False, sort_keys=True),
            }
        )


def _stream(path: Path, matcher: Matcher) -> tuple[_Gatherer, str | None]:
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
    gatherer = _Gatherer(matcher)
    try:
        processor = osmium.FileProcessor(str(path)).with_locations().with_areas(wanted)
        stamp = processor.header.get("osmosis_replication_timestamp")
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

    columns = ["osm_id", "category", "status", "name", "name_zh", "name_en", "basis", "levels"]
    rows = pd.DataFrame(gatherer.rows, columns=[*columns, "height_m", "tags"])
    rows[["levels", "height_m"]] = rows[["levels", "height_m"]].astype("float64")
    geometry = shapely.from_wkb(np.array(gatherer.wkb, dtype=object))
    frame = gpd.GeoDataFrame(rows, geometry=geometry, crs="EPSG:4326")
    lost = frame.geometry.isna()
    kinds = frame.loc[lost, "osm_id"].str[0].map(_KIND)
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

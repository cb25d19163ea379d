"""Read facilities, land and obstacles from an OpenStreetMap extract in one streaming pass."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.cycles import no_search_for_cycles
from pipeline.errors import Problem, SourceError
from pipeline.machine import refusal
from pipeline.sources.osm_mapping import Matcher, OsmMapping, compile_mapping
from pipeline.sources.osm_merge import merge_duplicates
from pipeline.sources.osm_near import CoarseCells

if TYPE_CHECKING:
    import geopandas as gpd

    from pipeline.sources.osm_gathering import Gathered

logger = logging.getLogger(__name__)

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
    found, snapshot = _gather(path, matcher, closely)
    frame, unlocated = _frame(found, crs)
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
        partly_located=found.partly_located,
    )
    logger.info("%s from %s", report, path.name)
    return OsmRead(frame, report)


def _gather(
    path: Path, matcher: Matcher, near: Mapping[str, CoarseCells]
) -> tuple[Gathered, str | None]:
    """Pass over the file; the snapshot is its own stamp, else the latest edit among the objects."""
    import osmium
    import pyarrow as pa

    from pipeline.sources.osm_gathering import Gatherer
    from pipeline.sources.osm_objects import Lines

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
    with TemporaryDirectory(prefix="parkgap-features-") as folder, no_search_for_cycles():
        try:
            lines = Lines.written(path, matcher.keys, Path(folder))
            found = Gatherer(matcher, near).gather(lines, Path(folder))
        except (
            RuntimeError,
            ValueError,
            IndexError,
            osmium.InvalidLocationError,
            pa.ArrowInvalid,
        ) as error:
            raise refusal(error) or SourceError(
                Problem(
                    "OSM数据文件无法读取",
                    f"the OSM extract cannot be read: {error}",
                    path=path,
                    remedy_zh="文件可能不完整或不是OSM格式，请重新获取",
                    remedy_en="the file may be cut short or no OSM file: get it again",
                )
            ) from error
    return found, (lines.stamp or found.latest)[:10] or None


def _frame(found: Gathered, crs: str) -> tuple[gpd.GeoDataFrame, dict[str, int]]:
    """Make the frame, drop what has no position, and measure in the working CRS."""
    import geopandas as gpd
    import shapely

    rows = _table(found)
    shapes = np.concatenate([np.empty(0, dtype=object), *(part.shapes for part in found.rows)])
    lost = shapely.is_missing(shapes)
    # Without any object the column is not of text.
    kinds = rows.loc[lost, "osm_id"].astype("str").str[0].map(_KIND)
    unlocated = Counter(f"{c} {k}" for c, k in zip(rows.loc[lost, "category"], kinds, strict=True))
    frame = gpd.GeoDataFrame(rows, geometry=shapes, crs="EPSG:4326")
    frame = frame[~lost].reset_index(drop=True)
    shapes = _repaired(frame.to_crs(crs).geometry.to_numpy())
    areal = shapely.get_dimensions(shapes) == 2  # noqa: PLR2004
    spots = _representative(shapes)
    frame = frame.set_geometry(shapes, crs=crs)
    frame["area_m2"] = np.where(areal, shapely.area(shapes), np.nan)
    frame["x"], frame["y"] = shapely.get_x(spots), shapely.get_y(spots)
    frame["merged_ids"] = ""
    return frame, dict(sorted(unlocated.items()))


def _table(found: Gathered) -> pd.DataFrame:
    """Put what was gathered in rows; what tags say is held once for equal ones."""
    said = pd.DataFrame(
        {
            "status": [one.status for one in found.said],
            "name": [one.name for one in found.said],
            "name_zh": [one.name_zh for one in found.said],
            "name_en": [one.name_en for one in found.said],
            "levels": np.array([one.levels for one in found.said], dtype=np.float64),
            "height_m": np.array([one.height_m for one in found.said], dtype=np.float64),
            "tags": [one.tags for one in found.said],
        }
    )
    number = np.array([len(part.ids) for part in found.rows], dtype=np.int64)
    nothing = np.empty(0, dtype=np.int64)
    said = said.take(np.concatenate([nothing, *(part.said for part in found.rows)]))
    said = said.reset_index(drop=True)
    columns = {
        "osm_id": [f"{part.kind}{one}" for part in found.rows for one in part.ids.tolist()],
        "category": np.repeat(
            np.array([part.category for part in found.rows], dtype=object), number
        ).tolist(),
        "basis": [basis for part in found.rows for basis in part.basis.tolist()],
    }
    order = ["osm_id", "category", "status", "name", "name_zh", "name_en", "basis"]
    return said.assign(**columns)[[*order, "levels", "height_m", "tags"]]


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

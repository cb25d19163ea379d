"""Say where people live and work: how many in a polygon, how densely at a point."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import geopandas as gpd
import numpy as np
import shapely
from scipy.spatial import KDTree

from pipeline.measures.access_pairs import FloatArray, IntArray
from pipeline.measures.coverage import GeometryArray

log = logging.getLogger(__name__)

RESIDENTS, WORKERS = "residents", "workers"
#: Kinds of people, and the column of the table of people that counts them.
KINDS = {RESIDENTS: "residents", WORKERS: "jobs"}
# A cell reaches no farther than this share of the spacing from its point: the corners of a square
# lie at 0.71 of it, those of a hexagon at 0.58.
REACH = 0.75
REGULAR = 0.02  # cells of one grid differ in area by less than this share
CELLS_AT_MOST = 40_000  # of a table: the outlines of 200,000 take 11 GB; a raster needs none
PAIRS_AT_ONCE = 200_000  # of polygons and cells, so that what they share stays below some 200 MB


class Counted(Protocol):
    """People of one kind, wherever they are counted: in the cells of a table or of a raster."""

    def density_at(self, xy: FloatArray) -> FloatArray:
        """Give people per m² at places (metres, shape (n, 2)): 0 off all cells, NaN not counted."""

    def inside(self, polygons: GeometryArray) -> FloatArray:
        """Count the people inside polygons, cells on the boundary by the exact part inside.

        NaN where no counted cell is touched; a missing polygon holds nobody.
        """


#: What is counted, by kind; a kind that nobody counts is absent.
People = Mapping[str, Counted]


@dataclass(frozen=True, eq=False)
class PeopleCells:
    """The land of each counted cell, and how many live or work on it (NaN: not counted).

    `shapes` do not overlap. `gathered_m` is the side of the squares in which points that were too
    many stand together, null where each has its own cell.
    """

    points: FloatArray
    shapes: GeometryArray
    counts: FloatArray
    reach_m: float
    gathered_m: float | None = None

    def __repr__(self) -> str:
        """Tell the total."""
        return f"<PeopleCells {len(self.points)} cells, {np.nansum(self.counts):,.0f} people>"

    def density_at(self, xy: FloatArray) -> FloatArray:
        """Give people per m² at places (metres, shape (n, 2)): those of the cell they lie in."""
        apart, cell = KDTree(self.points).query(xy)
        density = self.counts / shapely.area(self.shapes)
        return np.where(apart <= self.reach_m, density[cell], 0.0)

    def inside(self, polygons: GeometryArray) -> FloatArray:
        """Count the people inside polygons (see `Counted`)."""
        counted = np.flatnonzero(~np.isnan(self.counts))
        shapes, counts = self.shapes[counted], self.counts[counted]
        shapely.prepare(polygons)
        unit, cell = shapely.STRtree(shapes).query(polygons, predicate="intersects")
        total = np.zeros(len(polygons))
        for first in range(0, len(unit), PAIRS_AT_ONCE):
            some = slice(first, first + PAIRS_AT_ONCE)
            whom, part = unit[some], shapes[cell[some]]
            share = np.ones(len(whom))
            partly = np.flatnonzero(~shapely.covers(polygons[whom], part))
            cut = shapely.intersection(polygons[whom[partly]], part[partly])
            share[partly] = shapely.area(cut) / shapely.area(part[partly])
            total += np.bincount(whom, counts[cell[some]] * share, minlength=len(polygons))
        touched = np.bincount(unit, minlength=len(polygons)) > 0
        return np.where(touched, total, np.nan)


def people_cells(people: gpd.GeoDataFrame) -> dict[str, PeopleCells]:
    """Give every point of people the land around it: that nearer to it than to any other point.

    For a regular grid these are the grid's own cells, squares or hexagons. A cell at the edge ends
    where a neighbour's would.

    Parameters
    ----------
    people
        Points in a projected CRS in metres with `residents` and `jobs`, null where not counted.

    Returns
    -------
    cells
        By kind; points beyond `CELLS_AT_MOST` are gathered in squares, which keeps the total; none
        where nobody is counted, or the points are fewer than two.
    """
    placed = people[~people.geometry.is_empty]
    counts = {
        kind: placed[column].to_numpy(dtype=np.float64)
        for kind, column in KINDS.items()
        if placed[column].notna().any()
    }
    points = np.column_stack((placed.geometry.x, placed.geometry.y))
    where, first = np.unique(points, axis=0, return_inverse=True)
    if not counts or len(where) < 2:  # noqa: PLR2004 - one point has no spacing
        return {}
    code = first.reshape(-1).astype(np.int64)
    gathered_m = None
    if len(where) > CELLS_AT_MOST:
        where, square, gathered_m = _squares(where)
        code = square[code]
    reach_m = REACH * float(np.median(KDTree(where).query(where, k=2)[0][:, 1]))
    around = shapely.box(*(where.min(axis=0) - 2.0 * reach_m), *(where.max(axis=0) + 2.0 * reach_m))
    land = shapely.get_parts(
        shapely.voronoi_polygons(shapely.multipoints(where), extend_to=around, ordered=True)
    )
    land = shapely.intersection(land, shapely.buffer(shapely.points(where), reach_m))
    land = _like_the_usual(land, where)
    return {
        kind: PeopleCells(where, land, _together(n, code, len(where)), reach_m, gathered_m)
        for kind, n in counts.items()
    }


def _squares(where: FloatArray) -> tuple[FloatArray, IntArray, float]:
    """Gather points in squares until they are few enough: middles, the one of each, their side."""
    side_m = 2.0 * float(np.median(KDTree(where).query(where, k=2)[0][:, 1]))
    while True:
        found, square = np.unique(np.floor(where / side_m), axis=0, return_inverse=True)
        if len(found) <= CELLS_AT_MOST:
            break
        side_m *= 2.0
    log.info("gathered %d points of people in squares of %.0f m", len(where), side_m)
    return (found + 0.5) * side_m, square.reshape(-1).astype(np.int64), side_m


def _like_the_usual(land: GeometryArray, where: FloatArray) -> GeometryArray:
    """Cut the cells at the edge of a regular grid to the shape of its other cells."""
    area = shapely.area(land)
    usual = float(np.median(area))
    if np.mean(np.abs(area / usual - 1.0) < REGULAR) < 0.5:  # noqa: PLR2004 - the most are alike
        return land
    model = int(np.argmin(np.abs(area - usual)))
    corners = shapely.get_coordinates(land[model])
    rings = (corners - where[model])[None, :, :] + where[:, None, :]
    return np.asarray(shapely.intersection(land, shapely.polygons(rings)), dtype=object)


def _together(counts: FloatArray, code: IntArray, size: int) -> FloatArray:
    """Add up the counts of points on one spot; null where none of them is counted."""
    known = ~np.isnan(counts)
    total = np.bincount(code[known], weights=counts[known], minlength=size)
    return np.where(np.bincount(code[known], minlength=size) > 0, total, np.nan)

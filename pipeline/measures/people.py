"""Say where people live and work: how many in a polygon, how densely at a point."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from scipy.spatial import KDTree

from pipeline.measures.access_pairs import FloatArray, IntArray
from pipeline.measures.coverage import GeometryArray

RESIDENTS, WORKERS = "residents", "workers"
#: Kinds of people, and the column of the table of people that counts them.
KINDS = {RESIDENTS: "residents", WORKERS: "jobs"}
# A cell reaches no farther than this share of the spacing from its point: the corners of a square
# lie at 0.71 of it, those of a hexagon at 0.58.
REACH = 0.75
REGULAR = 0.02  # cells of one grid differ in area by less than this share


@dataclass(frozen=True, eq=False)
class PeopleCells:
    """The land of each counted cell, and how many live and work on it (NaN: not counted).

    `shapes` do not overlap; `counts` has one array for each kind that is counted anywhere.
    """

    points: FloatArray
    shapes: GeometryArray
    counts: dict[str, FloatArray]
    reach_m: float

    def __repr__(self) -> str:
        """Tell the totals."""
        totals = ", ".join(f"{np.nansum(n):,.0f} {kind}" for kind, n in self.counts.items())
        return f"<PeopleCells {len(self.points)} cells, {totals}>"

    def density_at(self, xy: FloatArray, kind: str) -> FloatArray:
        """Give people per m² at places (metres, shape (n, 2)): those of the cell they lie in.

        Zero off all cells; NaN on a cell that was not counted.
        """
        apart, cell = KDTree(self.points).query(xy)
        density = self.counts[kind] / shapely.area(self.shapes)
        return np.where(apart <= self.reach_m, density[cell], 0.0)

    def inside(self, polygons: GeometryArray, kind: str) -> FloatArray:
        """Count the people inside polygons, cells on the boundary by the exact part inside.

        NaN where no counted cell is touched; a missing polygon holds nobody.
        """
        counted = np.flatnonzero(~np.isnan(self.counts[kind]))
        shapes = self.shapes[counted]
        shapely.prepare(polygons)
        unit, cell = shapely.STRtree(shapes).query(polygons, predicate="intersects")
        share = np.ones(len(unit))
        partly = np.flatnonzero(~shapely.covers(polygons[unit], shapes[cell]))
        cut = shapely.intersection(polygons[unit[partly]], shapes[cell[partly]])
        share[partly] = shapely.area(cut) / shapely.area(shapes)[cell[partly]]
        people = self.counts[kind][counted][cell] * share
        total = np.bincount(unit, weights=people, minlength=len(polygons)).astype(np.float64)
        touched = np.bincount(unit, minlength=len(polygons)) > 0
        return np.where(touched, total, np.nan)


def people_cells(people: gpd.GeoDataFrame) -> PeopleCells | None:
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
        None where nobody is counted, or the points are fewer than two.
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
        return None
    code = first.reshape(-1).astype(np.int64)
    counts = {kind: _together(n, code, len(where)) for kind, n in counts.items()}
    reach_m = REACH * float(np.median(KDTree(where).query(where, k=2)[0][:, 1]))
    around = shapely.buffer(shapely.multipoints(where), 2.0 * reach_m).envelope
    land = shapely.get_parts(
        shapely.voronoi_polygons(shapely.multipoints(where), extend_to=around, ordered=True)
    )
    land = shapely.intersection(land, shapely.buffer(shapely.points(where), reach_m))
    return PeopleCells(where, _like_the_usual(land, where), counts, reach_m)


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

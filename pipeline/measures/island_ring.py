"""Draw the ring around a park and the points that stand for park and ring in relocations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import shapely
from numpy.typing import NDArray

from .island_grid import FloatArray, GridFrame, IntArray

GeometryArray = NDArray[np.object_]
Single = NDArray[np.float32]
Entry = TypeVar("Entry", bound=np.generic)

# Positions placed at once: their coordinates stay in the processor's cache.
CHUNK = 32


def in_turn(positions: int, *, at_once: int = 2 * CHUNK) -> list[slice]:
    """Cut many positions into rows worked on at once; one empty cut where there are none."""
    return [slice(start, start + at_once) for start in range(0, max(positions, 1), at_once)]


def ring(
    geometry: shapely.Geometry, *, width_m: float, excluded: Sequence[shapely.Geometry] = ()
) -> shapely.Geometry:
    """
    Give the land within a distance of a park's boundary, outside the park.

    Parameters
    ----------
    geometry
        Park polygon in metres.
    width_m
        Width of the ring.
    excluded
        Water and other parks, taken out of the ring.

    Returns
    -------
    polygon or multipolygon, possibly empty
    """
    nominal = shapely.difference(shapely.buffer(geometry, width_m, quad_segs=16), geometry)
    near = [other for other in excluded if shapely.intersects(other, nominal)]
    return shapely.difference(nominal, shapely.union_all(near)) if near else nominal


def neighbours_and_hosts(
    parks: GeometryArray, *, host_overlap_share: float
) -> tuple[list[IntArray], list[IntArray]]:
    """
    Tell, for each park, which other parks lie beside it and which hold it.

    A park that covers more than `host_overlap_share` of another is that one's setting: taking it
    out would leave the inner park without surroundings.

    Returns
    -------
    for each park the positions of the parks beside it (all others), and of those that hold it
    """
    tree = shapely.STRtree(parks)
    left, right = tree.query(parks, predicate="intersects")
    different = left != right
    left, right = left[different], right[different]
    share = shapely.area(shapely.intersection(parks[left], parks[right])) / shapely.area(
        parks[left]
    )
    held = share > host_overlap_share
    everybody = np.arange(len(parks))
    hosts = [right[held & (left == i)] for i in everybody]
    beside = [
        np.setdiff1d(everybody, np.append(own, i)) for i, own in zip(everybody, hosts, strict=True)
    ]
    return beside, hosts


@dataclass(frozen=True)
class SampledFootprint:
    """
    A park and its rings as points in the park's own frame (origin at the centroid, metres).

    `band` numbers the ring band of each ring point: band b lies between the (b-1)th and the bth
    ring width. `around_km2` is the land each ring point stands for; `shape` is the polygon.
    """

    x_m: float
    y_m: float
    shape: shapely.Geometry
    ring_widths_m: tuple[float, ...]
    inside: FloatArray
    inside_km2: float
    around: FloatArray
    band: IntArray
    around_km2: FloatArray

    @property
    def equivalent_radius_m(self) -> float:
        """Radius of the disc of the same area."""
        return float(np.sqrt(self.inside_km2 * 1e6 / np.pi))


def sample_footprint(
    geometry: shapely.Geometry, *, ring_widths_m: Sequence[float], points: int
) -> SampledFootprint:
    """
    Set points on a lattice over a park and over each of its ring bands.

    Parameters
    ----------
    geometry
        Park polygon in metres.
    ring_widths_m
        Ascending ring widths.
    points
        Points wanted in the park and in each band. Each point stands for the area of its region
        divided by the region's points, so areas are exact and only their shape is approximated.
    """
    centre = shapely.centroid(geometry)
    local = shapely.transform(geometry, lambda xy: xy - [[centre.x, centre.y]])
    inside = lattice_points(local, points=points)
    bands, numbers, weights = [], [], []
    inner = local
    for number, width_m in enumerate(ring_widths_m):
        outer = shapely.buffer(local, width_m, quad_segs=16)
        region = shapely.difference(outer, inner)
        band = lattice_points(region, points=points)
        bands.append(band)
        numbers.append(np.full(len(band), number, dtype=np.int64))
        weights.append(np.full(len(band), region.area / 1e6 / len(band)))
        inner = outer
    return SampledFootprint(
        x_m=centre.x,
        y_m=centre.y,
        shape=local,
        ring_widths_m=tuple(ring_widths_m),
        inside=inside,
        inside_km2=local.area / 1e6,
        around=np.concatenate(bands),
        band=np.concatenate(numbers),
        around_km2=np.concatenate(weights),
    )


def lattice_points(geometry: shapely.Geometry, *, points: int) -> FloatArray:
    """
    Set about so many points on a square lattice inside a polygon.

    The lattice is tilted by the golden angle so that it does not run parallel to a grid of cells.
    """
    spacing_m = np.sqrt(geometry.area / points)
    turn = np.pi * (3 - np.sqrt(5))
    cos, sin = np.cos(turn), np.sin(turn)
    reach = np.abs(np.array(geometry.bounds)).max() * np.sqrt(2) + spacing_m
    steps = np.arange(-reach, reach + spacing_m, spacing_m)
    u, v = (axis.ravel() for axis in np.meshgrid(steps, steps))
    x, y = cos * u - sin * v, sin * u + cos * v
    shapely.prepare(geometry)
    kept = shapely.contains_xy(geometry, x, y)
    if not kept.any():
        point = shapely.point_on_surface(geometry)
        return np.array([[point.x, point.y]])
    return np.column_stack([x[kept], y[kept]])


def placed(
    points: FloatArray, *, x_m: FloatArray, y_m: FloatArray, angle_rad: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """
    Turn local points and move them to each of many positions.

    Returns
    -------
    x and y, each of shape (positions, points)
    """
    cos, sin = np.cos(angle_rad)[:, None], np.sin(angle_rad)[:, None]
    x = x_m[:, None] + cos * points[:, 0] - sin * points[:, 1]
    y = y_m[:, None] + sin * points[:, 0] + cos * points[:, 1]
    return x, y


def cells_below(
    points: FloatArray,
    grid: GridFrame,
    *,
    x_m: FloatArray,
    y_m: FloatArray,
    angle_rad: FloatArray,
) -> NDArray[np.int32]:
    """
    Give the flat cell under each local point at each of many positions; -1 outside the grid.

    Single precision from the grid's own corner puts a point at most some millimetres off.

    Returns
    -------
    shape (positions, points)
    """
    u, v = (points.T / grid.cell_m).astype(np.float32)
    cos, sin = np.cos(angle_rad).astype(np.float32), np.sin(angle_rad).astype(np.float32)
    east = ((x_m - grid.x_min_m) / grid.cell_m).astype(np.float32)
    north = ((y_m - grid.y_min_m) / grid.cell_m).astype(np.float32)
    cells = np.empty((len(x_m), len(points)), dtype=np.int32)
    for start in range(0, len(x_m), CHUNK):
        rows = np.s_[start : start + CHUNK, None]
        column, row = cos[rows] * u, sin[rows] * u
        column -= sin[rows] * v
        column += east[rows]
        row += cos[rows] * v
        row += north[rows]
        # Truncating equals flooring where nothing is negative.
        within = column.min() >= 0 and row.min() >= 0
        within &= column.max() < grid.columns and row.max() < grid.rows
        if within:
            flat = row.astype(np.int32)
            flat *= grid.columns
            flat += column.astype(np.int32)
        else:
            flat = _clipped(np.floor(column), np.floor(row), grid)
        cells[start : start + CHUNK] = flat
    return cells


def read_cells_below(layer: NDArray[Entry], cell: NDArray[np.int32]) -> NDArray[Entry]:
    """Read a flat layer below points; its last entry is for what lies outside the grid."""
    # Wrapping reads -1 as the last entry, at half the cost of an index.
    found: NDArray[Entry] = layer.take(cell, mode="wrap")
    return found


def _clipped(column: Single, row: Single, grid: GridFrame) -> NDArray[np.int32]:
    """Give the flat cells of whole columns and rows, -1 outside the grid."""
    outside = (column < 0) | (column >= grid.columns) | (row < 0) | (row >= grid.rows)
    flat = row.astype(np.int32) * np.int32(grid.columns) + column.astype(np.int32)
    flat[outside] = -1
    return flat

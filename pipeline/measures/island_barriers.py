"""Measure how much of a boundary lies against expressway, railway or water, in many positions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.settings.island import IslandSettings

from .island_boundary import barrier_share, boundary_points
from .island_contrast import Statistic
from .island_grid import FloatArray, GridFrame, IntArray
from .island_results import ComponentResult
from .island_ring import GeometryArray, placed
from .island_rows import PlaceContrast, guarded

BARRIERS = "barriers"
ALL = "all"
RASTER_CELL_M = 10.0
BOUNDARY_POINTS = 400
BAND_ROWS = 512


@dataclass(frozen=True)
class BarrierRaster:
    """Where a barrier is near, one bit for each 10 m cell."""

    grid: GridFrame
    bits: NDArray[np.uint8]

    def near_cells(self, cell: IntArray) -> NDArray[np.bool_]:
        """Tell for each cell whether a barrier is near; -1 is beyond the grid."""
        byte = self.bits[np.maximum(cell, 0) >> 3]
        set_bit = (byte >> (7 - (np.maximum(cell, 0) & 7)).astype(np.uint8)) & 1
        return np.asarray((cell >= 0) & (set_bit == 1))


def barrier_raster(barriers: GeometryArray, grid: GridFrame, *, near_m: float) -> BarrierRaster:
    """
    Mark the cells whose centre lies within a distance of a barrier.

    Parameters
    ----------
    barriers
        Lines and areas in metres.
    grid
        Extent; cells are refined to 10 m.
    near_m
        The distance.
    """
    from rasterio.features import rasterize
    from rasterio.transform import Affine

    fine = grid.refined(RASTER_CELL_M)
    reach = shapely.buffer(barriers, near_m)
    tree = shapely.STRtree(reach)
    east = fine.x_min_m + fine.columns * fine.cell_m
    bands = []
    for row in range(0, fine.rows, BAND_ROWS):
        rows = min(BAND_ROWS, fine.rows - row)
        south = fine.y_min_m + row * fine.cell_m
        box = shapely.box(fine.x_min_m, south, east, south + rows * fine.cell_m)
        shapes = reach[tree.query(box)]
        transform = Affine(fine.cell_m, 0, fine.x_min_m, 0, fine.cell_m, south)
        shape = (rows, fine.columns)
        band = np.zeros(shape, dtype=np.uint8)
        if len(shapes):
            band = rasterize(shapes, out_shape=shape, transform=transform, dtype="uint8")
        bands.append(band.ravel())
    return BarrierRaster(fine, _packed(bands))


def _packed(bands: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Pack bands to bits; a band's length may leave a rest that goes to the next."""
    parts, rest = [], np.empty(0, dtype=np.uint8)
    for band in bands:
        whole = np.concatenate([rest, band])
        full = len(whole) // 8 * 8
        parts.append(np.packbits(whole[:full]))
        rest = whole[full:]
    parts.append(np.packbits(rest))
    return np.concatenate(parts)


def barrier_results(
    places: Sequence[PlaceContrast],
    barriers: Mapping[str, GeometryArray],
    grid: GridFrame,
    *,
    settings: IslandSettings,
) -> list[ComponentResult]:
    """
    Measure the share of each park's boundary that a barrier bars, with its null model.

    Parameters
    ----------
    places
        Measured places with their relocations.
    barriers
        Expressways, railways and water in metres, by kind; a kind that is unmapped is left out.
    grid
        Extent of the city.
    settings
        The island settings.

    Returns
    -------
    for each place one result for each kind and one, `all`, for the kinds that are mapped together
    (its `basis` names them where some are missing); not testable where the boundary is only
    indicative
    """
    known: dict[str, Mapping[str, GeometryArray]] = {ALL: barriers}
    known |= {kind: _only(barriers, kind) for kind in settings.barrier_kinds}
    certain = [place for place in places if not place.indicative]
    rasters: dict[str, BarrierRaster] = {}
    if certain:
        near_m = settings.barrier_near_m
        rasters = {kind: barrier_raster(barriers[kind], grid, near_m=near_m) for kind in barriers}
        together = [raster.bits for raster in rasters.values()]
        if together:
            fine = grid.refined(RASTER_CELL_M)
            rasters[ALL] = BarrierRaster(fine, np.bitwise_or.reduce(together))
    results = []
    for place in places:
        tested = bool(rasters) and not place.indicative
        cell = relocated_cells(place, grid.refined(RASTER_CELL_M)) if tested else None
        for category, shapes in known.items():
            raster = rasters.get(category)
            near = None if raster is None or cell is None else raster.near_cells(cell)
            results.append(_result(place, category, shapes, near, settings))
    return guarded(results, places, settings)


def _only(barriers: Mapping[str, GeometryArray], kind: str) -> Mapping[str, GeometryArray]:
    return {kind: barriers[kind]} if kind in barriers else {}


def _result(
    place: PlaceContrast,
    category: str,
    barriers: Mapping[str, GeometryArray],
    near_relocated: NDArray[np.bool_] | None,
    settings: IslandSettings,
) -> ComponentResult:
    statistic = Statistic(BARRIERS, category, settings.ring_m, "share of the boundary")
    complete = category != ALL or set(barriers) >= set(settings.barrier_kinds)
    basis = "lines" if complete else f"lines: {', '.join(sorted(barriers))}"
    reason = "boundary_unknown" if place.indicative else None
    if not barriers:
        reason, basis = "no_barrier_data", "lines"
    if reason is not None or near_relocated is None:
        return ComponentResult(
            place.place_id, statistic, np.nan, np.empty(0), reason=reason, basis=basis
        )
    near_m = settings.barrier_near_m
    shapes = np.concatenate(list(barriers.values()))
    near = shapes[shapely.STRtree(shapes).query(place.park, predicate="dwithin", distance=near_m)]
    observed = barrier_share(place.park, list(near), near_m=near_m)
    null: FloatArray = near_relocated.mean(axis=1)
    return ComponentResult(place.place_id, statistic, observed, null, basis=basis)


def relocated_share(place: PlaceContrast, raster: BarrierRaster) -> FloatArray:
    """Give the barred share of the boundary at each relocation, by evenly set points."""
    share: FloatArray = raster.near_cells(relocated_cells(place, raster.grid)).mean(axis=1)
    return share


def relocated_cells(place: PlaceContrast, grid: GridFrame) -> IntArray:
    """Give the cell under each of some points along the boundary at each relocation."""
    points = boundary_points(place.footprint.shape, points=BOUNDARY_POINTS)
    at = place.positions
    x, y = placed(points, x_m=at.x_m, y_m=at.y_m, angle_rad=at.angle_rad)
    return grid.index(x, y)

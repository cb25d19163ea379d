"""Generate cities with clustered amenities and parks that have no effect, or a known one."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

from pipeline.measures.island_grid import GridFrame

CRS = "EPSG:32651"
SIDE_M = 30_000.0
CELL_M = 500.0
CENTRE = (SIDE_M / 2, SIDE_M / 2)


def frame() -> GridFrame:
    """Give the grid of every generated city."""
    cells = int(SIDE_M / CELL_M)
    return GridFrame(0.0, 0.0, CELL_M, cells, cells)


def clustered_points(rng: np.random.Generator, *, clusters: int, per_cluster: float) -> np.ndarray:
    """Scatter Thomas clusters (spread 250 to 700 m), denser towards the centre."""
    half = SIDE_M / 2
    radius = half * np.sqrt(rng.uniform(0, 1, clusters)) * rng.uniform(0.5, 1.0, clusters)
    turn = rng.uniform(0, 2 * np.pi, clusters)
    middle = half + np.column_stack([radius * np.cos(turn), radius * np.sin(turn)])
    members = rng.poisson(per_cluster, clusters)
    spread = np.repeat(rng.uniform(250, 700, clusters), members)[:, None]
    points = np.repeat(middle, members, axis=0) + rng.normal(0, 1, (members.sum(), 2)) * spread
    return points[((points > 0) & (points < SIDE_M)).all(axis=1)]


def margin_m(side_m: float) -> float:
    """Give how far a park's middle stays from the rim."""
    return side_m + 1300.0


def within_margin(side_m: float) -> np.ndarray:
    """Mark the cells in which a park of this size could have been placed."""
    grid = frame()
    x, y = grid.centres(np.arange(grid.rows * grid.columns))
    margin = margin_m(side_m)
    low, high = np.minimum(x, y), np.maximum(x, y)
    return ((low >= margin) & (high <= SIDE_M - margin)).reshape(grid.shape)


def scattered_parks(rng: np.random.Generator, *, number: int, side_m: float) -> gpd.GeoDataFrame:
    """Place turned squares at random, apart from each other and from the rim."""
    parks: list[shapely.Polygon] = []
    margin = margin_m(side_m)
    while len(parks) < number:
        x, y = rng.uniform(margin, SIDE_M - margin, 2)
        square = shapely.box(x - side_m / 2, y - side_m / 2, x + side_m / 2, y + side_m / 2)
        turned = shapely.affinity.rotate(square, rng.uniform(0, 90))
        if all(turned.distance(other) > 200.0 for other in parks):
            parks.append(turned)
    return as_places(parks)


def as_places(parks: list[shapely.Polygon], **columns: object) -> gpd.GeoDataFrame:
    """Give polygons the columns the measures need."""
    names = [f"P{i:02d}" for i in range(len(parks))]
    base = {"place_id": names, "precision_m": 0.0, "boundary_class": "surveyed"}
    return gpd.GeoDataFrame(base | columns, geometry=parks, crs=CRS)


def thinned(
    points: np.ndarray, parks: gpd.GeoDataFrame, *, deficit: float, rng: np.random.Generator
) -> np.ndarray:
    """Remove a share of the points inside the parks."""
    inside = shapely.contains_xy(shapely.union_all(parks.geometry.to_numpy()), *points.T)
    return points[~(inside & (rng.uniform(0, 1, len(points)) < deficit))]


def cell_counts(points: np.ndarray) -> np.ndarray:
    """Count points by cell of the grid."""
    grid = frame()
    flat = grid.index(points[:, 0], points[:, 1])
    return np.bincount(flat, minlength=grid.rows * grid.columns).reshape(grid.shape)

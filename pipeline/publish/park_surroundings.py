"""Shape what surrounds a park on its page: its view, its ring, how far one walks from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

Box = tuple[float, float, float, float]
Extent = tuple[tuple[float, float], tuple[float, float]]
Shapes = NDArray[np.object_]
ARC = 24  # chords of a quarter circle, smooth on a screen


def plausible_areas(places: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Grow footprints by how far their points may be off; no row where that is unknown or nothing.

    `places` are in the working CRS with ``precision_m``.
    """
    precision = places["precision_m"].astype("float64")
    known = places[(precision.gt(0) & places.geometry.notna()).to_numpy()]
    grown = known.buffer(precision[known.index].to_numpy(), quad_segs=ARC)
    return known[["name_zh", "name_en"]].set_geometry(grown)


def rings_around(places: gpd.GeoDataFrame, *, width_m: float) -> gpd.GeoDataFrame:
    """Cut the land within `width_m` of each footprint; no row where there is no footprint."""
    known = places[(places.geometry.notna() & ~places.geometry.is_empty).to_numpy()]
    shapes = known.geometry.to_numpy()
    rings = shapely.difference(shapely.buffer(shapes, width_m, quad_segs=ARC), shapes)
    return known[["name_zh", "name_en"]].set_geometry(
        gpd.GeoSeries(rings, index=known.index, crs=places.crs)
    )


def straight_catchments(
    origins: Sequence[shapely.Geometry], *, limits_min: Sequence[float], m_per_min: float
) -> list[Shapes]:
    """Give the land within each time of some origins as the crow flies, widest last.

    `m_per_min` is the straight distance covered in a minute: speed over detour factor.
    """
    return [
        shapely.buffer(np.array(origins, dtype=object), limit * m_per_min, quad_segs=ARC)
        for limit in sorted(limits_min)
    ]


def as_bands(
    areas: Sequence[Sequence[shapely.Geometry] | Shapes],
    names: Sequence[str],
    *,
    limits_min: Sequence[float],
    method: str,
    crs: object,
) -> gpd.GeoDataFrame:
    """Turn nested areas into bands that do not cover each other.

    Parameters
    ----------
    areas
        For each limit, nearest first, the area of each place.
    names
        The places.
    limits_min, method, crs
        What the areas are within, how that was found, and where they lie.

    Returns
    -------
    geopandas.GeoDataFrame
        ``band`` and ``method`` on the names of the places; the bands of one together, nearest
        first, none without land.
    """
    inner: Shapes = np.full(len(names), shapely.Polygon(), dtype=object)
    bands: list[Shapes] = []
    for area, nearer in zip(areas, [None, *areas], strict=False):
        inner = inner if nearer is None else shapely.union(inner, nearer)
        bands.append(shapely.difference(area, inner))
    shapes = np.array(bands, dtype=object).reshape(len(bands), len(names)).T.ravel()
    known = ~shapely.is_empty(shapes)
    told = {"band": [f"≤ {limit:g} min" for limit in sorted(limits_min)] * len(names)}
    index = pd.Index(np.repeat(np.array(names, dtype=object), len(bands)), dtype="object")
    table = pd.DataFrame({**told, "method": method}, index=index, dtype="object")
    return gpd.GeoDataFrame(table[known], geometry=shapes[known], crs=crs)


def view_of(
    own: shapely.Geometry,
    targets: Iterable[shapely.Geometry],
    *,
    reach_m: float,
    margin_m: float,
) -> Box:
    """Frame a park with those of its nearest facilities that lie within reach, in metres.

    Parameters
    ----------
    own
        Footprint or point of the park (`outline_of`).
    targets
        Points of the nearest facilities, same CRS.
    reach_m
        How far from the park a facility may lie to be part of the first view.
    margin_m
        Land shown around the park in any case.
    """
    near = [point for point in targets if point is not None and own.distance(point) <= reach_m]
    bounds = [own.buffer(margin_m).bounds, *(point.buffer(margin_m / 3).bounds for point in near)]
    west, south, east, north = np.array(bounds).T
    return float(west.min()), float(south.min()), float(east.max()), float(north.max())


def outline_of(shape: shapely.Geometry | None, x: float, y: float) -> shapely.Geometry:
    """Give the footprint, or the point where there is none."""
    return shapely.Point(x, y) if shape is None or shape.is_empty else shape


def extents_of(boxes: Mapping[str, Box], crs: object) -> dict[str, Extent]:
    """Turn boxes in the working CRS into (south, west), (north, east)."""
    shapes = shapely.box(*np.array(list(boxes.values()), dtype=np.float64).reshape(-1, 4).T)
    bounds = gpd.GeoSeries(shapes, crs=crs).to_crs(4326).bounds.to_numpy().tolist()
    return {
        name: ((south, west), (north, east))
        for name, (west, south, east, north) in zip(boxes, bounds, strict=True)
    }


def within_boxes(layer: gpd.GeoDataFrame, boxes: Mapping[str, Box]) -> gpd.GeoDataFrame:
    """Cut a layer to each of some boxes in its own CRS, on their names; what one only touches goes.

    The rows of a box stand together, in the order of the layer.
    """
    shapes = layer.geometry.to_numpy()
    tree = layer.sindex
    taken, cuts, names = [], [], []
    for name, box in boxes.items():
        rows = np.sort(tree.query(shapely.box(*box)))
        cut = shapely.clip_by_rect(shapes[rows], *box)
        kept = ~shapely.is_empty(cut)
        taken.append(rows[kept])
        cuts.append(cut[kept])
        names += [name] * int(kept.sum())
    found: gpd.GeoDataFrame = layer.iloc[np.concatenate([np.array([], dtype=np.intp), *taken])]
    on = pd.Index(names, dtype="object")
    cut = np.concatenate([np.array([], dtype=object), *cuts])
    return found.set_axis(on).set_geometry(gpd.GeoSeries(cut, index=on, crs=layer.crs))


def straight_lines(rows: pd.DataFrame) -> list[shapely.LineString]:
    """Join ``lon, lat`` to ``nearest_lon, nearest_lat`` row by row."""
    ends = rows[["lon", "lat", "nearest_lon", "nearest_lat"]].to_numpy(dtype=np.float64)
    return list(shapely.linestrings(ends.reshape(-1, 2, 2)))

"""Shape what surrounds a park on its page: its view, its ring, how far one walks from it."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

Extent = tuple[tuple[float, float], tuple[float, float]]
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
    origin: shapely.Geometry, *, limits_min: Sequence[float], m_per_min: float
) -> list[shapely.Geometry]:
    """Give the land within each time of an origin as the crow flies, widest last.

    `m_per_min` is the straight distance covered in a minute: speed over detour factor.
    """
    return [origin.buffer(limit * m_per_min, quad_segs=ARC) for limit in sorted(limits_min)]


def as_bands(
    areas: Sequence[shapely.Geometry], *, limits_min: Sequence[float], method: str, crs: object
) -> gpd.GeoDataFrame | None:
    """Turn nested areas into bands that do not cover each other, nearest first."""
    inner: shapely.Geometry = shapely.Polygon()
    bands, names = [], []
    nearer = [None, *areas]
    for limit, area, before in zip(sorted(limits_min), areas, nearer, strict=False):
        inner = inner if before is None else shapely.union(inner, before)
        band = area.difference(inner)
        if not band.is_empty:
            bands.append(band)
            names.append(f"≤ {limit:g} min")
    if not bands:
        return None
    told = pd.DataFrame({"band": names, "method": method}, dtype="object")
    return gpd.GeoDataFrame(told, geometry=bands, crs=crs)


def view_of(
    place: gpd.GeoDataFrame, targets: gpd.GeoSeries, *, reach_m: float, margin_m: float
) -> tuple[float, float, float, float]:
    """Frame a park with those of its nearest facilities that lie within reach, in metres.

    Parameters
    ----------
    place
        One row in the working CRS with a footprint or ``x`` and ``y``.
    targets
        Points of the nearest facilities, same CRS.
    reach_m
        How far from the park a facility may lie to be part of the first view.
    margin_m
        Land shown around the park in any case.
    """
    own = outline_of(place)
    near = [point for point in targets if point is not None and own.distance(point) <= reach_m]
    bounds = [own.buffer(margin_m).bounds, *(point.buffer(margin_m / 3).bounds for point in near)]
    west, south, east, north = np.array(bounds).T
    return float(west.min()), float(south.min()), float(east.max()), float(north.max())


def outline_of(place: gpd.GeoDataFrame) -> shapely.Geometry:
    """Give the footprint, or the point where there is none."""
    shape = place.geometry.iloc[0]
    if shape is not None and not shape.is_empty:
        return shape
    return shapely.Point(place["x"].iloc[0], place["y"].iloc[0])


def extent_of(box: tuple[float, float, float, float], crs: object) -> Extent:
    """Turn a box in the working CRS into (south, west), (north, east)."""
    west, south, east, north = gpd.GeoSeries([shapely.box(*box)], crs=crs).to_crs(4326).total_bounds
    return (float(south), float(west)), (float(north), float(east))


def within_box(layer: gpd.GeoDataFrame, box: tuple[float, float, float, float]) -> gpd.GeoDataFrame:
    """Cut a layer to a box in its own CRS; what the box only touches goes."""
    rows = layer.sindex.query(shapely.box(*box)) if len(layer) else np.array([], dtype=int)
    rows = np.sort(rows)
    cut = shapely.clip_by_rect(layer.geometry.to_numpy()[rows], *box)
    kept = ~shapely.is_empty(cut)
    found: gpd.GeoDataFrame = layer.iloc[rows[kept]]
    return found.set_geometry(gpd.GeoSeries(cut[kept], index=found.index, crs=layer.crs))


def straight_lines(rows: pd.DataFrame) -> list[shapely.LineString]:
    """Join ``lon, lat`` to ``nearest_lon, nearest_lat`` row by row."""
    ends = rows[["lon", "lat", "nearest_lon", "nearest_lat"]].to_numpy(dtype=np.float64)
    return list(shapely.linestrings(ends.reshape(-1, 2, 2)))

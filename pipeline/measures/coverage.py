"""Measure what share of the land lies within reach of a station."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from scipy.spatial import KDTree

from pipeline.errors import CrsError, FieldError, MeasureError, Problem
from pipeline.measures.access_pairs import OK, FloatArray, IntArray, floats

GeometryArray = npt.NDArray[np.object_]

DISC_VERTICES = 256  # a radius of 1000 m is then off by less than 0.08 m anywhere
SHARE_TOLERANCE = 1e-9
_STEP = 2.0 * np.pi / DISC_VERTICES
_OUTER_RADIUS = np.sqrt(_STEP / np.sin(_STEP))  # of the corners, to keep the area of the circle
_INNER_RADIUS = _OUTER_RADIUS * np.cos(_STEP / 2.0)  # of the middles of the sides


def require_metric_crs(*layers: gpd.GeoSeries) -> None:
    """Hold that all layers share one projected CRS in metres, other than web mercator.

    Raises
    ------
    CrsError
        Naming every CRS that is missing, geographic, not in metres, web mercator, or different.
    """
    problems = []
    for layer in layers:
        crs = layer.crs
        if crs is None or not crs.is_projected or crs.axis_info[0].unit_name != "metre":
            name = "none" if crs is None else crs.to_string()
            problems.append(
                Problem(
                    zh=f"坐标系 {name} 不能用于量测",
                    en=f"CRS {name} cannot be measured in",
                    rule="working CRS in metres",
                    remedy_zh="请转换到研究的工作坐标系",
                    remedy_en="reproject to the study's working CRS",
                )
            )
        elif crs.to_epsg() == 3857:  # noqa: PLR2004
            problems.append(
                Problem(zh="不得在 EPSG:3857 中量测", en="never measure in EPSG:3857", rule="CRS")
            )
        elif crs != layers[0].crs:
            problems.append(
                Problem(
                    zh=f"图层坐标系不一致：{crs.to_string()}",
                    en=f"layers differ in CRS: {crs.to_string()}",
                    rule="one working CRS",
                )
            )
    if problems:
        raise CrsError(*problems)


def discs(x: FloatArray, y: FloatArray, radius_m: FloatArray | float) -> GeometryArray:
    """Draw discs as polygons of 256 corners whose area is exactly pi r².

    Parameters
    ----------
    x, y
        Centres in a projected CRS, shape (n,).
    radius_m
        Radius or radii in metres.
    """
    reach = np.broadcast_to(np.asarray(radius_m) * _OUTER_RADIUS, x.shape)
    turn = np.arange(DISC_VERTICES + 1) % DISC_VERTICES * _STEP
    rings = np.stack(
        (
            x[:, None] + reach[:, None] * np.cos(turn),
            y[:, None] + reach[:, None] * np.sin(turn),
        ),
        axis=-1,
    )
    return np.asarray(shapely.polygons(rings), dtype=object)


def disc_pieces(points: FloatArray, radius_m: float) -> GeometryArray:
    """Cut the union of equal discs into pieces that do not overlap.

    A point of the union belongs to the disc of its nearest centre, so each disc is cut to the land
    that is nearest to its own centre (its Voronoi cell). This costs far less than uniting them.

    Parameters
    ----------
    points
        Centres in a projected CRS, shape (n, 2), n at least 1.
    radius_m
        Radius of all discs.
    """
    centres = np.unique(points, axis=0)
    round_ones = discs(centres[:, 0], centres[:, 1], radius_m)
    if len(centres) == 1:
        return round_ones
    west, south = centres.min(axis=0) - 2.0 * radius_m
    east, north = centres.max(axis=0) + 2.0 * radius_m
    cells = shapely.get_parts(
        shapely.voronoi_polygons(
            shapely.multipoints(centres), extend_to=shapely.box(west, south, east, north),
            ordered=True,
        )
    )  # fmt: skip
    apart = KDTree(centres).query(centres, k=2)[0][:, 1]
    shared = np.flatnonzero(apart < 2.0 * _OUTER_RADIUS * radius_m)
    round_ones[shared] = shapely.intersection(round_ones[shared], cells[shared])
    return round_ones


def coverage_pieces(
    points: FloatArray, radius_m: FloatArray, taken: shapely.Geometry | None = None
) -> GeometryArray:
    """Cut the union of discs of several sizes into pieces that do not overlap.

    Parameters
    ----------
    points
        Centres in a projected CRS, shape (n, 2).
    radius_m
        Radius of each disc.
    taken
        Land that is left out.
    """
    parts: list[GeometryArray] = []
    sizes = np.unique(radius_m)
    for radius in sizes:
        pieces = disc_pieces(points[radius_m == radius], float(radius))
        if taken is not None:
            pieces = np.asarray(shapely.difference(pieces, taken), dtype=object)
        parts.append(pieces[~shapely.is_empty(pieces)])
        if radius < sizes[-1]:
            taken = shapely.union_all([*pieces, *([] if taken is None else [taken])])
    return np.concatenate(parts) if parts else np.empty(0, dtype=object)


def area_inside(shapes: GeometryArray, pieces: GeometryArray) -> FloatArray:
    """Sum the area of pieces that do not overlap inside each shape, in m²."""
    shapely.prepare(shapes)
    unit, piece = shapely.STRtree(pieces).query(shapes, predicate="intersects")
    area = shapely.area(pieces)[piece]
    partly = ~shapely.covers(shapes[unit], pieces[piece])
    area[partly] = shapely.area(shapely.intersection(shapes[unit[partly]], pieces[piece[partly]]))
    return np.bincount(unit, weights=area, minlength=len(shapes)).astype(np.float64)


def share_area_euclid(
    units: gpd.GeoSeries,
    stops: gpd.GeoSeries,
    *,
    bands_m: Sequence[float],
    extent_m: pd.Series[float],
) -> pd.DataFrame:
    """Compute the share of each unit that lies inside the discs around stops, per band.

    Parameters
    ----------
    units
        Polygons of places, parcels, townships or the city, in a projected CRS in metres.
    stops
        Points of entrances, or of station centroids where entrances are unknown; only the stations
        to be counted (operating ones).
    bands_m
        Radii in metres.
    extent_m
        On the index of `stops`: added to the radius; 0 for entrances, the station extent for
        centroids.

    Returns
    -------
    pandas.DataFrame
        On the index of `units`, one column per band, shares of land area in [0, 1]; null where the
        unit has no polygon.

    Raises
    ------
    CrsError
        When a CRS is unfit or the two differ.
    MeasureError
        When a share leaves [0, 1].
    """
    require_metric_crs(units, stops)
    shapes = units.to_numpy()
    points = shapely.get_coordinates(stops.to_numpy())
    extra = floats(extent_m.reindex(stops.index))
    _refuse_null_extent(extra, stops)
    covered = np.full((len(units), len(bands_m)), np.nan)
    covered[_has_area(shapes)] = 0.0
    if len(points) and (extra == extra[0]).all():
        for column, band in enumerate(bands_m):
            pieces = disc_pieces(points, band + float(extra[0]))
            solid = ~np.isnan(covered[:, column])
            covered[solid, column] = area_inside(shapes[solid], pieces)
    elif len(points):
        _add_covered(covered, shapes, points, extra, bands_m)
    shares = covered / _areas(shapes)[:, None]
    return pd.DataFrame(_bounded(shares), index=units.index, columns=list(bands_m))


def share_area_network(
    units: gpd.GeoSeries, catchments: Mapping[float, gpd.GeoSeries]
) -> pd.DataFrame:
    """Compute the share of each unit inside a network catchment, per band.

    Parameters
    ----------
    units
        Polygons in a projected CRS in metres.
    catchments
        For each band the polygons of its catchment, which may overlap; an empty series where the
        band reaches nothing. Leave a band out where no network was measured.

    Returns
    -------
    pandas.DataFrame
        On the index of `units`, one column per band, shares of land area; null without a polygon.
    """
    shares = {}
    for band, catchment in catchments.items():
        require_metric_crs(units, catchment)
        shares[band] = _share_inside(units.to_numpy(), catchment.to_numpy())
    return pd.DataFrame(shares, index=units.index)


def coverage_ledger(euclid: pd.DataFrame, network: pd.DataFrame) -> pd.DataFrame:
    """Set network against straight-line coverage: how much a disc overstates.

    Parameters
    ----------
    euclid, network
        Shares per unit (rows) and band (columns) on the same units.

    Returns
    -------
    pandas.DataFrame
        Indexed by unit and band: `share_area_euclid`, `share_area_network`, `ledger` (network minus
        straight-line, null unless both are known) and `status` (`ok` or `no_data`).
    """
    if not network.index.isin(euclid.index).all():
        raise FieldError(
            Problem(
                zh="网络覆盖与直线覆盖的单元不一致",
                en="the units of network and straight-line coverage differ",
                rule="ledger",
            )
        )
    walked = network.reindex(index=euclid.index, columns=euclid.columns)
    keys = pd.MultiIndex.from_product([euclid.index, euclid.columns], names=["unit", "band"])
    columns = {
        "share_area_euclid": euclid.to_numpy(dtype=np.float64).ravel(),
        "share_area_network": walked.to_numpy(dtype=np.float64).ravel(),
    }
    table = pd.DataFrame(columns, index=keys)
    table["ledger"] = table["share_area_network"] - table["share_area_euclid"]
    table["status"] = np.where(table["ledger"].notna(), OK, "no_data")
    return table


def estimated_reach_m(minutes: float, *, walk_m_per_min: float, detour_factor: float) -> float:
    """Give the straight-line radius that stands for walking minutes where no streets are known."""
    return minutes * walk_m_per_min / detour_factor


def station_counts(line_stations: pd.DataFrame) -> pd.Series[int]:
    """Count a rail network both ways: a station once per line, and once per name.

    Parameters
    ----------
    line_stations
        Columns `line` and `station`; a station on two branches of a line is one line-station.

    Returns
    -------
    pandas.Series
        `lines`, `line_stations` (the official way of counting), `stations` (distinct names) and
        `interchanges` (names on more than one line).
    """
    unique = line_stations[["line", "station"]].drop_duplicates()
    lines_of = unique.groupby("station")["line"].size()
    return pd.Series(
        {
            "lines": unique["line"].nunique(),
            "line_stations": len(unique),
            "stations": len(lines_of),
            "interchanges": int((lines_of > 1).sum()),
        }
    )


def _refuse_null_extent(extra: FloatArray, stops: gpd.GeoSeries) -> None:
    unknown = ~(extra >= 0)
    if unknown.any():
        raise FieldError(
            Problem(
                zh=f"{unknown.sum()} 个站点没有有效的站体尺度",
                en=f"{unknown.sum()} stops have no valid extent",
                row=str(stops.index[int(unknown.argmax())]),
                rule="extent_m",
            )
        )


def _add_covered(
    covered: FloatArray,
    shapes: GeometryArray,
    points: FloatArray,
    extra: FloatArray,
    bands_m: Sequence[float],
) -> None:
    """Fill the covered area of every unit that has a stop near it, band by band."""
    centres = shapely.points(points)
    within = max(bands_m) + extra.max() + 1.0  # a disc's corners lie up to 0.1 m outside
    unit, stop = shapely.STRtree(centres).query(shapes, predicate="dwithin", distance=within)
    order = np.argsort(unit, kind="stable")
    unit, stop = unit[order], stop[order]
    near = shapely.distance(shapes[unit], centres[stop])
    far = shapely.hausdorff_distance(shapes[unit], centres[stop])
    for column, band in enumerate(bands_m):
        reach = (band + extra)[stop]
        whole = np.unique(unit[far <= reach * _INNER_RADIUS])
        covered[whole, column] = shapely.area(shapes[whole])
        partly = (near <= reach + 1.0) & ~np.isin(unit, whole)
        pieces = discs(points[:, 0], points[:, 1], band + extra)[stop[partly]]
        _add_pieces(covered[:, column], shapes, unit[partly], pieces)


def _add_pieces(
    covered: FloatArray, shapes: GeometryArray, unit: IntArray, pieces: GeometryArray
) -> None:
    """Fill the area that discs cover together, counting overlaps once; units come sorted."""
    rows, starts, sizes = np.unique(unit, return_index=True, return_counts=True)
    alone = starts[sizes == 1]
    covered[unit[alone]] = shapely.area(shapely.intersection(pieces[alone], shapes[unit[alone]]))
    for row, start, size in zip(rows, starts, sizes, strict=True):
        if size > 1:
            union = shapely.union_all(pieces[start : start + size])
            covered[row] = shapely.area(shapely.intersection(union, shapes[row]))


def _share_inside(shapes: GeometryArray, catchment: GeometryArray) -> FloatArray:
    # One catchment alone overlaps nothing.
    land = shapely.union_all(catchment) if len(catchment) > 1 else catchment
    covered = area_inside(shapes, shapely.get_parts(land))
    known = np.where(_has_area(shapes), covered, np.nan)
    return _bounded(known / _areas(shapes))


def _areas(shapes: GeometryArray) -> FloatArray:
    """Measure areas, null where there is none (so that a share of it is null too)."""
    return np.where(_has_area(shapes), shapely.area(shapes), np.nan)


def _has_area(shapes: GeometryArray) -> npt.NDArray[np.bool_]:
    return np.asarray(~shapely.is_missing(shapes) & (shapely.area(shapes) > 0), dtype=np.bool_)


def _bounded(shares: FloatArray) -> FloatArray:
    """Cut rounding off shares, and refuse anything that is more than rounding."""
    over: Any = (shares < -SHARE_TOLERANCE) | (shares > 1.0 + SHARE_TOLERANCE)
    if over.any():
        raise MeasureError(
            Problem(
                zh=f"{over.sum()} 个覆盖率超出 [0, 1]",
                en=f"{over.sum()} shares lie outside [0, 1]",
                rule="share",
            )
        )
    return np.clip(shares, 0.0, 1.0)

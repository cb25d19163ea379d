"""Draw plausible footprints of places whose boundary is uncertain, and measure each draw."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.spatial import cKDTree

from pipeline.errors import FieldError, Problem
from pipeline.measures.access_pairs import FloatArray, IntArray, floats, sum_by
from pipeline.measures.coverage import discs, require_metric_crs
from pipeline.measures.coverage_cells import cells_in, weighted_summary

CERTAIN = ("surveyed", "digitised")
M2_PER_KM2 = 1e6
COLUMNS = ("boundary_class", "planned_area_km2", "precision_m", "x", "y")


@dataclass(frozen=True, eq=False)
class FootprintDraws:
    """Cells of all draws of all places, as parallel arrays.

    `place` and `draw` say which draw of which place (a position in `places`) a cell belongs to;
    `xy` is its point in the working CRS and `weight` its area in m². `basis` tells on the places
    how the footprint was made, and `draw_count` how often it was drawn (1 where the boundary is
    certain, 0 where the place has no point and no polygon).
    """

    places: pd.Index[Any]
    place: IntArray
    draw: IntArray
    xy: FloatArray
    weight: FloatArray
    basis: pd.Series[str]
    draw_count: pd.Series[int]

    def __repr__(self) -> str:
        """Tell the counts."""
        drawn = int((self.draw_count > 1).sum())
        return (
            f"<FootprintDraws {self.places.size} places, {drawn} of them drawn "
            f"{self.draw_count.max()} times, {self.weight.size} cells>"
        )

    @property
    def key(self) -> pd.MultiIndex:
        """List place and draw of every draw, in order."""
        counts = self.draw_count.to_numpy()
        draw = np.concatenate([np.arange(count) for count in counts]) if counts.size else counts
        return pd.MultiIndex.from_arrays(
            [self.places.repeat(counts), draw.astype(np.int64)], names=["place", "draw"]
        )

    @property
    def code(self) -> IntArray:
        """Give each cell the position of its draw in `key`."""
        start = np.cumsum(self.draw_count.to_numpy()) - self.draw_count.to_numpy()
        return np.asarray(start[self.place] + self.draw, dtype=np.int64)


def draw_footprints(
    places: gpd.GeoDataFrame,
    *,
    draws: int,
    seed: int,
    cells_per_footprint: int,
    assumed_area_km2: float,
    assumed_precision_m: float,
) -> FootprintDraws:
    """Move the footprint of every indicative place over the disc in which it may lie.

    Rules: the true centre is uniform over the disc of radius `precision_m` around the recorded
    point. The footprint that moves is the disc of the planned area (of `assumed_area_km2`, and
    named so in `basis`, where none is documented). Surveyed and digitised places stay where they
    are, once. The draws of a place depend on the seed and its id alone, so neither the order nor
    the choice of rows changes them.

    Parameters
    ----------
    places
        Indexed by place id, in a projected CRS in metres: `boundary_class`, `planned_area_km2`,
        `precision_m`, `x`, `y` and a polygon `geometry` where the boundary is certain.
    draws, seed
        Number of draws K and the study's seed.
    cells_per_footprint
        About how many cells stand for one footprint; their weights add up to its area.
    assumed_area_km2, assumed_precision_m
        Used, and flagged, where the register is silent.

    Raises
    ------
    FieldError
        When a column is missing or ids repeat.
    """
    _require_places(places)
    require_metric_crs(places.geometry)
    shapes, basis = _footprints(places, assumed_area_km2)
    solid = np.array([shape is not None for shape in shapes])
    moved = ~places["boundary_class"].isin(CERTAIN).to_numpy() & solid
    radius = floats(places["precision_m"].fillna(assumed_precision_m))
    count = np.where(solid, np.where(moved, draws, 1), 0).astype(np.int64)
    parts = [
        _cells_of_draws(position, shapes[position], offsets, cells_per_footprint, places.crs)
        for position in np.flatnonzero(solid).tolist()
        for offsets in [
            _offsets(str(places.index[position]), radius[position], draws, seed)
            if moved[position]
            else np.zeros((1, 2))
        ]
    ]
    columns = list(zip(*parts, strict=True)) or [(np.empty(0),)] * 4
    return FootprintDraws(
        places=places.index,
        place=np.concatenate(columns[0]).astype(np.int64),
        draw=np.concatenate(columns[1]).astype(np.int64),
        xy=np.concatenate(columns[2]).reshape(-1, 2),
        weight=np.concatenate(columns[3]),
        basis=pd.Series(basis, index=places.index, name="footprint_basis"),
        draw_count=pd.Series(count, index=places.index, dtype="int64", name="draw_count"),
    )


def nearest_m(drawn: FootprintDraws, facilities_xy: FloatArray) -> FloatArray:
    """Measure from every cell the straight line to the nearest facility, in metres.

    Null everywhere when there is no facility at all.
    """
    if not len(facilities_xy):
        return np.full(drawn.weight.size, np.nan)
    distance, _ = cKDTree(facilities_xy).query(drawn.xy)
    return np.asarray(distance, dtype=np.float64)


def summarise_draws(drawn: FootprintDraws, values: FloatArray) -> pd.DataFrame:
    """Summarise a cell measure within each draw: area-weighted mean, median and p90.

    Parameters
    ----------
    drawn
        The draws.
    values
        One value per cell (metres, minutes, a count), null where unknown.

    Returns
    -------
    pandas.DataFrame
        Indexed by place and draw: `mean`, `median`, `p90`.
    """
    cells = pd.RangeIndex(values.size)
    summary = weighted_summary(
        pd.Series(values, index=cells),
        weight=pd.Series(drawn.weight, index=cells),
        unit=pd.Series(drawn.code, index=cells),
        beyond=pd.Series(data=False, index=cells),
    )
    return summary[["mean", "median", "p90"]].set_axis(drawn.key)


def share_within(
    drawn: FootprintDraws, values: FloatArray, *, limits: Sequence[float]
) -> pd.DataFrame:
    """Compute in each draw the share of land whose value is at most each limit.

    Returns
    -------
    pandas.DataFrame
        Indexed by place and draw, one column per limit; null where a cell is unknown.
    """
    size = len(drawn.key)
    total = sum_by(drawn.code, drawn.weight, size)
    unknown = sum_by(drawn.code, np.where(np.isnan(values), drawn.weight, 0.0), size) > 0
    shares = {
        limit: np.where(
            unknown,
            np.nan,
            sum_by(drawn.code, np.where(values <= limit, drawn.weight, 0.0), size) / total,
        )
        for limit in limits
    }
    return pd.DataFrame(shares, index=drawn.key)


def count_within_m(
    drawn: FootprintDraws, facilities_xy: FloatArray, *, radius_m: float
) -> pd.Series[float]:
    """Compute in each draw the area-weighted mean number of facilities with distance <= radius."""
    if not len(facilities_xy):
        return pd.Series(0.0, index=drawn.key, name="count")
    found = cKDTree(facilities_xy).query_ball_point(drawn.xy, radius_m, return_length=True)
    return summarise_draws(drawn, np.asarray(found, dtype=np.float64))["mean"].rename("count")


def is_facility_point(
    x: pd.Series[float], y: pd.Series[float], facilities_xy: FloatArray, *, same_point_m: float
) -> pd.Series[bool]:
    """Tell which places are recorded at a facility's own point, and so unfit to be measured to it.

    Parameters
    ----------
    x, y
        Recorded points in the working CRS, null where there is none.
    facilities_xy
        Facilities (metro stations) in the same CRS, shape (n, 2).
    same_point_m
        A point at most this far from a facility is that facility.
    """
    points = np.column_stack((floats(x), floats(y)))
    known = np.isfinite(points).all(axis=1)
    same = np.zeros(len(points), dtype=np.bool_)
    if len(facilities_xy) and known.any():
        same[known] = cKDTree(facilities_xy).query(points[known])[0] <= same_point_m
    return pd.Series(same, index=x.index, dtype="bool", name="is_facility_point")


def _footprints(
    places: gpd.GeoDataFrame, assumed_area_km2: float
) -> tuple[list[shapely.Geometry | None], list[str]]:
    """Choose the polygon of each place and say how it came about."""
    area = floats(places["planned_area_km2"])
    known = np.isfinite(area)
    radius = np.sqrt(np.where(known, area, assumed_area_km2) * M2_PER_KM2 / np.pi)
    x, y = floats(places["x"]), floats(places["y"])
    round_ones = discs(np.nan_to_num(x), np.nan_to_num(y), radius)
    shapes: list[shapely.Geometry | None] = []
    basis = []
    for row, (kind, polygon) in enumerate(
        zip(places["boundary_class"], places.geometry, strict=True)
    ):
        if kind in CERTAIN and polygon is not None and not polygon.is_empty:
            shapes.append(polygon)
            basis.append(str(kind))
        elif np.isfinite(x[row]) and np.isfinite(y[row]):
            shapes.append(round_ones[row])
            basis.append("planned_area_disc" if known[row] else "assumed_area_disc")
        else:
            shapes.append(None)
            basis.append("none")
    return shapes, basis


def _offsets(place_id: str, radius_m: float, draws: int, seed: int) -> FloatArray:
    """Draw displacements uniform over a disc, from a stream that belongs to the place alone."""
    own = int.from_bytes(hashlib.sha256(place_id.encode()).digest()[:8], "big")
    uniform = np.random.default_rng([seed, own]).uniform(size=(draws, 2))
    reach, turn = radius_m * np.sqrt(uniform[:, 0]), 2.0 * np.pi * uniform[:, 1]
    return np.column_stack((reach * np.cos(turn), reach * np.sin(turn)))


def _cells_of_draws(
    position: int,
    shape: Any,  # noqa: ANN401
    offsets: FloatArray,
    cells_per_footprint: int,
    crs: Any,  # noqa: ANN401
) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
    """Cut the footprint once and move its cells along with every draw."""
    size_m = float(np.sqrt(shape.area / cells_per_footprint))
    cells = cells_in(gpd.GeoSeries([shape], crs=crs), size_m=size_m)
    points = shapely.get_coordinates(cells.geometry.to_numpy())
    moved = (points[None, :, :] + offsets[:, None, :]).reshape(-1, 2)
    draw = np.repeat(np.arange(len(offsets)), len(points))
    weight = np.tile(floats(cells["area_m2"]), len(offsets))
    return np.full(draw.size, position), draw, moved, weight


def _require_places(places: gpd.GeoDataFrame) -> None:
    problems = [
        Problem(zh=f"地点表缺少字段 {name}", en=f"the table of places lacks field {name}")
        for name in COLUMNS
        if name not in places.columns
    ]
    if places.index.has_duplicates:
        problems.append(Problem(zh="地点编号重复", en="place ids repeat", rule="place_id"))
    if problems:
        raise FieldError(*problems)

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
from pipeline.measures.access_pairs import FloatArray, IntArray, floats
from pipeline.measures.coverage import discs, require_metric_crs
from pipeline.measures.coverage_cells import QUANTILE_SLACK, cells_in
from pipeline.measures.uncertainty import THRESHOLD_SLACK

CERTAIN = ("surveyed", "digitised")
M2_PER_KM2 = 1e6
COLUMNS = ("boundary_class", "planned_area_km2", "precision_m", "x", "y")


@dataclass(frozen=True, eq=False)
class Block:
    """The draws of one place: the same cells, moved together.

    The cells of draw k stand in rows `start + k * cells` onwards; `share` is each cell's share of
    the footprint's area, the same in every draw.
    """

    position: int
    start: int
    draws: int
    share: FloatArray

    @property
    def rows(self) -> slice:
        """Rows of the place's cells, all draws."""
        return slice(self.start, self.start + self.draws * self.share.size)

    def of(self, values: FloatArray) -> FloatArray:
        """Lay the place's cells out as (draws, cells, ...)."""
        part = values[self.rows]
        shaped: FloatArray = part.reshape(self.draws, self.share.size, *part.shape[1:])
        return shaped


@dataclass(frozen=True, eq=False)
class FootprintDraws:
    """Cells of all draws of all places, as parallel arrays.

    `place` and `draw` say which draw of which place (a position in `places`) a cell belongs to;
    `xy` is its point in the working CRS and `weight` its area in m². `basis` tells on the places
    how the footprint was made, and `draw_count` how often it was drawn (1 where the boundary is
    certain, 0 where the place has no point and no polygon). `blocks` lists the places that were
    drawn, in the order of their cells.
    """

    places: pd.Index[Any]
    place: IntArray
    draw: IntArray
    xy: FloatArray
    weight: FloatArray
    basis: pd.Series[str]
    draw_count: pd.Series[int]
    blocks: tuple[Block, ...]

    def __repr__(self) -> str:
        """Tell the counts."""
        drawn = int((self.draw_count > 1).sum())
        return (
            f"<FootprintDraws {self.places.size} places, {drawn} of them drawn "
            f"{self.draw_count.max()} times, {self.weight.size} cells>"
        )

    @property
    def most_draws(self) -> int:
        """Largest number of draws of any place."""
        return int(self.draw_count.max()) if len(self.draw_count) else 0

    @property
    def counts(self) -> IntArray:
        """Number of draws of each place."""
        return np.asarray(self.draw_count.to_numpy(), dtype=np.int64)

    @property
    def key(self) -> pd.MultiIndex:
        """List place and draw of every draw, in order."""
        counts = self.draw_count.to_numpy()
        draw = np.concatenate([np.arange(count) for count in counts]) if counts.size else counts
        return pd.MultiIndex.from_arrays(
            [self.places.repeat(counts), draw.astype(np.int64)], names=["place", "draw"]
        )

    def flat(self, matrix: FloatArray) -> FloatArray:
        """Give the drawn entries of a matrix (places, draws, ...) in the order of `key`."""
        counts = self.draw_count.to_numpy()
        there = np.arange(matrix.shape[1])[None, :] < counts[:, None]
        return np.asarray(matrix[there], dtype=np.float64)


def draw_footprints(
    places: gpd.GeoDataFrame,
    *,
    draws: int,
    seed: int,
    cells_per_footprint: int,
    cells_at_most: int,
    cell_m: float,
    certain_cell_m: float,
    assumed_area_km2: float,
    assumed_precision_m: float,
) -> FootprintDraws:
    """Move the footprint of every indicative place over the disc in which it may lie.

    Rules: the true centre is uniform over the disc of radius `precision_m` around the recorded
    point. The footprint that moves is the disc of the planned area (of `assumed_area_km2`, and
    named so in `basis`, where none is documented). Surveyed and digitised places stay where they
    are, once. The draws of a place depend on the seed and its site alone, so neither the order
    nor the choice of rows changes them; places that are one site (`same_site_as`) move together.

    Parameters
    ----------
    places
        Indexed by place id, in a projected CRS in metres: `boundary_class`, `planned_area_km2`,
        `precision_m`, `x`, `y`, a polygon `geometry` where the boundary is certain, and
        `same_site_as` where the register knows of one.
    draws, seed
        Number of draws K and the study's seed.
    cells_per_footprint, cells_at_most, cell_m
        An indicative footprint stands for cells about `cell_m` wide, but never for fewer than
        `cells_per_footprint` nor for more than `cells_at_most`; weights add up to its area.
    certain_cell_m
        Side of the cells of a certain footprint, in metres.
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
    solid = np.array([shape is not None for shape in shapes], dtype=np.bool_)
    moved = ~places["boundary_class"].isin(CERTAIN).to_numpy() & solid
    radius = floats(places["precision_m"].fillna(assumed_precision_m))
    count = np.where(solid, np.where(moved, draws, 1), 0).astype(np.int64)
    sites = site_of(places)
    parts, blocks, start = [], [], 0
    for position in np.flatnonzero(solid).tolist():
        shape: Any = shapes[position]
        if moved[position]:
            offsets = _offsets(sites.iloc[position], radius[position], draws, seed)
            wanted = np.clip(shape.area / cell_m**2, cells_per_footprint, cells_at_most)
            size_m = float(np.sqrt(shape.area / wanted))
        else:
            offsets, size_m = np.zeros((1, 2)), certain_cell_m
        xy, weight = _cells_of_draws(shape, offsets, size_m, places.crs)
        parts.append((position, len(offsets), xy, weight))
        blocks.append(Block(position, start, len(offsets), weight / weight.sum()))
        start += len(xy)
    return FootprintDraws(
        places=places.index,
        place=_joined([np.full(len(xy), position) for position, _, xy, _ in parts]),
        draw=_joined([np.repeat(np.arange(n), len(weight)) for _, n, _, weight in parts]),
        xy=np.concatenate([xy for _, _, xy, _ in parts]) if parts else np.empty((0, 2)),
        weight=np.concatenate([np.tile(weight, n) for _, n, _, weight in parts])
        if parts
        else np.empty(0),
        basis=pd.Series(basis, index=places.index, name="footprint_basis"),
        draw_count=pd.Series(count, index=places.index, dtype="int64", name="draw_count"),
        blocks=tuple(blocks),
    )


def site_of(places: pd.DataFrame) -> pd.Series[str]:
    """Name the site of each place: the first id among all that are linked by `same_site_as`."""
    ids = [str(name) for name in places.index]
    site = {name: name for name in ids}
    links = places.get("same_site_as", pd.Series(None, index=places.index, dtype=object))
    pairs = [
        (name, str(other))
        for name, other in zip(ids, links, strict=True)
        if isinstance(other, str) and other
    ]
    for _ in range(len(pairs)):  # each pass carries the first id at least one link further
        before = dict(site)
        for name, other in pairs:
            first = min(site[name], site.get(other, other))
            site[name] = first
            site[other] = min(first, site.get(other, first))
        if site == before:
            break
    return pd.Series([site[name] for name in ids], index=places.index, name="site")


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
        One value per cell (metres, minutes, a count), null where unknown, infinite where known to
        lie beyond what the search could find.

    Returns
    -------
    pandas.DataFrame
        Indexed by place and draw: `mean`, `median`, `p90`.
    """
    matrices = summary_by_draw(drawn, values)
    return pd.DataFrame({name: drawn.flat(m) for name, m in matrices.items()}, index=drawn.key)


def summary_by_draw(
    drawn: FootprintDraws, values: FloatArray, *, mass: FloatArray | None = None
) -> dict[str, FloatArray]:
    """Give :func:`summarise_draws` as matrices of shape (places, draws), null where not drawn.

    With `mass` (residents or workers of each cell, null where not counted) cells weigh by that
    instead of land; a draw without any is null.
    """
    shape = (len(drawn.places), drawn.most_draws)
    result = {name: np.full(shape, np.nan) for name in ("mean", "median", "p90")}
    for block in drawn.blocks:
        cells = block.of(values)
        if np.isnan(cells).all():
            continue
        order = np.argsort(cells, axis=1)
        ordered = np.take_along_axis(cells, order, axis=1)
        if mass is None:
            part = block.share[order]
        else:
            part = np.take_along_axis(np.nan_to_num(block.of(mass), nan=0.0), order, axis=1)
        weight = np.where(np.isnan(ordered), 0.0, part)
        running = np.cumsum(weight, axis=1)
        total = running[:, -1:]
        nothing = total[:, 0] <= 0
        at = block.position, slice(0, block.draws)
        sums = np.where(weight > 0, ordered, 0.0)
        sums = np.multiply(sums, weight, out=sums, where=weight > 0).sum(axis=1)
        with np.errstate(invalid="ignore"):
            result["mean"][at] = np.where(nothing, np.nan, sums / np.where(nothing, 1, total[:, 0]))
        for name, share in (("median", 0.5), ("p90", 0.9)):
            first = np.argmax(running >= (share - QUANTILE_SLACK) * total, axis=1)
            found = np.take_along_axis(ordered, first[:, None], axis=1)[:, 0]
            result[name][at] = np.where(nothing, np.nan, found)
    return result


def share_within(
    drawn: FootprintDraws, values: FloatArray, *, limits: Sequence[float]
) -> pd.DataFrame:
    """Compute in each draw the share of land whose value is at most each limit.

    Returns
    -------
    pandas.DataFrame
        Indexed by place and draw, one column per limit; cells of unknown value are left out, and a
        draw without any known cell is null.
    """
    matrices = share_by_draw(drawn, values, limits=limits)
    columns = {limit: drawn.flat(matrix) for limit, matrix in matrices.items()}
    return pd.DataFrame(columns, index=drawn.key)


def share_by_draw(
    drawn: FootprintDraws,
    values: FloatArray,
    *,
    limits: Sequence[float],
    mass: FloatArray | None = None,
) -> dict[float, FloatArray]:
    """Give :func:`share_within` as matrices of shape (places, draws), null where not drawn.

    With `mass` (residents or workers of each cell, null where not counted) the shares are of that
    instead of land; a draw without any is null.
    """
    shape = (len(drawn.places), drawn.most_draws)
    result = {limit: np.full(shape, np.nan) for limit in limits}
    for block in drawn.blocks:
        cells = block.of(values)
        part = block.share[None, :] if mass is None else np.nan_to_num(block.of(mass), nan=0.0)
        known = np.where(np.isnan(cells), 0.0, part).sum(axis=1)
        for limit in limits:
            within = cells <= limit * (1.0 + THRESHOLD_SLACK)
            inside = np.where(within, part, 0.0).sum(axis=1)
            np.divide(
                inside, known, out=result[limit][block.position, : block.draws], where=known > 0
            )
    for matrix in result.values():
        np.clip(matrix, 0.0, 1.0, out=matrix)
    return result


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


def _offsets(site: str, radius_m: float, draws: int, seed: int) -> FloatArray:
    """Draw displacements uniform over a disc, from a stream that belongs to the site alone."""
    own = int.from_bytes(hashlib.sha256(site.encode()).digest()[:8], "big")
    uniform = np.random.default_rng([seed, own]).uniform(size=(draws, 2))
    reach, turn = radius_m * np.sqrt(uniform[:, 0]), 2.0 * np.pi * uniform[:, 1]
    return np.column_stack((reach * np.cos(turn), reach * np.sin(turn)))


def _cells_of_draws(
    shape: Any,  # noqa: ANN401
    offsets: FloatArray,
    size_m: float,
    crs: Any,  # noqa: ANN401
) -> tuple[FloatArray, FloatArray]:
    """Cut the footprint once and move its cells along with every draw."""
    cells = cells_in(gpd.GeoSeries([shape], crs=crs), size_m=size_m)
    points = shapely.get_coordinates(cells.geometry.to_numpy())
    moved = (points[None, :, :] + offsets[:, None, :]).reshape(-1, 2)
    return moved, floats(cells["area_m2"])


def _joined(parts: list[Any]) -> IntArray:
    return np.concatenate(parts).astype(np.int64) if parts else np.empty(0, dtype=np.int64)


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

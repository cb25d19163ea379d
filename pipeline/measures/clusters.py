"""Tell whether points cluster: nearest neighbours and Ripley's K against relocations on land."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from pipeline.measures.access_pairs import OK, FloatArray

NOT_MEASURABLE = "not_measurable"
CONCENTRATED, DISPERSED, NOT_DISTINCT = "concentrated", "dispersed", "not_distinct"
FEWEST_POINTS = 3  # below three points neither statistic can differ from chance
M_PER_KM = 1000.0
DISTANCES_AT_ONCE = 2_000_000  # bounds the memory of a batch of relocations to some 50 MB


def neighbour_km(xy: FloatArray, *, k: int) -> float:
    """Give the mean distance from each point to its k-th nearest neighbour, in km."""
    return float(pattern_statistics(xy[None], neighbours=(k,), radii_m=(), area_km2=1.0)[0, 0])


def ripley_k_km2(xy: FloatArray, *, radii_m: Sequence[float], area_km2: float) -> FloatArray:
    """Give Ripley's K without edge correction, in km², at each radius (t <= r counts).

    K(r) = A / (n (n - 1)) times the ordered pairs within r. Without a correction K is low near the
    edge; the relocations it is held against have the same edge, so the comparison is fair.
    """
    found = pattern_statistics(xy[None], neighbours=(), radii_m=radii_m, area_km2=area_km2)
    return np.asarray(found[0], dtype=np.float64)


def pattern_statistics(
    patterns: FloatArray,
    *,
    neighbours: Sequence[int],
    radii_m: Sequence[float],
    area_km2: float,
) -> FloatArray:
    """Give the neighbour distances and Ripley's K of many patterns of equally many points.

    Parameters
    ----------
    patterns
        Points in metres, shape (patterns, n, 2).
    neighbours
        Orders k of the mean nearest-neighbour distance, in km; null with k or fewer points.
    radii_m
        Radii of Ripley's K, in km²; null below three points.
    area_km2
        Land that the points may stand on.

    Returns
    -------
    numpy.ndarray
        Shape (patterns, orders + radii).
    """
    draws, count, _ = patterns.shape
    found = np.full((draws, len(neighbours) + len(radii_m)), np.nan)
    if count < 2:  # noqa: PLR2004 - a point alone has no neighbour
        return found
    step = max(1, DISTANCES_AT_ONCE // count**2)
    for start in range(0, draws, step):
        part = slice(start, start + step)
        found[part] = _statistics(patterns[part], neighbours, radii_m, area_km2)
    return found


def _statistics(
    patterns: FloatArray, neighbours: Sequence[int], radii_m: Sequence[float], area_km2: float
) -> FloatArray:
    draws, count, _ = patterns.shape
    apart = _apart(patterns)
    found = np.full((draws, len(neighbours) + len(radii_m)), np.nan)
    # The point itself comes first in its row, so the k-th neighbour stands at place k.
    known = [(column, k) for column, k in enumerate(neighbours) if k < count]
    if known:
        ranked = np.partition(apart, [k for _, k in known], axis=2)
        for column, k in known:
            found[:, column] = ranked[:, :, k].mean(axis=1) / M_PER_KM
    if count >= FEWEST_POINTS:
        for column, radius in enumerate(radii_m, start=len(neighbours)):
            pairs = np.count_nonzero(apart <= radius, axis=(1, 2)) - count
            found[:, column] = pairs * area_km2 / (count * (count - 1))
    return found


def _apart(patterns: FloatArray) -> FloatArray:
    """Give the distances between the points of each pattern; shape (patterns, n, n)."""
    x, y = patterns[:, :, 0], patterns[:, :, 1]
    east, north = x[:, :, None] - x[:, None], y[:, :, None] - y[:, None]
    east *= east
    north *= north
    east += north
    return np.sqrt(east, out=east)


def points_on_land(
    cells_xy: FloatArray,
    *,
    weight: FloatArray,
    cell_m: float,
    count: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Draw points on the cells of the land mask, spread evenly inside each cell.

    Parameters
    ----------
    cells_xy
        Centres of the cells in metres, shape (cells, 2).
    weight
        Chance of each cell: 1 for land as such, more where there is more city.
    cell_m
        Side of a cell.
    count
        How many points.
    rng
        Random stream.
    """
    found = relocations_on_land(
        cells_xy, weight=weight, cell_m=cell_m, count=count, draws=1, rng=rng
    )
    return np.asarray(found[0], dtype=np.float64)


def relocations_on_land(
    cells_xy: FloatArray,
    *,
    weight: FloatArray,
    cell_m: float,
    count: int,
    draws: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Draw many patterns at once, as in :func:`points_on_land`; shape (draws, count, 2)."""
    chosen = rng.choice(len(cells_xy), size=(draws, count), p=weight / weight.sum())
    drawn = cells_xy[chosen] + rng.uniform(-0.5, 0.5, (draws, count, 2)) * cell_m
    return np.asarray(drawn, dtype=np.float64)


def concentration(
    xy: FloatArray,
    *,
    cells_xy: FloatArray,
    weight: FloatArray,
    cell_m: float,
    neighbours: Sequence[int],
    radii_m: Sequence[float],
    draws: int,
    seed: int | Sequence[int],
    interval_share: float,
    alpha: float,
) -> pd.DataFrame:
    """Compare how points gather with as many points relocated at random on land.

    Parameters
    ----------
    xy
        The points, in metres, shape (n, 2).
    cells_xy, weight, cell_m
        The land mask and the chance of each of its cells, as in :func:`points_on_land`.
    neighbours
        Orders k of the nearest-neighbour distances.
    radii_m
        Radii of Ripley's K.
    draws, seed
        Number and seed of the relocations.
    interval_share
        Share of the relocations inside the envelope.
    alpha
        Level of the two-sided test, for each row by itself.

    Returns
    -------
    pandas.DataFrame
        One row per statistic: `statistic` (`neighbour_km`, `ripley_k_km2`), `at` (order, or radius
        in m), `observed`, `null_median`, `low`, `high`, `effect` (observed minus null median), `p`
        (two-sided, (1 + extreme) / (draws + 1) doubled), `finding`, `points`, `status`.
    """
    area_km2 = len(cells_xy) * (cell_m / M_PER_KM) ** 2
    statistics = partial(
        pattern_statistics, neighbours=neighbours, radii_m=radii_m, area_km2=area_km2
    )
    observed = statistics(xy[None])[0]
    moved = relocations_on_land(
        cells_xy,
        weight=weight,
        cell_m=cell_m,
        count=len(xy),
        draws=draws,
        rng=np.random.default_rng(seed),
    )
    null = statistics(moved)
    table = pd.DataFrame(
        {
            "statistic": ["neighbour_km"] * len(neighbours) + ["ripley_k_km2"] * len(radii_m),
            "at": [float(value) for value in (*neighbours, *radii_m)],
            "observed": observed,
        }
    )
    return table.join(_held_against(observed, null, len(neighbours), interval_share, alpha)).assign(
        points=len(xy), status=np.where(np.isfinite(observed), OK, NOT_MEASURABLE)
    )


def _held_against(
    observed: FloatArray, null: FloatArray, near: int, interval_share: float, alpha: float
) -> pd.DataFrame:
    """Rank what is observed among the relocations; equal values count as extreme on both sides."""
    tail = (1.0 - interval_share) / 2.0
    known = np.isfinite(observed)
    whole = np.where(known, null, 0.0)
    low, median, high = np.quantile(whole, [tail, 0.5, 1.0 - tail], axis=0)
    below = (1 + (whole <= observed).sum(axis=0)) / (len(null) + 1)
    above = (1 + (whole >= observed).sum(axis=0)) / (len(null) + 1)
    p = np.minimum(1.0, 2.0 * np.minimum(below, above))
    # a short neighbour distance means concentration, and so does a large K
    sign = np.r_[-np.ones(near), np.ones(len(observed) - near)] * (observed - median)
    finding = np.where(sign > 0, CONCENTRATED, DISPERSED).astype(object)
    finding[p > alpha] = NOT_DISTINCT
    return pd.DataFrame(
        {
            "null_median": np.where(known, median, np.nan),
            "low": np.where(known, low, np.nan),
            "high": np.where(known, high, np.nan),
            "effect": observed - median,
            "p": np.where(known, p, np.nan),
            "finding": [name if some else None for name, some in zip(finding, known, strict=True)],
        }
    )


def anchor_counts(
    points: FloatArray, anchors: FloatArray, *, radius_m: float
) -> tuple[np.ndarray, FloatArray]:
    """Count anchors within a radius of each point (t <= r), and give the nearest in metres.

    The distance is null where there are no anchors at all.
    """
    if not len(anchors):
        return np.zeros(len(points), dtype=np.int64), np.full(len(points), np.nan)
    tree = cKDTree(anchors)
    counts = tree.query_ball_point(points, radius_m, return_length=True)
    nearest, _ = tree.query(points)
    return np.asarray(counts, dtype=np.int64), np.asarray(nearest, dtype=np.float64)

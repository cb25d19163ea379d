"""Relocate a park's own footprint in its city and rank what is observed among the relocations."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .island_city import City, annulus_sum
from .island_grid import BoolArray, FloatArray, IntArray
from .island_ring import SampledFootprint, cells_below, in_turn, read_cells_below

# Two statistics this close are a tie; ties count as extreme, which errs towards no effect.
TIE = 1e-9
AXES = ("x_m", "y_m", "angle_rad")


@dataclass(frozen=True)
class Positions:
    """Accepted relocations of one footprint: centroid and rotation, shape (D,) each."""

    x_m: FloatArray
    y_m: FloatArray
    angle_rad: FloatArray

    def __len__(self) -> int:
        """Count the relocations."""
        return len(self.x_m)

    @classmethod
    def joined(cls, parts: Sequence[Positions]) -> Positions:
        """Put positions of one footprint together, in order."""
        return cls(*(np.concatenate([getattr(p, name) for p in parts]) for name in AXES))

    def take(self, rows: slice) -> Positions:
        """Give the positions of some rows."""
        return Positions(*(getattr(self, name)[rows] for name in AXES))


def generator(seed: int, place_id: str) -> np.random.Generator:
    """Give a place's random stream, which does not depend on the order of places."""
    return np.random.default_rng([seed, zlib.crc32(place_id.encode())])


def own_stratum(
    city: City,
    footprint: SampledFootprint,
    density: FloatArray,
    *,
    strata_distance: int,
    strata_density: int,
) -> IntArray:
    """
    List the eligible cells of a park's stratum.

    Eligible land is cut into equal shares by distance to the centre, and each of these into equal
    shares by the density of the ring a footprint of this size would have there (nested, so that
    no stratum is empty). A park outside eligible land takes the stratum its values fall into.

    Parameters
    ----------
    city, footprint
        The city and the park.
    density
        Density of the ring around each cell, flat.
    strata_distance, strata_density
        Number of classes.

    Returns
    -------
    flat indices of eligible cells
    """
    cells = np.flatnonzero(city.eligible)
    x, y = city.grid.centres(cells)
    distance = np.hypot(x - city.centre_x_m, y - city.centre_y_m)
    own_distance = np.hypot(footprint.x_m - city.centre_x_m, footprint.y_m - city.centre_y_m)
    cells = cells[_same_class(distance, own_distance, strata_distance)]
    own_cell = city.grid.index(np.array([footprint.x_m]), np.array([footprint.y_m]))[0]
    own_density = density[own_cell] if own_cell >= 0 else 0.0
    return cells[_same_class(density[cells], own_density, strata_density)]


def _same_class(values: FloatArray, own: float, classes: int) -> BoolArray:
    if classes == 1 or len(values) == 0:
        return np.ones(len(values), dtype=bool)
    cuts = np.quantile(values, np.arange(1, classes) / classes)
    return np.asarray(np.digitize(values, cuts) == np.digitize(own, cuts))


def ring_density(
    city: City, footprint: SampledFootprint, layer: FloatArray, *, ring_m: float
) -> FloatArray:
    """
    Give the density per km² of land that a ring of this footprint's size has around each cell.

    Parameters
    ----------
    city, footprint
        The city and the park, which enters as the disc of its area.
    layer
        Counts (stops, residents) by cell, flat.
    ring_m
        Ring width.

    Returns
    -------
    density, flat; 0 where there is no land
    """
    inner_m = footprint.equivalent_radius_m
    outer_m = inner_m + ring_m
    shape = city.grid.shape
    total = annulus_sum(city.grid, layer.reshape(shape), inner_m=inner_m, outer_m=outer_m)
    land = annulus_sum(city.grid, city.land_share.reshape(shape), inner_m=inner_m, outer_m=outer_m)
    land_km2 = land * city.grid.cell_km2
    density = np.divide(total, land_km2, out=np.zeros(shape), where=land_km2 > TIE)
    # Rounding noise of the convolution must not decide which class a tie falls into.
    return np.asarray(np.round(density, 9).ravel())


def relocate(
    city: City,
    footprint: SampledFootprint,
    cells: IntArray,
    *,
    rng: np.random.Generator,
    draws: int,
    others: BoolArray,
    max_water_share: float,
    min_eligible_share: float,
    max_proposals_per_draw: int,
) -> Positions:
    """
    Draw positions for a footprint on eligible land, off parks and off water.

    Parameters
    ----------
    city, footprint
        The city and the park as sample points.
    cells
        Eligible cells of the park's stratum (flat); the centroid falls uniformly on them and the
        rotation is uniform.
    rng
        The place's random stream.
    draws
        Positions wanted.
    others
        Fine cells in other parks, flat; a position that touches one is rejected. The park's own
        land is not among them: were it, the observed position could not be one of the draws and
        the test would reject too often.
    max_water_share, min_eligible_share
        A position with more water, or with less eligible land, is rejected.
    max_proposals_per_draw
        Attempts per wanted position before giving up.

    Returns
    -------
    up to `draws` positions; fewer where the city has no room
    """
    kept: list[FloatArray] = []
    found, tried, limit = 0, 0, draws * max_proposals_per_draw
    rate = 0.5
    while found < draws and tried < limit and len(cells) > 0:
        size = int(np.clip((draws - found) / max(rate, 0.02) * 1.1, 64, 2000))
        proposal = _propose(city, cells, rng, size)
        good = _acceptable(
            city, footprint, proposal, others=others,
            max_water_share=max_water_share, min_eligible_share=min_eligible_share,
        )  # fmt: skip
        kept.append(proposal[good])
        found, tried = found + int(good.sum()), tried + size
        rate = found / tried
    accepted = np.concatenate(kept)[:draws] if kept else np.empty((0, 3))
    return Positions(accepted[:, 0], accepted[:, 1], accepted[:, 2])


def _propose(city: City, cells: IntArray, rng: np.random.Generator, size: int) -> FloatArray:
    x, y = city.grid.centres(rng.choice(cells, size))
    jitter = rng.uniform(-0.5, 0.5, (2, size)) * city.grid.cell_m
    angle = rng.uniform(0, 2 * np.pi, size)
    return np.asarray(np.column_stack([x + jitter[0], y + jitter[1], angle]))


def _acceptable(
    city: City,
    footprint: SampledFootprint,
    proposal: FloatArray,
    *,
    others: BoolArray,
    max_water_share: float,
    min_eligible_share: float,
) -> BoolArray:
    good = np.empty(len(proposal), dtype=bool)
    beyond = np.append(others, False)
    for rows in in_turn(len(proposal)):
        x, y, angle = proposal[rows].T
        cell = cells_below(footprint.inside, city.fine, x_m=x, y_m=y, angle_rad=angle)
        dry = read_cells_below(city.fine_land, cell).mean(axis=1) >= 1.0 - max_water_share - TIE
        eligible = (
            read_cells_below(city.fine_eligible, cell).mean(axis=1) >= min_eligible_share - TIE
        )
        good[rows] = dry & eligible & ~read_cells_below(beyond, cell).any(axis=1)
    return good


@dataclass(frozen=True)
class Ranked:
    """Where an observed statistic stands among relocations; arrays over statistics."""

    p_low: FloatArray
    p_high: FloatArray
    median: FloatArray
    low: FloatArray
    high: FloatArray
    valid: IntArray

    @property
    def p_two(self) -> FloatArray:
        """Two-sided p: twice the smaller tail, at most 1."""
        return np.asarray(np.minimum(1.0, 2 * np.minimum(self.p_low, self.p_high)))


def rank(observed: FloatArray, null: FloatArray) -> Ranked:
    """
    Rank observed statistics among their relocations.

    p = (1 + number of relocations at least as extreme) / (n + 1), where n counts the relocations
    for which the statistic exists; ties count as extreme.

    Parameters
    ----------
    observed
        Statistics, shape (S,); NaN where not measurable.
    null
        The same statistics for each relocation, shape (D, S); NaN where not measurable.

    Returns
    -------
    tails, null median and 5-95 % range, number of valid relocations; NaN where the observed
    statistic or every relocation is missing
    """
    exists = np.isfinite(null)
    valid = usable_draws(null)
    with np.errstate(invalid="ignore"):
        below = (exists & (null <= observed + TIE)).sum(axis=0)
        above = (exists & (null >= observed - TIE)).sum(axis=0)
    testable = np.isfinite(observed) & (valid > 0)
    summary = _quantiles(null, valid, (0.05, 0.5, 0.95))
    return Ranked(
        np.where(testable, (1 + below) / (valid + 1), np.nan),
        np.where(testable, (1 + above) / (valid + 1), np.nan),
        summary[1], summary[0], summary[2], valid,
    )  # fmt: skip


def usable_draws(null: FloatArray) -> IntArray:
    """Count the relocations for which each statistic exists."""
    return np.asarray(np.isfinite(null).sum(axis=0))


def _quantiles(null: FloatArray, valid: IntArray, shares: Sequence[float]) -> FloatArray:
    """Interpolate quantiles of columns over their existing values; NaN where there are none."""
    ordered = np.sort(null.T, axis=1)
    statistic = np.arange(len(ordered))
    last = np.maximum(valid - 1, 0)
    result = np.full((len(shares), len(ordered)), np.nan)
    if len(null) == 0:
        return result
    for number, share in enumerate(shares):
        place = share * last
        low = np.floor(place).astype(np.int64)
        below, above = ordered[statistic, low], ordered[statistic, np.minimum(low + 1, last)]
        result[number] = below + (place - low) * (above - below)
    return np.where(valid > 0, result, np.nan)

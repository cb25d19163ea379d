"""Compare minutes on foot inside a park and in its rings, on streets or along straight lines."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipeline.freeing import give_back_memory
from pipeline.measures.island_city import City
from pipeline.measures.island_contrast import Statistic
from pipeline.measures.island_grid import FloatArray, GridFrame, IntArray
from pipeline.measures.island_null import Positions
from pipeline.measures.island_results import ComponentResult
from pipeline.measures.island_ring import in_turn, read_cells_below
from pipeline.measures.island_rows import PlaceContrast, guarded
from pipeline.settings.island import IslandSettings

from .separation_access import beside_streets, minutes_field
from .separation_around import Around, medians_and_numbers
from .separation_nearest import nearest_metres
from .separation_streets import Streets

logger = logging.getLogger(__name__)

ACCESS = "access_gap"
WALKED = "walked_gap"
FIELD_CELL_M = 50.0

Minutes = NDArray[np.float32]


def measured_access(
    around: Sequence[Around],
    city: City,
    streets: Streets,
    *,
    facilities_xy_m: Mapping[str, FloatArray],
    snap_m: float,
    walk_m_min: float,
) -> list[ComponentResult]:
    """Measure access gaps on streets; parameters as in `separation_results`."""
    fine = city.grid.refined(FIELD_CELL_M)
    beside = beside_streets(streets, fine, snap_m=snap_m)
    fields = {
        service: _readable(
            minutes_field(streets, xy_m, beside, snap_m=snap_m, walk_m_min=walk_m_min)
        )
        for service, xy_m in facilities_xy_m.items()
    }
    del beside
    give_back_memory()
    return [result for item in around for result in _access_gaps(item, fine, fields, "streets")]


def estimated_access(
    places: Sequence[PlaceContrast],
    city: City,
    *,
    facilities_xy_m: Mapping[str, FloatArray],
    detour_factor: float,
    walk_m_min: float,
    settings: IslandSettings,
) -> list[ComponentResult]:
    """
    Estimate access gaps where no streets are known, from straight lines.

    Parameters
    ----------
    places, city
        Measured places with their relocations, and their city.
    facilities_xy_m
        Entrances by service, each (N, 2) in metres.
    detour_factor
        Walked over straight-line distance.
    walk_m_min
        Walking speed.
    settings
        The island settings.

    Returns
    -------
    one gap for each place and service, with the basis `straight_line`; walls do not show in it
    """
    fine = city.grid.refined(FIELD_CELL_M)
    around = [Around(place, city, settings) for place in places]
    reached = np.zeros(city.grid.shape, dtype=bool)
    for item in around:
        reached |= item.reached(city.grid)
    fields = {
        service: _readable(
            nearest_metres(city.grid, fine, xy_m, wanted=reached.ravel())
            * (detour_factor / walk_m_min)
        )
        for service, xy_m in facilities_xy_m.items()
    }
    results: list[ComponentResult] = []
    for item in around:
        results += _access_gaps(item, fine, fields, "straight_line")
    logger.info("estimated access gaps of %d places from straight lines", len(places))
    return guarded(results, places, settings)


def untested(
    places: Sequence[PlaceContrast], measured: Sequence[ComponentResult], settings: IslandSettings
) -> list[PlaceContrast]:
    """List the places of which an access gap on streets cannot be tested."""
    doubtful = {
        one.place_id
        for one in measured
        if one.statistic.component == ACCESS and not _testable(one, settings)
    }
    return [place for place in places if place.place_id in doubtful]


def best_access(
    measured: Sequence[ComponentResult],
    estimates: Sequence[ComponentResult],
    settings: IslandSettings,
) -> list[ComponentResult]:
    """
    Keep one access gap for each place and service that can be tested, that on streets first.

    A gap walked on mapped streets can only be tested against relocations on mapped streets. Where
    these are too few, the straight lines, which are known everywhere, make the comparison (like
    with like), and the gap on streets stands beside it as context, without a test.

    Parameters
    ----------
    measured, estimates
        Results on streets (of any component) and access gaps from straight lines.
    settings
        The island settings.
    """
    by_estimate = {(one.place_id, one.statistic): one for one in estimates}
    kept = []
    for one in measured:
        other = by_estimate.get((one.place_id, one.statistic))
        if one.statistic.component != ACCESS or other is None or _testable(one, settings):
            kept.append(one)
            continue
        known = one.reason is None and np.isfinite(one.observed)
        if known and not _testable(other, settings):
            kept.append(one)
            continue
        kept.append(other)
        if known:
            walked = replace(one.statistic, component=WALKED)
            kept.append(replace(one, statistic=walked, reason="few_draws"))
    return kept


def _testable(result: ComponentResult, settings: IslandSettings) -> bool:
    known = result.reason is None and bool(np.isfinite(result.observed))
    return known and int(np.isfinite(result.null).sum()) >= settings.min_valid_draws


def _access_gaps(
    item: Around, grid: GridFrame, fields: Mapping[str, Minutes], basis: str
) -> list[ComponentResult]:
    """Compare median minutes inside and in each ring, for every service."""
    place = item.place
    drawn = 1 + len(place.positions)
    results = []
    for (service, width_m), (inside, outside) in _medians(item, grid, fields).items():
        gap = inside - outside
        results.append(
            ComponentResult(
                place.place_id, Statistic(ACCESS, service, width_m, "min"), float(gap[0]),
                gap[1:drawn], float(inside[0]), float(outside[0]),
                gap[drawn:] if place.plausible_positions else None,
                reason=None if np.isfinite(gap[0]) else "few_minutes", basis=basis,
            )
        )  # fmt: skip
    return results


def _medians(
    item: Around, grid: GridFrame, fields: Mapping[str, Minutes]
) -> dict[tuple[str, float], tuple[FloatArray, FloatArray]]:
    """
    Give median minutes inside and in each ring, at every position of a place.

    NaN where too few points have any.
    """
    everywhere = item.everywhere
    parts = [
        _medians_at(item, everywhere.take(rows), grid, fields) for rows in in_turn(len(everywhere))
    ]
    together = {key: np.concatenate([part[key] for part in parts], axis=1) for key in parts[0]}
    return {key: (both[0], both[1]) for key, both in together.items()}


def _medians_at(
    item: Around, at: Positions, grid: GridFrame, fields: Mapping[str, Minutes]
) -> dict[tuple[str, float], FloatArray]:
    """Give medians inside and around, shape (2, positions), by service and ring width."""
    share = item.settings.measured_share_min
    inside = item.inside_cells(at, grid)
    counted = np.full(len(inside), inside.shape[1])
    within = {
        service: _median_where(read_cells_below(field, inside), counted, share)
        for service, field in fields.items()
    }
    found = {}
    for width_m in item.settings.ring_widths_m:
        around, land = item.ring_cells(at, grid, width_m)
        water, on_land = ~land, land.sum(axis=1)
        for service, field in fields.items():
            in_ring = read_cells_below(field, around)
            in_ring[water] = np.nan
            median = _median_where(in_ring, on_land, share)
            found[service, width_m] = np.stack([within[service], median])
    return found


def _readable(minutes: FloatArray) -> Minutes:
    """Append what index -1 reads; single precision is good for less than a second of a day."""
    return np.append(minutes.astype(np.float32), np.float32(np.nan))


def _median_where(values: NDArray[np.float32], counted: IntArray, least_share: float) -> FloatArray:
    """Give row medians where enough of the counted points have a value."""
    median, measured = medians_and_numbers(values)
    enough = (measured > 0) & (measured >= least_share * counted)
    return np.where(enough, median.astype(np.float64), np.nan)

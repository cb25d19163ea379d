"""Weigh every campus by its travel time from the drawn cells of places, in one pass over them.

Counts, gravity and floating catchments are all means over a place's land of some weight of travel
time. The pass goes place by place, so that no array of all cells by all campuses is ever held.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from pipeline.measures.access_pairs import FloatArray, IntArray
from pipeline.measures.uncertainty_footprints import Block, FootprintDraws
from pipeline.network.place_access import CellPairs
from pipeline.network.place_rail import RailAccess

Kernel = Callable[[FloatArray], FloatArray]

ELEMENTS_PER_CHUNK = 2_000_000


@dataclass(frozen=True, eq=False)
class ModeCosts:
    """How minutes of one mode are found.

    `minutes_per_m` turns straight metres into estimated minutes; beyond `limit_min` all weights are
    0. `measured` replaces the estimates
    of some cells. With `rail`, the journey by walking and rail counts where it is quicker.
    """

    minutes_per_m: float
    limit_min: float
    measured: CellPairs
    rail: RailAccess | None = None


@dataclass(frozen=True, eq=False)
class PairMeans:
    """Means over land: `weights[mode][kernel]` of shape (places, draws, campuses).

    `nearest[mode]` is the same for the minutes themselves, per cell and campus group, for modes
    by rail: shape (cells, groups).
    """

    weights: Mapping[str, Mapping[str, FloatArray]]
    nearest: Mapping[str, FloatArray]


def pair_means(
    drawn: FootprintDraws,
    entrance_xy: FloatArray,
    campus: IntArray,
    *,
    modes: Mapping[str, ModeCosts],
    kernels: Mapping[str, Mapping[str, Kernel]],
    groups: FloatArray,
) -> PairMeans:
    """Average weights of travel time over the land of each place and draw.

    Parameters
    ----------
    drawn
        The draws.
    entrance_xy, campus
        Entrances in metres, sorted by the number of their campus.
    modes
        Costs of each mode.
    kernels
        For each mode the weights of minutes wanted, by name; 0 at infinity. Cells whose minutes
        are unknown are left out of the mean.
    groups
        Shape (places, groups, campuses), 1 where a campus belongs to a group (a variant) for a
        place; the nearest campus of each is found for modes by rail.
    """
    campuses = int(campus.max(initial=-1)) + 1
    shape = (len(drawn.places), drawn.most_draws, campuses)
    weights = {mode: {name: np.full(shape, np.nan) for name in kernels[mode]} for mode in modes}
    nearest = {
        mode: np.full((len(drawn.xy), groups.shape[1]), np.nan)
        for mode, costs in modes.items()
        if costs.rail is not None
    }
    starts = np.flatnonzero(np.r_[True, np.diff(campus) > 0]) if len(campus) else campus
    for block in drawn.blocks:
        for first, part in _chunks(block, max(campuses, 1)):
            metres = _metres(drawn.xy[part], entrance_xy, starts, campuses)
            for mode, costs in modes.items():
                minutes = _minutes(metres, costs, drawn.xy, part)
                if mode in nearest:
                    _add_nearest(nearest[mode], minutes, groups[block.position], part)
                draws = len(minutes) // block.share.size
                near = (minutes <= costs.limit_min).any(axis=0)
                cells = minutes[:, near].reshape(draws, block.share.size, int(near.sum()))
                share = _known_share(minutes.reshape(draws, block.share.size, -1), block.share)
                nowhere = np.where(np.isnan(share).any(axis=2), np.nan, 0.0)
                for name, kernel in kernels[mode].items():
                    here = weights[mode][name][block.position, first : first + draws]
                    here[:] = nowhere
                    if near.any():
                        here[:, near] = _mean(kernel(cells), share)
    return PairMeans(weights, nearest)


def _known_share(cells: FloatArray, share: FloatArray) -> FloatArray:
    """Give each cell's share of the land whose minutes are known, shape (draws or 1, 1, cells)."""
    if not cells.shape[2]:
        return share[None, None, :]
    unknown = np.isnan(cells[:, :, 0])
    if not unknown.any():
        return share[None, None, :]
    kept = np.where(unknown, 0.0, share)
    total = kept.sum(axis=1, keepdims=True)
    part = np.divide(kept, total, out=np.full_like(kept, np.nan), where=total > 0)
    return np.asarray(part[:, None, :], dtype=np.float64)


def _mean(weights: FloatArray, share: FloatArray) -> FloatArray:
    """Average weights over the cells of each draw; those of unknown minutes carry no share."""
    known = weights if share.shape[0] == 1 else np.nan_to_num(weights, nan=0.0)
    return np.asarray((share @ known)[:, 0, :], dtype=np.float64)


def _chunks(block: Block, campuses: int) -> list[tuple[int, slice]]:
    """Cut a place's draws so that one chunk of cells by campuses stays small."""
    cells = block.share.size
    at_once = max(1, ELEMENTS_PER_CHUNK // (cells * campuses))
    return [
        (
            first,
            slice(
                block.start + first * cells,
                block.start + min(first + at_once, block.draws) * cells,
            ),
        )
        for first in range(0, block.draws, at_once)
    ]


def _metres(xy: FloatArray, entrance_xy: FloatArray, starts: IntArray, campuses: int) -> FloatArray:
    """Measure straight lines from cells to campuses, to the nearest entrance of each."""
    east = np.subtract.outer(xy[:, 0], entrance_xy[:, 0])
    north = np.subtract.outer(xy[:, 1], entrance_xy[:, 1])
    np.multiply(east, east, out=east)
    np.multiply(north, north, out=north)
    np.add(east, north, out=east)
    np.sqrt(east, out=east)
    if len(entrance_xy) == campuses:
        return np.asarray(east, dtype=np.float64)
    return np.asarray(np.minimum.reduceat(east, starts, axis=1), dtype=np.float64)


def _minutes(metres: FloatArray, costs: ModeCosts, xy: FloatArray, part: slice) -> FloatArray:
    minutes = metres * costs.minutes_per_m
    known = costs.measured
    low, high = np.searchsorted(known.rows, [part.start, part.stop])
    if high > low:
        minutes[known.rows[low:high] - part.start] = known.minutes[low:high]
    if costs.rail is not None:
        costs.rail.improve(minutes, xy, part)
    return minutes


def _add_nearest(nearest: FloatArray, minutes: FloatArray, groups: FloatArray, part: slice) -> None:
    for number, chosen in enumerate(groups > 0):
        if chosen.any():
            nearest[part, number] = minutes[:, chosen].min(axis=1)

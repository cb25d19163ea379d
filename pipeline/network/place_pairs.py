"""Weigh every campus by its travel time from the drawn cells of places, in one pass over them.

Counts, gravity and floating catchments are all means over a place's land of some weight of travel
time. The pass goes place by place, so that no array of all cells by all campuses is ever held, and
looks only at campuses whose weight is not the same from every cell of the place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist

from pipeline.measures.access_pairs import BoolArray, FloatArray, IntArray
from pipeline.measures.uncertainty_footprints import Block, FootprintDraws
from pipeline.network.place_access import CellPairs
from pipeline.network.place_rail import RailAccess
from pipeline.network.threads import in_threads

ELEMENTS_PER_CHUNK = 500_000


@dataclass(frozen=True)
class Kernel:
    """A weight of minutes: 0 beyond `beyond_min` and at infinity.

    `steps_min` are the inclusive upper edges between which the weight does not change; None for a
    weight that falls smoothly. With `size` of shape (groups, campuses) the weights are summed over
    each group's campuses; without it they are kept for every campus.
    """

    weigh: Callable[[FloatArray], FloatArray]
    beyond_min: float
    steps_min: tuple[float, ...] | None = None
    size: FloatArray | None = None


@dataclass(frozen=True, eq=False)
class ModeCosts:
    """How minutes of one mode are found.

    `minutes_per_m` turns straight metres into estimated minutes; beyond `limit_min` all weights are
    0. `measured` replaces the estimates of some cells. With `rail`, the journey by walking and rail
    counts where it is quicker.
    """

    minutes_per_m: float
    limit_min: float
    measured: CellPairs
    rail: RailAccess | None = None


@dataclass(frozen=True, eq=False)
class PairMeans:
    """Means over land, by mode and kernel.

    `weights` has shape (places, draws, campuses), `sums` (places, draws, groups) for kernels with a
    size. `nearest[mode]` are the minutes from each cell to the nearest campus of each group, shape
    (cells, groups), for modes by rail; `nearest_m` the straight metres.
    """

    weights: Mapping[str, Mapping[str, FloatArray]]
    sums: Mapping[str, Mapping[str, FloatArray]]
    nearest: Mapping[str, FloatArray]
    nearest_m: FloatArray

    @classmethod
    def joined(cls, runs: Sequence[PairMeans]) -> PairMeans:
        """Put together what was found for one run of campuses after another."""
        first, *others = runs
        if not others:
            return first
        weights = {
            mode: {
                name: np.concatenate([run.weights[mode][name] for run in runs], axis=2)
                for name in kept
            }
            for mode, kept in first.weights.items()
        }
        sums = {
            mode: {name: np.sum([run.sums[mode][name] for run in runs], axis=0) for name in kept}
            for mode, kept in first.sums.items()
        }
        nearest = {
            mode: np.fmin.reduce([run.nearest[mode] for run in runs]) for mode in first.nearest
        }
        return cls(weights, sums, nearest, np.fmin.reduce([run.nearest_m for run in runs]))


@dataclass(frozen=True, eq=False)
class _Times:
    """Minutes from the cells of some draws to every campus: shape (campuses, draws x cells).

    `factor` scales `values`, so that modes which differ by their speed alone share one array.
    `low` and `high` are the least and most minutes of each campus; null where any is unknown.
    """

    values: FloatArray
    factor: float
    low: FloatArray
    high: FloatArray

    def rows(self, chosen: IntArray) -> FloatArray:
        """Give the minutes to some campuses."""
        if len(chosen) == len(self.values):
            return self.values * self.factor
        part: FloatArray = self.values[chosen]
        if self.factor != 1.0:
            np.multiply(part, self.factor, out=part)
        return part


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
        For each mode the weights of minutes wanted, by name. Cells whose minutes are unknown are
        left out of the mean.
    groups
        Shape (places, groups, campuses), 1 where a campus belongs to a group (a variant) for a
        place; the nearest campus of each is found, and sums count no other.
    """
    campuses = int(campus.max(initial=-1)) + 1
    starts = np.flatnonzero(np.r_[True, np.diff(campus) > 0]) if len(campus) else campus
    found = _nothing(drawn, modes, kernels, groups.shape[1], campuses)

    def measure(block: Block) -> None:
        member = groups[block.position] > 0
        for first, part in _chunks(block, max(campuses, 1)):
            metres = _metres(drawn.xy[part], entrance_xy, starts, campuses)
            _add_nearest(found.nearest_m, metres, member, part)
            ends = metres.min(axis=1, initial=np.inf), metres.max(axis=1, initial=-np.inf)
            draws = (part.stop - part.start) // block.share.size
            at = block.position, slice(first, first + draws)
            for mode, costs in modes.items():
                times = _times(metres, ends, costs, drawn.xy, part)
                if costs.rail is not None:
                    _add_nearest(found.nearest[mode], times.values, member, part)
                share = _known_share(times, draws, block.share)
                for name, kernel in kernels[mode].items():
                    mean = _mean(times, kernel, share, draws, costs.limit_min)
                    if kernel.size is None:
                        found.weights[mode][name][at] = mean
                    else:
                        found.sums[mode][name][at] = mean @ (kernel.size * member).T

    in_threads(measure, drawn.blocks)  # each place has rows of its own
    return found


def _nothing(
    drawn: FootprintDraws,
    modes: Mapping[str, ModeCosts],
    kernels: Mapping[str, Mapping[str, Kernel]],
    groups: int,
    campuses: int,
) -> PairMeans:
    """Lay out the arrays of the result, null throughout."""
    shape = len(drawn.places), drawn.most_draws
    kept: dict[str, dict[str, FloatArray]] = {mode: {} for mode in modes}
    sums: dict[str, dict[str, FloatArray]] = {mode: {} for mode in modes}
    for mode in modes:
        for name, kernel in kernels[mode].items():
            width = campuses if kernel.size is None else groups
            (kept if kernel.size is None else sums)[mode][name] = np.full((*shape, width), np.nan)
    by_cell = (len(drawn.xy), groups)
    nearest = {m: np.full(by_cell, np.nan) for m, costs in modes.items() if costs.rail is not None}
    return PairMeans(kept, sums, nearest, np.full(by_cell, np.nan))


def _mean(
    times: _Times, kernel: Kernel, share: FloatArray, draws: int, limit_min: float
) -> FloatArray:
    """Average the weight of each campus over the cells of each draw, shape (draws, campuses)."""
    result = np.zeros((len(times.low), draws))
    known = ~np.isnan(times.low)
    near = ~known | (times.low <= min(kernel.beyond_min, limit_min))
    if kernel.steps_min is not None:
        step = np.searchsorted(kernel.steps_min, np.stack((times.low, times.high)), side="left")
        level = near & known & (step[0] == step[1])
        result[level] = kernel.weigh(times.low[level])[:, None]
        near &= ~level
    rows: IntArray = np.flatnonzero(near).astype(np.int64)
    if len(rows):
        weights = kernel.weigh(times.rows(rows)).reshape(len(rows), draws, -1)
        result[rows] = (
            weights @ share
            if share.ndim == 1
            else np.einsum("rdc,dc->rd", np.nan_to_num(weights, nan=0.0), share)
        )
    if share.ndim > 1:
        result[:, np.isnan(share).any(axis=1)] = np.nan
    averaged: FloatArray = result.T
    return averaged


def _known_share(times: _Times, draws: int, share: FloatArray) -> FloatArray:
    """Give each cell's share of the land whose minutes are known: (cells) or (draws, cells)."""
    if not np.isnan(times.low).any():
        return share
    unknown = np.isnan(times.values[0]).reshape(draws, -1)
    kept = np.where(unknown, 0.0, share)
    total = kept.sum(axis=1, keepdims=True)
    part = np.full_like(kept, np.nan)
    np.divide(kept, total, out=part, where=total > 0)
    return part


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
    """Measure straight lines from campuses, at the nearest entrance of each, to cells."""
    metres = cdist(entrance_xy, xy) if campuses else np.empty((0, len(xy)))
    if len(entrance_xy) == campuses:
        return np.asarray(metres, dtype=np.float64)
    return np.asarray(np.minimum.reduceat(metres, starts, axis=0), dtype=np.float64)


def _times(
    metres: FloatArray,
    ends: tuple[FloatArray, FloatArray],
    costs: ModeCosts,
    xy: FloatArray,
    part: slice,
) -> _Times:
    known = costs.measured
    low, high = np.searchsorted(known.rows, [part.start, part.stop])
    factor = costs.minutes_per_m
    if low == high and costs.rail is None:
        return _Times(metres, factor, ends[0] * factor, ends[1] * factor)
    minutes = metres * factor
    minutes[:, known.rows[low:high] - part.start] = known.minutes[low:high].T
    if costs.rail is not None:
        costs.rail.improve(minutes, xy, part)
    return _Times(minutes, 1.0, minutes.min(axis=1), minutes.max(axis=1))


def _add_nearest(nearest: FloatArray, costs: FloatArray, member: BoolArray, part: slice) -> None:
    """Keep the least costs to each group; groups share campuses, and each is looked at once."""
    kinds, kind = np.unique(member, axis=1, return_inverse=True)
    for number, groups in enumerate(kinds.T):
        if groups.any():
            least = costs[kind.reshape(-1) == number].min(axis=0)
            nearest[part, groups] = np.fmin(nearest[part, groups], least[:, None])

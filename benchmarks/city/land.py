"""Choose the land that is closed or open: parks, ordinary industry, walled housing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.city.plane import MAIN_EVERY, Floats, Ints, Plane

PARK_BLOCKS = 3
NONE, OPEN, WALLED = 0, 1, 2


@dataclass(frozen=True)
class Zone:
    """A square of crossings from (west, south), `side` of them each way."""

    kind: str
    west: int
    south: int
    side: int
    walled: bool

    def outline(self) -> tuple[Floats, Floats]:
        """Give the ring half a step outside, corners and a point at every half step."""
        low_i, low_j, n = self.west - 0.5, self.south - 0.5, self.side
        run = np.arange(0, n, 0.5)
        i = np.concatenate((run, np.full(len(run), n), n - run, np.zeros(len(run) + 1)))
        j = np.concatenate((np.zeros(len(run)), run, np.full(len(run), n), n - run, [0.0]))
        return low_i + i, low_j + j


def choose_zones(plane: Plane, rng: np.random.Generator) -> list[Zone]:
    """Place parks on squares of nine superblocks, then industry and housing on single ones."""
    reach = plane.half // MAIN_EVERY
    free = {
        (a, b)
        for a in range(-reach, reach)
        for b in range(-reach, reach)
        if np.hypot(a + 0.5, b + 0.5) * MAIN_EVERY < plane.steps - MAIN_EVERY
        and not a * MAIN_EVERY <= plane.river_column < (a + 1) * MAIN_EVERY
    }
    zones: list[Zone] = []
    starts = [(a, b) for a, b in sorted(free) if a % PARK_BLOCKS == 0 and b % PARK_BLOCKS == 0]
    for at in rng.permutation(len(starts)):
        a, b = starts[at]
        block = {(a + p, b + q) for p in range(PARK_BLOCKS) for q in range(PARK_BLOCKS)}
        central = np.hypot(a + 1.5, b + 1.5) * MAIN_EVERY < 0.25 * plane.steps
        if block <= free and not central and len(zones) < plane.count("parks"):
            free -= block
            zones.append(_zone("park", a, b, PARK_BLOCKS, walled=len(zones) % 2 == 0))
    left = [sorted(free)[at] for at in rng.permutation(len(free))]
    industry = plane.count("ordinary_industry")
    housing = industry + round(plane.given["compound_share"] * len(left))
    zones += [_zone("industry", a, b, 1, walled=True) for a, b in left[:industry]]
    zones += [_zone("housing", a, b, 1, walled=True) for a, b in left[industry:housing]]
    return zones


def _zone(kind: str, a: int, b: int, blocks: int, *, walled: bool) -> Zone:
    side = blocks * MAIN_EVERY - 1
    return Zone(kind, a * MAIN_EVERY + 1, b * MAIN_EVERY + 1, side, walled)


def zone_grid(plane: Plane, zones: list[Zone]) -> Ints:
    """Give each crossing the number of its zone, 0 for none; index [i + half, j + half]."""
    grid = np.zeros((2 * plane.half + 1, 2 * plane.half + 1), dtype=np.int64)
    for number, zone in enumerate(zones, start=1):
        i, j = zone.west + plane.half, zone.south + plane.half
        grid[i : i + zone.side, j : j + zone.side] = number
    return grid

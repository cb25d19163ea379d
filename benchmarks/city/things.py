"""Strew buildings, points of interest and rail over the city."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.city.plane import Flags, Floats, Ints, Plane

CLUSTERS_PER_CITY = 2500
CLUSTERED_SHARE = 0.6
CLUSTER_STEPS = 2.0


@dataclass(frozen=True)
class Boxes:
    """Rectangles in lattice places: centre and half sides."""

    i: Floats
    j: Floats
    half_i: Floats
    half_j: Floats

    def corners(self) -> tuple[Floats, Floats]:
        """Give the four corners of each, shape (n, 4), counter-clockwise."""
        to_i, to_j = np.array([-1, 1, 1, -1]), np.array([-1, -1, 1, 1])
        i = self.i[:, None] + self.half_i[:, None] * to_i
        return i, self.j[:, None] + self.half_j[:, None] * to_j


def place_buildings(plane: Plane, crossing: Ints, rng: np.random.Generator) -> Boxes:
    """Put buildings on quarters of blocks, so that none overlap, more of them in the middle."""
    i, j = _blocks(plane, crossing)
    near = np.exp(-np.hypot(i, j) / plane.steps)
    wanted = min(plane.count("buildings"), 4 * len(i))
    # The largest of -log(u)/w are a weighted draw without replacement (Efraimidis and Spirakis).
    keys = rng.exponential(size=(len(i), 4)) / near[:, None]
    chosen = np.argpartition(keys.ravel(), wanted - 1)[:wanted]
    block, quarter = np.divmod(np.sort(chosen), 4)
    half = rng.uniform(0.06, 0.14, (2, wanted))
    return Boxes(
        i=i[block] + np.where(quarter % 2, 0.68, 0.32),
        j=j[block] + np.where(quarter // 2, 0.68, 0.32),
        half_i=half[0],
        half_j=half[1],
    )


def place_pois(plane: Plane, crossing: Ints, count: int, rng: np.random.Generator) -> Boxes:
    """Place points in clusters and along the streets at large, fewer towards the edge."""
    i, j = _blocks(plane, crossing)
    weights = np.exp(-2.5 * np.hypot(i, j) / plane.steps)
    weights /= weights.sum()
    loose = rng.choice(len(i), size=count, p=weights)
    centres = max(5, round(CLUSTERS_PER_CITY * plane.size))
    centre = rng.choice(len(i), size=centres, p=weights)
    member = centre[rng.integers(0, centres, count)]
    clustered = rng.random(count) < CLUSTERED_SHARE
    away = rng.normal(0, CLUSTER_STEPS, (2, count)) * clustered
    base = np.where(clustered, member, loose)
    at_i = i[base] + rng.uniform(0.1, 0.9, count) + away[0]
    at_j = j[base] + rng.uniform(0.1, 0.9, count) + away[1]
    out = ~plane.inside(at_i, at_j) | _in_river(plane, at_i)
    at_i[out], at_j[out] = i[loose][out] + 0.5, j[loose][out] + 0.5
    half = rng.uniform(0.1, 0.3, (2, count))
    return Boxes(at_i, at_j, half[0], half[1])


def rail_lines(plane: Plane, rng: np.random.Generator) -> list[tuple[Floats, Floats]]:
    """Lay lines across the city; every one passes the middle at some distance."""
    found = []
    for turn in np.linspace(0, np.pi, plane.given["rail_lines"], endpoint=False):
        run = np.linspace(-0.8, 0.8, plane.given["stations_per_line"]) * plane.steps
        # A smaller city has shorter lines with fewer stations.
        run = run[:: max(1, round(1 / np.sqrt(plane.size)))]
        aside = rng.uniform(-0.25, 0.25) * plane.steps * np.cos(run / plane.steps)
        found.append(
            (
                run * np.cos(turn) - aside * np.sin(turn),
                run * np.sin(turn) + aside * np.cos(turn),
            )
        )
    return found


def _blocks(plane: Plane, crossing: Ints) -> tuple[Floats, Floats]:
    """Give the south-west corners of blocks with four corners and no river."""
    whole = (crossing[:-1, :-1] >= 0) & (crossing[1:, :-1] >= 0)
    whole &= (crossing[:-1, 1:] >= 0) & (crossing[1:, 1:] >= 0)
    i, j = np.nonzero(whole)
    dry = i - plane.half != plane.river_column
    return (i - plane.half)[dry].astype(float), (j - plane.half)[dry].astype(float)


def _in_river(plane: Plane, i: Floats) -> Flags:
    return np.asarray((i > plane.river_column) & (i < plane.river_column + 1))

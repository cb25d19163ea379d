"""Compare ways searched tile by tile with a search of the whole network."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence

import numpy as np
import pytest
from scipy.sparse.csgraph import dijkstra

from pipeline.measures.island_grid import FloatArray
from pipeline.network import separation_routes
from pipeline.network.separation_routes import Ends, Routes, walking_distances
from pipeline.network.separation_streets import Streets

from .separation_lattice import lattice


def _drawn(streets: Streets, number: int, limits_m: Sequence[float]) -> Routes:
    """Draw pairs of places on streets, each with one of the limits."""
    rng = np.random.default_rng(8)
    edge = rng.integers(0, len(streets.u), (2, number))
    along = rng.uniform(0, 1, (2, number)) * streets.length_m[edge]
    first, second = (Ends(e.astype(np.int32), a) for e, a in zip(edge, along, strict=True))
    return Routes(first, second, rng.choice(limits_m, number))


@pytest.mark.parametrize("at_once", [64, 10**6])
def test_tiles_lose_no_way_and_add_none(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(separation_routes, "PAIRS_AT_ONCE", at_once)
    streets = lattice(cells=60, drop=lambda x, y: hash((x, y)) % 5 == 0)
    routes = _drawn(streets, 400, [180.0, 700.0, 1500.0, 9000.0])
    edge = np.stack([routes.first.edge, routes.second.edge])
    along = np.stack([routes.first.along_m, routes.second.along_m])
    limit_m = routes.limit_m
    found = walking_distances(streets, routes)
    whole = dijkstra(streets.public, directed=False)
    ends = [
        (lead + whole[a, b] + rest)
        for a, lead in (
            (streets.u[edge[0]], along[0]),
            (streets.v[edge[0]], streets.length_m[edge[0]] - along[0]),
        )
        for b, rest in (
            (streets.u[edge[1]], along[1]),
            (streets.v[edge[1]], streets.length_m[edge[1]] - along[1]),
        )
    ]
    shortest = np.min(ends, axis=0)
    same = edge[0] == edge[1]
    shortest[same] = np.minimum(shortest[same], np.abs(along[0] - along[1])[same])
    expected = np.where(shortest <= limit_m, shortest, np.inf)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert np.isfinite(found).mean() > 0.2
    assert np.isinf(found).mean() > 0.2


def test_more_pairs_than_may_be_held_at_once_take_no_more_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    streets = lattice(cells=12)
    routes = _drawn(streets, 60_000, [3000.0])

    def measured(at_once: int) -> tuple[FloatArray, float]:
        monkeypatch.setattr(separation_routes, "PAIRS_AT_ONCE", at_once)
        tracemalloc.start()
        found = walking_distances(streets, routes)
        peak = tracemalloc.get_traced_memory()[1] / len(found)
        tracemalloc.stop()
        return found, peak

    whole, whole_bytes = measured(10**6)
    parts, parts_bytes = measured(6_000)
    np.testing.assert_array_equal(parts, whole)
    assert np.isfinite(whole).all()
    assert whole_bytes == pytest.approx(separation_routes.BYTES_A_PAIR, rel=0.2)
    assert parts_bytes < whole_bytes / 2

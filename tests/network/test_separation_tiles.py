"""Compare ways searched tile by tile with a search of the whole network."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse.csgraph import dijkstra

from pipeline.network import separation_routes
from pipeline.network.separation_routes import Routes, walking_distances
from pipeline.network.separation_streets import OnStreet

from .separation_lattice import lattice


@pytest.mark.parametrize("at_once", [64, 10**6])
def test_tiles_lose_no_way_and_add_none(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(separation_routes, "PAIRS_AT_ONCE", at_once)
    rng = np.random.default_rng(8)
    streets = lattice(cells=60, drop=lambda x, y: hash((x, y)) % 5 == 0)
    number = 400
    edge = rng.integers(0, len(streets.u), (2, number))
    along = rng.uniform(0, 1, (2, number)) * streets.length_m[edge]
    first, second = (
        OnStreet(e, a, streets.node_xy_m[streets.u[e]]) for e, a in zip(edge, along, strict=True)
    )
    limit_m = rng.choice([180.0, 700.0, 1500.0, 9000.0], number)
    found = walking_distances(streets, Routes(first, second, limit_m))
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

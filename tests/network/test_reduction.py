"""Shrinking a network changes no distance, and campuses are as far as a plain search says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from pipeline.network import campus_costs
from pipeline.network.campus_costs import CampusNetwork
from pipeline.network.costs import entrance_pairs
from pipeline.network.reduction import reduce_network
from pipeline.network.shortest import from_neighbours
from pipeline.network.snap import snap
from tests.network.osm_writing import facilities, graph_of, lattice_graph, points


def random_arcs(rng: np.random.Generator, size: int, count: int) -> csr_matrix:
    tail, head = rng.integers(0, size, (2, count))
    own = tail != head
    key = np.unique(tail[own] * size + head[own])
    tail, head = np.divmod(key, size)
    starts = np.concatenate(([0], np.cumsum(np.bincount(tail, minlength=size))))
    cost = rng.uniform(0, 3, len(key)) * (rng.random(len(key)) > 0.1)  # some arcs are free
    return csr_matrix((cost, head.astype(np.int32), starts.astype(np.int32)), shape=(size, size))


@pytest.mark.parametrize("seed", range(6))
def test_no_distance_between_nodes_that_stay_changes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = random_arcs(rng, 400, 400 * (1 + seed))
    keep = rng.random(400) < 0.1
    reduced = reduce_network(matrix, keep)
    kept, place = np.flatnonzero(keep), reduced.place
    assert (place[kept] >= 0).all()
    assert reduced.matrix.shape[0] < 300
    before = dijkstra(matrix, indices=kept)
    known = dijkstra(reduced.matrix, indices=place[kept])
    np.testing.assert_allclose(known[:, place[kept]], before[:, kept], rtol=1e-12, atol=1e-12)
    asked = rng.choice(400, 150, replace=False)
    sweep = reduced.sweep(asked)
    found = sweep.carried(known.T)[sweep.row[asked]].T
    np.testing.assert_allclose(found, before[:, asked], rtol=1e-12, atol=1e-12)


def test_free_arcs_that_could_replace_each_other_do_not_all_go() -> None:
    count = 5
    arcs = np.ones((count, count)) - np.eye(count)
    matrix = csr_matrix(arcs)
    matrix.data[:] = 0.0  # a stored zero is an arc
    reduced = reduce_network(matrix, np.ones(count, dtype=bool))
    assert (from_neighbours(reduced.matrix, np.arange(count)) == 0).all()


def test_arcs_that_two_others_replace_are_dropped() -> None:
    matrix = csr_matrix(([1.0, 3.0, 1.0, 3.0], [1, 2, 2, 0], [0, 2, 3, 4]), shape=(3, 3))
    assert reduce_network(matrix, np.ones(3, dtype=bool)).matrix.nnz == 3
    matrix.data[1] = 1.9
    assert reduce_network(matrix, np.ones(3, dtype=bool)).matrix.nnz == 4


def test_a_line_is_one_arc() -> None:
    graph = graph_of(
        {n: (100.0 * n, 0.0) for n in range(1, 50)}, [(n, n + 1) for n in range(1, 49)]
    )
    keep = np.zeros(graph.phases.size, dtype=bool)
    keep[[0, 48]] = True
    reduced = reduce_network(graph.phases.forward, keep)
    place = reduced.place
    assert reduced.matrix.shape == (2, 2)
    assert reduced.matrix[place[0], place[48]] == pytest.approx(4800 / 80)


@pytest.mark.parametrize("reduced", [False, True])
def test_campuses_are_as_far_as_pair_by_pair(
    reduced: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(campus_costs, "_WORTH_REDUCING", -1e9 if reduced else 1e9)
    rng = np.random.default_rng(5)
    graph = lattice_graph(8)
    spots = rng.uniform(-800, 800, (60, 2))
    doors = facilities(*map(tuple, rng.uniform(-800, 800, (30, 2))))
    campus = np.sort(rng.integers(0, 12, 30))
    campus[-1] = 12
    start = snap(points(*map(tuple, spots)), graph, snap_max_m=300.0)
    target = snap(doors, graph, snap_max_m=300.0)
    search = CampusNetwork(graph, target, campus).search(start, 9.0)
    found = search.minutes(slice(None))
    assert (search.minutes(slice(3, 10)) == found[:, 3:10]).all()
    pairs = entrance_pairs(graph, start, target, cutoff_min=9.0, memory_mb=64.0)
    pairs = pairs.assign(campus=campus[pairs["target"]])
    least = pairs.groupby(["origin", "campus"])["minutes"].min()
    expected = np.full(found.shape, np.inf)
    at = pd.MultiIndex.to_frame(least.index).to_numpy()
    expected[at[:, 0], at[:, 1]] = least.to_numpy()
    assert 0 < np.isfinite(expected).mean() < 1
    np.testing.assert_allclose(found, expected, rtol=1e-12)

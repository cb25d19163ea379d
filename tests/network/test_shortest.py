"""Compiled searches say what scipy's Dijkstra says, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from pipeline.network.shortest import (
    between,
    from_neighbours,
    near_pairs,
    nearest,
    points,
    starts,
    to_points,
    tree_to,
)


def random_arcs(rng: np.random.Generator, size: int, count: int) -> csr_matrix:
    """Make a directed network, a tenth of its arcs free, parts of it out of reach."""
    tail, head = rng.integers(0, size, (2, count))
    own = tail != head
    key = np.unique(tail[own] * size + head[own])
    tail, head = np.divmod(key, size)
    first = np.concatenate(([0], np.cumsum(np.bincount(tail, minlength=size))))
    cost = rng.integers(1, 6, len(key)) / 3 * (rng.random(len(key)) > 0.1)
    return csr_matrix((cost, head.astype(np.int32), first.astype(np.int32)), shape=(size, size))


networks = st.builds(
    lambda seed, size, arcs: (
        np.random.default_rng(seed),
        random_arcs(np.random.default_rng(seed), size, size * arcs),
    ),
    seed=st.integers(0, 2**32 - 1),
    size=st.integers(2, 60),
    arcs=st.integers(1, 4),
)
limits = st.sampled_from([0.0, 1 / 3, 1.0, 2.5, np.inf])


@given(networks, limits)
def test_nearest_is_the_least_over_all_sources_and_the_lowest_label_of_equals(
    given_network: tuple[np.random.Generator, csr_matrix], limit: float
) -> None:
    rng, network = given_network
    size = network.shape[0]
    node, label = rng.integers(0, size, 5), rng.permutation(9)[:5]
    cost = rng.integers(0, 4, 5) / 3
    costs, labels = nearest(network, node, cost, label, limit=limit)
    each = dijkstra(network, indices=node) + cost[:, None]
    each[each > limit] = np.inf
    np.testing.assert_allclose(costs, each.min(axis=0), rtol=1e-12)
    for at in np.flatnonzero(np.isfinite(costs)):
        equal = np.isclose(each[:, at], costs[at], rtol=1e-9, atol=1e-12)
        assert labels[at] in label[equal]
        exact = label[each[:, at] == costs[at]]
        if equal.sum() == len(exact):
            assert labels[at] == exact.min()
    assert (labels[np.isinf(costs)] == -1).all()


def test_many_equal_sources_fill_no_heap() -> None:
    # Each source is as far as all others from the middle, and they are met in falling order.
    spokes = 40
    network = csr_matrix(
        (np.zeros(2 * spokes), (np.r_[np.arange(spokes), np.full(spokes, spokes)],
                                np.r_[np.full(spokes, spokes), np.arange(spokes)])),
        shape=(spokes + 1, spokes + 1),
    )  # fmt: skip
    node = np.arange(spokes)
    costs, labels = nearest(network, node, np.zeros(spokes), node[::-1].copy())
    assert (costs == 0).all()
    assert (labels == 0).all()


@given(networks, limits, st.integers(1, 40))
def test_points_are_reached_over_their_cheapest_legs(
    given_network: tuple[np.random.Generator, csr_matrix], limit: float, most: int
) -> None:
    rng, network = given_network
    size, count = network.shape[0], 12
    source, node = rng.integers(0, 4, 6), rng.integers(0, size, 6)
    lead = np.where(rng.random(6) < 0.2, np.nan, rng.integers(0, 4, 6) / 3)
    row, at = rng.integers(0, count, 20), rng.integers(0, size, 20)
    leg = np.where(rng.random(20) < 0.2, np.nan, rng.integers(0, 4, 20) / 3)
    begin = starts(source, node, lead, count=4)
    reached = points(row, at, leg, count=count, nodes=size)
    found = to_points(network, begin, reached, limit=limit)

    expected = np.full((4, count), np.inf)
    apart = dijkstra(network)
    for one, start, before in zip(source, node, lead, strict=True):
        for point, end, after in zip(row, at, leg, strict=True):
            total = before + apart[start, end] + after
            if total <= limit + 1e-9:  # NaN is not
                expected[one, point] = min(expected[one, point], total)
    near = np.isfinite(expected) & ~np.isclose(expected, limit, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found[near], expected[near], rtol=1e-12)
    assert np.isinf(found[np.isinf(expected)]).all()

    sparse = np.full_like(found, np.inf)
    for one, point, total in near_pairs(network, begin, reached, limit=limit, most=most):
        assert (np.diff(one) >= 0).all()
        sparse[one, point] = total
    assert (sparse == found).all()
    some = np.array([2, 0])
    assert (to_points(network, begin.take(some), reached, limit=limit) == found[some]).all()


@given(networks, limits)
def test_between_stops_early_without_missing_a_target(
    given_network: tuple[np.random.Generator, csr_matrix], limit: float
) -> None:
    rng, network = given_network
    source = rng.integers(0, network.shape[0], 8)
    targets = rng.integers(0, network.shape[0], (8, 3))
    apart = dijkstra(network)[source[:, None], targets]
    found = between(network, source, targets, limit=np.full(8, limit))
    assert (found == np.where(apart <= limit, apart, np.inf)).all()


def test_no_search_is_wanted() -> None:
    network = random_arcs(np.random.default_rng(1), 5, 10)
    nothing = np.empty(0, dtype=np.int64)
    assert between(network, nothing, np.empty((0, 2), int), limit=np.empty(0)).shape == (0, 2)
    reached = points(nothing, nothing, np.empty(0), count=0, nodes=5)
    begin = starts(nothing, nothing, np.empty(0), count=3)
    assert to_points(network, begin, reached, limit=1.0).shape == (3, 0)
    costs, labels = nearest(network, nothing, np.empty(0), nothing)
    assert np.isinf(costs).all()
    assert (labels == -1).all()


@given(networks, limits)
def test_neighbours_are_searched_together(
    given_network: tuple[np.random.Generator, csr_matrix], limit: float
) -> None:
    rng, network = given_network
    sources = rng.integers(0, network.shape[0], 7)
    apart = dijkstra(network, indices=sources).T
    found = from_neighbours(network, sources, limit=limit)
    near = apart <= limit
    assert (found[near] == apart[near]).all()
    assert (found[~near] >= apart[~near]).all()


@given(networks)
def test_a_tree_leads_back_along_the_cheapest_way(
    given_network: tuple[np.random.Generator, csr_matrix],
) -> None:
    rng, network = given_network
    size = network.shape[0]
    node, cost = rng.integers(0, size, 2), rng.integers(0, 4, 2) / 3
    ends, legs = rng.integers(0, size, 2), np.array([0.5, np.inf])
    costs, before = tree_to(network, node, cost, ends, legs)
    apart = (dijkstra(network, indices=node) + cost[:, None]).min(axis=0)
    best = apart[ends[0]]
    assert costs[ends[0]] == pytest.approx(best) or np.isinf(best)
    at, total = int(ends[0]), 0.0
    while np.isfinite(best) and before[at] >= 0:
        total += network[before[at], at]
        at = int(before[at])
    if np.isfinite(best):
        assert at in node
        assert total + cost[node == at].min() == pytest.approx(best)

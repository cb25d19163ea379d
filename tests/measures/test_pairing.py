"""Pairs follow capacity and time; prices tell what one more unit saves; bearings name sides."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import FieldError
from pipeline.measures.pairing import (
    bearing_deg,
    first_partner,
    nearest_side,
    paired_shares,
    sector_of,
    to_edge_deg,
    transport,
)


def table(rows: list[list[float]]) -> pd.DataFrame:
    return pd.DataFrame(
        rows,
        index=[f"r{i}" for i in range(len(rows))],
        columns=[f"m{j}" for j in range(len(rows[0]))],
        dtype=float,
    )


def series(values: list[float], prefix: str) -> pd.Series:
    return pd.Series(values, index=[f"{prefix}{i}" for i in range(len(values))], dtype=float)


def test_the_textbook_problem_has_its_known_answer() -> None:
    """Three plants, four markets (a balanced problem worked by hand: 1 x 10 ... = 435)."""
    minutes = table([[10, 2, 20, 11], [12, 7, 9, 20], [4, 14, 16, 18]])
    found = transport(
        minutes, supply=series([15, 25, 10], "r"), capacity=series([5, 15, 15, 15], "m")
    )
    assert found.minutes == pytest.approx(435.0)
    assert found.flows.sum(axis=1).tolist() == pytest.approx([15, 25, 10])
    assert found.flows.sum(axis=0).tolist() == pytest.approx([5, 15, 15, 15])


def test_a_full_sink_is_priced_at_what_one_more_unit_saves() -> None:
    minutes = table([[10.0, 30.0]])
    supply, capacity = series([10], "r"), series([4, 20], "m")
    found = transport(minutes, supply=supply, capacity=capacity)
    assert found.sink_price.to_dict() == pytest.approx({"m0": 20.0, "m1": 0.0})
    more = transport(minutes, supply=supply, capacity=capacity + pd.Series({"m0": 1, "m1": 0}))
    assert found.minutes - more.minutes == pytest.approx(20.0)
    assert found.source_price["r0"] == pytest.approx(30.0)


def test_no_way_carries_nothing_and_no_room_is_an_error() -> None:
    minutes = table([[np.nan, 50.0], [5.0, np.nan]])
    found = transport(minutes, supply=series([3, 4], "r"), capacity=series([9, 9], "m"))
    assert found.flows.to_numpy().tolist() == [[0.0, 3.0], [4.0, 0.0]]
    with pytest.raises(FieldError, match="cannot be placed"):
        transport(minutes, supply=series([10, 4], "r"), capacity=series([9, 9], "m"))
    with pytest.raises(FieldError, match="negative"):
        transport(minutes, supply=series([-1, 4], "r"), capacity=series([9, 9], "m"))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.integers(1, 60), min_size=3, max_size=3), min_size=3, max_size=3),
)
def test_with_units_it_is_the_best_of_all_matchings(rows: list[list[int]]) -> None:
    """Unit supplies and capacities: the optimum is the cheapest of the six matchings."""
    minutes = table([[float(value) for value in row] for row in rows])
    found = transport(minutes, supply=series([1, 1, 1], "r"), capacity=series([1, 1, 1], "m"))
    best = min(
        sum(rows[i][j] for i, j in enumerate(order)) for order in itertools.permutations(range(3))
    )
    assert found.minutes == pytest.approx(best)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(1, 100), min_size=6, max_size=6),
    st.lists(st.floats(1, 20), min_size=2, max_size=2),
)
def test_prices_account_for_the_whole_total(costs: list[float], supply: list[float]) -> None:
    """Strong duality: what the supply costs minus what the capacities save is the total."""
    minutes = table([costs[:3], costs[3:]])
    capacity = series([15.0, 15.0, 15.0], "m")
    found = transport(minutes, supply=series(supply, "r"), capacity=capacity)
    told = found.source_price @ series(supply, "r") - found.sink_price @ capacity
    assert told == pytest.approx(found.minutes, rel=1e-6, abs=1e-6)
    assert (found.sink_price >= -1e-9).all()


def test_the_first_partner_takes_most_and_ties_go_to_the_nearer() -> None:
    flows = table([[5.0, 5.0], [0.0, 0.0], [1.0, 3.0]])
    minutes = table([[20.0, 10.0], [1.0, 1.0], [1.0, 9.0]])
    assert first_partner(flows, minutes).tolist() == ["m1", None, "m1"]


def test_shares_of_draws_count_each_draw() -> None:
    near, far = np.array([[1.0, 9.0]]), np.array([[9.0, 1.0]])
    carried, first = paired_shares(
        np.stack([near, near, near, far]),
        sources=pd.Index(["r0"]),
        sinks=pd.Index(["m0", "m1"]),
        supply=series([1], "r"),
        capacity=series([2, 2], "m"),
    )
    assert first.loc["r0"].to_dict() == {"m0": 0.75, "m1": 0.25}
    assert carried.loc["r0"].to_dict() == {"m0": 0.75, "m1": 0.25}


@pytest.mark.parametrize(
    ("x_m", "y_m", "bearing", "sector", "edge"),
    [
        (0, 1, 0.0, "north", 45.0),
        (1, 0, 90.0, "east", 45.0),
        (0, -1, 180.0, "south", 45.0),
        (-1, 0, 270.0, "west", 45.0),
        (1, 1, 45.0, "east", 0.0),
        (-1, 1, 315.0, "north", 0.0),
    ],
)
def test_bearings_name_quarters(
    x_m: float, y_m: float, bearing: float, sector: str, edge: float
) -> None:
    found = bearing_deg(np.array([x_m], dtype=float), np.array([y_m], dtype=float))
    assert found == pytest.approx([bearing])
    assert sector_of(found).tolist() == [sector]
    assert to_edge_deg(found) == pytest.approx([edge])


def test_the_nearest_of_the_named_sides_leaves_out_the_others() -> None:
    sides = {"north", "south", "east"}
    found = nearest_side(np.array([313.8, 218.8, 98.1, np.nan, 275.0]), sides=sides)
    assert found.tolist() == ["north", "south", "east", None, "north"]
    assert sector_of(np.array([np.nan])).tolist() == [None]

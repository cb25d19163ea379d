"""Check that opening gates helps as geometry says, never harms, and opens the best first."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import shapely

from pipeline.network.separation_access import node_metres
from pipeline.network.separation_gates import candidate_gates, open_gates
from pipeline.network.separation_streets import Streets

from .separation_lattice import Edge, inside, lattice

PARK = shapely.box(1000, 1400, 3000, 2400)
# One way runs through the park from a gate in the west and stops 20 m short of the east street;
# a side way stops 30 m short of the south street.
SPINE: Edge = (1000.0, 1900.0, 2000.0, 1900.0)
EAST: Edge = (2000.0, 1900.0, 2980.0, 1900.0)
SOUTH: Edge = (2000.0, 1900.0, 2000.0, 1430.0)
STREETS = lattice(drop=inside(PARK), extra=((SPINE, True), (EAST, True), (SOUTH, True)), cells=40)
POINTS = np.array([[1500.0, 1900.0], [2000.0, 1900.0], [2900.0, 1900.0]])


def opened(streets: Streets, facility: tuple[float, float], openings: int = 5) -> pd.DataFrame:
    gates = candidate_gates(PARK, streets, near_m=80.0)
    metres = {"station": node_metres(streets, np.array([facility]), snap_m=300.0)}
    return open_gates(
        PARK, streets, gates, metres=metres, demand_xy_m=POINTS, demand=np.ones(3),
        walk_m_min=80.0, snap_m=300.0, openings=openings,
    )  # fmt: skip


def test_candidates_are_ends_short_of_a_street() -> None:
    gates = candidate_gates(PARK, STREETS, near_m=80.0)
    assert sorted(zip(gates.link_m.tolist(), gates.xy_m.tolist(), strict=True)) == [
        (20.0, [3000.0, 1900.0]), (30.0, [2000.0, 1400.0]),
    ]  # fmt: skip
    assert len(candidate_gates(PARK, STREETS, near_m=25.0).node) == 1
    assert len(candidate_gates(PARK, lattice(drop=inside(PARK)), near_m=80.0).node) == 0


def test_a_gate_beside_the_station_saves_the_way_around() -> None:
    table = opened(STREETS, (3000.0, 1900.0))
    # From the three points: 500, 1000 and 1900 m west, then 3000 m around; through the gate
    # 1500, 1000 and 100 m.
    saved = [500 + 3000 - 1500, 1000 + 3000 - 1000, 1900 + 3000 - 100]
    assert table["x"].tolist() == [3000.0]
    assert table["total_saved"].tolist() == pytest.approx([sum(saved) / 80])
    assert table["minutes_saved"].tolist() == pytest.approx([sum(saved) / 3 / 80])
    assert table["helped"].tolist() == [3.0]


def test_the_best_gate_comes_first_and_gains_fall() -> None:
    table = opened(STREETS, (2900.0, 1000.0))
    assert (table["total_saved"] > 0).all()
    assert table["total_saved"].is_monotonic_decreasing
    only = opened(STREETS, (2900.0, 1000.0), openings=1)
    pd.testing.assert_frame_equal(only, table.iloc[:1])


def test_a_gate_on_the_far_side_helps_nobody() -> None:
    assert opened(STREETS, (0.0, 1900.0)).empty


def test_a_compound_without_any_exit_is_newly_reached() -> None:
    sealed = lattice(drop=inside(PARK), extra=(((1030.0, 1900.0, 2980.0, 1900.0), True),))
    table = opened(sealed, (3000.0, 1900.0))
    assert table["newly_reached"].tolist()[0] == 3.0
    assert np.isnan(table["minutes_saved"].iloc[0])


def test_extra_metres_fall_as_gates_open() -> None:
    facility = np.array([[2500.0, 1400.0]])
    heart = shapely.Point(2000, 1900)
    walked = []
    west, east = ((1000.0, 1900.0, 2000.0, 1900.0), True), ((2000.0, 1900.0, 3000.0, 1900.0), True)
    alone = ((1900.0, 1850.0, 2000.0, 1900.0), True)
    for gates in ((), (west,), (west, east)):
        streets = lattice(drop=inside(PARK), extra=(*gates, alone))
        metres = node_metres(streets, facility, snap_m=300.0)
        node = np.argmin(np.hypot(*(streets.node_xy_m - [heart.x, heart.y]).T))
        walked.append(metres[node])
    assert np.isinf(walked[0])
    assert walked[1:] == pytest.approx([1000 + 500 + 1500, 1000 + 500 + 500])

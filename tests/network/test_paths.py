"""Routes: their line, length and edges agree with their cost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from pipeline.errors import GeometryError
from pipeline.network.costs import od_matrix
from pipeline.network.graph import StreetGraph
from pipeline.network.paths import routes
from tests.network.osm_writing import facilities, graph_of, points
from tests.network.test_costs import cities


def test_a_route_is_drawn_from_door_to_door(lattice: StreetGraph) -> None:
    table = routes(lattice, points((30, 10)), points((100, 60)), snap_max_m=300.0)
    row = table.iloc[0]
    assert (row.minutes * 80, row.length_m) == pytest.approx((140, 140))
    assert list(row.geometry.coords) == [(30, 10), (30, 0), (100, 0), (100, 60)]
    assert len(row.edge_ids) == 2


def test_along_one_edge_and_to_oneself(lattice: StreetGraph) -> None:
    table = routes(lattice, points((30, 0), (10, 0)), points((80, 0), (10, 0)), snap_max_m=300.0)
    assert table["length_m"].tolist() == [50, 0]
    assert table["edge_ids"].map(len).tolist() == [1, 1]


def test_statuses() -> None:
    places = {1: (0.0, 0.0), 2: (100.0, 0.0), 3: (900.0, 0.0), 4: (990.0, 0.0)}
    graph = graph_of(places, [(1, 2), (3, 4)])
    table = routes(graph, points((0, 0), (0, 0)), points((900, 0), (500, 0)), snap_max_m=300.0)
    assert table["status"].tolist() == ["beyond_limit", "unsnapped"]
    assert table.geometry.isna().all()


def test_as_many_origins_as_destinations(lattice: StreetGraph) -> None:
    with pytest.raises(GeometryError, match="1 origins against 2 destinations"):
        routes(lattice, points((0, 0)), points((0, 0), (1, 0)), snap_max_m=300.0)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cities(interiors=True))
def test_routes_cost_what_the_matrix_says_and_hang_together(city) -> None:  # noqa: ANN001
    graph, origins, targets = city
    places = facilities(*((point.x, point.y) for point in targets))
    matrix = od_matrix(
        graph,
        origins,
        places,
        by="facility_id",
        snap_max_m=2000.0,
        cutoff_min=1e4,
        memory_mb=16.0,
    ).set_index(["origin", "facility_id"])["minutes"]
    table = routes(graph, origins.iloc[[0]], targets.iloc[[0]], snap_max_m=2000.0)
    row = table.iloc[0]
    expected = matrix.get((0, "f0"), np.nan)
    assert row.minutes == pytest.approx(expected, abs=1e-9, nan_ok=True)
    if row.status != "ok":
        return
    inside = graph.edges.set_index("edge_id")["interior"].loc[row.edge_ids].tolist()
    stretches = [
        flag for place, flag in enumerate(inside) if place == 0 or inside[place - 1] != flag
    ]
    assert stretches in ([False], [True], [True, False], [False, True], [True, False, True])
    assert row.geometry.coords[0] == origins.iloc[0].coords[0]
    assert row.geometry.coords[-1] == targets.iloc[0].coords[0]
    pace = graph.edges[["forward_min", "back_min"]].div(graph.edges["length_m"], axis=0)
    assert row.length_m * np.nanmin(pace.to_numpy()) <= row.minutes + 1e-9
    straight = origins.iloc[0].distance(targets.iloc[0])
    assert row.length_m >= straight - 1e-9

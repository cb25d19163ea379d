"""Hold access on Porto Alegre's real hexagons to a plain computation over networkx paths."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from pyproj import Transformer
from scipy.spatial import cKDTree

from pipeline.measures.access import count_within, nearest, supply_within
from pipeline.measures.access_pairs import CostPairs, cost_pairs
from pipeline.measures.catchment_family import floating_catchment_gaussian

WALK_M_PER_MIN = 80.0
LIMIT_MIN = 30.0
NEIGHBOUR_M = 450.0  # centres of neighbouring cells lie about 350 m apart

pytestmark = pytest.mark.shared

Costs = dict[str, dict[str, float]]


@pytest.fixture(scope="module")
def cells(shared: Path) -> pd.DataFrame:
    """Read the hexagons; the five whose jobs and healthcare are unknown are kept, as nulls."""
    return pd.read_csv(shared / "data/porto_alegre/poa_hexgrid.csv", index_col="id")


@pytest.fixture(scope="module")
def costs(cells: pd.DataFrame) -> Costs:
    """Walk from hexagon to neighbouring hexagon along networkx's shortest paths."""
    to_metres = Transformer.from_crs(4326, 31982, always_xy=True)
    at = np.column_stack(to_metres.transform(cells["lon"].to_numpy(), cells["lat"].to_numpy()))
    graph = nx.Graph()
    graph.add_nodes_from(cells.index)
    for a, b in cKDTree(at).query_pairs(NEIGHBOUR_M):
        minutes = float(np.hypot(*(at[a] - at[b]))) / WALK_M_PER_MIN
        graph.add_edge(cells.index[a], cells.index[b], minutes=minutes)
    paths = nx.all_pairs_dijkstra_path_length(graph, cutoff=LIMIT_MIN, weight="minutes")
    return dict(paths)


def pairs_to(costs: Costs, facilities: pd.Index[str], origins: pd.Index[str]) -> CostPairs:
    wanted = set(facilities)
    rows = [(o, f, t) for o, found in costs.items() for f, t in found.items() if f in wanted]
    table = pd.DataFrame(rows, columns=["origin", "facility", "minutes"])
    return cost_pairs(table, origins=origins, facilities=facilities, limit_min=LIMIT_MIN)


@pytest.mark.parametrize("service", ["schools", "healthcare"])
def test_nearest_facility_of_every_cell(cells: pd.DataFrame, costs: Costs, service: str) -> None:
    facilities = cells.index[cells[service] > 0]
    got = nearest(pairs_to(costs, facilities, cells.index))
    wanted = set(facilities)
    for origin, found in costs.items():
        times = [t for f, t in found.items() if f in wanted]
        if times:
            assert got.loc[origin, "minutes"] == min(times)
        else:
            assert np.isnan(got.loc[origin, "minutes"])
            assert got.loc[origin, "status"] == "beyond_limit"
    assert (got["status"] == "ok").mean() > 0.9
    assert (got["minutes"][facilities] == 0).all()


def test_jobs_within_reach_of_every_cell(cells: pd.DataFrame, costs: Costs) -> None:
    jobs = cells["jobs"].dropna()
    got = supply_within(
        pairs_to(costs, jobs.index, cells.index), jobs, thresholds_min=[10.0, 15.0, LIMIT_MIN]
    )
    known = jobs.to_dict()
    for threshold in got.columns:
        expected = [
            sum(known.get(f, 0) for f, t in costs[origin].items() if t <= threshold)
            for origin in cells.index
        ]
        np.testing.assert_allclose(got[threshold], expected, rtol=1e-12)
    assert got[LIMIT_MIN].max() > got[10.0].max()


def test_counting_cells_is_summing_ones(cells: pd.DataFrame, costs: Costs) -> None:
    pairs = pairs_to(costs, cells.index, cells.index)
    counted = count_within(pairs, thresholds_min=[15.0])[15.0]
    expected = [sum(t <= 15.0 for t in costs[origin].values()) for origin in cells.index]
    assert counted.tolist() == expected


def test_health_care_is_shared_out_without_loss(cells: pd.DataFrame, costs: Costs) -> None:
    supply = cells.loc[cells["healthcare"] > 0, "healthcare"].astype(float)
    people = cells["population"].astype(float)
    got = floating_catchment_gaussian(
        pairs_to(costs, supply.index, cells.index),
        demand=people,
        supply=supply,
        cutoff_min=LIMIT_MIN,
    )
    served = got.facilities["status"] == "ok"
    assert served.all()
    received = (people * got.access["access"]).sum()
    assert received == pytest.approx(supply.sum(), rel=1e-12)
    nobody = got.access["status"] == "beyond_limit"
    assert (got.access.loc[nobody, "access"] == 0).all()

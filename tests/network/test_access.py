"""Measured or estimated: where streets are mapped, and never a silent mixture."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from pipeline.errors import CrsError, FieldError
from pipeline.network.access import measurability, minutes_within, nearest_minutes
from pipeline.network.coverage import StreetCoverage, street_coverage
from pipeline.network.graph import StreetGraph
from tests.network.osm_writing import UTM, facilities, graph_of, lattice_graph, points

MEASURED, ESTIMATED = "measured_network", "estimated_straight_line"
OPTIONS = {
    "by": "facility_id",
    "walk_speed_m_min": 80.0,
    "estimate_speed_m_min": 80.0,
    "detour_factor": 1.32,
    "snap_max_m": 300.0,
}
COVERAGE = {
    "window_m": 500.0,
    "cell_m": 100.0,
    "min_density_km_per_km2": 6.0,
    "min_component_km": 5.0,
}


@pytest.fixture(scope="module")
def town() -> StreetGraph:
    """Give a lattice of 2 km side around (0, 0)."""
    return lattice_graph(10)


@pytest.fixture(scope="module")
def covered(town: StreetGraph) -> StreetCoverage:
    return street_coverage(town, **COVERAGE)


def test_density_of_a_lattice_is_known(town: StreetGraph, covered: StreetCoverage) -> None:
    # 100 m blocks: 20 km of street per km2, in a window of 5 x 5 cells off the rim.
    inner = covered.density_of(np.array([[50.0, 50.0], [-350.0, 250.0]]))
    assert inner == pytest.approx([20, 20])
    assert covered.density_of(np.array([[5000.0, 0.0]])).tolist() == [0]
    booked = covered.density_km_per_km2.sum() * (covered.cell_m / 1000) ** 2
    assert booked == pytest.approx(town.component_km.sum())
    assert "1 regions" in repr(covered)


def test_a_street_alone_is_no_coverage() -> None:
    lone = graph_of({1: (0.0, 0.0), 2: (3000.0, 0.0)}, [(1, 2)])
    coverage = street_coverage(lone, **{**COVERAGE, "min_density_km_per_km2": 3.0})
    assert not (coverage.region > 0).any()  # fragment: 3 km in all
    loose = street_coverage(lone, **{**COVERAGE, "min_component_km": 0.0})
    assert not (loose.region > 0).any()  # 2 km/km2
    any_street = {**COVERAGE, "min_component_km": 0.0, "min_density_km_per_km2": 0.0}
    near = street_coverage(lone, **any_street)
    assert near.region_of(np.array([[50.0, 150.0], [50.0, 450.0]])).tolist() == [1, 0]


def test_without_streets_everything_is_estimated() -> None:
    table = nearest_minutes(
        points((0, 0), (0, 8000)),
        facilities((300, 400), (5000, 0)),
        None,
        coverage=None,
        limit_min=30.0,
        **OPTIONS,
    )
    assert table["minutes"].iloc[0] == pytest.approx(500 * 1.32 / 80)
    assert table["status"].tolist() == ["ok", "beyond_limit"]
    assert table["method"].unique().tolist() == [ESTIMATED]
    assert table["facility_id"].tolist()[0] == "f0"
    assert table[["minutes", "facility_id"]].iloc[1].isna().all()
    assert table["straight_m"].tolist() == pytest.approx([500, np.hypot(300, 7600)])


def test_in_town_it_is_measured_outside_it_is_estimated(
    town: StreetGraph, covered: StreetCoverage
) -> None:
    table = nearest_minutes(
        points((0, 0), (3000, 0)),
        facilities((300, 400)),
        town,
        coverage=covered,
        limit_min=None,
        **OPTIONS,
    )
    assert table["method"].tolist() == [MEASURED, ESTIMATED]
    assert table["minutes"].iloc[0] * 80 == pytest.approx(700)
    assert table["minutes"].iloc[1] * 80 == pytest.approx(1.32 * np.hypot(2700, 400))


@pytest.mark.parametrize(("outside_m", "method"), [(1550.0, ESTIMATED), (1850.0, MEASURED)])
def test_a_facility_that_cannot_be_measured_but_might_be_nearer_decides(
    town: StreetGraph, covered: StreetCoverage, outside_m: float, method: str
) -> None:
    # From (500, 0) the measured facility is 1100 m away; the other stands off the mapped streets.
    table = nearest_minutes(
        points((500, 0)),
        facilities((0, 600), (outside_m, 0)),
        town,
        coverage=covered,
        limit_min=None,
        **OPTIONS,
    )
    assert table["method"].tolist() == [method]
    by_air = min(np.hypot(500, 600), outside_m - 500)
    expected = 1100 if method == MEASURED else by_air * 1.32
    assert table["minutes"].iloc[0] * 80 == pytest.approx(expected)


def test_beyond_the_limit_is_measured_only_if_nothing_might_be_within(
    town: StreetGraph, covered: StreetCoverage
) -> None:
    options = {**OPTIONS, "coverage": covered, "limit_min": 10.0}
    far = nearest_minutes(points((0, 0)), facilities((900, 0)), town, **options)
    assert far.iloc[0][["status", "method"]].tolist() == ["beyond_limit", MEASURED]
    hidden = facilities((900, 0), (1750, 0))
    near_rim = nearest_minutes(points((980, 0)), hidden.iloc[[1]], town, **options)
    assert near_rim.iloc[0][["status", "method"]].tolist() == ["beyond_limit", ESTIMATED]


def test_a_complete_extract_measures_everything_and_reports_what_is_off_the_streets(
    town: StreetGraph,
) -> None:
    table = nearest_minutes(
        points((0, 0), (0, 1400)),
        facilities((300, 400)),
        town,
        coverage=None,
        limit_min=None,
        **OPTIONS,
    )
    assert table["status"].tolist() == ["ok", "unsnapped"]
    assert table["method"].tolist() == [MEASURED, MEASURED]
    assert table["minutes"].isna().tolist() == [False, True]


def test_two_mapped_towns_without_a_mapped_road_between() -> None:
    one, other = lattice_graph(8), lattice_graph(8)
    edges = pd.concat([one.edges, _shifted(other.edges)], ignore_index=True)
    places = dict(zip(one.node_ids.tolist(), one.node_xy.tolist(), strict=True))
    places |= {node + 10_000: [x + 4000, y] for node, (x, y) in places.items()}
    graph = graph_of(places, list(zip(edges["u"], edges["v"], strict=True)))
    coverage = street_coverage(graph, **COVERAGE)
    assert coverage.region.max() == 2
    origins = points((0, 0))
    across = nearest_minutes(
        origins, facilities((4000, 0)), graph, coverage=coverage, limit_min=None, **OPTIONS
    )
    assert across["method"].tolist() == [ESTIMATED]
    table = minutes_within(
        origins,
        facilities((200, 0), (4000, 0)),
        graph,
        coverage=coverage,
        cutoff_min=100.0,
        memory_mb=16.0,
        **OPTIONS,
    )
    assert table["method"].tolist() == [MEASURED, ESTIMATED]
    assert (table["minutes"] * 80).tolist() == pytest.approx([200, 4000 * 1.32])


def _shifted(edges: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return edges.assign(u=edges["u"] + 10_000, v=edges["v"] + 10_000)


def test_pairs_agree_with_nearest(town: StreetGraph, covered: StreetCoverage) -> None:
    rng = np.random.default_rng(3)
    origins = points(*rng.uniform(-1800, 1800, (300, 2)).tolist())
    places = facilities(
        *rng.uniform(-1800, 1800, (14, 2)).tolist(), ids=[f"f{n // 2}" for n in range(14)]
    )
    options = {**OPTIONS, "coverage": covered}
    pairs = minutes_within(origins, places, town, cutoff_min=40.0, memory_mb=1.0, **options)
    best = nearest_minutes(origins, places, town, limit_min=40.0, **options)
    measured = best[best["method"].eq(MEASURED) & best["status"].eq("ok")]
    assert len(measured) > 50
    nearest_pair = pairs.sort_values("minutes").drop_duplicates("origin").set_index("origin")
    np.testing.assert_allclose(
        nearest_pair["minutes"].reindex(measured.index), measured["minutes"], atol=1e-9
    )
    assert not pairs.duplicated(["origin", "facility_id"]).any()
    assert pairs["minutes"].max() <= 40.0
    assert set(pairs["method"]) == {MEASURED, ESTIMATED}


def test_estimated_pairs_are_all_pairs_within_reach() -> None:
    rng = np.random.default_rng(5)
    spots, sites = rng.uniform(0, 5000, (40, 2)), rng.uniform(0, 5000, (12, 2))
    ids = [f"f{number // 3}" for number in range(12)]
    table = minutes_within(
        points(*spots.tolist()),
        facilities(*sites.tolist(), ids=ids),
        None,
        coverage=None,
        cutoff_min=30.0,
        memory_mb=16.0,
        **OPTIONS,
    )
    gap = shapely.distance(shapely.points(spots)[:, None], shapely.points(sites)[None, :])
    minutes = gap.reshape(40, 4, 3).min(axis=2) * 1.32 / 80
    found = table.pivot_table(index="origin", columns="facility_id", values="minutes")
    full = found.reindex(index=range(40), columns=["f0", "f1", "f2", "f3"]).to_numpy()
    np.testing.assert_allclose(full, np.where(minutes <= 30, minutes, np.nan))


def test_a_facility_with_a_hidden_nearer_entrance_is_estimated(
    town: StreetGraph, covered: StreetCoverage
) -> None:
    campus = facilities((0, 600), (1650, 0), ids=["a", "a"])
    options = {**OPTIONS, "coverage": covered, "cutoff_min": 60.0, "memory_mb": 16.0}
    near, far = (minutes_within(points((x, 0)), campus, town, **options).iloc[0] for x in (900, 0))
    assert (near["method"], far["method"]) == (ESTIMATED, MEASURED)
    assert near["minutes"] * 80 == pytest.approx(750 * 1.32)
    assert far["minutes"] * 80 == pytest.approx(600)


def test_measurability(town: StreetGraph, covered: StreetCoverage) -> None:
    origins = points((0, 0), (4000, 0))
    table = measurability(origins, town, coverage=covered, snap_max_m=300.0)
    assert table["method"].tolist() == [MEASURED, ESTIMATED]
    assert (
        measurability(origins, None, coverage=None, snap_max_m=300.0)["method"].eq(ESTIMATED).all()
    )


def test_no_facilities_no_origins(town: StreetGraph, covered: StreetCoverage) -> None:
    options = {**OPTIONS, "coverage": covered}
    none = nearest_minutes(points((0, 0)), facilities(), town, limit_min=None, **options)
    assert none["status"].tolist() == ["no_data"]
    assert none["minutes"].isna().all()
    nobody = nearest_minutes(points(), facilities((0, 0)), town, limit_min=None, **options)
    assert len(nobody) == 0
    for origins, places in ((points(), facilities((0, 0))), (points((0, 0)), facilities())):
        table = minutes_within(origins, places, town, cutoff_min=9.0, memory_mb=1.0, **options)
        assert table.columns.tolist() == ["origin", "facility_id", "minutes", "method"]
        assert len(table) == 0


def test_layers_must_agree(town: StreetGraph) -> None:
    options = {**OPTIONS, "coverage": None, "limit_min": None}
    with pytest.raises(CrsError, match="facilities and origins differ"):
        nearest_minutes(points((0, 0)), facilities((0, 0)).to_crs(32650), town, **options)
    one = points((0, 0)).to_crs(32650)
    with pytest.raises(CrsError, match="street graph and origins differ"):
        nearest_minutes(one, facilities((0, 0)).to_crs(32650), town, **options)
    with pytest.raises(CrsError, match="projected"):
        nearest_minutes(points((0, 0)).to_crs(4326), facilities((0, 0)), None, **options)
    with pytest.raises(FieldError, match="facility_id"):
        nearest_minutes(
            points((0, 0)), facilities((0, 0)).drop(columns="facility_id"), town, **options
        )
    assert str(UTM) == "EPSG:32651"

"""Rail graphs: hand-computed lines, rings, branches, shared track, and networkx as the oracle."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from pipeline.errors import FieldError
from pipeline.network.rail import RailGraph, nearest_hubs, rail_costs, rail_minutes
from pipeline.network.rail_lines import build_rail_graph
from pipeline.network.station_groups import cluster_same_name, nearby_links
from pipeline.settings.rail import (
    LineClass,
    RailSettings,
    SharedTrack,
    StationLink,
    ThroughBranch,
)
from tests.first_study import SHANGHAI

CRS = "EPSG:32651"
WAIT, DWELL, RIDE, WALK = 3.0, 0.5, 2.0, 4.0
PLAIN = RailSettings(
    classes={"urban": LineClass(running_speed_kmh=30, dwell_min=DWELL, headway_min=2 * WAIT)},
    line_class={},
    track_factor=1.0,
    transfer_walk_min=WALK,
    same_line_transfer_min=1.0,
    same_platform_min=0.25,
    street_link_min=3.0,
    walk_speed_m_min=80,
    walk_detour=1.0,
    interchange_max_m=600,
    never_interchange=(),
    through_branches=(),
    shared_tracks=(),
    street_links=(),
)
"""One kilometre takes two minutes."""


def table(*stops: tuple[str, str, str, float, float], closed: Iterable[str] = ()) -> pd.DataFrame:
    """Make line-stations of (line, branch, station, x km, y km)."""
    frame = pd.DataFrame(stops, columns=["line", "branch", "station", "x", "y"])
    frame["seq"] = frame.groupby(["line", "branch"]).cumcount()
    back = Transformer.from_crs(CRS, "EPSG:4326", always_xy=True)
    frame["lon"], frame["lat"] = back.transform(
        350_000 + frame["x"] * 1000, 3_450_000 + frame["y"] * 1000
    )
    frame["status"] = np.where(frame["station"].isin(list(closed)), "closed", "operating")
    return frame


def straight(line: str, names: str, *, y: float = 0.0, x: float = 0.0) -> list[tuple]:
    return [(line, "main", name, x + i, y) for i, name in enumerate(names)]


def graph(rows: pd.DataFrame, **changes: object) -> RailGraph:
    return build_rail_graph(
        rows, crs=CRS, statuses={"operating"}, settings=PLAIN.model_copy(update=changes)
    )


def minutes(rail: RailGraph, start: str, end: str) -> float:
    return float(rail_minutes(rail, [start], [end]).iloc[0, 0])


def transfers(rail: RailGraph, start: str, end: str) -> float:
    return float(rail_costs(rail, from_stations=[start], to_stations=[end]).transfers[0, 0])


def test_straight_line_waits_once_and_dwells_between() -> None:
    rail = graph(table(*straight("1", "ABCDE")))
    assert minutes(rail, "A", "B") == pytest.approx(WAIT + RIDE)
    assert minutes(rail, "A", "E") == pytest.approx(WAIT + 4 * RIDE + 3 * DWELL)
    assert minutes(rail, "E", "A") == pytest.approx(minutes(rail, "A", "E"))
    assert minutes(rail, "C", "C") == 0
    assert transfers(rail, "A", "E") == 0
    assert transfers(rail, "C", "C") == 0


def test_ring_takes_the_shorter_way_round() -> None:
    square = [("4", "main", n, x, y) for n, x, y in zip("ABCDA", "01100", "00110", strict=True)]
    rail = graph(table(*((a, b, c, float(x), float(y)) for a, b, c, x, y in square)))
    assert minutes(rail, "A", "B") == pytest.approx(WAIT + RIDE)
    assert minutes(rail, "A", "D") == pytest.approx(WAIT + RIDE)
    assert minutes(rail, "A", "C") == pytest.approx(WAIT + 2 * RIDE + DWELL)
    assert len(rail.platforms) == 8


def test_ring_runs_through_its_closed_first_station() -> None:
    stops = [
        ("4", "main", n, float(x), float(y))
        for n, x, y in zip("ABCDA", "01100", "00110", strict=True)
    ]
    rail = graph(table(*stops, closed="A"))
    assert minutes(rail, "D", "B") == pytest.approx(WAIT + 2 * RIDE)
    assert "A" not in set(rail.stations["station_id"])


def test_change_costs_walk_and_second_wait() -> None:
    rail = graph(table(*straight("1", "ABC"), *straight("2", "XBY", x=0.0)))
    expected = WAIT + RIDE + WALK + WAIT + RIDE
    assert minutes(rail, "A", "Y") == pytest.approx(expected)
    assert transfers(rail, "A", "Y") == 1
    assert rail.stations.set_index("station_id").loc["B", "lines"] == ("1", "2")


def test_distance_inside_an_interchange_is_walked() -> None:
    rows = table(*straight("1", "ABC"), *straight("2", "XBY", y=0.4))
    assert minutes(graph(rows), "A", "Y") == pytest.approx(2 * (WAIT + RIDE) + WALK + 400 / 80)


def test_same_name_far_apart_is_no_interchange() -> None:
    rows = table(*straight("1", "ABC"), *straight("2", "XBY", y=0.7))
    rail = graph(rows)
    assert {"B@1", "B@2"} <= set(rail.stations["station_id"])
    assert np.isnan(minutes(rail, "A", "Y"))
    near = table(*straight("1", "ABC"), *straight("2", "XBY", y=0.3))
    assert np.isfinite(minutes(graph(near), "A", "Y"))
    assert np.isnan(minutes(graph(near, never_interchange=("B",)), "A", "Y"))


def test_interchange_distance_is_inclusive() -> None:
    at = np.array([0.0, 600.0])
    assert len(set(cluster_same_name(["B", "B"], at, at * 0, max_m=600))) == 1
    assert len(set(cluster_same_name(["B", "B"], at, at * 0, max_m=599.99))) == 2


def test_listed_street_change_joins_different_names() -> None:
    rows = table(*straight("1", "ABC"), *straight("2", "XZY", y=0.4))
    assert np.isnan(minutes(graph(rows), "A", "Y"))
    timed = (StationLink(station_a="B", station_b="Z", walk_min=2),)
    guessed = (StationLink(station_a="Z", station_b="B"),)
    base = 2 * (WAIT + RIDE) + 3.0
    assert minutes(graph(rows, street_links=timed), "A", "Y") == pytest.approx(base + 2)
    assert minutes(graph(rows, street_links=guessed), "A", "Y") == pytest.approx(base + 400 / 80)


def test_nearby_links_are_inclusive() -> None:
    stations = pd.DataFrame({"station_id": list("abc"), "x": [0.0, 200.0, 401.0], "y": 0.0})
    links = nearby_links(stations, max_m=200, settings=PLAIN, street_min=1)
    assert links.to_numpy().tolist() == [["a", "b", 3.5]]


def test_closed_station_is_passed_without_dwell() -> None:
    rail = graph(table(*straight("1", "ABCD"), closed="B"))
    assert minutes(rail, "A", "D") == pytest.approx(WAIT + 3 * RIDE + DWELL)
    with pytest.raises(FieldError, match="B"):
        minutes(rail, "A", "B")


def test_scenario_status_opens_a_station() -> None:
    rows = table(*straight("1", "ABC"))
    rows.loc[2, "status"] = "under_construction"
    now = graph(rows)
    then = build_rail_graph(
        rows, crs=CRS, statuses={"operating", "under_construction"}, settings=PLAIN
    )
    assert set(now.stations["station_id"]) == {"A", "B"}
    assert minutes(then, "A", "C") == pytest.approx(WAIT + 2 * RIDE + DWELL)


BRANCHED = [
    *straight("10", "ABJCD"),
    ("10", "branch", "J", 2.0, 0.0),
    ("10", "branch", "P", 2.0, -1),
    ("10", "branch", "Q", 2.0, -2),
]
THROUGH = (ThroughBranch(line="10", branch="branch", junction="J", towards="D"),)


def test_branch_not_listed_needs_a_change() -> None:
    rail = graph(table(*BRANCHED))
    expected = WAIT + 2 * RIDE + DWELL + 1.0 + WAIT + 2 * RIDE + DWELL
    assert minutes(rail, "Q", "D") == pytest.approx(expected)
    assert transfers(rail, "Q", "D") == 1


def test_through_branch_waits_for_its_own_trains() -> None:
    rail = graph(table(*BRANCHED), through_branches=THROUGH)
    four_rides = 4 * RIDE + 3 * DWELL
    # Half of the trains take each arm: half the headway of an arm is twice the trunk's.
    assert minutes(rail, "Q", "D") == pytest.approx(2 * WAIT + four_rides)
    assert minutes(rail, "D", "Q") == pytest.approx(2 * WAIT + four_rides)
    assert minutes(rail, "D", "A") == pytest.approx(2 * WAIT + four_rides)
    assert minutes(rail, "D", "J") == pytest.approx(WAIT + 2 * RIDE + DWELL)
    assert minutes(rail, "J", "D") == pytest.approx(WAIT + 2 * RIDE + DWELL)
    assert transfers(rail, "Q", "D") == 0


def test_arm_to_arm_needs_a_change() -> None:
    rail = graph(table(*BRANCHED), through_branches=THROUGH)
    expected = 2 * WAIT + 2 * RIDE + DWELL + 1.0 + 2 * WAIT + 2 * RIDE + DWELL
    assert minutes(rail, "Q", "A") == pytest.approx(expected)
    assert transfers(rail, "Q", "A") == 1


def test_closed_junction_is_passed() -> None:
    rail = graph(table(*BRANCHED, closed="J"), through_branches=THROUGH)
    assert minutes(rail, "Q", "D") == pytest.approx(2 * WAIT + 4 * RIDE + 2 * DWELL)
    # The change between the arms moves to the next open station.
    there = 2 * WAIT + 3 * RIDE + DWELL
    assert minutes(rail, "Q", "A") == pytest.approx(there + 1.0 + 2 * WAIT + 3 * RIDE + DWELL)


def test_branch_rule_that_misses_the_table_is_refused() -> None:
    wrong = (ThroughBranch(line="10", branch="branch", junction="J", towards="Nowhere"),)
    with pytest.raises(FieldError, match="Nowhere"):
        graph(table(*BRANCHED), through_branches=wrong)
    other = (ThroughBranch(line="99", branch="branch", junction="J", towards="Nowhere"),)
    graph(table(*BRANCHED), through_branches=other)


def test_shared_track_boards_the_first_train_of_either_line() -> None:
    rows = table(*straight("3", "ABCD"), *straight("4", "XBCY"))
    shared = (SharedTrack(lines=("3", "4"), first="C", last="B"),)
    rail = graph(rows, shared_tracks=shared)
    assert minutes(rail, "B", "C") == pytest.approx(WAIT / 2 + RIDE)
    assert minutes(rail, "A", "C") == pytest.approx(WAIT + 2 * RIDE + DWELL)
    # The two lines call at the same platform: no walk through the station.
    assert minutes(rail, "A", "Y") == pytest.approx(2 * WAIT + 3 * RIDE + DWELL + 0.25)
    assert rail.stations.set_index("station_id").loc["B", "lines"] == ("3", "4")


def test_hubs_are_ranked_and_unreachable_ones_left_out() -> None:
    rail = graph(table(*straight("1", "ABCD"), *straight("2", "XY", y=9)))
    found = nearest_hubs(rail, from_stations=["A", "X"], hubs=["D", "B", "C"], k=2)
    assert found["hub_id"].where(found["hub_id"].notna(), None).tolist() == ["B", "C", None]
    assert found["rank"].tolist() == [1, 2, 1]
    assert found["status"].tolist() == ["ok", "ok", "no_data"]
    assert found["minutes"].isna().tolist() == [False, False, True]
    assert found["transfers"].isna().tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("column", "value"),
    [("status", "open"), ("lon", 350_000.0), ("seq", 0), ("station", "B"), ("lat", None)],
)
def test_bad_cells_are_named(column: str, value: object) -> None:
    rows = table(*straight("1", "ABCD")).astype({column: object})
    rows.loc[2, column] = value
    with pytest.raises(FieldError) as caught:
        graph(rows.infer_objects())
    assert any(column in (problem.rule or "") for problem in caught.value.problems)


def test_missing_columns_are_all_named() -> None:
    with pytest.raises(FieldError) as caught:
        graph(table(*straight("1", "AB")).drop(columns=["lon", "status"]))
    assert {problem.rule for problem in caught.value.problems} == {"lon", "status"}


def test_unknown_class_is_refused() -> None:
    with pytest.raises(ValueError, match="warp"):
        RailSettings(line_class={"1": "warp"})


def oracle(rail: RailGraph) -> nx.DiGraph:
    """Rebuild the graph from its edge table alone."""
    net = nx.DiGraph()
    for edge in rail.edges.itertuples():
        known = net.get_edge_data(edge.from_node, edge.to_node, {"weight": np.inf})["weight"]
        net.add_edge(edge.from_node, edge.to_node, weight=min(known, edge.minutes))
    return net


def agrees_with_networkx(rail: RailGraph, ids: list[str]) -> None:
    net, got = oracle(rail), rail_minutes(rail, ids, rail.stations["station_id"].tolist())
    kinds, names = rail.nodes["kind"], rail.nodes["station_id"]
    node = dict(zip(zip(kinds, names, strict=True), rail.nodes.index, strict=True))
    for start in ids:
        far = nx.single_source_dijkstra_path_length(net, node["in", start])
        for end, value in got.loc[start].items():
            want = 0.0 if start == end else far.get(node["out", end], np.nan)
            assert value == pytest.approx(want, abs=1e-9, nan_ok=True)


lines = st.lists(
    st.lists(st.sampled_from("ABCDEFGHIJ"), min_size=2, max_size=6, unique=True),
    min_size=1,
    max_size=5,
)


@settings(max_examples=40, deadline=None)
@given(lines, st.booleans())
def test_random_lines_agree_with_networkx(routes: list[list[str]], close: bool) -> None:  # noqa: FBT001
    stops = [
        (str(i), "main", name, float(ord(name) % 5), float(ord(name) % 3))
        for i, route in enumerate(routes)
        for name in route
    ]
    rows = table(*stops, closed="C" if close else "")
    if (rows["status"] == "closed").all():
        return
    rail = graph(rows)
    ids = rail.stations["station_id"].tolist()
    agrees_with_networkx(rail, ids)
    here = rail_minutes(rail, ids, ids).to_numpy()
    # Lines run both ways at one headway, so there is as far as back; every trip waits once.
    np.testing.assert_allclose(here, here.T, atol=1e-9)
    assert np.nanmin(here + np.where(np.eye(len(here)), WAIT, 0)) >= WAIT


@pytest.mark.shared
def test_shanghai(shared: Path) -> None:
    rows = pd.read_csv(shared / "facts" / "metro_line_stations.csv", dtype={"line": str})
    rail = build_rail_graph(rows, crs=CRS, statuses={"operating"}, settings=SHANGHAI.rail)
    assert len(rail.stations) == rows["station"].nunique()
    costs = rail_costs(rail)
    assert np.isfinite(costs.minutes).all()
    assert np.nanmax(costs.minutes) < 240
    agrees_with_networkx(rail, ["人民广场", "闵行开发区", "嘉定北", "航中路"])
    # Line 18 phase two was announced at about 15 minutes on the train.
    assert minutes(rail, "长江南路", "康文路") - 2.5 == pytest.approx(15, abs=2)
    assert transfers(rail, "嘉定北", "迪士尼") == 0
    assert transfers(rail, "闵行开发区", "莘庄") == 1
    assert minutes(rail, "宝山路", "虹桥路") < minutes(rail, "海伦路", "虹桥路") - 2
    assert transfers(rail, "宜山路", "向城路") == 0

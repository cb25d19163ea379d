"""Walk + rail + walk: by hand, against brute force, against walking all the way."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import FieldError
from pipeline.network.journey import COLUMNS, journeys, nearest_journeys
from pipeline.network.journey_walks import Walks
from pipeline.network.rail import RailCosts

NET, GUESS = "measured_network", "estimated_straight_line"
STATIONS = ("S", "T", "U")
RIDES = np.array([[0.0, 10.0, 20.0], [10.0, 0.0, 12.0], [20.0, 12.0, 0.0]])
COSTS = RailCosts(STATIONS, STATIONS, RIDES, (RIDES > 15).astype(float), NET)


def walks(access: list[tuple], egress: list[tuple], direct: list[tuple] = ()) -> Walks:  # type: ignore[assignment]
    """Make walks of (from, to, minutes[, method])."""

    def long(rows: list[tuple], *names: str) -> pd.DataFrame:
        filled = [(*row, NET)[:4] for row in rows]
        return pd.DataFrame(filled, columns=[*names, "minutes", "method"])

    return Walks(
        long(access, "origin_id", "station_id"),
        long(egress, "station_id", "facility_id"),
        long(list(direct), "origin_id", "facility_id"),
    )


def one(table: pd.DataFrame) -> dict[str, object]:
    assert len(table) == 1
    return table.iloc[0].to_dict()


def both(origins: list[str], legs: Walks, limit: float = 1e9) -> list[pd.DataFrame]:
    index = pd.Index(origins)
    return [
        nearest_journeys(index, legs, COSTS, limit_min=limit),
        journeys(index, legs, COSTS, limit_min=limit, origins_per_chunk=2),
    ]


def test_journey_adds_up_and_names_its_stations() -> None:
    legs = walks([("o", "S", 5), ("o", "T", 9)], [("T", "f", 4), ("U", "f", 1)])
    for table in both(["o"], legs):
        row = one(table)
        # S-T 5+10+4 = 19, S-U 5+20+1 = 26, T-U 9+12+1 = 22.
        assert row["minutes"] == pytest.approx(19)
        assert (row["first_station"], row["last_station"]) == ("S", "T")
        assert (row["access_min"], row["rail_min"], row["egress_min"]) == (5, 10, 4)
        assert (row["transfers"], row["mode"], row["status"]) == (0, "rail", "ok")
        assert tuple(table.columns) == COLUMNS


def test_walking_wins_when_shorter_and_when_equal() -> None:
    access, egress = [("o", "S", 5)], [("T", "f", 4)]
    for walk, mode in ((18.0, "walk"), (19.0, "walk"), (19.1, "rail")):
        for table in both(["o"], walks(access, egress, [("o", "f", walk)])):
            row = one(table)
            assert row["mode"] == mode
            assert row["minutes"] == pytest.approx(min(walk, 19))
            assert pd.isna(row["first_station"]) == (mode == "walk")
            assert pd.isna(row["transfers"]) == (mode == "walk")


def test_no_ride_from_a_station_to_itself() -> None:
    legs = walks([("o", "S", 5)], [("S", "f", 4)])
    near, pairs = both(["o"], legs)
    assert one(near)["status"] == "beyond_limit"
    assert pairs.empty


def test_limit_is_inclusive() -> None:
    legs = walks([("o", "S", 5)], [("T", "f", 4)])
    for limit, found in ((19.0, True), (18.999, False)):
        near, pairs = both(["o"], legs, limit)
        assert (one(near)["status"] == "ok") is found
        assert len(pairs) == int(found)
        assert pd.isna(one(near)["minutes"]) is not found


def test_one_estimated_leg_makes_the_whole_estimated() -> None:
    for access, egress in ((NET, NET), (NET, GUESS), (GUESS, NET)):
        legs = walks([("o", "S", 5, access)], [("T", "f", 4, egress)], [("o", "f", 99, GUESS)])
        for table in both(["o"], legs):
            expected = GUESS if GUESS in (access, egress) else NET
            assert one(table)["method"] == expected
            assert one(table)["walk_method"] == expected
            assert one(table)["rail_method"] == NET
    # No way at all is no estimate of one.
    legs = walks([("o", "S", 0, GUESS)], [("T", "f", 0, GUESS)], [("p", "f", 0, GUESS)])
    for table in both(["o", "p"], legs):
        assert table["method"].tolist() == [NET, NET]
    guessed_rail = RailCosts(STATIONS, STATIONS, RIDES, RIDES * 0, GUESS)
    legs = walks([("o", "S", 5)], [("T", "f", 4)], [("p", "f", 3)])
    table = nearest_journeys(pd.Index(["o", "p"]), legs, guessed_rail, limit_min=60)
    assert table["method"].tolist() == [GUESS, NET]
    assert table["walk_method"].tolist() == [NET, NET]


def test_origins_without_walks_stay_with_a_status() -> None:
    legs = walks([("o", "S", 5)], [("T", "f", 4)])
    table = nearest_journeys(pd.Index(["x", "o", "y"]), legs, COSTS, limit_min=60)
    assert table["origin_id"].tolist() == ["x", "o", "y"]
    assert table["status"].tolist() == ["no_data", "ok", "no_data"]
    assert table["minutes"].isna().tolist() == [True, False, True]


def test_walks_to_unknown_stations_are_left_out() -> None:
    legs = walks([("o", "S", 5), ("o", "closed", 0)], [("T", "f", 4), ("closed", "f", 0)])
    for table in both(["o"], legs):
        assert one(table)["minutes"] == pytest.approx(19)


def test_unreachable_rail_leaves_the_walk() -> None:
    cut = RailCosts(STATIONS, STATIONS, np.where(RIDES > 0, np.nan, 0), RIDES * np.nan, NET)
    legs = walks([("o", "S", 5)], [("T", "f", 4)], [("o", "f", 50)])
    assert one(nearest_journeys(pd.Index(["o"]), legs, cut, limit_min=60))["mode"] == "walk"


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf])
def test_times_that_are_none_are_refused(value: float) -> None:
    legs = walks([("o", "S", value)], [("T", "f", 4)])
    with pytest.raises(FieldError, match="access"):
        both(["o"], legs)
    lacking = Walks(legs.access.drop(columns="method"), legs.egress, legs.direct)
    with pytest.raises(FieldError, match="method"):
        both(["o"], lacking)


def test_origins_that_repeat_are_refused() -> None:
    legs = walks([("o", "S", 5)], [("T", "f", 4)])
    with pytest.raises(FieldError, match="origin_id"):
        both(["o", "o"], legs)


times = st.floats(0, 60, allow_nan=False)
pairs_of = st.dictionaries(
    st.tuples(st.integers(0, 4), st.integers(0, 3)), st.tuples(times, st.booleans()), max_size=14
)


@settings(max_examples=60, deadline=None)
@given(
    access=pairs_of,
    egress=pairs_of,
    direct=pairs_of,
    rides=st.lists(st.one_of(times, st.just(float("nan"))), min_size=16, max_size=16),
    limit=st.floats(0, 150),
)
def test_agrees_with_brute_force(
    access: dict, egress: dict, direct: dict, rides: list[float], limit: float
) -> None:
    minutes = np.array(rides).reshape(4, 4)
    names = tuple("abcd")
    costs = RailCosts(names, names, minutes, np.ones_like(minutes), NET)

    def method(guess: bool) -> str:  # noqa: FBT001
        return GUESS if guess else NET

    legs = walks(
        [(f"o{o}", names[s], t, method(g)) for (o, s), (t, g) in access.items()],
        [(names[s], f"f{f}", t, method(g)) for (f, s), (t, g) in egress.items()],
        [(f"o{o}", f"f{f}", t, method(g)) for (o, f), (t, g) in direct.items()],
    )
    want: dict[tuple[str, str], float] = {}
    for o, f in itertools.product(range(5), range(5)):
        ways = [direct[o, f][0]] if (o, f) in direct else []
        for s, t in itertools.permutations(range(4), 2):
            if (o, s) in access and (f, t) in egress and np.isfinite(minutes[s, t]):
                ways.append(access[o, s][0] + minutes[s, t] + egress[f, t][0])
        if ways and min(ways) <= limit:
            want[f"o{o}", f"f{f}"] = min(ways)
    origins = pd.Index([f"o{i}" for i in range(5)])
    table = journeys(origins, legs, costs, limit_min=limit, origins_per_chunk=2)
    got = table.set_index(["origin_id", "facility_id"])["minutes"].to_dict()
    # Sums in another order may fall on the other side of the limit in the last digit.
    assert {key for key, v in want.items() if v < limit - 1e-9} <= set(got)
    for key, value in got.items():
        assert value == pytest.approx(want.get(key, limit), abs=1e-9)
    near = nearest_journeys(origins, legs, costs, limit_min=limit).set_index("origin_id")["minutes"]
    best = table.groupby("origin_id")["minutes"].min().reindex(origins)
    np.testing.assert_allclose(near.astype(float), best.astype(float), atol=1e-9)


def test_many_origins_and_facilities() -> None:
    rng = np.random.default_rng(7)
    stations = tuple(f"s{i}" for i in range(120))
    rides = rng.uniform(2, 90, (120, 120))
    costs = RailCosts(stations, stations, rides, np.zeros_like(rides), NET)
    origins = pd.Index([f"o{i:05d}" for i in range(300)])

    def long(places: pd.Index, name: str, n: int) -> pd.DataFrame:
        return pd.DataFrame(
            {
                name: np.repeat(places, n),
                "station_id": np.asarray(stations)[rng.integers(0, 120, len(places) * n)],
                "minutes": rng.uniform(1, 15, len(places) * n),
                "method": NET,
            }
        )

    facilities = pd.Index([f"f{i}" for i in range(100)])
    direct = pd.DataFrame(columns=["origin_id", "facility_id", "minutes", "method"])
    legs = Walks(long(origins, "origin_id", 6), long(facilities, "facility_id", 4), direct)
    table = journeys(origins, legs, costs, limit_min=30, origins_per_chunk=100)
    again = journeys(origins, legs, costs, limit_min=30, origins_per_chunk=300)
    pd.testing.assert_frame_equal(table, again)
    total = table["access_min"] + table["rail_min"] + table["egress_min"]
    np.testing.assert_allclose(table["minutes"], total)
    assert not table.duplicated(["origin_id", "facility_id"]).any()
    near = nearest_journeys(origins, legs, costs, limit_min=30).set_index("origin_id")
    least = table.groupby("origin_id")["minutes"].min()
    np.testing.assert_allclose(near.loc[least.index, "minutes"].astype(float), least)

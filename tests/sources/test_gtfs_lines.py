"""Lines of a timetable: their order, their branches, and the real one of Porto Alegre."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pandas as pd
import pytest

from pipeline.settings.rail import GtfsSettings
from pipeline.sources.gtfs import Feed, read_feed
from pipeline.sources.gtfs_lines import rail_lines

STOPS = """stop_id,stop_name,stop_lat,stop_lon,parent_station
a,NORTH END,31.0,121.0,
b1,Middle platform 1,31.01,121.0,b
b2,Middle platform 2,31.01,121.0,b
b,Middle,31.01,121.0,
c,South,31.02,121.0,
d,Airport,31.01,121.02,
e,Bus stop,31.01,121.03,
"""
ROUTES = """route_id,route_short_name,route_long_name,route_type,route_color
R,1,,1,00AA11
T,,Tram,900,
B,9,,3,
"""
TRIPS = "trip_id,route_id,service_id\nup,R,s\ndown,R,s\nspur,R,s\ntram,T,s\nbus,B,s\n"
CALENDAR = (
    "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
    "s,1,1,1,1,1,1,1,20260101,20261231\n"
)
CHAINS = {
    "up": ["a", "b1", "b2", "c"],
    "down": ["c", "b2", "a"],
    "spur": ["a", "b1", "d"],
    "tram": ["c", "d"],
    "bus": ["e", "a"],
}


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Feed:
    times = ["trip_id,arrival_time,departure_time,stop_id,stop_sequence"]
    for trip, stops in CHAINS.items():
        # sequence numbers of one and two digits: sorted as numbers, not as text
        times += [
            f"{trip},08:{i:02}:00,08:{i:02}:00,{stop},{i * 7}" for i, stop in enumerate(stops)
        ]
    path = tmp_path_factory.mktemp("gtfs") / "rail.zip"
    texts = {"stops": STOPS, "routes": ROUTES, "trips": TRIPS, "calendar": CALENDAR}
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**texts, "stop_times": "\n".join(times) + "\n"}.items():
            archive.writestr(f"{name}.txt", text)
    return read_feed(path, limits=GtfsSettings())


def _chains(table: pd.DataFrame) -> dict[tuple[str, str], list[str]]:
    ordered = table.sort_values(["line_id", "branch", "seq"])
    groups = ordered.groupby(["line_id", "branch"])["station_id"].agg(list)
    return {(str(line), str(branch)): ids for (line, branch), ids in groups.items()}


def test_main_line_and_branch_from_its_junction(feed: Feed) -> None:
    found = rail_lines(feed, route_types=[1])
    assert _chains(found.line_stations) == {
        ("R", "main"): ["a", "b", "c"],
        ("R", "branch_1"): ["b", "d"],
        ("T", "main"): ["c", "d"],  # an extended type of rail
    }
    assert found.line_stations["line_station_id"].is_unique
    assert found.first_day == "2026-01-01"


def test_names_and_colours(feed: Feed) -> None:
    found = rail_lines(feed, route_types=[1])
    lines = found.lines.set_index("line_id")
    assert lines["name_zh"].to_dict() == {"R": "1", "T": "Tram"}
    assert lines.loc["R", "colour_hex"] == "#00AA11"
    assert pd.isna(lines.loc["T", "colour_hex"])
    names = found.line_stations.set_index("station_id")["name_en"]
    assert (names["b"] == "Middle").all()  # the station's, not its platforms'
    assert names["a"] == "North End"


def test_a_feed_without_rail_has_no_line_and_no_station(feed: Feed) -> None:
    feed = Feed(**{**vars(feed), "routes": feed.routes[feed.routes["route_id"] == "B"]})
    found = rail_lines(feed, route_types=[1])
    assert found.lines.empty
    assert found.line_stations.empty
    assert found.first_day is not None


@pytest.mark.shared
def test_trensurb(shared: Path) -> None:
    """One line of 22 stations from the market to Novo Hamburgo, and the airport's people mover."""
    path = shared / "data/porto_alegre/poa_trensurb.zip"
    found = rail_lines(read_feed(path, limits=GtfsSettings()), route_types=[2])
    sizes = found.line_stations.groupby("line_id").size()
    assert sizes.to_dict() == {"LINHA1": 22, "LINHAAERO": 2}
    first = found.line_stations[found.line_stations["line_id"] == "LINHA1"]
    ends = {first["station_id"].iloc[0], first["station_id"].iloc[-1]}
    assert ends == {"MR", "NH"}
    assert set(found.line_stations["branch"]) == {"main"}

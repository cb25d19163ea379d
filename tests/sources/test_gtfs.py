"""Timetables: limits of the archive, service dates, headways by hand, real feeds."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.errors import FieldError, ParkgapError, SourceError
from pipeline.network.rail import RailGraph, rail_costs, rail_minutes
from pipeline.settings.rail import GtfsSettings, RailSettings
from pipeline.sources.gtfs import Feed, read_feed, seconds, service_range, services_on, trips_on
from pipeline.sources.gtfs_events import Window, stop_events
from pipeline.sources.gtfs_rail import build_gtfs_graph, gtfs_tables, stop_places

CRS = "EPSG:32651"
WEDNESDAY, SATURDAY, HOLIDAY = date(2024, 3, 6), date(2024, 3, 9), date(2024, 3, 13)
LIMITS = GtfsSettings()
STOPS = (
    "stop_id,stop_name,stop_lat,stop_lon\n"
    "A,Alpha,31.2,121.40\nB,Beta,31.2,121.41\nC,Gamma,31.2,121.43\n"
)
BASE = {
    "stops.txt": STOPS,
    "routes.txt": "route_id, route_type\nR,1\n",
    "calendar.txt": (
        "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
        "WD,1,1,1,1,1,0,0,20240101,20241231\nWE,0,0,0,0,0,1,1,20240101,20241231\n"
    ),
    "calendar_dates.txt": "service_id,date,exception_type\nWD,20240313,2\nWE,20240313,1\n",
}


def trips_text(starts: list[str], *, service: str = "WD") -> dict[str, str]:
    """Make trips A-B-C of 3 and 4 minutes with half a minute at B."""
    trips, times = ["trip_id,route_id,service_id,direction_id"], [TIMES_HEADER]
    for start in starts:
        hour, minute = (int(part) for part in start.split(":"))
        trips.append(f"T{start},R,{service},0")
        calls = [(0, 0, "A"), (3 * 60, 3 * 60 + 30, "B"), (7 * 60 + 30, 7 * 60 + 30, "C")]
        for order, (arrives, departs, stop) in enumerate(calls):
            clock = [clock_of(hour * 3600 + minute * 60 + s) for s in (arrives, departs)]
            times.append(f"T{start},{clock[0]},{clock[1]},{stop},{order}")
    return {"trips.txt": "\n".join(trips) + "\n", "stop_times.txt": "\n".join(times) + "\n"}


TIMES_HEADER = "trip_id,arrival_time,departure_time,stop_id,stop_sequence"


def clock_of(second: int) -> str:
    return f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"


def archive(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    path = folder / "feed.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, text in files.items():
            out.writestr(name, text)
    return path


def feed_of(folder: Path, *starts: str, **files: str) -> Feed:
    texts = BASE | trips_text(list(starts)) | {f"{name}.txt": text for name, text in files.items()}
    return read_feed(archive(folder, texts), limits=LIMITS)


def graph(feed: Feed, *, day: date = WEDNESDAY, **changes: object) -> RailGraph:
    gtfs = LIMITS.model_copy(update=changes)
    return build_gtfs_graph(
        feed, day=day, crs=CRS, route_types=None, gtfs=gtfs, rail=RailSettings()
    )


def minutes(rail: RailGraph, start: str, end: str) -> float:
    return float(rail_minutes(rail, [start], [end]).iloc[0, 0])


def test_half_headway_plus_timetable(tmp_path: Path) -> None:
    rail = graph(feed_of(tmp_path, "07:00", "07:10", "07:20", "08:30"))
    # Gaps of 10, 10 and 70 minutes: the median is 10.
    assert minutes(rail, "Alpha", "Beta") == pytest.approx(5 + 3)
    assert minutes(rail, "Alpha", "Gamma") == pytest.approx(5 + 7.5)
    assert minutes(rail, "Beta", "Gamma") == pytest.approx(5 + 4)
    assert np.isnan(minutes(rail, "Gamma", "Alpha"))
    assert rail.method == "measured_network"


def test_window_is_half_open(tmp_path: Path) -> None:
    assert Window(0, 60).holds(pd.Series([-0.1, 0, 59.9, 60])).tolist() == [
        False,
        True,
        True,
        False,
    ]
    feed = feed_of(tmp_path, "07:00", "07:10", "07:30", "09:00")
    # One departure in the window stands for a headway of its length; two for their gap.
    alone = graph(feed, window_start="07:05", window_end="07:30")
    assert minutes(alone, "Alpha", "Beta") == pytest.approx(25 / 2 + 3)
    wider = graph(feed, window_start="07:05", window_end="07:31")
    assert minutes(wider, "Alpha", "Beta") == pytest.approx(20 / 2 + 3)
    both = graph(feed, window_start="07:00", window_end="07:31")
    assert minutes(both, "Alpha", "Beta") == pytest.approx(15 / 2 + 3)


def test_service_dates_follow_calendar_and_exceptions(tmp_path: Path) -> None:
    feed = feed_of(tmp_path, "07:00", "08:00")
    assert services_on(feed, WEDNESDAY) == {"WD"}
    assert services_on(feed, SATURDAY) == {"WE"}
    assert services_on(feed, HOLIDAY) == {"WE"}
    assert services_on(feed, date(2025, 1, 1)) == set()
    assert service_range(feed) == (date(2024, 1, 1), date(2024, 12, 31))
    with pytest.raises(SourceError, match=r"2024-01-01 .* 2024-12-31"):
        graph(feed, day=HOLIDAY)


def test_feed_with_calendar_dates_alone(tmp_path: Path) -> None:
    texts = BASE | trips_text(["07:00", "07:10"])
    texts["calendar_dates.txt"] = "service_id,date,exception_type\nWD,20240306,1\n"
    del texts["calendar.txt"]
    feed = read_feed(archive(tmp_path, texts), limits=LIMITS)
    assert service_range(feed) == (WEDNESDAY, WEDNESDAY)
    assert minutes(graph(feed), "Alpha", "Beta") == pytest.approx(5 + 3)


def test_trips_past_midnight_run_into_the_next_date(tmp_path: Path) -> None:
    feed = feed_of(tmp_path, "24:30", "24:40", "25:10")
    tonight = graph(feed, window_start="24:00", window_end="26:00")
    assert minutes(tonight, "Alpha", "Beta") == pytest.approx((10 + 30) / 2 / 2 + 3)
    next_morning = {"window_start": "00:00", "window_end": "01:00"}
    thursday = graph(feed, day=date(2024, 3, 7), **next_morning)
    assert minutes(thursday, "Alpha", "Beta") == pytest.approx(5 + 3)
    with pytest.raises(SourceError):
        graph(feed, day=date(2024, 3, 4), **next_morning)


def test_frequencies_equal_the_trips_they_stand_for(tmp_path: Path) -> None:
    listed = graph(feed_of(tmp_path, "07:00", "07:12", "07:24", "07:36", "07:48"))
    rules = "trip_id,start_time,end_time,headway_secs\nT05:00,07:00:00,08:00:00,720\n"
    spread = graph(feed_of(tmp_path, "05:00", frequencies=rules))
    columns = ["platform_id", "headway_min", "dwell_min"]
    pd.testing.assert_frame_equal(listed.platforms[columns], spread.platforms[columns])
    assert minutes(spread, "Alpha", "Gamma") == pytest.approx(6 + 7.5)


def test_expanding_frequencies_is_limited(tmp_path: Path) -> None:
    rules = "trip_id,start_time,end_time,headway_secs\nT05:00,07:00:00,09:00:00,1\n"
    feed = feed_of(tmp_path, "05:00", frequencies=rules)
    with pytest.raises(SourceError, match="max_events"):
        graph(feed, max_events=1000)
    broken = feed_of(tmp_path, "05:00", frequencies=rules.replace(",1\n", ",0\n"))
    with pytest.raises(FieldError, match="headway_secs"):
        graph(broken)


def test_untimed_calls_share_time_by_distance(tmp_path: Path) -> None:
    times = f"{TIMES_HEADER}\nT,07:00:00,07:00:00,A,1\nT,,,B,2\nT,07:09:00,07:09:00,C,3\n"
    trips = "trip_id,route_id,service_id\nT,R,WD\n"
    rail = graph(feed_of(tmp_path, trips=trips, stop_times=times))
    # Beta lies a third of the way; one departure stands for a headway of the whole window.
    assert minutes(rail, "Alpha", "Beta") == pytest.approx(60 + 3, abs=0.01)
    assert minutes(rail, "Alpha", "Gamma") == pytest.approx(60 + 9, abs=1e-9)


def test_direction_is_derived_from_the_order_of_calls(tmp_path: Path) -> None:
    rows = [TIMES_HEADER]
    for trip, stops in (("F1", "ABC"), ("F2", "ABC"), ("G", "CBA")):
        for order, stop in enumerate(stops):
            clock = f"07:{int(trip[-1], 36) % 20 + order * 5:02d}:00"
            rows.append(f"{trip},{clock},{clock},{stop},{order}")
    trips = "trip_id,route_id,service_id\nF1,R,WD\nF2,R,WD\nG,R,WD\n"
    rail = graph(feed_of(tmp_path, trips=trips, stop_times="\n".join(rows) + "\n"))
    assert set(rail.platforms["direction"]) == {"0", "1"}
    assert minutes(rail, "Alpha", "Beta") == pytest.approx(0.5 + 5)
    assert minutes(rail, "Gamma", "Beta") == pytest.approx(60 + 5)


def test_rarer_branch_waits_for_its_own_trips(tmp_path: Path) -> None:
    rows = [TIMES_HEADER]
    trips = ["trip_id,route_id,service_id,direction_id"]
    for number in range(6):
        trips.append(f"T{number},R,WD,0")
        for order, stop in enumerate("ABC" if number % 3 == 0 else "AB"):
            clock = f"07:{number * 8 + order * 3:02d}:00"
            rows.append(f"T{number},{clock},{clock},{stop},{order}")
    files = {"trips": "\n".join(trips) + "\n", "stop_times": "\n".join(rows) + "\n"}
    rail = graph(feed_of(tmp_path, **files))
    assert minutes(rail, "Alpha", "Beta") == pytest.approx(4 + 3)
    assert minutes(rail, "Alpha", "Gamma") == pytest.approx(12 + 6)
    # Trips at Beta that go on leave every 24 minutes; those are the only ones to wait for there.
    assert minutes(rail, "Beta", "Gamma") == pytest.approx(12 + 3)


def test_stop_takes_the_name_of_its_station(tmp_path: Path) -> None:
    stops = (
        "stop_id,stop_name,stop_lat,stop_lon,parent_station\nP,Central,31.2,121.4,\n"
        "A,Platform 1,31.2,121.4,P\nB,,31.2,121.41,\nC,Gamma,31.2,121.43,\n"
    )
    feed = feed_of(tmp_path, "07:00", stops=stops)
    assert stop_places(feed, crs=CRS)["station"].tolist() == ["Central", "Central", "B", "Gamma"]


def test_times_backwards_leave_the_trip_out(tmp_path: Path) -> None:
    feed = feed_of(tmp_path, "07:00", "07:10", "07:40")
    times = feed.stop_times.copy()
    times.loc[4, ["arrival_time", "departure_time"]] = "06:00:00"
    odd = Feed(**{**vars(feed), "stop_times": times})
    assert minutes(graph(odd), "Alpha", "Beta") == pytest.approx(40 / 2 + 3)


def test_seconds() -> None:
    times = pd.Series(["7:00:01", "25:10:00", ""])
    assert seconds(times).tolist()[:2] == [25201, 90600]
    assert seconds(times).isna().tolist() == [False, False, True]
    with pytest.raises(FieldError, match="7h"):
        seconds(pd.Series(["7h"]))


GOOD = BASE | trips_text(["07:00", "07:10"])


@pytest.mark.parametrize(
    ("files", "limits", "match"),
    [
        (GOOD | {"../evil.txt": "x"}, {}, "evil"),
        (GOOD | {"/etc/stops.txt": "x"}, {}, "/etc"),
        (GOOD | {"a\\..\\..\\b.txt": "x"}, {}, "path traversal"),
        (GOOD | {f"{i}.bin": "" for i in range(6)}, {"max_files": 9}, "max_files"),
        (GOOD | {"shapes.txt": "0" * 3_000_000}, {"max_unpacked_mb": 2}, "max_unpacked_mb"),
        (GOOD, {"max_zip_mb": 0.0005}, "max_zip_mb"),
        (GOOD | {"more/stops.txt": STOPS}, {}, "more than once"),
        ({k: v for k, v in GOOD.items() if k != "trips.txt"}, {}, "trips.txt"),
        ({k: v for k, v in GOOD.items() if "calendar" not in k}, {}, "calendar"),
        (GOOD | {"stops.txt": STOPS.encode("utf-16")}, {}, "stops.txt"),
        (GOOD | {"stops.txt": ""}, {}, "stops.txt"),
        (GOOD | {"stops.txt": STOPS.replace("stop_lat", "lat")}, {}, "stop_lat"),
        (GOOD | {"stops.txt": STOPS.replace("B,Beta", "Z,Beta")}, {}, "stop_id"),
        (GOOD | {"stops.txt": STOPS.replace("B,Beta", "A,Beta")}, {}, "repeats"),
    ],
)
def test_bad_archives_are_refused(
    tmp_path: Path, files: dict[str, str], limits: dict[str, float], match: str
) -> None:
    with pytest.raises(ParkgapError, match=match):
        read_feed(archive(tmp_path, files), limits=LIMITS.model_copy(update=limits))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["feed.zip"]


def test_size_in_the_directory_is_not_believed(tmp_path: Path) -> None:
    path = archive(tmp_path, GOOD | {"stops.txt": STOPS + " " * 3_000_000})
    content = bytearray(path.read_bytes())
    claim = (len(STOPS) + 3_000_000).to_bytes(4, "little")
    path.write_bytes(bytes(content).replace(claim, (10).to_bytes(4, "little")))
    with pytest.raises(ParkgapError):
        read_feed(path, limits=LIMITS.model_copy(update={"max_unpacked_mb": 1}))


def test_no_archive_and_damaged_archive(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="none"):
        read_feed(tmp_path / "none.zip", limits=LIMITS)
    path = archive(tmp_path, GOOD)
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(SourceError, match="feed"):
        read_feed(path, limits=LIMITS)


def test_feed_in_a_folder_and_byte_order_mark(tmp_path: Path) -> None:
    files = {f"feed/{name}": "\ufeff" + text for name, text in GOOD.items()}
    feed = read_feed(archive(tmp_path, files), limits=LIMITS)
    assert minutes(graph(feed), "Alpha", "Beta") == pytest.approx(5 + 3)


def test_stop_without_coordinates(tmp_path: Path) -> None:
    feed = feed_of(tmp_path, "07:00", stops=STOPS.replace("121.41", ""))
    with pytest.raises(FieldError, match="B"):
        graph(feed)


RAIL = "porto_alegre/poa_trensurb.zip"
BUS = "porto_alegre/poa_eptc.zip"
ISLAND = "las_palmas/gtfs_es_las_palmas_de_gran_canaria_guaguas_20230222.zip"
NOON = GtfsSettings(window_start="13:00", window_end="15:00")


@pytest.mark.shared
def test_porto_alegre_rail(shared: Path) -> None:
    feed = read_feed(shared / "data" / RAIL, limits=LIMITS)
    day = date(2019, 5, 8)
    rail = build_gtfs_graph(
        feed, day=day, crs="EPSG:31982", route_types=[2], gtfs=LIMITS, rail=RailSettings()
    )
    assert len(rail.stations) == 24
    got = rail_minutes(rail, ["ESTACAO MERCADO"], ["ESTACAO NOVO HAMBURGO"]).iloc[0, 0]
    # Every second train turns back on the way: those to the end run every 8 to 10 minutes.
    times = feed.stop_times[
        feed.stop_times["trip_id"].isin(trips_on(feed, day, route_types=[2])["trip_id"])
    ]
    first = seconds(times.loc[times["stop_id"] == "MR"].set_index("trip_id")["departure_time"])
    last = seconds(times.loc[times["stop_id"] == "NH"].set_index("trip_id")["arrival_time"])
    ride = ((last - first) / 60).loc[lambda m: m > 0].median()
    assert got == pytest.approx(ride + 4.5, abs=1)
    assert np.isfinite(rail_costs(rail).minutes).all()
    # The people mover to the terminal is reached on foot from the airport station.
    airport = rail_costs(
        rail, from_stations=["ESTACAO MERCADO"], to_stations=["ESTACAO AERO SALGADO FILHO"]
    )
    assert airport.transfers.tolist() == [[1.0]]


@pytest.mark.shared
def test_derived_directions_equal_the_shapes(shared: Path) -> None:
    feed = read_feed(shared / "data" / RAIL, limits=LIMITS)
    places = stop_places(feed, crs="EPSG:31982")
    events = stop_events(
        feed,
        places,
        day=date(2019, 5, 8),
        window=Window.of(LIMITS),
        route_types=[2],
        settings=LIMITS,
    )
    shapes = feed.trips.set_index("trip_id")["shape_id"]
    drawn = events[events["line"] == "LINHA1"]
    pairs = set(zip(drawn["direction"], drawn["trip_id"].map(shapes), strict=True))
    assert len(pairs) == 2
    lift = events[events["line"] == "LINHAAERO"]
    assert lift.groupby("run").head(1).groupby("direction")["stop_id"].nunique().tolist() == [1, 1]


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "day", "crs", "stations"),
    [(BUS, date(2019, 5, 8), "EPSG:31982", 2153), (ISLAND, date(2023, 3, 8), "EPSG:32628", 723)],
)
def test_real_bus_feeds(shared: Path, name: str, day: date, crs: str, stations: int) -> None:
    feed = read_feed(shared / "data" / name, limits=LIMITS)
    tables = gtfs_tables(feed, day=day, crs=crs, route_types=[3], settings=NOON)
    assert tables.platforms["headway_min"].between(0.5, 120).all()
    assert tables.rides["ride_min"].ge(0).all()
    rail = build_gtfs_graph(feed, day=day, crs=crs, route_types=[3], gtfs=NOON, rail=RailSettings())
    assert len(rail.stations) == stations
    some = rail.stations["station_id"].tolist()[::200]
    costs = rail_costs(rail, from_stations=some)
    assert np.isfinite(costs.minutes).mean() > 0.8


@pytest.mark.shared
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    ("name", "day"),
    [
        (RAIL, date(2019, 5, 11)),
        (BUS, date(2019, 5, 8)),
        (BUS, date(2019, 6, 20)),
        (ISLAND, date(2023, 3, 8)),
        (ISLAND, date(2022, 12, 25)),
    ],
)
def test_trips_of_a_date_agree_with_gtfs_kit(shared: Path, name: str, day: date) -> None:
    gtfs_kit = pytest.importorskip("gtfs_kit")
    path = shared / "data" / name
    theirs = gtfs_kit.read_feed(path, dist_units="km").get_trips(date=f"{day:%Y%m%d}")
    feed = read_feed(path, limits=LIMITS)
    ours = feed.trips[feed.trips["service_id"].isin(services_on(feed, day))]
    assert set(ours["trip_id"]) == set(theirs["trip_id"])

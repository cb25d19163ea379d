"""Line-stations counted by hand and for Shanghai; the network of the past as far as it is known."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from pipeline.errors import FieldError
from pipeline.network.rail_census import StationCount, count_line_stations, network_on, read_history
from pipeline.network.rail_lines import checked_line_stations
from pipeline.settings.rail import MissingStations, SharedTrack
from tests.first_study import SHANGHAI

DEFAULT = SHANGHAI.rail


def rows(*routes: tuple[str, str, str]) -> pd.DataFrame:
    """Make line-stations of (line, branch, names), one kilometre apart by letter."""
    stops = [
        (line, branch, seq, name, (ord(name) - 64) * 1000.0, 0.0)
        for line, branch, names in routes
        for seq, name in enumerate(names)
    ]
    return pd.DataFrame(stops, columns=["line", "branch", "seq", "station", "x", "y"])


def count(table: pd.DataFrame, official: int | None = None) -> StationCount:
    return count_line_stations(
        table,
        shared_rule=[SharedTrack(lines=("3", "4"), first="B", last="D")],
        not_in_official=["T"],
        official_only=[MissingStations(line="M", stations=("Z",), reason_zh="无", reason_en="no")],
        official=official,
        settings=DEFAULT,
    )


def test_every_step_is_in_the_ledger() -> None:
    table = rows(
        ("3", "main", "ABCDE"),
        ("4", "main", "BCDFB"),
        ("5", "main", "GHI"),
        ("5", "branch", "HJ"),
        ("T", "main", "AK"),
    )
    got = count(table, official=13)
    assert got.rows == 17
    # 3: ABCDE, 4: BCDF, 5: GHI J, T: AK.
    assert got.line_stations == 5 + 4 + 4 + 2
    assert got.by_line.to_dict() == {"3": 5, "4": 4, "5": 4, "T": 2}
    assert got.stations == 11
    assert got.interchanges == 4
    ledger = got.ledger.groupby("step")["station"].agg("".join).to_dict()
    assert ledger == {"ring": "B", "junction": "H", "shared": "BCD", "scope": "AK", "missing": "Z"}
    assert got.comparable == 15 - 3 - 2 + 1
    assert got.unexplained == -2
    assert got.ledger.notna().all(axis=None)


def test_without_official_figure_nothing_is_explained() -> None:
    got = count(rows(("1", "main", "ABC"), ("2", "main", "XBY")))
    assert (got.line_stations, got.stations, got.interchanges) == (6, 5, 1)
    assert got.unexplained is None


def test_one_name_far_apart_is_two_stations() -> None:
    table = rows(("1", "main", "ABC"), ("2", "main", "XBY"))
    table.loc[4, "y"] = 601.0
    got = count(table)
    assert (got.stations, got.interchanges) == (6, 0)


@pytest.mark.shared
def test_shanghai_count(shared: Path) -> None:
    table = pd.read_csv(shared / "facts" / "metro_line_stations.csv", dtype={"line": str})
    got = count_line_stations(
        checked_line_stations(table, crs="EPSG:32651"),
        shared_rule=DEFAULT.shared_tracks,
        not_in_official=DEFAULT.not_in_official,
        official_only=DEFAULT.official_only,
        official=DEFAULT.official_line_stations,
        settings=DEFAULT,
    )
    assert got.rows == 541
    assert got.line_stations == 537
    assert got.stations == 421
    assert (got.ledger["step"] == "shared").sum() == 9
    shared_names = set(got.ledger.loc[got.ledger["step"] == "shared", "station"])
    assert {"虹桥路", "宝山路", "中山公园"} <= shared_names
    assert "宜山路" not in shared_names
    assert got.by_line[["3", "4", "18", "浦江线"]].tolist() == [29, 26, 31, 6]
    # One more than the official 523 stays without a name.
    assert (got.comparable, got.unexplained) == (524, 1)


HISTORY = pd.DataFrame(
    [
        ("2014-12-31", "16", "339", "548.69", "metro", "s", "verified"),
        ("2018-end", "16", "413", "676", "metro", "s", "verified"),
        ("2021-12-30", "20 (19+…)", "506-508", "~831", "with maglev", "s", "verified"),
        ("2026-03 (this data set)", "21", "523 line-stations", None, "", "s", "computed"),
        ("2027 (expected)", "+21 phase I", None, None, "", "s", "verified"),
    ],
    columns=["date", "lines", "stations", "length_km", "scope", "source", "confidence"],
)


def test_history_reads_ranges_and_keeps_gaps() -> None:
    table = read_history(HISTORY)
    assert table["as_of"].tolist() == [
        date(2014, 12, 31),
        date(2018, 12, 31),
        date(2021, 12, 30),
        date(2026, 3, 31),
        date(2027, 12, 31),
    ]
    assert table["kind"].tolist() == ["reported"] * 3 + ["own_count", "expected"]
    assert table.loc[2, ["stations_low", "stations_high"]].tolist() == [506, 508]
    assert table.loc[2, "length_km_low"] == 831
    assert pd.isna(table.loc[4, "lines_low"])
    assert table["length_km_low"].isna().tolist() == [False, False, False, True, True]


def test_date_that_cannot_be_read() -> None:
    with pytest.raises(FieldError, match="someday"):
        read_history(HISTORY.assign(date="someday"))
    with pytest.raises(FieldError, match="scope"):
        read_history(HISTORY.drop(columns="scope"))


def test_network_on_a_date_neither_interpolates_nor_invents() -> None:
    table = rows(("1", "main", "ABC"))
    early = network_on(date(2010, 1, 1), history=HISTORY, line_stations=table)
    assert (early.status, early.figures, early.days_old) == ("no_data", None, None)
    got = network_on(date(2019, 1, 1), history=HISTORY, line_stations=table)
    assert got.figures is not None
    assert (got.figures["stations"], got.days_old) == ("413", 1)
    assert (got.station_status, got.open_stations, got.without_date) == ("not_measurable", None, 3)
    late = network_on(date(2028, 1, 1), history=HISTORY, line_stations=table)
    assert late.figures is not None
    assert late.figures["date"] == "2021-12-30"


def test_opening_dates_are_used_where_every_station_has_one() -> None:
    table = rows(("1", "main", "ABC")).assign(opened=["2001-01-01", "2015-06-01", "2020-01-01"])
    got = network_on(date(2015, 6, 1), history=HISTORY, line_stations=table)
    assert got.station_status == "ok"
    assert got.open_stations is not None
    assert got.open_stations["station"].tolist() == ["A", "B"]
    table.loc[2, "opened"] = None
    part = network_on(date(2015, 6, 1), history=HISTORY, line_stations=table)
    assert (part.station_status, part.without_date) == ("not_measurable", 1)

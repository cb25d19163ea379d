"""Line-stations counted by hand and for Shanghai; the network of the past as far as it is known."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from pipeline.network.rail_census import StationCount, count_line_stations, openings_on
from pipeline.network.rail_lines import checked_line_stations
from pipeline.settings.rail import MissingStations, SharedTrack
from pipeline.sources.reference import read_reference
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


def test_a_state_between_two_known_days_is_unknown_and_none_is_invented() -> None:
    table = rows(("1", "main", "ABCD")).assign(
        opened=["2015-06-01", None, None, None],
        opened_by=[None, "2024-11-30", "2023-05-28", None],
        opened_after=[None, "2023-05-28", None, None],
    )

    def states(day: date) -> str:
        return "".join(state[0] for state in openings_on(table, day))

    assert states(date(2015, 5, 31)) == "cc" + "uu"
    assert states(date(2015, 6, 1)) == "ocuu"  # it is open on the day it opens
    assert states(date(2023, 5, 28)) == "ocou"
    assert states(date(2023, 5, 29)) == "ouou"
    assert states(date(2024, 11, 30)) == "ooou"
    assert openings_on(rows(("1", "main", "AB")), date(2020, 1, 1)).eq("unknown").all()


@pytest.mark.parametrize(
    ("day", "official"),
    [("2023-05-28", 508), ("2024-11-30", 510), ("2024-12-27", 517), ("2025-11-01", 518),
     ("2025-12-27", 523)],
)  # fmt: skip
def test_openings_of_shanghai_agree_with_every_official_count(day: str, official: int) -> None:
    history = read_reference("metro_history").set_index("date")["line_stations"]
    assert int(history.loc[day]) == official
    table = read_reference("line_stations")
    state = openings_on(table, date.fromisoformat(day))
    assert not state.eq("unknown").any()
    kept = table[state.eq("open") & table["count_role"].eq("counted")]
    # The three stations in Kunshan are no part of the table; they opened in 2013.
    assert len(kept) + 3 == official

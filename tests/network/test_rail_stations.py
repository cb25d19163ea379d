"""Station status by rule, merging, entrances and lists compared: by hand and on real layers."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import Point, Polygon

from pipeline.errors import CrsError, FieldError
from pipeline.network.rail_stations import assign_entrances, compare_station_lists, merge_stations
from pipeline.network.rail_status import classify_stations
from pipeline.network.station_groups import plain_name, station_keys
from pipeline.settings.rail import StationSettings

CRS = "EPSG:32651"
RULES = StationSettings()
METRO = {"railway": "station", "station": "subway", "subway": "yes"}
TRAIN = {"railway": "station", "train": "yes"}


@pytest.mark.parametrize(
    ("tags", "status", "name"),
    [
        (METRO | {"name": "人民广场"}, "operating", "人民广场"),
        (TRAIN | {"name": "上海虹桥"}, "operating", "上海虹桥"),
        ({"railway": "station", "station": "light_rail"}, "operating", None),
        ({"railway": "halt", "train": "yes", "name": "X"}, "operating", "X"),
        (METRO | {"name": "海伦路（在建）"}, "under_construction", "海伦路"),
        (METRO | {"name": "虹湾路站(在建）"}, "under_construction", "虹湾路"),
        (METRO | {"name": "某路（未开通）"}, "under_construction", "某路"),
        (METRO | {"name": "某路（规划）"}, "planned", "某路"),
        (METRO | {"name": "东站（北）"}, "operating", "东站(北)"),
        (METRO | {"construction": "station"}, "under_construction", None),
        (METRO | {"construction": "no"}, "operating", None),
        (METRO | {"landuse": "construction"}, "under_construction", None),
        ({"railway": "construction", "construction": "station"}, "under_construction", None),
        ({"construction:railway": "station", "subway": "yes"}, "under_construction", None),
        ({"railway": "planned", "station": "subway"}, "planned", None),
        ({"railway": "proposed", "station": "subway"}, "planned", None),
        ({"proposed:railway": "station", "station": "subway"}, "planned", None),
        (METRO | {"planned": "station", "construction": "stop"}, "under_construction", None),
        (TRAIN | {"abandoned:railway": "station"}, "not_passenger_rail", None),
        (TRAIN | {"disused": "yes"}, "not_passenger_rail", None),
        (TRAIN | {"name": "浦西调车场"}, "not_passenger_rail", "浦西调车场"),
        (TRAIN | {"public_transport": "no"}, "not_passenger_rail", None),
        (METRO | {"name": "S1"}, "not_passenger_rail", "S1"),
        ({"railway": "station", "name": "北郊"}, "not_passenger_rail", "北郊"),
        ({"name": "bus stop"}, "not_passenger_rail", "bus stop"),
        ({}, "not_passenger_rail", None),
    ],
)
def test_status_by_rule(tags: dict[str, str], status: str, name: str | None) -> None:
    for form in (tags, json.dumps(tags, ensure_ascii=False)):
        table = classify_stations(pd.DataFrame({"tags": [form]}, index=["w1"]), settings=RULES)
        assert table.loc["w1", "status"] == status
        assert table.loc["w1", "rule"]
        assert (table.loc["w1", "name"] if name else None) == name
        assert table["name"].isna().item() == (name is None)


def test_tags_that_are_no_mapping_are_refused() -> None:
    for value in ("[1]", "no json", 3.5):
        with pytest.raises(FieldError, match="tags"):
            classify_stations(pd.DataFrame({"tags": [value]}), settings=RULES)


def layer(*rows: tuple[str | None, dict[str, str], float]) -> gpd.GeoDataFrame:
    """Lay features out along a line: (name, tags, metres)."""
    tags = [extra | ({"name": name} if name else {}) for name, extra, _ in rows]
    points = [Point(350_000 + x, 3_450_000) for _, _, x in rows]
    return gpd.GeoDataFrame({"tags": tags}, geometry=points, crs=CRS)


def merged(*rows: tuple[str | None, dict[str, str], float]) -> gpd.GeoDataFrame:
    features = layer(*rows)
    return merge_stations(features, classify_stations(features, settings=RULES), settings=RULES)


BUILDING = METRO | {"construction": "station"}


def test_points_of_one_station_merge_and_distant_ones_stay_apart() -> None:
    found = merged(("A", METRO, 0), ("A", METRO, 500), ("A", METRO, 1000), ("A", METRO, 1700))
    assert found["members"].tolist() == [(3,), (0, 1, 2)]
    assert found["extent_m"].tolist() == [0, 500]
    assert found.geometry.x.tolist() == [351_700, 350_500]


def test_operating_part_wins_and_the_rest_is_pending() -> None:
    found = merged(("A", METRO, 0), ("A（在建）", METRO, 200), ("B", BUILDING, 3000))
    assert found["name"].tolist() == ["A", "B"]
    assert found["status"].tolist() == ["operating", "under_construction"]
    assert found["pending"].tolist() == [("under_construction",), ()]
    assert found.geometry.x.iloc[0] == 350_000


def test_yard_beside_a_station_does_not_hide_it() -> None:
    found = merged(("A", {"railway": "station"}, 0), ("A", METRO, 100))
    assert found[["status", "pending", "system"]].to_numpy().tolist() == [
        ["operating", (), "metro"]
    ]


def test_unnamed_feature_joins_only_what_is_near() -> None:
    found = merged(("A", METRO, 0), (None, METRO, 200), (None, METRO, 500), (None, METRO, 600))
    assert found["members"].tolist() == [(0, 1), (2,), (3,)]
    assert found["name"].isna().tolist() == [False, True, True]


def test_areas_count_by_their_inside() -> None:
    ring = Polygon([(350_000, 3_450_000), (350_200, 3_450_000), (350_200, 3_450_050)])
    features = layer(("A", METRO, 0), ("A", METRO, 100))
    features.loc[1, "geometry"] = ring
    decisions = classify_stations(features, settings=RULES)
    assert len(merge_stations(features, decisions, settings=RULES)) == 1


def test_degrees_are_refused() -> None:
    features = layer(("A", METRO, 0)).to_crs(4326)
    decisions = classify_stations(features, settings=RULES)
    with pytest.raises(CrsError, match="4326"):
        merge_stations(features, decisions, settings=RULES)


def test_final_station_word_is_dropped_only_beside_the_bare_name() -> None:
    assert station_keys(["嘉松中路站", "嘉松中路"]) == ["嘉松中路", "嘉松中路"]
    assert station_keys(["虹桥火车站", "上海西站"]) == ["虹桥火车站", "上海西站"]
    assert station_keys(["宝山站"], ["宝山"]) == ["宝山"]
    assert plain_name("蟠祥路・国家会计学院") == plain_name("蟠祥路·国家会计学院 ")


def entrances(*rows: tuple[str | None, float]) -> gpd.GeoDataFrame:
    points = [Point(350_000 + x, 3_450_000) for _, x in rows]
    return gpd.GeoDataFrame({"name": [name for name, _ in rows]}, geometry=points, crs=CRS)


def test_entrances_go_by_name_then_by_distance() -> None:
    places = [Point(350_000 + x, 3_450_000) for x in (0, 400, 2000)]
    stations = gpd.GeoDataFrame(
        {"station_id": ["a", "b", "c"], "name": ["甲路", "乙路", None]}, geometry=places, crs=CRS
    )
    ways = entrances(("乙路站3号口", 150), (None, 150), (None, 190), (None, 1000), (None, 2400))
    found = assign_entrances(ways, stations, settings=RULES)
    assert found["station_id"].fillna("-").tolist() == ["b", "a", "a", "-", "c"]
    assert found["rule"].dropna().tolist() == ["name", "nearest", "nearest", "nearest"]
    assert found["doubtful"].dropna().tolist() == [False, False, True, False]
    assert found["status"].tolist() == ["ok", "ok", "ok", "beyond_limit", "ok"]
    assert found["distance_m"].dropna().tolist() == [250, 150, 190, 400]


def test_lists_are_compared_by_name_and_place() -> None:
    def listed(**places: float) -> pd.DataFrame:
        return pd.DataFrame({"name": list(places), "x": list(places.values()), "y": 0.0})

    table = compare_station_lists(
        listed(A=0, B=1000, C=5000, D=9000, Old=20_000),
        listed(A=600, B=1601, E=9900, New=20_100, C=5000),
        max_m=600,
    )
    kinds = table.groupby("kind")[["name_ours", "name_theirs"]].agg(lambda s: "".join(s.dropna()))
    assert kinds.to_dict("index") == {
        "agree": {"name_ours": "AC", "name_theirs": "AC"},
        "only_ours": {"name_ours": "D", "name_theirs": ""},
        "only_theirs": {"name_ours": "", "name_theirs": "E"},
        "other_name_near": {"name_ours": "Old", "name_theirs": "New"},
        "same_name_apart": {"name_ours": "B", "name_theirs": "B"},
    }


@pytest.fixture(scope="module")
def shanghai(shared: Path) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    layer = gpd.read_file(shared / "data" / "shanghai" / "layers" / "rail_station.gpkg")
    features = layer.to_crs(CRS)
    decisions = classify_stations(features, settings=RULES)
    table = pd.read_csv(shared / "facts" / "metro_line_stations.csv")
    points = gpd.GeoSeries(gpd.points_from_xy(table["lon"], table["lat"]), crs=4326).to_crs(CRS)
    table = table.assign(x=points.x, y=points.y).groupby("station")[["x", "y"]].mean()
    known = table.rename_axis("name").reset_index()
    return merge_stations(features, decisions, settings=RULES), known


@pytest.mark.shared
def test_shanghai_stations_against_the_line_table(
    shanghai: tuple[gpd.GeoDataFrame, pd.DataFrame],
) -> None:
    stations, known = shanghai
    metro = stations[(stations["status"] == "operating") & (stations["system"] == "metro")]
    ours = metro[["name"]].assign(x=metro.geometry.x, y=metro.geometry.y)
    table = compare_station_lists(ours, known, max_m=600)
    names = table.groupby("kind")
    assert names.size().to_dict() == {"agree": 414, "only_ours": 20, "only_theirs": 7}
    # The Jinshan railway is tagged as trains or not at all.
    assert set(names.get_group("only_theirs")["name_theirs"]) == {
        "亭林",
        "叶榭",
        "新桥",
        "春申",
        "车墩",
        "金山卫",
        "金山园区",
    }
    # Tags alone call stations of unopened lines operating: 江杨南路 did not open with line 18.
    assert "江杨南路" in set(names.get_group("only_ours")["name_ours"])


@pytest.mark.shared
def test_shanghai_pairs_stay_apart(shanghai: tuple[gpd.GeoDataFrame, pd.DataFrame]) -> None:
    stations, _ = shanghai
    for name in ("七宝", "南翔", "封浜", "惠南"):
        pair = stations[stations["name"] == name]
        assert len(pair) == 2
        assert pair.geometry.iloc[0].distance(pair.geometry.iloc[1]) > RULES.merge_max_m
    works = stations[stations["status"] == "under_construction"]
    assert {"虹建路", "景联路", "墨江路"} <= set(works["name"])
    assert not {"海伦路", "东川路"} & set(works["name"])


@pytest.mark.shared
def test_shanghai_entrances(shared: Path, shanghai: tuple[gpd.GeoDataFrame, pd.DataFrame]) -> None:
    _, known = shanghai
    layer = gpd.read_file(shared / "data" / "shanghai" / "layers" / "subway_entrance.gpkg")
    places = gpd.points_from_xy(known["x"], known["y"])
    stations = gpd.GeoDataFrame(known.assign(station_id=known["name"]), geometry=places, crs=CRS)
    found = assign_entrances(layer.to_crs(CRS), stations, settings=RULES)
    assert (found["status"] == "ok").all()
    assert found["station_id"].nunique() < 40
    assert np.nanmax(found["distance_m"].astype(float)) < 200

"""Stated limits are read from their wording and close to the polygon they describe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import shapely

from pipeline.errors import SourceError, StudyError
from pipeline.sources.digitise import (
    Traced,
    read_named_lines,
    require_four,
    same_name,
    stated_limits,
    trace,
)
from tests.built import parkgap
from tests.network.osm_writing import CORNER, UTM, Drawing

NAMES = {"north": "龙东大道", "east": "金科路", "south": "祖冲之路", "west": "科苑路"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "龙东大道以南、金科路以西、祖冲之路以北、科苑路以东, 占地约1.5 km²",
            NAMES,
        ),
        (
            "北起大叶公路、南至浦南运河、西起沪金高速公路(S4)、东至金汇港, 18.49 km²",
            {"north": "大叶公路", "south": "浦南运河", "west": "沪金高速公路", "east": "金汇港"},
        ),
        (
            "一期: 东起联友路，西至金光路，南起北青公路，北至罗家港, 约42 ha",
            {"east": "联友路", "west": "金光路", "south": "北青公路", "north": "罗家港"},
        ),
        (
            "北至龙东大道、东至外环-沪芦高速、南至下盐公路、西至罗山路-沪奉高速, 约94 km²",
            {
                "north": "龙东大道",
                "east": "外环-沪芦高速",
                "south": "下盐公路",
                "west": "罗山路-沪奉高速",
            },
        ),
        ("南部锦邑工业园、中部罗店工业园", {}),
    ],
)
def test_wordings_of_four_limits(text: str, expected: dict[str, str]) -> None:
    assert stated_limits(text) == expected


@pytest.mark.parametrize(
    ("stated", "tagged", "same"),
    [
        ("沪金高速公路", "沪金高速", True),
        ("金科路", "金科路", True),
        ("金科路", "金科东路", False),
        ("外环", "外环高速", True),
        ("外环", "外环路", False),
        ("外环-沪芦高速", "沪芦高速", True),
        ("外环-沪芦高速", "沪金高速", False),
        ("大叶公路", "大叶公路桥", False),
    ],
)
def test_names_are_one_road_or_not(stated: str, tagged: str, *, same: bool) -> None:
    assert same_name(stated, tagged) is same


def drawn_city(path: Path, *, gap_m: float = 0.0, without: str | None = None) -> Path:
    """Four roads around 950 x 1550 m that run on beyond the corners; `gap_m` cuts one short."""
    drawing, node = Drawing(), iter(range(1, 1000))
    west, east, south, north = 1000.0, 1950.0, 1000.0, 2550.0
    roads = {
        "龙东大道": [(west - 300, north), (east + 300, north)],
        "祖冲之路": [(west - 300, south), (east - gap_m if gap_m else east + 300, south)],
        "科苑路": [(west, south - 300), (west, north + 300)],
        "金科路": [(east, south - 300), (east, north + 300)],
    }
    for number, (name, ends) in enumerate(roads.items(), start=1):
        if name != without:
            ids = [drawing.node(next(node), x, y) for x, y in ends]
            drawing.way(number, ids, {"highway": "secondary", "name": name})
    return drawing.write(path)


def traced(path: Path, documented_km2: float | None = 1.5) -> object:
    return trace(
        read_named_lines(path, NAMES, crs=UTM.to_string()),
        NAMES,
        point=(CORNER[0] + 1400, CORNER[1] + 1700),
        documented_km2=documented_km2,
        reach_m=5000.0,
        corner_m=100.0,
        tolerance_share=0.05,
    )


def test_the_four_roads_enclose_their_rectangle(tmp_path: Path) -> None:
    found = traced(drawn_city(tmp_path / "a.osm.pbf"))
    assert found.area_km2 == pytest.approx(0.95 * 1.55, rel=1e-4)
    assert found.accepted  # 1.4725 against 1.5: 1.8 %
    corner = shapely.Point(CORNER[0] + 1001, CORNER[1] + 1001)
    assert found.polygon.contains(corner)


def test_a_corner_that_does_not_quite_meet_is_closed(tmp_path: Path) -> None:
    found = traced(drawn_city(tmp_path / "a.osm.pbf", gap_m=60.0))
    assert found.area_km2 == pytest.approx(0.95 * 1.55, rel=1e-4)
    with pytest.raises(SourceError, match="enclose no area"):
        traced(drawn_city(tmp_path / "b.osm.pbf", gap_m=160.0))


def test_another_area_is_not_accepted_and_none_is_no_check(tmp_path: Path) -> None:
    path = drawn_city(tmp_path / "a.osm.pbf")
    assert not traced(path, 1.6).accepted
    assert not traced(path, None).accepted


def test_a_limit_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="祖冲之路"):
        traced(drawn_city(tmp_path / "a.osm.pbf", without="祖冲之路"))
    with pytest.raises(StudyError, match="east"):
        require_four({"north": "a", "south": "b", "west": "c"}, place_id="C1a")


def test_the_command_writes_a_polygon_with_what_it_rests_on(tmp_path: Path) -> None:
    """The pharma valley of the register, on drawn roads around its recorded point."""
    import geopandas as gpd

    at = gpd.GeoSeries.from_xy([121.593], [31.213], crs=4326).to_crs(UTM).iloc[0]
    drawing, node = Drawing(), iter(range(1, 100))
    x, y = at.x - CORNER[0], at.y - CORNER[1]
    roads = {
        "龙东大道": [(x - 700, y + 775), (x + 700, y + 775)],
        "祖冲之路": [(x - 700, y - 775), (x + 700, y - 775)],
        "科苑路": [(x - 475, y - 1000), (x - 475, y + 1000)],
        "金科路": [(x + 475, y - 1000), (x + 475, y + 1000)],
    }
    for number, (name, ends) in enumerate(roads.items(), start=1):
        ids = [drawing.node(next(node), *end) for end in ends]
        drawing.way(number, ids, {"highway": "secondary", "name": name})
    extract = drawing.write(tmp_path / "drawn.osm.pbf")
    parkgap("digitise", "C1a", "--osm", str(extract), "--out", str(tmp_path))
    feature = json.loads((tmp_path / "C1a.geojson").read_text(encoding="utf-8"))["features"][0]
    assert feature["properties"]["accepted"] is True
    assert feature["properties"]["area_km2"] == pytest.approx(1.4725, abs=0.001)
    assert feature["properties"]["limits"] == NAMES


def closed(lines: dict[str, list[list[tuple[float, float]]]], **options: float) -> Traced:
    """Trace drawn lines around the point (500, 500), 2 km2 documented."""
    drawn = {side: [shapely.LineString(xy) for xy in found] for side, found in lines.items()}
    rules = {"reach_m": 9e3, "corner_m": 50.0, "tolerance_share": 0.05, **options}
    return trace(drawn, dict.fromkeys(drawn, "x"), point=(500, 500), documented_km2=2.0, **rules)


SIDES = {
    "north": [[(-99, 2000), (1099, 2000)]],
    "south": [[(-99, 0), (1099, 0)]],
    "west": [[(0, -99), (0, 2099)]],
    "east": [[(1000, -99), (1000, 2099)]],
}


def test_a_road_in_pieces_is_bridged_and_the_share_told() -> None:
    pieces = {**SIDES, "west": [[(0, -99), (0, 500)], [(0, 1500), (0, 2099)]]}
    with pytest.raises(SourceError, match="--bridge"):
        closed(pieces, bridge_m=900.0)
    found = closed(pieces, bridge_m=1000.0)
    assert found.area_km2 == pytest.approx(2.0)
    assert found.bridged_share == pytest.approx((1000 + 2 * 5) / 6000, rel=1e-3)
    assert closed(SIDES, bridge_m=1000.0).bridged_share == 0.0


def test_a_limit_that_runs_on_inside_does_not_cut_the_place() -> None:
    """The eastern limit turns west across the middle, as two carriageways 30 m apart."""
    turns = [[(1000, 2099), (1000, 1000), (-99, 1000)], [(1000, 1030), (-99, 1030)]]
    found = closed({**SIDES, "east": [*turns, [(1000, -99), (1000, 1000)]]})
    assert found.area_km2 == pytest.approx(2.0)
    assert found.accepted


@pytest.mark.shared
def test_the_core_is_traced_from_the_sample_extract(extract: Path, tmp_path: Path) -> None:
    """Its trunk roads are mapped in pieces; the area of the plan of 2017 decides."""
    parkgap("digitise", "C1", "--osm", str(extract), "--bridge", "3000", "--out", str(tmp_path))
    told = json.loads((tmp_path / "C1.geojson").read_text(encoding="utf-8"))["features"][0]
    assert told["properties"]["accepted"] is True
    assert told["properties"]["area_km2"] == pytest.approx(93.09, abs=0.05)
    assert 0.5 < told["properties"]["bridged_share"] < 0.6


@pytest.mark.shared
def test_the_sample_extract_says_which_roads_it_lacks(extract: Path, tmp_path: Path) -> None:
    done = parkgap("digitise", "C1a", "--osm", str(extract), "--out", str(tmp_path), expect=3)
    assert "祖冲之路" in done.stderr
    assert "科苑路" in done.stderr

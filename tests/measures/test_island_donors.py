"""Check which features bar a boundary and which land parks are compared with."""

from __future__ import annotations

import json

import geopandas as gpd
import numpy as np
import pytest
import shapely

from pipeline.measures.island_donors import barriers_of, ordinary_industry

KINDS = ("expressway", "railway", "water")


def features(*rows: tuple[str, dict[str, str], shapely.Geometry, str]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {
            "osm_id": [f"w{number}" for number in range(len(rows))],
            "category": [row[0] for row in rows],
            "tags": [json.dumps(row[1]) for row in rows],
            "status": [row[3] for row in rows],
        },
        geometry=[row[2] for row in rows], crs=32651,
    )  # fmt: skip


LINE, POND = shapely.LineString([(0, 0), (9, 9)]), shapely.box(0, 0, 50, 50)
SEEN = features(
    ("barriers", {"highway": "motorway"}, LINE, "operating"),
    ("barriers", {"railway": "rail"}, LINE, "operating"),
    ("water", {"natural": "water"}, POND, "operating"),
    ("barriers", {"barrier": "wall"}, LINE, "operating"),
    ("barriers", {"railway": "rail"}, LINE, "planned"),
)


def test_walls_and_plans_are_no_barriers() -> None:
    found = barriers_of(SEEN, kinds=KINDS, min_km=0.001)
    assert {kind: len(shapes) for kind, shapes in found.items()} == dict.fromkeys(KINDS, 1)


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_an_unmapped_kind_is_not_named_and_leaves_the_others(missing: int) -> None:
    found = barriers_of(SEEN.drop(index=missing), kinds=KINDS, min_km=0.001)
    assert set(found) == set(KINDS) - {KINDS[missing]}


def test_too_little_length_counts_as_unmapped() -> None:
    assert set(barriers_of(SEEN, kinds=KINDS, min_km=0.1)) == {"water"}


@pytest.mark.parametrize(
    ("tags", "seen"),
    [({}, False), ({"layer": "-2"}, False), ({"layer": "1"}, True), ({"bridge": "yes"}, True),
     ({"electrified": "contact_line"}, True), ({"electrified": "rail"}, False)],
)  # fmt: skip
def test_metro_bars_where_it_is_said_to_run_in_the_open(
    tags: dict[str, str], *, seen: bool
) -> None:
    line = features(("barriers", {"railway": "subway", **tags}, LINE, "operating"))
    assert ("railway" in barriers_of(line, kinds=KINDS, min_km=0.001)) is seen


def plot(x: float, side_m: float, status: str = "operating", category: str = "industrial") -> tuple:
    return (category, {}, shapely.box(x, 0, x + side_m, side_m), status)


PARKS = np.array([shapely.box(0, 0, 1000, 1000)], dtype=object)


def test_donors_are_of_a_parks_size_and_apart_from_parks() -> None:
    found = ordinary_industry(
        features(
            plot(5000, 1000), plot(8000, 100), plot(500, 900), plot(20000, 3000),
            plot(12000, 800, status="planned"), plot(14000, 800, category="water"),
        ),
        PARKS, area_factor=4.0, most=30,
    )  # fmt: skip
    assert found["place_id"].tolist() == ["osm:w0"]
    assert found["boundary_class"].tolist() == ["digitised"]


def test_of_nested_sites_the_largest_and_of_many_those_nearest_in_area() -> None:
    land = features(plot(5000, 900), plot(5100, 600), plot(9000, 700), plot(12000, 1000))
    every = ordinary_industry(land, PARKS, area_factor=4.0, most=30)
    assert every["place_id"].tolist() == ["osm:w0", "osm:w2", "osm:w3"]
    two = ordinary_industry(land, PARKS, area_factor=4.0, most=2)
    assert two["place_id"].tolist() == ["osm:w0", "osm:w3"]


def test_no_land_and_no_parks_give_no_donors() -> None:
    nothing = features(plot(5000, 900, category="water"))
    assert ordinary_industry(nothing, PARKS, area_factor=4.0, most=30).empty
    nobody = np.empty(0, dtype=object)
    assert ordinary_industry(features(plot(1, 9)), nobody, area_factor=4.0, most=30).empty

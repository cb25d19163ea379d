"""Places, stations and facilities of an extract: groups by distance, names, ids."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from pipeline.settings.inputs import OsmPlaceSettings
from pipeline.sources.osm_roles import facilities_of, places_of_areas, planned_of, stations_of

CRS = "EPSG:32651"
EAST, NORTH = 350_000.0, 3_450_000.0


def _features(*rows: tuple[str, str | None, shapely.Geometry]) -> gpd.GeoDataFrame:
    moved = [shapely.affinity.translate(shape, EAST, NORTH) for _, _, shape in rows]
    table = pd.DataFrame(
        [(osm_id, name, None, None, "operating") for osm_id, name, _ in rows],
        columns=["osm_id", "name", "name_zh", "name_en", "status"],
    )
    return gpd.GeoDataFrame(table, geometry=moved, crs=CRS)


def _rules(**changes: float) -> OsmPlaceSettings:
    return OsmPlaceSettings.model_validate({"min_area_km2": 0.04, "join_m": 30.0, **changes})


def _places(features: gpd.GeoDataFrame, rules: OsmPlaceSettings) -> gpd.GeoDataFrame:
    table = places_of_areas(features, rules)
    return gpd.GeoDataFrame(table, geometry="geometry", crs=4326).to_crs(CRS)


def test_plots_across_a_street_are_one_place_with_the_street() -> None:
    left, right = shapely.box(0, 0, 200, 300), shapely.box(220, 0, 400, 300)
    found = _places(_features(("w1", None, left), ("w2", "Park B", right)), _rules())
    assert found["place_id"].tolist() == ["osm_w1"]  # the largest area's
    assert found["name_en"].tolist() == ["Park B"]  # the largest with a name
    assert found.area.iloc[0] == pytest.approx(400 * 300, rel=1e-3)


def test_plots_farther_apart_are_two_and_small_ones_none() -> None:
    rows = _features(
        ("w1", None, shapely.box(0, 0, 200, 300)),
        ("w2", None, shapely.box(231, 0, 531, 300)),
        ("w3", "Shed", shapely.box(2000, 0, 2010, 10)),
        ("w4", "Line", shapely.LineString([(0, 0), (500, 0)])),
    )
    found = _places(rows, _rules()).set_index("place_id")
    assert sorted(found.index) == ["osm_w1", "osm_w2"]
    assert found.loc["osm_w2", "name_zh"] == "工业用地 1"
    assert found.loc["osm_w1", "name_en"] == "Industrial land 2"
    assert found.area["osm_w1"] == pytest.approx(60_000, rel=1e-3)


@pytest.mark.parametrize(("gap_m", "places"), [(30.0, 1), (30.01, 2)])
def test_the_distance_itself_still_joins(gap_m: float, places: int) -> None:
    rows = _features(
        ("w1", None, shapely.box(0, 0, 300, 300)),
        ("w2", None, shapely.box(300 + gap_m, 0, 600 + gap_m, 300)),
    )
    assert len(_places(rows, _rules())) == places


def test_an_area_at_the_limit_is_a_place() -> None:
    rows = _features(("w1", None, shapely.box(0, 0, 200, 200)))
    assert len(_places(rows, _rules(min_area_km2=0.04))) == 1
    assert len(_places(rows, _rules(min_area_km2=0.0401))) == 0


def test_joining_does_not_grow_outwards() -> None:
    rows = _features(
        ("w1", None, shapely.box(0, 0, 300, 300)),
        ("w2", None, shapely.box(300, 0, 600, 300)),
    )
    found = _places(rows, _rules())
    assert found.total_bounds - [EAST, NORTH, EAST, NORTH] == pytest.approx(
        [0, 0, 600, 300], abs=0.01
    )


def test_stations_are_no_line() -> None:
    rows = _features(("n1", "A", shapely.Point(0, 0)), ("n2", None, shapely.Point(900, 0)))
    rows.loc[1, "status"] = "planned"
    table = stations_of(rows)
    assert table["line_id"].eq("").all()
    assert table["branch"].is_unique
    planned = planned_of(rows)
    assert planned["planned_id"].tolist() == ["n2"]
    assert planned["name_zh"].tolist() == ["车站 n2"]


def test_unnamed_facilities_go_by_kind_and_id() -> None:
    rows = _features(("w7", None, shapely.box(0, 0, 50, 50)))
    table = facilities_of(rows, key="campus_id", zh="医院", en="Hospital")
    assert table[["campus_id", "name_zh", "name_en"]].to_numpy().tolist() == [
        ["w7", "医院 w7", "Hospital w7"]
    ]
    assert table["lon"].between(121, 122).all()

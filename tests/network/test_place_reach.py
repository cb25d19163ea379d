"""Stations begin at their entrances or their extent; land within a band is cut along streets."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from pipeline.measures.access_rows import ESTIMATED, MEASURED
from pipeline.measures.coverage_areas import (
    area_coverage,
    area_units,
    published_beside_computed,
)
from pipeline.measures.people import people_cells
from pipeline.network.coverage import street_coverage
from pipeline.network.graph import StreetGraph
from pipeline.network.place_access import PlaceAccess, Streets
from pipeline.network.place_basic import radius_share
from pipeline.network.place_reach import _outermost, reach_of, stop_costs, stops_of
from pipeline.network.place_stations import hub_journeys, hub_measures, station_measures
from pipeline.network.rail import RailCosts
from pipeline.settings.network import NetworkSettings
from pipeline.settings.uncertainty import UncertaintySettings
from pipeline.stages.facility_access import _radii
from tests.network.osm_writing import UTM, lattice_graph, points

NETWORK = NetworkSettings()
NO_STREETS = Streets("walk", None, None, 80.0)


def stops_at(*places: tuple[float, float], extent_m: float) -> gpd.GeoDataFrame:
    count = len(places)
    return gpd.GeoDataFrame(
        {
            "station_id": [f"s{number}" for number in range(count)],
            "status": "operating",
            "extent_m": extent_m,
        },
        geometry=points(*places).to_numpy(),
        crs=UTM,
    )


def access_to(*boxes: tuple[float, float, float, float]) -> PlaceAccess:
    shapes = gpd.GeoSeries([shapely.box(*box) for box in boxes], crs=UTM)
    places = gpd.GeoDataFrame(
        {
            "boundary_class": "surveyed",
            "planned_area_km2": 1.0,
            "precision_m": 1.0,
            "x": shapes.centroid.x,
            "y": shapes.centroid.y,
        },
        geometry=shapes,
    ).set_axis([f"P{number}" for number in range(len(shapes))])
    return PlaceAccess(places, NETWORK, UncertaintySettings(draws=20), seed=1)


@pytest.fixture(scope="module")
def town() -> Streets:
    """Give the streets of a lattice of 4 km side; beyond it none are known."""
    graph: StreetGraph = lattice_graph(20)
    coverage = street_coverage(
        graph, window_m=500.0, cell_m=100.0, min_density_km_per_km2=6.0, min_component_km=5.0
    )
    return Streets("walk", graph, coverage, 80.0)


def test_the_extent_shortens_the_walk_on_streets_and_off_them(town: Streets) -> None:
    access = access_to((295, 295, 305, 305), (9000, 0, 9010, 10))
    plain = stops_at((0, 0), (9505, 5), extent_m=0.0)
    wide = plain.assign(extent_m=100.0)
    with_streets, without = (
        [stop_costs(access, stops, way).minutes for stops in (plain, wide)]
        for way in (town, NO_STREETS)
    )
    at = access.drawn.place == 0
    assert with_streets[0][at] == pytest.approx(600 / 80, abs=0.2)
    np.testing.assert_allclose(with_streets[0][at] - with_streets[1][at], 100 / 80, rtol=1e-9)
    np.testing.assert_allclose(without[0] - without[1], 100 * 1.32 / 80, rtol=1e-9)
    mixed = pd.concat([plain.iloc[:1], wide.iloc[1:]], ignore_index=True)
    both = stop_costs(access, gpd.GeoDataFrame(mixed, crs=UTM), town)
    assert both.measured[at].all()
    assert not both.measured[~at].any()
    np.testing.assert_allclose(both.minutes[at], with_streets[0][at])
    np.testing.assert_allclose(both.minutes[~at], without[1][~at])


def test_entrances_replace_their_station_only_where_enough_are_mapped() -> None:
    stations = stops_at((0, 0), (1000, 0), (5000, 0), extent_m=0.0).drop(columns="extent_m")
    stations["status"] = ["operating", "operating", "planned"]
    platforms = stations[["station_id", "geometry"]].iloc[[0, 0, 1]].reset_index(drop=True)
    platforms.loc[1, "geometry"] = shapely.Point(300, 0)  # the other line's platform
    got = stops_of(
        stations,
        platforms,
        points((10, 50), (-20, 0), (1010, 0), (5010, 0), (3000, 0)),
        station_extent_m=100.0,
        entrance_max_m=400.0,
        entrances_at_least=2,
    ).assign(x=lambda frame: frame.geometry.x)
    rows = got[["station_id", "status", "extent_m", "x"]].sort_values(["station_id", "x"])
    assert rows.to_numpy().tolist() == [
        ["s0", "operating", 0.0, -20.0],
        ["s0", "operating", 0.0, 10.0],
        ["s1", "operating", 100.0, 1000.0],
        ["s2", "planned", 100.0, 5000.0],
    ]


def test_shares_on_foot_are_those_of_the_catchment_that_is_published(town: Streets) -> None:
    access = access_to((-600, -600, 600, 600))
    stops = stops_at((0, 0), extent_m=0.0)
    reach = reach_of(stops, town, NETWORK, bands_m=[500.0])
    box = access.places.geometry.iloc[0]
    diamond = reach.catchments[500.0]
    assert diamond.area == pytest.approx(2 * 540**2, rel=0.05)  # r = 500 and half a street of 40
    assert reach.edges["length_m"].sum() == pytest.approx(4 * 5**2 * 100)
    found = {
        item.measure: item
        for item in station_measures(
            access, stops, town, reach, {},
            variant="operating", bands_m=[500.0], bands_min=[6.25], snapshot=None,
        )
    }  # fmt: skip
    network = found["share_area_network_500m"].draws[0, 0]
    assert network == pytest.approx((diamond & box).area / box.area, rel=1e-9)
    assert found["share_area_euclid_500m"].draws[0, 0] == pytest.approx(math.pi * 500**2 / 1.44e6)
    assert found["ledger_500m"].draws[0, 0] < 0
    for kind in ("residents", "workers"):  # nobody counts them: null, and there to be seen
        assert np.isnan(found[f"share_{kind}_network_500m"].draws).all()
    wider = reach_of(stops.assign(extent_m=100.0), town, NETWORK, bands_m=[400.0])
    assert wider.catchments[400.0].area == pytest.approx(diamond.area)


def test_people_of_a_place_count_by_its_outline_and_weigh_its_minutes(town: Streets) -> None:
    """They live in the east of a square alone, as many on every m²; nobody counts workers."""
    access = access_to((-600, -600, 600, 600))
    stops = stops_at((0, 0), extent_m=0.0)
    grid = np.arange(-950.0, 1000.0, 100.0)
    x, y = (part.ravel() for part in np.meshgrid(grid, grid))
    people = people_cells(
        gpd.GeoDataFrame(
            {"residents": np.where(x > 0, 4.0, 0.0), "jobs": np.nan},
            geometry=gpd.points_from_xy(x, y), crs=UTM,
        )
    )  # fmt: skip
    reach = reach_of(stops, town, NETWORK, bands_m=[500.0])
    found = {
        item.measure: item.draws[0, 0]
        for item in station_measures(
            access, stops, town, reach, people,
            variant="operating", bands_m=[500.0], bands_min=[6.25], snapshot=None,
        )
    }  # fmt: skip
    east = 600.0 * 1200.0
    assert found["share_residents_euclid_500m"] == pytest.approx(math.pi * 500**2 / 2 / east)
    diamond = shapely.intersection(reach.catchments[500.0], shapely.box(0, -600, 600, 600))
    assert found["share_residents_network_500m"] == pytest.approx(diamond.area / east)
    minutes = stop_costs(access, stops, town).minutes
    living = access.drawn.xy[:, 0] > 0
    mean = np.average(minutes[living], weights=access.drawn.weight[living])
    assert found["minutes_nearest_mean_by_residents"] == pytest.approx(mean)
    assert found["minutes_nearest_p90_by_residents"] >= found["minutes_nearest_median_by_residents"]
    assert np.isnan(found["minutes_nearest_mean_by_workers"])
    assert np.isnan(found["share_workers_euclid_500m"])


def test_a_service_radius_covers_its_disc_and_nothing_where_no_school_is_known() -> None:
    access = access_to((-600, -600, 600, 600), (-9000, 0, -8000, 1000))
    schools = gpd.GeoDataFrame(geometry=points((0, 0), (100, 0)).to_numpy(), crs=UTM)
    share = radius_share(access, schools.iloc[:1], 500.0)
    np.testing.assert_allclose(share[:, 0], [math.pi * 500**2 / 1.44e6, 0.0])
    assert radius_share(access, schools, 500.0)[0, 0] > share[0, 0]
    assert np.isnan(radius_share(access, schools.iloc[:0], 500.0)).all()
    levels = {"primary": 500.0, "junior": 1000.0}
    named = _radii(["primary_public", "school_junior", "senior_policy_76"], levels)
    assert named == {"primary_public": 500.0, "school_junior": 1000.0}


@pytest.mark.parametrize("ride", [MEASURED, ESTIMATED])
def test_minutes_to_a_hub_are_measured_where_every_leg_is(town: Streets, ride: str) -> None:
    """At a hub's own station there is no walk left: none is estimated."""
    access = access_to((-1305, -1005, -1295, -995), (-9005, -1005, -8995, -995))
    stations = stops_at((-1000, -1000), (1000, 1000), (-9000, -1100), extent_m=0.0)
    minutes = np.array([[0.0, 9.0, 20.0], [9.0, 0.0, 20.0], [20.0, 20.0, 0.0]])
    ids = tuple(stations["station_id"])
    hubs = gpd.GeoDataFrame(
        {"hub_id": ["airport", "square"]},
        geometry=points((1050, 1000), (-1300, -900)).to_numpy(),
        crs=UTM,
    )
    rail = hub_journeys(
        access, stations, RailCosts(ids, ids, minutes, minutes * 0, ride), hubs, town,
        same_point_m=60.0, walk_limit_min=20.0, limit_min=180.0,
    )  # fmt: skip
    found = {item.measure: item for item in hub_measures(access, hubs, rail, town, snapshot=None)}
    airport, square = (found[f"minutes_to_{hub}_median"] for hub in hubs["hub_id"])
    on_the_way = 100 * NETWORK.detour_factor / 80 + 20.0  # a place off the streets: estimated
    np.testing.assert_allclose(airport.draws[:, 0], [300 / 80 + 9.0, on_the_way], atol=0.1)
    assert airport.measured is not None
    assert airport.measured.tolist() == [1.0 if ride == MEASURED else 0.0, 0.0]
    assert square.draws[0, 0] == pytest.approx(100 / 80, abs=0.1)  # on foot all the way
    assert square.measured is not None
    assert square.measured.tolist() == [1.0, 0.0]


def test_a_district_is_measured_where_streets_are_known_and_its_people_are_counted(
    town: Streets,
) -> None:
    districts = gpd.GeoDataFrame(
        {"district_zh": ["甲", "乙"]},
        geometry=[shapely.box(-1000, -1000, 1000, 1000), shapely.box(8000, -1000, 10000, 1000)],
        crs=UTM,
    )
    towns = gpd.GeoDataFrame({"township_id": []}, geometry=[], crs=UTM)
    units = area_units(districts, pd.Series({"甲": "central"}), towns)
    stops = stops_at((0, 0), (9000, 0), extent_m=0.0)
    grid = np.arange(-950.0, 1000.0, 100.0)
    x, y = np.meshgrid(grid, grid)
    people = people_cells(
        gpd.GeoDataFrame(
            {"residents": np.where(x.ravel() > 0, 4.0, 0.0), "jobs": np.nan},
            geometry=gpd.points_from_xy(x.ravel(), y.ravel()), crs=UTM,
        )
    )  # fmt: skip
    reach = reach_of(stops, town, NETWORK, bands_m=[500.0])
    table = area_coverage(
        units, stops, people,
        variant="operating", bands_m=[500.0], network=reach.pieces, mapped=reach.mapped,
        snapshot=None,
    ).set_index(["place_id", "measure"])  # fmt: skip
    land = table.xs("share_area_network_500m", level="measure")
    assert land.loc["district:甲", "value"] == pytest.approx(reach.catchments[500.0].area / 4e6)
    assert land.loc["district:甲", "method"] == "measured_network"
    estimated = math.pi * (500 / 1.32) ** 2 / 4e6
    assert land.loc["district:乙", "value"] == pytest.approx(estimated)
    assert land.loc["district:乙", "method"] == "estimated_straight_line"
    assert land.loc["city", "value"] == pytest.approx(land["value"].iloc[:2].mean())
    assert land.loc["city", ["method", "measured_share"]].tolist() == ["mixed", 0.5]
    assert land.loc["townships", "status"] == "no_data"
    homes = table.xs("share_residents_euclid_500m", level="measure")["value"]
    assert homes["district:甲"] == pytest.approx(math.pi * 500**2 / 2 / 2e6, rel=1e-3)
    assert np.isnan(homes["district:乙"])  # nobody was counted there: not zero
    assert homes["city"] == homes["district:甲"]
    assert table.loc[("city", "share_residents_euclid_500m"), "denominator"] == "residents"
    standards = pd.DataFrame(
        {
            "standard_id": ["rail500_jobs_x", "rail500_people_x", "rail500_x"],
            "topic": "rail", "kind": "target", "unit": "share", "value": 0.7, "year": 2035,
            "applies_to": "central", "confidence": "verified", "source": "plan",
        }
    )  # fmt: skip
    beside = published_beside_computed(standards, table.reset_index(), units={"central": "city"})
    np.testing.assert_allclose(beside["computed"], [np.nan, homes["city"], np.nan])
    assert beside["comparison"].tolist() == ["no_data", "scope_differs", "no_data"]


@pytest.mark.parametrize("size", [1, 2, 3, 5000])
def test_the_outermost_points_have_the_hull_of_all(size: int) -> None:
    cloud = np.random.default_rng(3).normal(size=(size, 2)) * 1000 + [350_000, 3_450_000]
    hulls = [shapely.convex_hull(shapely.multipoints(p)) for p in (cloud, _outermost(cloud))]
    assert hulls[0].normalize() == hulls[1].normalize()
    assert len(_outermost(cloud)) <= max(size / 3, 3)

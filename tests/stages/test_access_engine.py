"""Hold the access of drawn places to closed forms and to the network's own answers."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from pipeline.measures.access_impedance import truncated_gaussian_weight
from pipeline.measures.access_rows import Measured
from pipeline.network.access import nearest_minutes
from pipeline.network.place_access import PlaceAccess, Streets, streets_of
from pipeline.network.place_catalogue import Catalogue, catalogue_of
from pipeline.network.place_kernels import PairRules
from pipeline.network.place_people import dwellers_of
from pipeline.network.place_rail import Onward, RailAccess, rail_access
from pipeline.network.place_runs import Service
from pipeline.network.place_services import measure_service
from pipeline.network.rail import RailCosts
from pipeline.settings.decay import ImpedanceSettings, StepwiseSettings
from pipeline.settings.network import NetworkSettings
from pipeline.settings.uncertainty import UncertaintySettings

CRS = "EPSG:32651"
NETWORK = NetworkSettings()
PER_M = NETWORK.detour_factor / NETWORK.walk_speed_m_min
# Where place A lies: in the middle of one large cell, so that it is a single point.
EAST, NORTH = 105_000.0, 105_000.0
RULES = PairRules(
    thresholds_min=(10.0, 15.0),
    catchment_min=30.0,
    stepwise=StepwiseSettings(),
    impedance=ImpedanceSettings(),
    search_limit_min=120.0,
    screen_radius_m=500.0,
)


def places(side: float = 2.0) -> gpd.GeoDataFrame:
    """Give one place small enough to be a point, one uncertain place, and one without a point."""
    box = shapely.box(EAST - side / 2, NORTH - side / 2, EAST + side / 2, NORTH + side / 2)
    return gpd.GeoDataFrame(
        {
            "boundary_class": ["surveyed", "indicative", "none"],
            "planned_area_km2": [np.nan, 1.0, np.nan],
            "precision_m": [np.nan, 300.0, np.nan],
            "x": [EAST, EAST + 5000.0, np.nan],
            "y": [NORTH, NORTH, np.nan],
            "same_site_as": None,
            "district_zh": ["甲区", "乙区", None],
        },
        index=pd.Index(["A", "B", "C"], name="place_id"),
        geometry=[box, None, None],
        crs=CRS,
    )


def access_of(frame: gpd.GeoDataFrame) -> PlaceAccess:
    return PlaceAccess(
        places=frame,
        network=NETWORK,
        uncertainty=UncertaintySettings(draws=20, certain_cell_m=10_000.0),
        seed=1,
    )


def schools(at: list[tuple[str, float]], **columns: object) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {
            "facility_id": [f"{name}{i}" for i, (name, _) in enumerate(at)],
            "campus_id": [name for name, _ in at],
            "supply": np.nan,
            "v_all": True,
            **columns,
        },
        geometry=[shapely.Point(EAST + x, NORTH) for _, x in at],
        crs=CRS,
    )


def measure(
    facilities: gpd.GeoDataFrame, rail: RailAccess | None = None, by_admission: tuple[str, ...] = ()
) -> dict[tuple[str, str, str], Measured]:
    access = access_of(places())
    catalogue = catalogue_of(
        facilities, access.places, variants=["all"], by_admission=by_admission, default_supply=1.0
    )
    service = Service(
        "school", "2026-05-19", catalogue, RULES, {"land_area": np.array([1.0, 2.0, np.nan])}
    )
    found = measure_service(access, service, {"walk": streets_of("walk", None, NETWORK)}, rail)
    return {(item.variant, item.mode, item.measure): item for item in found.found}


def at_minutes(minutes: float) -> float:
    return minutes / PER_M


def test_a_campus_at_exactly_the_threshold_is_within_and_just_beyond_is_not() -> None:
    exact = measure(schools([("p", at_minutes(10.0))]))
    beyond = measure(schools([("p", at_minutes(10.0) + 0.01)]))
    key = ("all", "walk", "count_within_10min")
    assert exact[key].draws[0, 0] == 1.0
    assert beyond[key].draws[0, 0] == 0.0
    share = ("all", "walk", "share_area_within_10min")
    assert exact[share].draws[0, 0] == 1.0
    assert beyond[share].draws[0, 0] == 0.0
    assert exact["all", "walk", "minutes_nearest_median"].draws[0, 0] == pytest.approx(10.0)
    screen = measure(schools([("p", 500.0), ("q", 500.01)]))
    assert screen["all", "straight_line", "count_within_500m"].draws[0, 0] == 1.0


def test_one_campus_with_many_entrances_counts_once_at_its_nearest() -> None:
    found = measure(schools([("p", 300.0), ("p", 100.0), ("q", 200.0)]))
    assert found["all", "walk", "count_within_10min"].draws[0, 0] == 2.0
    nearest = found["all", "walk", "minutes_nearest_median"].draws[0, 0]
    assert nearest == pytest.approx(100.0 * PER_M)


def test_campuses_of_one_name_in_two_places_are_two() -> None:
    found = measure(schools([("p-north", 100.0), ("p-south", -120.0)]))
    assert found["all", "walk", "count_within_10min"].draws[0, 0] == 2.0


def test_order_of_rows_and_halves_of_a_supplier_change_nothing() -> None:
    table = schools([("p", 300.0), ("q", 600.0), ("r", 5100.0)])
    plain, turned = measure(table), measure(table.iloc[::-1])
    for key, item in plain.items():
        np.testing.assert_allclose(turned[key].draws, item.draws, rtol=1e-12)
    whole = measure(table.assign(supply=[4.0, 2.0, 6.0]))
    halves = pd.concat([table, table.iloc[[0]].assign(campus_id="p2", facility_id="p2")])
    halved = measure(gpd.GeoDataFrame(halves, crs=CRS).assign(supply=[2.0, 2.0, 6.0, 2.0]))
    for name in ("gravity", "access_2sfca_gaussian_by_land_area"):
        key = ("all", "walk", name)
        np.testing.assert_allclose(halved[key].draws, whole[key].draws, rtol=1e-12)


def test_a_school_outside_its_admission_district_serves_the_district_it_admits_from() -> None:
    table = schools(
        [("near", 100.0), ("far", 800.0), ("whole", 2000.0)],
        admission_district_zh=["乙区", "甲区", "丙区"],
        admission_scope=["district", "district", "city"],
    )
    found = measure(table, by_admission=("all",))
    anyone = found["all", "walk", "minutes_nearest_median"].draws
    own = found["all_own_district", "walk", "minutes_nearest_median"].draws
    assert anyone[0, 0] == pytest.approx(100.0 * PER_M)
    assert own[0, 0] == pytest.approx(800.0 * PER_M)  # the near one admits from elsewhere
    np.testing.assert_allclose(own[1], anyone[1])  # its nearest admits from the whole city
    assert np.isnan(own[2]).all()  # no district known: not measurable, not zero
    assert found["all_own_district", "walk", "count_within_15min"].draws[0, 0] == 1.0


def test_a_place_without_a_point_is_null_everywhere_and_none_known_is_null() -> None:
    found = measure(schools([("p", 100.0)]))
    assert all(np.isnan(item.draws[2]).all() for item in found.values())
    nothing = measure(schools([]))
    assert all(np.isnan(item.draws).all() for item in nothing.values())


def test_walking_and_rail_beats_walking_by_the_sum_of_its_legs() -> None:
    access = access_of(places())
    stations = gpd.GeoDataFrame(
        {"station_id": ["s", "t"]},
        geometry=[shapely.Point(EAST + 400, NORTH), shapely.Point(EAST + 9000, NORTH)],
        crs=CRS,
    )
    minutes = np.array([[0.0, 12.0], [12.0, 0.0]])
    costs = RailCosts(("s", "t"), ("s", "t"), minutes, np.zeros((2, 2)), "estimated_straight_line")
    facilities = schools([("p", 9200.0), ("q", 100.0)])
    walk: Streets = streets_of("walk", None, NETWORK)
    catalogue = catalogue_of(
        facilities, access.places, variants=["all"], by_admission=(), default_supply=1.0
    )
    rail = rail_access(
        access, stations, costs, catalogue.facilities, walk, by="campus_id",
        campuses=catalogue.campuses, walk_limit_min=20.0, limit_min=120.0,
    )  # fmt: skip
    there = catalogue.campuses.tolist().index("p")
    assert rail.onward.minutes[0, there] == pytest.approx(12.0 + 200.0 * PER_M)
    far = measure(schools([("p", 9200.0)]), rail=_only(rail, there))
    expected = 400.0 * PER_M + 12.0 + 200.0 * PER_M
    got = far["all", "rail_walk", "minutes_nearest_median"].draws[0, 0]
    assert got == pytest.approx(expected)
    assert far["all", "walk", "minutes_nearest_median"].draws[0, 0] == pytest.approx(9200 * PER_M)


def _only(rail: RailAccess, column: int) -> RailAccess:
    onward = Onward(rail.onward.minutes[:, [column]], rail.onward.measured[:, [column]])
    return replace(rail, onward=onward)


def test_without_streets_the_nearest_is_what_the_network_says() -> None:
    access = access_of(places())
    facilities = schools([("p", 300.0), ("q", 4000.0), ("r", 5500.0)])
    got = access.nearest(facilities, streets_of("walk", None, NETWORK))
    points = gpd.GeoSeries(shapely.points(access.drawn.xy), crs=CRS)
    expected = nearest_minutes(
        points, facilities, None, by="campus_id", coverage=None,
        walk_speed_m_min=NETWORK.walk_speed_m_min, estimate_speed_m_min=NETWORK.walk_speed_m_min,
        detour_factor=NETWORK.detour_factor, snap_max_m=NETWORK.snap_max_m, limit_min=None,
    )  # fmt: skip
    np.testing.assert_allclose(got.minutes, expected["minutes"], rtol=1e-12)
    assert not got.measured.any()


def test_residents_share_the_supply_wherever_they_live() -> None:
    """Two homes, one campus: the access of a place is that of a home at its spot."""
    access = access_of(places())
    homes = gpd.GeoDataFrame(
        {"cell_id": ["h", "k", "nobody"], "residents": [3.0, 1.0, 0.0], "jobs": [0.0, 5.0, np.nan]},
        geometry=[shapely.Point(EAST + x, NORTH) for x in (0.0, 1500.0, 10.0)],
        crs=CRS,
    )
    districts = gpd.GeoDataFrame(
        {"district_zh": ["甲区"]}, geometry=[shapely.box(EAST - 9, NORTH - 9, EAST + 9, NORTH + 9)],
        crs=CRS,
    )  # fmt: skip
    table = schools([("p", 500.0)], admission_district_zh=["甲区"], admission_scope=["district"])
    dwellers = dwellers_of(homes, districts, access, kind="residents")
    assert dwellers is not None
    assert dwellers.homes["district_zh"].fillna("").tolist() == ["甲区", ""]

    def listed(whom: pd.DataFrame) -> Catalogue:
        return catalogue_of(table, whom, variants=["all"], by_admission=["all"], default_supply=2.0)

    service = Service("school", None, listed(access.places), RULES, {})
    result = measure_service(
        access, service, {"walk": streets_of("walk", None, NETWORK)}, None,
        [replace(dwellers, counted=listed(dwellers.homes).counted)],
    )  # fmt: skip
    found = {(item.variant, item.measure): item for item in result.found}
    near, far = (
        float(truncated_gaussian_weight(np.array([x * PER_M]), cutoff_min=30.0)[0])
        for x in (500.0, 1000.0)
    )
    name = "access_2sfca_gaussian_by_residents"
    expected = 2.0 / (3.0 * near + far) * near
    assert found["all", name].draws[0, 0] == pytest.approx(expected * 10_000, rel=1e-12)
    assert found["all", name].unit == "campus/10k people"
    city = result.city["residents", "all", "walk", name]
    np.testing.assert_allclose(city, [expected, expected * far / near], rtol=1e-12)
    assert city @ dwellers.people == pytest.approx(2.0, rel=1e-9)
    own = found["all_own_district", name].draws[0, 0]  # the far home is not admitted
    assert own == pytest.approx(2.0 / 3.0 * 10_000, rel=1e-12)
    working = dwellers_of(homes, districts, access, kind="workers")
    assert working is not None
    assert working.people.tolist() == [5.0]  # nobody works at home, and nobody knows of the third
    assert dwellers_of(homes.iloc[:0], districts, access, kind="residents") is None


def test_many_homes_are_gathered_without_losing_anybody_or_moving_their_middle() -> None:
    access = access_of(places())
    random = np.random.default_rng(2)
    xy, people = random.uniform(0, 5000, (5000, 2)), random.integers(0, 9, 5000).astype(float)
    homes = gpd.GeoDataFrame(
        {"cell_id": [f"h{i}" for i in range(5000)], "residents": people},
        geometry=shapely.points(xy), crs=CRS,
    )  # fmt: skip
    nowhere = gpd.GeoDataFrame({"district_zh": []}, geometry=[], crs=CRS)
    few = replace(access, uncertainty=UncertaintySettings(draws=20, homes_at_most=300))
    got = dwellers_of(homes, nowhere, few, kind="residents")
    assert got is not None
    assert 50 < len(got.people) <= 300
    assert got.people.sum() == people.sum()
    middle = got.people @ got.access.drawn.xy / got.people.sum()
    np.testing.assert_allclose(middle, people @ xy / people.sum(), rtol=1e-9)

"""Shifted datums: against an independent implementation, and there and back again."""

from __future__ import annotations

import csv
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import CrsError
from pipeline.sources import datum

M_PER_DEG = 111_320.0
PLACES = np.array(
    [
        (121.4737, 31.2304),
        (116.3913, 39.9075),
        (104.0665, 30.5723),
        (87.6168, 43.8256),
        (113.9, 22.53),  # Shenzhen, beside the line
        (110.35, 20.02),  # Haikou
        (126.64, 45.75),
        (97.85, 24.01),  # Ruili, at the land border
        (124.39, 40.13),  # Dandong
    ]
)
ABROAD = np.array(
    [
        (114.17, 22.30),  # Hong Kong
        (113.55, 22.19),  # Macao
        (121.56, 25.04),  # Taipei
        (126.98, 37.57),
        (105.85, 21.03),
        (139.7, 35.7),
        (-51.23, -30.03),
        (77.2, 28.6),
        (76.9, 43.2),
        (106.9, 47.9),
    ]
)
inland = st.tuples(st.floats(105.0, 118.0), st.floats(25.0, 38.0))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (datum.wgs84_to_gcj02, "wgs2gcj"),
        (datum.gcj02_to_bd09, "gcj2bd"),
        (datum.wgs84_to_bd09, "wgs2bd"),
    ],
)
def test_forward_equals_an_independent_implementation(ours: datum.Shift, theirs: str) -> None:
    transform = pytest.importorskip("coord_convert.transform")
    expected = np.array([getattr(transform, theirs)(lon, lat) for lon, lat in PLACES])
    got = np.column_stack(ours(PLACES[:, 0], PLACES[:, 1]))
    np.testing.assert_allclose(got * M_PER_DEG, expected * M_PER_DEG, rtol=0, atol=1e-5)


def test_inverse_equals_an_independent_implementation_to_its_tolerance() -> None:
    transform = pytest.importorskip("coord_convert.transform")
    expected = np.array([transform.gcj2wgs(lon, lat) for lon, lat in PLACES])
    got = np.column_stack(datum.gcj02_to_wgs84(PLACES[:, 0], PLACES[:, 1]))
    # the other one stops when a step is under 1e-6 degrees
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-6)


@given(st.lists(inland, min_size=1, max_size=20))
def test_there_and_back_within_a_micrometre(spots: list[tuple[float, float]]) -> None:
    lon, lat = np.array(spots).T
    for there, back in [
        (datum.wgs84_to_gcj02, datum.gcj02_to_wgs84),
        (datum.gcj02_to_bd09, datum.bd09_to_gcj02),
        (datum.wgs84_to_bd09, datum.bd09_to_wgs84),
    ]:
        again = back(*there(lon, lat))
        assert np.abs(again[0] - lon).max() * M_PER_DEG < 1e-6
        assert np.abs(again[1] - lat).max() * M_PER_DEG < 1e-6


def test_shift_in_shanghai_has_the_documented_size() -> None:
    lon, lat = np.meshgrid(np.linspace(120.9, 122.0, 23), np.linspace(30.7, 31.8, 23))
    gcj = datum.wgs84_to_gcj02(lon, lat)
    east_m = (gcj[0] - lon) * M_PER_DEG * np.cos(np.radians(lat))
    shift_m = np.hypot(east_m, (gcj[1] - lat) * M_PER_DEG)
    assert 450 < shift_m.min() < shift_m.max() < 505


def test_points_abroad_and_blanks_are_left_alone() -> None:
    for shift in (datum.wgs84_to_gcj02, datum.gcj02_to_wgs84, datum.wgs84_to_bd09):
        lon, lat = shift(ABROAD[:, 0], ABROAD[:, 1])
        np.testing.assert_array_equal(np.column_stack([lon, lat]), ABROAD)
    assert datum.in_mainland(PLACES[:, 0], PLACES[:, 1]).all()
    assert not datum.in_mainland([np.nan], [31.0]).any()
    assert np.isnan(datum.gcj02_to_wgs84([np.nan], [31.0])[0]).all()


def test_inputs_are_not_changed_in_place() -> None:
    lon, lat = PLACES[:, 0].copy(), PLACES[:, 1].copy()
    datum.wgs84_to_gcj02(lon, lat)
    np.testing.assert_array_equal(lon, PLACES[:, 0])
    np.testing.assert_array_equal(lat, PLACES[:, 1])


def test_every_kind_of_geometry_moves_and_heights_stay() -> None:
    line = shapely.LineString([(121.4, 31.2, 5.0), (121.5, 31.3, 6.0)])
    frame = gpd.GeoDataFrame(
        {"a": [1, 2]}, geometry=[line, shapely.Point(121.4, 31.2, 5.0)], crs=4326, index=[7, 9]
    )
    moved = datum.frame_to_wgs84(frame, "gcj02")
    lon, lat = datum.gcj02_to_wgs84(121.4, 31.2)
    assert moved.geometry.loc[9].coords[0] == (float(lon), float(lat), 5.0)
    assert moved.geometry.loc[7].coords[0] == moved.geometry.loc[9].coords[0]
    assert list(moved.index) == [7, 9]
    unmoved = datum.frame_to_wgs84(frame.set_crs(4490, allow_override=True), "cgcs2000")
    assert unmoved.crs == "EPSG:4326"
    assert unmoved.geometry.geom_equals(frame.geometry).all()


def test_metres_are_refused() -> None:
    frame = gpd.GeoDataFrame(geometry=[shapely.Point(350_000, 3_450_000)], crs=32651)
    with pytest.raises(CrsError, match="defined on degrees"):
        datum.frame_to_wgs84(frame, "gcj02")


@pytest.mark.shared
def test_real_stations_return_after_a_shift_on_purpose(shared: Path) -> None:
    with (shared / "facts/metro_line_stations.csv").open(encoding="utf-8-sig") as handle:
        rows = [(float(r["lon"]), float(r["lat"])) for r in csv.DictReader(handle) if r["lon"]]
    lon, lat = np.array(rows).T
    back = datum.bd09_to_wgs84(*datum.wgs84_to_bd09(lon, lat))
    assert len(rows) > 500
    assert np.abs(back[0] - lon).max() * M_PER_DEG < 1e-6
    assert np.abs(back[1] - lat).max() * M_PER_DEG < 1e-6

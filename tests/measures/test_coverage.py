"""Hold land coverage to closed forms and to an independent computation."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import CrsError, FieldError
from pipeline.measures.coverage import (
    coverage_ledger,
    discs,
    estimated_reach_m,
    share_area_euclid,
    share_area_network,
    station_counts,
)

CRS = "EPSG:32651"
BANDS_M = (500.0, 600.0, 800.0, 1000.0)


def units(*shapes: shapely.Geometry | None) -> gpd.GeoSeries:
    return gpd.GeoSeries(list(shapes), index=[f"u{i}" for i in range(len(shapes))], crs=CRS)


def stops(*points: tuple[float, float]) -> gpd.GeoSeries:
    return gpd.GeoSeries(shapely.points(np.reshape(points, (-1, 2))), crs=CRS)


def entrances(layer: gpd.GeoSeries) -> pd.Series[float]:
    return pd.Series(0.0, index=layer.index)


def test_a_disc_has_the_area_of_a_circle_and_nearly_its_edge() -> None:
    disc = discs(np.array([3.0]), np.array([4.0]), 1000.0)[0]
    assert disc.area == pytest.approx(np.pi * 1e6, rel=1e-12)
    reach = np.hypot(*(shapely.get_coordinates(disc) - [3, 4]).T)
    assert np.abs(reach - 1000).max() < 0.11
    assert shapely.Point(3, 4).distance(disc.exterior) == pytest.approx(1000, abs=0.08)


def test_one_stop_in_a_large_square_covers_its_disc() -> None:
    square, stop = units(shapely.box(-2000, -2000, 2000, 2000)), stops((0, 0))
    got = share_area_euclid(square, stop, bands_m=BANDS_M, extent_m=entrances(stop))
    expected = [np.pi * band**2 / 16e6 for band in BANDS_M]
    assert got.loc["u0"].tolist() == pytest.approx(expected, rel=1e-12)
    assert got.columns.tolist() == list(BANDS_M)


def test_two_overlapping_discs_count_their_lens_once() -> None:
    square, pair = units(shapely.box(-3000, -3000, 3000, 3000)), stops((-250, 0), (250, 0))
    got = share_area_euclid(square, pair, bands_m=[500], extent_m=entrances(pair)).iloc[0, 0]
    lens = 2 * 500**2 * np.arccos(0.5) - 0.5 * 500 * np.sqrt(4 * 500**2 - 500**2)
    assert got == pytest.approx((2 * np.pi * 500**2 - lens) / 36e6, rel=1e-4)


def test_the_extent_widens_the_disc_of_a_centroid() -> None:
    square, stop = units(shapely.box(-2000, -2000, 2000, 2000)), stops((0, 0))
    wide = share_area_euclid(square, stop, bands_m=[500], extent_m=entrances(stop) + 100)
    assert wide.iloc[0, 0] == pytest.approx(np.pi * 600**2 / 16e6, rel=1e-12)


def test_far_is_zero_and_no_polygon_is_null() -> None:
    shapes, stop = units(shapely.box(9e3, 9e3, 1e4, 1e4), None, shapely.Polygon()), stops((0, 0))
    got = share_area_euclid(shapes, stop, bands_m=[500], extent_m=entrances(stop))[500]
    assert got["u0"] == 0
    assert got[["u1", "u2"]].isna().all()
    nothing = stops()
    assert (
        share_area_euclid(shapes, nothing, bands_m=[500], extent_m=entrances(nothing)).iloc[0, 0]
        == 0
    )


def test_unfit_crs_and_unknown_extent_are_refused() -> None:
    square, stop = units(shapely.box(0, 0, 1, 1)), stops((0, 0))
    for wrong in ("EPSG:4326", "EPSG:3857", "EPSG:32650", "EPSG:2263"):
        with pytest.raises(CrsError):
            share_area_euclid(
                square, stop.set_crs(wrong, allow_override=True), bands_m=[1], extent_m=stop.area
            )
    with pytest.raises(FieldError, match="1 stops have no valid extent"):
        share_area_euclid(square, stop, bands_m=[1], extent_m=pd.Series([np.nan]))


@given(st.integers(0, 500))
@settings(max_examples=15, deadline=None)
def test_shares_grow_with_the_band_and_agree_with_sampled_points(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = units(shapely.convex_hull(shapely.multipoints(rng.uniform(0, 3000, (8, 2)))))
    at = rng.uniform(0, 3000, (5, 2))
    layer = stops(*map(tuple, at))
    got = share_area_euclid(shape, layer, bands_m=BANDS_M, extent_m=entrances(layer)).iloc[0]
    assert got.is_monotonic_increasing
    grid = np.stack(np.meshgrid(np.arange(5, 3000, 20), np.arange(5, 3000, 20)), -1).reshape(-1, 2)
    inside = grid[shapely.contains_xy(shape.iloc[0], grid)]
    near = np.hypot(*(inside[:, None] - at).transpose(2, 0, 1)).min(axis=1)
    assert got[800.0] == pytest.approx((near <= 800).mean(), abs=0.02)


def test_discs_taken_one_by_one_and_all_together_cover_the_same() -> None:
    rng = np.random.default_rng(7)
    layer = stops(*map(tuple, rng.uniform(0, 6000, (12, 2))))
    corner = rng.uniform(-500, 6500, (200, 2))
    side = rng.choice([30.0, 300.0, 3000.0], 200)
    squares = units(*shapely.box(*corner.T, *(corner + side[:, None]).T))
    got = share_area_euclid(squares, layer, bands_m=BANDS_M, extent_m=entrances(layer))
    at = shapely.get_coordinates(layer.to_numpy())
    together = {band: gpd.GeoSeries(discs(at[:, 0], at[:, 1], band), crs=CRS) for band in BANDS_M}
    expected = share_area_network(squares, together)
    # Discs are polygons of 256 corners: cut along bisectors they differ by less than a hundred cm².
    np.testing.assert_allclose(got, expected, atol=1e-7)
    assert ((got > 0) & (got < 1)).any().all()  # some cut,
    assert (got == 1).any().all()  # some wholly inside,
    assert (got == 0).any().all()  # and some out of reach


def test_a_lattice_catchment_is_a_diamond_and_the_disc_overstates_it_by_half_pi() -> None:
    radius = 1000.0
    diamond = shapely.Polygon([(radius, 0), (0, radius), (-radius, 0), (0, -radius)])
    park, stop = units(shapely.box(-2000, -2000, 2000, 2000)), stops((0, 0))
    euclid = share_area_euclid(park, stop, bands_m=[radius], extent_m=entrances(stop))
    network = share_area_network(park, {radius: gpd.GeoSeries([diamond], crs=CRS)})
    assert network.iloc[0, 0] == pytest.approx(2 * radius**2 / 16e6, rel=1e-12)
    assert euclid.iloc[0, 0] / network.iloc[0, 0] == pytest.approx(np.pi / 2, rel=1e-12)
    ledger = coverage_ledger(euclid, network)
    assert ledger.loc[("u0", radius), "ledger"] == pytest.approx((2 - np.pi) / 16, rel=1e-12)


def test_overlapping_catchments_count_once_and_an_unmeasured_band_is_null() -> None:
    park = units(shapely.box(0, 0, 100, 100), shapely.box(500, 0, 600, 100), None)
    halves = gpd.GeoSeries([shapely.box(0, 0, 60, 100), shapely.box(40, 0, 80, 100)], crs=CRS)
    network = share_area_network(park, {500.0: halves, 600.0: halves.iloc[:0]})
    assert network[500.0].tolist()[:2] == pytest.approx([0.8, 0.0])
    assert network[600.0].tolist()[:2] == [0.0, 0.0]
    assert network.loc["u2"].isna().all()
    euclid = pd.DataFrame(0.9, index=park.index, columns=[500.0, 800.0])
    ledger = coverage_ledger(euclid, network)
    assert ledger["status"].tolist() == ["ok", "no_data"] * 2 + ["no_data"] * 2
    assert np.isnan(ledger.loc[("u0", 800.0), "ledger"])


def test_stations_are_counted_once_per_line_and_once_per_name() -> None:
    table = pd.DataFrame(
        {"line": ["1", "1", "2", "2", "10", "10"], "station": ["a", "b", "b", "c", "d", "d"]}
    )
    assert station_counts(table).to_dict() == {
        "lines": 3,
        "line_stations": 5,
        "stations": 4,
        "interchanges": 1,
    }


def test_ten_minutes_without_streets_is_a_shorter_radius() -> None:
    got = estimated_reach_m(10, walk_m_per_min=80, detour_factor=1.32)
    assert got == pytest.approx(606.06, abs=0.01)

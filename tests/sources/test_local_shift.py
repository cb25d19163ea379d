"""Local grids and zones: a known shift is found again, bad control points are named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS, Transformer

from pipeline.errors import CrsError
from pipeline.sources.crs_zones import candidate_crs, cgcs2000_by_easting, cgcs2000_by_meridian
from pipeline.sources.local_shift import fit_shift

SHANGHAI = (120.85, 30.67, 122.25, 31.88)
GRID = np.array([(0.0, 0.0), (9000.0, 500.0), (4000.0, 7000.0), (-3000.0, 2500.0)])


@given(
    st.floats(-180, 180),
    st.floats(0.999, 1.001),
    st.tuples(st.floats(-1e6, 1e6), st.floats(-4e6, 4e6)),
)
def test_a_known_shift_is_found_again(
    turn_deg: float, scale: float, offset: tuple[float, float]
) -> None:
    turn = np.radians(turn_deg)
    matrix = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    known = GRID @ matrix.T + offset
    fit = fit_shift(GRID, known, model="helmert", largest_residual_m=0.001)
    np.testing.assert_allclose(fit.apply(GRID), known, rtol=0, atol=1e-6)
    assert fit.scale == pytest.approx(scale, abs=1e-9)
    assert np.cos(np.radians(fit.rotation_deg - turn_deg)) == pytest.approx(1.0)
    assert fit.spare == 2


def test_affine_takes_a_skew_that_helmert_shows_as_residual() -> None:
    known = GRID @ np.array([[1.0, 0.001], [0.0, 1.0]]) + (500_000, 3_400_000)
    affine = fit_shift(GRID, known, model="affine", largest_residual_m=0.001)
    assert affine.rms_m < 1e-6
    helmert = fit_shift(GRID, known, model="helmert", largest_residual_m=100)
    assert helmert.rms_m > 1
    assert "rms" in str(helmert)


def test_a_bad_control_point_is_named() -> None:
    local = np.array([(i * 1000.0, j * 1000.0) for i in range(3) for j in range(3)])
    known = local + np.array([1000.0, 2000.0])
    known[4] += (30.0, 0.0)
    with pytest.raises(CrsError) as raised:
        fit_shift(local, known, model="helmert", largest_residual_m=20.0)
    assert [problem.row for problem in raised.value.problems] == [4]


@pytest.mark.parametrize(
    ("points", "model"),
    [
        (GRID[:1], "helmert"),
        (GRID[[0, 0]], "helmert"),
        (GRID[:2], "affine"),
        (np.array([(0.0, 0.0), (1.0, 1.0), (2.0, 2.0)]), "affine"),
        (np.array([(0.0, 0.0), (np.nan, 1.0), (2.0, 5.0)]), "affine"),
    ],
)
def test_too_few_control_points(points: np.ndarray, model: str) -> None:
    with pytest.raises(CrsError, match="at least"):
        fit_shift(points, points, model=model, largest_residual_m=1.0)


@pytest.mark.parametrize("meridian", range(75, 136, 3))
def test_zone_codes_are_what_the_register_says(meridian: int) -> None:
    crs = CRS.from_user_input(cgcs2000_by_meridian(meridian, width_deg=3))
    assert crs.name == f"CGCS2000 / 3-degree Gauss-Kruger CM {meridian}E"
    zone = meridian // 3
    code = cgcs2000_by_easting(zone * 1e6 + 480_000)
    assert CRS.from_user_input(code).name == f"CGCS2000 / 3-degree Gauss-Kruger zone {zone}"


def test_six_degree_zones() -> None:
    for zone in range(13, 24):
        code = cgcs2000_by_easting(zone * 1e6 + 480_000)
        assert CRS.from_user_input(code).name == f"CGCS2000 / Gauss-Kruger zone {zone}"
        meridian = zone * 6 - 3
        name = CRS.from_user_input(cgcs2000_by_meridian(meridian, width_deg=6)).name
        assert name == f"CGCS2000 / Gauss-Kruger CM {meridian}E"
    assert cgcs2000_by_easting(480_000) is None


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("EPSG:4528", ["EPSG:4528"]),
        ("EPSG:4499", ["EPSG:4499"]),
        ("EPSG:4326", ["EPSG:4326"]),
        ("EPSG:4549", ["EPSG:4549"]),
    ],
)
@pytest.mark.parametrize("order", ["xy", "yx"])
def test_candidates_for_coordinates_without_a_crs(
    code: str, expected: list[str], order: str
) -> None:
    rng = np.random.default_rng(3)
    lon, lat = rng.uniform(121.0, 121.9, 50), rng.uniform(30.8, 31.7, 50)
    x, y = Transformer.from_crs("EPSG:4326", code, always_xy=True).transform(lon, lat)
    if order == "yx":
        x, y = y, x
    found = candidate_crs(x, y, study_bounds=SHANGHAI)
    assert found[0].share_inside == 1.0
    assert {c.order for c in found} == {order}
    assert set(expected) <= {c.crs for c in found}


def test_overlapping_zones_are_all_listed_and_foreign_points_give_none() -> None:
    x, y = Transformer.from_crs("EPSG:4326", "EPSG:32651", always_xy=True).transform(
        [121.4, 121.5], [31.2, 31.3]
    )
    codes = {c.crs for c in candidate_crs(x, y, study_bounds=SHANGHAI)}
    assert {"EPSG:32651", "EPSG:4550", "EPSG:4510"} <= codes
    assert candidate_crs([10.0], [50.0], study_bounds=SHANGHAI) == []
    assert candidate_crs([np.nan], [50.0], study_bounds=SHANGHAI) == []

"""Hold service-radius coverage of schools to closed forms."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

from pipeline.errors import FieldError
from pipeline.measures.service_radius import service_radius_coverage

CRS = "EPSG:32651"
UNITS = gpd.GeoSeries(
    [shapely.box(-2000, -2000, 2000, 2000), None, shapely.box(3000, 0, 3100, 100)],
    index=["park", "point", "far"],
    crs=CRS,
)


def schools() -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {
            "v_primary_public": [True, True, False],
            "v_junior_public": [False, True, False],
            "v_senior_76": [False, False, False],
        },
        geometry=shapely.points([[0, 0], [2500, 50], [0, 0]]),
        crs=CRS,
    )


def test_each_variant_has_its_radius_and_its_schools() -> None:
    got = service_radius_coverage(
        UNITS, schools(), radius_m={"primary_public": 500.0, "junior_public": 1000.0}
    )
    assert got.index.names == ["unit", "variant"]
    primary, junior = got.loc[("park", "primary_public")], got.loc[("park", "junior_public")]
    assert primary["share_area"] == pytest.approx(np.pi * 500**2 / 16e6, rel=1e-6)
    assert primary["schools_within"] == 2  # one inside, one at exactly 500 m from the edge
    assert primary["nearest_m"] == 0
    assert junior["schools_within"] == 1
    assert junior["nearest_m"] == 500
    assert got.loc[("far", "primary_public"), "nearest_m"] == 500
    assert got.loc[("far", "primary_public"), "share_area"] == pytest.approx(0, abs=1e-4)


def test_no_polygon_and_no_known_school_are_null_not_zero() -> None:
    got = service_radius_coverage(
        UNITS, schools(), radius_m={"primary_public": 500.0, "senior_76": 1000.0}
    )
    assert got.loc[("point", "primary_public"), "status"] == "no_data"
    senior = got.xs("senior_76", level="variant")
    assert (senior["status"] == "no_data").all()
    assert senior[["share_area", "schools_within", "nearest_m"]].isna().all(axis=None)


def test_a_variant_without_a_column_is_refused() -> None:
    with pytest.raises(FieldError, match="v_art_schools"):
        service_radius_coverage(UNITS, schools(), radius_m={"art_schools": 500.0})

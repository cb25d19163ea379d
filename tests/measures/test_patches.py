"""Plots join across a street and not across a field; shares and meshes follow by hand."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

from pipeline.measures.patches import contiguity


def squares(*corners: tuple[float, float], side: float = 100.0) -> gpd.GeoDataFrame:
    shapes = [shapely.box(x, y, x + side, y + side) for x, y in corners]
    return gpd.GeoDataFrame({"park": "a"}, geometry=shapes, index=range(len(shapes)), crs=32651)


def test_one_square_is_one_compact_patch() -> None:
    row = contiguity(squares((0, 0)), by="park", gap_m=40).loc["a"]
    assert row[["plots", "patches", "land_ha", "largest_share", "mesh_ha"]].tolist() == [
        1,
        1,
        1,
        1,
        1,
    ]
    # the closing rounds the corners by next to nothing
    assert row["compactness"] == pytest.approx(np.pi / 4, rel=1e-3)


@pytest.mark.parametrize(("gap", "patches"), [(40.0, 2), (39.9, 3), (400.0, 1)])
def test_a_gap_of_exactly_the_limit_joins(gap: float, patches: int) -> None:
    plots = squares((0, 0), (140, 0), (600, 0))
    row = contiguity(plots, by="park", gap_m=gap).loc["a"]
    assert row["patches"] == patches
    if patches == 2:
        assert row["largest_share"] == pytest.approx(2 / 3)
        assert row["mesh_ha"] == pytest.approx((2**2 + 1**2) / 3)


def test_the_street_between_two_plots_counts_as_inside_the_outline() -> None:
    row = contiguity(squares((0, 0), (130, 0)), by="park", gap_m=40).loc["a"]
    outline = shapely.box(0, 0, 230, 100)
    expected = 4 * np.pi * outline.area / outline.length**2
    assert row["compactness"] == pytest.approx(expected, rel=0.02)
    assert row["land_ha"] == 2.0


def test_parks_stay_apart_and_plots_without_outline_are_left_out() -> None:
    plots = squares((0, 0), (100, 0), (200, 0))
    plots["park"] = ["a", "b", "b"]
    plots.loc[2, "geometry"] = None
    found = contiguity(plots, by="park", gap_m=40)
    assert found["plots"].to_dict() == {"a": 1, "b": 1}
    assert contiguity(plots.iloc[:0], by="park", gap_m=40).empty

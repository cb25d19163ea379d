"""Check the floor area estimated from footprints on plots whose answer is known."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from pipeline.errors import CrsError
from pipeline.measures.parcel_footprints import (
    estimate_coverage,
    far_from_footprints,
    undeveloped_remainder,
    with_estimates,
)

CRS = "EPSG:32651"


def plots() -> gpd.GeoDataFrame:
    boxes = [shapely.box(200 * k, 0, 200 * k + 100, 100) for k in range(4)]
    return gpd.GeoDataFrame({"area_m2": [1e4, 1e4, 1e4, np.nan]}, geometry=boxes, crs=CRS)


def houses(rows: list[tuple[shapely.Polygon, float | None, float | None]]) -> gpd.GeoDataFrame:
    shapes, levels, heights = zip(*rows, strict=True)
    data = {"levels": pd.array(levels, "Float64"), "height_m": pd.array(heights, "Float64")}
    return gpd.GeoDataFrame(data, geometry=list(shapes), crs=CRS)


def test_levels_heights_cuts_and_unknowns() -> None:
    buildings = houses(
        [
            (shapely.box(0, 0, 50, 50), 2, None),  # 2,500 m² x 2
            (shapely.box(90, 0, 110, 100), None, 13.5),  # half of it on the plot, 3 storeys
            (shapely.box(200, 0, 250, 100), 1, None),
            (shapely.box(250, 0, 300, 100), None, None),  # half unknown
            (shapely.box(600, 0, 650, 100), None, 1.0),  # at least one storey
        ]
    )
    out = far_from_footprints(
        plots(), buildings, storey_height_m=4.5, min_levels_share=0.5, min_piece_share=0.05
    )
    assert out["footprint_m2"].fillna(-1).tolist() == [3500, 10_000, -1, 5000]
    assert out["gfa_known_m2"].fillna(-1).tolist() == [8000, 5000, -1, 5000]
    assert out["far_estimated"].fillna(-1).tolist() == [0.8, 1.0, -1, 0.5]
    assert out["levels_known_share"].fillna(-1).tolist() == [1.0, 0.5, -1, 1.0]
    assert out["estimate_status"].tolist() == ["ok", "ok", "no_data", "ok"]
    assert out["estimate_method"].fillna("-").tolist()[2] == "-"
    assert estimate_coverage(out) == {"parcels": 4, "mapped_share": 0.75, "estimated_share": 0.75}
    strict = far_from_footprints(
        plots(), buildings, storey_height_m=4.5, min_levels_share=0.8, min_piece_share=0.05
    )
    assert np.isnan(strict["far_estimated"].iloc[1]), "too little is known"


def test_a_neighbours_house_drawn_across_the_boundary_does_not_count() -> None:
    buildings = houses([(shapely.box(10, 0, 101, 100), 1, None)])
    moved = gpd.GeoDataFrame(geometry=[shapely.box(100, 0, 200, 100)], crs=CRS)
    both = pd.concat([plots().iloc[:1], moved], ignore_index=True)
    for least, mapped in ((0.05, [1, 0]), (0.0, [1, 1])):
        out = far_from_footprints(
            both, buildings, storey_height_m=4.5, min_levels_share=0.8, min_piece_share=least
        )
        assert out["buildings"].tolist() == mapped


def test_layers_in_different_systems_are_refused() -> None:
    buildings = houses([(shapely.box(0, 0, 1, 1), 1, None)])
    with pytest.raises(CrsError):
        far_from_footprints(
            plots(),
            buildings.to_crs("EPSG:4326"),
            storey_height_m=4,
            min_levels_share=1,
            min_piece_share=0.05,
        )


def test_estimates_fill_what_is_not_stated_and_nothing_else() -> None:
    buildings = houses([(shapely.box(0, 0, 40, 100), 2, None)])
    stated = plots().assign(remainder_m2=[np.nan, 7.0, np.nan, np.nan])
    out = with_estimates(
        stated,
        buildings,
        storey_height_m=4.5,
        min_levels_share=0.8,
        min_piece_share=0.05,
        yard_m=10,
        min_width_m=30,
    )
    assert out["remainder_m2"].fillna(-1).tolist() == pytest.approx([5000, 7, -1, -1])
    bases = ["estimated_footprints", "given", "-", "-"]
    assert out["remainder_basis"].fillna("-").tolist() == bases
    away = houses([(shapely.box(9000, 0, 9040, 100), 2, None)])
    nothing = undeveloped_remainder(plots(), away, yard_m=10, min_width_m=30)
    assert nothing.isna().all()


def test_remainder_is_the_largest_free_piece_wide_enough() -> None:
    buildings = houses(
        [
            (shapely.box(10, 10, 30, 90), 1, None),
            (shapely.box(240, 0, 260, 100), 1, None),
            (shapely.box(405, 5, 495, 95), 1, None),
        ]
    )
    out = undeveloped_remainder(plots(), buildings, yard_m=10, min_width_m=30)
    assert out.iloc[0] == pytest.approx(60 * 100, abs=0.1), "east of the yard at x = 40"
    assert out.iloc[1] == pytest.approx(30 * 100, abs=0.1), "a strip of exactly 30 m counts"
    assert out.iloc[2] == 0.0
    assert np.isnan(out.iloc[3]), "nothing mapped is not nothing built"

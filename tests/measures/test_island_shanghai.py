"""Measure the register on the embedded cells, as a person without an extract would."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from pipeline.measures.island_city import urban_land
from pipeline.measures.island_grid import GridFrame
from pipeline.measures.island_places import IslandContrast, measure_contrast
from pipeline.measures.island_ranks import rank_ranges
from pipeline.measures.island_results import claimed
from pipeline.measures.island_score import contrast_results, pooled, score
from pipeline.settings.island import IslandSettings
from pipeline.sources.cells import read_cells

SETTINGS = IslandSettings(draws=199, min_valid_draws=99, sample_points=300)


@pytest.fixture(scope="module")
def shanghai(project: Path) -> IslandContrast:
    folder = project / "layers" / "reference"
    cells = read_cells(
        folder / "cells_500m.csv", folder / "cells_500m_land.csv", cell_m=500, crs="EPSG:32651"
    )
    grid = GridFrame(*cells.origin, float(cells.cell_m), *cells.shape)
    serving = np.sum([cells.counts[name] for name in SETTINGS.people_serving], axis=0)
    centre = gpd.GeoSeries.from_xy([121.4737], [31.2304], crs=4326).to_crs(32651).iloc[0]
    return measure_contrast(
        register(folder / "places.csv"), grid=grid, facilities=cells.counts,
        land_share=cells.land, density=cells.counts["stops"], centre_xy_m=(centre.x, centre.y),
        eligible=urban_land(
            grid, people_serving=serving, land_share=cells.land,
            radius_m=SETTINGS.urban_radius_m, min_count=SETTINGS.urban_min_count,
            max_water_share=SETTINGS.max_water_share,
        ),
        settings=SETTINGS,
    )  # fmt: skip


def register(path: Path) -> gpd.GeoDataFrame:
    """Give the register's places as discs of their planned area (1.5 km² where unknown)."""
    table = pd.read_csv(path)
    points = gpd.GeoSeries.from_xy(table["lon"], table["lat"], crs=4326).to_crs(32651)
    area_km2 = pd.to_numeric(table["planned_area_km2"], errors="coerce").fillna(1.5)
    known = table["lon"].notna()
    discs = points[known].buffer(np.sqrt(area_km2[known] * 1e6 / np.pi), quad_segs=32)
    return gpd.GeoDataFrame(
        table[["place_id", "precision_m"]].assign(boundary_class="indicative"),
        geometry=discs.reindex(table.index), crs=32651,
    )  # fmt: skip


def test_every_place_has_every_statistic_and_a_status(shanghai: IslandContrast) -> None:
    table = shanghai.table
    per_place = table.groupby("place_id").size()
    assert (per_place == per_place.iloc[0]).all()
    assert set(table["status"]) == {"ok", "no_data", "not_measurable", "not_testable"}
    assert table.loc[table["status"] == "ok", "p_island"].between(0, 1).all()
    assert table.loc[table["status"] != "ok", "p"].isna().all()
    assert (table["reason"].isna() == (table["status"] == "ok")).all()
    assert set(table["basis"]) == {"cells"}


def test_the_compound_of_four_hectares_is_not_testable(shanghai: IslandContrast) -> None:
    rows = shanghai.table[shanghai.table["place_id"] == "K3"]
    assert set(rows["reason"]) == {"position"}
    assert rows["observed"].isna().all()


def test_uncertain_places_are_never_robust_without_cause(shanghai: IslandContrast) -> None:
    ok = shanghai.table[shanghai.table["status"] == "ok"]
    assert (ok["low"] <= ok["high"]).all()
    ok = claimed(ok, IslandSettings())
    robust = ok[ok["verdict"] == "robust"]
    assert (robust["claim_share"] >= 0.95).all()


def test_the_dense_core_has_the_densest_amenities(shanghai: IslandContrast) -> None:
    rows = shanghai.table[
        (shanghai.table["category"] == "people_serving") & shanghai.table["main_ring"]
        & (shanghai.table["component"] == "amenity_contrast")
    ].set_index("place_id")  # fmt: skip
    assert rows.loc["T4", "inside"] > 10 * rows.loc["K2", "inside"]


def test_draws_are_a_layer(shanghai: IslandContrast) -> None:
    draws = shanghai.draws()
    assert draws.groupby("place_id").size().max() == 199
    one = draws[draws["place_id"] == "T4"]
    place = next(place for place in shanghai.places if place.place_id == "T4")
    np.testing.assert_allclose(one["x_m"] - one["dx_m"], place.footprint.x_m)
    assert "amenity_contrast__people_serving__800m" in draws.columns


def test_scores_rank_and_pool(shanghai: IslandContrast) -> None:
    ways = {
        f"{width:g}": contrast_results(shanghai.places, ring_m=width, settings=SETTINGS)
        for width in SETTINGS.ring_widths_m
    }
    ranks = rank_ranges(ways, base="800", settings=SETTINGS)
    assert "K3" not in set(ranks["place_id"])
    assert (ranks["rank_low"] <= ranks["rank"]).all()
    assert (ranks["low"] <= ranks["high"]).all()
    together = pooled(score(ways["800"], settings=SETTINGS), theme="contrast")
    assert together is not None
    assert together.null_low < 0 < together.null_high

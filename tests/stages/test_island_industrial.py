"""Take a city's mapped industrial land for its parks, as a study made by `parkgap new` does."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest

from tests.built import parkgap

EXTRACT = "data/las_palmas/example_las_palmas_2023_osm_20230221.pbf"


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Path:
    """Run the island stage on the industrial land of Las Palmas; gives the folder of its tables."""
    root = tmp_path_factory.mktemp("las_palmas")
    parkgap("new", "Las Palmas", "--osm", str(shared / EXTRACT), "-w", str(root))
    parkgap("stage", "island", "-s", "las_palmas", "-w", str(root), "--set", "island.draws=299")
    return root / "layers" / "built" / "las_palmas" / "island"


@pytest.mark.shared
def test_industrial_land_with_complete_streets_is_tested(tables: Path) -> None:
    island = pd.read_parquet(tables / "island.parquet")
    around = island[island["component"].eq("circumvention")].set_index("place_id")
    assert len(around) >= 10
    assert around["status"].eq("ok").sum() >= 5
    assert around["observed"].dropna().between(1, 5).all()
    porosity = island[island["component"].eq("porosity")].set_index("place_id")
    assert (porosity["observed"].dropna() >= 0).all()
    contrast = island[island["component"].eq("amenity_contrast") & island["main_ring"]]
    tested = contrast[contrast["status"].eq("ok")]
    assert tested["place_id"].nunique() >= 8
    assert tested["p"].between(1 / 300, 1).all()


@pytest.mark.shared
def test_ranks_have_a_range_and_openings_save_time(tables: Path) -> None:
    ranks = pd.read_parquet(tables / "ranks.parquet").dropna(subset=["rank"])
    assert (ranks["rank_low"] <= ranks["rank"]).all()
    assert (ranks["rank"] <= ranks["rank_high"]).all()
    gates = gpd.read_parquet(tables / "gates.parquet")
    opened = gates[gates["status"].eq("ok")]
    assert opened["place_id"].nunique() >= 3

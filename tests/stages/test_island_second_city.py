"""Measure a city with complete streets and known boundaries as a study of its own."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest

from tests.second_city import build_porto_alegre

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def porto_alegre(all_workers: Path, shared: Path) -> Path:
    """Give the folder of the second study's island tables."""
    folder = build_porto_alegre(all_workers, shared)
    return folder / "layers" / "built" / "porto_alegre" / "island"


def test_known_boundaries_are_tested_on_streets(porto_alegre: Path) -> None:
    table = pd.read_parquet(porto_alegre / "island.parquet")
    for component in ("porosity", "circumvention"):
        rows = table[table["component"].eq(component)].set_index("place_id")
        assert rows["status"].eq("ok").sum() >= 4
        assert rows.loc["P7", "reason"] == "boundary_unknown"
        ok = rows[rows["status"].eq("ok")]
        assert ok["draws"].ge(199).all()
        assert (ok["null_low"] <= ok["null_median"]).all()
    around = table[table["component"].eq("circumvention")]["observed"].dropna()
    assert around.between(1, 3).all()
    gaps = table[table["component"].eq("access_gap")]
    assert gaps["basis"].eq("streets").all()


def test_small_parks_are_counted_by_points(porto_alegre: Path) -> None:
    table = pd.read_parquet(porto_alegre / "island.parquet")
    amenities = table[table["component"].eq("amenity_contrast")]
    assert set(amenities["basis"]) == {"points"}
    # This extract maps few facilities: what there is can be counted, and is said to be too little.
    assert set(amenities["reason"].dropna()) <= {"few_facilities", "few_draws"}
    counted = amenities["inside_count"].dropna()
    assert (counted == counted.round()).all()


def test_residents_are_context_and_strata(porto_alegre: Path) -> None:
    table = pd.read_parquet(porto_alegre / "island.parquet")
    people = table[table["component"].eq("people_density")].set_index("place_id")
    known = people[people["status"].eq("ok")]
    assert len(known) >= 4
    assert known["ring"].between(5, 400).all()
    assert known["p"].isna().all()


def test_railways_bar_boundaries_and_what_is_unmapped_is_named(porto_alegre: Path) -> None:
    table = pd.read_parquet(porto_alegre / "island.parquet")
    barred = table[table["component"].eq("barriers")].set_index(["category", "place_id"])
    assert set(barred.loc["water", "reason"]) == {"no_barrier_data"}
    assert set(barred.loc["expressway", "reason"]) == {"no_barrier_data"}
    assert set(barred.loc["all", "basis"]) == {"lines: railway"}
    rail = barred.loc["railway"]
    tested = rail[rail["status"].eq("ok")]
    assert len(tested) >= 4
    assert tested["observed"].between(0, 1).all()
    # None of these places lies along the one railway; some of their relocations do.
    draws = gpd.read_parquet(porto_alegre / "draws.parquet")
    assert draws["barriers__railway__800m"].max() > 0.02
    blocks = table[table["component"].eq("block_size") & table["status"].eq("ok")]
    assert len(blocks) >= 4


def test_relocations_carry_what_streets_say(porto_alegre: Path) -> None:
    draws = gpd.read_parquet(porto_alegre / "draws.parquet")
    table = pd.read_parquet(porto_alegre / "island.parquet")
    rows = table[table["component"].eq("porosity") & table["status"].eq("ok")]
    for row in rows.itertuples():
        null = draws.loc[draws["place_id"].eq(row.place_id), "porosity__all__800m"].dropna()
        assert len(null) == row.draws
        assert null.median() == pytest.approx(row.null_median)
        assert (1 + (null <= row.observed + 1e-9).sum()) / (len(null) + 1) == pytest.approx(row.p)


def test_gates_are_listed_best_first_with_what_they_save(porto_alegre: Path) -> None:
    gates = gpd.read_parquet(porto_alegre / "gates.parquet")
    opened = gates[gates["order"].notna()]
    assert len(opened) > 0
    for _, part in opened.groupby("place_id"):
        assert part["order"].tolist() == list(range(1, len(part) + 1))
        none_new = part[part["newly_reached_ha"].eq(0)]
        assert none_new["total_saved_min_ha"].is_monotonic_decreasing
        assert (part["total_saved_min_ha"].ge(1) | part["newly_reached_ha"].gt(0)).all()
    assert opened["link_m"].between(0, 80).all()
    assert opened.geometry.notna().all()
    assert gates.loc[gates["order"].isna(), "reason"].notna().all()

"""Hold the built island tables to what is known of the places, without and with streets."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from pipeline.measures.island_results import REASONS
from pipeline.publish.island_profile import CAVEATS

KEY = ["place_id", "component", "category", "ring_m"]
CONTEXT = ["built_form", "green_share", "water_share", "price", "block_size", "street_density"]
SEPARATION = ["porosity", "circumvention", "access_gap", "barriers"]


def island(workspace: Path, name: str = "island") -> pd.DataFrame:
    folder = workspace / "layers" / "built" / "shanghai" / "island"
    return pd.read_parquet(folder / f"{name}.parquet")


def layer(workspace: Path, name: str) -> gpd.GeoDataFrame:
    folder = workspace / "layers" / "built" / "shanghai" / "island"
    return gpd.read_parquet(folder / f"{name}.parquet")


@pytest.fixture(scope="module")
def table(embedded: Path) -> pd.DataFrame:
    return island(embedded)


@pytest.fixture(scope="module")
def streeted(with_extract: Path) -> pd.DataFrame:
    """Read the table of the study with an extract that covers two places."""
    return island(with_extract)


def of(table: pd.DataFrame, place_id: str, component: str) -> pd.DataFrame:
    return table[table["place_id"].eq(place_id) & table["component"].eq(component)]


@pytest.mark.parametrize("built", ["table", "streeted"])
def test_every_row_has_a_figure_or_a_reason(built: str, request: pytest.FixtureRequest) -> None:
    table = request.getfixturevalue(built)
    assert not table.duplicated(KEY).any()
    assert (table["reason"].isna() == table["status"].eq("ok")).all()
    assert set(table["reason"].dropna()) <= set(REASONS)
    assert table["reason_zh"].isna().equals(table["reason_en"].isna())
    tested = table["p_island"].notna()
    assert table.loc[tested, "status"].eq("ok").all()
    assert table.loc[tested, "p_island"].between(1 / 1000, 1).all()
    silent = table["status"].isin(["no_data", "not_measurable"])
    assert table.loc[silent, ["observed", "effect", "p"]].isna().all().all()
    per_place = table[table["component"].isin(SEPARATION)].groupby("place_id")["component"]
    assert (per_place.nunique() == len(SEPARATION)).all()


def test_the_compound_of_four_hectares_is_not_testable(table: pd.DataFrame) -> None:
    rows = table[table["place_id"].eq("K3") & table["status"].ne("no_data")]
    assert set(rows["status"]) == {"not_testable"}
    assert set(rows["reason"]) == {"position"}
    assert rows["observed"].isna().all()


def test_life_blue_bay_is_testable_with_its_interval(table: pd.DataFrame) -> None:
    rows = of(table, "K2", "amenity_contrast")
    main = rows[rows["main_ring"] & rows["category"].eq("people_serving")].iloc[0]
    assert main["status"] == "ok"
    assert main["draws"] > 500
    assert main["low"] < main["observed"] < main["high"]
    assert main["low"] < 0 < main["high"]
    assert 0 <= main["claim_share"] < 0.95
    assert main["verdict"] != "robust"
    gaps = of(table, "K2", "access_gap")
    food = gaps["category"].eq("food")
    assert set(gaps.loc[food, "reason"]) == {"no_facilities"}
    gaps = gaps[~food]
    assert gaps["status"].eq("ok").all()
    assert gaps["basis"].eq("straight_line").all()


def test_without_streets_nothing_is_said_of_walls(table: pd.DataFrame) -> None:
    for component in ("porosity", "circumvention"):
        rows = table[table["component"].eq(component)]
        assert set(rows["reason"]) == {"no_street_data", "no_footprint"}
    assert set(table.loc[table["component"].eq("barriers"), "status"]) == {"no_data"}


def test_a_place_without_footprint_has_every_component(table: pd.DataFrame) -> None:
    rows = table[table["place_id"].eq("R1")]
    assert set(rows["component"]) == {"amenity_contrast", "function_mix", *SEPARATION}
    assert set(rows["reason"]) == {"no_footprint"}


@pytest.mark.shared
def test_unmapped_is_never_sealed(streeted: pd.DataFrame) -> None:
    walls = streeted[streeted["component"].isin(["porosity", "circumvention"])]
    assert walls["observed"].isna().all()
    assert walls["p_island"].isna().all()
    # The extract knows hardly any water and does not say where metro runs in the open: what is not
    # mapped does not bar, nor is it open. Expressways are mapped, the boundaries are not known.
    barriers = streeted[streeted["component"].eq("barriers")].groupby("category")["reason"]
    assert barriers.agg(set).to_dict() == {
        "all": {"boundary_unknown", "no_footprint"},
        "expressway": {"boundary_unknown", "no_footprint"},
        "railway": {"no_barrier_data", "no_footprint"},
        "water": {"no_barrier_data", "no_footprint"},
    }
    assert streeted.loc[streeted["reason"].eq("no_streets"), "observed"].isna().all()


@pytest.mark.shared
def test_streets_of_two_places_are_shown_and_straight_lines_are_tested(
    streeted: pd.DataFrame,
) -> None:
    gaps = of(streeted, "T1", "access_gap")
    assert set(gaps["basis"]) == {"straight_line"}
    assert gaps["status"].eq("ok").all()
    assert {"station", "hospital", "school", "food"} == set(gaps["category"])
    walked = of(streeted, "T1", "walked_gap")
    assert set(walked["basis"]) == {"streets"}
    assert set(walked["reason"]) == {"few_draws"}
    assert walked["observed"].notna().all()
    assert walked["p_island"].isna().all()
    density = of(streeted, "T1", "street_density").iloc[0]
    assert density["inside"] > 1


@pytest.mark.shared
def test_context_is_described_and_never_tested(table: pd.DataFrame, streeted: pd.DataFrame) -> None:
    for built in (table, streeted):
        beside = built[built["component"].isin(CONTEXT)]
        assert beside["p_island"].isna().all()
        assert (beside["reason"].isna() == beside["observed"].notna()).all()
    assert set(table.loc[table["component"].eq("price"), "reason"]) == {"no_price_data"}
    green = streeted[streeted["component"].eq("green_share") & streeted["status"].eq("ok")]
    assert len(green) > 20
    assert green[["inside", "ring"]].ge(0).all().all()
    assert green[["inside", "ring"]].le(1).all().all()
    # Only buildings that are schools or hospitals are in this extract: a thin map, no empty land.
    assert streeted.loc[streeted["component"].eq("built_form"), "observed"].isna().all()


@pytest.mark.parametrize("built", ["embedded", "with_extract"])
def test_a_score_never_stands_without_its_statements(
    built: str, request: pytest.FixtureRequest
) -> None:
    workspace = request.getfixturevalue(built)
    for name in ("ranks", "pooled", "donors", "comparison"):
        found = island(workspace, name)
        for zh, en in CAVEATS:
            assert found["caveat_zh"].str.contains(zh, regex=False).all()
            assert found["caveat_en"].str.contains(en, regex=False).all()
    folder = workspace / "outputs" / "shanghai" / "figures" / "island"
    figures = sorted(folder.glob("*.svg"))
    assert len(figures) == 44
    for figure in figures:
        text = figure.read_text(encoding="utf-8")
        assert all(zh in text and en in text for zh, en in CAVEATS)


def test_draws_are_points_with_shift_and_rotation(embedded: Path) -> None:
    draws = layer(embedded, "draws")
    assert draws.crs.to_epsg() == 32651
    assert draws.geom_type.eq("Point").all()
    assert not draws.duplicated(["place_id", "draw"]).any()
    assert draws.groupby("place_id").size().max() == 999
    assert draws["angle_rad"].between(0, 2 * np.pi).all()
    one = draws[draws["place_id"].eq("K2")]
    middle = np.column_stack([one.geometry.x - one["dx_m"], one.geometry.y - one["dy_m"]])
    assert np.ptp(middle, axis=0) == pytest.approx([0, 0], abs=1e-6)
    assert one["access_gap__station__800m"].notna().all()


def test_ranks_lie_in_their_ranges_and_leave_out_what_is_uncertain(embedded: Path) -> None:
    ranks = island(embedded, "ranks")
    # Three rings, two more walking speeds, and every component and service left out in turn.
    apart = ranks[ranks["theme"].eq("separation")]
    assert apart["choices"].max() >= 3 + 2 + 3
    assert (apart["rank_low"] < apart["rank_high"]).mean() > 0.5
    assert (ranks["rank_low"] <= ranks["rank"]).all()
    assert (ranks["rank"] <= ranks["rank_high"]).all()
    assert (ranks["p_adjusted"] >= ranks["p"] - 1e-12).all()
    assert "K3" not in set(ranks["place_id"])
    twins = {"H1", "M4"}
    pooled = island(embedded, "pooled").set_index("theme")
    by_theme = ranks.groupby("theme")["place_id"].agg(set)
    assert all(pooled.loc[theme, "places"] < len(by_theme[theme]) for theme in by_theme.index)
    assert twins <= by_theme["contrast"]


def test_case_parks_stand_beside_the_central_clusters(embedded: Path) -> None:
    rows = island(embedded, "comparison")
    roles = rows.drop_duplicates("place_id").set_index("place_id")["role"].to_dict()
    assert roles == {
        "K1": "case_park", "K2": "case_park", "K3": "case_park", "R2": "reference",
        "R3": "reference",
    }  # fmt: skip
    scores = rows[rows["component"].eq("score")].set_index(["place_id", "category"])
    assert len(scores) == 10
    assert scores.loc[("K3", "contrast"), "reason"] == "position"
    assert scores.loc[("K2", "contrast"), "status"] == "ok"
    assert scores["observed"].notna().equals(scores["status"].eq("ok"))
    written = pd.read_csv(
        embedded / "outputs" / "shanghai" / "tables" / "island_comparison.csv", encoding="utf-8-sig"
    )
    assert len(written) == len(rows)


def test_gates_and_donors_say_why_there_are_none(embedded: Path) -> None:
    gates = layer(embedded, "gates")
    assert len(gates) == 44
    assert set(gates["reason"]) == {"no_street_data"}
    assert gates.geometry.isna().all()
    donors = island(embedded, "donors").set_index(["place_id", "theme", "part"])
    assert donors["more_than"].isna().all()
    assert donors.loc[("K3", "contrast", "score"), "reason"] == "position"
    assert donors.loc[("K2", "contrast", "score"), "reason"] == "no_donors"


@pytest.mark.shared
def test_no_gate_is_proposed_in_a_boundary_nobody_knows(with_extract: Path) -> None:
    gates = layer(with_extract, "gates")
    assert set(gates["reason"]) == {"boundary_unknown"}
    assert gates["order"].isna().all()

"""Find the documented cases again in the tables that the parcel stage writes."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest

MARK = "合成 synthetic"


@pytest.fixture(scope="module")
def folder(embedded: Path) -> Path:
    return embedded / "layers" / "built" / "shanghai" / "parcels"


@pytest.fixture(scope="module")
def parcels(folder: Path) -> gpd.GeoDataFrame:
    return gpd.read_parquet(folder / "parcels.parquet")


@pytest.fixture(scope="module")
def cases(parcels: gpd.GeoDataFrame) -> pd.DataFrame:
    return pd.DataFrame(parcels[parcels["case"].notna()].set_index("case"))


def test_buy_back_went_from_0_35_to_1_2_and_18_700_m2(cases: pd.DataFrame) -> None:
    case = cases.loc["buy_back"]
    assert case["before_far"] == pytest.approx(0.35, abs=1e-9)
    assert case["far"] == pytest.approx(1.2, abs=1e-9)
    assert case["gfa_m2"] == pytest.approx(18_700, abs=1e-6)
    assert case["area_m2"] == pytest.approx(15_583.33, abs=0.01)
    assert case["before_outcome"] == "buy_back"
    assert case["uplift_m2"] == 0


def test_48_7_mu_were_idle_of_type_1_before_they_were_recovered(
    cases: pd.DataFrame, folder: Path
) -> None:
    case = cases.loc["idle"]
    assert case["area_m2"] * 15 / 10_000 == pytest.approx(48.7)
    assert (case["before_outcome"], case["before_outcome_no"]) == ("idle", 1)
    # Finish agreed for 2011-12-02, read on 2020-06-30: 8 years and 211 of 366 days.
    assert case["before_idle_yr"] == pytest.approx(8 + 211 / 365, abs=0.01)
    assert pd.isna(case["outcome"])
    assert case["owner_kind"] == "government"
    told = pd.read_parquet(folder / "evidence.parquet")
    told = told[told["parcel_id"].eq(case["parcel_id"]) & told["state"].eq("before")]
    law = told[told["decision"].eq("low_type") & told["standing"].eq("statutory")]
    assert "since_agreed_finish_yr" in set(law["field"])


def test_extension_adds_7_198_m2_on_its_own_land(cases: pd.DataFrame) -> None:
    case = cases.loc["extension"]
    assert case["gfa_m2"] - case["before_gfa_m2"] == pytest.approx(7198, abs=1e-6)
    assert case["before_outcome"] == "renewal"


@pytest.mark.parametrize("level", ["park", "zone", "district", "all"])
@pytest.mark.parametrize(
    ("state", "expected"),
    [("before", (0.81, 681.2, 0.896)), ("now", (0.83, 804.4, 0.946))],
)
def test_sums_of_the_zone(
    folder: Path, level: str, state: str, expected: tuple[float, float, float]
) -> None:
    table = pd.read_parquet(folder / "totals.parquet").set_index(["level", "state"])
    row = table.loc[(level, state)]
    found = row[["far", "tax_10k_yuan_ha", "developed_share"]].tolist()
    assert found == pytest.approx(expected, rel=1e-9)
    assert row["far_estimated_share"] == 0


def test_every_documented_figure_is_met_but_those_that_contradict_another(folder: Path) -> None:
    checks = pd.read_parquet(folder / "checks.parquet")
    off = checks[checks["agrees"].eq(other=False).fillna(value=False)]
    assert set(off["subject"] + off["claim"]) == {
        "development_rate_after> 0.95",
        "idle_unused_yr= 20",
    }
    unknown = checks[checks["computed"].isna()]
    assert set(unknown["subject"]) == {"buy_back_tax_full"}
    assert unknown["agrees"].isna().all()


def test_targets_of_the_carriers_by_district(folder: Path) -> None:
    targets = pd.read_parquet(folder / "targets.parquet").set_index("group")
    assert targets["target_2023_10k_m2"].sum() == 188
    assert targets["target_2024_10k_m2"].sum() == 266
    assert targets["target_10k_m2"].sum() == 454
    districts = {"浦东新区": 102, "青浦区": 112, "奉贤区": 105, "闵行区": 59, "宝山区": 76}
    assert targets["target_10k_m2"].to_dict() == districts
    assert targets.loc["闵行区", "status"] == "ok"
    assert targets.drop(index="闵行区")["uplift_10k_m2"].isna().all(), "unmapped is not zero"


def test_contradictions_between_documents(folder: Path) -> None:
    table = pd.read_parquet(folder / "contradictions.parquet").set_index("subject")
    assert table["verdict"].to_dict() == {
        "development_rate_after": "contradiction",
        "idle_unused_yr": "contradiction",
        "carriers_2023_10k_m2": "differs",
        "carriers_by_2024_10k_m2": "differs",
    }
    assert not table["synthetic"].any(), "documents against documents"


def test_everything_that_rests_on_the_zone_says_synthetic(
    folder: Path, parcels: gpd.GeoDataFrame
) -> None:
    tables = {path.stem: pd.read_parquet(path) for path in folder.glob("*.parquet")}
    tables.pop("contradictions")
    assert len(tables) == 11
    for name, table in tables.items():
        assert table["synthetic"].all(), name
        assert table["mark"].eq(MARK).all(), name
    assert parcels["name_zh"].str.startswith("合成").all()
    assert parcels["name_en"].str.startswith("synthetic").all()


def test_the_outline_of_the_zone(folder: Path, parcels: gpd.GeoDataFrame) -> None:
    zones = gpd.read_parquet(folder / "zones.parquet")
    assert zones["zone_id"].tolist() == ["H4"]
    assert zones.crs == parcels.crs
    assert zones.area.iloc[0] == pytest.approx(14_951_800, rel=1e-9)
    assert zones.geometry.iloc[0].buffer(1e-3).covers(parcels.union_all())
    assert "合成" in zones["name_zh"].iloc[0]


def test_access_and_island_results_of_the_park_reach_its_parcels(
    embedded: Path, parcels: gpd.GeoDataFrame
) -> None:
    ranks = pd.read_parquet(embedded / "layers/built/shanghai/island/ranks.parquet")
    for theme, row in ranks[ranks["place_id"].eq("H4")].set_index("theme").iterrows():
        assert parcels[f"island_{theme}_score"].eq(row["score"]).all()
    assert parcels["renewal_priority"].notna().all()
    assert (parcels["served"] + parcels["unserved"] + parcels["unmeasured"]).eq(3).all()


def test_a_study_without_a_file_has_nothing_to_report_about_it(embedded: Path) -> None:
    path = embedded / "outputs" / "shanghai" / "tables" / "parcel_findings.csv"
    assert pd.read_csv(path).empty

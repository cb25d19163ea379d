"""Check that the demonstration zone gives the documented totals and holds the documented cases."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.measures.parcel_partition import judge, measure
from pipeline.measures.parcel_totals import totals
from pipeline.settings.parcel_rules import RuleSet
from pipeline.sources.parcel_fields import catalogue
from pipeline.sources.parcel_rules import read_rules
from pipeline.sources.synthetic_parcels import (
    AFTER,
    BEFORE,
    SyntheticZone,
    before_renewal,
    synthetic_zone,
)

RULES = Path(__file__).resolve().parents[2] / "studies" / "rules"
ALL_TYPES = {
    *("idle", "surplus", "below_agreed", "renewal"),
    *("buy_back", "relocation", "allocation_expiry", "collective"),
}


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    return read_rules(RULES / "shanghai.yml")


@pytest.fixture(scope="module")
def made(rules: RuleSet) -> SyntheticZone:
    return synthetic_zone(seed=20250731, parcels=330, rules=rules)


def zone_totals(frame: pd.DataFrame) -> pd.Series:
    measured = measure(frame, study_date=AFTER, far_target=None, max_coverage_share=None)
    return totals(measured, by="zone_id", min_known_share=1.0).iloc[0]


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(min_value=0, max_value=2**32), parcels=st.integers(300, 400))
def test_totals_are_the_documented_ones_for_any_seed(seed: int, parcels: int) -> None:
    frame = synthetic_zone(
        seed=seed, parcels=parcels, rules=read_rules(RULES / "shanghai.yml")
    ).parcels
    assert len(frame) == parcels
    after, before = zone_totals(frame), zone_totals(before_renewal(frame))
    assert after["far"] == pytest.approx(0.83, rel=1e-12)
    assert after["tax_10k_yuan_ha"] == pytest.approx(804.4, rel=1e-12)
    assert after["developed_share"] == pytest.approx(0.946, rel=1e-12)
    assert before["far"] == pytest.approx(0.81, rel=1e-12)
    assert before["tax_10k_yuan_ha"] == pytest.approx(681.2, rel=1e-12)
    assert before["developed_share"] == pytest.approx(0.896, rel=1e-12)
    assert (frame[["gfa_m2", "tax_10k_yuan", "developed_area_m2"]] >= 0).all(axis=None)
    assert (frame["gfa_m2"] >= frame["before_gfa_m2"] - 1e-6).all()


def test_totals_agree_with_a_plain_sum(made: SyntheticZone) -> None:
    rows = [r for r in made.parcels.to_dict("records") if str(r["landuse_2023"])[:4] == "1001"]
    land = math.fsum(float(r["area_m2"]) for r in rows)
    assert math.fsum(float(r["gfa_m2"]) for r in rows) / land == pytest.approx(0.83, rel=1e-12)
    tax = math.fsum(float(r["tax_10k_yuan"]) for r in rows) / (land / 10_000)
    assert tax == pytest.approx(804.4, rel=1e-12)
    assert tax / 15 == pytest.approx(53.6, abs=0.05)


def test_plots_tile_the_blocks_inside_the_zone(made: SyntheticZone) -> None:
    zone = made.zone.geometry.iloc[0]
    plots = made.parcels.geometry
    assert zone.area == pytest.approx(14_951_800, rel=1e-12)
    assert plots.is_valid.all()
    assert plots.area.to_numpy() == pytest.approx(made.parcels["area_m2"].to_numpy(), rel=1e-6)
    whole = shapely.union_all(plots.to_numpy())
    assert whole.area == pytest.approx(plots.area.sum(), rel=1e-9), "plots overlap"
    assert shapely.difference(whole, zone).area < 1e-6
    streets = shapely.difference(zone, whole)
    assert 0.05 < streets.area / zone.area < 0.2
    assert len(shapely.get_parts(whole)) == 110, "one piece per block"


def test_documented_cases_are_in_it_and_judged_so(made: SyntheticZone) -> None:
    rules = read_rules(RULES / "shanghai.yml")
    measured = measure(
        before_renewal(made.parcels), study_date=BEFORE, far_target=None, max_coverage_share=None
    )
    frame = judge(measured, rules, estimated_confidence=0.7, grade_reference=None).frame
    case = frame[frame["case"].notna()].set_index("case")
    assert case["outcome_no"].to_dict() == {"idle": 1, "buy_back": 5, "extension": 4}
    assert case["area_m2"]["idle"] == pytest.approx(48.7 * 10_000 / 15, rel=1e-12)
    assert case.loc["buy_back", "far"] == pytest.approx(0.35, rel=1e-12)
    assert case.loc["extension", "zero_increment_m2"] == pytest.approx(7198, rel=1e-9)
    assert set(frame["outcome"].dropna()) == ALL_TYPES
    after = made.parcels.set_index("case")
    assert after.loc["buy_back", "gfa_m2"] == 18_700
    assert after.loc["buy_back", "far_now"] == pytest.approx(1.2, rel=1e-12)
    assert made.parcels.loc[made.parcels["revived"], "area_m2"].sum() / (10_000 / 15) > 2100


def test_everything_says_it_is_synthetic(made: SyntheticZone) -> None:
    assert made.parcels["synthetic"].all()
    assert made.zone["synthetic"].all()
    assert made.parcels["name_zh"].str.contains("合成").all()
    assert made.parcels["name_en"].str.contains("synthetic").all()
    assert "合成" in made.zone["name_zh"].iloc[0]


def test_columns_are_those_of_the_parcel_table(made: SyntheticZone) -> None:
    assert {field.name for field in catalogue().fields} <= set(made.parcels.columns)
    for field in catalogue().fields:
        if field.type == "code":
            allowed = set(catalogue().code_list(str(field.codes)))
            assert set(made.parcels[field.name].dropna()) <= allowed, field.name


def test_same_seed_same_bytes(made: SyntheticZone, rules: RuleSet, tmp_path: Path) -> None:
    digests = []
    again = synthetic_zone(seed=20250731, parcels=330, rules=rules)
    other = synthetic_zone(seed=1, parcels=330, rules=rules)
    for k, zone in enumerate((made, again, other)):
        path = tmp_path / f"{k}.parquet"
        zone.parcels.to_parquet(path)
        digests.append(hashlib.sha256(path.read_bytes()).hexdigest())
    assert digests[0] == digests[1] != digests[2]


def test_zone_stands_where_the_place_register_says(made: SyntheticZone) -> None:
    centre = made.zone.to_crs("EPSG:4326").geometry.iloc[0].centroid
    assert np.hypot(centre.x - 121.375, centre.y - 31.066) < 1e-4

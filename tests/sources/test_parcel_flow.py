"""Follow parcels from a file through indicators and verdicts to tables."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from pipeline.measures.parcel_footprints import far_from_footprints
from pipeline.measures.parcel_partition import evaluate_partition
from pipeline.measures.parcel_switches import scenario_columns
from pipeline.measures.parcel_totals import totals
from pipeline.settings.parcels import ParcelSettings, find_rules
from pipeline.sources.parcel_buildings import standard_buildings
from pipeline.sources.parcel_fields import catalogue
from pipeline.sources.parcel_rules import read_rules
from pipeline.sources.parcel_template import header_of
from pipeline.sources.parcels import read_parcels
from pipeline.sources.synthetic_parcels import BEFORE, before_renewal, synthetic_zone
from tests.built import parkgap
from tests.first_study import SHANGHAI

CRS = "EPSG:32651"
FIELDS = [field.name for field in catalogue().fields]


@pytest.fixture(scope="module")
def zone() -> gpd.GeoDataFrame:
    rules = read_rules(find_rules("shanghai"))
    settings = ParcelSettings().synthetic
    made = synthetic_zone(seed=settings.seed, parcels=settings.parcels, rules=rules)
    return before_renewal(made.parcels)


def judge(frame: pd.DataFrame) -> pd.DataFrame:
    settings = SHANGHAI.parcels
    return evaluate_partition(
        frame,
        read_rules(settings.rules).with_cutoffs(settings.cutoffs),
        study_date=BEFORE,
        far_target=settings.far_target,
        max_coverage_share=settings.max_coverage_share,
        estimated_confidence=settings.estimated_confidence,
        grade_reference=None,
    )


@pytest.mark.parametrize("kind", ["gpkg", "geojson", "xlsx in mu and yuan"])
def test_a_file_of_the_zone_is_judged_like_the_zone(
    zone: gpd.GeoDataFrame, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / f"p.{kind.split(maxsplit=1)[0]}"
    table = zone[[*FIELDS, "geometry"]].reset_index(drop=True)
    if path.suffix == ".xlsx":
        named = {f.name: header_of(f).replace("万元）", "元）") for f in catalogue().fields}
        named["area_m2"] = "用地面积（亩）"
        sheet = pd.DataFrame(table.drop(columns="geometry")).assign(WKT=table.geometry.to_wkt())
        money = [f.name for f in catalogue().fields if f.dimension == "money"]
        sheet[money] *= 10_000
        sheet["area_m2"] *= 15 / 10_000
        sheet.rename(columns=named).to_excel(path, index=False)
    else:
        table.to_file(path)
    read = read_parcels(
        path,
        working_crs=CRS,
        area_tolerance_share=0.05,
        overlap_min_m2=1.0,
        broken_cells="raise",
        crs=CRS if path.suffix == ".xlsx" else None,
    )
    assert read.report.strangers == []
    assert read.report.overlaps.empty
    assert read.report.repairs.empty
    expected, found = judge(zone), judge(read.frame)
    columns = ["verdict", "outcome", "also", "possible", "missing_fields"]
    pd.testing.assert_frame_equal(found[columns], expected[columns])
    sums = totals(found, by="zone_id", min_known_share=1.0)
    assert sums.loc["H4", "far"] == pytest.approx(0.81, rel=1e-9)
    assert sums.loc["H4", "tax_10k_yuan_ha"] == pytest.approx(681.2, rel=1e-9)


def test_buildings_of_openstreetmap_and_of_a_user() -> None:
    shapes = [shapely.box(0, 0, 10, 10), shapely.box(20, 0, 30, 10), shapely.Point(0, 0)]
    osm = gpd.GeoDataFrame(
        {"tags": ['{"building:levels": "3"}', '{"height": "60 ft", "building:levels": "~"}', "{}"]},
        geometry=shapes,
        crs=CRS,
    )
    out = standard_buildings(osm, working_crs=CRS)
    assert len(out) == 2
    assert out["levels"].fillna(-1).tolist() == [3, -1]
    assert out["height_m"].fillna(-1).tolist() == pytest.approx([-1, 18.288])
    own = gpd.GeoDataFrame(
        {"层数": ["2;5", "六"], "高度（米）": [None, 9]}, geometry=shapes[:2], crs=CRS
    )
    out = standard_buildings(own, working_crs=CRS)
    assert out["levels"].fillna(-1).tolist() == [5, -1]
    assert out["height_m"].fillna(-1).tolist() == [-1, 9]


def test_estimated_ratio_reaches_the_verdict_and_lowers_confidence(zone: gpd.GeoDataFrame) -> None:
    case = zone[zone["case"] == "buy_back"].copy()
    west, south, east, north = case.total_bounds
    house = shapely.box(west, south, west + (east - west) * 0.175, north)
    buildings = gpd.GeoDataFrame({"levels": [2.0]}, geometry=[house], crs=CRS)
    estimate = far_from_footprints(
        case, buildings, storey_height_m=4.5, min_levels_share=0.8, min_piece_share=0.05
    )
    assert estimate["far_estimated"].iloc[0] == pytest.approx(0.35, rel=1e-6)
    blind = case.assign(far_now=np.nan, gfa_m2=np.nan, far_estimated=estimate["far_estimated"])
    stated, estimated = judge(case).iloc[0], judge(blind).iloc[0]
    assert stated["outcome"] == estimated["outcome"] == "buy_back"
    assert estimated["far_basis"] == "estimated_footprints"
    assert estimated["estimated"]
    assert estimated["confidence"] == pytest.approx(0.7 * stated["confidence"])


def test_scenarios_are_computed_only_where_switched_on(zone: gpd.GeoDataFrame) -> None:
    frame = judge(zone.assign(safety_risk=False))
    off, on = ParcelSettings(), {"enabled": True}
    assert scenario_columns(
        frame, zero_class=off.zero_class, lease=off.lease, levy=off.levy
    ).columns.empty
    out = scenario_columns(
        frame,
        zero_class=off.zero_class.model_copy(update=on),
        lease=off.lease.model_copy(update=on),
        levy=off.levy.model_copy(update=on),
    )
    industrial = frame["landuse_2023"].str.startswith("1001").to_numpy(bool)
    assert (out["zero_far"].notna() | ~industrial).all()
    assert out.loc[industrial, "zero_far"].eq(2.5).all()
    terms = frame["asset_type"].map({"light": 20.0, "heavy": 50.0}).astype("float64")
    assert out["scenario_term_yr"].fillna(-1).tolist() == terms.fillna(-1).tolist()
    idle = (frame["outcome"] == "idle").fillna(value=False).to_numpy(bool)
    assert out["levy_10k_yuan"].notna().tolist() == idle.tolist()
    assert out["levy_10k_yuan"].max() <= 0.2 * frame["land_value_10k_yuan"].max()


def test_a_check_refuses_what_the_stage_would(tmp_path: Path) -> None:
    """A file that passes the check is not turned away by the run."""
    frame = gpd.GeoDataFrame(
        {"宗地号": ["甲-1", "甲-2"], "所属园区": ["H4", "H4"], "用地面积": [1.5, 1.5]},
        geometry=[shapely.box(121.40, 31.10, 121.401, 31.101), shapely.box(121.41, 31.1, 121.411, 31.101)],  # noqa: E501
        crs=4326,
    )  # fmt: skip
    frame.to_file(tmp_path / "plots.geojson")
    done = parkgap("check", str(tmp_path / "plots.geojson"), expect=3)
    assert "用地面积" in done.stdout
    assert "area_unit" in done.stdout
    told = frame.rename(columns={"用地面积": "用地面积（公顷）"})
    told.to_file(tmp_path / "told.geojson")
    parkgap("check", str(tmp_path / "told.geojson"))

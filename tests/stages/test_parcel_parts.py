"""Check that a table judged in spatial parts is judged as in one piece."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest

from pipeline.errors import CrsError
from pipeline.measures.parcel_partition import evaluate_partition
from pipeline.measures.parcel_totals import totals
from pipeline.settings.parcels import find_rules
from pipeline.sources.parcel_parts import split_parcels
from pipeline.sources.parcel_rules import read_rules
from pipeline.sources.parcels import read_parcels
from pipeline.sources.synthetic_parcels import synthetic_zone
from pipeline.stages.parcel_parts import combine_parts, judge_part, measure_part, study_rules
from pipeline.study import Study, find_study, read_study

CELL_M, ROWS = 1500.0, 100
VERDICT = ["verdict", "outcome", "also", "possible", "missing_fields", "confidence"]


def plan(rules: str) -> Study:
    path = find_study("shanghai", workspace=Path(__file__).parents[2])
    return read_study(path, {"parcels.rules": rules})


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rules = read_rules(find_rules("shanghai"))
    zone = synthetic_zone(seed=7, parcels=330, rules=rules).parcels
    plain = [name for name in zone.columns if not name.startswith(("before_", "source_row"))]
    path = tmp_path_factory.mktemp("large") / "p.parquet"
    zone[plain].reset_index(drop=True).to_parquet(path, row_group_size=50)
    return path


def whole(path: Path, study: Study) -> gpd.GeoDataFrame:
    frame = read_parcels(
        path,
        working_crs=study.study.crs,
        area_tolerance_share=0.05,
        overlap_min_m2=1.0,
        broken_cells="raise",
    ).frame
    return evaluate_partition(
        frame,
        study_rules(study),
        study_date=study.study.date,
        far_target=study.parcels.far_target,
        max_coverage_share=study.parcels.max_coverage_share,
        estimated_confidence=study.parcels.estimated_confidence,
        grade_reference=None,
    )


@pytest.mark.parametrize("suffix", [".parquet", ".gpkg"])
@pytest.mark.parametrize("rules", ["shanghai", "ningbo"])
def test_parts_are_judged_as_the_whole(
    source: Path, tmp_path: Path, rules: str, suffix: str
) -> None:
    path = source
    if suffix != source.suffix:
        path = tmp_path / f"p{suffix}"
        gpd.read_parquet(source).to_file(path)
    study, out = plan(rules), tmp_path / "out"
    parts = split_parcels(
        path, out / "parts", crs=study.study.crs, cell_m=CELL_M, rows=ROWS, layer=None
    )
    assert len(parts) > 4
    table = study_rules(study)
    for part in parts:
        measure_part(part, out, study, table)
    assert sum(judge_part(part, out, study, table) for part in reversed(parts)) == 330
    found = pd.concat(map(pd.read_parquet, sorted((out / "judged").glob("*.parquet"))))
    expected = whole(source, study)
    found = found.set_index("parcel_id").loc[expected.index]
    columns = [*VERDICT, *(["grade"] if rules == "ningbo" else [])]
    pd.testing.assert_frame_equal(found[columns], pd.DataFrame(expected[columns]))
    added = combine_parts(out, study).set_index(["level", "group"])
    summed = totals(expected, by="zone_id", min_known_share=study.parcels.min_known_share)
    for name in ("parcels", "far", "tax_10k_yuan_ha", "developed_share", "uplift_m2"):
        one = added.loc[("zone", "H4"), name]
        assert one == pytest.approx(summed.loc["H4", name], rel=1e-12), name
    assert added.loc[("all", "all"), "parcels"] == 330
    rows = pd.concat(map(pd.read_parquet, (out / "judged").glob("*.parquet")))["source_row"]
    assert sorted(rows.astype(int)) == list(range(1, 331)), "rows are those of the whole file"
    told = pd.read_parquet(out / "findings.parquet")["en"]
    assert not told.str.contains("source_row").any()


def test_an_id_in_two_parts_is_found_when_they_are_added_up(source: Path, tmp_path: Path) -> None:
    study, out = plan("shanghai"), tmp_path / "out"
    frame = gpd.read_parquet(source)
    first, last = frame.geometry.centroid.x.idxmin(), frame.geometry.centroid.x.idxmax()
    frame.loc[last, "parcel_id"] = frame.loc[first, "parcel_id"]
    frame.to_parquet(tmp_path / "p.parquet")
    parts = split_parcels(
        tmp_path / "p.parquet",
        out / "parts",
        crs=study.study.crs,
        cell_m=CELL_M,
        rows=ROWS,
        layer=None,
    )
    table = study_rules(study)
    for part in parts:
        judge_part(part, out, study, table)
    combine_parts(out, study)
    findings = pd.read_parquet(out / "findings.parquet")
    repeated = findings[findings["kind"].eq("duplicate")]
    assert repeated["zh"].str.contains(str(frame.loc[first, "parcel_id"])).tolist() == [True]


def test_a_file_without_a_crs_is_refused(source: Path, tmp_path: Path) -> None:
    frame = gpd.read_parquet(source)
    frame.set_crs(None, allow_override=True).to_parquet(tmp_path / "p.parquet")
    with pytest.raises(CrsError):
        split_parcels(
            tmp_path / "p.parquet",
            tmp_path / "parts",
            crs="EPSG:32651",
            cell_m=CELL_M,
            rows=ROWS,
            layer=None,
        )

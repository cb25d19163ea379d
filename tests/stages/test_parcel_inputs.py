"""Follow an analyst's own file through the parcel stage, and the rule file into its basis."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from pipeline.basis import stage_basis, stage_sources
from pipeline.engine import execute_stage
from pipeline.errors import FieldError, StudyError
from pipeline.settings.parcels import find_rules
from pipeline.stages.flow import BY_NAME
from pipeline.study import Study, find_study, read_study

UPSTREAM = BY_NAME["parcels"].needs
MU = 10_000 / 15


@pytest.fixture(scope="module")
def place(embedded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a workspace in which everything before the parcels is built."""
    root = tmp_path_factory.mktemp("own")
    for stage in UPSTREAM:
        shutil.copytree(
            embedded / "layers/built/shanghai" / stage, root / "layers/built/shanghai" / stage
        )
    return root


def plan(**overrides: object) -> Study:
    path = find_study("shanghai", workspace=Path(__file__).parents[2])
    return read_study(path, {key.replace("__", "."): value for key, value in overrides.items()})


def judged(root: Path, **overrides: object) -> Path:
    built = root / "layers" / "built" / "shanghai"
    (built / "study.json").write_text(plan(**overrides).model_dump_json(), encoding="utf-8")
    execute_stage("parcels", built / "study.json")
    return built / "parcels"


def plot(east_m: float, height_m: float) -> shapely.Polygon:
    west = 344_900 + east_m
    return shapely.box(west, 3_438_000, west + 100, 3_438_000 + height_m)


def own_file(path: Path, **columns: object) -> Path:
    frame = gpd.GeoDataFrame(
        {
            "宗地号": ["甲-1", "甲-2", "乙-1"],
            "所属园区": ["莘庄工业区", "H4", "莘庄工业小区"],
            "用地面积（亩）": [15.0, 15.0, 30.0],
            "税收（万元）": [300.0, None, 900.0],
            "用地代码": ["100101"] * 3,
            "规划容积率": [2.0] * 3,
            "备注": ["", "", ""],
        }
        | columns,
        geometry=[plot(0, 100), plot(300, 100), plot(600, 200)],
        crs="EPSG:32651",
    )
    frame.to_file(path)
    return path


def test_own_file_is_converted_joined_to_its_park_and_reported(place: Path, tmp_path: Path) -> None:
    folder = judged(place, inputs__parcels__path=str(own_file(tmp_path / "p.gpkg")))
    parcels = gpd.read_parquet(folder / "parcels.parquet").set_index("parcel_id")
    assert parcels["area_m2"].tolist() == pytest.approx([20_000, 10_000, 10_000])
    assert parcels["park_id"].to_dict() == {"甲-1": "H4", "甲-2": "H4", "乙-1": "莘庄工业小区"}
    assert not parcels["synthetic"].any()
    assert parcels["mark"].isna().all()
    assert parcels["island_contrast_score"].notna().tolist() == [False, True, True]
    totals = pd.read_parquet(folder / "totals.parquet").set_index(["level", "group"])
    assert totals.loc[("all", "all"), "parcels"] == 3
    # The rate of the park: half its land has data, which is below the least known share.
    assert totals.loc[("park", "H4"), "tax_10k_yuan_ha_known_share"] == pytest.approx(0.5)
    assert pd.isna(totals.loc[("park", "H4"), "tax_10k_yuan_ha"])
    findings = pd.read_csv(place / "outputs/shanghai/tables/parcel_findings.csv")
    assert findings["kind"].value_counts().to_dict() == {
        "column": 6,
        "column_left_out": 1,
        "note": 1,
    }
    note = findings.loc[findings["kind"].eq("note"), "zh"].item()
    assert "园区“莘庄工业小区”不在地点名册中" in note
    assert "最接近的名称是“莘庄工业区”" in note
    told = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["notices"]
    assert [notice["en"] for notice in told] == [
        "8 findings on the parcel file, see tables/parcel_findings.csv"
    ]


def test_floor_area_from_footprints_is_marked_with_its_share(place: Path, tmp_path: Path) -> None:
    path = own_file(tmp_path / "p.gpkg", 容积率=[1.0, None, None])
    houses = gpd.GeoDataFrame(
        {"层数": [3]}, geometry=[shapely.box(345_200, 3_438_000, 345_250, 3_438_100)],
        crs="EPSG:32651",
    )  # fmt: skip
    houses.to_file(tmp_path / "houses.gpkg")
    folder = judged(
        place,
        inputs__parcels__path=str(path),
        inputs__parcels__buildings=str(tmp_path / "houses.gpkg"),
    )
    parcels = gpd.read_parquet(folder / "parcels.parquet").set_index("parcel_id")
    assert parcels["far"].fillna(-1).to_dict() == pytest.approx(
        {"甲-1": 1.0, "甲-2": 1.5, "乙-1": -1}
    )
    bases = {"甲-1": "given", "甲-2": "estimated_footprints", "乙-1": "-"}
    assert parcels["far_basis"].fillna("-").to_dict() == bases
    totals = pd.read_parquet(folder / "totals.parquet").set_index(["level", "group"])
    assert totals.loc[("park", "H4"), "far"] == pytest.approx(1.25)
    assert totals.loc[("park", "H4"), "far_estimated_share"] == pytest.approx(0.5)
    findings = pd.read_parquet(folder / "findings.parquet")
    told = findings.loc[findings["kind"].eq("estimate"), "en"].item()
    assert told.startswith("2 parcels state no FAR, 1 of them are estimated")


def test_a_table_beside_the_outlines_and_names_nobody_knows(place: Path, tmp_path: Path) -> None:
    path = own_file(tmp_path / "p.gpkg")
    gpd.read_file(path)[["宗地号", "geometry"]].to_file(tmp_path / "only.gpkg")
    table = pd.DataFrame({"宗地号": ["甲-1", "甲-2", "乙-1"], "Spalte 7": [2, 3, 4]})
    table.to_excel(tmp_path / "t.xlsx", index=False)
    given = {
        "inputs__parcels__path": str(tmp_path / "only.gpkg"),
        "inputs__parcels__table": str(tmp_path / "t.xlsx"),
    }
    folder = judged(place, **given, inputs__parcels__columns={"far_now": "Spalte 7"})
    parcels = gpd.read_parquet(folder / "parcels.parquet").set_index("parcel_id")
    assert parcels["far"].to_dict() == {"甲-1": 2, "甲-2": 3, "乙-1": 4}
    with pytest.raises(FieldError, match="Spalte 7"):
        judged(place, **given, inputs__parcels__columns={"far_now": "Spalte 8"})


def test_scenarios_are_columns_once_switched_on(place: Path) -> None:
    names = ["zero_gfa_m2", "scenario_term_yr", "levy_10k_yuan"]
    off = pd.read_parquet(judged(place) / "parcels.parquet")
    assert not set(names) & set(off.columns)
    on = {f"parcels__{name}__enabled": True for name in ("zero_class", "lease", "levy")}
    parcels = pd.read_parquet(judged(place, **on) / "parcels.parquet")
    assert parcels[names].notna().any().all()
    idle = parcels["outcome"].eq("idle").fillna(value=False)
    assert parcels["levy_10k_yuan"].notna().tolist() == idle.tolist()
    assert parcels.loc[idle, "levy_10k_yuan"].tolist() == pytest.approx(
        (0.2 * parcels.loc[idle, "land_value_10k_yuan"]).tolist()
    )


def test_ningbo_tells_inside_from_outside_the_control_line(place: Path) -> None:
    folder = judged(place, parcels__rules="ningbo")
    parcels = pd.read_parquet(folder / "parcels.parquet")
    outcome = parcels["outcome"].fillna(parcels["verdict"])
    by_line = outcome.groupby(parcels["in_control_line"].astype("string").fillna("?")).unique()
    assert set(by_line["True"]) <= {"upgrade", "transform", "possible", "none"}
    assert set(by_line["False"]) <= {"move", "exit", "retain", "possible", "none"}
    assert {"upgrade", "transform"} <= set(by_line["True"])
    assert {"move", "exit"} <= set(by_line["False"])
    assert set(by_line["?"]) <= {"possible", "none"}, "unknown is not outside"
    graded = parcels["grade"].value_counts(normalize=True)
    assert graded.loc["A"] == pytest.approx(0.2, abs=0.01)
    totals = pd.read_parquet(folder / "totals.parquet").set_index(["level", "state"])
    assert totals.loc[("zone", "now"), "far"] == pytest.approx(0.83)
    assert pd.read_parquet(folder / "checks.parquet")["agrees"].notna().any()


def test_a_rule_file_is_a_source_of_the_stage(tmp_path: Path) -> None:
    own = tmp_path / "mine.yml"
    shutil.copy(find_rules("shanghai"), own)
    spec, study = BY_NAME["parcels"], plan(parcels__rules=str(own))
    sources = stage_sources(spec, study)
    assert sources["parcels.rules"] == own
    assert sources["parcels.synthetic.documented"] == find_rules("shanghai")
    assert stage_basis(spec, study)["settings"]["parcels"]["rules"] == "mine.yml"
    for name, other in BY_NAME.items():
        if "parcels" not in (*other.settings, name):
            assert own not in stage_sources(other, study).values(), name


def test_wrong_names_are_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="nearest match: ningbo"):
        plan(parcels__rules="ningbu")
    own_file(tmp_path / "p.gpkg")
    for key, value, words in (
        ("inputs__parcels__path", str(tmp_path / "q.gpkg"), "nearest match in that folder: p.gpkg"),
        ("inputs__parcels__table", str(tmp_path / "p.gpkg"), "only together with"),
        ("inputs__parcels__crs", "EPSG:999999", "for example EPSG:4549"),
    ):
        with pytest.raises(StudyError, match=words):
            plan(**{key: value})

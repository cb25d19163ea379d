"""Scenarios change what they name and nothing else; the ledger and the comparison say what."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import geopandas as gpd
import numpy as np
import osmium
import pandas as pd
import pytest
import shapely

from pipeline.errors import GeometryError, LayerError, StudyError
from pipeline.network.osm_streets import read_osm_streets
from pipeline.resources import shipped
from pipeline.scenarios import compare_words
from pipeline.scenarios.compare import compare_runs
from pipeline.scenarios.draw import draw_scenario
from pipeline.scenarios.files import Scenario, find_scenario, read_scenario
from pipeline.scenarios.inputs import changed_study
from pipeline.scenarios.ledger import parcel_ledger, place_ledger, summary_of
from pipeline.settings.network import NetworkSettings
from pipeline.sources.extract_links import Link, with_links
from pipeline.study import Study, find_study, read_study
from pipeline.workspace import Workspace
from tests.built import PROJECT, parkgap
from tests.network.osm_writing import CORNER, UTM, draw_lattice


@pytest.fixture(scope="module")
def study() -> Study:
    return read_study(find_study("shanghai", workspace=PROJECT))


def scenario(*changes: dict[str, object]) -> Scenario:
    return Scenario.model_validate(
        {"schema_version": 1, "name_zh": "试", "name_en": "try", "changes": list(changes)}
    )


def test_every_shipped_scenario_is_valid_and_fits_the_study(study: Study, tmp_path: Path) -> None:
    paths = sorted((shipped("studies") / "scenarios").glob("*.yml"))
    assert len(paths) >= 6
    for path in paths:
        asked = read_scenario(path)
        if any(change.kind == "open_gate" for change in asked.changes):
            with pytest.raises(StudyError, match="OSM extract"):
                changed_study(asked, study, tmp_path / path.stem)
        else:
            assert changed_study(asked, study, tmp_path / path.stem), path


@pytest.mark.shared
def test_a_gate_opens_in_the_sample_extract(extract: Path, tmp_path: Path) -> None:
    study = read_study(
        find_study("shanghai", workspace=PROJECT), {"inputs.osm_extract": str(extract)}
    )
    asked = read_scenario(find_scenario("gate_fenglin", workspace=PROJECT))
    changed = Path(changed_study(asked, study, tmp_path)["inputs.osm_extract"])
    ways = [
        sum(1 for _ in osmium.FileProcessor(str(path), osmium.osm.WAY))
        for path in (extract, changed)
    ]
    assert ways[1] == ways[0] + 1


def test_an_extension_stands_in_order_on_its_line(study: Study, tmp_path: Path) -> None:
    asked = read_scenario(find_scenario("line15_south", workspace=PROJECT))
    overrides = changed_study(asked, study, tmp_path)
    lines = pd.read_csv(overrides["inputs.line_stations"]["path"], dtype={"line_id": str})
    run = lines[lines["line_id"].eq("15") & lines["branch"].eq("main")].sort_values("seq")
    assert run["name_zh"].head(6).tolist() == [
        "东方美谷大道", "汇丰北路", "西闸公路", "兰香湖南路", "紫竹高新区", "永德路",
    ]  # fmt: skip
    assert run["seq"].tolist() == list(range(len(run)))
    planned = pd.read_csv(overrides["inputs.planned_stations"]["path"])
    assert not planned["planned_id"].isin(["p-dongfangmeigudadao"]).any()
    kept = pd.read_csv(shipped("reference") / "line_stations.csv", dtype={"line_id": str})
    others = lines[lines["line_id"].ne("15")].reset_index(drop=True)
    before = kept[kept["line_id"].ne("15")].reset_index(drop=True)
    pd.testing.assert_frame_equal(others[["station_id", "seq"]], before[["station_id", "seq"]])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"kind": "extend_line", "line_id": "15", "at": "nowhere", "stations": ["p-situan"]}, "at"),
        ({"kind": "open_line", "line_id": "99", "stations": ["p-situan", "x"]}, "stations"),
        ({"kind": "open_line", "line_id": "15", "stations": ["p-situan", "x"]}, "stations"),
        ({"kind": "change_need", "service": "bus", "threshold": 5}, "service"),
        ({"kind": "open_gate", "name": "g", "start": [121, 31], "end": [121, 31]}, "open_gate"),
    ],
)
def test_what_the_study_does_not_have_is_named(
    study: Study, tmp_path: Path, change: dict[str, object], named: str
) -> None:
    with pytest.raises(StudyError) as caught:
        changed_study(scenario(change), study, tmp_path)
    assert caught.value.problems[0].rule == named


def test_a_new_campus_and_a_new_school_join_their_tables(study: Study, tmp_path: Path) -> None:
    at = {"name_zh": "新", "name_en": "New", "lon": 121.47, "lat": 30.95}
    school = {"kind": "add_school", "variants": ["policy_76"], **at}
    changes = scenario({"kind": "add_hospital", **at}, school)
    overrides = changed_study(changes, study, tmp_path)
    hospitals = pd.read_csv(overrides["inputs.hospitals"]["path"])
    schools = pd.read_csv(overrides["inputs.schools"]["path"])
    assert hospitals.iloc[-1][["grade", "kind"]].tolist() == ["3A", "general"]
    assert bool(schools.iloc[-1]["v_policy_76"]) is True
    assert overrides["inputs.hospitals"]["licence"] == "ODbL-1.0"
    assert not schools["school_id"].duplicated().any()


@pytest.mark.parametrize(
    "text",
    [
        "schema_version: 1",
        "[1, 2",
        "schema_version: 1\nname_zh: a\nname_en: b\nchanges: [{kind: fly}]",
        "schema_version: 2\nname_zh: a\nname_en: b\nchanges: []",
    ],
)
def test_a_broken_file_is_refused_with_its_path(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(StudyError) as caught:
        read_scenario(path)
    assert caught.value.problems[0].path == path
    with pytest.raises(StudyError, match="line15_south"):
        find_scenario("line15_sout", workspace=tmp_path)


def lattice_extract(path: Path) -> tuple[Path, list[tuple[float, float]]]:
    """Two towns of 3 x 3 streets, 400 m apart, and the corners that face each other."""
    drawing = draw_lattice(3, 3)
    other = draw_lattice(3, 3)
    for node, (x_m, y_m) in other.places.items():
        drawing.node(node + 100_000, x_m + 600, y_m)
    for way, nodes, tags in other.ways:
        drawing.way(way + 100_000, [node + 100_000 for node in nodes], tags)
    ends = gpd.GeoSeries.from_xy(
        [CORNER[0] + 201, CORNER[0] + 599], [CORNER[1] + 101] * 2, crs=UTM
    ).to_crs(4326)
    return drawing.write(path), [(point.x, point.y) for point in ends]


def test_an_opened_gate_joins_what_was_apart(tmp_path: Path) -> None:
    source, ends = lattice_extract(tmp_path / "towns.osm.pbf")
    target = with_links(
        source, tmp_path / "gate.osm.pbf", [Link("gate", ends[0], ends[1])], snap_max_m=50
    )
    rules = {"walk": NetworkSettings().walk}
    parts = []
    for path in (source, target):
        graph = read_osm_streets(
            path, area=None, crs=UTM, rules=rules, walk_speed_m_min=80.0, scrap_max_km=0.0
        )["walk"]
        parts.append(graph.nodes["component"].nunique())
        length = graph.edges["length_m"].sum()
    assert parts == [2, 1]
    assert length == pytest.approx(2 * 1200 + 400, rel=1e-3)
    count = [sum(1 for _ in osmium.FileProcessor(str(path))) for path in (source, target)]
    assert count[1] == count[0] + 1


def test_a_gate_in_a_field_is_refused(tmp_path: Path) -> None:
    source, ends = lattice_extract(tmp_path / "towns.osm.pbf")
    far = (ends[0][0] + 0.1, ends[0][1])
    with pytest.raises(GeometryError, match="mapped streets"):
        with_links(source, tmp_path / "x.osm.pbf", [Link("g", ends[0], far)], snap_max_m=50)
    with pytest.raises(GeometryError, match="different nodes"):
        with_links(source, tmp_path / "x.osm.pbf", [Link("g", ends[0], ends[0])], snap_max_m=50)
    assert not (tmp_path / "x.osm.pbf").exists()


def frames() -> tuple[pd.DataFrame, pd.DataFrame, gpd.GeoDataFrame, gpd.GeoDataFrame]:
    before = pd.DataFrame(
        {
            "place_id": list("abcdef"),
            "service": "rail",
            "unit": "min",
            "value": [20.0, 5.0, 20.0, 20.0, 20.0, np.nan],
            "gap": [1.0, 0.0, 1.0, 0.5, 0.5, np.nan],
            "finding": ["gap", "no_gap", "gap", "gap", "gap", None],
            "verdict": "robust",
            "rank": np.nan,
            "method": "estimated_straight_line",
            "status": "ok",
        }
    )
    after = before.assign(
        value=[8.0, 12.0, 20.0, 18.0, 22.0, np.nan],
        gap=[0.0, 0.2, 1.0, 0.4, 0.6, np.nan],
        finding=["no_gap", "gap", "gap", "gap", "gap", None],
    )
    places = gpd.GeoDataFrame(
        {
            "place_id": list("abcdef"),
            "name_zh": "地",
            "name_en": "place",
            "tier": "x",
            "planned_area_km2": [1.0, 2.0, np.nan, 4.0, 5.0, 6.0],
        },
        geometry=[*(shapely.box(i * 10, 0, i * 10 + 5, 5) for i in range(5)), None],
        crs=UTM,
    )
    people = pd.DataFrame({"place_id": ["a", "b", "c"], "residents": [10.0, 100.0, 0.0]})
    return before, after, places, people


def test_the_ledger_names_every_kind_of_change() -> None:
    before, after, places, people = frames()
    ledger = place_ledger(before, after, places, people).set_index("place_id")
    assert ledger["change"].to_dict() == {
        "a": "closed", "b": "opened", "c": "same", "d": "eased", "e": "worsened", "f": "unknown",
    }  # fmt: skip
    assert ledger.loc["a", "residents"] == 10.0
    assert ledger.loc["c", "residents"] == 0.0
    assert np.isnan(ledger.loc["f", "residents"])
    summary = summary_of(ledger.reset_index()).set_index("change")
    assert summary.loc["same", "places"] == 1
    assert np.isnan(summary.loc["same", "area_km2"])
    assert summary.loc["closed", "area_km2"] == 1.0


def test_parcels_that_change_class_are_listed_with_their_land() -> None:
    before = pd.DataFrame(
        {
            "parcel_id": ["p1", "p2", "p3"],
            "park_id": "H4",
            "area_m2": [10.0, 20.0, 30.0],
            "synthetic": True,
            "served_rail": pd.array([False, True, None], dtype="boolean"),
        }
    )
    after = before.assign(served_rail=pd.array([True, True, None], dtype="boolean"))
    found = parcel_ledger(before, after)
    assert found[["parcel_id", "area_m2", "class"]].to_numpy().tolist() == [
        ["p1", 10.0, "served_rail"]
    ]


def test_a_workspace_is_equal_to_itself_and_a_setting_is_told(
    embedded: Path, tmp_path: Path
) -> None:
    first = Workspace(embedded, "shanghai")
    same = compare_runs(first, first)
    assert same.causes.empty
    assert same.files.empty
    assert same.places.empty
    other = tmp_path / "other"
    shutil.copytree(embedded / "layers", other / "layers")
    second = Workspace(other, "shanghai")
    manifest = second.manifest("gaps")
    told = json.loads(manifest.read_text(encoding="utf-8"))
    told["basis"]["settings"]["gaps"]["cap"] = 2.0
    told["basis"]["code"] = "0" * 64
    manifest.write_text(json.dumps(told), encoding="utf-8")
    gaps = pd.read_parquet(second.built / "gaps" / "gaps.parquet")
    row = gaps.index[gaps["place_id"].eq("K1") & gaps["service"].eq("rail")][0]
    gaps.loc[row, "value"] += 1.0
    gaps.to_parquet(second.built / "gaps" / "gaps.parquet", index=False)
    found = compare_runs(first, second)
    assert found.causes[["cause", "what"]].to_numpy().tolist() == [
        ["settings", "gaps.cap"],
        ["code", "code"],
    ]
    assert found.places[["place_id", "service"]].to_numpy().tolist() == [["K1", "rail"]]
    lines = compare_words.told(found, {})
    assert "  设置 / setting  gaps.cap: 1.0 → 2.0  [gaps]" in lines
    assert any(line.startswith("  K1 张江") and "轨道" in line for line in lines)
    assert lines[-1].startswith("共 1 个结果")
    assert "没有 / none" in "".join(compare_words.told(same, {}))
    bare = Workspace(tmp_path / "bare", "shanghai")
    bare.built.mkdir(parents=True)
    shutil.copy(first.plan, bare.plan)
    with pytest.raises(LayerError, match="no built study"):
        compare_runs(first, bare)


def test_a_stricter_threshold_opens_gaps_and_leaves_the_values(
    embedded: Path, tmp_path: Path
) -> None:
    shutil.copytree(embedded, tmp_path / "copy")
    parkgap("scenario", "run", "hospital_20min", "-w", str(tmp_path / "copy"), "--no-parcels")
    folder = tmp_path / "copy" / "outputs" / "shanghai" / "scenarios" / "hospital_20min"
    ledger = pd.read_csv(folder / "ledger.csv")
    hospital = ledger[ledger["service"].eq("hospital")]
    assert (hospital["value_before"].fillna(-1) == hospital["value_after"].fillna(-1)).all()
    assert hospital["change"].eq("opened").sum() >= 5
    assert not hospital["change"].isin(["closed", "eased"]).any()
    rail = ledger[ledger["service"].eq("rail")]
    assert set(rail["change"]) <= {"same", "unknown"}
    assert json.loads((folder / "scenario.json").read_text(encoding="utf-8"))["hypothetical"]
    page = (folder / "map.html").read_text(encoding="utf-8")
    assert "医院的门槛改为 20" in page
    assert "../../maps/overview.html" in page


def test_shipped_scenarios_of_every_service_ease_gaps_together(
    embedded: Path, tmp_path: Path
) -> None:
    from ruamel.yaml import YAML

    yaml, folder = YAML(typ="safe", pure=True), shipped("studies") / "scenarios"
    names = ("line13_west", "hospital_oriental_beauty_valley", "school_zhangjiang_south")
    changes = [
        change
        for name in names
        for change in yaml.load((folder / f"{name}.yml").read_text(encoding="utf-8"))["changes"]
    ]
    asked = {"schema_version": 1, "name_zh": "合", "name_en": "all", "changes": changes}
    (tmp_path / "all.yml").write_text(json.dumps(asked, ensure_ascii=False), encoding="utf-8")
    shutil.copytree(embedded, tmp_path / "copy")
    parkgap(
        "scenario", "run", str(tmp_path / "all.yml"), "-w", str(tmp_path / "copy"), "--no-parcels"
    )
    written = tmp_path / "copy" / "outputs" / "shanghai" / "scenarios" / "all"
    ledger = pd.read_csv(written / "ledger.csv").set_index(["place_id", "service"])["change"]
    assert ledger["X8", "rail"] == "eased"
    assert ledger["X3", "hospital"] == "closed"
    assert ledger[:, "school"].isin(["closed", "eased"]).sum() >= 3
    assert not ledger.isin(["opened", "worsened"]).any()
    page = (written / "map.html").read_text(encoding="utf-8")
    for words in ("线路 13 延伸 5 站", "新设医院院区：假设院区", "新设学校：假设高中"):
        assert words in page


def test_a_gate_is_drawn_and_a_map_without_change_says_so(embedded: Path, study: Study) -> None:
    place = Workspace(embedded, "shanghai")
    gaps = pd.read_parquet(place.built / "gaps" / "gaps.parquet")
    ledger = place_ledger(
        gaps,
        gaps,
        gpd.read_parquet(place.built / "ingest" / "places.parquet"),
        pd.read_parquet(place.built / "ingest" / "people_of_places.parquet"),
    )
    page = draw_scenario(
        read_scenario(find_scenario("gate_fenglin", workspace=PROJECT)),
        study=study,
        before=place,
        after=place,
        ledger=ledger,
        summary=summary_of(ledger),
        parcels=None,
        target=place.outputs / "scenarios" / "gate" / "map.html",
    )
    assert "开放的步行口" in page
    assert "没有地点的缺口发生变化" in page

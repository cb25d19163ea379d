"""Hold the embedded tables to their dictionary, to the sources' sums, and to real OSM data."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.documents.reference import render_reference_docs
from pipeline.errors import FieldError, SourceError
from pipeline.sources.reference import (
    check_references,
    read_reference,
    reference_folder,
    reference_tables,
)

TABLES = tuple(reference_tables())
LARGEST_FILE_BYTES = 400_000
LINE_4_AND_3 = ["中山公园", "中潭路", "上海火车站", "宝山路", "延安西路"]
LINE_4_AND_3 += ["曹杨路", "金沙江路", "镇坪路", "虹桥路"]


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """Copy the tables so that a test may break them."""
    return Path(shutil.copytree(reference_folder(), tmp_path / "reference"))


def places() -> Any:
    return read_reference("places").set_index("place_id")


def figures() -> Any:
    return read_reference("policy_figures").set_index("figure_id")


@pytest.mark.parametrize("name", TABLES)
def test_every_table_loads_and_every_row_names_its_source(name: str) -> None:
    table = read_reference(name)
    assert len(table) > 0
    if "source" in table.columns:
        assert table["source"].str.len().gt(3).all()
    else:
        assert reference_tables()[name].sources


@pytest.mark.parametrize("name", TABLES)
def test_files_are_small_plain_and_described(name: str) -> None:
    raw = (reference_folder() / f"{name}.csv").read_bytes()
    assert len(raw) < LARGEST_FILE_BYTES
    assert b"\r" not in raw
    assert raw.endswith(b"\n")
    spec = reference_tables()[name]
    assert all(column.zh and column.en for column in spec.columns)
    assert spec.title_zh
    assert spec.title_en
    assert spec.description_zh
    assert spec.description_en


def test_every_file_of_the_folder_is_in_the_dictionary() -> None:
    files = {path.stem for path in reference_folder().glob("*.csv")}
    assert files - set(TABLES) <= {"cells_500m", "cells_500m_land", "inventory"}
    assert set(TABLES) <= files


def test_tables_with_osm_positions_carry_the_odbl_and_its_attribution() -> None:
    for spec in reference_tables().values():
        osm = {"osm_ref", "osm_name", "lon"} & {column.name for column in spec.columns}
        if osm:
            assert spec.licence.name == "ODbL-1.0"
            assert spec.licence.attribution == "© OpenStreetMap contributors"


def test_references_between_tables_hold() -> None:
    check_references()


def test_targets_sum_to_the_annex() -> None:
    register = places()
    carriers = register[register["tier"] == "carrier"]
    assert carriers["target_2023_10k_m2"].sum() == 188
    assert carriers["target_2024_10k_m2"].sum() == 266
    assert register[["target_2023_10k_m2", "target_2024_10k_m2"]].sum().sum() == 454
    assert pd.isna(register.loc["M2", "target_2024_10k_m2"])


def test_targets_by_area_and_priority() -> None:
    register = places()
    both = register["target_2023_10k_m2"].fillna(0) + register["target_2024_10k_m2"].fillna(0)
    areas = both.groupby(register["target_area_zh"]).sum().to_dict()
    assert areas == {"浦东": 102, "青浦": 112, "宝山": 76, "闵行": 59, "临港": 50, "奉贤": 55}
    groups = both.groupby(register["priority_group"]).sum().to_dict()
    assert groups == {"expand": 211, "foster": 243}
    assert register["priority_group"].value_counts().to_dict() == {"expand": 4, "foster": 4}


def test_layout_has_one_core_five_zones_seven_named_carriers_and_eight_projects() -> None:
    register = places()
    top = register["parent_id"].isna()
    assert register.index[(register["tier"] == "core") & top].tolist() == ["C1"]
    assert (register["tier"] == "zone").sum() == 5
    assert ((register["tier"] == "x") & register["layout_named"]).sum() == 7
    assert (register["tier"] == "carrier").sum() == 8
    assert (register["tier"] == "cluster").sum() == 8
    assert len(register) == 50


def test_case_parks_agree_with_table_2() -> None:
    register = places()
    found = register.loc[
        ["K1", "K2", "K3"],
        ["category", "planned_area_km2", "built_since", "location_type", "space_type", "stage"],
    ]
    assert found.to_numpy().tolist() == [
        ["case_park", 3.13, "2019-04", "near_suburb", "new_and_renewal", "mature"],
        ["case_park", 4.39, "2020-09", "outer_suburb", "new_build", "growing"],
        ["case_park", 0.039, "2024-04", "central_city", "renewal", "starting"],
    ]


def test_minhang_has_four_bases_and_three_focal_areas() -> None:
    register = places()
    assert (register["district_role"] == "existing_base").sum() == 4
    assert sorted(register.index[register["district_focus"]]) == ["H2", "H3", "X8"]


def test_borrowed_points_are_equal_and_station_points_are_flagged() -> None:
    register = places()
    for place, giver in register["point_from"].dropna().items():
        for axis in ("lon", "lat"):
            assert register.loc[place, axis] == register.loc[giver, axis]
    flagged = register.index[register["is_station_point"]].tolist()
    assert flagged == ["M2", "T3", "T4", "T5", "T7", "H5", "H6", "H7", "R2", "R3"]
    same = register["same_site_as"].dropna()
    assert all(register.loc[other, "same_site_as"] == place for place, other in same.items())


def test_no_place_claims_a_boundary_it_does_not_have() -> None:
    register = places()
    indicative = register["boundary_class"] == "indicative"
    assert register.loc[indicative, "planned_area_km2"].notna().all()
    assert register["lon"].notna().equals(register["precision_m"].notna())
    assert set(register["boundary_class"]) == {"indicative", "none"}


def test_official_count_of_line_stations_is_reproduced() -> None:
    stations = read_reference("line_stations")
    count = read_reference("line_station_count").set_index("line_id")
    history: Any = read_reference("metro_history").set_index(["date", "kind"])
    counted = (stations["count_role"] == "counted").groupby(stations["line_id"]).sum()
    assert counted.to_dict() == count["counted"].to_dict()
    rows = stations["line_id"].value_counts()
    assert rows.sort_index().tolist() == count["rows_in_table"].sort_index().tolist()
    total = int(count["counted"].sum() + count["missing_count"].sum())
    assert total == count["official_total_share"].sum() == 523
    assert history.loc[(pd.Timestamp("2025-12-27"), "official"), "line_stations"] == total
    named = count["missing_names"].dropna().str.split("、").map(len)
    assert named.sum() == count["missing_count"].sum() == 3
    assert read_reference("lines")["in_official_count"].sum() == 21


def test_history_steps_agree_with_the_openings() -> None:
    history = read_reference("metro_history")
    official = history[history["kind"] == "official"].set_index("date")["line_stations"]
    steps = official.loc["2023-05-28":].diff().dropna().astype(int).tolist()
    # Kangheng Road and Xicen; the Airport Link; Panxiang Road; line 18 phase two.
    assert steps == [2, 7, 1, 5]


def test_stations_of_lines_3_and_4_are_shared() -> None:
    stations = read_reference("line_stations")
    shared = stations[stations["count_role"] == "shared_with_line_3"]
    assert sorted(shared["name_zh"]) == sorted(LINE_4_AND_3)
    assert set(shared["line_id"]) == {"04"}
    on_3 = set(stations.loc[stations["line_id"] == "03", "name_zh"])
    assert set(shared["name_zh"]) <= on_3


def test_sequences_run_from_zero_without_gaps() -> None:
    stations = read_reference("line_stations")
    for _, part in stations.groupby(["line_id", "branch"]):
        assert part["seq"].tolist() == list(range(len(part)))
    loop = stations[stations["line_id"] == "04"]
    assert loop["station_id"].iloc[0] == loop["station_id"].iloc[-1] == "yishanlu"
    for line in ("05", "10", "11"):
        part = stations[stations["line_id"] == line]
        junction = part[part["count_role"] == "repeated_junction"]
        assert len(junction) == 1
        main = part[part["branch"] == "main"]
        assert junction["station_id"].iloc[0] in set(main["station_id"])


def test_no_line_jumps_or_turns_back() -> None:
    stations = read_reference("line_stations")
    x = stations["lon"] * 95.4
    y = stations["lat"] * 110.9
    longest = {"metro": 9.5, "people_mover": 3, "suburban": 13, "maglev": 31}
    systems: dict[str, str] = dict(read_reference("lines")[["line_id", "system"]].to_numpy())
    keys: Any = ["line_id", "branch"]
    for (line, _), part in stations.groupby(keys):
        steps = np.column_stack([x.loc[part.index].diff(), y.loc[part.index].diff()])[1:]
        km = np.hypot(*steps.T)
        assert km.max() < longest[systems[str(line)]]
        assert km.min() > 0.3
        turns = (steps[1:] * steps[:-1]).sum(axis=1) / (km[1:] * km[:-1])
        assert turns.size == 0 or turns.min() > -0.5


def test_stations_that_never_opened_are_a_scenario_only() -> None:
    operating = set(read_reference("line_stations")["name_zh"])
    planned = read_reference("planned_stations")
    closed = planned[planned["evidence"] == "built_not_open"]
    assert set(closed["name_zh"]) == {"龙居路", "江杨南路"}
    assert operating.isdisjoint(closed["name_zh"])
    for name in ("四团", "季乐路", "前湾公园", "东方美谷大道"):
        assert name in set(planned["name_zh"]) - operating


def test_school_variants_count_56_76_94() -> None:
    schools = read_reference("quality_schools")
    assert schools["v_demonstration_56"].sum() == 56
    assert schools["v_policy_76"].sum() == 76
    assert schools["v_featured_94"].sum() == len(schools) == 94
    located = schools.dropna(subset=["lon"])
    assert not located.duplicated(["lon", "lat"]).any()
    assert not located["osm_ref"].duplicated().any()


def test_hospital_campuses_are_separate_suppliers() -> None:
    hospitals = read_reference("tertiary_hospitals")
    located = hospitals.dropna(subset=["lon"])
    assert not located.duplicated(["lon", "lat"]).any()
    assert (located["district_zh"] == located["located_district_zh"]).all()
    assert hospitals.groupby("hospital_id")["name_zh"].nunique().eq(1).all()
    assert hospitals["beds"].isna().all()


def test_sixteen_districts_sum_to_the_city() -> None:
    districts = read_reference("districts")
    assert len(districts) == 16
    assert districts["area_km2"].sum() == pytest.approx(6340.5, abs=0.05)


def test_checks_of_the_policy_figures() -> None:
    value, check = figures()["value"], figures()["check_value"]
    assert check["industry_growth_2020_2024"] == pytest.approx(
        value["industry_scale_2024"] / 1.64, abs=0.1
    )
    assert value["industry_cagr_2020_2024"] == pytest.approx((1.64**0.25 - 1) * 100, abs=0.05)
    assert check["service_segment_2024"] == pytest.approx(7835 / 9847, abs=1e-4)
    assert check["minhang_target_output_2025"] == pytest.approx(169.57 * 1.09**5, abs=0.05)
    assert check["xinzhuang_tax_after"] == pytest.approx(18.1, abs=0.05)
    assert check["office_rent_suzhou_2024"] == pytest.approx(2.725)
    site = value["buyback_gfa_after"] / value["buyback_far_after"]
    assert check["buyback_gfa_after"] == pytest.approx(site, abs=1)
    assert check["extension_output"] == pytest.approx(16.67)
    assert value["annex_2023"] + value["annex_2024"] == check["text_2024_cumulative"]
    assert value["carriers_expand"] + value["carriers_foster"] == 8
    assert check["carriers_expand"] + check["carriers_foster"] == 454


def test_contradictions_name_both_values_and_the_one_used() -> None:
    table: Any = read_reference("contradictions").set_index("contradiction_id")
    for key in ("area_k1", "area_c1", "target_2023", "target_2024", "dev_rate", "minhang_firms"):
        assert table.loc[key, "value_a"] != table.loc[key, "value_b"]
    assert table.loc["area_k1", "used"] == f"{places().loc['K1', 'planned_area_km2']}"


def test_requirements_are_complete() -> None:
    wanted = [f"R{number:02d}" for number in range(1, 44)]
    assert read_reference("requirements")["requirement_id"].tolist() == wanted


def test_standards_can_be_compared() -> None:
    standards = read_reference("standards")
    measurable = standards[standards["kind"].isin(["threshold", "target"])]
    assert measurable[["value", "unit", "direction", "applies_to"]].notna().all().all()
    shares = standards.loc[standards["unit"] == "share", "value"]
    assert shares.between(0, 1).all()


def test_positions_lie_in_the_city() -> None:
    for name in ("places", "line_stations", "planned_stations", "quality_schools"):
        located = read_reference(name).dropna(subset=["lon"])
        assert located["lon"].between(120.85, 122.0).all()
        assert located["lat"].between(30.67, 31.9).all()


def test_documentation_is_the_committed_one(project: Path) -> None:
    committed = (project / "docs" / "reference.md").read_text(encoding="utf-8")
    assert committed == render_reference_docs()


def test_importing_the_reader_stays_light() -> None:
    code = (
        "import sys; import pipeline.sources.reference; "
        "assert not {'geopandas', 'osmnx', 'rasterio'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def spoil(folder: Path, name: str, old: str, new: str) -> None:
    """Replace text that must be there."""
    path = folder / f"{name}.csv"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("place", "new", "rule", "words"),
    [
        (("districts", ",20.46,"), ",many,", "area_km2", "not a number"),
        (("districts", ",20.46,"), ",nan,", "area_km2", "not a number"),
        (("districts", ",20.46,"), ",,", "area_km2", "is empty"),
        (("districts", ",20.46,"), ",999999,", "area_km2", "outside"),
        (("districts", ",central,"), ",inner,", "centrality", "not allowed"),
        (("districts", "310101"), "310104", "district_id", "already stands in line"),
        (("districts", "310101"), "X10101", "district_id", "does not match"),
        (("lines", ",true,"), ",yes,", "in_official_count", "not a true or false"),
        (("line_station_count", ",28,"), ",28.0,", "rows_in_table", "whole number"),
        (("metro_history", "2013-12-31"), "2013-13-31", "date", "not a date"),
        (("districts", ",Huangpu District,"), ",=1+1,", "name_en", "formula"),
        (("districts", ",Huangpu District,"), ",@cmd,", "name_en", "formula"),
        (("districts", ",Huangpu District,"), ", Huangpu,", "name_en", "blanks"),
    ],
)
def test_a_broken_cell_is_named(
    copied: Path, place: tuple[str, str], new: str, rule: str, words: str
) -> None:
    name, old = place
    spoil(copied, name, old, new)
    with pytest.raises(FieldError, match=re.escape(words)) as caught:
        read_reference(name, folder=copied)
    problem = caught.value.problems[0]
    assert problem.rule == rule
    assert isinstance(problem.row, int)
    assert problem.row >= 2
    assert problem.path == copied / f"{name}.csv"
    assert problem.remedy_zh
    assert problem.remedy_en


def test_all_problems_are_told_at_once(copied: Path) -> None:
    spoil(copied, "districts", ",20.46,", ",many,")
    spoil(copied, "districts", ",54.76,", ",few,")
    spoil(copied, "districts", "310105", "310107")
    with pytest.raises(FieldError) as caught:
        read_reference("districts", folder=copied)
    assert sorted(int(str(problem.row)) for problem in caught.value.problems) == [2, 3, 6]


def test_a_wrong_header_is_named(copied: Path) -> None:
    spoil(copied, "districts", "centrality", "ring")
    with pytest.raises(FieldError) as caught:
        read_reference("districts", folder=copied)
    assert {problem.rule for problem in caught.value.problems} == {"centrality", "ring"}


def test_a_row_with_too_many_cells_is_named(copied: Path) -> None:
    spoil(copied, "districts", ",黄浦区,", ",黄浦区,extra,")
    with pytest.raises(FieldError, match="9 cells expected, 10 found"):
        read_reference("districts", folder=copied)


def test_a_loose_reference_is_named(copied: Path) -> None:
    spoil(copied, "places", ",C1,,,121.593", ",C9,,,121.593")
    with pytest.raises(FieldError, match=r"'C9' is not in places\.place_id"):
        check_references(folder=copied)


def test_an_unknown_table_suggests_the_nearest() -> None:
    with pytest.raises(SourceError, match="nearest match: places"):
        read_reference("place")


def test_unreadable_files_are_named(copied: Path) -> None:
    (copied / "districts.csv").write_bytes("区".encode("gbk"))
    with pytest.raises(SourceError, match="restore the file"):
        read_reference("districts", folder=copied)
    (copied / "districts.csv").unlink()
    with pytest.raises(SourceError, match="cannot be read"):
        read_reference("districts", folder=copied)
    (copied / "tables.yml").write_text("tables: {places: {}}\nlicences: {}\n", encoding="utf-8")
    with pytest.raises(SourceError, match="dictionary is incomplete"):
        read_reference("places", folder=copied)


def test_an_empty_cell_is_null_and_never_zero() -> None:
    frame = read_reference("places")
    assert frame["target_2023_10k_m2"].dtype == np.float64
    assert frame["target_2023_10k_m2"].isna().sum() == 42
    assert not (frame["target_2023_10k_m2"] == 0).any()
    assert frame["is_station_point"].dtype == "boolean"
    assert pd.api.types.is_datetime64_any_dtype(read_reference("metro_history")["date"])
    assert str(read_reference("line_stations")["seq"].dtype) == "Int64"


@pytest.mark.shared
def test_line_stations_lie_at_the_osm_station_of_their_name(shared: Path) -> None:
    import geopandas as gpd

    layer = gpd.read_file(shared / "data/shanghai/layers/rail_station.gpkg", columns=["name"])
    layer = layer[layer["name"].notna()].to_crs(32651)
    layer["plain"] = layer["name"].map(_plain)
    layer["at"] = layer.geometry.representative_point()
    rows = read_reference("line_stations")
    points = gpd.GeoSeries.from_xy(rows["lon"], rows["lat"], crs=4326).to_crs(32651)
    by_name = dict(tuple(layer.groupby("plain")["at"]))
    away_m = np.array(
        [
            by_name[_plain(name)].distance(point).min()
            for name, point in zip(rows["name_zh"], points, strict=True)
        ]
    )
    assert np.median(away_m) < 40
    assert away_m.max() < 200


@pytest.mark.shared
def test_no_operating_station_is_only_a_building_site(shared: Path) -> None:
    import geopandas as gpd

    layer = gpd.read_file(
        shared / "data/shanghai/layers/rail_station.gpkg", columns=["name", "tags"]
    )
    building = r'在建|"construction|"planned|"landuse": "construction"|"railway": "planned"'
    layer = layer[layer["name"].notna()].to_crs(32651)
    opened = layer[~layer["tags"].str.contains(building)]
    by_name = dict(
        tuple(opened.geometry.representative_point().groupby(opened["name"].map(_plain)))
    )
    rows = read_reference("line_stations")
    points = gpd.GeoSeries.from_xy(rows["lon"], rows["lat"], crs=4326).to_crs(32651)
    for name, point in zip(rows["name_zh"], points, strict=True):
        assert by_name[_plain(name)].distance(point).min() < 450, name


@pytest.mark.shared
def test_hospitals_and_schools_lie_in_the_district_they_are_said_to(shared: Path) -> None:
    import geopandas as gpd

    towns = gpd.read_file(shared / "data/shanghai/towns.geojson").to_crs(32651)
    towns["geometry"] = towns.buffer(0)
    districts = towns.dissolve("district")
    for name in ("tertiary_hospitals", "quality_schools"):
        rows = read_reference(name).dropna(subset=["lon"])
        points = gpd.GeoSeries.from_xy(rows["lon"], rows["lat"], crs=4326).to_crs(32651)
        short = rows["located_district_zh"].str.replace("新区|区$", "", regex=True)
        away_m = [
            districts.geometry[district].distance(point)
            for district, point in zip(short, points, strict=True)
        ]
        # The township outlines are simplified to about 60 m.
        assert max(away_m) < 60


def _plain(name: str) -> str:
    return re.sub(r"站$", "", re.sub(r"[（(].*?[)）]|[\s·・•]", "", name))

"""A list of facts finds its places from files; what people decide is kept from run to run."""

from __future__ import annotations

import re
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from pipeline.errors import FieldError
from pipeline.settings.sources import SourceSettings
from pipeline.sources.facility_tables import schools_of
from pipeline.sources.matched import match_files
from tests.built import parkgap

SETTINGS = SourceSettings()
PLACES = """osm_id,name,lon,lat
n1,市西中学,121.440,31.220
n2,格致中学,121.470,31.230
n3,格致中学（奉贤校区）,121.480,30.920
n4,某幼儿园,121.500,31.200
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    facts, places = tmp_path / "名录.csv", tmp_path / "places.csv"
    facts.write_bytes("学校名称,等级\n市西中学,示范\n格致,示范\n没有的学校,示范\n".encode("gbk"))
    places.write_text(PLACES, encoding="utf-8")
    return facts, places, tmp_path / "decisions.csv"


def test_sure_ones_are_joined_and_decisions_are_kept(files: tuple[Path, Path, Path]) -> None:
    facts, places, ruled = files
    found = match_files(facts, places, ruled, crs="EPSG:32651", settings=SETTINGS)
    table = found.table.set_index("学校名称")
    assert table.loc["市西中学", "place_id"] == "n1"
    assert table.loc["市西中学", ["lon", "lat"]].tolist() == pytest.approx([121.44, 31.22])
    assert table["等级"].eq("示范").all()
    assert pd.isna(table.loc["没有的学校", "place_id"])
    rows = pd.read_csv(ruled, dtype=str, encoding="utf-8-sig", keep_default_na=False)
    doubtful = rows[rows["fact_name"].eq("格致")]
    assert set(doubtful["place_id"]) >= {"n2"}
    rows.loc[rows["fact_name"].eq("格致"), "decision"] = "no"
    rows.loc[rows["fact_name"].eq("格致") & rows["place_id"].eq("n2"), "decision"] = "yes"
    rows.to_csv(ruled, index=False, encoding="utf-8-sig")
    again = match_files(facts, places, ruled, crs="EPSG:32651", settings=SETTINGS)
    assert again.table.set_index("学校名称").loc["格致", "place_id"] == "n2"
    kept = pd.read_csv(ruled, dtype=str, encoding="utf-8-sig", keep_default_na=False)
    assert kept.set_index(["fact_name", "place_id"]).loc[("格致", "n2"), "decision"] == "yes"


def test_a_file_without_names_says_so(files: tuple[Path, Path, Path]) -> None:
    facts, places, ruled = files
    facts.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(FieldError, match="no column of names"):
        match_files(facts, places, ruled, crs="EPSG:32651", settings=SETTINGS)


def test_the_command_writes_both_tables(files: tuple[Path, Path, Path]) -> None:
    facts, places, ruled = files
    done = parkgap("match", str(facts), str(places), "--decisions", str(ruled))
    assert "1 accepted" in done.stdout
    assert "to decide" in done.stdout
    assert facts.with_name("名录_matched.csv").is_file()


def test_the_worked_examples_of_the_guide_hold(tmp_path: Path, project: Path) -> None:
    """The tables and commands of docs/add_a_city.md, typed as they stand there."""
    guide = (project / "docs/add_a_city.md").read_text(encoding="utf-8")
    for name, text in re.findall(
        r"^```text (\S+)\n(.*?)^```", guide, flags=re.MULTILINE | re.DOTALL
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
    typed = re.findall(r"(?m)^parkgap ((?:shift|match) .*)$", guide)
    assert len(typed) == 2
    said = [parkgap(*line.split(), cwd=tmp_path).stdout for line in typed]
    assert "2 to spare" in said[0]
    moved = gpd.read_file(tmp_path / "plots_shifted.gpkg")
    assert moved.crs.to_epsg() == 4549
    assert moved.geometry.iloc[0].distance(shapely.Point(501_994.8, 3_457_005.2)) < 0.1
    assert "1 accepted" in said[1]
    ruled = tmp_path / "grades_decisions.csv"
    rows = pd.read_csv(ruled, dtype=str, encoding="utf-8-sig", keep_default_na=False)
    rows.loc[rows["place_id"].eq("n2"), "decision"] = "yes"
    rows.to_csv(ruled, index=False, encoding="utf-8-sig")
    again = parkgap(*typed[1].split(), cwd=tmp_path).stdout
    assert "匹配 1、人工确认 1" in again
    assert "1 accepted, 1 decided" in again
    table = pd.read_csv(tmp_path / "grades_matched.csv")
    schools = schools_of(table.assign(name_zh=table["学校名称"]), crs="EPSG:32651")
    assert schools["v_school_all"].sum() == 2

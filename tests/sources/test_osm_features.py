"""Reading an extract: a hand-made one whose answers are known, then Shanghai's."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from pipeline.errors import SourceError
from pipeline.sources.osm_features import OsmRead, read_osm_features
from pipeline.sources.osm_mapping import compile_mapping, read_mapping

CRS = "EPSG:32651"
XML = """<?xml version="1.0" encoding="UTF-8"?>
<osm version="0.6">
 <node id="1" lat="31.2000" lon="121.4000"/><node id="2" lat="31.2000" lon="121.4010"/>
 <node id="3" lat="31.2010" lon="121.4010"/><node id="4" lat="31.2010" lon="121.4000"/>
 <node id="5" lat="31.2005" lon="121.4005"><tag k="amenity" v="school"/></node>
 <node id="6" lat="31.2011" lon="121.4000">
  <tag k="amenity" v="school"/><tag k="name" v="甲 小学"/></node>
 <node id="7" lat="31.2005" lon="121.4006">
  <tag k="amenity" v="school"/><tag k="name" v="乙小学"/></node>
 <node id="8" lat="31.3" lon="121.5"><tag k="highway" v="bus_stop"/></node>
 <node id="9" lat="31.3" lon="121.5"><tag k="highway" v="bus_stop"/></node>
 <node id="10" lat="31.4" lon="121.5"><tag k="railway" v="station"/>
  <tag k="name" v="景联路（在建）"/></node>
 <node id="11" lat="31.2002" lon="121.4002"/><node id="12" lat="31.2002" lon="121.4008"/>
 <node id="13" lat="31.2008" lon="121.4008"/><node id="14" lat="31.2008" lon="121.4002"/>
 <way id="1"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="4"/><nd ref="1"/>
  <tag k="amenity" v="school"/><tag k="name" v="甲小学"/><tag k="name:en" v="First"/></way>
 <way id="2"><nd ref="1"/><nd ref="2"/><nd ref="3"/><tag k="leisure" v="park"/></way>
 <way id="3"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="4"/><nd ref="1"/></way>
 <way id="4"><nd ref="11"/><nd ref="12"/><nd ref="13"/><nd ref="14"/><nd ref="11"/></way>
 <way id="5"><nd ref="1"/><nd ref="99"/><tag k="amenity" v="hospital"/></way>
 <way id="6"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="4"/><nd ref="1"/>
  <tag k="building" v="yes"/><tag k="building:levels" v="6"/><tag k="height" v="20 m"/></way>
 <way id="7"><nd ref="1"/><nd ref="2"/><tag k="highway" v="trunk"/><tag k="tunnel" v="yes"/></way>
 <way id="8"><nd ref="1"/><nd ref="2"/><tag k="barrier" v="wall"/></way>
 <relation id="1"><member type="way" ref="3" role="outer"/><member type="way" ref="4" role="inner"/>
  <tag k="type" v="multipolygon"/><tag k="leisure" v="park"/><tag k="name" v="环"/></relation>
 <relation id="2"><member type="way" ref="98" role="outer"/>
  <tag k="type" v="multipolygon"/><tag k="leisure" v="park"/></relation>
</osm>
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("osm") / "small.osm"
    path.write_text(XML, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def read(small: Path) -> OsmRead:
    return read_osm_features(small, mapping=read_mapping(), crs=CRS)


def test_one_row_per_facility(read: OsmRead) -> None:
    rows = read.features.groupby("category")["osm_id"].agg(list).to_dict()
    assert rows == {
        "barriers": ["w8"],
        "buildings": ["w6"],
        "health": ["w5"],
        "hospitals": ["w5"],
        "parks": ["r1", "w2"],
        "rail_station": ["n10"],
        "schools": ["n7", "w1"],
        "stops": ["n8", "n9"],
    }


def test_merged_objects_are_named(read: OsmRead) -> None:
    school = read.features.query("osm_id == 'w1'").iloc[0]
    assert school["merged_ids"] == "n5 n6"
    assert (school["name_zh"], school["name_en"]) == ("甲小学", "First")


def test_without_merging_every_object_stays(small: Path) -> None:
    every = read_osm_features(
        small, mapping=read_mapping(), crs=CRS, categories=["schools"], merge=False
    )
    assert sorted(every.features["osm_id"]) == ["n5", "n6", "n7", "w1"]


def test_only_the_category_asked_for_is_read_near_shapes(small: Path, read: OsmRead) -> None:
    building = read.features.set_index("category").geometry["buildings"]
    for away_m, kept in ((0.0, True), (200.0, True), (2_000.0, False)):
        place = shapely.Point(building.centroid.x + away_m, building.centroid.y).buffer(10.0)
        near = read_osm_features(
            small, mapping=read_mapping(), crs=CRS, near={"buildings": [place]}
        ).features
        whole = read.features if kept else read.features[read.features["category"] != "buildings"]
        assert near["osm_id"].tolist() == whole["osm_id"].tolist()
        assert near.geometry.tolist() == whole.geometry.tolist()


def test_shapes_and_how_they_were_made(read: OsmRead) -> None:
    rows = read.features.set_index(["osm_id", "category"])
    assert rows["basis"].to_dict() == {
        ("w8", "barriers"): "line",
        ("w6", "buildings"): "area",
        ("w5", "health"): "way_nodes",
        ("w5", "hospitals"): "way_nodes",
        ("r1", "parks"): "area",
        ("w2", "parks"): "line",
        ("n10", "rail_station"): "point",
        ("n7", "schools"): "point",
        ("w1", "schools"): "area",
        ("n8", "stops"): "point",
        ("n9", "stops"): "point",
    }
    assert read.report.unlocated == {"parks relation": 1}
    assert read.report.partly_located == 1


def test_area_and_point_of_a_ring(read: OsmRead) -> None:
    ring = read.features.query("osm_id == 'r1'").iloc[0]
    outer = read.features.query("osm_id == 'w6'").iloc[0]
    # the hole is 0.6 of the outer side each way
    assert ring["area_m2"] == pytest.approx(outer["area_m2"] * (1 - 0.36), rel=1e-4)
    assert ring.geometry.contains(shapely.Point(ring["x"], ring["y"]))
    assert read.features.query("category == 'stops'")["area_m2"].isna().all()


def test_status_and_building_attributes(read: OsmRead) -> None:
    rows = read.features.set_index("osm_id")
    assert rows.loc["n10", "status"] == "under_construction"
    assert rows.loc["w8", "status"] == "operating"
    assert (rows.loc["w6", "levels"], rows.loc["w6", "height_m"]) == (6.0, 20.0)


def test_wildcard_does_not_match_no() -> None:
    matcher = compile_mapping(read_mapping(), ["buildings"])
    assert matcher.categories({"building": "no"}) == ()
    assert matcher.categories({"building": "shed"}) == ("buildings",)


@pytest.mark.parametrize(
    ("tags", "status"),
    [
        ({"railway": "station"}, "operating"),
        ({"railway": "station", "construction": "no"}, "operating"),
        ({"railway": "station", "landuse": "construction"}, "under_construction"),
        ({"railway": "planned"}, "planned"),
        ({"railway": "station", "name": "某站（规划）"}, "planned"),
        ({"railway": "abandoned"}, "closed"),
    ],
)
def test_status_rules(tags: dict[str, str], status: str) -> None:
    assert compile_mapping(read_mapping()).status(tags) == status


def test_missing_and_damaged_files(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not exist"):
        read_osm_features(tmp_path / "no.osm.pbf", mapping=read_mapping(), crs=CRS)
    damaged = tmp_path / "cut.osm.pbf"
    damaged.write_bytes(b"\x00\x00\x00\x0d not a block")
    with pytest.raises(SourceError, match="cannot be read"):
        read_osm_features(damaged, mapping=read_mapping(), crs=CRS)


def test_mapping_problems_are_reported_together(tmp_path: Path) -> None:
    path = tmp_path / "mapping.yml"
    path.write_text(
        "version: 1\nstatus: {}\ncategories:\n"
        "  a: {zh: 甲, en: a, forms: [blob], merge_m: -1, any: [{k: [v]}]}\n"
    )
    with pytest.raises(SourceError) as raised:
        read_mapping(path)
    assert {problem.row for problem in raised.value.problems} == {
        "categories.a.forms.0",
        "categories.a.merge_m",
    }
    with pytest.raises(SourceError, match="no category pubs"):
        compile_mapping(read_mapping(), ["pubs"])


@pytest.mark.shared
def test_agrees_with_the_layers_made_by_another_reader(shared: Path) -> None:
    """The layers came from Overpass queries, by other code: the same objects must be found."""
    folder = shared / "data/shanghai"
    read = read_osm_features(
        folder / "shanghai_sample.osm.pbf", mapping=read_mapping(), crs=CRS, merge=False
    )
    assert sum(read.report.unlocated.values()) < 10  # relations that are no areas
    found = read.features
    assert not found.duplicated(["osm_id", "category"]).any()
    land = gpd.read_file(folder / "towns.geojson").to_crs(CRS).union_all()
    found = found[shapely.contains_xy(land, found["x"], found["y"])]
    for category, layers, key, values in [
        ("schools", ["school"], "amenity", {"school"}),
        ("kindergartens", ["kindergarten"], "amenity", {"kindergarten"}),
        ("hospitals", ["hospital"], "amenity", {"hospital"}),
        ("health", ["hospital", "clinic"], "amenity", {"hospital", "clinic"}),
        ("sport", ["sport"], "leisure", None),
        ("parks", ["park"], "leisure", {"park", "garden"}),
        ("stops", ["platform"], "highway", {"bus_stop"}),
        ("finance", ["finance_post_market"], "amenity", {"bank", "atm", "post_office"}),
        ("universities", ["university"], "amenity", {"university", "college"}),
        ("subway_entrance", ["subway_entrance"], "railway", {"subway_entrance"}),
    ]:
        expected: set[str] = set()
        for layer in layers:
            table = gpd.read_file(folder / f"layers/{layer}.gpkg").to_crs(CRS)
            point = table.geometry.representative_point()
            value = table["tags"].map(lambda text, key=key: json.loads(text).get(key))
            ours = value.notna() if values is None else value.isin(values)
            ours &= shapely.contains_xy(land, point.x, point.y)
            expected |= set((table["osm_type"].str[0] + table["osm_id"].astype(str))[ours])
        got = set(found.loc[found["category"] == category, "osm_id"])
        # two platforms carry a tag of both bus and rail; a point on a border may fall either way
        assert len(got ^ expected) <= 12, (category, sorted(got ^ expected))
        assert len(got) > 50

"""Hold the sorting of an extract's schools, clinics and shops to its rules."""

from __future__ import annotations

import json

import geopandas as gpd
import pytest
import shapely

from pipeline.sources.osm_facilities import COLUMNS, ordinary_facilities
from tests.first_study import SHANGHAI

RULES = SHANGHAI.sources.school_names
QUALITY = ["上海市格致中学", "上海市金山中学", "复旦大学附属中学"]


def sorted_out(name: str | None, category: str = "schools", **tags: str) -> gpd.GeoDataFrame:
    features = gpd.GeoDataFrame(
        {
            "osm_id": ["n1"],
            "category": [category],
            "status": ["operating"],
            "name": [name],
            "name_zh": [None],
            "name_en": [None],
            "x": [1.0],
            "y": [2.0],
            "tags": [json.dumps(tags)],
        },
        geometry=[shapely.box(0, 0, 2, 4)],
        crs="EPSG:32651",
    )
    return ordinary_facilities(features, quality_names=QUALITY, rules=RULES, snapshot="2026-05-19")


@pytest.mark.parametrize(
    ("name", "tags", "kinds"),
    [
        ("江苏路第五小学", {}, ["primary"]),
        ("市西初级中学", {}, ["junior"]),
        ("松江六中", {"grades": "6-9"}, ["junior"]),
        ("吴淞中学", {}, ["junior"]),
        ("晋元高级中学", {}, []),
        ("文来九年一贯制学校", {}, ["junior", "primary"]),
        ("新世纪学校", {"grades": "1-9"}, ["junior", "primary"]),
        ("灵石学校", {}, []),
        ("启东职业技术学校", {}, []),
        ("思渝小学培训学校", {}, []),
        (None, {"isced:level": "1"}, ["primary"]),
    ],
)
def test_the_level_of_a_school(name: str | None, tags: dict[str, str], kinds: list[str]) -> None:
    got = sorted_out(name, **tags)
    assert got["kind"].tolist() == kinds
    assert list(got.columns) == list(COLUMNS)
    assert [(point.x, point.y) for point in got.geometry] == [(1.0, 2.0)] * len(kinds)


def test_private_schools_are_not_public_and_an_unknown_owner_is_taken_as_public() -> None:
    assert not sorted_out("民办立达小学")["v_primary_public"].item()
    assert not sorted_out("立达小学", **{"operator:type": "private"})["v_primary_public"].item()
    assert sorted_out("立达小学")["v_primary_public"].item()


@pytest.mark.parametrize(
    ("name", "affiliated"),
    [
        ("格致初级中学", True),
        ("上海市格致中学附属小学", True),
        ("金山实验小学", False),  # the district's name, not the school's
        ("金山中学附属小学", True),
        ("黄浦区第二实验小学", False),
        ("复旦实验中学", False),
    ],
)
def test_affiliates_of_quality_schools(name: str, affiliated: bool) -> None:  # noqa: FBT001
    assert sorted_out(name)["v_compulsory_affiliated"].tolist() == [affiliated]


def test_clinics_and_supermarkets_but_no_hospitals_and_no_other_shops() -> None:
    assert sorted_out("甲", "health", amenity="clinic")["kind"].tolist() == ["clinic"]
    assert sorted_out("乙", "health", amenity="hospital").empty
    assert sorted_out("丙", "shops", shop="supermarket")["kind"].tolist() == ["supermarket"]
    assert sorted_out("丁", "shops", shop="convenience").empty

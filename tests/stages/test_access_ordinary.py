"""Hold the sorting of an extract's schools, clinics and shops to its rules."""

from __future__ import annotations

import json

import geopandas as gpd
import pytest
import shapely

from pipeline.settings.sources import SchoolNameSettings
from pipeline.sources.osm_facilities import COLUMNS, ordinary_facilities, school_flags
from pipeline.sources.osm_mapping import read_mapping, school_rules
from pipeline.sources.school_rules import SchoolReader
from tests.first_study import SHANGHAI

READER = SchoolReader(school_rules(read_mapping()), SHANGHAI.sources.school_names)
QUALITY = ["上海市格致中学", "上海市金山中学", "复旦大学附属中学"]


def sorted_out(name: str | None, category: str = "schools", **tags: str) -> gpd.GeoDataFrame:
    features = features_of(name, category, tags)
    return ordinary_facilities(
        features, quality_names=QUALITY, reader=READER, snapshot="2026-05-19"
    )


def features_of(name: str | None, category: str, tags: dict[str, str]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
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


def test_clinics_and_supermarkets() -> None:
    assert sorted_out("甲", "clinics")["kind"].tolist() == ["clinic"]
    assert sorted_out("丙", "supermarkets")["kind"].tolist() == ["supermarket"]


@pytest.mark.parametrize(
    ("name", "tags", "levels"),
    [
        ("C.E.I.P. Gran Canaria", {}, {"primary"}),
        ("CP Fernando Guanarteme", {}, {"primary"}),
        ("I.E.S. Tomás Morales", {}, {"junior", "senior"}),
        ("Centro Concertado de ESO y Bachillerato Santa Catalina", {}, {"junior", "senior"}),
        ("Escuela de Flamenco Ana Padilla", {}, set()),
        ("Colegio Sagrada Familia", {}, None),  # unknown is not none
        ("EMEF Vila Monte Cristo", {}, {"primary", "junior"}),
        ("Escola Estadual de Ensino Médio Padre Réus", {}, {"senior"}),
        ("ESCOLA MUNICIPAL DE EDUCACAO INFANTIL", {}, set()),
        ("Escola de Dança", {}, set()),
        ("Springfield Elementary School", {}, {"primary"}),
        ("Springfield Driving School", {}, set()),
        ("Lincoln", {"isced:level": "1;2"}, {"primary", "junior"}),
        ("Lincoln", {"isced:level": "1-3"}, {"primary", "junior", "senior"}),
        ("Lincoln", {"grades": "PK-12"}, {"primary", "junior", "senior"}),
        ("Lincoln", {"grades": "9-12"}, {"senior"}),
        ("Lincoln", {"grades": "15-18"}, None),  # ages
        ("CEIP Lincoln", {"isced:level": "2"}, {"junior"}),  # tags before names
    ],
)
def test_levels_in_other_languages(
    name: str, tags: dict[str, str], levels: set[str] | None
) -> None:
    assert READER.levels(name, tags) == levels


def test_a_city_adds_its_names_in_the_study() -> None:
    own = SchoolNameSettings(
        levels={"primary": ("Volksschule",)}, private=("Stiftung",), no_schools=("Fahrschule",)
    )
    reader = SchoolReader(school_rules(read_mapping()), own)
    assert READER.levels("Volksschule Nord", {}) is None
    assert reader.levels("VOLKSSCHULE Nord", {}) == {"primary"}
    assert reader.levels("Fahrschule Nord", {}) == set()
    assert reader.is_private("Volksschule der Stiftung", {})
    assert not reader.is_private("Volksschule der Stiftung", {"operator:type": "public"})
    features = features_of("Volksschule der Stiftung", "schools", {})
    flags = school_flags(features, reader).iloc[0]
    assert flags["v_school_all"]
    assert flags["v_school_primary"]
    assert not flags["v_school_primary_public"]
    assert not flags["v_school_junior"]
    assert flags["official_type_zh"] == "小学"
    with pytest.raises(ValueError, match="正则表达式"):
        SchoolNameSettings(private=("(",))

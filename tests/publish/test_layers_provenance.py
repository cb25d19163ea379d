"""Follow every layer back to its sources, and mix nothing that may not be mixed."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from typing import Any, Literal
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import LayerError
from pipeline.publish.iso_metadata import GCO, GMD, iso_metadata
from pipeline.publish.layer_licences import LICENCES, licence_of, mixed
from pipeline.publish.layer_schemas import layer_schemas
from pipeline.publish.layer_tables import RECIPES
from pipeline.publish.provenance import (
    Collection,
    Making,
    Reserved,
    Source,
    credit_line,
    stac_collection,
    trace,
)
from pipeline.settings.inputs import InputSettings
from pipeline.sources.reference import read_reference, reference_tables

OSM = "© OpenStreetMap contributors"
DATE = dt.date(2026, 5, 19)
MARK: Literal["mark"] = "mark"


def source(role: str, licence: str | None, attribution: str | None = None) -> Source:
    return Source(role, role, role, licence, DATE, attribution)


def mix(*names: str | None, unstated: Literal["mark", "refuse"] = "mark") -> str:
    return mixed(map(licence_of, names), layer="gaps", unstated=unstated).id


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        ((), "MIT"),
        (("MIT",), "MIT"),
        (("MIT", "CC-BY-4.0"), "CC-BY-4.0"),
        (("MIT", "ODbL-1.0", "CC0-1.0"), "ODbL-1.0"),
        (("ODC-By-1.0", "ODbL-1.0"), "ODbL-1.0"),
        (("CC-BY-4.0", "CC-BY-NC-4.0"), "CC-BY-NC-4.0"),
        (("ODbL-1.0", None), "unstated"),
        (("ODbL-1.0", "internal"), "internal"),
        (("ODbL-1.0", "a licence nobody knows"), "unstated"),
    ],
)
def test_a_mixture_takes_the_most_demanding_licence(names: tuple[str, ...], wanted: str) -> None:
    assert mix(*names) == wanted


@pytest.mark.parametrize(
    "names",
    [
        ("ODbL-1.0", "CC-BY-SA-4.0"),
        ("ODbL-1.0", "CC-BY-NC-4.0"),
        ("ODbL-1.0", "CC-BY-ND-4.0"),
        ("ODbL-1.0", "proprietary"),
        ("CC-BY-NC-4.0", "CC-BY-ND-4.0"),
        ("ODbL-1.0", "proprietary", "internal"),
    ],
)
def test_what_does_not_go_together_is_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(LayerError, match="gaps") as caught:
        mix(*names)
    assert names[0] in str(caught.value)
    assert caught.value.problems[0].remedy_zh


def test_a_source_without_a_licence_is_refused_when_asked() -> None:
    with pytest.raises(LayerError, match="unstated_licence"):
        mix("MIT", None, unstated="refuse")


@given(st.lists(st.sampled_from(sorted(LICENCES)), max_size=4), st.randoms())
def test_neither_order_nor_repetition_matters(names: list[str], random: Any) -> None:
    def outcome(given: list[str]) -> str:
        try:
            return mix(*given)
        except LayerError:
            return "refused"

    again = names + names[:1]
    random.shuffle(again)
    assert outcome(names) == outcome(again)


@pytest.mark.parametrize(
    ("stated", "wanted"),
    [("odbl", "ODbL-1.0"), ("ODbL 1.0", "ODbL-1.0"), ("CC BY 4.0", "CC-BY-4.0"), ("", "unstated")],
)
def test_a_licence_is_known_however_it_is_spelled(stated: str, wanted: str) -> None:
    assert licence_of(stated).id == wanted


def test_attribution_is_carried_into_what_derives_from_it() -> None:
    traced = trace(
        layer_schemas()["gaps"],
        rows=3,
        sources=[source("schools", "ODbL-1.0", OSM), source("places", "MIT")],
        makings={"gaps": Making("a" * 64, "b" * 64, {"numpy": "2"})},
        unstated=MARK,
    )
    record = traced.record()
    assert (record["licence"], record["attribution"]) == ("ODbL-1.0", [OSM])
    assert [one["role"] for one in record["sources"]] == ["places", "schools"]
    assert record["stages"]["gaps"]["settings_sha256"] == "a" * 64


def test_the_credit_says_in_words_what_may_not_be_passed_on() -> None:
    schema = layer_schemas()["gaps"]
    given = [[source("places", "ODbL-1.0", OSM)], [source("hubs", None)]]
    traced = [trace(schema, rows=1, sources=s, makings={}, unstated=MARK) for s in given]
    line = credit_line(traced)
    assert line.startswith(f"{OSM}；ODbL-1.0；")
    assert "不得转发" in line
    assert "not for redistribution" in line


def test_rows_that_no_licence_promises_are_told_or_refused() -> None:
    reserved = Reserved(("P1",), "点位来历不明", "a point of unknown right")
    places = replace(source("places", "ODbL-1.0", OSM), reservations=(reserved,))
    traced = trace(layer_schemas()["gaps"], rows=3, sources=[places], makings={}, unstated=MARK)
    assert traced.record()["reservations"] == ["P1: 点位来历不明 / a point of unknown right"]
    assert "a point of unknown right" in iso_metadata(traced, date=DATE, bbox=None)
    with pytest.raises(LayerError, match="no licence promises") as caught:
        trace(layer_schemas()["gaps"], rows=3, sources=[places], makings={}, unstated="refuse")
    assert "P1" in str(caught.value)


def test_embedded_points_that_are_not_of_openstreetmap_are_reserved() -> None:
    """No row may name another map as its basis under a licence that speaks for OpenStreetMap."""
    places = read_reference("places")
    named = places[places["coord_basis"].str.contains("AMap|Baidu|Tencent", na=False)]
    reserved = {row for one in reference_tables()["places"].reservations for row in one.rows}
    assert set(named["place_id"]) == reserved


def test_a_path_on_somebodys_machine_changes_no_digest() -> None:
    def making(path: str) -> Making:
        settings = {"inputs": {"osm_extract": path}, "network": {"speed": 80}}
        return Making.of_basis({"settings": settings, "code": "c", "libraries": {}})

    assert making("/one/x.pbf") == making("/another/x.pbf")


def test_every_recipe_names_inputs_that_a_study_can_have() -> None:
    assert {recipe.name for recipe in RECIPES} == set(layer_schemas())
    for recipe in RECIPES:
        assert set(recipe.roles) <= set(InputSettings.model_fields)
        assert recipe.roles


def test_the_collection_is_a_stac_collection() -> None:
    traced = [
        trace(
            schema, rows=1, sources=[source("places", "ODbL-1.0", OSM)], makings={}, unstated=MARK
        )
        for schema in layer_schemas().values()
    ]
    about = Collection("town", "城", "Town", DATE, (121.0, 30.7, 122.0, 31.9), "0.1.0")
    found = stac_collection(about, traced, {"geopackage": "./parkgap.gpkg"})
    assert json.loads(json.dumps(found)) == found
    required = {"type", "stac_version", "id", "description", "license", "extent", "links"}
    assert required <= set(found)
    assert (found["type"], found["license"]) == ("Collection", "ODbL-1.0")
    assert found["extent"]["spatial"]["bbox"] == [[121.0, 30.7, 122.0, 31.9]]
    assert found["assets"]["geopackage"]["type"] == "application/geopackage+sqlite3"
    assert OSM in found["description"]
    assert len(found["parkgap:layers"]) == len(found["table:tables"]) == len(traced)


def test_the_metadata_are_iso_19139() -> None:
    traced = trace(
        layer_schemas()["cells"],
        rows=1,
        sources=[source("cells", "ODbL-1.0", OSM)],
        makings={},
        unstated=MARK,
    )
    text = iso_metadata(traced, date=DATE, bbox=(121.0, 30.0, 122.0, 31.0))
    top = ET.fromstring(text)  # noqa: S314 - written by ourselves
    assert top.tag == f"{{{GMD}}}MD_Metadata"
    west = top.find(f".//{{{GMD}}}westBoundLongitude/{{{GCO}}}Decimal")
    assert west is not None
    assert west.text == "121.000000"
    rights = top.find(f".//{{{GMD}}}otherConstraints/{{{GCO}}}CharacterString")
    assert rights is not None
    assert "ODbL-1.0" in (rights.text or "")
    assert OSM in text

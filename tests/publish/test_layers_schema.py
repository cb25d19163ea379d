"""Let no schema change without a new version."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from pipeline.documents.layers import render_layers
from pipeline.publish.layer_schemas import layer_schemas, required_bump, structure
from pipeline.publish.qgis_layout import nice_length_km
from pipeline.publish.qgis_looks import LOOKS
from tests.publish.layer_history import complaint, published

SCHEMAS = layer_schemas()
NOTHING = {"nullable": False, "unit": None, "codes": None, "min": None, "max": None}
OLD: dict[str, Any] = {
    "kind": "point",
    "key": ["a"],
    "columns": {
        "a": {"type": "text", **NOTHING},
        "b": NOTHING | {"type": "float", "nullable": True, "unit": "m", "codes": ["x"], "min": 0},
    },
}


def changed(column: str, **values: object) -> dict[str, Any]:
    new = copy.deepcopy(OLD)
    new["columns"].setdefault(column, dict(OLD["columns"]["a"])).update(values)
    return new


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schema_is_as_published_under_its_version(name: str) -> None:
    assert complaint(SCHEMAS[name], published().get(name, {})) is None


def test_nothing_published_is_forgotten() -> None:
    assert set(published()) <= set(SCHEMAS)


@pytest.mark.parametrize(
    ("new", "wanted"),
    [
        (OLD, None),
        (OLD | {"kind": "line"}, "major"),
        (OLD | {"key": ["b"]}, "major"),
        (changed("c"), "minor"),
        (changed("b", type="text"), "major"),
        (changed("b", unit="km"), "major"),
        (changed("a", nullable=True), "major"),
        (changed("b", nullable=False), "minor"),
        (changed("b", codes=["x", "y"]), "minor"),
        (changed("b", codes=None), "major"),
        (changed("b", min=-1), "major"),
        (changed("b", min=1), "minor"),
        (changed("b", max=9), "minor"),
        (OLD | {"columns": {"a": OLD["columns"]["a"]}}, "major"),
    ],
)
def test_a_change_asks_for_its_part_of_the_version(new: dict[str, Any], wanted: str) -> None:
    assert required_bump(OLD, new) == wanted


def test_a_changed_schema_under_an_old_version_is_seen() -> None:
    schema = SCHEMAS["gaps"]
    less = replace(schema, columns=schema.columns[:-1])
    versions = {schema.version: structure(schema)}
    assert "raise the major part" in (complaint(less, versions) or "")
    major = int(schema.version.split(".")[0])
    minor, enough = f"{major}.9.0", f"{major + 1}.0.0"
    assert "not enough" in (complaint(replace(less, version=minor), versions) or "")
    assert "not recorded" in (complaint(replace(less, version=enough), versions) or "")


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=list(SCHEMAS))
def test_every_text_is_there_in_both_languages(schema: Any) -> None:
    texts = [*schema.about, *schema.method, *schema.limits, schema.zh, schema.en]
    texts += [text for column in schema.columns for text in (column.zh, column.en)]
    assert all(text.strip() for text in texts)
    assert "{" not in "".join(texts)


def test_every_spatial_layer_has_a_look_and_every_code_of_a_style_exists() -> None:
    assert set(LOOKS) == {name for name, schema in SCHEMAS.items() if schema.spatial}


@pytest.mark.parametrize(
    ("width_m", "wanted"), [(80_000, 10), (65_000, 5), (3_900, 0.2), (8_000, 1), (7_600, 0.5)]
)
def test_a_scale_bar_is_a_round_length(width_m: float, wanted: float) -> None:
    assert nice_length_km((0, 0, width_m / 1.04, 1)) == pytest.approx(wanted)


def test_the_page_names_every_column() -> None:
    page = render_layers()
    for schema in SCHEMAS.values():
        assert f"## `{schema.name}`" in page
        assert all(f"| `{column.name}` |" in page for column in schema.columns)

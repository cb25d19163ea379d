"""Let another city use its own codes, named by its study and drawn apart."""

from __future__ import annotations

import pandas as pd
import pytest

from pipeline.publish.layer_codes import unnamed_codes
from pipeline.publish.layer_schemas import LayerSchema
from pipeline.publish.palettes import TIER
from pipeline.publish.qgis_looks import looks_of
from pipeline.publish.qgis_marks import tier_marks
from pipeline.publish.qgis_style import qml
from pipeline.publish.qgis_symbols import StyleOptions
from tests.publish.layer_samples import BREAKS, Town, places, town_layers

LABELS = pd.DataFrame(
    {
        "code": ["harbour", "zone", "nowhere"],
        "name_zh": ["港区", "旧工业区", "无"],
        "name_en": ["Harbour", "Old industrial area", "None"],
    }
)


@pytest.fixture(scope="module")
def elsewhere() -> dict[str, LayerSchema]:
    """Publish the town with tiers of its own, of which the study names one."""
    own = places().assign(tier=["harbour", "zone", "mill"])
    replaced = {("ingest", "places.parquet"): own, ("ingest", "labels.parquet"): LABELS}
    return {layer.schema.name: layer.schema for layer in town_layers(Town(replaced))}


def labels(schema: LayerSchema, column: str) -> dict[str, tuple[str, str]]:
    domain = schema.column(column).domain
    assert domain is not None
    return dict(domain.labels)


def test_codes_of_another_city_are_valid_and_named_by_its_study(
    elsewhere: dict[str, LayerSchema],
) -> None:
    assert labels(elsewhere["places"], "tier") == {
        "zone": ("旧工业区", "Old industrial area"),
        "harbour": ("港区", "Harbour"),
        "mill": ("mill", "mill"),
        # the table of gaps by tier has a code that no place has
        "core": ("核心区", "core"),
    }
    assert labels(elsewhere["gaps"], "tier") == labels(elsewhere["places"], "tier")
    assert labels(elsewhere["places"], "boundary_class").keys() >= {"surveyed", "none"}


def test_codes_that_nobody_names_are_listed(elsewhere: dict[str, LayerSchema]) -> None:
    assert unnamed_codes(list(elsewhere.values())) == ["=1+1", "mill"]


def test_a_measure_is_named_from_its_parts(elsewhere: dict[str, LayerSchema]) -> None:
    found = labels(elsewhere["access"], "measure")
    assert found["minutes_nearest_median"] == (
        "到最近处的时间，中位数",
        "time to the nearest, median",
    )


def test_every_tier_has_a_mark_of_its_own(elsewhere: dict[str, LayerSchema]) -> None:
    marks = tier_marks(labels(elsewhere["places"], "tier"))
    assert len(set(marks.values())) == len(marks)
    assert marks["zone"][1] == TIER["zone"]
    look = looks_of(elsewhere["place_points"], StyleOptions(gap_breaks=BREAKS))["tiers"]
    assert "港区 / Harbour" in qml(elsewhere["place_points"], look)

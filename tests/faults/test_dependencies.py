"""Every dependency has a reason and a licence that the product may rest on."""

from __future__ import annotations

import json
import re

import pytest

from tests.built import PROJECT
from tests.faults.dependencies import (
    DOCUMENT,
    bill_of_materials,
    declared,
    family_of,
    product,
    reasons,
    render,
)


def test_every_dependency_has_a_reason_and_every_reason_a_dependency() -> None:
    for group, names in declared().items():
        assert set(names) == set(reasons().get(group, {})), group


def test_no_copyleft_and_nothing_unknown_in_the_product() -> None:
    refused = [package for package in product() if not package.allowed]
    assert not refused
    assert len(product()) > len(declared()["product"])


@pytest.mark.parametrize(
    "said",
    ["GPL-3.0-or-later", "GNU Affero General Public License v3", "AGPLv3", "LGPL-2.1", "?", "own"],
)
def test_what_would_be_refused(said: str) -> None:
    assert not family_of(said)[1]


def test_the_document_is_in_step() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == render(), "python -m tests.faults.dependencies"


def test_the_bill_of_materials_is_valid_and_whole() -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    text = bill_of_materials()
    tree = json.loads(text)
    assert {part["name"] for part in tree["components"]} == {one.name for one in product()}
    assert tree["metadata"]["component"]["name"] == "parkgap"
    assert "components" in tree
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_constraints_pin_the_whole_product_and_name_no_address() -> None:
    lines = (PROJECT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {line.partition("==")[0] for line in lines if "==" in line}
    assert {package.name for package in product()} <= pinned
    assert not [line for line in lines if re.search(r"https?:|--", line)]

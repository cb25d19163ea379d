"""The page on reliability says what the records and the cases say."""

from __future__ import annotations

import json

from tests.faults import repeats
from tests.faults.report import DOCUMENT, render


def test_the_page_is_in_step() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == render(), "python -m tests.faults.report"


def test_a_study_built_again_is_the_same_to_the_byte() -> None:
    told = json.loads(repeats.RECORD.read_text(encoding="utf-8"))["repeats"]
    assert {one["study"] for one in told} > {"小型研究 the small study"}
    assert all(one["files"] > 100 and not one["differ"] for one in told)

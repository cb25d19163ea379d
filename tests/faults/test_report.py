"""The page on reliability says what the records and the cases say."""

from __future__ import annotations

from tests.faults.report import DOCUMENT, render


def test_the_page_is_in_step() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == render(), "python -m tests.faults.report"

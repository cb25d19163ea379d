"""No stage does a fifth more work than recorded: counts, not seconds, so that no load disturbs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.work import counting, excess, measure, read_baseline


def test_no_stage_does_more_work_than_recorded(tmp_path: Path) -> None:
    told = excess(measure(tmp_path), read_baseline())
    assert not told, "; ".join(told) + " - on purpose? python -m benchmarks.work --write"


def test_a_fifth_more_work_is_told() -> None:
    with counting() as work:
        np.sort(np.arange(130.0))
    assert work["sorted"] == 130
    assert excess({"rail": {"sorted": 130}}, {"rail": {"sorted": 100}}) == [
        "rail: sorted 130, baseline 100 (+30%)"
    ]
    assert excess({"rail": {"sorted": 120}}, {"rail": {"sorted": 100}}) == []

"""Check that memory which was freed goes back to the system."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.freeing import give_back_memory, keep_memory_at_hand

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells and trims")


def _held_mb() -> float:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    (line,) = [line for line in lines if line.startswith("VmRSS:")]
    return int(line.split()[1]) / 1024


def test_what_lies_under_something_still_in_use_goes_back_too() -> None:
    blocks = [bytes([number % 256]) * 100_000 for number in range(1000)]
    last = blocks.pop()
    blocks.clear()
    before = _held_mb()
    give_back_memory()
    assert before - _held_mb() > 60
    assert len(last) == 100_000


def test_pages_of_arrays_made_and_dropped_are_used_again() -> None:
    def fill() -> int:
        """Fill two arrays of 8 MB, drop them, and count the pages that this asked for."""
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        np.ones(1_000_000) + np.ones(1_000_000)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    keep_memory_at_hand()
    keep_memory_at_hand()
    first = fill()
    assert sum(fill() for _ in range(10)) < max(first, 1000)

"""Check that memory which was freed goes back to the system."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.freeing import give_back_memory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells and trims")


def _held_mb() -> float:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    (line,) = [line for line in lines if line.startswith("VmRSS:")]
    return int(line.split()[1]) / 1024


def test_what_lies_under_something_still_in_use_goes_back_too() -> None:
    give_back_memory()  # which imports a library at its first call
    blocks = [bytes([number % 256]) * 100_000 for number in range(1000)]
    last = blocks.pop()
    blocks.clear()
    before = _held_mb()
    give_back_memory()
    assert before - _held_mb() > 60
    assert len(last) == 100_000


PAGES = """
import resource
import numpy as np
from pipeline.freeing import keep_memory_at_hand

def asked() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def fill() -> int:
    before = asked()
    np.ones(1_000_000) + np.ones(1_000_000)
    return asked() - before

anew = sum(fill() for _ in range(10))
keep_memory_at_hand()
fill()
print(anew, sum(fill() for _ in range(10)))
"""


def test_pages_of_arrays_made_and_dropped_are_used_again() -> None:
    """Ten times arrays of 8 MB, before and after; in a process of which nothing is known yet."""
    done = subprocess.run([sys.executable, "-c", PAGES], capture_output=True, text=True, check=True)
    anew, again = (int(number) for number in done.stdout.split())
    assert again < anew / 10

"""Check that compiled loops are compiled when they are called, and not before."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from pipeline.compiled import compiled


@compiled
def _doubled(value: float) -> float:
    return 2 * value


@compiled
def _sum_of_doubled(values: np.ndarray) -> float:
    total = 0.0
    for value in values:
        total += _doubled(value)
    return total


def test_a_compiled_function_calls_another() -> None:
    assert _sum_of_doubled(np.arange(4.0)) == 12.0
    assert _doubled(1.5) == 3.0


def test_no_stage_imports_the_compiler_before_it_searches() -> None:
    stages = ("rail", "island", "synthesis", "layers", "maps", "report")
    names = ", ".join(f"pipeline.stages.{name}" for name in stages)
    told = subprocess.run(
        [sys.executable, "-c", f"import sys, {names}; print('numba' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == "False"

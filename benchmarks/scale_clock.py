"""Time the embedded study by the clock: from nothing, unchanged, and after one changed setting."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.whole_run import busy_s, own_s

TIMES = 3
CHANGES = (
    "gaps.needs[service=rail].threshold=15",
    "gaps.needs[service=hospital].threshold=25",
    "gaps.needs[service=school].threshold=20",
    "gaps.cap=2",
    "hospitals.catchment_min=20",
    "schools.catchment_min=20",
    "parcels.about_share=0.2",
    "island.alpha=0.1",
    "synthesis.siting.limit_min=45",
    "report.coverage_band_m=800",
)


class _Run(NamedTuple):
    """One run: seconds by the clock, those other work took, and the stages that computed."""

    wall_s: float
    others_cpu_s: float
    ran: list[str]


def run_clock(folder: Path) -> Iterator[dict[str, Any]]:
    """Build the embedded study and change one setting at a time.

    Parameters
    ----------
    folder
        Where the workspaces are written; what is there of an earlier round is removed.

    Yields
    ------
    What `benchmarks/scale.json` records of each case: `what`, `wall_s` (the median of `times`
    runs), `slowest_s`, `others_cpu_s` and the stages that computed, `ran`.
    """
    built, changed = folder / "built", folder / "changed"
    shutil.rmtree(built, ignore_errors=True)
    yield {"order": 0, "what": "cold", **_told([_run(built)])}
    yield {"order": 1, "what": "warm", **_told([_run(built) for _ in range(TIMES)])}
    for order, change in enumerate(CHANGES, 2):
        runs = []
        for _ in range(TIMES):
            shutil.rmtree(changed, ignore_errors=True)
            shutil.copytree(built, changed)
            runs.append(_run(changed, "--set", change))
        yield {"order": order, "what": change, **_told(runs)}


def _told(runs: list[_Run]) -> dict[str, Any]:
    return {
        "times": len(runs),
        "wall_s": statistics.median(run.wall_s for run in runs),
        "slowest_s": max(run.wall_s for run in runs),
        "others_cpu_s": max(run.others_cpu_s for run in runs),
        "ran": runs[0].ran,
    }


def _run(root: Path, *options: str) -> _Run:
    command = [sys.executable, "-m", "pipeline", "run", "-w", str(root), "-j", "2", "--json"]
    busy, own, start = busy_s(), own_s(), time.perf_counter()
    told = subprocess.run([*command, *options], check=True, stdout=subprocess.PIPE, text=True)
    wall_s = time.perf_counter() - start
    others_s = max((busy_s() - busy) - (own_s() - own), 0.0)
    events = [json.loads(line) for line in told.stdout.splitlines()]
    ran = [one["stage"] for one in events if one["event"] == "done" and not one["stood"]]
    return _Run(wall_s, others_s, ran)

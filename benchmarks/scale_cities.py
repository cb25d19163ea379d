"""Run many small cities on a cluster and one after another, and compare what they wrote.

One of them is large, so that it would come last if nobody saw to it; one has half an extract and
has to fail; the worker of one is killed in the middle of the run on the cluster.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.city.study import write_city
from pipeline.many import FOLDER
from pipeline.workflow.tasks import log_of
from pipeline.workspace import Workspace
from tests.built import contents

SMALL, LARGE = 0.012, 0.04
NUMBER_OF_LARGE, NUMBER_OF_BROKEN, NUMBER_OF_KILLED = 7, 13, 4
# The worker is killed when this stage has ended: what ran until then has to stand.
KILLED_AFTER = "rail"
LOOK_EVERY_S = 0.1
KEPT = re.compile(r"(\d+) stages ran, (\d+) kept")


def run_cities(count: int, folder: Path, cluster: Path) -> dict[str, Any]:
    """Run as many cities, first one after another on one core, then on the cluster.

    Parameters
    ----------
    count
        Cities; at least 13, so that the one that fails is among them.
    folder
        Where the cities and both runs are written.
    cluster
        Description of the cluster.

    Returns
    -------
    What `benchmarks/scale.json` records of them.
    """
    studies = [_write(number, folder / f"{number:02d}") for number in range(1, count + 1)]
    runs, elapsed_s = folder / "runs", {}
    killed = studies[NUMBER_OF_KILLED - 1]
    for where, given in {"one": ("-j", "1"), "cluster": ("--cluster", str(cluster))}.items():
        command = ["many", *map(str, studies), "-w", str(runs / where), *given]
        start = time.perf_counter()
        with _kill(killed, runs / where) if where == "cluster" else contextlib.nullcontext():
            subprocess.run(
                [sys.executable, "-m", "pipeline", *command],
                check=False,  # ends in an error, as one city has to fail
            )
        elapsed_s[where] = time.perf_counter() - start
    return _entry(runs, elapsed_s, killed.stem)


def _write(number: int, folder: Path) -> Path:
    size = LARGE if number == NUMBER_OF_LARGE else SMALL
    study = write_city(folder, size, seed=number, name=f"City {number:02d}")
    if number == NUMBER_OF_BROKEN:
        extract = folder / "city.osm.pbf"
        extract.write_bytes(extract.read_bytes()[:5000])
    return study


@contextlib.contextmanager
def _kill(study: Path, root: Path) -> Iterator[None]:
    """Kill the worker of a study once, when one of its stages has ended, while the block lasts."""
    manifest = Workspace(root=root, study=study.stem).manifest(KILLED_AFTER)
    over = threading.Event()

    def watch() -> None:
        while not over.wait(LOOK_EVERY_S):
            if manifest.exists():
                for process in _workers(study):
                    os.kill(process, signal.SIGKILL)
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _workers(study: Path) -> list[int]:
    """Find the processes that run `python -m pipeline run` for a study on this machine."""
    found = []
    for told in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = told.read_bytes().decode(errors="replace").split("\0")
            if words[1:4] == ["-m", "pipeline", "run"] and str(study.resolve()) in words:
                found.append(int(told.parent.name))
    return found


def _entry(runs: Path, elapsed_s: dict[str, float], killed: str) -> dict[str, Any]:
    table = pd.read_csv(runs / "cluster" / "outputs" / FOLDER / "cities.csv")
    done = table[table["state"].eq("ok")]
    same, different = 0, []
    for name in (
        f"{part}/{city}" for city in done["study"] for part in ("layers/built", "outputs")
    ):
        alone, there = (contents(runs / where / name) for where in ("one", "cluster"))
        same += len(alone)
        different += [f"{name}/{path}" for path in alone if alone[path] != there.get(path)]
        different += [f"{name}/{path}" for path in there if path not in alone]
    after = KEPT.search(log_of(runs / "cluster" / "layers" / "built" / FOLDER, killed))
    return {
        "cities": len(table),
        "failed": table.loc[table["state"].ne("ok"), "study"].tolist(),
        "killed": killed,
        "kept_after_kill": None if after is None else int(after.group(2)),
        "cpu_s": float(done["cpu_s"].sum()),
        "peak_mb": float(done["peak_mb"].max()),
        "alone_s": elapsed_s["one"],
        "elapsed_s": elapsed_s["cluster"],
        "files": same,
        "different": sorted(different),
    }

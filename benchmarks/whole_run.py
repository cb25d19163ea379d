"""Run a command and tell what it and all its children took, and whether it was alone."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LOOK_EVERY_S = 0.25


@dataclass(frozen=True)
class WholeRun:
    """What a command took.

    `elapsed_s` by the clock; `held_mb` the most MB (10^6 bytes) held at once by its processes,
    looked at four times a second; `others_cpu_s` the processor seconds that everything else on the
    machine used meanwhile: where they are many, the clock tells too much.
    """

    elapsed_s: float
    held_mb: float
    others_cpu_s: float


def run_whole(command: Sequence[str]) -> WholeRun:
    """Run a command to its end.

    Pages that several processes share count once (proportional set size), so that processes that
    were forked are not counted as if each had its own libraries.

    Parameters
    ----------
    command
        The program and its arguments.

    Raises
    ------
    subprocess.CalledProcessError
        It failed.
    """
    most_kb, start = 0, time.perf_counter()
    busy, own = busy_s(), own_s()
    with subprocess.Popen(command) as process:
        while True:
            try:
                code = process.wait(LOOK_EVERY_S)
            except subprocess.TimeoutExpired:
                most_kb = max(most_kb, sum(map(_held_kb, _tree(process.pid))))
            else:
                break
    if code:
        raise subprocess.CalledProcessError(code, command)
    others_s = max((busy_s() - busy) - (own_s() - own), 0.0)
    return WholeRun(time.perf_counter() - start, most_kb * 1024 / 1e6, others_s)


def busy_s() -> float:
    """Tell how long the processors of this machine have been busy since it started."""
    told = Path("/proc/stat").read_text(encoding="utf-8").split("\n", 1)[0].split()[1:]
    user, nice, system, _idle, _wait, irq, softirq = map(int, told[:7])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def own_s() -> float:
    """Tell what this process and all of its that have ended used."""
    return sum(os.times()[:4])


def _tree(root: int) -> list[int]:
    """List a process and its descendants."""
    children: dict[int, list[int]] = defaultdict(list)
    for told in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            after_name = told.read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
            children[int(after_name.split()[1])].append(int(told.parent.name))
    found = [root]
    for pid in found:
        found.extend(children[pid])
    return found


def _held_kb(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0

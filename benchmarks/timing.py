"""Time one task in a process of its own and report what it took."""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Timing:
    """What a contender took: seconds of each repeat, seconds to prepare, peak memory, answer."""

    name: str
    seconds: tuple[float, ...]
    setup_seconds: float
    peak_mb: float
    answer: float

    @property
    def median(self) -> float:
        """Median of the repeats in seconds."""
        return statistics.median(self.seconds)

    @property
    def spread(self) -> str:
        """Fastest and slowest repeat."""
        return f"{readable(min(self.seconds))} to {readable(max(self.seconds))}"


def readable(seconds: float) -> str:
    """Write a duration in the unit that fits it."""
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def report(setup: Callable[[], Any], task: Callable[[Any], float], *, repeats: int) -> None:
    """Prepare once, repeat the task, print the timing as one line of JSON."""
    start = time.perf_counter()
    prepared = setup()
    setup_seconds = time.perf_counter() - start
    seconds, answer = [], 0.0
    for _ in range(repeats):
        start = time.perf_counter()
        answer = task(prepared)
        seconds.append(time.perf_counter() - start)
    print(json.dumps([seconds, setup_seconds, _peak_mb(), float(answer)]))


def _peak_mb() -> float:
    """Return the peak memory of this process (that of `getrusage` includes the parent's)."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return float(line.split()[1]) / 1024


def run_apart(python: Path, module: str, name: str, inputs: Path) -> Timing | None:
    """Run one contender under an interpreter; None when it fails (the reason is printed)."""
    command = [str(python), "-m", f"benchmarks.{module}", name, str(inputs)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        print(f"{name} left out: {reason}")
        return None
    seconds, setup_seconds, peak_mb, answer = json.loads(done.stdout.strip().splitlines()[-1])
    print(f"{name}: {readable(statistics.median(seconds))}")
    return Timing(name, tuple(seconds), setup_seconds, peak_mb, answer)


def machine() -> str:
    """Describe the processor, its cores and the system."""
    text = (
        Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    )
    models = [line.split(":")[1].strip() for line in text.splitlines() if "model name" in line]
    model = models[0] if models else platform.processor() or "unknown processor"
    return f"{model}, {max(1, len(models))} cores, {platform.platform()}"


def versions(python: Path, packages: tuple[str, ...]) -> str:
    """List the installed versions of packages under an interpreter."""
    code = (
        "import importlib.metadata as m, sys, json\n"
        "found = {}\n"
        "for name in sys.argv[1:]:\n"
        "    try: found[name] = m.version(name)\n"
        "    except m.PackageNotFoundError: pass\n"
        "print(json.dumps(found))"
    )
    done = subprocess.run(
        [str(python), "-c", code, *packages], capture_output=True, text=True, check=True
    )
    return ", ".join(f"{name} {version}" for name, version in json.loads(done.stdout).items())


def revision(*own: Path) -> str:
    """Name the state of the code that is measured; what the caller writes itself is no code."""
    left_out = [f":!{path.relative_to(ROOT)}" for path in own]
    changed = subprocess.run(
        ["git", "diff", "--quiet", "HEAD", "--", ".", *left_out], cwd=ROOT, check=False
    )
    asked = ["git", "rev-parse", "--short=10", "HEAD"]
    head = subprocess.run(
        asked, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    return f"{head}-dirty" if changed.returncode else head

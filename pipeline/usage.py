"""Record what a stage's process took: time, memory, bytes."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.atomic import atomic_write

# Linux tells a process's memory and bytes here; absent elsewhere.
PROC = Path("/proc/self")
_MB = 1e6
_KIB_PER_MB = 1024 / _MB


@dataclass(frozen=True)
class Usage:
    """What one stage took; null where the operating system does not tell.

    `wall_s` and `cpu_s` count from the start of the process: with the interpreter and the imports,
    unless it is a fork of one that had them already; `peak_mb` is the most memory it ever held,
    what it shares with other stages included; `read_mb` and `written_mb` are the bytes of its read
    and write calls while it worked, whether they reached the disk or not.
    """

    stage: str
    wall_s: float
    cpu_s: float
    peak_mb: float | None
    read_mb: float | None
    written_mb: float | None


@contextmanager
def recording(stage: str, target: Path) -> Iterator[None]:
    """Write what this process took to a file when the block ends, well or not."""
    # What went before is nearly all imports: its processor time stands for its duration.
    before_s, start = time.process_time(), time.perf_counter()
    read, written = _bytes_moved()
    try:
        yield
    finally:
        read_end, written_end = _bytes_moved()
        usage = Usage(
            stage=stage,
            wall_s=round(before_s + time.perf_counter() - start, 3),
            cpu_s=round(time.process_time(), 3),
            peak_mb=_peak_mb(),
            read_mb=_difference_mb(read, read_end),
            written_mb=_difference_mb(written, written_end),
        )
        atomic_write(target, json.dumps(asdict(usage)) + "\n")


def read_usages(paths: Sequence[Path]) -> list[Usage]:
    """Read what stages took; those that never ran or left no record are left out."""
    return [
        Usage(**json.loads(path.read_text(encoding="utf-8"))) for path in paths if path.exists()
    ]


def _peak_mb() -> float | None:
    status = PROC / "status"
    if status.exists():
        # `getrusage` would also count what the parent held when it started this process.
        kib = _proc_value(status, "VmHWM")
        return None if kib is None else round(kib * _KIB_PER_MB, 1)
    if sys.platform == "darwin":
        import resource

        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MB, 1)
    return None


def _bytes_moved() -> tuple[int | None, int | None]:
    counters = PROC / "io"
    if not counters.exists():
        return None, None
    return _proc_value(counters, "rchar"), _proc_value(counters, "wchar")


def _proc_value(path: Path, name: str) -> int | None:
    """Read one number of a file of `name: number` lines; null where the system withholds it."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith(f"{name}:")]
    return int(found[0]) if found else None


def _difference_mb(start: int | None, end: int | None) -> float | None:
    return None if start is None or end is None else round((end - start) / _MB, 3)

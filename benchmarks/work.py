"""Count the work that stages do on a small generated city: a guard that no busy machine disturbs.

Seconds differ from run to run; counts do not. Counted are calls of the package's own functions, the
nodes that searches of the network settle, elements that numpy sorts, shapes that shapely handles.

    python -m benchmarks.work            compare with the baseline
    python -m benchmarks.work --write    make today's counts the baseline, after a change on purpose
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any
from unittest.mock import patch

import numpy as np
import shapely
from scipy.sparse import csgraph

from benchmarks.city.study import write_city
from pipeline.atomic import atomic_write
from pipeline.engine import execute_stage
from pipeline.stages.flow import STAGES
from pipeline.study import read_study
from pipeline.workspace import Workspace

BASELINE = Path(__file__).with_name("work_baseline.json")
TOLERANCE = 0.2
SIZE = 0.012
# Fewer relocations than a study draws: what each of them costs shows as well.
DRAWS = 99
# The pages that people read hold a few hundred rows whatever the city holds.
NOT_COUNTED = ("report", "index")
PACKAGE = str(Path(__file__).resolve().parents[1] / "pipeline")
SORTS = ("argsort", "lexsort", "sort", "unique")
SHAPES = (
    "buffer",
    "difference",
    "from_wkb",
    "intersection",
    "length",
    "line_interpolate_point",
    "line_locate_point",
    "linestrings",
    "point_on_surface",
)

Work = dict[str, dict[str, int]]


@contextmanager
def counting() -> Iterator[Counter[str]]:
    """Count the work done inside the block."""
    work: Counter[str] = Counter()

    def called(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            work["calls"] += 1

    def sized(kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **named: Any) -> Any:  # noqa: ANN401
            work[kind] += int(np.size(args[0])) if args else 1
            return function(*args, **named)

        return counted

    def searched(*args: Any, **named: Any) -> Any:  # noqa: ANN401
        found = search(*args, **named)
        minutes = found[0] if isinstance(found, tuple) else found
        work["settled"] += int(np.isfinite(minutes).sum())
        return found

    search = csgraph.dijkstra
    with ExitStack() as stack:
        for name in SORTS:
            stack.enter_context(patch.object(np, name, sized("sorted", getattr(np, name))))
        for name in SHAPES:
            stack.enter_context(
                patch.object(shapely, name, sized("shapes", getattr(shapely, name)))
            )
        for module in list(sys.modules.values()):
            if getattr(module, "dijkstra", None) is search:
                stack.enter_context(patch.object(module, "dijkstra", searched))
        sys.setprofile(called)
        try:
            yield work
        finally:
            sys.setprofile(None)


def measure(folder: Path) -> Work:
    """Run the stages one by one in this process and count what each does."""
    study = read_study(write_city(folder, SIZE), {"island.draws": DRAWS})
    workspace = Workspace(root=folder / "workspace", study=study.study.id)
    atomic_write(workspace.plan, study.model_dump_json())
    found: Work = {}
    for stage in (spec.name for spec in STAGES if spec.name not in NOT_COUNTED):
        __import__(f"pipeline.stages.{stage}")
        with counting() as work:
            execute_stage(stage, workspace.plan)
        found[stage] = dict(sorted(work.items()))
    return found


def excess(found: Work, baseline: Work) -> list[str]:
    """List the counts that exceed their baseline by more than the tolerance."""
    return [
        f"{stage}: {kind} {count:,}, baseline {baseline[stage].get(kind, 0):,} "
        f"(+{count / max(1, baseline[stage].get(kind, 0)) - 1:.0%})"
        for stage, counts in found.items()
        for kind, count in counts.items()
        if count > (1 + TOLERANCE) * baseline[stage].get(kind, 0)
    ]


def read_baseline() -> Work:
    """Read the recorded counts."""
    recorded: Work = json.loads(BASELINE.read_text(encoding="utf-8"))
    return recorded


def main() -> None:
    """Compare today's counts with the baseline, or record them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.work", description=__doc__)
    parser.add_argument("--write", action="store_true", help="record today's counts")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder))
    if options.write:
        BASELINE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    told = excess(found, read_baseline())
    print("\n".join(told) or "no stage does more work than recorded")
    raise SystemExit(bool(told))


if __name__ == "__main__":
    main()

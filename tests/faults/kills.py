"""Kill every stage at random moments, run it again, and compare with an undisturbed run.

`python -m tests.faults.kills` runs the small study (`whole.py`), kills each stage many times with
SIGKILL at seeded random moments of its work, and records what stood on the disk. It takes minutes;
the suite repeats a few kills (`test_kills.py`) and kills a whole run of the engine
(`tests/test_engine.py`). The record is `tests/faults/kills.json`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import random
import signal
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.atomic import atomic_write
from pipeline.engine import execute_stage
from pipeline.scratch import remove_leftover
from pipeline.stages.flow import STAGES
from pipeline.workspace import Workspace
from tests.faults.dying import in_child
from tests.faults.whole import small_study, write_plan

RECORD = Path(__file__).with_name("kills.json")
SEED = 20260519
PER_STAGE = 8


@dataclass(frozen=True)
class Kill:
    """One kill: when, what was left, and whether the rerun restored the undisturbed bytes.

    `still_old` and `new` count the stage's own files that stood as before and that were replaced
    when it died; `partial` counts files that were neither; `drafts` the hidden files it left.
    """

    stage: str
    at_share: float
    died: bool
    still_old: int
    new: int
    partial: int
    drafts: int
    identical_after_rerun: bool


def digest(path: Path) -> str:
    """Hash a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def outputs_of(workspace: Workspace, stage: str) -> dict[str, str]:
    """Give the files that a stage's manifest promises, with their hashes."""
    told = json.loads(workspace.manifest(stage).read_text(encoding="utf-8"))
    files: dict[str, str] = told["files"]
    return files


def run_stage(workspace: Workspace, stage: str) -> int:
    """Run one stage in a child; gives its exit code."""
    return in_child(lambda: _execute(workspace, stage), seconds=600)


def _execute(workspace: Workspace, stage: str) -> int:
    os.setpgid(0, 0)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    execute_stage(stage, workspace.plan)
    return 0


def spoil(workspace: Workspace, stage: str) -> dict[str, str]:
    """Make the stage's results recognisably old: every file gets other content."""
    old = {}
    for name in outputs_of(workspace, stage):
        path = workspace.output(stage, name)
        path.write_bytes(b"old " + path.name.encode())
        old[name] = digest(path)
    return old


def kill_once(workspace: Workspace, stage: str, after_s: float) -> bool:
    """Start a stage in a child and kill it after a while; tells whether it was still at work."""
    child = os.fork()
    if child == 0:
        try:
            _execute(workspace, stage)
        finally:
            os._exit(0)
    time.sleep(after_s)
    died = os.waitpid(child, os.WNOHANG)[0] == 0
    if died:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return died


def kill_and_rerun(workspace: Workspace, stage: str, *, share: float, lasts_s: float) -> Kill:
    """Kill a stage at a share of its duration, look at the disk, run it again, compare."""
    wanted = outputs_of(workspace, stage)
    manifest = workspace.manifest(stage).read_bytes()
    old = spoil(workspace, stage)
    died = kill_once(workspace, stage, share * lasts_s)
    while not died and share > 0.05:
        share *= 0.8
        old = spoil(workspace, stage)
        died = kill_once(workspace, stage, share * lasts_s)
    now = {name: digest(workspace.output(stage, name)) for name in wanted}
    drafts = [
        draft
        for folder in (workspace.built, workspace.outputs)
        for draft in folder.rglob(".*.part*")
    ]
    if run_stage(workspace, stage) != 0:
        msg = f"{stage} did not run again"
        raise RuntimeError(msg)
    for draft in drafts:  # as the next run of the engine sweeps them up
        remove_leftover(draft)
    again = {name: digest(workspace.output(stage, name)) for name in wanted}
    same = again == wanted and workspace.manifest(stage).read_bytes() == manifest
    return Kill(
        stage=stage,
        at_share=round(share, 3),
        died=died,
        still_old=sum(now[name] == old[name] for name in wanted),
        new=sum(now[name] == wanted[name] for name in wanted),
        partial=sum(now[name] not in {old[name], wanted[name]} for name in wanted),
        drafts=len(drafts),
        identical_after_rerun=same,
    )


def rounds(workspace: Workspace, *, per_stage: int, seed: int) -> Iterator[Kill]:
    """Kill each stage so many times; half of the moments lie in its last tenth, where it writes."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    for spec in STAGES:
        start = time.monotonic()
        run_stage(workspace, spec.name)
        lasts_s = time.monotonic() - start
        for number in range(per_stage):
            share = chance.uniform(0.85, 1.0) if number % 2 else chance.uniform(0.1, 0.85)
            yield kill_and_rerun(workspace, spec.name, share=share, lasts_s=lasts_s)


def main() -> None:
    """Run the big round and write its record."""
    per_stage = int(sys.argv[1]) if len(sys.argv) > 1 else PER_STAGE
    warnings.simplefilter("ignore")
    for spec in STAGES:  # children start warm
        import_module(f"pipeline.stages.{spec.name}")
    with TemporaryDirectory() as folder:
        root = Path(folder) / "ws"
        study = small_study(Path(folder) / "study", mixed=False)
        workspace = Workspace(root=root, study="shanghai")
        write_plan(study, root)
        for spec in STAGES:
            run_stage(workspace, spec.name)
        done = []
        for kill in rounds(workspace, per_stage=per_stage, seed=SEED):
            done.append(kill)
            sys.stdout.write(f"{kill}\n")
            sys.stdout.flush()
    record = {
        "date": dt.datetime.now(tz=dt.UTC).date().isoformat(),
        "study": "小型研究 the small study",
        "seed": SEED,
        "stages": [asdict(kill) for kill in done],
    }
    atomic_write(RECORD, json.dumps([record], indent=1) + "\n")


if __name__ == "__main__":
    main()

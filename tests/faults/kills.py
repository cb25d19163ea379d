"""Kill every stage at random moments, run it again, and compare with an undisturbed run.

`python -m tests.faults.kills` builds the embedded study, kills each stage many times with SIGKILL
at seeded random moments of its duration, and records what stood on the disk. It takes minutes;
the suite repeats a few kills (`test_kills.py`). The record is `tests/faults/kills.json`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.atomic import atomic_write
from pipeline.stages.flow import STAGES
from pipeline.workspace import Workspace
from tests.built import PROJECT, contents, parkgap

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


def command(workspace: Workspace, stage: str) -> list[str]:
    """Give the command that runs one stage by itself."""
    return [sys.executable, "-m", "pipeline", "execute", stage, "--plan", str(workspace.plan)]


def spoil(workspace: Workspace, stage: str) -> dict[str, str]:
    """Make the stage's results recognisably old: every file gets other content."""
    old = {}
    for name in outputs_of(workspace, stage):
        path = workspace.output(stage, name)
        path.write_bytes(b"old " + path.name.encode())
        old[name] = digest(path)
    return old


def kill_once(workspace: Workspace, stage: str, after_s: float) -> bool:
    """Start a stage and kill it after a while; tells whether it was still at work."""
    with subprocess.Popen(
        command(workspace, stage),
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        time.sleep(after_s)
        died = process.poll() is None
        if died:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return died


def kill_and_rerun(workspace: Workspace, stage: str, *, share: float, lasts_s: float) -> Kill:
    """Kill a stage at a share of its duration, look at the disk, run it again, compare."""
    wanted = outputs_of(workspace, stage)
    manifest = workspace.manifest(stage).read_bytes()
    old = spoil(workspace, stage)
    died = kill_once(workspace, stage, share * lasts_s)
    now = {name: digest(workspace.output(stage, name)) for name in wanted}
    drafts = sum(
        1 for folder in (workspace.built, workspace.outputs) for _ in folder.rglob(".*.part*")
    )
    parkgap(*command(workspace, stage)[3:])
    again = {name: digest(workspace.output(stage, name)) for name in wanted}
    same = again == wanted and workspace.manifest(stage).read_bytes() == manifest
    return Kill(
        stage=stage,
        at_share=round(share, 3),
        died=died,
        still_old=sum(now[name] == old[name] for name in wanted),
        new=sum(now[name] == wanted[name] for name in wanted),
        partial=sum(now[name] not in {old[name], wanted[name]} for name in wanted),
        drafts=drafts,
        identical_after_rerun=same,
    )


def rounds(workspace: Workspace, *, per_stage: int, seed: int) -> Iterator[Kill]:
    """Kill each stage so many times; half of the moments lie in its last tenth, where it writes."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    for spec in STAGES:
        start = time.monotonic()
        parkgap(*command(workspace, spec.name)[3:])
        lasts_s = time.monotonic() - start
        for number in range(per_stage):
            share = chance.uniform(0.85, 1.0) if number % 2 else chance.uniform(0.1, 0.85)
            yield kill_and_rerun(workspace, spec.name, share=share, lasts_s=lasts_s)


def kill_whole_run(root: Path, workspace: Workspace, stage: str) -> bool:
    """Kill `parkgap run` and all it started as a stage begins; the next run must restore it all."""
    before = contents(root)
    workspace.manifest(stage).unlink()
    log = workspace.log(stage)
    log.unlink(missing_ok=True)
    with subprocess.Popen(
        [sys.executable, "-m", "pipeline", "run", "--workspace", str(root)],
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        while not log.exists() and process.poll() is None:
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    parkgap("run", "--workspace", str(root))
    return contents(root) == before


def main() -> None:
    """Run the big round and write its record."""
    per_stage = int(sys.argv[1]) if len(sys.argv) > 1 else PER_STAGE
    given = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    with TemporaryDirectory() as folder:
        root = Path(folder) / "study"
        if given is None:
            parkgap("run", "--workspace", str(root))
        else:
            shutil.copytree(given, root)
        workspace = Workspace(root=root, study="shanghai")
        done = []
        for kill in rounds(workspace, per_stage=per_stage, seed=SEED):
            done.append(kill)
            sys.stdout.write(f"{kill}\n")
            sys.stdout.flush()
        runs = [kill_whole_run(root, workspace, name) for name in ("schools", "layers", "report")]
    record = {
        "date": dt.datetime.now(tz=dt.UTC).date().isoformat(),
        "seed": SEED,
        "stages": [asdict(kill) for kill in done],
        "whole_runs": {"killed": len(runs), "identical": sum(runs)},
    }
    atomic_write(RECORD, json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()

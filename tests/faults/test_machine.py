"""What the machine refuses is named by the command itself, with an exit code of its own."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.errors import DefectError, ExitCode, MachineError, ParkgapError
from pipeline.log_events import EVENTS, PROBLEM_KEYS
from pipeline.machine import named_error
from pipeline.workflow.lock import holding
from pipeline.workspace import Workspace
from tests.built import PROJECT, contents
from tests.faults.calling import parkgap_here
from tests.faults.corpus import file_of
from tests.faults.corpus_tables import mini, staged
from tests.faults.dying import in_child


@pytest.mark.parametrize(
    ("raised", "rule"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "ENOSPC"),
        (PermissionError(errno.EACCES, "Permission denied", "/x/y"), "EACCES"),
        (OSError(errno.EROFS, "Read-only file system"), "EROFS"),
        (OSError(errno.EMFILE, "Too many open files"), "EMFILE"),
        (MemoryError(), "ENOMEM"),
        (RuntimeError("database or disk is full"), "ENOSPC"),
    ],
)
def test_refusals_have_names_and_remedies(raised: Exception, rule: str) -> None:
    found = named_error(raised)
    assert isinstance(found, MachineError)
    (problem,) = found.problems
    assert problem.rule == rule
    assert problem.remedy_zh
    assert problem.remedy_en


def test_a_cause_is_found_behind_what_it_caused() -> None:
    cause = OSError(errno.ENOSPC, "No space left on device")
    error = ValueError("the driver failed")
    error.__cause__ = cause
    assert named_error(error).exit_code == ExitCode.MACHINE
    assert isinstance(named_error(KeyError("x")), DefectError)


def test_exit_codes_are_all_different_and_none_but_success_is_zero() -> None:
    kinds = ParkgapError.__subclasses__()
    codes = [kind.exit_code for kind in kinds if "exit_code" in vars(kind)]
    assert len(codes) == len(set(codes))
    assert 0 not in codes
    assert set(codes) <= set(ExitCode)


def _as_nobody(folder: Path, arguments: list[str]) -> tuple[int, str]:
    """Run a command in a child without the rights of root; gives its code and what it said."""
    said = folder / "said.txt"
    said.touch()
    said.chmod(0o666)
    for one in (folder, *list(folder.parents)[:-2]):
        if one.stat().st_uid == os.getuid():
            one.chmod(one.stat().st_mode | 0o055)

    def work() -> int:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        done = parkgap_here(*arguments)
        said.write_text(done.out + done.err, encoding="utf-8")
        return done.code

    return in_child(work), said.read_text(encoding="utf-8")


def test_a_workspace_that_may_not_be_written(tmp_path: Path) -> None:
    study = mini(tmp_path)
    closed = tmp_path / "closed"
    kept = file_of(closed / "layers" / "built" / "mini" / "a.parquet", b"earlier")
    kept.parent.chmod(0o555)
    code, said = _as_nobody(tmp_path, ["run", "-s", str(study), "-w", str(closed)])
    assert code == ExitCode.MACHINE, said
    assert "没有权限" in said
    assert str(closed) in said
    assert kept.read_bytes() == b"earlier"


def test_no_handles_left_in_a_stage(tmp_path: Path) -> None:
    arguments = staged("ingest", {})(tmp_path)
    assert parkgap_here(*arguments).code == 0
    before = contents(tmp_path)

    def work() -> int:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
        kept = []
        with contextlib.suppress(OSError):
            while True:
                kept.append(Path("/dev/null").open("rb"))  # noqa: SIM115
        return parkgap_here(*arguments).code

    assert in_child(work) == ExitCode.MACHINE
    assert contents(tmp_path) == before


def test_a_clock_that_runs_backwards_changes_nothing(tmp_path: Path) -> None:
    arguments = staged("ingest", {})(tmp_path)
    assert parkgap_here(*arguments).code == 0
    before = contents(tmp_path)
    for path in tmp_path.rglob("*"):
        os.utime(path, (4e9, 4e9))  # everything was written in the year 2096
    assert parkgap_here(*arguments).code == 0
    assert contents(tmp_path) == before


def test_a_machine_reads_why_a_run_failed(tmp_path: Path) -> None:
    study = mini(tmp_path)
    (tmp_path / "places.csv").write_text("place_id,tier,lon,lat\na,core,121.4,31.2\na,core,1,1\n")
    done = parkgap_here("run", "-s", str(study), "-w", str(tmp_path), "--json", "-j", "1")
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert done.code == ExitCode.FIELD
    assert {line["event"] for line in lines} <= set(EVENTS)
    for line in lines:
        assert set(line) == {"event", *EVENTS[line["event"]][2]}
    failed = lines[-1]
    assert (failed["event"], failed["exit_code"]) == ("failed", ExitCode.FIELD)
    assert set(failed["problems"][0]) == set(PROBLEM_KEYS)
    assert "appears twice" in failed["problems"][0]["zh"] + failed["problems"][0]["en"]


HOLD = """
import sys, time
from pathlib import Path
from pipeline.workflow.lock import holding
from pipeline.workspace import Workspace
with holding(Workspace(root=Path(sys.argv[1]), study="mini")):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_run_names_the_holder_and_a_dead_holder_holds_nothing(tmp_path: Path) -> None:
    study = mini(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        start = time.monotonic()
        done = parkgap_here("run", "-s", str(study), "-w", str(tmp_path))
        assert done.code == ExitCode.BUSY
        assert str(holder.pid) in done.err
        assert time.monotonic() - start < 30  # it refuses, it does not wait
        holder.kill()
        holder.wait()
    note = Workspace(root=tmp_path, study="mini").built / ".holder.json"
    assert note.is_file()  # what a killed run leaves is a note, not a lock
    with holding(Workspace(root=tmp_path, study="mini")):
        assert str(os.getpid()) in note.read_text(encoding="utf-8")

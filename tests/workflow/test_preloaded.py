"""A command of a run is done in a fork of a process that has the libraries; else by itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.errors import ExitCode, StudyError
from pipeline.workflow.client import ADDRESS, DIED, SOCKET
from pipeline.workflow.preloaded import Preloaded
from tests.built import PROJECT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks are for Linux")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give the folder of a run whose process is ready; its plan never comes."""
    place = tmp_path_factory.mktemp("run")
    os.mkfifo(place / "never.json")
    with Preloaded() as hands:
        hands.serve(place, ("index",))
        yield place
    assert not (place / SOCKET).exists()
    assert ADDRESS not in os.environ


def _start(folder: Path, *arguments: str, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "pipeline", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT), **env},
    )


def _until(true: object) -> None:
    assert callable(true)
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def _forks() -> list[int]:
    """List the processes that do the work: the children of this process's child."""
    found = []
    for child in _children(os.getpid()):
        if b"pipeline.workflow.forking" in Path(f"/proc/{child}/cmdline").read_bytes():
            found += _children(child)
    return found


def _children(process: int) -> list[int]:
    tasks = Path(f"/proc/{process}/task").glob("*/children")
    return [int(one) for path in tasks for one in path.read_text(encoding="ascii").split()]


def _alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="ascii").split()[2]
    except OSError:
        return False
    return state != "Z"


def test_a_command_says_and_ends_as_it_does_by_itself(folder: Path) -> None:
    """Only that it need not import anything to do so."""
    asked = ("execute", "nowhere", "--plan", "study.json")
    told, imported = [], []
    for address in (SOCKET, "nobody.there"):
        process = _start(folder, *asked, **{ADDRESS: address})
        _, said = process.communicate()
        assert process.returncode == StudyError.exit_code
        lines = said.splitlines()
        told.append([line for line in lines if not line.startswith("import time:")])
        imported.append(any(line.endswith(" pipeline.cli") for line in lines))
    assert told[0] == told[1]
    assert "nowhere" in "".join(told[0])
    assert imported == [False, True]


def test_who_kills_the_command_kills_the_work(folder: Path) -> None:
    process = _start(folder, "execute", "ingest", "--plan", "never.json")
    _until(_forks)
    (work,) = _forks()
    process.kill()
    process.communicate()
    _until(lambda: not _alive(work))


def test_work_that_is_killed_is_a_failure(folder: Path) -> None:
    process = _start(folder, "execute", "ingest", "--plan", "never.json")
    _until(lambda: any(map(_alive, _forks())))
    (work,) = filter(_alive, _forks())
    os.kill(work, signal.SIGKILL)
    process.communicate()
    assert process.returncode == DIED


def test_the_work_ends_with_the_run(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "never.json")
    started = []

    def fail() -> None:
        with Preloaded() as hands:
            hands.serve(tmp_path, ("index",))
            started.append(_start(tmp_path, "execute", "ingest", "--plan", "never.json"))
            _until(_forks)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    started[0].communicate()
    assert started[0].returncode == DIED
    assert not _forks()


def test_a_run_that_ends_well_waits_for_no_import(tmp_path: Path) -> None:
    with Preloaded() as hands:
        hands.serve(tmp_path, ("report",))
        assert (tmp_path / SOCKET).exists()
    assert not (tmp_path / SOCKET).exists()


def test_an_interrupted_run_says_so(tmp_path: Path) -> None:
    """Ctrl-C reaches the run and all its processes at once, and is no failure of a stage."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", "run", "-w", str(tmp_path), "--json"],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if '"start"' in line:
            break
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == ExitCode.INTERRUPTED
    assert "interrupted" in said
    assert "Traceback" not in said


def test_a_run_with_nothing_to_do_leaves_no_process() -> None:
    before = _children(os.getpid())
    with Preloaded():
        assert len(_children(os.getpid())) == len(before) + 1
    assert _children(os.getpid()) == before
    assert ADDRESS not in os.environ

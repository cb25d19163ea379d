"""A file is whole or absent, whatever the moment of death and whatever the machine refuses."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from pipeline.atomic import atomic_path, atomic_write
from pipeline.errors import ExitCode, MachineError
from pipeline.publish.geopackage import write_geopackage
from pipeline.publish.layer_csv import write_csv
from pipeline.publish.layer_excel import write_excel
from pipeline.publish.layer_rasters import Band, Grid, write_cog
from pipeline.publish.layer_tables import Layer
from tests.faults.dying import in_child, killed_at_byte, killed_at_call, refused_at_byte
from tests.publish.layer_samples import places, town_layers

DATE = dt.date(2026, 5, 19)
OLD = b"what stood there before"
Writer = Callable[[Path], None]
LAYERS: list[Layer] = []
# Where each writer dies: at these shares of its bytes, and before these calls that name a file.
SHARES = (0, 0.3, 0.6, 0.99)
CALLS = range(1, 8)


def _layers() -> list[Layer]:
    if not LAYERS:
        LAYERS.extend(town_layers()[:2])
    return LAYERS


def _raster(path: Path) -> None:
    grid = Grid("EPSG:32651", 0, 60_000, 100, 600, 600)
    values = np.random.default_rng(1).random((600, 600), dtype=np.float32)
    write_cog(path, grid, [Band("a", "甲", "a", "m", values)], tags={"TITLE": "t"})


WRITERS: dict[str, Writer] = {
    "gpkg": lambda path: write_geopackage(path, _layers(), date=DATE, styles={}, metadata={}),
    "tif": _raster,
    "parquet": lambda path: places().to_parquet(path, index=False),
    "csv": lambda path: write_csv(path, _layers()[0].frame, _layers()[0].schema),
    "xlsx": lambda path: write_excel(path, _layers(), date=DATE),
    "html": lambda path: path.write_text("<p>页</p>" * 50_000, encoding="utf-8") and None,
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str]]:
    """Give size and hash of each writer's undisturbed file; also warms the libraries up."""
    folder = tmp_path_factory.mktemp("whole")
    found = {}
    for ending, write in WRITERS.items():
        with atomic_path(folder / f"a.{ending}") as temporary:
            write(temporary)
        content = (folder / f"a.{ending}").read_bytes()
        found[ending] = (len(content), hashlib.sha256(content).hexdigest())
    return found


def _write(target: Path, write: Writer) -> int:
    try:
        with atomic_path(target) as temporary:
            write(temporary)
    except MachineError as error:
        return int(error.exit_code)
    return 0


@pytest.mark.parametrize("ending", WRITERS)
def test_death_at_any_moment_leaves_the_old_file_or_the_new(
    ending: str, whole: dict[str, tuple[int, str]], tmp_path: Path
) -> None:
    """Each writer dies in the midst of its bytes, and before each step that names the file."""
    size, digest = whole[ending]
    write, target = WRITERS[ending], tmp_path / f"a.{ending}"
    arms: list[Callable[[], None]] = [
        lambda share=share: killed_at_byte(int(size * share)) for share in SHARES
    ]
    arms += [lambda number=number: killed_at_call(number) for number in CALLS]
    ends = []
    for arm in arms:
        target.write_bytes(OLD)

        def work(arm: Callable[[], None] = arm) -> int:
            arm()
            return _write(target, write)

        ends.append(in_child(work))
        now = target.read_bytes()
        assert now == OLD or hashlib.sha256(now).hexdigest() == digest, ends
        seen = [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")]
        assert seen == [target.name]
    assert _write(target, write) == 0  # whatever the dead have left behind
    assert hashlib.sha256(target.read_bytes()).hexdigest() == digest
    assert set(ends[: len(SHARES)]) == {-signal.SIGXFSZ}
    assert ends[len(SHARES) :].count(-signal.SIGKILL) >= len(CALLS) - 1


@pytest.mark.parametrize("ending", WRITERS)
def test_a_refused_write_is_named_and_leaves_the_old_file(
    ending: str, whole: dict[str, tuple[int, str]], tmp_path: Path
) -> None:
    """The machine refuses the file at some byte: no driver may take that for success."""
    size, _digest = whole[ending]
    target = tmp_path / f"a.{ending}"
    for share in (0, 0.4, 0.98):
        target.write_bytes(OLD)

        def work(share: float = share) -> int:
            refused_at_byte(int(size * share))
            return _write(target, WRITERS[ending])

        assert in_child(work) == ExitCode.MACHINE, share
        assert target.read_bytes() == OLD
        assert [path.name for path in tmp_path.iterdir()] == [target.name]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 16 KiB; needs root."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs root; a refused write is tested above")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("ending", ["gpkg", "tif", "parquet", "html"])
def test_a_full_disk_is_named_and_leaves_the_old_file(ending: str, small_disk: Path) -> None:
    target = small_disk / f"a.{ending}"
    target.write_bytes(OLD)
    with pytest.raises(MachineError, match="磁盘已满") as raised, atomic_path(target) as temporary:
        WRITERS[ending](temporary)
    assert "ENOSPC" in str(raised.value)
    assert target.read_bytes() == OLD
    assert [path.name for path in small_disk.iterdir()] == [target.name]


def _as_nobody(work: Callable[[], int]) -> int:
    def humbled() -> int:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        return work()

    return in_child(humbled)


def test_forbidden_folders_and_files(tmp_path: Path) -> None:
    for parent in (tmp_path, *tmp_path.parents[:3]):
        parent.chmod(0o755)
    target = tmp_path / "closed" / "a.csv"
    atomic_write(target, OLD)
    target.parent.chmod(0o555)
    assert _as_nobody(lambda: _write(target, WRITERS["csv"])) == ExitCode.MACHINE
    assert _as_nobody(lambda: _write(tmp_path / "new" / "a.csv", WRITERS["csv"])) in {0, 10}
    target.parent.chmod(0o755)
    assert target.read_bytes() == OLD
    assert [path.name for path in target.parent.iterdir()] == ["a.csv"]


def test_no_handles_left(tmp_path: Path) -> None:
    def work() -> int:
        resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))
        kept = []
        try:
            while True:
                kept.append(Path("/dev/null").open("rb"))  # noqa: SIM115
        except OSError:
            return _write(tmp_path / "a.csv", WRITERS["csv"])

    _layers()
    assert in_child(work) == ExitCode.MACHINE
    assert not list(tmp_path.iterdir())


def test_a_reader_keeps_the_package_it_opened(tmp_path: Path) -> None:
    """A reader in a transaction, with a write-ahead log as QGIS keeps one, sees the old file."""
    path = tmp_path / "a.gpkg"
    with atomic_path(path) as temporary:
        WRITERS["gpkg"](temporary)
    count = "SELECT count(*) FROM places"
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("PRAGMA journal_mode=WAL")
        reader.execute("DELETE FROM places WHERE rowid > 1")  # stays in the log
        reader.execute("BEGIN")
        before = reader.execute(count).fetchone()
        assert path.with_name("a.gpkg-wal").stat().st_size > 0
        with atomic_path(path) as temporary:
            WRITERS["gpkg"](temporary)
        assert reader.execute(count).fetchone() == before
    with closing(sqlite3.connect(path)) as new:
        assert new.execute(count).fetchone()[0] > before[0]
        assert new.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert [one.name for one in tmp_path.iterdir()] == ["a.gpkg"]


def test_a_clock_that_runs_backwards_changes_nothing(
    tmp_path: Path, whole: dict[str, tuple[int, str]]
) -> None:
    """An old file dated in the future is replaced like any other."""
    target = tmp_path / "a.gpkg"
    target.write_bytes(OLD)
    os.utime(target, (4e9, 4e9))
    assert _write(target, WRITERS["gpkg"]) == 0
    assert hashlib.sha256(target.read_bytes()).hexdigest() == whole["gpkg"][1]
    shutil.rmtree(tmp_path)

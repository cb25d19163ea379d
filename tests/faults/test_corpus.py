"""Hundreds of bad files: each ends in a named error, in bounded time, and changes nothing."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import ExitCode
from tests.built import contents, parkgap
from tests.faults.calling import parkgap_here, quick
from tests.faults.corpus import Bad, file_of
from tests.faults.corpus_layers import ring_of
from tests.faults.corpus_tables import mini
from tests.faults.expected import all_cases, expected, opened

CASES = all_cases()
ENDS = expected()
SECONDS_AT_MOST = 60
GROWTH_AT_MOST_KIB = 1_500_000
BY_SUBPROCESS = ("gpkg-noise", "archive-bomb", "markup-kml_bomb", "study-alias_bomb", "gtfs-bomb")


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    with quick():
        yield


def _too_long(_signal: int, _frame: object) -> None:
    msg = f"not done after {SECONDS_AT_MOST} s"
    raise AssertionError(msg)


@pytest.fixture(autouse=True)
def _bounded() -> Iterator[None]:
    """End a reader that hangs, and tell of one that takes all memory."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(SECONDS_AT_MOST)
    yield
    signal.alarm(0)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < GROWTH_AT_MOST_KIB


def test_there_are_many_and_none_twice() -> None:
    names = [str(case) for case in CASES]
    assert sorted(names) == sorted(ENDS)
    assert len(names) >= 400
    assert len({case.family for case in CASES}) >= 30


@pytest.fixture(scope="module")
def small_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mini(tmp_path_factory.mktemp("mini"))


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.filterwarnings("ignore")  # what libraries say of bad files is theirs
def test_a_bad_file_ends_in_a_named_error(case: Bad, tmp_path: Path, small_study: Path) -> None:
    earlier = file_of(tmp_path / "layers/built/mini/ingest/places_before.txt", "earlier result")
    manifest = file_of(tmp_path / "layers/built/mini/ingest/manifest.json", '{"files": {}}')
    before = contents(tmp_path)
    arguments = opened(case, tmp_path, small_study)
    done = parkgap_here(*arguments)
    assert done.code in case.ends, f"{done.code}\n{done.out}\n{done.err}"
    assert done.code == ENDS[str(case)], "look at it, then python -m tests.faults.expected"
    assert "Traceback" not in done.out + done.err
    said = done.out + done.err
    assert any("一" <= sign <= "鿿" for sign in said)  # in Chinese as well
    assert earlier.is_file()
    assert manifest.is_file()
    after = contents(tmp_path)
    assert {name: after.get(name) for name in before} == before
    assert not Path("/tmp/pwned").exists()  # noqa: S108 - what one of the files tries to write


@pytest.mark.parametrize("name", BY_SUBPROCESS)
def test_the_same_by_the_command_itself(name: str, tmp_path: Path, small_study: Path) -> None:
    case = next(one for one in CASES if str(one).endswith(name))
    arguments = opened(case, tmp_path, small_study)
    done = parkgap(*arguments, expect=ENDS[str(case)])
    assert "Traceback" not in done.stdout + done.stderr


def test_a_ring_of_a_million_vertices_is_read(tmp_path: Path, small_study: Path) -> None:
    """Large is not wrong; a ring that crosses itself is a finding."""
    large = file_of(tmp_path / "large.geojson", ring_of(1_000_000, crossing=False))
    done = parkgap_here("check", str(large), "-s", str(small_study))
    assert done.code == ExitCode.OK, done.out
    crossing = file_of(tmp_path / "crossing.geojson", ring_of(50_000, crossing=True))
    done = parkgap_here("check", str(crossing), "-s", str(small_study))
    assert "Self-intersection" in done.out


@pytest.mark.filterwarnings("ignore")
def test_any_bytes_under_any_name_end_in_an_error(tmp_path: Path, small_study: Path) -> None:
    """Noise of many lengths, under each ending that is read."""
    noise = np.random.default_rng(5)
    for ending in ("gpkg", "shp", "dxf", "kml", "gml", "fgb", "parquet", "xlsx", "zip", "kmz"):
        for size in (3, 64, 5000):
            path = file_of(tmp_path / f"a.{ending}", noise.bytes(size))
            done = parkgap_here("check", str(path), "-s", str(small_study))
            assert done.code == ExitCode.SOURCE, (ending, size, done.out)

"""What a stage took is recorded truly, beside its manifest, and told in a readable table."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline import usage
from pipeline.stages.flow import STAGES
from pipeline.usage import read_usages, recording
from tests.built import parkgap

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells bytes moved")


@linux
def test_time_memory_and_bytes_are_those_of_the_work(tmp_path: Path) -> None:
    written, record = b"x" * 7_000_000, tmp_path / "one.usage.json"
    with recording("rail", record):
        held = np.ones(40_000_000)
        (tmp_path / "data").write_bytes(written)
        (tmp_path / "data").read_bytes()
    (one,) = read_usages([record, tmp_path / "never_ran.json"])
    assert one.stage == "rail"
    assert one.wall_s > 0
    assert one.cpu_s > 0
    assert one.peak_mb is not None
    assert one.peak_mb > held.nbytes / 1e6
    assert one.read_mb == pytest.approx(7, abs=0.2)
    assert one.written_mb == pytest.approx(7, abs=0.2)


def test_what_the_system_does_not_tell_is_null(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(usage, "PROC", tmp_path / "absent")
    with recording("rail", tmp_path / "one.json"):
        pass
    (one,) = read_usages([tmp_path / "one.json"])
    assert (one.peak_mb, one.read_mb, one.written_mb) == (None, None, None)


def test_a_failure_is_recorded_too(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), recording("rail", tmp_path / "one.json"):
        _ = 1 / 0
    assert len(read_usages([tmp_path / "one.json"])) == 1


@linux
def test_the_command_line_tells_every_stage(embedded: Path) -> None:
    done = parkgap("run", "--workspace", str(embedded), "--profile")
    for stage in STAGES:
        assert f"\n{stage.name} " in done.stdout
    told = json.loads((embedded / "layers/built/shanghai/logs/profile.json").read_text("utf-8"))
    assert [record["stage"] for record in told] == [stage.name for stage in STAGES]
    assert all(record["peak_mb"] > 50 for record in told)

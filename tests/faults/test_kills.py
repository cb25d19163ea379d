"""A stage that is killed or fails leaves what stood before; the next run gives the same bytes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

from pipeline import engine
from pipeline.errors import DefectError, ExitCode, MachineError
from pipeline.network import osm_reading
from pipeline.stages import gaps
from pipeline.stages.context import StageContext
from pipeline.stages.flow import STAGES
from pipeline.workspace import Workspace
from tests.built import contents
from tests.faults.calling import parkgap_here
from tests.faults.corpus import file_of
from tests.faults.corpus_tables import extract, staged
from tests.faults.dying import in_child
from tests.faults.kills import RECORD, kill_and_rerun, outputs_of


@pytest.fixture
def workspace(embedded: Path, tmp_path: Path) -> Workspace:
    shutil.copytree(embedded, tmp_path / "copy")
    return Workspace(root=tmp_path / "copy", study="shanghai")


def test_the_record_of_the_big_round_tells_of_no_loss() -> None:
    told = json.loads(RECORD.read_text(encoding="utf-8"))
    kills = [kill for one in told for kill in one["stages"]]
    assert {kill["stage"] for kill in kills} == {stage.name for stage in STAGES}
    assert sum(kill["died"] for kill in kills) >= 100
    assert not sum(kill["partial"] for kill in kills)
    assert all(kill["identical_after_rerun"] for kill in kills)


@pytest.mark.parametrize(("stage", "share"), [("gaps", 0.1), ("rail", 0.5)])
def test_a_killed_stage_leaves_whole_files_and_is_repeated(
    workspace: Workspace, stage: str, share: float
) -> None:
    kill = kill_and_rerun(workspace, stage, share=share, lasts_s=2.0)
    assert kill.partial == 0
    assert kill.still_old + kill.new == len(outputs_of(workspace, stage))
    assert kill.identical_after_rerun


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (OSError(28, "No space left on device"), ExitCode.MACHINE),
        (MemoryError(), ExitCode.MACHINE),
        (KeyError("column"), ExitCode.DEFECT),
    ],
)
def test_a_stage_that_fails_halfway_replaces_nothing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, raised: Exception, code: ExitCode
) -> None:
    before = contents(workspace.root)

    def breaks(context: StageContext) -> None:
        for name in outputs_of(workspace, "gaps"):
            with context.writing(name) as target:
                target.write_bytes(b"new")
        raise raised

    monkeypatch.setattr(gaps, "run", breaks)
    kind = MachineError if code is ExitCode.MACHINE else DefectError
    with pytest.raises(kind):
        engine.execute_stage("gaps", workspace.plan)
    assert contents(workspace.root) == before
    assert not list(workspace.built.rglob(".*.part*"))
    told = json.loads(workspace.failure("gaps").read_text(encoding="utf-8"))
    assert told["exit_code"] == code
    assert any("一" <= sign <= "鿿" for sign in told["problems"][0])


def test_what_a_stage_no_longer_writes_goes(workspace: Workspace) -> None:
    """A page of a park that left the register must not stay beside the new ones."""
    plan = engine.restore_study(workspace.plan)
    page = workspace.output("maps", "outputs:maps/parks/gone.html")
    page.write_text("old", encoding="utf-8")
    spec = next(stage for stage in STAGES if stage.name == "maps")
    context = StageContext(spec, plan, workspace)
    for name in outputs_of(workspace, "maps"):
        content = workspace.output("maps", name).read_bytes()
        with context.writing(name) as target:
            target.write_bytes(content)
    assert page.exists()
    context.finish({})
    assert not page.exists()


def test_a_kill_amid_an_extract_leaves_nothing_that_the_next_run_does_not_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = tmp_path / "system"
    system.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(system))
    given = {"inputs.osm_extract": str(file_of(tmp_path / "a.osm.pbf", extract()))}
    assert parkgap_here(*staged("ingest", given)(tmp_path)).code == 0
    networks = staged("networks", given)(tmp_path)

    def die(*_arguments: object, **_named: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def dying() -> int:
        osm_reading.Lines = die  # type: ignore[assignment, misc]
        return parkgap_here(*networks).code

    assert in_child(dying) == -signal.SIGKILL
    built = tmp_path / "layers" / "built" / "mini"
    assert [path.name for path in built.rglob("streets.opl")] == ["streets.opl"]
    assert not list(system.iterdir())
    assert parkgap_here(*networks).code == 0
    assert not list(built.rglob(".*.part*"))

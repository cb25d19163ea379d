"""Stages run when their basis changed, say why, and leave earlier results alone when they fail."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.engine import run, states
from pipeline.errors import BusyError, LayerError, SourceError
from pipeline.plan import StageState
from pipeline.stages.context import StageContext
from pipeline.stages.flow import BY_NAME, STAGES, upstream
from pipeline.study import Study, read_study
from pipeline.workflow.lock import holding
from pipeline.workspace import Workspace
from tests.built import PROJECT, contents, parkgap

SHANGHAI = PROJECT / "studies" / "shanghai.yml"


@pytest.fixture
def study() -> Study:
    return read_study(SHANGHAI)


@pytest.fixture
def workspace(embedded: Path, tmp_path: Path) -> Workspace:
    """Give a private copy of the built study, so that a test may spoil it."""
    shutil.copytree(embedded, tmp_path / "copy")
    return Workspace(root=tmp_path / "copy", study="shanghai")


def stale(found: list) -> dict[str, str]:
    return {state.stage.name: state.reason_en for state in found if state.stale}


def results(files: dict[str, str]) -> dict[str, str]:
    """Keep what people and later stages read; plans and manifests only tell of the run."""
    return {
        name: digest
        for name, digest in files.items()
        if not name.endswith(("manifest.json", "study.json"))
    }


def test_every_stage_has_its_file_and_only_reads_what_stands_before_it(study: Study) -> None:
    seen: set[str] = set()
    for stage in STAGES:
        assert (PROJECT / "pipeline" / "stages" / f"{stage.name}.py").is_file()
        assert set(stage.needs) <= seen, stage.name
        assert Study.model_fields.keys() >= study.only(stage.set_by).__dict__.keys(), stage.name
        seen.add(stage.name)


def test_the_index_knows_every_stage_that_writes_what_people_open() -> None:
    names = {s.name for s in STAGES for name in (*s.outputs, *s.families) if ":" in name}
    assert names - {"index"} <= set(BY_NAME["index"].needs)


def test_upstream_is_the_stage_and_all_it_rests_on() -> None:
    assert upstream("ingest") == ("ingest",)
    assert upstream("rail") == ("ingest", "networks", "rail")
    assert upstream(STAGES[-1].name)[0] == "ingest"


def test_a_second_run_does_nothing_and_says_why(study: Study, workspace: Workspace) -> None:
    before = contents(workspace.root)
    found = run(study, workspace, cores=2)
    assert stale(found) == {}
    assert {state.reason_en for state in found} == {"inputs, settings and code are unchanged"}
    assert contents(workspace.root) == before


def test_the_engine_works_inside_a_running_loop(study: Study, workspace: Workspace) -> None:
    """A notebook runs a loop of its own."""

    async def ask() -> list[StageState]:
        return states(study, workspace)

    # In a thread of its own, as the browser tests may have left a loop in this one.
    with ThreadPoolExecutor(max_workers=1) as pool:
        assert stale(pool.submit(asyncio.run, ask()).result()) == {}


def test_time_stamps_are_nothing(study: Study, workspace: Workspace) -> None:
    for path in workspace.built.rglob("*.json"):
        os.utime(path)
    assert stale(states(study, workspace)) == {}


def test_a_setting_reaches_only_the_stages_that_declare_it(workspace: Workspace) -> None:
    changed = read_study(SHANGHAI, {"hospitals.catchment_min": 31.0})
    found = stale(states(changed, workspace))
    assert "settings changed: hospitals.catchment_min: 30.0 -> 31.0" in found["hospitals"]
    assert not {"ingest", "networks", "rail", "schools"} & set(found)
    assert found["gaps"].startswith("upstream runs again")
    changed = read_study(SHANGHAI, {"gaps.needs[service=school].threshold": 16.0})
    found = stale(states(changed, workspace))
    assert "gaps.needs[service=school].threshold: 15.0 -> 16.0" in found["schools"]
    assert not {"ingest", "networks", "rail", "hospitals", "island"} & set(found)


@pytest.mark.parametrize(
    ("path", "value", "set_by_it"),
    [
        ("gaps.cap", 2.0, {"gaps", "layers", "maps", "report"}),
        ("gaps.dirichlet_draws", 50, {"gaps", "report"}),
        ("gaps.tier_rank", {"core": 2.0, "zone": 1.0}, {"access", "report"}),
        ("gaps.bootstrap_draws", 50, {"hospitals", "schools", "access", "report"}),
        ("uncertainty.assumed_precision_m", 900.0,
         {"rail", "hospitals", "schools", "parcels", "basic", "report"}),
        ("rail.in_city", False, {"rail", "gaps", "report"}),
        ("island.alpha", 0.1, {"island", "maps", "report"}),
        ("sources.cells.cell_m", 250, {"ingest", "island", "report"}),
        ("sources.archives.most_files", 9, {"ingest", "report"}),
        ("synthesis.siting.limit_min", 99.0, {"synthesis", "report"}),
        ("maps.first_mode", "gaps", {"maps", "report"}),
        ("maps.gap_breaks", [0.1, 0.2, 0.3, 0.4], {"layers", "maps", "report"}),
        ("layers.grid_m", 123.0, {"layers", "report"}),
        ("report.coverage_band_m", 500.0, {"report"}),
        ("study.name_en", "Another", {"layers", "maps", "report", "index"}),
        ("study.date", "2026-01-01", {"rail", "parcels", "layers", "maps", "report", "index"}),
        ("inputs.rings.snapshot", "2020-01-01", {"ingest", "synthesis", "report"}),
    ],
)  # fmt: skip
def test_a_setting_is_of_the_basis_of_the_stages_it_sets(
    study: Study, path: str, value: object, set_by_it: set[str]
) -> None:
    changed = read_study(SHANGHAI, {path: value})
    found = {s.name for s in STAGES if study.digest(*s.set_by) != changed.digest(*s.set_by)}
    assert found == set_by_it


def test_the_threshold_of_a_need_sets_the_stages_that_judge_it(study: Study) -> None:
    needs = [need.model_dump() for need in study.gaps.needs]
    needs[1]["threshold"] += 1.0
    assert needs[1]["service"] == "hospital"
    changed = read_study(SHANGHAI, {"gaps.needs": needs})
    found = {s.name for s in STAGES if study.digest(*s.set_by) != changed.digest(*s.set_by)}
    assert found == {"hospitals", "parcels", "gaps", "synthesis", "layers", "maps", "report"}


def test_a_stage_whose_tables_came_out_the_same_lets_the_next_stand(workspace: Workspace) -> None:
    before = contents(workspace.root)
    # Another draw of weights alters ranks, and none of the findings that `access` reads.
    changed = read_study(SHANGHAI, {"gaps.dirichlet_concentration": 2.0})
    found = run(changed, workspace, target="access", cores=2)
    assert {state.stage.name for state in found if state.stale} == {"gaps", "access"}
    assert {state.stage.name for state in found if state.ran} == {"gaps"}
    after = contents(workspace.root)
    names = {name for name in after if before.get(name) != after[name]}
    gaps = "layers/built/shanghai/gaps"
    assert names == {f"{gaps}/gaps.parquet", f"{gaps}/manifest.json", f"{gaps[:-4]}study.json"}
    # Whoever alters a file of a stage that would stand has it computed again.
    workspace.manifest("access").unlink()
    (workspace.built / "access" / "fit.parquet").write_bytes(b"spoilt")
    found = run(changed, workspace, target="access", cores=2)
    assert {state.stage.name for state in found if state.ran} == {"access"}
    assert contents(workspace.root) == after


def test_an_input_reaches_only_the_stages_that_open_it(workspace: Workspace) -> None:
    changed = read_study(SHANGHAI, {"inputs.parcels.area_unit": "mu"})
    found = stale(states(changed, workspace))
    assert "inputs.parcels.area_unit: None -> mu" in found["parcels"]
    assert not {"ingest", "rail", "island", "gaps"} & set(found)


def test_a_lost_or_altered_output_is_noticed(study: Study, workspace: Workspace) -> None:
    (workspace.built / "rail" / "access.parquet").unlink()
    found = stale(states(study, workspace))
    assert found["rail"] == "output access.parquet is missing or was altered"
    assert "networks" not in found


def test_rerunning_a_stage_writes_the_same_bytes(study: Study, workspace: Workspace) -> None:
    before = contents(workspace.root)
    run(study, workspace, target="hospitals", cores=2, force=True)
    run(study, workspace, cores=2)
    assert contents(workspace.root) == before


def test_maps_do_not_depend_on_the_hash_seed(workspace: Workspace) -> None:
    before = contents(workspace.outputs / "maps")
    for seed in ("1", "2"):
        parkgap("execute", "maps", "--plan", str(workspace.plan), env={"PYTHONHASHSEED": seed})
        assert contents(workspace.outputs / "maps") == before


def test_a_failing_stage_passes_its_message_and_leaves_the_rest(
    workspace: Workspace, tmp_path: Path
) -> None:
    before = contents(workspace.root)
    broken = tmp_path / "broken.osm.pbf"
    broken.write_bytes(b"not an extract")
    done = parkgap(
        "run", "--workspace", str(workspace.root), "--osm", str(broken),
        expect=SourceError.exit_code,
    )  # fmt: skip
    assert "broken.osm.pbf" in done.stderr
    after = results(contents(workspace.root))
    # Stages before the failing one may be new; it and all after it stand as they were.
    kept = {name: one for name, one in results(before).items() if "/ingest/" not in name}
    assert {name: one for name, one in after.items() if "/ingest/" not in name} == kept


def test_two_runs_on_one_study_do_not_mix(study: Study, workspace: Workspace) -> None:
    with holding(workspace), pytest.raises(BusyError, match=str(os.getpid())):
        run(study, workspace, cores=1)
    assert stale(run(study, workspace, cores=1)) == {}


def test_a_killed_run_is_finished_by_the_next(study: Study, workspace: Workspace) -> None:
    before = contents(workspace.root)
    manifest = workspace.manifest("hospitals")
    manifest.unlink()
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", "run", "--workspace", str(workspace.root)],
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    log = workspace.log("hospitals")
    log.unlink(missing_ok=True)
    while not log.exists() and process.poll() is None:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    left = workspace.scratch("ingest")  # as of a stage that does not run now
    left.mkdir()
    (left / "streets.opl").touch()
    run(study, workspace, cores=2)
    assert contents(workspace.root) == before
    assert not list(workspace.built.rglob(".*.part*"))


def test_a_stage_cannot_read_what_it_does_not_declare(study: Study, workspace: Workspace) -> None:
    context = StageContext(BY_NAME["networks"], study, workspace)
    with pytest.raises(AssertionError, match=r"flow\.py does not list it in needs"):
        context.frame("rail", "access.parquet")
    with pytest.raises(AssertionError, match=r"flow\.py does not list 'maps'"):
        context.settings("maps")
    gaps = StageContext(BY_NAME["hospitals"], study, workspace).settings("gaps")
    assert [need.service for need in gaps.needs] == ["hospital"]
    with pytest.raises(AssertionError, match=r"flow\.py does not list 'cap' of GapSettings"):
        _ = gaps.cap


def test_a_stage_that_breaks_its_promise_leaves_no_manifest(
    study: Study, workspace: Workspace
) -> None:
    workspace.manifest("rail").unlink()
    with pytest.raises(LayerError, match="did not write a file it declares"):
        StageContext(BY_NAME["rail"], study, workspace).finish({})
    assert not workspace.manifest("rail").exists()


def test_a_run_tells_what_its_stages_want_known(workspace: Workspace) -> None:
    workspace.manifest("networks").unlink()
    done = parkgap("stage", "networks", "--workspace", str(workspace.root))
    assert "注意 / note  networks" in done.stdout
    assert "all travel times are straight-line estimates" in done.stdout


def test_manifests_tell_settings_code_and_files(workspace: Workspace) -> None:
    told = json.loads(workspace.manifest("rail").read_text(encoding="utf-8"))
    assert told["basis"]["settings"]["network"]["walk_speed_m_min"] == 80.0
    assert len(told["basis"]["code"]) == 64
    assert "access.parquet" in told["files"]

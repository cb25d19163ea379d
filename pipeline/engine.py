"""Run stages: what is stale, why, and with what end."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from pipeline.atomic import atomic_write
from pipeline.basis import (
    altered_output,
    last_record,
    result_stands,
    source_digests,
    stage_basis,
)
from pipeline.errors import DefectError, ExitCode, ParkgapError, Problem
from pipeline.machine import named_error
from pipeline.plan import StageState, plan_of
from pipeline.scratch import remove_leftover, temporary_files_in
from pipeline.stages.context import StageContext
from pipeline.stages.flow import BY_NAME, STAGES, StageSpec, upstream
from pipeline.study import Study, restore_study
from pipeline.usage import recording
from pipeline.workflow.cluster import Cluster
from pipeline.workflow.driver import Listener, drive
from pipeline.workflow.lock import holding
from pipeline.workflow.preloaded import Preloaded
from pipeline.workspace import Workspace


class StageFailedError(ParkgapError):
    """A stage ended in an error; its own message and exit code are passed on."""

    def __init__(self, exit_code: int, *problems: Problem) -> None:
        super().__init__(*problems)
        self.exit_code = exit_code


def execute_stage(name: str, plan: Path, *, if_changed: bool = False) -> None:
    """Run one stage by itself, without the engine, on a resolved study.

    Parameters
    ----------
    name
        A stage of the flow.
    plan
        The `study.json` of a built study; its folder holds the stages' tables.
    if_changed
        Leave the results alone, and promise them anew, when nothing the stage read has changed.

    Raises
    ------
    ParkgapError
        Whatever the stage raises, under a name; the reason is also left in
        `logs/<stage>.failure.json`. Earlier results are as they were.
    """
    spec = BY_NAME[name]
    study = restore_study(plan)
    built = plan.resolve().parent
    workspace = Workspace(root=built.parents[2], study=study.study.id)
    context = StageContext(spec, study, workspace)
    workspace.failure(name).unlink(missing_ok=True)
    try:
        basis, sources = stage_basis(spec, study), source_digests(spec, study)
        if if_changed and result_stands(spec, workspace, basis, sources):
            text = workspace.record(name).read_text(encoding="utf-8")
            atomic_write(workspace.manifest(name), text)
            context.log.info("nothing that the stage reads has changed, its results stand")
            return
        if if_changed and (told := last_record(spec, workspace, basis, sources)):
            context.resume(told)
        with (
            recording(name, workspace.usage(name)),
            temporary_files_in(workspace.scratch(name)),
        ):
            import_module(f"pipeline.stages.{name}").run(context)
            context.finish(basis, sources)
    except Exception as error:
        context.abandon()
        found = named_error(error)
        if isinstance(found, DefectError):
            context.log.exception("the stage %s ended in an error nobody foresaw", name)
        record = {"exit_code": found.exit_code, "problems": [str(p) for p in found.problems]}
        with contextlib.suppress(ParkgapError, OSError):  # the log says it where the disk is full
            atomic_write(workspace.failure(name), json.dumps(record, ensure_ascii=False, indent=1))
        raise found from error


def run(
    study: Study,
    workspace: Workspace,
    *,
    target: str | None = None,
    cores: int,
    force: bool = False,
    cluster: Cluster | None = None,
    hands: Preloaded | None = None,
    on_plan: Callable[[list[StageState]], None] = lambda _states: None,
    on_start: Callable[[StageSpec], None] = lambda _spec: None,
    on_end: Callable[[StageSpec, bool], None] = lambda _spec, _stood: None,
) -> list[StageState]:
    """Bring the study, or one stage and what it depends on, up to date.

    Parameters
    ----------
    study
        Resolved study.
    workspace
        Its folders.
    target
        A stage; all stages when None.
    cores
        How many stages may run at once.
    force
        Run the target even when nothing changed (all stages when no target is given).
    cluster
        Run the stages there instead of on this machine.
    hands
        A process that already imports what the stages need; without, one is started.
    on_plan
        Called once, before anything runs, with what will run and why.
    on_start
        Called as stages start.
    on_end
        Called as stages end, with whether the results stood as they were.

    Returns
    -------
    The plan as it was carried out, in the order of the flow.

    Raises
    ------
    BusyError
        Another run holds the study.
    KeyboardInterrupt
        The person interrupted it; earlier results are as they were.
    StageFailedError
        A stage failed; earlier results are as they were.
    """
    names = upstream(target) if target else tuple(stage.name for stage in STAGES)
    forced = () if not force else (names if target is None else (target,))
    with contextlib.ExitStack() as held:
        held.enter_context(holding(workspace))
        gone = _prepare(study, workspace)
        plan = plan_of(study, workspace, names, forced=forced, altered=gone)
        stale = tuple(state.stage.name for state in plan if state.stale)
        if stale and cluster is None:
            (hands or held.enter_context(Preloaded())).serve(workspace.built, stale)
        on_plan(plan)
        if not stale:
            return plan
        for name in forced:
            workspace.record(name).unlink(missing_ok=True)
        for name in stale:  # what an earlier run failed of is told no more
            workspace.failure(name).unlink(missing_ok=True)
        before = {name: _stamp(workspace, name) for name in names}

        def stood(name: str) -> bool:
            return before[name] is not None and before[name] == _stamp(workspace, name)

        listener = Listener(
            on_start=lambda name: on_start(BY_NAME[name]) if name in BY_NAME else None,
            on_end=lambda name: on_end(BY_NAME[name], stood(name)) if name in BY_NAME else None,
        )
        if not drive(workspace.built, stale, cores=cores, listener=listener, cluster=cluster):
            raise _failure(workspace, names, listener)
    return [replace(state, stood=state.stale and stood(state.stage.name)) for state in plan]


def _stamp(workspace: Workspace, name: str) -> int | None:
    """Give when the record of a stage was written: only a stage that computes writes it."""
    record = workspace.record(name)
    return record.stat().st_mtime_ns if record.is_file() else None


def states(study: Study, workspace: Workspace) -> list[StageState]:
    """Say for every stage whether it is up to date, and why not; runs nothing."""
    names = tuple(stage.name for stage in STAGES)
    with holding(workspace):
        gone = _prepare(study, workspace)
        return plan_of(study, workspace, names, altered=gone)


def notices(found: Sequence[StageState], workspace: Workspace) -> list[tuple[str, dict[str, str]]]:
    """List what the stages of a run tell the person, by stage, in the order of the flow."""
    return [
        (state.stage.name, notice)
        for state in found
        if state.stale
        for notice in json.loads(workspace.manifest(state.stage.name).read_text(encoding="utf-8"))[
            "notices"
        ]
    ]


def _prepare(study: Study, workspace: Workspace) -> dict[str, str]:
    """Write the plan, sweep up after a killed run, distrust manifests whose files changed.

    Returns the first missing or altered file of each stage that must run again because of it.
    """
    content = study.model_dump_json() + "\n"
    if not workspace.plan.is_file() or workspace.plan.read_text(encoding="utf-8") != content:
        atomic_write(workspace.plan, content)
    for folder in (workspace.built, workspace.outputs):
        for leftover in list(folder.rglob(".*.part*")):
            remove_leftover(leftover)
    gone: dict[str, str] = {}
    for stage in STAGES:
        manifest = workspace.manifest(stage.name)
        altered = altered_output(stage, workspace, manifest) if manifest.is_file() else None
        if altered is not None:
            gone[stage.name] = altered
            manifest.unlink()
    return gone


def _failure(workspace: Workspace, names: tuple[str, ...], listener: Listener) -> StageFailedError:
    """Gather what the failed stages said."""
    problems: list[Problem] = []
    exit_code: int = ExitCode.FAILED
    for name in names:
        record, log = workspace.failure(name), workspace.log(name)
        if record.is_file():
            told = json.loads(record.read_text(encoding="utf-8"))
            exit_code = told["exit_code"]
            text = "\n".join(told["problems"])
            problems.append(
                Problem(zh=f"阶段失败：{text}", en=f"stage {name} failed", path=log, rule=name)
            )
        elif name in listener.reasons and not workspace.manifest(name).is_file() and log.is_file():
            tail = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-15:]
            problems.append(
                Problem(
                    zh=f"阶段 {name} 异常终止",
                    en=f"stage {name} ended unexpectedly:\n" + "\n".join(tail),
                    path=log,
                    rule=name,
                )
            )
    if not problems:
        problems = [Problem(zh="流程引擎报错", en="\n".join(listener.complaints) or "unknown")]
    return StageFailedError(exit_code, *problems)

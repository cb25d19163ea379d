"""Say which stages have to run, and why: by content alone, never by a time stamp."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import shorten
from typing import Any

from pipeline.basis import altered_table, source_digests, stage_basis
from pipeline.stages.flow import BY_NAME, StageSpec
from pipeline.study import Study
from pipeline.workspace import Workspace

MOST_CHANGES = 3
NAMING = "service"  # what names the entry of a list, where it has that
MOST_TOLD = 60  # letters of a setting's value; a list of variants would fill the screen


@dataclass(frozen=True)
class StageState:
    """Whether a stage has to run, and why; `stood` tells after a run that it had not to after all.

    A stage after one that runs again stands when the tables it reads come out as they were.
    """

    stage: StageSpec
    stale: bool
    reason_zh: str
    reason_en: str
    stood: bool = False

    @property
    def ran(self) -> bool:
        """Whether the run wrote the stage's results."""
        return self.stale and not self.stood


def plan_of(
    study: Study,
    workspace: Workspace,
    names: Sequence[str],
    *,
    forced: Sequence[str] = (),
    altered: dict[str, str],
) -> list[StageState]:
    """Compare what the stages would rest on with what their manifests say they rested on.

    Parameters
    ----------
    study
        Resolved study.
    workspace
        Its folders.
    names
        Stages, in the order of the flow.
    forced
        Those that run even when nothing changed.
    altered
        By stage, a file of its own that is missing or was altered.

    Returns
    -------
    One entry for each stage; one after a stage that runs again counts as stale.
    """
    plan: list[StageState] = []
    digests: dict[Any, str] = {}
    for name in names:
        rerun = [state.stage.name for state in plan if state.stale]
        needs = [need for need in BY_NAME[name].needs if need in rerun]
        cause = _own_cause(study, workspace, BY_NAME[name], altered.get(name), digests)
        if cause is None and needs:
            cause = f"上游将重算：{'、'.join(needs)}", f"upstream runs again: {', '.join(needs)}"
        if cause is None and name in forced:
            cause = "要求强制运行", "forced"
        if cause is None:
            cause = _table_cause(workspace, name)
        unchanged = "输入、设置与代码均未变", "inputs, settings and code are unchanged"
        plan.append(StageState(BY_NAME[name], cause is not None, *(cause or unchanged)))
    return plan


def _own_cause(
    study: Study,
    workspace: Workspace,
    spec: StageSpec,
    altered: str | None,
    digests: dict[Any, str],
) -> tuple[str, str] | None:
    """Give the first cause a person would want to know, other than the stages before."""
    if altered is not None:
        return f"输出 {altered} 缺失或被改动", f"output {altered} is missing or was altered"
    told = told_by(workspace, spec.name)
    if told is None:
        return "尚无结果", "no result yet"
    before, now = told.get("basis", {}), json.loads(json.dumps(stage_basis(spec, study)))
    settings = _changes(before.get("settings", {}), now["settings"])
    if settings:
        return f"设置已改：{_few(settings)}", f"settings changed: {_few(settings)}"
    for key, zh, en in (
        ("code", "代码已改", "code changed"),
        ("contract", "阶段声明已改", "contract changed"),
        ("libraries", "依赖库版本已改", "libraries changed"),
    ):
        if before.get(key) != now[key]:
            return zh, en
    if told.get("sources") != source_digests(spec, study, digests):
        return "输入文件内容已改", "content of inputs changed"
    return None


def _table_cause(workspace: Workspace, name: str) -> tuple[str, str] | None:
    """Name the table that is not the one the stage read, as an earlier run wrote it anew."""
    table = altered_table(workspace, told_by(workspace, name) or {})
    if table is None:
        return None
    return f"上游结果已变：{table}", f"results of earlier stages changed: {table}"


def told_by(workspace: Workspace, name: str) -> dict[str, Any] | None:
    """Read a stage's manifest; nothing where it has none."""
    manifest = workspace.manifest(name)
    if not manifest.is_file():
        return None
    told: dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8"))
    return told


def _changes(before: Any, now: Any, path: str = "") -> list[str]:  # noqa: ANN401
    """List the dotted paths at which two settings trees differ, with both values."""
    if isinstance(before, dict) and isinstance(now, dict):
        found: list[str] = []
        for key in sorted(before.keys() | now.keys()):
            found += _changes(before.get(key), now.get(key), f"{path}.{key}" if path else key)
        return found
    if before == now:
        return []
    if _entries(before) and _entries(now) and len(before) == len(now):
        names = [f"{path}{name}" for name in _names(now)]
        return [
            told
            for was, new, name in zip(before, now, names, strict=True)
            for told in _changes(was, new, name)
        ]
    told = [shorten(str(value), MOST_TOLD, placeholder=" …") for value in (before, now)]
    return [f"{path}: {told[0]} -> {told[1]}" if told[0] != told[1] else path]


def _entries(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def _names(entries: list[dict[str, Any]]) -> list[str]:
    """Name entries of a list as `--set` does, `[service=rail]`: by what no two of them share."""
    for key in (NAMING, *entries[0]) if entries else ():
        values = [entry.get(key) for entry in entries]
        if all(isinstance(value, str) for value in values) and len(set(values)) == len(values):
            return [f"[{key}={value}]" for value in values]
    return [f"[{at}]" for at in range(len(entries))]


def _few(changes: list[str]) -> str:
    """Name the first changes and count the rest."""
    more = len(changes) - MOST_CHANGES
    return "; ".join(changes[:MOST_CHANGES]) + (f" (+{more})" if more > 0 else "")

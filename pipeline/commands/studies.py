"""Run a study or a stage of it."""

from __future__ import annotations

import difflib
import json
import logging
import re
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from pipeline.commands.say import complain, err, tell, telling_failure
from pipeline.errors import Problem, StudyError
from pipeline.resources import FIRST_STUDY
from pipeline.workflow.preloaded import Preloaded

if TYPE_CHECKING:
    from pipeline.plan import StageState
    from pipeline.stages.flow import StageSpec
    from pipeline.study import Study
    from pipeline.workspace import Workspace

StudyOption = Annotated[
    str, typer.Option("--study", "-s", help="研究名或文件 / name or file of a study")
]
OsmOption = Annotated[
    Path | None,
    typer.Option("--osm", help="OSM 摘录 .osm.pbf / OpenStreetMap extract that replaces estimates"),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="改一个设置 / override one setting, e.g. study.seed=7"),
]
WorkspaceOption = Annotated[
    Path, typer.Option("--workspace", "-w", help="写入位置 / root for layers/ and outputs/")
]
CoresOption = Annotated[int, typer.Option("--cores", "-j", min=1, help="并行数 / stages at once")]
ClusterOption = Annotated[
    Path | None,
    typer.Option("--cluster", help="集群说明 / description of a cluster, see docs/cluster.md"),
]
RetriesOption = Annotated[
    int, typer.Option("--retries", min=0, help="失败后重试次数 / runs again after a failure")
]
JsonOption = Annotated[bool, typer.Option("--json", help="机器可读日志 / machine-readable lines")]
ProfileOption = Annotated[
    bool, typer.Option("--profile", help="各阶段的时间与内存 / time and memory of each stage")
]


def run(
    *,
    study: StudyOption = FIRST_STUDY,
    osm: OsmOption = None,
    overrides: SetOption = None,
    workspace: WorkspaceOption = Path(),
    cores: CoresOption = 2,
    force: Annotated[bool, typer.Option("--force", help="全部重算 / run everything again")] = False,
    cluster: ClusterOption = None,
    profile: ProfileOption = False,
    as_json: JsonOption = False,
) -> None:
    """运行一项研究，只重算有变化的阶段 / run a study; only what changed is computed again."""
    with telling_failure(as_json=as_json), _hands(cluster) as hands:
        plan, place = open_study(study, osm, overrides, workspace)
        _tell_left_out(place, osm, overrides, as_json=as_json)
        keep_options(place, osm, overrides)
        how = _How(cores, force, None, cluster, hands)
        _run(plan, place, how, profile=profile, as_json=as_json)


def stage(
    name: Annotated[str, typer.Argument(help="阶段名 / name of a stage, see `parkgap stages`")],
    *,
    study: StudyOption = FIRST_STUDY,
    osm: OsmOption = None,
    overrides: SetOption = None,
    workspace: WorkspaceOption = Path(),
    cores: CoresOption = 2,
    force: Annotated[
        bool, typer.Option("--force", help="即使未变也重算 / even if unchanged")
    ] = False,
    cluster: ClusterOption = None,
    profile: ProfileOption = False,
    as_json: JsonOption = False,
) -> None:
    """运行一个阶段及其所需 / run one stage and what it depends on."""
    with telling_failure(as_json=as_json):
        _known_stage(name)
    with telling_failure(as_json=as_json), _hands(cluster) as hands:
        plan, place = open_study(study, osm, overrides, workspace)
        _tell_left_out(place, osm, overrides, as_json=as_json)
        keep_options(place, osm, overrides)
        how = _How(cores, force, name, cluster, hands)
        _run(plan, place, how, profile=profile, as_json=as_json)


def stages(
    *,
    study: StudyOption = FIRST_STUDY,
    osm: OsmOption = None,
    overrides: SetOption = None,
    workspace: WorkspaceOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """列出各阶段及其是否最新 / print the graph of stages and what is up to date."""
    from pipeline import engine

    with telling_failure(as_json=as_json):
        plan, place = open_study(study, osm, overrides, workspace)
        if osm is None and not overrides and (last := last_options(place)):
            osm, overrides = last
            plan, place = open_study(study, osm, overrides, workspace)
            _tell_options(osm, overrides, as_json=as_json)
        found = engine.states(plan, place)
    _tell_plan(found, as_json=as_json, graph=True)


def execute(
    name: Annotated[str, typer.Argument()],
    plan: Annotated[Path, typer.Option("--plan")],
    *,
    if_changed: Annotated[bool, typer.Option("--if-changed")] = False,
) -> None:
    """Run one stage on a resolved study, without the engine; what every rule of a run calls."""
    from pipeline import engine

    _known_stage(name)
    logging.basicConfig(level=logging.INFO, format="[%(name)s] %(message)s", stream=sys.stderr)
    engine.execute_stage(name, plan, if_changed=if_changed)


def _known_stage(name: str) -> None:
    from pipeline.stages.flow import BY_NAME

    if name in BY_NAME:
        return
    near = difflib.get_close_matches(name, BY_NAME, n=1)
    raise StudyError(
        Problem(
            zh=f"没有名为“{name}”的阶段",
            en=f"there is no stage {name!r}",
            rule="stage",
            remedy_zh=f"可用：{'、'.join(BY_NAME)}",
            remedy_en=f"stages: {', '.join(BY_NAME)}"
            + (f"; nearest match: {near[0]}" if near else ""),
        )
    )


def open_study(
    name: str, osm: Path | None, overrides: list[str] | None, root: Path
) -> tuple[Study, Workspace]:
    """Read a study by name with its overrides, and give the folders it works in."""
    from pipeline.study import find_study, read_study
    from pipeline.workspace import Workspace

    values: dict[str, Any] = {}
    typed: dict[str, str] = {}
    for item in overrides or []:
        key, value = _assignment(item)
        values[key], typed[key] = value, f"--set {item}"
    if osm is not None:
        values["inputs.osm_extract"] = str(osm.resolve())
        typed["inputs.osm_extract"] = f"--osm {osm}"
    study = read_study(find_study(name, workspace=root), values, typed=typed)
    return study, Workspace(root=root.resolve(), study=study.study.id)


def keep_options(place: Workspace, osm: Path | None, overrides: list[str] | None) -> None:
    """Remember with what options a study was built last, for `parkgap stages`."""
    from pipeline.atomic import atomic_write

    content = {"osm": None if osm is None else str(osm.resolve()), "set": overrides or []}
    place.built.mkdir(parents=True, exist_ok=True)
    atomic_write(place.options, json.dumps(content, ensure_ascii=False) + "\n")


def last_options(place: Workspace) -> tuple[Path | None, list[str]] | None:
    """Give the options of the last run; null where there was none or it had none."""
    try:
        kept = json.loads(place.options.read_text(encoding="utf-8"))
        osm, overrides = kept["osm"], [str(item) for item in kept["set"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    path = None if osm is None else Path(str(osm))
    return None if path is None and not overrides else (path, overrides)


def left_out(place: Workspace, osm: Path | None, overrides: list[str] | None) -> list[str]:
    """List the options of the last run that this one is not given, nor another value for."""
    path, last = last_options(place) or (None, [])
    given = {_assignment(item)[0] for item in overrides or []}
    gone = [f"--osm {path}"] if path is not None and osm is None else []
    return gone + [f"--set {item}" for item in last if _assignment(item)[0] not in given]


def _tell_left_out(
    place: Workspace, osm: Path | None, overrides: list[str] | None, *, as_json: bool
) -> None:
    if not (gone := left_out(place, osm, overrides)):
        return
    words = " ".join(gone)
    tell(
        {"event": "options_left_out", "options": gone},
        f"注意：上次运行另有 {words}，这次未给，结果将不含它 / "
        f"note: the last run also had {words}; this one has not, and its results are without",
        as_json=as_json,
    )


def _tell_options(osm: Path | None, overrides: list[str], *, as_json: bool) -> None:
    given = [*([f"--osm {osm}"] if osm else []), *(f"--set {item}" for item in overrides)]
    words = " ".join(given)
    tell(
        {"event": "options", "osm": None if osm is None else str(osm), "set": overrides},
        f"沿用上次运行的选项 / with the options of the last run: {words}",
        as_json=as_json,
    )


# The sign inside brackets chooses an entry: `gaps.needs[service=rail].threshold=8`.
_ASSIGNMENT = re.compile(r"((?:\[[^\]]*\]|[^=\[])+)=(.*)", re.DOTALL)


def _assignment(item: str) -> tuple[str, Any]:
    """Split `a.b=value`; the value is read as YAML, so numbers and lists are what they seem."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    found = _ASSIGNMENT.match(item)
    key, text = found.groups() if found else ("", "")
    try:
        value = YAML(typ="safe", pure=True).load(text)
    except ValueError:  # a day that does not exist: the setting says what it wants
        value = text
    except YAMLError:
        key = ""
    if not key.strip():
        raise StudyError(
            Problem(
                zh=f"“{item}”不是 键=值",
                en=f"{item!r} is not key=value",
                rule="--set",
                remedy_zh="例如 --set network.walk_speed_m_min=75",
                remedy_en="for example --set network.walk_speed_m_min=75",
            )
        )
    return key.strip(), value


class _How(NamedTuple):
    """How to run: stages at once, all again or not, up to which stage, where and by whom."""

    cores: int
    force: bool
    target: str | None
    cluster: Path | None
    hands: Preloaded | None


def _hands(cluster: Path | None) -> AbstractContextManager[Preloaded | None]:
    """Have a process import what the stages need while the study is read."""
    return Preloaded() if cluster is None else nullcontext()


def _run(study: Study, workspace: Workspace, how: _How, *, profile: bool, as_json: bool) -> None:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from pipeline import engine
    from pipeline.commands.profiles import tell_profile
    from pipeline.workflow.cluster import read_cluster

    cluster = None if how.cluster is None else read_cluster(how.cluster)
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err,
        transient=True,
        disable=as_json or not err.is_terminal,
    )
    running: dict[str, float] = {}  # since when, by stage
    with progress:
        bar = progress.add_task(study.study.name_zh, total=None)

        def on_plan(found: list[StageState]) -> None:
            _tell_plan(found, as_json=as_json)
            progress.update(bar, total=sum(state.stale for state in found))

        def on_start(spec: StageSpec) -> None:
            running[spec.name] = time.monotonic()
            progress.update(bar, description=" ".join(running))
            if as_json:
                tell({"event": "start", "stage": spec.name}, "", as_json=True)

        def on_end(spec: StageSpec, stood: bool) -> None:  # noqa: FBT001
            seconds = round(time.monotonic() - running.pop(spec.name), 1)
            progress.update(bar, advance=1, description=" ".join(running))
            tell(
                {"event": "done", "stage": spec.name, "seconds": seconds, "stood": stood},
                f"{'未变 / same' if stood else '完成 / done'}  {spec.name}",
                as_json=as_json,
            )

        try:
            found = engine.run(
                study,
                workspace,
                target=how.target,
                cores=how.cores,
                force=how.force,
                cluster=cluster,
                hands=how.hands,
                on_plan=on_plan,
                on_start=on_start,
                on_end=on_end,
            )
        except KeyboardInterrupt:
            complain(
                "已中断：完成的阶段有效，其余仍是先前的结果；再次运行即从这里继续 / interrupted: "
                "stages that ended stand, of the others the earlier results do; run again to go on"
            )
            raise
    if profile:
        tell_profile(found, workspace, as_json=as_json)
    for stage_name, notice in engine.notices(found, workspace):
        tell(
            {"event": "notice", "stage": stage_name, **notice},
            f"注意 / note  {stage_name:<10} {notice['zh']} / {notice['en']}",
            as_json=as_json,
        )
    ran = sum(state.ran for state in found)
    tell(
        {"event": "end", "ran": ran, "kept": len(found) - ran, "outputs": str(workspace.outputs)},
        f"运行 {ran} 个阶段，保留 {len(found) - ran} 个 / "
        f"{ran} stages ran, {len(found) - ran} kept: {workspace.outputs}",
        as_json=as_json,
    )


def _tell_plan(found: list[StageState], *, as_json: bool, graph: bool = False) -> None:
    for state in found:
        word = "待运行 / run " if state.stale else "跳过 / keep"
        needs = f"  <- {', '.join(state.stage.needs)}" if graph and state.stage.needs else ""
        tell(
            {
                "event": "plan",
                "stage": state.stage.name,
                "stale": state.stale,
                "reason": state.reason_en,
                "needs": list(state.stage.needs),
            },
            f"{word}  {state.stage.name:<10} {state.reason_zh} / {state.reason_en}{needs}",
            as_json=as_json,
        )

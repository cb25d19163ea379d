"""Ask what changes: run a scenario, compare two runs, trace a stated boundary."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.say import say
from pipeline.commands.studies import (
    CoresOption,
    OsmOption,
    SetOption,
    StudyOption,
    WorkspaceOption,
    open_study,
)
from pipeline.resources import FIRST_STUDY

scenario = typer.Typer(no_args_is_help=True)


@scenario.callback()
def ask() -> None:
    """情景：改变一处，前后对照 / what if: before beside after."""


@scenario.command()
def run(
    name: Annotated[str, typer.Argument(help="情景名或文件 / name or file of a scenario")],
    *,
    study: StudyOption = FIRST_STUDY,
    osm: OsmOption = None,
    overrides: SetOption = None,
    workspace: WorkspaceOption = Path(),
    cores: CoresOption = 2,
    parcels: Annotated[
        bool, typer.Option(help="也对照地块（较慢） / compare parcels too (slower)")
    ] = True,
) -> None:
    """运行情景并写出前后对照 / run a scenario and write the ledger of before and after."""
    from pipeline.scenarios.files import find_scenario, read_scenario
    from pipeline.scenarios.run import run_scenario

    path = find_scenario(name, workspace=workspace)
    plan, place = open_study(study, osm, overrides, workspace)
    result = run_scenario(
        read_scenario(path),
        path.stem,
        study=plan,
        workspace=place,
        parcels=parcels,
        cores=cores,
        on_stage=lambda side, stage: say(f"完成 / done  {side:<6} {stage}"),
    )
    changed = result.summary[~result.summary["change"].isin(["same", "unknown"])]
    for row in changed.itertuples():
        say(f"{row.service:<10} {row.change_zh} / {row.change_en}: {row.places}")
    if changed.empty:
        say("没有变化 / nothing changes")
    if result.parcels is not None:
        say(f"地块 / parcels that change class: {result.parcels['parcel_id'].nunique()}")
    say(f"已写 / written  {result.folder}")
    say(f"对照地图 / map of both states  {result.map}")


def compare(
    first: Annotated[Path, typer.Argument(help="一次运行的写入位置 / workspace of one run")],
    second: Annotated[Path, typer.Argument(help="另一次 / workspace of another")],
    *,
    study: StudyOption = FIRST_STUDY,
    out: Annotated[
        Path | None, typer.Option("--out", help="写入表格的文件夹 / folder for the tables")
    ] = None,
) -> None:
    """对照两次运行：什么变了，为什么 / compare two runs: what changed and why."""
    from pipeline.atomic import atomic_write
    from pipeline.scenarios.compare import compare_runs
    from pipeline.scenarios.compare_words import told
    from pipeline.spreadsheet import without_formulas
    from pipeline.workspace import Workspace

    plan, _place = open_study(study, None, None, first)
    name = plan.study.id
    found = compare_runs(Workspace(first.resolve(), name), Workspace(second.resolve(), name))
    for line in told(found, plan.inputs.labels):
        say(line)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for key in ("causes", "files", "places", "summary"):
            table = without_formulas(getattr(found, key))
            text = "\ufeff" + table.to_csv(index=False, lineterminator="\n")
            atomic_write(out / f"{key}.csv", text)
        say(f"已写 / written  {out}")


def digitise(
    place: Annotated[str, typer.Argument(help="地点编号 / id of a place")],
    *,
    study: StudyOption = FIRST_STUDY,
    osm: OsmOption = None,
    workspace: WorkspaceOption = Path(),
    north: Annotated[str | None, typer.Option(help="北界 / northern limit")] = None,
    east: Annotated[str | None, typer.Option(help="东界 / eastern limit")] = None,
    south: Annotated[str | None, typer.Option(help="南界 / southern limit")] = None,
    west: Annotated[str | None, typer.Option(help="西界 / western limit")] = None,
    corner: Annotated[
        float, typer.Option(help="路口处允许的缺口（米） / gap that corners may have, m")
    ] = 200.0,
    bridge: Annotated[
        float,
        typer.Option(
            help="同一条界线断开时可直线相连的最大距离（米） / "
            "join pieces of one limit up to so far apart, m"
        ),
    ] = 0.0,
    out: Annotated[Path, typer.Option("--out", help="写入的文件夹 / folder to write to")] = Path(),
) -> None:
    """按所述四至由摘录描出边界 / trace a boundary from the four limits a source states."""
    from pipeline.scenarios.boundary import traced_place, write_traced

    plan, _place = open_study(study, osm, None, workspace)
    given = {"north": north, "east": east, "south": south, "west": west}
    named = {side: name for side, name in given.items() if name}
    found = traced_place(plan, place, named, corner_m=corner, bridge_m=bridge)
    verdict = "接受 / accepted" if found.accepted else "不接受 / not accepted"
    stated = "—" if found.documented_km2 is None else f"{found.documented_km2:g}"
    said = "" if found.difference_share is None else f", {found.difference_share:.1%}"
    say(f"{place}: {found.area_km2:.3f} km2 ({stated}{said}) {verdict}")
    if found.bridged_share > 0:
        part = f"{found.bridged_share:.0%}"
        say(f"边界的 {part} 由断开路段直线相连 / {part} of the outline joins pieces of a road")
    say(f"已写 / written  {write_traced(found, place, out, crs=plan.study.crs)}")
    if not found.accepted:
        raise typer.Exit(3)

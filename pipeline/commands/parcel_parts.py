"""Judge a parcel table of any size: cut it, judge the parts as separate tasks, add them up."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.say import say
from pipeline.commands.studies import (
    ClusterOption,
    CoresOption,
    RetriesOption,
    SetOption,
    StudyOption,
    WorkspaceOption,
    open_study,
)
from pipeline.resources import FIRST_STUDY

app = typer.Typer(
    help="超大地块表：分块、逐块判定、汇总 / parcel tables too large for one piece",
    no_args_is_help=True,
)
FolderOption = Annotated[Path, typer.Option("--out", help="结果文件夹 / folder of the results")]


@app.command()
def split(
    path: Annotated[Path, typer.Argument(help="地块文件 / parcel file with a CRS")],
    *,
    out: FolderOption,
    study: StudyOption = FIRST_STUDY,
    overrides: SetOption = None,
    workspace: WorkspaceOption = Path(),
    cell_m: Annotated[float, typer.Option(min=100, help="格的边长 / side of a cell, m")] = 10_000.0,
    rows: Annotated[int, typer.Option(min=1000, help="每次读入行数 / rows in memory")] = 200_000,
    layer: Annotated[str | None, typer.Option(help="图层 / layer")] = None,
) -> None:
    """按空间分块，每块一个文件 / cut into one file for each spatial cell."""
    from pipeline.sources.parcel_parts import split_parcels

    plan, _place = open_study(study, None, overrides, workspace)
    parts = split_parcels(
        path, out / "parts", crs=plan.study.crs, cell_m=cell_m, rows=rows, layer=layer
    )
    say("\n".join(str(part) for part in parts))


@app.command()
def grade(
    parts: Annotated[list[Path], typer.Argument(help="分块文件 / parts")],
    *,
    out: FolderOption,
    study: StudyOption = FIRST_STUDY,
    overrides: SetOption = None,
    workspace: WorkspaceOption = Path(),
) -> None:
    """先行步骤（仅 A–D 评级的规则集）/ first pass of rule sets that grade by quantile."""
    from pipeline.stages.parcel_parts import measure_part, study_rules

    plan, _place = open_study(study, None, overrides, workspace)
    rules = study_rules(plan)
    for part in parts:
        measure_part(part, out, plan, rules)


@app.command()
def judge(
    parts: Annotated[list[Path], typer.Argument(help="分块文件 / parts")],
    *,
    out: FolderOption,
    study: StudyOption = FIRST_STUDY,
    overrides: SetOption = None,
    workspace: WorkspaceOption = Path(),
) -> None:
    """判定若干分块，各块互不依赖 / judge parts; none needs another."""
    from pipeline.stages.parcel_parts import judge_part, study_rules

    plan, _place = open_study(study, None, overrides, workspace)
    rules = study_rules(plan)
    for part in parts:
        say(f"{part.name}: {judge_part(part, out, plan, rules)}")


@app.command()
def combine(
    *,
    out: FolderOption,
    study: StudyOption = FIRST_STUDY,
    overrides: SetOption = None,
    workspace: WorkspaceOption = Path(),
) -> None:
    """汇总各块并查跨块重复 / add the parts up and find ids that stand in two."""
    from pipeline.stages.parcel_parts import combine_parts

    plan, _place = open_study(study, None, overrides, workspace)
    totals = combine_parts(out, plan)
    say(f"已写 / written  {out / 'totals.parquet'}: {len(totals)}")


@app.command()
def run(
    path: Annotated[Path, typer.Argument(help="地块文件 / parcel file with a CRS")],
    *,
    out: FolderOption,
    study: StudyOption = FIRST_STUDY,
    overrides: SetOption = None,
    workspace: WorkspaceOption = Path(),
    cell_m: Annotated[float, typer.Option(min=100, help="格的边长 / side of a cell, m")] = 10_000.0,
    rows: Annotated[int, typer.Option(min=1000, help="每次读入行数 / rows in memory")] = 200_000,
    layer: Annotated[str | None, typer.Option(help="图层 / layer")] = None,
    cores: CoresOption = 2,
    cluster: ClusterOption = None,
    retries: RetriesOption = 1,
) -> None:
    """分块、判定、汇总一次完成，每块一个任务 / all of it; each part is a task of the engine."""
    from pipeline.parcel_run import judge_in_parts
    from pipeline.study import find_study
    from pipeline.workflow.cluster import read_cluster

    plan, _place = open_study(study, None, overrides, workspace)
    totals = judge_in_parts(
        path,
        out.resolve(),
        plan,
        find_study(study, workspace=workspace).resolve(),
        cell_m=cell_m,
        rows=rows,
        layer=layer,
        overrides=overrides or (),
        cores=cores,
        cluster=None if cluster is None else read_cluster(cluster),
        retries=retries,
    )
    say(f"已写 / written  {out / 'totals.parquet'}: {len(totals)}")

"""Work with a user's own data: check a file, count cells, get a template, start a city."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.say import say
from pipeline.commands.studies import StudyOption, WorkspaceOption, open_study

OutOption = Annotated[Path, typer.Option("--out", help="写入的文件夹 / folder to write to")]


def cells(
    *,
    osm: Annotated[Path, typer.Option("--osm", help="OSM 摘录 / OpenStreetMap extract")],
    areas: Annotated[Path, typer.Option("--areas", help="行政区面文件 / polygons of districts")],
    study: StudyOption = "shanghai",
    workspace: WorkspaceOption = Path(),
    out: OutOption = Path("layers/reference"),
) -> None:
    """由摘录统计每格设施数 / count facilities per cell, as the embedded table was made."""
    from pipeline.sources.cells import cells_from_extract, write_cells

    plan, _place = open_study(study, None, None, workspace)
    grid = cells_from_extract(osm, areas, settings=plan.sources, crs=plan.study.crs)
    write_cells(grid, out / "cells_500m.csv", out / "cells_500m_land.csv")
    say(f"已写 / written  {out / 'cells_500m.csv'}: {grid!r}")


def template(
    kind: Annotated[str, typer.Argument(help="parcels")],
    *,
    out: OutOption = Path(),
) -> None:
    """写出数据模板 / write a template to fill in."""
    from pipeline.errors import Problem, StudyError
    from pipeline.sources.parcel_template import write_template

    if kind != "parcels":
        raise StudyError(
            Problem(
                zh=f"没有“{kind}”模板",
                en=f"there is no template {kind!r}",
                rule="template",
                remedy_zh="可用：parcels",
                remedy_en="allowed: parcels",
            )
        )
    for path in write_template(out):
        say(f"已写 / written  {path}")


def check(
    path: Annotated[Path, typer.Argument(help="要检查的文件 / file to check")],
    *,
    study: StudyOption = "shanghai",
    workspace: WorkspaceOption = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="JSON")] = False,
) -> None:
    """检查文件：基准、坐标系、几何、重复、字段 / check a file before it is used."""
    from pipeline.sources.check import check_file
    from pipeline.sources.guarded import against_study

    plan, _place = open_study(study, None, None, workspace)
    report = check_file(path, against=against_study(plan), settings=plan.sources)
    if as_json:
        sys.stdout.write(json.dumps(report.as_dict(), ensure_ascii=False, indent=1) + "\n")
    else:
        say(report.text())
    if not report.ok:
        raise typer.Exit(3)

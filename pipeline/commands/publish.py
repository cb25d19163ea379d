"""Hand a built study on: layers in other formats, the report on paper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.say import say
from pipeline.commands.studies import StudyOption, WorkspaceOption, open_study
from pipeline.resources import FIRST_STUDY


def layers(
    *,
    study: StudyOption = FIRST_STUDY,
    workspace: WorkspaceOption = Path(),
    export: Annotated[
        list[str],
        typer.Option(
            "--export", help="格式，可多次 / format, may be repeated: gpkg geojson shp ..."
        ),
    ],
    crs: Annotated[
        str | None, typer.Option("--crs", help="目标坐标系 / target CRS, e.g. EPSG:4549")
    ] = None,
    layer: Annotated[
        list[str] | None, typer.Option("--layer", help="只导出这些图层 / only these layers")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="写入的文件夹 / folder")] = Path("export"),
) -> None:
    """导出图层 / export the layers of a built study."""
    from pipeline.publish.export_losses import Loss, worst_first
    from pipeline.publish.layer_export import export_layers

    _plan, place = open_study(study, None, None, workspace)
    package = place.output("layers", "layers:parkgap.gpkg")
    losses: list[Loss] = []
    written = export_layers(package, out, formats=export, crs=crs, layers=layer, tell=losses.append)
    for path in written:
        say(f"已写 / written  {path}")
    for loss in worst_first(losses):
        say(str(loss))


def report(
    *,
    study: StudyOption = FIRST_STUDY,
    workspace: WorkspaceOption = Path(),
    out: Annotated[
        Path | None, typer.Option("--pdf", help="PDF 文件；空则在报告旁 / beside the report")
    ] = None,
    png: Annotated[
        bool, typer.Option("--png", help="插图另存为 PNG / the figures as PNG too")
    ] = False,
) -> None:
    """把报告印成 PDF（需要 Chromium）/ print the built report to PDF with Chromium."""
    from pipeline.publish.report_pdf import find_chromium, report_pdf
    from pipeline.publish.screenshot import draw_figure

    _plan, place = open_study(study, None, None, workspace)
    page = place.output("report", "outputs:report.html")
    target = out or page.with_suffix(".pdf")
    report_pdf(page, target, find_chromium())
    say(f"已写 / written  {target}")
    for figure in sorted((page.parent / "figures").glob("*.svg")) if png else []:
        draw_figure(figure, figure.with_suffix(".png"))
        say(f"已写 / written  {figure.with_suffix('.png')}")

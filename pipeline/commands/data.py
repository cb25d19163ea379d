"""Work with a user's own data: start a city, get and check files, count cells, templates."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from pipeline.commands.say import say
from pipeline.commands.studies import (
    OsmOption,
    SetOption,
    StudyOption,
    WorkspaceOption,
    open_study,
)
from pipeline.resources import FIRST_STUDY

OutOption = Annotated[Path, typer.Option("--out", help="写入的文件夹 / folder to write to")]


def new(
    city: Annotated[str, typer.Argument(help="城市名 / name of the city")],
    *,
    start: Annotated[
        str,
        typer.Option(
            "--from",
            help="minimal 只写必要项；或研究名，以其设置为起点，全部写出 "
            "/ minimal, or a study whose settings are the start, all of them stated",
        ),
    ] = "minimal",
    osm: OsmOption = None,
    lon: Annotated[float | None, typer.Option("--lon", help="中心经度 / centre longitude")] = None,
    lat: Annotated[float | None, typer.Option("--lat", help="中心纬度 / centre latitude")] = None,
    workspace: WorkspaceOption = Path(),
) -> None:
    """为一座城市写出带注释的研究文件 / write a commented study of a new city."""
    from pipeline.sources.study_new import new_study, write_study

    centre = None if lon is None or lat is None else (lon, lat)
    plan = new_study(
        city,
        folder=workspace / "studies",
        start=start,
        osm=osm,
        centre=centre,
        today=dt.datetime.now(tz=dt.UTC).date(),
    )
    for path in write_study(plan):
        say(f"已写 / written  {path}")
    root = "" if workspace == Path() else f" -w {workspace}"
    say(f"下一步 / next  parkgap run -s {plan.path.stem}{root}")


def fetch(
    source: Annotated[
        str | None,
        typer.Argument(help="地址或文件；空则取研究的 osm_url / address or file; the study's"),
    ] = None,
    *,
    study: StudyOption = FIRST_STUDY,
    workspace: WorkspaceOption = Path(),
    sha256: Annotated[str | None, typer.Option("--sha256", help="校验和 / checksum")] = None,
    cache: Annotated[
        Path | None, typer.Option("--cache", help="缓存文件夹 / folder of the cache")
    ] = None,
    overpass: Annotated[
        bool,
        typer.Option(
            "--overpass",
            help="小范围：向 Overpass 查询街道与设施，存为摘录 / a small area: ask Overpass",
        ),
    ] = False,
    overrides: SetOption = None,
) -> None:
    """下载研究的 OSM 摘录或任一文件，可续传 / download a study's extract or any file."""
    from pipeline.sources.fetch import fetch as get
    from pipeline.sources.fetch import progress_bar
    from pipeline.sources.study_fetch import from_overpass, wanted_file

    plan, place = open_study(study, None, overrides, workspace)
    if overpass:
        path = from_overpass(plan, cache or place.root / "layers" / "cache")
        say(f"文件 / file  {path}")
        say(f"下一步 / next  parkgap run -s {study} --osm {path}")
        return
    address, checksum = wanted_file(plan.inputs, source, sha256)
    with progress_bar(address.rpartition("/")[2] or address) as progress:
        got = get(
            address,
            cache=cache or place.root / "layers" / "cache",
            settings=plan.sources.fetch,
            sha256=checksum,
            progress=progress,
        )
    say(str(got))
    say(f"文件 / file  {got.path}")
    say(f"校验和 / sha256  {got.sha256}")
    if got.path.name.endswith((".pbf", ".osm")):
        say(f"下一步 / next  parkgap run -s {study} --osm {got.path}")


def cells(
    *,
    osm: Annotated[Path, typer.Option("--osm", help="OSM 摘录 / OpenStreetMap extract")],
    areas: Annotated[Path, typer.Option("--areas", help="行政区面文件 / polygons of districts")],
    study: StudyOption = FIRST_STUDY,
    workspace: WorkspaceOption = Path(),
    out: OutOption = Path("layers/reference"),
) -> None:
    """由摘录统计每格设施数 / count facilities per cell, as the embedded table was made."""
    from pipeline.sources.cells import write_cells
    from pipeline.sources.study_cells import cells_of_extract

    plan, _place = open_study(study, None, None, workspace)
    grid = cells_of_extract(osm, areas, study=plan)
    side = plan.sources.cells.cell_m
    counts, land = out / f"cells_{side}m.csv", out / f"cells_{side}m_land.csv"
    out.mkdir(parents=True, exist_ok=True)
    write_cells(grid, counts, land)
    say(f"已写 / written  {counts}, {land}: {grid!r}")


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
    layer: Annotated[str | None, typer.Option("--layer", help="图层 / layer or sheet")] = None,
    encoding: Annotated[
        str | None, typer.Option("--encoding", help="属性编码 / encoding, e.g. gb18030")
    ] = None,
    crs: Annotated[str | None, typer.Option("--crs", help="坐标系 / CRS, e.g. EPSG:4549")] = None,
    datum: Annotated[
        Literal["wgs84", "cgcs2000", "gcj02", "bd09"] | None,
        typer.Option("--datum", help="坐标基准（声明） / declared datum"),
    ] = None,
    study: StudyOption = FIRST_STUDY,
    workspace: WorkspaceOption = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="JSON")] = False,
) -> None:
    """检查文件：基准、坐标系、几何、重复、字段 / check a file before it is used."""
    from pipeline.sources.check import check_file
    from pipeline.sources.check_study import against_study
    from pipeline.sources.parcel_given import checked_as_parcels
    from pipeline.sources.table_kinds import PARCELS

    plan, _place = open_study(study, None, None, workspace)
    against = against_study(plan)
    given = plan.inputs.of_file(path)
    report = check_file(
        path,
        against=against,
        settings=plan.sources,
        layer=layer or (given.layer if given else None),
        encoding=encoding or (given.encoding if given else None),
        crs=crs or (given.crs if given else None),
        datum=datum or (given.datum if given else None),
        columns=given.columns if given else {},
    )
    if report.layer is not None and report.table is not None and report.table.kind == PARCELS:
        said = {"layer": layer, "encoding": encoding, "crs": crs, "datum": datum}
        report = checked_as_parcels(
            report,
            plan.inputs.parcels.model_copy(update={k: v for k, v in said.items() if v}),
            plan.parcels.reading,
            working_crs=plan.study.crs,
            study_bounds=against.study_bounds,
        )
    if as_json:
        sys.stdout.write(report.as_json() + "\n")
    else:
        say(str(report))
    if not report.ok:
        raise typer.Exit(3)


def shift(
    path: Annotated[Path, typer.Argument(help="地方坐标系的文件 / file in a local grid")],
    *,
    control: Annotated[
        Path,
        typer.Option("--control", help="控制点 CSV / control points: from_x,from_y,to_x,to_y"),
    ],
    to: Annotated[str, typer.Option("--to", help="目标坐标系 / known CRS, e.g. EPSG:4549")],
    out: Annotated[
        Path | None, typer.Option("--out", help="写出的 GeoPackage / GeoPackage to write")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", help="helmert 或 or affine")] = None,
    study: StudyOption = FIRST_STUDY,
    overrides: SetOption = None,
    workspace: WorkspaceOption = Path(),
) -> None:
    """由控制点把地方坐标系的文件转到已知坐标系 / bring a file of a local grid into a known CRS."""
    from pipeline.atomic import atomic_path
    from pipeline.sources.shifted import shift_layer

    plan, _place = open_study(study, None, overrides, workspace)
    found = shift_layer(path, control, crs=to, settings=plan.sources, model=model)
    say(str(found.fit))
    for row in found.points.to_dict("records"):
        named = " ".join(f"{key}={value}" for key, value in row.items() if key != "residual_m")
        say(f"  残差 residual {row['residual_m']:.3f} m  {named}")
    if not found.fit.spare:
        say("没有多余控制点，残差为零不说明精度 / no point to spare: zero residuals prove nothing")
    target = out or path.with_name(f"{path.stem}_shifted.gpkg")
    with atomic_path(target) as part:
        found.frame.to_file(part, driver="GPKG", layer=path.stem)
    say(f"已写 / written  {target}")


def match(
    facts: Annotated[Path, typer.Argument(help="名录（等级、口径等） / list of facts with names")],
    places: Annotated[Path, typer.Argument(help="有位置的图层 / layer of places with names")],
    *,
    decisions: Annotated[
        Path | None,
        typer.Option("--decisions", help="人工判定表，保留已判 / decisions by people, kept"),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="写出的 CSV / CSV to write")] = None,
    study: StudyOption = FIRST_STUDY,
    overrides: SetOption = None,
    workspace: WorkspaceOption = Path(),
) -> None:
    """按名称与距离把名录匹配到位置，存疑者待判 / join facts to places by name."""
    from pipeline.atomic import atomic_write
    from pipeline.sources.matched import match_files

    plan, _place = open_study(study, None, overrides, workspace)
    kept = decisions or plan.sources.conflate.decisions
    ruled = kept or facts.with_name(f"{facts.stem}_decisions.csv")
    found = match_files(facts, places, ruled, crs=plan.study.crs, settings=plan.sources)
    target = out or facts.with_name(f"{facts.stem}_matched.csv")
    atomic_write(target, "\ufeff" + found.table.to_csv(index=False, lineterminator="\n"))
    say(f"匹配 / matched: {found.found}")
    say(f"已写 / written  {target}")
    if found.waiting:
        say(f"待判 / to decide: {found.waiting}  {ruled} (decision: yes / no)")
    if found.found.left_out:
        most, more = plan.sources.conflate.most_candidates, found.found.left_out
        say(
            f"每条只列最好的 {most} 个，另有 {more} 个候选未列 / only the best {most} of each are "
            f"listed, {more} more are not (sources.conflate.most_candidates)"
        )

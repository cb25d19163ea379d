"""Check a file before it is used: datum, CRS, geometry, duplicates, fields, places outside."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.errors import ParkgapError, Problem
from pipeline.settings.inputs import RASTERS
from pipeline.settings.sources import SourceSettings
from pipeline.sources.check_raster import check_raster
from pipeline.sources.check_report import CheckReport, Finding
from pipeline.sources.coordinates import numbers
from pipeline.sources.datum import RESTRICTION_EN, RESTRICTION_ZH, Datum
from pipeline.sources.datum_guard import DatumFinding, require_datum
from pipeline.sources.drawing import layers_of, read_drawing
from pipeline.sources.files import LayerRead, read_layer
from pipeline.sources.guarded import CheckAgainst, recognise_fields, run_guards
from pipeline.sources.parcel_open import SHEETS, TEXTS, LayerOptions, open_raw
from pipeline.sources.place_names import fold_name
from pipeline.sources.table_kinds import PARCELS, TableGuess, guess_table, table_kinds

if TYPE_CHECKING:
    import geopandas as gpd

Mask = npt.NDArray[np.bool_]


def check_file(
    path: Path,
    *,
    against: CheckAgainst,
    settings: SourceSettings,
    layer: str | None = None,
    encoding: str | None = None,
    crs: str | None = None,
    datum: Datum | None = None,
    columns: Mapping[str, str] | None = None,
) -> CheckReport:
    """Read a file as the pipeline would and report all that is noteworthy or wrong.

    Parameters
    ----------
    path
        Any file `read_layer` reads, or a raster of people.
    against
        The study area, and trusted points and districts for the datum guard.
    settings
        Limits of the guard, of archives and of what counts as a duplicate.
    layer, encoding, crs, datum
        What the user says of the file, as for `read_layer`.
    columns
        Fields that the study names in this very file: the project's name -> the file's.

    Returns
    -------
    report
        Never raises for a bad file: what a reader refused is among the findings.
    """
    if path.suffix.lower() in RASTERS and path.is_file():
        return check_raster(path, study_bounds=against.study_bounds)
    area = against.study_area
    try:
        read = read_layer(
            path,
            layer=layer,
            encoding=encoding,
            crs=crs,
            study_bounds=against.study_bounds,
            archives=settings.archives,
        )
    except ParkgapError as error:
        table = _headers_alone(path, layer, encoding)
        found = [_refused(problem, table) for problem in error.problems]
        told = (*found, *_drawing_layers(path, encoding))
        return CheckReport(path, None, {}, (), told, table)
    table = guess_table(map(str, read.frame.columns.drop(read.frame.geometry.name)))
    fields = recognise_fields(map(str, read.frame.columns))
    guard = run_guards(read.frame, fields, against, settings, datum)
    findings = [
        *_notes(read),
        *_drawing_layers(path, encoding),
        *_lacking(table, columns or {}),
        *_wrong_numbers(read, settings.check.most_examples),
        *_datum(read, guard, datum),
        *_geometry(read.frame, settings.check.most_examples),
        *_duplicates(read.frame, fields, settings),
        *_outside(read.frame, area, settings.check.most_examples),
    ]
    return CheckReport(path, read.report, fields, guard, tuple(findings), table)


def _headers_alone(path: Path, layer: str | None, encoding: str | None) -> TableGuess | None:
    """Look at the columns of a table that could not be placed; null where there are none."""
    if path.suffix.lower() not in {*SHEETS, *TEXTS}:
        return None
    try:
        raw = open_raw(path, layer=layer, options=LayerOptions(encoding=encoding))
    except ParkgapError:
        return None
    return guess_table(map(str, raw.cells.columns))


def _refused(problem: Problem, table: TableGuess | None) -> Finding:
    """Make a finding of what was refused; parcels may have their outlines in another file."""
    finding = Finding.from_problem(problem)
    attributes = table is not None and table.kind == PARCELS and not table.missing
    if problem.rule != "coordinates" or not attributes:
        return finding
    return replace(
        finding,
        severity="warning",
        remedy_zh="若为属性表，请以 inputs.parcels.table 按宗地编号与图形关联；否则补充坐标",
        remedy_en="for a table of attributes set inputs.parcels.table, joined to the outlines by "
        "parcel id; else add coordinates",
    )


def _notes(read: LayerRead) -> list[Finding]:
    grave = {"crs_contradicted", "encoding_contradicted", "old_datum", "swapped", "crs_assumed"}
    return [
        Finding(note.code, "warning" if note.code in grave else "info", note.zh, note.en)
        for note in read.report.notes
    ]


def _drawing_layers(path: Path, encoding: str | None) -> list[Finding]:
    """Tell what the layers of a drawing hold, and which settings choose among them."""
    import pyogrio

    if path.suffix.lower() != ".dxf" or not path.is_file():
        return []
    try:
        with warnings.catch_warnings():  # what the driver says is told with the reading
            warnings.simplefilter("ignore")
            layers = layers_of(read_drawing(path, encoding=encoding))
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, UnicodeDecodeError):
        return []  # what cannot be read is told already
    listed = "; ".join(map(str, layers))
    return [
        Finding(
            "drawing_layers", "info", f"图层：{listed}", f"layers: {listed}", len(layers), (),
            "作为地块时用 inputs.parcels.outline_layer 与 label_layer 指明边界与编号所在图层",
            "for parcels name those of outlines and ids with inputs.parcels.outline_layer and "
            "label_layer",
        )
    ]  # fmt: skip


def _lacking(table: TableGuess, named: Mapping[str, str]) -> list[Finding]:
    """Name the fields without which a run refuses a table of its kind.

    A table that has none of the kind's ids may be meant for something else: that is a warning.
    """
    lacking = [field for field in table.missing if field not in named]
    if not lacking or table.kind is None or table.kind == PARCELS:  # parcels are read as such
        return []
    kind = table_kinds().kinds[table.kind]
    ids = {name for name in kind.required if kind.fields[name].tells and name != "name_zh"}
    sure = ids & {item.field for item in table.fields}
    listed = ", ".join(lacking)
    return [
        Finding(
            "required_fields", "error" if sure else "warning",
            f"作为{table.zh}缺少必填字段 {listed}", f"lacks {listed}, required of {table.en}",
            None, (),
            f"补上字段，或在研究文件 {table.setting}.columns 中指明对应的列",
            f"add the fields, or name their columns in {table.setting}.columns of the study",
        )
    ]  # fmt: skip


def _wrong_numbers(read: LayerRead, most: int) -> list[Finding]:
    """Name the cells of a pair of coordinate columns that say something and are no number."""
    names = read.report.coordinate_columns
    found = []
    for name in names if len(names) == 2 else ():  # noqa: PLR2004
        column = read.frame[name]
        said = column.notna() & column.astype("string").str.strip().ne("").fillna(value=False)
        wrong = column[said.to_numpy(dtype=bool) & ~np.isfinite(numbers(column))]
        if len(wrong):
            shown = tuple(
                f"{name}, row {int(str(row)) + 1}: {str(cell)[:60]}"
                for row, cell in list(wrong.items())[:most]
            )
            zh, en = f"字段“{name}”的值不是坐标", f"the field {name!r} holds what is no number"
            remedy = ("改正该值；未知请留空", "mend the value, or leave it blank where unknown")
            found.append(Finding("coordinates", "warning", zh, en, len(wrong), shown, *remedy))
    return found


def _datum(
    read: LayerRead, guard: tuple[DatumFinding, ...], declared: Datum | None
) -> list[Finding]:
    problems: list[Problem] = []
    try:
        require_datum(guard)
    except ParkgapError as error:
        problems = list(error.problems)
    findings = [Finding.from_problem(problem) for problem in problems]
    hint = read.report.hinted_datum
    if hint is not None and declared != hint:
        zh, en = f"字段名提示坐标为 {hint}", f"the columns' names speak of {hint}"
        remedy_zh = f"若属实请声明 datum: {hint}；{RESTRICTION_ZH}"
        remedy_en = f"if so declare datum: {hint}; {RESTRICTION_EN}"
        findings.append(Finding("datum_hint", "warning", zh, en, None, (), remedy_zh, remedy_en))
    if not any(finding.verdict != "not_testable" for finding in guard):
        zh = "坐标基准未能核实（没有可比的同名点或行政区）"
        en = "the datum could not be verified (no namesakes or claimed districts to compare)"
        findings.append(Finding("datum_not_testable", "warning", zh, en))
    return findings


def _geometry(frame: gpd.GeoDataFrame, most: int) -> list[Finding]:
    import shapely

    shapes = frame.geometry.to_numpy()
    missing = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    broken = ~missing & ~shapely.is_valid(shapes)
    kinds = sorted({str(kind).removeprefix("Multi") for kind in frame.geom_type[~missing]})
    areal = ~missing & (shapely.get_dimensions(shapes) == 2)  # noqa: PLR2004
    flat = areal & (shapely.area(shapely.make_valid(shapes)) == 0)  # a bow tie has two signs
    reasons = ", ".join(sorted({r.split("[")[0] for r in shapely.is_valid_reason(shapes[broken])}))
    found = [
        _rows(
            frame, missing, most, ("no_geometry", "warning"), "没有坐标", "no geometry",
            "补充坐标，或这些记录不参与空间计算", "add coordinates, or these rows take no part",
        ),
        _rows(
            frame, broken, most, ("invalid_geometry", "warning"),
            f"几何无效（{reasons}）", f"invalid geometry ({reasons})",
            "读取时会自动修复，请核对面积", "it is repaired on reading: check the areas",
        ),
        _rows(
            frame, flat, most, ("zero_area", "error"), "面积为零的多边形", "polygons without area",
            "删除或重新数字化", "remove them or trace them again",
        ),
    ]  # fmt: skip
    if len(kinds) > 1:
        listed = ", ".join(kinds)
        zh, en = f"混合几何类型：{listed}", f"mixed kinds of geometry: {listed}"
        found.append(Finding("mixed_geometry", "info", zh, en))
    return [finding for finding in found if finding is not None]


def _duplicates(
    frame: gpd.GeoDataFrame, fields: Mapping[str, str], settings: SourceSettings
) -> list[Finding]:
    """Find rows with one geometry, and rows with one name in (nearly) one spot."""
    import shapely

    shapes = shapely.normalize(frame.geometry.to_numpy())
    present = ~shapely.is_missing(shapes)
    twins = pd.Series(shapely.to_wkb(shapes)).duplicated(keep=False).to_numpy() & present
    most = settings.check.most_examples
    found = [
        _rows(
            frame, twins, most, ("same_geometry", "warning"), "坐标完全相同", "same geometry",
            "确认是否重复记录，或仅定位到同一地点",
            "duplicates, or several placed at one spot?",
        )
    ]  # fmt: skip
    if "name" in fields:
        near = _namesakes(frame, fields["name"], settings.check.duplicate_m)
        found.append(
            _rows(
                frame, near, most, ("same_name_and_place", "warning"),
                "同名且同地", "same name in the same place",
                "保留一条", "keep one of them",
            )
        )  # fmt: skip
    return [finding for finding in found if finding is not None]


def _namesakes(frame: gpd.GeoDataFrame, field: str, reach_m: float) -> Mask:
    import shapely

    metric = frame.to_crs(frame.estimate_utm_crs()) if frame.crs.is_geographic else frame
    shapes = metric.geometry.to_numpy()
    keys = np.array([fold_name(name) for name in frame[field]], dtype=object)
    left, right = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=reach_m)
    pairs = (left < right) & (keys[left] == keys[right]) & (keys[left] != "")
    found = np.zeros(len(frame), dtype=bool)
    found[left[pairs]] = True
    found[right[pairs]] = True
    return found


def _outside(frame: gpd.GeoDataFrame, area: gpd.GeoDataFrame | None, most: int) -> list[Finding]:
    import shapely

    if area is None:
        return []
    study = shapely.union_all(area.to_crs(frame.crs).geometry.to_numpy())
    shapely.prepare(study)
    shapes = frame.geometry.to_numpy()
    outside = ~shapely.is_missing(shapes) & ~shapely.intersects(study, shapes)
    everything = bool(outside.any()) and bool((outside | shapely.is_missing(shapes)).all())
    finding = _rows(
        frame, outside, most, ("outside_study", "error" if everything else "warning"),
        "位于研究区之外", "outside the study area",
        "核对坐标系、坐标次序和坐标基准" if everything else "区外记录不参与统计",
        "check CRS, order of the columns and datum" if everything else "they are not reported",
    )  # fmt: skip
    return [] if finding is None else [finding]


def _rows(
    frame: gpd.GeoDataFrame, mask: Mask, most: int, kind: tuple[str, str], *texts: str
) -> Finding | None:
    """Make a finding of the rows in the mask, naming the first few by their index label."""
    if not mask.any():
        return None
    zh, en, remedy_zh, remedy_en = texts
    examples = tuple(str(label) for label in frame.index[mask][:most])
    code, severity = kind
    return Finding(
        code,
        severity,  # type: ignore[arg-type]
        zh,
        en,
        int(mask.sum()),
        examples,
        remedy_zh,
        remedy_en,
    )

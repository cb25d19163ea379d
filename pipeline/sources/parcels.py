"""Read a user's parcel file into canonical fields, units and geometry, and report on it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.errors import CrsError, Problem, SourceError
from pipeline.sources.datum import Datum, frame_to_wgs84
from pipeline.sources.locate import Bounds, locate
from pipeline.sources.parcel_consistency import check_consistency, check_ids
from pipeline.sources.parcel_dxf import open_dxf, smallest_around
from pipeline.sources.parcel_fields import catalogue, match_columns
from pipeline.sources.parcel_findings import Findings
from pipeline.sources.parcel_open import LayerOptions, RawTable, open_raw, take_points
from pipeline.sources.parcel_report import ParcelRead, ParcelReport
from pipeline.sources.parcel_shapes import area_disagreements, duplicates, overlaps, repair
from pipeline.sources.parcel_table import check_declared, read_fields, unique_matches

log = logging.getLogger(__name__)

AreaUnit = Literal["m2", "ha", "mu"]
MoneyUnit = Literal["yuan", "wan_yuan"]


@dataclass(frozen=True)
class Declared:
    """Where the coordinates are said to be, and where they go."""

    working_crs: str
    crs: str | None
    datum: Datum | None
    study_bounds: Bounds | None


def read_parcels(
    path: Path,
    *,
    working_crs: str,
    area_tolerance_share: float,
    overlap_min_m2: float,
    broken_cells: Literal["raise", "null"],
    area_unit: AreaUnit | None = None,
    money_unit: MoneyUnit | None = None,
    crs: str | None = None,
    study_bounds: Bounds | None = None,
    datum: Datum | None = None,
    encoding: str | None = None,
    layer: str | None = None,
    columns: Mapping[str, str] | None = None,
    table: Path | None = None,
    outline_layer: str | None = None,
    label_layer: str | None = None,
) -> ParcelRead:
    """Read parcels from a GeoPackage, Shapefile, GeoJSON, GeoParquet, DXF, Excel or text file.

    Columns are recognised by canonical name, Chinese or English name, alias, or a name cut by a DBF
    file. Units come from the header, else from the arguments; areas and sums of money are converted
    once, to m² and 10⁴ yuan. Outlines are transformed to the working CRS and repaired.

    Parameters
    ----------
    path
        The file; a drawing (`.dxf`) needs a `table` for its attributes.
    working_crs
        Projected CRS of the result, in metres.
    area_tolerance_share
        How far a stated area may be off the outline's before it is listed.
    overlap_min_m2
        Smallest overlap that is listed.
    broken_cells
        `raise`: refuse a file with cells or outlines that cannot be read. `null`: make them null
        and list them in the report. Missing columns, units and CRS are always refused.
    area_unit, money_unit
        Units of columns whose header declares none.
    crs
        CRS of a file that does not say it; overrides one that does.
    study_bounds
        West, south, east, north of the study in degrees: helps where a file says nothing.
    datum
        Declared datum of coordinates in degrees; GCJ-02 and BD-09 are converted.
    encoding
        Text encoding; detected when None.
    layer
        Layer or sheet; the first when None.
    columns
        Declared names: the file's column to the canonical field, for columns nobody would guess.
    table
        Excel or text file joined by parcel id, or by its point where the outlines have no id.
    outline_layer, label_layer
        Layers of a drawing.

    Returns
    -------
    ParcelRead: the frame has every canonical field (null where the file has none), `area_basis`
    (`given`, `outline`), `x` and `y` (the outline's inner point, or the stated coordinates),
    `synthetic` (False) and the geometry; sorted by `parcel_id`, which is its index as well.

    Raises
    ------
    SourceError, CrsError, FieldError, GeometryError
        With every problem of the file.
    """
    options = LayerOptions(encoding, crs, study_bounds)
    raw = _open(Path(path), layer, options, (outline_layer, label_layer))
    if raw.cells.empty and table is None:
        raise SourceError(Problem(zh="文件没有宗地", en="the file holds no parcels", path=path))
    points = take_points(raw)
    if table is not None:
        raw, points = _join_table(raw, Path(table), options)
    declared = Declared(working_crs, crs, datum, study_bounds)
    found = Findings(str(path), raw.rows, geometry=list(raw.problems), notes=list(raw.notes))
    report = ParcelReport(str(path), raw.encoding, blank_rows=raw.blank_rows)
    shapes, spots = _to_working(raw, points, declared, found)
    check_declared(columns or {}, raw.cells.columns, found)
    matches, report.strangers = match_columns(raw.cells.columns, declared=columns)
    matches = unique_matches(matches, found)
    units = {"area": area_unit, "money": money_unit}
    frame, report.columns = read_fields(raw, matches, units, shapes, found)
    shapes, report.repairs, faults = repair(
        shapes, rows=raw.rows, ids=frame["parcel_id"], path=str(path)
    )
    found.geometry += faults
    report.duplicates = duplicates(shapes, ids=frame["parcel_id"], rows=raw.rows)
    report.overlaps = overlaps(shapes, ids=frame["parcel_id"], min_m2=overlap_min_m2)
    check_ids(frame, report.duplicates, found, mend=broken_cells == "null")
    report.area_disagreements = area_disagreements(
        frame["area_m2"], shapes, rows=raw.rows, tolerance_share=area_tolerance_share
    )
    check_consistency(frame, found)
    fatal = found.crs or found.columns_lack or broken_cells == "raise"
    if found.all() and fatal:
        raise found.error()
    result = _assemble(frame, shapes, spots, raw)
    report.notes, report.problems = found.notes, found.all()
    report.rows, report.crs = len(result), str(result.crs)
    report.known_share = result[[f.name for f in catalogue().fields]].notna().mean()
    log.info("read %d parcels from %s: %r", len(result), path, report)
    return ParcelRead(result, report)


def _open(
    path: Path,
    layer: str | None,
    options: LayerOptions,
    drawing_layers: tuple[str | None, str | None],
) -> RawTable:
    if path.suffix.lower() == ".dxf" and path.exists():
        outline_layer, label_layer = drawing_layers
        return open_dxf(
            path,
            outline_layer=outline_layer,
            label_layer=label_layer,
            encoding=options.encoding,
        )
    return open_raw(path, layer=layer, options=options)


def _join_table(raw: RawTable, path: Path, options: LayerOptions) -> tuple[RawTable, np.ndarray]:
    """Join outlines to the rows of a table, by id, else by the row's point; the table leads."""
    table = open_raw(path, layer=None, options=options)
    points = take_points(table)
    ids = _id_values(table)
    homes = {name: k for k, name in enumerate(_id_values(raw)) if name is not None}
    by_id = np.array([-1 if name is None else homes.get(name, -1) for name in ids], dtype=np.int64)
    by_point = smallest_around(raw.outlines, points)
    which = np.where(by_id >= 0, by_id, by_point)
    table.outlines = raw.outlines[which].copy()
    table.outlines[which < 0] = None
    table.crs = raw.crs
    table.problems = [*raw.problems, *table.problems, *_unjoined(raw, which, path)]
    return table, points


def _id_values(raw: RawTable) -> list[str | None]:
    matches, _ = match_columns(raw.cells.columns)
    for match in matches:
        if match.field == "parcel_id":
            column = raw.cells[match.column]
            return [None if pd.isna(v) else str(v).strip() for v in column.tolist()]
    return [None] * len(raw.cells)


def _unjoined(raw: RawTable, which: np.ndarray, path: Path) -> list[Problem]:
    lonely = sorted(set(range(len(raw.cells))) - set(which.tolist()))
    names = _id_values(raw)
    return [
        Problem(
            zh=f"边界 {names[k] or k + 1} 在属性表中没有对应行",
            en=f"the outline {names[k] or k + 1} has no row in the table",
            path=path,
            row=names[k] or k + 1,
            rule="join",
        )
        for k in lonely
    ]


def _to_working(
    raw: RawTable, points: np.ndarray, declared: Declared, found: Findings
) -> tuple[gpd.GeoSeries, gpd.GeoSeries]:
    """Bring outlines and points to the working CRS; without any CRS that is a problem."""
    parts = [gpd.GeoDataFrame(geometry=list(part)) for part in (raw.outlines, points)]
    source = raw.crs
    for k, part in enumerate(parts):
        if part.geometry.isna().all():
            continue
        if source is not None:
            parts[k] = part.set_crs(source)
            continue
        try:
            placed = locate(
                part, path=Path(found.path), crs=declared.crs, study_bounds=declared.study_bounds
            )
        except CrsError as error:
            found.crs += [_with_setting(problem) for problem in error.problems]
            continue
        parts[k] = placed.frame
        told = [
            Problem(zh=note.zh, en=note.en, path=found.path, rule=note.code)
            for note in placed.notes
        ]
        found.notes += [note for note in told if note not in found.notes]
    outlines, spots = (_transformed(part, declared) for part in parts)
    return outlines, spots


def _with_setting(problem: Problem) -> Problem:
    """Name the setting that states the CRS of a parcel file."""
    return replace(
        problem,
        remedy_zh="在研究文件中写 inputs.parcels.crs，或 --set inputs.parcels.crs=EPSG:代码",
        remedy_en="state it as inputs.parcels.crs in the study file, or --set inputs.parcels.crs=",
    )


def _transformed(part: gpd.GeoDataFrame, declared: Declared) -> gpd.GeoSeries:
    if part.crs is None:
        # Nothing to place, or refused: the problem is already on the list.
        return part.geometry.set_crs(declared.working_crs)
    if declared.datum in {"gcj02", "bd09"}:
        part = frame_to_wgs84(part, declared.datum)
    return part.geometry.to_crs(declared.working_crs)


def _assemble(
    frame: pd.DataFrame, shapes: gpd.GeoSeries, spots: gpd.GeoSeries, raw: RawTable
) -> gpd.GeoDataFrame:
    """Put fields and outlines together, fill areas from outlines, sort by id."""
    out = frame.copy()
    outline = shapes.area.where(shapes.notna())
    basis = pd.Series(pd.NA, index=out.index, dtype="string").mask(outline.notna(), "outline")
    out["area_basis"] = basis.mask(out["area_m2"].notna(), "given")
    out["area_m2"] = out["area_m2"].fillna(outline)
    inner = gpd.GeoSeries(shapely.point_on_surface(shapes.to_numpy()), crs=shapes.crs)
    where = inner.where(inner.notna(), spots)
    out["x"], out["y"] = where.x, where.y
    out["synthetic"] = False
    out["source_row"] = pd.Series(raw.rows, index=out.index).astype("string")
    result = gpd.GeoDataFrame(out, geometry=shapes, crs=shapes.crs)
    return result.sort_values("parcel_id").set_index("parcel_id", drop=False)

"""Read the columns of a parcel table into canonical fields and units."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

import geopandas as gpd
import pandas as pd

from pipeline.errors import Problem
from pipeline.sources.parcel_cells import DTYPES, Where, read_column
from pipeline.sources.parcel_fields import Field, Match, catalogue
from pipeline.sources.parcel_findings import Findings
from pipeline.sources.parcel_open import RawTable
from pipeline.sources.parcel_shapes import likely_area_unit

HEADER_UNITS = {
    "area": ("亩", "mu"),
    "money": ("万元", "wan_yuan"),
    "money_per_area": ("万元/公顷", "wan_yuan/ha"),
}


def check_declared(declared: Mapping[str, str], columns: Iterable[str], found: Findings) -> None:
    """Insist that declared columns are in the file and that their fields exist.

    Parameters
    ----------
    declared
        The file's column to the canonical field.
    columns
        Columns of the file.
    found
        Takes the problems.
    """
    names = [str(column) for column in columns]
    fields = [field.name for field in catalogue().fields]
    for theirs, own in declared.items():
        for name, known, zh, en in (
            (theirs, names, "文件中没有列", "the file has no column"),
            (own, fields, "没有字段", "there is no field"),
        ):
            if name in known:
                continue
            near = difflib.get_close_matches(name, known, n=1)
            found.columns_lack = True
            found.fields.append(
                Problem(
                    zh=f"{zh}“{name}”",
                    en=f"{en} {name!r}",
                    path=found.path,
                    rule=f"inputs.parcels.columns.{own}",
                    remedy_zh=f"可用：{'、'.join(known)}"
                    + (f"；最接近：{near[0]}" if near else ""),
                    remedy_en=f"nearest match: {near[0]}" if near else f"known: {', '.join(known)}",
                )
            )


def unique_matches(matches: list[Match], found: Findings) -> list[Match]:
    """Keep one column per field: names before aliases; two of the same kind are a problem."""
    rank = {"declared": 0, "name": 1, "alias": 2, "truncated": 3}
    kept: dict[str, Match] = {}
    for match in sorted(matches, key=lambda m: rank[m.how]):
        other = kept.setdefault(match.field, match)
        if other is match:
            continue
        problem = Problem(
            zh=f"“{other.column}”和“{match.column}”都被识别为 {match.field}",
            en=f"{other.column} and {match.column} are both taken for {match.field}",
            path=found.path,
            rule=match.field,
            remedy_zh="用 inputs.parcels.columns 声明其一，或删除多余的列",
            remedy_en="declare one in inputs.parcels.columns or remove the other",
        )
        same = other.how == match.how
        found.columns_lack |= same
        (found.fields if same else found.notes).append(problem)
    missing = [f for f in catalogue().fields if f.required and f.name not in kept]
    found.columns_lack |= bool(missing)
    found.fields += [
        Problem(
            zh=f"缺少必填列“{f.zh}”",
            en=f"the required column {f.name} is missing",
            path=found.path,
            rule=f.name,
            remedy_zh=f"可用列名：{'、'.join((f.zh, *f.aliases[:4]))}",
            remedy_en=f"accepted names: {', '.join((f.name, f.en, *f.aliases[-3:]))}",
        )
        for f in missing
    ]
    return list(kept.values())


def read_fields(
    raw: RawTable,
    matches: list[Match],
    units: Mapping[str, str | None],
    shapes: gpd.GeoSeries,
    found: Findings,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read every canonical field; those the file lacks are null.

    Returns
    -------
    The fields, and how each column was understood (see `ParcelReport.columns`).
    """
    by_field = {match.field: match for match in matches}
    values, rows = {}, []
    for spec in catalogue().fields:
        match = by_field.get(spec.name)
        if match is None:
            values[spec.name] = empty_column(spec, raw.cells.index)
            continue
        cells = raw.cells[match.column]
        unit, origin = _unit_of(spec, match, units)
        if spec.dimension is not None and unit is None:
            found.columns_lack = True
            found.fields.append(_undeclared(spec, match, cells, shapes, found.path))
            values[spec.name] = empty_column(spec, raw.cells.index)
            continue
        read = read_column(
            cells, spec, unit=unit, where=Where(found.path, match.column, found.rows)
        )
        found.fields += read.problems
        found.notes += read.notes
        values[spec.name] = read.cells
        rows.append((match.column, spec.name, unit, origin, match.how))
    names = ["column", "field", "unit", "unit_from", "how"]
    return pd.DataFrame(values), pd.DataFrame(rows, columns=names)


def _unit_of(
    spec: Field, match: Match, units: Mapping[str, str | None]
) -> tuple[str | None, str | None]:
    """Return the unit of a column and where it is declared; the header decides."""
    if spec.dimension is None:
        return None, None
    if match.unit is not None and catalogue().factor(spec.dimension, match.unit) is not None:
        return match.unit, "header"
    default = catalogue().default_units.get(spec.dimension)
    if spec.dimension == "money_per_area":
        area, money = units["area"], units["money"]
        return (f"{money}/{area}", "declared") if area and money else (None, None)
    declared = units.get(spec.dimension)
    if declared is not None:
        return declared, "declared"
    return (default, "default") if default else (None, None)


def _undeclared(
    spec: Field, match: Match, cells: pd.Series, shapes: gpd.GeoSeries, path: str
) -> Problem:
    hint_zh = hint_en = ""
    if spec.dimension == "area" and shapes.crs is not None:
        likely = likely_area_unit(pd.to_numeric(cells, errors="coerce"), shapes)
        if likely is not None:
            hint_zh, hint_en = (
                f"（按图形面积推断可能是 {likely}）",
                f" (the outlines suggest {likely})",
            )
    names = {"area": ("area_unit",), "money": ("money_unit",)}
    both = names.get(str(spec.dimension), ("area_unit", "money_unit"))
    setting = ", ".join(f"inputs.parcels.{name}" for name in both)
    unit, unit_en = HEADER_UNITS[str(spec.dimension)]
    return Problem(
        zh=f"列“{match.column}”没有说明单位{hint_zh}",
        en=f"the column {match.column} does not say its unit{hint_en}",
        path=path,
        rule=spec.name,
        remedy_zh=f"在列名后加括号注明，如“{spec.zh}（{unit}）”，或声明 {setting}",
        remedy_en=f"write it after the name, e.g. {spec.name} ({unit_en}), or set {setting}",
    )


def empty_column(spec: Field, index: pd.Index) -> pd.Series:
    """Return an all-null column of a field's type."""
    dtypes = {**DTYPES, "date": "datetime64[s]", "flag": "boolean"}
    return pd.Series(None, index=index, dtype=dtypes[spec.type])


def no_parcels(crs: str) -> gpd.GeoDataFrame:
    """Return a parcel table without rows, with the columns and types that `read_parcels` gives."""
    index = pd.RangeIndex(0)
    columns = {field.name: empty_column(field, index) for field in catalogue().fields}
    for name in ("area_basis", "source_row"):
        columns[name] = pd.Series(dtype="string")
    columns |= {"x": pd.Series(dtype="float64"), "y": pd.Series(dtype="float64")}
    columns["synthetic"] = pd.Series(dtype="bool")
    table = gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries([], crs=crs), crs=crs)
    return table.set_index("parcel_id", drop=False)

"""Write the empty parcel table people fill in, as a GeoPackage and as a workbook."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd
import pyogrio

from pipeline.sources.parcel_fields import CANONICAL_UNITS, Catalogue, Field, catalogue
from pipeline.sources.parcel_form import form_style
from pipeline.sources.parcel_open import TEMPLATE_SHEET
from pipeline.sources.parcel_table import empty_column

if TYPE_CHECKING:
    from openpyxl.workbook import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

CODES_SHEET, FIELDS_SHEET, HELP_SHEET = "代码 codes", "字段 fields", "说明 instructions"
ROWS = 5000
STAMP = "2025-01-01T00:00:00Z"
ZIP_DATE = (2025, 1, 1, 0, 0, 0)
UNITS = {
    "m2": "m²",
    "wan_yuan": "万元",
    "wan_yuan/ha": "万元/公顷",
    "share": "0-1",
}
KINDS = {
    "text": ("文本", "text"),
    "code": ("代码（下拉选择）", "code (choose from the list)"),
    "number": ("数字", "number"),
    "count": ("整数", "whole number"),
    "date": ("日期 YYYY-MM-DD", "date YYYY-MM-DD"),
    "flag": ("是 / 否", "yes / no"),
}


def write_template(folder: Path, *, crs: str = "EPSG:4490") -> list[Path]:
    """Write `parcels_template.gpkg` and `parcels_template.xlsx`; the same bytes every time.

    The workbook has the table with validation lists, the fields, the codes and instructions. The
    GeoPackage has the empty layer `parcels` with a QGIS form (Chinese labels, drop-down lists) and
    the tables `fields` and `codes`. Both can be read back by `read_parcels` once filled in.

    Parameters
    ----------
    folder
        Created when absent; files of the same name are replaced.
    crs
        CRS of the empty layer; CGCS2000 by default, as official data come.

    Returns
    -------
    The files written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    book, package = folder / "parcels_template.xlsx", folder / "parcels_template.gpkg"
    _write_workbook(book, catalogue())
    _write_package(package, catalogue(), crs)
    return [package, book]


def header_of(field: Field) -> str:
    """Compose a header that people read and the reader recognises: name, unit, field name."""
    unit = UNITS.get(CANONICAL_UNITS.get(field.dimension or "", ""), field.unit_text)
    star = "*" if field.required else ""
    bracket = f"（{unit}）" if unit and unit != "0-1" else ""
    return f"{field.zh}{bracket}\n{field.name}{star}"


def fields_table(known: Catalogue) -> pd.DataFrame:
    """List the fields with everything a person has to know about them."""
    rows = [
        {
            "field": f.name,
            "name_zh": f.zh,
            "name_en": f.en,
            "type_zh": KINDS[f.type][0],
            "type_en": KINDS[f.type][1],
            "unit": UNITS.get(CANONICAL_UNITS.get(f.dimension or "", ""), f.unit_text),
            "required": "是 yes" if f.required else "",
            "min": f.min,
            "max": f.max,
            "codes": f.codes,
            "aliases": "、".join(f.aliases),
        }
        for f in known.fields
    ]
    return pd.DataFrame(rows)


def codes_table(known: Catalogue) -> pd.DataFrame:
    """List every code of every list."""
    rows = [
        {"list": name, "code": code, "name_zh": entry.zh, "name_en": entry.en}
        for name in (*known.codes, *known.unions)
        for code, entry in known.code_list(name).items()
    ]
    return pd.DataFrame(rows)


def _write_workbook(path: Path, known: Catalogue) -> None:
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    sheet.title = TEMPLATE_SHEET
    ranges = _codes_sheet(book, known)
    _plain_sheet(book.create_sheet(FIELDS_SHEET), fields_table(known))
    _help_sheet(book.create_sheet(HELP_SHEET), known)
    _fill_header(sheet, known, ranges)
    book.save(path)
    _freeze_bytes(path)


def _codes_sheet(book: Workbook, known: Catalogue) -> dict[str, str]:
    """Write the codes with the text offered in the lists; return the range of each list."""
    table = codes_table(known)
    digits = table["code"].str.fullmatch(r"[A-Z]?\d+|[A-Z]")
    choice = table["name_zh"].where(~digits, table["code"] + " " + table["name_zh"])
    table.insert(0, "choice", choice)
    sheet = book.create_sheet(CODES_SHEET)
    _plain_sheet(sheet, table)
    ranges = {}
    for name, rows in table.groupby("list", sort=False).indices.items():
        ranges[str(name)] = f"'{CODES_SHEET}'!$A${rows[0] + 2}:$A${rows[-1] + 2}"
    return ranges


def _plain_sheet(sheet: Worksheet, table: pd.DataFrame) -> None:
    from openpyxl.styles import Font

    sheet.append(list(table.columns))
    for row in table.astype(object).where(table.notna(), None).itertuples(index=False):
        sheet.append(list(row))
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    sheet.freeze_panes = "A2"
    for column in sheet.columns:
        width = max(len(str(cell.value or "")) for cell in column)
        sheet.column_dimensions[column[0].column_letter].width = min(12 + width, 60)


def _help_sheet(sheet: Worksheet, known: Catalogue) -> None:
    lines = [(line.zh, line.en) for line in known.instructions]
    _plain_sheet(sheet, pd.DataFrame(lines, columns=["说明", "instructions"]))


def _fill_header(sheet: Worksheet, known: Catalogue, ranges: dict[str, str]) -> None:
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter

    headers = [*(header_of(field) for field in known.fields), "WKT", "x", "y"]
    sheet.append(headers)
    for k, cell in enumerate(sheet[1]):
        cell.font = Font(bold=True)
        cell.alignment = Alignment(wrap_text=True, vertical="top")
        needed = k < len(known.fields) and known.fields[k].required
        cell.fill = PatternFill("solid", fgColor="FFE0B2" if needed else "E3F2FD")
        sheet.column_dimensions[get_column_letter(k + 1)].width = 18
    sheet.row_dimensions[1].height = 45
    sheet.freeze_panes = "B2"
    for k, field in enumerate(known.fields):
        letter = get_column_letter(k + 1)
        _validate(sheet, field, f"{letter}2:{letter}{ROWS}", ranges)


def _validate(sheet: Worksheet, field: Field, cells: str, ranges: dict[str, str]) -> None:
    from openpyxl.worksheet.datavalidation import DataValidation

    if field.type == "text":
        return
    # Warnings, not walls: a partial date or a number with its unit is still readable.
    rule = DataValidation(allow_blank=True, errorStyle="warning", showErrorMessage=True)
    rule.promptTitle, rule.prompt = (
        field.zh[:30],
        f"{KINDS[field.type][0]} / {KINDS[field.type][1]}",
    )
    rule.showInputMessage = True
    if field.type == "code":
        rule.type, rule.formula1 = "list", ranges[str(field.codes)]
    elif field.type == "flag":
        rule.type, rule.formula1 = "list", '"是,否"'
    elif field.type == "date":
        rule.type, rule.operator, rule.formula1 = "date", "greaterThan", "1"
    else:
        rule.type = "whole" if field.type == "count" else "decimal"
        low, high = field.min, field.max
        rule.operator = "greaterThanOrEqual" if high is None else "between"
        rule.formula1 = str(-1e15 if low is None else low)
        rule.formula2 = None if high is None else str(high)
    sheet.add_data_validation(rule)
    rule.add(cells)


def _freeze_bytes(path: Path) -> None:
    """Replace the times in the file, so that the same template has the same bytes."""
    with zipfile.ZipFile(path) as archive:
        parts = [(name, archive.read(name)) for name in archive.namelist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts:
            fixed = content
            if name == "docProps/core.xml":
                fixed = re.sub(rb">\d{4}-\d\d-\d\dT[\d:]+Z<", f">{STAMP}<".encode(), content)
            archive.writestr(zipfile.ZipInfo(name, ZIP_DATE), fixed, zipfile.ZIP_DEFLATED)


def _write_package(path: Path, known: Catalogue, crs: str) -> None:
    path.unlink(missing_ok=True)
    empty = pd.RangeIndex(0)
    layer = gpd.GeoDataFrame(
        {field.name: empty_column(field, empty) for field in known.fields},
        geometry=gpd.GeoSeries([], crs=crs),
        crs=crs,
    )
    before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": STAMP})
    try:
        pyogrio.write_dataframe(layer, path, layer="parcels", geometry_type="MultiPolygon")
        for name, table in (("fields", fields_table(known)), ("codes", codes_table(known))):
            pyogrio.write_dataframe(table, path, layer=name, append=True)
        pyogrio.write_dataframe(form_style(known, STAMP), path, layer="layer_styles", append=True)
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})

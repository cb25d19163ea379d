"""Hand out templates that can be filled in and read back."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import geopandas as gpd
import openpyxl
import pandas as pd
import pytest
import shapely

from pipeline.sources.parcel_fields import Field, catalogue
from pipeline.sources.parcel_open import TEMPLATE_SHEET
from pipeline.sources.parcel_report import ParcelRead
from pipeline.sources.parcel_template import header_of, write_template
from pipeline.sources.parcels import read_parcels


def read(path: Path, crs: str | None = None) -> ParcelRead:
    return read_parcels(
        path,
        working_crs="EPSG:32651",
        area_tolerance_share=0.05,
        overlap_min_m2=1.0,
        broken_cells="raise",
        crs=crs,
    )


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {p.suffix: p for p in write_template(tmp_path_factory.mktemp("template"))}


def sample(field: Field) -> object:
    """Give a legal value as a person would enter it."""
    if field.type == "code":
        return next(iter(catalogue().code_list(str(field.codes)).values())).zh
    samples = {"number": 0.5, "count": 3, "date": date(2011, 12, 2), "flag": "是"}
    return samples.get(field.type, "甲-01")


def test_workbook_reads_back_every_field(template: dict[str, Path], tmp_path: Path) -> None:
    book = openpyxl.load_workbook(template[".xlsx"])
    sheet = book[TEMPLATE_SHEET]
    headers = [cell.value for cell in sheet[1]]
    assert headers[: len(catalogue().fields)] == [header_of(f) for f in catalogue().fields]
    for k, field in enumerate(catalogue().fields):
        sheet.cell(row=2, column=k + 1, value=sample(field))
    sheet.cell(row=2, column=headers.index("WKT") + 1, value="POLYGON((0 0,1 0,1 1,0 1,0 0))")
    book.save(tmp_path / "filled.xlsx")
    result = read(tmp_path / "filled.xlsx", crs="EPSG:32651")
    row = result.frame.iloc[0]
    assert result.report.strangers == []
    assert row[[field.name for field in catalogue().fields]].notna().all()
    assert row["area_m2"] == 0.5
    assert row["tax_10k_yuan_ha"] == 0.5
    assert row["agreed_finish"] == pd.Timestamp("2011-12-02")


def test_workbook_offers_lists_and_explains(template: dict[str, Path]) -> None:
    book = openpyxl.load_workbook(template[".xlsx"])
    rules = book[TEMPLATE_SHEET].data_validations.dataValidation
    lists = [rule for rule in rules if rule.type == "list"]
    coded = [f for f in catalogue().fields if f.type in {"code", "flag"}]
    assert len(lists) == len(coded)
    assert book.sheetnames == [TEMPLATE_SHEET, "代码 codes", "字段 fields", "说明 instructions"]
    assert book["字段 fields"].max_row == len(catalogue().fields) + 1


def test_package_reads_back_with_an_outline(template: dict[str, Path], tmp_path: Path) -> None:
    layer = gpd.read_file(template[".gpkg"], layer="parcels")
    assert list(layer.columns) == [*(f.name for f in catalogue().fields), "geometry"]
    assert layer.crs == "EPSG:4490"
    outline = shapely.box(121.375, 31.066, 121.376, 31.067)
    filled = gpd.GeoDataFrame(
        {"parcel_id": ["A"], "tenure": ["granted"]}, geometry=[outline], crs=layer.crs
    )
    filled.to_file(tmp_path / "filled.gpkg")
    row = read(tmp_path / "filled.gpkg").frame.iloc[0]
    assert row["tenure"] == "granted"
    assert row["area_basis"] == "outline"
    styles = gpd.read_file(template[".gpkg"], layer="layer_styles")
    assert "平台公司" not in styles["styleQML"][0]
    assert "国资平台" in styles["styleQML"][0]


def test_same_bytes_every_time(template: dict[str, Path], tmp_path: Path) -> None:
    for path in write_template(tmp_path):
        assert path.read_bytes() == template[path.suffix].read_bytes()

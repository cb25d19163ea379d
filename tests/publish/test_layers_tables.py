"""Open the tables as people and spreadsheets do."""

from __future__ import annotations

import csv
import datetime as dt
import json
import time
from pathlib import Path

import geopandas as gpd
import openpyxl
import pandas as pd
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from pipeline.publish.layer_csv import readme, write_csv
from pipeline.publish.layer_excel import write_excel
from pipeline.publish.layer_parquet import write_geoparquet
from pipeline.publish.layer_schemas import layer_schemas
from pipeline.publish.layer_tables import Layer
from pipeline.publish.provenance import trace
from pipeline.spreadsheet import FORMULA_STARTS, neutralised
from tests.publish.layer_samples import town_layers


def layer(name: str) -> Layer:
    return next(one for one in town_layers() if one.schema.name == name)


def as_csv(name: str, folder: Path) -> list[dict[str, str]]:
    made = layer(name)
    path = folder / f"{name}.csv"
    write_csv(path, made.frame, made.schema)
    with path.open(encoding="utf-8-sig", newline="") as handle:
        return list(csv.DictReader(handle))


def test_excel_recognises_the_encoding(tmp_path: Path) -> None:
    as_csv("places", tmp_path)
    content = (tmp_path / "places.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbfplace_id,")
    assert content.endswith(b"\r\n")


def test_null_is_empty_and_false_is_not(tmp_path: Path) -> None:
    first, second, third = as_csv("places", tmp_path)
    assert third["planned_area_km2"] == third["name_en"] == ""
    assert first["precision_m"] == "0.0"
    assert (first["is_station_point"], second["is_station_point"]) == ("false", "true")


def test_a_formula_is_disarmed_and_a_negative_number_is_not(tmp_path: Path) -> None:
    assert as_csv("places", tmp_path)[1]["category"] == "'=1+1"
    made = layer("gap_details")
    made.frame.loc[0, "missed_by"] = -2.5
    write_csv(tmp_path / "x.csv", made.frame, made.schema)
    assert ",-2.5," in (tmp_path / "x.csv").read_text(encoding="utf-8-sig")


def test_points_keep_their_place(tmp_path: Path) -> None:
    station = as_csv("stations", tmp_path)[0]
    assert abs(float(station["lon"]) - 121.42) < 0.1
    assert "geometry" not in station


@given(st.text(min_size=1))
def test_no_text_begins_a_formula_and_the_apostrophe_can_be_taken_off(text: str) -> None:
    safe = neutralised(text)
    assert not safe.startswith(FORMULA_STARTS)
    assert text == (safe[1:] if text.startswith(FORMULA_STARTS) else safe)


def test_the_readme_tells_the_rules() -> None:
    assert "'" in readme()
    assert "BOM" in readme()


def test_a_workbook_holds_texts_as_texts_and_repeats_to_the_byte(tmp_path: Path) -> None:
    one, other = tmp_path / "a.xlsx", tmp_path / "b.xlsx"
    write_excel(one, town_layers(), date=dt.date(2026, 5, 19))
    time.sleep(2.1)  # an archive counts in steps of two seconds
    write_excel(other, town_layers(), date=dt.date(2026, 5, 19))
    assert one.read_bytes() == other.read_bytes()
    sheet = openpyxl.load_workbook(one)["places"]
    assert [cell.value for cell in sheet[1]][:2] == ["place_id", "name_zh"]
    formula = next(cell for cell in sheet[4] if cell.value == "=1+1")
    assert formula.data_type == "s"
    assert sheet.max_row == 2 + 3


def test_a_workbook_lists_every_layer_and_leaves_long_ones_to_csv(tmp_path: Path) -> None:
    write_excel(tmp_path / "a.xlsx", town_layers(), date=dt.date(2026, 5, 19), most_rows=2)
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    assert book.sheetnames[0] == "contents"
    told = {row[0]: row[4] for row in book["contents"].iter_rows(min_row=2, values_only=True)}
    assert set(told) == set(layer_schemas())
    assert "places" not in book.sheetnames
    assert told["places"].endswith("places.csv")
    assert "stations" in book.sheetnames


def test_geoparquet_carries_dictionary_and_provenance(tmp_path: Path) -> None:
    made = layer("gaps")
    traced = trace(made.schema, rows=3, sources=[], makings={}, unstated="mark")
    rows, path = tmp_path / "rows.parquet", tmp_path / "gaps.parquet"
    made.frame.to_parquet(rows, index=False)
    write_geoparquet(path, rows, made.schema, traced)
    back = gpd.read_parquet(path)
    assert back.crs == "EPSG:4326"
    assert back["gap_rail"].tolist()[:2] == [0.2, 0.9]
    assert pd.isna(back["class_rail"].iloc[2])
    schema = pq.read_schema(path)
    told = json.loads(schema.metadata[b"parkgap:provenance"])
    assert told["layer"] == "gaps"
    described = schema.field("gap_rail").metadata[b"description"].decode()
    assert described == layer_schemas()["gaps"].column("gap_rail").alias
    assert json.loads(schema.metadata[b"geo"])["primary_column"] == "geometry"

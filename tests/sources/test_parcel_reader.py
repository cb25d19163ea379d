"""Read parcels from every kind of file a planning office sends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import CrsError, FieldError, GeometryError, SourceError
from pipeline.settings.sources import SourceSettings
from pipeline.sources.check import check_file
from pipeline.sources.guarded import CheckAgainst
from pipeline.sources.parcel_report import ParcelRead
from pipeline.sources.parcels import read_parcels

CRS = "EPSG:32651"
MU = 10_000 / 15
Read = Callable[..., ParcelRead]


@pytest.fixture
def read() -> Read:
    def go(path: Path, **options: object) -> ParcelRead:
        settings: dict[str, object] = {
            "working_crs": CRS,
            "area_tolerance_share": 0.05,
            "overlap_min_m2": 1.0,
            "broken_cells": "raise",
        }
        return read_parcels(path, **(settings | options))  # type: ignore[arg-type]

    return go


def box(k: int, *, width: float = 100.0) -> shapely.Polygon:
    return shapely.box(345_000 + 200 * k, 3_438_000, 345_000 + 200 * k + width, 3_438_100)


def chinese() -> gpd.GeoDataFrame:
    """Two plots of one hectare under the names an office uses."""
    return gpd.GeoDataFrame(
        {
            "宗地编号": ["莘-01", "莘-02"],
            "宗地名称": ["空调零部件厂", "待建地块"],
            "面积（亩）": [15.0, 15.0],
            "税收（万元）": [804.4, np.nan],
            "供地方式": ["出让", "划拨"],
            "约定竣工": ["2011-12-02", "2012年6月"],
        },
        geometry=[box(0), box(1)],
        crs=CRS,
    )


def check(result: ParcelRead) -> None:
    frame = result.frame
    assert list(frame.index) == ["莘-01", "莘-02"]
    assert frame["area_m2"].tolist() == pytest.approx([10_000.0, 10_000.0])
    assert frame["tax_10k_yuan"].iloc[0] == 804.4
    assert pd.isna(frame["tax_10k_yuan"].iloc[1])
    assert frame["tenure"].tolist() == ["granted", "allocated"]
    assert frame["agreed_finish"].dt.date.tolist() == [date(2011, 12, 2), date(2012, 6, 30)]
    assert frame["name_zh"].tolist() == ["空调零部件厂", "待建地块"]
    assert frame.crs == CRS
    assert frame.area.tolist() == pytest.approx([10_000.0, 10_000.0], rel=1e-3)


def test_geopackage_and_geojson(tmp_path: Path, read: Read) -> None:
    chinese().to_file(tmp_path / "p.gpkg", layer="宗地")
    chinese().to_crs("EPSG:4326").to_file(tmp_path / "p.geojson", driver="GeoJSON")
    for name in ("p.gpkg", "p.geojson"):
        result = read(tmp_path / name)
        check(result)
        assert [note.row for note in result.report.notes] == [2], "the month without a day"


def dbf_frame() -> gpd.GeoDataFrame:
    # A DBF name holds ten bytes: five Chinese characters in GBK.
    return chinese().rename(
        columns={"面积（亩）": "用地面积", "税收（万元）": "tax_wan", "约定竣工": "约定竣工日"}
    )


# GDAL warns of the names it cuts inside a character, and pyogrio cannot decode that warning.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("encoding", ["gbk", "utf-8"])
@pytest.mark.parametrize("keep_cpg", [True, False])
def test_shapefile_with_and_without_cpg(
    tmp_path: Path, read: Read, encoding: str, *, keep_cpg: bool
) -> None:
    path = tmp_path / "宗地.shp"
    frame = dbf_frame() if encoding == "gbk" else dbf_frame().rename(columns={"约定竣工日": "竣工"})
    frame.to_file(path, encoding=encoding, engine="pyogrio")
    if not keep_cpg:
        path.with_suffix(".cpg").unlink()
    check(
        read(
            path,
            area_unit="mu",
            columns={"竣工": "agreed_finish"} if encoding == "utf-8" else None,
        )
    )


def test_area_without_a_unit_is_refused_with_a_hint(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "p.gpkg"
    dbf_frame().to_file(path)
    with pytest.raises(FieldError) as caught:
        read(path)
    (problem,) = caught.value.problems
    assert "mu" in problem.zh
    assert problem.rule == "area_m2"
    check(read(path, area_unit="mu"))


@pytest.mark.parametrize("suffix", [".xlsx", ".csv", ".gbk.csv"])
def test_tables_with_wkt(tmp_path: Path, read: Read, suffix: str) -> None:
    frame = pd.DataFrame(chinese().drop(columns="geometry")).assign(WKT=chinese().to_wkt().geometry)
    path = tmp_path / f"p{suffix}"
    if suffix == ".xlsx":
        frame.to_excel(path, index=False)
    else:
        frame.to_csv(path, index=False, encoding="gb18030" if "gbk" in suffix else "utf-8-sig")
    check(read(path, crs=CRS))
    with pytest.raises(CrsError):
        read(path)


def test_table_of_corner_coordinates(tmp_path: Path, read: Read) -> None:
    frame = pd.DataFrame(chinese().drop(columns="geometry"))
    corners = [shapely.get_coordinates(shape)[:-1] for shape in chinese().geometry]
    frame["界址点坐标"] = [";".join(f"{x},{y}" for x, y in ring) for ring in corners]
    frame.to_excel(tmp_path / "p.xlsx", index=False)
    check(read(tmp_path / "p.xlsx", crs=CRS))


def test_table_of_points_keeps_the_place_and_invents_no_outline(tmp_path: Path, read: Read) -> None:
    frame = pd.DataFrame(chinese().drop(columns="geometry"))
    frame["经度"], frame["纬度"] = [121.375, 121.376], [31.066, 31.067]
    frame.to_csv(tmp_path / "p.csv", index=False)
    result = read(tmp_path / "p.csv", crs="EPSG:4326").frame
    assert result.geometry.isna().all()
    assert result["x"].between(340_000, 350_000).all()
    assert result["area_basis"].eq("given").all()


DXF = """0
SECTION
2
ENTITIES
{entities}0
ENDSEC
0
EOF
"""


def polyline(ring: list[tuple[float, float]], *, layer: str, closed: bool = True) -> str:
    points = "".join(f"10\n{x}\n20\n{y}\n" for x, y in ring)
    flag = int(closed)
    head = f"0\nLWPOLYLINE\n8\n{layer}\n100\nAcDbEntity\n100\nAcDbPolyline\n90\n{len(ring)}\n"
    return f"{head}70\n{flag}\n{points}"


def label(text: str, x: float, y: float) -> str:
    return f"0\nTEXT\n8\nLABEL\n10\n{x}\n20\n{y}\n40\n5\n1\n{text}\n"


def ring_of(shape: shapely.Polygon) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in shapely.get_coordinates(shape)[:-1]]


def test_drawing_joined_to_a_table_by_labels(tmp_path: Path, read: Read) -> None:
    entities = polyline(ring_of(box(0)), layer="ZD") + polyline(ring_of(box(1)), layer="ZD")
    entities += label("A-01", 345_050, 3_438_050) + label("A-02", 345_250, 3_438_050)
    (tmp_path / "p.dxf").write_text(DXF.format(entities=entities))
    table = pd.DataFrame({"宗地编号": ["A-02", "A-01"], "税收（元）": [10_000, 20_000]})
    table.to_excel(tmp_path / "t.xlsx", index=False)
    result = read(tmp_path / "p.dxf", table=tmp_path / "t.xlsx", crs=CRS).frame
    assert result["tax_10k_yuan"].to_dict() == {"A-01": 2.0, "A-02": 1.0}
    assert result.loc["A-02", "geometry"].equals(box(1))
    assert result["area_basis"].eq("outline").all()


def test_drawing_joined_by_points_of_the_table_and_strays_reported(
    tmp_path: Path, read: Read
) -> None:
    entities = polyline(ring_of(box(0)), layer="ZD") + polyline(ring_of(box(1)), layer="ZD")
    (tmp_path / "p.dxf").write_text(DXF.format(entities=entities))
    table = pd.DataFrame({"宗地编号": ["A", "B"], "x": [345_050, 345_250], "y": [3_438_050] * 2})
    table.to_csv(tmp_path / "t.csv", index=False)
    frame = read(tmp_path / "p.dxf", table=tmp_path / "t.csv", crs=CRS).frame
    assert frame.loc["B", "geometry"].equals(box(1))
    (tmp_path / "p.dxf").write_text(DXF.format(entities=entities + label("Z", 0, 0)))
    table.iloc[:1].to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(GeometryError) as caught:
        read(tmp_path / "p.dxf", table=tmp_path / "t.csv", crs=CRS)
    assert {problem.rule for problem in caught.value.problems} == {"DXF label", "join"}


def test_text_of_a_drawing_is_utf8_since_2007_whatever_its_header_says(
    tmp_path: Path, read: Read
) -> None:
    """AC1027 is UTF-8 under a header of ANSI_1252; AC1015 is in the code page that it names."""
    entities = polyline(ring_of(box(0)), layer="宗地") + label("甲-01", 345_050, 3_438_050)
    for version, page, encoding in (
        ("AC1027", "ANSI_1252", "utf-8"),
        ("AC1015", "ANSI_936", "gbk"),
    ):
        path = tmp_path / f"{version}.dxf"
        header = f"0\nSECTION\n2\nHEADER\n9\n$ACADVER\n1\n{version}\n"
        header += f"9\n$DWGCODEPAGE\n3\n{page}\n"
        text = header + "0\nENDSEC\n" + DXF.format(entities=entities)
        path.write_text(text, encoding=encoding)
        frame = read(path, crs=CRS, outline_layer="宗地").frame
        assert frame.index.tolist() == ["甲-01"]
        told = str(check_file(path, against=CheckAgainst(), settings=SourceSettings(), crs=CRS))
        assert "宗地（闭合边界 closed 1，文字 texts 0）" in told
        assert "inputs.parcels.outline_layer" in told
    path.write_text(text.replace("ANSI_936", "ANSI_1252"), encoding="gbk")  # a header that lies
    assert read(path, crs=CRS, encoding="gbk").frame.index.tolist() == ["甲-01"]


def test_open_lines_that_close_together_are_outlines(tmp_path: Path, read: Read) -> None:
    ring = ring_of(box(0))
    entities = polyline(ring[:3], layer="ZD", closed=False)
    entities += polyline([*ring[2:], ring[0]], layer="ZD", closed=False)
    entities += label("A", 345_050, 3_438_050)
    (tmp_path / "p.dxf").write_text(DXF.format(entities=entities))
    frame = read(tmp_path / "p.dxf", crs=CRS).frame
    assert frame.area.tolist() == pytest.approx([10_000.0])


def broken() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "宗地编号": ["A", "A", None, "D"],
            "用地面积(公顷)": [1, "约一公顷", -3, "15亩"],
            "税收（万元）": ["1,234.5", "——", "很多", 0],
            "供地方式": ["出让", "偷来的", "划拨", None],
            "约定开工": ["2010-02-30", "2010.3.4", 40_000, datetime(2011, 1, 1)],  # noqa: DTZ001
            "工业控制线内": ["线内", "否", "也许", None],
        }
    )


def test_every_problem_of_a_file_is_reported_in_one_go_by_row(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "p.xlsx"
    broken().to_excel(path, index=False)
    with pytest.raises(FieldError) as caught:
        read(path)
    places = sorted((str(p.row), str(p.rule)) for p in caught.value.problems)
    assert places == sorted(
        [
            ("2", "约定开工"),
            ("3", "parcel_id"),
            ("3", "供地方式"),
            ("3", "用地面积(公顷)"),
            ("4", "parcel_id"),
            ("4", "工业控制线内"),
            ("4", "用地面积(公顷)"),
            ("4", "税收（万元）"),
        ]
    )
    assert all(p.zh and p.en and p.path == str(path) for p in caught.value.problems)


def test_broken_cells_can_be_made_null_and_are_listed(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "p.xlsx"
    broken().to_excel(path, index=False)
    result = read(path, broken_cells="null")
    frame = result.frame
    assert list(frame.index) == ["#4", "A", "A#3", "D"]
    assert frame["tax_10k_yuan"].fillna(-1).tolist() == [-1, 1234.5, -1, 0]
    assert frame.loc["D", "area_m2"] == pytest.approx(10_000), "the unit in the cell decides"
    assert frame.loc["#4", "agreed_start"] == pd.Timestamp("2009-07-06"), "a spreadsheet's number"
    findings = result.report.findings()
    assert (findings["kind"] == "problem").sum() == 8
    assert len(result.report.problems) == 8


def test_outlines_are_repaired_and_overlaps_and_duplicates_listed(
    tmp_path: Path, read: Read
) -> None:
    bow = shapely.Polygon([(0, 0), (100, 100), (100, 0), (0, 100)])
    bow = shapely.affinity.translate(bow, 345_000, 3_438_000)
    shapes = [bow, box(1), box(1), shapely.affinity.translate(box(1), 50, 0)]
    frame = gpd.GeoDataFrame(
        {"parcel_id": list("ABCD"), "area_m2": [5000.0, 10_000.0, 10_000.0, 8000.0]},
        geometry=shapes,
        crs=CRS,
    )
    frame.to_file(tmp_path / "p.gpkg")
    result = read(tmp_path / "p.gpkg")
    report = result.report
    (repaired,) = report.repairs.to_dict("records")
    assert (repaired["row"], repaired["parcel_id"]) == (1, "A")
    assert repaired["what"] == "Self-intersection"
    assert (repaired["x"], repaired["y"]) == (345_050, 3_438_050)
    assert repaired["area_after_m2"] == pytest.approx(5000)
    assert result.frame.geometry.is_valid.all()
    assert report.duplicates.to_dict("records") == [
        {"row": 3, "parcel_id": "C", "same": "outline", "first_row": 2}
    ]
    pairs = report.overlaps.set_index(["parcel_a", "parcel_b"])["overlap_m2"]
    assert pairs.to_dict() == pytest.approx(
        {("B", "C"): 10_000, ("B", "D"): 5000, ("C", "D"): 5000}
    )
    assert report.area_disagreements["row"].tolist() == [4]
    kinds = {"repair", "overlap", "duplicate", "area", "column"}
    assert set(report.findings()["kind"]) == kinds


def test_points_where_outlines_should_be_are_refused_by_row(tmp_path: Path, read: Read) -> None:
    frame = gpd.GeoDataFrame(
        {"parcel_id": ["A", "B"]}, geometry=[box(0), shapely.Point(345_000, 3_438_000)], crs=CRS
    )
    frame.to_parquet(tmp_path / "p.parquet")
    with pytest.raises(GeometryError) as caught:
        read(tmp_path / "p.parquet")
    assert [problem.row for problem in caught.value.problems] == [2]


def test_two_columns_for_one_field_and_no_id_are_refused_together(
    tmp_path: Path, read: Read
) -> None:
    pd.DataFrame({"税收（万元）": [1], "纳税额（元）": [1]}).to_csv(tmp_path / "p.csv", index=False)
    with pytest.raises(FieldError) as caught:
        read(tmp_path / "p.csv")
    assert {problem.rule for problem in caught.value.problems} == {"tax_10k_yuan", "parcel_id"}


def test_absent_and_damaged_files_have_their_error(tmp_path: Path, read: Read) -> None:
    with pytest.raises(SourceError):
        read(tmp_path / "nothing.gpkg")
    (tmp_path / "bad.gpkg").write_bytes(b"not a database")
    with pytest.raises(SourceError):
        read(tmp_path / "bad.gpkg")


@given(
    area=st.floats(min_value=0.01, max_value=1e6),
    money=st.floats(min_value=-1e9, max_value=1e9),
)
@settings(max_examples=25, deadline=None)
def test_units_convert_once_and_back(
    tmp_path_factory: pytest.TempPathFactory, area: float, money: float
) -> None:
    path = tmp_path_factory.mktemp("units") / "p.csv"
    rows = [("亩", MU, "万元", 1.0), ("公顷", 10_000.0, "元", 1e-4), ("㎡", 1.0, "亿元", 1e4)]
    for area_unit, area_factor, money_unit, money_factor in rows:
        text = f"宗地编号,面积（{area_unit}）,产值（{money_unit}）\nA,{area!r},{money!r}\n"
        path.write_text(text, encoding="utf-8")
        frame = read_parcels(
            path,
            working_crs=CRS,
            area_tolerance_share=0.05,
            overlap_min_m2=1.0,
            broken_cells="raise",
        ).frame
        assert frame["area_m2"].iloc[0] / area_factor == pytest.approx(area, rel=1e-12)
        assert frame["output_10k_yuan"].iloc[0] / money_factor == pytest.approx(money, rel=1e-12)


def test_rows_are_numbered_as_people_see_them_past_blank_lines(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "p.csv"
    path.write_text("宗地编号,税收（万元）\nA,1\n\n,\nB,多\n", encoding="utf-8")
    with pytest.raises(FieldError) as caught:
        read(path)
    assert [problem.row for problem in caught.value.problems] == [5]
    assert read(path, broken_cells="null").report.blank_rows == 2


def test_a_label_names_the_smallest_outline_around_it(tmp_path: Path, read: Read) -> None:
    inner = shapely.box(345_040, 3_438_040, 345_060, 3_438_060)
    entities = polyline(ring_of(inner), layer="ZD") + polyline(ring_of(box(0)), layer="ZD")
    entities += label("inner", 345_050, 3_438_050) + label("outer", 345_010, 3_438_010)
    (tmp_path / "p.dxf").write_text(DXF.format(entities=entities))
    result = read(tmp_path / "p.dxf", crs=CRS)
    assert result.frame["area_m2"].round(6).to_dict() == {"inner": 400.0, "outer": 10_000.0}
    assert result.report.overlaps["overlap_m2"].tolist() == pytest.approx([400.0])


def test_shifted_datum_is_converted(tmp_path: Path, read: Read) -> None:
    frame = chinese().to_crs("EPSG:4326")
    frame.to_file(tmp_path / "p.geojson", driver="GeoJSON")
    plain = read(tmp_path / "p.geojson").frame
    shifted = read(tmp_path / "p.geojson", datum="gcj02").frame
    moved = np.hypot(plain["x"] - shifted["x"], plain["y"] - shifted["y"])
    assert moved.between(400, 520).all(), "GCJ-02 is 469 to 496 m off in Shanghai"

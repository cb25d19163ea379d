"""A local grid is brought home by its control points, and a bad point is named."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from pipeline.errors import CrsError, FieldError
from pipeline.settings.sources import SourceSettings
from pipeline.sources.shifted import shift_layer
from tests.built import parkgap

TURN, SCALE = np.radians(0.3), 1.00002
MATRIX = SCALE * np.array([[np.cos(TURN), -np.sin(TURN)], [np.sin(TURN), np.cos(TURN)]])
ORIGIN = np.array([350_000.0, 3_450_000.0])
CORNERS = np.array([[0.0, 0.0], [4000.0, 0.0], [4000.0, 3000.0], [0.0, 3000.0]])
SETTINGS = SourceSettings()


def _control(path: Path, *, error_m: float = 0.0, header: str = "点名,原x,原y,目标x,目标y") -> Path:
    known = CORNERS @ MATRIX.T + ORIGIN
    known[2, 0] += error_m
    rows = [
        f"P{i},{a[0]},{a[1]},{b[0]:.4f},{b[1]:.4f}"
        for i, (a, b) in enumerate(zip(CORNERS, known, strict=True))
    ]
    path.write_bytes("\n".join([header, *rows]).encode("gbk"))
    return path


def _plot(path: Path) -> Path:
    frame = gpd.GeoDataFrame({"宗地编号": ["A"]}, geometry=[shapely.box(1000, 1000, 1200, 1100)])
    frame.set_crs("EPSG:4549").to_file(path)
    return path


def test_a_plot_comes_home(tmp_path: Path) -> None:
    control = _control(tmp_path / "c.csv")
    found = shift_layer(_plot(tmp_path / "a.gpkg"), control, crs="EPSG:32651", settings=SETTINGS)
    expected = np.array([[1000, 1000], [1200, 1100]]) @ MATRIX.T + ORIGIN
    shape = found.frame.geometry.iloc[0]
    assert shape.distance(shapely.Point(expected[0])) < 1e-3
    assert shape.distance(shapely.Point(expected[1])) < 1e-3
    assert shape.area == pytest.approx(200 * 100 * SCALE**2, rel=1e-7)
    assert found.frame.crs.to_epsg() == 32651
    assert found.points["residual_m"].max() < 1e-3
    assert found.fit.spare == 2


def test_a_wrong_point_is_named(tmp_path: Path) -> None:
    control = _control(tmp_path / "c.csv", error_m=9.0)
    with pytest.raises(CrsError) as caught:
        shift_layer(_plot(tmp_path / "a.gpkg"), control, crs="EPSG:32651", settings=SETTINGS)
    assert 2 in {problem.row for problem in caught.value.problems}


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    plot, control = _plot(tmp_path / "a.gpkg"), tmp_path / "c.csv"
    with pytest.raises(FieldError, match="lack to_y"):
        shift_layer(
            plot, _control(control, header="点名,原x,原y,目标x,甲"), crs="EPSG:32651",
            settings=SETTINGS,
        )  # fmt: skip
    control.write_text("from_x,from_y,to_x,to_y\n1,2,3,x\n", encoding="utf-8")
    with pytest.raises(FieldError, match="no number"):
        shift_layer(plot, control, crs="EPSG:32651", settings=SETTINGS)
    with pytest.raises(CrsError, match="does not measure metres"):
        shift_layer(plot, control, crs="EPSG:4326", settings=SETTINGS)
    with pytest.raises(CrsError, match="does not measure metres"):
        shift_layer(plot, control, crs="EPSG:999999", settings=SETTINGS)


def test_the_command_shows_every_residual(tmp_path: Path) -> None:
    control, target = _control(tmp_path / "c.csv", error_m=0.4), tmp_path / "home.gpkg"
    done = parkgap(
        "shift", str(_plot(tmp_path / "a.gpkg")), "--control", str(control), "--to", "EPSG:32651",
        "--out", str(target),
    )  # fmt: skip
    assert done.stdout.count("residual") == 4
    assert "点名=P2" in done.stdout
    assert gpd.read_file(target).crs.to_epsg() == 32651

"""Hold the published layers to what QGIS makes of them."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyogrio
import pytest

from pipeline.publish.geopackage import write_geopackage
from pipeline.publish.layer_rasters import Band, Grid, classes_pipe, write_cog
from pipeline.publish.layer_schemas import layer_schemas
from pipeline.publish.qgis_project import ProjectText, RasterLayer, write_project
from pipeline.publish.qgis_style import styles
from pipeline.publish.qgis_symbols import StyleOptions
from tests.publish.layer_samples import BREAKS, CRS, X, Y, town_layers
from tests.qgis.conftest import look

pytestmark = pytest.mark.qgis

SCHEMAS = layer_schemas()
RENDERERS = {
    "places": "categorizedSymbol",
    "place_points": "categorizedSymbol",
    "gaps": "RuleRenderer",
    "stations": "RuleRenderer",
    "planned_stations": "categorizedSymbol",
    "rail_lines": "singleSymbol",
    "cells": "graduatedSymbol",
    "pairing": "RuleRenderer",
    "sites": "RuleRenderer",
    "gates": "RuleRenderer",
    "island_null": "singleSymbol",
}


def publish(folder: Path) -> None:
    """Write the town's GeoPackage, a raster and the project beside them."""
    folder.mkdir()
    layers, options = town_layers(), StyleOptions(gap_breaks=BREAKS)
    schemas = [layer.schema for layer in layers]
    write_geopackage(
        folder / "parkgap.gpkg",
        layers,
        date=dt.date(2026, 5, 19),
        styles=styles(schemas, options),
        metadata={},
    )
    extent = (X - 2000, Y - 2000, X + 8000, Y + 8000)
    grid = Grid.over(extent, cell_m=500, crs=CRS)
    values = np.arange(grid.rows * grid.columns, dtype=np.float32).reshape(grid.rows, -1) / 10
    write_cog(folder / "m.tif", grid, [Band("minutes", "分", "m", "min", values)], tags={})
    write_project(
        folder / "parkgap.qgz",
        schemas,
        rasters=[
            RasterLayer(
                "minutes_rail",
                "分钟",
                "m.tif",
                classes_pipe((5, 10), "min", palette=("#f6e8c3", "#dd7a4a", "#4f1550")),
            )
        ],
        options=options,
        crs=CRS,
        extent=extent,
        text=ProjectText("城 / Town", "© OpenStreetMap contributors"),
        closer={"parcels": (X, Y, X + 200, Y + 100)},
        rights={"cells": ("ODbL-1.0", "© OpenStreetMap contributors")},
    )


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Publish the town, move it elsewhere, and open it there: paths must be relative."""
    base = tmp_path_factory.mktemp("town")
    publish(base / "made")
    moved = Path(shutil.move(base / "made", base / "moved"))
    return look(moved / "parkgap.gpkg", moved / "parkgap.qgz", base / "seen", list(SCHEMAS))


def test_every_layer_opens_with_its_rows(town: dict[str, Any]) -> None:
    for layer in town_layers():
        seen = town["layers"][layer.schema.name]
        assert seen["valid"]
        assert seen["count"] == len(layer.frame), layer.schema.name
        assert seen["crs"] == ("EPSG:4326" if layer.schema.spatial else "")


@pytest.mark.parametrize("name", RENDERERS)
def test_the_default_style_is_applied_unasked(town: dict[str, Any], name: str) -> None:
    assert town["layers"][name]["renderer"] == RENDERERS[name]


def test_codes_and_names_are_shown_in_both_languages(town: dict[str, Any]) -> None:
    seen = town["layers"]["places"]
    assert seen["aliases"]["precision_m"] == "点位精度 / how far the point may be off [m]"
    assert seen["widgets"]["tier"] == "ValueMap"
    assert "核心区 / core" in seen["legend"]
    assert town["layers"]["access"]["aliases"]["value"].startswith("数值")
    assert {"≤ 0.2", "> 0.8", "无数值 / no value"} <= set(town["layers"]["gaps"]["legend"])


def test_the_project_opens_without_a_bad_layer_wherever_it_lies(town: dict[str, Any]) -> None:
    project = town["project"]
    assert project["opened"]
    assert (project["crs"], project["title"]) == (CRS, "城 / Town")
    assert all(layer["valid"] for layer in project["layers"].values())
    assert all("/moved/" in layer["source"] for layer in project["layers"].values())
    expected = {f"parkgap_{name}" for name in SCHEMAS if name not in {"gaps", "island"}}
    expected |= {f"parkgap_gaps_{name}" for name in ("composite", "rail", "hospital", "school")}
    expected |= {"parkgap_island_contrast", "parkgap_island_separation"}
    assert set(project["layers"]) == expected | {"parkgap_minutes_rail"}
    assert project["layers"]["parkgap_gaps_rail"]["renderer"] == "RuleRenderer"
    assert project["layers"]["parkgap_minutes_rail"]["renderer"] == "singlebandpseudocolor"


def test_a_layer_shows_its_licence_and_its_limits(town: dict[str, Any]) -> None:
    cells = town["project"]["layers"]["parkgap_cells"]
    assert cells["licences"] == ["ODbL-1.0"]
    assert cells["rights"] == ["© OpenStreetMap contributors"]
    assert "undercounts" in cells["abstract"]


def test_groups_themes_and_layouts_are_there_and_draw(town: dict[str, Any]) -> None:
    project = town["project"]
    assert project["groups"][:2] == ["布局与缺口 / Layout against gaps", "缺口 / Gaps"]
    wanted = {"轨道缺口 / Rail gap", "医院缺口 / Hospital gap", "空间布局 / Layout"}
    wanted |= {"研发与制造配对 / Pairing", "选址 / Siting", "可开的园门 / Gates to open"}
    assert wanted <= set(project["themes"])
    for name, theme in project["themes"].items():
        assert theme["errors"] == [], name
        assert theme["colours"] > 5, name
    assert set(project["layouts"]) == set(project["themes"])
    assert all(one == {"ok": True, "pages": 1} for one in project["layouts"].values())


def test_a_project_without_its_geopackage_shows_that(tmp_path: Path) -> None:
    publish(tmp_path / "made")
    (tmp_path / "made" / "parkgap.gpkg").rename(tmp_path / "made" / "other.gpkg")
    seen = look(
        tmp_path / "made" / "other.gpkg", tmp_path / "made" / "parkgap.qgz", tmp_path / "seen", []
    )
    valid = [layer["valid"] for layer in seen["project"]["layers"].values()]
    assert not all(valid)


def test_the_embedded_study_opens_whole(built: Path, pictures: Path) -> None:
    names = [str(name) for name in pyogrio.list_layers(built / "parkgap.gpkg")[:, 0]]
    names = [name for name in names if name in SCHEMAS]
    seen = look(built / "parkgap.gpkg", built / "parkgap.qgz", pictures, names)
    for name in names:
        assert seen["layers"][name]["valid"]
        rows = len(gpd.read_file(built / "parkgap.gpkg", layer=name))
        assert seen["layers"][name]["count"] == rows, name
    project = seen["project"]
    assert project["opened"]
    assert project["crs"] == "EPSG:32651"
    assert [one for one in project["layers"].values() if not one["valid"]] == []
    assert all(theme["colours"] > 20 for theme in project["themes"].values())
    assert all(one["ok"] for one in project["layouts"].values())
    assert len(list(pictures.glob("theme_*.png"))) == len(project["themes"])

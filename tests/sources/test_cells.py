"""The grid of counts: totals conserved, zero told from outside, the file read back equal."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import FieldError, StudyError
from pipeline.sources.cells import (
    OUTSIDE,
    CellGrid,
    build_cells,
    district_shapes,
    read_cells,
    write_cells,
)
from pipeline.sources.osm_features import read_osm_features
from pipeline.sources.osm_mapping import read_mapping
from pipeline.sources.study_cells import count
from pipeline.sources.study_inputs import StudyInputs
from tests.first_study import SHANGHAI

CRS = "EPSG:32651"
EAST, NORTH = 350_000.0, 3_450_000.0  # both multiples of 500


def _features(spots: list[tuple[float, float]], category: str = "shops") -> gpd.GeoDataFrame:
    frame = pd.DataFrame(spots, columns=["x", "y"], dtype=float)
    frame["x"] += EAST
    frame["y"] += NORTH
    frame["category"], frame["status"] = category, "operating"
    return gpd.GeoDataFrame(frame, geometry=shapely.points(frame["x"], frame["y"]), crs=CRS)


def _areas() -> gpd.GeoDataFrame:
    """Two districts side by side, 2 km x 1 km each; the east one ends 200 m into a cell."""
    west = shapely.box(EAST, NORTH, EAST + 2000, NORTH + 1000)
    east = shapely.box(EAST + 2000, NORTH, EAST + 3700, NORTH + 1000)
    return gpd.GeoDataFrame({"d": ["甲", "乙"]}, geometry=[west, east], crs=CRS)


def _build(features: gpd.GeoDataFrame) -> CellGrid:
    return build_cells(
        features,
        _areas(),
        columns={"shops": ["shops"], "sport": ["sport"]},
        cell_m=500,
        crs=CRS,
        district_field="d",
    )


def test_counts_fall_into_the_cell_that_holds_the_point() -> None:
    grid = _build(_features([(0.0, 0.0), (499.9, 499.9), (500.0, 0.0), (1700.0, 700.0)]))
    assert grid.shape == (2, 7)
    assert grid.origin == (EAST, NORTH)
    assert grid.counts["shops"].tolist() == [[2, 1, 0, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0, 0]]
    assert grid.counts["sport"].sum() == 0
    names = np.array(grid.districts)[grid.district]
    assert names[0].tolist() == ["甲"] * 4 + ["乙"] * 3


def test_a_coastal_cell_with_features_is_land() -> None:
    grid = _build(_features([(3600.0, 100.0), (3650.0, 900.0), (3800.0, 100.0)]))
    assert grid.shape == (2, 8)
    assert grid.counts["shops"][:, 7].tolist() == [1, 1]  # the third point lies at sea
    assert grid.land.all()


def test_only_operating_facilities_count() -> None:
    features = _features([(10.0, 10.0), (20.0, 20.0)])
    features.loc[0, "status"] = "planned"
    assert _build(features).counts["shops"].sum() == 1


spot = st.tuples(st.floats(-500, 4500), st.floats(-500, 1500))


@given(st.lists(spot, max_size=40))
def test_cells_sum_to_the_features_on_land(spots: list[tuple[float, float]]) -> None:
    features = _features(spots)
    land = shapely.union_all(_areas().geometry.to_numpy())
    grid = _build(features)
    assert grid.counts["shops"].sum() == shapely.intersects(land, features.geometry).sum()
    assert not grid.counts["shops"][~grid.land].any()


def test_read_back_equal(tmp_path: Path) -> None:
    grid = _build(_features([(10.0, 10.0), (3600.0, 100.0)]))
    write_cells(grid, tmp_path / "c.csv", tmp_path / "l.csv")
    back = read_cells(tmp_path / "c.csv", tmp_path / "l.csv", cell_m=500, crs=CRS)
    _assert_equal(grid, back)
    first = (tmp_path / "c.csv").read_bytes()
    write_cells(back, tmp_path / "c.csv", tmp_path / "l.csv")
    assert (tmp_path / "c.csv").read_bytes() == first


def _assert_equal(left: CellGrid, right: CellGrid) -> None:
    assert repr(left) == repr(right)
    assert left.origin == right.origin
    assert left.districts == right.districts
    np.testing.assert_array_equal(left.district, right.district)
    for name, values in left.counts.items():
        np.testing.assert_array_equal(values, right.counts[name])


def test_a_count_outside_the_land_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("row,col,shops\n7000,700,1\n7009,700,1\n")
    (tmp_path / "l.csv").write_text("row,first_col,last_col,district_zh\n7000,700,702,甲\n")
    with pytest.raises(FieldError, match="1 counted cells are not land"):
        read_cells(tmp_path / "c.csv", tmp_path / "l.csv", cell_m=500, crs=CRS)
    (tmp_path / "c.csv").write_text("row,col,shops\n7000,700,\n")
    with pytest.raises(FieldError, match="blank"):
        read_cells(tmp_path / "c.csv", tmp_path / "l.csv", cell_m=500, crs=CRS)


def test_outlines_tile_the_land() -> None:
    grid = _build(_features([]))
    exact = district_shapes(grid, tolerance_m=0)
    assert exact["area_km2"].tolist() == [1.5, 2.0]
    assert (exact.area / 1e6).tolist() == [1.5, 2.0]
    smooth = district_shapes(grid, tolerance_m=600)
    assert shapely.coverage_is_valid(smooth.geometry.to_numpy())


@pytest.mark.shared
def test_embedded_table_is_what_the_extract_gives(shared: Path, project: Path) -> None:
    mapping = read_mapping()
    wanted = {category for names in mapping.cells.values() for category in names}
    folder = shared / "data/shanghai"
    features = read_osm_features(
        folder / "shanghai_sample.osm.pbf", mapping=mapping, crs=CRS, categories=wanted
    ).features
    reference = project / "layers/reference"
    names = pd.read_csv(reference / "districts.csv")
    built = build_cells(
        features,
        gpd.read_file(folder / "towns.geojson"),
        columns=mapping.cells,
        cell_m=500,
        crs=CRS,
        district_field="district",
        district_names=dict(zip(names["short_zh"], names["name_zh"], strict=True)),
    )
    shipped = read_cells(
        reference / "cells_500m.csv", reference / "cells_500m_land.csv", cell_m=500, crs=CRS
    )
    _assert_equal(built, shipped)
    assert len(shipped.districts) == 16
    assert shipped.counts["stops"].sum() > 28_000
    assert (shipped.district == OUTSIDE).any()


def test_embedded_outlines_have_the_districts_sizes(project: Path) -> None:
    """Land areas of the inner districts as published by the city's statistical yearbook."""
    reference = project / "layers/reference"
    grid = read_cells(
        reference / "cells_500m.csv", reference / "cells_500m_land.csv", cell_m=500, crs=CRS
    )
    outlines = district_shapes(grid, tolerance_m=600).set_index("district_zh")
    assert shapely.coverage_is_valid(outlines.geometry.to_numpy())
    published_km2 = {
        "黄浦区": 20.5,
        "静安区": 37.0,
        "徐汇区": 54.8,
        "虹口区": 23.4,
        "闵行区": 372.6,
    }
    for name, area_km2 in published_km2.items():
        assert outlines.loc[name, "area_km2"] == pytest.approx(area_km2, rel=0.05)


def test_unmapped_counts_have_no_column() -> None:
    """What the extract holds none of, and what the study calls unmapped, is null and no zero."""

    def names(*unmapped: str) -> set[str]:
        sources = SHANGHAI.sources
        cells = sources.cells.model_copy(update={"unmapped": unmapped})
        given = StudyInputs(
            SHANGHAI.inputs,
            sources.model_copy(update={"cells": cells}),
            SHANGHAI.timetables,
            crs=CRS,
        )
        features = pd.concat([_features([(10, 10)], "schools"), _features([(20, 10)], "stops")])
        return set(count(given, features, _areas().rename(columns={"d": "district"})).counts)

    assert names() == {"schools", "stops"}
    assert names("schools") == {"stops"}
    with pytest.raises(StudyError, match="there is no count 'pubs'"):
        names("pubs")

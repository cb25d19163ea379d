"""The guard refuses a wrong label with the figures, on real stations shifted on purpose."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from pipeline.errors import CrsError
from pipeline.settings.sources import DatumGuardSettings
from pipeline.sources import datum
from pipeline.sources.datum_guard import (
    DatumFinding,
    guard_by_districts,
    guard_by_lines,
    guard_by_names,
    require_datum,
)

SETTINGS = DatumGuardSettings()
SHIFT = {
    "wgs84": lambda lon, lat: (lon, lat),
    "gcj02": datum.wgs84_to_gcj02,
    "bd09": datum.wgs84_to_bd09,
}


def _points(lon: np.ndarray, lat: np.ndarray, **columns: object) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=gpd.points_from_xy(lon, lat), crs=4326)


def _by_names(
    points: gpd.GeoDataFrame, reference: gpd.GeoDataFrame, declared: datum.Datum
) -> DatumFinding:
    return guard_by_names(
        points,
        reference,
        declared=declared,
        name_field="name",
        reference_name_field="name",
        reach_m=SETTINGS.reach_m,
        fewest=SETTINGS.fewest,
        margin_m=SETTINGS.margin_m,
    )


@pytest.fixture(scope="module")
def city() -> gpd.GeoDataFrame:
    rng = np.random.default_rng(7)
    lon, lat = rng.uniform(121.2, 121.7, 60), rng.uniform(31.0, 31.4, 60)
    return _points(lon, lat, name=[f"第{i}站" for i in range(60)])


@pytest.mark.parametrize("actual", ["wgs84", "gcj02", "bd09"])
@pytest.mark.parametrize("declared", ["wgs84", "cgcs2000", "gcj02", "bd09"])
def test_only_the_true_declaration_passes(
    city: gpd.GeoDataFrame, actual: datum.Datum, declared: datum.Datum
) -> None:
    layer = _points(*SHIFT[actual](city.geometry.x, city.geometry.y), name=city["name"])
    finding = _by_names(layer, city, declared)
    assert finding.best == actual
    assert finding.figures[actual] < 1e-3
    true = declared == actual or (declared, actual) == ("cgcs2000", "wgs84")
    assert finding.verdict == ("agrees" if true else "contradicts")
    if true:
        require_datum([finding])
    else:
        with pytest.raises(CrsError) as raised:
            require_datum([finding], path="stations.csv")
        message = str(raised.value)
        assert f"datum: {actual}" in message
        assert "stations.csv" in message
        assert f"{finding.figures['wgs84']:.1f} m" in message


def test_few_names_decide_nothing(city: gpd.GeoDataFrame) -> None:
    layer = _points(*SHIFT["gcj02"](city.geometry.x, city.geometry.y), name=city["name"]).head(7)
    finding = _by_names(layer, city, "wgs84")
    assert finding.verdict == "not_testable"
    require_datum([finding])


def test_namesakes_far_away_and_blanks_are_not_compared(city: gpd.GeoDataFrame) -> None:
    layer = city.copy()
    layer.loc[:9, "geometry"] = layer.loc[:9, "geometry"].translate(0.5, 0.0)
    layer.loc[10:19, "name"] = None
    layer.loc[20, "geometry"] = None
    assert _by_names(layer, city, "wgs84").compared == 39


def test_claimed_districts(city: gpd.GeoDataFrame) -> None:
    edges = np.arange(121.2, 121.71, 0.02)
    names = [f"D{i}" for i in range(len(edges) - 1)]
    boxes = [shapely.box(a, 30.9, b, 31.5) for a, b in pairwise(edges)]
    districts = gpd.GeoDataFrame({"district": names}, geometry=boxes, crs=4326)
    x = city.geometry.x.to_numpy()
    claim = [f"{names[int((lon - 121.2) / 0.02)]}区" for lon in x]
    layer = _points(*SHIFT["gcj02"](x, city.geometry.y), claim=claim)
    finding = guard_by_districts(
        layer,
        districts,
        declared="wgs84",
        claim_field="claim",
        district_field="district",
        fewest=SETTINGS.fewest,
        margin_share=SETTINGS.margin_share,
    )
    assert finding.figures["gcj02"] == 1.0
    assert finding.figures["wgs84"] < 0.9
    assert finding.verdict == "contradicts"


def test_lines_without_names() -> None:
    lon = np.linspace(121.3, 121.6, 40)
    roads = gpd.GeoDataFrame(
        geometry=[shapely.LineString([(a, 31.0), (a, 31.4)]) for a in lon[::8]], crs=4326
    )
    x, y = SHIFT["gcj02"](*np.meshgrid(lon[::8], np.linspace(31.0, 31.4, 20)))
    tracks = gpd.GeoDataFrame(
        geometry=[shapely.LineString(np.column_stack([x[:, i], y[:, i]])) for i in range(5)],
        crs=4326,
    )
    finding = guard_by_lines(
        tracks, roads, declared="wgs84", reach_m=2000.0, fewest=8, margin_m=100.0
    )
    assert (finding.best, finding.verdict) == ("gcj02", "contradicts")
    assert finding.figures["gcj02"] < 1.0


@pytest.mark.shared
@pytest.mark.parametrize("actual", ["wgs84", "gcj02", "bd09"])
def test_real_stations_against_an_independent_source(shared: Path, actual: datum.Datum) -> None:
    """Line-stations of one table, labelled WGS 84, against the stations of another."""
    table = pd.read_csv(shared / "facts/metro_line_stations.csv")
    x, y = SHIFT[actual](table["lon"].to_numpy(), table["lat"].to_numpy())
    layer = _points(x, y, name=table["station"])
    reference = gpd.read_file(shared / "data/shanghai/layers/rail_station.gpkg")
    finding = _by_names(layer, reference, "wgs84")
    assert finding.compared > 400
    assert finding.best == actual
    assert finding.figures[actual] < 60
    assert finding.verdict == ("agrees" if actual == "wgs84" else "contradicts")


@pytest.mark.shared
@pytest.mark.parametrize("actual", ["wgs84", "gcj02"])
def test_real_hospitals_by_the_district_they_claim(shared: Path, actual: datum.Datum) -> None:
    table = pd.read_csv(shared / "facts/tertiary_hospitals.csv").dropna(subset=["lon"])
    x, y = SHIFT[actual](table["lon"].to_numpy(), table["lat"].to_numpy())
    finding = guard_by_districts(
        _points(x, y, district=table["district"].to_numpy()),
        gpd.read_file(shared / "data/shanghai/towns.geojson"),
        declared="wgs84",
        claim_field="district",
        district_field="district",
        fewest=SETTINGS.fewest,
        margin_share=SETTINGS.margin_share,
    )
    assert finding.best == actual
    assert finding.compared > 60

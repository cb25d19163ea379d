"""Hold coverage and verdicts on Shanghai's real register, stations, towns and hospitals."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import shapely
from pyproj import Transformer
from scipy.spatial import cKDTree

from pipeline.measures.coverage import share_area_euclid, station_counts
from pipeline.measures.coverage_cells import cells_in
from pipeline.measures.uncertainty import interval, verdict, withhold
from pipeline.measures.uncertainty_footprints import (
    FootprintDraws,
    draw_footprints,
    is_facility_point,
    nearest_m,
    share_within,
    summarise_draws,
)
from pipeline.settings.access import UncertaintySettings

CRS = "EPSG:32651"
FloatArray = npt.NDArray[np.float64]

pytestmark = pytest.mark.shared


def metres(table: pd.DataFrame) -> FloatArray:
    to_metres = Transformer.from_crs(4326, CRS, always_xy=True)
    return np.column_stack(to_metres.transform(table["lon"].to_numpy(), table["lat"].to_numpy()))


@pytest.fixture(scope="module")
def stations(shared: Path) -> pd.DataFrame:
    """Read the operating line-stations."""
    return pd.read_csv(shared / "facts/metro_line_stations.csv")


@pytest.fixture(scope="module")
def register(shared: Path) -> gpd.GeoDataFrame:
    """Read the register, every place of which is a point with a precision."""
    table = pd.read_csv(shared / "facts/places_register.csv", index_col="id")
    located = table[table["lon"].notna()]
    at = pd.DataFrame(metres(located), index=located.index, columns=["x", "y"])
    area = table["planned_area_km2"].str.extract(r"^([\d.]+)")[0].astype(float)
    return gpd.GeoDataFrame(
        {
            "boundary_class": "indicative",
            "planned_area_km2": area,
            "precision_m": table["precision_m"],
            "x": at["x"].reindex(table.index),
            "y": at["y"].reindex(table.index),
        },
        geometry=[None] * len(table),
        crs=CRS,
    )


@pytest.fixture(scope="module")
def drawn(register: gpd.GeoDataFrame) -> FootprintDraws:
    """Draw all places of the register with the settings as they come."""
    options = UncertaintySettings()
    return draw_footprints(
        register,
        draws=options.draws,
        seed=20260519,
        cells_per_footprint=options.cells_per_footprint,
        cells_at_most=options.cells_at_most,
        cell_m=options.cell_m,
        certain_cell_m=options.certain_cell_m,
        assumed_area_km2=options.assumed_area_km2,
        assumed_precision_m=options.assumed_precision_m,
    )


def test_line_stations_and_names_are_counted_apart(stations: pd.DataFrame) -> None:
    counts = station_counts(stations)
    assert counts["stations"] == 421
    assert counts["line_stations"] == len(stations[["line", "station"]].drop_duplicates())
    assert counts["interchanges"] > 50


def test_district_coverage_agrees_with_a_count_of_small_cells(
    shared: Path, stations: pd.DataFrame
) -> None:
    towns = gpd.read_file(shared / "data/shanghai/towns.geojson").to_crs(CRS)
    towns = towns[towns["district"].isin(["黄浦", "静安", "徐汇", "奉贤"])]
    districts = towns.assign(geometry=towns.make_valid()).dissolve("district").geometry
    at = metres(stations)
    layer = gpd.GeoSeries(shapely.points(at), crs=CRS)
    got = share_area_euclid(
        districts, layer, bands_m=[600.0, 1000.0], extent_m=pd.Series(0.0, index=layer.index)
    )
    cells = cells_in(districts.loc[["黄浦", "静安", "徐汇"]], size_m=50.0)
    away, _ = cKDTree(at).query(shapely.get_coordinates(cells.geometry.to_numpy()))
    for band in (600.0, 1000.0):
        inside = cells["area_m2"].where(away <= band, 0.0).groupby(cells["unit"]).sum()
        share = inside / cells["area_m2"].groupby(cells["unit"]).sum()
        np.testing.assert_allclose(got.loc[share.index, band], share, atol=0.005)
    assert got.loc["黄浦", 600.0] > 0.7
    assert got.loc["奉贤", 600.0] < 0.03


def test_life_blue_bay_is_ten_kilometres_from_any_station_wherever_it_lies(
    register: gpd.GeoDataFrame, stations: pd.DataFrame, drawn: FootprintDraws
) -> None:
    metres_away = nearest_m(drawn, metres(stations))
    here = drawn.place == register.index.get_loc("K2")
    assert metres_away[here].min() >= 10_000
    covered = share_within(drawn, metres_away, limits=[500.0, 1000.0])
    assert (covered.loc["K2"] == 0).all(axis=None)
    judged = verdict(
        covered[1000.0],
        places=register.index,
        threshold=0.4,
        claim="below",
        robust_share=0.95,
        likely_share=0.66,
    )
    assert judged.loc["K2", ["finding", "verdict"]].tolist() == ["gap", "robust"]
    assert judged["verdict"].isin(["robust", "likely", "not_testable"]).all()
    assert judged.loc["R1", "verdict"] == "not_testable"  # no point at all
    assert judged["verdict"].nunique() == 3


def test_borrowed_station_points_are_kept_out_of_rail_results(
    register: gpd.GeoDataFrame, stations: pd.DataFrame, drawn: FootprintDraws
) -> None:
    at = metres(stations)
    limit = UncertaintySettings().same_point_m
    unfit = is_facility_point(register["x"], register["y"], at, same_point_m=limit)
    borrowed = {"M2", "T3", "T4", "T5", "T7", "H5", "H6", "R2", "R3"}
    assert set(unfit[unfit].index) == borrowed
    minutes = summarise_draws(drawn, nearest_m(drawn, at))["median"]
    rail = withhold(interval(minutes, places=register.index, interval_share=0.9), unfit)
    assert (rail.loc[list(borrowed), "status"] == "not_testable").all()
    assert rail.loc[list(borrowed), "value"].isna().all()
    assert rail.loc["K2", "status"] == "ok"


def test_new_hongqiao_has_its_tertiary_hospital_and_life_blue_bay_has_none(
    shared: Path, register: gpd.GeoDataFrame, drawn: FootprintDraws
) -> None:
    hospitals = pd.read_csv(shared / "facts/tertiary_hospitals.csv").dropna(subset="lon")
    away = summarise_draws(drawn, nearest_m(drawn, metres(hospitals)))["median"]
    got = interval(away, places=register.index, interval_share=0.9)
    assert got.loc["X8", "high"] < 1500
    assert got.loc["K2", "low"] > 5000
    at = register.loc["X8", ["x", "y"]].to_numpy(dtype=float)
    radius = np.sqrt(register.loc["X8", "planned_area_km2"] * 1e6 / np.pi)
    edge = cKDTree(metres(hospitals)).query(at)[0] - radius
    assert edge < 500  # inside or adjacent

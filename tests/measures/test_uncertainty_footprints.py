"""Hold the plausible footprints and what is measured on them."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from pipeline.errors import FieldError
from pipeline.measures.uncertainty_footprints import (
    FootprintDraws,
    count_within_m,
    draw_footprints,
    is_facility_point,
    nearest_m,
    share_within,
    summarise_draws,
)

CRS = "EPSG:32651"


def places(**changes: object) -> gpd.GeoDataFrame:
    frame = gpd.GeoDataFrame(
        {
            "boundary_class": ["indicative", "surveyed", "indicative", "none"],
            "planned_area_km2": [4.0, 1.0, np.nan, np.nan],
            "precision_m": [1500.0, 10.0, np.nan, np.nan],
            "x": [0.0, 500.0, 9000.0, np.nan],
            "y": [0.0, 500.0, 9000.0, np.nan],
        },
        index=pd.Index(["K2", "S1", "Z1", "R1"], name="place_id"),
        geometry=[None, shapely.box(0, 0, 1000, 1000), None, None],
        crs=CRS,
    )
    return frame.assign(**changes)


def drawn(frame: gpd.GeoDataFrame, draws: int = 200, seed: int = 1) -> FootprintDraws:
    return draw_footprints(
        frame,
        draws=draws,
        seed=seed,
        cells_per_footprint=100,
        cells_at_most=100,
        cell_m=100.0,
        certain_cell_m=100.0,
        assumed_area_km2=1.0,
        assumed_precision_m=2000.0,
    )


def test_what_is_drawn_and_what_stays() -> None:
    got = drawn(places())
    assert got.draw_count.to_dict() == {"K2": 200, "S1": 1, "Z1": 200, "R1": 0}
    assert got.basis.tolist() == ["planned_area_disc", "surveyed", "assumed_area_disc", "none"]
    assert len(got.key) == 401
    assert repr(got).startswith("<FootprintDraws 4 places, 2 of them drawn 200 times")
    still = got.xy[got.place == 1]
    assert still.min() >= 0
    assert still.max() <= 1000


def test_every_draw_has_the_planned_area() -> None:
    got = drawn(places())
    area = pd.Series(got.weight).groupby([got.place, got.draw]).sum()
    assert area.loc[0].to_numpy() == pytest.approx(4e6, rel=1e-9)
    assert area.loc[2].to_numpy() == pytest.approx(1e6, rel=1e-9)


def test_centres_are_uniform_over_the_disc_of_the_precision() -> None:
    got = drawn(places(), draws=4000)
    cells = pd.DataFrame(got.xy[got.place == 0]).groupby(got.draw[got.place == 0]).mean()
    away = np.hypot(cells[0], cells[1])
    assert away.max() <= 1500 + 1
    assert (away**2 / 1500**2).mean() == pytest.approx(0.5, abs=0.02)  # uniform area
    assert np.abs(cells.mean()).max() < 60


def test_a_place_is_drawn_the_same_whichever_rows_stand_around_it() -> None:
    alone = drawn(places().loc[["Z1"]])
    reverse = drawn(places().iloc[::-1])
    mine = reverse.place == reverse.places.get_loc("Z1")
    np.testing.assert_array_equal(alone.xy, reverse.xy[mine])
    assert not np.array_equal(alone.xy, drawn(places().loc[["Z1"]], seed=2).xy)


def test_two_places_at_one_point_are_drawn_apart() -> None:
    twins = pd.concat([places().loc[["K2"]], places().loc[["K2"]].set_axis(["M5"])])
    got = drawn(gpd.GeoDataFrame(twins, crs=CRS))
    assert not np.array_equal(got.xy[got.place == 0], got.xy[got.place == 1])


def test_distances_minutes_and_shares_of_a_certain_square() -> None:
    got = drawn(places().loc[["S1"]])
    facility = np.array([[500.0, 500.0]])
    metres = nearest_m(got, facility)
    summary = summarise_draws(got, metres).loc[("S1", 0)]
    # mean distance from the centre of a unit square: (sqrt 2 + ln(1 + sqrt 2)) / 6
    mean = 1000 * (np.sqrt(2) + np.log(1 + np.sqrt(2))) / 6
    assert summary["mean"] == pytest.approx(mean, rel=0.01)
    share = share_within(got, metres, limits=[400.0, 1000.0]).loc[("S1", 0)]
    assert share[400.0] == pytest.approx(np.pi * 0.16, abs=0.03)
    assert share[1000.0] == 1
    assert count_within_m(got, facility, radius_m=800.0).loc[("S1", 0)] == pytest.approx(1)


def test_shares_agree_with_shapely_on_moved_discs() -> None:
    got = draw_footprints(
        places().loc[["K2"]],
        draws=25,
        seed=3,
        cells_per_footprint=2500,
        cells_at_most=2500,
        cell_m=100.0,
        certain_cell_m=100.0,
        assumed_area_km2=1.0,
        assumed_precision_m=1.0,
    )
    stations = np.array([[800.0, 0.0], [-2500.0, 300.0]])
    share = share_within(got, nearest_m(got, stations), limits=[800.0])[800.0]
    reach = shapely.union_all(shapely.buffer(shapely.points(stations), 800, quad_segs=64))
    for draw in range(25):
        chosen = got.draw == draw
        centre = np.average(got.xy[chosen], axis=0, weights=got.weight[chosen])
        disc = shapely.Point(centre).buffer(np.sqrt(4e6 / np.pi), quad_segs=64)
        assert share.iloc[draw] == pytest.approx(disc.intersection(reach).area / 4e6, abs=0.01)


def test_no_facility_is_null_and_no_place_is_empty() -> None:
    got = drawn(places())
    nothing = np.empty((0, 2))
    assert np.isnan(nearest_m(got, nothing)).all()
    assert share_within(got, nearest_m(got, nothing), limits=[500.0]).isna().all(axis=None)
    empty = drawn(places().loc[["R1"]])
    assert empty.weight.size == 0
    assert len(empty.key) == 0
    assert summarise_draws(empty, nearest_m(empty, np.zeros((1, 2)))).empty


def test_a_point_recorded_at_a_station_is_told() -> None:
    frame = places()
    stations = np.array([[0.0, 50.0], [3000.0, 0.0]])
    assert is_facility_point(frame["x"], frame["y"], stations, same_point_m=50.0).to_dict() == {
        "K2": True,
        "S1": False,
        "Z1": False,
        "R1": False,
    }


def test_broken_tables_are_refused() -> None:
    with pytest.raises(FieldError, match="precision_m"):
        drawn(places().drop(columns="precision_m"))
    with pytest.raises(FieldError, match="ids repeat"):
        drawn(places().set_axis(["a", "a", "b", "c"]))

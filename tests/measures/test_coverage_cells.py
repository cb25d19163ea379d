"""Hold the grid inside places and its summaries."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import FieldError
from pipeline.measures.coverage_cells import cells_in, weighted_summary

CRS = "EPSG:32651"


def layer(*shapes: shapely.Geometry | None) -> gpd.GeoSeries:
    return gpd.GeoSeries(list(shapes), index=[f"u{i}" for i in range(len(shapes))], crs=CRS)


def test_an_aligned_square_gives_whole_cells() -> None:
    cells = cells_in(layer(shapely.box(200, 300, 500, 500)), size_m=100)
    assert len(cells) == 6
    assert (cells["area_m2"] == 10_000).all()
    assert cells.geometry.iloc[0].equals(shapely.Point(250, 350))
    assert cells.crs == CRS


def test_boundary_cells_weigh_their_exact_part() -> None:
    cells = cells_in(layer(shapely.box(250, 320, 430, 380)), size_m=100)
    assert cells["area_m2"].tolist() == pytest.approx([50 * 60, 100 * 60, 30 * 60])


def test_no_polygon_gives_no_cells() -> None:
    assert cells_in(layer(None, shapely.Polygon()), size_m=100).empty


def test_a_cell_is_the_same_whichever_place_asks() -> None:
    small, large = shapely.box(0, 0, 1000, 1000), shapely.box(-777, -777, 5000, 5000)
    both = cells_in(layer(small, large), size_m=100)
    inner = set(map(tuple, both.loc[both["unit"] == "u0", ["column", "row"]].to_numpy()))
    outer = set(map(tuple, both.loc[both["unit"] == "u1", ["column", "row"]].to_numpy()))
    assert inner <= outer


@given(st.integers(0, 2000), st.sampled_from([50.0, 100.0, 250.0]))
@settings(max_examples=25, deadline=None)
def test_cells_add_up_and_their_points_lie_inside(seed: int, size_m: float) -> None:
    rng = np.random.default_rng(seed)
    turn = np.sort(rng.uniform(0, 2 * np.pi, 9))
    reach = rng.uniform(100, 1500, 9)
    star = shapely.Polygon(np.c_[reach * np.cos(turn), reach * np.sin(turn)]).buffer(0)
    cells = cells_in(layer(star), size_m=size_m)
    assert cells["area_m2"].sum() == pytest.approx(star.area, rel=1e-9)
    assert shapely.dwithin(cells.geometry.to_numpy(), star, 1e-6).all()
    assert cells["area_m2"].max() <= size_m**2 * (1 + 1e-12)


def summary(values: list[float | None], weight: list[float], beyond: list[bool]) -> pd.Series:  # type: ignore[type-arg]
    frame = weighted_summary(
        pd.Series(values, dtype=float),
        weight=pd.Series(weight, dtype=float),
        unit=pd.Series("park", index=range(len(values))),
        beyond=pd.Series(beyond, dtype=bool),
    )
    return frame.loc["park"]


def test_weighted_mean_median_and_p90_by_hand() -> None:
    got = summary([10, 20, 30, 40], [5, 3, 1, 1], [False] * 4)
    assert got["mean"] == pytest.approx(18)
    assert got["median"] == 10
    assert got["p90"] == 30
    assert got["measured_share"] == 1
    assert got["status"] == "ok"


def test_an_unknown_cell_is_left_out_and_told() -> None:
    got = summary([10, None, 30], [1, 2, 1], [False] * 3)
    assert got["mean"] == 20
    assert got["measured_share"] == 0.5
    assert got["beyond_share"] == 0
    assert got["status"] == "ok"


def test_a_cell_beyond_the_limit_is_larger_than_all_and_leaves_no_mean() -> None:
    got = summary([10, 20, None], [4, 4, 2], [False, False, True])
    assert np.isnan(got["mean"])
    assert got["median"] == 20
    assert np.isnan(got["p90"])
    assert got["beyond_share"] == pytest.approx(0.2)
    assert got["status"] == "beyond_limit"


def test_nothing_known_is_no_data() -> None:
    got = summary([None, None], [1, 1], [False, False])
    assert got[["mean", "median", "p90"]].isna().all()
    assert got["measured_share"] == 0
    assert got["status"] == "no_data"


def test_a_null_weight_is_refused() -> None:
    with pytest.raises(FieldError, match="1 cells have a null or negative weight"):
        summary([1, 2], [1, np.nan], [False, False])


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.floats(0, 90), st.floats(0.1, 1e6)), min_size=1, max_size=40
    )
)
@settings(max_examples=50, deadline=None)
def test_quantiles_agree_with_a_plain_search(
    rows: list[tuple[int, float, float]],
) -> None:
    frame = pd.DataFrame(rows, columns=["unit", "minutes", "weight"])
    none = pd.Series(data=False, index=frame.index)
    got = weighted_summary(
        frame["minutes"], weight=frame["weight"], unit=frame["unit"], beyond=none
    )
    for unit, group in frame.groupby("unit"):
        ordered = group.sort_values("minutes")
        share = ordered["weight"].cumsum() / ordered["weight"].sum()
        assert got.loc[unit, "p90"] == ordered["minutes"][share >= 0.9 - 1e-9].iloc[0]
        mean = np.average(group["minutes"], weights=group["weight"])
        assert got.loc[unit, "mean"] == pytest.approx(mean, rel=1e-9)
    halves = pd.concat([frame.assign(weight=frame["weight"] / 2)] * 2, ignore_index=True)
    split = weighted_summary(
        halves["minutes"],
        weight=halves["weight"],
        unit=halves["unit"],
        beyond=pd.Series(data=False, index=halves.index),
    )
    np.testing.assert_allclose(got["median"], split["median"], rtol=0)

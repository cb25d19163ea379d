"""Check the diet of maps: what is packed comes back, and the budget is kept."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import CrsError, LayerError
from pipeline.publish.map_payload import (
    Cells,
    Payload,
    encode_geometries,
    plain,
    simplified,
    within_budget,
)

LON = st.floats(-180, 180, allow_nan=False)
LAT = st.floats(-85, 85, allow_nan=False)


def unpacked(payload: Payload) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(payload.pack())))
    return content


def decoded(chain: list[int], scale: int) -> np.ndarray:
    return np.cumsum(np.array(chain).reshape(-1, 2), axis=0) / scale


@given(st.lists(st.tuples(LON, LAT), min_size=2, max_size=30, unique=True))
def test_chains_come_back_within_half_a_step(points: list[tuple[float, float]]) -> None:
    [[chain]] = encode_geometries([shapely.LineString(points)], decimals=5)
    back = decoded(chain, 10**5)
    kept = np.rint(np.array(points) * 1e5) / 1e5
    merged = kept[np.r_[True, np.any(np.diff(kept, axis=0) != 0, axis=1)]]
    assert np.abs(back - merged).max() <= 0.5e-5


def test_each_kind_has_its_shape() -> None:
    square = shapely.box(0, 0, 2, 2)
    holed = square.difference(shapely.box(0.5, 0.5, 1, 1))
    point, line, polygon, nothing, empty = encode_geometries(
        [shapely.Point(1, 2), shapely.LineString([(0, 0), (1, 0)]), holed, None, shapely.Polygon()],
        decimals=1,
    )
    assert point == [10, 20]
    assert line == [[0, 0, 10, 0]]
    assert [len(rings) for rings in polygon] == [2]
    assert nothing is None
    assert empty is None


def test_geometries_together_are_what_each_is_alone() -> None:
    holed = shapely.box(0, 0, 9, 9).difference(shapely.box(1, 1, 2, 2))
    twice = shapely.LineString([(5, 5), (5, 5), (6, 5)])
    shapes = [
        twice,
        shapely.MultiPolygon([holed, shapely.box(20, 0, 21, 1)]),
        None,
        shapely.Point(6, 5),  # where the line ends: no step of nothing between two chains
        shapely.Point(6, 5),
        shapely.MultiLineString([twice, shapely.reverse(twice)]),
        holed,
    ]
    alone = [encode_geometries([shape], decimals=1)[0] for shape in shapes]
    assert encode_geometries(shapes, decimals=1) == alone
    assert alone[5] == [[50, 50, 10, 0], [60, 50, -10, 0]]
    assert [[len(ring) for ring in part] for part in alone[1]] == [[10, 10], [10]]


def test_polygon_rings_turn_opposite_ways() -> None:
    holed = shapely.box(0, 0, 2, 2).difference(shapely.box(0.5, 0.5, 1, 1))
    for shape in (holed, shapely.reverse(holed)):
        [[[shell, hole]]] = encode_geometries([shape], decimals=3)
        turns = [shapely.LinearRing(decoded(ring, 1000)).is_ccw for ring in (shell, hole)]
        assert turns == [True, False]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (float("nan"), None),
        (float("inf"), None),
        (pd.NA, None),
        (pd.NaT, None),
        (np.float64(2.0), 2),
        (0.1234567891, 0.123457),
        (np.bool_(1), True),
        (np.int64(7), 7),
        ([1.0, None], [1, None]),
        (pd.Timestamp("2026-05-19"), "2026-05-19 00:00:00"),
    ],
)
def test_cells_become_plain(value: object, expected: object) -> None:
    assert plain(value) == expected


def test_repeated_texts_are_stored_once() -> None:
    frame = pd.DataFrame({"kind": ["a", "b", "a", None, "a", "b", "a"], "n": range(7)})
    cells = Cells.of(frame, ["kind", "n", "absent"])
    block = cells.block(["kind", "n", "absent"])
    assert block["c"]["kind"] == {"w": ["a", "b"], "i": [0, 1, 0, None, 0, 1, 0]}
    assert set(block["c"]) == {"kind", "n"}
    # what is repeated among some of the rows is told from these alone
    assert cells.rows(slice(1, 3)).block(["kind"]) == {"n": 2, "c": {"kind": ["b", "a"]}}
    assert cells.rows([3, 0, 6]).block(["kind", "n"])["c"] == {
        "kind": [None, "a", "a"],
        "n": [3, 0, 6],
    }


def layer(count: int) -> gpd.GeoDataFrame:
    points = np.random.default_rng(1).uniform(0, 50, (count, 2))
    return gpd.GeoDataFrame({"i": range(count)}, geometry=shapely.points(points), crs=4326)


def test_packing_is_deterministic_and_null_is_kept() -> None:
    def packed() -> Payload:
        payload = Payload(decimals=5)
        payload.add_layer("points", layer(20), ["i"])
        payload.add_table("gaps", pd.DataFrame({"gap": [0.0, None]}), ["gap"])
        return payload

    assert packed().pack() == packed().pack()
    assert unpacked(packed())["gaps"]["c"]["gap"] == [0, None]


def test_a_page_over_budget_names_its_heaviest_layer() -> None:
    payload = Payload(decimals=5)
    payload.add_layer("light", layer(5), ["i"])
    payload.add_layer("heavy", layer(2000), ["i"])
    page = payload.pack()
    assert within_budget(page, payload, budget_mb=1.0, name="m") == page
    with pytest.raises(LayerError, match="heavy") as caught:
        within_budget(page, payload, budget_mb=0.001, name="m")
    assert "maps.budget_mb" in str(caught.value)


def test_a_layer_in_metres_is_refused() -> None:
    with pytest.raises(CrsError, match="EPSG:4326"):
        Payload(decimals=5).add_layer("x", layer(3).to_crs(32651), ["i"])


def test_simplified_neighbours_keep_their_common_border() -> None:
    x = np.linspace(0, 0.1, 60)
    wave = np.stack([x, 0.05 + 0.002 * np.sin(x * 900)], axis=1)
    south = shapely.Polygon([*wave, (0.1, 0), (0, 0)])
    north = shapely.Polygon([*wave, (0.1, 0.1), (0, 0.1)])
    both = gpd.GeoDataFrame(geometry=[south, north], crs=4326).set_crs(4326)
    thin = simplified(both, tolerance_m=400)
    assert shapely.get_num_coordinates(thin.geometry.to_numpy()).sum() < 60
    overlap = thin.geometry.iloc[0].intersection(thin.geometry.iloc[1])
    assert overlap.area < 1e-12

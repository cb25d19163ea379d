"""Check the online base map: off by default, one host allowed, never on the wrong datum."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from pipeline.errors import CrsError
from pipeline.publish.map_tiles import frame_on, table_on, tiles_of
from pipeline.publish.overview_map import build_overview
from pipeline.settings.maps import MapsSettings, TileSettings
from pipeline.sources.datum import gcj02_to_wgs84
from tests.publish.map_samples import reference_overview

AMAP = "https://webrd01.is.autonavi.com/appmaptile?x={x}&y={y}&z={z}"


def custom(url: str, datum: str) -> TileSettings:
    return TileSettings.model_validate(
        {"source": "custom", "url": url, "datum": datum, "attribution": "tiles"}
    )


def test_no_tiles_unless_asked_for() -> None:
    assert tiles_of(TileSettings()) is None
    page = build_overview(reference_overview(), MapsSettings())
    assert "img-src data: blob:;" in page
    assert '"tiles":null' in page


def test_the_policy_allows_exactly_the_host_of_the_tiles() -> None:
    settings = MapsSettings(tiles=TileSettings(source="osm"))
    page = build_overview(reference_overview(), settings)
    assert "img-src data: blob: https://tile.openstreetmap.org;" in page
    assert "default-src 'none'" in page
    assert "底图 © OpenStreetMap" in page


def test_tianditu_needs_the_users_key() -> None:
    with pytest.raises(ValidationError, match=r"maps\.tiles\.key"):
        TileSettings(source="tianditu")
    tiles = tiles_of(TileSettings(source="tianditu", key="abc123"))
    assert tiles is not None
    assert tiles.host == "https://t0.tianditu.gov.cn"
    assert all("tk=abc123" in url and "{z}" in url for url in tiles.urls)
    assert tiles.datum == "cgcs2000"


@pytest.mark.parametrize("key", ["a'; img-src *", "a b", "", "x" * 65])
def test_a_key_cannot_carry_anything_else(key: str) -> None:
    with pytest.raises(ValidationError):
        TileSettings(source="tianditu", key=key)


@pytest.mark.parametrize(
    "url", ["https://a.b/{z}/{x}", "ftp://a.b/{z}/{x}/{y}", "https://a.b; script-src */{z}/{x}/{y}"]
)
def test_addresses_that_no_policy_should_hold_are_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        custom(url, "wgs84")


def test_shifted_tiles_are_refused_unless_the_layers_shift_too() -> None:
    with pytest.raises(CrsError, match="GCJ02"):
        tiles_of(custom(AMAP, "wgs84"))
    assert tiles_of(custom(AMAP, "gcj02")) is not None
    with pytest.raises(CrsError, match="BD09"):
        tiles_of(custom("https://maponline0.bdimg.com/tile/{z}/{x}/{y}.png", "gcj02"))


def test_layers_move_with_shifted_tiles_and_only_with_them() -> None:
    places = reference_overview().places
    here = places[places["lon"].between(120, 122.5)]
    assert frame_on(here, "cgcs2000") is here or frame_on(here, "cgcs2000").equals(here)
    moved = frame_on(here, "gcj02")
    lon, lat = moved["lon"].to_numpy(), moved["lat"].to_numpy()
    metres = np.hypot((lon - here["lon"]) * 95_600, (lat - here["lat"]) * 110_900)
    assert metres.between(350, 650).all()
    back = gcj02_to_wgs84(lon, lat)
    assert np.abs(np.array(back) - here[["lon", "lat"]].to_numpy().T).max() < 1e-9
    drawn = here[here.geometry.notna()]
    shifted = moved.loc[drawn.index]
    offset = shifted.bounds["minx"] - drawn.bounds["minx"]
    assert (offset > 0.003).all()


def test_blank_points_stay_blank() -> None:
    gaps = reference_overview().gaps.assign(nearest_lon=None, nearest_lat=None)
    assert table_on(gaps, "gcj02")["nearest_lon"].isna().all()


def test_a_shifted_overview_shifts_its_view_with_its_places() -> None:
    data = reference_overview()
    plain = build_overview(data, MapsSettings())
    shifted = build_overview(data, MapsSettings(tiles=custom(AMAP, "gcj02")))
    assert plain != shifted
    same = build_overview(replace(data), MapsSettings(tiles=TileSettings()))
    assert same == plain

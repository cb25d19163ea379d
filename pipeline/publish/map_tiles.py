"""Put an online base map under the layers, when a study asks for one, on the datum it is in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.errors import CrsError, Problem
from pipeline.publish.map_payload import require_wgs84
from pipeline.settings.maps import TileDatum, TileSettings

#: Hosts (and what ends with them) whose tiles are known to be shifted.
SHIFTED_HOSTS = {
    "autonavi.com": "gcj02",
    "amap.com": "gcj02",
    "gtimg.com": "gcj02",
    "qq.com": "gcj02",
    "google.cn": "gcj02",
    "bdimg.com": "bd09",
    "bdstatic.com": "bd09",
    "baidu.com": "bd09",
}
_TIANDITU = (
    "https://t0.tianditu.gov.cn/{layer}_w/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0"
    "&LAYER={layer}&STYLE=default&TILEMATRIXSET=w&FORMAT=tiles"
    "&TILEMATRIX={{z}}&TILEROW={{y}}&TILECOL={{x}}&tk={key}"
)
POINT_COLUMNS = (("lon", "lat"), ("nearest_lon", "nearest_lat"))


@dataclass(frozen=True)
class Tiles:
    """Tiles as a page needs them: addresses from the ground up, host to allow, credit, datum."""

    urls: tuple[str, ...]
    host: str
    attribution: tuple[str, str]
    datum: TileDatum
    max_zoom: int

    def options(self) -> dict[str, object]:
        """Give what the scripts need."""
        return {"urls": list(self.urls), "maxZoom": self.max_zoom}


def tiles_of(settings: TileSettings) -> Tiles | None:
    """Resolve the settings to tiles; None when a study wants none.

    Raises
    ------
    CrsError
        The tiles are known to be in another datum than the study declares: their picture would
        stand up to 600 m away from the layers.
    """
    if settings.source == "none":
        return None
    if settings.source == "osm":
        urls: tuple[str, ...] = ("https://tile.openstreetmap.org/{z}/{x}/{y}.png",)
        credit = ("底图 © OpenStreetMap 贡献者", "Base map © OpenStreetMap contributors")
        return Tiles(urls, _origin(urls[0]), credit, "wgs84", min(settings.max_zoom, 19))
    if settings.source == "tianditu":
        urls = tuple(_TIANDITU.format(layer=layer, key=settings.key) for layer in ("vec", "cva"))
        credit = ("底图 © 国家地理信息公共服务平台 天地图", "Base map © Tianditu, NGCC")
        return Tiles(urls, _origin(urls[0]), credit, "cgcs2000", min(settings.max_zoom, 18))
    address = str(settings.url)
    _refuse_wrong_datum(address, settings.datum)
    words = str(settings.attribution)
    return Tiles((address,), _origin(address), (words, words), settings.datum, settings.max_zoom)


def _origin(address: str) -> str:
    """Give scheme and host, the least that a policy can allow."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _refuse_wrong_datum(address: str, declared: TileDatum) -> None:
    host = (urlsplit(address).hostname or "").lower()
    actual = next(
        (
            datum
            for name, datum in SHIFTED_HOSTS.items()
            if host == name or host.endswith("." + name)
        ),
        None,
    )
    if actual is None or actual == declared:
        return
    remedy = (
        ("改用 WGS84 或天地图底图", "use tiles in WGS 84 or Tianditu")
        if actual == "bd09"
        else ("设 maps.tiles.datum: gcj02", "set maps.tiles.datum: gcj02")
    )
    raise CrsError(
        Problem(
            zh=f"{host} 的瓦片为 {actual.upper()}，却声明为 {declared}",
            en=f"the tiles of {host} are in {actual.upper()}, declared as {declared}",
            rule="maps.tiles.datum",
            remedy_zh=remedy[0],
            remedy_en=remedy[1],
        )
    )


def frame_on(frame: gpd.GeoDataFrame, datum: TileDatum) -> gpd.GeoDataFrame:
    """Move a layer in EPSG:4326 onto the datum of the tiles, points in columns included.

    Only what a page draws may pass here: the result is no longer EPSG:4326 in truth.
    """
    require_wgs84("tiles", frame)
    moved = table_on(frame, datum)
    if datum != "gcj02" or frame.empty:
        return frame
    shapes = [_shape_on(shape) for shape in frame.geometry]
    return gpd.GeoDataFrame(moved, geometry=gpd.GeoSeries(shapes, index=frame.index, crs=4326))


def table_on(table: pd.DataFrame, datum: TileDatum) -> pd.DataFrame:
    """Move points in columns (``lon`` and ``lat``, ``route``) onto the datum of the tiles."""
    if datum != "gcj02":
        return table
    moved = table.copy()
    for lon, lat in POINT_COLUMNS:
        if {lon, lat} <= set(table.columns):
            moved[lon], moved[lat] = _shift(
                table[lon].astype("float64"), table[lat].astype("float64")
            )
    if "route" in table.columns:
        moved["route"] = pd.Series(
            [_shape_on(shape) for shape in table["route"]], index=table.index, dtype="object"
        )
    return moved


def _shape_on(shape: Any) -> Any:  # noqa: ANN401
    if not isinstance(shape, shapely.Geometry):
        return shape
    return shapely.transform(shape, lambda xy: np.column_stack(_shift(xy[:, 0], xy[:, 1])))


def _shift(lon: Any, lat: Any) -> tuple[np.ndarray, np.ndarray]:  # noqa: ANN401
    from pipeline.sources.datum import wgs84_to_gcj02

    x, y = np.array(lon, dtype=np.float64), np.array(lat, dtype=np.float64)
    known = np.isfinite(x) & np.isfinite(y)
    if known.any():
        x[known], y[known] = wgs84_to_gcj02(x[known], y[known])
    return x, y

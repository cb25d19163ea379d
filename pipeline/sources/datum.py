"""Convert between WGS 84 and the shifted datums of Chinese web maps, GCJ-02 and BD-09.

Converting GCJ-02 or BD-09 data to true coordinates is restricted in mainland China (surveying and
mapping law); prefer sources in WGS 84 or CGCS2000. Nothing here runs unless a source declares one
of the two. WGS 84 and CGCS2000 differ by centimetres and are treated as one.

The formulas are those in public use for GCJ-02 (a shift made of polynomials and sines on the
Krasovsky ellipsoid) and BD-09 (a second, polar one). Their inverses have no closed form; the usual
one-step inverse errs by up to 2 m. Here the forward shift is inverted by fixed-point iteration.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from pipeline.errors import CrsError, Problem

if TYPE_CHECKING:
    import geopandas as gpd

logger = logging.getLogger(__name__)

Datum = Literal["wgs84", "cgcs2000", "gcj02", "bd09"]
Degrees = npt.NDArray[np.float64]
Shift = Callable[[Degrees, Degrees], tuple[Degrees, Degrees]]

RESTRICTION_ZH = (
    "在中国大陆，将 GCJ-02/BD-09 数据还原为真实坐标受测绘法规限制，"
    "请优先使用 WGS84 或 CGCS2000 来源"
)
RESTRICTION_EN = (
    "converting GCJ-02/BD-09 data to true coordinates is restricted in mainland China: "
    "prefer sources in WGS 84 or CGCS2000"
)

# Constants of the published formulas.
_AXIS_M = 6378245.0
_ECCENTRICITY2 = 0.00669342162296594323
_LON0, _LAT0 = 105.0, 35.0
_BD_TURNS = np.pi * 3000.0 / 180.0
_BD_LON, _BD_LAT = 0.0065, 0.006

_STEP_DEG = 1e-13  # a hundredth of a micrometre: as far as double precision carries
_MOST_STEPS = 30

# Where the shift applies. The services' own mask is not published; these boxes (west, south, east,
# north) follow the land border coarsely and err towards the mainland side.
_MAINLAND = (
    (115.0, 40.0, 135.05, 53.7),
    (73.4, 27.0, 124.0, 49.3),
    (97.3, 18.0, 123.5, 30.0),
)
_ABROAD = (
    (119.9, 21.7, 122.2, 25.4),  # Taiwan
    (119.2, 23.0, 119.9, 24.0),  # Penghu
    (124.8, 33.0, 131.0, 39.9),  # Korea
    (129.5, 24.0, 150.0, 42.0),  # Japan
    (131.4, 42.3, 135.5, 44.8),  # Primorye
    (97.0, 0.0, 107.5, 21.12),  # Laos, Thailand, Vietnam
    (73.0, 27.0, 78.6, 32.4),  # India
    (80.0, 27.0, 88.0, 27.8),  # Nepal
    (73.0, 42.1, 80.0, 49.3),  # Kazakhstan, Kyrgyzstan
    (91.5, 45.3, 111.0, 49.3),  # Mongolia
    (97.0, 42.9, 111.0, 45.3),
)
_HONG_KONG = (
    (113.82, 22.13),
    (113.82, 22.44),
    (113.95, 22.44),
    (114.03, 22.505),
    (114.10, 22.53),
    (114.17, 22.56),
    (114.45, 22.56),
    (114.52, 22.13),
)
_MACAO = (
    (113.528, 22.217),
    (113.55, 22.217),
    (113.60, 22.20),
    (113.605, 22.105),
    (113.556, 22.105),
    (113.552, 22.15),
    (113.535, 22.18),
)


def in_mainland(lon: npt.ArrayLike, lat: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Tell for each point (degrees) whether the shift applies there; blanks are not inside."""
    import shapely

    lon, lat = _pair(lon, lat)
    inside = _in_any(lon, lat, _MAINLAND) & ~_in_any(lon, lat, _ABROAD)
    for ring in (_HONG_KONG, _MACAO):
        inside &= ~shapely.contains_xy(shapely.Polygon(ring), lon, lat)
    return np.asarray(inside)


def wgs84_to_gcj02(lon: npt.ArrayLike, lat: npt.ArrayLike) -> tuple[Degrees, Degrees]:
    """Shift WGS 84 to GCJ-02, degrees; points outside mainland China are left alone."""
    return _within(_gcj_forward, lon, lat)


def gcj02_to_wgs84(lon: npt.ArrayLike, lat: npt.ArrayLike) -> tuple[Degrees, Degrees]:
    """Undo the GCJ-02 shift, degrees; residual under a micrometre, outside left alone."""
    return _within(_inverse(_gcj_forward), lon, lat)


def gcj02_to_bd09(lon: npt.ArrayLike, lat: npt.ArrayLike) -> tuple[Degrees, Degrees]:
    """Shift GCJ-02 to BD-09, degrees; points outside mainland China are left alone."""
    return _within(_bd_forward, lon, lat)


def bd09_to_gcj02(lon: npt.ArrayLike, lat: npt.ArrayLike) -> tuple[Degrees, Degrees]:
    """Undo the BD-09 shift, degrees; residual under a micrometre, outside left alone."""
    return _within(_inverse(_bd_forward), lon, lat)


def wgs84_to_bd09(lon: npt.ArrayLike, lat: npt.ArrayLike) -> tuple[Degrees, Degrees]:
    """Shift WGS 84 to BD-09, degrees; points outside mainland China are left alone."""
    return _within(_both_forward, lon, lat)


def bd09_to_wgs84(lon: npt.ArrayLike, lat: npt.ArrayLike) -> tuple[Degrees, Degrees]:
    """Undo both shifts, degrees; residual under a micrometre, outside left alone."""
    return _within(_inverse(_both_forward), lon, lat)


def to_wgs84(lon: npt.ArrayLike, lat: npt.ArrayLike, datum: Datum) -> tuple[Degrees, Degrees]:
    """Bring coordinates of a declared datum to WGS 84 (identity for WGS 84 and CGCS2000)."""
    if datum == "gcj02":
        return gcj02_to_wgs84(lon, lat)
    if datum == "bd09":
        return bd09_to_wgs84(lon, lat)
    return _pair(lon, lat)


def frame_to_wgs84(frame: gpd.GeoDataFrame, datum: Datum) -> gpd.GeoDataFrame:
    """Bring the geometries of a frame in degrees from a declared datum to WGS 84.

    Parameters
    ----------
    frame
        Any geometries, EPSG:4326 or EPSG:4490; heights are kept.
    datum
        The declared datum.

    Returns
    -------
    frame
        A copy in EPSG:4326, on the same index.

    Raises
    ------
    CrsError
        The frame is not in degrees: a shifted datum is defined on longitude and latitude only.
    """
    if frame.crs is None or not frame.crs.is_geographic:
        raise CrsError(
            Problem(
                "GCJ-02/BD-09 只对经纬度坐标有定义",
                f"a shifted datum is defined on degrees, the layer is in {frame.crs}",
                rule="datum",
                remedy_zh="先把数据转换为经纬度再声明 datum",
                remedy_en="give the layer in longitude and latitude, then declare its datum",
            )
        )
    if datum in {"wgs84", "cgcs2000"}:
        return frame.set_crs("EPSG:4326", allow_override=True)
    logger.warning("converting %d geometries from %s; %s", len(frame), datum, RESTRICTION_EN)
    import shapely

    def shift(spots: Degrees) -> Degrees:
        return np.column_stack([*to_wgs84(spots[:, 0], spots[:, 1], datum), *spots[:, 2:].T])

    moved = shapely.transform(
        frame.geometry.to_numpy(), shift, include_z=bool(frame.geometry.has_z.any())
    )
    return frame.set_geometry(moved, crs="EPSG:4326")


def _pair(lon: npt.ArrayLike, lat: npt.ArrayLike) -> tuple[Degrees, Degrees]:
    a, b = np.broadcast_arrays(np.asarray(lon, np.float64), np.asarray(lat, np.float64))
    return a.copy(), b.copy()


def _in_any(
    lon: Degrees, lat: Degrees, boxes: tuple[tuple[float, float, float, float], ...]
) -> npt.NDArray[np.bool_]:
    found = np.zeros(lon.shape, dtype=bool)
    for west, south, east, north in boxes:
        found |= (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
    return found


def _within(shift: Shift, lon: npt.ArrayLike, lat: npt.ArrayLike) -> tuple[Degrees, Degrees]:
    lon, lat = _pair(lon, lat)
    inside = in_mainland(lon, lat)
    lon[inside], lat[inside] = shift(lon[inside], lat[inside])
    return lon, lat


def _inverse(forward: Shift) -> Shift:
    """Invert a shift that changes slowly: step by the miss until nothing moves."""

    def inverse(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
        x, y = lon.copy(), lat.copy()
        for _ in range(_MOST_STEPS):
            there_lon, there_lat = forward(x, y)
            miss_lon, miss_lat = there_lon - lon, there_lat - lat
            x, y = x - miss_lon, y - miss_lat
            if max(np.abs(miss_lon).max(initial=0), np.abs(miss_lat).max(initial=0)) < _STEP_DEG:
                break
        return x, y

    return inverse


def _gcj_forward(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    x, y = lon - _LON0, lat - _LAT0
    root = np.sqrt(np.abs(x))
    both = _waves(x, 6.0, 20.0) + _waves(x, 2.0, 20.0)
    north_m = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + both
    north_m += _waves(y, 1.0, 20.0) + _waves(y, 1 / 3, 40.0)
    north_m += _waves(y, 1 / 12, 160.0) + _waves(y, 1 / 30, 320.0)
    east_m = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + both
    east_m += _waves(x, 1.0, 20.0) + _waves(x, 1 / 3, 40.0)
    east_m += _waves(x, 1 / 12, 150.0) + _waves(x, 1 / 30, 300.0)
    phi = np.radians(lat)
    bend = 1.0 - _ECCENTRICITY2 * np.sin(phi) ** 2
    meridian_m = _AXIS_M * (1.0 - _ECCENTRICITY2) / (bend * np.sqrt(bend))
    parallel_m = _AXIS_M / np.sqrt(bend) * np.cos(phi)
    return lon + np.degrees(east_m / parallel_m), lat + np.degrees(north_m / meridian_m)


def _waves(value: Degrees, turns: float, height: float) -> Degrees:
    return np.asarray(height * np.sin(turns * value * np.pi) * 2.0 / 3.0)


def _bd_forward(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    radius = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _BD_TURNS)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _BD_TURNS)
    return radius * np.cos(angle) + _BD_LON, radius * np.sin(angle) + _BD_LAT


def _both_forward(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    return _bd_forward(*_gcj_forward(lon, lat))

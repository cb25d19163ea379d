"""Find the CRS of coordinates that come without one, Chinese Gauss-Krueger zones included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from pyproj import CRS, Transformer

Order = Literal["xy", "yx"]

# CGCS2000 Gauss-Krueger in EPSG: first + (meridian - 75) / width, or first + zone - lowest.
_THREE_BY_MERIDIAN, _SIX_BY_MERIDIAN = 4534, 4502
_THREE_BY_ZONE, _SIX_BY_ZONE = 4513, 4491
_LOWEST_THREE, _LOWEST_SIX = 25, 13
_HIGHEST_THREE, _HIGHEST_SIX = 45, 23
_ZONE_WIDTH_M = 1e6
_FIRST_MERIDIAN, _LAST_MERIDIAN = 75, 135
_HALF = 0.5


@dataclass(frozen=True)
class Candidate:
    """A CRS (and order of the columns) that would put the coordinates into the study area."""

    crs: str
    name: str
    order: Order
    share_inside: float

    def __str__(self) -> str:
        """Render with the order told in plain words."""
        swapped = ", columns swapped" if self.order == "yx" else ""
        return f"{self.crs} {self.name}{swapped}: {self.share_inside:.0%} inside"


def cgcs2000_by_meridian(meridian_deg: int, *, width_deg: Literal[3, 6]) -> str:
    """Give the EPSG code of the CGCS2000 zone with a central meridian, without zone prefix."""
    first = _THREE_BY_MERIDIAN if width_deg == 3 else _SIX_BY_MERIDIAN  # noqa: PLR2004
    return f"EPSG:{first + (meridian_deg - _FIRST_MERIDIAN) // width_deg}"


def cgcs2000_by_easting(easting_m: float) -> str | None:
    """Give the EPSG code of the CGCS2000 zone whose number stands before the easting.

    Three-degree zones bear the numbers 25-45, six-degree zones 13-23. The same prefixes were used
    with Xi'an 1980 and Beijing 1954, which differ by up to 100 m: who has such data must say so.
    """
    zone = int(easting_m // _ZONE_WIDTH_M)
    if _LOWEST_THREE <= zone <= _HIGHEST_THREE:
        return f"EPSG:{_THREE_BY_ZONE + zone - _LOWEST_THREE}"
    if _LOWEST_SIX <= zone <= _HIGHEST_SIX:
        return f"EPSG:{_SIX_BY_ZONE + zone - _LOWEST_SIX}"
    return None


def candidate_crs(
    x: npt.ArrayLike, y: npt.ArrayLike, *, study_bounds: tuple[float, float, float, float]
) -> list[Candidate]:
    """List the CRSs under which at least half of the points fall into the study's bounds.

    Parameters
    ----------
    x, y
        Coordinates as they stand in the file.
    study_bounds
        West, south, east, north of the study in degrees (WGS 84).

    Returns
    -------
    candidates
        Best first; more than one means that a person must say which (zones of three and six
        degrees and UTM overlap), none that the coordinates belong elsewhere or to a local grid.
    """
    first, second = np.asarray(x, np.float64), np.asarray(y, np.float64)
    finite = np.isfinite(first) & np.isfinite(second)
    first, second = first[finite], second[finite]
    if not len(first):
        return []
    found = []
    orders: tuple[Order, Order] = ("xy", "yx")
    for order in orders:
        a, b = (first, second) if order == "xy" else (second, first)
        for code in _codes(a, study_bounds):
            share = share_inside(code, a, b, study_bounds)
            if share >= _HALF:
                found.append(Candidate(code, CRS.from_user_input(code).name, order, share))
    return sorted(found, key=lambda c: (-c.share_inside, c.order, c.crs))


def _codes(a: npt.NDArray[np.float64], bounds: tuple[float, float, float, float]) -> Sequence[str]:
    """CRSs worth trying for eastings (or longitudes) like these, around the study."""
    middle = float(np.median(a))
    if abs(middle) <= 180:  # noqa: PLR2004
        return ["EPSG:4326"]
    prefixed = cgcs2000_by_easting(middle)
    if prefixed is not None:
        return [prefixed]
    lon, lat = (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2
    utm = (32601 if lat >= 0 else 32701) + int((lon + 180) // 6)
    codes = [f"EPSG:{utm}", "EPSG:3857"]
    widths: tuple[Literal[3], Literal[6]] = (3, 6)
    for width in widths:
        meridians = range(_FIRST_MERIDIAN, _LAST_MERIDIAN + 1, width)
        near = [m for m in meridians if bounds[0] - width <= m <= bounds[2] + width]
        codes += [cgcs2000_by_meridian(meridian, width_deg=width) for meridian in near]
    return codes


def share_inside(
    code: str,
    x: npt.NDArray[np.float64],
    y: npt.NDArray[np.float64],
    bounds: tuple[float, float, float, float],
) -> float:
    """Give the share of points that fall into bounds in degrees when read in a CRS."""
    lon, lat = Transformer.from_crs(code, "EPSG:4326", always_xy=True).transform(x, y)
    west, south, east, north = bounds
    inside = (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
    return float(np.mean(inside))

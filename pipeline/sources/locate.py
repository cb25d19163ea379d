"""Settle in which CRS and order the coordinates of a layer are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from pipeline.errors import CrsError, Problem
from pipeline.sources.crs_zones import candidate_crs, cgcs2000_by_easting, share_inside

if TYPE_CHECKING:
    import geopandas as gpd

CrsBasis = Literal["given", "file", "degrees_assumed", "zone_number", "study_area"]
Bounds = tuple[float, float, float, float]

_MOST_SAMPLED = 5000
_HALF = 0.5
_OLD_DATUMS = ("Beijing 1954", "Xian 1980", "New Beijing")


@dataclass(frozen=True)
class Note:
    """One thing a person should know about what was read."""

    code: str
    zh: str
    en: str


@dataclass(frozen=True)
class Located:
    """A frame with its CRS, how that was found, and whether the columns had to be swapped."""

    frame: gpd.GeoDataFrame
    basis: CrsBasis
    swapped: bool
    notes: tuple[Note, ...]


def locate(
    frame: gpd.GeoDataFrame, *, path: Path, crs: str | None, study_bounds: Bounds | None
) -> Located:
    """Settle the CRS: the one given, else the file's unless the numbers contradict it, else found.

    Parameters
    ----------
    frame
        Geometries with or without CRS.
    path
        The file, for messages.
    crs
        What the user says; overrides all.
    study_bounds
        West, south, east, north in degrees: tells swapped columns and grids without a name.

    Raises
    ------
    CrsError
        No CRS fits, or several do: the message lists them.
    """
    x, y = _sample(frame)
    notes: list[Note] = []
    if crs is not None:
        _require_known(crs, path)
        code, basis, swapped = crs, "given", _swapped(crs, x, y, study_bounds)
    elif frame.crs is not None and not _contradicted(frame, x, y):
        code, basis = frame.crs, "file"
        swapped = _swapped(frame.crs.to_wkt(), x, y, study_bounds)
    else:
        if frame.crs is not None:
            notes.append(_contradiction(frame))
        code, basis, swapped = _found(x, y, path, study_bounds)
        notes.append(_assumption(str(code), basis))
    if swapped:
        frame = frame.set_geometry(_flipped(frame.geometry.to_numpy()), crs=None)
        notes.append(
            Note("swapped", "坐标两列次序颠倒，已互换", "the coordinates were swapped: put right")
        )
    frame = frame.set_crs(code, allow_override=True)
    return Located(frame, basis, swapped, (*notes, *_old_datum(frame)))  # type: ignore[arg-type]


def _require_known(crs: str, path: Path) -> None:
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        CRS.from_user_input(crs)
    except CRSError as error:
        raise CrsError(
            Problem(
                f"未知坐标系 {crs}",
                f"PROJ does not know the CRS {crs}",
                path=path,
                rule="crs",
                remedy_zh="例如 EPSG:4549",
                remedy_en="for example EPSG:4549",
            )
        ) from error


def _sample(frame: gpd.GeoDataFrame) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    import shapely

    shapes = frame.geometry.to_numpy()
    step = max(1, len(shapes) // _MOST_SAMPLED)
    spots = shapely.get_coordinates(shapes[::step])
    return spots[:, 0], spots[:, 1]


def _contradicted(
    frame: gpd.GeoDataFrame, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]
) -> bool:
    """Tell whether a CRS in degrees stands over numbers that are none, in either order."""
    return bool(frame.crs.is_geographic) and bool(len(x)) and not _degrees(x, y)


def _degrees(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> bool:
    widest = np.nanmax([np.abs(x).max(initial=0), np.abs(y).max(initial=0)])
    return bool(widest <= 180)  # noqa: PLR2004


def _swapped(
    crs: str,
    x: npt.NDArray[np.float64],
    y: npt.NDArray[np.float64],
    study_bounds: Bounds | None,
) -> bool:
    if not len(x):
        return False
    if _degrees(x, y) and np.median(np.abs(y)) > 90 >= np.abs(x).max():  # noqa: PLR2004
        return True
    if study_bounds is None or share_inside(crs, x, y, study_bounds) >= _HALF:
        return False
    return share_inside(crs, y, x, study_bounds) >= _HALF


def _found(
    x: npt.NDArray[np.float64],
    y: npt.NDArray[np.float64],
    path: Path,
    study_bounds: Bounds | None,
) -> tuple[str, CrsBasis, bool]:
    """Find the CRS from the numbers alone: degrees, a zone number, or what fits the study."""
    if not len(x) or _degrees(x, y):
        return "EPSG:4326", "degrees_assumed", _swapped("EPSG:4326", x, y, study_bounds)
    for first, second, swapped in ((x, y, False), (y, x, True)):
        zone = cgcs2000_by_easting(float(np.median(first)))
        if zone is not None and cgcs2000_by_easting(float(np.median(second))) is None:
            return zone, "zone_number", swapped
    found = [] if study_bounds is None else candidate_crs(x, y, study_bounds=study_bounds)
    if len(found) == 1:
        return found[0].crs, "study_area", found[0].order == "yx"
    listed = "; ".join(str(candidate) for candidate in found) or "-"
    raise CrsError(
        Problem(
            f"坐标以米为单位但没有坐标系；可能的坐标系：{listed}",
            f"the coordinates are in metres and no CRS is stated; it may be: {listed}",
            path=path,
            rule="crs",
            remedy_zh="写明坐标系（例如 EPSG:4549）：研究文件用 inputs.<角色>.crs，"
            "parkgap check 用 --crs；或补上 .prj 文件",
            remedy_en="state the CRS (for example EPSG:4549), with inputs.<role>.crs in a study "
            "and --crs for parkgap check, or add the .prj file",
        )
    )


def _flipped(shapes: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    import shapely

    return np.asarray(
        shapely.transform(shapes, lambda s: np.column_stack([s[:, 1], s[:, 0], s[:, 2:]]))
    )


def _contradiction(frame: gpd.GeoDataFrame) -> Note:
    return Note(
        "crs_contradicted",
        f"文件声明 {frame.crs.name}（经纬度），但坐标值不是度",
        f"the file states {frame.crs.name} (degrees), but the numbers are no degrees",
    )


def _assumption(code: str, basis: CrsBasis) -> Note:
    texts = {
        "degrees_assumed": ("未声明坐标系，按数值判断为经纬度", "no CRS stated, taken as degrees"),
        "zone_number": (
            "未声明坐标系，按带号判断；若为西安80/北京54请用 crs 指明",
            "no CRS stated, taken from the zone number; say so if it is Xi'an 1980 or Beijing 1954",
        ),
        "study_area": (
            "未声明坐标系，唯一落入研究区的坐标系",
            "no CRS stated, the only one that falls into the study area",
        ),
    }
    zh, en = texts[basis]
    return Note("crs_assumed", f"{zh}：{code}", f"{en}: {code}")


def _old_datum(frame: gpd.GeoDataFrame) -> tuple[Note, ...]:
    if not any(name in frame.crs.name for name in _OLD_DATUMS):
        return ()
    zh = f"{frame.crs.name} 到 WGS84 没有公开的精确参数，误差可达上百米；请用控制点拟合"
    en = (
        f"{frame.crs.name} has no public exact transformation to WGS 84 (off by up to 100 m): "
        "fit control points"
    )
    return (Note("old_datum", zh, en),)

"""Say what is wrong with an OpenStreetMap extract, in a way its user can act on."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from pipeline.errors import Problem, SourceError

_REMEDY = {
    "remedy_zh": "从 Geofabrik 或 Overpass 重新下载覆盖研究区的 .osm.pbf",
    "remedy_en": "download an .osm.pbf that covers the study again (Geofabrik, Overpass)",
}
_TIMES = ("osmosis_replication_timestamp", "timestamp")


def _refuse(path: Path, zh: str, en: str, **remedy: str) -> SourceError:
    """Build the error of one problem with the extract."""
    return SourceError(Problem(zh=zh, en=en, path=path, **(remedy or _REMEDY)))


def check_is_readable(path: Path) -> None:
    """Raise SourceError unless the file exists and has content."""
    if not path.is_file():
        raise _refuse(path, "找不到路网数据文件", "the street extract is missing")
    if path.stat().st_size == 0:
        raise _refuse(path, "路网数据文件为空", "the street extract is empty")


def unreadable(path: Path, cause: str) -> SourceError:
    """Say that libosmium could not read the file, and its words for why."""
    if "EOF" in cause or "no element found" in cause or "truncated" in cause.lower():
        return _refuse(
            path, f"路网数据文件不完整（{cause}）", f"the street extract is truncated ({cause})"
        )
    return _refuse(
        path,
        f"不是可读的 OpenStreetMap 文件（{cause}）",
        f"the file is no readable OpenStreetMap file ({cause})",
    )


def check_area(area: shapely.Geometry, path: Path) -> None:
    """Raise SourceError unless the area is a polygon in longitude and latitude."""
    if area.is_empty or area.area == 0:
        raise _refuse(
            path,
            "研究区为空，无法裁剪路网",
            "the study area is empty, streets cannot be clipped to it",
            remedy_zh="检查研究区边界",
            remedy_en="check the boundary of the study",
        )
    west, south, east, north = area.bounds
    if max(abs(west), abs(east)) > 180 or max(abs(south), abs(north)) > 90:  # noqa: PLR2004
        metres = max(abs(south), abs(north)) > 360  # noqa: PLR2004
        zh = "以米为单位" if metres else "经纬度颠倒"
        en = "in metres" if metres else "swapped (latitude before longitude)"
        raise _refuse(
            path,
            f"研究区坐标{zh}：{_box(area.bounds)}",
            f"the coordinates of the study area are {en}: {_box(area.bounds)}",
            remedy_zh="以 EPSG:4326 经度、纬度顺序给出研究区",
            remedy_en="give the area in EPSG:4326, longitude first",
        )


def check_header(header: Any, path: Path, area: shapely.Geometry | None) -> dt.date | None:  # noqa: ANN401
    """Return the date in the file header, and refuse a header box that misses the study.

    Returns
    -------
    date
        Replication date, else date of writing, else None.
    """
    box = header.box()
    if area is not None and box.valid():
        low, high = box.bottom_left, box.top_right
        _refuse_if_apart(shapely.box(low.lon, low.lat, high.lon, high.lat), area, path)
    for key in _TIMES:
        text = header.get(key)
        try:
            return dt.datetime.fromisoformat(text).date()
        except (TypeError, ValueError):
            continue
    return None


def check_area_is_met(
    bounds: tuple[float, float, float, float],
    *,
    ways: int,
    path: Path,
    area: shapely.Geometry | None,
) -> None:
    """Raise SourceError when there are no streets, no places, or none in the area.

    Parameters
    ----------
    bounds
        West, south, east and north of the street nodes in degrees; infinite where no place of a
        node is known.
    ways
        Number of street ways.
    """
    if ways == 0:
        raise _refuse(path, "文件中没有道路（highway）", "the file holds no streets (highway)")
    if not np.isfinite(bounds).all():
        raise _refuse(
            path,
            "道路节点没有可用坐标：节点缺失、排在道路之后，或经纬度颠倒、以米为单位",
            "no street node has a usable place: nodes are missing or follow the ways, or "
            "coordinates are swapped or in metres",
            remedy_zh="用 osmium sort 或 osmium getid -r 处理后重试",
            remedy_en="repair the extract with `osmium sort` or complete its ways, then retry",
        )
    if area is not None:
        _refuse_if_apart(shapely.box(*bounds), area, path)


def no_streets(path: Path, mode: str, area: shapely.Geometry | None) -> SourceError:
    """Say that the file has streets, but none for the mode in the area."""
    where = "" if area is None else f" ({_box(area.bounds)})"
    return _refuse(
        path,
        f"研究区内没有 {mode} 方式可用的道路{where}",
        f"no street in the area can be used by mode {mode}{where}",
        remedy_zh=f"检查研究区与 network.{mode} 规则",
        remedy_en=f"check the area and the rules network.{mode}",
    )


def _refuse_if_apart(box: shapely.Polygon, area: shapely.Geometry, path: Path) -> None:
    """Raise SourceError where the data and the study do not meet; guess at swapped coordinates."""
    if box.intersects(area):
        return
    found, wanted = _box(box.bounds), _box(area.bounds)
    swapped = shapely.transform(area, lambda xy: xy[:, ::-1])
    if box.intersects(swapped):
        raise _refuse(
            path,
            f"研究区与数据的经纬度顺序相反：研究区 {wanted}，数据 {found}",
            f"the study and the file disagree in the order of coordinates: study {wanted}, "
            f"file {found}",
            remedy_zh="以经度、纬度的顺序给出坐标",
            remedy_en="give coordinates as longitude, latitude",
        )
    raise _refuse(
        path,
        f"数据范围 {found} 不含研究区 {wanted}",
        f"the file covers {found} and misses the study at {wanted}",
    )


def _box(bounds: tuple[float, float, float, float]) -> str:
    """Write bounds as a person reads them."""
    return "[" + ", ".join(f"{value:.4f}" for value in bounds) + "]"

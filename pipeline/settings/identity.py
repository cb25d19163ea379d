"""Who the study is: name, place, date, coordinate system and seed."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from pydantic import AfterValidator

from pipeline.settings.base import Section, setting


def _projected(code: str) -> str:
    """Refuse a working CRS in degrees or Web Mercator: neither measures lengths."""
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        crs = CRS.from_user_input(code)
    except CRSError as error:
        msg = (
            "PROJ 不认识此坐标系，例如 EPSG:32651 / "
            f"{code!r} is not a coordinate system that PROJ knows, such as EPSG:32651"
        )
        raise ValueError(msg) from error
    if crs.to_epsg() == 3857 or not crs.is_projected:  # noqa: PLR2004
        msg = (
            "不以米计量，请用投影坐标系，如当地 UTM 带 / "
            f"{code!r} does not measure metres; use a projected CRS such as the local UTM zone"
        )
        raise ValueError(msg)
    if crs.axis_info[0].unit_name not in {"metre", "meter"}:
        unit = crs.axis_info[0].unit_name
        msg = f"坐标轴单位为 {unit}，应为米 / {code!r} has axes in {unit}; use one in metres"
        raise ValueError(msg)
    return code


class IdentitySettings(Section):
    """Identity of a study."""

    id: str = setting(
        zh="研究的短名，用作文件夹名",
        en="short name of the study, used as folder name",
        pattern=r"^[a-z][a-z0-9_]{1,40}$",
    )
    name_zh: str = setting(zh="中文名称", en="name in Chinese", min_length=1, max_length=80)
    name_en: str = setting(zh="英文名称", en="name in English", min_length=1, max_length=80)
    crs: Annotated[str, AfterValidator(_projected)] = setting(
        zh="工作坐标系（米制投影）",
        en="working coordinate system, projected, in metres",
        source="METHODS 0: the local UTM zone, scale error under 0.1 %",
    )
    date: dt.date = setting(
        zh="研究日期：此日已运营的设施才计入",
        en="study date: what operates on this day counts",
    )
    centre_lon: float = setting(
        zh="城市中心经度 (WGS84)",
        en="longitude of the city centre (WGS84)",
        unit="deg",
        ge=-180,
        le=180,
    )
    centre_lat: float = setting(
        zh="城市中心纬度 (WGS84)",
        en="latitude of the city centre (WGS84)",
        unit="deg",
        ge=-85,
        le=85,
    )
    centre_name: str = setting(zh="中心的名称", en="name of the centre", max_length=80)
    buffer_m: float = setting(
        15_000.0,
        zh="在地点外多读入的范围，应不小于最大的门槛距离",
        en="how far beyond the places streets are read; at least the largest threshold",
        unit="m",
        source="METHODS 0; 30 min at the estimated driving speed is 12 km",
        gt=0,
    )
    basis: dict[str, str] = setting(
        {},
        zh="本研究所设各值的出处：设置 → 来源",
        en="where the values that this study states come from: setting -> source",
    )
    seed: int = setting(
        20260519,
        zh="随机数种子",
        en="seed of every random draw",
        ge=0,
        lt=2**32,
    )

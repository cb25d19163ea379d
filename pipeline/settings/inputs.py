"""Where a study's inputs come from: an embedded table or a file of the user's."""

from __future__ import annotations

import datetime as dt
import difflib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ValidationInfo, model_validator

from pipeline.settings.base import Section, setting


def _existing(path: Path, info: ValidationInfo) -> Path:
    """Resolve against the study file's folder and insist that the file is there."""
    base = (info.context or {}).get("base", Path.cwd())
    resolved = path if path.is_absolute() else (base / path).resolve()
    if resolved.is_file():
        return resolved
    around = sorted(p.name for p in resolved.parent.glob("*")) if resolved.parent.is_dir() else []
    near = difflib.get_close_matches(resolved.name, around, n=1)
    hint = f"; nearest match in that folder: {near[0]}" if near else ""
    msg = f"there is no file {resolved}{hint}"
    raise ValueError(msg)


InputPath = Annotated[Path, AfterValidator(_existing)]


class TableInput(Section):
    """One table: embedded with the project, or a file of the user's."""

    reference: str | None = setting(
        None, zh="内置参考表的名称", en="name of an embedded reference table"
    )
    path: InputPath | None = setting(
        None,
        zh="自己的文件（相对于研究文件）",
        en="a file of your own, relative to the study file",
    )
    datum: Literal["wgs84", "cgcs2000", "gcj02", "bd09"] = setting(
        "wgs84", zh="坐标基准（声明）", en="declared datum of the coordinates"
    )
    snapshot: dt.date | None = setting(
        None,
        zh="数据日期；空则取参考表所记",
        en="date of the data; the reference table's when empty",
    )
    licence: str | None = setting(None, zh="许可", en="licence")
    attribution: str | None = setting(None, zh="署名", en="attribution")

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.reference is None) == (self.path is None):
            msg = "give either `reference` or `path`, not both and not neither"
            raise ValueError(msg)
        return self


class ParcelInput(Section):
    """The parcel layer: the user's own, or the labelled synthetic demonstration."""

    path: InputPath | None = setting(
        None,
        zh="自己的地块文件；空则用合成示例",
        en="your parcel file; synthetic sample when empty",
    )
    area_unit: Literal["m2", "ha", "mu"] | None = setting(
        None, zh="面积单位（声明）", en="declared unit of areas"
    )
    money_unit: Literal["yuan", "wan_yuan"] | None = setting(
        None, zh="金额单位（声明）", en="declared unit of money"
    )
    encoding: str | None = setting(
        None, zh="属性编码；空则自动识别", en="encoding; detected when empty"
    )
    crs: str | None = setting(None, zh="坐标系；空则读取文件", en="CRS; the file's own when empty")


class InputSettings(Section):
    """All inputs of a study by role."""

    places: TableInput = setting(zh="园区与地点", en="parks and places")
    line_stations: TableInput | None = setting(
        None, zh="按线路排序的车站", en="stations in order along their lines"
    )
    lines: TableInput | None = setting(None, zh="线路名称与颜色", en="names and colours of lines")
    planned_stations: TableInput | None = setting(
        None, zh="在建与规划车站", en="stations under construction or planned"
    )
    districts: TableInput | None = setting(None, zh="区的名称", en="names of districts")
    hubs: TableInput | None = setting(None, zh="轨道枢纽", en="rail hubs")
    hospitals: TableInput | None = setting(None, zh="医院院区", en="hospital campuses")
    schools: TableInput | None = setting(None, zh="学校", en="schools")
    cells: TableInput | None = setting(
        None, zh="500 米格网的设施计数", en="counts of facilities per 500 m cell"
    )
    standards: TableInput | None = setting(None, zh="标准与阈值", en="standards and thresholds")
    osm_extract: InputPath | None = setting(
        None,
        zh="OpenStreetMap 摘录 (.osm.pbf)；有街道之处以实测代替估算",
        en="OpenStreetMap extract (.osm.pbf); measures instead of estimates where it has streets",
    )
    parcels: ParcelInput = setting(ParcelInput(), zh="地块", en="parcels")

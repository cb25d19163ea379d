"""Settle how maps are drawn: diet, classes, first view."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from pipeline.settings.base import Section, setting

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]

TileSource = Literal["none", "osm", "tianditu", "custom"]
TileDatum = Literal["wgs84", "cgcs2000", "gcj02"]


class TileSettings(Section):
    """An online base map under the layers; a reader without a connection sees the plain ground."""

    source: TileSource = setting(
        "none",
        zh="底图来源：无、OpenStreetMap、天地图（需自己的密钥）或自定义地址",
        en="origin of the tiles: none, OpenStreetMap, Tianditu (with a key of your own) or an "
        "address of your own",
    )
    key: str | None = setting(
        None,
        zh="天地图浏览器端密钥；会写入地图文件，读者可见",
        en="browser key of Tianditu; it is written into the map file, where every reader sees it",
        pattern=r"^[0-9A-Za-z]{1,64}$",
    )
    url: str | None = setting(
        None,
        zh="自定义瓦片地址，含 {z}、{x}、{y}",
        en="address of tiles of your own with {z}, {x} and {y}",
        pattern=r"^https?://[^\s'\";,]+$",
    )
    datum: TileDatum = setting(
        "wgs84",
        zh="自定义瓦片的坐标基准；gcj02 时图层随之偏移，仅用于显示",
        en="datum of your own tiles; for gcj02 the layers are shifted with them, for display only",
    )
    attribution: str | None = setting(
        None, zh="自定义瓦片的署名（必填）", en="attribution of your own tiles (required)"
    )
    max_zoom: int = setting(18, zh="瓦片的最大级别", en="largest zoom of the tiles", ge=1, le=22)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.source == "tianditu" and self.key is None:
            msg = "tianditu 需要 maps.tiles.key / tianditu needs maps.tiles.key"
            raise ValueError(msg)
        if self.source == "custom" and (self.url is None or not self.attribution):
            msg = "custom 需要 url 与 attribution / custom needs `url` and `attribution`"
            raise ValueError(msg)
        if self.url is not None and not all(f"{{{part}}}" in self.url for part in "zxy"):
            msg = "url 须含 {z}、{x}、{y} / the url must hold {z}, {x} and {y}"
            raise ValueError(msg)
        return self


class MapsSettings(Section):
    """How maps are drawn."""

    budget_mb: float = setting(
        5.0,
        zh="单个地图文件大小上限；超过则停止并指出最重的图层",
        en="largest size of a map file; above it the build stops and names the heaviest layer",
        unit="MB",
        source="analyst choice",
        gt=0,
    )
    coordinate_decimals: int = setting(
        5,
        zh="地图坐标保留的小数位（5 位约 1 米）",
        en="decimals kept of the maps' coordinates (5 is about 1 m)",
        source="analyst choice",
        ge=3,
        le=7,
    )
    simplify_m: float = setting(
        25.0,
        zh="背景轮廓（行政区、线路）的简化容差",
        en="tolerance when background outlines (districts, lines) are simplified",
        unit="m",
        source="analyst choice",
        ge=0,
    )
    gap_breaks: tuple[Share, ...] = setting(
        (0.2, 0.4, 0.6, 0.8),
        zh="缺口（0–1）分级的界线，自小到大；值等于界线时归入较低一级",
        en="breaks between classes of the gap (0 to 1), ascending; a value on a break belongs to "
        "the lower class",
        unit="share",
        source="analyst choice",
        min_length=4,
        max_length=4,
    )
    first_service: Literal["rail", "hospital", "school", "island", "composite"] = setting(
        "composite",
        zh="打开地图时显示的服务",
        en="service shown when the map opens",
    )
    first_language: Literal["zh", "en"] = setting(
        "zh", zh="打开地图时的语言", en="language when the map opens"
    )
    first_mode: Literal["dual", "swipe", "layout", "gaps"] = setting(
        "dual",
        zh="打开地图时的对照方式：并排、卷帘、只看布局、只看缺口（窄屏用卷帘代替并排）",
        en="how the map opens: side by side, swipe, layout alone, gaps alone (narrow screens swipe "
        "instead of side by side)",
    )

    catchment_min: tuple[Positive, ...] = setting(
        (5.0, 10.0, 15.0),
        zh="园区详图中步行范围的分级",
        en="bands of the walking catchment on a park's page",
        unit="min",
        source="analyst choice: 5, 10 and 15 minute circles of the living-circle standards",
        min_length=1,
        max_length=5,
    )
    park_view_km: float = setting(
        4.0,
        zh="园区详图首屏最多离园区多远；更远的设施以路线示意，可缩小查看",
        en="how far around a park the first view of its page reaches; facilities beyond are listed "
        "and seen when zooming out",
        unit="km",
        source="analyst choice",
        gt=0,
    )
    tiles: TileSettings = setting(
        TileSettings(),
        zh="在线底图（默认无：文件不请求任何网络）",
        en="online base map (none by default: the file asks the network for nothing)",
    )

    @field_validator("gap_breaks", "catchment_min")
    @classmethod
    def _ascending(cls, breaks: tuple[float, ...]) -> tuple[float, ...]:
        if any(low >= high for low, high in pairwise(breaks)):
            msg = f"分级须递增 / breaks must ascend: {breaks}"
            raise ValueError(msg)
        return breaks

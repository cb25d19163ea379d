"""Settle how maps are drawn: diet, classes, first view."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, field_validator

from pipeline.settings.base import Section, setting

Share = Annotated[float, Field(ge=0, le=1)]


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

    @field_validator("gap_breaks")
    @classmethod
    def _ascending(cls, breaks: tuple[float, ...]) -> tuple[float, ...]:
        if any(low >= high for low, high in pairwise(breaks)):
            msg = f"gap_breaks must ascend: {breaks}"
            raise ValueError(msg)
        return breaks

"""Declare how uncertain boundaries are drawn and when a claim counts as certain."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from pipeline.settings.base import Section, setting

ANALYST = "analyst choice"


class UncertaintySettings(Section):
    """How places with an uncertain boundary are drawn and when a claim counts as certain."""

    draws: int = setting(
        200,
        zh="每个位置不确定地点的合理范围抽样次数",
        en="plausible footprints drawn for each indicative place",
        source="METHODS 7",
        ge=20,
    )
    robust_share: float = setting(
        0.95,
        zh="判断为“稳健”的抽样比例下限",
        en="share of draws from which a claim is robust",
        unit="share",
        source="METHODS 7",
        gt=0.5,
        le=1,
    )
    likely_share: float = setting(
        0.66,
        zh="判断为“可能”的抽样比例下限",
        en="share of draws from which a claim is likely",
        unit="share",
        source="METHODS 7",
        gt=0.5,
        le=1,
    )
    interval_share: float = setting(
        0.9,
        zh="区间包含的抽样比例",
        en="share of draws inside the reported interval",
        unit="share",
        source="METHODS 7",
        gt=0,
        lt=1,
    )
    cells_per_footprint: int = setting(
        25,
        zh="每次抽样中一个范围至少用多少格点代表",
        en="fewest cells that stand for one footprint in a draw",
        source=ANALYST,
        ge=1,
    )
    cells_at_most: int = setting(
        144,
        zh="每次抽样中一个范围至多用多少格点代表",
        en="most cells that stand for one footprint in a draw",
        source=ANALYST,
        ge=1,
    )
    cell_m: float = setting(
        200.0,
        zh="抽样范围的格点边长（在上述数目之间）",
        en="side of the cells of a drawn footprint, between those two numbers",
        unit="m",
        source=ANALYST,
        gt=0,
    )
    certain_cell_m: float = setting(
        100.0,
        zh="边界确定的地点的格网边长",
        en="side of the cells of a place with a certain boundary",
        unit="m",
        source="METHODS 3",
        gt=0,
    )
    assumed_area_km2: float = setting(
        1.0,
        zh="无规划面积时假设的面积（结果中注明）",
        en="area assumed where no planned area is documented (flagged in footprint_basis)",
        unit="km2",
        source=ANALYST,
        gt=0,
    )
    assumed_precision_m: float = setting(
        2_000.0,
        zh="点位精度未知时假设的误差半径",
        en="radius of error assumed where the precision of a point is unknown",
        unit="m",
        source=ANALYST,
        gt=0,
    )
    homes_at_most: int = setting(
        20_000,
        zh="两步移动搜索法中代表居民的点数上限；更多时按方格汇总",
        en="most points that stand for residents in floating catchments; more are gathered in "
        "squares",
        source="analyst choice: memory, points times campuses",
        ge=100,
    )
    same_point_m: float = setting(
        200.0,
        zh="地点坐标与地铁站相距不超过此值时，视为借用站点坐标，不用于轨道结果",
        en="a place's point this close to a station is the station and unfit for rail results",
        unit="m",
        source="analyst choice: entrances and platforms of one station lie that far apart",
        ge=0,
    )

    @model_validator(mode="after")
    def _fewest_below_most(self) -> Self:
        """Hold the order of the two numbers of cells."""
        if self.cells_per_footprint > self.cells_at_most:
            msg = "cells_per_footprint must not exceed cells_at_most / 最少格点数不得多于最多格点数"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _likely_below_robust(self) -> Self:
        """Hold the order of the two verdicts."""
        if self.likely_share > self.robust_share:
            msg = "likely_share must not exceed robust_share / “可能”比例不得高于“稳健”比例"
            raise ValueError(msg)
        return self

"""Declare how the pull of a facility falls with travel time."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from pipeline.settings.base import Section, setting

ANALYST = "analyst choice"


class ImpedanceSettings(Section):
    """How the pull of a facility falls with travel time in the gravity measure."""

    kind: Literal["exponential", "power", "gaussian"] = setting(
        "exponential",
        zh="衰减函数：指数、幂或高斯",
        en="decay function: exponential, power or gaussian",
        source=ANALYST,
    )
    half_time_min: float = setting(
        15.0,
        zh="指数衰减：吸引力减半所需的时间",
        en="exponential decay: time after which the pull is halved",
        unit="min",
        source=ANALYST,
        gt=0,
    )
    exponent: float = setting(
        1.5,
        zh="幂衰减：指数（t 的负幂）",
        en="power decay: exponent (a negative power of t)",
        source=ANALYST,
        gt=0,
    )
    floor_min: float = setting(
        1.0,
        zh="幂衰减：时间下限，避免零时间无穷大",
        en="power decay: shortest time used, so that zero minutes stay finite",
        unit="min",
        source=ANALYST,
        gt=0,
    )
    scale_min: float = setting(
        15.0,
        zh="高斯衰减：标准差",
        en="gaussian decay: standard deviation",
        unit="min",
        source=ANALYST,
        gt=0,
    )


class StepwiseSettings(Section):
    """The travel-time zones of E2SFCA and their weights."""

    edges_min: tuple[float, ...] = setting(
        (10.0, 20.0, 30.0),
        zh="时间圈上限（含上限）",
        en="upper edge of each travel-time zone (inclusive)",
        unit="min",
        source="Luo and Qi 2009, 10.1016/j.healthplace.2009.06.002",
        min_length=1,
    )
    weights: tuple[float, ...] = setting(
        (1.0, 0.68, 0.22),
        zh="各时间圈权重",
        en="weight of each zone",
        source="Luo and Qi 2009, 10.1016/j.healthplace.2009.06.002",
        min_length=1,
    )

    @model_validator(mode="after")
    def _zones_fit(self) -> Self:
        """Hold one weight per zone, edges rising, weights not rising and not negative."""
        if len(self.edges_min) != len(self.weights):
            msg = "edges_min and weights need the same length / 时间圈与权重个数须一致"
            raise ValueError(msg)
        if any(a >= b for a, b in zip(self.edges_min, self.edges_min[1:], strict=False)):
            msg = "edges_min must rise / 时间圈上限须递增"
            raise ValueError(msg)
        falling = all(a >= b for a, b in zip(self.weights, self.weights[1:], strict=False))
        if not falling or self.weights[-1] < 0:
            msg = "weights must not rise and not be negative / 权重须不增且非负"
            raise ValueError(msg)
        return self

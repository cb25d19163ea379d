"""Which measure of each service is held against which standard."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from pipeline.settings.base import Section, setting

# What measures are in, by how their names begin.
UNITS = {"minutes_": "min", "distance_": "m", "share_": "share"}


class NeedSettings(Section):
    """One need: a gap is a value on the wrong side of the threshold."""

    service: Literal["rail", "hospital", "school", "kindergarten", "clinic", "supermarket"] = (
        setting(zh="服务", en="service")
    )
    variant: str = setting(zh="口径", en="variant of the facilities")
    mode: Literal["walk", "cycle", "drive", "rail_walk"] = setting(zh="方式", en="mode of travel")
    measure: str = setting(zh="指标", en="measure, as named in the access table")
    threshold: float = setting(zh="门槛（指标的单位）", en="threshold, in the measure's unit", gt=0)
    unit: Literal["min", "m", "share", "count"] = setting(zh="单位", en="unit of the threshold")
    direction: Literal["at_most", "at_least"] = setting(
        zh="达标方向", en="side on which the standard is met"
    )
    standard_id: str = setting(zh="标准表中的编号", en="id in the table of standards")

    @model_validator(mode="after")
    def _unit_is_that_of_the_measure(self) -> Self:
        for kind, unit in UNITS.items():
            if self.measure.startswith(kind) and self.unit != unit:
                msg = f"{self.measure} 的单位是 {unit} / is in {unit}, not in {self.unit}"
                raise ValueError(msg)
        return self


NEEDS = (
    NeedSettings(
        service="rail",
        variant="operating",
        mode="walk",
        measure="minutes_nearest_median",
        threshold=10.0,
        unit="min",
        direction="at_most",
        standard_id="own_choice",
    ),
    NeedSettings(
        service="hospital",
        variant="hospital_all",
        mode="drive",
        measure="minutes_nearest_median",
        threshold=30.0,
        unit="min",
        direction="at_most",
        standard_id="own_choice",
    ),
    NeedSettings(
        service="school",
        variant="school_all",
        mode="drive",
        measure="minutes_nearest_median",
        threshold=15.0,
        unit="min",
        direction="at_most",
        standard_id="own_choice",
    ),
)


class BasicNeedSettings(NeedSettings):
    """A need of daily life, and the service of quality it is set against."""

    quality: Literal["rail", "hospital", "school"] = setting(
        zh="与之对照的优质服务", en="the service of quality it is set against"
    )


BASIC_NEEDS = tuple(
    BasicNeedSettings(
        service=service,
        variant=variant,
        mode="walk",
        measure="minutes_nearest_median",
        threshold=15.0,
        unit="min",
        direction="at_most",
        standard_id="daily_15min",
        quality=quality,
    )
    for service, variant, quality in (
        ("school", "primary_public", "school"),
        ("school", "junior_public", "school"),
        ("clinic", "all", "hospital"),
    )
)


class MeasureSettings(Section):
    """One measure of the access tables."""

    service: str = setting(zh="服务", en="service")
    variant: str = setting(zh="口径", en="variant of the facilities")
    mode: str = setting(zh="方式", en="mode of travel")
    measure: str = setting(zh="指标", en="measure, as named in the access table")


class ComparisonSettings(MeasureSettings):
    """A measure that is held against a standard wherever the standard applies."""

    standard_id: str = setting(zh="标准表中的编号", en="id in the table of standards")


PROVISIONS = (
    MeasureSettings(
        service="rail", variant="operating", mode="straight_line", measure="share_area_euclid_1000m"
    ),
    MeasureSettings(service="hospital", variant="hospital_all", mode="drive", measure="gravity"),
    MeasureSettings(service="school", variant="school_all", mode="drive", measure="gravity"),
)

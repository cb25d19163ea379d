"""Declare what rail, hospital and school access, boundary draws and gaps are computed with."""

from __future__ import annotations

from datetime import date
from typing import Literal, Self

from pydantic import model_validator

from pipeline.settings.base import Section, setting
from pipeline.settings.decay import ImpedanceSettings, StepwiseSettings
from pipeline.settings.needs import (
    BASIC_NEEDS,
    NEEDS,
    PROVISIONS,
    BasicNeedSettings,
    ComparisonSettings,
    MeasureSettings,
    NeedSettings,
)
from pipeline.settings.uncertainty import UncertaintySettings

__all__ = [
    "GapSettings",
    "HospitalSettings",
    "RailCoverageSettings",
    "SchoolSettings",
    "ServiceSettings",
    "UncertaintySettings",
]

ANALYST = "analyst choice"


class RailCoverageSettings(Section):
    """Bands, station extent and catchment shape of rail coverage."""

    bands_m: tuple[float, ...] = setting(
        (500.0, 600.0, 800.0, 1000.0),
        zh="站点覆盖半径",
        en="coverage bands around stations",
        unit="m",
        source="analyst choice: 600 m is what cities publish, the others show how it matters",
        min_length=1,
    )
    bands_min: tuple[float, ...] = setting(
        (10.0, 15.0),
        zh="步行时间圈",
        en="walking-time bands",
        unit="min",
        source=ANALYST,
        min_length=1,
    )
    station_extent_m: float = setting(
        100.0,
        zh="出入口未知时，站点中心外加的站体尺度",
        en="added to a band around a station's centroid where its entrances are unknown",
        unit="m",
        source="analyst choice: half of an eight-car platform (about 190 m)",
        ge=0,
    )
    entrance_max_m: float = setting(
        400.0,
        zh="站点出入口与站点中心的最大距离",
        en="farthest distance of a mapped entrance from the centre of its station",
        unit="m",
        source="analyst choice: passages of large interchanges",
        gt=0,
    )
    entrances_at_least: int = setting(
        2,
        zh="以出入口代替站点中心所需的出入口数；更少者仍用站点中心加站体尺度",
        en="mapped entrances from which they replace the centre of a station; with fewer the "
        "centre and the station extent stay",
        source="analyst choice: a single mapped entrance is seldom the only one",
        ge=1,
    )
    history_dates: tuple[date, ...] = setting(
        (),
        zh="另计算覆盖率的历史日期（需线路车站表的 opened_after、opened_by 或 opened）",
        en="days in the past for which coverage is computed too (from opened_after, opened_by or "
        "opened of the table of line-stations)",
        source=ANALYST,
    )
    station_walk_min: float = setting(
        30.0,
        zh="轨道加步行到枢纽时，步行到车站的最长时间",
        en="longest walk to a station in journeys to hubs",
        unit="min",
        source=ANALYST,
        gt=0,
    )
    hub_limit_min: float = setting(
        180.0,
        zh="到枢纽的最长出行时间",
        en="longest journey to a hub",
        unit="min",
        source=ANALYST,
        gt=0,
    )
    published_scopes: dict[str, str] = setting(
        {},
        zh="已公布覆盖率的范围与本研究中最接近的单元",
        en="the unit of this study that comes nearest to the scope of a published coverage",
        source="study file",
    )
    hubs: tuple[str, ...] = setting(
        (),
        zh="计算轨道时间的枢纽（inputs.hubs 的编号）；空则为全部",
        en="hubs to which rail minutes are computed (ids of inputs.hubs); all of them when empty",
        source=ANALYST,
    )


class ServiceSettings(Section):
    """What access to any service is measured by; each service states its variants and counts."""

    variants: tuple[str, ...]
    modes: tuple[Literal["walk", "cycle", "drive", "rail_walk"], ...] = setting(
        ("walk", "cycle", "drive", "rail_walk"),
        zh="交通方式",
        en="modes of travel",
        min_length=1,
    )
    thresholds_min: tuple[float, ...]
    catchment_min: float = setting(
        30.0,
        zh="两步移动搜索法的截断时间",
        en="cutoff of the two-step floating catchment",
        unit="min",
        source=ANALYST,
        gt=0,
    )
    stepwise: StepwiseSettings = setting(
        StepwiseSettings(),
        zh="E2SFCA 时间圈与权重",
        en="zones and weights of E2SFCA",
    )
    impedance: ImpedanceSettings = setting(
        ImpedanceSettings(),
        zh="引力模型的衰减",
        en="decay of the gravity measure",
    )
    default_supply: float = setting(
        1.0,
        zh="规模（床位、学位）未知时每个院区或校区的供给量",
        en="supply of a campus whose size (beds, places) is unknown",
        source="METHODS 4",
        gt=0,
    )
    search_limit_min: float = setting(
        120.0,
        zh="出行时间搜索上限，更远的设施不计入",
        en="how far facilities are looked for; farther ones count for nothing",
        unit="min",
        source=ANALYST,
        gt=0,
    )
    station_walk_min: float = setting(
        20.0,
        zh="轨道加步行方式中往返车站的最长步行时间",
        en="longest walk to or from a station in journeys by rail",
        unit="min",
        source=ANALYST,
        gt=0,
    )


class HospitalSettings(ServiceSettings):
    """Variants, modes, thresholds and catchment of hospital access."""

    variants: tuple[str, ...] = setting(
        ("hospital_all",),
        zh="医院口径，由 inputs.hospitals 的列得出",
        en="which hospitals: variants that follow from the columns of inputs.hospitals",
        source="METHODS 4",
        min_length=1,
    )
    thresholds_min: tuple[float, ...] = setting(
        (15.0, 30.0, 45.0),
        zh="计数时间阈值（无法定服务半径，为分析者选择）",
        en="thresholds of the counts (no statutory radius exists: the analyst's choice)",
        unit="min",
        source=ANALYST,
        min_length=1,
    )
    screen_radius_m: float = setting(
        5_000.0,
        zh="直线筛查半径（范围内院区数）",
        en="radius of the straight-line screen: campuses within it are counted",
        unit="m",
        source=ANALYST,
        gt=0,
    )


class SchoolSettings(ServiceSettings):
    """Variants, service radii, thresholds and catchment of school access."""

    variants: tuple[str, ...] = setting(
        ("school_all",),
        zh="学校口径：学段、办学性质与质量，由 inputs.schools 的列得出",
        en="which schools: level, ownership and quality, from the columns of inputs.schools",
        source="METHODS 5",
        min_length=1,
    )
    thresholds_min: tuple[float, ...] = setting(
        (15.0, 30.0),
        zh="计数时间阈值",
        en="thresholds of the counts",
        unit="min",
        source=ANALYST,
        min_length=1,
    )
    service_radius_m: dict[Literal["kindergarten", "primary", "junior", "senior"], float] = setting(
        {"kindergarten": 300.0, "primary": 500.0, "junior": 1000.0},
        zh="服务半径（未列出的学段无半径标准）",
        en="service radius by level (a level not listed has no radius)",
        unit="m",
        source="GB 50180-2018 / GB 50099-2011, from memory, unverified",
    )
    by_admission: tuple[str, ...] = setting(
        (),
        zh="另按招生区计算的口径（只计面向园区所在区或全市招生的学校）",
        en="variants also measured by admission: only schools that admit from the place's own "
        "district or from the whole city",
        source="METHODS 5",
    )


class GapSettings(Section):
    """Weights, normalisation and stability of the composite gap."""

    needs: tuple[NeedSettings, ...] = setting(
        NEEDS,
        zh="每项服务的需求：哪个指标对照哪个标准",
        en="the need of each service: which measure is held against which standard",
        source="rail: 800 m walked at 80 m/min; hospital and school: analyst choice",
        min_length=1,
    )
    basic_needs: tuple[BasicNeedSettings, ...] = setting(
        BASIC_NEEDS,
        zh="日常服务的需求，与高等级服务对照（两层次检验）",
        en="needs of daily life, set against services of quality (the two-tier test)",
        source="15 minutes on foot: the living circle; unverified, see the table of standards",
    )
    ordinary_is_complete: bool = setting(
        default=False,
        zh="OSM 中的日常设施是否视为完整；否则只能判断“有”，不能判断“无”",
        en="whether the ordinary facilities of OpenStreetMap are taken as complete; if not, they "
        "can show that a service is there, never that it is not",
        source="unmapped is not absent: OpenStreetMap undercounts in the suburbs",
    )
    comparisons: tuple[ComparisonSettings, ...] = setting(
        (),
        zh="与标准对照的指标（仅在标准适用处）",
        en="measures held against standards, only where these apply",
        source=ANALYST,
    )
    provisions: tuple[MeasureSettings, ...] = setting(
        PROVISIONS,
        zh="衡量供给是否随层级与规模的指标",
        en="measures of provision that are ranked against tier and size",
        source=ANALYST,
    )
    tier_rank: dict[str, float] = setting(
        {"core": 3.0, "zone": 2.0, "x": 1.0},
        zh="层级的高低（未列出的层级不参与）",
        en="rank of each tier, larger is higher (tiers not listed take no part)",
        source=ANALYST,
        min_length=2,
    )
    weights: dict[str, float] = setting(
        {"rail": 1.0, "hospital": 1.0, "school": 1.0},
        zh="各项服务在综合缺口中的权重",
        en="weight of each service in the composite gap",
        source="equal weights, analyst choice",
        min_length=1,
    )
    normalisation: Literal["share_of_standard", "min_max", "percentile"] = setting(
        "share_of_standard",
        zh="缺口归一方法：相对标准、极差或百分位",
        en="normalisation: share of the standard, range over places, or percentile",
        source=ANALYST,
    )
    cap: float = setting(
        1.0,
        zh="差多少个标准值记为满缺口（1 表示差一个标准值即为 1；取值越大，同样的欠缺所得分值越小）",
        en="standards short that count as a whole gap of 1, and more count no more; a larger value "
        "makes the same shortage count for less",
        unit="share",
        source=ANALYST,
        gt=0,
    )
    dirichlet_draws: int = setting(
        1000,
        zh="权重扰动次数",
        en="random sets of weights",
        source=ANALYST,
        ge=1,
    )
    dirichlet_concentration: float = setting(
        20.0,
        zh="权重扰动集中度（越大越接近设定权重）",
        en="concentration of the random weights (larger stays closer to the weights set)",
        source=ANALYST,
        gt=0,
    )
    worst_places: int = setting(
        10,
        zh="“缺口最大”名单的长度",
        en="length of the list of places with the largest gap",
        source=ANALYST,
        ge=1,
    )
    bootstrap_draws: int = setting(
        1000,
        zh="秩相关区间的自助抽样次数",
        en="bootstrap draws of the rank correlation's interval",
        source=ANALYST,
        ge=20,
    )

    @model_validator(mode="after")
    def _weights_are_positive(self) -> Self:
        """Refuse weights that are negative or all zero."""
        if min(self.weights.values()) < 0 or sum(self.weights.values()) <= 0:
            msg = "weights must not be negative or all zero / 权重不得为负或全为零"
            raise ValueError(msg)
        return self

"""Declare how parks are paired, clusters tested, sites chosen and documented figures checked."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from pipeline.settings.base import Section, setting

ANALYST = "analyst choice"


class PairingSettings(Section):
    """Which research nodes are paired with which carriers of production."""

    research_categories: tuple[str, ...] = setting(
        (),
        zh="作为研发一方的地点类别",
        en="categories of places that are research nodes",
        source="study file",
    )
    research_places: tuple[str, ...] = setting(
        (),
        zh="另外作为研发一方的地点",
        en="further places that are research nodes",
        source="study file",
    )
    carrier_tier: str = setting(
        "carrier", zh="制造一方的层级", en="tier of the places that produce", source="METHODS 9"
    )
    fill_share: float = setting(
        0.8,
        zh="研发一方共需载体容量的比例，各研发地点均分",
        en="share of all capacity that the research nodes need, each an equal part",
        unit="share",
        source=f"{ANALYST}: no source states how much space each node needs",
        gt=0,
        le=1,
    )
    limit_min: float = setting(
        240.0,
        zh="配对考虑的最长驾车时间",
        en="longest drive that may carry a pair",
        unit="min",
        source=ANALYST,
        gt=0,
    )
    draws: int = setting(
        200,
        zh="在点位偏差内移动地点、重新配对的次数",
        en="times the places are moved within their precision and paired again",
        source="METHODS 7",
        ge=20,
    )


class SectorSettings(Section):
    """The stated structure of a district, checked by compass bearing from its middle."""

    district_zh: str | None = setting(
        None, zh="所在区；空则不核对", en="district; nothing is checked when empty"
    )
    sectors: dict[str, Literal["north", "east", "south", "west"]] = setting(
        {},
        zh="各角色所说的方位",
        en="side of the district that each role names",
        source="study file",
    )


class ClusterSettings(Section):
    """Tests of concentration and anchors of the service clusters."""

    tier: str = setting("cluster", zh="服务集聚区的层级", en="tier of the service clusters")
    variants: tuple[str, ...] = setting(
        (),
        zh="另作集聚检验的设施口径",
        en="variants of facilities that are tested too",
        source=ANALYST,
    )
    neighbours: tuple[int, ...] = setting(
        (1, 2), zh="最近邻阶数", en="orders of the nearest neighbours", source=ANALYST, min_length=1
    )
    radii_m: tuple[float, ...] = setting(
        (1000.0, 2000.0, 5000.0, 10000.0),
        zh="Ripley K 的半径",
        en="radii of Ripley's K",
        unit="m",
        source=ANALYST,
        min_length=1,
    )
    draws: int = setting(999, zh="随机重置次数", en="relocations", source="METHODS 6", ge=99)
    alpha: float = setting(
        0.05, zh="显著性水平", en="level of the test", source=ANALYST, gt=0, lt=0.5
    )
    anchor_m: float = setting(
        1000.0,
        zh="锚点（医院、高校）的计数半径",
        en="radius within which anchors (hospitals, universities) are counted",
        unit="m",
        source=f"{ANALYST}: about a 15-minute walk",
        gt=0,
    )
    anchor_variant: str = setting(
        "hospital_all",
        zh="作为锚点的医院口径",
        en="hospitals that count as anchors",
        source=ANALYST,
    )
    centre_km: float = setting(
        6.0,
        zh="总部型集聚区距市中心的上限",
        en="farthest from the centre that a headquarters cluster lies",
        unit="km",
        source=f"{ANALYST}: inside the inner ring road, about 6 km from the centre",
        gt=0,
    )


class SitingSettings(Section):
    """Where one more facility would close most gap."""

    tiers: tuple[str, ...] = setting(
        ("core", "zone", "x", "carrier"),
        zh="计入需求的层级",
        en="tiers of the places that count as demand",
        source="METHODS 9",
        min_length=1,
    )
    sites: tuple[int, ...] = setting(
        (1, 2, 3), zh="新增设施数", en="numbers of new sites tried", source=ANALYST, min_length=1
    )
    grid_cells: int = setting(
        5,
        zh="候选点间隔的格数（每格为格网边长）",
        en="every how many cells of the grid a candidate site stands",
        source=f"{ANALYST}: 2.5 km on the grid of 500 m",
        ge=1,
    )
    shuttle_min: float = setting(
        15.0,
        zh="车站接驳车的最长行驶时间",
        en="longest ride of a shuttle from a station",
        unit="min",
        source=ANALYST,
        gt=0,
    )
    limit_min: float = setting(
        120.0,
        zh="通行时间搜索上限",
        en="how far travel times are looked for",
        unit="min",
        source=ANALYST,
        gt=0,
    )
    time_limit_s: float = setting(
        30.0,
        zh="每个模型的求解时间上限",
        en="when the solver of one model stops",
        unit="s",
        source=ANALYST,
        gt=0,
    )


class LandSettings(Section):
    """How plots are joined to patches, and what holding land could cost."""

    gap_m: float = setting(
        40.0,
        zh="相距不超过此值的地块视为连片（可隔一条街）",
        en="plots at most so far apart lie together, a street between them or not",
        unit="m",
        source=f"{ANALYST}: the width of an industrial street with its verges",
        gt=0,
    )
    surcharge_yuan_m2_year: float = setting(
        1.0,
        zh="低效与闲置用地每年每平方米的附加保有成本（情景；没有来源给出数额）",
        en="yearly surcharge on low-efficiency and idle land in a scenario; no source states one",
        unit="yuan/m2/year",
        source=f"{ANALYST}: one yuan, so that the result scales to any amount",
        ge=0,
    )
    land_price_yuan_m2: float | None = setting(
        None,
        zh="未写明出让价款的地块所用的工业地价；空则不计闲置费",
        en="price of industrial land where a plot states no price of its grant; without one the "
        "idle fee stays unknown",
        unit="yuan/m2",
        source="study file",
        gt=0,
    )


class SynthesisSettings(Section):
    """Layout against gaps: pairing, clusters, siting, locations and documented figures."""

    pairing: PairingSettings = setting(
        PairingSettings(), zh="研发与制造配对", en="pairing of research and production"
    )
    sectors: SectorSettings = setting(
        SectorSettings(), zh="区内方位结构", en="structure of a district by bearing"
    )
    clusters: ClusterSettings = setting(ClusterSettings(), zh="服务集聚", en="service clusters")
    siting: SitingSettings = setting(SitingSettings(), zh="选址", en="siting")
    land: LandSettings = setting(
        LandSettings(), zh="连片与保有成本", en="contiguity and the cost of holding land"
    )
    central_km: float | None = setting(
        None,
        zh="没有环线（inputs.rings）时中心城区的半径；两者皆空则不分区位",
        en="radius of the central city where inputs.rings gives no ring roads; without either, "
        "places are not sorted into rings",
        unit="km",
        source="study file",
        gt=0,
    )
    near_km: float | None = setting(
        None,
        zh="近郊的外缘半径",
        en="radius of the outer edge of the near suburbs",
        unit="km",
        source="study file",
        gt=0,
    )
    tolerance_share: float = setting(
        0.05,
        zh="推算值与文献值相符的最大差异",
        en="largest difference at which a derived figure agrees with the documented one",
        unit="share",
        source="METHODS 9: boundaries within 5 %",
        gt=0,
        lt=1,
    )

    @model_validator(mode="after")
    def _rings_grow(self) -> Self:
        if (self.central_km is None) != (self.near_km is None):
            msg = "central_km 与 near_km 须同时给出 / give central_km and near_km together"
            raise ValueError(msg)
        if self.central_km and self.near_km and self.near_km <= self.central_km:
            msg = "near_km 须大于 central_km / near_km must be larger than central_km"
            raise ValueError(msg)
        return self

"""Declare the settings of the island measures."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from .base import Section, setting

PositiveMetres = Annotated[float, Field(gt=0)]

BarrierKind = Literal["expressway", "railway", "water"]

CHOICE = "analyst choice"


class IslandSettings(Section):
    """What the ring is, what counts as an island, and how the null model is drawn."""

    ring_m: float = setting(
        800.0,
        zh="环带宽度:园区边界外多少米算作“周边”",
        en="width of the ring that stands for the surroundings",
        unit="m",
        source=CHOICE + "; ten minutes at 80 m/min",
        gt=0,
    )
    ring_sensitivity_m: tuple[PositiveMetres, ...] = setting(
        (500.0, 1200.0),
        zh="用于敏感性检验的其他环带宽度",
        en="other ring widths, for sensitivity",
        unit="m",
        source=CHOICE,
    )
    min_ring_land_share: float = setting(
        0.25,
        zh="环带扣除水面与其他园区后至少应剩余的比例，低于此值不予计算",
        en="share of the nominal ring that must remain after water and other parks are taken out",
        unit="share",
        source=CHOICE,
        gt=0,
        le=1,
    )
    host_overlap_share: float = setting(
        0.5,
        zh="另一园区覆盖本园区超过此比例时视为其所在环境，不从环带扣除",
        en="a park that covers more than this share of another is its setting, not a neighbour",
        unit="share",
        source=CHOICE,
        gt=0,
        le=1,
    )
    pseudo_count: float = setting(
        0.5,
        zh="密度对比取对数前加到计数上的常数",
        en="constant added to counts before the logarithm of the density contrast",
        source="Haldane-Anscombe correction",
        gt=0,
    )
    people_serving: tuple[str, ...] = setting(
        ("finance", "health", "schools", "shops", "sport"),
        zh="服务于人的设施类别（合并计算总的设施对比，类别之间不得重叠）",
        en="categories that serve people, pooled for the amenity contrast; they must not overlap",
        source=CHOICE,
        min_length=1,
    )
    contrast_direction: Literal["deficit", "either"] = setting(
        "deficit",
        zh="综合得分中设施对比的方向:deficit 只计园内偏少，either 计任一方向的偏离",
        en="direction in which amenity contrast enters the score: fewer inside, or either way",
        source=CHOICE,
    )
    min_cells_inside: float = setting(
        4.0,
        zh="用网格计数时，园区面积至少相当于多少个网格才可计算",
        en="park area, in grid cells, below which gridded counts cannot resolve it",
        unit="cells",
        source=CHOICE,
        gt=0,
    )
    min_total_count: float = setting(
        5.0,
        zh="园内与环带合计设施数少于此值的类别不予检验",
        en="facilities inside and in the ring together below which a category is not tested",
        unit="facilities",
        source=CHOICE,
        gt=0,
    )
    rarefaction_max: int = setting(
        50,
        zh="功能混合度稀释到相同计数时的上限",
        en="upper limit of the equal count to which function mix is rarefied",
        unit="facilities",
        source=CHOICE + "; keeps parks of different size comparable",
        ge=2,
    )
    rarefaction_min: int = setting(
        5,
        zh="功能混合度可比所需的最少设施数（园内与环带各自）",
        en="facilities needed on each side for the function mix to be compared",
        unit="facilities",
        source=CHOICE,
        ge=2,
    )
    barrier_near_m: float = setting(
        30.0,
        zh="边界与快速路、铁路或水面相距多近算作被阻隔",
        en="distance at which an expressway, railway or water bars the boundary",
        unit="m",
        source="docs/methods.md, section 6",
        gt=0,
    )
    barrier_kinds: tuple[BarrierKind, ...] = setting(
        ("expressway", "railway", "water"),
        zh="当地有的阻隔种类;研究区确实没有的种类请从中删去",
        en="kinds of barrier the area has; take out those it has not",
        source="docs/methods.md, section 6",
        min_length=1,
    )
    barrier_min_km: float = setting(
        5.0,
        zh="摘录中某种阻隔总长少于多少公里时视为未测绘",
        en="length of a kind of barrier in the extract below which it counts as unmapped",
        unit="km",
        source=CHOICE,
        gt=0,
    )
    built_share_min: float = setting(
        0.05,
        zh="环带内建筑覆盖低于此比例时视为建筑未测绘",
        en="share of the ring that buildings cover below which buildings count as unmapped",
        unit="share",
        source=CHOICE,
        ge=0,
        lt=1,
    )
    green_min_objects: int = setting(
        100,
        zh="摘录中公园绿地少于多少个对象时视为未测绘",
        en="parks and gardens in the extract below which green counts as unmapped",
        unit="objects",
        source=CHOICE,
        ge=1,
    )
    donors: int = setting(
        30,
        zh="作对照的普通工业用地最多取多少块（面积与各园区最接近者）",
        en="ordinary industrial sites to compare with at most, those nearest to the parks in area",
        unit="sites",
        source=CHOICE,
        ge=0,
    )
    donor_area_factor: float = setting(
        4.0,
        zh="对照用地面积与园区面积中位数相差不超过多少倍",
        en="greatest ratio between the area of a donor and the parks' median area",
        source=CHOICE,
        gt=1,
    )
    opening_merge_m: float = setting(
        30.0,
        zh="相距小于此值的出入口合并为一处",
        en="openings closer than this along the boundary are one",
        unit="m",
        source="docs/methods.md, section 6",
        ge=0,
    )
    measurable_road_share: float = setting(
        0.6,
        zh="园内已测绘道路长度与按环带推算的期望值之比，低于此值视为未测绘",
        en="mapped road length inside over what the ring leads one to expect; lower is unmapped",
        unit="share",
        source="docs/methods.md, section 6",
        gt=0,
        le=1,
    )
    measurable_crossings: int = setting(
        3,
        zh="至少需要多少处确定的边界出入口",
        en="certain crossings of the boundary that are needed",
        unit="crossings",
        source="docs/methods.md, section 6",
        ge=1,
    )
    measured_share_min: float = setting(
        0.5,
        zh="园内或环带有可达时间的采样点占比下限",
        en="share of sample points with a travel time needed inside and in the ring",
        unit="share",
        source=CHOICE,
        gt=0,
        le=1,
    )
    boundary_points: int = setting(
        32,
        zh="计算绕行时沿边界均匀布设的点数",
        en="points set evenly along the boundary for circumvention",
        unit="points",
        source=CHOICE,
        ge=8,
    )
    boundary_snap_m: float = setting(
        150.0,
        zh="边界点到可通行道路的最大距离",
        en="greatest distance from a boundary point to a walkable street",
        unit="m",
        source=CHOICE,
        gt=0,
    )
    opposing_offset_share: float = setting(
        0.25,
        zh="两侧边界点错开不超过边长的此比例时视为相对",
        en="offset, as a share of the side, within which points on two sides face each other",
        unit="share",
        source=CHOICE,
        gt=0,
        le=1,
    )
    circumvention_quantile: float = setting(
        0.9,
        zh="绕行系数取相对点对的哪个分位数",
        en="quantile of circumvention over opposing pairs",
        source="docs/methods.md, section 6",
        gt=0,
        lt=1,
    )
    circumvention_limit: float = setting(
        3.0,
        zh="绕行路径最长搜索到外接矩形两边之和的多少倍，更长者按此计",
        en="longest way searched, in multiples of the two sides of the park's rectangle together; "
        "a longer one counts as this",
        source=CHOICE,
        gt=1,
    )
    circumvention_pairs: int = setting(
        4,
        zh="计算绕行所需的最少相对点对数",
        en="facing pairs needed for circumvention",
        unit="pairs",
        source=CHOICE,
        ge=1,
    )
    draws: int = setting(
        999,
        zh="零模型:园区轮廓随机重置的次数",
        en="null model: relocations of the park's own footprint",
        source="docs/methods.md, section 6",
        ge=19,
    )
    seed: int = setting(
        20260519,
        zh="随机数种子（与园区编号合用）",
        en="seed of the random draws (joined with the place's id)",
        source=CHOICE,
        ge=0,
    )
    strata_distance: int = setting(
        3,
        zh="按到中心距离分层的层数",
        en="strata by distance to the centre",
        source="docs/methods.md, section 6",
        ge=1,
    )
    strata_density: int = setting(
        3,
        zh="按环带密度分层的层数",
        en="strata by density of the ring",
        source="docs/methods.md, section 6",
        ge=1,
    )
    max_water_share: float = setting(
        0.05,
        zh="重置位置上水面占比上限",
        en="greatest share of water under a relocated footprint",
        unit="share",
        source="docs/methods.md, section 6",
        ge=0,
        lt=1,
    )
    min_eligible_share: float = setting(
        0.5,
        zh="重置位置上合格城市用地占比下限",
        en="least share of eligible urban land under a relocated footprint",
        unit="share",
        source=CHOICE,
        ge=0,
        le=1,
    )
    urban_radius_m: float = setting(
        1500.0,
        zh="判定城市用地时查看设施的半径",
        en="radius within which facilities make land urban",
        unit="m",
        source=CHOICE,
        gt=0,
    )
    urban_min_count: float = setting(
        3.0,
        zh="半径内至少有多少设施才算城市用地",
        en="facilities within the radius that make land urban",
        unit="facilities",
        source=CHOICE,
        gt=0,
    )
    max_proposals_per_draw: int = setting(
        200,
        zh="每次有效重置平均允许的尝试次数",
        en="attempts allowed per accepted relocation",
        source=CHOICE,
        ge=1,
    )
    max_overlap_share: float = setting(
        0.5,
        zh="重置位置中与园区自身重叠者的占比上限，超过则视为无处可移、不予检验",
        en="greatest share of relocations that overlap the park itself; with more there is no "
        "room elsewhere and nothing is tested",
        unit="share",
        source=CHOICE,
        gt=0,
        le=1,
    )
    min_valid_draws: int = setting(
        199,
        zh="检验所需的最少有效重置次数",
        en="valid relocations below which nothing is tested",
        unit="draws",
        source=CHOICE,
        ge=19,
    )
    sample_points: int = setting(
        600,
        zh="轮廓内（以及各环带）用于近似计算的采样点数",
        en="sample points that stand for the footprint, and for each ring band, in relocations",
        unit="points",
        source=CHOICE + "; see docs/island.md for the error",
        ge=50,
    )
    alpha: float = setting(
        0.05, zh="显著性水平", en="level of significance", source="convention", gt=0, lt=1
    )
    walking_speeds_m_min: tuple[PositiveMetres, ...] = setting(
        (64.0, 80.0, 96.0),
        zh="排名稳定性检验所用的步行速度",
        en="walking speeds for rank stability",
        unit="m/min",
        source=CHOICE + "; 80 m/min plus and minus a fifth",
        min_length=1,
    )
    footprint_draws: int = setting(
        200,
        zh="边界不确定的园区:合理轮廓的抽样次数",
        en="plausible footprints drawn for places with an indicative boundary",
        source="docs/methods.md, section 7",
        ge=20,
    )
    robust_share: float = setting(
        0.95, zh="结论稳健所需的抽样比例", en="share of footprints for a robust claim",
        unit="share", source="docs/methods.md, section 7", gt=0.5, le=1,
    )  # fmt: skip
    likely_share: float = setting(
        0.66, zh="结论可能成立所需的抽样比例", en="share of footprints for a likely claim",
        unit="share", source="docs/methods.md, section 7", gt=0.5, le=1,
    )  # fmt: skip
    gate_near_m: float = setting(
        80.0,
        zh="园内断头路与公共道路相距多近可作为开口候选",
        en="distance between an interior street end and a public street for a candidate gate",
        unit="m",
        source=CHOICE,
        gt=0,
    )
    gate_min_total: float = setting(
        1.0,
        zh="开口节省的“分钟×公顷”低于此值且未使任何地块新增可达时不列出",
        en="minutes times hectares below which an opening that newly reaches nobody is not listed",
        unit="min ha",
        source=CHOICE,
        ge=0,
    )
    gate_openings: int = setting(
        5, zh="逐一开放的开口数量上限", en="gates opened one after another", source=CHOICE, ge=1
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.likely_share > self.robust_share:
            msg = "likely_share 不得大于 robust_share / likely_share must not exceed robust_share"
            raise ValueError(msg)
        return self

    @property
    def ring_widths_m(self) -> tuple[float, ...]:
        """All ring widths in ascending order, the main one among them."""
        return tuple(sorted({self.ring_m, *self.ring_sensitivity_m}))

"""Declare the settings of the street networks: tag rules, speeds, snapping and coverage."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from pipeline.settings.base import Section, setting

Mode = Literal["walk", "cycle", "drive"]

_OSM = "OpenStreetMap wiki, access restrictions by country and mode; analyst choice"
_FOOT_CLASSES = (
    "primary",
    "primary_link",
    "secondary",
    "secondary_link",
    "tertiary",
    "tertiary_link",
    "unclassified",
    "residential",
    "living_street",
    "service",
    "pedestrian",
    "footway",
    "steps",
    "path",
    "track",
    "bridleway",
    "corridor",
    "platform",
    "road",
)
_DRIVE_SPEEDS_KM_H = {
    "motorway": 80.0,
    "motorway_link": 50.0,
    "trunk": 60.0,
    "trunk_link": 40.0,
    "primary": 40.0,
    "primary_link": 30.0,
    "secondary": 35.0,
    "secondary_link": 30.0,
    "tertiary": 30.0,
    "tertiary_link": 25.0,
    "unclassified": 25.0,
    "residential": 20.0,
    "living_street": 10.0,
    "service": 15.0,
    "road": 20.0,
}
_CAR_BARRIERS = (
    "bollard",
    "block",
    "bus_trap",
    "chain",
    "cycle_barrier",
    "debris",
    "full-height_turnstile",
    "hampshire_gate",
    "jersey_barrier",
    "kissing_gate",
    "log",
    "motorcycle_barrier",
    "stile",
    "sump_buster",
    "turnstile",
    "wall",
)


class ModeRules(Section):
    """Which ways one mode may use, how fast, and which of them are interiors."""

    speeds_km_h: dict[str, float] = setting(
        zh="道路等级及其速度；未列出的等级不可通行（步行为空值时取步行速度）",
        en="road classes and their speed; a class not listed cannot be used "
        "(for walking the walking speed replaces the figure)",
        unit="km/h",
        source=_OSM,
    )
    by_permission: tuple[str, ...] = setting(
        zh="仅在有明确许可标签（或人行道标签）时可用的道路等级",
        en="classes usable only where an access tag (or, on foot, a sidewalk tag) says so",
        source=_OSM,
    )
    access_keys: tuple[str, ...] = setting(
        zh="通行标签，按优先级排列",
        en="access keys, the most specific first; the first one present decides",
        source=_OSM,
    )
    closed_values: tuple[str, ...] = setting(
        zh="表示禁止通行的标签值", en="access values that close a way", source=_OSM
    )
    interior_values: tuple[str, ...] = setting(
        zh="表示内部道路的标签值：仅可作为首段或末段",
        en="access values of interiors: first or last leg only",
        source=_OSM,
    )
    dismount_values: tuple[str, ...] = setting(
        zh="须推行的标签值：按步行速度计",
        en="access values that ask to dismount: passed at walking speed",
        source=_OSM,
    )
    interior_services: tuple[str, ...] = setting(
        zh="highway=service 中视为内部道路的 service 值",
        en="values of service=* that make highway=service an interior way",
        source="analyst choice: driveways and parking aisles lead to one place",
    )
    oneway: bool = setting(zh="是否遵守单行", en="whether one-way tags bind this mode", source=_OSM)
    oneway_keys: tuple[str, ...] = setting(
        zh="单行标签，按优先级排列", en="one-way keys, the most specific first", source=_OSM
    )
    contraflow_keys: tuple[str, ...] = setting(
        zh="取值 opposite* 时允许逆行的标签",
        en="keys whose value opposite* lifts a one-way rule",
        source=_OSM,
    )
    maxspeed: bool = setting(
        zh="是否以 maxspeed 标签代替等级速度",
        en="whether a maxspeed tag replaces the speed of the class",
        source="methods, section 2",
    )
    areas: bool = setting(
        zh="面状道路（广场）的边线是否可通行",
        en="whether the outline of areas (squares) may be used",
        source="analyst choice: squares would otherwise tear walks apart",
    )
    closed_barriers: tuple[str, ...] = setting(
        zh="阻断该方式的节点障碍 barrier=*",
        en="node values of barrier=* that stop this mode",
        source=_OSM,
    )
    unsnappable: tuple[str, ...] = setting(
        zh="不可作为出行起止点的道路等级",
        en="classes where no trip starts or ends (points never snap to them)",
        source="analyst choice: nobody steps out onto a motorway",
    )
    snap_to_bridges: bool = setting(
        zh="起止点可否吸附到桥梁与隧道",
        en="whether points may snap to bridges and tunnels",
        source="analyst choice: an elevated road passes over a place without serving it",
    )

    @model_validator(mode="after")
    def _speeds_are_positive(self) -> Self:
        slow = sorted(name for name, speed in self.speeds_km_h.items() if not speed > 0)
        if slow:
            msg = f"速度必须为正 / speeds must be positive: {', '.join(slow)}"
            raise ValueError(msg)
        return self


WALK_RULES = ModeRules(
    speeds_km_h=dict.fromkeys((*_FOOT_CLASSES, "trunk", "trunk_link", "cycleway", "busway"), 4.8),
    by_permission=("trunk", "trunk_link", "cycleway", "busway"),
    access_keys=("foot", "access"),
    closed_values=("no", "use_sidepath", "agricultural", "forestry", "military"),
    interior_values=("private", "customers", "permit", "residents", "delivery", "destination"),
    dismount_values=(),
    interior_services=("driveway", "parking_aisle", "drive-through", "emergency_access"),
    oneway=False,
    oneway_keys=(),
    contraflow_keys=(),
    maxspeed=False,
    areas=True,
    closed_barriers=("wall", "fence", "jersey_barrier"),
    unsnappable=(),
    snap_to_bridges=True,
)
CYCLE_RULES = ModeRules(
    speeds_km_h={
        **dict.fromkeys(_FOOT_CLASSES[:10], 15.0),
        **dict.fromkeys(("cycleway", "busway", "trunk", "trunk_link"), 15.0),
        **dict.fromkeys(("track", "road", "path", "footway", "pedestrian", "bridleway"), 12.0),
    },
    by_permission=("trunk", "trunk_link", "busway", "footway", "pedestrian", "bridleway"),
    access_keys=("bicycle", "vehicle", "access"),
    closed_values=("no", "use_sidepath", "agricultural", "forestry", "military"),
    interior_values=("private", "customers", "permit", "residents", "delivery", "destination"),
    dismount_values=("dismount",),
    interior_services=("driveway", "parking_aisle", "drive-through", "emergency_access"),
    oneway=True,
    oneway_keys=("oneway:bicycle", "oneway"),
    contraflow_keys=("cycleway", "cycleway:left", "cycleway:right", "cycleway:both"),
    maxspeed=False,
    areas=False,
    closed_barriers=("wall", "fence", "jersey_barrier", "stile", "full-height_turnstile"),
    unsnappable=(),
    snap_to_bridges=False,
)
DRIVE_RULES = ModeRules(
    speeds_km_h=_DRIVE_SPEEDS_KM_H,
    by_permission=(),
    access_keys=("motorcar", "motor_vehicle", "vehicle", "access"),
    closed_values=("no", "agricultural", "forestry", "military", "bus", "emergency"),
    interior_values=("private", "customers", "permit", "residents", "delivery", "destination"),
    dismount_values=(),
    interior_services=("driveway", "parking_aisle", "drive-through", "emergency_access"),
    oneway=True,
    oneway_keys=("oneway:motor_vehicle", "oneway"),
    contraflow_keys=(),
    maxspeed=True,
    areas=False,
    closed_barriers=_CAR_BARRIERS,
    unsnappable=("motorway", "motorway_link"),
    snap_to_bridges=False,
)


class NetworkSettings(Section):
    """Settings of the street networks and of everything measured on them."""

    modes: tuple[Mode, ...] = setting(
        ("walk", "cycle", "drive"),
        zh="建立的网络",
        en="networks to build",
        source="analyst choice",
        min_length=1,
    )
    walk_speed_m_min: float = setting(
        80.0,
        zh="步行速度",
        en="walking speed",
        unit="m/min",
        source="4.8 km/h, the usual planning figure for living circles",
        gt=0,
    )
    cycle_estimate_speed_m_min: float = setting(
        200.0,
        zh="无路网处骑行估算速度",
        en="cycling speed of estimates where no streets are mapped",
        unit="m/min",
        source="12 km/h, analyst choice",
        gt=0,
    )
    drive_estimate_speed_m_min: float = setting(
        400.0,
        zh="无路网处驾车估算速度",
        en="driving speed of estimates where no streets are mapped",
        unit="m/min",
        source="24 km/h, analyst choice",
        gt=0,
    )
    detour_factor: float = setting(
        1.32,
        zh="直线估算的绕行系数",
        en="detour factor of straight-line estimates",
        unit="ratio",
        source="mean of 25 Chinese cities, doi:10.1080/19475683.2021.1966503",
        ge=1,
    )
    snap_max_m: float = setting(
        300.0,
        zh="吸附到最近路段的最大距离",
        en="farthest distance at which a point is snapped to its nearest edge",
        unit="m",
        source="analyst choice",
        gt=0,
    )
    scrap_max_km: float = setting(
        0.5,
        zh="路网残片的最大总长度：保留，但不作吸附对象",
        en="connected parts shorter than this are scraps of the map: kept, never snapped to",
        unit="km",
        source="analyst choice: outlines of squares and stray paths",
        ge=0,
    )
    extract_is_complete: bool = setting(
        False,  # noqa: FBT003
        zh="路网数据是否覆盖整个研究区（是：不再逐点检验覆盖）",
        en="whether the extract maps the streets of the whole study "
        "(then coverage is not tested place by place)",
        source="analyst's knowledge of the extract",
    )
    coverage_window_m: float = setting(
        1000.0,
        zh="判断路网覆盖的方形窗口边长",
        en="side of the square window in which street density is judged",
        unit="m",
        source="analyst choice: about a 15-minute walk across",
        gt=0,
    )
    coverage_cell_m: float = setting(
        100.0,
        zh="判断路网覆盖的网格边长",
        en="cell of the grid on which street density is judged",
        unit="m",
        source="analyst choice",
        gt=0,
    )
    coverage_min_km_per_km2: float = setting(
        6.0,
        zh="视为已测绘的最低路网密度",
        en="lowest street density taken as mapped",
        unit="km/km2",
        source="analyst choice, below GB/T 51328-2018's 8 km/km2 for built-up areas",
        ge=0,
    )
    coverage_min_component_km: float = setting(
        5.0,
        zh="路网连通分量的最小总长度；更短的视为残片",
        en="least total length of a connected part; shorter ones are fragments of the map",
        unit="km",
        source="analyst choice",
        ge=0,
    )
    catchment_half_width_m: float = setting(
        40.0,
        zh="服务区多边形沿路缓冲半宽",
        en="half-width by which reached edges are buffered into a catchment polygon",
        unit="m",
        source="within the 25-50 m of common practice; analyst choice",
        gt=0,
    )
    catchment_closing_m: float = setting(
        40.0,
        zh="服务区多边形的闭合半径",
        en="radius of the closing that fills slits between neighbouring edges",
        unit="m",
        source="analyst choice",
        ge=0,
    )
    catchment_min_hole_m2: float = setting(
        10_000.0,
        zh="服务区多边形保留的最小孔洞面积",
        en="smallest hole that a catchment polygon keeps",
        unit="m2",
        source="one 100 m block; analyst choice",
        ge=0,
    )
    gate_search_m: float = setting(
        30.0,
        zh="大门节点距边界的最大距离",
        en="farthest distance of a mapped gate from the boundary it belongs to",
        unit="m",
        source="analyst choice: drawing accuracy of boundaries",
        gt=0,
    )
    gate_merge_m: float = setting(
        30.0,
        zh="合并相邻出入口的距离",
        en="entrances nearer to each other along the boundary are one",
        unit="m",
        source="methods, section 6: crossings merged within 30 m",
        ge=0,
    )
    assumed_gate_spacing_m: float = setting(
        500.0,
        zh="无出入口数据时假定出入口的间距",
        en="spacing of assumed entrances along a boundary without mapped ones",
        unit="m",
        source="analyst choice",
        gt=0,
    )
    matrix_memory_mb: float = setting(
        256.0,
        zh="一块成本矩阵的内存上限；更大的矩阵按起点或院区（校区）分批计算并提示",
        en="memory bound of one chunk of a cost matrix; larger ones go in runs of origins or "
        "campuses, and the run says so",
        unit="MB",
        source="analyst choice",
        gt=0,
    )
    walk: ModeRules = setting(WALK_RULES, zh="步行规则", en="rules for walking")
    cycle: ModeRules = setting(CYCLE_RULES, zh="骑行规则", en="rules for cycling")
    drive: ModeRules = setting(DRIVE_RULES, zh="驾车规则", en="rules for driving")

    def rules(self, mode: Mode) -> ModeRules:
        """Return the tag rules of one mode."""
        return {"walk": self.walk, "cycle": self.cycle, "drive": self.drive}[mode]

    def estimate_speed_m_min(self, mode: Mode) -> float:
        """Return the speed of straight-line estimates of one mode."""
        return {
            "walk": self.walk_speed_m_min,
            "cycle": self.cycle_estimate_speed_m_min,
            "drive": self.drive_estimate_speed_m_min,
        }[mode]

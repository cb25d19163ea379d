"""Declare the settings of rail graphs, station status, timetables and the official count."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from pipeline.settings.base import Section, setting

MEMORY = "analyst choice, from memory, unverified"


class LineClass(Section):
    """How one kind of line runs."""

    running_speed_kmh: float = setting(
        zh="两站之间的平均运行速度（不含停站）",
        en="mean speed between two stops, dwell excluded",
        unit="km/h",
        gt=0,
    )
    dwell_min: float = setting(
        zh="中间站停站时间", en="dwell at an intermediate stop", unit="min", ge=0
    )
    headway_min: float = setting(zh="发车间隔", en="headway", unit="min", gt=0)


class ThroughBranch(Section):
    """A branch whose trains run on along the main line, so that no change is needed."""

    line: str = setting(zh="线路", en="line")
    branch: str = setting(zh="支线在表中的名称", en="name of the branch in the table")
    junction: str = setting(zh="分岔站", en="station where the branch leaves the main line")
    towards: str = setting(
        zh="主线上贯通运行一侧的任一车站", en="a main-line station on the side the trains run on to"
    )
    share: float = setting(
        0.5, zh="进入支线的列车比例", en="share of trains that take the branch", gt=0, lt=1
    )


class SharedTrack(Section):
    """Consecutive stations at which two or more lines use the same platforms."""

    lines: tuple[str, ...] = setting(zh="共线的线路", en="lines on the same track", min_length=2)
    first: str = setting(zh="共线段一端", en="one end of the shared section")
    last: str = setting(zh="共线段另一端", en="other end of the shared section")


class StationLink(Section):
    """Two stations of different names between which passengers walk to change."""

    station_a: str = setting(zh="车站", en="station")
    station_b: str = setting(zh="另一车站", en="other station")
    walk_min: float | None = setting(
        None,
        zh="步行时间；空缺时由距离推算",
        en="walking minutes; estimated from the distance when absent",
        unit="min",
        ge=0,
    )


class MissingStations(Section):
    """Line-stations that the official figure counts and the table does not hold."""

    line: str = setting(zh="线路", en="line")
    stations: tuple[str, ...] = setting(zh="车站", en="stations", min_length=1)
    reason_zh: str = setting(zh="原因", en="reason, in Chinese")
    reason_en: str = setting(zh="原因（英文）", en="reason, in English")


URBAN = LineClass(running_speed_kmh=42, dwell_min=0.5, headway_min=5)
OUTER = LineClass(running_speed_kmh=48, dwell_min=0.5, headway_min=6)
SUBURBAN = LineClass(running_speed_kmh=60, dwell_min=0.5, headway_min=7)
REGIONAL = LineClass(running_speed_kmh=100, dwell_min=1, headway_min=12)
COMMUTER = LineClass(running_speed_kmh=65, dwell_min=1, headway_min=40)
MOVER = LineClass(running_speed_kmh=35, dwell_min=0.5, headway_min=6)


class RailSettings(Section):
    """How a rail graph is built from ordered line-stations."""

    in_city: bool = setting(
        default=True,
        zh="本市是否有轨道交通。确知没有时填 false：轨道各项为“本市没有”，不算缺口，也不计入综合；"
        "未测绘的车站不在此列",
        en="whether the city has rail. Where it is known to have none write false: rail is then "
        "'none in this city', no gap and no part of the composite; stations that are merely "
        "unmapped are another matter",
    )
    classes: dict[str, LineClass] = setting(
        {
            "urban": URBAN,
            "outer": OUTER,
            "suburban": SUBURBAN,
            "regional": REGIONAL,
            "commuter": COMMUTER,
            "mover": MOVER,
        },
        zh="线路类别及其速度、停站与间隔",
        en="line classes with their speed, dwell and headway",
        source=(
            f"{MEMORY}; weekday off-peak; urban and outer speeds fitted to end-to-end times of "
            "three metro lines recalled from memory; 15 minutes announced for an extension of "
            "8.1 km agree to within 2 minutes"
        ),
        min_length=1,
    )
    default_class: str = setting(
        "urban", zh="未列出线路的类别", en="class of lines that are not listed", source=MEMORY
    )
    line_class: dict[str, str] = setting(
        {},
        zh="各线路的类别",
        en="class of each line",
        source="study file",
    )
    headway_min: dict[str, float] = setting(
        {}, zh="个别线路的发车间隔", en="headway of single lines", unit="min", source="study file"
    )
    track_factor: float = setting(
        1.07,
        zh="线路长度与站间直线距离之比",
        en="track length over the straight distance between stations",
        source=(
            "one network measured: about 870 km of track over 812 km of straight links, shared "
            "track counted once"
        ),
        ge=1,
    )
    interchange_max_m: float = setting(
        600,
        zh="同名车站视为换乘站的最大距离",
        en="largest distance at which stations of one name are one interchange",
        unit="m",
        source="analyst choice: the widest real interchange of a large network spans 579 m",
        gt=0,
    )
    never_interchange: tuple[str, ...] = setting(
        (),
        zh="同名但不能换乘的车站",
        en="names shared by stations that are not an interchange",
        source="study file",
    )
    transfer_walk_min: float = setting(
        4.0,
        zh="站内换乘步行时间",
        en="walk between the platforms of an interchange",
        unit="min",
        source=MEMORY,
        ge=0,
    )
    same_line_transfer_min: float = setting(
        1.0,
        zh="同一线路内换车（折返、换支线）的步行时间",
        en="walk when changing trains of one line (reversal, branch)",
        unit="min",
        source=MEMORY,
        ge=0,
    )
    same_platform_min: float = setting(
        0.5,
        zh="共线段同站台换乘时间",
        en="change at one platform of a shared section",
        unit="min",
        source=MEMORY,
        ge=0,
    )
    street_link_min: float = setting(
        3.0,
        zh="出站换乘的进出站时间（不含站外步行）",
        en="leaving and re-entering at an out-of-station change, street walk excluded",
        unit="min",
        source=MEMORY,
        ge=0,
    )
    walk_speed_m_min: float = setting(
        80, zh="步行速度", en="walking speed", unit="m/min", source="METHODS 0", gt=0
    )
    walk_detour: float = setting(
        1.32,
        zh="步行绕行系数",
        en="walking detour factor",
        source="Annals of GIS 2021, 10.1080/19475683.2021.1966503",
        ge=1,
    )
    through_branches: tuple[ThroughBranch, ...] = setting(
        (),
        zh="贯通运行的支线；未列出的支线需换乘",
        en="branches run through; a branch not listed needs a change",
        source="study file",
    )
    shared_tracks: tuple[SharedTrack, ...] = setting(
        (),
        zh="共线段",
        en="sections where lines share track",
        source="study file",
    )
    street_links: tuple[StationLink, ...] = setting(
        (),
        zh="异名车站之间的出站换乘",
        en="changes on foot between stations of different names",
        source="study file",
    )
    official_line_stations: int | None = setting(
        None,
        zh="官方公布的线路车站数；空则不核对",
        en="official number of line-stations; not held against any when empty",
        source="study file",
        ge=0,
    )
    not_in_official: tuple[str, ...] = setting(
        (),
        zh="官方车站数不含的线路",
        en="lines that the official number leaves out",
        source="study file",
    )
    official_only: tuple[MissingStations, ...] = setting(
        (),
        zh="官方计入而表中缺少的车站",
        en="stations counted officially and absent from the table",
        source="study file",
    )

    @model_validator(mode="after")
    def _classes_exist(self) -> Self:
        unknown = {self.default_class, *self.line_class.values()} - set(self.classes)
        if unknown:
            names = ", ".join(sorted(unknown))
            msg = f"未定义的线路类别 / unknown line class: {names}"
            raise ValueError(msg)
        return self

    def class_of(self, line: str) -> LineClass:
        """Give the class a line belongs to."""
        return self.classes[self.line_class.get(line, self.default_class)]

    def headway_of(self, line: str) -> float:
        """Give the headway of a line in minutes, its own or its class's."""
        return self.headway_min.get(line, self.class_of(line).headway_min)


class StationSettings(Section):
    """How the status of a mapped station is decided and its features are merged."""

    building_words: tuple[str, ...] = setting(
        ("在建", "建设中", "施工", "未开通", "未启用", "未运营"),
        zh="名称中表示在建或未开通的词",
        en="words in a name that mean not yet open",
        source="names seen in OpenStreetMap",
    )
    planned_words: tuple[str, ...] = setting(
        ("规划", "拟建", "预留"),
        zh="名称中表示规划的词",
        en="words in a name that mean planned",
        source="names seen in OpenStreetMap",
    )
    freight_words: tuple[str, ...] = setting(
        ("调车场", "编组", "货场", "货运", "机务段", "车辆段", "停车场", "动车段", "线路所"),
        zh="名称中表示非客运设施的词",
        en="words in a name that mean a yard or depot",
        source="names seen in OpenStreetMap",
    )
    airside_names: tuple[str, ...] = setting(
        ("S1", "S2", "T1", "T2"),
        zh="机场内部捷运站名",
        en="names of stations of an airport's inner people mover",
        source="names seen in OpenStreetMap",
    )
    merge_max_m: float = setting(
        600,
        zh="同名要素合并为一座车站的最大距离",
        en="largest distance at which features of one name are one station",
        unit="m",
        source="analyst choice, equal to the interchange distance",
        gt=0,
    )
    unnamed_max_m: float = setting(
        200,
        zh="无名要素并入最近车站的最大距离",
        en="largest distance at which an unnamed feature joins a named station",
        unit="m",
        source="analyst choice",
        gt=0,
    )
    entrance_max_m: float = setting(
        400,
        zh="出入口归属车站的最大距离",
        en="largest distance from an entrance to its station",
        unit="m",
        source="analyst choice",
        gt=0,
    )
    entrance_margin: float = setting(
        1.5,
        zh="次近车站须远于最近车站的倍数，否则归属存疑",
        en="the second nearest station must be this many times farther, else doubtful",
        source="analyst choice",
        ge=1,
    )


class GtfsSettings(Section):
    """Limits on a timetable feed and the window that is read from it."""

    max_zip_mb: float = setting(
        200, zh="压缩包大小上限", en="largest archive", unit="MB", source="analyst choice", gt=0
    )
    max_files: int = setting(
        100, zh="文件数上限", en="largest number of files", source="analyst choice", gt=0
    )
    max_unpacked_mb: float = setting(
        2000,
        zh="解压后总大小上限",
        en="largest size of everything unpacked",
        unit="MB",
        source="analyst choice",
        gt=0,
    )
    max_events: int = setting(
        20_000_000,
        zh="停站记录数上限（含按间隔展开）",
        en="largest number of stop events, frequencies expanded",
        source="analyst choice",
        gt=0,
    )
    window_start: str = setting(
        "07:00",
        zh="出发时段开始",
        en="start of the departure window",
        source="analyst choice: morning peak",
        pattern=r"^\d{1,2}:[0-5]\d$",
    )
    window_end: str = setting(
        "09:00",
        zh="出发时段结束（可超过24:00）",
        en="end of the departure window (may pass 24:00)",
        source="analyst choice: morning peak",
        pattern=r"^\d{1,2}:[0-5]\d$",
    )
    same_stop_max_m: float = setting(
        150,
        zh="同名站点视为一处的最大距离",
        en="largest distance at which stops of one name are one place",
        unit="m",
        source="analyst choice",
        gt=0,
    )
    stop_change_min: float = setting(
        1.0,
        zh="同一站点换乘的固定时间（不含步行距离）",
        en="fixed time of a change at one stop, walking distance excluded",
        unit="min",
        source="analyst choice",
        ge=0,
    )
    walk_link_max_m: float = setting(
        200,
        zh="站点间步行换乘的最大距离",
        en="largest distance of a change on foot between stops",
        unit="m",
        source="analyst choice",
        ge=0,
    )

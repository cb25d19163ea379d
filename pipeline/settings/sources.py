"""Settings of what comes in: datum guard, archives, conflation, cells."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ValidationInfo, model_validator

from pipeline.settings.base import Section, setting
from pipeline.settings.inputs import InputPath
from pipeline.settings.rasters import RasterSettings

ANALYST = "analyst choice"


def _beside_study(path: Path, info: ValidationInfo) -> Path:
    """Resolve against the study file's folder; the file need not exist yet."""
    base = (info.context or {}).get("base", Path.cwd())
    return path if path.is_absolute() else Path(base / path).resolve()


StudyPath = Annotated[Path, AfterValidator(_beside_study)]


class DatumGuardSettings(Section):
    """When a layer's declared datum is believed, refused or not testable."""

    reach_m: float = setting(
        2000.0,
        zh="同名点相距超过此值视为不同地点",
        en="namesakes farther apart than this are different places",
        unit="m",
        source=ANALYST,
        gt=0,
    )
    fewest: int = setting(
        8,
        zh="至少比较多少条记录才下结论",
        en="fewest records to compare for a verdict",
        unit="count",
        source=ANALYST,
        ge=1,
    )
    margin_m: float = setting(
        100.0,
        zh="中位残差至少小这么多才算更符合",
        en="a datum fits better when its median residual is smaller by this",
        unit="m",
        source=f"{ANALYST}; the shift of GCJ-02 is 450-500 m",
        gt=0,
    )
    margin_share: float = setting(
        0.03,
        zh="落入所称行政区的比例至少高这么多才算更符合",
        en="a datum fits better when its share in the claimed district is larger by this",
        unit="share",
        source=ANALYST,
        gt=0,
        lt=1,
    )


class LocalShiftSettings(Section):
    """How a local grid is fitted to control points."""

    model: Literal["helmert", "affine"] = setting(
        "helmert",
        zh="平面转换模型：四参数或仿射六参数",
        en="plane transformation: four parameters (helmert) or six (affine)",
        source=ANALYST,
    )
    largest_residual_m: float = setting(
        1.0,
        zh="控制点残差上限",
        en="largest residual of a control point",
        unit="m",
        source=ANALYST,
        gt=0,
    )


class FetchSettings(Section):
    """Patience, limits and mirrors of downloads."""

    timeout_s: float = setting(
        30.0,
        zh="连接与两次收到数据之间的最长等待",
        en="longest wait for a connection and between two pieces of data",
        unit="s",
        source=ANALYST,
        gt=0,
    )
    attempts: int = setting(
        5,
        zh="每个地址的尝试次数",
        en="attempts at each address",
        unit="count",
        source=ANALYST,
        ge=1,
        le=20,
    )
    backoff_s: float = setting(
        1.0,
        zh="首次重试前的等待，此后每次加倍",
        en="wait before the second attempt, doubled each time",
        unit="s",
        source=ANALYST,
        ge=0,
    )
    longest_backoff_s: float = setting(
        60.0,
        zh="重试等待上限",
        en="longest wait between attempts",
        unit="s",
        source=ANALYST,
        ge=0,
    )
    longest_min: float = setting(
        120.0,
        zh="单次尝试的最长时间",
        en="longest time of one attempt",
        unit="min",
        source=ANALYST,
        gt=0,
    )
    largest_mb: float = setting(
        2048.0,
        zh="文件大小上限",
        en="largest file",
        unit="MB",
        source=ANALYST,
        gt=0,
    )
    most_redirects: int = setting(
        5,
        zh="重定向次数上限",
        en="most redirects",
        unit="count",
        source=ANALYST,
        ge=0,
    )
    mirrors: dict[str, str] = setting(
        {},
        zh="镜像：地址开头 → 替代的开头，先于原地址尝试",
        en="mirrors: beginning of an address -> its substitute, tried before the origin",
    )


class OverpassSettings(Section):
    """Where and how small areas are asked of Overpass; only `parkgap fetch --overpass` asks."""

    url: str = setting(
        "https://overpass-api.de/api",
        zh="Overpass API 的地址（不含 /interpreter）；仅 parkgap fetch --overpass 时联系",
        en="address of the Overpass API, without /interpreter; asked by parkgap fetch --overpass "
        "alone",
        source="the public instance of OpenStreetMap Germany",
        pattern=r"^https?://",
    )
    timeout_s: float = setting(
        180.0, zh="最长等待", en="longest wait for an answer", unit="s", source=ANALYST, gt=0
    )
    largest_km2: float = setting(
        50.0,
        zh="查询范围的上限，更大者请下载摘录",
        en="largest area that is asked for; get an extract for more",
        unit="km2",
        source=f"{ANALYST}: the server is shared and free",
        gt=0,
    )
    area: tuple[float, float, float, float] | None = setting(
        None,
        zh="查询范围：西、南、东、北（WGS84 度）；空则为各地点及其周边",
        en="what to ask for: west, south, east, north in degrees (WGS84); the places and what is "
        "around them when empty",
    )
    around_m: float = setting(
        1500.0,
        zh="地点周边的查询范围",
        en="how far around the places is asked for",
        unit="m",
        source=f"{ANALYST}: the widest ring of the island effect",
        ge=0,
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.area is not None:
            west, south, east, north = self.area
            if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):  # noqa: PLR2004
                msg = (
                    "area 须为 西、南、东、北（度） / "
                    "area is west, south, east, north, in degrees and in this order"
                )
                raise ValueError(msg)
        return self


class ArchiveSettings(Section):
    """Limits on zipped files, against damage by accident or intent."""

    largest_mb: float = setting(
        2048.0,
        zh="解压后总大小上限",
        en="largest size when unpacked",
        unit="MB",
        source=ANALYST,
        gt=0,
    )
    largest_ratio: float = setting(
        200.0,
        zh="单个文件压缩比上限",
        en="largest ratio of unpacked to packed size of a file",
        unit="ratio",
        source=ANALYST,
        gt=1,
    )
    most_files: int = setting(
        10_000,
        zh="文件数上限",
        en="most files in an archive",
        unit="count",
        source=ANALYST,
        ge=1,
    )


class ConflateSettings(Section):
    """How records of facts are joined to places on the map."""

    reach_m: float = setting(
        1500.0,
        zh="同一设施两处坐标的最大距离",
        en="farthest that two positions of one facility may lie apart",
        unit="m",
        source=ANALYST,
        gt=0,
    )
    name_weight: float = setting(
        0.7,
        zh="得分中名称相似度的权重，其余为距离",
        en="weight of the likeness of names in the score, the rest is distance",
        unit="share",
        source=ANALYST,
        ge=0,
        le=1,
    )
    accept_score: float = setting(
        0.85,
        zh="自动接受的最低得分",
        en="lowest score that is accepted without a person",
        unit="share",
        source=ANALYST,
        ge=0,
        le=1,
    )
    consider_score: float = setting(
        0.55,
        zh="列为候选的最低得分",
        en="lowest score that is shown to a person",
        unit="share",
        source=ANALYST,
        ge=0,
        le=1,
    )
    clear_lead: float = setting(
        0.05,
        zh="最佳候选须领先次佳的分差",
        en="lead of the best candidate over the next",
        unit="share",
        source=ANALYST,
        ge=0,
        le=1,
    )
    most_candidates: int = setting(
        5,
        zh="每条存疑记录最多列出的候选，取得分最高者；判为 no 后依次补上",
        en="most candidates listed for a doubtful record, the best first; those ruled out make "
        "room for the next",
        unit="count",
        source=ANALYST,
        ge=1,
    )
    city_words: tuple[str, ...] = setting(
        (),
        zh="名称前可略去的城市名（以“市”结尾者自动略去）",
        en="names of the city that a name may start with; one that ends in 市 is left out anyway",
    )
    decisions: StudyPath | None = setting(
        None,
        zh="人工判定表（CSV），每次运行都遵守",
        en="table of decisions by people (CSV), honoured on every run",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.consider_score > self.accept_score:
            msg = (
                "consider_score 不得大于 accept_score / consider_score must not exceed accept_score"
            )
            raise ValueError(msg)
        return self


class CellSettings(Section):
    """The grid of counts that stands in for an extract."""

    cell_m: int = setting(
        500,
        zh="格网边长",
        en="side of a cell",
        unit="m",
        source=ANALYST,
        gt=0,
    )
    district_field: str = setting(
        "district",
        zh="区界文件中的区名字段",
        en="field with the district's name in the file of areas",
        source=ANALYST,
    )
    township_field: str = setting(
        "name",
        zh="街镇界文件中的名称字段",
        en="field with the township's name in the file of townships",
        source=ANALYST,
    )
    outline_tolerance_m: float = setting(
        600.0,
        zh="底图区界概化容差",
        en="tolerance when district outlines are generalised for the base map",
        unit="m",
        source=ANALYST,
        ge=0,
    )
    unmapped: tuple[str, ...] = setting(
        (),
        zh="摘录没有测绘的计数（如 schools），其值为空而不是零；摘录中一个也没有者自动视为未测绘",
        en="counts that the extract does not map (such as schools): null, not zero; one of which "
        "the extract holds none at all is unmapped anyway",
        source="unmapped is not absent",
    )


def _patterns(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        try:
            re.compile(name)
        except re.error as error:
            msg = f"不是正则表达式 / is no regular expression: {name!r} ({error})"
            raise ValueError(msg) from error
    return names


NamePatterns = Annotated[tuple[str, ...], AfterValidator(_patterns)]


class SchoolNameSettings(Section):
    """What the names of a city's schools tell, beside the rules of the mapping file."""

    levels: dict[Literal["primary", "junior", "senior"], NamePatterns] = setting(
        {},
        zh="本市说明学段的校名用词（正则表达式），先于映射文件 schools 中的规则",
        en="words in names of this city's schools that tell their level (regular expressions), "
        "tried before the rules under `schools` in the mapping file",
    )
    private: NamePatterns = setting(
        (),
        zh="本市说明民办的校名用词（正则表达式）",
        en="words in names of this city's private schools (regular expressions)",
    )
    no_schools: NamePatterns = setting(
        (),
        zh="本市不算中小学的校名用词（正则表达式），如驾校",
        en="words in names that make a place no school here (regular expressions): driving, dance",
    )

    affiliates_of: str | None = setting(
        None,
        zh="查找其附属学校的学校口径（inputs.schools 的 v_ 列）；空则不查",
        en="schools whose affiliates are looked for: a v_ column of inputs.schools; none when "
        "empty",
    )
    city_words: tuple[str, ...] = setting(
        (), zh="校名前可略去的城市名", en="names of the city that a school's name may start with"
    )
    vague_words: tuple[str, ...] = setting(
        (),
        zh="不足以单独指认一所学校的名称（如区名），其后须有 kind（映射文件 schools.affiliates）",
        en="names that tell no school apart, such as those of districts: the `kind` of "
        "schools.affiliates in the mapping file must follow them",
    )


class CheckSettings(Section):
    """What `parkgap check` calls near or alike."""

    duplicate_m: float = setting(
        1.0,
        zh="同名且相距不超过此值视为重复",
        en="records of one name within this distance are duplicates",
        unit="m",
        source=ANALYST,
        ge=0,
    )
    most_examples: int = setting(
        5,
        zh="每类问题最多列举的记录数",
        en="most records shown as examples of a problem",
        unit="count",
        source=ANALYST,
        ge=1,
    )


class SourceSettings(Section):
    """Everything about reading the outside world."""

    osm_mapping: InputPath | None = setting(
        None,
        zh="自己的OSM映射文件；空则用内置",
        en="an OSM mapping file of your own; the shipped one when empty",
    )
    datum_guard: DatumGuardSettings = setting(
        DatumGuardSettings(), zh="坐标基准核对", en="datum guard"
    )
    local_shift: LocalShiftSettings = setting(
        LocalShiftSettings(), zh="地方坐标系平移", en="shift of a local grid"
    )
    archives: ArchiveSettings = setting(
        ArchiveSettings(), zh="压缩文件限制", en="limits on archives"
    )
    conflate: ConflateSettings = setting(
        ConflateSettings(), zh="名录与位置匹配", en="joining facts to places"
    )
    cells: CellSettings = setting(CellSettings(), zh="格网计数", en="counts per cell")
    fetch: FetchSettings = setting(FetchSettings(), zh="下载", en="downloads")
    overpass: OverpassSettings = setting(
        OverpassSettings(), zh="Overpass 在线查询", en="small areas online, from Overpass"
    )
    rasters: RasterSettings = setting(RasterSettings(), zh="栅格", en="rasters")
    school_names: SchoolNameSettings = setting(
        SchoolNameSettings(), zh="校名规则", en="names of schools"
    )
    check: CheckSettings = setting(CheckSettings(), zh="文件检查", en="checking a file")

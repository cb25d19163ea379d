"""Where a study's inputs come from: an embedded table or a file of the user's."""

from __future__ import annotations

import datetime as dt
import difflib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ValidationInfo, field_validator, model_validator

from pipeline.resources import shipped
from pipeline.settings.base import Section, setting


def _existing(path: Path, info: ValidationInfo) -> Path:
    """Resolve against the study file's folder and insist that the file is there."""
    base = (info.context or {}).get("base", Path.cwd())
    resolved = path if path.is_absolute() else (base / path).resolve()
    if resolved.is_file():
        return resolved
    around = sorted(p.name for p in resolved.parent.glob("*")) if resolved.parent.is_dir() else []
    near = difflib.get_close_matches(resolved.name, around, n=1)
    hint = f"; nearest match in that folder: {near[0]}" if near else ""
    msg = f"没有文件 / there is no file {resolved}{hint}"
    raise ValueError(msg)


def _path_alone(given: object) -> object:
    """Take a name of a file alone for its path, as `--set inputs.places=FILE` gives it."""
    return {"path": given} if isinstance(given, str | Path) else given


def _known_crs(value: str | None) -> str | None:
    """Refuse a CRS that PROJ does not know."""
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        return value if value is None else str(CRS.from_user_input(value) and value)
    except CRSError as error:
        msg = f"未知坐标系 / PROJ does not know {value!r}; 例如 / for example EPSG:4549"
        raise ValueError(msg) from error


ANALYST = "analyst choice"
ORIGINS = ("reference", "path", "osm")
RASTERS = (".tif", ".tiff", ".img")
InputPath = Annotated[Path, AfterValidator(_existing)]
CrsName = Annotated[str, AfterValidator(_known_crs)]


class TableInput(Section):
    """One table: embedded with the project, a file of the user's, or objects of the extract."""

    reference: str | None = setting(
        None, zh="内置参考表的名称", en="name of an embedded reference table"
    )
    path: InputPath | None = setting(
        None,
        zh="自己的文件（相对于研究文件）",
        en="a file of your own, relative to the study file",
    )
    osm: str | None = setting(
        None,
        zh="取自 OSM 摘录的类别（见映射文件）",
        en="category of the OSM mapping, read from the extract",
    )
    layer: str | None = setting(
        None,
        zh="图层、工作表或压缩包内的数据集；空则取唯一的",
        en="layer, sheet or data set inside a zip; the only one when empty",
    )
    encoding: str | None = setting(
        None, zh="属性编码；空则自动识别", en="encoding; detected when empty"
    )
    crs: CrsName | None = setting(
        None,
        zh="坐标系，如 EPSG:4549；空则读取文件",
        en="CRS such as EPSG:4549; the file's own when empty",
    )
    columns: dict[str, str] = setting(
        {},
        zh="字段对应：本项目的字段 → 文件中的字段（空则按惯用名识别）",
        en="fields: the project's name -> the file's name; recognised by usual names when empty",
    )
    only_with: str | None = setting(
        None,
        zh="只取此字段（文件中的名称）大于零的行",
        en="keep the rows in which this field of the file is above zero",
    )
    precision_m: float | None = setting(
        None,
        zh="点位可能的偏差（文件未逐行给出时）",
        en="how far points may be off, where the file does not say so row by row",
        unit="m",
        ge=0,
    )
    datum: Literal["wgs84", "cgcs2000", "gcj02", "bd09"] = setting(
        "wgs84", zh="坐标基准（声明）", en="declared datum of the coordinates"
    )
    snapshot: dt.date | None = setting(
        None,
        zh="数据日期；空则取参考表所记",
        en="date of the data; the reference table's when empty",
    )
    licence: str | None = setting(None, zh="许可", en="licence")
    attribution: str | None = setting(None, zh="署名", en="attribution")

    _of_path = model_validator(mode="before")(_path_alone)

    @field_validator("reference")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        known = sorted(path.stem for path in shipped("reference").glob("*.csv"))
        if name is not None and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            msg = (
                f"没有内置表“{name}” / "
                f"there is no embedded table {name!r}; tables: {', '.join(known)}"
                + (f"; nearest match: {near[0]}" if near else "")
            )
            raise ValueError(msg)
        return name

    @model_validator(mode="after")
    def _of_a_file(self) -> Self:
        """Refuse what is said of a file where there is none."""
        said = [name for name in ("layer", "encoding", "crs") if getattr(self, name) is not None]
        if said and self.path is None:
            names = ", ".join(said)
            msg = f"{names} 须与 path 同时给出 / {names}: only together with `path`"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        given = [name for name in ORIGINS if getattr(self, name) is not None]
        if len(given) != 1:
            names = ", ".join(given)
            msg = (
                f"reference、path、osm 须给出其一，现有：{names or '无'} / "
                f"give one of `reference`, `path` and `osm`; given: {names or 'none'}"
            )
            raise ValueError(msg)
        return self


class PeopleInput(TableInput):
    """Residents or workers: a table of points or cells, or a raster of counts."""

    kind: Literal["table", "raster"] | None = setting(
        None,
        zh="表或栅格；空则由扩展名判断（.tif、.tiff、.img 为栅格）",
        en="table or raster; by the file's ending when empty (.tif, .tiff, .img are rasters)",
    )
    band: int = setting(
        1,
        zh="栅格波段（每格人数，不是密度）",
        en="band of the raster: people per cell, no density",
        ge=1,
    )
    nodata: float | None = setting(
        None,
        zh="栅格中表示“无数据”的值；空则取文件所记",
        en="value of the raster that stands for no data; the file's own when empty",
    )

    @property
    def is_raster(self) -> bool:
        """Whether the file holds counts per cell of a grid."""
        if self.kind is not None or self.path is None:
            return self.kind == "raster"
        return self.path.suffix.lower() in RASTERS

    @model_validator(mode="after")
    def _raster_has_no_columns(self) -> Self:
        """Refuse what has no meaning for a raster."""
        of_table = (self.columns, self.only_with, self.layer, self.encoding, self.crs)
        table = any(of_table) or self.precision_m is not None
        if self.is_raster and (self.path is None or table):
            msg = (
                "栅格只能是文件，没有字段、图层与编码，坐标系取自文件 / "
                "a raster is a file; it has no columns, layer or encoding, and its own CRS"
            )
            raise ValueError(msg)
        if self.is_raster and self.datum not in {"wgs84", "cgcs2000"}:
            msg = "栅格不作偏移改正，请先改正 / a raster is not shifted: bring it to WGS84 first"
            raise ValueError(msg)
        if not self.is_raster and (self.band != 1 or self.nodata is not None):
            msg = "band 与 nodata 只用于栅格 / band and nodata are of rasters alone"
            raise ValueError(msg)
        return self


class OsmPlaceSettings(Section):
    """How areas of the extract become places."""

    min_area_km2: float = setting(
        0.05,
        zh="最小面积，更小者不列为地点",
        en="smallest area that counts as a place",
        unit="km2",
        source=ANALYST,
        ge=0,
    )
    join_m: float = setting(
        30.0,
        zh="相距不超过此值的地块合为一处（其间只隔一条街）",
        en="areas no farther apart are one place: only a street lies between",
        unit="m",
        source=ANALYST,
        ge=0,
    )
    precision_m: float = setting(
        10.0,
        zh="数字化边界的偏差",
        en="how far a traced outline may be off",
        unit="m",
        source=f"{ANALYST}: aerial images that OpenStreetMap is traced from",
        ge=0,
    )
    tier: str = setting("local", zh="这些地点的层级", en="tier of these places")
    category: str = setting("industrial_land", zh="这些地点的类别", en="category of these places")


class ParcelInput(Section):
    """The parcel layer: the user's own, or the labelled synthetic demonstration."""

    _of_path = model_validator(mode="before")(_path_alone)

    path: InputPath | None = setting(
        None,
        zh="自己的地块文件；空则用合成示例",
        en="your parcel file; synthetic sample when empty",
    )
    layer: str | None = setting(
        None,
        zh="图层、工作表或压缩包内的数据集；空则取唯一的",
        en="layer, sheet or data set inside a zip; the only one when empty",
    )
    table: InputPath | None = setting(
        None,
        zh="属性表（Excel、CSV），按宗地编号或点位与图形关联",
        en="table of attributes (Excel, CSV), joined to the outlines by parcel id or point",
    )
    columns: dict[str, str] = setting(
        {},
        zh="字段对应：本项目的字段 → 文件中的字段（自动识别不了的列）",
        en="fields: the project's name -> the file's name, for columns that are not recognised",
    )
    outline_layer: str | None = setting(
        None, zh="DXF 中宗地边界所在图层", en="layer of a drawing that holds the outlines"
    )
    label_layer: str | None = setting(
        None, zh="DXF 中宗地编号所在图层", en="layer of a drawing that holds the parcel ids"
    )
    area_unit: Literal["m2", "ha", "mu"] | None = setting(
        None, zh="面积单位（声明）", en="declared unit of areas"
    )
    money_unit: Literal["yuan", "wan_yuan"] | None = setting(
        None, zh="金额单位（声明）", en="declared unit of money"
    )
    encoding: str | None = setting(
        None, zh="属性编码；空则自动识别", en="encoding; detected when empty"
    )
    crs: CrsName | None = setting(
        None, zh="坐标系；空则读取文件", en="CRS; the file's own when empty"
    )
    datum: Literal["wgs84", "cgcs2000", "gcj02", "bd09"] = setting(
        "wgs84", zh="坐标基准（声明）", en="declared datum of the coordinates"
    )
    buildings: InputPath | None = setting(
        None,
        zh="建筑基底面文件，用于估算缺失的容积率；空则取自 OSM 摘录",
        en="footprints of buildings, for floor area that is not stated; the extract's when empty",
    )

    @field_validator("layer", "table", "columns", "outline_layer", "label_layer", "buildings")
    @classmethod
    def _goes_with_a_file(cls, value: object, info: ValidationInfo) -> object:
        if value and "path" in info.data and info.data["path"] is None:
            msg = "须同时给出 inputs.parcels.path / only together with inputs.parcels.path"
            raise ValueError(msg)
        return value


class InputSettings(Section):
    """All inputs of a study by role; a role left empty is an empty layer, never an error."""

    places: TableInput = setting(
        zh="园区与地点：place_id、name_zh、tier、lon、lat 或边界",
        en="parks and places: place_id, name_zh, tier, and lon, lat or a boundary",
    )
    from_osm: OsmPlaceSettings = setting(
        OsmPlaceSettings(),
        zh="places 取自摘录时的规则",
        en="rules when `places` come from the extract",
    )
    labels: dict[str, tuple[str, str]] = setting(
        {},
        zh="层级、类别、口径等代码的名称（中文、英文）；layout 为布局图的标题",
        en="names (Chinese, English) of tiers, categories, variants and other codes; `layout` is "
        "the title of the map of the layout",
    )
    line_stations: TableInput | None = setting(
        None,
        zh="按线路排序的车站；空则取自 rail_timetable",
        en="stations in order along their lines; from `rail_timetable` when empty",
    )
    lines: TableInput | None = setting(
        None,
        zh="线路名称与颜色；空则取自 rail_timetable",
        en="names and colours of lines; from `rail_timetable` when empty",
    )
    planned_stations: TableInput | None = setting(
        None, zh="在建与规划车站", en="stations under construction or planned"
    )
    rail_timetable: InputPath | None = setting(
        None, zh="轨道时刻表 (GTFS .zip)", en="timetable of rail (GTFS .zip)"
    )
    rail_timetable_licence: str | None = setting(
        None, zh="时刻表的许可", en="licence of the timetable"
    )
    rail_timetable_attribution: str | None = setting(
        None, zh="时刻表的署名", en="attribution of the timetable"
    )
    rail_route_types: tuple[int, ...] = setting(
        (0, 1, 2, 7, 12),
        zh="计为轨道的 GTFS route_type；另含 100–117、400–405、900–906",
        en="GTFS route types that are rail, beside the extended 100-117, 400-405, 900-906",
        source="GTFS reference, routes.txt: tram, metro, rail, funicular, monorail",
    )
    township_shapes: InputPath | None = setting(
        None,
        zh="街镇界面文件（字段名见 sources.cells.township_field）；空则街镇一级无数据",
        en="polygons of townships (field: sources.cells.township_field); without them rows of "
        "townships have no data",
    )
    districts: TableInput | None = setting(None, zh="区的名称", en="names of districts")
    district_shapes: InputPath | None = setting(
        None,
        zh="区界面文件（字段名见 sources.cells.district_field）；cells 为空时用于统计",
        en="polygons of districts (field: sources.cells.district_field), used when cells are "
        "counted from the extract",
    )
    hubs: TableInput | None = setting(None, zh="轨道枢纽", en="rail hubs")
    hospitals: TableInput | None = setting(
        None,
        zh="医院院区；口径来自 v_ 列，或 hospital_grades，否则为 hospital_all",
        en="hospital campuses; variants come from columns v_, else from `hospital_grades`, else "
        "there is hospital_all alone",
    )
    hospital_grades: dict[str, dict[Literal["grade", "kind"], tuple[str, ...]]] = setting(
        {},
        zh="由医院表的 grade、kind 字段得出的口径：口径 → 所计的 grade 与 kind（不列 kind 则不限）",
        en="variants that follow from the fields `grade` and `kind` of the hospitals: variant -> "
        "the grades and kinds that count for it (any kind where none is listed)",
        source="a country's own grades of hospitals",
    )
    schools: TableInput | None = setting(
        None,
        zh="学校；无 v_ 列时口径为 school_all，并由 level 字段或校名得出 school_primary、"
        "school_junior、school_senior；取自摘录的另有 school_primary_public 等",
        en="schools; without columns v_ the variants are school_all and, as the field `level` or "
        "the names tell, school_primary, school_junior, school_senior; from the extract also "
        "school_primary_public and so on",
    )
    residents: PeopleInput | None = setting(
        None,
        zh="居民的点或格网（residents，可另有 jobs），或人口栅格（每格人数）",
        en="residents at points or cells (residents, and jobs where the table has them), or a "
        "raster of people per cell",
    )
    workers: PeopleInput | None = setting(
        None,
        zh="就业岗位的点或格网（jobs），或岗位栅格（每格岗位数）；空则取 residents 表的 jobs",
        en="jobs at points or cells (jobs), or a raster of jobs per cell; when empty those of the "
        "table of residents",
    )
    prices: TableInput | None = setting(
        None,
        zh="租金或地价的点：price（全表同一单位），用于园内与环带的比较",
        en="rents or land prices at points: price (one unit throughout), compared inside and "
        "around parks",
    )
    boundaries: InputPath | None = setting(
        None,
        zh="地点的边界（面文件，含 place_id），如 parkgap digitise 所写",
        en="boundaries of places (polygons with place_id), as parkgap digitise writes them",
    )
    rings: TableInput | None = setting(
        None,
        zh="划分中心城区与近郊的两条环线：ring_id、rank、name_zh、name_en、seq、lon、lat",
        en="the two ring roads that bound the central city and the near suburbs: ring_id, rank, "
        "name_zh, name_en, seq, lon, lat",
    )
    carrier_items: TableInput | None = setting(
        None,
        zh="载体应查事项：item、requirement_id、name_zh、name_en、unit、target、missing_zh、"
        "missing_en、source",
        en="what is to be watched at the carriers: item, requirement_id, name_zh, name_en, unit, "
        "target, missing_zh, missing_en, source",
    )
    operation: TableInput | None = setting(
        None,
        zh="载体的配套与运营数值：place_id、item（见 carrier_items）、value",
        en="figures of the carriers' utilities and operation: place_id, item (of carrier_items), "
        "value",
    )
    cells: TableInput | None = setting(
        None,
        zh="500 米格网的设施计数；空则由摘录统计",
        en="counts of facilities per cell; counted from the extract when empty",
    )
    standards: TableInput | None = setting(None, zh="标准与阈值", en="standards and thresholds")
    osm_extract: InputPath | None = setting(
        None,
        zh="OpenStreetMap 摘录 (.osm.pbf)；有街道之处以实测代替估算",
        en="OpenStreetMap extract (.osm.pbf); measures instead of estimates where it has streets",
    )
    osm_url: str | None = setting(
        None,
        zh="摘录的下载地址，供 parkgap fetch 使用",
        en="address of the extract, for `parkgap fetch`",
        pattern=r"^https?://",
    )
    osm_sha256: str | None = setting(
        None,
        zh="摘录应有的校验和",
        en="checksum that the extract must have",
        pattern=r"^[0-9a-fA-F]{64}$",
    )
    parcels: ParcelInput = setting(ParcelInput(), zh="地块", en="parcels")

    def of_file(self, path: Path) -> TableInput | None:
        """Give the first role that is read from a file; null when none is."""
        wanted = path.resolve()
        given = (getattr(self, name) for name in type(self).model_fields)
        tables = (one for one in given if isinstance(one, TableInput))
        return next((one for one in tables if one.path == wanted), None)

    @model_validator(mode="after")
    def _extract_for_categories(self) -> Self:
        named = {name: getattr(self, name) for name in type(self).model_fields}
        need = [n for n, v in named.items() if isinstance(v, TableInput) and v.osm is not None]
        if need and self.osm_extract is None:
            msg = (
                f"{', '.join(need)}: `osm` needs `osm_extract` (or --osm FILE) / "
                "取自 OSM 的输入需要 osm_extract"
            )
            raise ValueError(msg)
        return self

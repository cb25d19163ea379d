"""Write the study file of a new city: complete, commented, and ready to run."""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import Problem, SourceError, StudyError
from pipeline.study import Study, find_study, read_study

logger = logging.getLogger(__name__)

MINIMAL = "minimal"
Bounds = tuple[float, float, float, float]

ALWAYS = ("schema_version", "study", "inputs")
OWN = "own_choice"
# What holds for one city's lines, lists, documents and standards alone; another starts without it.
CITY_FACTS: Mapping[str, tuple[str, ...]] = {
    "sources": ("school_names", "conflate"),
    "rail": (
        "line_class",
        "headway_min",
        "never_interchange",
        "through_branches",
        "shared_tracks",
        "street_links",
        "official_line_stations",
        "not_in_official",
        "official_only",
    ),
    "rail_coverage": ("hubs", "published_scopes"),
    "hospitals": ("variants",),
    "schools": ("variants", "by_admission"),
    "parcels": ("rules", "synthetic"),
    "gaps": ("needs", "basic_needs", "comparisons", "provisions", "tier_rank"),
    "synthesis": ("pairing", "sectors", "clusters", "central_km", "near_km"),
}
# Sections that a study file of its own begins with, because they are the first to be changed.
SHOWN = ("hospitals", "schools", "gaps")
LABELS = {
    "layout": ["园区布局", "Layout of the parks"],
    "hospital": ["医院", "Hospital"],
    "hospital_all": ["全部医院", "all hospitals"],
    "school": ["学校", "School"],
    "school_all": ["全部学校", "all schools"],
    "local": ["园区", "Parks"],
    "industrial_land": ["工业用地", "industrial land"],
    OWN: ["分析者选择", "analyst's choice"],
}
FROM_EXTRACT = {
    "places": "industrial",
    "line_stations": "rail_station",
    "planned_stations": "rail_station",
    "hospitals": "hospitals",
    "schools": "schools",
}
# A comment and a key of an input that says nothing.
_UNUSED = re.compile(r"^ {4,}#.*\n {4,}\w+: (?:null|\{\})\n", flags=re.MULTILINE)
# What is left of a section that had no other keys.
_EMPTY = re.compile(r"^  #.*\n  \w+:\n(?!   )", flags=re.MULTILINE)
PLACES_HEADER = "place_id,name_zh,name_en,tier,planned_area_km2,precision_m,lon,lat,source"


@dataclass(frozen=True)
class NewStudy:
    """What to write: the study's path and text, and the table it starts from, if any."""

    path: Path
    text: str
    places: Path | None
    places_text: str


def new_study(
    city: str,
    *,
    folder: Path,
    start: str,
    osm: Path | None,
    centre: tuple[float, float] | None,
    today: dt.date,
) -> NewStudy:
    """Draw up the study of a city.

    With an extract, parks are its industrial land and facilities its hospitals, schools and
    stations; without, parks are a table to fill in, which starts with one example.

    Parameters
    ----------
    city
        Name of the city in any language; the study's short name is made from it.
    folder
        Where the study will lie.
    start
        `minimal` states what is the city's own and leaves the rest to the defaults; the name of a
        study states every setting, with that study's values for all that is no fact of its city.
    osm
        The extract.
    centre
        Longitude and latitude of the centre; the middle of the extract when null.
    today
        Study date.

    Raises
    ------
    StudyError
        The name gives no short name, a file is in the way, or neither an extract nor a centre is
        given.
    SourceError
        The extract cannot be read or holds no positions.
    """
    short = short_name(city)
    path = folder / f"{short}.yml"
    table = folder / short / "places.csv"
    _refuse_existing([path] if osm else [path, table])
    lon, lat = _centre(osm, centre)
    values: dict[str, Any] = {
        "schema_version": 1,
        "study": {
            "id": short,
            "name_zh": f"{city}产业园区" if _is_chinese(city) else f"{city} 产业园区",
            "name_en": f"Industrial parks of {_latin(city)}",
            "crs": utm_zone(lon, lat),
            "date": today.isoformat(),
            "centre_lon": round(lon, 5),
            "centre_lat": round(lat, 5),
            "centre_name": city,
        },
        "inputs": _inputs(osm, folder),
        **_settings(start, folder.parent),
    }
    places_text = "" if osm else _example(city, lon, lat)
    study = _validated(values, folder, table, places_text)
    text = relative_paths(_rendered(study, start), folder)
    return NewStudy(path, text, None if osm else table, places_text)


def write_study(plan: NewStudy) -> list[Path]:
    """Write what `new_study` drew up; gives the files written."""
    from pipeline.atomic import atomic_write

    plan.path.parent.mkdir(parents=True, exist_ok=True)
    written = [plan.path]
    if plan.places is not None:
        plan.places.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(plan.places, plan.places_text)
        written.append(plan.places)
    atomic_write(plan.path, plan.text)
    return written


def restated(path: Path) -> str:
    """Render an existing study with every setting explicit and explained; its paths relative."""
    from pipeline.sources.study_rendering import render_study

    return relative_paths(render_study(read_study(path)), path.resolve().parent)


def short_name(city: str) -> str:
    """Make a name for folders: Latin letters, digits and underscores.

    Raises
    ------
    StudyError
        When nothing is left of the name.
    """
    plain = unicodedata.normalize("NFKD", _latin(city)).encode("ascii", "ignore").decode()
    short = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")[:40]
    if not re.fullmatch(r"[a-z][a-z0-9_]+", short):
        raise StudyError(
            Problem(
                zh=f"无法由“{city}”得出研究的短名",
                en=f"no short name can be made of {city!r}",
                rule="study.id",
                remedy_zh="请用以字母开头的拉丁字母名称，例如 suzhou",
                remedy_en="use a name in Latin letters, such as suzhou",
            )
        )
    return short


def _latin(city: str) -> str:
    from pypinyin import lazy_pinyin

    parts: Sequence[str] = lazy_pinyin(city)
    text = "".join(parts) if _is_chinese(city) else city
    return text if any(letter.isupper() for letter in text) else text.title()


def _is_chinese(city: str) -> bool:
    return re.search(r"[\u4e00-\u9fff]", city) is not None


def utm_zone(lon: float, lat: float) -> str:
    """Give the UTM zone (WGS84) of a point as an EPSG code."""
    from pyproj.aoi import AreaOfInterest
    from pyproj.database import query_utm_crs_info

    area = AreaOfInterest(lon, lat, lon, lat)
    found = query_utm_crs_info(datum_name="WGS 84", area_of_interest=area, contains=True)
    if not found:
        raise StudyError(
            Problem(
                zh=f"经度 {lon:g}、纬度 {lat:g} 没有 UTM 分带",
                en=f"there is no UTM zone at longitude {lon:g}, latitude {lat:g}",
                rule="study.centre_lon, study.centre_lat",
                remedy_zh="检查经纬度是否颠倒",
                remedy_en="check whether longitude and latitude are swapped",
            )
        )
    return f"{found[0].auth_name}:{found[0].code}"


def extract_bounds(path: Path) -> Bounds:
    """Give west, south, east, north of an extract: what its header says, else its nodes.

    Raises
    ------
    SourceError
        The file is missing, is no extract, or has no node with a position.
    """
    import osmium

    if not path.is_file():
        raise SourceError(Problem("文件不存在", "the file does not exist", path=path))
    try:
        box = osmium.FileProcessor(str(path)).header.box()
        if not box.valid():
            nodes: Iterable[Any] = osmium.FileProcessor(str(path), osmium.osm.NODE)
            for node in nodes:
                if node.location.valid():
                    box.extend(node.location)
    except (RuntimeError, ValueError, osmium.InvalidLocationError) as error:
        raise SourceError(
            Problem("OSM数据文件无法读取", f"the OSM extract cannot be read: {error}", path=path)
        ) from error
    if not box.valid():
        raise SourceError(
            Problem("OSM数据文件没有坐标", "the OSM extract holds no positions", path=path)
        )
    west, south = box.bottom_left.lon, box.bottom_left.lat
    return west, south, box.top_right.lon, box.top_right.lat


def relative_paths(text: str, folder: Path) -> str:
    """Write absolute paths of a rendered study relative to its folder."""

    def shortened(match: re.Match[str]) -> str:
        path = Path(json.loads(match[0]))
        return json.dumps(Path(os.path.relpath(path, folder.resolve())).as_posix(),
                          ensure_ascii=False)  # fmt: skip

    return re.sub(r'(?<=: )"(?:/|[A-Za-z]:\\\\)[^"\n]*"', shortened, text)


def _refuse_existing(paths: Sequence[Path]) -> None:
    there = [path for path in paths if path.exists()]
    if there:
        raise StudyError(
            *(
                Problem(
                    zh="文件已存在，不覆盖",
                    en="the file exists and is not overwritten",
                    path=path,
                    remedy_zh="换一个名称，或先移走它",
                    remedy_en="choose another name, or move it away first",
                )
                for path in there
            )
        )


def _centre(osm: Path | None, centre: tuple[float, float] | None) -> tuple[float, float]:
    if centre is not None:
        return centre
    if osm is None:
        raise StudyError(
            Problem(
                zh="需要城市中心的经纬度或 OSM 摘录",
                en="the centre of the city or an extract is needed",
                rule="new",
                remedy_zh="加上 --lon 120.62 --lat 31.30，或 --osm FILE.osm.pbf",
                remedy_en="add --lon 120.62 --lat 31.30, or --osm FILE.osm.pbf",
            )
        )
    west, south, east, north = extract_bounds(osm)
    return (west + east) / 2, (south + north) / 2


def _inputs(osm: Path | None, folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {"labels": LABELS}
    if osm is None:
        found["places"] = {"path": "places.csv"}
        return found
    found |= {role: {"osm": category} for role, category in FROM_EXTRACT.items()}
    found["osm_extract"] = _as_typed(osm, folder)
    return found


def _as_typed(file: Path, folder: Path) -> str:
    """Give the way from a folder to a file, through the links it was named by where they hold."""
    typed = os.path.relpath(file.absolute(), folder.absolute())
    if (folder.resolve() / typed).resolve() == file.resolve():
        return typed
    return os.path.relpath(file.resolve(), folder.resolve())


def _settings(start: str, workspace: Path) -> dict[str, Any]:
    """Give another study's sections without what is true of its city alone; none for minimal."""
    if start == MINIMAL:
        return {}
    model = read_study(find_study(start, workspace=workspace))
    values = model.model_dump(mode="json", exclude={*ALWAYS})
    for section, facts in CITY_FACTS.items():
        values[section] = {key: value for key, value in values[section].items() if key not in facts}
    return values


def _example(city: str, lon: float, lat: float) -> str:
    names = f"{city}示例园区（请替换）,Example park (replace)"
    return f"{PLACES_HEADER}\nP1,{names},local,1,1000,{lon:.5f},{lat:.5f},example\n"


def _validated(values: dict[str, Any], folder: Path, table: Path, places_text: str) -> Study:
    """Let the model complete the values; the table may still have to be written."""
    from tempfile import TemporaryDirectory

    if not places_text:
        return Study.model_validate(values, context={"base": folder.resolve()})
    with TemporaryDirectory() as away:
        (Path(away) / "places.csv").write_text(places_text, encoding="utf-8")
        study = Study.model_validate(values, context={"base": Path(away)})
    places = study.inputs.places.model_copy(update={"path": table.resolve()})
    inputs = study.inputs.model_copy(update={"places": places})
    return study.model_copy(update={"inputs": inputs})


def _rendered(study: Study, start: str) -> str:
    from pipeline.sources.study_rendering import render_study

    text = render_study(study)
    if start != MINIMAL:
        return text
    kept = {*ALWAYS, *SHOWN}
    blocks = [
        _EMPTY.sub("", _UNUSED.sub("", block)) for name, block in _blocks(text) if name in kept
    ]
    note = (
        "\n# 未写出的设置取默认值，见 docs/settings.md\n"
        "# Settings left out have their defaults, see docs/settings.md\n"
    )
    return text.splitlines()[0] + "\n\n" + "\n".join(blocks) + note


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Cut a rendered study at its sections: name, and comment with content."""
    for block in text.split("\n\n")[1:]:
        name = re.search(r"^(\w+):", block, flags=re.MULTILINE)
        if name is not None:
            yield name[1], block.rstrip("\n") + "\n"

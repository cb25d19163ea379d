"""Sort an extract's schools, clinics and shops into the ordinary facilities of daily life.

OpenStreetMap rarely tags the level of a Chinese school; its name tells it. The rules, in order:

1. Left out: training, driving, vocational and part-time schools, colleges, party and community
   schools (`NOT_SCHOOLS`).
2. `primary`: tagged so (`isced:level`, `school`, `grades` from 0 or 1 to at most 6), or 小学 in
   the name.
3. `junior`: `grades` 6 or 7 to 9, or 初级中学, 初中 in the name, or 中学 without 高级中学. A school
   named 中学 may be a complete secondary school, which teaches juniors too.
4. `nine_year`: 一贯制, or `grades` 1 to 9: counts as both.
5. Any other school is of unknown level and counts as neither.

Ownership: private where tagged so or where the name holds 民办, 双语, 国际 or 外籍; else taken
as public. Affiliated: the name holds the short name of one of the schools of the quality list,
then 中学 or nothing, then 附属, 实验, 初级, 初中 or 集团 (格致初级中学). A short name that is a
district's or a number (金山, 第二) must be followed by 中学. Member of a group: 集团 in the name
or operator.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.settings.sources import SchoolNameSettings

if TYPE_CHECKING:
    import geopandas as gpd

CATEGORIES = ("schools", "kindergartens", "health", "shops")
KINDS = ("primary", "junior", "kindergarten", "clinic", "supermarket")
COLUMNS = (
    "facility_id", "kind", "name_zh", "name_en", "status", "v_primary_public", "v_junior_public",
    "v_compulsory_affiliated", "v_compulsory_education_group", "source", "snapshot", "geometry",
)  # fmt: skip

NOT_SCHOOLS = re.compile(
    "培训|驾|职业|职校|技术学校|技校|成人|业余|党校|团校|社区学校|进修|老年|大学$|学院$"
)
PRIVATE = re.compile("民办|双语|国际|外籍|International|Private", re.IGNORECASE)
AFFILIATED = "(附属|实验|初级|初中|集团)"
VAGUE = ("实验.*", "第.*", "大学附属", "师范大学附属", "中学.*", ".*区第[一二三四五六七八九十]+")
FORMAL = re.compile(r"[（(].*?[）)]|(高级)?中学$|学校$")
SHORTEST_NAME = 2


def ordinary_facilities(
    features: gpd.GeoDataFrame,
    *,
    quality_names: Iterable[str],
    rules: SchoolNameSettings,
    snapshot: str | None,
) -> gpd.GeoDataFrame:
    """Give the ordinary facilities among an extract's features, as points.

    Parameters
    ----------
    features
        What `read_osm_features` gives for `CATEGORIES`.
    quality_names
        Names of the quality senior highs whose affiliates count as a proxy of quality.
    rules
        Names of the city, and names that tell no school apart.
    snapshot
        Date of the extract.

    Returns
    -------
    geopandas.GeoDataFrame
        `COLUMNS`, sorted by kind and id; a nine-year school has two rows. Points are the features'
        representative points in their CRS.
    """
    tags = [json.loads(text) for text in features["tags"]]
    names = features["name_zh"].fillna(features["name"]).fillna("").astype(str)
    kinds = [
        _kinds(category, name, own)
        for category, name, own in zip(features["category"], names, tags, strict=True)
    ]
    rows = np.repeat(np.arange(len(features)), [len(found) for found in kinds])
    kind = np.array([one for found in kinds for one in found], dtype=object)
    affiliates = _affiliates(quality_names, rules)
    chosen = features.iloc[rows].reset_index(drop=True)
    name, own = names.iloc[rows].reset_index(drop=True), [tags[row] for row in rows]
    private = np.array([_is_private(n, t) for n, t in zip(name, own, strict=True)], dtype=np.bool_)
    school = np.isin(kind, ("primary", "junior"))
    affiliated = np.array([bool(affiliates.search(n)) for n in name], dtype=np.bool_)
    grouped = np.array(
        ["集团" in n + str(t.get("operator", "")) for n, t in zip(name, own, strict=True)],
        dtype=np.bool_,
    )
    found = chosen.assign(
        facility_id=chosen["osm_id"].astype(str) + "/" + kind,
        kind=kind,
        name_zh=name.where(name.ne(""), None),
        v_primary_public=(kind == "primary") & ~private,
        v_junior_public=(kind == "junior") & ~private,
        v_compulsory_affiliated=school & affiliated,
        v_compulsory_education_group=school & grouped,
        source="OpenStreetMap contributors",
        snapshot=snapshot,
    )
    import shapely

    placed = found.set_geometry(shapely.points(found[["x", "y"]].to_numpy()), crs=features.crs)
    return placed[list(COLUMNS)].sort_values(["kind", "facility_id"], ignore_index=True)


def _kinds(category: str, name: str, tags: dict[str, Any]) -> tuple[str, ...]:
    if category == "kindergartens":
        return ("kindergarten",)
    if category == "health":
        is_clinic = tags.get("amenity") in {"clinic", "doctors"} or (
            tags.get("healthcare") in {"clinic", "centre", "doctor"}
        )
        return ("clinic",) if is_clinic and tags.get("amenity") != "hospital" else ()
    if category == "shops":
        return ("supermarket",) if tags.get("shop") == "supermarket" else ()
    return _levels(name, tags)


def _levels(name: str, tags: dict[str, Any]) -> tuple[str, ...]:
    """Tell which levels of the compulsory stage a school teaches (rules of this module)."""
    if NOT_SCHOOLS.search(name):
        return ()
    low, high = _grades(str(tags.get("grades", "")))
    stated = {str(tags.get("isced:level", "")), str(tags.get("school", ""))}
    if "一贯制" in name or (low <= 1 and high == 9):  # noqa: PLR2004 - nine years
        return ("primary", "junior")
    if stated & {"1", "primary"} or (low <= 1 and high <= 6) or "小学" in name:  # noqa: PLR2004
        return ("primary",)
    junior = "初级中学" in name or "初中" in name
    secondary = "中学" in name and "高级中学" not in name
    if (low in {6, 7} and high == 9) or junior or secondary:  # noqa: PLR2004
        return ("junior",)
    return ()


def _grades(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"\s*(\d+)\s*-\s*(\d+)\s*", text)
    return (int(found[1]), int(found[2])) if found else (99, 99)


def _is_private(name: str, tags: dict[str, Any]) -> bool:
    return tags.get("operator:type") == "private" or bool(PRIVATE.search(name))


def _affiliates(names: Iterable[str], rules: SchoolNameSettings) -> re.Pattern[str]:
    """Say how the affiliates of schools are named: those of 格致中学 hold 格致初级."""
    cities = sorted(map(re.escape, rules.city_words), key=len, reverse=True)
    city = re.compile(f"^(?:{'|'.join(cities)})" if cities else r"(?!)")
    vague = re.compile("|".join([*map(re.escape, rules.vague_words), *VAGUE]))
    short = {FORMAL.sub("", FORMAL.sub("", city.sub("", str(name)))) for name in names}
    stems = sorted(name for name in short if len(name) >= SHORTEST_NAME)
    parts = [
        re.escape(stem) + ("中学" if vague.fullmatch(stem) else "(中学)?") + AFFILIATED
        for stem in stems
    ]
    return re.compile("|".join(parts) or r"(?!)")

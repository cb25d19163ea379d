"""Name the codes of measures and variants in words, made from the codes themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

Words = tuple[str, str]

#: Endings of a code that narrow its measure or variant.
_STATISTICS: Mapping[str, Words] = {
    "mean": ("均值", "mean"),
    "median": ("中位数", "median"),
    "p90": ("第 90 百分位", "90th percentile"),
}
_DEMANDS: Mapping[str, Words] = {
    "land_area": ("按用地面积", "per land area"),
    "planned_floor_area": ("按规划建筑面积", "per planned floor area"),
    "residents": ("按常住人口", "per resident"),
    "workers": ("按就业者", "per worker"),
    "gates": ("按出入口", "per gate"),
}
_DECAYS: Mapping[str, Words] = {
    "gaussian": ("高斯衰减", "Gaussian decay"),
    "stepwise": ("分段衰减", "stepwise decay"),
}
_PATTERNS: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (re.compile(r"distance_nearest_m"), "到最近处的直线距离", "straight line to the nearest"),
    (re.compile(r"distance_walked_median_m"), "到最近处的步行距离，中位数",
     "walked distance to the nearest, median"),
    (re.compile(r"minutes_to_(?P<named>\w+)_(?P<statistic>mean|median|p90)"),
     "到{named}的时间，{statistic}", "time to {named}, {statistic}"),
    (re.compile(r"on_(?P<n>\d{4}-\d{2}-\d{2})"), "{n} 已开通的车站", "stations open on {n}"),
    (re.compile(r"minutes_nearest_from_gate"), "由最有利出入口到最近车站的时间",
     "time to the nearest station from the best gate"),
    (re.compile(r"minutes_from_gates_median"), "由出入口到最近车站的时间，中位数",
     "time to the nearest station from the gates, median"),
    (re.compile(r"gates_found"), "已知出入口数", "gates known"),
    (re.compile(r"share_(?P<demand>residents|workers)_within_(?P<n>[\d.]+)min"),
     "{n} 分钟内可达的占比，{demand}", "share within {n} min, {demand}"),
    (re.compile(r"share_(?P<demand>residents|workers)_euclid_(?P<n>[\d.]+)m"),
     "直线 {n} 米内的占比，{demand}", "share within {n} m as the crow flies, {demand}"),
    (re.compile(r"share_(?P<demand>residents|workers)_network_(?P<n>[\d.]+)m"),
     "步行 {n} 米内的占比，{demand}", "share within {n} m on foot, {demand}"),
    (re.compile(r"ledger_(?P<demand>residents|workers)_(?P<n>[\d.]+)m"),
     "{n} 米：步行覆盖减直线覆盖，{demand}",
     "{n} m: share on foot minus straight line, {demand}"),
    (re.compile(r"minutes_nearest_(?P<statistic>mean|median|p90)_by_(?P<demand>residents|workers)"),
     "到最近处的时间，{statistic}，{demand}", "time to the nearest, {statistic}, {demand}"),
    (re.compile(r"minutes_nearest_(?P<statistic>\w+)"), "到最近处的时间，{statistic}",
     "time to the nearest, {statistic}"),
    (re.compile(r"share_area_within_(?P<n>[\d.]+)min"), "{n} 分钟内可达的面积占比",
     "share of land within {n} min"),
    (re.compile(r"share_area_euclid_(?P<n>[\d.]+)m"), "直线 {n} 米内的面积占比",
     "share of land within {n} m as the crow flies"),
    (re.compile(r"share_area_network_(?P<n>[\d.]+)m"), "步行 {n} 米内的面积占比",
     "share of land within {n} m on foot"),
    (re.compile(r"ledger_(?P<n>[\d.]+)m"), "{n} 米：步行覆盖减直线覆盖",
     "{n} m: share on foot minus straight line"),
    (re.compile(r"count_within_(?P<n>[\d.]+)min"), "{n} 分钟内的院区或校区数",
     "campuses within {n} min"),
    (re.compile(r"count_within_(?P<n>[\d.]+)m"), "直线 {n} 米内的院区或校区数",
     "campuses within {n} m as the crow flies"),
    (re.compile(r"gravity"), "重力模型可达性", "gravity access"),
    (re.compile(r"access_2sfca_(?P<decay>gaussian|stepwise)_by_(?P<demand>\w+)"),
     "两步移动搜索（{decay}，{demand}）", "two-step floating catchment ({decay}, {demand})"),
)  # fmt: skip

#: Names of variants and denominators that the flow itself makes.
VARIANTS: Mapping[str, Words] = {
    "operating": ("运营车站", "stations in operation"),
    "with_planned": ("含在建与规划车站", "with stations under construction or planned"),
    "hospital_all": ("全部医院", "all hospitals"),
    "school_all": ("全部学校", "all schools"),
    "school_primary": ("小学", "primary schools"),
    "school_junior": ("初中", "junior high schools"),
    "school_senior": ("高中", "senior high schools"),
    "school_primary_public": ("公办小学", "public primary schools"),
    "school_junior_public": ("公办初中", "public junior high schools"),
    "school_senior_public": ("公办高中", "public senior high schools"),
    "primary_public": ("公办小学", "public primary schools"),
    "junior_public": ("公办初中", "public junior high schools"),
    "senior_public": ("公办高中", "public senior high schools"),
    **_DEMANDS,
}
UNITS: Mapping[str, Words] = {
    "campus": ("处", "campuses"),
    "campus/km2": ("处/km²", "campuses per km²"),
    "campus/10k m2": ("处/万 m²", "campuses per 10⁴ m²"),
    "campus/10k people": ("处/万人", "campuses per 10⁴ people"),
    "facility/10k people": ("处/万人", "facilities per 10⁴ people"),
    "bed/10k people": ("床/万人", "beds per 10⁴ people"),
    "place/10k people": ("学位/万人", "school places per 10⁴ people"),
}
OWN_DISTRICT = "_own_district"


def code_words(
    codes: Iterable[str],
    *,
    named: Mapping[str, Words] | None = None,
    given: Mapping[str, Words] | None = None,
) -> dict[str, Words]:
    """Name every code that can be read, in Chinese and English; the others are left out.

    `named` gives the names of what codes refer to by id, such as hubs; `given` those that the study
    gives to codes, which go before all others. The result is in the order
    of the codes' spelling, whatever collection they came in: a page has the same bytes again.
    """
    found = {code: _words(code, named or {}, given or {}) for code in sorted(codes)}
    return {code: words for code, words in found.items() if words is not None}


def _words(code: str, named: Mapping[str, Words], given: Mapping[str, Words]) -> Words | None:
    if code in given:
        return given[code]
    if code in VARIANTS or code in UNITS:
        return VARIANTS.get(code) or UNITS[code]
    for pattern, zh, en in _PATTERNS:
        found = pattern.fullmatch(code)
        if found:
            return _filled(zh, found, 0, named), _filled(en, found, 1, named)
    if code.endswith(OWN_DISTRICT):
        whole = _words(code.removesuffix(OWN_DISTRICT), named, given)
        return whole and (f"{whole[0]}，限本区", f"{whole[1]}, own district only")
    return None


def _filled(text: str, found: re.Match[str], language: int, named: Mapping[str, Words]) -> str:
    tables = {"statistic": _STATISTICS, "decay": _DECAYS, "demand": _DEMANDS, "named": named}
    parts = {
        name: tables[name].get(value, (value, value))[language] if name in tables else value
        for name, value in found.groupdict().items()
    }
    return text.format(**parts)

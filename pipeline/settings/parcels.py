"""Settings of the parcel stage: rule set, targets, tolerances, scenarios, demonstration."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, PlainSerializer, ValidationInfo, model_validator

from pipeline.resources import shipped
from pipeline.settings.base import Section, setting

_CHOICE = "analyst choice"
RULE_FILES = (".yml", ".yaml")


def find_rules(name: str | Path, *, beside: Path | None = None) -> Path:
    """Find a rule file: a path, a name in `rules` beside the study, or a name that is shipped.

    Parameters
    ----------
    name
        `rules/own.yml` (relative to the study file) or a bare name such as `statutory`.
    beside
        Folder of the study file.

    Raises
    ------
    ValueError
        When there is none; the message lists the names there are and the nearest.
    """
    given, folder = Path(name), beside or Path.cwd()
    if given.suffix in RULE_FILES:
        found = given if given.is_absolute() else (folder / given).resolve()
        if found.is_file():
            return found
        folders = [found.parent]
    else:
        folders = [folder / "rules"] * (beside is not None) + [shipped("studies") / "rules"]
        for path in (place / f"{name}.yml" for place in folders):
            if path.is_file():
                return path.resolve()
    known = sorted({path.stem for place in folders for path in place.glob("*.yml")})
    near = difflib.get_close_matches(given.stem, known, n=1)
    hint = f"; 最接近 / nearest match: {near[0]}" if near else ""
    msg = (
        f"没有规则集 / there is no rule set {name}; 可用 / available: "
        f"{', '.join(known) or '-'}{hint}"
    )
    raise ValueError(msg)


def _resolved(value: Any, info: ValidationInfo) -> Any:  # noqa: ANN401
    if not isinstance(value, str | Path):
        return value
    # Text, because JSON has no paths.
    return str(find_rules(value, beside=(info.context or {}).get("base")))


def _by_name(path: Path) -> str:
    """Write a shipped rule file by its name, so that a resolved study is the same anywhere."""
    return path.stem if path.parent == (shipped("studies") / "rules").resolve() else str(path)


RuleFile = Annotated[
    Path,
    BeforeValidator(_resolved),
    PlainSerializer(_by_name, return_type=str, when_used="json"),
]


class FootprintSettings(Section):
    """How floor area is estimated from building footprints."""

    storey_height_m: float = setting(
        4.5,
        zh="由建筑高度推算层数时的层高",
        en="storey height when levels are derived from a height",
        unit="m",
        source=f"{_CHOICE}: between an office (3.6 m) and a workshop (6 m)",
        gt=2,
        le=12,
    )
    min_levels_share: float = setting(
        0.8,
        zh="宗地内有层数或高度的建筑基底面积最小比例",
        en="least share of a plot's footprint area with levels or a height",
        unit="share",
        source=_CHOICE,
        ge=0,
        le=1,
    )
    min_piece_share: float = setting(
        0.05,
        zh="建筑有多大部分落在宗地内才计入（更小者视为邻地建筑越界）",
        en="least part of a building that counts for a plot; less is a neighbour's, drawn across",
        unit="share",
        source=_CHOICE,
        ge=0,
        lt=0.5,
    )
    yard_m: float = setting(
        10.0,
        zh="建筑周边退界",
        en="yard kept around buildings",
        unit="m",
        source=_CHOICE,
        ge=0,
    )
    min_width_m: float = setting(
        30.0,
        zh="可分割空地的最小宽度",
        en="least width of an unbuilt remainder",
        unit="m",
        source=_CHOICE,
        ge=0,
    )


class ReadingSettings(Section):
    """What the parcel reader reports and tolerates."""

    area_tolerance_share: float = setting(
        0.05,
        zh="填报面积与图形面积的允许偏差",
        en="stated area against the area of the geometry",
        unit="share",
        source=_CHOICE,
        gt=0,
        lt=1,
    )
    overlap_min_m2: float = setting(
        1.0,
        zh="报告重叠的最小面积",
        en="smallest overlap that is reported",
        unit="m²",
        source=_CHOICE,
        ge=0,
    )
    broken_cells: Annotated[
        Literal["raise", "null"],
        # YAML reads a bare null as nothing.
        BeforeValidator(lambda value: "null" if value is None else value),
    ] = setting(
        "raise",
        zh="无法读取的单元格：报错，或置空并列出",
        en="cells that cannot be read: refuse the file, or make them null and list them",
        source=_CHOICE,
    )


class ZeroClassSettings(Section):
    """Scenario: conversion to the integrated-use classes M0, C0, W0."""

    enabled: bool = setting(
        default=False,
        zh="是否计算零类融合用地情景",
        en="whether the conversion scenario is computed",
    )
    far_m0: float = setting(2.5, zh="M0容积率", en="FAR of M0", unit="ratio", source=_CHOICE, gt=0)
    far_c0: float = setting(2.5, zh="C0容积率", en="FAR of C0", unit="ratio", source=_CHOICE, gt=0)
    far_w0: float = setting(2.0, zh="W0容积率", en="FAR of W0", unit="ratio", source=_CHOICE, gt=0)
    industry_share: float = setting(
        0.6, zh="工业建筑面积占比", en="share of industry", unit="share", source=_CHOICE, ge=0, le=1
    )
    rd_share: float = setting(
        0.3, zh="研发建筑面积占比", en="share of research", unit="share", source=_CHOICE, ge=0, le=1
    )
    storage_share: float = setting(
        0.1, zh="仓储建筑面积占比", en="share of storage", unit="share", source=_CHOICE, ge=0, le=1
    )

    @model_validator(mode="after")
    def _mix_adds_up(self) -> Self:
        if abs(self.industry_share + self.rd_share + self.storage_share - 1) > 1e-9:  # noqa: PLR2004
            msg = "三项占比之和须为 1 / industry_share, rd_share and storage_share must add up to 1"
            raise ValueError(msg)
        return self


class LeaseSettings(Section):
    """Scenario: grant terms split by kind of firm."""

    enabled: bool = setting(
        default=False,
        zh="是否计算分段弹性年期情景",
        en="whether the lease-term scenario is computed",
    )
    short_term_yr: float = setting(
        20.0, zh="短期型年期", en="short term", unit="yr", source="flexible industrial term", gt=0
    )
    long_term_yr: float = setting(
        50.0, zh="长期型年期", en="long term", unit="yr", source="highest industrial term", gt=0
    )


class LevySettings(Section):
    """Scenario: a higher cost of holding idle and low-efficiency land."""

    enabled: bool = setting(
        default=False,
        zh="是否计算保有成本情景",
        en="whether the holding-cost scenario is computed",
    )
    rates: dict[str, float] = setting(
        {"idle": 0.2},
        zh="按判定结果的年费率（占土地价值）",
        en="yearly rate by outcome, of the land's value",
        unit="share",
        source="idle land fee: Order 53, article 14; other outcomes have no source",
    )


class SyntheticSettings(Section):
    """The demonstration zone, used when a study has no parcel file."""

    seed: int = setting(20250731, zh="随机种子", en="seed", source=_CHOICE, ge=0)
    parcels: int = setting(
        330,
        zh="宗地数量",
        en="number of parcels",
        unit="parcels",
        source="the zone surveyed over 300 plots",
        ge=300,
        le=2000,
    )
    documented: RuleFile | None = setting(
        None,
        zh="示例园区及其文献数字所在的规则集，示例的合计与之相等；空则没有示例",
        en="rule set that names the zone and its documented figures, which the sums meet; no "
        "demonstration when empty",
    )


class ParcelSettings(Section):
    """Low-efficiency land and its renewal potential."""

    rules: RuleFile = setting(
        "statutory",
        zh="规则集：名称，或相对于研究文件的 .yml 路径；默认只判定法定的闲置土地",
        en="rule set: a name, or the path of a .yml file relative to the study file; the default "
        "tells idle land by statute and nothing else",
    )
    cutoffs: dict[str, float] = setting(
        {},
        zh="替换规则集中的阈值（按名称）",
        en="cut-offs of the rule set to replace, by name",
    )
    far_target: float | None = setting(
        None,
        zh="无规划容积率时的目标容积率；空则未知",
        en="target FAR where a plot has no planned one; unknown when empty",
        unit="ratio",
        source=_CHOICE,
        gt=0,
    )
    max_coverage_share: float | None = setting(
        None,
        zh="建筑密度上限（超过则无扩建余量）；空则不限",
        en="coverage beyond which a plot cannot extend; no cap when empty",
        unit="share",
        source=_CHOICE,
        gt=0,
        le=1,
    )
    min_known_share: float = setting(
        0.8,
        zh="汇总指标所需的最小数据覆盖（按用地面积）",
        en="least share of land with data for a rate to be given",
        unit="share",
        source=_CHOICE,
        ge=0,
        le=1,
    )
    estimated_confidence: float = setting(
        0.7,
        zh="依据估算值的判定的可信度系数",
        en="factor on the confidence of a verdict that rests on an estimate",
        unit="share",
        source=_CHOICE,
        gt=0,
        le=1,
    )
    min_served: int = setting(
        2,
        zh="视为配套良好所需达到的服务项数",
        en="services that make a place well served",
        unit="services",
        source=_CHOICE,
        ge=1,
    )
    min_low_land_m2: float = setting(
        10_000.0,
        zh="视为有存量可盘活的最小低效用地",
        en="least low-efficiency land for a place to count as having land",
        unit="m²",
        source=_CHOICE,
        ge=0,
    )
    about_share: float = setting(
        0.1,
        zh="“约”数的容差",
        en="tolerance of figures said to be approximate",
        unit="share",
        source=_CHOICE,
        gt=0,
    )
    reading: ReadingSettings = setting(ReadingSettings(), zh="读取", en="reading")
    footprints: FootprintSettings = setting(FootprintSettings(), zh="建筑基底", en="footprints")
    zero_class: ZeroClassSettings = setting(
        ZeroClassSettings(), zh="零类融合用地情景", en="integrated-use scenario"
    )
    lease: LeaseSettings = setting(LeaseSettings(), zh="弹性年期情景", en="lease-term scenario")
    levy: LevySettings = setting(LevySettings(), zh="保有成本情景", en="holding-cost scenario")
    synthetic: SyntheticSettings = setting(
        SyntheticSettings(), zh="合成示例", en="synthetic demonstration"
    )

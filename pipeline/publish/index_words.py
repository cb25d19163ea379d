"""Say what each file of a study is: its title, what it is for, what it rests on."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from pipeline.publish.layer_licences import LICENCES
from pipeline.publish.report_cells import Words

LINE = 160  # characters of a title or purpose, as `clean` cuts names from outside


@dataclass(frozen=True)
class Facts:
    """What a file is; `roles` are the inputs it rests on, none for all of them.

    `layer` names a published layer that knows its own sources and licence.
    """

    title: Words
    purpose: Words
    roles: tuple[str, ...] = ()
    layer: str = ""


@dataclass(frozen=True)
class Rights:
    """Data dates and licences of a file, as they are shown."""

    dates: str
    licences: str


_GAPS = ("places", "line_stations", "hospitals", "schools", "standards")
_PARK = Words("一处园区的详图：各项得分、路线、可达范围、孤岛剖面", "one park: scores, routes, catchments, island profile")  # noqa: E501  # fmt: skip
#: Files by their path from the index page; the first pattern that fits counts.
FILES: tuple[tuple[str, Facts], ...] = (
    ("report.html", Facts(
        Words("报告", "Report"),
        Words("十行摘要、排序、案例园区、情景、地块、数据的限度", "ten lines, ranking, case parks, scenario, parcels, limits of the data"),  # noqa: E501
    )),
    ("maps/overview.html", Facts(
        Words("总图：布局与服务缺口对照", "Overview: layout beside the service gaps"),
        Words("从这里开始：点任一处看“为什么是这个颜色”", "start here: click a place for the reason of its colour"),  # noqa: E501
    )),
    ("maps/scenario_planned_stations.html", Facts(
        Words("情景图：在建与规划车站开通前后", "Scenario: before and after the planned stations"),
        Words("新车站改变哪些园区的轨道缺口", "which parks the new stations bring nearer"),
        ("places", "line_stations", "lines", "planned_stations", "districts"),
    )),
    ("maps/parcels.html", Facts(
        Words("地块图：判定与更新", "Parcels: verdicts and renewal"),
        Words("每宗地的类型、触发规则与可增面积", "type, rules that fired and room for floor area of every plot"),  # noqa: E501
        layer="parcels",
    )),
    ("maps/synthesis.html", Facts(
        Words("布局与缺口：配对、集聚、选址", "Layout against gaps: pairs, clusters, sites"),
        Words("谁与谁配对、服务怎样集聚、哪里补最有用", "who pairs with whom, how services gather, where help helps most"),  # noqa: E501
        (*_GAPS, "lines", "planned_stations", "districts"),
    )),
    ("maps/parks/*.html", Facts(Words("园区详图", "Park page"), _PARK)),
    ("figures/gap_strip.svg", Facts(
        Words("插图：各地点的数值、区间与判定", "Figure: value, interval and verdict by place"),
        Words("供论文与汇报使用", "for papers and slides"), _GAPS,
    )),
    ("figures/tier_matrix.svg", Facts(
        Words("插图：层级 × 服务", "Figure: tier by service"),
        Words("供论文与汇报使用", "for papers and slides"), _GAPS,
    )),
    ("figures/carrier_targets.svg", Facts(
        Words("插图：载体各年开工目标", "Figure: construction targets of the carriers"),
        Words("供论文与汇报使用", "for papers and slides"), ("places",),
    )),
    ("figures/island/*.svg", Facts(
        Words("插图：孤岛剖面", "Figure: island profile"),
        Words("园区与随机搬移的同形地块相比", "a park against random relocations of its footprint"),
        ("places", "cells", "line_stations", "hospitals", "schools"),
    )),
    ("tables/README.md", Facts(
        Words("表格说明", "About the tables"),
        Words("编码、空值与公式防护", "encoding, nulls, formulas"),
        ("standards",),
    )),
    ("tables/data_dictionary.csv", Facts(
        Words("数据字典", "Data dictionary"),
        Words("各表各列的含义、单位与代码", "meaning, unit and codes of every column"),
        ("standards",),
    )),
    ("tables/access_dictionary.md", Facts(
        Words("可达性数据字典", "Dictionary of access"),
        Words("可达性长表与宽表的列和指标", "columns and measures of the tables of access"), _GAPS,
    )),
    ("tables/access_wide.csv", Facts(
        Words("可达性指标（宽表）", "Access, wide table"),
        Words("每地点一行，便于统计软件", "one row per place, for statistics software"), _GAPS,
    )),
    ("tables/island_comparison.csv", Facts(
        Words("孤岛效应：与普通工业用地对照", "Island effect against ordinary industrial land"),
        Words("比多少处普通工业用地更像孤岛", "more island-like than how many of them"),
        ("places", "cells"),
    )),
    ("tables/parcel_findings.csv", Facts(
        Words("地块文件的检查结果", "What was found in the parcel file"),
        Words("逐行的问题与改法", "problems row by row, with the remedy"), layer="parcels",
    )),
    ("*/parkgap.gpkg", Facts(
        Words("全部图层（GeoPackage）", "All layers (GeoPackage)"),
        Words("用 QGIS 等软件打开，样式已内置", "opens in QGIS and other GIS, styles inside"),
    )),
    ("*/parkgap.qgz", Facts(
        Words("QGIS 工程", "QGIS project"),
        Words("排好的图层、专题与版式", "layers, themes and layouts in order"),
    )),
    ("*/parkgap.provenance.json", Facts(
        Words("来源与许可清单（STAC）", "Provenance and licences (STAC)"),
        Words("每个图层的来源、方法与限度", "sources, method and limits of every layer"),
    )),
    ("*/rasters/minutes_rail.tif", Facts(
        Words("栅格：到最近轨道站点的分钟数", "Raster: minutes to the nearest rail station"),
        Words("作底图或叠加分析", "as a background or for overlay"), ("line_stations",),
    )),
    ("*/rasters/minutes_hospital.tif", Facts(
        Words("栅格：到最近医院的分钟数", "Raster: minutes to the nearest hospital"),
        Words("作底图或叠加分析", "as a background or for overlay"), ("hospitals",),
    )),
    ("*/rasters/minutes_school.tif", Facts(
        Words("栅格：到最近学校的分钟数", "Raster: minutes to the nearest school"),
        Words("作底图或叠加分析", "as a background or for overlay"), ("schools",),
    )),
    ("*/rasters/density_*.tif", Facts(
        Words("栅格：设施密度", "Raster: density of facilities"),
        Words("作底图或叠加分析", "as a background or for overlay"), ("cells",),
    )),
)  # fmt: skip


def facts_of(address: str, layers: Mapping[str, Mapping[str, object]]) -> Facts | None:
    """Say what the file at an address is; a layer's own table takes the words of the layer.

    `layers` are the entries of the provenance by the name of the layer.
    """
    for pattern, facts in FILES:
        if fnmatchcase(address, pattern):
            return facts
    path = PurePosixPath(address)
    layer = layers.get(path.stem)
    if layer is None or path.parent.name not in {"tables", "parquet"}:
        return None
    title, about = (
        Words(str(layer.get(f"{key}_zh", "")), str(layer.get(f"{key}_en", "")))
        for key in ("title", "about")
    )
    return Facts(title, about, layer=path.stem)


def named(facts: Facts, name: Words) -> Facts:
    """Put the name of a place before the title of its file."""
    return replace(
        facts,
        title=Words(f"{name.zh}：{facts.title.zh}", f"{name.en or name.zh}: {facts.title.en}"),
    )


def rights_of(
    facts: Facts | None,
    sources: Sequence[Mapping[Hashable, Any]],
    layers: Mapping[str, Mapping[str, object]],
) -> Rights:
    """Give the dates and licences of what a file rests on; of everything where it is unknown."""
    layer = layers.get(facts.layer) if facts is not None and facts.layer else None
    if layer is not None:
        return Rights(_span(_dates(layer)), _licence_words(str(layer.get("licence", ""))) or "—")
    roles = facts.roles if facts is not None else ()
    rows = [row for row in sources if not roles or row.get("role", roles[0]) in roles]
    dates = [str(row["date"]) for row in rows if pd.notna(row["date"])]
    licences = sorted(
        {_licence_words(str(row["licence"])) for row in rows if pd.notna(row["licence"])}
    )
    return Rights(_span(dates), " + ".join(licences) or "—")


def _licence_words(licence: str) -> str:
    """Name a licence by its id; one that is no public licence in both languages."""
    known = LICENCES.get(licence)
    return f"{known.zh} / {known.en}" if known is not None and known.url is None else licence


def read_layers(provenance: Path) -> dict[str, Mapping[str, object]]:
    """Read the entries of the provenance by the name of the layer; none where there is no file."""
    if not provenance.is_file():
        return {}
    entries = json.loads(provenance.read_text("utf-8")).get("parkgap:layers", [])
    return {str(entry["layer"]): entry for entry in entries}


def _dates(layer: Mapping[str, object]) -> Sequence[str]:
    sources = layer.get("sources")
    found = [one.get("date") for one in sources] if isinstance(sources, list) else []
    return [str(date) for date in found if date]


def _span(dates: Sequence[str]) -> str:
    ordered = sorted(set(dates))
    return " – ".join(dict.fromkeys((ordered[0], ordered[-1]))) if ordered else "—"

"""Compose the report: one file, two languages, figures inside, nothing requested."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.publish import (
    report_context,
    report_evidence,
    report_island,
    report_layout,
    report_parcels,
    report_scenario,
    report_synthesis,
    report_tables,
)
from pipeline.publish.leaflet import POLICY_MARK, seal
from pipeline.publish.report_cells import Table, Words, clean
from pipeline.publish.report_data import ReportData
from pipeline.publish.report_figures import draw_figures
from pipeline.publish.report_guide import how_to_read, limits
from pipeline.publish.report_text import summary

TEMPLATES = Path(__file__).parent / "templates"
CAPTIONS = {
    "gap_strip": Words(
        "各地点到三类服务的水平、区间与判定，按综合缺口排序",
        "Value, interval and verdict by place and service, in the order of the composite gap",
    ),
    "tier_matrix": Words(
        "层级 × 服务：每格一处地点，颜色为判定",
        "Tier by service: one square per place, coloured by outcome",
    ),
    "carrier_targets": Words("各载体分年开工目标", "Construction targets of the carriers by year"),
}


@dataclass(frozen=True)
class Report:
    """The finished report: the page, and the figures as files of their own (name -> SVG)."""

    html: str
    figures: dict[str, str]


@dataclass(frozen=True)
class Section:
    """A numbered part of the report."""

    name: str
    title: Words
    figures: Sequence[str] = ()
    tables: Sequence[Table] = ()
    intro: Sequence[Words] = ()
    mark: Words | None = None
    links: Sequence[tuple[str, Words]] = ()


def build_report(data: ReportData) -> Report:
    """Write the report from the tables of a run.

    Returns
    -------
    Report
        The page carries a policy that allows its own style and nothing else: no script, no
        request. The same data give the same bytes.

    Raises
    ------
    LayerError
        Something on the page would be fetched when it is viewed.
    """
    figures = draw_figures(data)
    sections = [section for section in _sections(data, figures) if section is not None]
    page = render(
        "report.html.j2",
        data=data,
        lines=summary(data),
        guide=how_to_read(data),
        limits=limits(data),
        sections=sections,
        figures=figures,
        captions=CAPTIONS,
        attributions=attributions(data.sources),
    )
    return Report(html=page, figures=figures)


def render(template: str, **content: Any) -> str:  # noqa: ANN401 (what a template is given)
    """Fill a template, every text escaped, and seal it by its policy."""
    document = _templates().get_template(template).render(policy_mark=POLICY_MARK, **content)
    return seal(document)


def compile_templates() -> None:
    """Compile all templates; those that nothing was filled into yet wait compiled."""
    templates = _templates()
    for name in templates.list_templates():
        templates.get_template(name)


def attributions(sources: pd.DataFrame) -> list[str]:
    """Give the attributions that licences ask for, each once, as the sources' names carry them."""
    holders = [
        "©" + str(name).partition("©")[2]
        for name in sources["name_en"].dropna()
        if "©" in str(name)
    ]
    return [clean(holder) for holder in dict.fromkeys(holders)]


def _sections(data: ReportData, figures: dict[str, str]) -> list[Section | None]:
    return [
        Section(
            "tiers",
            Words("层级与服务", "Tiers and services"),
            figures=_there(figures, "tier_matrix"),
            tables=[report_tables.matrix(data)],
        ),
        Section(
            "ranking",
            Words("缺口排序", "Ranked gaps"),
            figures=_there(figures, "gap_strip"),
            tables=[report_tables.ranking(data)],
        ),
        _section("cases", "案例园区", "Case parks", [report_tables.case_parks(data)]),
        _section(
            "layout",
            *_layout_title(data),
            [
                report_tables.layout(data, ("core", "core_part", "zone")),
                report_tables.layout(data, ("x",)),
                report_tables.layout(data, ("cluster",)),
                report_tables.layout(data, ("local",)),
            ],
        ),
        _section(
            "targets",
            f"{data.name('carrier')[0]}与开工目标",
            f"{data.name('carrier')[1]} and targets",
            [report_tables.targets(data), report_tables.districts(data)],
            figures=_there(figures, "carrier_targets"),
        ),
        _scenarios(data),
        _section(
            "answers",
            "布局对照缺口：怎样补、跟谁配",
            "Layout against gaps: what would help, who pairs with whom",
            report_synthesis.synthesis_tables(data),
            intro=report_synthesis.synthesis_words(data),
        ),
        _section(
            "structure",
            "布局结构与服务集聚",
            "Structure of the layout, service clusters",
            report_layout.layout_tables(data),
        ),
        _section(
            "context",
            "背景：成本、载体与用地",
            "Context: costs, carriers, land",
            report_context.context_tables(data),
        ),
        _section("island", "孤岛效应", "Island effect", report_island.island_tables(data)),
        _section(
            "parcels",
            "地块：低效用地与更新",
            "Parcels: low-efficiency land and renewal",
            report_parcels.parcel_tables(data),
            intro=report_parcels.parcel_words(data),
            mark=report_parcels.SYNTHETIC if report_parcels.is_synthetic(data) else None,
        ),
        _section(
            "evidence",
            "来源矛盾、公布值与标准",
            "Contradictions, published figures, standards",
            [
                report_evidence.published_coverage(data),
                report_evidence.contradictions(data),
                report_context.figure_checks(data),
                report_evidence.standards(data),
            ],
        ),
        Section(
            "data",
            Words("数据、许可与设置", "Data, licences, settings"),
            tables=[report_evidence.sources(data), report_evidence.parameters(data)],
        ),
    ]


def _layout_title(data: ReportData) -> tuple[str, str]:
    """Name the section on places by the tiers that the study has."""
    if data.places["tier"].isin(["core", "zone"]).any():
        return "核心区、特色区与园区", "Core, zones and parks"
    return "园区", "Parks"


def _section(
    name: str,
    zh: str,
    en: str,
    tables: Sequence[Table | None],
    *,
    figures: Sequence[str] = (),
    intro: Sequence[Words] = (),
    mark: Words | None = None,
) -> Section | None:
    """Make a section of the tables there are; none at all makes no section."""
    there = [table for table in tables if table is not None]
    title = Words(zh, en)
    if not there:
        return None
    return Section(name, title, figures=figures, tables=there, mark=mark, intro=intro)


def _scenarios(data: ReportData) -> Section | None:
    table = report_scenario.scenario_table(data)
    if table is None:
        return None
    return Section(
        "scenarios",
        Words("情景：在建与规划车站", "Scenario: stations under construction and planned"),
        tables=[table],
        intro=report_scenario.scenario_words(data),
        links=[report_scenario.MAP],
    )


def _there(figures: dict[str, str], *names: str) -> list[str]:
    return [name for name in names if name in figures]


@functools.cache
def _templates() -> Any:  # noqa: ANN401 (jinja2 is imported here only)
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )

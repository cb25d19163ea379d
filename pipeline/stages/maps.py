"""Draw the maps a planner opens."""

from __future__ import annotations

from functools import partial

import pandas as pd

from pipeline.publish.map_addresses import park_pages
from pipeline.publish.map_elements import PageText, build_page
from pipeline.publish.overview_map import SCRIPTS as OVERVIEW_SCRIPTS
from pipeline.publish.overview_map import SERVICES as OVERVIEW_SERVICES
from pipeline.publish.overview_map import (
    OverviewData,
    build_overview,
    target_column,
    target_years,
)
from pipeline.publish.scenario_map import build_scenario
from pipeline.publish.themed_map import SCRIPTS as THEMED_SCRIPTS
from pipeline.publish.themed_map import build_themed
from pipeline.stages.context import StageContext
from pipeline.stages.map_parcels import PAGE as PARCELS
from pipeline.stages.map_parcels import TITLE as PARCELS_TITLE
from pipeline.stages.map_parcels import write_parcels
from pipeline.stages.map_parks import ParkBuilder
from pipeline.stages.map_routes import MapStreets
from pipeline.stages.map_scenarios import planned_stations
from pipeline.stages.map_synthesis import synthesis_page
from pipeline.stages.map_tables import MapTables, read_ground, read_tables

SERVICES = ("rail", "hospital", "school")
SCENARIO = (
    "scenario_planned_stations.html",
    "在建与规划车站：前后对照",
    "Planned stations: before and after",
)
SYNTHESIS = "synthesis.html"
#: What the page of the parcels is set by, the words of the codes included.
PARCELS_SET_BY = ("study", "gaps.needs", "gaps.worst_places", "maps")


def prepare() -> None:
    """Write empty pages, to have read what all share before there is anything to show on them."""
    for scripts in (OVERVIEW_SCRIPTS, THEMED_SCRIPTS):
        build_page(
            text=PageText(("", "")),
            language="zh",
            scripts=scripts,
            settings={},
            packed="",
            search=False,
        ).render()


def run(context: StageContext) -> None:
    """Write the overview, a page per park and the scenario; each file asks the network nothing."""
    ground = read_ground(context)
    context.part("parcels", partial(write_parcels, context, ground), set_by=PARCELS_SET_BY)
    streets = MapStreets(context)
    tables = read_tables(context, streets, ground)
    settings = context.settings("maps")
    pages = park_pages(tables.places.loc[tables.places_m["x"].notna(), "place_id"])
    further = _write_further(context, tables)
    overview = build_overview(_overview(tables, pages, further), settings)
    _write(context, "overview.html", overview)
    builder = ParkBuilder(context, tables, streets, settings)
    for place_id, address in context.track(pages.items(), "parks", total=len(pages)):
        _write(context, address, builder.page(place_id))
    context.log.info("wrote the overview and %d pages of parks", len(pages))


def _write(context: StageContext, name: str, page: str) -> None:
    with context.writing(f"outputs:maps/{name}") as target:
        target.write_text(page, encoding="utf-8")


def _write_further(context: StageContext, tables: MapTables) -> list[tuple[str, str, str]]:
    """Write the further maps that have something to show; give them for the overview to link."""
    settings = context.settings("maps")
    written = []
    scenario = planned_stations(tables)
    if scenario is not None:
        _write(context, SCENARIO[0], build_scenario(scenario, settings))
        written.append(SCENARIO)
    page = synthesis_page(context, tables)
    if page is not None:
        _write(context, SYNTHESIS, build_themed(page, settings, name=page.title[1]))
        written.append((SYNTHESIS, *page.title))
    if len(context.frame("parcels", "parcels.parquet", ["parcel_id"])):
        written.append((PARCELS, *PARCELS_TITLE))
    return written


def _overview(
    tables: MapTables, pages: dict[str, str], further: list[tuple[str, str, str]]
) -> OverviewData:
    return OverviewData(
        title=tables.title,
        subtitle=(
            f"空间布局与服务缺口，研究日期 {tables.date}",
            f"layout and service gaps, study date {tables.date}",
        ),
        places=tables.places.assign(page=tables.places["place_id"].map(pages)),
        gaps=tables.gaps[tables.gaps["service"].isin(OVERVIEW_SERVICES)],
        access=tables.results,
        districts=tables.districts,
        metro_lines=tables.lines,
        stations=tables.stations,
        hospitals=tables.hospitals,
        schools=tables.schools,
        standards=tables.standards,
        headlines=_headlines(tables),
        sources=tables.sources,
        banner=tables.banner,
        glossary=tables.words,
        pages=further,
    )


def _headlines(tables: MapTables) -> list[tuple[str, str]]:
    """Say the totals of the layout and what is missing where, from the figures alone."""
    said = []
    for year in target_years(tables.places):
        total = tables.places[target_column(year)].sum(min_count=1)
        said.append(
            (
                f"{year} 年开工目标合计 {total:g} 万平方米",
                f"construction targets of {year}: {total:g} x 10^4 m2",
            )
        )
    for service in SERVICES:
        said += _service_headlines(tables, service)
    return said


def _service_headlines(tables: MapTables, service: str) -> list[tuple[str, str]]:
    rows = tables.gaps[tables.gaps["service"].eq(service) & tables.gaps["gap"].notna()]
    if rows.empty:
        return []
    zh, en = tables.words.get(service, (service, service))
    found = int((rows["finding"].eq("gap") & rows["verdict"].eq("robust")).sum())
    said = [
        (
            f"{zh}：{len(rows)} 处有结果的地点中，{found} 处缺口稳健",
            f"{en}: a robust gap at {found} of {len(rows)} places with a value",
        )
    ]
    after = tables.scenario[tables.scenario["service"].eq(service)]
    both = rows.merge(after[["place_id", "gap"]], on="place_id", suffixes=("", "_after"))
    less = both["gap_after"].astype("float64") < both["gap"].astype("float64")
    if len(both) and pd.notna(both["gap_after"]).any():
        said.append(
            (
                f"{zh}：在建与规划车站将缩小其中 {int(less.sum())} 处的缺口",
                f"{en}: the planned stations would narrow {int(less.sum())} of these gaps",
            )
        )
    return said

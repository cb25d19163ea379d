"""Draw a scenario as one map of two states, with what it adds and who changes class."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import pandas as pd
import shapely

from pipeline.publish.overview_map import first_extent, prepared_places
from pipeline.publish.park_layers import DISTRICTS, METRO, NAMED
from pipeline.publish.scenario_map import ScenarioData, ScenarioState, build_scenario
from pipeline.publish.study_words import study_words
from pipeline.publish.themed_map import Fact, MapLayer, MapList, MapTable, Paint
from pipeline.scenarios.files import AddHospital, AddSchool, OpenGate, Scenario
from pipeline.scenarios.ledger import CLOSED, EASED, OPENED, SAME, UNKNOWN, WORSE
from pipeline.scenarios.words import Words, change_words
from pipeline.stages.context import StageContext
from pipeline.stages.flow import BY_NAME
from pipeline.stages.map_scenarios import most_changed
from pipeline.stages.map_tables import (
    NO_STREETS,
    districts_of,
    lines_of,
    sources_of,
    with_composite_method,
)
from pipeline.study import Study
from pipeline.workspace import Workspace

COMPOSITE = "composite"
MOVED = (CLOSED, OPENED, EASED, WORSE)
FACTS = (
    Fact("value", "数值", "Value", unit_column="unit"),
    Fact("finding", "结论", "Finding"),
)
LEDGER = (
    Fact("place", "地点", "Place", small=("place_en",)),
    Fact("change_zh", "变化", "Change", small=("change_en",)),
    Fact("step", "缺口变化", "Change of gap", small=("told",), signed=True),
    Fact("value_before", "现状", "Before", unit_column="unit"),
    Fact("value_after", "情景", "After", unit_column="unit"),
)
SUMMARY = (
    Fact("service_zh", "服务", "Service", small=("service_en",)),
    Fact("change_zh", "变化", "Change", small=("change_en",)),
    Fact("places", "地点数", "Places"),
    Fact("area_km2", "规划面积", "Planned area", unit="km²"),
    Fact("residents", "居民", "Residents"),
)
PARCEL_SUMMARY = (
    Fact("class_zh", "达标情况", "Within the standard", small=("class_en",)),
    Fact("parcels", "宗数", "Plots"),
    Fact("area_ha", "面积", "Land", unit="ha"),
)
CLASS_WORDS = {
    "served_rail": ("轨道站点", "rail"),
    "served_hospital": ("医院", "hospital"),
    "served_school": ("学校", "school"),
}
M2_PER_HA = 10_000
STATES = {
    "True": ("达标", "within"),
    "False": ("不达标", "outside"),
    "unknown": ("未知", "unknown"),
}
PARCELS = Paint(color="#0b4f8a", weight=1, fill=True, fillColor="#56b4e9", fillOpacity=0.75)
ADDED = Paint(
    color="#111", weight=1.4, fillColor="#ffd54a", fillOpacity=1, glyph="square", radius=5
)
NOTHING_ADDED = gpd.GeoDataFrame({"name_zh": [], "name_en": []}, geometry=[], crs=4326)
FEW = 2  # names of more would cover those of the places
LINK = Paint(color="#b35806", weight=5)
NOTES = (
    (
        "情景是假设，不是规划；除所列变化外，数据、方法与门槛都与现状相同。",
        "A scenario is hypothetical, no plan. Nothing changes but what is listed.",
    ),
    (
        "面积为有记载的规划面积之和，没有记载的地点不计入；没有人口数据时居民数为空，不是零。",
        "Area sums documented planned areas only; without data on residents they stay empty.",
    ),
)
NO_PLOT = ("没有地块改变达标情况。", "No plot comes within a standard or falls out of it.")
NOTHING = (
    "没有地点的缺口发生变化，前后两图相同。",
    "No place's gap changes: both maps are the same.",
)


def draw_scenario(
    scenario: Scenario,
    *,
    study: Study,
    before: Workspace,
    after: Workspace,
    ledger: pd.DataFrame,
    summary: pd.DataFrame,
    parcels: pd.DataFrame | None,
    target: Path,
) -> str:
    """Build the comparison map of a scenario as one page that asks the network for nothing.

    Parameters
    ----------
    scenario
        What is different.
    study
        The study as it is.
    before, after
        The two built workspaces.
    ledger, summary, parcels
        The tables of :mod:`pipeline.scenarios.ledger`; parcels null where none were compared.
    target
        Where the page will stand; its link back is relative to it.
    """
    sides = [StageContext(BY_NAME["maps"], study, place) for place in (before, after)]
    places = prepared_places(sides[0].layer("ingest", "places.parquet").to_crs(4326))
    districts = districts_of(sides[0])
    words = study_words(sides[0].frame("ingest", "labels.parquet"), study.gaps.needs)
    states = _states(ledger, places, words)
    main, *more = states
    plots = _plots(parcels, before)
    synthetic = bool(plots["synthetic"].any()) if len(plots) else False
    overview = before.outputs / "maps" / "overview.html"
    moved = ledger["change"].isin(MOVED).any()
    data = ScenarioData(
        banner=_banner(before),
        title=(f"情景：{scenario.name_zh}", f"Scenario: {scenario.name_en}"),
        subtitle=main.name,
        before=main.before,
        after=main.after,
        states=more,
        changed=most_changed(main.before, main.after),
        added=NOTHING_ADDED,
        on_top=[*_links(scenario), *_plot_layer(plots), *_added(scenario, sides)],
        ledger=_ledger(ledger, main.key),
        ledger_columns=LEDGER,
        tables=[_summary(summary, words), *_plot_table(parcels)],
        lists=[MapList(("改变了什么", "What is changed"), change_words(scenario, words))],
        background=_background(sides, districts),
        back=Path(os.path.relpath(overview, target.parent)).as_posix()
        if overview.is_file()
        else None,
        extent=first_extent(places, districts),
        facts=FACTS,
        notes=[*_own_notes(scenario), *NOTES]
        if moved
        else [NOTHING, *_own_notes(scenario), *NOTES],
        sources=sources_of(sides[0]),
        synthetic=synthetic,
    )
    return build_scenario(data, study.maps)


def _own_notes(scenario: Scenario) -> list[tuple[str, str]]:
    return [(scenario.note_zh, scenario.note_en)] if scenario.note_zh or scenario.note_en else []


def _states(ledger: pd.DataFrame, places: gpd.GeoDataFrame, words: Words) -> list[ScenarioState]:
    """Give the services that change, most changed first, and the composite last."""
    moved = ledger[ledger["change"].isin(MOVED)]
    single = moved[moved["service"].ne(COMPOSITE)]
    crossed = single["change"].isin([CLOSED, OPENED])
    order = (
        single.assign(crossed=crossed)
        .groupby("service")
        .agg(crossed=("crossed", "sum"), places=("place_id", "size"))
        .sort_values(["crossed", "places"], ascending=False)
    )
    located = places.dropna(subset=["lon", "lat"]).set_index("place_id")
    points = gpd.GeoDataFrame(
        located[["name_zh", "name_en", "label_zh", "label_en"]],
        geometry=gpd.points_from_xy(located["lon"], located["lat"]),
        crs=4326,
    )
    told = _with_methods(ledger)
    return [
        ScenarioState(
            service, words.get(service, (service, service)), *_pair(told, service, points)
        )
        for service in [*order.index, COMPOSITE]
    ]


def _with_methods(ledger: pd.DataFrame) -> pd.DataFrame:
    """Say of the composite of each side what the services it joins rest on."""
    parts = {
        side: with_composite_method(
            ledger[["place_id", "service"]].assign(method=ledger[f"method_{side}"])
        )["method"]
        for side in ("before", "after")
    }
    return ledger.assign(method_before=parts["before"], method_after=parts["after"])


def _pair(
    ledger: pd.DataFrame, service: str, points: gpd.GeoDataFrame
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    own = ledger[ledger["service"].eq(service)].set_index("place_id")
    columns = ("value", "gap", "finding", "method")
    before, after = (
        points.join(
            own[[f"{name}_{side}" for name in columns]]
            .set_axis(columns, axis=1)
            .assign(unit=own["unit"])
        )
        for side in ("before", "after")
    )
    return before, after


def _ledger(ledger: pd.DataFrame, service: str) -> pd.DataFrame:
    """List what changes, the shown service first; places whose gap stays are left to the CSV."""
    moved = ledger[ledger["change"].isin(MOVED) & ledger["service"].eq(service)]
    first, last = (moved[name].astype("float64") for name in ("gap_before", "gap_after"))
    told = [f"{low:.2f}\u00a0→\u00a0{high:.2f}" for low, high in zip(first, last, strict=True)]
    table = moved.assign(
        place=moved["name_zh"].fillna(moved["name_en"]),
        place_en=moved["name_en"],
        step=last - first,
        told=pd.Series(told, index=moved.index, dtype="object"),
    )
    crossed = ~table["change"].isin([CLOSED, OPENED])
    order = table.assign(crossed=crossed, by=-table["step"].abs())
    return order.sort_values(["crossed", "by", "place"]).drop(columns=["crossed", "by"])


def _summary(summary: pd.DataFrame, words: Words) -> MapTable:
    rows = summary[~summary["change"].isin([SAME, UNKNOWN])]
    named = [words.get(str(name), (str(name),) * 2) for name in rows["service"]]
    table = rows.assign(service_zh=[zh for zh, _ in named], service_en=[en for _, en in named])
    return MapTable(("变化的地点、面积与人", "Places, area and people that change"), table, SUMMARY)


def _banner(built: Workspace) -> tuple[str, str]:
    """Say that all times are estimates where the study has no streets."""
    streets = pd.read_parquet(built.output("networks", "streets.parquet"))
    return ("", "") if len(streets) else NO_STREETS


def _plots(parcels: pd.DataFrame | None, before: Workspace) -> gpd.GeoDataFrame:
    """Give the outlines of the parcels that change class, each with what changes in words."""
    columns: dict[str, list[object]] = {"told_zh": [], "told_en": [], "synthetic": []}
    nothing = gpd.GeoDataFrame(columns, geometry=[], crs=4326)
    if parcels is None or parcels.empty:
        return nothing
    shapes = gpd.read_parquet(before.built / "parcels" / "parcels.parquet").to_crs(4326)
    words = _class_words(parcels)
    told = parcels.assign(told_zh=[zh for zh, _ in words], told_en=[en for _, en in words])
    joined = told.groupby("parcel_id")[["told_zh", "told_en"]].agg("; ".join)
    drawn = shapes.set_index("parcel_id").join(joined, how="inner")
    return drawn[~(drawn.geometry.isna() | drawn.geometry.is_empty)]


def _class_words(rows: pd.DataFrame) -> list[tuple[str, str]]:
    """Say in both languages which service a parcel gains or loses."""
    sides = [rows[name].astype("string").fillna("unknown") for name in ("before", "after")]
    said = []
    for flag, first, last in zip(rows["class"], *sides, strict=True):
        (zh, en), one, other = CLASS_WORDS[flag], STATES[first], STATES[last]
        said.append((f"{zh}：{one[0]} → {other[0]}", f"{en}: {one[1]} → {other[1]}"))
    return said


def _plot_layer(plots: gpd.GeoDataFrame) -> list[MapLayer]:
    if plots.empty:
        return []
    return [
        MapLayer(
            "plots", ("改变达标情况的地块", "Plots that change class"), "polygon", plots, PARCELS,
            facts=(Fact("told_zh", "变化", "Change"), Fact("area_m2", "面积", "Land", "m²")),
            sides=("gaps",), note=("服务达标情况改变", "within another service or no longer"),
        )
    ]  # fmt: skip


def _plot_table(parcels: pd.DataFrame | None) -> list[MapTable]:
    """Sum the parcels that change by service and by how."""
    if parcels is None:
        return []
    words = _class_words(parcels)
    named = parcels.assign(class_zh=[zh for zh, _ in words], class_en=[en for _, en in words])
    table = named.groupby(["class_zh", "class_en"], sort=True).agg(
        parcels=("parcel_id", "nunique"),
        area_ha=("area_m2", lambda area: area.sum() / M2_PER_HA),
    )
    name = ("变化的地块", "Plots that change")
    return [
        MapTable(
            name, table.reset_index(), PARCEL_SUMMARY, note=NO_PLOT if table.empty else ("", "")
        )
    ]


def _added(scenario: Scenario, sides: list[StageContext]) -> list[MapLayer]:
    """Mark what the scenario adds, over the places: campuses, schools, stations that open."""
    points = [
        (change.name_zh, change.name_en, change.lon, change.lat)
        for change in scenario.changes
        if isinstance(change, AddHospital | AddSchool)
    ]
    before, after = (_open_stations(side) for side in sides)
    fresh = after[~after.index.isin(before.index)]
    points += [
        (row.name_zh, row.name_en, row.geometry.x, row.geometry.y) for row in fresh.itertuples()
    ]
    table = pd.DataFrame(points, columns=["name_zh", "name_en", "lon", "lat"])
    if table.empty:
        return []
    where = gpd.points_from_xy(table["lon"].astype(float), table["lat"].astype(float))
    frame = gpd.GeoDataFrame(table[["name_zh", "name_en"]], geometry=where, crs=4326)
    return [
        MapLayer(
            "added", ("新增设施", "Added"), "point", frame, ADDED, facts=[NAMED], sides=("gaps",),
            note=("情景新增", "added by the scenario"), named=len(frame) <= FEW,
        )
    ]  # fmt: skip


def _open_stations(side: StageContext) -> gpd.GeoDataFrame:
    stations = side.layer("rail", "stations.parquet").to_crs(4326).set_index("station_id")
    return stations[stations["status"].eq("operating")]


def _links(scenario: Scenario) -> list[MapLayer]:
    """Draw the ways that gates open."""
    gates = [change for change in scenario.changes if isinstance(change, OpenGate)]
    if not gates:
        return []
    frame = gpd.GeoDataFrame(
        {"name_zh": [gate.name for gate in gates], "name_en": [gate.name for gate in gates]},
        geometry=[shapely.LineString([gate.start, gate.end]) for gate in gates],
        crs=4326,
    )
    return [
        MapLayer(
            "links", ("开放的步行口", "Ways opened"), "line", frame, LINK,
            facts=(Fact("name_zh", "名称", "Name"),), sides=("gaps",),
            note=("情景开放", "opened by the scenario"),
        )
    ]  # fmt: skip


def _background(sides: list[StageContext], districts: gpd.GeoDataFrame) -> list[MapLayer]:
    """Lay districts under both maps, and under each the rail lines of its own state."""
    both = ("layout", "gaps")
    layers = [replace(DISTRICTS, frame=districts, sides=both)] if len(districts) else []
    for context, side in zip(sides, both, strict=True):
        lines = lines_of(context)
        if len(lines):
            layers.append(replace(METRO, key=f"{METRO.key}-{side}", frame=lines, sides=(side,)))
    return layers

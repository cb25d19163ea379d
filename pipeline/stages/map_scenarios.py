"""Set places before and after a scenario side by side."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import pandas as pd

from pipeline.publish.overview_map import first_extent
from pipeline.publish.park_layers import DISTRICTS, METRO
from pipeline.publish.scenario_map import ScenarioData
from pipeline.publish.themed_map import Fact, MapLayer
from pipeline.stages.map_tables import MapTables

SERVICE = "rail"
BOTH = ("layout", "gaps")
FACTS = (Fact("value", "数值", "Value", unit_column="unit"),)
NAMED = 8
APART_DEG = 0.04
LEAST_CHANGE = 0.05
LEDGER = (
    Fact("place", "地点", "Place", small=("place_en",)),
    Fact("gap", "缺口变化", "Change of gap", small=("told",), signed=True),
    Fact("value", "现状", "Before", unit_column="unit"),
    Fact("value_after", "情景", "After", unit_column="unit"),
)
NOTES = (
    (
        "在建车站有施工标记为据；规划车站未必建成。",
        "Stations under construction carry marks of it; planned ones may never open.",
    ),
    (
        "只换车站，其余不变：街道、方法与门槛与现状相同。",
        "Only the stations change; streets, methods and thresholds stay as they are.",
    ),
    (
        "位置未定的地点不画，台账中也不列。",
        "Places without a position are neither drawn nor listed.",
    ),
)


def planned_stations(tables: MapTables) -> ScenarioData | None:
    """Compare the rail gap of today with that of all stations built.

    None where no station is ahead, or where no place has minutes with them.
    """
    future = tables.stations[tables.stations["status"].ne("operating")]
    before, after = _states(tables)
    if future.empty or after["value"].isna().all():
        return None
    return ScenarioData(
        banner=tables.banner,
        title=(
            "在建与规划车站：轨道缺口前后对照",
            "Planned stations: the rail gap before and after",
        ),
        subtitle=tables.title,
        before=before,
        after=after,
        changed=most_changed(before, after),
        added=future[["name_zh", "name_en", "status", "geometry"]],
        ledger=_ledger(before, after),
        ledger_columns=LEDGER,
        background=_background(tables),
        back="overview.html",
        extent=first_extent(tables.prepared, tables.districts),
        facts=FACTS,
        notes=NOTES,
        sources=tables.sources,
        glossary=tables.words,
    )


def _states(tables: MapTables) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Give the places as points with the gap of today and of the scenario."""
    located = tables.prepared.dropna(subset=["lon", "lat"]).set_index("place_id")
    points = gpd.GeoDataFrame(
        located[["name_zh", "name_en", "label_zh", "label_en"]],
        geometry=gpd.points_from_xy(located["lon"], located["lat"]),
        crs=4326,
    )
    columns = ["gap", "value", "unit", "method"]
    now = tables.gaps[tables.gaps["service"].eq(SERVICE)].set_index("place_id")[columns]
    then = tables.scenario[tables.scenario["service"].eq(SERVICE)].set_index("place_id")[columns]
    return points.join(now), points.join(then)


def most_changed(before: gpd.GeoDataFrame, after: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Choose the places whose gap changes most to be named on the map, not two in one spot.

    Their names are the short ones: ``label_zh``, ``label_en``.
    """
    change = (before["gap"].astype("float64") - after["gap"].astype("float64")).abs().dropna()
    chosen: list[str] = []
    for place in change[change >= LEAST_CHANGE].sort_values(ascending=False, kind="stable").index:
        point = before.geometry[place]
        if all(point.distance(before.geometry[other]) > APART_DEG for other in chosen):
            chosen.append(place)
        if len(chosen) == NAMED:
            break
    named = after.loc[chosen]
    return named.assign(name_zh=named["label_zh"], name_en=named["label_en"])[
        ["name_zh", "name_en", "geometry"]
    ]


def _ledger(before: gpd.GeoDataFrame, after: gpd.GeoDataFrame) -> pd.DataFrame:
    """List the places by how much their gap falls; those without figures come last."""
    joined = pd.DataFrame(before.drop(columns="geometry")).join(
        after[["gap", "value"]].add_suffix("_after")
    )
    gap, then = (joined[name].astype("float64") for name in ("gap", "gap_after"))
    told = [
        f"{low:.2f}\u00a0→\u00a0{high:.2f}" if pd.notna(low) and pd.notna(high) else None
        for low, high in zip(gap, then, strict=True)
    ]
    table = joined.assign(
        place=joined["name_zh"].fillna(joined["name_en"]),
        place_en=joined["name_en"],
        told=pd.Series(told, index=joined.index, dtype="object"),
        gap=then - gap,
    )
    order = table["gap"].fillna(float("inf"))
    return table.assign(order=order).sort_values(["order", "place"]).drop(columns="order")


def _background(tables: MapTables) -> list[MapLayer]:
    layers = [(DISTRICTS, tables.districts), (METRO, tables.lines)]
    return [replace(template, frame=layer, sides=BOTH) for template, layer in layers if len(layer)]

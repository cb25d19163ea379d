"""Write what the rail stage knows of the network itself: minutes, counts, coverage of the city."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from pipeline.errors import SourceError
from pipeline.measures.coverage_areas import area_units, published_beside_computed
from pipeline.network.rail import RailGraph, rail_costs
from pipeline.network.rail_census import StationCount, count_line_stations
from pipeline.network.rail_lines import build_rail_graph, checked_line_stations
from pipeline.stages.context import StageContext


def write_network(context: StageContext) -> None:
    """Write the stations with trains and the minutes between all of them."""
    lines = context.layer("ingest", "line_stations.parquet")
    ids: list[str] = []
    points = gpd.GeoDataFrame({"station_id": ids, "name_zh": ids}, geometry=[], crs=context.crs)
    minutes = pd.DataFrame({"from_id": ids, "to_id": ids, "minutes": [], "transfers": []})
    if len(lines):
        graph = _timetabled(context)
        if graph is None:
            table = pd.DataFrame(lines.drop(columns="geometry"))
            graph = build_rail_graph(
                table.rename(columns={"name_zh": "station"}),
                crs=context.crs,
                statuses=["operating"],
                settings=context.settings("rail"),
            )
        points, minutes = _network_tables(context, graph)
    context.put("rail_stations.parquet", points)
    context.put("rail_minutes.parquet", minutes)


def _timetabled(context: StageContext) -> RailGraph | None:
    """Build the graph of the timetable's departures on the study date, where the lines are its own.

    Null without a timetable, where a table of line-stations goes before it, and where no train
    runs on the study date: rides are then estimated by the classes of lines.
    """
    path = context.file("rail_timetable")
    if path is None or context.input("line_stations") is not None:
        return None
    from pipeline.sources.gtfs import read_feed, trips_on
    from pipeline.sources.gtfs_rail import build_gtfs_graph

    settings, day = context.settings("timetables"), context.settings("study").date
    feed = read_feed(path, limits=settings)
    lines = context.frame("ingest", "lines.parquet")["line_id"]
    kinds = feed.routes.loc[feed.routes["route_id"].isin(lines), "route_type"].astype(int).unique()
    try:
        trips_on(feed, day, route_types=kinds)
    except SourceError as error:
        told = error.problems[0]
        context.notice(f"{told.zh}，乘车时间按线路类别估算", f"{told.en}: rides are estimated")
        return None
    return build_gtfs_graph(
        feed,
        day=day,
        crs=context.crs,
        route_types=kinds,
        gtfs=settings,
        rail=context.settings("rail"),
    )


def _network_tables(
    context: StageContext, graph: RailGraph
) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    costs = rail_costs(graph)
    found = graph.stations
    points = gpd.GeoDataFrame(
        {
            "station_id": found["station_id"],
            "name_zh": found["name"],
            "lines": found["lines"].map("|".join),
        },
        geometry=gpd.points_from_xy(found["x"], found["y"]),
        crs=context.crs,
    )
    size = len(costs.from_ids)
    minutes = pd.DataFrame(
        {
            "from_id": np.repeat(np.array(costs.from_ids, dtype=object), size),
            "to_id": np.tile(np.array(costs.to_ids, dtype=object), size),
            "minutes": costs.minutes.ravel(),
            "transfers": costs.transfers.ravel(),
            "method": costs.method,
        }
    )
    return points, minutes


def write_count(context: StageContext) -> None:
    """Write the count of line-stations and what lies between it and the official figure."""
    lines = context.layer("ingest", "line_stations.parquet")
    settings = context.settings("rail")
    counts = pd.DataFrame({"figure": [], "value": []})
    ledger = pd.DataFrame({"step": [], "line": [], "station": [], "change": []})
    if len(lines):
        table = pd.DataFrame(lines.drop(columns="geometry")).rename(columns={"name_zh": "station"})
        checked = checked_line_stations(table, crs=context.crs)
        present = set(zip(checked["line"], checked["station"], strict=True))
        absent = [
            missing
            for missing in settings.official_only
            if not present.issuperset((missing.line, name) for name in missing.stations)
        ]
        found = count_line_stations(
            checked[checked["status"].eq("operating")],
            shared_rule=settings.shared_tracks,
            not_in_official=settings.not_in_official,
            official_only=absent,
            official=settings.official_line_stations,
            settings=settings,
        )
        counts, ledger = _counts(found), found.ledger
    context.put("station_count.parquet", counts)
    context.put("count_ledger.parquet", ledger)


def _counts(found: StationCount) -> pd.DataFrame:
    figures = {
        "rows": found.rows,
        "line_stations": found.line_stations,
        "stations": found.stations,
        "interchanges": found.interchanges,
        "comparable": found.comparable,
        "official": found.official,
        "unexplained": found.unexplained,
    }
    by_line = {f"line:{line}": int(count) for line, count in found.by_line.items()}
    table = pd.Series({**figures, **by_line}, dtype="Int64")
    return pd.DataFrame({"figure": table.index, "value": table.to_numpy()})


def units_of(context: StageContext) -> gpd.GeoDataFrame:
    """Give the districts, the kinds of district, the city and the townships as polygons."""
    districts = context.layer("ingest", "districts.parquet")
    names = context.frame("ingest", "district_names.parquet")
    kinds = names.set_index("name_zh")["centrality"] if len(names) else pd.Series(dtype="str")
    return area_units(districts, kinds, context.layer("ingest", "townships.parquet"))


def write_published(context: StageContext, coverage: pd.DataFrame) -> None:
    """Write published figures of coverage beside the computed ones."""
    standards = context.frame("ingest", "standards.parquet")
    scopes = context.settings("rail_coverage").published_scopes
    table = (
        published_beside_computed(standards, coverage, units=scopes)
        if len(standards)
        else pd.DataFrame({"standard_id": []})
    )
    context.put("published.parquet", table)

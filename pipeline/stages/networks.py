"""Build the street graphs of an extract and say where its streets are dense enough to measure."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from tempfile import TemporaryDirectory

import geopandas as gpd
import pandas as pd
import shapely
from pyproj import CRS

from pipeline.network.graph import StreetGraph
from pipeline.network.graph_tables import graph_files
from pipeline.network.place_access import streets_of
from pipeline.settings.network import Mode
from pipeline.stages.context import StageContext


def run(context: StageContext) -> None:
    """Write one pair of tables per mode, their summary, and the area they cover."""
    extract = context.extract()
    graphs: dict[Mode, StreetGraph] = {}
    if extract is None:
        context.notice(
            "没有 OSM 摘录：所有可达时间均为直线估算（用 --osm 给出摘录即可实测）",
            "no OSM extract: all travel times are straight-line estimates (give one with --osm)",
        )
    else:
        graphs = _read(context, extract)
    regions = [_mapped(context, mode, graph) for mode, graph in graphs.items()]
    for graph in graphs.values():
        _store(context, graph)
    context.put("streets.parquet", _summary(graphs))
    context.put("gates.parquet", _gates(context, extract))
    empty = gpd.GeoDataFrame({"mode": [], "region": []}, geometry=[], crs=context.crs)
    context.put(
        "mapped.parquet", pd.concat([empty, *regions], ignore_index=True) if regions else empty
    )


def load_graph(context: StageContext, mode: Mode) -> StreetGraph | None:
    """Read the graph of a mode that this stage wrote; None when the study has no extract."""
    summary = context.frame("networks", "streets.parquet")
    if mode not in set(summary["mode"]):
        return None
    return StreetGraph.from_parquet(context.path("networks", "streets.parquet").parent, mode)


def _gates(context: StageContext, extract: Path | None) -> gpd.GeoDataFrame:
    """Read the mapped gates and entrances of the extract; none without one."""
    from pipeline.network.gates import read_gates

    if extract is None:
        columns: dict[str, list[str]] = {"gate_id": [], "kind": [], "access": []}
        return gpd.GeoDataFrame(columns, geometry=[], crs=context.crs)
    return read_gates(extract, area=None, crs=CRS.from_user_input(context.crs))


def _read(context: StageContext, extract: Path) -> dict[Mode, StreetGraph]:
    from pipeline.network.osm_streets import read_osm_streets

    settings = context.settings("network")
    places = context.layer("ingest", "places.parquet")
    hull = shapely.union_all(places.geometry.dropna().to_numpy()).convex_hull
    area = gpd.GeoSeries([hull.buffer(context.settings("study").buffer_m)], crs=context.crs)
    return read_osm_streets(
        extract,
        area=area.to_crs(4326).iloc[0],
        crs=CRS.from_user_input(context.crs),
        rules={mode: getattr(settings, mode) for mode in settings.modes},
        walk_speed_m_min=settings.walk_speed_m_min,
        scrap_max_km=settings.scrap_max_km,
    )


def _store(context: StageContext, graph: StreetGraph) -> None:
    with TemporaryDirectory() as folder:
        graph.to_parquet(Path(folder))
        for source in graph_files(Path(folder), graph.mode):
            with context.writing(source.name) as target:
                target.write_bytes(source.read_bytes())


def _summary(graphs: dict[Mode, StreetGraph]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "mode": pd.Series(list(graphs), dtype="str"),
            "nodes": [len(graph.nodes) for graph in graphs.values()],
            "edges": [len(graph.edges) for graph in graphs.values()],
            "length_km": [graph.edges["length_m"].sum() / 1000 for graph in graphs.values()],
            "components": [graph.nodes["component"].nunique() for graph in graphs.values()],
            "snapshot": pd.Series([_day(graph.snapshot) for graph in graphs.values()], dtype="str"),
        }
    )


def _day(day: dt.date | None) -> str | None:
    return None if day is None else day.isoformat()


def _mapped(context: StageContext, mode: Mode, graph: StreetGraph) -> gpd.GeoDataFrame:
    """Outline the regions where the mode is measured."""
    coverage = streets_of(mode, graph, context.settings("network")).coverage
    if coverage is None:
        return gpd.GeoDataFrame({"mode": [], "region": []}, geometry=[], crs=context.crs)
    rows, columns = coverage.region.nonzero()
    west = coverage.west_m + columns * coverage.cell_m
    south = coverage.south_m + rows * coverage.cell_m
    squares = shapely.box(west, south, west + coverage.cell_m, south + coverage.cell_m)
    cells = gpd.GeoDataFrame(
        {"mode": mode, "region": coverage.region[rows, columns]}, geometry=squares, crs=context.crs
    )
    return cells.dissolve(["mode", "region"], as_index=False)

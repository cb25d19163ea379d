"""Build the street graphs of an extract and say where its streets are dense enough to measure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
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

# Columns of the summary, also where there are no streets.
SUMMARY = {
    "mode": "str",
    "nodes": "int64",
    "edges": "int64",
    "length_km": "float64",
    "components": "int64",
    "snapshot": "str",
}


def run(context: StageContext) -> None:
    """Write one pair of tables per mode, their summary, and the area they cover."""
    extract = context.extract()
    rows: list[dict[str, object]] = []
    regions = [gpd.GeoDataFrame({"mode": [], "region": []}, geometry=[], crs=context.crs)]
    if extract is None:
        context.notice(
            "没有 OSM 摘录：所有可达时间均为直线估算（用 --osm 给出摘录即可实测）",
            "no OSM extract: all travel times are straight-line estimates (give one with --osm)",
        )
    else:
        for graph in _read(context, extract):
            _store(context, graph)
            rows.append(_summary(graph))
            regions.append(_mapped(context, graph))
            del graph  # a large city's graphs together would take three times the memory
    context.put("streets.parquet", pd.DataFrame(rows, columns=list(SUMMARY)).astype(SUMMARY))
    context.put("gates.parquet", _gates(context, extract))
    context.put("mapped.parquet", pd.concat(regions, ignore_index=True))


def load_costs(
    context: StageContext, mode: Mode, *, also: Sequence[str] = ()
) -> StreetGraph | None:
    """Read of the graph of a mode only what costs and snapping need, and other columns of edges.

    None when the study has no extract.
    """
    summary = context.frame("networks", "streets.parquet")
    if mode not in set(summary["mode"]):
        return None
    folder = context.path("networks", "streets.parquet").parent
    for file in graph_files(folder, mode):
        context.path("networks", file.name)  # the stage rests on them
    return StreetGraph.for_costs(folder, mode, also=also)


def _gates(context: StageContext, extract: Path | None) -> gpd.GeoDataFrame:
    """Read the mapped gates and entrances of the extract; none without one."""
    from pipeline.network.gates import read_gates

    if extract is None:
        columns: dict[str, list[str]] = {"gate_id": [], "kind": [], "access": []}
        return gpd.GeoDataFrame(columns, geometry=[], crs=context.crs)
    return read_gates(extract, area=None, crs=CRS.from_user_input(context.crs))


def _read(context: StageContext, extract: Path) -> Iterator[StreetGraph]:
    from pipeline.network.osm_streets import each_graph

    settings = context.settings("network")
    places = context.layer("ingest", "places.parquet")
    hull = shapely.union_all(places.geometry.dropna().to_numpy()).convex_hull
    area = gpd.GeoSeries([hull.buffer(context.settings("study").buffer_m)], crs=context.crs)
    return each_graph(
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


def _summary(graph: StreetGraph) -> dict[str, object]:
    return {
        "mode": graph.mode,
        "nodes": len(graph.nodes),
        "edges": len(graph.edges),
        "length_km": graph.edges["length_m"].sum() / 1000,
        "components": graph.nodes["component"].nunique(),
        "snapshot": _day(graph.snapshot),
    }


def _day(day: dt.date | None) -> str | None:
    return None if day is None else day.isoformat()


def _mapped(context: StageContext, graph: StreetGraph) -> gpd.GeoDataFrame:
    """Outline the regions where the mode is measured."""
    mode = graph.mode
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

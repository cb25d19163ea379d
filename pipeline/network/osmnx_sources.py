"""Read street networks that OSMnx saved."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyogrio
import shapely
from pyproj import CRS

from pipeline.network.graph import StreetGraph
from pipeline.network.osmnx_streets import from_osmnx, refuse_osmnx, to_streets
from pipeline.settings.network import Mode, ModeRules


def read_graphml(
    path: Path,
    *,
    mode: Mode,
    crs: CRS,
    rules: ModeRules,
    walk_speed_m_min: float,
    scrap_max_km: float,
) -> StreetGraph:
    """Read a GraphML file that OSMnx saved; parameters as in `from_osmnx`.

    Raises
    ------
    SourceError
        The file is missing or no GraphML of OSMnx, or see `from_osmnx`.
    """
    import osmnx

    _check_file(path)
    try:
        graph = osmnx.load_graphml(path)
    except Exception as error:  # whatever the XML parser and the converters of OSMnx raise
        raise refuse_osmnx(
            path, "不是 OSMnx 的 GraphML", f"no GraphML of OSMnx ({error})"
        ) from error
    return from_osmnx(
        graph,
        mode=mode,
        crs=crs,
        rules=rules,
        walk_speed_m_min=walk_speed_m_min,
        scrap_max_km=scrap_max_km,
        source=path,
    )


def read_graph_package(
    path: Path,
    *,
    mode: Mode,
    crs: CRS,
    rules: ModeRules,
    walk_speed_m_min: float,
    scrap_max_km: float,
) -> StreetGraph:
    """Read a GeoPackage with the layers `nodes` and `edges`, as OSMnx saves it.

    Parameters as in `from_osmnx`.

    Raises
    ------
    SourceError
        The file or a layer is missing, or see `from_osmnx`.
    """
    _check_file(path)
    try:
        nodes = pyogrio.read_dataframe(path, layer="nodes")
        edges = pyogrio.read_dataframe(path, layer="edges")
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise refuse_osmnx(
            path, "须含 nodes 与 edges 图层", f"layers nodes and edges are required ({error})"
        ) from error
    places = shapely.get_coordinates(nodes.geometry.to_numpy())
    return to_streets(
        pd.DataFrame(nodes.drop(columns="geometry")).assign(x=places[:, 0], y=places[:, 1]),
        pd.DataFrame(edges),
        node_crs=nodes.crs,
        mode=mode,
        crs=crs,
        rules=rules,
        walk_speed_m_min=walk_speed_m_min,
        scrap_max_km=scrap_max_km,
        snapshot=None,
        source=path,
    )


def _check_file(path: Path) -> None:
    """Raise SourceError unless the file exists."""
    if not path.is_file():
        raise refuse_osmnx(path, "找不到路网文件", "the street network file is missing")

"""State the contract of a street graph and say exactly what breaks it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import shapely
from pyproj import CRS

from pipeline.errors import CrsError, Problem

if TYPE_CHECKING:
    from pipeline.network.graph import StreetGraph

NODE_COLUMNS = {
    "node_id": "int64",
    "component": "int32",
    "component_name": "str",
    "geometry": "geometry",
}
EDGE_COLUMNS = {
    "edge_id": "str",
    "u": "int64",
    "v": "int64",
    "length_m": "float64",
    "forward_min": "float64",
    "back_min": "float64",
    "highway": "str",
    "name": "str",
    "structure": "str",
    "interior": "bool",
    "snappable": "bool",
    "geometry": "geometry",
}
STRUCTURES = ("surface", "bridge", "tunnel")
# What routes cost and where points snap hangs on these alone.
COST_NODES = ("node_id", "component")
COST_EDGES = (
    "u", "v", "length_m", "forward_min", "back_min", "interior", "snappable", "geometry",
)  # fmt: skip


def assert_projected(crs: CRS | None, *, what: str) -> CRS:
    """Return the CRS, or raise CrsError unless it is projected in metres.

    Parameters
    ----------
    crs
        CRS of a layer.
    what
        Name of the layer, for the message.
    """
    if crs is not None and crs.is_projected and crs.axis_info[0].unit_name in {"metre", "meter"}:
        return crs
    found = "no CRS" if crs is None else crs.to_string()
    raise CrsError(
        Problem(
            zh=f"{what}须采用以米为单位的投影坐标系（现为 {found}）",
            en=f"{what} must be in a projected CRS in metres (found {found})",
            remedy_zh="先用 to_crs 转换到研究的工作坐标系",
            remedy_en="reproject to the study's working CRS with to_crs first",
        )
    )


def breaches(graph: StreetGraph) -> Iterator[str]:
    """List what breaks the contract, in words."""
    nodes, edges = graph.nodes, graph.edges
    for table, frame, columns in (
        ("nodes", nodes, NODE_COLUMNS),
        ("edges", edges, EDGE_COLUMNS),
    ):
        missing = [column for column in columns if column not in frame.columns]
        if missing:
            yield f"{table} lack {', '.join(missing)}"
            return
        for column, kind in columns.items():
            found = str(frame[column].dtype)
            if found != kind and not (kind == "str" and found in {"object", "string"}):
                yield f"{table}.{column} is {found}, not {kind}"
    if nodes.crs != edges.crs:
        yield "nodes and edges differ in CRS"
    if len(edges) == 0:
        yield "there is no edge"
        return
    ids = nodes["node_id"].to_numpy()
    if (np.diff(ids) <= 0).any():
        yield "node_id is not unique and ascending"
        return
    if edges["edge_id"].duplicated().any():
        yield "edge_id is not unique"
    last = len(ids) - 1
    dangling = ids[np.minimum(graph.u_row, last)] != edges["u"].to_numpy()
    dangling |= ids[np.minimum(graph.v_row, last)] != edges["v"].to_numpy()
    if dangling.any():
        yield f"{int(dangling.sum())} edges end at unknown nodes"
        return
    yield from _geometry_breaches(graph)
    yield from _cost_breaches(graph)


def _geometry_breaches(graph: StreetGraph) -> Iterator[str]:
    """List edges whose geometry does not run from u to v."""
    lines = graph.edges.geometry.to_numpy()
    if not (shapely.get_type_id(lines) == shapely.GeometryType.LINESTRING).all():
        yield "an edge is not a LineString"
        return
    xy, count = shapely.get_coordinates(lines), shapely.get_num_coordinates(lines)
    if (count == 0).any():
        yield "an edge is an empty LineString"
        return
    after = np.cumsum(count)
    for which, at, rows in (
        ("first", after - count, graph.u_row),
        ("last", after - 1, graph.v_row),
    ):
        off = (np.abs(xy[at] - graph.node_xy[rows]) > 1e-6) @ [True, True]  # noqa: PLR2004
        if off.any():
            yield f"{int(off.sum())} edges do not touch their {which} node"
    if not np.allclose(shapely.length(lines), graph.edges["length_m"], rtol=1e-9, atol=1e-6):
        yield "length_m is not the length of the geometry"


def _cost_breaches(graph: StreetGraph) -> Iterator[str]:
    """List costs and categories out of range."""
    costs = graph.forward_min, graph.back_min
    if (np.isnan(costs[0]) & np.isnan(costs[1])).any():
        yield "an edge is traversable in no direction"
    if any((cost < 0).any() or np.isinf(cost).any() for cost in costs):
        yield "a cost is negative or infinite"
    if not graph.edges["structure"].isin(STRUCTURES).all():
        yield f"structure is not one of {', '.join(STRUCTURES)}"

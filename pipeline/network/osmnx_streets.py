"""Take over street networks that OSMnx made, into the same two tables."""

from __future__ import annotations

import ast
import datetime as dt
import logging
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from pipeline.errors import Problem, SourceError
from pipeline.network.graph import StreetGraph, assemble
from pipeline.network.graph_contract import assert_projected
from pipeline.network.phases import Floats, Ints
from pipeline.network.tag_rules import Use, way_use
from pipeline.settings.network import Mode, ModeRules

if TYPE_CHECKING:
    import networkx as nx

logger = logging.getLogger(__name__)

# Tags by which ways are judged; OSMnx drops others and merges what does not differ in these.
WAY_TAGS = (
    "highway",
    "name",
    "access",
    "foot",
    "bicycle",
    "vehicle",
    "motor_vehicle",
    "motorcar",
    "service",
    "sidewalk",
    "maxspeed",
    "oneway",
    "oneway:bicycle",
    "junction",
    "bridge",
    "tunnel",
    "area",
    "motorroad",
)
# Directions come from the edges that OSMnx made, not from the tags it made them of.
_DIRECTION_TAGS = frozenset({"oneway", "oneway:bicycle", "junction"})
_KM_H_IN_M_MIN = 1000 / 60


def from_osmnx(
    graph: nx.MultiDiGraph,
    *,
    mode: Mode,
    crs: CRS,
    rules: ModeRules,
    walk_speed_m_min: float,
    scrap_max_km: float,
    source: Path | str,
) -> StreetGraph:
    """Turn an OSMnx graph into a street graph.

    Parameters
    ----------
    graph
        OSMnx graph, projected or not; simplified here when it is not.
    mode, rules
        Mode and its tag rules; ways the rules close are dropped.
    crs
        Working CRS, projected in metres.
    walk_speed_m_min, scrap_max_km
        See `read_osm_streets`.
    source
        Where the graph comes from, for messages.

    Returns
    -------
    streets
        On foot both directions of every edge; other modes the directions the graph has.

    Raises
    ------
    SourceError
        The graph lacks coordinates or a CRS, or has no streets for the mode.
    """
    if not graph.graph.get("simplified", False) and len(graph):
        import osmnx

        graph = osmnx.simplification.simplify_graph(graph)
    nodes = pd.DataFrame.from_dict(dict(graph.nodes(data=True)), orient="index")
    edges = pd.DataFrame.from_records(
        [
            {"u": u, "v": v, "key": key, **data}
            for u, v, key, data in graph.edges(keys=True, data=True)
        ]
    )
    return to_streets(
        nodes.rename_axis("osmid").reset_index(),
        edges,
        node_crs=graph.graph.get("crs"),
        mode=mode,
        crs=crs,
        rules=rules,
        walk_speed_m_min=walk_speed_m_min,
        scrap_max_km=scrap_max_km,
        snapshot=_created(graph.graph.get("created_date")),
        source=source,
    )


def _created(text: object) -> dt.date | None:
    """Read the day on which OSMnx downloaded a graph."""
    try:
        return dt.datetime.fromisoformat(str(text)).date()
    except ValueError:
        return None


def refuse_osmnx(path: Path | str, zh: str, en: str) -> SourceError:
    """Build the error of one problem with the graph."""
    return SourceError(
        Problem(
            zh=zh,
            en=en,
            path=path,
            remedy_zh="用 osmnx.save_graphml 或 save_graph_geopackage 保存路网",
            remedy_en="save the network with osmnx.save_graphml or save_graph_geopackage",
        )
    )


def to_streets(
    nodes: pd.DataFrame,
    edges: pd.DataFrame,
    *,
    node_crs: Any,  # noqa: ANN401
    mode: Mode,
    crs: CRS,
    rules: ModeRules,
    walk_speed_m_min: float,
    scrap_max_km: float,
    snapshot: dt.date | None,
    source: Path | str,
) -> StreetGraph:
    """Make the tables from OSMnx's nodes (osmid, x, y) and directed edges (u, v, key, tags)."""
    assert_projected(crs, what="working CRS")
    _check_frames(nodes, edges, node_crs, source)
    nodes = nodes.sort_values("osmid")
    ids: Ints = nodes["osmid"].to_numpy(dtype=np.int64)
    project = Transformer.from_crs(node_crs, crs, always_xy=True)
    xy = np.column_stack(project.transform(nodes["x"].to_numpy(), nodes["y"].to_numpy()))
    both_ways = _pair_directions(edges, on_foot=mode == "walk")
    walk_km_h = walk_speed_m_min / _KM_H_IN_M_MIN
    tags = [_way_tags(row) for row in both_ways.to_dict(orient="records")]
    uses = [way_use(street, rules, walk_km_h=walk_km_h) for street in tags]
    usable = np.array([use is not None for use in uses], dtype=bool)
    if not usable.any():
        raise refuse_osmnx(
            source, f"没有 {mode} 可用的道路", f"no street can be used by mode {mode}"
        )
    names = np.array([street.get("name") for street in tags], dtype=object)
    both_ways = both_ways[usable].assign(name=names[usable])
    lines = _lines(both_ways, ids, xy, project)
    table = _edge_table(both_ways, [use for use in uses if use is not None], lines)
    if mode == "walk":
        for column in ("forward_min", "back_min"):
            table[column] = table["length_m"] / walk_speed_m_min
    graph = assemble(
        ids,
        xy,
        table,
        lines=lines,
        crs=crs,
        mode=mode,
        walk_speed_m_min=walk_speed_m_min,
        scrap_max_km=scrap_max_km,
        snapshot=snapshot,
    )
    logger.info("took over %r from %s", graph, source)
    return graph


def _check_frames(
    nodes: pd.DataFrame,
    edges: pd.DataFrame,
    node_crs: Any,  # noqa: ANN401
    source: Path | str,
) -> None:
    """Raise SourceError naming what nodes or edges lack."""
    if len(edges) == 0:
        raise refuse_osmnx(source, "路网没有边", "the network has no edges")
    missing = [f"nodes.{name}" for name in ("osmid", "x", "y") if name not in nodes.columns]
    missing += [f"edges.{name}" for name in ("u", "v", "highway") if name not in edges.columns]
    missing += [] if node_crs is not None else ["crs"]
    if missing:
        text = ", ".join(missing)
        raise refuse_osmnx(source, f"路网缺少 {text}", f"the network lacks {text}")
    if nodes[["x", "y"]].isna().any(axis=None):
        raise refuse_osmnx(source, "路网节点缺少坐标", "nodes of the network lack coordinates")
    if not pd.concat([edges["u"], edges["v"]]).isin(nodes["osmid"]).all():
        raise refuse_osmnx(source, "边的端点不在节点表中", "edges end at nodes that are not there")


def _pair_directions(edges: pd.DataFrame, *, on_foot: bool) -> pd.DataFrame:
    """Turn directed edges into one row for each street with the directions it may be used in."""
    frame = edges.reset_index(drop=True).copy()
    if "key" not in frame:
        frame["key"] = 0
    length = frame["length"].astype(float) if "length" in frame else pd.Series(0.0, frame.index)
    way = frame["osmid"].map(_sorted_ids) if "osmid" in frame else pd.Series("", frame.index)
    low, high = frame[["u", "v"]].min(axis=1), frame[["u", "v"]].max(axis=1)
    frame["street"] = pd.MultiIndex.from_arrays([low, high, way, length.round(2)]).to_flat_index()
    along = frame["u"] <= frame["v"]
    # Two rows of one direction are two parallel streets, not one street and its reverse.
    frame["nth"] = frame.groupby([frame["street"], along, frame["u"].eq(frame["v"])]).cumcount()
    loop = frame["u"].eq(frame["v"])
    frame.loc[loop, "nth"] = frame.loc[loop, "nth"] // 2
    kind = ["street", "nth"]
    frame = frame.sort_values(["u", "v", "key"], kind="stable")
    first = frame.drop_duplicates(kind).copy()
    directions = frame.groupby(kind)["u"].agg(["size", "first"])
    two_rows = directions["size"].reindex(pd.MultiIndex.from_frame(first[kind])).to_numpy() > 1
    if "oneway" in first:
        two_rows |= ~first["oneway"].map(_is_true).to_numpy(dtype=bool)
    first["both"] = on_foot | two_rows
    return first.reset_index(drop=True)


def _sorted_ids(value: object) -> str:
    """Write one or several way ids alike whatever their order."""
    value = _parsed(value)
    many = value if isinstance(value, list | tuple) else [value]
    return ",".join(sorted(str(one) for one in many))


def _parsed(value: object) -> object:
    """Read a list that a file holds as text."""
    if isinstance(value, str) and value.startswith("[") and value.endswith("]"):
        return ast.literal_eval(value)
    return value


def _is_true(value: object) -> bool:
    """Read a truth value that may be text or a list."""
    value = _parsed(value)
    many = value if isinstance(value, list | tuple) else [value]
    return any(str(one).lower() in {"true", "yes", "1"} for one in many)


def _way_tags(row: Mapping[Hashable, Any]) -> dict[str, str]:
    """Return the tags of an edge as OSM has them; of merged values the first counts."""
    tags = {}
    for key in WAY_TAGS:
        value = _parsed(row.get(key))
        value = value[0] if isinstance(value, list | tuple) else value
        if key not in _DIRECTION_TAGS and value is not None and value == value:  # noqa: PLR0124
            tags[key] = str(value)
    return {**tags, "oneway": "no" if row["both"] else "yes"}


def _lines(edges: pd.DataFrame, ids: Ints, xy: Floats, project: Transformer) -> NDArray[np.object_]:
    """Return the geometry of edges in the working CRS from u to v; straight where there is none."""
    tips = [xy[np.searchsorted(ids, edges[end].to_numpy(dtype=np.int64))] for end in ("u", "v")]
    lines = shapely.linestrings(np.stack(tips, axis=1))
    if "geometry" not in edges:
        return np.asarray(lines)
    drawn = edges["geometry"].notna().to_numpy()
    own = shapely.transform(
        edges["geometry"].to_numpy()[drawn],
        lambda place: np.column_stack(project.transform(place[:, 0], place[:, 1])),
    )
    gap = shapely.distance(shapely.get_point(own, 0), shapely.points(tips[0][drawn]))
    turned_gap = shapely.distance(shapely.get_point(own, -1), shapely.points(tips[0][drawn]))
    own = np.where(turned_gap < gap, shapely.reverse(own), own)
    lines[drawn] = own
    return np.asarray(lines)


def _edge_table(edges: pd.DataFrame, uses: list[Use], lines: NDArray[np.object_]) -> pd.DataFrame:
    """Make the edge table of a street graph."""
    table = pd.DataFrame(uses, columns=list(Use._fields))
    length = shapely.length(lines)
    names = zip(edges["u"], edges["v"], edges["key"], strict=True)
    return pd.DataFrame(
        {
            "edge_id": [f"n{u}-n{v}-{key}" for u, v, key in names],
            "u": edges["u"].to_numpy(dtype=np.int64),
            "v": edges["v"].to_numpy(dtype=np.int64),
            "length_m": length,
            "forward_min": length / (table["forward_km_h"].to_numpy(float) * _KM_H_IN_M_MIN),
            "back_min": length / (table["back_km_h"].to_numpy(float) * _KM_H_IN_M_MIN),
            "highway": table["highway"].to_numpy(),
            "name": edges["name"].to_numpy(),
            "structure": table["structure"].to_numpy(),
            "interior": table["interior"].to_numpy(dtype=bool),
            "snappable": table["snappable"].to_numpy(dtype=bool),
        }
    )

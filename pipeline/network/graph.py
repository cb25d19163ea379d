"""Hold a street network as two tables with one contract."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from pipeline.errors import LayerError, Problem
from pipeline.network.graph_contract import (
    COST_EDGES,
    COST_NODES,
    EDGE_COLUMNS,
    assert_projected,
    breaches,
)
from pipeline.network.graph_tables import graph_files, read_points, read_table, write_table
from pipeline.network.phases import (
    Flags,
    Floats,
    Ints,
    Phases,
    component_labels,
    enclosed_edges,
    lay_out,
)
from pipeline.settings.network import Mode

# Ends of ways at a closed barrier get the ids -(node id x this + k), k = 0, 1, ...
SIDES_OF_A_BARRIER = 64


@dataclass(frozen=True, eq=False, repr=False)
class StreetGraph:
    """A street network of one mode: nodes, edges and what every figure on it depends on.

    Attributes
    ----------
    nodes
        One row per node, sorted by `node_id` (OSM node id; negative for the sides of a barrier
        that stops the mode). `component` is the rank of its connected part by street length (0 is
        the longest), `component_name` a name that survives edits elsewhere: the least node id.
    edges
        One row per edge. `u`, `v` are node ids and the ends of `geometry`; `length_m` is its planar
        length; `forward_min` and `back_min` are minutes u to v and v to u, NaN where not
        traversable. `interior` edges serve as first or last leg only; points snap to `snappable`
        edges only; `structure` is surface, bridge or tunnel.
    mode
        walk, cycle or drive.
    walk_speed_m_min
        Walking speed in m/min: of every edge when mode is walk, of the way to the edge always.
    snapshot
        Date of the data, None when the source does not tell.
    """

    nodes: gpd.GeoDataFrame
    edges: gpd.GeoDataFrame
    mode: Mode
    walk_speed_m_min: float
    snapshot: dt.date | None

    def __repr__(self) -> str:
        """Tell size, parts, length and date in one line."""
        km = float(self.edges["length_m"].sum()) / 1000
        parts = self.nodes["component"].nunique()
        inside = int(self.edges["interior"].sum())
        return (
            f"<StreetGraph {self.mode}: {len(self.nodes)} nodes, {len(self.edges)} edges "
            f"({inside} interior), {km:.1f} km, {parts} components, "
            f"{self.crs.to_string()}, snapshot {self.snapshot or 'unknown'}>"
        )

    @cached_property
    def crs(self) -> CRS:
        """Projected CRS of both tables."""
        return assert_projected(self.edges.crs, what="street graph")

    @cached_property
    def node_ids(self) -> Ints:
        """Node ids in row order (ascending)."""
        return np.asarray(self.nodes["node_id"], dtype=np.int64)

    @cached_property
    def node_xy(self) -> Floats:
        """Node coordinates in metres, shape (nodes, 2)."""
        return np.asarray(shapely.get_coordinates(self.nodes.geometry.to_numpy()))

    def row_of(self, node_ids: Ints) -> Ints:
        """Row of each node id; the ids must exist."""
        return np.asarray(np.searchsorted(self.node_ids, node_ids), dtype=np.int64)

    @cached_property
    def u_row(self) -> Ints:
        """Row of each edge's first node."""
        return self.row_of(self.edges["u"].to_numpy())

    @cached_property
    def v_row(self) -> Ints:
        """Row of each edge's last node."""
        return self.row_of(self.edges["v"].to_numpy())

    @cached_property
    def forward_min(self) -> Floats:
        """Minutes u to v per edge, NaN where not traversable."""
        return np.asarray(self.edges["forward_min"], dtype=np.float64)

    @cached_property
    def back_min(self) -> Floats:
        """Minutes v to u per edge, NaN where not traversable."""
        return np.asarray(self.edges["back_min"], dtype=np.float64)

    @cached_property
    def interior(self) -> Flags:
        """Whether each edge serves as first or last leg only."""
        return np.asarray(self.edges["interior"], dtype=bool)

    @cached_property
    def lines(self) -> NDArray[np.object_]:
        """Edge geometries."""
        return np.asarray(self.edges.geometry.to_numpy())

    @cached_property
    def fastest_m_min(self) -> float:
        """Highest speed anywhere on the graph, walking to it included."""
        length = self.edges["length_m"].to_numpy()
        cost = np.fmin(self.forward_min, self.back_min)
        timed = cost > 0
        speeds = length[timed] / cost[timed]
        return max(float(speeds.max(initial=0.0)), self.walk_speed_m_min)

    @cached_property
    def phases(self) -> Phases:
        """The network laid out for routing (see `pipeline.network.phases`)."""
        return lay_out(
            self.u_row,
            self.v_row,
            len(self.nodes),
            forward_min=self.forward_min,
            back_min=self.back_min,
            interior=self.interior,
        )

    @cached_property
    def snap_rows(self) -> Ints:
        """Rows of the edges to which points may snap, in the order of `snap_tree`."""
        return np.flatnonzero(self.edges["snappable"].to_numpy(dtype=bool))

    @cached_property
    def snap_tree(self) -> shapely.STRtree:
        """Spatial index of the edges to which points may snap."""
        return shapely.STRtree(self.lines[self.snap_rows])

    @cached_property
    def tree(self) -> shapely.STRtree:
        """Spatial index of all edges."""
        return shapely.STRtree(self.lines)

    def around(self, box: tuple[float, float, float, float]) -> Self:
        """Give the edges whose extent meets a box in metres, with their nodes, in their order."""
        rows = np.sort(self.tree.query(shapely.box(*box)))
        used = np.unique(np.concatenate((self.u_row[rows], self.v_row[rows])))
        nodes, edges = self.nodes.iloc[used], self.edges.iloc[rows]
        part = replace(self, nodes=nodes.reset_index(drop=True), edges=edges.reset_index(drop=True))
        part.__dict__["node_xy"] = self.node_xy[used]
        return part

    @cached_property
    def edge_component(self) -> Ints:
        """Component rank of each edge."""
        return self.node_component[self.u_row]

    @cached_property
    def node_component(self) -> Ints:
        """Component rank of each node."""
        return np.asarray(self.nodes["component"], dtype=np.int64)

    @cached_property
    def component_km(self) -> Floats:
        """Street length in km of each component, by rank."""
        length = self.edges["length_m"].to_numpy()
        return np.bincount(self.edge_component, weights=length) / 1000

    def at_walk_speed(self, walk_speed_m_min: float) -> Self:
        """Return the same network at another walking speed (m/min); other modes keep their costs.

        The spatial index and the layout are shared, so that speeds can be tried out at once.
        """
        if walk_speed_m_min == self.walk_speed_m_min:
            return self
        edges = self.edges
        if self.mode == "walk":
            minutes = edges["length_m"] / walk_speed_m_min
            edges = edges.assign(
                forward_min=minutes.where(edges["forward_min"].notna()),
                back_min=minutes.where(edges["back_min"].notna()),
            )
        other = replace(self, edges=edges, walk_speed_m_min=walk_speed_m_min)
        for shared in ("node_ids", "node_xy", "u_row", "v_row", "lines", "snap_rows", "snap_tree"):
            if shared in self.__dict__:
                other.__dict__[shared] = self.__dict__[shared]
        if "phases" in self.__dict__:
            ratio = self.walk_speed_m_min / walk_speed_m_min if self.mode == "walk" else 1.0
            other.__dict__["phases"] = replace(self.phases, minutes=self.phases.minutes * ratio)
        return other

    def components(self) -> pd.DataFrame:
        """Describe the connected parts, the longest first.

        Returns
        -------
        frame
            Index `component` (rank), columns `component_name`, `nodes`, `length_km`.
        """
        grouped = self.nodes.groupby("component", sort=True)
        return pd.DataFrame(
            {
                "component_name": grouped["component_name"].first(),
                "nodes": grouped["node_id"].size(),
                "length_km": self.component_km,
            }
        )

    def check(self) -> Self:
        """Return the graph, or raise LayerError with every breach of the contract."""
        assert_projected(self.edges.crs, what="street graph")
        problems = [
            Problem(
                zh=f"路网表不符合约定：{text}",
                en=f"street graph breaks its contract: {text}",
                rule=f"StreetGraph.{self.mode}",
                remedy_zh="重新生成路网",
                remedy_en="rebuild the network",
            )
            for text in breaches(self)
        ]
        if problems:
            raise LayerError(*problems)
        return self

    def to_parquet(self, folder: Path) -> tuple[Path, Path]:
        """Write `<mode>_nodes.parquet` and `<mode>_edges.parquet`, each atomically.

        The same graph gives the same bytes with the same library versions.

        Returns
        -------
        paths
            Nodes file and edges file.
        """
        folder.mkdir(parents=True, exist_ok=True)
        about = {
            "mode": self.mode,
            "walk_speed_m_min": self.walk_speed_m_min,
            "snapshot": None if self.snapshot is None else self.snapshot.isoformat(),
        }
        nodes, edges = graph_files(folder, self.mode)
        write_table(self.nodes, nodes, about)
        write_table(self.edges, edges, about)
        return nodes, edges

    @classmethod
    def from_parquet(cls, folder: Path, mode: Mode) -> Self:
        """Read the two tables of one mode and check them.

        Raises
        ------
        LayerError
            A file is missing, unreadable, or breaks the contract.
        """
        nodes_path, edges_path = graph_files(folder, mode)
        nodes, _ = read_table(nodes_path)
        edges, about = read_table(edges_path)
        return cls._of_tables(nodes, edges, mode, about).check()

    @classmethod
    def for_costs(cls, folder: Path, mode: Mode, *, also: Sequence[str] = ()) -> Self:
        """Read of the two tables of one mode what costs and snapping need, and other columns.

        Half of the time and of the memory: no point is made of a node, and there are no
        names, kinds and ids of edges. Nothing is checked again: who wrote the tables has.

        Raises
        ------
        LayerError
            A file is missing or unreadable.
        """
        nodes_path, edges_path = graph_files(folder, mode)
        nodes, node_xy = read_points(nodes_path, COST_NODES)
        edges, about = read_table(edges_path, (*also, *COST_EDGES))
        graph = cls._of_tables(gpd.GeoDataFrame(nodes), edges, mode, about)
        graph.__dict__["node_xy"] = node_xy
        return graph

    @classmethod
    def _of_tables(
        cls, nodes: gpd.GeoDataFrame, edges: gpd.GeoDataFrame, mode: Mode, about: dict[str, Any]
    ) -> Self:
        """Join the tables with the facts that were written beside them."""
        snapshot = about.get("snapshot")
        return cls(
            nodes=nodes,
            edges=edges,
            mode=about.get("mode", mode),
            walk_speed_m_min=float(about["walk_speed_m_min"]),
            snapshot=None if snapshot is None else dt.date.fromisoformat(snapshot),
        )


def assemble(
    node_ids: Ints,
    node_xy: Floats,
    edges: pd.DataFrame,
    *,
    lines: NDArray[np.object_],
    crs: CRS,
    mode: Mode,
    walk_speed_m_min: float,
    scrap_max_km: float,
    snapshot: dt.date | None,
) -> StreetGraph:
    """Make the two tables from nodes and edges of any source: enclosure, components, order.

    Parameters
    ----------
    node_ids, node_xy
        Ids (unique, any order) and coordinates in metres, shape (n, 2); nodes that no edge uses
        are dropped.
    edges
        Columns of `EDGE_COLUMNS` without the geometry, in their final order.
    lines
        One LineString per edge, from u to v.
    crs
        Projected CRS in metres.
    scrap_max_km
        Connected parts shorter than this are kept, but no point snaps to them.
    mode, walk_speed_m_min, snapshot
        See `StreetGraph`.

    Returns
    -------
    graph
        Public edges that interiors enclose are flagged interior.
    """
    order = np.argsort(node_ids)
    node_ids, node_xy = node_ids[order], node_xy[order]
    rows = pd.Index(node_ids)
    u, v = (rows.get_indexer(pd.Index(edges[end])) for end in ("u", "v"))
    used = np.zeros(len(node_ids), dtype=bool)
    used[u] = used[v] = True
    if not used.all():
        node_ids, node_xy = node_ids[used], node_xy[used]
        row = np.cumsum(used) - 1
        u, v = row[u], row[v]
    length = edges["length_m"].to_numpy()
    interior = enclosed_edges(
        u, v, len(node_ids), interior=edges["interior"].to_numpy(dtype=bool), length_m=length
    )
    rank, name = _name_components(node_ids, u, v, length)
    nodes = gpd.GeoDataFrame(
        {"node_id": node_ids, "component": rank, "component_name": name},
        geometry=shapely.points(node_xy),
        crs=crs,
    )
    part_km = np.bincount(rank[u], weights=length, minlength=rank.max(initial=-1) + 1) / 1000
    snappable = edges["snappable"].to_numpy(dtype=bool) & (part_km[rank[u]] >= scrap_max_km)
    table = gpd.GeoDataFrame(
        edges.assign(interior=interior, snappable=snappable).reset_index(drop=True),
        geometry=lines,
        crs=crs,
    )
    graph = StreetGraph(nodes, table[list(EDGE_COLUMNS)], mode, walk_speed_m_min, snapshot)
    graph.__dict__.update(node_ids=node_ids, node_xy=node_xy, u_row=u, v_row=v)  # known already
    return graph.check()


def _name_components(
    node_ids: Ints, u: Ints, v: Ints, length_m: Floats
) -> tuple[NDArray[np.int32], pd.api.extensions.ExtensionArray]:
    """Rank connected parts by length and name each after its least OSM node id."""
    label = component_labels(u, v, len(node_ids))
    total = np.bincount(label[u], weights=length_m, minlength=label.max(initial=-1) + 1)
    plain = np.where(node_ids > 0, node_ids, -node_ids // SIDES_OF_A_BARRIER)
    least = np.full(len(total), np.iinfo(np.int64).max)
    np.minimum.at(least, label, plain)
    order = np.lexsort((least, -total))
    rank = np.empty(len(total), dtype=np.int32)
    rank[order] = np.arange(len(total), dtype=np.int32)
    names = pd.array([f"n{node}" for node in least.tolist()], dtype="str")
    return rank[label], names.take(label)

"""Write what the rail stage finds on foot: catchments, gates, and the grid inside places."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from pipeline.measures.access_pairs import FloatArray
from pipeline.measures.access_rows import ESTIMATED, MEASURED, Measured
from pipeline.measures.coverage_cells import cells_in
from pipeline.measures.uncertainty_footprints import CERTAIN
from pipeline.network.gates import find_gates
from pipeline.network.place_access import CellCosts, PlaceAccess, Streets
from pipeline.network.place_people import standing_at
from pipeline.network.place_reach import Reach, stop_costs
from pipeline.stages.context import StageContext

GATE_COLUMNS = ("place_id", "gate_class", "is_assumed", "gate_id", "minutes", "status", "method")
GRID_COLUMNS = (
    "place_id", "boundary_class", "column", "row", "area_m2", "minutes", "status", "method",
)  # fmt: skip


def write_catchments(context: StageContext, reaches: dict[str, Reach]) -> None:
    """Write the catchments of stations along streets, and the parts of streets they consist of."""
    shapes, edges = [], []
    for variant, reach in reaches.items():
        found = gpd.GeoDataFrame(
            {"variant": variant, "band_m": list(reach.catchments)},
            geometry=list(reach.catchments.values()),
            crs=context.crs,
        )
        shapes.append(found.assign(area_km2=found.area / 1e6, method=MEASURED))
        edges.append(reach.edges.assign(variant=variant))
    context.put("catchments.parquet", _joined(shapes, context.crs))
    context.put("catchment_edges.parquet", _joined(edges, context.crs))


def _joined(parts: list[gpd.GeoDataFrame], crs: str) -> gpd.GeoDataFrame:
    full = [part for part in parts if len(part)] or parts[:1]
    return gpd.GeoDataFrame(pd.concat(full, ignore_index=True), crs=crs)


def gate_measures(
    context: StageContext,
    access: PlaceAccess,
    stops: gpd.GeoDataFrame,
    walk: Streets,
    *,
    variant: str,
    snapshot: str | None,
) -> tuple[list[Measured], gpd.GeoDataFrame]:
    """Measure the walk from the gates of places to the nearest stop.

    A gate is known only where the boundary is (surveyed or digitised) and streets are mapped
    around it; a place of any other kind has `not_measurable`. Where no gate is mapped and no street
    crosses the boundary, assumed points stand for them (class C) and are flagged in the table.

    Returns
    -------
    measures, gates
        `minutes_nearest_from_gate` (the gate nearest to a station), `minutes_from_gates_median`
        (over gates) and `gates_found` (classes A and B); one row per gate.
    """
    places, drawn = access.places, access.drawn
    certain = places["boundary_class"].isin(CERTAIN).to_numpy() & (drawn.counts == 1)
    measurable = certain & (_on_streets(access, walk) > 0)
    gates = _gates(context, places[measurable], walk)
    if len(gates) and len(stops):
        costs = stop_costs(standing_at(gates.geometry, access), stops, walk)
        gates = gates.assign(**_told(costs), measured=costs.measured)
    by_place = gates.assign(known=~gates["is_assumed"].astype(bool)).groupby("place_id")
    values = {
        "minutes_nearest_from_gate": ("min", by_place["minutes"].min()),
        "minutes_from_gates_median": ("min", by_place["minutes"].median()),
        "gates_found": (
            "count",
            (~gates["is_assumed"].astype(bool)).groupby(gates["place_id"]).sum(),
        ),
    }
    share = by_place["measured"].mean().reindex(places.index).to_numpy(dtype=np.float64)
    found = []
    for name, (unit, value) in values.items():
        draws = np.full((len(places), drawn.most_draws), np.nan)
        if drawn.most_draws:
            draws[:, 0] = value.reindex(places.index).to_numpy(dtype=np.float64)
        found.append(
            Measured("rail", variant, "walk", name, unit, draws, share, snapshot,
                     denominator="gates", unknown="not_measurable")
        )  # fmt: skip
    kept = [*GATE_COLUMNS, "geometry"]
    return found, gates.assign(variant=variant)[["variant", *kept]]


def _told(costs: CellCosts) -> dict[str, Any]:
    """Give minutes, status and method; off the mapped streets nothing is estimated either."""
    off = np.isnan(costs.minutes)
    return {
        "minutes": costs.minutes,
        "status": np.where(off, "unsnapped", "ok"),
        "method": np.where(costs.measured | off, MEASURED, ESTIMATED),
    }


def _on_streets(access: PlaceAccess, walk: Streets) -> FloatArray:
    """Give the share of each place that lies on mapped streets."""
    on = np.zeros(len(access.drawn.xy), dtype=np.bool_)
    if walk.graph is not None:
        here = access.on_streets(walk)
        on[here.rows[here.start.region > 0]] = True
    return np.nan_to_num(access.measured_share(on), nan=0.0)


def _gates(context: StageContext, places: gpd.GeoDataFrame, walk: Streets) -> gpd.GeoDataFrame:
    rules = context.settings("network")
    mapped = context.layer("networks", "gates.parquet")
    found = find_gates(
        places.geometry,
        walk.graph,
        mapped if len(mapped) else None,
        search_m=rules.gate_search_m,
        merge_m=rules.gate_merge_m,
        assumed_spacing_m=rules.assumed_gate_spacing_m,
    ).rename(columns={"place": "place_id"})
    return found.assign(minutes=np.nan, status="no_data", method=None, measured=False)


def grid_of(
    access: PlaceAccess, stops: gpd.GeoDataFrame, walk: Streets, *, cell_m: float
) -> gpd.GeoDataFrame:
    """Give the minutes on foot from every cell of a grid inside places, with their status.

    The cells of an indicative place are those of the disc of its planned area, which may lie as far
    off as the place's precision says: `boundary_class` stands beside them.
    """
    cells = cells_in(access.places.geometry, size_m=cell_m).rename(columns={"unit": "place_id"})
    cells = cells.assign(boundary_class=cells["place_id"].map(access.places["boundary_class"]))
    cells = cells.assign(minutes=np.nan, status="no_data", method=None)
    if len(cells) and len(stops):
        cells = cells.assign(**_told(stop_costs(standing_at(cells.geometry, access), stops, walk)))
    return gpd.GeoDataFrame(cells[[*GRID_COLUMNS, "geometry"]], crs=access.places.crs)

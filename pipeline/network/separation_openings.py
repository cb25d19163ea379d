"""List, for every park with a known boundary, which openings would help the people inside."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.measures.island_grid import FloatArray
from pipeline.measures.island_results import REASONS
from pipeline.measures.island_rows import PlaceContrast
from pipeline.settings.island import IslandSettings

from .separation import gate
from .separation_access import node_metres
from .separation_gates import candidate_gates, open_gates
from .separation_streets import Streets

logger = logging.getLogger(__name__)

# A compound with few crossings is what gates are asked for; too few streets are not.
HINDERED = {"boundary_unknown", "unmapped", "no_streets"}
FIGURES = ("link_m", "minutes_saved_per_ha", "total_saved_min_ha", "helped_ha", "newly_reached_ha")


def gate_table(
    places: Sequence[PlaceContrast],
    streets: Streets | None,
    *,
    facilities_xy_m: Mapping[str, FloatArray],
    snap_m: float,
    walk_m_min: float,
    crs: str,
    settings: IslandSettings,
) -> gpd.GeoDataFrame:
    """
    Open the candidate gates of every park one after another.

    Parameters
    ----------
    places
        Measured places.
    streets
        The walking network; None where the study has none.
    facilities_xy_m
        Entrances by service, each (N, 2) in metres; minutes saved are the mean over services.
    snap_m, walk_m_min
        As for `separation_results`.
    crs
        CRS of the coordinates.
    settings
        The island settings.

    Returns
    -------
    frame
        `place_id`, `order`, `candidates` (ends of ways inside that could be opened), `link_m`
        (metres to build), `minutes_saved_per_ha` (mean over the land inside that has a way),
        `total_saved_min_ha`, `helped_ha`, `newly_reached_ha` (land that had no way before),
        `services`, `status`, `reason`, `reason_zh`, `reason_en`, and the point on the public
        street. A place without a gate has one row that says why.
    """
    metres = {}
    usable = {place.place_id: _hindrance(place, streets, settings) for place in places}
    if streets is not None and any(reason is None for reason in usable.values()):
        metres = {
            service: node_metres(streets, xy_m, snap_m=snap_m)
            for service, xy_m in facilities_xy_m.items()
        }
    rows: list[dict[str, Any]] = []
    for place in places:
        reason = usable[place.place_id]
        if reason is None and not metres:
            reason = "no_facilities"
        if reason is None and streets is not None:
            rows += _rows(
                place, streets, metres, snap_m=snap_m, walk_m_min=walk_m_min, settings=settings
            )
        else:
            rows.append(_none(place, reason, len(metres)))
    opened = sum(row["geometry"] is not None for row in rows)
    logger.info("opened %d gates in %d places", opened, len(places))
    columns = [
        "place_id", "order", "candidates", *FIGURES, "services", "status", "reason", "reason_zh",
        "reason_en", "geometry",
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns).astype({"order": "Int64", "candidates": "Int64"})
    return gpd.GeoDataFrame(table, geometry="geometry", crs=crs)


def _hindrance(
    place: PlaceContrast, streets: Streets | None, settings: IslandSettings
) -> str | None:
    if streets is None:
        return "no_street_data"
    reason = gate(place, streets, settings)
    return reason if reason in HINDERED else None


def _rows(
    place: PlaceContrast,
    streets: Streets,
    metres: Mapping[str, FloatArray],
    *,
    snap_m: float,
    walk_m_min: float,
    settings: IslandSettings,
) -> list[dict[str, Any]]:
    gates = candidate_gates(place.park, streets, near_m=settings.gate_near_m)
    inside = place.footprint.inside + np.array([place.footprint.x_m, place.footprint.y_m])
    hectares = np.full(len(inside), place.park.area / 1e4 / len(inside))
    opened = open_gates(
        place.park, streets, gates, metres=metres, demand_xy_m=inside, demand=hectares,
        walk_m_min=walk_m_min, snap_m=snap_m, openings=settings.gate_openings,
    )  # fmt: skip
    worth = opened["total_saved"].ge(settings.gate_min_total) | opened["newly_reached"].gt(0)
    opened = opened[worth.cummin()]
    if opened.empty:
        reason = "no_gain" if len(gates.node) else "no_candidates"
        return [_none(place, reason, len(metres), candidates=len(gates.node))]
    return [
        {
            "place_id": place.place_id,
            "order": row["order"],
            "candidates": len(gates.node),
            "link_m": row["link_m"],
            "minutes_saved_per_ha": row["minutes_saved"],
            "total_saved_min_ha": row["total_saved"],
            "helped_ha": row["helped"],
            "newly_reached_ha": row["newly_reached"],
            "services": len(metres),
            "status": "ok",
            "geometry": shapely.Point(row["x"], row["y"]),
        }
        for row in opened.to_dict("records")
    ]


def _none(
    place: PlaceContrast, reason: str | None, services: int, *, candidates: int | None = None
) -> dict[str, Any]:
    status, zh, en = REASONS[reason or "no_gain"]
    return {
        "place_id": place.place_id,
        "candidates": candidates,
        "services": services,
        "status": status,
        "reason": reason,
        "reason_zh": zh,
        "reason_en": en,
        "geometry": None,
    }

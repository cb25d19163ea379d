"""What the parts of the synthesis share: located places, travel times, moved points."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.measures.access_pairs import FloatArray, floats
from pipeline.measures.uncertainty_footprints import site_of
from pipeline.network.access import ESTIMATED, minutes_within, nearest_minutes
from pipeline.settings.network import Mode
from pipeline.stages.context import StageContext
from pipeline.stages.place_tables import mode_streets


def located_places(context: StageContext) -> gpd.GeoDataFrame:
    """Give the places that have a point, by id, the point as geometry, and `footprint_km2`."""
    places = context.layer("ingest", "places.parquet").set_index("place_id")
    known = places[places["x"].notna()]
    points = gpd.points_from_xy(known["x"], known["y"], crs=context.crs)
    return known.assign(footprint_km2=known.geometry.area / 1e6).set_geometry(points)


def xy_of(points: gpd.GeoDataFrame) -> FloatArray:
    """Give the coordinates of points in metres."""
    return np.column_stack((points.geometry.x, points.geometry.y)).reshape(-1, 2)


def minutes_between(
    context: StageContext,
    origins: gpd.GeoDataFrame,
    targets: gpd.GeoDataFrame,
    *,
    mode: Mode,
    limit_min: float,
) -> pd.DataFrame:
    """Give minutes between all origins and targets, measured on streets where they are mapped.

    Returns
    -------
    pandas.DataFrame
        `origin`, `facility_id` (the ids of the two indexes), `minutes`, `method`.
    """
    network, streets = context.settings("network"), mode_streets(context, mode)
    ends = gpd.GeoDataFrame({"id": targets.index}, geometry=targets.geometry.to_numpy())
    return minutes_within(
        origins.geometry,
        ends.set_crs(targets.crs),
        streets.graph,
        by="id",
        coverage=streets.coverage,
        walk_speed_m_min=network.walk_speed_m_min,
        estimate_speed_m_min=streets.speed_m_min,
        detour_factor=network.detour_factor,
        snap_max_m=network.snap_max_m,
        cutoff_min=limit_min,
        memory_mb=network.matrix_memory_mb,
    )


def minutes_to_nearest(
    context: StageContext, origins: gpd.GeoDataFrame, targets: gpd.GeoDataFrame, *, mode: Mode
) -> pd.DataFrame:
    """Give minutes from each origin to its nearest target, however far it is."""
    network, streets = context.settings("network"), mode_streets(context, mode)
    ends = gpd.GeoDataFrame({"id": targets.index.astype(str)}, geometry=targets.geometry.to_numpy())
    return nearest_minutes(
        origins.geometry,
        ends.set_crs(targets.crs),
        streets.graph,
        by="id",
        coverage=streets.coverage,
        walk_speed_m_min=network.walk_speed_m_min,
        estimate_speed_m_min=streets.speed_m_min,
        detour_factor=network.detour_factor,
        snap_max_m=network.snap_max_m,
        limit_min=None,
    )


def matrix_of(
    table: pd.DataFrame,
    rows: pd.Index[str],
    columns: pd.Index[str],
    *,
    of: Literal["minutes", "method"] = "minutes",
) -> pd.DataFrame:
    """Lay minutes or methods out as a matrix; null, or estimated, where a pair was not reached."""
    row, column = (
        names.get_indexer(pd.Index(table[key]))
        for names, key in ((rows, "origin"), (columns, "facility_id"))
    )
    cells: NDArray[Any] = np.full((len(rows), len(columns)), np.nan)
    if of == "method":
        cells = np.full(cells.shape, ESTIMATED, dtype=object)
    cells[row, column] = table[of].to_numpy()
    return pd.DataFrame(cells, index=rows, columns=columns)


def moved_points(places: gpd.GeoDataFrame, *, draws: int, seed: int) -> FloatArray:
    """Move each point evenly over the disc of its precision; shape (draws, places, 2).

    Places that share a site move together: the stream belongs to the site alone.
    """
    reach = np.nan_to_num(floats(places["precision_m"]))
    names = site_of(places)
    offsets = np.stack(
        [_offsets(name, draws, seed) * metres for name, metres in zip(names, reach, strict=True)],
        axis=1,
    )
    return np.asarray(xy_of(places)[None] + offsets, dtype=np.float64)


def _offsets(site: str, draws: int, seed: int) -> FloatArray:
    own = int.from_bytes(hashlib.sha256(site.encode()).digest()[:8], "big")
    uniform = np.random.default_rng([seed, own]).uniform(size=(draws, 2))
    reach, turn = np.sqrt(uniform[:, 0]), 2.0 * np.pi * uniform[:, 1]
    return np.column_stack((reach * np.cos(turn), reach * np.sin(turn)))

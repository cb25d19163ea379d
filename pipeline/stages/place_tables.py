"""What the stages of access share: the drawn places, the needs, the facilities of a variant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.measures.access_pairs import FloatArray, floats
from pipeline.measures.access_rows import Judging, Need
from pipeline.measures.inequality import Sampling
from pipeline.measures.targets import target_total
from pipeline.measures.uncertainty_footprints import site_of
from pipeline.network.place_access import PlaceAccess, Streets, streets_of
from pipeline.network.rail import RailCosts
from pipeline.settings.network import Mode
from pipeline.stages.context import StageContext
from pipeline.stages.networks import load_costs

# The settings of `uncertainty` but for those of verdicts.
DRAWING = tuple(
    f"uncertainty.{name}"
    for name in (
        "draws", "interval_share", "cells_per_footprint", "cells_at_most", "cell_m",
        "certain_cell_m", "assumed_area_km2", "assumed_precision_m", "homes_at_most",
        "same_point_m",
    )
)  # fmt: skip


def place_access(context: StageContext) -> PlaceAccess:
    """Draw the plausible footprints of all places once."""
    return _access_of(context, context.layer("ingest", "places.parquet"))


def no_places(context: StageContext) -> PlaceAccess:
    """Give the access of no place at all, for its settings."""
    return _access_of(context, context.layer("ingest", "places.parquet").iloc[:0])


def _access_of(context: StageContext, places: gpd.GeoDataFrame) -> PlaceAccess:
    return PlaceAccess(
        places=places.set_index("place_id"),
        network=context.settings("network"),
        uncertainty=context.settings("uncertainty"),
        seed=context.settings("study").seed,
    )


def mode_streets(context: StageContext, mode: Mode, *, details: bool = False) -> Streets:
    """Read the streets of a mode, if the study has any; with `details`, which edges they are."""
    graph = load_costs(context, mode, also=("edge_id", "structure") if details else ())
    return streets_of(mode, graph, context.settings("network"))


class StreetsInTurn(Mapping[str, Streets]):
    """The streets of some modes, of which one is held at a time: the one asked for last."""

    def __init__(self, context: StageContext, modes: Sequence[Mode]) -> None:
        self._context, self._modes = context, tuple(modes)
        self._held: Streets | None = None

    def __getitem__(self, mode: str) -> Streets:
        """Give the streets of a mode, be it among those that are listed or not."""
        if self._held is None or self._held.mode != mode:
            self._held = None  # before the next is read
            self._held = mode_streets(self._context, cast("Mode", mode))
        return self._held

    def __iter__(self) -> Iterator[str]:
        """List the modes."""
        return iter(self._modes)

    def __len__(self) -> int:
        """Count the modes."""
        return len(self._modes)


def needs_of(context: StageContext, service: str) -> list[Need]:
    """List the needs that the study states for one service."""
    return [
        Need(
            need.service,
            need.variant,
            need.mode,
            need.measure,
            need.threshold,
            need.direction == "at_most",
            need.standard_id,
        )
        for need in context.settings("gaps").needs
        if need.service == service
    ]


def measures_asked(context: StageContext, service: str) -> list[tuple[str, str, str, str]]:
    """List what the needs of one service are about, whatever their thresholds."""
    return [
        (need.service, need.variant, need.mode, need.measure)
        for need in context.settings("gaps").needs
        if need.service == service
    ]


def judging_of(context: StageContext) -> Judging:
    """Give the shares of draws by which verdicts are made."""
    rules = context.settings("uncertainty")
    return Judging(rules.robust_share, rules.likely_share)


def sampling_of(context: StageContext) -> Sampling:
    """Give the bootstrap by which indexes of inequality get their interval."""
    return Sampling(
        context.settings("gaps").bootstrap_draws,
        context.settings("study").seed,
        context.settings("uncertainty").interval_share,
    )


def snapshot_of(context: StageContext, *roles: str) -> str | None:
    """Give the date of the data behind an input, the oldest of several; null if unstated."""
    sources = context.frame("ingest", "sources.parquet")
    dates = sources.set_index("role")["date"].replace("", None).dropna()
    named = dates[dates.index.isin(roles)]
    # A role that is read from the extract or the timetable has their date.
    found = named if len(named) else dates[dates.index.isin(["osm_extract", "rail_timetable"])]
    return None if found.empty else str(found.min())


def demands_of(places: pd.DataFrame, *, assumed_area_km2: float) -> dict[str, FloatArray]:
    """State the demand of places, for want of known people: their land and their planned floors.

    The land of one site counts once, and so does land inside a place that the register also
    lists: a part adds no demand beside its whole. Null where a place has no figure (floor area) or
    no point.
    """
    site = site_of(places)
    inside = places["parent_id"].isin(places.index[places["planned_area_km2"].notna()])
    extra = (site.duplicated() | inside).to_numpy()
    located = places["x"].notna().to_numpy()
    area = floats(places["planned_area_km2"].fillna(assumed_area_km2))
    floor = floats(target_total(places))
    return {
        "land_area": np.where(located, np.where(extra, 0.0, area), np.nan),
        "planned_floor_area": np.where(located, floor, np.nan),
    }


def of_variant(facilities: gpd.GeoDataFrame, service: str, variant: str) -> gpd.GeoDataFrame:
    """Choose the operating facilities of a service that a variant counts."""
    flag = facilities.get(f"v_{variant}", pd.Series(data=False, index=facilities.index))
    return facilities[
        facilities["service"].eq(service)
        & facilities["status"].eq("operating")
        & flag.fillna(value=False).astype(bool)
    ]


def rail_network(context: StageContext) -> tuple[gpd.GeoDataFrame, RailCosts]:
    """Read back the stations with trains and the minutes between them that `rail` wrote."""
    stations = context.layer("rail", "rail_stations.parquet")
    table = context.frame("rail", "rail_minutes.parquet")
    ids = tuple(stations["station_id"])
    size = len(ids)
    return stations, RailCosts(
        from_ids=ids,
        to_ids=ids,
        minutes=table["minutes"].to_numpy(dtype=np.float64).reshape(size, size),
        transfers=table["transfers"].to_numpy(dtype=np.float64).reshape(size, size),
        method=str(table["method"].iloc[0]) if size else "",
    )


def nearest_named(places: gpd.GeoDataFrame, facilities: gpd.GeoDataFrame, key: str) -> pd.DataFrame:
    """Name the facility nearest by air to each place's recorded point, for people to read.

    Returns
    -------
    pandas.DataFrame
        `place_id`, `facility_id`, `name_zh`, `name_en`, `straight_m`, `lon`, `lat`; no row for a
        place without a point or when there are no facilities.
    """
    located = places[places["x"].notna()]
    if not len(facilities) or not len(located):
        columns = ("place_id", "facility_id", "name_zh", "name_en", "straight_m", "lon", "lat")
        return pd.DataFrame({name: [] for name in columns})
    points = gpd.points_from_xy(located["x"], located["y"])
    tree = shapely.STRtree(facilities.geometry.to_numpy())
    (_, row), metres = tree.query_nearest(points, return_distance=True, all_matches=False)
    found = facilities.iloc[row]
    wgs84 = found.geometry.to_crs(4326)
    return pd.DataFrame(
        {
            "place_id": located.index.to_numpy(),
            "facility_id": found[key].to_numpy(),
            "name_zh": found["name_zh"].to_numpy(),
            "name_en": found["name_en"].to_numpy(),
            "straight_m": metres,
            "lon": wgs84.x.to_numpy(),
            "lat": wgs84.y.to_numpy(),
        }
    )

"""What the stages of access share: the drawn places, the needs, the facilities of a variant."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import shapely

from pipeline.network.place_access import Need, PlaceAccess
from pipeline.stages.context import StageContext


def place_access(context: StageContext) -> PlaceAccess:
    """Draw the plausible footprints of all places once."""
    places = context.layer("ingest", "places.parquet").set_index("place_id")
    return PlaceAccess(
        places=places,
        network=context.settings("network"),
        uncertainty=context.settings("uncertainty"),
        seed=context.settings("study").seed,
        snapshot=context.settings("study").date.isoformat(),
    )


def needs_of(context: StageContext, service: str, variant: str, mode: str) -> list[Need]:
    """List the needs that the study states for one service, variant and mode."""
    return [
        Need(need.measure, need.threshold, need.direction == "at_most", need.standard_id)
        for need in context.settings("gaps").needs
        if (need.service, need.variant, need.mode) == (service, variant, mode)
    ]


def of_variant(facilities: gpd.GeoDataFrame, service: str, variant: str) -> gpd.GeoDataFrame:
    """Choose the operating facilities of a service that a variant counts."""
    flag = facilities.get(f"v_{variant}", pd.Series(data=False, index=facilities.index))
    return facilities[
        facilities["service"].eq(service)
        & facilities["status"].eq("operating")
        & flag.fillna(value=False).astype(bool)
    ]


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

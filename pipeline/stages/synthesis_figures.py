"""Set documented figures beside what follows from them: costs, targets, growth, locations."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from pipeline.measures.comparison import (
    location_types,
    share_of_draws,
    target_sums,
)
from pipeline.measures.targets import target_total, targets_of, targets_text
from pipeline.settings.synthesis import SynthesisSettings
from pipeline.stages.context import StageContext
from pipeline.stages.synthesis_documents import write_documents
from pipeline.stages.synthesis_tables import located_places, moved_points, xy_of

TYPES = ("central_city", "near_suburb", "outer_suburb")
LOCATIONS = (
    "place_id", "distance_km", "location_type", "stated", "agrees", "agrees_share",
    "central_share",
)  # fmt: skip


def write_figures(context: StageContext, settings: SynthesisSettings) -> None:
    """Write `locations` and `layout_targets`, then what the documents state of them."""
    places = located_places(context)
    locations = _locations(context, places, settings)
    context.put("locations.parquet", locations)
    targets = _targets(context, places, locations)
    context.put("layout_targets.parquet", targets)
    write_documents(context, targets, places, settings)


def _locations(
    context: StageContext, places: gpd.GeoDataFrame, settings: SynthesisSettings
) -> pd.DataFrame:
    """Classify places by their distance to the centre, and say how sure that is."""
    if settings.central_km is None or settings.near_km is None:
        return pd.DataFrame({name: [] for name in LOCATIONS}).astype({"location_type": "object"})
    identity = context.settings("study")
    centre = gpd.GeoSeries.from_xy([identity.centre_lon], [identity.centre_lat], crs=4326)
    middle = centre.to_crs(context.crs).iloc[0]
    places = places.sort_index()
    offset = xy_of(places) - np.array([middle.x, middle.y])
    km = np.hypot(offset[:, 0], offset[:, 1]) / 1000.0
    limits = (settings.central_km, settings.near_km)
    found = location_types(km, limits_km=limits, names=TYPES)
    moved = moved_points(places, draws=settings.pairing.draws, seed=identity.seed)
    moved_km = np.linalg.norm(moved - np.array([middle.x, middle.y]), axis=2).T / 1000.0
    drawn = location_types(moved_km, limits_km=limits, names=TYPES)
    stated = places["location_type"].astype("object")
    stated = stated.where(stated.notna(), None)
    agrees = pd.Series(found, index=places.index).eq(stated).astype("boolean")
    return pd.DataFrame(
        {
            "distance_km": km,
            "location_type": found,
            "stated": stated,
            "agrees": agrees.where(stated.notna()),
            "agrees_share": share_of_draws(drawn, stated),
            "central_share": (moved_km <= settings.central_km).mean(axis=1),
        },
        index=places.index,
    ).reset_index()[list(LOCATIONS)]


def _targets(
    context: StageContext, places: gpd.GeoDataFrame, locations: pd.DataFrame
) -> pd.DataFrame:
    """Sum the carriers' targets by district, year, priority group and ring."""
    carriers = places[target_total(places).notna()]
    ring = locations.set_index("place_id")["location_type"]
    table = pd.DataFrame(
        {
            **targets_of(carriers).to_dict("series"),
            "all": "all",
            "district": carriers["district_zh"],
            "priority": carriers["priority_group"],
            "ring": ring.reindex(carriers.index),
        }
    )
    kinds = ("all", "district", "priority", "ring")
    parts = [target_sums(table.dropna(subset=[kind]), by=kind, kind=kind) for kind in kinds]
    joined = pd.concat(parts, ignore_index=True)
    names = context.frame("ingest", "district_names.parquet")
    area = names.set_index("name_zh")["area_km2"] if len(names) else pd.Series(dtype="float64")
    km2 = joined["group"].map(area).astype("float64")
    per_km2_m2 = joined["target_10k_m2"] * 1e4 / km2
    return joined.assign(per_km2_m2=per_km2_m2, targets=targets_text(joined))

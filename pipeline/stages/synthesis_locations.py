"""Say where places lie by the ring roads, and how the carriers' targets are spread."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pipeline.measures.access_pairs import FloatArray, floats
from pipeline.measures.comparison import location_types, share_of_draws, target_sums
from pipeline.measures.targets import target_total, targets_of, targets_text
from pipeline.settings.synthesis import SynthesisSettings
from pipeline.sources.tables import require_columns
from pipeline.stages.context import StageContext
from pipeline.stages.synthesis_tables import (
    moved_points,
    xy_of,
)

TYPES = ("central_city", "near_suburb", "outer_suburb")
MAPPED, DISC = "mapped_ring", "disc"
INSIDE, OUTSIDE = "inside", "outside"
LOCATIONS = (
    "place_id", "distance_km", "location_type", "stated", "agrees", "agrees_share",
    "central", "central_share", "basis",
)  # fmt: skip


def write_locations(context: StageContext, places: gpd.GeoDataFrame) -> pd.DataFrame:
    """Write `rings`, `locations` and `layout_targets`; give the last."""
    settings: SynthesisSettings = context.settings("synthesis")
    places = places.sort_index()
    rings = _rings(context)
    context.put("rings.parquet", rings.set_geometry(rings.geometry.exterior))
    seed = context.settings("study").seed
    moved = moved_points(places, draws=settings.pairing.draws, seed=seed)
    drawn = _types(moved.reshape(-1, 2), _centre(context), rings, settings).reshape(moved.shape[:2])
    locations = _locations(context, places, drawn.T, rings, settings)
    context.put("locations.parquet", locations)
    targets = _targets(context, places, locations, drawn.T)
    context.put("layout_targets.parquet", targets)
    return targets


def _rings(context: StageContext) -> gpd.GeoDataFrame:
    """Give the study's ring roads as areas, from the innermost out; empty without any."""
    columns = ["ring_id", "name_zh", "name_en", "area_km2"]
    source = context.input("rings")
    if source is None:
        return gpd.GeoDataFrame({name: [] for name in columns}, geometry=[], crs=context.crs)
    from pipeline.sources.role_tables import open_plain

    table = open_plain(source, role="rings")
    require_columns(
        table, ("ring_id", "rank", "name_zh", "name_en", "seq", "lon", "lat"), role="rings"
    )
    table = table.sort_values(["rank", "ring_id", "seq"])
    points = gpd.GeoSeries.from_xy(table["lon"], table["lat"], crs=4326).to_crs(context.crs)
    xy = table.assign(x=points.x, y=points.y)
    parts = [part for _, part in xy.groupby(["rank", "ring_id"], sort=True)]
    areas = [shapely.Polygon(part[["x", "y"]].to_numpy(dtype=np.float64)) for part in parts]
    named = pd.DataFrame([part.iloc[0][columns[:3]] for part in parts]).reset_index(drop=True)
    return gpd.GeoDataFrame(
        named.assign(area_km2=[area.area / 1e6 for area in areas]), geometry=areas, crs=context.crs
    )


def _centre(context: StageContext) -> FloatArray:
    identity = context.settings("study")
    point = gpd.GeoSeries.from_xy([identity.centre_lon], [identity.centre_lat], crs=4326)
    middle = point.to_crs(context.crs).iloc[0]
    return np.array([middle.x, middle.y])


def _types(
    xy: FloatArray,
    centre: FloatArray,
    rings: gpd.GeoDataFrame,
    settings: SynthesisSettings,
) -> NDArray[np.object_]:
    """Name where points lie: by two ring roads, else by circles; null where neither is given."""
    if len(rings) >= len(TYPES) - 1:
        areas = rings.geometry.iloc[: len(TYPES) - 1]
        inside = [shapely.contains_xy(area, xy[:, 0], xy[:, 1]) for area in areas]
        named = np.select(inside, TYPES[:2], default=TYPES[2])
        return np.asarray(named, dtype=object)
    if settings.central_km is None or settings.near_km is None:
        return np.full(len(xy), None, dtype=object)
    km = np.hypot(*(xy - centre).T) / 1000.0
    return location_types(km, limits_km=(settings.central_km, settings.near_km), names=TYPES)


def _locations(
    context: StageContext,
    places: gpd.GeoDataFrame,
    drawn: NDArray[np.object_],
    rings: gpd.GeoDataFrame,
    settings: SynthesisSettings,
) -> pd.DataFrame:
    """Classify places, and say how sure that is over points moved within their precision."""
    centre = _centre(context)
    xy = xy_of(places)
    found = _types(xy, centre, rings, settings)
    if not len(found) or found[0] is None:
        return pd.DataFrame({name: [] for name in LOCATIONS}).astype({"location_type": "object"})
    stated = places["location_type"].astype("object")
    stated = stated.where(stated.notna(), None)
    agrees = pd.Series(found, index=places.index).eq(stated).astype("boolean")
    return pd.DataFrame(
        {
            "distance_km": np.hypot(*(xy - centre).T) / 1000.0,
            "location_type": found,
            "stated": stated,
            "agrees": agrees.where(stated.notna()),
            "agrees_share": share_of_draws(drawn, stated),
            "central": found == TYPES[0],
            "central_share": (drawn == TYPES[0]).mean(axis=1),
            "basis": MAPPED if len(rings) else DISC,
        },
        index=places.index,
    ).reset_index()[list(LOCATIONS)]


def _targets(
    context: StageContext,
    places: gpd.GeoDataFrame,
    locations: pd.DataFrame,
    drawn: NDArray[np.object_],
) -> pd.DataFrame:
    """Sum the carriers' targets by district, year, priority group and ring."""
    total = target_total(places)
    carriers = places[total.notna()]
    place = locations.set_index("place_id").reindex(carriers.index)
    side = place["central"].map({True: INSIDE, False: OUTSIDE})
    table = pd.DataFrame(
        {
            **targets_of(carriers).to_dict("series"),
            "all": "all",
            "district": carriers["district_zh"],
            "priority": carriers["priority_group"],
            "ring": place["location_type"],
            "outer_ring": side,
        }
    )
    kinds = ("all", "district", "priority", "ring", "outer_ring")
    parts = [target_sums(table.dropna(subset=[kind]), by=kind, kind=kind) for kind in kinds]
    joined = pd.concat(parts, ignore_index=True)
    names = context.frame("ingest", "district_names.parquet")
    area = names.set_index("name_zh")["area_km2"] if len(names) else pd.Series(dtype="float64")
    km2 = joined["group"].map(area).astype("float64")
    amount = floats(total[total.notna()])
    share = context.settings("uncertainty").interval_share
    low, high = _spread(joined, amount, drawn[total.notna().to_numpy()], share)
    return joined.assign(
        per_km2_m2=joined["target_10k_m2"] * 1e4 / km2,
        targets=targets_text(joined),
        target_low=low,
        target_high=high,
    )


def _spread(
    table: pd.DataFrame, amount: FloatArray, drawn: NDArray[np.object_], share: float
) -> tuple[FloatArray, FloatArray]:
    """Give the interval of what lies in each ring, as the carriers' points may be off."""
    ends = np.full((2, len(table)), np.nan)
    if not drawn.size:
        return ends[0], ends[1]
    belongs = {
        **{("ring", name): drawn == name for name in TYPES},
        ("outer_ring", INSIDE): drawn == TYPES[0],
        ("outer_ring", OUTSIDE): drawn != TYPES[0],
    }
    tails = [(1 - share) / 2, (1 + share) / 2]
    for number, key in enumerate(zip(table["kind"], table["group"], strict=True)):
        if key in belongs:
            sums = (belongs[key] * amount[:, None]).sum(axis=0)
            ends[:, number] = np.quantile(sums, tails)
    return ends[0], ends[1]

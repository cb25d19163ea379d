"""Make the layers of what the analysis rests on and leads to: draws, nulls, layout against gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipeline.publish.layer_frames import INTERCHANGE_CRS
from pipeline.publish.layer_recipes import Options, Reader, Recipe, plain, required, with_columns

if TYPE_CHECKING:
    import geopandas as gpd

DRAWN = ("rail", "hospitals", "schools")
NULLS = {
    "contrast": "amenity_contrast__people_serving__{ring:g}m",
    "mix": "function_mix__people_serving__{ring:g}m",
}


def _draws(read: Reader, _: Options) -> pd.DataFrame:
    parts = [read.frame(stage, "draws.parquet") for stage in DRAWN]
    filled = [part for part in parts if len(part)]
    rows = pd.concat(filled, ignore_index=True) if filled else parts[0]
    return with_columns(rows, *required("uncertainty_draws"))


def _comparisons(read: Reader, _: Options) -> pd.DataFrame:
    """Take what was held against a standard; where none applies there is nothing to name."""
    rows = read.frame("access", "comparisons.parquet")
    if len(rows):
        rows = rows[rows["comparison"].ne("not_applicable")]
    return with_columns(rows, *required("comparisons"))


def _null(read: Reader, _: Options) -> gpd.GeoDataFrame:
    """Take the relocations with what was measured in the main ring there."""
    draws, rows = read.frame("island", "draws.parquet"), read.frame("island", "island.parquet")
    if draws.empty or "main_ring" not in rows.columns:
        return _no_points("island_null")
    drawn = read.layer("island", "draws.parquet")
    ring = float(rows.loc[rows["main_ring"].astype(bool), "ring_m"].iloc[0])
    named = {name: drawn.get(column.format(ring=ring)) for name, column in NULLS.items()}
    return drawn.assign(ring_m=ring, **named)


def _gates(read: Reader, _: Options) -> gpd.GeoDataFrame:
    gates = read.frame("island", "gates.parquet")
    if gates.empty or "order" not in gates.columns:
        return _no_points("gates")
    found = read.layer("island", "gates.parquet")
    return found.assign(opening=found["order"].fillna(0).astype("int64"))


def _pairing(read: Reader, _: Options) -> gpd.GeoDataFrame:
    """Join the points of every pair by a line."""
    import geopandas as gpd
    import shapely

    pairs = with_columns(read.frame("synthesis", "pairing.parquet"), *required("pairing"))
    places = read.layer("ingest", "places.parquet").set_index("place_id")
    start, end = (
        places.reindex(pairs[name].astype(object))[["x", "y"]].to_numpy(dtype=float)
        for name in ("research_id", "carrier_id")
    )
    lines = shapely.linestrings(np.stack((start, end), axis=1))
    return gpd.GeoDataFrame(pairs, geometry=lines, crs=places.crs)


def _sites(read: Reader, _: Options) -> gpd.GeoDataFrame:
    import geopandas as gpd

    sites = with_columns(read.frame("synthesis", "sites.parquet"), *required("sites"), "lon", "lat")
    points = gpd.points_from_xy(sites["lon"].astype(float), sites["lat"].astype(float))
    return gpd.GeoDataFrame(sites, geometry=points, crs=INTERCHANGE_CRS)


def _no_points(layer: str) -> gpd.GeoDataFrame:
    import geopandas as gpd

    columns = {name: pd.Series(dtype=object) for name in required(layer)}
    return gpd.GeoDataFrame(columns, geometry=[], crs=INTERCHANGE_CRS)


def _graph_stations(read: Reader, _: Options) -> gpd.GeoDataFrame:
    return with_columns(read.layer("rail", "rail_stations.parquet"), "station_id")


#: Tables of the synthesis: the layer, the file.
LAYOUT = {
    "pairing_prices": "prices",
    "sectors": "sectors",
    "cluster_distances": "cluster_distances",
    "cluster_anchors": "anchors",
    "cluster_classes": "cluster_classes",
    "siting": "siting",
    "locations": "locations",
    "layout_targets": "layout_targets",
    "cost_contrast": "costs",
    "figure_checks": "figure_checks",
    "carrier_status": "carrier_status",
}
Roles = tuple[str, ...]


def analysis_recipes(
    *, gaps: Roles, access: Roles, island: Roles, parcels: Roles
) -> tuple[Recipe, ...]:
    """Give the recipes, told which inputs the gaps, the access, the island and the parcels use."""
    rail = ("line_stations", "lines", "rail_timetable")
    published = ("cells", "districts", "district_shapes", "standards", *rail)
    layout = tuple(sorted({*gaps, *access}))
    no_model = {"null": "null_model"}
    return (
        Recipe("pairing", _pairing, ("ingest", "synthesis"), layout),
        Recipe("sites", _sites, ("synthesis",), layout),
        Recipe("gates", _gates, ("island",), island),
        Recipe("island_null", _null, ("island",), island),
        plain("island_pooled", "island", "pooled", island),
        plain("island_donors", "island", "donors", island),
        plain("parcel_totals", "parcels", "totals", parcels),
        plain("parcel_targets", "parcels", "targets", parcels),
        plain("parcel_services", "parcels", "land_and_services", parcels),
        Recipe("uncertainty_draws", _draws, DRAWN, gaps),
        plain("two_tier", "access", "two_tier", access),
        Recipe("comparisons", _comparisons, ("access",), ("standards", *access)),
        plain(
            "fit",
            "access",
            "fit",
            access,
            renamed={"index": "statistic"},
            fill={"ranking": "none", "weight": "none"},
        ),
        Recipe("rail_graph_stations", _graph_stations, ("rail",), rail),
        plain("rail_minutes", "rail", "rail_minutes", rail),
        plain("rail_station_count", "rail", "station_count", rail),
        plain("rail_count_ledger", "rail", "count_ledger", rail),
        plain("rail_published", "rail", "published", published),
        plain("concentration", "synthesis", "concentration", layout, renamed=no_model),
        *(plain(name, "synthesis", file, layout) for name, file in LAYOUT.items()),
        *(plain(name, "synthesis", name, parcels) for name in ("contiguity", "retention")),
    )

"""Test whether service clusters gather, how far parks are from them, and what anchors them."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from pipeline.measures.access_pairs import FloatArray, floats
from pipeline.measures.clusters import anchor_counts, concentration
from pipeline.settings.synthesis import ClusterSettings
from pipeline.stages.context import StageContext
from pipeline.stages.place_tables import of_variant
from pipeline.stages.synthesis_tables import minutes_between, xy_of

# Which counts per cell stand for the amount of city there
CITY = ("stops", "schools", "health", "shops", "sport", "parks", "finance")
PARKS = ("core", "zone", "x", "carrier")
ANCHOR_WORDS = {"hospital": ("医院", "hospital"), "university": ("高校", "university")}
RESEARCH, BUSINESS, POLICY = "service_research", "service_business", "service_policy"
CONCENTRATION = (
    "group", "null", "statistic", "at", "points", "observed", "null_median", "low", "high",
    "effect", "p", "finding", "status",
)  # fmt: skip
DISTANCES = ("place_id", "category", "cluster_id", "straight_km", "minutes", "method")
ANCHORS = (
    "place_id", "category", "anchor", "radius_m", "count", "nearest_m", "point_is_anchor", "status",
)  # fmt: skip
CLASSES = ("place_id", "category", "reproduced", "agrees", "why_zh", "why_en", "circular")


def write_clusters(context: StageContext, places: gpd.GeoDataFrame) -> None:
    """Write `concentration`, `cluster_distances`, `anchors` and `cluster_classes`."""
    rules: ClusterSettings = context.settings("synthesis").clusters
    clusters = places[places["tier"].eq(rules.tier)].sort_index()
    facilities = context.layer("ingest", "facilities.parquet")
    context.put("concentration.parquet", _concentration(context, clusters, facilities, rules))
    context.put("cluster_distances.parquet", _distances(context, places, clusters))
    anchors = _anchors(context, clusters, facilities, rules)
    context.put("anchors.parquet", anchors)
    context.put("cluster_classes.parquet", _classes(context, clusters, anchors, rules))


def _concentration(
    context: StageContext,
    clusters: gpd.GeoDataFrame,
    facilities: gpd.GeoDataFrame,
    rules: ClusterSettings,
) -> pd.DataFrame:
    """Hold each group of points against land as such and against where there is city."""
    cells = context.layer("ingest", "cells.parquet")
    counted = [name for name in CITY if name in cells.columns]
    if cells.empty or not counted:
        return pd.DataFrame({name: [] for name in CONCENTRATION})
    centres = cells.geometry.centroid
    mask = np.column_stack((centres.x, centres.y))
    bounds = cells.geometry.bounds
    side_m = float((bounds["maxx"] - bounds["minx"]).median())
    weights = {
        "land": np.ones(len(cells)),
        "city": floats(cells[counted].astype("float64").sum(axis=1)),
    }
    groups = {"clusters": xy_of(clusters)}
    groups |= {str(name): xy_of(part) for name, part in clusters.groupby("category", sort=True)}
    for variant in rules.variants:
        groups |= {variant: _campus_points(facilities, variant)}
    parts = [
        concentration(
            xy,
            cells_xy=mask,
            weight=weight,
            cell_m=side_m,
            neighbours=rules.neighbours,
            radii_m=rules.radii_m,
            draws=rules.draws,
            seed=[context.settings("study").seed, number],
            interval_share=context.settings("uncertainty").interval_share,
            alpha=rules.alpha,
        ).assign(group=group, null=null)
        for number, (group, xy) in enumerate(groups.items())
        if len(xy)
        for null, weight in weights.items()
        if weight.sum() > 0
    ]
    empty = pd.DataFrame({name: [] for name in CONCENTRATION})
    return pd.concat(parts, ignore_index=True)[list(CONCENTRATION)] if parts else empty


def _campus_points(facilities: gpd.GeoDataFrame, variant: str) -> FloatArray:
    """Give one point per operating campus of a variant."""
    parts = [of_variant(facilities, service, variant) for service in ("hospital", "school")]
    campuses = pd.concat(parts).drop_duplicates("campus_id")
    return np.column_stack((campuses.geometry.x, campuses.geometry.y)).reshape(-1, 2)


def _distances(
    context: StageContext, places: gpd.GeoDataFrame, clusters: gpd.GeoDataFrame
) -> pd.DataFrame:
    """Give each park's nearest cluster of each kind, by car."""
    parks = places[places["tier"].isin(PARKS)].sort_index()
    parts = []
    for category, part in clusters.groupby("category", sort=True):
        if parks.empty:
            break
        minutes = minutes_between(context, parks, part, mode="drive", limit_min=1e4)
        nearest = minutes.sort_values(["origin", "minutes", "facility_id"])
        nearest = nearest.drop_duplicates("origin").set_index("origin").reindex(parks.index)
        # A cluster that no car can reach is nobody's nearest: null, not an error.
        end = part.geometry.reindex(nearest["facility_id"]).set_axis(parks.index)
        apart = parks.geometry.distance(end).to_numpy() / 1000.0
        parts.append(
            pd.DataFrame(
                {
                    "place_id": parks.index,
                    "category": category,
                    "cluster_id": nearest["facility_id"].to_numpy(),
                    "straight_km": apart,
                    "minutes": nearest["minutes"].to_numpy(),
                    "method": nearest["method"].to_numpy(),
                }
            )
        )
    if not parts:
        return pd.DataFrame({name: [] for name in DISTANCES})
    table = pd.concat(parts, ignore_index=True)[list(DISTANCES)]
    return table.sort_values(["place_id", "category"], ignore_index=True)


def _anchors(
    context: StageContext,
    clusters: gpd.GeoDataFrame,
    facilities: gpd.GeoDataFrame,
    rules: ClusterSettings,
) -> pd.DataFrame:
    """Count hospitals and universities around each cluster; null where nothing is known of them."""
    universities = _universities(context)
    known = {
        "hospital": _campus_points(facilities, rules.anchor_variant),
        "university": universities,
    }
    parts = []
    for anchor, points in known.items():
        there = points is not None and len(points) > 0
        found = points if points is not None else np.empty((0, 2))
        count, nearest = anchor_counts(xy_of(clusters), found, radius_m=rules.anchor_m)
        parts.append(
            pd.DataFrame(
                {
                    "place_id": clusters.index,
                    "category": clusters["category"].to_numpy(),
                    "anchor": anchor,
                    "radius_m": rules.anchor_m,
                    "count": pd.array(count if there else [None] * len(count), dtype="Int64"),
                    "nearest_m": nearest,
                    "point_is_anchor": clusters["point_anchor"].eq(anchor).to_numpy(),
                    "status": "ok" if there else "no_data",
                }
            )
        )
    table = pd.concat(parts, ignore_index=True)[list(ANCHORS)]
    return table.sort_values(["place_id", "anchor"], ignore_index=True)


def _universities(context: StageContext) -> FloatArray | None:
    """Give the extract's universities; null without an extract."""
    extract = context.extract()
    if extract is None:
        return None
    from pipeline.sources.osm_features import read_osm_features
    from pipeline.sources.osm_mapping import read_mapping

    mapping = read_mapping(context.settings("sources").osm_mapping)
    if "universities" not in mapping.categories:
        return None
    read = read_osm_features(extract, mapping=mapping, crs=context.crs, categories=["universities"])
    open_now = read.features[read.features["status"].eq("operating")]
    points = open_now[["x", "y"]].to_numpy(dtype=np.float64)
    return np.asarray(points.reshape(-1, 2), dtype=np.float64)


def _classes(
    context: StageContext,
    clusters: gpd.GeoDataFrame,
    anchors: pd.DataFrame,
    rules: ClusterSettings,
) -> pd.DataFrame:
    """Guess the kind of each cluster from its surroundings alone and compare with the source.

    An anchor within the radius makes a research cluster: a university where universities are known,
    else a hospital. Without one, a place near the centre is a headquarters cluster; what
    is left is told as policy-led, since its policies cannot be seen.
    """
    if clusters.empty:
        return pd.DataFrame({name: [] for name in CLASSES})
    counts = anchors.assign(near=anchors["count"].fillna(0).gt(0))
    anchor = "university" if _known(anchors, "university") else "hospital"
    near = counts[counts["anchor"].eq(anchor)].set_index("place_id")["near"]
    centre = _centre(context)
    apart_km = np.linalg.norm(xy_of(clusters) - centre, axis=1) / 1000.0
    rows = []
    for (place_id, row), km in zip(clusters.iterrows(), apart_km, strict=True):
        central = bool(km <= rules.centre_km)
        kind = RESEARCH if near.get(place_id, False) else BUSINESS if central else POLICY
        why_zh, why_en = _why(kind, anchor, rules, km)
        rows.append(
            {
                "place_id": place_id,
                "category": row["category"],
                "reproduced": kind,
                "agrees": kind == row["category"],
                "why_zh": why_zh,
                "why_en": why_en,
                "circular": row["point_anchor"] == anchor,
            }
        )
    return pd.DataFrame(rows)[list(CLASSES)]


def _centre(context: StageContext) -> FloatArray:
    identity = context.settings("study")
    point = gpd.GeoSeries.from_xy([identity.centre_lon], [identity.centre_lat], crs=4326)
    moved = point.to_crs(context.crs).iloc[0]
    return np.array([moved.x, moved.y])


def _known(anchors: pd.DataFrame, anchor: str) -> bool:
    return bool((anchors["anchor"].eq(anchor) & anchors["status"].eq("ok")).any())


def _why(kind: str, anchor: str, rules: ClusterSettings, km: float) -> tuple[str, str]:
    zh, en = ANCHOR_WORDS[anchor]
    if kind == RESEARCH:
        return f"{rules.anchor_m:g} 米内有{zh}", f"a {en} within {rules.anchor_m:g} m"
    told = f"附近无{zh}，距市中心 {km:.1f} 公里", f"no {en} around, {km:.1f} km from the centre"
    if kind == BUSINESS:
        return told
    return f"{told[0]}；政策本身无从观察", f"{told[1]}; policy cannot be seen"

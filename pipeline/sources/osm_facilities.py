"""Sort an extract's schools, clinics and shops into the ordinary facilities of daily life.

What a school teaches and who runs it is told by the rules of the mapping file (`school_rules`): a
school that teaches both levels of the compulsory stage is listed for each, one of unknown level for
none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipeline.sources.school_rules import LEVEL_WORDS, LEVELS, Level, SchoolReader

if TYPE_CHECKING:
    import geopandas as gpd

COMPULSORY: tuple[Level, ...] = ("primary", "junior")
KIND_OF = {"kindergartens": "kindergarten", "clinics": "clinic", "supermarkets": "supermarket"}
CATEGORIES = ("schools", *KIND_OF)
COLUMNS = (
    "facility_id", "kind", "name_zh", "name_en", "status", "v_primary_public", "v_junior_public",
    "v_compulsory_affiliated", "v_compulsory_education_group", "source", "snapshot", "geometry",
)  # fmt: skip


def ordinary_facilities(
    features: gpd.GeoDataFrame,
    *,
    quality_names: Iterable[str],
    reader: SchoolReader,
    snapshot: str | None,
) -> gpd.GeoDataFrame:
    """Give the ordinary facilities among an extract's features, as points.

    Parameters
    ----------
    features
        What `read_osm_features` gives for `CATEGORIES`.
    quality_names
        Names of the quality senior highs whose affiliates count as a proxy of quality.
    reader
        The rules on schools.
    snapshot
        Date of the extract.

    Returns
    -------
    geopandas.GeoDataFrame
        `COLUMNS`, sorted by kind and id; a nine-year school has two rows. Points are the features'
        representative points in their CRS.
    """
    tags = [json.loads(text) for text in features["tags"]]
    names = _names(features)
    kinds = [
        _kinds(category, reader.levels(name, own) if category == "schools" else None)
        for category, name, own in zip(features["category"], names, tags, strict=True)
    ]
    rows = np.repeat(np.arange(len(features)), [len(found) for found in kinds])
    kind = np.array([one for found in kinds for one in found], dtype=object)
    affiliates = reader.affiliates(quality_names)
    chosen = features.iloc[rows].reset_index(drop=True)
    name, own = names.iloc[rows].reset_index(drop=True), [tags[row] for row in rows]
    both = list(zip(name, own, strict=True))
    private = np.array([reader.is_private(*one) for one in both], dtype=np.bool_)
    school = np.isin(kind, COMPULSORY)
    affiliated = np.array([bool(affiliates.search(n)) for n in name], dtype=np.bool_)
    grouped = np.array([reader.is_in_group(*one) for one in both], dtype=np.bool_)
    found = chosen.assign(
        facility_id=chosen["osm_id"].astype(str) + "/" + kind,
        kind=kind,
        name_zh=name.where(name.ne(""), None),
        v_primary_public=(kind == "primary") & ~private,
        v_junior_public=(kind == "junior") & ~private,
        v_compulsory_affiliated=school & affiliated,
        v_compulsory_education_group=school & grouped,
        source="OpenStreetMap contributors",
        snapshot=snapshot,
    )
    import shapely

    placed = found.set_geometry(shapely.points(found[["x", "y"]].to_numpy()), crs=features.crs)
    return placed[list(COLUMNS)].sort_values(["kind", "facility_id"], ignore_index=True)


def school_flags(features: gpd.GeoDataFrame, reader: SchoolReader) -> pd.DataFrame:
    """Tell of an extract's schools which variants they count for.

    Returns
    -------
    pandas.DataFrame
        On the index of the schools that are some (dance schools, nurseries are not): their levels
        in words (`official_type_zh`, `official_type`), `v_school_all`, and for each level
        `v_school_<level>` and `v_school_<level>_public`. One of unknown level counts as a school
        and for no level.
    """
    rows = {}
    tags = [json.loads(text) for text in features["tags"]]
    for index, name, own in zip(features.index, _names(features), tags, strict=True):
        known = reader.levels(name, own)
        if known is not None and not known:  # known to teach none of the levels
            continue
        levels = known or frozenset()
        public = not reader.is_private(name, own)
        flags = {f"v_school_{level}": level in levels for level in LEVELS}
        owned = {f"{variant}_public": held and public for variant, held in flags.items()}
        held = [level for level in LEVELS if level in levels]
        rows[index] = {
            "official_type_zh": "、".join(LEVEL_WORDS[level] for level in held) or None,
            "official_type": ", ".join(held) or None,
            "v_school_all": True,
            **flags,
            **owned,
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def _names(features: gpd.GeoDataFrame) -> pd.Series[str]:
    names: pd.Series[str] = features["name_zh"].fillna(features["name"]).fillna("").astype(str)
    return names


def _kinds(category: str, levels: frozenset[Level] | None) -> tuple[str, ...]:
    if category != "schools":
        return (KIND_OF[category],)
    return tuple(level for level in COMPULSORY if level in (levels or ()))

"""Turn features of an extract into the tables of a study's roles: places, stations, facilities."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.settings.inputs import OsmPlaceSettings

if TYPE_CHECKING:
    import geopandas as gpd

logger = logging.getLogger(__name__)

SOURCE = "OpenStreetMap contributors"
BOUNDARY = "digitised"
#: What that class of boundary means where all places are read from an extract.
LAND_USE = {
    BOUNDARY: ("OpenStreetMap 用地轮廓", "outline of the land use in OpenStreetMap"),
}


def places_of_areas(features: gpd.GeoDataFrame, rules: OsmPlaceSettings) -> pd.DataFrame:
    """Make one place of each group of neighbouring areas.

    (1) Areas no farther apart than `join_m` are one group. (2) The group's land is the union of
    its areas closed over the gaps between them. (3) Groups below `min_area_km2` are left out.
    (4) A group is named by its largest named area, else numbered from the largest on; its id is
    that of its largest area, so that it is stable when other areas come and go.

    Parameters
    ----------
    features
        `osm_id`, `name`, `name_zh`, `name_en` and areas in a CRS in metres; other shapes are
        left out.
    rules
        The limits, and the tier and category given to the places.

    Returns
    -------
    pandas.DataFrame
        `place_id`, `name_zh`, `name_en`, `tier`, `category`, `boundary_class` (`digitised`),
        `precision_m`, `lon`, `lat`, `geometry` (EPSG:4326), `source`.
    """
    import geopandas as gpd
    import shapely

    areas = features[shapely.get_dimensions(features.geometry.to_numpy()) == 2]  # noqa: PLR2004
    areas = areas.assign(own_m2=areas.area).sort_values(
        ["own_m2", "osm_id"], ascending=[False, True]
    )
    group = _groups(areas.geometry.to_numpy(), rules.join_m)
    reach = rules.join_m / 2
    land = areas.geometry.groupby(group).apply(
        lambda part: _closed(part.to_numpy(), reach) if len(part) > 1 else part.iloc[0]
    )
    heads = areas.assign(group=group).drop_duplicates("group").set_index("group")
    named = areas.assign(group=group)[areas["name"].notna().to_numpy()]
    names = named.drop_duplicates("group").set_index("group")[["name", "name_zh", "name_en"]]
    table = gpd.GeoDataFrame(
        heads[["osm_id"]].join(names), geometry=land.reindex(heads.index), crs=features.crs
    )
    table = table[table.area >= rules.min_area_km2 * 1e6]
    table = table.assign(size=table.area).sort_values(["size", "osm_id"], ascending=[False, True])
    number = pd.Series(range(1, len(table) + 1), index=table.index).astype(str)
    logger.info("%d areas make %d places", len(areas), len(table))
    degrees = table.to_crs(4326)
    points = degrees.geometry.representative_point()
    return pd.DataFrame(
        {
            "place_id": "osm_" + table["osm_id"],
            "name_zh": table["name_zh"].fillna(table["name"]).fillna("工业用地 " + number),
            "name_en": table["name_en"].fillna(table["name"]).fillna("Industrial land " + number),
            "tier": rules.tier,
            "category": rules.category,
            "boundary_class": BOUNDARY,
            "precision_m": rules.precision_m,
            "lon": points.x,
            "lat": points.y,
            "geometry": degrees.geometry,
            "source": SOURCE,
        }
    ).reset_index(drop=True)


def stations_of(features: gpd.GeoDataFrame) -> pd.DataFrame:
    """Make a table of line-stations of station features; on which line they lie is not known.

    The order along lines is not in the features, so each station is a branch of its own of a line
    without a name: stations count, and no line is drawn or ridden.

    Parameters
    ----------
    features
        `osm_id`, `status`, `name`, `name_zh`, `name_en` and shapes in a CRS in metres.

    Returns
    -------
    pandas.DataFrame
        The columns of the role `line_stations`, of every status.
    """
    names = _named(features, "车站 ", "Station ")
    return names.assign(
        line_station_id=names["osm_id"],
        station_id=names["osm_id"],
        line_id="",
        line="",
        branch=names["osm_id"],
        seq=0,
    )


def planned_of(features: gpd.GeoDataFrame) -> pd.DataFrame:
    """Make the table of planned stations of station features; operating ones are left out."""
    future = features[features["status"].isin(["under_construction", "planned"])]
    names = _named(future, "车站 ", "Station ")
    return names.assign(planned_id=names["osm_id"])


def facilities_of(features: gpd.GeoDataFrame, *, key: str, zh: str, en: str) -> pd.DataFrame:
    """Make a table of facilities: the column `key` is the id, unnamed ones go by kind and id.

    On the features' index; what has closed for good is left out.
    """
    names = _named(features[features["status"].ne("closed")], f"{zh} ", f"{en} ")
    return names.assign(**{key: names["osm_id"]})


def _named(features: gpd.GeoDataFrame, zh: str, en: str) -> pd.DataFrame:
    degrees = features.geometry.representative_point().to_crs(4326)
    return pd.DataFrame(
        {
            "osm_id": features["osm_id"],
            "name_zh": features["name_zh"].fillna(features["name"]).fillna(zh + features["osm_id"]),
            "name_en": features["name_en"].fillna(features["name"]).fillna(en + features["osm_id"]),
            "status": features["status"],
            "lon": degrees.x,
            "lat": degrees.y,
            "source": SOURCE,
        }
    )


def _groups(shapes: npt.NDArray[np.object_], reach_m: float) -> npt.NDArray[np.int64]:
    """Tell the number of the group of each shape; steps within the reach link a group."""
    import shapely
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    left, right = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=reach_m)
    links = coo_array((np.ones(len(left)), (left, right)), shape=(len(shapes), len(shapes)))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)


def _closed(shapes: npt.NDArray[np.object_], reach_m: float) -> object:
    """Unite shapes over the gaps between them without letting them grow outwards."""
    import shapely

    grown = shapely.union_all(shapely.buffer(shapes, reach_m, join_style="mitre", mitre_limit=2))
    shrunk = shapely.buffer(grown, -reach_m, join_style="mitre", mitre_limit=2)
    return shapely.union_all([shrunk, *shapes])

"""Let the people of a city compete for the supply of a service, from where they live or work."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd

from pipeline.measures.access_pairs import BoolArray, FloatArray
from pipeline.measures.people import KINDS
from pipeline.measures.uncertainty_footprints import Block, FootprintDraws
from pipeline.network.place_access import PlaceAccess
from pipeline.network.place_rail import RailAccess

SQUARE_M = 250.0  # side of the smallest squares in which homes are gathered


@dataclass(frozen=True, eq=False)
class Dwellers:
    """The homes of a city (or workplaces): how many people are at each, and in which district.

    `kind` says who: residents at home or workers at work. `access` holds the homes as the cells to
    measure from; `homes` has their `district_zh` (null where unknown), `people` who lives there,
    both in the order of the cells. `counted` says which campuses of a service serve which homes
    (homes, groups, campuses), and `rail` is how they get there by train.
    """

    kind: str
    access: PlaceAccess
    homes: pd.DataFrame
    people: FloatArray
    counted: BoolArray | None = None
    rail: RailAccess | None = None


def dwellers_of(
    homes: gpd.GeoDataFrame, districts: gpd.GeoDataFrame, like: PlaceAccess, *, kind: str
) -> Dwellers | None:
    """Take the points where people live, or work, as places to measure from.

    Parameters
    ----------
    homes
        Points with `cell_id`, `residents` and `jobs` (null where not counted).
    districts
        Polygons with `district_zh`, for services that admit by district.
    like
        The access of the study's places, for its settings.
    kind
        `residents` or `workers`.

    Returns
    -------
    dwellers
        None where nobody is counted.
    """
    column = KINDS[kind]
    peopled = homes[homes[column].gt(0) & ~homes.geometry.is_empty]
    peopled = peopled[["cell_id", "geometry"]].assign(people=peopled[column].astype("float64"))
    if not len(peopled):
        return None
    peopled = _gathered(peopled, like.uncertainty.homes_at_most)
    named = peopled[["cell_id", "geometry"]].sjoin(
        districts[["district_zh", "geometry"]], how="left", predicate="within"
    )
    # A point on the border of two districts is of the first.
    district = named[~named.index.duplicated()]["district_zh"].astype(object)
    return Dwellers(
        kind,
        standing_at(peopled.geometry, like),
        pd.DataFrame({"district_zh": district.reindex(peopled.index)}).set_axis(peopled["cell_id"]),
        peopled["people"].to_numpy(dtype=np.float64),
    )


def _gathered(homes: gpd.GeoDataFrame, at_most: int) -> gpd.GeoDataFrame:
    """Gather homes in squares, each at the middle of its people, until they are few enough."""
    side_m, found = SQUARE_M, homes
    while len(found) > at_most:
        x, y, people = homes.geometry.x, homes.geometry.y, homes["people"]
        column, row = np.floor(x / side_m).astype(np.int64), np.floor(y / side_m).astype(np.int64)
        sums = (
            pd.DataFrame({"people": people, "x": x * people, "y": y * people})
            .groupby([column.rename("column"), row.rename("row")])
            .sum()
            .reset_index()
        )
        found = gpd.GeoDataFrame(
            {
                "cell_id": [f"{i}_{j}" for i, j in zip(sums["column"], sums["row"], strict=True)],
                "people": sums["people"],
            },
            geometry=gpd.points_from_xy(sums["x"] / sums["people"], sums["y"] / sums["people"]),
            crs=homes.crs,
        )
        side_m *= 2.0
    return found


def standing_at(points: gpd.GeoSeries, like: PlaceAccess) -> PlaceAccess:
    """Take points as what to measure from: the draws, of one cell each, of a single place.

    Parameters
    ----------
    points
        Points in the working CRS.
    like
        The access of the study's places, for its settings.
    """
    count, place = len(points), pd.Index(["points"])
    drawn = FootprintDraws(
        places=place,
        place=np.zeros(count, dtype=np.int64),
        draw=np.arange(count, dtype=np.int64),
        xy=np.column_stack((points.x, points.y)).astype(np.float64),
        weight=np.ones(count),
        basis=pd.Series(["points"], index=place),
        draw_count=pd.Series([count], index=place, dtype="int64"),
        blocks=(Block(0, 0, count, np.ones(1)),),
    )
    return PlaceAccess(like.places.iloc[:0], like.network, like.uncertainty, like.seed, given=drawn)

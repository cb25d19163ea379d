"""Read the rents or land prices that a study names."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd

from pipeline.sources.study_inputs import StudyInputs
from pipeline.sources.tables import points_of, require_columns


def prices_of(given: StudyInputs, *, crs: str) -> gpd.GeoDataFrame:
    """
    Give points and their price, those that state one; empty where the study names no prices.

    Raises
    ------
    FieldError
        If the file has no field `price`.
    """
    found = given.placed("prices")
    if found is None:
        return gpd.GeoDataFrame({"price": pd.Series(dtype="float64")}, geometry=[], crs=crs)
    require_columns(found, ("price",), role="prices")
    stated = found.assign(price=pd.to_numeric(found["price"], errors="coerce"))
    return points_of(stated.dropna(subset=["price"]), crs=crs)[["price", "geometry"]]

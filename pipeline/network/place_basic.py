"""Measure how far places are from the ordinary facilities of daily life."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.measures.access_pairs import FloatArray
from pipeline.measures.access_rows import Measured
from pipeline.measures.coverage import share_area_euclid
from pipeline.measures.uncertainty_footprints import CERTAIN, share_by_draw, summary_by_draw
from pipeline.network.place_access import PlaceAccess, Streets
from pipeline.network.place_services import minutes_measures


def basic_measures(
    access: PlaceAccess,
    facilities: gpd.GeoDataFrame,
    streets: Mapping[str, Streets],
    *,
    service: str,
    variant: str,
    limits_min: Sequence[float],
    radius_m: float | None,
    snapshot: str | None,
) -> list[Measured]:
    """Measure one kind of facility: nearest by air and by each mode, and its service radius.

    Parameters
    ----------
    access
        The drawn cells of the places.
    facilities
        Points of the facilities; none gives rows without values.
    streets
        Streets by mode.
    service, variant
        Names of the kind.
    limits_min
        Limits in minutes.
    radius_m
        Service radius; None where the kind has none.
    snapshot
        Date of the facilities.
    """
    common: dict[str, Any] = {"service": service, "variant": variant, "snapshot": snapshot}
    xy = shapely.get_coordinates(facilities.geometry.to_numpy())
    metres = access.metres_to(xy)
    values = {"distance_nearest_m": (summary_by_draw(access.drawn, metres)["median"], "m")}
    if radius_m is not None:
        values[f"share_area_euclid_{radius_m:g}m"] = (
            radius_share(access, facilities, radius_m),
            "share",
        )
    found = [
        Measured(
            mode="straight_line", measure=name, unit=unit, draws=draws, measured=None, **common
        )
        for name, (draws, unit) in values.items()
    ]
    for mode, way in streets.items():
        costs = access.nearest(facilities, way)
        found += minutes_measures(
            access,
            costs.minutes,
            mode=mode,
            limits_min=limits_min,
            measured=access.measured_share(costs.measured),
            **common,
        )
    return found


def radius_share(access: PlaceAccess, facilities: gpd.GeoDataFrame, radius_m: float) -> FloatArray:
    """Measure the share of land within the service radius of a facility, by straight line.

    Places with a certain outline are overlaid exactly, others by their drawn cells.

    Returns
    -------
    share
        Shape (places, draws); null where no facility is known.
    """
    xy = shapely.get_coordinates(facilities.geometry.to_numpy())
    share = share_by_draw(access.drawn, access.metres_to(xy), limits=[radius_m])[radius_m]
    places = access.places
    certain = places["boundary_class"].isin(CERTAIN).to_numpy() & (access.drawn.counts == 1)
    if certain.any() and len(facilities):
        nothing = pd.Series(0.0, index=facilities.index)
        exact = share_area_euclid(
            places.geometry[certain], facilities.geometry, bands_m=[radius_m], extent_m=nothing
        )
        share[certain, 0] = exact[radius_m].to_numpy(dtype=np.float64)
    return share

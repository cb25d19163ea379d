"""Measure how far places are from the ordinary facilities of daily life."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, eq=False)
class BasicKind:
    """One kind of ordinary facility: its names, its points, its service radius, their date.

    Without facilities it gives rows without values; `radius_m` is None where it has none.
    """

    service: str
    variant: str
    facilities: gpd.GeoDataFrame
    radius_m: float | None
    snapshot: str | None


def basic_measures(
    access: PlaceAccess,
    kinds: Sequence[BasicKind],
    streets: Mapping[str, Streets],
    *,
    limits_min: Sequence[float],
) -> list[Measured]:
    """Measure kinds of facilities: nearest by air and by each mode, and their service radius.

    Parameters
    ----------
    access
        The drawn cells of the places.
    kinds
        The kinds of facilities.
    streets
        Streets by mode, asked for one mode after another.
    limits_min
        Limits in minutes.

    Returns
    -------
    list[Measured]
        Kind by kind: by air, then by mode.
    """
    found = [_by_air(access, kind) for kind in kinds]
    for mode in streets:
        way = streets[mode]
        for kind, rows in zip(kinds, found, strict=True):
            costs = access.nearest(kind.facilities, way)
            rows.extend(
                minutes_measures(
                    access,
                    costs.minutes,
                    service=kind.service,
                    variant=kind.variant,
                    mode=mode,
                    limits_min=limits_min,
                    measured=access.measured_share(costs.measured),
                    snapshot=kind.snapshot,
                )
            )
        del way  # before the next is read
    return [row for rows in found for row in rows]


def _by_air(access: PlaceAccess, kind: BasicKind) -> list[Measured]:
    """Measure the straight line to the nearest, and the land within the service radius."""
    xy = shapely.get_coordinates(kind.facilities.geometry.to_numpy())
    metres = access.metres_to(xy)
    values = {"distance_nearest_m": (summary_by_draw(access.drawn, metres)["median"], "m")}
    if kind.radius_m is not None:
        values[f"share_area_euclid_{kind.radius_m:g}m"] = (
            radius_share(access, kind.facilities, kind.radius_m),
            "share",
        )
    return [
        Measured(
            kind.service, kind.variant, "straight_line", name, unit, draws, None, kind.snapshot
        )
        for name, (draws, unit) in values.items()
    ]


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

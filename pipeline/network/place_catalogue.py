"""List the campuses of a service and say which of them count for whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.measures.access_pairs import BoolArray, FloatArray, IntArray

SUPPLY_UNITS = {"beds": "bed", "places": "place"}


@dataclass(frozen=True, eq=False)
class Catalogue:
    """The facilities of one service by campus, and which of them count for whom.

    `facilities` has one row per entrance, sorted by campus; `campus` numbers them. `counted` has
    shape (places, groups, campuses): whether a campus belongs to a group (a variant, perhaps by
    admission) for a place. `known` tells for which places and groups anything is known at all.
    """

    facilities: gpd.GeoDataFrame
    campuses: pd.Index
    campus: IntArray
    supply: FloatArray
    supply_unit: str
    groups: tuple[str, ...]
    counted: BoolArray
    known: BoolArray

    @property
    def entrance_xy(self) -> FloatArray:
        """Entrances in metres."""
        xy: FloatArray = shapely.get_coordinates(self.facilities.geometry.to_numpy())
        return xy

    def part(self, campuses: slice) -> Catalogue:
        """Give a run of the campuses; what is known of each place stays what it is for all."""
        low, high, _ = campuses.indices(len(self.campuses))
        rows = slice(*np.searchsorted(self.campus, [low, high]).tolist())
        return replace(
            self,
            facilities=self.facilities.iloc[rows],
            campuses=self.campuses[low:high],
            campus=self.campus[rows] - low,
            supply=self.supply[low:high],
            counted=self.counted[:, :, low:high],
        )


def catalogue_of(
    facilities: gpd.GeoDataFrame,
    places: pd.DataFrame,
    *,
    variants: Sequence[str],
    by_admission: Sequence[str],
    default_supply: float,
) -> Catalogue:
    """Sort facilities by campus and say which campuses count for which place.

    Campuses are in the order of a curve (Hilbert's) on which neighbours stay together: what is
    measured of some at a time is then measured of one neighbourhood.

    Parameters
    ----------
    facilities
        One row per entrance: `campus_id`, `supply`, `v_<variant>`, and where schools are admitted
        to by district `admission_district_zh` and `admission_scope`.
    places
        Indexed by place id, with `district_zh`.
    variants
        Groups that count for every place.
    by_admission
        Those of them for which a second group counts only the campuses that admit from the
        place's own district or from the whole city.
    default_supply
        Supply of every campus unless all are known.
    """
    ordered = facilities.sort_values(["campus_id", "facility_id"], ignore_index=True)
    if len(ordered):
        codes, _ = pd.factorize(ordered["campus_id"])
        place = ordered.geometry.hilbert_distance().to_numpy()
        first_of = np.flatnonzero(np.diff(codes, prepend=-1))[codes]
        ordered = ordered.iloc[np.lexsort((codes, place[first_of]))].reset_index(drop=True)
    codes, names = pd.factorize(ordered["campus_id"])
    first = ordered.drop_duplicates("campus_id")
    groups = (*variants, *(f"{name}_own_district" for name in by_admission))
    counted = np.zeros((len(places), len(groups), len(names)), dtype=np.bool_)
    for number, name in enumerate(variants):
        counted[:, number] = _flag(first, f"v_{name}")
    admitted = _admitted(first, places["district_zh"])
    for number, name in enumerate(by_admission, start=len(variants)):
        counted[:, number] = _flag(first, f"v_{name}") & admitted
    known = np.broadcast_to(counted.any(axis=(0, 2)), counted.shape[:2]).copy()
    known[:, len(variants) :] &= places["district_zh"].notna().to_numpy()[:, None]
    supply = first["supply"].to_numpy(dtype=np.float64, na_value=np.nan)
    stated = bool(len(supply)) and not np.isnan(supply).any()
    return Catalogue(
        facilities=ordered,
        campuses=pd.Index(names),
        campus=codes.astype(np.int64),
        supply=supply if stated else np.full(len(names), default_supply),
        supply_unit=_supply_unit(first) if stated else "campus",
        groups=groups,
        counted=counted,
        known=known,
    )


def _supply_unit(first: pd.DataFrame) -> str:
    """Name the unit of stated supply: beds, school places, or facilities counted at a point."""
    basis = first.get("supply_basis", pd.Series(dtype=object)).unique()
    return SUPPLY_UNITS.get(str(basis[0]), "facility") if len(basis) == 1 else "facility"


def _flag(first: pd.DataFrame, name: str) -> BoolArray:
    flags = first.get(name, pd.Series(data=False, index=first.index))
    return np.asarray(flags.fillna(value=False).astype(bool), dtype=np.bool_)


def _admitted(first: pd.DataFrame, districts: pd.Series[str]) -> BoolArray:
    """Tell which campuses admit from the district of each place; shape (places, campuses)."""
    nothing = pd.Series(None, index=first.index, dtype=object)
    home = first.get("admission_district_zh", nothing).to_numpy(dtype=object)
    whole = first.get("admission_scope", nothing).eq("city").to_numpy(dtype=np.bool_)
    own = districts.to_numpy(dtype=object)[:, None] == home[None, :]
    return np.asarray(own | whole[None, :], dtype=np.bool_)

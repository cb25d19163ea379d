"""Measure the access of places to one service: nearest, counts, gravity, floating catchments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.measures.access_impedance import (
    impedance_weight,
    stepwise_weight,
    truncated_gaussian_weight,
)
from pipeline.measures.access_pairs import BoolArray, FloatArray, IntArray
from pipeline.measures.access_rows import LAND, Measured
from pipeline.measures.catchment_family import floating_catchment_draws
from pipeline.measures.uncertainty import THRESHOLD_SLACK
from pipeline.measures.uncertainty_footprints import share_by_draw, summary_by_draw
from pipeline.network.place_access import CellCosts, CellPairs, PlaceAccess, Streets, measured_pairs
from pipeline.network.place_pairs import Kernel, ModeCosts, PairMeans, pair_means
from pipeline.network.place_rail import RailAccess
from pipeline.settings.decay import ImpedanceSettings, StepwiseSettings

RAIL_WALK, STRAIGHT_LINE = "rail_walk", "straight_line"


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


@dataclass(frozen=True)
class PairRules:
    """What is measured over pairs of places and campuses, and how."""

    thresholds_min: tuple[float, ...]
    catchment_min: float
    stepwise: StepwiseSettings
    impedance: ImpedanceSettings
    search_limit_min: float
    screen_radius_m: float | None


@dataclass(frozen=True, eq=False)
class Service:
    """One service with everything its measures need."""

    name: str
    snapshot: str | None
    catalogue: Catalogue
    rules: PairRules
    demands: Mapping[str, FloatArray]


def catalogue_of(
    facilities: gpd.GeoDataFrame,
    places: pd.DataFrame,
    *,
    variants: Sequence[str],
    by_admission: Sequence[str],
    default_supply: float,
) -> Catalogue:
    """Sort facilities by campus and say which campuses count for which place.

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
        supply_unit="bed" if stated else "campus",
        groups=groups,
        counted=counted,
        known=known,
    )


def measure_service(
    access: PlaceAccess,
    service: Service,
    streets: Mapping[str, Streets],
    rail: RailAccess | None,
) -> list[Measured]:
    """Measure one service over all places, draws, groups and modes.

    Parameters
    ----------
    access
        The drawn cells of the places.
    service
        Facilities and rules.
    streets
        Streets by mode.
    rail
        Walks and rides, for the mode `rail_walk`; None leaves it out.
    """
    catalogue, rules = service.catalogue, service.rules
    measured = {
        mode: measured_pairs(
            access,
            catalogue.facilities,
            way,
            campus=catalogue.campus,
            limit_min=rules.search_limit_min,
        )
        for mode, way in streets.items()
    }
    modes = {
        mode: ModeCosts(access.minutes_per_m(way), rules.search_limit_min, measured[mode])
        for mode, way in streets.items()
    }
    if rail is not None:
        modes[RAIL_WALK] = ModeCosts(
            rail.minutes_per_m,
            rules.search_limit_min,
            measured.get("walk", _no_pairs(len(catalogue.campuses))),
            rail=rail,
        )
    kernels: dict[str, dict[str, Kernel]] = {mode: _kernels(rules) for mode in modes}
    if rules.screen_radius_m is not None:
        modes[STRAIGHT_LINE] = ModeCosts(
            1.0, rules.screen_radius_m, _no_pairs(len(catalogue.campuses))
        )
        kernels[STRAIGHT_LINE] = {
            f"count_within_{rules.screen_radius_m:g}m": _within(rules.screen_radius_m)
        }
    means = pair_means(
        access.drawn,
        catalogue.entrance_xy,
        catalogue.campus,
        modes=modes,
        kernels=kernels,
        groups=catalogue.counted.astype(np.float64),
    )
    found: list[Measured] = []
    for mode in modes:
        if mode != STRAIGHT_LINE:
            found += _nearest_rows(access, service, mode, streets.get(mode), means)
        found += _pair_rows(access, service, mode, measured.get(mode), means)
    return found


def _nearest_rows(
    access: PlaceAccess, service: Service, mode: str, way: Streets | None, means: PairMeans
) -> list[Measured]:
    """Give mean, median and p90 of the minutes to the nearest, and land within each threshold."""
    found = []
    for number, group in enumerate(service.catalogue.groups):
        if way is None:
            minutes = means.nearest[mode][:, number]
            share = np.where(access.drawn.draw_count > 0, 0.0, np.nan)
        else:
            costs = _nearest_of_group(access, service.catalogue, number, way)
            minutes, share = costs.minutes, access.measured_share(costs.measured)
        found += minutes_measures(
            access,
            minutes,
            service=service.name,
            variant=group,
            mode=mode,
            limits_min=service.rules.thresholds_min,
            measured=share,
            snapshot=service.snapshot,
        )
    return found


def minutes_measures(
    access: PlaceAccess,
    minutes: FloatArray,
    *,
    service: str,
    variant: str,
    mode: str,
    limits_min: Sequence[float],
    measured: FloatArray,
    snapshot: str | None,
) -> list[Measured]:
    """Summarise the minutes of cells: mean, median, p90, and share of land within each limit."""
    values = {
        f"minutes_nearest_{name}": (matrix, "min")
        for name, matrix in summary_by_draw(access.drawn, minutes).items()
    }
    values |= {
        f"share_area_within_{limit:g}min": (matrix, "share")
        for limit, matrix in share_by_draw(access.drawn, minutes, limits=limits_min).items()
    }
    return [
        Measured(service, variant, mode, name, unit, matrix, measured, snapshot)
        for name, (matrix, unit) in values.items()
    ]


def _nearest_of_group(
    access: PlaceAccess, catalogue: Catalogue, number: int, way: Streets
) -> CellCosts:
    """Minutes to the nearest campus of a group; places with one set of campuses go together."""
    counted, known = catalogue.counted[:, number], catalogue.known[:, number]
    sets, which = np.unique(counted, axis=0, return_inverse=True)
    minutes = np.full(len(access.drawn.xy), np.nan)
    measured = np.zeros(len(minutes), dtype=np.bool_)
    for choice, chosen in enumerate(sets):
        served = known & (which.reshape(-1) == choice)
        if not served.any() or not chosen.any():
            continue
        here = served[access.drawn.place]
        costs = access.nearest(catalogue.facilities[chosen[catalogue.campus]], way, cells=here)
        minutes[here], measured[here] = costs.minutes[here], costs.measured[here]
    return CellCosts(minutes, measured)


def _pair_rows(
    access: PlaceAccess,
    service: Service,
    mode: str,
    pairs: CellPairs | None,
    means: PairMeans,
) -> list[Measured]:
    """Sum the weights of campuses into counts, gravity and floating catchments of each group."""
    catalogue, rules = service.catalogue, service.rules
    counts = access.drawn.counts
    found = []
    for name, weights in means.weights[mode].items():
        share = _share_of_pairs(access, pairs, _cutoff_of(name, rules), mode)
        for number, group in enumerate(catalogue.groups):
            counted, known = catalogue.counted[:, number], catalogue.known[:, number]
            if not counted.any():  # said once, by the rows of the nearest
                continue
            if name.startswith("access_"):
                sums = {
                    f"{name}_by_{what}": (
                        floating_catchment_draws(
                            weights,
                            demand=np.nan_to_num(demand, nan=0.0),
                            supply=catalogue.supply,
                            counted=counted,
                            draw_count=counts,
                        ),
                        f"{catalogue.supply_unit}/{DEMAND_UNITS[what]}",
                        what,
                        ~np.isnan(demand),
                    )
                    for what, demand in service.demands.items()
                }
            else:
                size = catalogue.supply if name == "gravity" else np.ones(len(catalogue.campuses))
                total = np.einsum("pkj,pj->pk", weights, counted * size)
                unit = catalogue.supply_unit if name == "gravity" else "count"
                sums = {name: (total, unit, LAND, np.ones(len(known), dtype=np.bool_))}
            for measure, (values, unit, what, given) in sums.items():
                kept = np.where((known & given)[:, None], values, np.nan)
                found.append(
                    Measured(
                        service.name, group, mode, measure, unit, kept, share,
                        service.snapshot, what,
                    )
                )  # fmt: skip
    return found


DEMAND_UNITS = {"land_area": "km2", "planned_floor_area": "10k m2"}


def _kernels(rules: PairRules) -> dict[str, Kernel]:
    kernels: dict[str, Kernel] = {
        f"count_within_{limit:g}min": _within(limit) for limit in rules.thresholds_min
    }
    kernels["gravity"] = lambda minutes: np.where(
        minutes <= rules.search_limit_min,
        impedance_weight(minutes, impedance=rules.impedance),
        0.0,
    )
    kernels["access_2sfca_gaussian"] = lambda minutes: truncated_gaussian_weight(
        minutes, cutoff_min=rules.catchment_min
    )
    kernels["access_2sfca_stepwise"] = lambda minutes: stepwise_weight(
        minutes, edges_min=rules.stepwise.edges_min, weights=rules.stepwise.weights
    )
    return kernels


def _within(limit: float) -> Kernel:
    top = limit * (1.0 + THRESHOLD_SLACK)
    return lambda minutes: (minutes <= top).astype(np.float64)


def _cutoff_of(name: str, rules: PairRules) -> float:
    """Give the minutes within which all campuses must be known for a figure to be whole."""
    if name.startswith("count_within_") and name.endswith("min"):
        return float(name.removeprefix("count_within_").removesuffix("min"))
    if name == "access_2sfca_gaussian":
        return rules.catchment_min
    if name == "access_2sfca_stepwise":
        return max(rules.stepwise.edges_min)
    return rules.search_limit_min


def _share_of_pairs(
    access: PlaceAccess, pairs: CellPairs | None, cutoff_min: float, mode: str
) -> FloatArray | None:
    """Share of land from which every campus within the cutoff was measured on streets."""
    if mode == STRAIGHT_LINE:
        return None
    measured = np.zeros(len(access.drawn.xy), dtype=np.bool_)
    if pairs is not None:
        measured[pairs.rows[pairs.clear_min > cutoff_min]] = True
    return access.measured_share(measured)


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


def _no_pairs(campuses: int) -> CellPairs:
    return CellPairs(np.empty(0, dtype=np.int64), np.empty((0, campuses)), np.empty(0))

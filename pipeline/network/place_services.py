"""Measure the access of places to one service: nearest, counts, gravity, floating catchments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.measures.access_pairs import BoolArray, FloatArray
from pipeline.measures.access_rows import Measured
from pipeline.measures.catchment_family import (
    CityCatchment,
    floating_catchment_city,
    floating_catchment_draws,
    floating_catchment_observed,
)
from pipeline.measures.uncertainty_footprints import share_by_draw, summary_by_draw
from pipeline.network.place_access import CellCosts, CellPairs, PlaceAccess, Streets, measured_pairs
from pipeline.network.place_catalogue import Catalogue
from pipeline.network.place_kernels import PairRules, cutoff_of, kernels_of, within
from pipeline.network.place_pairs import Kernel, ModeCosts, PairMeans, pair_means
from pipeline.network.place_people import Dwellers
from pipeline.network.place_rail import RailAccess

RAIL_WALK, STRAIGHT_LINE = "rail_walk", "straight_line"
RESIDENTS, PEOPLE_UNIT = "residents", 10_000.0  # access is given per ten thousand people
DEMAND_UNITS = {"land_area": "km2", "planned_floor_area": "10k m2", RESIDENTS: "10k people"}


@dataclass(frozen=True, eq=False)
class Service:
    """One service with everything its measures need."""

    name: str
    snapshot: str | None
    catalogue: Catalogue
    rules: PairRules
    demands: Mapping[str, FloatArray]


@dataclass(frozen=True, eq=False)
class ServiceAccess:
    """The measures of places, and the access of every resident of the city where they are known.

    `city` gives for each variant, mode and measure the supply per person at each of the cells of
    `Dwellers`.
    """

    found: list[Measured]
    city: dict[tuple[str, str, str], FloatArray]


def measure_service(
    access: PlaceAccess,
    service: Service,
    streets: Mapping[str, Streets],
    rail: RailAccess | None,
    dwellers: Dwellers | None = None,
) -> ServiceAccess:
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
    dwellers
        The residents who share the supply; None where no count of them is known, and then the
        demands of `service` stand for them.
    """
    catalogue, rules = service.catalogue, service.rules
    measured, modes = _modes(access, service, streets, rail)
    kernels = {mode: kernels_of(rules, catalogue) for mode in modes}
    if rules.screen_radius_m is not None:
        modes[STRAIGHT_LINE] = ModeCosts(
            1.0, rules.screen_radius_m, _no_pairs(len(catalogue.campuses))
        )
        kernels[STRAIGHT_LINE] = {
            f"count_within_{rules.screen_radius_m:g}m": within(rules.screen_radius_m, catalogue)
        }
    means = pair_means(
        access.drawn,
        catalogue.entrance_xy,
        catalogue.campus,
        modes=modes,
        kernels=kernels,
        groups=(catalogue.counted & catalogue.known[:, :, None]).astype(np.float64),
    )
    city = {} if dwellers is None else _city(service, streets, dwellers, kernels)
    found: list[Measured] = []
    summaries: dict[int, dict[str, FloatArray]] = {}
    for mode in modes:
        if mode != STRAIGHT_LINE:
            by_rail = _by_rail(access, service, modes[mode], means) if mode == RAIL_WALK else None
            found += _nearest_rows(
                access,
                service,
                mode,
                way=streets.get(mode),
                means=means,
                summaries=summaries,
                by_rail=by_rail,
            )
        shares = {
            name: _share_of_pairs(access, measured.get(mode), cutoff_of(name, rules), mode)
            for name in kernels[mode]
        }
        found += _sum_rows(service, mode, shares, means)
        found += _catchment_rows(access, service, mode, shares=shares, means=means, city=city)
    return ServiceAccess(found, {key: shared.access for key, shared in city.items()})


def _modes(
    access: PlaceAccess,
    service: Service,
    streets: Mapping[str, Streets],
    rail: RailAccess | None,
) -> tuple[dict[str, CellPairs], dict[str, ModeCosts]]:
    """Measure pairs where streets are mapped and say how the minutes of each mode are found."""
    catalogue, limit = service.catalogue, service.rules.search_limit_min
    measured = {
        mode: measured_pairs(
            access, catalogue.facilities, way, campus=catalogue.campus, limit_min=limit
        )
        for mode, way in streets.items()
    }
    modes = {
        mode: ModeCosts(access.minutes_per_m(way), limit, measured[mode])
        for mode, way in streets.items()
    }
    if rail is not None:
        on_foot = measured.get("walk", _no_pairs(len(catalogue.campuses)))
        modes[RAIL_WALK] = ModeCosts(rail.minutes_per_m, limit, on_foot, rail=rail)
    return measured, modes


def _nearest_rows(
    access: PlaceAccess,
    service: Service,
    mode: str,
    *,
    way: Streets | None,
    means: PairMeans,
    summaries: dict[int, dict[str, FloatArray]],
    by_rail: BoolArray | None,
) -> list[Measured]:
    """Give mean, median and p90 of the minutes to the nearest, and land within each threshold.

    Modes that differ by their speed alone share the summary of the straight metres, in `summaries`.
    `by_rail` tells which journeys by rail are measured throughout, shape (cells, groups).
    """
    found = []
    for number, group in enumerate(service.catalogue.groups):
        if way is None:
            assert by_rail is not None  # noqa: S101 - the only mode without streets of its own
            costs = CellCosts(means.nearest[mode][:, number], by_rail[:, number])
        else:
            costs = _nearest_of_group(access, service.catalogue, number, way, means)
        summary = None
        if costs.factor is not None:
            if number not in summaries:
                summaries[number] = summary_by_draw(access.drawn, means.nearest_m[:, number])
            summary = {name: m * costs.factor for name, m in summaries[number].items()}
        found += minutes_measures(
            access,
            costs.minutes,
            service=service.name,
            variant=group,
            mode=mode,
            limits_min=service.rules.thresholds_min,
            measured=access.measured_share(costs.measured),
            snapshot=service.snapshot,
            summary=summary,
        )
    return found


def _by_rail(
    access: PlaceAccess, service: Service, costs: ModeCosts, means: PairMeans
) -> BoolArray:
    """Tell from which cells the quickest journey to each group rests on no estimate."""
    assert costs.rail is not None  # noqa: S101 - asked only for the mode by rail
    counted = service.catalogue.counted
    return costs.rail.measured(access.drawn, means.nearest[RAIL_WALK], counted, costs.measured)


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
    summary: Mapping[str, FloatArray] | None = None,
) -> list[Measured]:
    """Summarise the minutes of cells: mean, median, p90, and share of land within each limit."""
    stated = summary_by_draw(access.drawn, minutes) if summary is None else summary
    values = {f"minutes_nearest_{name}": (matrix, "min") for name, matrix in stated.items()}
    values |= {
        f"share_area_within_{limit:g}min": (matrix, "share")
        for limit, matrix in share_by_draw(access.drawn, minutes, limits=limits_min).items()
    }
    return [
        Measured(service, variant, mode, name, unit, matrix, measured, snapshot)
        for name, (matrix, unit) in values.items()
    ]


def _nearest_of_group(
    access: PlaceAccess, catalogue: Catalogue, number: int, way: Streets, means: PairMeans
) -> CellCosts:
    """Minutes to the nearest campus of a group; places with one set of campuses go together."""
    metres = means.nearest_m[:, number]
    counted, known = catalogue.counted[:, number], catalogue.known[:, number]
    whole = access.nearest(catalogue.facilities.iloc[:0], way, metres=metres)
    if way.graph is None or not len(access.on_streets(way).rows):
        return whole
    minutes, measured = whole.minutes, whole.measured
    sets, which = np.unique(counted, axis=0, return_inverse=True)
    for choice, chosen in enumerate(sets):
        served = known & (which.reshape(-1) == choice)
        if not served.any() or not chosen.any():
            continue
        here = served[access.drawn.place]
        some = catalogue.facilities[chosen[catalogue.campus]]
        costs = access.nearest(some, way, cells=here, metres=metres)
        minutes[here], measured[here] = costs.minutes[here], costs.measured[here]
    return CellCosts(minutes, measured)


def _sum_rows(
    service: Service,
    mode: str,
    shares: Mapping[str, FloatArray | None],
    means: PairMeans,
) -> list[Measured]:
    """Give the counts and the gravity of each group."""
    catalogue = service.catalogue
    found = []
    for name, sums in means.sums[mode].items():
        unit = catalogue.supply_unit if name == "gravity" else "count"
        for number, group in enumerate(catalogue.groups):
            if not catalogue.counted[:, number].any():  # said once, by the rows of the nearest
                continue
            kept = np.where(catalogue.known[:, number][:, None], sums[:, :, number], np.nan)
            found.append(
                Measured(
                    service.name, group, mode, name, unit, kept, shares[name], service.snapshot
                )
            )
    return found


def _catchment_rows(
    access: PlaceAccess,
    service: Service,
    mode: str,
    *,
    shares: Mapping[str, FloatArray | None],
    means: PairMeans,
    city: Mapping[tuple[str, str, str], CityCatchment],
) -> list[Measured]:
    """Give the floating catchments of each group: shared with residents, else among the places."""
    catalogue, found = service.catalogue, []
    demands = np.array(list(service.demands.values()), dtype=np.float64)
    for name, weights in means.weights[mode].items():
        for number, group in enumerate(catalogue.groups):
            counted, known = catalogue.counted[:, number], catalogue.known[:, number]
            if not counted.any():
                continue
            shared = city.get((group, mode, f"{name}_by_{RESIDENTS}"))
            if shared is not None:
                values = floating_catchment_observed(weights, shared.ratio, counted=counted)
                sums = {RESIDENTS: (values * PEOPLE_UNIT, known)}
            else:
                values = floating_catchment_draws(
                    weights,
                    demands=np.nan_to_num(demands, nan=0.0),
                    supply=catalogue.supply,
                    counted=counted,
                    draw_count=access.drawn.counts,
                )
                sums = {
                    what: (values[row], known & ~np.isnan(demands[row]))
                    for row, what in enumerate(service.demands)
                }
            for what, (values, there) in sums.items():
                found.append(
                    Measured(
                        service.name, group, mode, f"{name}_by_{what}",
                        f"{catalogue.supply_unit}/{DEMAND_UNITS[what]}",
                        np.where(there[:, None], values, np.nan), shares[name],
                        service.snapshot, what,
                    )
                )  # fmt: skip
    return found


def _city(
    service: Service,
    streets: Mapping[str, Streets],
    dwellers: Dwellers,
    kernels: Mapping[str, Mapping[str, Kernel]],
) -> dict[tuple[str, str, str], CityCatchment]:
    """Share the supply of each group among all residents, by mode and kernel."""
    catalogue, homes = service.catalogue, dwellers.counted
    assert homes is not None  # noqa: S101 - the stage says which campuses serve which homes
    # Only catchments are wanted of homes: nobody farther takes part.
    rules = service.rules
    near = replace(rules, search_limit_min=max(rules.catchment_min, *rules.stepwise.edges_min))
    _, modes = _modes(dwellers.access, replace(service, rules=near), streets, dwellers.rail)
    means = pair_means(
        dwellers.access.drawn,
        catalogue.entrance_xy,
        catalogue.campus,
        modes=modes,
        kernels={
            mode: {name: kernel for name, kernel in kernels[mode].items() if kernel.size is None}
            for mode in modes
        },
        groups=np.zeros((1, 0, len(catalogue.campuses))),
    )
    return {
        (group, mode, f"{name}_by_{RESIDENTS}"): floating_catchment_city(
            weights[0],
            people=dwellers.people,
            supply=catalogue.supply,
            counted=homes[:, number],
        )
        for mode, kept in means.weights.items()
        for name, weights in kept.items()
        for number, group in enumerate(catalogue.groups)
        if catalogue.counted[:, number].any()
    }


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


def _no_pairs(campuses: int) -> CellPairs:
    return CellPairs(np.empty(0, dtype=np.int64), np.empty((0, campuses)), np.empty(0))

"""Measure the access of places to one service: nearest, counts, gravity, floating catchments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

import numpy as np

from pipeline.measures.access_pairs import BoolArray, FloatArray
from pipeline.measures.access_rows import Measured
from pipeline.measures.catchment_family import (
    CityCatchment,
    floating_catchment_draws,
    floating_catchment_observed,
)
from pipeline.measures.people import KINDS
from pipeline.measures.uncertainty_footprints import share_by_draw, summary_by_draw
from pipeline.network.place_access import CellCosts, PairSearch, PlaceAccess, Streets
from pipeline.network.place_catalogue import Catalogue
from pipeline.network.place_city import CityShares, joined_shares
from pipeline.network.place_kernels import cutoff_of
from pipeline.network.place_pairs import PairMeans
from pipeline.network.place_people import Dwellers
from pipeline.network.place_rail import RailAccess
from pipeline.network.place_runs import (
    RAIL_WALK,
    STRAIGHT_LINE,
    Service,
    Ways,
    places_run,
    runs_of,
    searches_of,
    shortest,
)

COUNT_DECIMALS = 9
PEOPLE_UNIT = 10_000.0  # access is given per ten thousand people
DEMAND_UNITS = {
    "land_area": "km2",
    "planned_floor_area": "10k m2",
    **dict.fromkeys(KINDS, "10k people"),
}


@dataclass(frozen=True, eq=False)
class ServiceAccess:
    """The measures of places, and the access of all people of the city where they are known.

    `city` gives for each kind of people, variant, mode and measure the supply per person at each of
    the cells of its `Dwellers`. The campuses were taken in `runs` at most, as all at once would
    have needed `need_mb`.
    """

    found: list[Measured]
    city: dict[tuple[str, str, str, str], FloatArray]
    runs: int
    need_mb: float


def measure_service(
    access: PlaceAccess,
    service: Service,
    streets: Mapping[str, Streets],
    rail: RailAccess | None,
    dwellers: Sequence[Dwellers] = (),
) -> ServiceAccess:
    """Measure one service over all places, draws, groups and modes.

    Parameters
    ----------
    access
        The drawn cells of the places.
    service
        Facilities and rules.
    streets
        Streets by mode. They are asked for one mode after another, and none is held longer than its
        turn: a mapping may read them when they are asked for.
    rail
        Walks and rides, for the mode `rail_walk`; None leaves it out.
    dwellers
        The residents, and the workers, who share the supply, each kind among themselves; none where
        nobody is counted, and then the demands of `service` stand for them.
    """
    summaries: dict[int, dict[str, FloatArray]] = {}
    order = [*streets, RAIL_WALK, STRAIGHT_LINE]
    turns: list[ServiceAccess] = []
    once = service.rules.screen_radius_m
    for modes, by_rail in _turns(streets, rail):
        rules = replace(service.rules, screen_radius_m=None if turns else once)
        turns.append(
            _measure_turn(
                access,
                replace(service, rules=rules),
                {mode: streets[mode] for mode in modes},
                by_rail,
                dwellers,
                summaries=summaries,
            )
        )
    found = [row for turn in turns for row in turn.found]
    city = {key: access for turn in turns for key, access in turn.city.items()}
    kinds = [whom.kind for whom in dwellers]
    return ServiceAccess(
        sorted(found, key=lambda row: order.index(row.mode)),
        {
            key: city[key]
            for key in sorted(city, key=lambda key: (kinds.index(key[0]), order.index(key[2])))
        },
        max(turn.runs for turn in turns),
        max(turn.need_mb for turn in turns),
    )


def _turns(
    streets: Mapping[str, Streets], rail: RailAccess | None
) -> list[tuple[tuple[str, ...], RailAccess | None]]:
    """Take mode after mode, but the first ones together that have no streets to hold.

    Who rides walks to the station, so that both go together.
    """
    modes = list(streets)
    bare = tuple(takewhile(lambda mode: streets[mode].graph is None, modes))
    each = [bare] if bare else []
    each += [(mode,) for mode in modes[len(bare) :]]
    turns = [(some, rail if "walk" in some else None) for some in each]
    if rail is not None and "walk" not in modes:
        turns.append(((), rail))
    return turns or [((), None)]


def _measure_turn(
    access: PlaceAccess,
    service: Service,
    streets: Mapping[str, Streets],
    rail: RailAccess | None,
    dwellers: Sequence[Dwellers],
    *,
    summaries: dict[int, dict[str, FloatArray]],
) -> ServiceAccess:
    """Measure one service by some modes, held together."""
    catalogue, rules = service.catalogue, service.rules
    searches = searches_of(access, service, streets)
    ways = Ways(streets, searches, rail)
    homes = [
        CityShares(service, streets, whom if rail is not None else replace(whom, rail=None))
        for whom in dwellers
    ]
    runs, need_mb = runs_of(
        len(catalogue.campuses),
        numbers_each=ways.rows + sum(whom.numbers_each for whom in homes),
        most_mb=access.network.matrix_memory_mb,
    )
    parts, shared = [], []
    for run in runs:
        parts.append(places_run(access, service, ways, run))
        shared.append({key: one for whom in homes for key, one in whom.run(run).items()})
    means, walks = PairMeans.joined([part[0] for part in parts]), shortest(parts)
    city = joined_shares(shared)
    found: list[Measured] = []
    for mode, sums in means.sums.items():
        if mode != STRAIGHT_LINE:
            by_rail = None
            if mode == RAIL_WALK:
                assert rail is not None  # noqa: S101 - else the mode is not among them
                nearest = means.nearest[RAIL_WALK]
                by_rail = rail.measured(access.drawn, nearest, catalogue.counted, walks)
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
            name: _share_of_pairs(access, searches.get(mode), cutoff_of(name, rules), mode)
            for name in (*sums, *means.weights[mode])
        }
        found += _sum_rows(service, mode, shares, means)
        found += _catchment_rows(access, service, mode, shares=shares, means=means, city=city)
    return ServiceAccess(
        found,
        {key: shared.access for key, shared in city.items()},
        len(runs),
        need_mb,
    )


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
            if unit == "count":  # shares of land add up to one but for rounding: 2, not 2 + 4e-16
                kept = np.round(kept, COUNT_DECIMALS)
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
    city: Mapping[tuple[str, str, str, str], CityCatchment],
) -> list[Measured]:
    """Give the floating catchments of each group: shared with people, else among the places."""
    catalogue, found = service.catalogue, []
    demands = np.array(list(service.demands.values()), dtype=np.float64)
    for name, weights in means.weights[mode].items():
        for number, group in enumerate(catalogue.groups):
            counted, known = catalogue.counted[:, number], catalogue.known[:, number]
            if not counted.any():
                continue
            sums = {
                kind: (
                    PEOPLE_UNIT
                    * floating_catchment_observed(weights, shared.ratio, counted=counted),
                    known,
                )
                for kind in KINDS
                if (shared := city.get((kind, group, mode, f"{name}_by_{kind}"))) is not None
            }
            if not sums:
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


def _share_of_pairs(
    access: PlaceAccess, pairs: PairSearch | None, cutoff_min: float, mode: str
) -> FloatArray | None:
    """Share of land from which every campus within the cutoff was measured on streets."""
    if mode == STRAIGHT_LINE:
        return None
    measured = np.zeros(len(access.drawn.xy), dtype=np.bool_)
    if pairs is not None:
        measured[pairs.rows[pairs.clear_min > cutoff_min]] = True
    return access.measured_share(measured)

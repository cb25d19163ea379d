"""Measure a service over runs of its campuses, as many at once as the memory allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.measures.access_pairs import FloatArray
from pipeline.measures.portions import BYTES_PER_MB, portions
from pipeline.network.place_access import (
    CellPairs,
    PairSearch,
    PlaceAccess,
    Streets,
    no_pairs,
    pair_search,
)
from pipeline.network.place_catalogue import Catalogue
from pipeline.network.place_kernels import PairRules, kernels_of, within
from pipeline.network.place_pairs import ModeCosts, PairMeans, pair_means
from pipeline.network.place_rail import RailAccess, nearest_walks

RAIL_WALK, STRAIGHT_LINE = "rail_walk", "straight_line"


@dataclass(frozen=True, eq=False)
class Service:
    """One service with everything its measures need."""

    name: str
    snapshot: str | None
    catalogue: Catalogue
    rules: PairRules
    demands: Mapping[str, FloatArray]


@dataclass(frozen=True, eq=False)
class Ways:
    """How one leaves: streets by mode, searches where they are mapped, rail if asked for."""

    streets: Mapping[str, Streets]
    searches: Mapping[str, PairSearch]
    rail: RailAccess | None

    @property
    def rows(self) -> int:
        """Cells that are measured, one for each mode."""
        return sum(len(search.rows) for search in self.searches.values())


def searches_of(
    access: PlaceAccess, service: Service, streets: Mapping[str, Streets]
) -> dict[str, PairSearch]:
    """Prepare to measure pairs by the modes whose streets are mapped where the cells are."""
    catalogue, limit = service.catalogue, service.rules.search_limit_min
    found = {
        mode: pair_search(
            access, catalogue.facilities, way, campus=catalogue.campus, limit_min=limit
        )
        for mode, way in streets.items()
    }
    return {mode: search for mode, search in found.items() if search is not None}


def runs_of(count: int, *, numbers_each: int, most_mb: float) -> tuple[list[slice], float]:
    """Cut campuses into runs whose minutes fit the memory; gives the need of all in MB too."""
    bytes_each = 8.0 * numbers_each
    return portions(
        count, bytes_each=bytes_each, most_mb=most_mb
    ), count * bytes_each / BYTES_PER_MB


def modes_of(
    access: PlaceAccess,
    service: Service,
    ways: Ways,
    run: slice,
) -> dict[str, ModeCosts]:
    """Measure the pairs of a run of campuses and say how the minutes of each mode are found."""
    limit = service.rules.search_limit_min
    nothing = no_pairs(len(service.catalogue.campuses[run]))
    pairs = {
        mode: ways.searches[mode].pairs(run) if mode in ways.searches else nothing
        for mode in ways.streets
    }
    modes = {
        mode: ModeCosts(access.minutes_per_m(way), limit, pairs[mode])
        for mode, way in ways.streets.items()
    }
    if ways.rail is not None:
        on_foot, onward = pairs.get("walk", nothing), ways.rail.leading_to(run)
        modes[RAIL_WALK] = ModeCosts(onward.minutes_per_m, limit, on_foot, rail=onward)
    return modes


def places_run(
    access: PlaceAccess,
    service: Service,
    ways: Ways,
    run: slice,
) -> tuple[PairMeans, CellPairs]:
    """Give the means over places of a run of campuses, and the walks to the nearest of them."""
    rules, part = service.rules, service.catalogue.part(run)
    modes = modes_of(access, service, ways, run)
    kernels = {mode: kernels_of(rules, part) for mode in modes}
    walks = modes[RAIL_WALK].measured if ways.rail is not None else no_pairs(len(part.campuses))
    if rules.screen_radius_m is not None:
        nothing = no_pairs(len(part.campuses))
        modes[STRAIGHT_LINE] = ModeCosts(1.0, rules.screen_radius_m, nothing)
        kernels[STRAIGHT_LINE] = {
            f"count_within_{rules.screen_radius_m:g}m": within(rules.screen_radius_m, part)
        }
    means = pair_means(
        access.drawn,
        part.entrance_xy,
        part.campus,
        modes=modes,
        kernels=kernels,
        groups=(part.counted & part.known[:, :, None]).astype(np.float64),
    )
    return means, nearest_walks(access.drawn, part.counted, walks)


def shortest(parts: Sequence[tuple[PairMeans, CellPairs]]) -> CellPairs:
    """Keep the shortest of the walks that the runs found."""
    walks = [part[1] for part in parts]
    return replace(walks[0], minutes=np.minimum.reduce([one.minutes for one in walks]))

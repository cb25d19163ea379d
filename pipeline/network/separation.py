"""Measure how parks are cut off: porosity, circumvention and access gap, with their null model."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import shapely

from pipeline.freeing import give_back_memory
from pipeline.measures.island_boundary import boundary_points, facing_points, outline
from pipeline.measures.island_city import City
from pipeline.measures.island_contrast import Statistic
from pipeline.measures.island_grid import FloatArray
from pipeline.measures.island_null import Positions
from pipeline.measures.island_results import ComponentResult
from pipeline.measures.island_ring import GeometryArray, placed, ring
from pipeline.measures.island_rows import PlaceContrast, guarded
from pipeline.measures.portions import BYTES_PER_MB
from pipeline.settings.island import IslandSettings

from .separation_around import Around, Streeted, Surroundings
from .separation_crossings import mapped_km, openings_per_km, relocated_openings
from .separation_density import expected_openings, street_density
from .separation_gaps import ACCESS, measured_access
from .separation_routes import (
    BYTES_A_PAIR,
    BoundaryRoutes,
    Routes,
    boundary_routes,
    parts_of,
    walking_distances,
)
from .separation_streets import Streets

logger = logging.getLogger(__name__)

POROSITY = "porosity"
CIRCUMVENTION = "circumvention"
DENSITY = "street_density"
UNITS = {POROSITY: "openings per km", CIRCUMVENTION: "ratio"}
ALL = "all"
DENSITY_CELL_M = 250.0
SIMPLIFIED_M = 10.0
# Pairs of boundary points kept in memory, some 100 bytes each; what a park adds may go beyond.
# Parks share searches, so that fewer would cost time: a third of them, twice the searching.
PAIRS_HELD = 6_000_000


@dataclass(frozen=True)
class Separation:
    """What was measured of all places.

    `pairs` is how many pairs of boundary points it took, `parts` in how many parts the ways between
    them were searched.
    """

    results: list[ComponentResult]
    pairs: int
    parts: int

    @property
    def need_mb(self) -> float:
        """Memory that all pairs at once would have taken."""
        return self.pairs * BYTES_A_PAIR / BYTES_PER_MB


def separation_results(
    places: Sequence[PlaceContrast],
    city: City,
    streets: Streets,
    *,
    facilities_xy_m: Mapping[str, FloatArray],
    snap_m: float,
    walk_m_min: float,
    settings: IslandSettings,
) -> Separation:
    """
    Measure porosity, circumvention and access gaps of all places on their relocations.

    Parameters
    ----------
    places
        Measured places with their relocations.
    city
        The city from which they were measured.
    streets
        The walking network.
    facilities_xy_m
        Entrances by service (station, hospital, school, daily food), each (N, 2) in metres.
    snap_m
        Greatest distance from a facility or a place to a street.
    walk_m_min
        Walking speed.
    settings
        The island settings.

    Returns
    -------
    for each place: porosity, circumvention, street density (context), one gap for each service;
    how many pairs of boundary points it took
    """
    density = street_density(streets, city.grid.refined(DENSITY_CELL_M))
    give_back_memory()
    around = [Around(place, city, settings) for place in places]
    results: list[ComponentResult] = []
    measurable: list[Streeted] = []
    for item in around:
        reason = gate(item.place, streets, settings)
        results.append(_context(item, streets))
        if reason is None:
            measurable.append(Streeted.of(item, density))
            results.append(_porosity(measurable[-1], streets, settings))
        else:
            results += unmeasured([item.place], reason, (POROSITY, CIRCUMVENTION), settings)
    streets.forget("public_segments")
    solved: list[FloatArray] = []
    counts: list[int] = []
    for wanted in _batches(measurable, streets, settings):
        counts.append(sum(len(item.draw) for item in wanted))
        solved += _solved(wanted, streets, settings)
    results += _circumvention(measurable, solved, settings)
    give_back_memory()
    results += measured_access(
        around, city, streets, facilities_xy_m=facilities_xy_m, snap_m=snap_m,
        walk_m_min=walk_m_min,
    )  # fmt: skip
    logger.info("measured separation of %d places on streets", len(places))
    told = guarded(results, places, settings)
    return Separation(told, sum(counts), sum(map(parts_of, counts)))


def gate(place: PlaceContrast, streets: Streets, settings: IslandSettings) -> str | None:
    """
    Say why porosity and circumvention of a place cannot be measured, or None where they can.

    Streets mapped inside (interior ways too) are compared with what the ring leads one to expect,
    and certain crossings are counted: unmapped is not sealed.
    """
    if place.indicative:
        return "boundary_unknown"
    park = place.park
    around = ring(park, width_m=settings.ring_m)
    ring_km2 = around.area / 1e6
    expected = mapped_km(around, streets, public=False) / ring_km2 * park.area / 1e6
    if expected <= 0:
        return "no_streets"
    if mapped_km(park, streets, public=False) / expected < settings.measurable_road_share:
        return "unmapped"
    _, openings = openings_per_km(park, streets, merge_m=settings.opening_merge_m)
    return "few_crossings" if openings < settings.measurable_crossings else None


def _statistic(component: str, category: str, unit: str, settings: IslandSettings) -> Statistic:
    return Statistic(component, category, settings.ring_m, unit)


def unmeasured(
    places: Sequence[PlaceContrast],
    reason: str,
    components: Sequence[str],
    settings: IslandSettings,
) -> list[ComponentResult]:
    """Give the results of components that cannot be measured, with the reason why."""
    return [
        ComponentResult(
            place.place_id, _statistic(component, ALL, UNITS[component], settings), np.nan,
            np.empty(0), reason=reason,
        )
        for place in places
        for component in components
    ]  # fmt: skip


def absent(
    place_ids: Iterable[str],
    services: Sequence[str],
    others: Sequence[tuple[str, str]],
    settings: IslandSettings,
) -> list[ComponentResult]:
    """Give the results of places without a footprint, of which nothing can be measured."""
    kinds = [Statistic(each, ALL, settings.ring_m, "") for each in (POROSITY, CIRCUMVENTION)]
    kinds += [Statistic(*each, settings.ring_m, "") for each in others]
    kinds += [
        Statistic(ACCESS, service, width_m, "")
        for service in services
        for width_m in settings.ring_widths_m
    ]
    return [
        ComponentResult(place_id, kind, np.nan, np.empty(0), reason="no_footprint")
        for place_id in place_ids
        for kind in kinds
    ]


def _porosity(item: Streeted, streets: Streets, settings: IslandSettings) -> ComponentResult:
    place = item.around.place
    statistic = _statistic(POROSITY, ALL, UNITS[POROSITY], settings)
    observed, _ = openings_per_km(place.park, streets, merge_m=settings.opening_merge_m)
    rings = relocated_outlines(place)
    openings = relocated_openings(rings, streets, merge_m=settings.opening_merge_m)
    measurable = (openings >= settings.measurable_crossings) & (
        item.null.road_share >= settings.measurable_road_share
    )
    # Turned or moved, the same boundary meets other streets: each relocation is brought to the
    # density and bearings of the streets around the park.
    line = outline(place.footprint.shape)
    here = expected_openings(line, np.zeros(1), item.observed.by_bearing)[0]
    there = expected_openings(line, place.positions.angle_rad, item.null.by_bearing)
    per_km = openings / (shapely.length(rings) / 1000)
    with np.errstate(divide="ignore", invalid="ignore"):
        null = np.where(measurable & (there > 0), per_km * here / there, np.nan)
    return ComponentResult(place.place_id, statistic, observed, null)


def relocated_outlines(place: PlaceContrast) -> GeometryArray:
    """Give the outer boundary, simplified to 10 m, at each relocation."""
    line = shapely.simplify(outline(place.footprint.shape), SIMPLIFIED_M)
    at = place.positions
    x, y = placed(shapely.get_coordinates(line), x_m=at.x_m, y_m=at.y_m, angle_rad=at.angle_rad)
    rings: GeometryArray = shapely.linearrings(np.stack([x, y], axis=-1))
    return rings


def _context(item: Around, streets: Streets) -> ComponentResult:
    place, settings = item.place, item.settings
    around = ring(place.park, width_m=settings.ring_m)
    inside = mapped_km(place.park, streets, public=True) / (place.park.area / 1e6)
    outside = mapped_km(around, streets, public=True) / (around.area / 1e6)
    statistic = _statistic(DENSITY, "public", "km per km²", settings)
    reason = "no_streets" if outside == 0 else None
    return ComponentResult(
        place.place_id, statistic, inside - outside, np.empty(0), inside, outside, reason=reason
    )


def _batches(
    places: Sequence[Streeted], streets: Streets, settings: IslandSettings
) -> Iterator[list[BoundaryRoutes]]:
    """List the ways wanted of each park, in place, then relocated, of some parks at a time."""
    batch: list[BoundaryRoutes] = []
    for item in places:
        for at, surroundings in (
            (item.around.here, item.observed),
            (item.around.place.positions, item.null),
        ):
            batch.append(_boundary_routes(item.around, streets, at, surroundings, settings))
        if sum(len(one.draw) for one in batch) >= PAIRS_HELD:
            yield batch
            batch = []
    # No boundary is put on streets any more.
    streets.forget("public_tree", "corners")
    give_back_memory()
    if batch:
        yield batch


def _circumvention(
    places: Sequence[Streeted], solved: Sequence[FloatArray], settings: IslandSettings
) -> list[ComponentResult]:
    """Compare each park in place with its relocations; `solved` as `_batches` lists them."""
    values = iter(solved)
    results = []
    statistic = _statistic(CIRCUMVENTION, ALL, UNITS[CIRCUMVENTION], settings)
    for item in places:
        place_id = item.around.place.place_id
        observed, null = float(next(values)[0]), next(values)
        null = np.where(item.null.road_share >= settings.measurable_road_share, null, np.nan)
        why = None if np.isfinite(observed) else "few_pairs"
        results.append(ComponentResult(place_id, statistic, observed, null, reason=why))
    return results


def _boundary_routes(
    item: Around, streets: Streets, at: Positions, there: Surroundings, settings: IslandSettings
) -> BoundaryRoutes:
    points = boundary_points(item.place.footprint.shape, points=settings.boundary_points)
    facing = facing_points(points, offset_share=settings.opposing_offset_share)
    return boundary_routes(
        streets, facing, placed(points, x_m=at.x_m, y_m=at.y_m, angle_rad=at.angle_rad),
        (at.x_m, at.y_m, at.angle_rad), spacing_m=there.spacing_m,
        direction_rad=there.direction_rad, snap_m=settings.boundary_snap_m,
        limit_factor=settings.circumvention_limit,
    )  # fmt: skip


def _solved(
    wanted: list[BoundaryRoutes], streets: Streets, settings: IslandSettings
) -> list[FloatArray]:
    """Measure all parks in shared passes over the network; their routes are held once."""
    bounds = np.cumsum([0, *(len(item.draw) for item in wanted)])
    rows = [slice(start, stop) for start, stop in pairwise(bounds.tolist())]
    parts = [item.routes for item in wanted]
    none = parts[0].take(np.empty(0, dtype=np.int64))  # no view, which would keep all
    wanted[:] = [replace(item, routes=none) for item in wanted]
    routes = Routes.joined(parts)
    for number, some in enumerate(rows):
        wanted[number] = replace(wanted[number], routes=routes.take(some))
    walked = walking_distances(streets, routes)
    return [
        item.circumvention(
            walked[some],
            quantile=settings.circumvention_quantile,
            min_pairs=settings.circumvention_pairs,
        )
        for item, some in zip(wanted, rows, strict=True)
    ]

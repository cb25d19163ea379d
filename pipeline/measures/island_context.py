"""Describe a park and its ring: built form, green, water, blocks, prices, people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import shapely

from pipeline.settings.island import IslandSettings

from .island_contrast import Statistic
from .island_grid import FloatArray
from .island_results import ComponentResult
from .island_ring import GeometryArray, ring
from .island_rows import PlaceContrast, guarded

BUILT, GREEN, WATER, PRICE, BLOCKS, PEOPLE = (
    "built_form", "green_share", "water_share", "price", "block_size", "people_density",
)  # fmt: skip
COVERS = (BUILT, GREEN, WATER)
SHARE, PER_PRICE = "share of land", "ratio of medians"
HECTARES, PER_HECTARE = "ha", "residents per ha"


def cover_results(
    places: Sequence[PlaceContrast],
    covers: Mapping[str, GeometryArray],
    *,
    settings: IslandSettings,
) -> list[ComponentResult]:
    """
    Give the share of land that buildings, green and water cover, inside and in the ring.

    Parameters
    ----------
    places
        Measured places.
    covers
        Areas in metres by component (`built_form`, `green_share`, `water_share`), those that the
        extract maps.
    settings
        `built_share_min`: with less of the ring built over, buildings count as unmapped.

    Returns
    -------
    one result for each place and component, context without a test; shares are of the whole area
    """
    trees = {name: shapely.STRtree(shapes) for name, shapes in covers.items()}
    results = []
    for place in places:
        around = ring(place.park, width_m=settings.ring_m)
        for name in COVERS:
            statistic = Statistic(name, "all", settings.ring_m, SHARE)
            if name not in covers:
                results.append(_unknown(place, statistic, "no_cover_data"))
                continue
            inside, outside = (
                covered_share(zone, covers[name][trees[name].query(zone, "intersects")])
                for zone in (place.park, around)
            )
            thin = name == BUILT and outside < settings.built_share_min
            results.append(
                _described(place, statistic, (inside, outside), "thin_cover" if thin else None)
            )
    return guarded(results, places, settings)


def covered_share(zone: shapely.Geometry, shapes: GeometryArray) -> float:
    """Give the share of a zone that shapes cover, overlaps counted once."""
    # Buildings seldom meet: joined by groups that do, they cost a tenth of one union.
    covered = shapely.intersection(shapely.disjoint_subset_union_all(shapes), zone)
    return float(covered.area / zone.area)


def price_results(
    places: Sequence[PlaceContrast],
    xy_m: FloatArray,
    price: FloatArray,
    *,
    settings: IslandSettings,
) -> list[ComponentResult]:
    """
    Compare median prices inside and in the ring.

    Parameters
    ----------
    places
        Measured places.
    xy_m, price
        Points in metres (N, 2) and their prices (N,), all in one unit; empty where the study has
        none.
    settings
        `min_total_count`: with fewer prices inside or in the ring nothing is compared.

    Returns
    -------
    one result for each place: medians, and the first over the second; context without a test
    """
    points = shapely.points(xy_m)
    results = []
    for place in places:
        statistic = Statistic(PRICE, "all", settings.ring_m, PER_PRICE)
        if len(points) == 0:
            results.append(_unknown(place, statistic, "no_price_data"))
            continue
        zones = place.park, ring(place.park, width_m=settings.ring_m)
        found = [price[shapely.intersects(points, zone)] for zone in zones]
        few = min(len(each) for each in found) < settings.min_total_count
        inside, outside = (np.nan, np.nan) if few else map(np.median, found)
        medians = float(inside), float(outside)
        results.append(_described(place, statistic, medians, "few_prices" if few else None))
    return guarded(results, places, settings)


def people_results(
    places: Sequence[PlaceContrast],
    xy_m: FloatArray,
    residents: FloatArray,
    *,
    settings: IslandSettings,
) -> list[ComponentResult]:
    """
    Compare how many people live on a hectare inside and in the ring.

    Parameters
    ----------
    places
        Measured places.
    xy_m, residents
        Points or middles of cells in metres (N, 2) and their residents (N,), NaN where nobody has
        counted; empty where the study has none.
    settings
        `ring_m`.

    Returns
    -------
    one result for each place; unknown where no counted point lies inside or none in the ring
    """
    counted = np.isfinite(residents)
    points, people = shapely.points(xy_m[counted]), residents[counted]
    tree = shapely.STRtree(points)
    results = []
    for place in places:
        statistic = Statistic(PEOPLE, "all", settings.ring_m, PER_HECTARE)
        zones = place.park, ring(place.park, width_m=settings.ring_m)
        found = [tree.query(zone, "intersects") for zone in zones]
        if any(len(each) == 0 for each in found):
            results.append(_unknown(place, statistic, "no_people_data"))
            continue
        inside, outside = (
            float(people[each].sum() / zone.area * 1e4)
            for each, zone in zip(found, zones, strict=True)
        )
        results.append(_described(place, statistic, (inside, outside), None))
    return guarded(results, places, settings)


def block_results(
    places: Sequence[PlaceContrast], public: GeometryArray, *, settings: IslandSettings
) -> list[ComponentResult]:
    """
    Compare the size of blocks inside and in the ring: the mean over land of the block around it.

    Parameters
    ----------
    places
        Measured places.
    public
        Public streets in metres; private ways divide no block.
    settings
        `measured_share_min`: share of the land that has to lie in a closed block.

    Returns
    -------
    one result for each place, hectares; context without a test
    """
    tree = shapely.STRtree(public)
    results = []
    for place in places:
        statistic = Statistic(BLOCKS, "all", settings.ring_m, HECTARES)
        around = ring(place.park, width_m=settings.ring_m)
        reach = shapely.buffer(place.park, 2 * settings.ring_m)
        lines = public[tree.query(reach, "intersects")]
        if len(lines) == 0:
            results.append(_unknown(place, statistic, "no_streets"))
            continue
        blocks = shapely.get_parts(shapely.polygonize([shapely.union_all(lines)]))
        found = (
            block_hectares(place.park, blocks, settings),
            block_hectares(around, blocks, settings),
        )
        few = not np.isfinite(found).all()
        results.append(_described(place, statistic, found, "few_blocks" if few else None))
    return guarded(results, places, settings)


def block_hectares(
    zone: shapely.Geometry, blocks: GeometryArray, settings: IslandSettings
) -> float:
    """Average the area of the block over a zone's land; NaN where too little lies in one."""
    within = shapely.area(shapely.intersection(blocks, zone))
    if within.sum() < settings.measured_share_min * zone.area:
        return np.nan
    return float(np.average(shapely.area(blocks), weights=within) / 1e4)


def _described(
    place: PlaceContrast, statistic: Statistic, both: tuple[float, float], reason: str | None
) -> ComponentResult:
    """Give what was found inside and in the ring; prices as a ratio, the rest as a difference."""
    inside, outside = both
    value = inside / outside if statistic.component == PRICE else inside - outside
    return ComponentResult(
        place.place_id, statistic, value if reason is None else np.nan, np.empty(0), inside,
        outside, reason=reason, basis=_basis(statistic),
    )  # fmt: skip


def _unknown(place: PlaceContrast, statistic: Statistic, reason: str) -> ComponentResult:
    return ComponentResult(
        place.place_id, statistic, np.nan, np.empty(0), reason=reason, basis=_basis(statistic)
    )


def _basis(statistic: Statistic) -> str:
    by_component = {PRICE: "points", BLOCKS: "streets", PEOPLE: "points"}
    return by_component.get(statistic.component, "areas")

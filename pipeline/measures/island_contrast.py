"""Compare what lies inside a park with what lies in its ring: amenity contrast, function mix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.settings.island import IslandSettings

from .diversity import rarefied_hill
from .island_city import Exposure
from .island_grid import BoolArray, FloatArray

AMENITY = "amenity_contrast"
MIX = "function_mix"
POOLED = "people_serving"


@dataclass(frozen=True)
class Statistic:
    """One number measured for a park and for each of its relocations."""

    component: str
    category: str
    ring_m: float
    unit: str

    @property
    def column(self) -> str:
        """Name of the statistic's column in the layer of draws."""
        return f"{self.component}__{self.category}__{self.ring_m:g}m"


@dataclass(frozen=True)
class Contrast:
    """
    Statistics of D positions with what they were made of; arrays (D, S) over `statistics`.

    `inside` and `ring` are densities per km² of land (amenities) or effective kinds (mix);
    `inside_count` and `ring_count` are facilities.
    """

    statistics: tuple[Statistic, ...]
    value: FloatArray
    inside: FloatArray
    ring: FloatArray
    inside_count: FloatArray
    ring_count: FloatArray


def density_contrast(
    inside: FloatArray,
    inside_km2: FloatArray,
    ring: FloatArray,
    ring_km2: FloatArray,
    *,
    pseudo_count: float,
) -> FloatArray:
    """
    Give log((a_I + c) / km²_I) - log((a_R + c) / km²_R).

    Parameters
    ----------
    inside, ring
        Facilities, broadcastable.
    inside_km2, ring_km2
        Land areas.
    pseudo_count
        The constant c.

    Returns
    -------
    log ratio; NaN where an area is not positive
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        value: FloatArray = (
            np.log(inside + pseudo_count)
            - np.log(inside_km2)
            - np.log(ring + pseudo_count)
            + np.log(ring_km2)
        )
    return np.where((inside_km2 > 0) & (ring_km2 > 0), value, np.nan)


def contrast(
    exposure: Exposure,
    *,
    categories: Sequence[str],
    nominal_ring_km2: FloatArray,
    settings: IslandSettings,
) -> Contrast:
    """
    Measure amenity contrast by category and pooled, and function mix, for each ring width.

    Parameters
    ----------
    exposure
        What lies inside and around, for D positions.
    categories
        Names of the exposure's categories.
    nominal_ring_km2
        Area of each ring before water and parks are taken out, shape (W,).
    settings
        The island settings.

    Returns
    -------
    statistics with NaN where a position cannot be measured: too little land in the ring, too few
    facilities, no land inside
    """
    serving = [name in settings.people_serving for name in categories]
    parts = [
        _at_width(
            exposure,
            number,
            width_m=width_m,
            categories=categories,
            serving=np.array(serving),
            settings=settings,
        )
        for number, width_m in enumerate(settings.ring_widths_m)
    ]
    statistics = tuple(statistic for part in parts for statistic in part.statistics)
    per_width = len(parts[0].statistics)
    enough = exposure.around_km2 >= settings.min_ring_land_share * nominal_ring_km2[:, None]
    enough_land = np.repeat(enough.T, per_width, axis=1) & (exposure.inside_km2[:, None] > 0)
    stacked = {
        name: np.concatenate([getattr(part, name) for part in parts], axis=1)
        for name in ("value", "inside", "ring", "inside_count", "ring_count")
    }
    stacked["value"] = np.where(enough_land, stacked["value"], np.nan)
    return Contrast(statistics, **stacked)


def _at_width(
    exposure: Exposure,
    number: int,
    *,
    width_m: float,
    categories: Sequence[str],
    serving: BoolArray,
    settings: IslandSettings,
) -> Contrast:
    inside, ring = exposure.inside, exposure.around[number]
    inside_km2, ring_km2 = exposure.inside_km2[:, None], exposure.around_km2[number][:, None]
    inside_all = np.column_stack([inside, inside[:, serving].sum(axis=1)])
    ring_all = np.column_stack([ring, ring[:, serving].sum(axis=1)])
    value = density_contrast(
        inside_all, inside_km2, ring_all, ring_km2, pseudo_count=settings.pseudo_count
    )
    tested = inside_all + ring_all >= settings.min_total_count - 1e-9
    mix_inside, mix_ring = function_mix(inside[:, serving], ring[:, serving], settings)
    with np.errstate(divide="ignore", invalid="ignore"):
        density_inside, density_ring = inside_all / inside_km2, ring_all / ring_km2
    amenity = [
        Statistic(AMENITY, name, width_m, "log ratio of facilities per km²")
        for name in (*categories, POOLED)
    ]
    return Contrast(
        (*amenity, Statistic(MIX, POOLED, width_m, "effective kinds")),
        np.column_stack([np.where(tested, value, np.nan), mix_inside - mix_ring]),
        np.column_stack([density_inside, mix_inside]),
        np.column_stack([density_ring, mix_ring]),
        np.column_stack([inside_all, inside_all[:, -1]]),
        np.column_stack([ring_all, ring_all[:, -1]]),
    )


def function_mix(
    inside: FloatArray, ring: FloatArray, settings: IslandSettings
) -> tuple[FloatArray, FloatArray]:
    """
    Give the effective kinds of function inside and in the ring, rarefied to equal counts.

    Parameters
    ----------
    inside, ring
        Facilities by kind, shape (D, kinds).
    settings
        `rarefaction_min` and `rarefaction_max` bound the equal count.

    Returns
    -------
    Hill numbers of order 1 inside and in the ring, shape (D,); NaN where either side is too poor
    """
    whole_inside, whole_ring = np.rint(inside), np.rint(ring)
    size = np.minimum(whole_inside.sum(axis=1), whole_ring.sum(axis=1)).astype(np.int64)
    size = np.minimum(size, settings.rarefaction_max)
    size = np.where(size >= settings.rarefaction_min, size, 0)
    return rarefied_hill(whole_inside, size), rarefied_hill(whole_ring, size)

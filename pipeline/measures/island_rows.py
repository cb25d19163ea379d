"""Turn what was measured for a place into rows with p values, statuses and reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import shapely

from pipeline.settings.island import IslandSettings

from .island_contrast import AMENITY, MIX, POOLED, Contrast, Statistic
from .island_null import Positions, rank, usable_draws
from .island_results import DISC_AREA_LOSS, ComponentResult, blank_row, plausible_span, tested
from .island_ring import GeometryArray, SampledFootprint


@dataclass(frozen=True)
class PlaceContrast:
    """
    What was measured for a place: exactly, by sample points in place, relocated, and plausible.

    The exact values are reported; the sampled ones are ranked among the relocations, so that
    both sides of the comparison carry the same approximation. `cell_km2` is 0 for points.
    """

    place_id: str
    park: shapely.Geometry
    footprint: SampledFootprint
    hosts: GeometryArray
    cell_km2: float
    precision_m: float
    indicative: bool
    positions: Positions
    plausible_positions: Positions | None
    exact: Contrast
    sampled: Contrast
    null: Contrast
    plausible: Contrast | None

    @property
    def overlap_share(self) -> float:
        """Share of the relocations that overlap the park itself, by discs of its area."""
        if len(self.positions) == 0:
            return 1.0
        dx, dy = self.positions.x_m - self.footprint.x_m, self.positions.y_m - self.footprint.y_m
        near = np.hypot(dx, dy) < 2 * self.footprint.equivalent_radius_m
        return float(near.mean())

    def draws(self) -> pd.DataFrame:
        """Give one row for each relocation, with shift, rotation and statistics."""
        shift = pd.DataFrame(
            {
                "place_id": self.place_id,
                "draw": np.arange(len(self.positions)),
                "x_m": self.positions.x_m,
                "y_m": self.positions.y_m,
                "dx_m": self.positions.x_m - self.footprint.x_m,
                "dy_m": self.positions.y_m - self.footprint.y_m,
                "angle_rad": self.positions.angle_rad,
            }
        )
        names = [statistic.column for statistic in self.null.statistics]
        return pd.concat([shift, pd.DataFrame(self.null.value, columns=names)], axis=1)


def guarded(
    results: Sequence[ComponentResult], places: Sequence[PlaceContrast], settings: IslandSettings
) -> list[ComponentResult]:
    """
    Withhold results that the place itself does not allow.

    A place too uncertain to tell inside from ring is not testable in any component; one without
    room to be relocated keeps its observed value and loses the test.
    """
    uncertain = {place.place_id for place in places if too_uncertain(place, settings)}
    crowded = {p.place_id for p in places if p.overlap_share > settings.max_overlap_share}
    kept = []
    for result in results:
        if result.place_id in uncertain:
            kept.append(replace(result, reason=result.reason or "position"))
        elif result.place_id in crowded:
            kept.append(replace(result, null=np.empty(0)))
        else:
            kept.append(result)
    return kept


def too_uncertain(place: PlaceContrast, settings: IslandSettings) -> bool:
    """Tell whether a place is known less well than its ring and footprint are wide."""
    return place.indicative and out_of_reach(place.footprint, place.precision_m, settings)


def out_of_reach(footprint: SampledFootprint, precision_m: float, settings: IslandSettings) -> bool:
    """Tell whether a position may be off by more than the ring and the footprint's diameter."""
    return precision_m > settings.ring_m + 2 * footprint.equivalent_radius_m


def unmeasured_rows(
    place_id: str, categories: Sequence[str], settings: IslandSettings, reason: str
) -> list[dict[str, Any]]:
    """Give the rows of a place that cannot be measured at all, each with status and reason."""
    keys = [(AMENITY, name) for name in (*categories, POOLED)] + [(MIX, POOLED)]
    return [
        blank_row(place_id, Statistic(component, category, width_m, ""), settings, reason)
        for component, category in keys
        for width_m in settings.ring_widths_m
    ]


def place_rows(place: PlaceContrast, settings: IslandSettings) -> list[dict[str, Any]]:
    """
    Give one row for each statistic of a place.

    Parameters
    ----------
    place
        What was measured.
    settings
        The island settings.

    Returns
    -------
    rows with `status` `ok` where tested, else a reason in both languages; where only the test is
    impossible the observed value stays
    """
    reasons = place_reasons(place, settings)
    ranked = rank(place.sampled.value[0], place.null.value)
    span = _plausible_span(place)
    rows = []
    for number, statistic in enumerate(place.exact.statistics):
        reason = reasons[number]
        row = blank_row(place.place_id, statistic, settings, reason)
        if reason in {None, "few_draws"}:
            row |= _observed(place, number)
        if reason is None:
            row |= tested(row["observed"], statistic, ranked, number)
            row |= {name: values[number] for name, values in span.items()}
        rows.append(row)
    return rows


def place_reasons(place: PlaceContrast, settings: IslandSettings) -> list[str | None]:
    """Say for each statistic of a place why it is not tested, None where it is."""
    whole = _whole_place_reason(place, settings)
    valid = usable_draws(place.null.value)
    return [
        whole or _statistic_reason(place, number, int(valid[number]), settings)
        for number in range(len(place.exact.statistics))
    ]


def _whole_place_reason(place: PlaceContrast, settings: IslandSettings) -> str | None:
    if too_uncertain(place, settings):
        return "position"
    if place.footprint.inside_km2 < settings.min_cells_inside * place.cell_km2 * (
        1 - DISC_AREA_LOSS
    ):
        return "below_cells"
    return None


def _statistic_reason(
    place: PlaceContrast, number: int, valid: int, settings: IslandSettings
) -> str | None:
    exact, sampled = place.exact, place.sampled
    if np.isnan(exact.value[0, number]) or np.isnan(sampled.value[0, number]):
        total = exact.inside_count[0, number] + exact.ring_count[0, number]
        few = total < settings.min_total_count or exact.statistics[number].component == MIX
        return "few_facilities" if few else "little_ring"
    if place.overlap_share > settings.max_overlap_share:
        return "few_draws"
    return "few_draws" if valid < settings.min_valid_draws else None


def _observed(place: PlaceContrast, number: int) -> dict[str, Any]:
    exact = place.exact
    return {
        "inside": exact.inside[0, number],
        "ring": exact.ring[0, number],
        "inside_count": exact.inside_count[0, number],
        "ring_count": exact.ring_count[0, number],
        "observed": exact.value[0, number],
    }


def _plausible_span(place: PlaceContrast) -> dict[str, Any]:
    if place.plausible is None:
        return {}
    values = place.plausible.value
    spans = [
        plausible_span(statistic, values[:, number], place.null.value[:, number])
        for number, statistic in enumerate(place.null.statistics)
    ]
    return {name: [span[name] for span in spans] for name in spans[0]}

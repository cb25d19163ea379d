"""Sum a profile up: normal scores, pooled test, donors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri

from pipeline.settings.island import IslandSettings

from .island_barriers import ALL, BARRIERS
from .island_contrast import AMENITY, MIX, POOLED, Statistic
from .island_grid import FloatArray
from .island_results import ISLAND_SIDE, ComponentResult, island_p
from .island_rows import PlaceContrast, place_reasons

# The two meanings of island stay apart; access gaps of several services count as one component.
THEMES: Mapping[str, tuple[str, ...]] = {
    "contrast": (AMENITY, MIX),
    "separation": ("porosity", "circumvention", "access_gap", BARRIERS),
}


@dataclass(frozen=True)
class Scored:
    """
    Normal scores of one place and theme: observed, and of each relocation (D,).

    `parts` holds the observed score of each component that could be measured; `plausible` the
    score of each plausible footprint (K,), None where the boundary is certain.
    """

    place_id: str
    theme: str
    score: float
    null: FloatArray
    parts: Mapping[str, float]
    plausible: FloatArray | None = None

    @property
    def interval(self) -> tuple[float, float]:
        """Give 5 and 95 % bounds over plausible footprints; NaN where the boundary is certain."""
        if self.plausible is None or not np.isfinite(self.plausible).any():
            return np.nan, np.nan
        low, high = np.nanquantile(self.plausible, [0.05, 0.95])
        return float(low), float(high)

    @property
    def p_plausible(self) -> FloatArray | None:
        """
        Give the p of each plausible footprint, NaN where it cannot be scored.

        None where the boundary is certain; `island_results.claimed` makes a claim of it.
        """
        if self.plausible is None or not np.isfinite(self.plausible).any():
            return None
        return island_p(self.plausible, self.null, side="high")

    @property
    def p(self) -> float:
        """Share of relocations, with the observed one, that score at least as high."""
        valid = self.null[np.isfinite(self.null)]
        return float((1 + (valid >= self.score - 1e-9).sum()) / (len(valid) + 1))


def contrast_results(
    places: Sequence[PlaceContrast], *, ring_m: float, settings: IslandSettings
) -> list[ComponentResult]:
    """
    Give the scored contrast components of places, at one ring width.

    Parameters
    ----------
    places
        Measured places.
    ring_m
        One of the ring widths measured.
    settings
        The island settings.

    Returns
    -------
    the pooled amenity contrast and the function mix of each place
    """
    results = []
    for place in places:
        reasons = place_reasons(place, settings)
        for number, statistic in enumerate(place.sampled.statistics):
            if statistic.category != POOLED or statistic.ring_m != ring_m:
                continue
            plausible = place.plausible
            results.append(
                ComponentResult(
                    place.place_id, statistic, float(place.sampled.value[0, number]),
                    place.null.value[:, number], reason=reasons[number],
                    plausible=None if plausible is None else plausible.value[:, number],
                )
            )  # fmt: skip
    return results


def score(
    results: Sequence[ComponentResult],
    *,
    settings: IslandSettings,
    known: dict[int, Normal | None] | None = None,
) -> list[Scored]:
    """
    Average the normal scores of one-sided percentiles, for each place and theme.

    The percentile of a place among its relocations (mid-rank) is turned into a standard normal
    score, high where the place is island-like; the components of a theme are averaged with equal
    weights. The relocations are scored the same way among themselves, which gives the score its
    own null distribution. Components that cannot be measured are left out, never zero.

    Parameters
    ----------
    results
        Measured components of all places.
    settings
        The island settings.
    known
        Normal scores by the identity of a result, to read and to fill: several ways of scoring
        share most of their results, which have to stay alive meanwhile.

    Returns
    -------
    one entry for each place and theme with at least one measured component
    """
    known = {} if known is None else known
    by_place: dict[tuple[str, str], dict[str, list[Normal]]] = {}
    for result in results:
        theme = theme_of(result.statistic.component)
        if theme is None or not is_scored(result.statistic):
            continue
        if id(result) not in known:
            known[id(result)] = normal_scores(result, settings)
        scores = known[id(result)]
        if scores is None:
            continue
        parts = by_place.setdefault((result.place_id, theme), defaultdict(list))
        parts[result.statistic.component].append(scores)
    return [
        _averaged(place_id, theme, parts) for (place_id, theme), parts in sorted(by_place.items())
    ]


def theme_of(component: str) -> str | None:
    """Name the theme of a component; None for context, which is not scored."""
    return next((theme for theme, names in THEMES.items() if component in names), None)


def is_scored(statistic: Statistic) -> bool:
    """Tell whether a statistic is part of a score; single kinds of barrier only explain one."""
    single = statistic.component == BARRIERS and statistic.category != ALL
    return theme_of(statistic.component) is not None and not single


@dataclass(frozen=True)
class Normal:
    """Normal scores of one statistic: observed, relocated (D,), over plausible footprints (K,)."""

    observed: float
    null: FloatArray
    plausible: FloatArray | None


def _averaged(place_id: str, theme: str, parts: Mapping[str, list[Normal]]) -> Scored:
    observed = {
        name: float(np.mean([one.observed for one in each])) for name, each in parts.items()
    }
    null = _mean_of_means([[one.null for one in each] for each in parts.values()])
    drawn = [
        [one.plausible for one in each if one.plausible is not None] for each in parts.values()
    ]
    complete = all(len(each) == len(part) for each, part in zip(drawn, parts.values(), strict=True))
    plausible = _mean_of_means(drawn) if complete else None
    score_ = float(np.mean(list(observed.values())))
    return Scored(place_id, theme, score_, null, observed, plausible)


def _mean_of_means(parts: Sequence[Sequence[FloatArray]]) -> FloatArray:
    """Average arrays within each part and then over the parts, as far as the shortest goes."""
    shortest = min(len(array) for part in parts for array in part)
    means = [np.mean([array[:shortest] for array in part], axis=0) for part in parts]
    return np.asarray(np.mean(means, axis=0))


def normal_scores(result: ComponentResult, settings: IslandSettings) -> Normal | None:
    """
    Turn one statistic and its relocations into normal scores, high where island-like.

    Returns
    -------
    scores (NaN where a relocation or plausible footprint has no value); None where the statistic
    is not measured or has too few relocations
    """
    exists = np.isfinite(result.null)
    enough = exists.sum() >= settings.min_valid_draws
    if result.reason is not None or not np.isfinite(result.observed) or not enough:
        return None
    sign = 1.0 if ISLAND_SIDE[result.statistic.component] == "high" else -1.0
    either = result.statistic.component == AMENITY and settings.contrast_direction == "either"
    middle = float(np.median(sign * result.null[exists]))

    def directed(values: FloatArray) -> FloatArray:
        toward = sign * values
        return np.round(np.abs(toward - middle) if either else toward, 9)

    values = directed(np.append(result.observed, result.null[exists]))
    # Ties share their mean rank, so that a tied park scores neither high nor low.
    ordered = np.sort(values)
    ranks = np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")
    scores = ndtri(ranks / 2 / len(values))
    null = np.full(len(result.null), np.nan)
    null[exists] = scores[1:]
    plausible = None
    if result.plausible is not None:
        plausible = _among(directed(result.plausible), np.sort(values[1:]))
    return Normal(float(scores[0]), null, plausible)


def _among(values: FloatArray, ordered: FloatArray) -> FloatArray:
    """Give the normal score of each value among ordered relocations, ties by mean rank."""
    below = np.searchsorted(ordered, values, side="left")
    up_to = np.searchsorted(ordered, values, side="right")
    share = ((below + up_to) / 2 + 0.5) / (len(ordered) + 1)
    return np.where(np.isfinite(values), ndtri(share), np.nan)


@dataclass(frozen=True)
class Pooled:
    """The test of all parks together: mean score, its null range, p, and how many parks."""

    theme: str
    mean_score: float
    null_low: float
    null_high: float
    p: float
    places: int


def pooled(scored: Sequence[Scored], *, theme: str) -> Pooled | None:
    """
    Test whether parks are island-like on the whole.

    The mean score of all parks is ranked among the means of their relocations, one draw of each
    park at a time. Many weak effects show here that no single park can show.

    Returns
    -------
    the test; None where no place has the theme
    """
    chosen = [item for item in scored if item.theme == theme]
    if not chosen:
        return None
    shortest = min(len(item.null) for item in chosen)
    drawn = np.array([item.null[:shortest] for item in chosen])
    complete = np.isfinite(drawn).any(axis=0)
    null = np.nanmean(drawn[:, complete], axis=0)
    observed = float(np.mean([item.score for item in chosen]))
    p = float((1 + (null >= observed - 1e-9).sum()) / (len(null) + 1))
    low, high = np.quantile(null, [0.05, 0.95])
    return Pooled(theme, observed, float(low), float(high), p, len(chosen))


def among_donors(scored: Sequence[Scored], donors: Sequence[Scored]) -> pd.DataFrame:
    """
    Compare parks with ordinary industrial land measured the same way.

    Donors share how boundaries are drawn (along streets, not across blocks), which relocations
    do not.

    Parameters
    ----------
    scored, donors
        Scores of parks and donors.

    Returns
    -------
    frame
        `place_id`, `theme`, `part` (a component, or `score`), `more_than` (donors it is more
        island-like than), `donors` (donors with that part).
    """
    rows = []
    for item in scored:
        for part, own in {"score": item.score, **item.parts}.items():
            others = [
                other.score if part == "score" else other.parts[part]
                for other in donors
                if other.theme == item.theme and (part == "score" or part in other.parts)
            ]
            more = int(sum(own > other for other in others))
            rows.append((item.place_id, item.theme, part, more, len(others)))
    return pd.DataFrame(rows, columns=["place_id", "theme", "part", "more_than", "donors"])

"""Rank places by score, and tell how far a rank moves with the choices behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from pipeline.settings.island import IslandSettings

from .island_grid import FloatArray
from .island_results import ComponentResult
from .island_score import THEMES, Normal, Scored, is_scored, score


def rank_table(scored: Sequence[Scored]) -> pd.DataFrame:
    """
    Rank places by score, 1 the most island-like, each theme by itself.

    Returns
    -------
    frame
        `place_id`, `theme`, `score`, `low`, `high` (over plausible footprints: the score is that
        of the recorded one and may lie outside), `p_plausible` (of each of them; `claimed` makes
        `claim_share` of it and fills `verdict`), `p`,
        `p_adjusted` (Benjamini-Hochberg across the places of the theme), `components`
        (measured), `of`, `rank`, `ranked` (places ranked).
    """
    columns = [
        "place_id", "theme", "score", "low", "high", "p_plausible", "verdict", "p",
        "components", "of",
    ]  # fmt: skip
    table = pd.DataFrame(
        [
            (
                one.place_id, one.theme, one.score, *one.interval, one.p_plausible, None, one.p,
                len(one.parts), len(THEMES[one.theme]),
            )
            for one in scored
        ],
        columns=columns,
    )  # fmt: skip
    by_theme = table.groupby("theme")
    table["p_adjusted"] = by_theme["p"].transform(lambda p: adjusted(p.to_numpy()))
    table["rank"] = by_theme["score"].rank(ascending=False, method="min").astype(int)
    table["ranked"] = by_theme["place_id"].transform("size")
    return table


def adjusted(p: FloatArray) -> FloatArray:
    """
    Control the false discovery rate over several tests: Benjamini and Hochberg (1995).

    Returns
    -------
    the least rate at which each test would be rejected; NaN where there is no p
    """
    result = np.full(len(p), np.nan)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known])]
    stepped = p[order] * len(order) / np.arange(1, len(order) + 1)
    # A test is rejected whenever one with a larger p is.
    result[order] = np.minimum.accumulate(stepped[::-1])[::-1]
    return result


def at_width(
    results: Sequence[ComponentResult], *, ring_m: float, settings: IslandSettings
) -> list[ComponentResult]:
    """
    Take the results at one ring width, and those of the main ring that know no other.

    Parameters
    ----------
    results
        Measured components, some of them at several ring widths.
    ring_m
        One of the ring widths.
    settings
        The island settings.
    """
    wide = {_what(one) for one in results if one.statistic.ring_m == ring_m}
    return [
        one
        for one in results
        if one.statistic.ring_m == ring_m
        or (one.statistic.ring_m == settings.ring_m and _what(one) not in wide)
    ]


def at_speed(results: Sequence[ComponentResult], *, factor: float) -> list[ComponentResult]:
    """
    Change walking minutes as another walking speed would; `factor` is old over new speed.

    All minutes of a gap on foot change alike, in place and relocated, so that its p stays.
    """
    return [
        replace(
            one, observed=one.observed * factor, null=one.null * factor,
            plausible=None if one.plausible is None else one.plausible * factor,
        )
        if one.statistic.unit == "min"
        else one
        for one in results
    ]  # fmt: skip


def _what(result: ComponentResult) -> tuple[str, str, str]:
    return result.place_id, result.statistic.component, result.statistic.category


def variants(
    results: Mapping[str, Sequence[ComponentResult]], *, base: str
) -> dict[str, list[ComponentResult]]:
    """
    List the ways of scoring that rank stability compares.

    Parameters
    ----------
    results
        Measured components by choice of ring width or walking speed, the default one among them.
    base
        Name of the default.

    Returns
    -------
    every choice given, and the default with each component, and each service of the access gap,
    left out in turn
    """
    ways = {name: list(part) for name, part in results.items()}
    usual = results[base]
    scored = [one.statistic for one in usual if is_scored(one.statistic)]
    for component in sorted({statistic.component for statistic in scored}):
        ways[f"without {component}"] = [
            one for one in usual if one.statistic.component != component
        ]
        parts = {one.category for one in scored if one.component == component}
        for category in sorted(parts) if len(parts) > 1 else ():
            ways[f"without {component} {category}"] = [
                one
                for one in usual
                if (one.statistic.component, one.statistic.category) != (component, category)
            ]
    return ways


def rank_ranges(
    results: Mapping[str, Sequence[ComponentResult]], *, base: str, settings: IslandSettings
) -> pd.DataFrame:
    """
    Tell how far a place's rank moves with the choices behind it.

    Parameters
    ----------
    results
        Measured components by choice; see `variants`.
    base
        Name of the default choice.
    settings
        The island settings.

    Returns
    -------
    the default's `rank_table` with `rank_low`, `rank_high` and `choices` (in how many of the
    choices the place could be ranked); every choice ranks the default's places only
    """
    known: dict[int, Normal | None] = {}
    scored = {
        name: score(part, settings=settings, known=known)
        for name, part in variants(results, base=base).items()
    }
    ranked = {(item.place_id, item.theme) for item in scored[base]}
    tables = {
        name: rank_table([item for item in items if (item.place_id, item.theme) in ranked])
        for name, items in scored.items()
    }
    every = pd.concat(tables.values()).groupby(["place_id", "theme"])["rank"]
    spread = every.agg(rank_low="min", rank_high="max", choices="size").reset_index()
    return tables[base].merge(spread, on=["place_id", "theme"], how="left")

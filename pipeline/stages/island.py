"""Measure the island effect: contrast on gridded counts, separation where streets are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import geopandas as gpd
import numpy as np
import pandas as pd

from pipeline.measures.island_barriers import BARRIERS, barrier_results
from pipeline.measures.island_context import (
    block_results,
    cover_results,
    people_results,
    price_results,
)
from pipeline.measures.island_contrast import Statistic
from pipeline.measures.island_places import IslandContrast, measure_contrast, measure_donors
from pipeline.measures.island_ranks import at_speed, at_width, rank_ranges
from pipeline.measures.island_results import ComponentResult, claimed, component_row
from pipeline.measures.island_rows import PlaceContrast
from pipeline.measures.island_score import contrast_results, pooled, score
from pipeline.network.separation import (
    CIRCUMVENTION,
    POROSITY,
    Separation,
    absent,
    separation_results,
    unmeasured,
)
from pipeline.network.separation_gaps import (
    ACCESS,
    best_access,
    estimated_access,
    untested,
)
from pipeline.network.separation_openings import gate_table
from pipeline.publish.island_profile import profile_svg
from pipeline.settings.island import IslandSettings
from pipeline.spreadsheet import without_formulas
from pipeline.stages.context import StageContext
from pipeline.stages.island_scene import SERVICES, Scene, read_scene
from pipeline.stages.island_tables import (
    comparison,
    donor_table,
    draws_layer,
    score_reasons,
    with_caveats,
)

THEMES = ("contrast", "separation")
MEASURED = ("tested", "scored", "draws", "reasons", "pooled", "donors", "gates")
CLAIMED_BY = ("alpha", "robust_share", "likely_share")
MEASURED_BY = (
    "study.crs",
    "study.seed",
    "study.centre_lon",
    "study.centre_lat",
    "sources.cells.cell_m",
    "sources.osm_mapping",
    "network",
)
COMPARISON = "outputs:tables/island_comparison.csv"


def run(context: StageContext) -> None:
    """Write the island table and all that explains it, and one profile figure per place.

    How many plausible positions support a claim is said in a part of its own: another level of
    significance draws nothing again.
    """
    fields = [f"island.{name}" for name in IslandSettings.model_fields if name not in CLAIMED_BY]
    context.part("measures", partial(_measure, context), set_by=(*MEASURED_BY, *fields))
    claims = [f"island.{name}" for name in CLAIMED_BY]
    context.part("claims", partial(_claims, context), set_by=("study.crs", *claims))


def _measure(context: StageContext) -> None:
    places = context.layer("ingest", "places.parquet")
    cells = context.layer("ingest", "cells.parquet")
    if cells.empty:
        _nothing(context)
        return
    settings: IslandSettings = context.settings("island")
    scene = read_scene(context, cells)
    contrast = measure_contrast(
        places,
        grid=scene.grid,
        facilities=scene.facilities,
        land_share=scene.land,
        eligible=scene.eligible,
        density=scene.density,
        centre_xy_m=scene.centre_xy_m,
        settings=settings,
    )
    donors = _donors(scene, contrast, settings)
    measured = _separation(context, scene, contrast, donors)
    own = {place.place_id for place in contrast.places}
    apart = [one for one in measured if one.place_id in own]
    without = places.loc[~places["place_id"].isin(own), "place_id"]
    kinds = [(BARRIERS, kind) for kind in ("all", *settings.barrier_kinds)]
    apart += _context(scene, contrast.places, settings)
    apart += _unreached(scene, contrast.places, settings)
    apart += absent(without, SERVICES, kinds, settings)
    table = _table(contrast, apart, settings)
    walk_m_min = context.settings("network").walk_speed_m_min
    ways = _ways(contrast.places, apart, settings, walk_m_min=walk_m_min)
    ranks = rank_ranges(ways, base=_label(settings.ring_m), settings=settings)
    context.put("tested.parquet", table)
    context.put("draws.parquet", draws_layer(contrast, apart, crs=context.crs))
    context.put("scored.parquet", ranks)
    base = ways[_label(settings.ring_m)]
    twins = set(places.loc[places["same_site_as"].notna(), "place_id"])
    context.put("pooled.parquet", with_caveats(_pooled(base, twins, settings)))
    beside = [
        *contrast_results(donors, ring_m=settings.ring_m, settings=settings),
        *(
            one
            for one in at_width(measured, ring_m=settings.ring_m, settings=settings)
            if one.place_id not in own
        ),
    ]
    scores = [score(part, settings=settings) for part in (base, beside)]
    reasons = score_reasons(table, {(one.place_id, one.theme) for one in scores[0]})
    context.put("reasons.parquet", reasons)
    context.put("donors.parquet", with_caveats(donor_table(reasons, *scores)))
    context.put("gates.parquet", _gates(context, scene, contrast.places))


def _nothing(context: StageContext) -> None:
    context.log.info("no cells: the island effect is not measured")
    empty = pd.DataFrame({"place_id": pd.Series(dtype="str")})
    for name in MEASURED:
        context.put(f"{name}.parquet", empty)


def _claims(context: StageContext) -> None:
    """Say of every test how many plausible positions support it, and draw the profiles."""
    places = context.layer("ingest", "places.parquet")
    tested, scored = (context.frame("island", f"{name}.parquet") for name in MEASURED[:2])
    if tested.empty:
        told = tested, scored, tested
    else:
        settings: IslandSettings = context.settings("island")
        table, ranks = (claimed(one, settings) for one in (tested, scored))
        reasons = context.frame("island", "reasons.parquet")
        told = table, with_caveats(ranks), comparison(places, table, ranks, reasons)
        _profiles(context, places, table[table["main_ring"]], ranks)
    for name, frame in zip(("island", "ranks", "comparison"), told, strict=True):
        context.put(f"{name}.parquet", frame)
    with context.writing(COMPARISON) as target:
        without_formulas(told[-1]).to_csv(target, index=False, encoding="utf-8-sig")


def _donors(
    scene: Scene, contrast: IslandContrast, settings: IslandSettings
) -> tuple[PlaceContrast, ...]:
    """Measure ordinary industrial land in the places' own city, where any is mapped."""
    parks = np.array([place.park for place in contrast.places], dtype=object)
    chosen = scene.donors(parks, settings)
    if chosen is None:
        return ()
    return measure_donors(
        chosen, contrast.city, parks=parks, density=scene.density, settings=settings
    )


def _separation(
    context: StageContext,
    scene: Scene,
    contrast: IslandContrast,
    donors: Sequence[PlaceContrast],
) -> list[ComponentResult]:
    """Measure separation on the walking streets, and access from straight lines elsewhere."""
    network, settings = context.settings("network"), context.settings("island")
    everybody = [*contrast.places, *donors]
    estimated = partial(
        estimated_access,
        city=contrast.city,
        facilities_xy_m=scene.entrances,
        detour_factor=network.detour_factor,
        walk_m_min=network.walk_speed_m_min,
        settings=settings,
    )
    barred = barrier_results(
        everybody, scene.barriers(settings), contrast.city.grid, settings=settings
    )
    if scene.streets is None:
        blind = unmeasured(everybody, "no_street_data", (POROSITY, CIRCUMVENTION), settings)
        return [*estimated(everybody), *blind, *barred]
    measured = separation_results(
        everybody,
        contrast.city,
        scene.streets,
        facilities_xy_m=scene.entrances,
        snap_m=network.snap_max_m,
        walk_m_min=network.walk_speed_m_min,
        settings=settings,
    )
    _tell_of_parts(context, measured)
    estimates = estimated(untested(everybody, measured.results, settings))
    return [*best_access(measured.results, estimates, settings), *barred]


def _tell_of_parts(context: StageContext, measured: Separation) -> None:
    """Say that the ways between all pairs of boundary points at once would have been too many."""
    if measured.parts <= 1:
        return
    context.notice(
        f"绕行要比较 {measured.pairs:,} 对边界点，一次计算约需 {measured.need_mb:,.0f} MB："
        f"已按邻近分 {measured.parts} 批搜索；结果不变",
        f"{measured.pairs:,} pairs of boundary points would need about {measured.need_mb:,.0f} MB "
        f"at once: their ways were searched in {measured.parts} parts of neighbours, with the "
        "same results",
    )


def _context(
    scene: Scene, places: Sequence[PlaceContrast], settings: IslandSettings
) -> list[ComponentResult]:
    """Describe what stands inside and around, which is shown and never scored."""
    results = cover_results(places, scene.covers(settings), settings=settings)
    results += price_results(places, *scene.prices, settings=settings)
    results += people_results(places, *scene.people, settings=settings)
    if scene.streets is not None:
        public = scene.streets.lines[~scene.streets.interior]
        results += block_results(places, public, settings=settings)
    return results


def _unreached(
    scene: Scene, places: Sequence[PlaceContrast], settings: IslandSettings
) -> list[ComponentResult]:
    """Name the services that the study knows no facility of."""
    missing = [service for service in SERVICES if service not in scene.entrances]
    return [
        ComponentResult(
            place.place_id, Statistic(ACCESS, service, width_m, "min"), np.nan, np.empty(0),
            reason="no_facilities",
        )
        for place in places
        for service in missing
        for width_m in settings.ring_widths_m
    ]  # fmt: skip


def _table(
    contrast: IslandContrast, apart: Sequence[ComponentResult], settings: IslandSettings
) -> pd.DataFrame:
    extra = pd.DataFrame([component_row(result, settings) for result in apart])
    table = pd.concat([contrast.table, extra], ignore_index=True) if apart else contrast.table
    order = ["place_id", "component", "category", "ring_m"]
    return table.sort_values(order, ignore_index=True)


def _ways(
    places: Sequence[PlaceContrast],
    apart: Sequence[ComponentResult],
    settings: IslandSettings,
    *,
    walk_m_min: float,
) -> Mapping[str, list[ComponentResult]]:
    """List the components to score at each ring width, and at other walking speeds."""
    ways = {
        _label(width): [
            *contrast_results(places, ring_m=width, settings=settings),
            *at_width(apart, ring_m=width, settings=settings),
        ]
        for width in (settings.ring_m, *settings.ring_sensitivity_m)
    }
    usual = ways[_label(settings.ring_m)]
    others = [speed for speed in settings.walking_speeds_m_min if speed != walk_m_min]
    return ways | {
        f"{speed:g} m/min": at_speed(usual, factor=walk_m_min / speed) for speed in others
    }


def _label(ring_m: float) -> str:
    return f"ring {ring_m:g} m"


def _pooled(
    results: Sequence[ComponentResult], twins: set[str], settings: IslandSettings
) -> pd.DataFrame:
    """Test all places together; of places on one site only the first, as they are one witness."""
    scored = score([one for one in results if one.place_id not in twins], settings=settings)
    tests = [test for theme in THEMES if (test := pooled(scored, theme=theme)) is not None]
    return pd.DataFrame([vars(test) for test in tests])


def _gates(
    context: StageContext, scene: Scene, places: Sequence[PlaceContrast]
) -> gpd.GeoDataFrame:
    network = context.settings("network")
    return gate_table(
        places,
        scene.streets,
        facilities_xy_m=scene.entrances,
        snap_m=network.snap_max_m,
        walk_m_min=network.walk_speed_m_min,
        crs=context.crs,
        settings=context.settings("island"),
    )


def _profiles(
    context: StageContext, places: gpd.GeoDataFrame, rows: pd.DataFrame, ranks: pd.DataFrame
) -> None:
    """Draw one profile for each place with a footprint."""
    names = places[places["boundary_class"].ne("none")].set_index("place_id")
    by_place = dict(list(rows.groupby("place_id")))
    for place_id, place in names[["name_zh", "name_en"]].iterrows():
        figure = profile_svg(
            name_zh=str(place["name_zh"]),
            name_en=str(place["name_en"]),
            rows=by_place[place_id],
            ranks=ranks[ranks["place_id"].eq(place_id)],
            categories={},
        )
        with context.writing(f"outputs:figures/island/{place_id}.svg") as target:
            target.write_text(figure, encoding="utf-8")

"""The body of the stages that measure access to facilities of one service."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from pipeline.freeing import keep_memory_at_hand
from pipeline.measures.access_pairs import FloatArray
from pipeline.measures.access_rows import (
    Measured,
    draws_of_needs,
    judged,
    long_table,
    none_in_city,
    without_unfit,
)
from pipeline.measures.inequality import INEQUALITY_COLUMNS, spread_among_people
from pipeline.measures.people import KINDS
from pipeline.network.place_access import PlaceAccess, Streets
from pipeline.network.place_basic import radius_share
from pipeline.network.place_catalogue import Catalogue, catalogue_of
from pipeline.network.place_kernels import PairRules
from pipeline.network.place_people import Dwellers, dwellers_of
from pipeline.network.place_rail import RailAccess, measured_walks, rail_access
from pipeline.network.place_runs import RAIL_WALK, Service
from pipeline.network.place_services import ServiceAccess, measure_service
from pipeline.settings.access import ServiceSettings
from pipeline.stages.context import StageContext
from pipeline.stages.place_tables import (
    DRAWING,
    StreetsInTurn,
    demands_of,
    judging_of,
    measures_asked,
    nearest_named,
    needs_of,
    of_variant,
    place_access,
    rail_network,
    sampling_of,
    snapshot_of,
)

if TYPE_CHECKING:
    import geopandas as gpd


def measured_and_judged(
    context: StageContext, service: str, write: Callable[[], None], *, set_by: Sequence[str]
) -> None:
    """Measure a service, then hold the measures against its needs, as two parts of the stage.

    A changed threshold so moves findings, and nothing that was measured.

    Parameters
    ----------
    context
        Of the stage of the service.
    service
        As named in the needs.
    write
        Writes `measured.parquet`, `draws.parquet` and what else the stage promises.
    set_by
        The settings of `write` beside those of the places' draws and of what needs are about.
    """
    needs = f"gaps.needs[service={service}]"
    asked = [f"{needs}.{name}" for name in ("service", "variant", "mode", "measure")]
    context.part("measures", write, set_by=(*set_by, *DRAWING, *asked))
    shares = ("uncertainty.robust_share", "uncertainty.likely_share")
    findings = partial(write_findings, context, service)
    context.part("findings", findings, set_by=(needs, *shares))


def write_measures(
    context: StageContext,
    service: str,
    role: str,
    settings: ServiceSettings,
    *,
    by_admission: Sequence[str],
    screen_radius_m: float | None,
    radii_m: Mapping[str, float],
) -> None:
    """Write `measured.parquet`, `draws.parquet`, `inequality.parquet`, `nearest.parquet`.

    A variant that no facility of the study carries is written with status `no_data`: not knowing
    where such facilities are is not the same as there being none. `radii_m` are service radii by
    level; a variant is of the level that its name holds (`primary_public`), or of none.
    """
    keep_memory_at_hand()
    facilities = context.layer("ingest", "facilities.parquet")
    chosen = facilities[facilities["service"].eq(service) & facilities["status"].eq("operating")]
    access = place_access(context)

    def listed(whom: pd.DataFrame) -> Catalogue:
        return catalogue_of(
            chosen,
            whom,
            variants=settings.variants,
            by_admission=[name for name in by_admission if name in settings.variants],
            default_supply=settings.default_supply,
        )

    catalogue = listed(access.places)
    rules = PairRules(
        thresholds_min=settings.thresholds_min,
        catchment_min=settings.catchment_min,
        stepwise=settings.stepwise,
        impedance=settings.impedance,
        search_limit_min=settings.search_limit_min,
        screen_radius_m=screen_radius_m,
    )
    streets = StreetsInTurn(context, [mode for mode in settings.modes if mode != "rail_walk"])
    by_rail = RAIL_WALK in settings.modes
    rail = _rail(context, access, catalogue, streets, settings) if by_rail else None
    people = context.layer("ingest", "residents.parquet")
    districts = context.layer("ingest", "districts.parquet")
    dwellers = [
        replace(
            whom,
            counted=listed(whom.homes).counted,
            rail=_from(context, whom, rail, streets, settings),
        )
        for kind in KINDS
        if (whom := dwellers_of(people, districts, access, kind=kind)) is not None
    ]
    demands = demands_of(access.places, assumed_area_km2=access.uncertainty.assumed_area_km2)
    result = measure_service(
        access,
        Service(service, snapshot_of(context, role), catalogue, rules, demands),
        streets,
        rail,
        dwellers,
    )
    _tell_of_runs(context, result)
    found = list(result.found)
    for variant, radius_m in _radii(settings.variants, radii_m).items():
        share = radius_share(access, of_variant(facilities, service, variant), radius_m)
        found.append(
            Measured(
                service, variant, "straight_line", f"share_area_euclid_{radius_m:g}m", "share",
                share, None, snapshot_of(context, role),
            )
        )  # fmt: skip
    write_rows(context, access, service, found, unfit=_unfit(access, service))
    context.put("inequality.parquet", _inequality(context, service, dwellers, result.city))
    names = [
        nearest_named(access.places, of_variant(facilities, service, variant), "campus_id").assign(
            variant=variant
        )
        for variant in settings.variants
    ]
    context.put("nearest.parquet", pd.concat(names, ignore_index=True).assign(service=service))
    empty = [v for v in settings.variants if of_variant(facilities, service, v).empty]
    _tell_of_missing(context, service, facilities, settings.variants)
    context.log.info(
        "measured %d places to %d campuses, %d of %d variants; no facilities known for: %s",
        len(access.places),
        len(catalogue.campuses),
        len(settings.variants) - len(empty),
        len(settings.variants),
        ", ".join(empty) or "none",
    )


def _radii(variants: Sequence[str], radii_m: Mapping[str, float]) -> dict[str, float]:
    """Give the service radius of each variant whose name holds a level with one."""
    return {
        variant: radius_m
        for variant in variants
        for level, radius_m in radii_m.items()
        if level in variant.split("_")
    }


def _tell_of_missing(
    context: StageContext, service: str, facilities: gpd.GeoDataFrame, variants: Sequence[str]
) -> None:
    """Say of which variants the needs ask for no facility is known: their gaps are null."""
    asked = dict.fromkeys(variant for _, variant, _, _ in measures_asked(context, service))
    lacking = [
        variant
        for variant in asked
        if variant not in variants or of_variant(facilities, service, variant).empty
    ]
    if not lacking:
        return
    flags = [str(name).removeprefix("v_") for name in facilities if str(name).startswith("v_")]
    held = [variant for variant in flags if len(of_variant(facilities, service, variant))]
    section = {"hospital": "hospitals", "school": "schools"}[service]
    grades_zh, grades_en = (
        ("、由 inputs.hospital_grades 按等级得出", ", derive them by inputs.hospital_grades")
        if service == "hospital"
        else ("", "")
    )
    context.notice(
        f"gaps.needs 所问口径 {'、'.join(lacking)} 没有已知设施：其缺口与综合缺口为“无数据”。"
        f"inputs.{section} 现有口径：{'、'.join(held) or '无'}；可加 v_<口径> 列{grades_zh}，"
        f"或改 {section}.variants 与 gaps.needs",
        f"no facility of {', '.join(lacking)} is known, which gaps.needs asks for: these gaps and "
        f"the composite have no data. inputs.{section} holds: {', '.join(held) or 'nothing'}; add "
        f"columns v_<variant>{grades_en}, or change {section}.variants and gaps.needs",
    )


def _tell_of_runs(context: StageContext, result: ServiceAccess) -> None:
    """Say that minutes to all campuses at once would not have fitted the memory."""
    if result.runs == 1:
        return
    most_mb = context.settings("network").matrix_memory_mb
    context.notice(
        f"到各院区（校区）的时间矩阵约需 {result.need_mb:,.0f} MB，超过 network.matrix_memory_mb"
        f"（{most_mb:,.0f} MB），已分 {result.runs} 批计算；结果不变",
        f"minutes to all campuses would need about {result.need_mb:,.0f} MB, more than "
        f"network.matrix_memory_mb ({most_mb:,.0f} MB): measured in {result.runs} runs of "
        "campuses, with the same results",
    )


def write_rows(
    context: StageContext,
    access: PlaceAccess,
    service: str,
    found: Sequence[Measured],
    *,
    unfit: pd.Series[bool],
    none: bool = False,
) -> None:
    """Write the long table of a service, without findings, and the draws of what its needs name.

    `none`: the city is known to have none of it.
    """
    share = context.settings("uncertainty").interval_share
    table = long_table(found, access.drawn, interval_share=share)
    if none:
        table = none_in_city(table)
    draws = draws_of_needs(found, access.drawn, measures_asked(context, service))
    withheld = draws["place_id"].isin(unfit.index[unfit])
    context.put("measured.parquet", without_unfit(table, unfit))
    context.put("draws.parquet", draws[~withheld].reset_index(drop=True))


def write_findings(context: StageContext, service: str) -> None:
    """Hold what was measured against the needs: `access.parquet`, and of it `needs.parquet`.

    These are the rows that the needs name: who reads no others stands while others change.
    """
    stage = context.spec.name
    table = judged(
        context.frame(stage, "measured.parquet"),
        context.frame(stage, "draws.parquet"),
        needs=needs_of(context, service),
        judging=judging_of(context),
    )
    context.put("access.parquet", table)
    named = table["standard_id"].notna()
    context.put("needs.parquet", table[named].reset_index(drop=True))


def _unfit(access: PlaceAccess, service: str) -> pd.Series[bool]:
    """Name the places whose recorded point is that of a facility of this very service."""
    anchor = access.places["point_anchor"]
    return pd.Series(anchor.eq(service).fillna(value=False).astype(bool), index=anchor.index)


def _rail(
    context: StageContext,
    access: PlaceAccess,
    catalogue: Catalogue,
    streets: Mapping[str, Streets],
    settings: ServiceSettings,
) -> RailAccess:
    stations, costs = rail_network(context)
    return rail_access(
        access,
        stations,
        costs,
        catalogue.facilities,
        streets["walk"],
        by="campus_id",
        campuses=catalogue.campuses,
        walk_limit_min=settings.station_walk_min,
        limit_min=settings.search_limit_min,
    )


def _from(
    context: StageContext,
    dwellers: Dwellers,
    rail: RailAccess | None,
    streets: Mapping[str, Streets],
    settings: ServiceSettings,
) -> RailAccess | None:
    """Let journeys by rail begin at homes instead of places."""
    if rail is None:
        return None
    stations, _ = rail_network(context)
    walked = measured_walks(dwellers.access, stations, streets["walk"], settings.station_walk_min)
    return replace(rail, walked=walked)


def _inequality(
    context: StageContext,
    service: str,
    dwellers: Sequence[Dwellers],
    city: Mapping[tuple[str, str, str, str], FloatArray],
) -> pd.DataFrame:
    """Tell how unequally supply reaches residents and workers; no rows where nobody is counted."""
    people = {whom.kind: pd.Series(whom.people) for whom in dwellers}
    sampling = sampling_of(context)
    parts = [
        spread_among_people(
            pd.Series(access), people=people[kind], kind=kind, sampling=sampling
        ).assign(service=service, variant=variant, mode=mode, measure=measure)
        for (kind, variant, mode, measure), access in city.items()
    ]
    if not parts:
        return pd.DataFrame({name: [] for name in INEQUALITY_COLUMNS})
    return pd.concat(parts, ignore_index=True)[list(INEQUALITY_COLUMNS)]

"""The body of the stages that measure access to facilities of one service."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from pipeline.network.place_access import streets_of
from pipeline.stages.context import StageContext
from pipeline.stages.networks import load_graph
from pipeline.stages.place_tables import nearest_named, needs_of, of_variant, place_access

STREET_MODES = ("walk", "cycle", "drive")


def write_access(
    context: StageContext,
    service: str,
    *,
    variants: Sequence[str],
    modes: Sequence[str],
    limits_min: Sequence[float],
) -> None:
    """Write `access.parquet` and `nearest.parquet` of one service.

    A variant that no facility of the study carries is written with status `no_data`: not knowing
    where such facilities are is not the same as there being none.
    """
    facilities = context.layer("ingest", "facilities.parquet")
    access = place_access(context)
    settings = context.settings("network")
    rows, names = [], []
    street_modes = [mode for mode in modes if mode in STREET_MODES]
    for mode in street_modes:
        streets = streets_of(mode, load_graph(context, mode), settings)
        for variant in context.track(variants, f"{service} {mode}"):
            chosen = of_variant(facilities, service, variant)
            found = access.nearest_of_cells(chosen, streets, by="campus_id")
            rows.append(
                access.minutes_rows(
                    found,
                    service=service,
                    variant=variant,
                    mode=mode,
                    limits_min=limits_min,
                    needs=needs_of(context, service, variant, mode),
                )
            )
    for variant in variants:
        chosen = of_variant(facilities, service, variant)
        names.append(nearest_named(access.places, chosen, "campus_id").assign(variant=variant))
    context.put("access.parquet", pd.concat(rows, ignore_index=True))
    context.put("nearest.parquet", pd.concat(names, ignore_index=True).assign(service=service))
    empty = [variant for variant in variants if of_variant(facilities, service, variant).empty]
    context.log.info(
        "measured %d places to %d of %d variants of %s; no facilities known for: %s",
        len(access.places),
        len(variants) - len(empty),
        len(variants),
        service,
        ", ".join(empty) or "none",
    )

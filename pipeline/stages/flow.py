"""The flow on one page: what each stage reads, writes and is set by.

This table is the only place where the order of the stages is written down. The engine makes
Snakemake rules of it, `parkgap stages` prints it, and `StageContext` refuses what it does not name.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StageSpec:
    """The contract of one stage.

    `needs` are the stages whose tables it may read, `inputs` the roles of the study file's `inputs`
    section it may open, `settings` the sections it is set by, `outputs` the files it promises
    (inside its own folder, or under `layers:` and `outputs:` for what people open), `data` the
    package files beside its code that its result depends on.
    """

    name: str
    zh: str
    en: str
    needs: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    memory_mb: int = 1500


STAGES: tuple[StageSpec, ...] = (
    StageSpec(
        name="ingest",
        zh="读入并核对地点、设施与标准",
        en="read and check places, facilities and standards",
        inputs=(
            "places",
            "line_stations",
            "planned_stations",
            "hospitals",
            "schools",
            "cells",
            "standards",
        ),
        settings=("study", "inputs", "rail"),
        outputs=("places.parquet", "facilities.parquet", "standards.parquet"),
        data=("sources/osm_mapping.yml",),
    ),
)

BY_NAME = {stage.name: stage for stage in STAGES}


def upstream(name: str) -> tuple[str, ...]:
    """List a stage and all it depends on, in the order of the flow."""
    wanted = {name}
    for stage in reversed(STAGES):
        if stage.name in wanted:
            wanted.update(stage.needs)
    return tuple(stage.name for stage in STAGES if stage.name in wanted)

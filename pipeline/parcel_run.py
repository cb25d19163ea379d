"""Judge a parcel table of any size: cut it, judge each part as a task, add the parts up."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from pipeline.errors import LayerError, Problem
from pipeline.sources.parcel_parts import split_parcels
from pipeline.stages.parcel_parts import combine_parts, study_rules
from pipeline.study import Study
from pipeline.workflow.cluster import Cluster
from pipeline.workflow.tasks import Task, run_tasks

MEMORY_MB = 2000


def judge_in_parts(
    path: Path,
    out: Path,
    study: Study,
    study_file: Path,
    *,
    cell_m: float,
    rows: int,
    layer: str | None,
    overrides: Sequence[str],
    cores: int,
    cluster: Cluster | None,
    retries: int,
) -> pd.DataFrame:
    """Cut a table by space, judge every part in a process of its own, and add them up.

    Parameters
    ----------
    path, layer
        The parcel file; see `split_parcels`.
    out
        Folder of the results: `parts/`, `judged/`, `totals/`, `findings/` with one file for each
        part, and `totals.parquet`, `findings.parquet` of the whole.
    study, study_file, overrides
        The study as read, and as each task reads it again.
    cell_m, rows
        Side of a cell; rows in memory while cutting.
    cores, cluster, retries
        See `run_tasks`.

    Returns
    -------
    The totals of the whole table.

    Raises
    ------
    LayerError
        A part could not be judged; names each with its log. The other parts are judged.
    """
    parts = split_parcels(
        path, out / "parts", crs=study.study.crs, cell_m=cell_m, rows=rows, layer=layer
    )
    sets = tuple(word for item in overrides for word in ("--set", item))
    common = ("--out", str(out), "--study", str(study_file), *sets)

    def task(step: str, part: Path, needs: tuple[str, ...]) -> Task:
        command = (sys.executable, "-m", "pipeline", "parcel-parts", step, str(part), *common)
        return Task(f"{step}_{part.stem}", command, MEMORY_MB, needs, part.stat().st_size // 1000)

    graded = study_rules(study).grading is not None
    grades = [task("grade", part, ()) for part in parts] if graded else []
    first = tuple(one.name for one in grades)
    tasks = [*grades, *(task("judge", part, first) for part in parts)]
    ended = run_tasks(out / "tasks", tasks, cores=cores, cluster=cluster, retries=retries)
    failed = [one.name for one in tasks if one.name not in ended]
    if failed:
        raise LayerError(
            *(
                Problem(
                    zh="该分块未能判定",
                    en="this part could not be judged",
                    path=out / "tasks" / "logs" / f"{name}.log",
                    rule=name,
                )
                for name in failed
            )
        )
    return combine_parts(out, study)

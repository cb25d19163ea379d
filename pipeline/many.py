"""Run many studies, each as one task: those that fail are told, the rest is delivered."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.atomic import atomic_path
from pipeline.errors import ParkgapError, Problem, StudyError
from pipeline.spreadsheet import without_formulas
from pipeline.stages.flow import STAGES
from pipeline.study import Study, find_study, read_study
from pipeline.usage import read_usages
from pipeline.workflow.cluster import Cluster
from pipeline.workflow.tasks import Task, log_of, run_tasks
from pipeline.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

# A study's id starts with a letter, so that no study can be called so.
FOLDER = "_many"
MEMORY_MB = 4000
ERROR_MARK = "错误 / error"


@dataclass(frozen=True)
class City:
    """How one study ended; seconds and memory are null where it left no record of them.

    `wall_s` and `cpu_s` sum what its stages took when they last ran, `peak_mb` is the most memory
    that one of them held.
    """

    study: str
    state: str
    reason: str
    places: int | None
    wall_s: float | None
    cpu_s: float | None
    peak_mb: float | None


def run_many(
    names: Sequence[str],
    root: Path,
    *,
    cores: int,
    cluster: Cluster | None,
    retries: int,
    overrides: Sequence[str] = (),
    on_end: Callable[[str], None] = lambda _study: None,
) -> list[City]:
    """Run studies, the one with the largest extract first so that it does not end alone.

    Each is `parkgap run` in a process of its own: what it finished before it was killed is kept,
    and only the rest runs again. A study that fails, or cannot be read, stops no other.

    Parameters
    ----------
    names
        Names or files of studies.
    root
        The workspace they share; each writes to folders of its own.
    cores, cluster, retries
        See `run_tasks`.
    overrides
        `key=value` for every study.
    on_end
        Is told of every study that ended well.

    Returns
    -------
    One entry for each study, in the order given; also `outputs/_many/cities.csv`.

    Raises
    ------
    StudyError
        Two studies have one id.
    """
    studies = {name: _read(name, root) for name in names}
    good = {name: found for name, found in studies.items() if isinstance(found, Study)}
    _unique(good)
    tasks = [_task(name, study, root, overrides) for name, study in good.items()]
    folder = root / "layers" / "built" / FOLDER
    ended = run_tasks(
        folder, tasks, cores=cores, cluster=cluster, retries=retries, on_end=on_end
    ) if tasks else set()  # fmt: skip
    cities = [
        _city(found, folder, root, done=found.study.id in ended)
        if isinstance(found, Study)
        else City(Path(name).stem, "failed", found, None, None, None, None)
        for name, found in studies.items()
    ]
    _write(cities, root)
    return cities


def _read(name: str, root: Path) -> Study | str:
    """Read a study, or say why it cannot be read."""
    try:
        return read_study(find_study(name, workspace=root))
    except ParkgapError as error:
        return "\n".join(str(problem) for problem in error.problems)


def _unique(studies: dict[str, Study]) -> None:
    seen: dict[str, str] = {}
    problems = []
    for name, study in studies.items():
        other = seen.setdefault(study.study.id, name)
        if other != name:
            problems.append(
                Problem(
                    zh=f"两个研究同名：{study.study.id}",
                    en=f"two studies have the id {study.study.id}",
                    path=name,
                    rule="study.id",
                    remedy_zh=f"改其中一个的 study.id（另一个是 {other}）",
                    remedy_en=f"give one of them another study.id (the other is {other})",
                )
            )
    if problems:
        raise StudyError(*problems)


def _task(name: str, study: Study, root: Path, overrides: Sequence[str]) -> Task:
    path = find_study(name, workspace=root).resolve()
    sets = [part for item in overrides for part in ("--set", item)]
    command = ["run", "--study", str(path), "--workspace", str(root), "--cores", "1", *sets]
    extract = study.inputs.osm_extract
    return Task(
        name=study.study.id,
        command=(sys.executable, "-m", "pipeline", *command),
        memory_mb=MEMORY_MB,
        priority=0 if extract is None else extract.stat().st_size // 1000,
    )


def _city(study: Study, folder: Path, root: Path, *, done: bool) -> City:
    workspace = Workspace(root=root, study=study.study.id)
    usages = read_usages([workspace.usage(stage.name) for stage in STAGES])
    peaks = [usage.peak_mb for usage in usages if usage.peak_mb is not None]
    return City(
        study=study.study.id,
        state="ok" if done else "failed",
        reason="" if done else _reason(log_of(folder, study.study.id)),
        places=_places(workspace) if done else None,
        wall_s=round(sum(usage.wall_s for usage in usages), 1) if usages else None,
        cpu_s=round(sum(usage.cpu_s for usage in usages), 1) if usages else None,
        peak_mb=max(peaks) if peaks else None,
    )


def _reason(log: str) -> str:
    """Take what the study complained about, else the end of what it said."""
    lines = log.strip().splitlines()
    first = next((at for at, line in enumerate(lines) if ERROR_MARK in line), len(lines) - 5)
    return "\n".join(lines[max(first, 0) :]) or "no message: the worker was killed"


def _places(workspace: Workspace) -> int:
    import pyarrow.parquet as pq

    rows: int = pq.read_metadata(workspace.output("ingest", "places.parquet")).num_rows
    return rows


def _write(cities: Sequence[City], root: Path) -> None:
    """Write how every study ended, and the gaps of those that ended well in one table."""
    import pandas as pd

    outputs = Workspace(root=root, study=FOLDER).outputs
    table = pd.DataFrame([asdict(city) for city in cities]).astype({"places": "Int64"})
    with atomic_path(outputs / "cities.csv") as target:
        without_formulas(table).to_csv(target, index=False, encoding="utf-8-sig")
    gaps: list[pd.DataFrame] = []
    for city in cities:
        if city.state == "ok":
            path = Workspace(root=root, study=city.study).output("gaps", "gaps.parquet")
            found = pd.read_parquet(path)
            found.insert(0, "study", city.study)
            gaps.append(found)
    if gaps:
        with atomic_path(outputs / "gaps.csv") as target:
            without_formulas(pd.concat(gaps, ignore_index=True)).to_csv(
                target, index=False, encoding="utf-8-sig"
            )

"""Carry out many independent tasks on one machine or a cluster: cities, or parts of a table."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.atomic import atomic_write
from pipeline.workflow.cluster import Cluster
from pipeline.workflow.driver import Listener, drive

TASKFILE = Path(__file__).parent / "Tasks"


@dataclass(frozen=True)
class Task:
    """One command; it runs after those it needs, the one of highest priority first."""

    name: str
    command: tuple[str, ...]
    memory_mb: int
    needs: tuple[str, ...] = ()
    priority: int = 0


def run_tasks(
    folder: Path,
    tasks: Sequence[Task],
    *,
    cores: int,
    cluster: Cluster | None = None,
    retries: int = 1,
    on_end: Callable[[str], None] = lambda _name: None,
) -> set[str]:
    """Run all tasks again; one that fails stops only those that need it.

    Parameters
    ----------
    folder
        Holds the list of tasks, `logs/<task>.log` and the engine's records.
    tasks
        The tasks; names are unique and fit for files.
    cores
        Tasks at once on this machine.
    cluster
        Where to run them instead.
    retries
        Times a task is run again after it failed or its worker was killed.
    on_end
        Is told of every task that ended well.

    Returns
    -------
    The names of the tasks that ended well.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = {task.name for task in tasks}
    for task in tasks:
        (folder / "done" / task.name).unlink(missing_ok=True)
    listed = [asdict(task) for task in tasks]
    atomic_write(folder / "tasks.json", json.dumps(listed, ensure_ascii=False, indent=1) + "\n")
    drive(
        folder,
        [],
        cores=cores,
        listener=Listener(on_end=lambda name: on_end(name) if name in names else None),
        snakefile=TASKFILE,
        cluster=cluster,
        keep_going=True,
        retries=retries,
    )
    return {task.name for task in tasks if (folder / "done" / task.name).exists()}


def log_of(folder: Path, name: str) -> str:
    """Give what a task said in its latest run."""
    path = folder / "logs" / f"{name}.log"
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""

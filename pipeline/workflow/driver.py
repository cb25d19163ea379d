"""Drive snakemake in this process and translate its events into stages."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from pipeline.workflow.cluster import Cluster, executor_settings

if TYPE_CHECKING:
    from snakemake.settings.types import StorageSettings

SNAKEFILE = Path(__file__).parent / "Snakefile"
# Every file is compared by content; snakemake's default compares large ones by time only.
MAX_CHECKSUM_BYTES = 10**12


@dataclass
class Listener(logging.Handler):
    """Collects what snakemake does, by the name of the stage."""

    on_start: Callable[[str], None] = lambda _stage: None
    on_end: Callable[[str], None] = lambda _stage: None
    reasons: dict[str, str] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    _jobs: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Set up the handler."""
        super().__init__()

    def __hash__(self) -> int:
        """Hash by identity, as handlers are kept in a registry."""
        return id(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Pass on the start and end of a stage; keep what snakemake itself complains about."""
        facts = record.__dict__
        event = getattr(facts.get("event"), "value", None)
        if event == "job_info":
            stage = str(facts["rule_name"])
            self._jobs[facts["jobid"]] = stage
            self.reasons[stage] = str(facts["reason"])
            self.on_start(stage)
        elif event == "job_finished":
            self.on_end(self._jobs.get(facts["job_id"], ""))
        elif record.levelno >= logging.ERROR and event is None:
            self.complaints.append(record.getMessage())


def drive(
    folder: Path,
    targets: Sequence[str],
    *,
    cores: int,
    listener: Listener,
    snakefile: Path = SNAKEFILE,
    cluster: Cluster | None = None,
    keep_going: bool = False,
    retries: int = 0,
) -> bool:
    """Run stages, or the tasks that have no result yet.

    Parameters
    ----------
    folder
        The built study (`layers/built/<study>`), or the folder of a list of tasks; holds
        snakemake's own records too.
    targets
        Names of the stages to run, each of them whatever Snakemake thinks of its results and no
        other; none for all that have no result.
    cores
        How many may run at once on this machine.
    listener
        Is told of every stage.
    snakefile
        The rules.
    cluster
        Where to run instead of on this machine.
    keep_going
        Go on with what does not need a stage that failed.
    retries
        Times a stage is run again after it failed, unless the cluster says otherwise.

    Returns
    -------
    False when a stage failed.

    Raises
    ------
    KeyboardInterrupt
        The person interrupted it; Snakemake would make a failed job of that.
    """
    task = partial(
        _drive,
        folder,
        targets,
        cores=cores,
        listener=listener,
        snakefile=snakefile,
        cluster=cluster,
        keep_going=keep_going,
        retries=retries,
    )
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        with _hearing_interrupts() as heard:
            done = task()
        if heard:
            raise KeyboardInterrupt from None
        return done
    # Snakemake starts a loop of its own and refuses where one runs, as in a notebook.
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(task).result()


@contextlib.contextmanager
def _hearing_interrupts() -> Iterator[list[int]]:
    """List the interrupts (Ctrl-C) that come while the block lasts; they act as they would."""
    heard: list[int] = []
    usual = signal.getsignal(signal.SIGINT)
    if not callable(usual) or threading.current_thread() is not threading.main_thread():
        yield heard
        return

    def hear(number: int, frame: FrameType | None) -> None:
        heard.append(number)
        usual(number, frame)

    signal.signal(signal.SIGINT, hear)
    try:
        yield heard
    finally:
        signal.signal(signal.SIGINT, usual)


def _drive(
    folder: Path,
    targets: Sequence[str],
    *,
    cores: int,
    listener: Listener,
    snakefile: Path,
    cluster: Cluster | None,
    keep_going: bool,
    retries: int,
) -> bool:
    from snakemake.api import SnakemakeApi
    from snakemake.exceptions import RuleException, WorkflowError
    from snakemake.logging import logger
    from snakemake.scheduling.greedy import SchedulerSettings
    from snakemake.settings import types

    output = types.OutputSettings(
        quiet={types.Quietness.ALL}, enable_file_logging=False, nocolor=True
    )
    scheduler = SchedulerSettings()
    resources = types.ResourceSettings(cores=cores)
    execution = types.ExecutionSettings(
        lock=False,
        latency_wait=0,
        keep_going=keep_going,
        retries=retries,
        # What a result rests on stands in the stages' own manifests.
        keep_metadata=False,
    )
    executor, settings = "local", None
    remote, storage = types.RemoteExecutionSettings(), types.StorageSettings()
    if cluster is not None:
        executor, settings = cluster.executor, executor_settings(cluster)
        storage = _named_workdir()
        if cluster.image is not None:
            remote = types.RemoteExecutionSettings(container_image=cluster.image)
        resources = types.ResourceSettings(
            cores=cores,
            nodes=cluster.jobs,
            default_resources=cluster.default_resources or None,
        )
        execution.latency_wait = cluster.latency_wait_s
        execution.retries = cluster.retries
    with SnakemakeApi(output) as api:
        # Snakemake's own screen output is for its own users; the listener hears everything.
        for handler in list(logger.handlers):
            logger.removeHandler(handler)
        logger.addHandler(listener)
        try:
            dag = api.workflow(
                resource_settings=resources,
                storage_settings=storage,
                snakefile=snakefile,
                workdir=folder,
            ).dag(
                types.DAGSettings(
                    targets=set(targets),
                    forcerun=set(targets),
                    allowed_rules=set(targets),
                    force_incomplete=True,
                    max_checksum_file_size=MAX_CHECKSUM_BYTES,
                )
            )
            dag.execute_workflow(
                executor=executor,
                executor_settings=settings,
                execution_settings=execution,
                remote_execution_settings=remote,
                scheduling_settings=types.SchedulingSettings(scheduler="greedy"),
                scheduler_settings=scheduler,
                greedy_scheduler_settings=scheduler,
            )
        except Exception as error:
            # A plugin that cannot reach its cluster says so in exceptions of its own.
            if cluster is None and not isinstance(error, WorkflowError | RuleException):
                raise
            listener.complaints.append(str(error))
            return False
        finally:
            with contextlib.suppress(ValueError):
                logger.removeHandler(listener)
    return True


def _named_workdir() -> StorageSettings:
    """Give the settings of a shared workspace whose path is told to every job."""
    from snakemake.settings import types

    class Shared(types.StorageSettings):  # type: ignore[misc]  # untyped library
        # A container starts in a folder of its own, not in that of the process that sent the job.
        assume_common_workdir = False

    return Shared()

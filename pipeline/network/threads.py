"""Share work among the cores that this process may use."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Thing = TypeVar("Thing")
Result = TypeVar("Result")


def in_threads(task: Callable[[Thing], Result], things: Sequence[Thing]) -> list[Result]:
    """Do a task for each of the things, several at a time; the results are in their order.

    Worth it for work that shapely or numpy do by themselves: Python's own runs one at a time.
    """
    known = getattr(os, "sched_getaffinity", None)  # Linux alone tells what a process may use
    cores = len(known(0)) if known else os.cpu_count() or 1
    if min(cores, len(things)) < 2:  # noqa: PLR2004 - nothing to share
        return [task(thing) for thing in things]
    with ThreadPoolExecutor(max_workers=min(cores, len(things))) as pool:
        return list(pool.map(task, things))

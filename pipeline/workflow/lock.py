"""One run at a time on a study."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import platform
from collections.abc import Iterator

from filelock import FileLock, Timeout

from pipeline.atomic import atomic_write
from pipeline.errors import BusyError, Problem
from pipeline.workspace import Workspace


@contextlib.contextmanager
def holding(workspace: Workspace) -> Iterator[None]:
    """Hold the study for one run; the operating system lets go when the process ends.

    A run that was killed leaves no lock behind, only a note of who it was, which the next run
    replaces.

    Raises
    ------
    BusyError
        With the holder's process, user and host.
    """
    workspace.built.mkdir(parents=True, exist_ok=True)
    note = workspace.built / ".holder.json"
    lock = FileLock(workspace.built / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        holder = note.read_text(encoding="utf-8") if note.is_file() else "?"
        raise BusyError(
            Problem(
                zh=f"该研究正被另一次运行占用：{holder}",
                en=f"another run holds this study: {holder}",
                path=workspace.built,
                remedy_zh="等它结束，或换一个 --workspace",
                remedy_en="wait for it to end, or choose another --workspace",
            )
        ) from None
    try:
        me = {"pid": os.getpid(), "user": getpass.getuser(), "host": platform.node()}
        atomic_write(note, json.dumps(me))
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()

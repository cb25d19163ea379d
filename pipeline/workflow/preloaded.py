"""Keep a process at hand that has imported what the stages need, and hand them over to it.

Importing takes a second or more, and a small study computes for little longer than that in each
of its stages. While a run reads its study and Snakemake makes its plan, a second process imports
their libraries (`forking.py`); each `python -m pipeline execute ...` of the run hands its work to
it and waits. The work is done in a fork, with the caller's streams, and gives the caller its exit
code. Who kills the command or the run kills the work.

On Linux and on this machine only; elsewhere, and where no process answers (`client.py`), a command
does its work itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

from pipeline.resources import PACKAGE
from pipeline.workflow.client import ADDRESS, SOCKET

# As Snakemake tells every stage; also, no thread of a library may stand in the way of a fork.
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "GOTO_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
)


class Preloaded:
    """A process that imports what stages need and does the commands of one run, in forks.

    Entering starts it, on Linux; leaving ends it, with all it still does. A command line enters
    before it reads the study: both take their time, and there are two cores.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._door: Path | None = None

    def __enter__(self) -> Self:
        """Start importing what every stage needs."""
        if sys.platform == "linux":
            self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs, contextlib.suppress(OSError):  # the machine may allow no more processes
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "pipeline.workflow.forking"],
                    cwd=PACKAGE.parent,
                    stdin=theirs.fileno(),  # its end tells the process that this one has ended
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env={**os.environ, **ONE_THREAD},
                )
        return self

    def serve(self, folder: Path, stages: Sequence[str]) -> None:
        """Do the commands that are run in a folder from now on.

        Parameters
        ----------
        folder
            Where the commands run; one that cannot hold a socket has them do their work themselves.
        stages
            The stages that will run, in their order: what they import is imported.
        """
        if self._process is None or self._line is None:
            return
        told = json.dumps({"folder": str(folder), "stages": list(stages)}).encode()
        with contextlib.suppress(OSError), _listening(folder) as door:
            self._door = folder / SOCKET
            socket.send_fds(self._line, [told], [door.fileno()])
        os.environ[ADDRESS] = SOCKET

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        """End the process; where the run failed, what it still does for it ends first."""
        if self._line is not None:
            self._line.close()
        if self._process is None:
            return
        os.environ.pop(ADDRESS, None)
        if failure is None or self._door is None:
            self._process.kill()  # all work is done: nobody waits for an import to end
        self._process.wait()
        if self._door is not None:
            self._door.unlink(missing_ok=True)


@contextlib.contextmanager
def _listening(folder: Path) -> Iterator[socket.socket]:
    """Open a socket in a folder under a short name: the path of a socket has 107 bytes at most."""
    within = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX) as door:
            door.bind(f"/proc/self/fd/{within}/{SOCKET}")
            door.listen()
            yield door
    finally:
        os.close(within)

"""Keep a process at hand that has imported what the stages need, and hand them over to it.

Importing takes a second or more, and a small study computes for little longer than that in each
of its stages. While Snakemake makes its plan, a second process imports their libraries
(`forking.py`); each `python -m pipeline execute ...` of the run hands its work to it and waits. The
work is done in a fork, with the caller's streams, and gives the caller its exit code. Who kills
the command or the run kills the work.

On Linux and on this machine only; elsewhere, and where no process answers, a command does its work
itself. Imports nothing slow, as every command of a run starts here.
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

# Tells the commands of a run where to hand their work to: a socket in the folder they run in. Its
# name is that of an unfinished file, so that the next run sweeps up what a killed one left.
ADDRESS = "PARKGAP_PRELOADED"
SOCKET = ".stages.part"
# As Snakemake tells every stage; also, no thread of a library may stand in the way of a fork.
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "GOTO_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
)
STREAMS = (1, 2)
DIED = 1


@contextlib.contextmanager
def preloaded(folder: Path, stages: Sequence[str]) -> Iterator[None]:
    """Keep a process ready for the commands that run in a folder, while the block lasts.

    Parameters
    ----------
    folder
        Where the commands run.
    stages
        The stages that will run, in their order: what they import is imported.
    """
    if sys.platform != "linux":
        yield
        return
    process = subprocess.Popen(  # noqa: S603 - this program itself
        [sys.executable, "-m", "pipeline.workflow.forking", SOCKET, *stages],
        cwd=folder,
        stdin=subprocess.PIPE,  # its end tells the process that this one has ended
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **ONE_THREAD},
    )
    os.environ[ADDRESS] = SOCKET
    try:
        yield
        # All work is done: nobody waits for an import to end.
        process.kill()
        folder.joinpath(SOCKET).unlink(missing_ok=True)
    finally:
        os.environ.pop(ADDRESS, None)
        process.communicate()


def hand_over(arguments: list[str]) -> int | None:
    """Have a command done by the process at hand.

    Parameters
    ----------
    arguments
        The command line without the program, such as `execute rail --plan study.json`.

    Returns
    -------
    The exit code; None where no process answers and the caller has to do the work itself.
    """
    address = os.environ.get(ADDRESS)
    if address is None:
        return None
    with socket.socket(socket.AF_UNIX) as call:
        try:
            call.connect(address)
        except OSError:
            return None
        try:
            socket.send_fds(call, [json.dumps(arguments).encode()], STREAMS)
            answer = call.recv(1)
        except OSError:
            answer = b""
    return answer[0] if answer else DIED

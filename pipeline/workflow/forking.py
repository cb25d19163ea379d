"""Import what the stages need once and do each command handed over in a fork.

`python -m pipeline.workflow.forking` is started by `preloaded.py`, hears on standard input what
will run and at which socket it is asked for, and ends with the process that started it.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import socket
import socketserver
import sys
import threading
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from pipeline.errors import ParkgapError
from pipeline.workflow.client import BETWEEN, SOCKET, STREAMS

# What the first stage needs too, and what later ones import where they use it.
FIRST = ("pipeline.cli", "pipeline.engine", "pyarrow.parquet", "pyogrio", "pyproj")
LATER = ("pyarrow.dataset", "rasterio", "scipy.optimize", "scipy.stats", "pypinyin")
LOOK_EVERY_S = 0.05
_LONGEST_REQUEST = 1 << 16


class Work(socketserver.BaseRequestHandler):
    """One command, in a process of its own."""

    request: socket.socket

    def handle(self) -> None:
        """Do the command with the caller's streams and tell the caller how it ended."""
        gc.enable()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        message, streams, _, _ = socket.recv_fds(self.request, _LONGEST_REQUEST, len(STREAMS))
        if not message:
            return
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for stream, number in zip(streams, STREAMS, strict=True):
            os.dup2(stream, number)
        threading.Thread(target=self._end_with_the_caller, daemon=True).start()
        code = _do(message.decode().split(BETWEEN))
        with contextlib.suppress(OSError):
            self.request.send(bytes([code]))

    def _end_with_the_caller(self) -> None:
        # The caller says nothing more: what wakes this up is its death.
        self.request.recv(1)
        os.kill(os.getpid(), signal.SIGKILL)


class Server(socketserver.ForkingMixIn, socketserver.UnixStreamServer):
    """Forks for every command; ends, with all of them, when standard input does."""

    block_on_close = False

    def __init__(self, door: int, steps: Iterator[None]) -> None:
        super().__init__(SOCKET, Work, bind_and_activate=False)
        self.socket.close()
        self.socket = socket.socket(fileno=door)
        self.steps = steps

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Fork, so that no collection of garbage in the fork touches the shared pages."""
        gc.freeze()
        super().process_request(request, client_address)

    def service_actions(self) -> None:
        """Look after the forks and whether the run still lives; until something is asked, go on."""
        super().service_actions()
        for _ in self.steps:
            if select.select([0, self.fileno()], [], [], 0)[0]:
                break
        if select.select([0], [], [], 0)[0]:
            for child in self.active_children or ():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            Path(SOCKET).unlink(missing_ok=True)
            os._exit(0)


def _do(arguments: list[str]) -> int:
    sys.argv[1:] = arguments
    code: Any = 0
    try:
        import_module("pipeline.cli").main()
    except SystemExit as end:
        code = end.code
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return code if isinstance(code, int) else int(code is not None)


def _preparations(stages: Sequence[str]) -> Iterator[None]:
    """Import and read, one step at a time, what the stages after the first will need."""
    from pipeline.study import restore_study

    with contextlib.suppress(ParkgapError):
        # Reading settings for the first time takes six times as long.
        study = restore_study(Path("study.json"))
        if study.inputs.osm_extract is not None:  # the searches on streets are compiled
            import_module("numba")
    for stage in stages:
        module = import_module(f"pipeline.stages.{stage}")
        if hasattr(module, "prepare"):
            with contextlib.suppress(ParkgapError):  # the stage itself will say it
                module.prepare()
        yield
    for name in LATER:
        import_module(name)
        yield

    from pipeline.publish.layer_schemas import layer_schemas
    from pipeline.sources.reference import reference_tables

    for read in (reference_tables, layer_schemas):
        read()
        yield


def main() -> None:
    """Import what every stage needs, hear what will run, then wait for commands."""
    from pipeline.basis import import_graph, libraries

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # each command hears it for itself
    gc.disable()
    for name in FIRST:
        import_module(name)
    import_graph()
    libraries()
    import_module("pipeline.cli").commands()
    line = socket.socket(fileno=os.dup(0))
    message, doors, _, _ = socket.recv_fds(line, _LONGEST_REQUEST, 1)
    if not message:
        return
    told = json.loads(message)
    os.chdir(told["folder"])
    steps = _preparations(told["stages"])
    next(steps)
    with Server(doors[0], steps) as server:
        server.serve_forever(poll_interval=LOOK_EVERY_S)


if __name__ == "__main__":
    main()

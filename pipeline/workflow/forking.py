"""Import what the stages need once, then do each command handed over in a fork.

`python -m pipeline.workflow.forking SOCKET` is started by `preloaded.py` and ends with the process
that started it.
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
from importlib import import_module
from pathlib import Path
from typing import Any

from pipeline.workflow.preloaded import STREAMS

# What nearly every stage imports too, but only where it uses it.
LIBRARIES = ("pyproj", "pyogrio", "rasterio", "pyarrow.parquet")
LOOK_EVERY_S = 0.1
_LONGEST_REQUEST = 1 << 16


class Work(socketserver.BaseRequestHandler):
    """One command, in a process of its own."""

    request: socket.socket

    def handle(self) -> None:
        """Do the command with the caller's streams and tell the caller how it ended."""
        signal.signal(signal.SIGINT, signal.default_int_handler)
        message, streams, _, _ = socket.recv_fds(self.request, _LONGEST_REQUEST, len(STREAMS))
        if not message:
            return
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for stream, number in zip(streams, STREAMS, strict=True):
            os.dup2(stream, number)
        threading.Thread(target=self._end_with_the_caller, daemon=True).start()
        code = _do(json.loads(message))
        with contextlib.suppress(OSError):
            self.request.send(bytes([code]))

    def _end_with_the_caller(self) -> None:
        # The caller says nothing more: what wakes this up is its death.
        self.request.recv(1)
        os.kill(os.getpid(), signal.SIGKILL)


class Server(socketserver.ForkingMixIn, socketserver.UnixStreamServer):
    """Forks for every command; ends, with all of them, when standard input does."""

    block_on_close = False

    def service_actions(self) -> None:
        """Look after the forks, and whether the run that started this process still lives."""
        super().service_actions()
        if select.select([0], [], [], 0)[0]:
            for child in self.active_children or ():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            Path(str(self.server_address)).unlink(missing_ok=True)
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


def main() -> None:
    """Wait for commands, having imported what they need."""
    from pipeline.basis import import_graph
    from pipeline.stages.flow import STAGES

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # each command hears it for itself
    with Server(sys.argv[1], Work) as server:
        for name in ("pipeline.cli", "pipeline.engine", *LIBRARIES):
            import_module(name)
        for stage in STAGES:
            import_module(f"pipeline.stages.{stage.name}")
        import_graph()
        gc.collect()
        gc.freeze()  # so that the forks' collections leave the shared pages alone
        server.serve_forever(poll_interval=LOOK_EVERY_S)


if __name__ == "__main__":
    main()

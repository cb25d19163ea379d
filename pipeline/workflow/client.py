"""Hand a command to the process of the run that has the libraries (`preloaded.py`).

Every command of a run starts here, so that this imports next to nothing.
"""

from __future__ import annotations

import os
import socket

# Tells the commands of a run where to hand their work to: a socket in the folder they run in. Its
# name is that of an unfinished file, so that the next run sweeps up what a killed one left.
ADDRESS = "PARKGAP_PRELOADED"
SOCKET = ".stages.part"
STREAMS = (1, 2)
DIED = 1
BETWEEN = "\0"  # stands in no argument


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
            socket.send_fds(call, [BETWEEN.join(arguments).encode()], STREAMS)
            answer = call.recv(1)
        except OSError:
            answer = b""
    return answer[0] if answer else DIED

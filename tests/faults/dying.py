"""Let a child process die, or be refused by the machine, at a chosen point of its work."""

from __future__ import annotations

import os
import resource
import signal
import traceback
from collections.abc import Callable
from pathlib import Path

SECONDS_AT_MOST = 60
_LARGEST = resource.RLIM_INFINITY


def in_child(work: Callable[[], int], *, seconds: int = SECONDS_AT_MOST) -> int:
    """Run work in a forked child; gives its exit code, or minus the signal that ended it."""
    child = os.fork()
    if child == 0:
        code = 99
        try:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            signal.alarm(seconds)
            code = work()
        except BaseException:  # noqa: BLE001 - the parent's stack must not go on in the child
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_at_byte(size: int) -> None:
    """From now on a file that would grow beyond a size ends the process in the midst of writing."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, _LARGEST))


def refused_at_byte(size: int) -> None:
    """From now on a file that would grow beyond a size is refused, as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, _LARGEST))


def killed_at_call(number: int) -> None:
    """Die by SIGKILL at the n-th call that touches the name or the safety of a file."""
    left = [number]

    def dying(call: Callable[..., object]) -> Callable[..., object]:
        def wrapper(*arguments: object, **named: object) -> object:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **named)

        return wrapper

    for name in ("replace", "chmod", "unlink", "mkdir"):
        setattr(Path, name, dying(getattr(Path, name)))
    os.fsync = dying(os.fsync)  # type: ignore[assignment]

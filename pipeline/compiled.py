"""Compile small loops that arrays cannot express, and keep the code between runs."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

_ONE_AT_A_TIME = threading.RLock()


class _Compiled:
    """A function that is compiled when it is first called: a study without streets calls none.

    Only then numba is imported, which takes a quarter of a second.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._code: Callable[..., Any] | None = None
        self._whole: Callable[..., Any] | None = None

    def __call__(self, *arguments: Any) -> Any:  # noqa: ANN401 - whatever the function takes
        if self._whole is None:
            self._whole = self.code()
        return self._whole(*arguments)

    def code(self) -> Callable[..., Any]:
        """Give what numba makes of the function, and have it find the same of those it calls."""
        import numba

        with _ONE_AT_A_TIME:
            if self._code is None:
                try:
                    self._code = numba.njit(cache=True, nogil=True)(self._function)
                except RuntimeError:  # no folder to keep it in can be written
                    self._code = numba.njit(nogil=True)(self._function)
                known = self._function.__globals__
                called = {name: item for name, item in known.items() if isinstance(item, _Compiled)}
                known.update({name: item.code() for name, item in called.items()})
            return self._code


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function when it is first called; keep the code for later runs where possible."""
    return _Compiled(function)

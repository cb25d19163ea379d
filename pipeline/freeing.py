"""Give memory that was freed back to the system, so that another stage can have it."""

from __future__ import annotations

import ctypes
import sys


def give_back_memory() -> None:
    """Let the allocators keep nothing of what is not in use any more.

    They hold what was freed for the next to ask, and hand on only whole pages at the end of the
    heap. Worth its few milliseconds after something large was read or dropped.
    """
    import pyarrow as pa

    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # other C libraries have none
        if trim is not None:
            trim(0)

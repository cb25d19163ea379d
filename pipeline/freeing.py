"""Say when memory that was freed goes back to the system, so that another stage can have it."""

from __future__ import annotations

import ctypes
import sys

# Of malloc.h
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


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


def keep_memory_at_hand() -> None:
    """Let the allocator keep up to 64 MB of what is freed for the next to ask.

    For work on arrays of some MB that are made and dropped thousands of times: the pages of each
    would else be asked of the system anew, and emptied by it.
    """
    if sys.platform != "linux":
        return
    tune = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
    if tune is not None:
        tune(M_MMAP_THRESHOLD, 32 * 2**20)  # what is larger is of its own; 32 MB is the most
        tune(M_TRIM_THRESHOLD, 64 * 2**20)

"""Cut work that would need more memory than it may into runs that do not."""

from __future__ import annotations

from math import ceil

BYTES_PER_MB = 2**20


def portions(count: int, *, bytes_each: float, most_mb: float) -> list[slice]:
    """Cut a number of things into runs of like length that fit the memory, one thing at least.

    Parameters
    ----------
    count
        Things; one run stands for none.
    bytes_each
        Memory that one of them needs.
    most_mb
        Memory that a run may need.
    """
    fits = max(1, int(most_mb * BYTES_PER_MB // max(bytes_each, 1.0)))
    runs = max(1, ceil(count / fits))
    length = max(1, ceil(count / runs))
    return [slice(first, min(first + length, count)) for first in range(0, max(count, 1), length)]

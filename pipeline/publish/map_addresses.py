"""Give every place a file name that no file system and no browser stumbles over."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_RESERVED = {"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(1, 10))}
FOLDER = "parks"


def park_pages(place_ids: Iterable[str]) -> dict[str, str]:
    """Map each place id to the address of its page, relative to the overview.

    An id of plain letters and digits names its file; any other, and one that differs from an
    earlier one by case alone, is followed by a short hash. The same ids give the same names.
    """
    taken: set[str] = set()
    pages = {}
    for place_id in sorted(set(place_ids)):
        name = place_id
        if not _PLAIN.fullmatch(name) or name.lower() in _RESERVED or name.lower() in taken:
            stem = re.sub(r"[^A-Za-z0-9_-]+", "", name)[:30] or "place"
            name = f"{stem}-{hashlib.sha256(place_id.encode()).hexdigest()[:10]}"
        taken.add(name.lower())
        pages[place_id] = f"{FOLDER}/{name}.html"
    return pages

"""Remember of each part of a stage what it read and wrote, and tell which parts stand."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class PartBasis:
    """What a part rests on beside tables.

    `settings` is the hash of what it is set by. `made_from` tells all that it was given; where that
    is not told, what the stage read before counts instead.
    """

    settings: str
    made_from: str | None = None

    def record(self, common: Mapping[str, str | None]) -> dict[str, Any]:
        """Give the basis as it is recorded; `common` is what the stage read outside of parts."""
        if self.made_from is None:
            return {"settings": self.settings, "before": dict(common)}
        digest = hashlib.sha256(self.made_from.encode()).hexdigest()
        return {"settings": self.settings, "made_from": digest}


class Parts:
    """The parts of one run of a stage, beside those of its last run.

    Parameters
    ----------
    before
        What the last run recorded of its parts; none of them can stand without.
    files
        SHA-256 of the files that the last run wrote.
    """

    def __init__(
        self,
        before: Mapping[str, dict[str, Any]] | None = None,
        files: Mapping[str, str] | None = None,
    ) -> None:
        self.records: dict[str, dict[str, Any]] = {}
        self.files = dict(files or {})
        self._before = dict(before or {})
        self._common: dict[str, str | None] = {}
        self._own: dict[str, str | None] | None = None

    def note(self, name: str, digest: str | None) -> None:
        """Count a table among what the part reads, or what all parts rest on outside of any."""
        (self._common if self._own is None else self._own)[name] = digest

    def standing(
        self,
        name: str,
        basis: PartBasis,
        digest_now: Callable[[str], str | None],
        untouched: Callable[[str, str], bool],
    ) -> dict[str, Any] | None:
        """Give the record of a part that stands, and keep it; None for one that must be computed.

        Parameters
        ----------
        name
            The part.
        basis
            What it rests on beside tables.
        digest_now
            Hashes a table by the name under which it was noted.
        untouched
            Tells whether a file has the content of this digest.
        """
        if self._own is not None or name in self.records:
            msg = f"part {name!r} runs inside another or has the name of another"
            raise AssertionError(msg)
        told = self._before.get(name)
        if told is None or told["basis"] != basis.record(self._common):
            return None
        if any(digest_now(table) != was for table, was in told["read"].items()):
            return None
        if not all(untouched(file, self.files[file]) for file in told["files"]):
            return None
        self.records[name] = told
        return told

    @contextmanager
    def computing(
        self,
        name: str,
        basis: PartBasis,
        written: Mapping[str, str],
        notices: list[dict[str, str]],
    ) -> Iterator[None]:
        """Record what a part reads, and what it adds to the files and notices of the stage."""
        known, said = set(written), len(notices)
        self._own = {}
        try:
            yield
            self.records[name] = {
                "basis": basis.record(self._common),
                "read": self._own,
                "files": sorted(set(written) - known),
                "notices": notices[said:],
            }
        finally:
            self._own = None

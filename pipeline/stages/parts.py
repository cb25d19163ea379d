"""Remember of each part of a stage what it read and wrote, and tell which parts stand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any


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
        settings: str,
        digest_now: Callable[[str], str | None],
        untouched: Callable[[str, str], bool],
    ) -> dict[str, Any] | None:
        """Give the record of a part that stands, and keep it; None for one that must be computed.

        Parameters
        ----------
        name
            The part.
        settings
            Hash of what it is set by.
        digest_now
            Hashes a table by the name under which it was noted.
        untouched
            Tells whether a file has the content of this digest.
        """
        if self._own is not None or name in self.records:
            msg = f"part {name!r} runs inside another or has the name of another"
            raise AssertionError(msg)
        told = self._before.get(name)
        if told is None or told["settings"] != settings or told["before"] != self._common:
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
        settings: str,
        written: Mapping[str, str],
        notices: list[dict[str, str]],
    ) -> Iterator[None]:
        """Record what a part reads, and what it adds to the files and notices of the stage."""
        known, said = set(written), len(notices)
        self._own = {}
        try:
            yield
            self.records[name] = {
                "settings": settings,
                "before": dict(self._common),
                "read": self._own,
                "files": sorted(set(written) - known),
                "notices": notices[said:],
            }
        finally:
            self._own = None

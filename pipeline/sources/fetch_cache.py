"""Keep downloaded files by their content, and remember which address gave which content."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.atomic import atomic_write

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Entry:
    """What an address gave last time."""

    url: str
    sha256: str
    size: int
    etag: str | None
    last_modified: str | None


@dataclass(frozen=True)
class FetchCache:
    """A folder with `objects` (by SHA-256), `addresses` (by address) and `partial` downloads."""

    folder: Path

    def object_path(self, sha256: str, name: str) -> Path:
        """Give where content of this hash is kept; the name keeps its endings for readers."""
        return self.folder / "objects" / sha256[:2] / sha256 / name

    def partial_path(self, url: str) -> Path:
        """Give where the unfinished download of an address is kept."""
        return self.folder / "partial" / f"{_key(url)}.part"

    def lock_path(self, url: str) -> Path:
        """Give the lock of an address."""
        return self.folder / "locks" / f"{_key(url)}.lock"

    def entry(self, url: str) -> Entry | None:
        """Recall what an address gave; null when never fetched, or when the record is damaged."""
        try:
            return Entry(**json.loads(self._record(url).read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def find(self, url: str, name: str) -> tuple[Entry, Path] | None:
        """Find the kept content of an address, if it is whole: its hash is computed anew."""
        entry = self.entry(url)
        if entry is None:
            return None
        path = self.object_path(entry.sha256, name)
        if not path.is_file() or hash_file(path) != entry.sha256:
            return None
        return entry, path

    def store(self, entry: Entry, name: str, content: Path) -> Path:
        """Move finished content to its place and remember its address."""
        target = self.object_path(entry.sha256, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        content.replace(target)
        atomic_write(self._record(entry.url), json.dumps(asdict(entry), indent=1, sort_keys=True))
        return target

    def _record(self, url: str) -> Path:
        return self.folder / "addresses" / f"{_key(url)}.json"


def hash_file(path: Path) -> str:
    """Compute the SHA-256 of a file's content."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while block := handle.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _key(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()[:32]

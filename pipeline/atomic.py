"""Write a file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Give a temporary path beside the target; put it in place when the block ends well.

    The temporary file has the target's suffix, so that drivers that choose a format by name work.
    A reader sees the old content or the new, never a part. When the block raises, the target is
    untouched and the temporary file is removed.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        dir=target.parent, prefix=f".{target.stem}-", suffix=f".part{target.suffix}"
    )
    os.close(handle)
    temporary = Path(name)
    temporary.unlink()  # drivers such as GPKG refuse to create over an existing file
    try:
        yield temporary
        _sync(temporary)
        temporary.chmod(0o644)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def atomic_write(target: Path, content: bytes | str) -> None:
    """Write bytes, or text as UTF-8 with line feeds, atomically."""
    with atomic_path(target) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


def _sync(path: Path) -> None:
    with path.open("rb") as handle:
        os.fsync(handle.fileno())

"""Write a file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import ParkgapError
from pipeline.machine import refusal

# What SQLite keeps beside a database. Left over from the file that stood there before, it would be
# taken for a part of the new one.
_COMPANIONS = ("-wal", "-shm", "-journal")


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Give a temporary path beside the target; put it in place when the block ends well.

    The temporary file has the target's suffix, so that drivers that choose a format by name work.
    A reader sees the old content or the new, never a part. When the block raises, the target is
    untouched and the temporary file is removed.

    Raises
    ------
    MachineError
        The disk is full, the folder is forbidden, or the like.
    """
    with drafted(target) as temporary:
        yield temporary
    put_in_place(temporary, target)


@contextmanager
def drafted(target: Path) -> Iterator[Path]:
    """Give a temporary path beside the target for a file that is put in place later.

    When the block raises, the temporary file is removed; otherwise it is whole and on the disk.

    Raises
    ------
    MachineError
        The disk is full, the folder is forbidden, or the like.
    """
    temporary: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = _free_name(target)
        yield temporary
        _sync(temporary)
        temporary.chmod(0o644)
    except BaseException as error:
        found = None
        if isinstance(error, Exception) and not isinstance(error, ParkgapError):
            found = refusal(error, temporary)
        if temporary is not None:
            discard(temporary)
        if found is None:
            raise
        raise found from error


def put_in_place(temporary: Path, target: Path) -> None:
    """Rename a drafted file to its place; who has the old one open keeps reading the old one."""
    try:
        for ending in _COMPANIONS:
            target.with_name(target.name + ending).unlink(missing_ok=True)
        temporary.replace(target)
    except OSError as error:
        discard(temporary)
        found = refusal(error, target)
        if found is None:
            raise
        raise found from error


def discard(temporary: Path) -> None:
    """Remove a draft and what its driver may have kept beside it."""
    for ending in ("", *_COMPANIONS):
        temporary.with_name(temporary.name + ending).unlink(missing_ok=True)


def atomic_write(target: Path, content: bytes | str) -> None:
    """Write bytes, or text as UTF-8 with line feeds, atomically."""
    with atomic_path(target) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


def _free_name(target: Path) -> Path:
    handle, name = tempfile.mkstemp(
        dir=target.parent, prefix=f".{target.stem}-", suffix=f".part{target.suffix}"
    )
    os.close(handle)
    Path(name).unlink()  # drivers such as GPKG refuse to create over an existing file
    return Path(name)


def _sync(path: Path) -> None:
    with path.open("rb") as handle:
        os.fsync(handle.fileno())

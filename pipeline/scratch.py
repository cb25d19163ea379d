"""Keep temporary files where the next run sweeps them up after a kill."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def temporary_files_in(folder: Path) -> Iterator[None]:
    """Let everything that asks for a temporary file in the block get it in this folder.

    The folder goes when the block ends. A process that is killed inside leaves it behind; then it
    goes when the block is entered again, or with whoever sweeps up leftovers by their names.
    """
    remove_leftover(folder)
    folder.mkdir(parents=True)
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before
        shutil.rmtree(folder, ignore_errors=True)


def remove_leftover(path: Path) -> None:
    """Remove a file or a folder that an unfinished process left, if there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)

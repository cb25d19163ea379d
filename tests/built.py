"""The embedded Shanghai study, built once for all tests and workers."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock

PROJECT = Path(__file__).resolve().parents[1]


def parkgap(
    *arguments: str, cwd: Path = PROJECT, expect: int = 0, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user types it and check how it ends."""
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **(env or {})},
    )
    assert done.returncode == expect, f"{arguments}\n{done.stdout}\n{done.stderr}"
    return done


def build_once(folder: Path, arguments: Sequence[str]) -> Path:
    """Run a study into a folder shared by all test workers; the second comer finds it done."""
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".building"):
        parkgap("run", "--workspace", str(folder), *arguments)
    return folder


def contents(root: Path) -> dict[str, str]:
    """Hash every file a run makes for people or later stages; logs and engine records are not."""
    skipped = (".snakemake", "logs")
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
        and not path.name.startswith(".")
        and not set(path.relative_to(root).parts) & set(skipped)
    }

"""Bad files, made by code from good ones: what is wrong, through which door, with what end."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import ExitCode

SEED = 20260519
#: Write the file into a folder and give the arguments of the command that opens it.
Make = Callable[[Path], list[str]]


@dataclass(frozen=True)
class Bad:
    """One bad file: its family and name, how it is made and opened, how the command must end."""

    family: str
    name: str
    make: Make
    ends: frozenset[ExitCode]

    def __str__(self) -> str:
        """Name the case."""
        return f"{self.family}-{self.name}"


def ends(*codes: ExitCode) -> frozenset[ExitCode]:
    """Give the exit codes that are right for a case."""
    return frozenset(codes)


def file_of(path: Path, content: bytes | str) -> Path:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def damages(seed: int = SEED) -> Iterator[tuple[str, Callable[[bytes], bytes]]]:
    """Give ways to ruin any binary or structured file so that no reader may take it."""
    noise = random.Random(seed)  # noqa: S311 - no secret
    yield "empty", lambda _raw: b""
    yield "one_byte", lambda raw: raw[:1]
    yield "cut_at_a_tenth", lambda raw: raw[: max(2, len(raw) // 10)]
    yield "cut_in_half", lambda raw: raw[: len(raw) // 2]
    yield "noise", lambda raw: noise.randbytes(len(raw))
    yield "zeros", lambda raw: bytes(len(raw))
    yield "a_picture", lambda raw: b"\x89PNG\r\n\x1a\n" + raw[8:]
    yield "an_error_page", lambda _raw: b"<!DOCTYPE html><html><body>404 Not Found</body></html>"
    yield "head_without_body", lambda raw: raw[:24] + noise.randbytes(max(0, len(raw) - 24))

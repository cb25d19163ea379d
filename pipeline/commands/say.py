"""Say things on the terminal: words for people, lines of JSON for machines."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from pipeline.machine import named_error

out = Console(highlight=False, soft_wrap=True, emoji=False)
err = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


def wrap_by_width() -> None:
    """Let help wrap where its columns end.

    Rich strips the blanks behind a wrapped line by counting letters; where a letter is two columns
    wide some blanks stay, the line is too long, and its last letters give way to an ellipsis.
    """

    def rstrip_end(self: Text, size: int) -> None:
        while self.cell_len > size and self.plain.endswith(" "):
            self.right_crop(1)

    Text.rstrip_end = rstrip_end  # type: ignore[method-assign]


def say(text: str) -> None:
    """Print words for people, whatever marks a name may contain."""
    out.print(escape(text))


def complain(text: str) -> None:
    """Print an error for people on the error stream."""
    err.print(f"[bold red]错误 / error[/] {escape(text)}")


def tell(record: dict[str, Any], text: str, *, as_json: bool) -> None:
    """Say one thing, as a line of JSON for machines or as words for people."""
    if as_json:
        sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")
        sys.stdout.flush()  # a machine reads along
    else:
        say(text)


@contextlib.contextmanager
def telling_failure(*, as_json: bool) -> Iterator[None]:
    """Say a failure as a line of JSON too; the error goes on to the words and the exit code."""
    try:
        yield
    except Exception as error:
        if as_json:
            found = named_error(error)
            problems = [
                {key: None if value is None else str(value) for key, value in asdict(one).items()}
                for one in found.problems
            ]
            record = {"event": "failed", "exit_code": int(found.exit_code), "problems": problems}
            tell(record, "", as_json=True)
        raise

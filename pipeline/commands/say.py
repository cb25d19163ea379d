"""Say things on the terminal: words for people, lines of JSON for machines."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console
from rich.markup import escape

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


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
    else:
        say(text)

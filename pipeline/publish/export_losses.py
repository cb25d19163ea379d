"""Say what a format or a CRS cannot hold of a layer, and how much that matters."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

logger = logging.getLogger(__name__)

Severity = Literal["lost", "changed", "note"]
#: From the worst: something is gone; it is there in another form; something to know.
SEVERITIES: dict[Severity, tuple[str, str]] = {
    "lost": ("丢失", "lost"),
    "changed": ("改写", "changed"),
    "note": ("提示", "note"),
}


@dataclass(frozen=True)
class Loss:
    """One thing that an exported file does not hold as the layer does."""

    severity: Severity
    file: str
    zh: str
    en: str

    def __str__(self) -> str:
        """Render as one line: how bad, where, what, in both languages."""
        zh, en = SEVERITIES[self.severity]
        return f"{zh} / {en}  {self.file}: {self.zh} / {self.en}"


Tell = Callable[[Loss], None]


def log_loss(loss: Loss) -> None:
    """Log a loss: a warning unless it is only something to know."""
    logger.log(logging.INFO if loss.severity == "note" else logging.WARNING, "%s", loss)


def worst_first(losses: list[Loss]) -> list[Loss]:
    """Order losses by severity, each once; in their order within."""
    order = list(SEVERITIES)
    return sorted(dict.fromkeys(losses), key=lambda loss: order.index(loss.severity))

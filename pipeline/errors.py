"""Name what can go wrong, where it stands, and what the user can do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with an input, in both languages.

    `rule` names the rule that was broken (a setting, a field, a method); `row` is the place inside
    the file (a line, a row number, a feature id, a key path).
    """

    zh: str
    en: str
    path: Path | str | None = None
    row: int | str | None = None
    rule: str | None = None
    remedy_zh: str | None = None
    remedy_en: str | None = None

    def __str__(self) -> str:
        """Render as the lines a person reads: where, what (Chinese, English), remedy."""
        place = "" if self.path is None else str(self.path)
        if self.row is not None:
            place += f" [{self.row}]"
        if self.rule is not None:
            place += f" ({self.rule})"
        lines = [f"{place.strip()}: {self.zh} / {self.en}" if place else f"{self.zh} / {self.en}"]
        if self.remedy_zh or self.remedy_en:
            remedy = " / ".join(text for text in (self.remedy_zh, self.remedy_en) if text)
            lines.append(f"  -> {remedy}")
        return "\n".join(lines)


class ParkgapError(Exception):
    """Every error a user can cause or mend; carries all problems found, not just the first."""

    exit_code = 1

    def __init__(self, *problems: Problem) -> None:
        self.problems: Sequence[Problem] = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class StudyError(ParkgapError):
    """The study file or a setting is wrong."""

    exit_code = 2


class SourceError(ParkgapError):
    """A source cannot be read: missing, damaged, of the wrong format, or outside the study."""

    exit_code = 3


class CrsError(ParkgapError):
    """A coordinate system or datum is missing, unsuitable or wrongly declared."""

    exit_code = 4


class FieldError(ParkgapError):
    """A table lacks a field or a cell breaks the field's rule."""

    exit_code = 5


class GeometryError(ParkgapError):
    """A geometry is empty, invalid beyond repair, or of the wrong kind."""

    exit_code = 6


class LayerError(ParkgapError):
    """A layer that an earlier stage should have written is missing or breaks its contract."""

    exit_code = 7


class BusyError(ParkgapError):
    """Another run holds the study."""

    exit_code = 8


class MeasureError(ParkgapError):
    """A computed result breaks a law that must hold (conservation, bounds): a defect, not data."""

    exit_code = 9

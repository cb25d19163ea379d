"""Collect everything wrong with a parcel file, so that it is raised in one go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.errors import CrsError, FieldError, GeometryError, ParkgapError, Problem


@dataclass
class Findings:
    """Problems and notes of one file, by kind.

    Attributes
    ----------
    path
        The file.
    rows
        Row numbers as people see them, by position in the table.
    fields, geometry, crs
        Problems; each kind has its error.
    notes
        What a person should look at though it is accepted.
    """

    path: str
    rows: Sequence[int | str]
    fields: list[Problem] = field(default_factory=list)
    geometry: list[Problem] = field(default_factory=list)
    crs: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    columns_lack: bool = False

    def all(self) -> list[Problem]:
        """Return every problem: the coordinate system, then whole columns, then row by row."""
        order = {str(row): k for k, row in enumerate(self.rows)}
        rows = sorted([*self.fields, *self.geometry], key=lambda p: order.get(str(p.row), -1))
        return [*self.crs, *rows]

    def error(self) -> ParkgapError:
        """Return the error that carries every problem, of the kind that comes first."""
        kinds = ((CrsError, self.crs), (FieldError, self.fields), (GeometryError, self.geometry))
        kind = next(kind for kind, problems in kinds if problems)
        return kind(*self.all())

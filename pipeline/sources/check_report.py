"""Hold and show what checking a file found, as text in both languages and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pipeline.errors import Problem
from pipeline.sources.datum_guard import DatumFinding
from pipeline.sources.files import LayerReport
from pipeline.sources.table_kinds import TableGuess

if TYPE_CHECKING:
    from pipeline.sources.check_raster import RasterCheck

Severity = Literal["error", "warning", "info"]

_MARK: dict[Severity, str] = {"error": "✗", "warning": "!", "info": "·"}
_ORDER: tuple[Severity, ...] = ("error", "warning", "info")


@dataclass(frozen=True)
class Finding:
    """One thing found in a file: how grave, how many rows, examples, and what to do about it."""

    code: str
    severity: Severity
    zh: str
    en: str
    count: int | None = None
    examples: tuple[str, ...] = ()
    remedy_zh: str | None = None
    remedy_en: str | None = None

    @classmethod
    def from_problem(cls, problem: Problem) -> Finding:
        """Make a finding of what a reader refused."""
        remedy = (problem.remedy_zh, problem.remedy_en)
        row = () if problem.row is None else (str(problem.row),)
        code = problem.rule or "unreadable"
        return cls(code, "error", problem.zh, problem.en, None, row, *remedy)


@dataclass(frozen=True)
class CheckReport:
    """All findings on one file; `layer` is null when the file could not be read.

    `fields` are the roles that the checks themselves use; `table` is what the file looks like and
    what each of its columns was taken for, null when there are no columns to look at; `raster` is
    what a raster of people holds.
    """

    path: Path
    layer: LayerReport | None
    fields: Mapping[str, str]
    datum: tuple[DatumFinding, ...]
    findings: tuple[Finding, ...]
    table: TableGuess | None = None
    raster: RasterCheck | None = None

    @property
    def ok(self) -> bool:
        """Tell whether the file can be used as it is."""
        return not any(finding.severity == "error" for finding in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """Give the report as plain values."""
        return {
            "path": str(self.path),
            "ok": self.ok,
            "layer": None if self.layer is None else self.layer.as_dict(),
            "fields": dict(self.fields),
            "table": None if self.table is None else self.table.as_dict(),
            "raster": None if self.raster is None else asdict(self.raster),
            "datum": [finding.as_dict() for finding in self.datum],
            "findings": [asdict(finding) for finding in self.findings],
        }

    def as_json(self) -> str:
        """Give the report as JSON; figures that could not be computed are null."""
        plain = json.loads(json.dumps(self.as_dict()), parse_constant=lambda _: None)
        return json.dumps(plain, ensure_ascii=False, indent=2)

    def __str__(self) -> str:
        """Render for a person: Chinese first, then English, gravest findings first."""
        verdict = "可以使用 / usable" if self.ok else "需要修正 / needs mending"
        lines = [f"{self.path}: {verdict}", *self._layer_lines()]
        lines += [] if self.raster is None else self.raster.lines()
        lines += [] if self.table is None else self.table.lines()
        for severity in _ORDER:
            for finding in self.findings:
                if finding.severity == severity:
                    lines += _lines(finding)
        return "\n".join(lines)

    def _layer_lines(self) -> list[str]:
        if self.layer is None:
            return []
        read = self.layer
        where = "" if read.layer is None else f" / {read.layer}"
        lines = [
            f"  格式 format: {read.format}{where}；行数 rows: {read.rows}",
            f"  编码 encoding: {read.encoding or '-'} ({read.encoding_basis or 'format'})",
            f"  坐标系 CRS: {read.crs} ({read.crs_basis})",
            f"  坐标基准 datum: {read.datum} ({read.datum_basis})",
        ]
        return [*lines, *(f"  坐标基准核对 datum guard: {finding}" for finding in self.datum)]


def _lines(finding: Finding) -> list[str]:
    count = "" if finding.count is None else f" [{finding.count}]"
    shown = f" ({', '.join(finding.examples)})" if finding.examples else ""
    lines = [f"  {_MARK[finding.severity]} {finding.zh} / {finding.en}{count}{shown}"]
    remedy = " / ".join(text for text in (finding.remedy_zh, finding.remedy_en) if text)
    return [*lines, f"      -> {remedy}"] if remedy else lines

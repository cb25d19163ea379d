"""Hold what the parcel reader found out about a file, for people and for the report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import geopandas as gpd
import pandas as pd

from pipeline.errors import Problem

FINDINGS = ("kind", "row", "rule", "zh", "en")


@dataclass
class ParcelReport:
    """What was read, how it was understood, and what was repaired or looks wrong.

    Attributes
    ----------
    path, encoding, crs
        The file, how its text was decoded (None where the format says), and the CRS of the result.
    rows, blank_rows
        Parcels read and blank rows dropped.
    columns
        One row per recognised column: `column`, `field`, `unit`, `unit_from` (`header`, `name`,
        `declared`, `default`), `how`.
    strangers
        Columns nobody knows; they are left out.
    repairs, overlaps, duplicates, area_disagreements
        Tables of `pipeline.sources.parcel_shapes`.
    notes
        What a person should look at though the file was accepted.
    problems
        What was made null under `broken_cells="null"`; otherwise empty, for problems are raised.
    known_share
        Share of parcels with a value, by field.
    """

    path: str
    encoding: str | None = None
    crs: str | None = None
    rows: int = 0
    blank_rows: int = 0
    columns: pd.DataFrame = field(default_factory=pd.DataFrame)
    strangers: list[str] = field(default_factory=list)
    repairs: pd.DataFrame = field(default_factory=pd.DataFrame)
    overlaps: pd.DataFrame = field(default_factory=pd.DataFrame)
    duplicates: pd.DataFrame = field(default_factory=pd.DataFrame)
    area_disagreements: pd.DataFrame = field(default_factory=pd.DataFrame)
    notes: list[Problem] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    known_share: pd.Series = field(default_factory=lambda: pd.Series(dtype="float64"))

    def __repr__(self) -> str:
        """Summarise in one line a person can read."""
        return (
            f"ParcelReport({self.path}: {self.rows} parcels, {len(self.columns)} columns, "
            f"{len(self.repairs)} repaired, {len(self.overlaps)} overlaps, "
            f"{len(self.duplicates)} duplicates, {len(self.area_disagreements)} areas off, "
            f"{len(self.notes)} notes, {len(self.problems)} problems)"
        )

    def findings(self) -> pd.DataFrame:
        """List everything found as one long table of the columns `FINDINGS`."""
        rows: list[tuple[str, object, str | None, str, str]] = []
        for kind, problems in (("problem", self.problems), ("note", self.notes)):
            rows += [(kind, p.row, p.rule, p.zh, p.en) for p in problems]
        rows += [*self._columns_told(), *self._shapes_told()]
        # A column of whole numbers with a gap would become one of floats.
        told = [(kind, None if row is None else str(row), *rest) for kind, row, *rest in rows]
        table = pd.DataFrame(told, columns=list(FINDINGS))
        return table.astype(dict.fromkeys(FINDINGS, "string"))

    def _columns_told(self) -> Iterator[tuple[str, object, str | None, str, str]]:
        """Say how each column was understood, and which were left out."""
        for column in self.columns.to_dict("records"):
            told = "" if pd.isna(column["unit"]) else f"{column['unit']}（{column['unit_from']}）"
            name, field = " ".join(str(column["column"]).split()), str(column["field"])
            zh = f"列“{name}”读作 {field}" + (f"，单位 {told}" if told else "")
            en = f"{name} is read as {field}" + (f", in {told}" if told else "")
            yield "column", None, field, zh, en
        for name in self.strangers:
            yield "column_left_out", None, None, f"列“{name}”未识别，未使用", f"{name} is not used"

    def _shapes_told(self) -> Iterator[tuple[str, object, str | None, str, str]]:
        for r in self.repairs.itertuples():
            change = f"{r.area_before_m2:.2f} → {r.area_after_m2:.2f} m²"
            where = f"({r.x}, {r.y})"
            zh, en = (
                f"边界已修复：{r.what} {where}，{change}",
                f"repaired: {r.what} {where}, {change}",
            )
            yield "repair", r.row, "geometry", zh, en
        for o in self.overlaps.itertuples():
            pair = f"{o.parcel_a} / {o.parcel_b}: {o.overlap_m2:.2f} m²"
            yield "overlap", None, "geometry", f"重叠：{pair}", f"overlap: {pair}"
        for d in self.duplicates.itertuples():
            zh = f"与第 {d.first_row} 行重复（{'编号' if d.same == 'id' else '边界'}）"
            en = f"repeats row {d.first_row} (same {d.same})"
            yield "duplicate", d.row, str(d.same), zh, en
        for a in self.area_disagreements.itertuples():
            text = f"{a.stated_m2:.2f} / {a.outline_m2:.2f} m²"
            zh, en = f"填报面积与图形面积不符：{text}", f"stated area against outline: {text}"
            yield "area", a.row, "area_m2", zh, en


@dataclass
class ParcelRead:
    """A parcel table in canonical fields and units, with the report on how it came about."""

    frame: gpd.GeoDataFrame
    report: ParcelReport

"""Read a parcel file as a study gives it, for the stage and for whoever checks the file first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pipeline.errors import ParkgapError
from pipeline.settings.inputs import ParcelInput
from pipeline.settings.parcels import ReadingSettings
from pipeline.sources.check_report import CheckReport, Finding
from pipeline.sources.locate import Bounds
from pipeline.sources.parcel_report import ParcelRead
from pipeline.sources.parcels import read_parcels


def read_given(
    path: Path,
    given: ParcelInput,
    reading: ReadingSettings,
    *,
    working_crs: str,
    study_bounds: Bounds | None,
) -> ParcelRead:
    """Read parcels with what the study says of units, columns, CRS and broken cells.

    Parameters and errors as for :func:`pipeline.sources.parcels.read_parcels`.
    """
    return read_parcels(
        path,
        working_crs=working_crs,
        area_tolerance_share=reading.area_tolerance_share,
        overlap_min_m2=reading.overlap_min_m2,
        broken_cells=reading.broken_cells,
        area_unit=given.area_unit,
        money_unit=given.money_unit,
        crs=given.crs,
        study_bounds=study_bounds,
        datum=given.datum,
        encoding=given.encoding,
        layer=given.layer,
        columns={theirs: own for own, theirs in given.columns.items()},
        table=given.table,
        outline_layer=given.outline_layer,
        label_layer=given.label_layer,
    )


def checked_as_parcels(
    report: CheckReport,
    given: ParcelInput,
    reading: ReadingSettings,
    *,
    working_crs: str,
    study_bounds: Bounds | None,
) -> CheckReport:
    """Add to a report on a file that looks like parcels what the parcel stage would refuse."""
    try:
        read_given(report.path, given, reading, working_crs=working_crs, study_bounds=study_bounds)
    except ParkgapError as error:
        told = {finding.zh for finding in report.findings}
        refused = [Finding.from_problem(problem) for problem in error.problems]
        new = [finding for finding in refused if finding.zh not in told]
        return replace(report, findings=(*report.findings, *new))
    return report

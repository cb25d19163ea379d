"""Check a raster of people before it is used: CRS, cells, no data, total and range."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipeline.errors import ParkgapError, SourceError
from pipeline.sources.check_report import CheckReport, Finding
from pipeline.sources.locate import Bounds
from pipeline.sources.rasters import CELLS_AT_ONCE, RasterAbout, described, read_strips

SETTING = "inputs.residents, inputs.workers"


@dataclass(frozen=True)
class RasterCheck:
    """What a raster holds in one band; `total`, `least`, `most` are null without any data.

    `inside` is the total of the cells that touch the study's rectangle, null where none is known or
    the raster lies elsewhere.
    """

    about: RasterAbout
    with_data: int
    negative: int
    total: float | None
    least: float | None
    most: float | None
    inside: float | None = None

    def lines(self) -> list[str]:
        """Render for a person, Chinese first."""
        across, down = self.about.cell
        declared = "未声明 not declared" if self.about.nodata is None else f"{self.about.nodata:g}"
        said = [
            f"  人口或岗位栅格 / raster of people or jobs ({SETTING})",
            f"  坐标系 CRS: {self.about.crs}",
            f"  行×列 rows x columns: {self.about.rows} x {self.about.columns}",
            f"  像元 cell: {across:g} x {down:g}；波段 bands: {self.about.bands}",
            f"  无数据值 nodata: {declared}；有数据的像元 cells with data: {self.with_data}",
        ]
        if self.total is not None:
            said.append(
                f"  合计 total: {self.total:,.0f}；最小 least: {self.least:g}；"
                f"最大 most: {self.most:g}（每格人数 people per cell）"
            )
        if self.inside is not None:
            said.append(f"  研究区外框内 inside the study's rectangle: {self.inside:,.0f}")
        return said


def check_raster(path: Path, *, study_bounds: Bounds | None) -> CheckReport:
    """Read a raster as counts of people per cell and report what is noteworthy or wrong.

    Parameters
    ----------
    path
        Any raster GDAL reads; its first band is looked at.
    study_bounds
        West, south, east, north of the study in degrees.

    Returns
    -------
    report
        Never raises for a bad file: what a reader refused is among the findings.
    """
    try:
        raster = _counted(path)
        inside = None if study_bounds is None else _inside(path, study_bounds)
    except ParkgapError as error:
        refused = tuple(Finding.from_problem(problem) for problem in error.problems)
        return CheckReport(path, None, {}, (), refused)
    elsewhere = study_bounds is not None and inside is None
    raster = replace(raster, inside=inside)
    findings = tuple(_findings(raster, elsewhere=elsewhere))
    return CheckReport(path, None, {}, (), findings, raster=raster)


def _counted(path: Path) -> RasterCheck:
    """Describe the file and count its first band strip by strip."""
    about = described(path)
    with_data = negative = 0
    total, least, most = 0.0, np.inf, -np.inf
    strips = read_strips(
        path, bounds=about.bounds, bounds_crs=about.crs,
        cells_at_once=CELLS_AT_ONCE, rows_of=lambda _rows, _columns: 1,
    )  # fmt: skip
    for _, strip in strips:
        values = strip.values[np.isfinite(strip.values)]
        if not values.size:
            continue
        with_data += values.size
        negative += int((values < 0).sum())
        total += float(values.sum())
        least, most = min(least, float(values.min())), max(most, float(values.max()))
    return RasterCheck(
        about, with_data, negative, *((total, least, most) if with_data else (None, None, None))
    )


def _inside(path: Path, bounds: Bounds) -> float | None:
    """Sum the cells that touch the study's rectangle; null where the raster lies elsewhere."""
    try:
        return sum(
            float(np.nansum(strip.values))
            for _, strip in read_strips(
                path, bounds=bounds, bounds_crs="EPSG:4326",
                cells_at_once=CELLS_AT_ONCE, rows_of=lambda _rows, _columns: 1,
            )
        )  # fmt: skip
    except SourceError:
        return None


def _findings(raster: RasterCheck, *, elsewhere: bool) -> list[Finding]:
    found = []
    if raster.negative:
        found.append(
            Finding(
                "counts", "error",
                f"有负的人数（最小 {raster.least:g}），可能是未声明的“无数据”值",
                f"negative counts (least {raster.least:g}): perhaps a value for no data that is "
                "not declared",
                raster.negative, (),
                f"在研究文件的 inputs.residents（或 workers）中写 nodata: {raster.least:g}",
                f"state nodata: {raster.least:g} in inputs.residents (or workers) of the study",
            )
        )  # fmt: skip
    if not raster.with_data:
        found.append(Finding("no_data", "error", "没有任何数据", "no cell has data"))
    if elsewhere:
        found.append(
            Finding(
                "outside_study", "error", "与研究区不相交", "does not touch the study area",
                None, (), "核对坐标系", "check the CRS",
            )
        )  # fmt: skip
    return found

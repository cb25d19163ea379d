"""Place the people of tables and rasters: residents and jobs, by point or cell."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.errors import Problem, SourceError
from pipeline.measures.access_pairs import FloatArray
from pipeline.measures.coverage import GeometryArray
from pipeline.measures.people import (
    KINDS,
    RESIDENTS,
    WORKERS,
    Counted,
    PeopleCells,
    people_cells,
)
from pipeline.settings.inputs import PeopleInput, TableInput
from pipeline.settings.rasters import RasterSettings
from pipeline.sources.role_tables import check_ids, text_of
from pipeline.sources.tables import points_of

if TYPE_CHECKING:
    from pipeline.sources.rasters import RasterWindow
    from pipeline.sources.study_inputs import StudyInputs

# Names of the columns of people that others use: H3 and census tables.
PEOPLE = {"residents": ("residents", "population"), "jobs": ("jobs", "workers")}
COLUMNS = ("cell_id", "counted_by", *PEOPLE)


@dataclass(frozen=True, eq=False)
class RasterCounts:
    """People per cell of a raster, read as they are asked for: never all of them at once.

    `crs` is the working CRS in metres, in which polygons and places are given.
    """

    path: Path
    band: int
    nodata: float | None
    crs: str
    cells_at_once: int

    def density_at(self, xy: FloatArray) -> FloatArray:
        """Give people per m² at places: those of the cell they lie in."""
        from pipeline.sources.rasters import densities_at

        return densities_at(
            self.path, xy,
            crs=self.crs, cells_at_once=self.cells_at_once, band=self.band, nodata=self.nodata,
        )  # fmt: skip

    def inside(self, polygons: GeometryArray) -> FloatArray:
        """Sum the cells inside polygons with exactextract, by the exact share of each."""
        from pipeline.sources.rasters import zonal_statistics

        total = np.full(len(polygons), np.nan)
        solid = np.flatnonzero(~shapely.is_missing(polygons) & (shapely.area(polygons) > 0))
        if len(solid):
            zones = gpd.GeoDataFrame(geometry=polygons[solid], crs=self.crs)
            found = zonal_statistics(
                self.path, zones, statistics=["sum"],
                band=self.band, nodata=self.nodata, cells_at_once=self.cells_at_once,
            )  # fmt: skip
            total[solid] = found["sum"].to_numpy(dtype=np.float64)
        return total


def counted_people(
    people: gpd.GeoDataFrame,
    inputs: Mapping[str, TableInput | None],
    rasters: RasterSettings,
) -> dict[str, Counted]:
    """Say where people are counted, by kind: in the cells of a table or of a raster.

    Parameters
    ----------
    people
        As `people_of` gives them.
    inputs
        The study's inputs `residents` and `workers`; without the second, workers are those of the
        table of residents.
    rasters
        How much of a raster is held at once.

    Returns
    -------
    counted
        A kind that nobody counts is absent.
    """
    found: dict[str, Counted] = {}
    cells: dict[str, dict[str, PeopleCells]] = {}
    for kind in KINDS:
        role = RESIDENTS if inputs.get(kind) is None else kind
        source = inputs.get(role)
        if not isinstance(source, PeopleInput):
            continue
        if not source.is_raster:
            if role not in cells:
                cells[role] = people_cells(people[people["counted_by"].eq(role)])
            found |= {name: one for name, one in cells[role].items() if name == kind}
        elif kind == role:
            assert source.path is not None  # noqa: S101 - the settings hold it for a raster
            found[kind] = RasterCounts(
                source.path, source.band, source.nodata, str(people.crs), rasters.cells_at_once
            )
    return found


def people_of(
    given: StudyInputs, area: shapely.Geometry
) -> tuple[gpd.GeoDataFrame, dict[str, int]]:
    """Place residents and jobs; what the source does not count is null, not zero.

    Parameters
    ----------
    given
        The study's inputs; `residents` and `workers` are tables of points or cells, or rasters.
    area
        Area of the study in the working CRS; a raster is read inside it only.

    Returns
    -------
    people, gathered
        `cell_id`, `counted_by` (`residents` or `workers`: the input), `residents`, `jobs`, point;
        sorted by input and cell. For each raster whose cells were gathered, how many along the side
        of a block.

    Raises
    ------
    SourceError, CrsError, FieldError
        A source cannot be read, has no CRS, or ids repeat; a count is negative.
    """
    parts, gathered = [], {}
    for role in (RESIDENTS, WORKERS):
        source = getattr(given.settings, role)
        if source is None:
            continue
        if source.is_raster:
            part, side = of_raster(
                source, area, role=role, crs=given.crs, rasters=given.sources.rasters
            )
            if side > 1:
                gathered[role] = side
        else:
            part = _of_table(given, role)
        if role == RESIDENTS and given.settings.workers is not None:
            part = part.assign(jobs=np.nan)  # they are counted elsewhere
        parts.append(part.assign(counted_by=role))
    if not parts:
        empty = {name: pd.Series(dtype="float64") for name in PEOPLE}
        ids = {"cell_id": pd.Series(dtype="str"), "counted_by": pd.Series(dtype="str")}
        return gpd.GeoDataFrame({**ids, **empty}, geometry=[], crs=given.crs), {}
    joined = gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs=given.crs)
    return joined[[*COLUMNS, "geometry"]], gathered


def _of_table(given: StudyInputs, role: str) -> gpd.GeoDataFrame:
    """Read a table of points or cells; that of workers counts no residents."""
    table = given.placed(role)
    assert table is not None  # noqa: S101 - asked only where the study names one
    counted = {
        name: pd.to_numeric(text_of(table, *names), errors="coerce").astype("float64")
        for name, names in PEOPLE.items()
    }
    if role == WORKERS:
        counted["residents"] = pd.Series(np.nan, index=table.index)
    cells = text_of(table, "cell_id", "id").fillna(table.index.to_series().astype(str))
    people = table.assign(cell_id=cells, **counted)
    check_ids(people, "cell_id", role=role)
    kept = points_of(people, crs=given.crs)[["cell_id", *PEOPLE, "geometry"]]
    return kept.sort_values("cell_id", ignore_index=True)


def of_raster(
    source: PeopleInput,
    area: shapely.Geometry,
    *,
    role: str,
    crs: str,
    rasters: RasterSettings,
) -> tuple[gpd.GeoDataFrame, int]:
    """Take the people of a raster as points: a cell's, or those of a block at the middle of them.

    Blocks are as small as the settings allow and keep the total; cells without anybody give none.

    Parameters
    ----------
    source
        The raster: counts per cell.
    area
        Area to read, in `crs`.
    role
        What is counted: `residents` or `workers`.
    crs
        Working CRS.
    rasters
        How much is held at once, and how many points are given at most.

    Returns
    -------
    people, side
        Points, and the cells along the side of a block (1: every cell is its own).

    Raises
    ------
    SourceError, CrsError
        The raster cannot be read, has no CRS, or holds negative counts.
    """
    from pipeline.sources.rasters import read_strips

    assert source.path is not None  # noqa: S101 - the settings hold it for a raster
    sides: list[int] = []

    def side_of(rows: int, columns: int) -> int:
        sides.append(max(math.ceil(math.sqrt(rows * columns / rasters.points_at_most)), 1))
        return sides[0]

    strips = read_strips(
        source.path, bounds=area.bounds, bounds_crs=crs, band=source.band, nodata=source.nodata,
        cells_at_once=rasters.cells_at_once, rows_of=side_of,
    )  # fmt: skip
    parts = []
    for first, strip in strips:
        _refuse_negative(strip, source.path)
        parts.append(_blocks(strip, first // sides[0], sides[0]))
    table = pd.concat(parts, ignore_index=True)
    points = gpd.GeoSeries.from_xy(table["x"], table["y"], crs=strip.crs).to_crs(crs)
    ids = "r" + table["row"].astype(str) + "c" + table["column"].astype(str)
    column = KINDS[role]
    counts = {name: table["count"] if name == column else np.nan for name in PEOPLE}
    return gpd.GeoDataFrame({"cell_id": ids, **counts}, geometry=points, crs=crs), sides[0]


def _blocks(strip: RasterWindow, row: int, side: int) -> pd.DataFrame:
    """Sum blocks of cells: count, and where their people are in the middle; none without any."""
    counts = np.nan_to_num(strip.values, nan=0.0)
    rows, columns = (-(-size // side) for size in counts.shape)
    wide = np.zeros((rows * side, columns * side))
    wide[: counts.shape[0], : counts.shape[1]] = counts
    blocks = wide.reshape(rows, side, columns, side)
    total = blocks.sum(axis=(1, 3))
    middle = np.arange(side) + 0.5
    at = np.nonzero(total > 0)
    mean = {
        "down": np.einsum("aibj,i->ab", blocks, middle)[at] / total[at] + at[0] * side,
        "right": np.einsum("aibj,j->ab", blocks, middle)[at] / total[at] + at[1] * side,
    }
    a, b, c, d, e, f = tuple(strip.transform)[:6]
    return pd.DataFrame(
        {
            "row": at[0] + row,
            "column": at[1],
            "count": total[at],
            "x": a * mean["right"] + b * mean["down"] + c,
            "y": d * mean["right"] + e * mean["down"] + f,
        }
    )


def _refuse_negative(strip: RasterWindow, path: Path) -> None:
    least = float(np.nanmin(strip.values, initial=0.0))
    if least < 0:
        raise SourceError(
            Problem(
                zh=f"栅格中有负的人数（{least:g}），可能是未声明的“无数据”值",
                en=f"the raster counts {least:g} people somewhere: perhaps a value for no data "
                "that it does not declare",
                path=path,
                rule="counts",
                remedy_zh=f"在研究文件中写 nodata: {least:g}",
                remedy_en=f"state nodata: {least:g} in the study file",
            )
        )

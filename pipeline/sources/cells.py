"""Count facilities per grid cell, so that a study works where no extract is at hand."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.atomic import atomic_write
from pipeline.errors import CrsError, FieldError, Problem, SourceError

if TYPE_CHECKING:
    import geopandas as gpd

logger = logging.getLogger(__name__)

Counts = npt.NDArray[np.int64]
OUTSIDE = -1


@dataclass(frozen=True)
class CellGrid:
    """Counts on a grid aligned to multiples of the cell's side.

    Arrays have the shape (rows, columns); row 0 is the southernmost, column 0 the westernmost.
    `district` indexes `districts`, `OUTSIDE` marks cells that are not land of the study: a zero
    there means nothing was counted, not that nothing is there.
    """

    crs: str
    cell_m: int
    first_row: int
    first_col: int
    counts: Mapping[str, Counts]
    district: npt.NDArray[np.int16]
    districts: tuple[str, ...]

    def __repr__(self) -> str:
        """Say what a person wants to know of the grid."""
        totals = ", ".join(f"{name} {int(grid.sum())}" for name, grid in self.counts.items())
        rows, cols = self.shape
        land = int(self.land.sum())
        return f"CellGrid({rows} x {cols} cells of {self.cell_m} m, {land} of land; {totals})"

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, cols = self.district.shape
        return rows, cols

    @property
    def land(self) -> npt.NDArray[np.bool_]:
        """Mask of the cells that belong to a district."""
        return np.asarray(self.district != OUTSIDE)

    @property
    def origin(self) -> tuple[float, float]:
        """South-west corner in the grid's CRS, in metres."""
        return float(self.first_col * self.cell_m), float(self.first_row * self.cell_m)

    def frame(self) -> gpd.GeoDataFrame:
        """Give the land cells as squares: `row`, `col`, `district`, one column per count."""
        import geopandas as gpd
        import shapely

        row, col = np.nonzero(self.land)
        west, south = self.origin
        x, y = west + col * self.cell_m, south + row * self.cell_m
        columns: dict[str, object] = {"row": row + self.first_row, "col": col + self.first_col}
        columns["district"] = np.array(self.districts, dtype=object)[self.district[row, col]]
        columns |= {name: grid[row, col] for name, grid in self.counts.items()}
        squares = shapely.box(x, y, x + self.cell_m, y + self.cell_m)
        return gpd.GeoDataFrame(columns, geometry=squares, crs=self.crs)


def build_cells(
    features: gpd.GeoDataFrame,
    areas: gpd.GeoDataFrame,
    *,
    columns: Mapping[str, Sequence[str]],
    cell_m: int,
    crs: str,
    district_field: str,
    district_names: Mapping[str, str] | None = None,
) -> CellGrid:
    """Count operating facilities per cell.

    A cell belongs to the district that covers its centre; where areas overlap, to the first by
    name. Features outside every area are not counted. A coastal cell whose centre is at sea but
    which holds features on land is land of the district with most of them, so that the cells sum
    to what was counted.

    Parameters
    ----------
    features
        `category`, `status`, `x`, `y` (metres in `crs`), as `read_osm_features` gives them.
    areas
        Polygons of the study with the name of their district, in any CRS.
    columns
        The counts wanted, each with the categories it sums.
    cell_m
        Side of a cell.
    crs
        CRS of the grid, in metres.
    district_field
        Column of `areas` with the district's name.
    district_names
        Full name by the name that `areas` gives, where that is a short one.

    Returns
    -------
    grid

    Raises
    ------
    CrsError
        `areas` has no CRS.
    FieldError
        `areas` lacks the column of the districts.
    """
    districts, parts = _districts(areas, crs, district_field, district_names or {})
    counted = features[(features["status"] == "operating")].reset_index(drop=True)
    place = _cover(parts, counted["x"].to_numpy(), counted["y"].to_numpy(), len(districts))
    inside = place != OUTSIDE
    counted, place = counted[inside], place[inside]
    row = np.floor(counted["y"].to_numpy() / cell_m).astype(np.int64)
    col = np.floor(counted["x"].to_numpy() / cell_m).astype(np.int64)
    wanted = counted["category"].isin({c for names in columns.values() for c in names}).to_numpy()
    first_row, first_col, shape = _extent(parts, row[wanted], col[wanted], cell_m)
    flat = (row - first_row) * shape[1] + (col - first_col)
    counts = {
        name: np.bincount(
            flat[counted["category"].isin(names).to_numpy()], minlength=shape[0] * shape[1]
        ).reshape(shape)
        for name, names in columns.items()
    }
    district = _district_of_cells(parts, len(districts), (first_row, first_col), shape, cell_m)
    _add_coast(district, flat[wanted], place[wanted], len(districts))
    grid = _cropped(CellGrid(crs, cell_m, first_row, first_col, counts, district, districts))
    logger.info("counted %d features in %r", int(wanted.sum()), grid)
    return grid


def write_cells(grid: CellGrid, counts_path: Path, land_path: Path) -> None:
    """Write the counts (cells with any) and the land (runs along rows) as two CSV files.

    Both name cells by the multiples of the cell's side at which they start, so that a line can be
    placed without any other: x = col * side, y = row * side, in the grid's CRS. Two files keep
    "counted and zero" apart from "outside".
    """
    table = pd.DataFrame({name: values.ravel() for name, values in grid.counts.items()})
    row, col = np.indices(grid.shape)
    table.insert(0, "row", row.ravel() + grid.first_row)
    table.insert(1, "col", col.ravel() + grid.first_col)
    table = table[table[list(grid.counts)].sum(axis=1) > 0]
    atomic_write(counts_path, table.to_csv(index=False, lineterminator="\n"))
    runs = pd.DataFrame(_runs(grid), columns=["row", "first_col", "last_col", "district_zh"])
    atomic_write(land_path, runs.to_csv(index=False, lineterminator="\n"))


def read_cells(counts_path: Path, land_path: Path, *, cell_m: int, crs: str) -> CellGrid:
    """Read what `write_cells` wrote.

    Raises
    ------
    SourceError
        A file is missing or no CSV.
    FieldError
        A column is missing, a count is negative or blank, or a counted cell is not land.
    """
    counts, runs = _read_csv(counts_path), _read_csv(land_path)
    _require(runs, {"row", "first_col", "last_col", "district_zh"}, land_path)
    _require(counts, {"row", "col"}, counts_path)
    names = [name for name in counts.columns if name not in {"row", "col"}]
    if counts.isna().to_numpy().any() or (counts[names] < 0).to_numpy().any():
        text = "a count is blank or negative"
        raise FieldError(Problem("计数为空或为负", text, path=counts_path))
    first_row, first_col = int(runs["row"].min()), int(runs["first_col"].min())
    shape = (int(runs["row"].max()) - first_row + 1, int(runs["last_col"].max()) - first_col + 1)
    districts = tuple(sorted(set(runs["district_zh"])))
    district = np.full(shape, OUTSIDE, dtype=np.int16)
    for row, start, stop, name in runs.itertuples(index=False):
        span = slice(start - first_col, stop - first_col + 1)
        district[row - first_row, span] = districts.index(name)
    row, col = counts["row"].to_numpy() - first_row, counts["col"].to_numpy() - first_col
    _require_land(district, row, col, counts_path)
    grids = {}
    for name in names:
        grids[name] = np.zeros(shape, dtype=np.int64)
        grids[name][row, col] = counts[name].to_numpy()
    return CellGrid(crs, cell_m, first_row, first_col, grids, district, districts)


def district_shapes(grid: CellGrid, *, tolerance_m: float) -> gpd.GeoDataFrame:
    """Dissolve the land cells to generalised outlines of the districts, for a base map.

    Borders between districts stay shared (a coverage is simplified as a whole); they are true to
    about one cell and are not for measuring.

    Parameters
    ----------
    grid
        The cells.
    tolerance_m
        Tolerance of the simplification; 0 keeps the steps of the cells.

    Returns
    -------
    outlines
        `district_zh`, `area_km2` (of the cells) and a polygon in the grid's CRS.
    """
    import geopandas as gpd
    import shapely

    side = grid.cell_m
    runs = _runs(grid)
    row, start, stop = (np.array(column) * side for column in list(zip(*runs, strict=True))[:3])
    boxes = shapely.box(start, row, stop + side, row + side)
    squares = gpd.GeoSeries(boxes, crs=grid.crs)
    shapes = squares.groupby(np.array([name for *_, name in runs])).apply(
        lambda part: shapely.union_all(part.to_numpy())
    )
    cells = {name: int((grid.district == i).sum()) for i, name in enumerate(grid.districts)}
    area_km2 = [cells[name] * side * side / 1e6 for name in shapes.index]
    outline = shapes.to_numpy()
    if tolerance_m > 0:
        outline = shapely.coverage_simplify(_noded(outline), tolerance_m)
    return gpd.GeoDataFrame(
        {"district_zh": list(shapes.index), "area_km2": area_km2}, geometry=outline, crs=grid.crs
    )


def _noded(shapes: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """Give neighbours the same vertices along shared borders, as a coverage must have."""
    import shapely

    corners = shapely.get_coordinates(shapely.node(shapely.union_all(shapely.boundary(shapes))))
    points = shapely.multipoints(shapely.points(corners))
    return np.array([shapely.snap(shape, points, 0.001) for shape in shapes], dtype=object)


def _districts(
    areas: gpd.GeoDataFrame, crs: str, field: str, full: Mapping[str, str]
) -> tuple[tuple[str, ...], gpd.GeoDataFrame]:
    """Give the names in order, and the parts with the number of their district, in that order."""
    if areas.crs is None:
        raise CrsError(Problem("区界没有坐标系", "the areas have no CRS"))
    if field not in areas.columns:
        known = ", ".join(map(str, areas.columns))
        raise FieldError(
            Problem(
                f"区界缺少字段 {field}", f"the areas lack the field {field}; there are: {known}"
            )
        )
    parts = areas.loc[areas[field].notna(), [field, "geometry"]].to_crs(crs)
    named = parts[field].map(lambda name: full.get(name, name))
    names = tuple(sorted(named.unique()))
    parts["number"] = named.map({name: i for i, name in enumerate(names)})
    parts = _with_enclosed(parts)
    return names, parts.sort_values("number", kind="stable").reset_index(drop=True)


def _with_enclosed(parts: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Give land that no area covers but areas enclose to the district it borders longest.

    Collections of townships leave out industrial zones and farms that are no township; such a
    hole is neither sea nor abroad.
    """
    import geopandas as gpd
    import shapely

    shapes = parts.geometry.to_numpy()
    outlines = shapely.get_parts(shapely.union_all(shapes))
    rings = [ring for outline in outlines for ring in outline.interiors]
    holes = shapely.polygons(rings) if rings else np.empty(0, dtype=object)
    numbers = []
    for hole in holes:
        shared = shapely.length(shapely.intersection(shapes, hole.exterior))
        numbers.append(pd.Series(shared).groupby(parts["number"].to_numpy()).sum().idxmax())
    if len(holes):
        km2 = shapely.area(holes).sum() / 1e6
        logger.info("gave %d enclosed holes, %.1f km2, to their districts", len(holes), km2)
    filled = gpd.GeoDataFrame({"number": numbers}, geometry=holes, crs=parts.crs)
    joined: gpd.GeoDataFrame = pd.concat([parts, filled], ignore_index=True)
    return joined


def _cover(
    parts: gpd.GeoDataFrame, x: npt.NDArray[np.floating], y: npt.NDArray[np.floating], n: int
) -> npt.NDArray[np.int16]:
    """Give the number of the first district that covers each point, `OUTSIDE` where none does."""
    import shapely

    found = np.full(len(x), n, dtype=np.int64)
    point, part = shapely.STRtree(parts.geometry.to_numpy()).query(
        shapely.points(x, y), predicate="intersects"
    )
    np.minimum.at(found, point, parts["number"].to_numpy()[part])
    return np.where(found == n, OUTSIDE, found).astype(np.int16)


def _extent(
    parts: gpd.GeoDataFrame, row: Counts, col: Counts, cell_m: int
) -> tuple[int, int, tuple[int, int]]:
    """First row and column and the shape that hold all areas and all counted cells."""
    west, south, east, north = np.floor(parts.total_bounds / cell_m).astype(int)
    rows, cols = np.append(row, [south, north]), np.append(col, [west, east])
    first_row, first_col = int(rows.min()), int(cols.min())
    return first_row, first_col, (int(rows.max()) - first_row + 1, int(cols.max()) - first_col + 1)


def _district_of_cells(
    parts: gpd.GeoDataFrame, n: int, first: tuple[int, int], shape: tuple[int, int], cell_m: int
) -> npt.NDArray[np.int16]:
    row, col = np.indices(shape)
    x, y = (col + first[1] + 0.5) * cell_m, (row + first[0] + 0.5) * cell_m
    return _cover(parts, x.ravel(), y.ravel(), n).reshape(shape)


def _add_coast(
    district: npt.NDArray[np.int16], flat: Counts, place: npt.NDArray[np.int16], n: int
) -> None:
    """Give cells that hold features but have their centre at sea to the features' district."""
    tally = np.zeros((district.size, n), dtype=np.int64)
    np.add.at(tally, (flat, place), 1)
    coast = (tally.sum(axis=1) > 0) & (district.ravel() == OUTSIDE)
    district.ravel()[coast] = tally[coast].argmax(axis=1)


def _cropped(grid: CellGrid) -> CellGrid:
    """Cut away the rows and columns at the rim that hold no land."""
    row, col = np.nonzero(grid.land)
    rows, cols = slice(row.min(), row.max() + 1), slice(col.min(), col.max() + 1)
    return replace(
        grid,
        first_row=grid.first_row + int(row.min()),
        first_col=grid.first_col + int(col.min()),
        counts={name: values[rows, cols] for name, values in grid.counts.items()},
        district=grid.district[rows, cols],
    )


def _runs(grid: CellGrid) -> list[tuple[int, int, int, str]]:
    """List the runs of cells of one district: row, first column, last column, district."""
    return [
        (grid.first_row + row, grid.first_col + start, grid.first_col + stop - 1, name)
        for row in range(grid.shape[0])
        for start, stop, name in _row_runs(grid.district[row], grid.districts)
    ]


def _row_runs(
    numbers: npt.NDArray[np.int16], districts: Sequence[str]
) -> Iterator[tuple[int, int, str]]:
    edges = np.flatnonzero(np.diff(numbers)) + 1
    bounds = [0, *edges.tolist(), len(numbers)]
    for start, stop in pairwise(bounds):
        if numbers[start] != OUTSIDE:
            yield start, stop, districts[numbers[start]]


def _read_csv(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path)
    except (OSError, ValueError) as error:
        text = f"the table of cells cannot be read: {error}"
        raise SourceError(Problem("格网表无法读取", text, path=path)) from error


def _require(table: pd.DataFrame, columns: set[str], path: Path) -> None:
    lacking = sorted(columns - set(table.columns))
    if lacking:
        listed = ", ".join(lacking)
        raise FieldError(
            Problem(f"缺少字段：{listed}", f"columns are missing: {listed}", path=path)
        )


def _require_land(district: npt.NDArray[np.int16], row: Counts, col: Counts, path: Path) -> None:
    rows, cols = district.shape
    inside = (row >= 0) & (row < rows) & (col >= 0) & (col < cols)
    astray = ~inside
    astray[inside] = district[row[inside], col[inside]] == OUTSIDE
    if astray.any():
        text = f"{int(astray.sum())} counted cells are not land"
        raise FieldError(Problem(f"{int(astray.sum())} 个有计数的格网不在陆地内", text, path=path))

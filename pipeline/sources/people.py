"""Place the people of a table or a raster: residents and jobs by point or cell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.sources.role_tables import check_ids, text_of
from pipeline.sources.tables import points_of

if TYPE_CHECKING:
    from pipeline.sources.study_inputs import StudyInputs

# Names of the columns of people that others use: H3 and census tables.
PEOPLE = {"residents": ("residents", "population"), "jobs": ("jobs", "workers")}
RASTERS = (".tif", ".tiff")


def people_of(given: StudyInputs, area: shapely.Geometry) -> gpd.GeoDataFrame:
    """Place residents and jobs; what the source does not count is null, not zero.

    Parameters
    ----------
    given
        The study's inputs; `residents` is a table of points or cells, or a raster of residents.
    area
        Area of the study in the working CRS; a raster is read inside it only.

    Returns
    -------
    people
        `cell_id`, `residents`, `jobs`, point; sorted by cell.

    Raises
    ------
    SourceError, CrsError, FieldError
        The source cannot be read, has no CRS, or ids repeat.
    """
    source = given.settings.residents
    if source is not None and source.path is not None and source.path.suffix.lower() in RASTERS:
        return of_raster(source.path, area, crs=given.crs)
    table = given.placed("residents")
    if table is None:
        empty = {name: pd.Series(dtype="float64") for name in PEOPLE}
        return gpd.GeoDataFrame({"cell_id": [], **empty}, geometry=[], crs=given.crs)
    counted = {
        role: pd.to_numeric(text_of(table, *names), errors="coerce").astype("float64")
        for role, names in PEOPLE.items()
    }
    cells = text_of(table, "cell_id", "id").fillna(table.index.to_series().astype(str))
    people = table.assign(cell_id=cells, **counted)
    check_ids(people, "cell_id", role="residents")
    kept = points_of(people, crs=given.crs)[["cell_id", *PEOPLE, "geometry"]]
    return kept.sort_values("cell_id", ignore_index=True)


def of_raster(path: Path, area: shapely.Geometry, *, crs: str) -> gpd.GeoDataFrame:
    """Take the cells of a raster of residents that have data, each at its centre.

    Parameters
    ----------
    path
        Any raster GDAL reads; counts per cell in its first band.
    area
        Area to read, in `crs`.
    crs
        Working CRS.
    """
    from pipeline.sources.rasters import read_window

    window = read_window(path, bounds=area.bounds, bounds_crs=crs)
    row, column = np.nonzero(np.isfinite(window.values))
    a, b, c, d, e, f = tuple(window.transform)[:6]
    x, y = column + 0.5, row + 0.5
    points = gpd.GeoSeries.from_xy(a * x + b * y + c, d * x + e * y + f, crs=window.crs)
    people = gpd.GeoDataFrame(
        {
            "cell_id": [f"r{i}c{j}" for i, j in zip(row.tolist(), column.tolist(), strict=True)],
            "residents": np.asarray(window.values)[row, column],
            "jobs": np.nan,
        },
        geometry=points.to_crs(crs).to_numpy(),
        crs=crs,
    )
    return people.sort_values("cell_id", ignore_index=True)

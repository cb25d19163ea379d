"""Compute the surfaces that are published: minutes to a service, gaps, density of facilities."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from pipeline.measures.gaps import normalised_gap, service_gap
from pipeline.network.access import MEASURED, nearest_minutes
from pipeline.network.standing import Standing, stand
from pipeline.publish.layer_rasters import Band, Grid, inside

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from pipeline.network.place_access import Streets
    from pipeline.settings.needs import NeedSettings
    from pipeline.settings.network import NetworkSettings

COUNTS = {
    "stops": ("公交站", "bus stops"),
    "schools": ("学校", "schools"),
    "health": ("医疗设施", "health facilities"),
    "shops": ("商店", "shops"),
    "sport": ("体育设施", "sports facilities"),
    "parks": ("公园绿地", "parks and greens"),
    "finance": ("金融、邮政与市场", "finance, post and markets"),
}
#: Where `minutes_bands` puts the gap, counted from 1.
GAP_BAND = 3


@dataclass(frozen=True)
class Ground:
    """The grid of the surfaces and the cells of it that are land of the study."""

    grid: Grid
    land: NDArray[np.bool_]

    @classmethod
    def of(cls, grid: Grid, area: gpd.GeoSeries) -> Ground:
        """Choose the cells whose centres lie in the area (all when there is none)."""
        return cls(grid, inside(grid, area))

    @cached_property
    def points(self) -> gpd.GeoSeries:
        """The centres of the land cells."""
        import geopandas as gpd

        x, y = self.grid.centres()
        return gpd.GeoSeries(shapely.points(x[self.land], y[self.land]), crs=self.grid.crs)

    def standing_on(self, streets: Streets, *, snap_max_m: float) -> Standing | None:
        """Find where the centres of the land cells stand on streets; None where there are none."""
        if streets.graph is None:
            return None
        xy = shapely.get_coordinates(self.points.to_numpy())
        return stand(self.points, xy, streets.graph, streets.coverage, snap_max_m)


def minutes_of(
    ground: Ground,
    facilities: gpd.GeoDataFrame,
    streets: Streets,
    *,
    by: str,
    network: NetworkSettings,
    start: Standing | None = None,
) -> pd.DataFrame:
    """Give the minutes from every land cell to the nearest facility and how they are known.

    Parameters
    ----------
    ground
        Where to compute.
    facilities
        Points of the facilities that count, in the CRS of the grid.
    streets
        Streets of the mode of travel.
    by
        Column that names a facility.
    network
        Speeds, detour factor and cap of snapping.
    start
        Where the land cells stand on these streets, where that is known already.

    Returns
    -------
    By land cell: `cell` (its place in the grid, row by row), `minutes`, `measured` (1 on streets, 0
    estimated by straight line); both NaN where nothing is known.
    """
    found = nearest_minutes(
        ground.points,
        facilities,
        streets.graph,
        by=by,
        coverage=streets.coverage,
        walk_speed_m_min=network.walk_speed_m_min,
        estimate_speed_m_min=streets.speed_m_min,
        detour_factor=network.detour_factor,
        snap_max_m=network.snap_max_m,
        limit_min=None,
        start=start,
    )
    minutes = found["minutes"].astype("float64")
    measured = found["method"].eq(MEASURED).astype("float64").where(minutes.notna())
    cells = np.flatnonzero(ground.land)
    return pd.DataFrame({"cell": cells, "minutes": minutes, "measured": measured})


def minutes_bands(
    grid: Grid, found: pd.DataFrame, *, need: NeedSettings, gap_cap: float
) -> list[Band]:
    """Lay minutes out on the grid, beside the gap.

    Parameters
    ----------
    grid
        Of the minutes.
    found
        What `minutes_of` gave.
    need
        The standard that the minutes are held against, in minutes.
    gap_cap
        Largest share of the standard that counts.

    Returns
    -------
    Bands `minutes`, `measured` and `gap` (share of the standard that is missing, 0 where it is
    met); NaN outside the land and where nothing is known.
    """
    minutes = found["minutes"]
    missed = service_gap(minutes, need=need.threshold, direction=need.direction)
    gap = normalised_gap(
        missed, need=need.threshold, normalisation="share_of_standard", cap=gap_cap
    )
    told = (
        ("minutes", "分钟", "minutes", "min", minutes),
        ("measured", "1 实测，0 估算", "1 measured, 0 estimated", "1", found["measured"]),
        ("gap", "缺口", "gap", "share", gap),
    )
    where = found["cell"].to_numpy()
    return [
        Band(name, zh, en, unit, grid.filled(values, where)) for name, zh, en, unit, values in told
    ]


def density_bands(cells: pd.DataFrame, *, cell_m: float, crs: str) -> tuple[Grid, list[Band]]:
    """Density of mapped facilities per km² on the study's own grid of counts.

    Parameters
    ----------
    cells
        Columns `row` and `col` (from the origin of the CRS in steps of the cell) and the counts.
    cell_m
        Side of a cell in metres.
    crs
        CRS of the grid.

    Returns
    -------
    The grid, and one band for each kind of facility that the cells count; NaN where there is no
    cell, or its count is unknown.
    """
    rows, columns = cells["row"].to_numpy(), cells["col"].to_numpy()
    west, north = columns.min() * cell_m, (rows.max() + 1) * cell_m
    shape = (int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1)
    grid = Grid(crs, float(west), float(north), cell_m, *shape)
    bands = []
    for name, (zh, en) in COUNTS.items():
        if name not in cells.columns:
            continue
        values = np.full(shape, np.nan, dtype=np.float32)
        per_km2 = cells[name].to_numpy(dtype=np.float64, na_value=np.nan) / (cell_m / 1000) ** 2
        values[rows.max() - rows, columns - columns.min()] = per_km2
        bands.append(Band(name, zh, en, "1/km2", values))
    return grid, bands

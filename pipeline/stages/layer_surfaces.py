"""Feed the published surfaces with what earlier stages wrote."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import geopandas as gpd

from pipeline.network.place_access import Streets
from pipeline.network.standing import Standing
from pipeline.publish.layer_rasters import Band, Grid
from pipeline.publish.layer_surfaces import Ground, density_bands, minutes_bands
from pipeline.settings.needs import NeedSettings
from pipeline.settings.network import Mode
from pipeline.stages.context import StageContext
from pipeline.stages.place_tables import mode_streets, of_variant
from pipeline.stages.rail import SCENARIOS

FAMILIES = {
    "rail": ("轨道", "rail"),
    "hospital": ("医院", "hospitals"),
    "school": ("学校", "schools"),
}
MODES = {"walk": ("步行", "walk"), "cycle": ("骑行", "cycle"), "drive": ("驾车", "drive")}
# What a surface derives from, as roles of inputs; the layers of the same name list the same.
ROLES = {
    "rail": ("line_stations", "planned_stations", "cells", "osm_extract"),
    "hospital": ("hospitals", "cells", "osm_extract"),
    "school": ("schools", "cells", "osm_extract"),
    "density": ("cells",),
}


@dataclass(frozen=True)
class Surface:
    """One raster file to be: what it shows and from what."""

    name: str
    zh: str
    en: str
    grid: Grid
    bands: list[Band]
    roles: tuple[str, ...]
    breaks: tuple[float, ...]
    unit: str


def surfaces(
    context: StageContext, extent: tuple[float, float, float, float], *, grid_m: float
) -> Iterator[Surface]:
    """Give the minutes and gaps of every need stated in minutes, then the density of facilities."""
    districts = context.layer("ingest", "districts.parquet")
    grid = Grid.over(extent, cell_m=grid_m, crs=context.crs)
    ground = Ground.of(grid, districts.geometry)
    timed = [n for n in context.settings("gaps").needs if n.unit == "min" and n.mode != "rail_walk"]
    known: dict[str, tuple[Streets, Standing | None]] = {}
    for number, need in enumerate(timed):
        if need.mode not in known:
            known[need.mode] = _on_streets(context, ground, cast("Mode", need.mode))
        yield _minutes(context, ground, need, *known[need.mode])
        if need.mode not in {later.mode for later in timed[number + 1 :]}:
            del known[need.mode]  # one network is as large as all else together
    cells = context.layer("ingest", "cells.parquet")
    if len(cells):
        cell_m = float(cells.geometry.iloc[0].bounds[2] - cells.geometry.iloc[0].bounds[0])
        own, bands = density_bands(cells, cell_m=round(cell_m), crs=context.crs)
        if bands:
            yield Surface(
                "density_facilities",
                f"设施密度：{bands[0].zh}",  # QGIS draws the first band
                f"Density of facilities: {bands[0].en}",
                own,
                bands,
                ROLES["density"],
                (0.0, 4.0, 12.0, 24.0),
                "/km2",
            )


def _on_streets(
    context: StageContext, ground: Ground, mode: Mode
) -> tuple[Streets, Standing | None]:
    streets = mode_streets(context, mode)
    snap_max_m = context.settings("network").snap_max_m
    return streets, ground.standing_on(streets, snap_max_m=snap_max_m)


def _minutes(
    context: StageContext,
    ground: Ground,
    need: NeedSettings,
    streets: Streets,
    start: Standing | None,
) -> Surface:
    chosen, by = _facilities(context, need)
    network = context.settings("network")
    bands = minutes_bands(
        ground,
        chosen,
        streets,
        start=start,
        by=by,
        need=need,
        network=network,
        gap_cap=context.settings("gaps").cap,
    )
    zh, en = FAMILIES[need.service]
    return Surface(
        f"minutes_{need.service}",
        f"到{zh}的分钟（{MODES[need.mode][0]}）",
        f"Minutes to {en} ({MODES[need.mode][1]})",
        ground.grid,
        bands,
        ROLES[need.service],
        tuple(need.threshold * factor for factor in (0.5, 1.0, 1.5, 2.0)),
        "min",
    )


def _facilities(context: StageContext, need: NeedSettings) -> tuple[gpd.GeoDataFrame, str]:
    if need.service == "rail":
        stations = context.layer("rail", "stations.parquet")
        return stations[stations["status"].isin(SCENARIOS[need.variant])], "station_id"
    facilities = context.layer("ingest", "facilities.parquet")
    return of_variant(facilities, need.service, need.variant), "campus_id"

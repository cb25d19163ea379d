"""Write the published surfaces from what earlier stages wrote, and give the views of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version

import geopandas as gpd

from pipeline.publish.layer_licences import licence_of, mixed
from pipeline.publish.layer_rasters import Band, Grid, classes_pipe, write_cog
from pipeline.publish.layer_surfaces import (
    COUNTS,
    GAP_BAND,
    Ground,
    density_bands,
    minutes_bands,
    minutes_of,
)
from pipeline.publish.provenance import Source
from pipeline.publish.qgis_looks import COUNT
from pipeline.publish.qgis_project import RasterLayer
from pipeline.settings.needs import NeedSettings
from pipeline.settings.network import Mode
from pipeline.stages.context import StageContext
from pipeline.stages.layer_rows import extent_of
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
# What every raster is set by: its tags say the study, its date, and under which licence it stands.
RASTER_SET_BY = ("study", "layers.unstated_licence")
DENSITY = "density_facilities"


@dataclass(frozen=True)
class Surface:
    """What one raster file is called and derives from."""

    name: str
    zh: str
    en: str
    roles: tuple[str, ...]

    @property
    def file(self) -> str:
        """Where it lies, seen from the project."""
        return f"rasters/{self.name}.tif"


def keep_rasters(context: StageContext, given: Mapping[str, Source]) -> list[RasterLayer]:
    """Write the rasters, unless those there are stand, and give the views of them.

    One part computes the minutes of all needs of one mode, as a network is as large as all else
    together; what holds them against their standard is others.
    """
    timed = [n for n in context.settings("gaps").needs if n.unit == "min" and n.mode != "rail_walk"]
    for mode in dict.fromkeys(need.mode for need in timed):
        asked = (f"gaps.needs[mode={mode}].{name}" for name in ("service", "variant", "unit"))
        context.part(
            f"minutes, {mode}",
            partial(_compute_minutes, context, mode),
            set_by=("study.crs", "network", "layers.grid_m", *asked),
        )
    for service in dict.fromkeys(need.service for need in timed):
        context.part(
            f"minutes_{service}",
            partial(_write_minutes, context, service, given),
            set_by=(*RASTER_SET_BY, "layers.grid_m", f"gaps.needs[service={service}]", "gaps.cap"),
        )
    context.part(DENSITY, partial(_write_density, context, given), set_by=RASTER_SET_BY)
    views = [view for need in timed for view in _views(context, need)]
    return views + _density_views(context)


def _grid(context: StageContext) -> Grid:
    extent = extent_of(context, "districts", context.crs)
    return Grid.over(extent, cell_m=context.settings("layers").grid_m, crs=context.crs)


def _compute_minutes(context: StageContext, mode: Mode) -> None:
    ground = Ground.of(_grid(context), context.layer("ingest", "districts.parquet").geometry)
    streets, network = mode_streets(context, mode), context.settings("network")
    start = ground.standing_on(streets, snap_max_m=network.snap_max_m)
    for need in context.settings("gaps").needs:
        if need.unit == "min":
            chosen, by = _facilities(context, need)
            found = minutes_of(ground, chosen, streets, by=by, network=network, start=start)
            context.put(f"surface_{need.service}.parquet", found)


def _write_minutes(context: StageContext, service: str, given: Mapping[str, Source]) -> None:
    grid, gap_cap = _grid(context), context.settings("gaps").cap
    found = context.frame("layers", f"surface_{service}.parquet")
    for need in context.settings("gaps").needs:
        if need.unit == "min" and need.mode != "rail_walk":
            bands = minutes_bands(grid, found, need=need, gap_cap=gap_cap)
            _write(context, _minutes(need), grid, bands, given)


def _minutes(need: NeedSettings) -> Surface:
    zh, en = FAMILIES[need.service]
    return Surface(
        f"minutes_{need.service}",
        f"到{zh}的分钟（{MODES[need.mode][0]}）",
        f"Minutes to {en} ({MODES[need.mode][1]})",
        ROLES[need.service],
    )


def _density(counted: Sequence[str]) -> Surface:
    zh, en = COUNTS[counted[0]]  # QGIS draws the first band
    return Surface(DENSITY, f"设施密度：{zh}", f"Density of facilities: {en}", ROLES["density"])


def _counted(names: Sequence[str]) -> list[str]:
    return [name for name in COUNTS if name in names]


def _write_density(context: StageContext, given: Mapping[str, Source]) -> None:
    cells = context.layer("ingest", "cells.parquet")
    if not len(cells):
        return
    cell_m = float(cells.geometry.iloc[0].bounds[2] - cells.geometry.iloc[0].bounds[0])
    own, bands = density_bands(cells, cell_m=round(cell_m), crs=context.crs)
    if bands:
        _write(context, _density([band.name for band in bands]), own, bands, given)


def _write(
    context: StageContext,
    surface: Surface,
    grid: Grid,
    bands: Sequence[Band],
    given: Mapping[str, Source],
) -> None:
    used = [given[role] for role in surface.roles if role in given]
    licence = mixed(
        (licence_of(source.licence) for source in used),
        layer=surface.name,
        unstated=context.settings("layers").unstated_licence,
    )
    study = context.settings("study")
    tags = {
        "TITLE": f"{surface.zh} / {surface.en}",
        "LICENCE": licence.id,
        "ATTRIBUTION": "; ".join(sorted({s.attribution for s in used if s.attribution})),
        "STUDY": study.id,
        "DATE": study.date.isoformat(),
        "NODATA": "NaN: outside the study area, or not known; never zero",
        "SOFTWARE": f"parkgap {version('parkgap')}",
    }
    with context.writing(f"layers:{surface.file}") as target:
        write_cog(target, grid, bands, tags=tags)


def _views(context: StageContext, need: NeedSettings) -> Iterator[RasterLayer]:
    """Give the two views of the minutes of a need: the minutes, and the gap."""
    surface = _minutes(need)
    breaks = tuple(need.threshold * factor for factor in (0.5, 1.0, 1.5, 2.0))
    yield RasterLayer(
        surface.name, f"{surface.zh} / {surface.en}", surface.file, classes_pipe(breaks, "min")
    )
    yield RasterLayer(
        surface.name.replace("minutes", "gap_surface"),
        f"缺口面：{surface.zh} / Gap surface: {surface.en}",
        surface.file,
        classes_pipe(context.settings("maps").gap_breaks, "", band=GAP_BAND),
    )


def _density_views(context: StageContext) -> list[RasterLayer]:
    import pyarrow.parquet as pq

    cells = pq.ParquetFile(context.path("ingest", "cells.parquet"))
    counted = _counted(cells.schema_arrow.names)
    if not cells.metadata.num_rows or not counted:
        return []
    surface = _density(counted)
    pipe = classes_pipe((0.0, 4.0, 12.0, 24.0), "/km2", palette=COUNT)
    return [RasterLayer(surface.name, f"{surface.zh} / {surface.en}", surface.file, pipe)]


def _facilities(context: StageContext, need: NeedSettings) -> tuple[gpd.GeoDataFrame, str]:
    if need.service == "rail":
        stations = context.layer("rail", "stations.parquet")
        return stations[stations["status"].isin(SCENARIOS[need.variant])], "station_id"
    facilities = context.layer("ingest", "facilities.parquet")
    return of_variant(facilities, need.service, need.variant), "campus_id"

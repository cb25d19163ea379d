"""Write the layers people open: GeoPackage, QGIS project, rasters, tables, provenance."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np

from pipeline.publish.geopackage import dictionary, write_geopackage
from pipeline.publish.iso_metadata import STANDARD_URI, iso_metadata
from pipeline.publish.layer_codes import unnamed_codes
from pipeline.publish.layer_csv import readme, write_csv, write_table
from pipeline.publish.layer_excel import write_excel
from pipeline.publish.layer_licences import licence_of, mixed
from pipeline.publish.layer_parquet import read_geoparquet, write_geoparquet
from pipeline.publish.layer_rasters import classes_pipe, write_cog
from pipeline.publish.layer_recipes import Options, Recipe
from pipeline.publish.layer_schemas import layer_schemas
from pipeline.publish.layer_tables import RECIPES, Layer, make_layer, named, recipes_of
from pipeline.publish.map_measures import code_words
from pipeline.publish.provenance import (
    Collection,
    Provenance,
    Source,
    credit_line,
    metadata_table,
    stac_collection,
    trace,
)
from pipeline.publish.qgis_looks import COUNT
from pipeline.publish.qgis_project import ProjectText, RasterLayer, write_project
from pipeline.publish.qgis_style import styles
from pipeline.publish.qgis_symbols import StyleOptions
from pipeline.settings.layers import LayerSettings
from pipeline.stages.context import StageContext
from pipeline.stages.flow import upstream
from pipeline.stages.layer_sources import makings, sources
from pipeline.stages.layer_surfaces import Surface, surfaces

Box = tuple[float, float, float, float]
# What the two files of one layer are set by beside the tables that it is made of.
LAYER_SET_BY = ("study.crs", "maps.gap_breaks", "layers.unstated_licence")


def run(context: StageContext) -> None:
    """Write all layers in all forms, then the provenance that names every file."""
    settings = _settings(context)
    given = sources(context)
    layers = named(context, [_made(context, one, given) for one in recipes_of(context.spec.needs)])
    if bare := unnamed_codes([layer.schema for layer in layers]):
        context.notice(
            f"研究未给这些代码命名，图层中照原样显示：{'、'.join(bare)}（见 inputs.labels）",
            f"the study names no label for these codes, layers show them as they are: "
            f"{', '.join(bare)} (see inputs.labels)",
        )
    traced = [_traced(context, layer, given) for layer in layers]
    _geopackage(context, layers, traced)
    extent = _extent(layers, "districts", context.crs)
    rasters = [
        view
        for surface in surfaces(context, extent, grid_m=settings.grid_m)
        for view in _raster(context, surface, given, settings)
    ]
    _project(context, layers, traced, rasters)
    _tables(context, layers, traced, settings)
    _provenance(context, layers, traced, rasters)
    rows = sum(len(layer.frame) for layer in layers)
    context.log.info("wrote %d layers with %d rows and %d rasters", len(layers), rows, len(rasters))


def _settings(context: StageContext) -> LayerSettings:
    found: LayerSettings = context.settings("layers")
    return found


def _made(context: StageContext, recipe: Recipe, given: Mapping[str, Source]) -> Layer:
    """Make a layer and write its files, or take its rows from those that stand."""
    rows, table = (f"layers:parquet/{recipe.name}.parquet", f"outputs:tables/{recipe.name}.csv")
    found: list[Layer] = []

    def write() -> None:
        options = Options(gap_breaks=context.settings("maps").gap_breaks)
        layer = make_layer(recipe, context, options)
        with context.writing(table) as target:
            write_csv(target, layer.frame, layer.schema)
        with context.writing(rows) as target:
            write_geoparquet(target, layer, _traced(context, layer, given))
        found.append(layer)

    context.part(recipe.name, write, set_by=LAYER_SET_BY)
    if found:
        return found[0]
    schema = layer_schemas()[recipe.name]
    return Layer(schema, read_geoparquet(context.written(rows), spatial=schema.spatial))


def _traced(context: StageContext, layer: Layer, given: Mapping[str, Source]) -> Provenance:
    recipe = next(one for one in RECIPES if one.name == layer.schema.name)
    before = sorted({name for stage in recipe.stages for name in upstream(stage)})
    return trace(
        layer.schema,
        rows=len(layer.frame),
        sources=[given[role] for role in recipe.roles if role in given],
        makings=makings(context, before),
        unstated=_settings(context).unstated_licence,
    )


def _geopackage(
    context: StageContext, layers: Sequence[Layer], traced: Sequence[Provenance]
) -> None:
    date = context.settings("study").date
    documents = {
        layer.schema.name: (
            STANDARD_URI,
            "text/xml",
            iso_metadata(one, date=date, bbox=_degrees(layer)),
        )
        for layer, one in zip(layers, traced, strict=True)
    }
    whole = {
        "": (
            "https://stacspec.org",
            "application/json",
            json.dumps(_collection(context, layers, traced, {}), ensure_ascii=False),
        )
    }
    with context.writing("layers:parkgap.gpkg") as target:
        write_geopackage(
            target,
            layers,
            date=date,
            styles=styles([layer.schema for layer in layers], _looks(context)),
            metadata=whole | documents,
            about=metadata_table(traced),
        )


def _raster(
    context: StageContext,
    surface: Surface,
    given: Mapping[str, Source],
    settings: LayerSettings,
) -> list[RasterLayer]:
    """Write one file and give the views of it that the project offers."""
    used = [given[role] for role in surface.roles if role in given]
    licence = mixed(
        (licence_of(source.licence) for source in used),
        layer=surface.name,
        unstated=settings.unstated_licence,
    )
    tags = {
        "TITLE": f"{surface.zh} / {surface.en}",
        "LICENCE": licence.id,
        "ATTRIBUTION": "; ".join(sorted({s.attribution for s in used if s.attribution})),
        "STUDY": context.settings("study").id,
        "DATE": context.settings("study").date.isoformat(),
        "NODATA": "NaN: outside the study area, or not known; never zero",
        "SOFTWARE": f"parkgap {version('parkgap')}",
    }
    file = f"rasters/{surface.name}.tif"
    with context.writing(f"layers:{file}") as target:
        write_cog(target, surface.grid, surface.bands, tags=tags)
    title = f"{surface.zh} / {surface.en}"
    names = [band.name for band in surface.bands]
    if "gap" not in names:
        pipe = classes_pipe(surface.breaks, surface.unit, palette=COUNT)
        return [RasterLayer(surface.name, title, file, pipe)]
    gap = classes_pipe(context.settings("maps").gap_breaks, "", band=names.index("gap") + 1)
    name = surface.name.replace("minutes", "gap_surface")
    return [
        RasterLayer(surface.name, title, file, classes_pipe(surface.breaks, surface.unit)),
        RasterLayer(name, f"缺口面：{surface.zh} / Gap surface: {surface.en}", file, gap),
    ]


def _project(
    context: StageContext,
    layers: Sequence[Layer],
    traced: Sequence[Provenance],
    rasters: Sequence[RasterLayer],
) -> None:
    identity = context.settings("study")
    note = "虚线为示意边界 / dashed: indicative boundary"
    with context.writing("layers:parkgap.qgz") as target:
        write_project(
            target,
            [layer.schema for layer in layers],
            rasters=rasters,
            options=_looks(context),
            crs=context.crs,
            extent=_extent(layers, "places", context.crs),
            closer=_closer(layers, context.crs),
            empty=[
                layer.schema.name
                for layer in layers
                if layer.schema.spatial and layer.frame.geometry.isna().all()
            ],
            rights={one.schema.name: (one.licence.id, "; ".join(_rights(one))) for one in traced},
            text=ProjectText(
                f"{identity.name_zh} / {identity.name_en}",
                f"{note}；{identity.date}；{credit_line(traced)}；parkgap {version('parkgap')}",
            ),
        )


def _rights(one: Provenance) -> list[str]:
    return [*one.attributions, *(f"保留 / reserved {kept}" for kept in one.reservations)]


def _tables(
    context: StageContext,
    layers: Sequence[Layer],
    traced: Sequence[Provenance],
    settings: LayerSettings,
) -> None:
    with context.writing("outputs:tables/data_dictionary.csv") as target:
        write_table(target, dictionary([layer.schema for layer in layers]))
    with context.writing("outputs:tables/README.md") as target:
        kept = dict.fromkeys(str(held) for one in traced for held in one.reservations)
        text = "\n".join([readme(), credit_line(traced), *(f"保留 / reserved {k}" for k in kept)])
        target.write_text(f"{text}\n", encoding="utf-8")
    if settings.excel:
        with context.writing("outputs:tables/parkgap.xlsx") as target:
            write_excel(target, layers, date=context.settings("study").date)


def _provenance(
    context: StageContext,
    layers: Sequence[Layer],
    traced: Sequence[Provenance],
    rasters: Sequence[RasterLayer],
) -> None:
    assets = {"geopackage": "./parkgap.gpkg", "qgis_project": "./parkgap.qgz"}
    assets |= {Path(raster.file).stem: f"./{raster.file}" for raster in rasters}
    assets |= {
        f"{layer.schema.name}_parquet": f"./parquet/{layer.schema.name}.parquet" for layer in layers
    }
    found = _collection(context, layers, traced, assets)
    with context.writing("layers:parkgap.provenance.json") as target:
        target.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _collection(
    context: StageContext,
    layers: Sequence[Layer],
    traced: Sequence[Provenance],
    assets: Mapping[str, str],
) -> dict[str, object]:
    identity = context.settings("study")
    about = Collection(
        id=identity.id,
        zh=identity.name_zh,
        en=identity.name_en,
        date=identity.date,
        bbox=_extent(layers, "districts", "EPSG:4326"),
        version=version("parkgap"),
    )
    return stac_collection(about, traced, assets)


def _degrees(layer: Layer) -> Box | None:
    """Give the bounds of a layer in degrees; None for a table or an empty layer."""
    if not layer.schema.spatial or layer.frame.geometry.dropna().empty:
        return None
    west, south, east, north = layer.frame.total_bounds.tolist()
    return (west, south, east, north)


def _closer(layers: Sequence[Layer], crs: str) -> dict[str, Box]:
    """Give the extents of layers that lie in a small part of the study, where they have rows."""
    small = [layer for layer in layers if layer.schema.name == "parcels" and len(layer.frame)]
    return {layer.schema.name: _extent([*layers], layer.schema.name, crs) for layer in small}


def _looks(context: StageContext) -> StyleOptions:
    """Say what the looks depend on: the classes of a gap, and what the needs count."""
    labels: dict[str, tuple[str, str]] = context.settings("inputs").labels
    needs = context.settings("gaps").needs
    words = code_words([need.variant for need in needs], given=labels)
    counted = {
        need.service: (need.variant, *words.get(need.variant, (need.variant, need.variant)))
        for need in needs
    }
    return StyleOptions(gap_breaks=context.settings("maps").gap_breaks, counted=counted)


def _extent(layers: Sequence[Layer], name: str, crs: str) -> Box:
    """Give the bounds of a layer, or of the places where it is empty."""
    by_name = {layer.schema.name: layer.frame for layer in layers}
    frame = by_name[name] if len(by_name[name]) else by_name["places"]
    bounds = frame.geometry.dropna().to_crs(crs).total_bounds
    west, south, east, north = np.where(np.isnan(bounds), 0, bounds).tolist()
    return (west, south, east, north)

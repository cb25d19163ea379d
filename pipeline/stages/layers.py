"""Write the layers people open: GeoPackage, QGIS project, rasters, tables, provenance."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree as ET

from pipeline.publish.geopackage import (
    Begun,
    begin_geopackage,
    begin_tables,
    dictionary,
    write_geopackage,
)
from pipeline.publish.iso_metadata import STANDARD_URI, iso_metadata
from pipeline.publish.layer_codes import study_columns, study_schemas, unnamed_codes
from pipeline.publish.layer_csv import readme, write_table
from pipeline.publish.layer_excel import write_excel
from pipeline.publish.layer_frames import INTERCHANGE_CRS
from pipeline.publish.layer_parquet import write_geoparquet
from pipeline.publish.layer_recipes import Recipe
from pipeline.publish.layer_tables import recipes_of, study_labels
from pipeline.publish.map_measures import code_words
from pipeline.publish.provenance import (
    Collection,
    Provenance,
    credit_line,
    metadata_table,
    stac_collection,
)
from pipeline.publish.qgis_project import ProjectText, RasterLayer, write_project
from pipeline.publish.qgis_style import styles
from pipeline.publish.qgis_symbols import StyleOptions
from pipeline.stages.context import StageContext
from pipeline.stages.layer_rows import StoredLayer, extent_of, keep_rows, stored
from pipeline.stages.layer_sources import Origins, behind, sources
from pipeline.stages.layer_surfaces import keep_rasters

# What the GeoPackage begins with, in the stage's own folder.
GROUND, TABLES, STYLES = "ground.gpkg", "access.db", "styles.json"


def run(context: StageContext) -> None:
    """Write all layers in all forms, then the provenance that names every file."""
    origins = Origins(context, sources(context))
    recipes = recipes_of(context.spec.needs)
    for recipe in recipes:
        keep_rows(context, recipe)
        _publish(context, recipe, origins)
    begun = _begin(context, recipes)
    rasters = keep_rasters(context, origins.given)
    layers = _named(context, [stored(context, recipe.name) for recipe in recipes])
    traced = [
        origins.trace(recipe, layer.schema, layer.rows)
        for recipe, layer in zip(recipes, layers, strict=True)
    ]
    collection = _collection(context, traced, rasters)
    _project(context, layers, traced, rasters)
    _geopackage(context, layers, traced, collection, begun)
    _tables(context, layers, traced)
    with context.writing("layers:parkgap.provenance.json") as target:
        text = json.dumps(collection, ensure_ascii=False, indent=1)
        target.write_text(f"{text}\n", encoding="utf-8")
    rows = sum(layer.rows for layer in layers)
    context.log.info("wrote %d layers with %d rows and %d rasters", len(layers), rows, len(rasters))


def _publish(context: StageContext, recipe: Recipe, origins: Origins) -> None:
    """Write the rows with where they come from, unless both are as they were."""

    def write() -> None:
        layer = stored(context, recipe.name)
        traced = origins.trace(recipe, layer.schema, layer.rows)
        with context.writing(f"layers:parquet/{recipe.name}.parquet") as target:
            write_geoparquet(target, layer.path, layer.schema, traced)

    context.part(f"{recipe.name}, published", write, set_by=("layers.unstated_licence",))


def _begin(context: StageContext, recipes: Sequence[Recipe]) -> dict[str, Begun]:
    """Begin the GeoPackage with the rows that most changes of settings leave alone.

    With the layers that rest on no gap, which a need or a weight does not reach, and with the long
    tables of access, which no cap or weight reaches.
    """
    at_rest = [recipe.name for recipe in recipes if "gaps" not in behind(recipe)]
    of_access = [recipe.name for recipe in recipes if recipe.stages[-1] == "access"]

    def write_ground() -> None:
        with context.writing(GROUND) as target:
            layers = [stored(context, name) for name in at_rest]
            begin_geopackage(target, layers, date=context.settings("study").date)

    def write_tables() -> None:
        with context.writing(TABLES) as target:
            begin_tables(target, [stored(context, name) for name in of_access])

    context.part("geopackage", write_ground, set_by=("study.date",))
    context.part("geopackage, access", write_tables)
    return {
        "ground": Begun(context.written(GROUND), frozenset(at_rest)),
        "tables": Begun(context.written(TABLES), frozenset(of_access)),
    }


def _named(context: StageContext, layers: Sequence[StoredLayer]) -> list[StoredLayer]:
    """Fill the code lists that are the study's own, and tell which codes nobody names."""
    held = [(layer.schema, layer.columns(study_columns(layer.schema))) for layer in layers]
    schemas = study_schemas(held, study_labels(context))
    if bare := unnamed_codes(schemas):
        context.notice(
            f"研究未给这些代码命名，图层中照原样显示：{'、'.join(bare)}（见 inputs.labels）",
            f"the study names no label for these codes, layers show them as they are: "
            f"{', '.join(bare)} (see inputs.labels)",
        )
    return [replace(layer, schema=schema) for layer, schema in zip(layers, schemas, strict=True)]


def _geopackage(
    context: StageContext,
    layers: Sequence[StoredLayer],
    traced: Sequence[Provenance],
    collection: Mapping[str, object],
    begun: Mapping[str, Begun],
) -> None:
    date = context.settings("study").date
    documents = {
        layer.schema.name: (
            STANDARD_URI,
            "text/xml",
            iso_metadata(one, date=date, bbox=layer.bounds),
        )
        for layer, one in zip(layers, traced, strict=True)
    }
    whole = {
        "": (
            "https://stacspec.org",
            "application/json",
            json.dumps({**collection, "assets": {}}, ensure_ascii=False),  # files beside this one
        )
    }
    with context.writing("layers:parkgap.gpkg") as target:
        write_geopackage(
            target,
            layers,
            date=date,
            styles=json.loads(context.written(STYLES).read_text(encoding="utf-8")),
            metadata=whole | documents,
            about=metadata_table(traced),
            **begun,
        )


def _project(
    context: StageContext,
    layers: Sequence[StoredLayer],
    traced: Sequence[Provenance],
    rasters: Sequence[RasterLayer],
) -> None:
    identity = context.settings("study")
    note = "虚线为示意边界 / dashed: indicative boundary"
    schemas, looks, crs = [layer.schema for layer in layers], _looks(context), context.crs
    extent = extent_of(context, "places", crs)
    # What lies in a small part of the study, where it has rows.
    small = [one.schema.name for one in layers if one.schema.name == "parcels" and one.rows]
    closer = {name: extent_of(context, name, crs) for name in small}
    empty = [one.schema.name for one in layers if one.schema.spatial and one.bounds is None]
    rights = {one.schema.name: (one.licence.id, "; ".join(_rights(one))) for one in traced}
    text = ProjectText(
        f"{identity.name_zh} / {identity.name_en}",
        f"{note}；{identity.date}；{credit_line(traced)}；parkgap {version('parkgap')}",
    )

    def write() -> None:
        with context.writing(STYLES) as target:
            target.write_text(json.dumps(styles(schemas, looks), ensure_ascii=False), "utf-8")
        with context.writing("layers:parkgap.qgz") as target:
            write_project(
                target,
                schemas,
                rasters=rasters,
                options=looks,
                crs=crs,
                extent=extent,
                closer=closer,
                empty=empty,
                rights=rights,
                text=text,
            )

    views = [(one.name, one.title, one.file, ET.tostring(one.pipe)) for one in rasters]
    given = (schemas, views, looks, crs, extent, closer, empty, rights, text)
    context.part("project", write, made_from=repr(given))


def _rights(one: Provenance) -> list[str]:
    return [*one.attributions, *(f"保留 / reserved {kept}" for kept in one.reservations)]


def _tables(
    context: StageContext, layers: Sequence[StoredLayer], traced: Sequence[Provenance]
) -> None:
    with context.writing("outputs:tables/data_dictionary.csv") as target:
        write_table(target, dictionary([layer.schema for layer in layers]))
    with context.writing("outputs:tables/README.md") as target:
        kept = dict.fromkeys(str(held) for one in traced for held in one.reservations)
        text = "\n".join([readme(), credit_line(traced), *(f"保留 / reserved {k}" for k in kept)])
        target.write_text(f"{text}\n", encoding="utf-8")
    if context.settings("layers").excel:
        with context.writing("outputs:tables/parkgap.xlsx") as target:
            write_excel(target, layers, date=context.settings("study").date)


def _collection(
    context: StageContext, traced: Sequence[Provenance], rasters: Sequence[RasterLayer]
) -> dict[str, object]:
    """Describe all layers and name every file."""
    assets = {"geopackage": "./parkgap.gpkg", "qgis_project": "./parkgap.qgz"}
    assets |= {Path(raster.file).stem: f"./{raster.file}" for raster in rasters}
    names = [one.schema.name for one in traced]
    assets |= {f"{name}_parquet": f"./parquet/{name}.parquet" for name in names}
    identity = context.settings("study")
    about = Collection(
        id=identity.id,
        zh=identity.name_zh,
        en=identity.name_en,
        date=identity.date,
        bbox=extent_of(context, "districts", INTERCHANGE_CRS),
        version=version("parkgap"),
    )
    return stac_collection(about, traced, assets)


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

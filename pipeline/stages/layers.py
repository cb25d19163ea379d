"""Write the layers people open: one GeoPackage, tables, and where everything comes from."""

from __future__ import annotations

from pipeline.publish.geopackage import write_geopackage
from pipeline.publish.layer_csv import write_csv
from pipeline.publish.layer_tables import Options, make_layers
from pipeline.stages.context import StageContext


def run(context: StageContext) -> None:
    """Write the GeoPackage and the CSV tables of all layers."""
    identity = context.settings("study")
    layers = make_layers(
        context,
        stages=context.spec.needs,
        options=Options(gap_breaks=context.settings("maps").gap_breaks),
    )
    with context.writing("layers:parkgap.gpkg") as target:
        write_geopackage(target, layers, date=identity.date, styles={}, metadata={})
    for layer in layers:
        with context.writing(f"outputs:tables/{layer.schema.name}.csv") as target:
            write_csv(target, layer.frame, layer.schema)
    rows = sum(len(layer.frame) for layer in layers)
    context.log.info("wrote %d layers with %d rows to parkgap.gpkg", len(layers), rows)

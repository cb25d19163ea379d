"""Open a GeoPackage and a project in QGIS and say what is seen; run by the system's Python."""

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from qgis.core import (  # type: ignore[import-not-found]
    QgsApplication,
    QgsLayoutExporter,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsProject,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QSize  # type: ignore[import-not-found]


def layers_of(gpkg: str, names: list[str]) -> dict[str, Any]:
    """Load layers by themselves, as a user drags them in; QGIS finds the style by itself."""
    found = {}
    for name in names:
        layer = QgsVectorLayer(f"{gpkg}|layername={name}", name, "ogr")
        renderer = layer.renderer()
        found[name] = {
            "valid": layer.isValid(),
            "count": layer.featureCount(),
            "crs": layer.crs().authid(),
            "renderer": renderer.type() if renderer else None,
            "labels": layer.labelsEnabled(),
            "aliases": {field.name(): field.alias() for field in layer.fields()},
            "widgets": {
                field.name(): layer.editorWidgetSetup(index).type()
                for index, field in enumerate(layer.fields())
            },
            "legend": [item.label() for item in renderer.legendSymbolItems()] if renderer else [],
        }
    return found


def colours(image: Any) -> int:
    """Count the colours of a picture on a coarse grid: a blank one has few."""
    return len(
        {image.pixel(x, y) for x in range(0, image.width(), 7) for y in range(0, image.height(), 7)}
    )


def render(project: Any, theme: str, path: Path) -> dict[str, Any]:
    """Draw a theme on the extent of the project's first layout."""
    layers = project.mapThemeCollection().mapThemeVisibleLayers(theme)
    settings = QgsMapSettings()
    settings.setLayers(layers)
    settings.setDestinationCrs(project.crs())
    settings.setTransformContext(project.transformContext())
    settings.setOutputSize(QSize(700, 600))
    settings.setExtent(project.viewSettings().defaultViewExtent())
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    image = job.renderedImage()
    image.save(str(path))
    return {
        "layers": [layer.id() for layer in layers],
        "colours": colours(image),
        "errors": [error.message for error in job.errors()],
    }


def project_of(path: str, folder: Path) -> dict[str, Any]:
    """Open the project, draw each theme, print each layout."""
    project = QgsProject.instance()
    opened = project.read(str(path))
    themes = project.mapThemeCollection().mapThemes()
    found = {
        "opened": opened,
        "crs": project.crs().authid(),
        "title": project.title(),
        "layers": {
            layer.id(): {
                "valid": layer.isValid(),
                "source": layer.source(),
                "renderer": layer.renderer().type() if layer.renderer() else None,
                "name": layer.name(),
                "licences": layer.metadata().licenses(),
                "rights": layer.metadata().rights(),
                "abstract": layer.metadata().abstract(),
            }
            for layer in project.mapLayers().values()
        },
        "groups": [group.name() for group in project.layerTreeRoot().findGroups()],
        "themes": {
            theme: render(project, theme, folder / f"theme_{number}.png")
            for number, theme in enumerate(themes)
        },
        "layouts": {},
    }
    for number, layout in enumerate(project.layoutManager().printLayouts()):
        settings = QgsLayoutExporter.ImageExportSettings()
        settings.dpi = 96
        settings.generateWorldFile = False
        target = folder / f"layout_{number}.png"
        result = QgsLayoutExporter(layout).exportToImage(str(target), settings)
        found["layouts"][layout.name()] = {
            "ok": result == QgsLayoutExporter.Success,
            "pages": layout.pageCollection().pageCount(),
        }
    return found


def main() -> None:
    """Write what is seen to `seen.json` in the given folder."""
    gpkg, qgz, folder, names = sys.argv[1:5]
    app = QgsApplication([], GUIenabled=False)
    app.initQgis()
    seen = {
        "layers": layers_of(gpkg, names.split(",")),
        "project": project_of(qgz, Path(folder)) if qgz else None,
    }
    Path(folder, "seen.json").write_text(json.dumps(seen, ensure_ascii=False), encoding="utf-8")
    # QGIS tears its objects down in an order of its own and may crash; the work is done.
    os._exit(0)


main()

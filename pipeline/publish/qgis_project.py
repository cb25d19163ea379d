"""Write a QGIS project beside the GeoPackage: groups, themes, layouts, everything styled."""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from pyproj import CRS

from pipeline.publish.layer_schemas import LayerSchema
from pipeline.publish.qgis_layout import LayoutText, layout_element
from pipeline.publish.qgis_looks import looks_of
from pipeline.publish.qgis_style import QGIS_VERSION, style_parts
from pipeline.publish.qgis_symbols import StyleOptions

GROUPS = {
    "synthesis": "布局与缺口 / Layout against gaps",
    "gaps": "缺口 / Gaps",
    "places": "园区与地点 / Places",
    "parcels": "地块 / Parcels",
    "island": "孤岛效应 / Island effect",
    "facilities": "设施与轨道 / Facilities and rail",
    "rasters": "栅格 / Rasters",
    "ground": "底图 / Ground",
    "tables": "表 / Tables",
}
SERVICES = {
    "composite": "综合缺口 / Composite gap",
    "rail": "轨道缺口 / Rail gap",
    "hospital": "医院缺口 / Hospital gap",
    "school": "学校缺口 / School gap",
}
THEMES = {
    "contrast": "孤岛：内外反差 / Island: contrast",
    "separation": "孤岛：空间隔离 / Island: separation",
}
#: Layers that the project shows once for each of their looks.
SEVERAL = {"gaps": SERVICES, "island": THEMES}
_GEOMETRY = {"point": "Point", "line": "Line", "polygon": "Polygon", "table": "No geometry"}
_WKB = {
    "point": "Point",
    "line": "MultiLineString",
    "polygon": "MultiPolygon",
    "table": "NoGeometry",
}
BACKGROUND = (223, 232, 238)


@dataclass(frozen=True)
class RasterLayer:
    """A raster of the project: its file beside the project, and its renderer."""

    name: str
    title: str
    file: str
    pipe: ET.Element


@dataclass(frozen=True)
class ProjectLayer:
    """One entry of the project: a table of the GeoPackage in one of its looks, or a raster."""

    id: str
    title: str
    group: str
    source: str
    element: ET.Element
    provider: str = "ogr"


@dataclass(frozen=True)
class ProjectText:
    """What the project says of itself."""

    title: str
    credit: str


Box = tuple[float, float, float, float]
#: What a printed theme must say beside its map, by a layer it shows.
NOTES = {
    "gaps": "“不可判定”不得作为缺口引用 / never quote what is not testable as a gap",
    "island": "关联而非因果，单个园区检验力低 / association, not cause; low power for one park",
    "pairing": "需求均分为假设，连线不是道路 / equal parts are assumed, a line is no road",
    "sites": "候选点未核实用地 / land at the sites is not verified",
    "gates": "未核实产权、围墙与高差 / ownership, walls and levels are not verified",
    "parcels": "虚线地块为合成示例，非真实地块 / dashed parcels are synthetic, not real",
}


def write_project(
    path: Path,
    schemas: Sequence[LayerSchema],
    *,
    rasters: Sequence[RasterLayer] = (),
    options: StyleOptions,
    crs: str,
    extent: Box,
    text: ProjectText,
    closer: Mapping[str, Box] | None = None,
    rights: Mapping[str, tuple[str, str]] | None = None,
    empty: Collection[str] = (),
) -> None:
    """Write a `.qgz` that refers to `parkgap.gpkg` and to rasters beside it.

    Parameters
    ----------
    path
        File to write.
    schemas
        Layers of the GeoPackage.
    rasters
        Rasters with their renderers.
    options
        What styles depend on.
    crs
        CRS of the map, in metres.
    extent
        West, south, east, north of the first view, in that CRS.
    text
        Title and credit.
    closer
        Extent by name of a layer that lies in a small part of the map, for its own layout.
    rights
        Licence and attribution by layer, shown in its properties.
    empty
        Layers without anything to draw: the project holds them, but no theme or page of their own.
    """
    layers = list(_layers(schemas, options, rasters, rights or {}))
    themes = _themes({layer.id for layer in layers}, empty)
    top = ET.Element("qgis", version=QGIS_VERSION, projectname=text.title)
    ET.SubElement(top, "homePath", path="")
    ET.SubElement(top, "title").text = text.title
    ET.SubElement(top, "projectCrs").append(_srs(crs))
    first = next(iter(themes.values()), frozenset())
    top.append(_tree(layers, first))
    top.append(_canvas(crs, extent))
    top.append(_first_view(crs, extent))
    listed = ET.SubElement(top, "projectlayers")
    for layer in layers:
        listed.append(layer.element)
    order = ET.SubElement(top, "layerorder")
    for layer in layers:
        ET.SubElement(order, "layer", id=layer.id)
    top.append(_properties())
    top.append(_presets(layers, themes))
    layouts = ET.SubElement(top, "Layouts")
    for theme, shown in themes.items():
        legend = [
            layer for layer in layers if layer.id in shown and layer.id != layer_id("districts")
        ]
        layouts.append(
            layout_element(
                theme,
                LayoutText(f"{text.title}：{theme}", "；".join([*_notes(shown), text.credit])),
                legend=[(layer.id, layer.title) for layer in legend],
                extent=_extent_of(shown, closer or {}, extent),
                theme=theme,
            )
        )
    _zip(path, top)


def _notes(shown: frozenset[str]) -> list[str]:
    return [
        note
        for name, note in NOTES.items()
        if any(identity.startswith(layer_id(name)) for identity in shown)
    ]


def _extent_of(shown: frozenset[str], closer: Mapping[str, Box], otherwise: Box) -> Box:
    return next((box for name, box in closer.items() if layer_id(name) in shown), otherwise)


def layer_id(name: str) -> str:
    """Give the id of a layer in the project; QGIS replaces ids of ten letters or fewer."""
    return f"parkgap_{name}"


def _layers(
    schemas: Sequence[LayerSchema],
    options: StyleOptions,
    rasters: Sequence[RasterLayer],
    rights: Mapping[str, tuple[str, str]],
) -> Iterator[ProjectLayer]:
    """Give the entries from top to bottom: by group, points before lines before areas."""
    drawn = sorted(schemas, key=lambda schema: list(_GEOMETRY).index(schema.kind))
    for group in GROUPS:
        for schema in drawn:
            if schema.group == group:
                described = _description(schema, *rights.get(schema.name, ("", "")))
                for layer in _vector_layers(schema, options):
                    layer.element.append(described)
                    yield layer
        if group == "rasters":
            yield from (_raster_layer(raster) for raster in rasters)


def _description(schema: LayerSchema, licence: str, attribution: str) -> ET.Element:
    """Say in the layer's properties what it is, its limits, its licence and whom to name."""
    found = ET.Element("resourceMetadata")
    texts = {
        "identifier": f"parkgap:{schema.name}:{schema.version}",
        "type": "dataset",
        "title": f"{schema.zh} / {schema.en}",
        "abstract": "\n".join((*schema.about, *schema.method, *schema.limits)),
        "license": licence,
        "rights": attribution,
    }
    for name, text in texts.items():
        ET.SubElement(found, name).text = text
    return found


def _vector_layers(schema: LayerSchema, options: StyleOptions) -> Iterator[ProjectLayer]:
    looks = looks_of(schema, options)
    several = schema.name in SEVERAL
    for number, (name, look) in enumerate(looks.items() or [("default", None)]):
        if number and not several:
            break
        identity = layer_id(f"{schema.name}_{name}" if several else schema.name)
        title = SEVERAL[schema.name][name] if several else f"{schema.zh} / {schema.en}"
        source = f"./parkgap.gpkg|layername={schema.name}"
        element = ET.Element(
            "maplayer",
            type="vector",
            geometry=_GEOMETRY[schema.kind],
            wkbType=_WKB[schema.kind],
            labelsEnabled="0" if look is None or look.labelling is None else "1",
            hasScaleBasedVisibilityFlag="0",
            styleCategories="AllStyleCategories",
        )
        _identify(element, identity, title, source, "ogr")
        ET.SubElement(element, "srs").append(_srs("EPSG:4326"))
        for part in style_parts(schema, look):
            element.append(part)
        yield ProjectLayer(identity, title, schema.group, source, element)


def _raster_layer(raster: RasterLayer) -> ProjectLayer:
    source = f"./{raster.file}"
    element = ET.Element("maplayer", type="raster", hasScaleBasedVisibilityFlag="0")
    identity = layer_id(raster.name)
    _identify(element, identity, raster.title, source, "gdal")
    element.append(raster.pipe)
    ET.SubElement(element, "blendMode").text = "0"
    return ProjectLayer(identity, raster.title, "rasters", source, element, provider="gdal")


def _identify(element: ET.Element, identity: str, title: str, source: str, provider: str) -> None:
    ET.SubElement(element, "id").text = identity
    ET.SubElement(element, "datasource").text = source
    ET.SubElement(element, "layername").text = title
    ET.SubElement(element, "provider", encoding="UTF-8").text = provider


def _themes(known: set[str], empty: Collection[str]) -> dict[str, frozenset[str]]:
    """Give what each theme shows, of the layers there are; its subject must have rows to draw."""
    ground = {"districts", "rail_lines"}
    # Theme: its subject, then what stands around it.
    wanted = {
        "综合缺口 / Composite gap": ("gaps_composite",),
        "轨道缺口 / Rail gap": ("gaps_rail", "stations"),
        "医院缺口 / Hospital gap": ("gaps_hospital", "hospitals"),
        "学校缺口 / School gap": ("gaps_school", "schools"),
        "空间布局 / Layout": ("places", "place_points", "hubs"),
        "到轨道的分钟 / Minutes to rail": ("minutes_rail", "place_points"),
        "孤岛：内外反差 / Island: contrast": ("island_contrast",),
        "孤岛：空间隔离 / Island: separation": ("island_separation",),
        "可开的园门 / Gates to open": ("gates", "island_separation"),
        "研发与制造配对 / Pairing": ("pairing", "place_points"),
        "选址 / Siting": ("sites", "gaps_composite"),
        "地块 / Parcels": ("parcels",),
    }
    return {
        name: frozenset(map(layer_id, {*shown, *ground})) & known
        for name, shown in wanted.items()
        if layer_id(shown[0]) in known and shown[0] not in empty
    }


def _tree(layers: Sequence[ProjectLayer], shown: frozenset[str]) -> ET.Element:
    top = ET.Element("layer-tree-group")
    for group, title in GROUPS.items():
        members = [layer for layer in layers if layer.group == group]
        if not members:
            continue
        branch = ET.SubElement(
            top, "layer-tree-group", name=title, checked="Qt::Checked", expanded="1"
        )
        for layer in members:
            ET.SubElement(
                branch,
                "layer-tree-layer",
                id=layer.id,
                name=layer.title,
                source=layer.source,
                providerKey=layer.provider,
                checked="Qt::Checked" if layer.id in shown else "Qt::Unchecked",
                expanded="1" if layer.id in shown else "0",
            )
    return top


def _presets(layers: Sequence[ProjectLayer], themes: dict[str, frozenset[str]]) -> ET.Element:
    found = ET.Element("visibility-presets")
    for name, shown in themes.items():
        preset = ET.SubElement(found, "visibility-preset", name=name)
        for layer in layers:
            if layer.id in shown:
                ET.SubElement(preset, "layer", id=layer.id, visible="1")
    return found


def _canvas(crs: str, extent: Box) -> ET.Element:
    found = ET.Element("mapcanvas", name="theMapCanvas", annotationsVisible="1")
    ET.SubElement(found, "units").text = "meters"
    box = ET.SubElement(found, "extent")
    for side, value in zip(("xmin", "ymin", "xmax", "ymax"), extent, strict=True):
        ET.SubElement(box, side).text = f"{value:.1f}"
    ET.SubElement(found, "rotation").text = "0"
    ET.SubElement(found, "destinationsrs").append(_srs(crs))
    return found


def _first_view(crs: str, extent: Box) -> ET.Element:
    """Say what `zoom to full` and programs without a canvas show."""
    found = ET.Element("ProjectViewSettings", UseProjectScales="0", rotation="0")
    sides = {
        side: f"{value:.1f}"
        for side, value in zip(("xmin", "ymin", "xmax", "ymax"), extent, strict=True)
    }
    ET.SubElement(found, "DefaultViewExtent", sides).append(_srs(crs))
    return found


def _properties() -> ET.Element:
    found = ET.Element("properties")
    paths = ET.SubElement(found, "Paths")
    ET.SubElement(paths, "Absolute", type="bool").text = "false"
    # Without this flag QGIS leaves the project's CRS unread.
    enabled = ET.SubElement(found, "SpatialRefSys")
    ET.SubElement(enabled, "ProjectionsEnabled", type="int").text = "1"
    gui = ET.SubElement(found, "Gui")
    for name, value in zip(("Red", "Green", "Blue"), BACKGROUND, strict=True):
        ET.SubElement(gui, f"CanvasColor{name}Part", type="int").text = str(value)
    measure = ET.SubElement(found, "Measurement")
    ET.SubElement(measure, "DistanceUnits", type="QString").text = "meters"
    ET.SubElement(measure, "AreaUnits", type="QString").text = "km2"
    return found


def _srs(code: str) -> ET.Element:
    """Spell a CRS out in every way QGIS looks for; it takes half a description for none."""
    crs = CRS.from_user_input(code)
    authority, number = crs.to_authority() or ("", "0")
    found = ET.Element("spatialrefsys", nativeFormat="Wkt")
    texts = {
        "wkt": crs.to_wkt(),
        "proj4": _proj4(crs),
        "srid": number,
        "authid": f"{authority}:{number}",
        "description": crs.name,
        "projectionacronym": "longlat" if crs.is_geographic else _proj4(crs).split()[0][6:],
        "ellipsoidacronym": "EPSG:7030",
        "geographicflag": "true" if crs.is_geographic else "false",
    }
    for name, value in texts.items():
        ET.SubElement(found, name).text = value
    return found


def _proj4(crs: CRS) -> str:
    import warnings

    with warnings.catch_warnings():
        # The short form loses the datum; QGIS takes that from the WKT.
        warnings.simplefilter("ignore", UserWarning)
        return crs.to_proj4()


def _zip(path: Path, top: ET.Element) -> None:
    ET.indent(top, " ")
    head = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
    # A fixed time inside the archive, so that equal projects are equal files.
    entry = zipfile.ZipInfo("parkgap.qgs", date_time=(1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(entry, head + ET.tostring(top, encoding="unicode"))

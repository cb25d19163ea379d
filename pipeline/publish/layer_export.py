"""Export built layers to the formats and coordinate systems that others ask for."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from pipeline.errors import CrsError, LayerError, Problem, StudyError
from pipeline.publish.built_layers import read_layer
from pipeline.publish.export_losses import Loss, Tell, log_loss
from pipeline.publish.geopackage import dictionary
from pipeline.publish.layer_csv import write_table
from pipeline.publish.layer_schemas import layer_schemas
from pipeline.publish.layer_shapefile import write_shapefile

if TYPE_CHECKING:
    import geopandas as gpd

logger = logging.getLogger(__name__)

# A city on the edge of a zone is often kept whole in the neighbour's; beyond that it is a mistake.
MARGIN_DEG = 3.0
SIDECAR = "parkgap.provenance.json"
DICTIONARY = "data_dictionary.csv"


@dataclass(frozen=True)
class Format:
    """A format: the suffix of its files and who writes one layer."""

    suffix: str
    write: Callable[[pd.DataFrame, Path, str, Tell], None]
    one_file: bool = False


def export_layers(
    gpkg: Path,
    folder: Path,
    *,
    formats: Sequence[str],
    crs: str | None,
    layers: Sequence[str] | None = None,
    tell: Tell = log_loss,
) -> list[Path]:
    """Export the layers of a built GeoPackage.

    Parameters
    ----------
    gpkg
        The `parkgap.gpkg` of a study.
    folder
        Where the files go: one subfolder per format; the provenance and a dictionary of the columns
        lie beside them.
    formats
        Names of :data:`FORMATS`, or their file suffixes without the dot.
    crs
        Target CRS, such as ``EPSG:4549``; the layers' own (EPSG:4326) when None. GeoJSON in any
        other CRS is not RFC 7946 and carries an explicit ``crs`` member.
    layers
        Names of layers; all when None.
    tell
        Is told of everything that a file does not hold as the layer does; logged by default.

    Returns
    -------
    The files written.

    Raises
    ------
    LayerError
        When the GeoPackage or a layer does not exist.
    StudyError
        When a format is none of those written.
    CrsError
        When the CRS is unknown or made for a part of the world more than a zone away.
    """
    formats = [SUFFIXES.get(name.lower().removeprefix("."), name) for name in formats]
    names = _checked(gpkg, formats, layers)
    target = _target(crs)
    written: list[Path] = []
    for name in names:
        frame = read_layer(gpkg, name)
        if target is not None:
            frame = _projected(frame, target, name, tell)
        written += [
            _written(FORMATS[kind], frame, folder / kind, name, whole=gpkg.stem, tell=tell)
            for kind in formats
        ]
    for kind in formats:
        write_table(folder / kind / DICTIONARY, dictionary([layer_schemas()[n] for n in names]))
        tell(_without_meaning(kind))
    written += [folder / kind / DICTIONARY for kind in formats]
    sidecar = gpkg.with_name(SIDECAR)
    if sidecar.is_file():
        written += [Path(shutil.copy(sidecar, folder / kind / SIDECAR)) for kind in formats]
    logger.info(
        "exported %d layers to %s in %s", len(names), ", ".join(formats), crs or "EPSG:4326"
    )
    return list(dict.fromkeys(written))


def _checked(gpkg: Path, formats: Sequence[str], layers: Sequence[str] | None) -> list[str]:
    """Give the layers to export; every wrong name is reported at once."""
    import pyogrio

    strange = [name for name in formats if name not in FORMATS]
    if strange:
        raise StudyError(*(_no_such(name, "格式", "format", list(FORMATS)) for name in strange))
    if not gpkg.is_file():
        raise LayerError(
            Problem(
                zh="还没有图层",
                en="there are no layers yet",
                path=gpkg,
                remedy_zh="先运行 parkgap run",
                remedy_en="run `parkgap run` first",
            )
        )
    present = [name for name in pyogrio.list_layers(gpkg)[:, 0] if name in layer_schemas()]
    wrong = [name for name in layers or () if name not in present]
    if wrong:
        raise LayerError(*(_no_such(name, "图层", "layer", present) for name in wrong))
    return list(layers or present)


def _no_such(name: str, zh: str, en: str, known: Sequence[str]) -> Problem:
    return Problem(
        zh=f"没有名为“{name}”的{zh}",
        en=f"there is no {en} {name!r}",
        rule="export",
        remedy_zh=f"可用：{'、'.join(known)}",
        remedy_en=f"known: {', '.join(known)}",
    )


def _target(crs: str | None) -> str | None:
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    if crs is None:
        return None
    try:
        CRS.from_user_input(crs)
    except CRSError as error:
        raise CrsError(
            Problem(
                zh=f"未知的坐标系 {crs}",
                en=f"unknown coordinate system {crs!r}",
                rule="--crs",
                remedy_zh="例如 EPSG:4549（CGCS2000，中央经线 120°）",
                remedy_en="for example EPSG:4549 (CGCS2000, central meridian 120 degrees)",
            )
        ) from error
    return crs


def _without_meaning(kind: str) -> Loss:
    return Loss(
        "note",
        kind,
        f"文件不含样式、列的含义、单位与代码表，见 {DICTIONARY}；只有 parkgap.gpkg 全部带有",
        f"no styles, meanings, units or code lists inside, see {DICTIONARY}; only parkgap.gpkg has"
        " all of them",
    )


def _projected(frame: pd.DataFrame, crs: str, name: str, tell: Tell) -> pd.DataFrame:
    """Transform a layer; refuse a CRS made for elsewhere, mention one it reaches beyond."""
    from pyproj import CRS

    if not _is_spatial(frame):
        return frame
    layer: gpd.GeoDataFrame = frame
    moved: pd.DataFrame = layer.to_crs(crs)
    if layer.geometry.dropna().empty:
        return moved
    area = CRS.from_user_input(crs).area_of_use
    west, south, east, north = layer.to_crs(4326).total_bounds
    if area is not None:
        apart = max(west - area.east, area.west - east, south - area.north, area.south - north)
        if apart > MARGIN_DEG:
            raise CrsError(
                Problem(
                    zh=f"图层 {name} 远在 {crs} 的适用范围（{area.name}）之外",
                    en=f"layer {name} lies far outside the area of {crs} ({area.name})",
                    path=name,
                    rule="--crs",
                )
            )
        if west < area.west or east > area.east or south < area.south or north > area.north:
            tell(
                Loss(
                    "note",
                    name,
                    f"超出 {crs} 的适用范围（{area.name}），边缘处变形增大",
                    f"reaches beyond the area of {crs} ({area.name}), more distorted at its edge",
                )
            )
    return moved


def _written(
    kind: Format, frame: pd.DataFrame, folder: Path, name: str, *, whole: str, tell: Tell
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{whole if kind.one_file else name}{kind.suffix}"
    kind.write(frame, path, name, tell)
    # A table without geometry is a bare .dbf where others are .shp.
    return path if path.is_file() else path.with_suffix(".dbf")


def _is_spatial(frame: pd.DataFrame) -> bool:
    return hasattr(frame, "crs")


def _gpkg(frame: pd.DataFrame, path: Path, name: str, _: Tell) -> None:
    _ogr(frame, path, name, "GPKG", {"GEOMETRY_NAME": "geom", "FID": "fid"})


def _geojson(frame: pd.DataFrame, path: Path, name: str, tell: Tell) -> None:
    options = {}
    if _is_spatial(frame):
        in_degrees = frame.crs.to_epsg() == 4326  # noqa: PLR2004
        options = {"RFC7946": "YES"} if in_degrees else {"COORDINATE_PRECISION": "3"}
        if not in_degrees:
            tell(
                Loss(
                    "changed",
                    path.name,
                    "坐标不是经纬度，不合 RFC 7946，网页地图多不能直接用；坐标取到毫米",
                    "not in degrees, so not RFC 7946 and not for most web maps; rounded to mm",
                )
            )
    path.unlink(missing_ok=True)
    _ogr(frame, path, name, "GeoJSON", options)


def _flatgeobuf(frame: pd.DataFrame, path: Path, name: str, tell: Tell) -> None:
    path.unlink(missing_ok=True)
    # The index needs extents, which null geometries and bare tables do not have.
    whole = _is_spatial(frame) and not frame.geometry.isna().any() and len(frame)
    if _is_spatial(frame) and not whole:
        tell(
            Loss(
                "note",
                path.name,
                "有空几何或没有行，故无空间索引，读取较慢",
                "null geometries or no rows, hence no spatial index and slower reading",
            )
        )
    _ogr(frame, path, name, "FlatGeobuf", {"SPATIAL_INDEX": "YES" if whole else "NO"})


def _parquet(frame: pd.DataFrame, path: Path, _: str, __: Tell) -> None:
    frame.to_parquet(path, index=False)


def _ogr(frame: pd.DataFrame, path: Path, name: str, driver: str, options: dict[str, str]) -> None:
    import pyogrio

    kind = {"geometry_type": _geometry_type(name)} if _is_spatial(frame) else {}
    pyogrio.write_dataframe(
        frame, path, layer=name, driver=driver, use_arrow=True, layer_options=options, **kind
    )


def _geometry_type(name: str) -> str:
    from pipeline.publish.layer_frames import GEOMETRY_TYPES

    return GEOMETRY_TYPES[layer_schemas()[name].kind]


def _shapefile(frame: pd.DataFrame, path: Path, name: str, tell: Tell) -> None:
    write_shapefile(frame, path, layer_schemas()[name], tell)


#: What `parkgap layers --export` knows.
FORMATS: dict[str, Format] = {
    "gpkg": Format(".gpkg", _gpkg, one_file=True),
    "geojson": Format(".geojson", _geojson),
    "geoparquet": Format(".parquet", _parquet),
    "flatgeobuf": Format(".fgb", _flatgeobuf),
    "shapefile": Format(".shp", _shapefile),
}
#: Formats by the suffix of their files, as people also call them.
SUFFIXES = {kind.suffix.removeprefix("."): name for name, kind in FORMATS.items()}

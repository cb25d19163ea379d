"""Open the published layers of a built study, with their meaning and where they come from."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipeline.errors import LayerError, Problem
from pipeline.publish.layer_schemas import LayerSchema, layer_schemas
from pipeline.resources import FIRST_STUDY
from pipeline.study import Study, restore_study

if TYPE_CHECKING:
    import geopandas as gpd

PACKAGE = "parkgap.gpkg"
PROVENANCE = "parkgap.provenance.json"
#: Names the workspace where it is not a folder above the current one.
WORKSPACE_VARIABLE = "PARKGAP_WORKSPACE"
_TYPES = {"text": "string", "int": "Int64", "float": "float64", "bool": "boolean"}


@dataclass(frozen=True)
class BuiltLayers:
    """The layers of one built study.

    Attributes
    ----------
    folder
        The study's folder below `layers/built`.
    """

    folder: Path

    def __repr__(self) -> str:
        """Name the folder and how many layers it holds."""
        return f"BuiltLayers({self.folder}, {len(list(self))} layers)"

    def __iter__(self) -> Iterator[str]:
        """Give the names of the layers, in the order of the GeoPackage."""
        import pyogrio

        known = layer_schemas()
        return iter(str(n) for n in pyogrio.list_layers(self.package)[:, 0] if n in known)

    def __contains__(self, name: object) -> bool:
        """Tell whether the study has a layer of that name."""
        return name in list(self)

    @property
    def package(self) -> Path:
        """The GeoPackage, for QGIS and other programs."""
        return self.folder / PACKAGE

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - a frame with or without geometry
        """Read a layer.

        Parameters
        ----------
        name
            Name of the layer, such as `gaps`; see the page on layers.

        Returns
        -------
        geopandas.GeoDataFrame in EPSG:4326, or pandas.DataFrame for a table; columns as the schema
        promises, null for what is not known.

        Raises
        ------
        LayerError
            When the study has no such layer.
        """
        if name not in self:
            raise LayerError(_unknown(name, list(self), self.package))
        return read_layer(self.package, name)

    def projected(self, name: str) -> gpd.GeoDataFrame:
        """Read a layer in the study's working CRS, in metres: measure here, never in degrees."""
        return self[name].to_crs(self.crs)

    @cached_property
    def study(self) -> Study:
        """The study as it was built: every setting that the layers rest on."""
        return restore_study(self.folder / "study.json")

    @property
    def crs(self) -> str:
        """The working CRS of the study, in metres."""
        return self.study.study.crs

    def about(self, name: str) -> LayerSchema:
        """Give the schema of a layer: key, columns with units, method, limits."""
        if name not in self:
            raise LayerError(_unknown(name, list(self), self.package))
        return layer_schemas()[name]

    def columns(self, name: str) -> pd.DataFrame:
        """Give the data dictionary of a layer: column, type, unit, whether null, meaning."""
        rows = [
            (one.name, one.type, one.unit, one.nullable, one.zh, one.en)
            for one in self.about(name).columns
        ]
        names = ["column", "type", "unit", "nullable", "zh", "en"]
        return pd.DataFrame(rows, columns=names).set_index("column")

    def provenance(self, name: str) -> dict[str, Any]:
        """Give where a layer comes from: licence, attribution, sources with dates, stages."""
        told = json.loads((self.folder / PROVENANCE).read_text(encoding="utf-8"))
        found = {one["layer"]: one for one in told["parkgap:layers"]}
        if name not in found:
            raise LayerError(_unknown(name, list(found), self.folder / PROVENANCE))
        return dict(found[name])

    def raster(self, name: str) -> Path:
        """Give the path of a raster, such as `minutes_rail`, to open with rasterio.

        Raises
        ------
        LayerError
            When the study has no such raster.
        """
        path = self.folder / "rasters" / f"{name}.tif"
        if not path.is_file():
            present = sorted(one.stem for one in path.parent.glob("*.tif"))
            raise LayerError(_unknown(name, present, path.parent))
        return path


def open_layers(study: str = FIRST_STUDY, *, workspace: Path | None = None) -> BuiltLayers:
    """Open the layers of a built study.

    Parameters
    ----------
    study
        Short name of the study.
    workspace
        Folder that holds `layers/`. When None: the folder that the environment variable
        `PARKGAP_WORKSPACE` names, else the current folder or the nearest one above it that has
        the study built.

    Raises
    ------
    LayerError
        When the study is not built there.
    """
    named = os.environ.get(WORKSPACE_VARIABLE)
    here = Path.cwd()
    if workspace is not None:
        roots = [workspace]
    elif named:
        roots = [Path(named)]
    else:
        roots = [here, *here.parents]
    for root in roots:
        folder = root / "layers" / "built" / study
        if (folder / PACKAGE).is_file():
            return BuiltLayers(folder)
    raise LayerError(
        Problem(
            zh=f"研究 {study} 还没有图层",
            en=f"study {study!r} has no layers yet",
            path=roots[0] / "layers" / "built" / study / PACKAGE,
            remedy_zh=f"先运行 parkgap run --study {study}",
            remedy_en=f"run `parkgap run --study {study}` first",
        )
    )


def read_layer(package: Path, name: str) -> pd.DataFrame:
    """Read a layer with the types of its schema; bare numbers lose nulls and booleans."""
    import geopandas as gpd

    found: pd.DataFrame = gpd.read_file(package, layer=name, engine="pyogrio", use_arrow=True)
    columns = layer_schemas()[name].columns
    typed: pd.DataFrame = found.astype(
        {column.name: _TYPES[column.type] for column in columns if column.type in _TYPES}
    )
    return typed


def _unknown(name: str, known: list[str], path: Path) -> Problem:
    return Problem(
        zh=f"没有名为“{name}”的图层",
        en=f"there is no layer {name!r}",
        path=path,
        rule="layer",
        remedy_zh=f"可用：{'、'.join(known)}",
        remedy_en=f"known: {', '.join(known)}",
    )

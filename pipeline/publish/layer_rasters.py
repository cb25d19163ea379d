"""Write surfaces as cloud-optimised GeoTIFFs that say their units and what is not known."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.publish.palettes import GAP

if TYPE_CHECKING:
    import geopandas as gpd

Values = NDArray[np.float32]
_BLOCK = 256


@dataclass(frozen=True)
class Grid:
    """A north-up grid of square cells in a projected CRS, aligned to multiples of its cell.

    `west` and `north` are the outer edges of the first cell.
    """

    crs: str
    west: float
    north: float
    cell_m: float
    rows: int
    columns: int

    @classmethod
    def over(cls, extent: tuple[float, float, float, float], *, cell_m: float, crs: str) -> Grid:
        """Lay a grid over west, south, east, north; its edges are multiples of the cell."""
        west, south, east, north = extent
        left, top = math.floor(west / cell_m), math.ceil(north / cell_m)
        rows = max(1, top - math.floor(south / cell_m))
        columns = max(1, math.ceil(east / cell_m) - left)
        return cls(crs, left * cell_m, top * cell_m, cell_m, rows, columns)

    def centres(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Give x and y of all cell centres, row by row from the north-west."""
        x = self.west + (np.arange(self.columns) + 0.5) * self.cell_m
        y = self.north - (np.arange(self.rows) + 0.5) * self.cell_m
        wide, high = np.meshgrid(x, y)
        return wide.ravel(), high.ravel()

    def filled(self, values: ArrayLike, where: NDArray[np.int64]) -> Values:
        """Lay values out on the cells of these numbers; the others are unknown (NaN)."""
        found = np.full(self.rows * self.columns, np.nan, dtype=np.float32)
        found[where] = values
        return found.reshape(self.rows, self.columns)


@dataclass(frozen=True)
class Band:
    """One band: values (NaN where unknown), what they are, and their unit."""

    name: str
    zh: str
    en: str
    unit: str
    values: Values


def inside(grid: Grid, area: gpd.GeoSeries) -> NDArray[np.bool_]:
    """Tell which cell centres lie in an area; an empty area means everywhere.

    Holes count as inside: outlines put together from generalised parts gape between the parts, and
    a place must not fall into such a gap.
    """
    import shapely

    x, y = grid.centres()
    if area.empty:
        return np.ones(len(x), dtype=bool)
    parts = shapely.get_parts(shapely.union_all(area.to_numpy()))
    whole = shapely.union_all(shapely.polygons(shapely.get_exterior_ring(parts)))
    shapely.prepare(whole)
    return np.asarray(shapely.contains_xy(whole, x, y))


def write_cog(path: Path, grid: Grid, bands: Sequence[Band], *, tags: Mapping[str, str]) -> None:
    """Write bands as one cloud-optimised GeoTIFF.

    Float32, NaN for unknown (declared as nodata), DEFLATE, overviews by averages of what is known,
    unit and description on each band, `tags` on the file.

    Parameters
    ----------
    path
        File to write.
    grid
        Where the values lie.
    bands
        At least one band of the grid's shape.
    tags
        Text about the whole file: method, licence, attribution, date.
    """
    import rasterio
    from rasterio.io import MemoryFile
    from rasterio.shutil import copy

    profile = {
        "driver": "GTiff",
        "width": grid.columns,
        "height": grid.rows,
        "count": len(bands),
        "dtype": "float32",
        "nodata": float("nan"),
        "crs": grid.crs,
        "transform": rasterio.Affine(grid.cell_m, 0, grid.west, 0, -grid.cell_m, grid.north),
    }
    # Made in memory: the driver removes a file that it cannot finish, and the reason with it.
    options = {"GDAL_NUM_THREADS": "1", "COG_TMP_COMPRESSION": "NONE"}
    with rasterio.Env(**options), MemoryFile() as memory, MemoryFile() as made:
        with memory.open(**profile) as plain:
            for number, band in enumerate(bands, start=1):
                plain.write(band.values, number)
                plain.set_band_description(number, f"{band.zh} / {band.en}")
                plain.set_band_unit(number, band.unit)
                plain.update_tags(number, name=band.name, unit=band.unit)
            plain.update_tags(**dict(sorted(tags.items())))
        with memory.open() as plain:
            copy(
                plain,
                made.name,
                driver="COG",
                COMPRESS="DEFLATE",
                PREDICTOR="FLOATING_POINT",
                BLOCKSIZE=str(_BLOCK),
                OVERVIEW_RESAMPLING="AVERAGE",
                OVERVIEWS="IGNORE_EXISTING",
            )
        path.write_bytes(made.getbuffer())


def classes_pipe(
    breaks: Sequence[float], unit: str, *, band: int = 1, palette: Sequence[str] = GAP
) -> ET.Element:
    """Give the renderer of a raster in classes: up to each break, and beyond the last.

    Parameters
    ----------
    breaks
        Upper ends of all classes but the last, ascending.
    unit
        Unit in the labels.
    band
        Band to draw, from 1.
    palette
        One colour for each class, one more than breaks.
    """
    pipe = ET.Element("pipe")
    renderer = ET.SubElement(
        pipe,
        "rasterrenderer",
        type="singlebandpseudocolor",
        band=str(band),
        opacity="0.8",
        alphaBand="-1",
        classificationMin="0",
        classificationMax=f"{breaks[-1]:g}",
    )
    shader = ET.SubElement(renderer, "rastershader")
    ramp = ET.SubElement(
        shader, "colorrampshader", colorRampType="DISCRETE", classificationMode="1", clip="0"
    )
    told = [f"≤ {value:g} {unit}".strip() for value in breaks]
    told.append(f"> {breaks[-1]:g} {unit}".strip())
    for value, label, colour in zip([*breaks, math.inf], told, palette, strict=True):
        item = {"value": "inf" if math.isinf(value) else f"{value:g}"}
        ET.SubElement(ramp, "item", item, label=label, color=colour, alpha="255")
    return pipe

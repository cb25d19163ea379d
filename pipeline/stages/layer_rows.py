"""Keep the rows of the published layers: made anew, or as they stand."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pipeline.publish.layer_csv import write_csv
from pipeline.publish.layer_frames import INTERCHANGE_CRS
from pipeline.publish.layer_recipes import Options, Recipe
from pipeline.publish.layer_schemas import LayerSchema, layer_schemas
from pipeline.publish.layer_tables import make_layer
from pipeline.stages.context import StageContext
from pipeline.stages.layer_files import read_layer, read_table

if TYPE_CHECKING:
    import pyarrow.parquet as pq

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class StoredLayer:
    """A finished layer whose rows lie in a file, of which no more is read than is asked for."""

    schema: LayerSchema
    path: Path

    @cached_property
    def frame(self) -> pd.DataFrame:
        """All rows, with their types and geometry as they were written."""
        spatial = self.schema.spatial
        return read_layer(self.path, INTERCHANGE_CRS) if spatial else read_table(self.path)

    @cached_property
    def _metadata(self) -> pq.FileMetaData:
        import pyarrow.parquet as pq

        return pq.read_metadata(self.path)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self._metadata.num_rows)

    @property
    def bounds(self) -> Box | None:
        """Bounds in degrees; None for a table and where no row lies anywhere."""
        if not self.schema.spatial:
            return None
        told: dict[str, Any] = json.loads(self._metadata.metadata[b"geo"])
        west, south, east, north = told["columns"]["geometry"].get("bbox", [math.nan] * 4)
        return None if math.isnan(west) else (west, south, east, north)

    def columns(self, names: Sequence[str]) -> pd.DataFrame:
        """Read some columns of all rows."""
        return read_table(self.path, names) if names else pd.DataFrame()


def stored(context: StageContext, name: str) -> StoredLayer:
    """Give a layer that the stage has made, or let stand; a part that asks rests on its rows."""
    return StoredLayer(layer_schemas()[name], context.path("layers", f"{name}.parquet"))


def keep_rows(context: StageContext, recipe: Recipe) -> None:
    """Make the rows of a layer and its table for people, unless those it has stand."""

    def write() -> None:
        options = Options(gap_breaks=context.settings("maps").gap_breaks)
        layer = make_layer(recipe, context, options)
        with context.writing(f"outputs:tables/{recipe.name}.csv") as target:
            write_csv(target, layer.frame, layer.schema)
        with context.writing(f"{recipe.name}.parquet") as target:
            layer.frame.to_parquet(target, index=False)

    context.part(recipe.name, write, set_by=("study.crs", "maps.gap_breaks"))


def extent_of(context: StageContext, name: str, crs: str) -> Box:
    """Give the bounds of a layer in some CRS, or of the places where it is empty."""
    layer = stored(context, name)
    if not layer.rows:
        layer = stored(context, "places")
    if crs == INTERCHANGE_CRS:
        return layer.bounds or (0.0, 0.0, 0.0, 0.0)
    bounds = layer.frame.geometry.dropna().to_crs(crs).total_bounds
    west, south, east, north = np.where(np.isnan(bounds), 0, bounds).tolist()
    return (west, south, east, north)

"""Say what a recipe for a published layer is, and make the plain ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import pandas as pd

from pipeline.publish.layer_schemas import layer_schemas

if TYPE_CHECKING:
    import geopandas as gpd


class Reader(Protocol):
    """Whoever can open the tables that stages wrote."""

    def layer(self, stage: str, name: str) -> gpd.GeoDataFrame:
        """Read a layer."""

    def frame(self, stage: str, name: str) -> pd.DataFrame:
        """Read a table without geometry."""


@dataclass(frozen=True)
class Options:
    """What recipes depend on beyond the tables."""

    gap_breaks: Sequence[float]


Make = Callable[[Reader, Options], pd.DataFrame]


@dataclass(frozen=True)
class Recipe:
    """How one layer is made: which stages it reads, which inputs it derives from."""

    name: str
    make: Make
    stages: tuple[str, ...]
    roles: tuple[str, ...]


def with_columns(frame: pd.DataFrame, *names: str) -> pd.DataFrame:
    """Give an empty layer of an absent input the columns that its schema requires."""
    if len(frame):
        return frame
    absent = [name for name in names if name not in frame.columns]
    return frame.assign(**{name: pd.Series(dtype=object) for name in absent})


def required(layer: str) -> list[str]:
    """Name the columns that a layer must have."""
    return [column.name for column in layer_schemas()[layer].columns if not column.nullable]


def plain(
    layer: str,
    stage: str,
    file: str,
    roles: tuple[str, ...],
    *,
    renamed: Mapping[str, str] | None = None,
    fill: Mapping[str, object] | None = None,
) -> Recipe:
    """Publish a table of a stage as it is, under the names of the schema.

    Parameters
    ----------
    layer
        Name of the layer.
    stage, file
        Where the table is, the file without its suffix.
    roles
        Inputs it derives from.
    renamed
        Names of the stage's columns that say too little outside of it.
    fill
        What a null stands for in a column that is part of the key.
    """

    def make(read: Reader, _: Options) -> pd.DataFrame:
        rows = read.frame(stage, f"{file}.parquet").rename(columns=dict(renamed or {}))
        for column, value in (fill or {}).items():
            if column in rows.columns:
                kept = rows[column].astype(object)
                rows[column] = kept.where(kept.notna(), value)
        return with_columns(rows, *required(layer))

    return Recipe(layer, make, (stage,), roles)

"""Let no impossible position through: not finite, empty, or nowhere at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import GeometryError, Problem
from pipeline.sources.locate import Note

if TYPE_CHECKING:
    import geopandas as gpd


def usable_positions(
    frame: gpd.GeoDataFrame, *, path: Path
) -> tuple[gpd.GeoDataFrame, tuple[Note, ...]]:
    """Make geometries null that are empty or have coordinates that are not finite.

    Parameters
    ----------
    frame
        A layer as it was read.
    path
        The file, for messages.

    Returns
    -------
    frame and notes
        The same rows; a note counts what became null.

    Raises
    ------
    GeometryError
        No row has a position that can be used.
    """
    import numpy as np
    import shapely

    shapes = frame.geometry.to_numpy()
    spots, owner = shapely.get_coordinates(shapes, return_index=True)
    empty = shapely.is_empty(shapes)
    strange = np.zeros(len(shapes), dtype=bool)
    strange[np.unique(owner[~np.isfinite(spots).all(axis=1)])] = True
    if not (~shapely.is_missing(shapes) & ~empty & ~strange).any():
        raise GeometryError(
            Problem(
                "没有一行有可用的位置",
                "no row has a position that can be used",
                path=path,
                rule="geometry",
                remedy_zh="检查几何或坐标两列：应为有限的数字",
                remedy_en="look at the geometry or the columns of coordinates: finite numbers",
            )
        )
    gone = empty | strange
    if not gone.any():
        return frame, ()
    kept = frame.set_geometry(frame.geometry.mask(gone, None))
    count = int(gone.sum())
    zh = f"{count} 行的几何为空或坐标不是有限的数字，按无位置处理"
    en = f"{count} rows have no finite coordinates: taken as without position"
    return kept, (Note("no_position", zh, en),)

"""Bring a layer of a local grid into a known CRS by control points, and show their residuals."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipeline.errors import CrsError, FieldError, Problem, SourceError
from pipeline.settings.sources import SourceSettings
from pipeline.sources.files import read_layer
from pipeline.sources.local_shift import LocalShift, fit_shift
from pipeline.sources.table_kinds import guess_table
from pipeline.sources.text_encoding import detect_encoding

if TYPE_CHECKING:
    import geopandas as gpd

FIELDS = ("from_x", "from_y", "to_x", "to_y")
LARGEST_BYTES = 10_000_000


@dataclass(frozen=True)
class Shifted:
    """The layer in the known CRS, the fit, and how far each control point misses (`residual_m`)."""

    frame: gpd.GeoDataFrame
    fit: LocalShift
    points: pd.DataFrame


def shift_layer(
    path: Path, control: Path, *, crs: str, settings: SourceSettings, model: str | None = None
) -> Shifted:
    """Read a layer whose coordinates are a local grid's, and transform it.

    Parameters
    ----------
    path
        The layer; whatever CRS it states is not believed.
    control
        CSV of control points: `from_x`, `from_y` in the local grid, `to_x`, `to_y` in `crs`, in
        metres; other columns (a name) are kept in the table of residuals.
    crs
        The known CRS, projected in metres.
    settings
        The model and the largest residual (`local_shift`), and limits on archives.
    model
        "helmert" or "affine" in place of the setting.

    Raises
    ------
    CrsError
        `crs` does not measure metres, or see `fit_shift`.
    FieldError, SourceError
        The table of control points lacks a field, holds no numbers, or cannot be read.
    """
    import shapely
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        known = CRS.from_user_input(crs)
    except CRSError:
        known = None
    if known is None or not known.is_projected:
        raise CrsError(
            Problem(
                f"{crs} 不以米计量", f"{crs} does not measure metres", rule="--to",
                remedy_zh="给出投影坐标系，如 EPSG:4549", remedy_en="name a projected CRS, such as "
                "EPSG:4549",
            )
        )  # fmt: skip
    points = read_control(control)
    local, target = (points[list(names)].to_numpy() for names in (FIELDS[:2], FIELDS[2:]))
    rules = settings.local_shift
    kind = rules.model if model is None else model
    fit = fit_shift(
        local,
        target,
        model="affine" if kind == "affine" else "helmert",
        largest_residual_m=rules.largest_residual_m,
    )
    frame = read_layer(path, crs=crs, archives=settings.archives).frame
    moved = shapely.transform(frame.geometry.to_numpy(), fit.apply)
    placed = frame.set_geometry(moved, crs=known)
    return Shifted(placed, fit, points.assign(residual_m=fit.residual_m))


def read_control(path: Path) -> pd.DataFrame:
    """Read a table of control points; its columns may have Chinese names.

    Raises
    ------
    FieldError, SourceError
        See `shift_layer`.
    """
    try:
        raw = path.read_bytes() if path.stat().st_size <= LARGEST_BYTES else b""
        table = pd.read_csv(path, encoding=detect_encoding(raw), dtype=str)
    except (OSError, ValueError) as error:
        raise SourceError(
            Problem("控制点表无法读取", f"cannot read the control points: {error}", path=path)
        ) from error
    guess = guess_table(map(str, table.columns))
    named = {item.column: item.field for item in guess.fields if item.field in FIELDS}
    table = table.rename(columns=named)
    absent = [name for name in FIELDS if name not in table.columns]
    if absent:
        raise FieldError(
            Problem(
                f"控制点表缺少字段 {'、'.join(absent)}",
                f"the control points lack {', '.join(absent)}",
                path=path,
                rule="control_points",
                remedy_zh="表头：from_x,from_y,to_x,to_y（米）",
                remedy_en="columns: from_x,from_y,to_x,to_y, in metres",
            )
        )
    numbers = table[list(FIELDS)].apply(pd.to_numeric, errors="coerce")
    blank = np.flatnonzero(numbers.isna().any(axis=1))
    if len(blank):
        raise FieldError(
            *(
                Problem(
                    "控制点坐标不是数", "a coordinate of the control point is no number",
                    path=path, row=int(row) + 2, rule="control_points",
                )
                for row in blank
            )
        )  # fmt: skip
    table[list(FIELDS)] = numbers
    return table

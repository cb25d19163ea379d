"""Open the table of a role: embedded with the project, or a file of the user's."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd

from pipeline.errors import FieldError, Problem

if TYPE_CHECKING:
    from pipeline.settings.inputs import TableInput

logger = logging.getLogger(__name__)


def open_table(source: TableInput) -> pd.DataFrame:
    """Read the table of a role.

    Parameters
    ----------
    source
        An embedded table's name, checked against its dictionary, or the path of a file in any form
        `pipeline.sources.files.read_layer` understands; geometry then becomes `lon` and `lat`
        (WGS84) of a representative point beside the geometry itself.

    Raises
    ------
    SourceError, FieldError, CrsError
        The table is missing, breaks its dictionary, or has no usable coordinates.
    """
    from pipeline.sources.reference import read_reference

    if source.reference is not None:
        table: pd.DataFrame = read_reference(source.reference)
        return table
    from pipeline.sources.files import read_layer

    assert source.path is not None  # noqa: S101 - the settings model holds one of the two
    frame: pd.DataFrame = read_layer(source.path, datum=source.datum).frame
    if not isinstance(frame, gpd.GeoDataFrame) or frame.geometry.isna().all():
        return frame
    wgs84 = frame.to_crs(4326)
    points = wgs84.geometry.representative_point()
    located: pd.DataFrame = wgs84.assign(lon=points.x, lat=points.y)
    return located


def points_of(table: pd.DataFrame, *, crs: str) -> gpd.GeoDataFrame:
    """Place the rows of a table that have coordinates; the others are counted, not invented.

    Parameters
    ----------
    table
        Columns `lon`, `lat` in WGS84 degrees, null where the position is unknown.
    crs
        Working CRS.

    Returns
    -------
    geopandas.GeoDataFrame
        The located rows, on their own index, as points in `crs`.
    """
    located = table[table["lon"].notna() & table["lat"].notna()]
    if len(located) < len(table):
        logger.info("%d of %d rows have no position", len(table) - len(located), len(table))
    points = gpd.points_from_xy(located["lon"], located["lat"], crs="EPSG:4326")
    plain = located.drop(columns=["geometry"], errors="ignore")
    placed: gpd.GeoDataFrame = gpd.GeoDataFrame(plain, geometry=points).to_crs(crs)
    return placed


def require_columns(table: pd.DataFrame, names: tuple[str, ...], *, role: str) -> None:
    """Refuse a table that lacks columns its role needs, naming all of them.

    Raises
    ------
    FieldError
        One problem for each missing column.
    """
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise FieldError(
            *(
                Problem(
                    zh=f"输入“{role}”缺少字段“{name}”",
                    en=f"the input {role!r} lacks the field {name!r}",
                    rule=f"inputs.{role}",
                    remedy_zh=f"现有字段：{'、'.join(map(str, table.columns))}",
                    remedy_en=f"fields present: {', '.join(map(str, table.columns))}",
                )
                for name in missing
            )
        )

"""Open the table of a role under the project's own field names, its datum checked."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pandas as pd

from pipeline.errors import FieldError, Problem
from pipeline.settings.inputs import TableInput
from pipeline.settings.sources import SourceSettings
from pipeline.sources.guarded import CheckAgainst, read_guarded
from pipeline.sources.reference import read_reference
from pipeline.sources.role_rules import check_role
from pipeline.sources.table_kinds import fields_of_role

if TYPE_CHECKING:
    import geopandas as gpd

logger = logging.getLogger(__name__)


def open_placed(
    source: TableInput, *, role: str, against: CheckAgainst, settings: SourceSettings
) -> pd.DataFrame:
    """Open a table whose rows have a place on the map.

    Parameters
    ----------
    source
        An embedded table's name, checked against its dictionary, or a file of the user's, whose
        declared datum is checked against `against` and refused when the figures contradict it.
    role
        The role, for messages.
    against
        Trusted places.
    settings
        Limits of the guard and of archives.

    Returns
    -------
    pandas.DataFrame
        `lon`, `lat` in WGS84 (of a representative point, null where the position is unknown), the
        table's own fields renamed to the project's, and, for a file, `geometry` in EPSG:4326.

    Raises
    ------
    SourceError, FieldError, CrsError
        The table is missing, breaks its dictionary, lacks a field that `columns` or `only_with`
        names, has no usable coordinates, or is not in the datum it declares.
    """
    if source.path is None:
        return open_plain(source, role=role)
    read = read_guarded(
        source.path,
        declared=source.datum,
        against=against,
        settings=settings,
        layer=source.layer,
        encoding=source.encoding,
        crs=source.crs,
    ).read
    frame: gpd.GeoDataFrame = renamed(read.frame, source, role=role)
    check_role(frame, role, path=source.path)
    degrees = frame.to_crs(4326)
    points = degrees.geometry.representative_point()
    placed: pd.DataFrame = degrees.assign(lon=points.x, lat=points.y)
    return placed


def open_plain(source: TableInput, *, role: str) -> pd.DataFrame:
    """Open a table that needs no coordinates; see `open_placed`."""
    if source.reference is not None:
        table: pd.DataFrame = read_reference(source.reference)
        return renamed(table, source, role=role)
    from pipeline.sources.tabular import read_text_table

    assert source.path is not None  # noqa: S101 - the settings model holds one of the three
    own, _encoding = read_text_table(source.path, encoding=source.encoding)
    table = renamed(own, source, role=role)
    check_role(table, role, path=source.path)
    return table


def renamed(frame: pd.DataFrame, source: TableInput, *, role: str) -> pd.DataFrame:
    """Keep the rows that `only_with` asks for and give the fields the project's names.

    A field of the file may serve several of the project's. In a file of the user's, fields that
    `columns` does not name are recognised by the names people give them, as `parkgap check` tells.

    Raises
    ------
    FieldError
        One problem for each field that the study names and the file lacks.
    """
    asked = [*source.columns.values(), *([source.only_with] if source.only_with else [])]
    missing = [name for name in dict.fromkeys(asked) if name not in frame.columns]
    if missing:
        raise FieldError(*(_missing(name, frame, source, role) for name in missing))
    kept = frame
    if source.only_with is not None:
        count = pd.to_numeric(frame[source.only_with], errors="coerce")
        kept = frame[count.gt(0)]
        logger.info("%d of %d rows have %s above zero", len(kept), len(frame), source.only_with)
    for own, theirs in source.columns.items():
        kept = kept.assign(**{own: frame[theirs]})
    if source.path is not None:
        kept = kept.rename(columns=_recognised(frame, source, role))
    if source.precision_m is not None:
        stated = pd.to_numeric(text_of(kept, "precision_m"), errors="coerce")
        kept = kept.assign(precision_m=stated.fillna(source.precision_m))
    return kept.reset_index(drop=True)


def _recognised(frame: pd.DataFrame, source: TableInput, role: str) -> dict[str, str]:
    """Recognise the columns that neither `columns` nor their own names tell: column -> field."""
    free = [
        str(name)
        for name in frame.columns
        if name != "geometry" and name not in source.columns.values()
    ]
    found = {
        theirs: own
        for own, theirs in fields_of_role(role, free).items()
        if own not in source.columns and own not in frame.columns
    }
    if found:
        named = ", ".join(f"{theirs} -> {own}" for theirs, own in found.items())
        logger.info("took fields of %s by their names: %s", role, named)
    return found


def text_of(table: pd.DataFrame, *names: str) -> pd.Series[str]:
    """Take, row by row, the first of several fields that says something; null where none does."""
    found = pd.Series(None, index=table.index, dtype="object")
    for name in names:
        if name in table.columns:
            text = table[name].astype("string").str.strip()
            found = found.fillna(text.mask(text.eq("").fillna(value=False)).astype("object"))
    return found


def flags_of(values: pd.Series) -> pd.Series[bool]:
    """Read yes and no as people write them; blank is no."""
    said = values.astype("string").str.strip().str.casefold()
    return said.isin(["true", "yes", "1", "1.0", "y", "是"])


def _missing(name: str, frame: pd.DataFrame, source: TableInput, role: str) -> Problem:
    listed = [str(column) for column in frame.columns if column != "geometry"]
    return Problem(
        zh=f"输入“{role}”的文件没有字段“{name}”",
        en=f"the file of the input {role!r} has no field {name!r}",
        path=source.path or source.reference,
        rule=f"inputs.{role}",
        remedy_zh=f"现有字段：{'、'.join(listed)}",
        remedy_en=f"fields present: {', '.join(listed)}",
    )


def check_ids(table: pd.DataFrame, key: str, *, role: str) -> None:
    """Refuse ids that are blank or appear twice.

    Raises
    ------
    FieldError
        Names the ids.
    """
    ids = table[key]
    twice = sorted(set(ids[ids.duplicated() & ids.notna()].astype(str)))
    problems = [
        Problem(
            zh=f"输入“{role}”的编号重复：{name}",
            en=f"an id of the input {role!r} appears twice: {name}",
            rule=f"inputs.{role}.{key}",
        )
        for name in twice[:20]
    ]
    if ids.isna().any():
        rows = ", ".join(str(row) for row in table.index[ids.isna()][:5])
        problems.append(
            Problem(
                zh=f"输入“{role}”有空的编号",
                en=f"ids of the input {role!r} are blank",
                row=rows,
                rule=f"inputs.{role}.{key}",
            )
        )
    if problems:
        raise FieldError(*problems)


def require_shapes(frame: gpd.GeoDataFrame, *, role: str, path: object) -> None:
    """Refuse a layer without polygons where polygons are needed."""
    import shapely

    if not (shapely.get_dimensions(frame.geometry.to_numpy()) == 2).any():  # noqa: PLR2004
        raise FieldError(
            Problem(
                zh=f"输入“{role}”没有面",
                en=f"the input {role!r} holds no polygons",
                path=str(path),
                rule=f"inputs.{role}",
            )
        )

"""Give places the boundaries that were traced or surveyed for them."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from pipeline.errors import FieldError, Problem
from pipeline.sources.files import read_layer

if TYPE_CHECKING:
    from pipeline.settings.sources import ArchiveSettings

logger = logging.getLogger(__name__)
ROLE = "boundaries"
CLASSES = ("surveyed", "digitised")
REFUSED = {"false", "0", "0.0"}


def with_boundaries(
    table: pd.DataFrame, path: Path, *, archives: ArchiveSettings | None = None
) -> pd.DataFrame:
    """Give the places of a register the polygons of a file, as `parkgap digitise` writes it.

    Parameters
    ----------
    table
        The register: `place_id`, `boundary_class` and, where it has any, `geometry` in EPSG:4326.
    path
        Polygons with `place_id`, and where stated `boundary_class` (`surveyed` or `digitised`, the
        default) and `accepted`.
    archives
        Limits on zip files.

    Raises
    ------
    FieldError
        No `place_id`, a place that the register lacks or that is given twice, no polygon, or a
        boundary whose area was found not to be the documented one.
    """
    frame = read_layer(path, archives=archives).frame.to_crs(4326)
    if "place_id" not in frame.columns:
        raise FieldError(_problem(path, None, "没有字段 place_id", "the field place_id is missing"))
    known, problems = set(table["place_id"].astype(str)), []
    twice = set(frame.loc[frame["place_id"].duplicated(), "place_id"].astype(str))
    for row in frame.itertuples():
        name = str(row.place_id)
        if name not in known:
            problems.append(_problem(path, name, "名录中没有此地点", "no such place"))
        if row.geometry is None or row.geometry.area <= 0:
            problems.append(_problem(path, name, "不是面", "is no polygon"))
        if str(getattr(row, "accepted", True)).lower() in REFUSED:
            problems.append(
                _problem(path, name, "面积与文献不符，未被接受", "its area was not accepted")
            )
    problems += [_problem(path, name, "给出两次", "is given twice") for name in sorted(twice)]
    if problems:
        raise FieldError(*problems)
    own = frame.set_index(frame["place_id"].astype(str))
    given = table["place_id"].astype(str).isin(own.index)
    drawn = table["geometry"] if "geometry" in table.columns else [None] * len(table)
    own_shape = own.geometry.to_dict()
    shapes = [
        own_shape.get(str(name), shape)
        for name, shape in zip(table["place_id"], drawn, strict=True)
    ]
    told = own["boundary_class"] if "boundary_class" in own.columns else pd.Series(dtype="str")
    classes = table["place_id"].map(told[told.isin(CLASSES)].astype("object")).astype("object")
    logger.info("%d places have a boundary of their own", int(given.sum()))
    return table.assign(
        geometry=pd.Series(shapes, index=table.index, dtype="object"),
        boundary_class=table["boundary_class"]
        .astype("object")
        .mask(given, classes.fillna("digitised")),
    )


def _problem(path: Path, row: str | None, zh: str, en: str) -> Problem:
    return Problem(zh=zh, en=en, path=path, row=row, rule=f"inputs.{ROLE}")

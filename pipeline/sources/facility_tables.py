"""Bring tables of hospitals and schools into the form of the layer of facilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from pipeline.sources.role_tables import check_ids, flags_of, text_of
from pipeline.sources.school_rules import LEVEL_WORDS, SchoolReader
from pipeline.sources.tables import points_of, require_columns

if TYPE_CHECKING:
    import geopandas as gpd

# Variant -> the grades and kinds of hospital that count for it.
GradeRules = Mapping[str, Mapping[Literal["grade", "kind"], Sequence[str]]]


def hospitals_of(
    table: pd.DataFrame, *, crs: str, grades: GradeRules | None = None
) -> gpd.GeoDataFrame:
    """Make hospital campuses of a table.

    Which variants a campus counts for is, in this order: what its columns `v_<variant>` say; what
    its `grade` and `kind` say by the rules; else `hospital_all`. Supply is `beds`, else `supply`,
    else unknown.

    Parameters
    ----------
    table
        `campus_id` (or `id`, else rows are numbered), names, `lon`, `lat` in WGS84; with
        `entrance_id` one row for each entrance of a campus.
    crs
        Working CRS.
    grades
        What the grades of the study's country mean (`inputs.hospital_grades`).

    Raises
    ------
    FieldError
        Columns are missing, or an id is blank or appears twice.
    """
    found = _placed(table, "hospitals", key="campus_id", crs=crs)
    beds = _number(found, "beds")
    supply = beds.fillna(_number(found, "supply"))
    own = any(name.startswith("v_") for name in found.columns)
    if grades and not own and "grade" in found.columns:
        flags = _graded(found, grades)
        detail = text_of(found, "grade") + (" " + text_of(found, "kind")).fillna("")
    else:
        flags, detail = _stated(found, "hospital_all", prefix=""), text_of(found, "kind")
    basis = np.select([beds.notna(), supply.notna()], ["beds", "count"], "unknown")
    return found.assign(
        service="hospital",
        name_zh=_joined(found["name_zh"], found.get("campus_zh")),
        name_en=_joined(found["name_en"], found.get("campus_en")),
        detail_zh=detail,
        detail_en=detail,
        supply=supply,
        supply_basis=basis,
        supply_year=_year(found, {"beds_year": beds, "supply_year": supply}),
        **flags,
    )


def schools_of(
    table: pd.DataFrame, *, crs: str, reader: SchoolReader | None = None
) -> gpd.GeoDataFrame:
    """Make schools of a table.

    Variants are the columns `v_<variant>`, with the school's level before the name where the table
    states one level for all of them (`senior_<variant>`). Without such columns they are
    `school_all` and, where a column `level` or else the names tell, `school_<level>`. Supply is
    `places`, else `supply`, else unknown.

    Parameters
    ----------
    table
        `school_id` (or `id`, else rows are numbered), names, `lon`, `lat` in WGS84; with
        `entrance_id` one row for each entrance of a school.
    crs
        Working CRS.
    reader
        Rules by which names tell the level.

    Raises
    ------
    FieldError
        Columns are missing, or an id is blank or appears twice.
    """
    found = _placed(table, "schools", key="school_id", crs=crs)
    places = _number(found, "places")
    supply = places.fillna(_number(found, "supply"))
    levels = set(text_of(found, "level").dropna())
    prefix = f"{levels.pop()}_" if len(levels) == 1 else ""
    flags = dict(_stated(found, "school_all", prefix=prefix))
    if "v_school_all" in flags and not any(name.startswith("v_") for name in found.columns):
        flags |= _levels(found, reader)
    return found.drop(columns=[name for name in found.columns if name.startswith("v_")]).assign(
        campus_id=found["school_id"],
        service="school",
        detail_zh=text_of(found, "official_type_zh", "level"),
        detail_en=text_of(found, "official_type", "level"),
        supply=supply,
        supply_basis=np.select([places.notna(), supply.notna()], ["places", "count"], "unknown"),
        supply_year=_year(found, {"places_year": places, "supply_year": supply}),
        **flags,
    )


def _year(table: pd.DataFrame, figures: Mapping[str, pd.Series[float]]) -> pd.Series[int]:
    """Give the year of the figure that is the supply, null where the table states none.

    `figures` are what the supply may be by the column of its year, the first known one being it.
    """
    year = pd.Series(np.nan, index=table.index)
    open_yet = pd.Series(data=True, index=table.index)
    for name, figure in figures.items():
        this = open_yet & figure.notna()
        year = year.mask(this, _number(table, name))
        open_yet &= ~this
    return year.astype("Int64")


def _placed(table: pd.DataFrame, role: str, *, key: str, crs: str) -> gpd.GeoDataFrame:
    require_columns(table, ("lon", "lat"), role=role)
    kind = {"hospitals": ("医疗机构", "Hospital"), "schools": ("学校", "School")}[role]
    ids = text_of(table, key, "id", "osm_id")
    if ids.isna().all():  # a table without ids: its rows in their order
        ids = pd.Series([f"row_{row}" for row in range(1, len(table) + 1)], index=table.index)
    # One row for each entrance where the table names them: they are one campus.
    entrance = text_of(table, "entrance_id")
    several = bool(entrance.notna().any())
    named = table.assign(
        **{key: ids},
        facility_id=ids.where(entrance.isna(), ids + "/" + entrance.fillna("")),
        name_zh=text_of(table, "name_zh", "name").fillna(f"{kind[0]} " + ids),
        name_en=text_of(table, "name_en", "name", "name_zh").fillna(f"{kind[1]} " + ids),
        status=text_of(table, "status").fillna("operating"),
        source=text_of(table, "source"),
    )
    check_ids(named, "facility_id" if several else key, role=role)
    return points_of(named, crs=crs)


def _number(table: pd.DataFrame, name: str) -> pd.Series[float]:
    if name not in table.columns:
        return pd.Series(np.nan, index=table.index, dtype="float64")
    return pd.to_numeric(table[name], errors="coerce").astype("float64")


def _graded(table: pd.DataFrame, rules: GradeRules) -> Mapping[str, pd.Series[bool]]:
    kind = table.get("kind", pd.Series(None, index=table.index, dtype="object"))
    return {
        f"v_{variant}": table["grade"].isin(rule.get("grade", ()))
        & (kind.isin(rule["kind"]) if rule.get("kind") else True)
        for variant, rule in rules.items()
    }


def _stated(table: pd.DataFrame, everyone: str, *, prefix: str) -> Mapping[str, pd.Series[bool]]:
    flags = {
        f"v_{prefix}{name.removeprefix('v_')}": flags_of(table[name])
        for name in table.columns
        if name.startswith("v_")
    }
    return flags or {f"v_{everyone}": pd.Series(data=True, index=table.index)}


def _levels(table: pd.DataFrame, reader: SchoolReader | None) -> Mapping[str, pd.Series[bool]]:
    """Read levels row by row from `level` (codes, or words in Chinese), else from the name."""
    stated = text_of(table, "level")
    held = [
        {level for level, word in LEVEL_WORDS.items() if level in text or word in text}
        if isinstance(text, str)
        else ((reader.levels(str(name), {}) if reader else None) or set())
        for text, name in zip(stated, table["name_zh"], strict=True)
    ]
    return {
        f"v_school_{level}": pd.Series([level in one for one in held], index=table.index)
        for level in LEVEL_WORDS
    }


def _joined(name: pd.Series[str], campus: pd.Series[str] | None) -> pd.Series[str]:
    if campus is None:
        return name
    return name.where(campus.isna(), name + " " + campus.fillna(""))

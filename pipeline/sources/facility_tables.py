"""Bring tables of hospitals and schools into the form of the layer of facilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipeline.sources.role_tables import check_ids, flags_of, text_of
from pipeline.sources.tables import points_of, require_columns

if TYPE_CHECKING:
    import geopandas as gpd

# Chinese grades of hospitals, as the embedded table writes them: third grade, first class.
_THIRD_GRADE = ("3A", "3B", "3?")
_FIRST_CLASS = "3A"
_GENERAL = ("general", "general_military")


def hospitals_of(table: pd.DataFrame, *, crs: str) -> gpd.GeoDataFrame:
    """Make hospital campuses of a table.

    Which variants a campus counts for is, in this order: what its columns `v_<variant>` say; what
    its `grade` and `kind` say (`tertiary_all`, `tertiary_3a`, `tertiary_3a_general`); else
    `hospital_all`. Supply is `beds`, else `supply`, else unknown.

    Parameters
    ----------
    table
        `campus_id` (or `id`, else rows are numbered), names, `lon`, `lat` in WGS84; with
        `entrance_id` one row for each entrance of a campus.
    crs
        Working CRS.

    Raises
    ------
    FieldError
        Columns are missing, or an id is blank or appears twice.
    """
    found = _placed(table, "hospitals", key="campus_id", crs=crs)
    beds = _number(found, "beds")
    supply = beds.fillna(_number(found, "supply"))
    if "grade" in found.columns:
        flags = _graded(found)
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
        **flags,
    )


def schools_of(table: pd.DataFrame, *, crs: str) -> gpd.GeoDataFrame:
    """Make schools of a table.

    Variants are the columns `v_<variant>`, with the school's level before the name where the table
    states one level for all of them (`senior_<variant>`); without such columns `school_all`.
    Supply is `places`, else `supply`, else unknown.

    Parameters
    ----------
    table
        `school_id` (or `id`, else rows are numbered), names, `lon`, `lat` in WGS84; with
        `entrance_id` one row for each entrance of a school.
    crs
        Working CRS.

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
    flags = _stated(found, "school_all", prefix=prefix)
    return found.drop(columns=[name for name in found.columns if name.startswith("v_")]).assign(
        campus_id=found["school_id"],
        service="school",
        detail_zh=text_of(found, "official_type_zh", "level"),
        detail_en=text_of(found, "official_type", "level"),
        supply=supply,
        supply_basis=np.select([places.notna(), supply.notna()], ["places", "count"], "unknown"),
        **flags,
    )


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


def _graded(table: pd.DataFrame) -> Mapping[str, pd.Series[bool]]:
    third, first = table["grade"].isin(_THIRD_GRADE), table["grade"].eq(_FIRST_CLASS)
    kind = table.get("kind", pd.Series(None, index=table.index, dtype="object"))
    return {
        "v_tertiary_all": third,
        "v_tertiary_3a": first,
        "v_tertiary_3a_general": first & kind.isin(_GENERAL),
    }


def _stated(table: pd.DataFrame, everyone: str, *, prefix: str) -> Mapping[str, pd.Series[bool]]:
    flags = {
        f"v_{prefix}{name.removeprefix('v_')}": flags_of(table[name])
        for name in table.columns
        if name.startswith("v_")
    }
    return flags or {f"v_{everyone}": pd.Series(data=True, index=table.index)}


def _joined(name: pd.Series[str], campus: pd.Series[str] | None) -> pd.Series[str]:
    if campus is None:
        return name
    return name.where(campus.isna(), name + " " + campus.fillna(""))

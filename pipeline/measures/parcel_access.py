"""Cross low-efficiency land with access to services: renew first where the city is near."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.errors import LayerError, Problem
from pipeline.measures.rules import FALSE, TRUE, UNKNOWN

ACCESS_COLUMNS = ("place_id", "service", "variant", "mode", "measure", "value", "status")


@dataclass(frozen=True)
class ServiceStandard:
    """When a place counts as served: `value` of one measure at most `most` (t <= c)."""

    service: str
    variant: str
    mode: str
    measure: str
    most: float
    unit: str


def column_names(standards: Sequence[ServiceStandard]) -> list[str]:
    """Name the column of each standard: `served_<service>`, longer where a service has several.

    Raises
    ------
    LayerError
        Where two standards are about the same service, variant, mode and measure.
    """
    forms = [
        [s.service, f"{s.service}_{s.variant}", f"{s.service}_{s.variant}_{s.mode}_{s.measure}"]
        for s in standards
    ]
    names = []
    for mine in forms:
        alone = (form for k, form in enumerate(mine) if [f[k] for f in forms].count(form) == 1)
        name = next(alone, None)
        if name is None:
            raise LayerError(
                Problem(
                    zh=f"服务标准 {mine[-1]} 重复",
                    en=f"the standard {mine[-1]} is given twice",
                    rule="service standards",
                )
            )
        names.append(f"served_{name}")
    return names


def served_by_place(access: pd.DataFrame, standards: Sequence[ServiceStandard]) -> pd.DataFrame:
    """Tell for each place and service whether it is served: yes, no, or not known.

    A value beyond the search limit (`beyond_limit`) is a "no"; `no_data`, `unsnapped`,
    `not_measurable` and absent rows are not known.

    Returns
    -------
    Indexed by `place_id`: one nullable yes/no column per standard, named by `column_names`.

    Raises
    ------
    LayerError
        Where columns are absent or a place has two rows for one standard.
    """
    _check_access(access)
    places = pd.Index(sorted(access["place_id"].unique()), name="place_id")
    columns = {}
    for standard, name in zip(standards, column_names(standards), strict=True):
        rows = _rows_of(access, standard, name)
        within = (rows["value"] <= standard.most).astype("boolean").mask(rows["value"].isna())
        beyond = rows["status"] == "beyond_limit"
        usable = within.where(rows["status"] == "ok").mask(beyond, other=False)
        columns[name] = usable.reindex(places)
    return pd.DataFrame(columns, index=places).astype("boolean")


def _rows_of(access: pd.DataFrame, standard: ServiceStandard, name: str) -> pd.DataFrame:
    wanted = (
        (access["service"] == standard.service)
        & (access["variant"] == standard.variant)
        & (access["mode"] == standard.mode)
        & (access["measure"] == standard.measure)
    )
    rows = access[wanted].set_index("place_id")
    twice = rows.index[rows.index.duplicated()].unique()
    if len(twice):
        raise LayerError(
            *(
                Problem(
                    zh=f"{place} 的 {name} 有多行结果",
                    en=f"{place} has more than one row for {name}",
                    rule="one row per place and measure",
                )
                for place in twice
            )
        )
    return rows


def _check_access(access: pd.DataFrame) -> None:
    absent = [name for name in ACCESS_COLUMNS if name not in access.columns]
    if absent:
        raise LayerError(
            Problem(
                zh=f"可达性表缺少字段：{', '.join(absent)}",
                en=f"the access table lacks the columns {', '.join(absent)}",
                rule="access contract",
            )
        )


def cross_with_access(
    parcels: pd.DataFrame,
    access: pd.DataFrame,
    *,
    standards: Sequence[ServiceStandard],
    min_served: int,
    place_column: str,
    island: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Tell which low-efficiency parcels lie in well-served places and should be renewed first.

    Parameters
    ----------
    parcels
        Parcels with `verdict` (`matched`, `possible`, `none`) and a column naming their place.
    access
        Long table of results by place (or by parcel, with the parcel's id as `place_id`).
    standards
        When each service counts as reached.
    min_served
        Number of services that make a place well served.
    place_column
        Column of the parcels that holds the `place_id` (`park_id`, `zone_id`, `parcel_id`).
    island
        Optional results by `place_id`; its other columns are joined with the prefix `island_`.

    Returns
    -------
    On the parcels' index: `served_<service>` (nullable), `served`, `unserved` and `unmeasured`
    (numbers of services), `well_served` (nullable: null where the unmeasured services decide) and
    `renewal_priority`: `renew_first` (low-efficiency, well served), `serve_first` (low-efficiency,
    not well served), `to_check` (either is open), `not_low` or null.
    """
    table = served_by_place(access, standards)
    joined = table.reindex(parcels[place_column].to_numpy()).set_axis(parcels.index)
    out = joined.assign(**_counts(joined))
    out["well_served"] = _at_least(out, min_served)
    low = parcels["verdict"].map({"matched": TRUE, "possible": UNKNOWN, "none": FALSE})
    out["renewal_priority"] = _priority(low, out["well_served"])
    if island is not None:
        columns = island.set_index("place_id").add_prefix("island_")
        out = out.join(columns.reindex(parcels[place_column].to_numpy()).set_axis(parcels.index))
    return out


def _counts(served: pd.DataFrame) -> Mapping[str, pd.Series]:
    return {
        "served": served.fillna(value=False).sum(axis=1).astype("int64"),
        "unserved": (~served.fillna(value=True)).sum(axis=1).astype("int64"),
        "unmeasured": served.isna().sum(axis=1).astype("int64"),
    }


def _at_least(counts: pd.DataFrame, least: int) -> pd.Series:
    sure = counts["served"] >= least
    hopeless = counts["served"] + counts["unmeasured"] < least
    return sure.astype("boolean").mask(~sure & ~hopeless)


def _priority(low: pd.Series, well_served: pd.Series) -> pd.Series:
    out = pd.Series(pd.NA, index=low.index, dtype="string")
    out = out.mask(low == FALSE, "not_low").mask(low == UNKNOWN, "to_check")
    decided = low == TRUE
    out = out.mask(decided & well_served.isna(), "to_check")
    out = out.mask(decided & well_served.fillna(value=False), "renew_first")
    return out.mask(decided & ~well_served.fillna(value=True), "serve_first")


def land_without_services(
    parcels: pd.DataFrame,
    crossed: pd.DataFrame,
    *,
    place_column: str,
    min_land_m2: float,
) -> pd.DataFrame:
    """List the places that have land to renew and whether they have the services for it.

    Parameters
    ----------
    parcels
        Parcels with `area_m2`, `uplift_m2`, `verdict` and the place column.
    crossed
        From `cross_with_access`, on the same index.
    place_column
        Column to group by.
    min_land_m2
        Least low-efficiency land for a place to count as having land.

    Returns
    -------
    One row per place, most land first: `parcels`, `low_land_m2`, `uplift_m2`, `served`,
    `unserved`, `unmeasured`, `case` (`land_and_services`, `land_no_services`, `little_land`,
    `to_check`).
    """
    low = parcels["verdict"] == "matched"
    table = pd.DataFrame(
        {
            "place_id": parcels[place_column].astype("string"),
            "low_land_m2": parcels["area_m2"].where(low, 0.0),
            "uplift_m2": parcels["uplift_m2"],
        }
    ).join(crossed[["served", "unserved", "unmeasured", "well_served"]])
    grouped = table.dropna(subset=["place_id"]).groupby("place_id", sort=True)
    out = grouped[["low_land_m2", "uplift_m2"]].sum(min_count=1)
    out.insert(0, "parcels", grouped.size())
    out[["served", "unserved", "unmeasured"]] = grouped[["served", "unserved", "unmeasured"]].min()
    well = grouped["well_served"].first()
    case = np.where(well.fillna(value=False), "land_and_services", "land_no_services")
    case = np.where(well.isna(), "to_check", case)
    out["case"] = np.where(out["low_land_m2"] < min_land_m2, "little_land", case)
    out = out.reset_index().sort_values(["low_land_m2", "place_id"], ascending=[False, True])
    return out.reset_index(drop=True)

"""Sum parcels up to parks, zones and districts without counting the unknown as zero.

A rate is a sum over a sum, both over the parcels for which numerator and denominator are known.
Partial sums of disjoint tables can be added before the rates are formed, so a table of any size is
summed part by part.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from pipeline.measures.parcel_columns import (
    M2_PER_HA,
    MU_PER_HA,
    Floats,
    Mask,
    codes,
    flags,
    floats,
)

# rate: numerator, the land it is divided by
RATES: Final[dict[str, tuple[str, str]]] = {
    "far": ("gfa_resolved_m2", "industrial"),
    "coverage_share": ("footprint_m2", "industrial"),
    "tax_10k_yuan_ha": ("tax_10k_yuan", "industrial"),
    "output_10k_yuan_ha": ("output_10k_yuan", "industrial"),
    "jobs_ha": ("jobs", "industrial"),
    "developed_share": ("developed_area_m2", "all"),
}
PER_HA: Final = ("tax_10k_yuan_ha", "output_10k_yuan_ha", "jobs_ha")
SUMS: Final = ("uplift_m2", "zero_increment_m2")


def partial_totals(frame: pd.DataFrame, *, by: str) -> pd.DataFrame:
    """Sum what the rates need, by the groups of one column.

    Parameters
    ----------
    frame
        Parcels with indicators (`area_m2`, `far`, `is_industrial` ...). Rows without a group are
        left out. Floor area is `far` x area, so that a stated ratio counts where floor area is
        unknown.
    by
        Column to group by (`park_id`, `zone_id`, `district_zh`).

    Returns
    -------
    Indexed by group: counts, land, and for each rate its numerator, its land with data and the land
    it should cover. The sums do not depend on the order of rows.
    """
    grouped = frame[frame[by].notna()]
    area = floats(grouped, "area_m2")
    industrial, told = flags(grouped, "is_industrial")
    pieces: dict[str, Floats | Mask] = {
        "parcels": np.ones(len(grouped)),
        "area_unknown_parcels": np.isnan(area),
        "industrial_parcels": industrial.astype(np.float64),
        "land_m2": area,
        "industrial_land_m2": np.where(industrial, area, 0.0),
        "class_unknown_m2": np.where(told, 0.0, area),
    }
    pieces["far__estimated"] = np.where(industrial & _estimated(grouped), area, 0.0)
    for rate, (numerator, base) in RATES.items():
        wanted = industrial if base == "industrial" else np.ones(len(grouped), dtype=bool)
        pieces |= _rate_pieces(rate, _numerator(grouped, numerator), area, wanted)
    for name in SUMS:
        values = floats(grouped, name)
        pieces[name] = values
        pieces[f"{name}_land"] = np.where(np.isnan(values) | ~industrial, 0.0, area)
    table = pd.DataFrame({k: np.nan_to_num(v.astype(np.float64)) for k, v in pieces.items()})
    return _ordered_sums(table, grouped[by].astype("str").to_numpy(dtype=object))


def _estimated(frame: pd.DataFrame) -> Mask:
    """Mark the parcels whose ratio comes from building footprints."""
    return (codes(frame, "far_basis") == "estimated_footprints").fillna(value=False).to_numpy(bool)


def _numerator(frame: pd.DataFrame, name: str) -> Floats:
    if name == "gfa_resolved_m2":
        return floats(frame, "far") * floats(frame, "area_m2")
    return floats(frame, name)


def _rate_pieces(rate: str, values: Floats, area: Floats, wanted: Mask) -> dict[str, Floats | Mask]:
    usable = wanted & ~np.isnan(values) & ~np.isnan(area)
    return {
        f"{rate}__sum": np.where(usable, values, 0.0),
        f"{rate}__land": np.where(usable, area, 0.0),
        f"{rate}__wanted": np.where(wanted, area, 0.0),
    }


def _ordered_sums(table: pd.DataFrame, groups: np.ndarray) -> pd.DataFrame:
    """Sum by group after sorting each column's values, so that row order cannot change a bit."""
    names, which = np.unique(groups.astype(str), return_inverse=True)
    if names.size == 0:
        return table.set_axis(pd.Index([], dtype="str", name="group"))
    counts = np.bincount(which, minlength=names.size)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    sums = {}
    for name in table.columns:
        values = table[name].to_numpy()
        order = np.lexsort((values, which))
        sums[name] = np.add.reduceat(values[order], starts)
    return pd.DataFrame(sums, index=pd.Index(names, dtype="str", name="group"))


def add_totals(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Add partial totals of disjoint tables, group by group."""
    return pd.concat(parts).groupby(level="group").sum()


def finish_totals(partial: pd.DataFrame, *, min_known_share: float) -> pd.DataFrame:
    """Form the rates.

    Parameters
    ----------
    partial
        Sums from `partial_totals` or `add_totals`.
    min_known_share
        Least share of the land (0 to 1) that must have data for a rate to be given.

    Returns
    -------
    Indexed by group, sorted: `parcels`, `industrial_parcels`, `area_unknown_parcels`, `land_m2`,
    `industrial_land_m2`, `class_unknown_m2`; each rate with `<rate>_known_share` and
    `<rate>_status` (`ok`, `no_data`); `far_estimated_share`, the share of the land behind the FAR
    whose ratio was estimated from footprints; tax and output also per mu; `uplift_m2` and
    `zero_increment_m2` with the share of industrial land behind them. FAR, tax, output and jobs
    are per industrial land, the development rate is
    per all land of the group's parcels.
    """
    counts = ["parcels", "industrial_parcels", "area_unknown_parcels"]
    lands = ["land_m2", "industrial_land_m2", "class_unknown_m2"]
    out = partial[counts].astype("int64").join(partial[lands])
    for rate in RATES:
        known = _divide(partial[f"{rate}__land"], partial[f"{rate}__wanted"])
        factor = M2_PER_HA if rate in PER_HA else 1.0
        value = _divide(partial[f"{rate}__sum"], partial[f"{rate}__land"]) * factor
        usable = known >= min_known_share
        out[rate] = value.where(usable)
        out[f"{rate}_known_share"] = known
        out[f"{rate}_status"] = np.where(usable, "ok", "no_data")
    out["far_estimated_share"] = _divide(partial["far__estimated"], partial["far__land"])
    for rate in ("tax_10k_yuan", "output_10k_yuan"):
        out[f"{rate}_mu"] = out[f"{rate}_ha"] / MU_PER_HA
    for name in SUMS:
        out[name] = partial[name].where(partial[f"{name}_land"] > 0)
        out[f"{name}_known_share"] = _divide(partial[f"{name}_land"], out["industrial_land_m2"])
    return out.sort_index()


def totals(frame: pd.DataFrame, *, by: str, min_known_share: float) -> pd.DataFrame:
    """Sum a whole table by one column (see `partial_totals` and `finish_totals`)."""
    return finish_totals(partial_totals(frame, by=by), min_known_share=min_known_share)


def _divide(numerator: pd.Series, denominator: pd.Series) -> pd.Series:
    return numerator.div(denominator.where(denominator > 0))


def verdict_totals(frame: pd.DataFrame, *, by: str, outcome: str) -> pd.DataFrame:
    """Count parcels and land by group and outcome.

    Parameters
    ----------
    frame
        Parcels with `area_m2`, the group column and an outcome column; a null outcome is counted
        under its `verdict` (`none` or `possible`).
    by, outcome
        Columns to group by.

    Returns
    -------
    Long table `group`, `outcome`, `parcels`, `land_m2`, `land_mu`, sorted.
    """
    label = frame[outcome].astype("string").fillna(frame["verdict"].astype("string"))
    keys = pd.DataFrame({"group": frame[by].astype("string"), "outcome": label})
    keys["land_m2"] = frame["area_m2"]
    grouped = keys.dropna(subset=["group"]).groupby(["group", "outcome"], sort=True)["land_m2"]
    out = pd.DataFrame({"parcels": grouped.size(), "land_m2": grouped.sum(min_count=1)})
    out["land_mu"] = out["land_m2"] / M2_PER_HA * MU_PER_HA
    return out.reset_index()

"""Compute the indicators of each parcel: intensity, yield, clocks and land-use class.

Every function takes the parcel table in the units of the parcel schema (m², 10⁴ yuan, dates) and
returns columns on the caller's index. What cannot be known is null, never zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.measures.parcel_columns import (
    M2_PER_HA,
    MU_PER_HA,
    Dates,
    Floats,
    codes,
    days,
    flags,
    floats,
    nullable,
    ratio,
    share,
)

# What a person would have to fill in for each indicator.
DERIVED_FROM: Final[dict[str, tuple[str, ...]]] = {
    "far": ("far_now", "gfa_m2", "area_m2"),
    "far_target": ("far_plan",),
    "coverage_share": ("footprint_m2", "area_m2"),
    "tax_10k_yuan_ha": ("tax_10k_yuan", "area_m2"),
    "tax_10k_yuan_mu": ("tax_10k_yuan", "area_m2"),
    "output_10k_yuan_ha": ("output_10k_yuan", "area_m2"),
    "output_10k_yuan_mu": ("output_10k_yuan", "area_m2"),
    "invest_10k_yuan_mu": ("invest_10k_yuan", "area_m2"),
    "jobs_ha": ("jobs", "area_m2"),
    "jobs_mu": ("jobs", "area_m2"),
    "output_10k_yuan_tce": ("output_10k_yuan", "energy_tce"),
    "developed_share": ("developed_area_m2", "area_m2"),
    "remainder_share": ("remainder_m2", "area_m2"),
    "rd_gfa_share": ("rd_gfa_m2", "gfa_m2"),
    "tax_of_agreed_share": ("tax_10k_yuan", "contract_tax_10k_yuan"),
    "output_of_agreed_share": ("output_10k_yuan", "contract_output_10k_yuan"),
    "started": ("build_status", "actual_start"),
    "since_grant_yr": ("grant_date",),
    "since_agreed_start_yr": ("agreed_start",),
    "since_agreed_finish_yr": ("agreed_finish",),
    "since_agreed_production_yr": ("agreed_production",),
    "since_stop_yr": ("stop_date",),
    "remaining_lease_yr": ("grant_date", "term_years"),
    "is_industrial": ("landuse_2023", "landuse_sh"),
    "is_research": ("landuse_2023", "landuse_sh"),
    "is_storage": ("landuse_2023", "landuse_sh"),
    "is_zero_class": ("landuse_sh",),
    "is_m0": ("landuse_sh",),
    "plan_industrial": ("plan_use_2023",),
    "grade": ("eff_class", "tax_10k_yuan", "output_10k_yuan", "jobs", "energy_tce", "area_m2"),
}

Labels = npt.NDArray[np.object_]
STARTED: Final = ("under_construction", "stopped", "built")
ZERO_CLASSES: Final = ("M0", "C0", "W0")
MONTHS_PER_YEAR: Final = 12


def indicators(
    frame: pd.DataFrame,
    *,
    study_date: date,
    far_target: float | None,
) -> pd.DataFrame:
    """Compute every indicator a rule or a summary reads.

    Parameters
    ----------
    frame
        Parcel table.
    study_date
        The day on which clocks are read.
    far_target
        Floor area ratio a parcel without a planned one is held against; None leaves it unknown.

    Returns
    -------
    The frame with the columns of `DERIVED_FROM` (except `grade`), `far_basis`, `idle_yr` and
    `idle_basis` added, or filled in where the input had them.
    """
    parts = (
        floor_area_ratio(frame, far_target=far_target),
        yields(frame),
        clocks(frame, study_date=study_date),
        land_use(frame),
    )
    added = pd.concat(parts, axis=1)
    kept = frame.drop(columns=[name for name in added.columns if name in frame.columns])
    return pd.concat([kept, added], axis=1)


def floor_area_ratio(frame: pd.DataFrame, *, far_target: float | None) -> pd.DataFrame:
    """Resolve the present and the target floor area ratio and say where the present one is from.

    The stated ratio comes first, then floor area over plot area, then the estimate from building
    footprints (`far_estimated`, when that column exists).

    Returns
    -------
    `far`, `far_basis` (`given`, `gfa_over_area`, `estimated_footprints` or null), `far_target`,
    `far_target_basis` (`plan`, `setting` or null), `coverage_share`.
    """
    sources = {
        "given": floats(frame, "far_now"),
        "gfa_over_area": share(frame, "gfa_m2", "area_m2"),
        "estimated_footprints": floats(frame, "far_estimated"),
    }
    far, basis = _first_known(sources)
    target, target_basis = _first_known(
        {
            "plan": floats(frame, "far_plan"),
            "setting": np.full(len(frame), np.nan if far_target is None else far_target),
        }
    )
    return pd.DataFrame(
        {
            "far": far,
            "far_basis": pd.Series(basis, index=frame.index, dtype="string"),
            "far_target": target,
            "far_target_basis": pd.Series(target_basis, index=frame.index, dtype="string"),
            "coverage_share": share(frame, "footprint_m2", "area_m2"),
        },
        index=frame.index,
    )


def _first_known(sources: dict[str, Floats]) -> tuple[Floats, Labels]:
    """Take the first source that is known in each row, and its name (None where none is)."""
    names = list(sources)
    stack = np.column_stack([sources[name] for name in names])
    known = ~np.isnan(stack)
    first = known.argmax(axis=1)
    found = known.any(axis=1)
    values = np.where(found, stack[np.arange(len(stack)), first], np.nan)
    labels = np.array([*names, None], dtype=object)
    return values, labels[np.where(found, first, len(names))]


def yields(frame: pd.DataFrame) -> pd.DataFrame:
    """Compute output, tax, jobs and investment per hectare and per mu, and shares of agreed values.

    Where a total is unknown and the input states the yield per hectare, the stated one is kept.
    One mu is a fifteenth of a hectare.
    """
    area_ha = floats(frame, "area_m2") / M2_PER_HA
    columns: dict[str, Floats] = {}
    for name in ("tax_10k_yuan", "output_10k_yuan"):
        per_ha = ratio(floats(frame, name), area_ha)
        per_ha = np.where(np.isnan(per_ha), floats(frame, f"{name}_ha"), per_ha)
        columns[f"{name}_ha"] = per_ha
        columns[f"{name}_mu"] = per_ha / MU_PER_HA
    columns["invest_10k_yuan_mu"] = ratio(floats(frame, "invest_10k_yuan"), area_ha) / MU_PER_HA
    columns["jobs_ha"] = ratio(floats(frame, "jobs"), area_ha)
    columns["jobs_mu"] = columns["jobs_ha"] / MU_PER_HA
    columns["output_10k_yuan_tce"] = share(frame, "output_10k_yuan", "energy_tce")
    columns["tax_of_agreed_share"] = share(frame, "tax_10k_yuan", "contract_tax_10k_yuan")
    columns["output_of_agreed_share"] = share(frame, "output_10k_yuan", "contract_output_10k_yuan")
    columns["developed_share"] = share(frame, "developed_area_m2", "area_m2")
    columns["remainder_share"] = share(frame, "remainder_m2", "area_m2")
    columns["rd_gfa_share"] = share(frame, "rd_gfa_m2", "gfa_m2")
    return pd.DataFrame(columns, index=frame.index)


def clocks(frame: pd.DataFrame, *, study_date: date) -> pd.DataFrame:
    """Read the contract clocks on the study date, in years counted by anniversaries.

    `idle_yr` is the clock of Order 53: since the agreed start where work never began, since the
    stop where it was broken off. Without an agreed start the agreed finish gives a lower bound,
    because work is never agreed to begin after it is agreed to be finished.

    Returns
    -------
    `started` (yes/no), the `since_..._yr` columns (negative before the date), `idle_yr`,
    `idle_basis` (`agreed_start`, `agreed_finish_lower_bound`, `stop_date` or null) and
    `remaining_lease_yr`.
    """
    today = np.datetime64(study_date, "D")
    columns: dict[str, object] = {"started": _started(frame, today)}
    for name in ("agreed_start", "agreed_finish", "agreed_production"):
        columns[f"since_{name}_yr"] = years_between(days(frame, name), today)
    columns["since_grant_yr"] = years_between(days(frame, "grant_date"), today)
    columns["since_stop_yr"] = years_between(days(frame, "stop_date"), today)
    columns["remaining_lease_yr"] = _remaining_lease(frame, today)
    out = pd.DataFrame(columns, index=frame.index)
    idle, basis = _idle(out, codes(frame, "build_status"))
    out["idle_yr"] = idle
    out["idle_basis"] = pd.Series(basis, index=out.index, dtype="string")
    return out


def _started(frame: pd.DataFrame, today: np.datetime64) -> pd.Series:
    status = codes(frame, "build_status")
    began = days(frame, "actual_start")
    by_status = status.isin(STARTED).to_numpy(bool)
    stated = status.notna().to_numpy(bool)
    dated = ~np.isnat(began)
    values = np.where(stated, by_status, began <= today)
    return nullable(values, stated | dated, frame.index)


def _remaining_lease(frame: pd.DataFrame, today: np.datetime64) -> Floats:
    term = floats(frame, "term_years")
    granted = days(frame, "grant_date")
    known = ~np.isnan(term) & ~np.isnat(granted)
    months = np.where(known, np.rint(np.nan_to_num(term) * MONTHS_PER_YEAR), 0).astype(np.int64)
    end = _add_months(granted, months)
    return np.where(known, -years_between(end, today), np.nan)


def _idle(clock: pd.DataFrame, status: pd.Series) -> tuple[Floats, Labels]:
    began, told = flags(clock, "started")
    waiting = told & ~began
    stopped = (status == "stopped").fillna(value=False).to_numpy(bool)
    values, basis = _first_known(
        {
            "stop_date": np.where(stopped, floats(clock, "since_stop_yr"), np.nan),
            "agreed_start": np.where(waiting, floats(clock, "since_agreed_start_yr"), np.nan),
            "agreed_finish_lower_bound": np.where(
                waiting, floats(clock, "since_agreed_finish_yr"), np.nan
            ),
        }
    )
    return np.maximum(values, 0.0), basis


def years_between(start: Dates, end: np.datetime64) -> Floats:
    """Count years from each start to the end by anniversaries, so that a full year is exactly 1.

    The fraction is the share of days of the running year; 29 February turns a year on 1 March.
    Null where the start is unknown, negative where it lies after the end.
    """
    known = ~np.isnat(start)
    safe = np.where(known, start, end)
    whole = end.astype("datetime64[Y]").astype(int) - safe.astype("datetime64[Y]").astype(np.int64)
    whole = whole - (_add_months(safe, whole * MONTHS_PER_YEAR) > end)
    last = _add_months(safe, whole * MONTHS_PER_YEAR)
    following = _add_months(safe, (whole + 1) * MONTHS_PER_YEAR)
    fraction = (end - last).astype(np.float64) / (following - last).astype(np.float64)
    return np.where(known, whole + fraction, np.nan)


def _add_months(start: Dates, months: Floats | np.ndarray[tuple[int], np.dtype[np.int64]]) -> Dates:
    month = start.astype("datetime64[M]")
    day = start - month.astype("datetime64[D]")
    return np.asarray((month + months).astype("datetime64[D]") + day)


def land_use(frame: pd.DataFrame) -> pd.DataFrame:
    """Tell industry, research and storage from the national code (2023) and a local one.

    The national code decides where both are given. M0, C0 and W0 count with the family of their
    letter. `plan_industrial` is true for planned industry, research and storage.
    """
    national, local = codes(frame, "landuse_2023"), codes(frame, "landuse_sh")
    families = {
        "is_industrial": (("1001",), ("M",)),
        "is_research": (("0802",), ("C65", "C0", "A35")),
        "is_storage": (("1101",), ("W",)),
    }
    columns = {
        name: _by_prefix(national, nat).fillna(_by_prefix(local, loc))
        for name, (nat, loc) in families.items()
    }
    columns["is_zero_class"] = local.isin(ZERO_CLASSES).astype("boolean").mask(local.isna())
    columns["is_m0"] = (local == "M0").astype("boolean")
    columns["plan_industrial"] = _by_prefix(
        codes(frame, "plan_use_2023"), ("1001", "0802", "1101", "M", "C65", "C0", "W")
    )
    return pd.DataFrame(columns, index=frame.index)


def _by_prefix(column: pd.Series, prefixes: Sequence[str]) -> pd.Series:
    return column.str.startswith(tuple(prefixes)).astype("boolean")

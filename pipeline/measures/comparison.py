"""Set documented figures beside what follows from them: ratios, growth, targets, location types."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.measures.access_pairs import FloatArray
from pipeline.measures.targets import target_columns

AGREES, DIFFERS, NO_DATA = "agrees", "differs", "no_data"


def compound_growth(first: float, last: float, *, years: float) -> float:
    """Give the yearly growth that leads from the first to the last value, as a share."""
    if not (first > 0 and last > 0 and years > 0):
        return np.nan
    return float((last / first) ** (1.0 / years) - 1.0)


def grown(first: float, *, growth_share: float, years: float) -> float:
    """Give what a value becomes at a yearly growth."""
    return float(first * (1.0 + growth_share) ** years)


def beside(
    rows: Sequence[tuple[str, str, str, str, float, float]], *, tolerance_share: float
) -> pd.DataFrame:
    """Set computed values beside documented ones.

    Parameters
    ----------
    rows
        Id, Chinese and English wording, unit, computed and documented value (null where none).
    tolerance_share
        Largest difference, as a share of the documented value, that still agrees.

    Returns
    -------
    pandas.DataFrame
        `check_id`, `zh`, `en`, `unit`, `computed`, `documented`, `difference_share`, `outcome`
        (`agrees`, `differs`, `no_data`).
    """
    names = ["check_id", "zh", "en", "unit", "computed", "documented"]
    table = pd.DataFrame(list(rows), columns=names).astype(
        {"computed": "float64", "documented": "float64"}
    )
    difference = (table["computed"] - table["documented"]) / table["documented"].abs()
    outcome = np.where(difference.abs() <= tolerance_share, AGREES, DIFFERS)
    return table.assign(
        difference_share=difference,
        outcome=np.where(difference.notna(), outcome, NO_DATA),
    )


def target_sums(targets: pd.DataFrame, *, by: str, kind: str) -> pd.DataFrame:
    """Sum targets by a column; a year without a target adds nothing and is no zero of its own.

    Parameters
    ----------
    targets
        Column `by` and a column `target_<year>_10k_m2` for each year; one row per carrier.
    by, kind
        Column to group by, and what the grouping is called.

    Returns
    -------
    pandas.DataFrame
        `kind`, `group`, `carriers`, the columns of the years (null where no carrier of the group
        has a target), `target_10k_m2`, `share`.
    """
    years = target_columns(targets.columns)
    grouped = targets.groupby(by, sort=True)
    sums = grouped[years].sum(min_count=1)
    sums["target_10k_m2"] = sums.sum(axis=1, min_count=1)
    total = targets[years].to_numpy(dtype=np.float64, na_value=np.nan)
    whole = np.nansum(total)
    return (
        sums.assign(
            kind=kind,
            carriers=grouped.size(),
            share=sums["target_10k_m2"] / whole if whole > 0 else np.nan,
        )
        .rename_axis("group")
        .reset_index()[["kind", "group", "carriers", *years, "target_10k_m2", "share"]]
    )


def location_types(
    distance_km: FloatArray, *, limits_km: Sequence[float], names: Sequence[str]
) -> NDArray[np.object_]:
    """Name the ring a distance falls into; a limit belongs to the inner one, null stays null."""
    known = np.isfinite(distance_km)
    ring = np.searchsorted(np.asarray(limits_km), np.nan_to_num(distance_km), side="left")
    named = np.array(names, dtype=object)[ring]
    named[~known] = None
    return named


def share_of_draws(matrix: NDArray[np.object_], stated: pd.Series[str]) -> FloatArray:
    """Give the share of draws (columns) that agree with what is stated for each row."""
    same = matrix == stated.to_numpy(dtype=object)[:, None]
    return np.where(stated.notna(), same.mean(axis=1), np.nan)

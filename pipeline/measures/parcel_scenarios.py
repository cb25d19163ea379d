"""Work out what renewal could add: floor area, conversion options and holding costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from pipeline.measures.parcel_columns import Floats, codes, flags, floats
from pipeline.measures.targets import target_columns, target_total

M2_PER_10K_M2: Final = 10_000.0


def uplift_m2(frame: pd.DataFrame) -> pd.Series:
    """Return the floor area that the target ratio leaves room for: max(0, target - FAR) x area.

    Only industrial land counts: 0 on land known to be something else, null where the class, either
    ratio or the area is unknown.
    """
    room = np.maximum(floats(frame, "far_target") - floats(frame, "far"), 0.0)
    values = _on_industrial(frame, room * floats(frame, "area_m2"))
    return pd.Series(values, index=frame.index, name="uplift_m2")


def zero_increment_m2(frame: pd.DataFrame, *, max_coverage_share: float | None) -> pd.Series:
    """Return the extension capacity of built industrial parcels on the land they have.

    As `uplift_m2`, for parcels that are built (0 for parcels known not to be). With a cap on
    coverage, a parcel whose footprint already reaches the cap can still extend upwards; only one
    beyond the cap has no capacity.
    """
    status = codes(frame, "build_status")
    built = (status == "built").fillna(value=False).to_numpy(bool)
    capacity = uplift_m2(frame).to_numpy()
    values = np.where(built, capacity, np.where(status.isna().to_numpy(bool), np.nan, 0.0))
    if max_coverage_share is not None:
        values = np.where(floats(frame, "coverage_share") > max_coverage_share, 0.0, values)
    return pd.Series(values, index=frame.index, name="zero_increment_m2")


def _on_industrial(frame: pd.DataFrame, values: Floats) -> Floats:
    industrial, known = flags(frame, "is_industrial")
    return np.where(known & ~industrial, 0.0, np.where(known, values, np.nan))


def rebuild(*, site_m2: float, far_now: float, far_new: float) -> dict[str, float]:
    """Give the floor area before, after and gained when a site is rebuilt at another ratio."""
    return {
        "gfa_before_m2": site_m2 * far_now,
        "gfa_after_m2": site_m2 * far_new,
        "gained_m2": site_m2 * (far_new - far_now),
    }


def zero_class_capacity(
    frame: pd.DataFrame,
    *,
    options: pd.Series,
    far_by_class: Mapping[str, float],
    industry_share: float,
    rd_share: float,
    storage_share: float,
) -> pd.DataFrame:
    """Give the floor area a conversion to M0, C0 or W0 would allow and how it could be mixed.

    Parameters
    ----------
    frame
        Parcels with `area_m2` and `far`.
    options
        Outcome of the `zero_class` decision for each parcel (`m0`, `c0`, `w0`, `already`, null).
    far_by_class
        Floor area ratio that each class would be built to.
    industry_share, rd_share, storage_share
        Mix of the converted floor area; adds up to 1.

    Returns
    -------
    `zero_far`, `zero_gfa_m2`, `zero_added_m2` (never negative), `zero_industry_m2`, `zero_rd_m2`,
    `zero_storage_m2`; null where a parcel has no option or its area or ratio is unknown.
    """
    far = options.map(far_by_class).astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
    gfa = far * floats(frame, "area_m2")
    added = np.maximum(far - floats(frame, "far"), 0.0) * floats(frame, "area_m2")
    return pd.DataFrame(
        {
            "zero_far": far,
            "zero_gfa_m2": gfa,
            "zero_added_m2": added,
            "zero_industry_m2": gfa * industry_share,
            "zero_rd_m2": gfa * rd_share,
            "zero_storage_m2": gfa * storage_share,
        },
        index=frame.index,
    )


def lease_years(segments: pd.Series, *, short_term_yr: float, long_term_yr: float) -> pd.Series:
    """Give the grant term each parcel would get when terms are split by kind of firm.

    Parameters
    ----------
    segments
        Outcome of the `lease_segment` decision (`short`, `long`, null).
    short_term_yr, long_term_yr
        Terms of the two segments.
    """
    terms = segments.map({"short": short_term_yr, "long": long_term_yr})
    return terms.astype("float64").rename("scenario_term_yr")


def holding_levy(
    outcomes: pd.Series, land_value_10k_yuan: pd.Series, *, rates: Mapping[str, float]
) -> pd.Series:
    """Give a yearly levy on holding land: a rate by outcome times the land's value.

    Null where the land has no outcome with a rate or its value is unknown. The rates are a
    scenario: no source states them, except the idle land fee of 20 % of the grant price.
    """
    rate = outcomes.map(rates).astype("float64")
    return (rate * land_value_10k_yuan).rename("levy_10k_yuan")


def carrier_targets(places: pd.DataFrame, *, by: str) -> pd.DataFrame:
    """Sum the carriers' construction targets by district (or any other column).

    Parameters
    ----------
    places
        Register with a column `target_<year>_10k_m2` for each year, maybe none; rows without a
        target are left out.
    by
        Column to sum by.

    Returns
    -------
    Indexed by group: `carriers`, the columns of the years, `target_10k_m2`; a year in which no
    carrier of the group has a target is null.
    """
    years = target_columns(places.columns)
    carriers = places[target_total(places).notna()]
    grouped = carriers.groupby(by, sort=True)
    out = grouped[years].sum(min_count=1)
    out.insert(0, "carriers", grouped.size())
    out["target_10k_m2"] = out[years].sum(axis=1, min_count=1)
    return out


def uplift_against_targets(uplift: pd.Series, targets: pd.DataFrame) -> pd.DataFrame:
    """Set uplift potential against the carriers' targets.

    Parameters
    ----------
    uplift
        `uplift_m2` by group; null where unknown.
    targets
        From `carrier_targets`.

    Returns
    -------
    Indexed by the union of groups: `uplift_10k_m2`, the targets, `uplift_of_target_share` (how many
    times the target the stock could give), `status` (`ok`, `no_data` where one side is missing).
    """
    index = uplift.index.union(targets.index)
    out = pd.DataFrame({"uplift_10k_m2": uplift / M2_PER_10K_M2}).reindex(index)
    out = out.join(targets.reindex(index))
    goal = out["target_10k_m2"].where(out["target_10k_m2"] > 0)
    out["uplift_of_target_share"] = out["uplift_10k_m2"] / goal
    out["status"] = np.where(out["uplift_of_target_share"].notna(), "ok", "no_data")
    return out.rename_axis("group")

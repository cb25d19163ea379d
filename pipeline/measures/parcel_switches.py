"""Compute the scenarios that a study switches on."""

from __future__ import annotations

import pandas as pd

from pipeline.measures.parcel_scenarios import holding_levy, lease_years, zero_class_capacity
from pipeline.settings.parcels import LeaseSettings, LevySettings, ZeroClassSettings


def scenario_columns(
    frame: pd.DataFrame,
    *,
    zero_class: ZeroClassSettings,
    lease: LeaseSettings,
    levy: LevySettings,
) -> pd.DataFrame:
    """Compute the columns of every scenario that is enabled.

    Parameters
    ----------
    frame
        Judged parcels; a scenario whose decision the rule set lacks gives nulls.
    zero_class, lease, levy
        The switches and their settings.

    Returns
    -------
    On the frame's index; no columns when nothing is enabled. See `zero_class_capacity`,
    `lease_years` and `holding_levy`.
    """
    parts = [pd.DataFrame(index=frame.index)]
    if zero_class.enabled:
        fars = {"m0": zero_class.far_m0, "c0": zero_class.far_c0, "w0": zero_class.far_w0}
        parts.append(
            zero_class_capacity(
                frame,
                options=_outcomes(frame, "zero_class_outcome"),
                far_by_class=fars,
                industry_share=zero_class.industry_share,
                rd_share=zero_class.rd_share,
                storage_share=zero_class.storage_share,
            )
        )
    if lease.enabled:
        segments = _outcomes(frame, "lease_segment_outcome")
        terms = lease_years(
            segments, short_term_yr=lease.short_term_yr, long_term_yr=lease.long_term_yr
        )
        parts.append(terms.to_frame())
    if levy.enabled:
        value = frame["land_value_10k_yuan"].astype("float64")
        parts.append(holding_levy(_outcomes(frame, "outcome"), value, rates=levy.rates).to_frame())
    return pd.concat(parts, axis=1)


def _outcomes(frame: pd.DataFrame, name: str) -> pd.Series:
    if name in frame.columns:
        return frame[name]
    return pd.Series(pd.NA, index=frame.index, dtype="string", name=name)

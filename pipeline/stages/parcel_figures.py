"""Compute the figures that documents state about the carriers and the demonstration zone."""

from __future__ import annotations

import pandas as pd

from pipeline.measures.parcel_columns import M2_PER_HA, MU_PER_HA
from pipeline.measures.parcel_totals import totals
from pipeline.measures.targets import target_year, targets_of

M2_PER_MU = M2_PER_HA / MU_PER_HA
CASE_FIGURES = ("far", "gfa_m2", "area_m2", "tax_10k_yuan", "since_grant_yr")


def computed_figures(
    places: pd.DataFrame,
    now: pd.DataFrame,
    before: pd.DataFrame | None,
    *,
    zones: pd.DataFrame,
    min_known_share: float,
) -> dict[str, float | None]:
    """Give every documented quantity that the tables hold, by subject.

    Parameters
    ----------
    places
        Register with the carriers' targets.
    now, before
        Judged parcels of the demonstration zone after and before renewal; without `before` the
        parcels are a user's and only the carriers' figures are given.
    zones
        Outlines of the zones with `area_m2`.
    min_known_share
        See `totals`.
    """
    figures: dict[str, float | None] = {}
    sums = targets_of(places).sum(min_count=1)
    so_far = sums.cumsum(skipna=False)
    for name in sums.index:
        year = target_year(str(name))
        figures[f"carriers_{year}_10k_m2"] = float(sums[name])
        figures[f"carriers_by_{year}_10k_m2"] = float(so_far[name])
    figures = {name: None if pd.isna(value) else value for name, value in figures.items()}
    if before is None:
        return figures
    figures["zone_area_ha"] = float(zones["area_m2"].sum()) / M2_PER_HA
    return figures | _zone(now, before, min_known_share) | _cases(now, before)


def _zone(now: pd.DataFrame, before: pd.DataFrame, least: float) -> dict[str, float | None]:
    figures: dict[str, float | None] = {}
    for state, frame in (("after", now), ("before", before)):
        row = totals(frame, by="zone_id", min_known_share=least).iloc[0]
        figures[f"zone_far_{state}"] = float(row["far"])
        figures[f"zone_tax_{state}"] = float(row["tax_10k_yuan_ha"])
        figures[f"development_rate_{state}"] = float(row["developed_share"])
    figures["revived_mu"] = float(now.loc[now["revived"], "area_m2"].sum()) / M2_PER_MU
    return figures


def _cases(now: pd.DataFrame, before: pd.DataFrame) -> dict[str, float | None]:
    """Give the figures of the documented parcels."""
    cases, was = _by_case(now), _by_case(before)
    return {
        "buy_back_far_before": was["buy_back"]["far"],
        "buy_back_far_after": cases["buy_back"]["far"],
        "buy_back_gfa_m2": cases["buy_back"]["gfa_m2"],
        "buy_back_tax_2023": cases["buy_back"]["tax_10k_yuan"],
        "idle_area_mu": cases["idle"]["area_m2"] / M2_PER_MU,
        "idle_unused_yr": was["idle"]["since_grant_yr"],
        "extension_gfa_m2": cases["extension"]["gfa_m2"] - was["extension"]["gfa_m2"],
    }


def _by_case(parcels: pd.DataFrame) -> dict[str, dict[str, float]]:
    cases = parcels[parcels["case"].notna()].set_index("case")[list(CASE_FIGURES)]
    return {
        str(case): {str(name): float(value) for name, value in row.items()}
        for case, row in cases.astype("float64").to_dict("index").items()
    }

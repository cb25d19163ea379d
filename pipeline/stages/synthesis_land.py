"""Say how far plots lie together, and what holding land idle or poorly used could cost."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from pipeline.measures.patches import COLUMNS, contiguity
from pipeline.settings.synthesis import LandSettings
from pipeline.stages.context import StageContext

IDLE, LOW = "idle", "low_efficiency"
IDLE_FEE, IDLE_START, RECOVERED = "idle_fee_share", "idle_start_years", "idle_recovery_years"
CONTIGUITY = ("park_id", "land", *COLUMNS, "synthetic")
RETENTION = (
    "park_id", "outcome", "zh", "en", "plots", "land_ha", "surcharge_10k_yuan_year",
    "idle_fee_10k_yuan", "recoverable_ha", "price_yuan_m2", "synthetic",
)  # fmt: skip


def write_land(context: StageContext) -> None:
    """Write `contiguity` and `retention`; both are empty in a study without parcels."""
    rules: LandSettings = context.settings("synthesis").land
    parcels = context.layer("parcels", "judged.parquet")
    context.put("contiguity.parquet", _contiguity(parcels, rules))
    context.put("retention.parquet", _retention(context, parcels, rules))


def _contiguity(parcels: gpd.GeoDataFrame, rules: LandSettings) -> pd.DataFrame:
    """Describe the patches of all plots of a park, and of its low-efficiency plots alone."""
    owned = parcels[parcels["park_id"].notna()] if len(parcels) else parcels
    if owned.empty:
        return pd.DataFrame({name: [] for name in CONTIGUITY})
    # Not every set of rules has the flag; any outcome of one is a reason to look.
    flag = owned.get("flag_low_efficiency", owned["outcome"].notna())
    low = owned[flag.fillna(value=False).astype(bool)]
    synthetic = owned.groupby("park_id")["synthetic"].any()
    parts = [
        contiguity(part, by="park_id", gap_m=rules.gap_m).assign(land=name).reset_index()
        for name, part in (("all", owned), (LOW, low))
        if len(part)
    ]
    table = pd.concat(parts, ignore_index=True)
    table["synthetic"] = table["park_id"].map(synthetic)
    return table[list(CONTIGUITY)]


def _retention(
    context: StageContext, parcels: gpd.GeoDataFrame, rules: LandSettings
) -> pd.DataFrame:
    """Put a yearly surcharge on each class of low-efficiency land, and the fee on idle land.

    The surcharge is one of a scenario: no source states its amount. Order 53 asks a share of the
    grant's price from land idle for one year and takes it back without payment after two; both are
    upper bounds here, as neither holds where the delay is not the firm's. Where a plot states no
    price, that of the settings stands in.
    """
    found = parcels[parcels["outcome"].notna()] if len(parcels) else parcels
    if found.empty:
        return pd.DataFrame({name: [] for name in RETENTION})
    standards = context.frame("ingest", "standards.parquet").set_index("standard_id")["value"]
    fee, first, last = (
        float(standards.get(name, np.nan)) for name in (IDLE_FEE, IDLE_START, RECOVERED)
    )
    area = found["area_m2"].astype("float64")
    years = found["idle_yr"].astype("float64").where(found["outcome"].eq(IDLE))
    due = years.ge(first) & years.lt(last)
    stated = found["land_value_10k_yuan"].astype("float64")
    assumed = np.nan if rules.land_price_yuan_m2 is None else rules.land_price_yuan_m2
    price = stated.fillna(area * assumed / 1e4)
    table = pd.DataFrame(found[["park_id", "outcome_no", "outcome", "zh", "en", "synthetic"]])
    grouped = table.assign(
        area=area,
        surcharge=area * rules.surcharge_yuan_m2_year / 1e4,
        fee=(price * fee).where(due),
        recoverable=(area / 1e4).where(years.ge(last)),
    ).groupby(["park_id", "outcome_no", "outcome"], sort=True)
    return (
        grouped.agg(
            zh=("zh", "first"),
            en=("en", "first"),
            plots=("area", "size"),
            land_ha=("area", lambda values: values.sum() / 1e4),
            surcharge_10k_yuan_year=("surcharge", "sum"),
            idle_fee_10k_yuan=("fee", lambda values: values.sum(min_count=1)),
            recoverable_ha=("recoverable", lambda values: values.sum(min_count=1)),
            synthetic=("synthetic", "any"),
        )
        .reset_index()
        .assign(price_yuan_m2=assumed)[list(RETENTION)]
    )

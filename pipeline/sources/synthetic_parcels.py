"""Generate the demonstration zone: synthetic parcels whose totals are the documented ones.

For a city without public parcel data. The zone has the area of a real one and its documented
figures before and after renewal, which a rule set states; everything else about a parcel is drawn
by seed and means nothing. Every row says so (`synthetic`, names).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.errors import Problem, StudyError
from pipeline.settings.parcel_rules import RuleSet, Site
from pipeline.sources.parcel_fields import catalogue
from pipeline.sources.parcel_table import empty_column
from pipeline.sources.synthetic_plots import divide

WIDTH_M = 4000.0
COLUMNS, ROWS, STREET_M = 11, 10, 24.0
BEFORE, AFTER = date(2020, 6, 30), date(2025, 7, 31)
M2_PER_MU = 10_000 / 15
CASES = ("idle", "buy_back", "extension")
BEFORE_FIELDS = (
    *("gfa_m2", "far_now", "tax_10k_yuan", "output_10k_yuan", "developed_area_m2"),
    *("build_status", "owner_intent", "owner_kind", "remainder_m2", "tenure"),
    *("grant_date", "agreed_finish"),
)
LABEL_ZH, LABEL_EN = "合成", "synthetic"


@dataclass(frozen=True)
class SyntheticZone:
    """The generated zone.

    Attributes
    ----------
    parcels
        The parcel table after renewal, in the columns `read_parcels` returns, with `case`
        (`idle`, `buy_back`, `extension` or null), `revived` and `before_<field>` columns.
    zone
        One row: the zone's outline.
    """

    parcels: gpd.GeoDataFrame
    zone: gpd.GeoDataFrame


def before_renewal(parcels: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the same parcels as they were before renewal (study date `BEFORE`)."""
    stated = {name: parcels[f"before_{name}"] for name in BEFORE_FIELDS}
    return parcels.assign(**stated)


def synthetic_zone(*, seed: int, parcels: int, rules: RuleSet) -> SyntheticZone:
    """Generate the zone; the same arguments give the same bytes.

    Parameters
    ----------
    seed
        Seed of every draw.
    parcels
        Number of parcels, at least 300.
    rules
        The rule set that names the zone and holds its documented figures: its area, FAR, tax per
        hectare and development rate before and after, the idle, buy-back and extension cases.

    Returns
    -------
    SyntheticZone whose sums over industrial land (FAR, tax) and over all parcels (development
    rate) give the documented figures up to rounding in floating point.
    """
    known, site = {s.id: s.value for s in rules.documented}, rules.demonstration
    if site is None:
        raise StudyError(
            Problem(
                zh=f"规则集 {rules.id} 没有示例园区",
                en=f"rule set {rules.id} names no zone to demonstrate on",
                rule="parcels.synthetic.documented",
                remedy_zh="留空，或选用有 demonstration 一节的规则集",
                remedy_en="leave it empty, or choose a rule set with a section `demonstration`",
            )
        )
    rng = np.random.default_rng(np.random.PCG64(seed))
    outline = _outline(known["zone_area"] * 10_000, site)
    plots = divide(
        outline,
        plots=parcels,
        columns=COLUMNS,
        rows=ROWS,
        street_m=STREET_M,
        carved_m2=_case_areas(known),
        rng=rng,
    )
    table = _draw(np.array([shapely.box(*box).area for box in plots.boxes]), known, rng)
    _fit(table, known)
    frame = _canonical(table, plots.boxes, site)
    zone = gpd.GeoDataFrame(
        {
            "zone_id": [site.park_id],
            "name_zh": [f"{site.zh}（合成示例）"],
            "name_en": [f"{site.en} (synthetic sample)"],
            "area_m2": [known["zone_area"] * 10_000],
            "synthetic": [True],
        },
        geometry=[shapely.box(*outline)],
        crs=site.crs,
    )
    return SyntheticZone(frame, zone)


def _outline(area_m2: float, site: Site) -> tuple[float, float, float, float]:
    half, height = WIDTH_M / 2, area_m2 / WIDTH_M
    return (
        site.centre_x_m - half,
        site.centre_y_m - height / 2,
        site.centre_x_m + half,
        site.centre_y_m - height / 2 + height,
    )


def _case_areas(known: Mapping[str, float]) -> tuple[float, ...]:
    """Return the areas of the documented cases, in the order of `CASES`.

    The extension's site is not documented: it is drawn so that 0.95 -> 1.2 adds the stated area.
    """
    return (
        known["idle_area"] * M2_PER_MU,
        known["buy_back_gfa"] / known["buy_back_far_after"],
        known["extension_gfa"] / (1.2 - 0.95),
    )


def _draw(area: np.ndarray, known: Mapping[str, float], rng: np.random.Generator) -> pd.DataFrame:
    """Draw every attribute that no document fixes."""
    size = area.size
    uses = ["100101", "100102", "1101", "0802", "09", "14"]
    table = pd.DataFrame({"area_m2": area})
    table["area_m2"] = [*_case_areas(known), *area[len(CASES) :]]
    table["case"] = pd.Series([*CASES, *[None] * (size - len(CASES))], dtype="string")
    table["landuse_2023"] = rng.choice(uses, size, p=[0.62, 0.22, 0.05, 0.05, 0.03, 0.03])
    table.loc[table["case"].notna(), "landuse_2023"] = "100101"
    table["industrial"] = table["landuse_2023"].str.startswith("1001")
    table["far_plan"] = rng.choice([1.2, 1.5, 2.0, 2.5], size, p=[0.2, 0.3, 0.4, 0.1])
    table["far_weight"] = rng.lognormal(-0.1, 0.35, size)
    table["tax_weight"] = rng.lognormal(0.0, 0.8, size)
    table["growth"] = rng.uniform(0.7, 1.0, size)
    table["output_of_tax"] = rng.uniform(12, 25, size)
    intents = ["stay", "extend", "sell", "relocate", ""]
    drawn = pd.Series(rng.choice(intents, size, p=[0.5, 0.2, 0.1, 0.05, 0.15]))
    table["intent"] = drawn.where(drawn != "")
    granted = rng.integers(np.datetime64("1998-01-01").astype(int), 18_000, size)
    table["grant_date"] = granted.astype("datetime64[D]").astype("datetime64[s]")
    table["kind"] = rng.choice(
        ["plain", "below_agreed", "allocated", "collective", "replanned", "surplus"],
        size,
        p=[0.72, 0.1, 0.04, 0.04, 0.06, 0.04],
    )
    table.loc[table["case"].notna(), "kind"] = "plain"
    for name, share in (("jobs", 0.15), ("energy", 0.2), ("inside", 0.05), ("aligned", 0.1)):
        table[f"{name}_known"] = rng.random(size) >= share
    table["jobs_per_ha"] = rng.uniform(20, 120, size)
    table["tce_per_tax"] = rng.uniform(0.2, 2.0, size)
    table["inside"] = rng.random(size) < 0.9  # noqa: PLR2004
    table["aligned"] = rng.random(size) < 0.8  # noqa: PLR2004
    table["risk"] = rng.random(size) < 0.05  # noqa: PLR2004
    table["order"] = rng.permutation(size)
    table["asset_type"] = rng.choice(["light", "heavy"], size)
    table["asset_known"] = rng.random(size) >= 0.1  # noqa: PLR2004
    return table


def _fit(table: pd.DataFrame, known: Mapping[str, float]) -> None:
    """Make the sums meet the documented figures, before and after."""
    _fit_development(table, known)
    industrial = table["industrial"].to_numpy()
    land = math.fsum(table["area_m2"][industrial])
    _fit_floor_area(table, known, land)
    _fit_tax(table, known, land)


def _fit_development(table: pd.DataFrame, known: Mapping[str, float]) -> None:
    """Leave as much land undeveloped as documented; the last parcel is developed in part."""
    area = table["area_m2"].to_numpy()
    whole = math.fsum(area)
    order = np.argsort(table["order"].to_numpy(), kind="stable")
    free = [k for k in order.tolist() if pd.isna(table["case"].iloc[k])]
    idle = [0]  # the documented idle parcel stays undeveloped
    for state, name in (("after", "development_after"), ("before", "development_before")):
        vacant = (1 - known[name]) * whole
        developed = area.copy()
        for k in [*idle, *free]:
            taken = min(area[k], vacant)
            developed[k] -= taken
            vacant -= taken
            if vacant <= 0:
                break
        table[f"developed_{state}"] = developed


def _fit_floor_area(table: pd.DataFrame, known: Mapping[str, float], land: float) -> None:
    """Spread the documented floor area over the developed industrial land.

    Land developed in between can only carry what the documented totals leave for it, which is
    little: the zone's FAR rose by 0.02 while its development rate rose by five points.
    """
    area, industrial = table["area_m2"].to_numpy(), table["industrial"].to_numpy()
    case = table["case"].fillna("").to_numpy(dtype=object)
    fixed_after = {"buy_back": known["buy_back_gfa"], "idle": 0.0, "extension": 1.2 * area[2]}
    fixed_before = {
        "buy_back": known["buy_back_far_before"] * area[1],
        "idle": 0.0,
        "extension": 0.95 * area[2],
    }
    free = industrial & (case == "")
    old = free & (table["developed_before"] > 0).to_numpy()
    new = free & ~old & (table["developed_after"] > 0).to_numpy()
    gained = (known["far_after"] - known["far_before"]) * land
    gained -= math.fsum(fixed_after.values()) - math.fsum(fixed_before.values())
    rebuilt = old & (table["order"].to_numpy() % 12 == 0)
    before = np.where(old, area * np.clip(table["far_weight"].to_numpy(), 0.25, 2.0), 0.0)
    before *= (known["far_before"] * land - math.fsum(fixed_before.values())) / before.sum()
    share = np.where(new, area * 0.75 / area[new].sum(), 0.0)
    share += np.where(rebuilt, area * 0.25 / area[rebuilt].sum(), 0.0)
    after = before + gained * share
    for state, values, fixed in (("before", before, fixed_before), ("after", after, fixed_after)):
        for name, value in fixed.items():
            values[np.flatnonzero(case == name)] = value
        goal = known[f"far_{state}"] * land
        _settle(values, goal, np.flatnonzero(old)[-1])
        other = ~industrial & (table[f"developed_{state}"] > 0).to_numpy()
        table[f"gfa_{state}"] = values + np.where(other, area * 0.6, 0.0)
    table["revived"] = new | rebuilt | table["case"].notna().to_numpy()


def _fit_tax(table: pd.DataFrame, known: Mapping[str, float], land: float) -> None:
    area, industrial = table["area_m2"].to_numpy(), table["industrial"].to_numpy()
    case = table["case"].fillna("").to_numpy(dtype=object)
    fixed = {
        "after": {"buy_back": known["buy_back_tax_2023"], "idle": 0.0, "extension": 3500.0},
        "before": {"buy_back": 150.0, "idle": 0.0, "extension": 2600.0},
    }
    free = industrial & (case == "")
    weight = area * table["tax_weight"].to_numpy()
    weight *= np.where(table["kind"] == "plain", 1.0, 0.35)
    for state, cases in fixed.items():
        used = free & (table[f"gfa_{state}"] > 0).to_numpy()
        values = np.where(used, weight, 0.0)
        if state == "before":
            values *= table["growth"].to_numpy()
        goal = known[f"tax_{state}"] * land / 10_000
        values *= (goal - math.fsum(cases.values())) / values.sum()
        for name, value in cases.items():
            values[np.flatnonzero(case == name)] = value
        _settle(values, goal, np.flatnonzero(used)[-1])
        other = ~industrial & (table[f"gfa_{state}"] > 0).to_numpy()
        table[f"tax_{state}"] = values + np.where(other, weight * 0.01, 0.0)


def _settle(values: np.ndarray, goal: float, at: int) -> None:
    """Let one parcel take the rounding error of the sum."""
    values[at] = 0.0
    values[at] = goal - math.fsum(values)


def _canonical(
    table: pd.DataFrame, boxes: Sequence[tuple[float, float, float, float]], site: Site
) -> gpd.GeoDataFrame:
    """Put the draws into the columns of the parcel table."""
    index = pd.RangeIndex(len(table))
    columns = {field.name: empty_column(field, index) for field in catalogue().fields}
    out = pd.DataFrame(columns, index=index)
    numbers = [f"{k + 1:04d}" for k in index]
    out["parcel_id"] = pd.array([f"SYN-{n}" for n in numbers], dtype="string")
    out["name_zh"] = pd.array([f"{LABEL_ZH}地块 {n}" for n in numbers], dtype="string")
    out["name_en"] = pd.array([f"{LABEL_EN} parcel {n}" for n in numbers], dtype="string")
    out["park_id"] = out["zone_id"] = pd.array([site.park_id] * len(out), dtype="string")
    out["district_zh"] = pd.array([site.district_zh] * len(out), dtype="string")
    _copy_drawn(out, table)
    out["land_value_10k_yuan"] = out["area_m2"] * site.land_price_10k_yuan_m2
    _state_columns(out, table)
    _contracts(out, table)
    out["area_basis"] = pd.array(["given"] * len(out), dtype="string")
    out["case"], out["revived"] = table["case"], table["revived"]
    shapes = gpd.GeoSeries([shapely.box(*box) for box in boxes], crs=site.crs)
    out["x"], out["y"] = shapes.centroid.x, shapes.centroid.y
    out["synthetic"] = True
    out["source_row"] = pd.array(numbers, dtype="string")
    return gpd.GeoDataFrame(out, geometry=shapes, crs=site.crs).set_index("parcel_id", drop=False)


def _copy_drawn(out: pd.DataFrame, table: pd.DataFrame) -> None:
    kind, area = table["kind"], table["area_m2"]
    out["area_m2"] = area
    case = table["case"].fillna("")
    out["far_plan"] = table["far_plan"].mask(case.isin(["buy_back", "extension"]), 1.2)
    out["landuse_2023"] = table["landuse_2023"].astype("string")
    plan = table["landuse_2023"].mask((kind == "replanned") & table["case"].isna(), "07")
    out["plan_use_2023"] = plan.astype("string")
    out["grant_date"] = table["grant_date"]
    out["term_years"] = np.where(kind == "allocated", 15.0, 50.0)
    out["tenure"] = pd.Series(np.where(kind == "allocated", "allocated", "granted"), dtype="string")
    out["ownership"] = pd.Series(
        np.where(kind == "collective", "collective", "state"), dtype="string"
    )
    out["jobs"] = (table["jobs_per_ha"] * area / 10_000).round().where(table["jobs_known"])
    out["jobs"] = out["jobs"].astype("Int64")
    energy = table["tax_after"] * table["tce_per_tax"]
    out["energy_tce"] = energy.where(table["energy_known"] & (energy > 0))
    out["in_control_line"] = table["inside"].astype("boolean").where(table["inside_known"])
    out["industry_aligned"] = table["aligned"].astype("boolean").where(table["aligned_known"])
    out["safety_risk"] = table["risk"].astype("boolean")
    out["asset_type"] = table["asset_type"].astype("string").where(table["asset_known"])
    out["retained"] = pd.array((table["order"] % 9 == 0).to_numpy(), dtype="boolean")
    out["new_supply"] = pd.array([False] * len(out), dtype="boolean")


def _state_columns(out: pd.DataFrame, table: pd.DataFrame) -> None:
    """Write the state after renewal, and the one before it with the prefix `before_`."""
    area, case = out["area_m2"], table["case"].fillna("")
    for state, prefix in (("after", ""), ("before", "before_")):
        developed = table[f"developed_{state}"]
        status = np.where(developed <= 0, "not_started", "built")
        vacant = area - developed
        partly = (vacant > 0) & (developed > 0)
        spare = vacant.where(partly, (area * 0.25).where(table["kind"] == "surplus", 0.0))
        intent = (
            table["intent"].mask(case == "buy_back", "sell").mask(case == "extension", "extend")
        )
        holder = pd.Series("enterprise", index=out.index)
        if state == "after":
            intent = intent.mask(case.isin(["buy_back", "extension"]), "stay")
            holder = holder.mask(case == "idle", "government").mask(case == "buy_back", "platform")
        values = {
            "gfa_m2": table[f"gfa_{state}"],
            "far_now": table[f"gfa_{state}"] / area,
            "tax_10k_yuan": table[f"tax_{state}"],
            "output_10k_yuan": table[f"tax_{state}"] * table["output_of_tax"],
            "developed_area_m2": developed,
            "remainder_m2": spare.where(developed > 0, vacant),
            "build_status": pd.Series(status, index=out.index, dtype="string"),
            "owner_intent": intent.astype("string"),
            "owner_kind": holder.astype("string"),
        }
        for name, column in values.items():
            out[f"{prefix}{name}"] = column


def _contracts(out: pd.DataFrame, table: pd.DataFrame) -> None:
    """Write the dates and values agreed in the contracts."""
    case = table["case"].fillna("")
    granted = out["grant_date"]
    waiting = out["before_build_status"] == "not_started"
    # Land never begun has a recent contract; most of it has not run a year past its start.
    start = granted.mask(waiting, pd.Timestamp("2025-03-01")) + pd.Timedelta(days=365)
    late = waiting & (table["order"] % 3 == 0)
    start = start.mask(late, pd.Timestamp("2019-01-01"))
    out["agreed_start"] = start.astype("datetime64[s]")
    out["agreed_finish"] = (start + pd.Timedelta(days=730)).astype("datetime64[s]")
    out["agreed_production"] = (start + pd.Timedelta(days=1460)).astype("datetime64[s]")
    out["actual_start"] = start.where(~waiting).astype("datetime64[s]")
    factor = np.where(table["kind"] == "below_agreed", 1.6, 0.9)
    out["contract_tax_10k_yuan"] = out["tax_10k_yuan"] * factor
    out["contract_output_10k_yuan"] = out["output_10k_yuan"] * factor
    idle, bought = case == "idle", case == "buy_back"
    contract = ["agreed_start", "agreed_production", "actual_start"]
    out.loc[idle, contract] = pd.NaT
    out.loc[idle, "grant_date"] = pd.Timestamp("2003-12-31")
    out.loc[idle, "agreed_finish"] = pd.Timestamp("2011-12-02")
    out.loc[idle | bought, ["contract_tax_10k_yuan", "contract_output_10k_yuan"]] = np.nan
    out.loc[case != "", "name_zh"] += "（文献案例）"
    for name in ("tenure", "grant_date", "agreed_finish"):
        out[f"before_{name}"] = out[name]
    # Recovered in 2020: the contract has ended and the land is in reserve.
    out.loc[idle, ["grant_date", "agreed_finish"]] = pd.NaT
    out.loc[idle, ["tenure", "term_years"]] = pd.NA

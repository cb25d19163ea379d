"""Pair research nodes with carriers, and hold a district's stated structure against bearings."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from pipeline.measures.access_pairs import FloatArray
from pipeline.measures.comparison import share_of_draws
from pipeline.measures.pairing import (
    Transport,
    bearing_deg,
    first_partner,
    nearest_side,
    paired_shares,
    sector_of,
    to_edge_deg,
    transport,
)
from pipeline.measures.targets import target_total
from pipeline.settings.network import Mode
from pipeline.settings.synthesis import PairingSettings, SectorSettings, SynthesisSettings
from pipeline.stages.context import StageContext
from pipeline.stages.synthesis_tables import (
    matrix_of,
    minutes_between,
    moved_points,
    xy_of,
)

MODE: Mode = "drive"
PAIRS = (
    "research_id", "carrier_id", "minutes", "method", "flow_10k_m2", "first", "carried_share",
    "first_share",
)  # fmt: skip
PRICES = (
    "place_id", "role", "amount_10k_m2", "used_10k_m2", "price_min", "told_zh", "told_en",
)  # fmt: skip
SECTORS = (
    "place_id", "role", "stated", "bearing_deg", "side", "sector", "to_edge_deg", "distance_km",
    "agrees", "agrees_share",
)  # fmt: skip


def write_pairing(context: StageContext, places: gpd.GeoDataFrame) -> None:
    """Write `pairing.parquet`, `prices.parquet` and `sectors.parquet`."""
    settings: SynthesisSettings = context.settings("synthesis")
    research, carriers = _sides(places, settings.pairing)
    if len(research) and len(carriers):
        pairs, prices = _pair(context, research, carriers, settings.pairing)
    else:
        pairs = pd.DataFrame({name: [] for name in PAIRS})
        prices = pd.DataFrame({name: [] for name in PRICES})
    context.put("pairing.parquet", pairs)
    context.put("prices.parquet", prices)
    context.put("sectors.parquet", _sectors(context, places, settings.sectors, settings.pairing))


def _sides(
    places: gpd.GeoDataFrame, rules: PairingSettings
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Give the research nodes and the carriers that state a target."""
    chosen = places["category"].isin(rules.research_categories) | places.index.isin(
        rules.research_places
    )
    target = target_total(places)
    carriers = places["tier"].eq(rules.carrier_tier) & target.gt(0)
    return places[chosen & ~carriers].sort_index(), places[carriers].sort_index()


def _pair(
    context: StageContext,
    research: gpd.GeoDataFrame,
    carriers: gpd.GeoDataFrame,
    rules: PairingSettings,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    capacity = target_total(carriers)
    supply = pd.Series(capacity.sum() * rules.fill_share / len(research), index=research.index)
    table = minutes_between(context, research, carriers, mode=MODE, limit_min=rules.limit_min)
    minutes = matrix_of(table, research.index, carriers.index)
    method = matrix_of(table, research.index, carriers.index, of="method")
    found = transport(minutes, supply=supply, capacity=capacity)
    carried, first = paired_shares(
        _drawn_minutes(context, research, carriers, rules),
        sources=research.index,
        sinks=carriers.index,
        supply=supply,
        capacity=capacity,
    )
    partner = first_partner(found.flows, minutes)
    layers = {
        "minutes": minutes,
        "method": method,
        "flow_10k_m2": found.flows,
        "carried_share": carried,
        "first_share": first,
    }
    keys = pd.MultiIndex.from_product(
        [research.index, carriers.index], names=["research_id", "carrier_id"]
    )
    columns = {name: frame.to_numpy().ravel() for name, frame in layers.items()}
    pairs = pd.DataFrame(columns, index=keys).reset_index()
    pairs["first"] = pairs["research_id"].map(partner).eq(pairs["carrier_id"])
    context.log.info(
        "paired %d research nodes with %d carriers, %d of %d pairs used",
        len(research), len(carriers), int((found.flows.to_numpy() > 0).sum()), found.flows.size,
    )  # fmt: skip
    return pairs[list(PAIRS)], _prices(found, supply, capacity, carriers)


def _drawn_minutes(
    context: StageContext,
    research: gpd.GeoDataFrame,
    carriers: gpd.GeoDataFrame,
    rules: PairingSettings,
) -> FloatArray:
    """Estimate the drives between points moved within their precision, along straight lines."""
    network, seed = context.settings("network"), context.settings("study").seed
    both = pd.concat([research, carriers])
    moved = moved_points(both[~both.index.duplicated()], draws=rules.draws, seed=seed)
    start, end = moved[:, : len(research)], moved[:, len(research) :]
    metres = np.linalg.norm(start[:, :, None] - end[:, None], axis=3)
    return np.asarray(
        metres * network.detour_factor / network.estimate_speed_m_min(MODE), dtype=np.float64
    )


def _prices(
    found: Transport,
    supply: pd.Series[float],
    capacity: pd.Series[float],
    carriers: gpd.GeoDataFrame,
) -> pd.DataFrame:
    """Tell what one more 10k m² of each carrier would save, in words."""
    used = found.flows.sum(axis=0)
    sinks = pd.DataFrame(
        {"amount_10k_m2": capacity, "used_10k_m2": used, "price_min": found.sink_price}
    ).assign(role="carrier")
    sources = pd.DataFrame(
        {"amount_10k_m2": supply, "used_10k_m2": supply, "price_min": found.source_price}
    ).assign(role="research")
    table = pd.concat([sinks, sources]).rename_axis("place_id").reset_index()
    zh, en = (carriers[name].to_dict() for name in ("name_zh", "name_en"))
    said = [_told(row, zh.get(row.place_id), en.get(row.place_id)) for row in table.itertuples()]
    return table.assign(told_zh=[zh for zh, _ in said], told_en=[en for _, en in said])[
        list(PRICES)
    ]


def _told(row: object, name_zh: str | None, name_en: str | None) -> tuple[str, str]:
    amount, used, price = (
        float(getattr(row, name)) for name in ("amount_10k_m2", "used_10k_m2", "price_min")
    )
    if name_zh is None or name_en is None:
        zh = f"再多安排 1 万平方米，这 1 万平方米须驾车约 {price:.0f} 分钟（含对其他配对的影响）"
        en = f"10k m² more to place would take about {price:.0f} minutes of driving, all told"
    elif price <= 0:
        zh = f"{name_zh}仍有余量（{amount:.0f} 万平方米用去 {used:.0f}），再扩不缩短驾车时间"
        en = f"{name_en} has room left: {used:.0f} of {amount:.0f} (10k m²) used; no drive shortens"
    else:
        zh = (
            f"{name_zh}已用满 {amount:.0f} 万平方米；再增 1 万平方米，改在此处承接的 1 万平方米"
            f"可少驾车约 {price:.0f} 分钟（含对其他配对的影响）"
        )
        en = (
            f"{name_en} is full at {amount:.0f} (10k m²); with 10k m² more, those 10k m² placed "
            f"there drive {price:.0f} minutes less, all told"
        )
    return zh, en


def _sectors(
    context: StageContext,
    places: gpd.GeoDataFrame,
    rules: SectorSettings,
    pairing: PairingSettings,
) -> pd.DataFrame:
    """Compare the side of the district that a role names with the bearing from its middle."""
    districts = context.layer("ingest", "districts.parquet")
    own = districts[districts["district_zh"].eq(rules.district_zh)]
    chosen = places[places["district_zh"].eq(rules.district_zh) & places["district_role"].notna()]
    if rules.district_zh is None or own.empty or chosen.empty:
        return pd.DataFrame({name: [] for name in SECTORS})
    chosen = chosen.sort_index()
    middle = own.geometry.iloc[0].centroid
    offset = xy_of(chosen) - np.array([middle.x, middle.y])
    bearing = bearing_deg(offset[:, 0], offset[:, 1])
    sector = sector_of(bearing)
    stated = chosen["district_role"].map(rules.sectors).astype("object")
    seed = context.settings("study").seed
    moved = moved_points(chosen, draws=pairing.draws, seed=seed) - np.array([middle.x, middle.y])
    sides = set(rules.sectors.values())
    side = nearest_side(bearing, sides=sides)
    drawn = nearest_side(bearing_deg(moved[:, :, 0], moved[:, :, 1]).T, sides=sides)
    table = pd.DataFrame(
        {
            "role": chosen["district_role"],
            "stated": stated.where(stated.notna(), None),
            "bearing_deg": bearing,
            "side": side,
            "sector": sector,
            "distance_km": np.hypot(offset[:, 0], offset[:, 1]) / 1000.0,
            "to_edge_deg": to_edge_deg(bearing),
            "agrees": pd.Series(side, index=chosen.index).eq(stated).where(stated.notna()),
            "agrees_share": share_of_draws(drawn, stated),
        },
        index=chosen.index,
    )
    return table.assign(agrees=table["agrees"].astype("boolean")).reset_index()[list(SECTORS)]

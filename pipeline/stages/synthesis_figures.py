"""Set documented figures beside what follows from them: costs, targets, growth, locations."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from pipeline.measures.comparison import (
    beside,
    compound_growth,
    grown,
    location_types,
    share_of_draws,
    target_sums,
)
from pipeline.settings.synthesis import SynthesisSettings
from pipeline.stages.context import StageContext
from pipeline.stages.synthesis_tables import located_places, moved_points, xy_of

REGISTER = "places"
TYPES = ("central_city", "near_suburb", "outer_suburb")
YEARS = ("target_2023_10k_m2", "target_2024_10k_m2")
LOCATIONS = (
    "place_id", "distance_km", "location_type", "stated", "agrees", "agrees_share",
    "inside_outer_ring_share",
)  # fmt: skip
COSTS = (
    "item", "zh", "en", "unit", "shanghai", "suzhou", "ratio", "ratio_stated", "check_value",
    "check_source", "source",
)  # fmt: skip


def write_figures(context: StageContext, settings: SynthesisSettings) -> None:
    """Write `locations`, `layout_targets`, `costs` and `figure_checks`."""
    places = located_places(context)
    locations = _locations(context, places, settings)
    context.put("locations.parquet", locations)
    targets = _targets(context, places, locations)
    context.put("layout_targets.parquet", targets)
    figures = _figures(context)
    context.put("costs.parquet", _costs(context, figures))
    context.put("figure_checks.parquet", _checks(figures, targets, places, settings))


def _locations(
    context: StageContext, places: gpd.GeoDataFrame, settings: SynthesisSettings
) -> pd.DataFrame:
    """Classify places by their distance to the centre, and say how sure that is."""
    identity = context.settings("study")
    centre = gpd.GeoSeries.from_xy([identity.centre_lon], [identity.centre_lat], crs=4326)
    middle = centre.to_crs(context.crs).iloc[0]
    places = places.sort_index()
    offset = xy_of(places) - np.array([middle.x, middle.y])
    km = np.hypot(offset[:, 0], offset[:, 1]) / 1000.0
    limits = (settings.central_km, settings.near_km)
    found = location_types(km, limits_km=limits, names=TYPES)
    moved = moved_points(places, draws=settings.pairing.draws, seed=identity.seed)
    moved_km = np.linalg.norm(moved - np.array([middle.x, middle.y]), axis=2).T / 1000.0
    drawn = location_types(moved_km, limits_km=limits, names=TYPES)
    stated = places["location_type"].astype("object")
    stated = stated.where(stated.notna(), None)
    agrees = pd.Series(found, index=places.index).eq(stated).astype("boolean")
    return pd.DataFrame(
        {
            "distance_km": km,
            "location_type": found,
            "stated": stated,
            "agrees": agrees.where(stated.notna()),
            "agrees_share": share_of_draws(drawn, stated),
            "inside_outer_ring_share": (moved_km <= settings.central_km).mean(axis=1),
        },
        index=places.index,
    ).reset_index()[list(LOCATIONS)]


def _targets(
    context: StageContext, places: gpd.GeoDataFrame, locations: pd.DataFrame
) -> pd.DataFrame:
    """Sum the carriers' targets by district, year, priority group and ring."""
    carriers = places[places[list(YEARS)].astype("float64").notna().any(axis=1)]
    ring = locations.set_index("place_id")["location_type"]
    table = pd.DataFrame(
        {
            **{name: carriers[name].astype("float64") for name in YEARS},
            "all": "all",
            "district": carriers["district_zh"],
            "priority": carriers["priority_group"],
            "ring": ring.reindex(carriers.index),
        }
    )
    kinds = ("all", "district", "priority", "ring")
    parts = [target_sums(table.dropna(subset=[kind]), by=kind, kind=kind) for kind in kinds]
    joined = pd.concat(parts, ignore_index=True)
    names = context.frame("ingest", "district_names.parquet")
    area = names.set_index("name_zh")["area_km2"] if len(names) else pd.Series(dtype="float64")
    km2 = joined["group"].map(area).astype("float64")
    return joined.assign(per_km2_m2=joined["target_10k_m2"] * 1e4 / km2)


def _figures(context: StageContext) -> pd.DataFrame | None:
    """Read the documented figures; null unless the study is that of the embedded register."""
    source = context.input("places")
    if source is None or source.reference != REGISTER:
        return None
    from pipeline.sources.reference import read_reference

    return read_reference("policy_figures").set_index("figure_id")


def _costs(context: StageContext, figures: pd.DataFrame | None) -> pd.DataFrame:
    """Set the rents and land prices of the two cities side by side, with an independent check."""
    if figures is None:
        return pd.DataFrame({name: [] for name in COSTS})
    value = figures["value"].astype("float64")
    rent, rent_there = value["office_rent_shanghai_2024"], value["office_rent_suzhou_2024"]
    land, ratio = value["land_price_shanghai_2023"], value["land_price_ratio_suzhou_2023"]
    standards = context.frame("ingest", "standards.parquet").set_index("standard_id")
    grant = standards.reindex(["baoshan_grant_price"])
    granted, grant_source = grant["value"].astype("float64").iloc[0], grant["source"].iloc[0]
    paper = str(figures.loc["office_rent_shanghai_2024", "source"])
    rows = [
        ("office_rent", "甲级写字楼租金", "grade A office rent", "yuan/m2/day", rent, rent_there,
         rent / rent_there, np.nan, np.nan, None, paper),
        ("industrial_land", "工业用地价格", "industrial land price", "yuan/m2", land, land / ratio,
         ratio, ratio, granted, grant_source, paper),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(COSTS))


def _checks(
    figures: pd.DataFrame | None,
    targets: pd.DataFrame,
    places: gpd.GeoDataFrame,
    settings: SynthesisSettings,
) -> pd.DataFrame:
    """Recompute what the documented figures imply and say whether it agrees."""
    if figures is None:
        return beside([], tolerance_share=settings.tolerance_share)
    value = figures["value"].astype("float64")
    checked = figures["check_value"].astype("float64")
    sums = targets.set_index(["kind", "group"])
    base = value["industry_scale_2024"] / (1 + value["industry_growth_2020_2024"] / 100)
    growth = compound_growth(base, value["industry_scale_2024"], years=4)
    minhang = grown(
        value["minhang_output_2020"],
        growth_share=value["minhang_target_growth"] / 100,
        years=5,
    )

    def target(kind: str, group: str, column: str = "target_10k_m2") -> float:
        return float(sums[column].get((kind, group), np.nan))

    rows = [
        ("industry_2020", "2020 年产业规模（由 2024 年与增幅推算）", "scale of 2020, implied",
         "100m yuan", base, checked["industry_growth_2020_2024"]),
        ("industry_cagr", "2020 至 2024 年年均增速", "compound growth 2020 to 2024", "%",
         growth * 100, value["industry_cagr_2020_2024"]),
        ("minhang_2025", "闵行 2025 年产值（按 9% 增长）", "Minhang's output of 2025 at 9 %",
         "100m yuan", minhang, value["minhang_target_output_2025"]),
        ("targets_2023", "2023 年载体目标合计", "carrier targets of 2023", "10k m2",
         target("all", "all", YEARS[0]), value["annex_2023"]),
        ("targets_2024", "2024 年载体目标合计", "carrier targets of 2024", "10k m2",
         target("all", "all", YEARS[1]), value["annex_2024"]),
        ("targets_both", "两年目标合计与正文“近 500”", "both years against the text's nearly 500",
         "10k m2", target("all", "all"), value["text_2024_cumulative"]),
        ("targets_expand", "大力拓展四个载体", "the four carriers to expand", "10k m2",
         target("priority", "expand"), checked["carriers_expand"]),
        ("targets_foster", "着力培育四个载体", "the four carriers to foster", "10k m2",
         target("priority", "foster"), checked["carriers_foster"]),
        ("rent_ratio", "写字楼租金：上海与苏州之比", "office rent, Shanghai to Suzhou", "ratio",
         value["office_rent_shanghai_2024"] / value["office_rent_suzhou_2024"],
         checked["office_rent_suzhou_2024"]),
    ]  # fmt: skip
    rows += [
        (f"area_{name}", f"{places.loc[name, 'name_zh']}范围面积",
         f"area of the footprint of {places.loc[name, 'name_en']}", "km2",
         float(places.loc[name, "footprint_km2"]), value[figure])
        for name, figure in (("K1", "case_area_k1"), ("K2", "case_area_k2"), ("K3", "case_area_k3"))
        if name in places.index
    ]  # fmt: skip
    return beside(rows, tolerance_share=settings.tolerance_share)

"""Ask where one more station, shuttle, hospital campus or school would close most gap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import geopandas as gpd
import numpy as np
import pandas as pd

from pipeline.measures.access_pairs import floats
from pipeline.measures.siting import Siting, maximal_covering, p_median, set_covering
from pipeline.measures.uncertainty_footprints import site_of
from pipeline.settings.needs import NeedSettings
from pipeline.settings.network import Mode
from pipeline.settings.synthesis import SitingSettings
from pipeline.stages.context import StageContext
from pipeline.stages.place_tables import of_variant
from pipeline.stages.synthesis_tables import (
    matrix_of,
    minutes_between,
    minutes_to_nearest,
)

COLUMNS = (
    "service", "proposal", "model", "sites", "site_ids", "helped", "helped_places", "demand_places",
    "objective", "unit", "bound", "gap_share", "threshold_min", "mode", "measured_share", "status",
)  # fmt: skip
SITES = ("service", "proposal", "model", "sites", "site_id", "name_zh", "name_en", "lon", "lat")
CELL = "cell "
WALKED: tuple[Mode, ...] = ("walk", "cycle", "drive")
# What it reads of the gaps: ranks and weights may change without a site.
MISSED = ("place_id", "service", "gap", "finding")
# Model, number of sites, what it found, unit of its objective
Solved = tuple[str, int, Siting, str]


@dataclass(frozen=True, eq=False)
class Proposal:
    """One kind of new facility: where it may stand and how places reach it."""

    service: str
    name: str
    candidates: gpd.GeoDataFrame
    mode: Mode
    threshold_min: float


def write_siting(context: StageContext, places: gpd.GeoDataFrame) -> None:
    """Write `siting.parquet` (one row per model) and `sites.parquet` (one row per chosen site)."""
    rules: SitingSettings = context.settings("synthesis").siting
    gaps = context.frame("gaps", "gaps.parquet", MISSED)
    known = _once(places[places["name_zh"].notna()])
    grid = cache(partial(_grid, context, places, rules))  # hospitals and schools have the same
    rows: list[dict[str, object]] = []
    chosen: list[gpd.GeoDataFrame] = []
    for need in context.settings("gaps").needs:
        demand = _demand(places, gaps, need, rules)
        for proposal in _proposals(context, grid, need, rules):
            for row, sites in _solved(context, demand, proposal, need, rules):
                rows.append(row)
                chosen.append(sites)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    context.put("siting.parquet", table)
    named = _located(pd.concat(chosen, ignore_index=True), known) if chosen else None
    context.put("sites.parquet", pd.DataFrame(columns=list(SITES)) if named is None else named)


def _demand(
    places: gpd.GeoDataFrame, gaps: pd.DataFrame, need: NeedSettings, rules: SitingSettings
) -> gpd.GeoDataFrame:
    """Give the places that miss the need, each point once, weighted by their gap."""
    own = gaps[gaps["service"].eq(need.service)].set_index("place_id")
    counted = places[places["tier"].isin(rules.tiers)].join(own[["gap", "finding"]])
    short = counted[counted["finding"].eq("gap") & counted["gap"].gt(0)]
    return _once(short)


def _once(places: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Keep one place of each site and of each point: a zone may stand on its park's point."""
    ordered = places.sort_index()
    known = site_of(ordered).duplicated() | ordered.duplicated(["x", "y"])
    return ordered[~known.to_numpy()]


def _proposals(
    context: StageContext,
    grid: Callable[[], gpd.GeoDataFrame],
    need: NeedSettings,
    rules: SitingSettings,
) -> list[Proposal]:
    if need.mode not in WALKED or need.unit != "min" or need.direction != "at_most":
        return []
    mode: Mode = need.mode
    if need.service == "rail":
        stations = context.layer("rail", "stations.parquet").set_index("station_id")
        built = stations["status"].eq("operating")
        return [
            Proposal("rail", "station", stations[~built], mode, need.threshold),
            Proposal("rail", "shuttle", stations[built], "drive", rules.shuttle_min),
        ]
    return [Proposal(need.service, "campus", grid(), mode, need.threshold)]


def _grid(
    context: StageContext, places: gpd.GeoDataFrame, rules: SitingSettings
) -> gpd.GeoDataFrame:
    """Stand candidates on every n-th land cell both ways, and on the places themselves."""
    cells = context.layer("ingest", "cells.parquet")
    if len(cells):
        every = cells["row"].mod(rules.grid_cells).eq(0) & cells["col"].mod(rules.grid_cells).eq(0)
        cells = cells[every]
    names = (
        [f"{CELL}{row}/{col}" for row, col in zip(cells["row"], cells["col"], strict=True)]
        if (len(cells))
        else []
    )
    grid = gpd.GeoDataFrame(
        {
            "name_zh": names,
            "name_en": names,
        },
        index=pd.Index(names, dtype="object"),
        geometry=cells.geometry.centroid.to_numpy() if names else [],
        crs=context.crs,
    )
    return pd.concat([grid, _once(places)[["name_zh", "name_en", "geometry"]]])


def _located(sites: gpd.GeoDataFrame, known: gpd.GeoDataFrame) -> pd.DataFrame:
    """Give sites in degrees; say of points of the grid how far from which place they lie."""
    degrees = sites.geometry.to_crs(4326)
    told = pd.DataFrame(sites.assign(lon=degrees.x, lat=degrees.y))[list(SITES)]
    grid = sites["site_id"].astype(str).str.startswith(CELL)
    if not grid.any() or known.empty:
        return told
    # From the degrees that are published, so that the distance can be checked.
    at = gpd.GeoSeries.from_xy(told.loc[grid, "lon"], told.loc[grid, "lat"], crs=4326)
    points = at.to_crs(sites.crs)
    nearest = [known.geometry.distance(point).idxmin() for point in points]
    km = [
        known.geometry[key].distance(point) / 1000
        for key, point in zip(nearest, points, strict=True)
    ]
    names = known.loc[nearest, ["name_zh", "name_en"]].to_numpy()
    told.loc[grid, "name_zh"] = [
        f"距{zh} {far:.1f} 公里" for (zh, _), far in zip(names, km, strict=True)
    ]
    told.loc[grid, "name_en"] = [
        f"{far:.1f} km from {en}" for (_, en), far in zip(names, km, strict=True)
    ]
    return told


def _solved(
    context: StageContext,
    demand: gpd.GeoDataFrame,
    proposal: Proposal,
    need: NeedSettings,
    rules: SitingSettings,
) -> list[tuple[dict[str, object], gpd.GeoDataFrame]]:
    """Solve the three models on one table of travel times."""
    if demand.empty or proposal.candidates.empty:
        return []
    table = minutes_between(
        context, demand, proposal.candidates, mode=proposal.mode, limit_min=rules.limit_min
    )
    minutes = matrix_of(table, demand.index, proposal.candidates.index)
    present = _present(context, demand, proposal, need)
    weight = pd.Series(floats(demand["gap"]), index=demand.index)
    models: list[Solved] = []
    for count in rules.sites:
        covering = maximal_covering(
            minutes,
            weight=weight,
            threshold_min=proposal.threshold_min,
            sites=count,
            time_limit_s=rules.time_limit_s,
        )
        models.append(("mclp", count, covering, "normalised gap"))
        if present is not None:
            saving = p_median(
                minutes,
                weight=weight,
                present_min=present,
                sites=count,
                time_limit_s=rules.time_limit_s,
            )
            models.append(("p_median", count, saving, "gap-weighted min"))
    fewest = set_covering(
        minutes, threshold_min=proposal.threshold_min, time_limit_s=rules.time_limit_s
    )
    models.append(("lscp", len(fewest.sites), fewest, "sites"))
    measured = float(table["method"].eq("measured_network").mean()) if len(table) else np.nan
    context.log.info(
        "%s %s: %d places short, %d candidates", proposal.service, proposal.name, len(demand),
        len(proposal.candidates),
    )  # fmt: skip
    told = (len(demand), measured)
    return [(_row(proposal, told, solved), _named(proposal, solved)) for solved in models]


def _present(
    context: StageContext, demand: gpd.GeoDataFrame, proposal: Proposal, need: NeedSettings
) -> pd.Series[float] | None:
    """Minutes from the recorded points to what exists today; null for a shuttle, which adds."""
    if proposal.name == "shuttle":
        return None
    if proposal.service == "rail":
        stations = context.layer("rail", "stations.parquet").set_index("station_id")
        today = stations[stations["status"].eq("operating")]
    else:
        facilities = context.layer("ingest", "facilities.parquet").set_index("facility_id")
        today = of_variant(facilities, need.service, need.variant)
    if today.empty:
        return None
    minutes: pd.Series[float] = minutes_to_nearest(context, demand, today, mode=proposal.mode)[
        "minutes"
    ]
    return minutes


def _row(proposal: Proposal, told: tuple[int, float], solved: Solved) -> dict[str, object]:
    model, count, found, unit = solved
    places, measured_share = told
    values = (
        proposal.service, proposal.name, model, count, "|".join(found.sites),
        "|".join(found.helped), len(found.helped), places, found.objective, unit, found.bound,
        found.gap_share, proposal.threshold_min, proposal.mode, measured_share, found.status,
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def _named(proposal: Proposal, solved: Solved) -> gpd.GeoDataFrame:
    """Name the chosen sites."""
    model, count, found, _ = solved
    sites = proposal.candidates.loc[list(found.sites)]
    return gpd.GeoDataFrame(
        {
            "service": proposal.service,
            "proposal": proposal.name,
            "model": model,
            "sites": count,
            "site_id": list(found.sites),
            "name_zh": sites["name_zh"].to_numpy(),
            "name_en": sites["name_en"].to_numpy(),
        },
        geometry=sites.geometry.to_numpy(),
        crs=sites.crs,
    )

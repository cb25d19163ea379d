"""Measure the island effect: contrast on gridded counts, separation where streets are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pipeline.measures.island_barriers import barrier_results
from pipeline.measures.island_city import urban_land
from pipeline.measures.island_grid import GridFrame
from pipeline.measures.island_places import IslandContrast, measure_contrast
from pipeline.measures.island_results import ComponentResult, component_row
from pipeline.measures.island_score import contrast_results, pooled, rank_ranges, score
from pipeline.network.separation import estimated_access, separation_results
from pipeline.network.separation_streets import Streets
from pipeline.publish.island_profile import profile_svg
from pipeline.settings.island import IslandSettings
from pipeline.stages.context import StageContext
from pipeline.stages.networks import load_graph

Grids = Mapping[str, NDArray[np.float64]]
NOT_COUNTS = ("row", "col", "district", "geometry")
THEMES = ("contrast", "separation")
ACCESS_GAP = "access_gap"


def run(context: StageContext) -> None:
    """Write the island table, its draws, ranks, pooled tests and one profile figure per place."""
    settings: IslandSettings = context.settings("island")
    places = context.layer("ingest", "places.parquet")
    cells = context.layer("ingest", "cells.parquet")
    if cells.empty:
        context.log.info("no cells: the island effect is not measured")
        for name in ("island", "draws", "ranks", "pooled"):
            context.put(f"{name}.parquet", pd.DataFrame({"place_id": pd.Series(dtype="str")}))
        return
    contrast = _contrast(context, places, cells, settings)
    apart = _separation(context, contrast, settings)
    extra = pd.DataFrame([component_row(result, settings) for result in apart])
    table = pd.concat([contrast.table, extra], ignore_index=True) if apart else contrast.table
    order = ["place_id", "component", "category", "ring_m"]
    context.put("island.parquet", table.sort_values(order, ignore_index=True))
    context.put("draws.parquet", contrast.draws())
    ways = _ways(contrast, apart, settings)
    ranks = rank_ranges(ways, base=_label(settings.ring_m), settings=settings)
    context.put("ranks.parquet", ranks)
    twins = set(places.loc[places["same_site_as"].notna(), "place_id"])
    context.put("pooled.parquet", _pooled(ways[_label(settings.ring_m)], twins, settings))
    _profiles(context, places, table[table["ring_m"].eq(settings.ring_m)], ranks)


def _contrast(
    context: StageContext,
    places: gpd.GeoDataFrame,
    cells: gpd.GeoDataFrame,
    settings: IslandSettings,
) -> IslandContrast:
    """Lay the cells out as a grid and compare every place with its ring and its relocations."""
    grid, counts, land = _grid(cells, float(context.settings("sources").cells.cell_m))
    serving = np.sum([counts[name] for name in settings.people_serving], axis=0)
    eligible = urban_land(
        grid,
        people_serving=serving,
        land_share=land,
        radius_m=settings.urban_radius_m,
        min_count=settings.urban_min_count,
        max_water_share=settings.max_water_share,
    )
    return measure_contrast(
        places,
        grid=grid,
        facilities=counts,
        land_share=land,
        eligible=eligible,
        density=counts.get("stops", serving),
        centre_xy_m=_centre(context),
        settings=settings,
    )


def _grid(cells: gpd.GeoDataFrame, cell_m: float) -> tuple[GridFrame, Grids, NDArray[np.float64]]:
    """Turn the table of land cells into dense arrays; what is no land is 0 in `land`."""
    row = (cells["row"] - cells["row"].min()).to_numpy()
    column = (cells["col"] - cells["col"].min()).to_numpy()
    shape = (int(row.max()) + 1, int(column.max()) + 1)

    def dense(values: Any) -> NDArray[np.float64]:  # noqa: ANN401
        layer = np.zeros(shape)
        layer[row, column] = values
        return layer

    west, south = cells["col"].min() * cell_m, cells["row"].min() * cell_m
    grid = GridFrame(float(west), float(south), cell_m, *shape)
    names = [name for name in cells.columns if name not in NOT_COUNTS]
    return grid, {name: dense(cells[name].to_numpy()) for name in names}, dense(1.0)


def _centre(context: StageContext) -> tuple[float, float]:
    study = context.settings("study")
    point = gpd.GeoSeries.from_xy([study.centre_lon], [study.centre_lat], crs=4326)
    moved = point.to_crs(context.crs).iloc[0]
    return moved.x, moved.y


def _separation(
    context: StageContext, contrast: IslandContrast, settings: IslandSettings
) -> list[ComponentResult]:
    """Measure separation on the walking streets, and access from straight lines elsewhere."""
    network, entrances = context.settings("network"), _entrances(context)
    estimates = estimated_access(
        contrast.places,
        contrast.city,
        facilities_xy_m=entrances,
        detour_factor=network.detour_factor,
        walk_m_min=network.walk_speed_m_min,
        settings=settings,
    )
    barred = barrier_results(contrast.places, None, contrast.city.grid, settings=settings)
    graph = load_graph(context, "walk")
    if graph is None:
        return [*estimates, *barred]
    measured = separation_results(
        contrast.places,
        contrast.city,
        Streets.from_tables(graph.nodes, graph.edges),
        facilities_xy_m=entrances,
        snap_m=network.snap_max_m,
        walk_m_min=network.walk_speed_m_min,
        settings=settings,
    )
    return [*_best_access(measured, estimates), *barred]


def _best_access(
    measured: Sequence[ComponentResult], estimates: Sequence[ComponentResult]
) -> list[ComponentResult]:
    """Keep one access gap for each place and service: that on streets where there is one."""
    by_estimate = {(one.place_id, one.statistic.category): one for one in estimates}
    kept = []
    for one in measured:
        key = (one.place_id, one.statistic.category)
        unknown = one.reason is not None or not np.isfinite(one.observed)
        swap = one.statistic.component == ACCESS_GAP and unknown and key in by_estimate
        kept.append(by_estimate[key] if swap else one)
    return kept


def _entrances(context: StageContext) -> dict[str, NDArray[np.float64]]:
    """Give the points of every service that has any."""
    facilities = context.layer("ingest", "facilities.parquet")
    stations = context.layer("rail", "stations.parquet")
    layers = {
        "station": stations[stations["status"].eq("operating")],
        "hospital": facilities[facilities["service"].eq("hospital")],
        "school": facilities[facilities["service"].eq("school")],
    }
    return {
        name: shapely.get_coordinates(layer.geometry.to_numpy())
        for name, layer in layers.items()
        if len(layer)
    }


def _ways(
    contrast: IslandContrast, apart: Sequence[ComponentResult], settings: IslandSettings
) -> dict[str, list[ComponentResult]]:
    """List the components to score at each ring width."""
    widths = (settings.ring_m, *settings.ring_sensitivity_m)
    return {
        _label(width): [
            *contrast_results(contrast.places, ring_m=width, settings=settings),
            *apart,
        ]
        for width in widths
    }


def _label(ring_m: float) -> str:
    return f"ring {ring_m:g} m"


def _pooled(
    results: Sequence[ComponentResult], twins: set[str], settings: IslandSettings
) -> pd.DataFrame:
    """Test all places together; of places on one site only the first, as they are one witness."""
    scored = score([one for one in results if one.place_id not in twins], settings=settings)
    tests = [test for theme in THEMES if (test := pooled(scored, theme=theme)) is not None]
    return pd.DataFrame([vars(test) for test in tests])


def _profiles(
    context: StageContext, places: gpd.GeoDataFrame, rows: pd.DataFrame, ranks: pd.DataFrame
) -> None:
    """Draw one profile for each place with a footprint."""
    names = places[places["boundary_class"].ne("none")].set_index("place_id")
    for place_id, place in names[["name_zh", "name_en"]].iterrows():
        figure = profile_svg(
            name_zh=str(place["name_zh"]),
            name_en=str(place["name_en"]),
            rows=rows[rows["place_id"].eq(place_id)],
            ranks=ranks[ranks["place_id"].eq(place_id)],
            categories={},
        )
        with context.writing(f"outputs:figures/island/{place_id}.svg") as target:
            target.write_text(figure, encoding="utf-8")

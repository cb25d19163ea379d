"""Gather what the island effect is measured on: the city as a grid, streets, barriers, donors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.measures.island_city import urban_land
from pipeline.measures.island_donors import barriers_of, ordinary_industry
from pipeline.measures.island_grid import BoolArray, GridFrame
from pipeline.measures.island_ring import GeometryArray
from pipeline.network.separation_streets import Streets
from pipeline.settings.island import IslandSettings
from pipeline.stages.context import StageContext
from pipeline.stages.networks import load_graph

Array = NDArray[np.float64]
NOT_COUNTS = ("row", "col", "district", "geometry")
FEATURES = ("barriers", "industrial", "water")


@dataclass(frozen=True)
class Scene:
    """The city around the places; `features` are those of the extract, None without one."""

    grid: GridFrame
    counts: Mapping[str, Array]
    land: Array
    eligible: BoolArray
    density: Array
    centre_xy_m: tuple[float, float]
    entrances: Mapping[str, Array]
    streets: Streets | None
    features: gpd.GeoDataFrame | None

    def barriers(self, settings: IslandSettings) -> GeometryArray | None:
        """Give expressways, railways and water; None where any of them is unmapped."""
        if self.features is None:
            return None
        return barriers_of(
            self.features, kinds=settings.barrier_kinds, min_objects=settings.barrier_min_objects
        )

    def donors(self, parks: GeometryArray, settings: IslandSettings) -> gpd.GeoDataFrame | None:
        """Give ordinary industrial land of the parks' size; None where none is mapped."""
        if self.features is None:
            return None
        found = ordinary_industry(
            self.features, parks, area_factor=settings.donor_area_factor, most=settings.donors
        )
        return found if len(found) else None


def read_scene(context: StageContext, cells: gpd.GeoDataFrame) -> Scene:
    """Read the city of a study that has cells."""
    settings: IslandSettings = context.settings("island")
    grid, counts, land = _grid(cells, float(context.settings("sources").cells.cell_m))
    serving = _served(counts, settings.people_serving, like=land)
    eligible = urban_land(
        grid,
        people_serving=serving,
        land_share=land,
        radius_m=settings.urban_radius_m,
        min_count=settings.urban_min_count,
        max_water_share=settings.max_water_share,
    )
    graph = load_graph(context, "walk")
    return Scene(
        grid=grid,
        counts=counts,
        land=land,
        eligible=eligible,
        density=counts.get("stops", serving),
        centre_xy_m=_centre(context),
        entrances=_entrances(context),
        streets=None if graph is None else Streets.from_tables(graph.nodes, graph.edges),
        features=_features(context),
    )


def _served(counts: Mapping[str, Array], names: Sequence[str], *, like: Array) -> Array:
    """Sum the people-serving counts that are mapped; else all that are, so that city is told."""
    mapped = [counts[name] for name in names if name in counts] or list(counts.values())
    return np.asarray(np.sum(mapped, axis=0) if mapped else np.zeros_like(like))


def _grid(cells: gpd.GeoDataFrame, cell_m: float) -> tuple[GridFrame, Mapping[str, Array], Array]:
    """Turn the table of land cells into dense arrays; what is no land is 0 in `land`."""
    row = (cells["row"] - cells["row"].min()).to_numpy()
    column = (cells["col"] - cells["col"].min()).to_numpy()
    shape = (int(row.max()) + 1, int(column.max()) + 1)

    def dense(values: Any) -> Array:  # noqa: ANN401
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


def _entrances(context: StageContext) -> dict[str, Array]:
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


def _features(context: StageContext) -> gpd.GeoDataFrame | None:
    extract = context.extract()
    if extract is None:
        return None
    from pipeline.sources.osm_features import read_osm_features
    from pipeline.sources.osm_mapping import read_mapping

    mapping = read_mapping(context.settings("sources").osm_mapping)
    wanted = [name for name in FEATURES if name in mapping.categories]
    return read_osm_features(extract, mapping=mapping, crs=context.crs, categories=wanted).features

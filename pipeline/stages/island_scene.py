"""Gather what the island effect is measured on: the city as a grid, streets, barriers, donors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.freeing import give_back_memory
from pipeline.measures.island_city import urban_land
from pipeline.measures.island_context import BUILT, GREEN, WATER
from pipeline.measures.island_donors import barriers_of, ordinary_industry
from pipeline.measures.island_grid import BoolArray, GridFrame
from pipeline.measures.island_points import PointLayer
from pipeline.measures.island_ring import GeometryArray
from pipeline.network.separation_streets import Streets
from pipeline.settings.island import IslandSettings
from pipeline.stages.context import StageContext
from pipeline.stages.networks import load_costs
from pipeline.stages.station_tables import all_stations

if TYPE_CHECKING:
    from pipeline.sources.osm_mapping import OsmMapping

Array = NDArray[np.float64]
NOT_COUNTS = ("row", "col", "district", "geometry")
BUILDINGS = "buildings"
FEATURES = ("barriers", "industrial", "water", BUILDINGS, "parks")
ASKED = ("osm_id", "category", "status", "tags", "x", "y", "geometry")
AREA = 2
FOOD = "supermarket"
SERVICES = ("station", "hospital", "school", "food")


@dataclass(frozen=True)
class Scene:
    """The city around the places; `features` are those of the extract, None without one."""

    grid: GridFrame
    facilities: Mapping[str, Array] | PointLayer
    land: Array
    eligible: BoolArray
    density: Array
    centre_xy_m: tuple[float, float]
    entrances: Mapping[str, Array]
    streets: Streets | None
    features: gpd.GeoDataFrame | None
    prices: tuple[Array, Array]
    people: tuple[Array, Array]

    def barriers(self, settings: IslandSettings) -> Mapping[str, GeometryArray]:
        """Give expressways, railways and water by kind, those that are mapped."""
        return self._barriers(settings.barrier_kinds, settings)

    def _barriers(
        self, kinds: Sequence[str], settings: IslandSettings
    ) -> Mapping[str, GeometryArray]:
        if self.features is None:
            return {}
        chosen = [kind for kind in kinds if kind in settings.barrier_kinds]
        return barriers_of(self.features, kinds=chosen, min_km=settings.barrier_min_km)

    def covers(self, settings: IslandSettings) -> Mapping[str, GeometryArray]:
        """Give buildings, green and water as areas, those that are mapped."""
        if self.features is None:
            return {}
        there = self.features[self.features["status"].eq("operating")]
        areal = there[shapely.get_dimensions(there.geometry.to_numpy()) == AREA]
        by_name = {name: part.geometry.to_numpy() for name, part in areal.groupby("category")}
        found = {BUILT: by_name.get(BUILDINGS, ())}
        if len(by_name.get("parks", ())) >= settings.green_min_objects:
            found[GREEN] = by_name["parks"]
        if "water" in self._barriers(("water",), settings):
            found[WATER] = by_name.get("water", ())
        return {name: np.asarray(shapes, dtype=object) for name, shapes in found.items()}

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
    # Reading the extract takes more for a while than what is kept of it: the streets come after.
    features = _features(context, around_m=settings.ring_m)
    points = _points(context, features)
    if features is not None:
        features = features[features["category"].isin(FEATURES)].reset_index(drop=True)
    give_back_memory()
    streets = _streets(context)
    people = _people(context)
    return Scene(
        grid=grid,
        facilities=points or counts,
        land=land,
        eligible=eligible,
        density=_density(grid, people, counts.get("stops", serving)),
        centre_xy_m=_centre(context),
        entrances=_entrances(context),
        streets=streets,
        features=features,
        prices=_prices(context),
        people=people,
    )


def _streets(context: StageContext) -> Streets | None:
    """Read the walking network; None without one."""
    graph = load_costs(context, "walk")
    if graph is None:
        return None
    streets = Streets.of_graph(graph)
    del graph
    give_back_memory()
    return streets


def _density(grid: GridFrame, people: tuple[Array, Array], else_by: Array) -> Array:
    """Sum residents over the cells, as strata of the null model; stops where nobody counted."""
    xy_m, residents = people
    known = np.isfinite(residents)
    if not known.any():
        return else_by
    column = np.floor((xy_m[known, 0] - grid.x_min_m) / grid.cell_m).astype(np.int64)
    row = np.floor((xy_m[known, 1] - grid.y_min_m) / grid.cell_m).astype(np.int64)
    inside = (column >= 0) & (column < grid.columns) & (row >= 0) & (row < grid.rows)
    summed = np.zeros(grid.shape)
    np.add.at(summed, (row[inside], column[inside]), residents[known][inside])
    return summed if summed.any() else else_by


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
    stations = all_stations(context)
    ordinary = context.layer("ingest", "ordinary.parquet")
    open_now = ordinary[ordinary["status"].eq("operating")] if len(ordinary) else ordinary
    layers = {
        "station": stations[stations["status"].eq("operating")],
        "hospital": facilities[facilities["service"].eq("hospital")],
        "school": facilities[facilities["service"].eq("school")],
        "food": open_now[open_now["kind"].eq(FOOD)],
    }
    return {
        name: shapely.get_coordinates(layer.geometry.to_numpy())
        for name, layer in layers.items()
        if len(layer)
    }


def _features(context: StageContext, *, around_m: float) -> gpd.GeoDataFrame | None:
    """Read what the measures ask of the extract; buildings only where a place and its ring are."""
    extract = context.extract()
    if extract is None:
        return None
    from pipeline.sources.osm_features import read_osm_features

    mapping = _mapping(context)
    wanted = {name for name in FEATURES if name in mapping.categories}
    counted = {name for names in mapping.cells.values() for name in names}
    if context.input("cells") is None:
        wanted |= counted
    places = context.layer("ingest", "places.parquet").geometry
    zones = shapely.buffer(places[places.notna()].to_numpy(), around_m)
    near = {name: zones for name in (BUILDINGS,) if name not in counted}
    read = read_osm_features(
        extract, mapping=mapping, crs=context.crs, categories=sorted(wanted), near=near
    )
    return read.features[list(ASKED)]


def _mapping(context: StageContext) -> OsmMapping:
    from pipeline.sources.osm_mapping import read_mapping

    return read_mapping(context.settings("sources").osm_mapping)


def _points(context: StageContext, features: gpd.GeoDataFrame | None) -> PointLayer | None:
    """Give the facilities themselves where the cells are only counts of the same extract."""
    if features is None or context.input("cells") is not None:
        return None
    there = features[features["status"].eq("operating")]
    kinds = sorted(_mapping(context).cells.items())
    parts = [there.loc[there["category"].isin(names), ["x", "y"]] for _, names in kinds]
    number = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    xy_m = np.concatenate([part.to_numpy(dtype=np.float64) for part in parts])
    return PointLayer(xy_m, number.astype(np.int64), tuple(name for name, _ in kinds))


def _prices(context: StageContext) -> tuple[Array, Array]:
    """Give the points and values of the prices that the study names."""
    prices = context.layer("ingest", "prices.parquet")
    return shapely.get_coordinates(prices.geometry.to_numpy()), prices["price"].to_numpy()


def _people(context: StageContext) -> tuple[Array, Array]:
    """Give the points and counts of the residents that the study names."""
    people = context.layer("ingest", "residents.parquet")
    people = people[people["counted_by"].eq("residents")]
    residents = people["residents"].to_numpy(dtype=np.float64, na_value=np.nan)
    return shapely.get_coordinates(people.geometry.to_numpy()), residents

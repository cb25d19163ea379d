"""Prepare once, for all parks, the rows that the page of each takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.measures.access_rows import SILENT
from pipeline.publish.park_surroundings import plausible_areas, rings_around, straight_lines
from pipeline.stages.map_tables import MapTables, with_plain_text
from pipeline.stages.map_walking import ESTIMATED, MEASURED

AREAS = {"planned_area_disc": ("规划", "planned"), "assumed_area_disc": ("假设", "assumed")}


@dataclass(frozen=True, eq=False)
class ParkTables:
    """The tables of a study cut by park; layers in EPSG:4326 unless said.

    `order` ranks services in the scorecard; `ring_m` is the width of the ring around a park.
    """

    tables: MapTables
    order: Sequence[str]
    ring_m: float

    def gaps(self, place_id: str) -> pd.DataFrame:
        """Give the gaps of a place in the order of its scorecard, with its `lon` and `lat`."""
        return self._gaps.iloc[self._slice_of(place_id)]

    def targets(self, place_id: str) -> gpd.GeoSeries:
        """Give the points of the nearest facilities of a place, in the working CRS."""
        rows = self._slice_of(place_id)
        known = self._gaps["nearest_lon"].iloc[rows].notna().to_numpy()
        found: gpd.GeoSeries = self._targets.iloc[rows][known]
        return found

    def routes(self, place_id: str) -> gpd.GeoDataFrame:
        """Give the routes to the nearest facilities; a straight line where none was measured."""
        return _rows_of(self._routes, place_id)

    def nearest(self, place_id: str) -> gpd.GeoDataFrame:
        """Give the facilities that the routes lead to."""
        return _rows_of(self._nearest, place_id)

    def footprint(self, place_id: str) -> gpd.GeoDataFrame:
        """Give the footprint of a place; no row without one."""
        return _rows_of(self._footprints, place_id)

    def plausible(self, place_id: str) -> gpd.GeoDataFrame | None:
        """Give where the footprint of a place may lie; None where that is unknown."""
        found = _rows_of(self._plausible, place_id)
        return found if len(found) else None

    def ring(self, place_id: str) -> gpd.GeoDataFrame | None:
        """Give the land around a footprint; None without one."""
        found = _rows_of(self._rings, place_id)
        return found if len(found) else None

    def access(self, place_id: str) -> Mapping[str, pd.DataFrame]:
        """Give the results of a place that say something, by service."""
        return self._access.get(place_id, {})

    @cached_property
    def _points(self) -> pd.DataFrame:
        """The points of all places, as `lon` and `lat`."""
        places = self.tables.places_m
        points = gpd.GeoSeries.from_xy(places["x"], places["y"], crs=places.crs).to_crs(4326)
        lon_lat = {"lon": points.x.to_numpy(), "lat": points.y.to_numpy()}
        return pd.DataFrame(lon_lat, index=places["place_id"])

    @cached_property
    def _gaps(self) -> pd.DataFrame:
        rows = self.tables.gaps
        ranks = {name: rank for rank, name in enumerate(self.order)}
        rank = rows["service"].map(ranks).fillna(len(self.order))
        point = self._points.reindex(rows["place_id"])
        known = rows.assign(order=rank, lon=point["lon"].to_numpy(), lat=point["lat"].to_numpy())
        place = pd.factorize(known["place_id"], sort=True)[0]
        return known.iloc[np.lexsort((rank, place))]

    @cached_property
    def _slices(self) -> dict[str, slice]:
        """Where the rows of each place stand in `_gaps`."""
        ids = self._gaps["place_id"].to_numpy()
        first = np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]][: len(ids)]).tolist()
        ends = [*first[1:], len(ids)]
        return {str(ids[a]): slice(a, b) for a, b in zip(first, ends, strict=False)}

    def _slice_of(self, place_id: str) -> slice:
        return self._slices.get(place_id, slice(0, 0))

    @cached_property
    def _targets(self) -> gpd.GeoSeries:
        """The nearest facilities, empty where none is known."""
        gaps = self._gaps
        points = gpd.points_from_xy(gaps["nearest_lon"], gaps["nearest_lat"])
        return gpd.GeoSeries(points, index=gaps.index, crs=4326).to_crs(self.tables.places_m.crs)

    @cached_property
    def _routes(self) -> gpd.GeoDataFrame:
        known = self._gaps[self._gaps["nearest_lon"].notna().to_numpy()]
        measured = [isinstance(route, shapely.Geometry) for route in known["route"]]
        lines = [
            route if there else line
            for there, route, line in zip(
                measured, known["route"], straight_lines(known), strict=True
            )
        ]
        table = {
            "service": known["service"],
            "name_zh": known["nearest_name_zh"],
            "name_en": known["nearest_name_en"],
            "minutes": known["route_min"].astype("float64"),
            "straight_m": known["nearest_straight_m"],
            "method": np.where(measured, MEASURED, ESTIMATED).astype(object),
        }
        found = pd.DataFrame(table).set_axis(_plain_index(known))
        return gpd.GeoDataFrame(found, geometry=lines, crs=4326)

    @cached_property
    def _nearest(self) -> gpd.GeoDataFrame:
        ends = shapely.get_point(self._routes.geometry.to_numpy(), -1)
        return self._routes.set_geometry(gpd.GeoSeries(ends, self._routes.index, crs=4326))

    @cached_property
    def _footprints(self) -> gpd.GeoDataFrame:
        places = with_plain_text(self.tables.places)
        known = places[places.geometry.notna()]
        outline = [outline_code(row) for _, row in known.drop(columns="geometry").iterrows()]
        drawn = known.assign(outline=pd.Series(outline, index=known.index, dtype="object"))
        return drawn.set_axis(_plain_index(known))

    @cached_property
    def _plausible(self) -> gpd.GeoDataFrame:
        return plausible_areas(self.tables.places_m.set_index("place_id")).to_crs(4326)

    @cached_property
    def _rings(self) -> gpd.GeoDataFrame:
        places = self.tables.places_m.set_index("place_id")
        return rings_around(places, width_m=self.ring_m).to_crs(4326)

    @cached_property
    def _access(self) -> dict[str, dict[str, pd.DataFrame]]:
        told = self.tables.access[~self.tables.access["status"].isin(SILENT)]
        found: dict[str, dict[str, pd.DataFrame]] = {}
        for (place, service), rows in told.groupby(["place_id", "service"], sort=False):
            found.setdefault(str(place), {})[str(service)] = rows
        return found


def outline_code(place: pd.Series) -> object:
    """Tell what the outline of a place is: its class, or the disc that stands in for one."""
    disc = place["boundary_class"] == "indicative" and place["footprint_basis"] in AREAS
    return place["footprint_basis" if disc else "boundary_class"]


def _plain_index(rows: pd.DataFrame) -> pd.Index[str]:
    """Give the ids of places as plain objects, which are compared for every page."""
    ids: pd.Index[str] = pd.Index(rows["place_id"].tolist(), dtype="object")
    return ids


def _rows_of(layer: gpd.GeoDataFrame, place_id: str) -> gpd.GeoDataFrame:
    found: gpd.GeoDataFrame = layer.iloc[np.flatnonzero(layer.index.to_numpy() == place_id)]
    return found

"""Prepare once, for all parks, the rows that the page of each takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pipeline.publish.map_payload import Cells
from pipeline.publish.park_layers import FOOTPRINT, NEAREST, PLAUSIBLE, RING, ROUTES
from pipeline.publish.park_surroundings import plausible_areas, rings_around, straight_lines
from pipeline.publish.park_words import SmallPrint, Told
from pipeline.publish.themed_map import MapLayer, drawn
from pipeline.settings.maps import MapsSettings
from pipeline.stages.map_tables import MapTables
from pipeline.stages.map_walking import ESTIMATED, MEASURED

NONE = slice(0, 0)
CHANGES = ("service", "change_zh", "change_en")
AREAS = {"planned_area_disc": ("规划", "planned"), "assumed_area_disc": ("假设", "assumed")}


@dataclass(frozen=True)
class ByPlace:
    """Cells of a layer about many places, of which the page of each takes its own."""

    cells: Cells
    slices: Mapping[str, slice]

    @classmethod
    def of(cls, layer: MapLayer, frame: gpd.GeoDataFrame, settings: MapsSettings) -> ByPlace:
        """Encode a layer whose index names the places; the rows of one stand together."""
        facts = [fact for fact in layer.facts if fact.column in frame.columns]
        cells = drawn(replace(layer, frame=frame, facts=facts), settings)
        return cls(cells, _slices_of(frame.index.tolist()))

    def rows(self, place_id: str) -> Cells:
        """Give the rows of a place."""
        return self.cells.rows(self.slices.get(place_id, NONE))


@dataclass(frozen=True, eq=False)
class ParkTables:
    """The tables of a study cut by park, encoded as pages store them.

    `order` ranks services in the scorecard; `ring_m` is the width of the ring around a park.
    """

    tables: MapTables
    settings: MapsSettings
    order: Sequence[str]
    ring_m: float

    def scorecard(self, place_id: str) -> Told:
        """Give the gaps of a place in the order of its scorecard."""
        return self._scorecards.rows(self._slice_of(place_id))

    def changes(self, place_id: str) -> list[tuple[str, str, str]]:
        """Give the services of a place of which is known what would change the gap, and that."""
        columns = (self._changes[name][self._slice_of(place_id)] for name in CHANGES)
        return [row for row in zip(*columns, strict=True) if isinstance(row[1], str)]

    def targets(self, place_id: str) -> list[shapely.Point]:
        """Give the points of the nearest facilities of a place, in the working CRS."""
        rows = self._slice_of(place_id)
        return list(self._targets[rows][self._located[rows]])

    def routes(self, place_id: str) -> Cells:
        """Give the routes to the nearest facilities; a straight line where none was measured."""
        return self._drawn_routes.rows(place_id)

    def nearest(self, place_id: str) -> Cells:
        """Give the facilities that the routes lead to."""
        return self._nearest.rows(place_id)

    def footprint(self, place_id: str) -> Cells:
        """Give the footprint of a place; no row without one."""
        return self._footprints.rows(place_id)

    def plausible(self, place_id: str) -> Cells:
        """Give where the footprint of a place may lie; no row where that is unknown."""
        return self._plausible.rows(place_id)

    def ring(self, place_id: str) -> Cells:
        """Give the land around a footprint; no row without one."""
        return self._rings.rows(place_id)

    def measures(self, place_id: str) -> dict[str, Told]:
        """Give the results of a place that say something, by service."""
        whole, slices = self._measures
        return {service: whole.rows(rows) for service, rows in slices.get(place_id, {}).items()}

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
    def _scorecards(self) -> Told:
        gaps = self._gaps
        # The value of a composite is its gap, which stands beside it.
        value = gaps["value"].astype("float64").mask(gaps["service"].eq("composite"))
        return self._small_print.scorecard(gaps.assign(value=value))

    @cached_property
    def _small_print(self) -> SmallPrint:
        return SmallPrint(self.tables.standards, self.tables.words)

    @cached_property
    def _changes(self) -> dict[str, list[Any]]:
        return {name: self._gaps[name].tolist() for name in CHANGES}

    @cached_property
    def _slices(self) -> dict[str, slice]:
        """Where the rows of each place stand in `_gaps`."""
        return _slices_of(self._gaps["place_id"].tolist())

    def _slice_of(self, place_id: str) -> slice:
        return self._slices.get(place_id, NONE)

    @cached_property
    def _located(self) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = self._gaps["nearest_lon"].notna().to_numpy()
        return found

    @cached_property
    def _targets(self) -> NDArray[np.object_]:
        """The nearest facilities, empty where none is known."""
        gaps = self._gaps
        points = gpd.points_from_xy(gaps["nearest_lon"], gaps["nearest_lat"], crs=4326)
        found: NDArray[np.object_] = np.asarray(points.to_crs(self.tables.places_m.crs))
        return found

    @cached_property
    def _routes(self) -> gpd.GeoDataFrame:
        known = self._gaps[self._located]
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
    def _drawn_routes(self) -> ByPlace:
        return self._drawn(ROUTES, self._routes)

    @cached_property
    def _nearest(self) -> ByPlace:
        ends = shapely.get_point(self._routes.geometry.to_numpy(), -1)
        ended = self._routes.set_geometry(gpd.GeoSeries(ends, self._routes.index, crs=4326))
        return self._drawn(NEAREST, ended)

    @cached_property
    def _footprints(self) -> ByPlace:
        places = self.tables.places
        known = places[places.geometry.notna()]
        columns = (known[name].tolist() for name in ("boundary_class", "footprint_basis"))
        outline = [outline_code(*codes) for codes in zip(*columns, strict=True)]
        told = known.assign(outline=pd.Series(outline, index=known.index, dtype="object"))
        return self._drawn(FOOTPRINT, told.set_axis(_plain_index(known)))

    @cached_property
    def _plausible(self) -> ByPlace:
        places = self.tables.places_m.set_index("place_id")
        return self._drawn(PLAUSIBLE, plausible_areas(places).to_crs(4326))

    @cached_property
    def _rings(self) -> ByPlace:
        places = self.tables.places_m.set_index("place_id")
        return self._drawn(RING, rings_around(places, width_m=self.ring_m).to_crs(4326))

    def _drawn(self, layer: MapLayer, frame: gpd.GeoDataFrame) -> ByPlace:
        return ByPlace.of(layer, frame, self.settings)

    @cached_property
    def _measures(self) -> tuple[Told, dict[str, dict[str, slice]]]:
        """The results that say something, and where those of each place and service stand."""
        told = self.tables.told
        pairs = list(zip(told["place_id"].tolist(), told["service"].tolist(), strict=True))
        numbers = {pair: number for number, pair in enumerate(dict.fromkeys(pairs))}
        group = np.array([numbers[pair] for pair in pairs], dtype=np.intp)
        ends = np.cumsum(np.bincount(group, minlength=len(numbers))).tolist()
        slices: dict[str, dict[str, slice]] = {}
        for (place, service), start, end in zip(numbers, [0, *ends], ends, strict=False):
            slices.setdefault(place, {})[service] = slice(start, end)
        whole = self._small_print.measures(told, self.tables.results)
        return whole.rows(np.argsort(group, kind="stable").tolist()), slices


def outline_code(boundary_class: object, footprint_basis: object) -> object:
    """Tell what the outline of a place is: its class, or the disc that stands in for one."""
    disc = boundary_class == "indicative" and footprint_basis in AREAS
    return footprint_basis if disc else boundary_class


def _plain_index(rows: pd.DataFrame) -> pd.Index[str]:
    """Give the ids of places as plain objects, which are compared for every page."""
    ids: pd.Index[str] = pd.Index(rows["place_id"].tolist(), dtype="object")
    return ids


def _slices_of(names: Sequence[str]) -> dict[str, slice]:
    """Tell where the rows of each name stand, which stand together."""
    first = [row for row, name in enumerate(names) if row == 0 or name != names[row - 1]]
    ends = [*first[1:], len(names)]
    return {names[a]: slice(a, b) for a, b in zip(first, ends, strict=False)}

"""Gather what the page of one park shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pipeline.publish.map_payload import Cells, simplified
from pipeline.publish.overview_map import target_column, target_years
from pipeline.publish.park_layers import DISTRICTS, FACILITIES, METRO, STREETS, catchment_layer
from pipeline.publish.park_map import ParkData, build_park, kinds_of
from pipeline.publish.park_surroundings import (
    Box,
    Extent,
    extents_of,
    outline_of,
    view_of,
    within_boxes,
)
from pipeline.publish.park_words import ISLAND, Told
from pipeline.publish.themed_map import MapLayer, MapList, drawn
from pipeline.settings.maps import MapsSettings
from pipeline.stages.context import StageContext
from pipeline.stages.map_island import island_figure
from pipeline.stages.map_park_tables import AREAS, ByPlace, ParkTables, outline_code
from pipeline.stages.map_routes import MapStreets
from pipeline.stages.map_tables import MapTables
from pipeline.stages.map_walking import CERTAIN, Walking

OVERVIEW = "../overview.html"
STREETS_SHARE = 0.35
GROUND_SHARE = 1.5  # background drawn beyond the first view, in its own widths
INDICATIVE_NOTE = (
    "范围为示意：按{zh}面积在概略点位画圆，不是正式边界；区间已计入点位误差。",
    (
        "The extent is indicative: a disc of the {en} area at an approximate point, no official "
        "boundary; the intervals allow for the error of the point."
    ),
)
ROUTES_NOTE = (
    "实线路线沿街道测得；虚线只连接园区点位与直线最近的设施，不是路线。",
    (
        "Solid routes follow streets; a dashed line only joins the park's point to the facility "
        "nearest by air and is no route."
    ),
)
CATCHMENT_NOTE = (
    "步行范围自{zh}起算。",
    "The walking catchment starts from {en}.",
)


@dataclass(frozen=True, eq=False)
class ParkBuilder:
    """Make the pages of parks from the tables that all maps share.

    What does not rest on the streets around a park is prepared once for all of them.
    """

    context: StageContext
    tables: MapTables
    streets: MapStreets
    settings: MapsSettings

    def page(self, place_id: str) -> str:
        """Build the page of one place, one HTML document."""
        return build_park(self.data(place_id), self.settings)

    def data(self, place_id: str) -> ParkData:
        """Gather what the page of one place shows."""
        tables, parks, row = self.tables, self._parks, self._places[place_id]
        certain = row["boundary_class"] in CERTAIN
        gates = self._walking.gates(self._rows_of(place_id)) if certain else None
        catchments, source = self._catchments(place_id, gates)
        return ParkData(
            name=(str(row["name_zh"]), str(row["name_en"])),
            subtitle=self._subtitle(row),
            footprint=parks.footprint(place_id),
            plausible=None if certain else parks.plausible(place_id),
            ring=parks.ring(place_id),
            catchments=catchments,
            gates=None if gates is None else gates.to_crs(4326),
            routes=parks.routes(place_id),
            facilities=self._facilities(place_id),
            nearest=parks.nearest(place_id),
            certain=certain,
            scorecard=parks.scorecard(place_id),
            lists=self._lists(place_id),
            figures=island_figure(self.context, place_id),
            measures=self._measures(place_id),
            ground=self._ground(place_id),
            back=OVERVIEW,
            extent=self._extents[place_id],
            banner=tables.banner,
            notes=[
                *([] if certain else [_indicative_note(row)]),
                ROUTES_NOTE,
                (CATCHMENT_NOTE[0].format(zh=source[0]), CATCHMENT_NOTE[1].format(en=source[1])),
            ],
            sources=tables.sources,
            glossary=tables.words,
        )

    @cached_property
    def _walking(self) -> Walking:
        return Walking(self.context, self.streets)

    @cached_property
    def _parks(self) -> ParkTables:
        rules = self.context.settings("gaps")
        order = (*rules.weights, "composite", *ISLAND)
        ring_m = self.context.settings("island").ring_m
        return ParkTables(self.tables, self.settings, order, ring_m)

    @cached_property
    def _places(self) -> dict[str, dict[str, Any]]:
        """The places that have a point, by id."""
        places = self.tables.places_m
        rows = pd.DataFrame(places[places["x"].notna()]).to_dict("records")
        return {row["place_id"]: {str(name): cell for name, cell in row.items()} for row in rows}

    def _rows_of(self, place_id: str) -> gpd.GeoDataFrame:
        places = self.tables.places_m
        return places[places["place_id"].eq(place_id)]

    @cached_property
    def _boxes(self) -> dict[str, Box]:
        """The first view of each page, in the working CRS."""
        return {place_id: self._box(place_id) for place_id in self._places}

    def _box(self, place_id: str) -> Box:
        row = self._places[place_id]
        doubt = row["boundary_class"] not in CERTAIN and not self._parks.plausible(place_id).empty
        margin = max(
            600.0,
            max(self.settings.catchment_min) * self._walking.straight_m_per_min,
            1.1 * float(row["precision_m"]) if doubt else 0.0,
        )
        return view_of(
            outline_of(row["geometry"], row["x"], row["y"]),
            self._parks.targets(place_id),
            reach_m=1000 * self.settings.park_view_km,
            margin_m=margin,
        )

    @cached_property
    def _extents(self) -> dict[str, Extent]:
        return extents_of(self._boxes, self.context.crs)

    def _catchments(
        self, place_id: str, gates: gpd.GeoDataFrame | None
    ) -> tuple[gpd.GeoDataFrame | Cells, tuple[str, str]]:
        """Measure how far one walks; as the crow flies where no street is known."""
        row = self._places[place_id]
        point, limits = shapely.Point(row["x"], row["y"]), self.settings.catchment_min
        found = self._walking.catchments(place_id, point, gates, limits=limits)
        if found is not None:
            return found[0].to_crs(4326), found[1]
        certain = row["boundary_class"] in CERTAIN
        return self._estimated_catchments.rows(place_id), (
            "边界（直线估算）" if certain else "园区点位（直线估算）",
            "its boundary, estimated by air" if certain else "its point, estimated by air",
        )

    @cached_property
    def _estimated_catchments(self) -> ByPlace:
        origins = {
            place_id: outline_of(
                row["geometry"] if row["boundary_class"] in CERTAIN else None, row["x"], row["y"]
            )
            for place_id, row in self._places.items()
        }
        limits = self.settings.catchment_min
        found = self._walking.estimated_catchments(origins, limits=limits).to_crs(4326)
        return ByPlace.of(catchment_layer([]), found, self.settings)

    @cached_property
    def _known_facilities(self) -> gpd.GeoDataFrame:
        """All facilities that pages show, with what they tell of them."""
        tables = self.tables
        operating = tables.stations["status"].eq("operating")
        stations = tables.stations.assign(
            service=operating.map({True: "rail", False: "rail_future"})
        )
        columns = ["service", "name_zh", "name_en", "status", "counted", "detail_zh", "geometry"]
        parts = [
            layer.reindex(columns=columns) for layer in (stations, tables.hospitals, tables.schools)
        ]
        found = pd.concat(parts, ignore_index=True)
        return kinds_of(gpd.GeoDataFrame(found, geometry="geometry", crs=4326))

    @cached_property
    def _drawn_facilities(self) -> Cells:
        return drawn(replace(FACILITIES, frame=self._known_facilities), self.settings)

    @cached_property
    def _facility_points(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        points = self._known_facilities.geometry
        return points.x.to_numpy(), points.y.to_numpy()

    @cached_property
    def _wide_extents(self) -> dict[str, Extent]:
        wide = {place_id: _wider(box, 0.5) for place_id, box in self._boxes.items()}
        return extents_of(wide, self.context.crs)

    def _subtitle(self, row: Mapping[str, Any]) -> tuple[str, str]:
        words = self.tables.words
        codes = [code for code in (row["tier"], row["category"]) if isinstance(code, str)]
        names = [words.get(code, (code, code)) for code in dict.fromkeys(codes)]
        district = [row["district_zh"]] if isinstance(row["district_zh"], str) else []
        parts = [list(dict.fromkeys(name[i] for name in names)) for i in (0, 1)]
        return (
            " · ".join([*parts[0], *district, f"研究日期 {self.tables.date}"]),
            " · ".join([*parts[1], f"study date {self.tables.date}"]),
        )

    def _facilities(self, place_id: str) -> Cells:
        (south, west), (north, east) = self._wide_extents[place_id]
        x, y = self._facility_points
        near = (x >= west) & (x <= east) & (y >= south) & (y <= north)
        return self._drawn_facilities.rows(np.flatnonzero(near).tolist())

    def _measures(self, place_id: str) -> list[tuple[tuple[str, str], Told]]:
        named = []
        for service, rows in self._parks.measures(place_id).items():
            zh, en = self.tables.words.get(service, (service, service))
            named.append(((f"全部指标：{zh}", f"All measures: {en}"), rows))
        return named

    def _lists(self, place_id: str) -> list[MapList]:
        changes = self._changes(place_id)
        about = self._about(self._places[place_id])
        return [
            *([MapList(("什么会改变它", "What would change it"), changes)] if changes else []),
            *([MapList(("地点资料", "About the place"), about)] if about else []),
        ]

    def _about(self, row: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Say what the register knows of a place."""
        words = self.tables.words
        said = []
        if pd.notna(row["planned_area_km2"]):
            area = f"{row['planned_area_km2']:g} km²"
            said.append((f"规划面积 {area}", f"planned area {area}"))
        boundary = outline_code(row["boundary_class"], row["footprint_basis"])
        if isinstance(boundary, str):
            zh, en = words.get(boundary, (boundary, boundary))
            said.append((f"边界：{zh}", f"boundary: {en}"))
        if pd.notna(row["precision_m"]):
            said.append(
                (
                    f"点位误差 ± {row['precision_m']:g} 米",
                    f"position within ± {row['precision_m']:g} m",
                )
            )
        for year in target_years(self.tables.places):
            target = row[target_column(year)]
            if pd.notna(target):
                said.append(
                    (
                        f"{year} 年开工目标 {target:g} 万 m²",
                        f"start target {year}: {target:g} × 10⁴ m²",
                    )
                )
        return said

    def _changes(self, place_id: str) -> list[tuple[str, str]]:
        """Say for each service what would change its gap."""
        said = []
        for service, change_zh, change_en in self._parks.changes(place_id):
            zh, en = self.tables.words.get(service, (service, service))
            said.append((f"{zh}：{change_zh}", f"{en}: {change_en}"))
        return said

    def _ground(self, place_id: str) -> list[MapLayer]:
        """Show districts, rail lines and known streets around the view of a place."""
        cut = [(layer, known.rows(place_id)) for layer, known in self._grounds]
        layers = [replace(layer, frame=near) for layer, near in cut if not near.empty]
        streets = self._walking.streets_near(_wider(self._boxes[place_id], STREETS_SHARE))
        if streets is not None:
            layers.append(replace(STREETS, frame=streets.to_crs(4326), ground=True))
        return layers

    @cached_property
    def _grounds(self) -> list[tuple[MapLayer, ByPlace]]:
        """Districts and rail lines, cut to the surroundings of each view."""
        wide = {place_id: _wider(box, GROUND_SHARE) for place_id, box in self._boxes.items()}
        found = []
        for layer, frame in ((DISTRICTS, self.tables.districts), (METRO, self.tables.lines)):
            thin = simplified(frame, tolerance_m=self.settings.simplify_m)
            metres = thin[["name_zh", "name_en", "geometry"]].to_crs(self.context.crs)
            near = within_boxes(metres, wide).to_crs(4326)
            found.append((layer, ByPlace.of(layer, near, self.settings)))
        return found


def _wider(box: Box, share: float) -> Box:
    west, south, east, north = box
    grow = share * max(east - west, north - south)
    return west - grow, south - grow, east + grow, north + grow


def _indicative_note(place: Mapping[str, Any]) -> tuple[str, str]:
    zh, en = AREAS.get(str(place["footprint_basis"]), AREAS["planned_area_disc"])
    return INDICATIVE_NOTE[0].format(zh=zh), INDICATIVE_NOTE[1].format(en=en)

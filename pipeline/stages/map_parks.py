"""Gather what the page of one park shows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import geopandas as gpd
import pandas as pd

from pipeline.publish.map_payload import simplified
from pipeline.publish.overview_map import target_column, target_years
from pipeline.publish.park_layers import DISTRICTS, METRO, STREETS
from pipeline.publish.park_map import ParkData, build_park
from pipeline.publish.park_surroundings import (
    Extent,
    extent_of,
    view_of,
    within_box,
)
from pipeline.publish.park_words import ISLAND
from pipeline.publish.themed_map import MapLayer, MapList
from pipeline.settings.maps import MapsSettings
from pipeline.stages.context import StageContext
from pipeline.stages.map_island import island_figure
from pipeline.stages.map_park_tables import AREAS, ParkTables, outline_code
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
    """Make the pages of parks from the tables that all maps share."""

    context: StageContext
    tables: MapTables
    streets: MapStreets
    _grounds: dict[str, gpd.GeoDataFrame] = field(init=False, default_factory=dict)

    def page(self, place_id: str, settings: MapsSettings) -> str:
        """Build the page of one place, one HTML document."""
        return build_park(self.data(place_id, settings), settings)

    def data(self, place_id: str, settings: MapsSettings) -> ParkData:
        """Gather what the page of one place shows."""
        tables = self.tables
        place = tables.places_m[tables.places_m["place_id"].eq(place_id)]
        row = place.iloc[0]
        parks = self._parks
        gaps = parks.gaps(place_id)
        certain = row["boundary_class"] in CERTAIN
        may_lie = None if certain else parks.plausible(place_id)
        margin = max(
            600.0,
            max(settings.catchment_min) * self._walking.straight_m_per_min,
            0.0 if may_lie is None else 1.1 * float(row["precision_m"]),
        )
        box = view_of(
            place,
            parks.targets(place_id),
            reach_m=1000 * settings.park_view_km,
            margin_m=margin,
        )
        gates = self._walking.gates(place) if certain else None
        catchments, source = self._walking.catchments(place, gates, limits=settings.catchment_min)
        return ParkData(
            name=(str(row["name_zh"]), str(row["name_en"])),
            subtitle=self._subtitle(row),
            footprint=parks.footprint(place_id),
            plausible=may_lie,
            ring=parks.ring(place_id),
            catchments=_wgs84(catchments),
            gates=_wgs84(gates),
            routes=parks.routes(place_id),
            facilities=self._facilities(box),
            nearest=parks.nearest(place_id),
            scorecard=_without_repetition(gaps),
            standards=tables.standards,
            lists=self._lists(row, gaps),
            figures=island_figure(self.context, place_id),
            measures=self._measures(place_id),
            ground=self._ground(box, settings),
            back=OVERVIEW,
            extent=self._extent(box),
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
        return ParkTables(self.tables, order, self.context.settings("island").ring_m)

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
        return gpd.GeoDataFrame(found, geometry="geometry", crs=4326)

    def _subtitle(self, row: pd.Series) -> tuple[str, str]:
        words = self.tables.words
        codes = [code for code in (row["tier"], row["category"]) if isinstance(code, str)]
        names = [words.get(code, (code, code)) for code in dict.fromkeys(codes)]
        district = [row["district_zh"]] if isinstance(row["district_zh"], str) else []
        parts = [list(dict.fromkeys(name[i] for name in names)) for i in (0, 1)]
        return (
            " · ".join([*parts[0], *district, f"研究日期 {self.tables.date}"]),
            " · ".join([*parts[1], f"study date {self.tables.date}"]),
        )

    def _facilities(self, box: tuple[float, float, float, float]) -> gpd.GeoDataFrame:
        (south, west), (north, east) = self._extent(_wider(box, 0.5))
        near: gpd.GeoDataFrame = self._known_facilities.cx[west:east, south:north]
        return near.reset_index(drop=True)

    def _measures(self, place_id: str) -> list[tuple[tuple[str, str], pd.DataFrame]]:
        named = []
        for service, rows in self._parks.access(place_id).items():
            zh, en = self.tables.words.get(service, (service, service))
            named.append(((f"全部指标：{zh}", f"All measures: {en}"), rows))
        return named

    def _lists(self, row: pd.Series, gaps: pd.DataFrame) -> list[MapList]:
        changes = self._changes(gaps)
        about = self._about(row)
        return [
            *([MapList(("什么会改变它", "What would change it"), changes)] if changes else []),
            *([MapList(("地点资料", "About the place"), about)] if about else []),
        ]

    def _about(self, row: pd.Series) -> list[tuple[str, str]]:
        """Say what the register knows of a place."""
        words = self.tables.words
        said = []
        if pd.notna(row["planned_area_km2"]):
            area = f"{row['planned_area_km2']:g} km²"
            said.append((f"规划面积 {area}", f"planned area {area}"))
        boundary = outline_code(row)
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

    def _changes(self, gaps: pd.DataFrame) -> list[tuple[str, str]]:
        """Say for each service what would change its gap."""
        words = self.tables.words
        said = []
        columns = (gaps[name].tolist() for name in ("service", "change_zh", "change_en"))
        for service, change_zh, change_en in zip(*columns, strict=True):
            if isinstance(change_zh, str):
                zh, en = words.get(service, (service, service))
                said.append((f"{zh}：{change_zh}", f"{en}: {change_en}"))
        return said

    def _ground(
        self, box: tuple[float, float, float, float], settings: MapsSettings
    ) -> list[MapLayer]:
        """Cut districts, rail lines and known streets to the surroundings of a view."""
        wide = _wider(box, GROUND_SHARE)
        layers = []
        for template, layer in (
            (DISTRICTS, self._metres("districts", settings)),
            (METRO, self._metres("lines", settings)),
        ):
            near = within_box(layer, wide)
            if len(near):
                layers.append(replace(template, frame=near.to_crs(4326)))
        streets = self._walking.streets_near(_wider(box, STREETS_SHARE))
        if streets is not None:
            layers.append(replace(STREETS, frame=streets.to_crs(4326), ground=True))
        return layers

    def _metres(self, name: str, settings: MapsSettings) -> gpd.GeoDataFrame:
        if name not in self._grounds:
            layer: gpd.GeoDataFrame = getattr(self.tables, name)
            thin = simplified(layer, tolerance_m=settings.simplify_m)
            self._grounds[name] = thin[["name_zh", "name_en", "geometry"]].to_crs(self.context.crs)
        return self._grounds[name]

    def _extent(self, box: tuple[float, float, float, float]) -> Extent:
        return extent_of(box, self.context.crs)


def _without_repetition(gaps: pd.DataFrame) -> pd.DataFrame:
    """Leave out the composite's value, which is its gap."""
    value = gaps["value"].astype("float64").mask(gaps["service"].eq("composite"))
    return gaps.assign(value=value)


def _wider(
    box: tuple[float, float, float, float], share: float
) -> tuple[float, float, float, float]:
    west, south, east, north = box
    grow = share * max(east - west, north - south)
    return west - grow, south - grow, east + grow, north + grow


def _wgs84(layer: gpd.GeoDataFrame | None) -> gpd.GeoDataFrame | None:
    return None if layer is None else layer.to_crs(4326)


def _indicative_note(place: pd.Series) -> tuple[str, str]:
    zh, en = AREAS.get(str(place["footprint_basis"]), AREAS["planned_area_disc"])
    return INDICATIVE_NOTE[0].format(zh=zh), INDICATIVE_NOTE[1].format(en=en)

"""Gather what the page of one park shows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import geopandas as gpd
import pandas as pd
import shapely

from pipeline.measures.access_rows import SILENT
from pipeline.publish.map_payload import simplified
from pipeline.publish.overview_map import target_column, target_years
from pipeline.publish.park_layers import DISTRICTS, METRO, STREETS
from pipeline.publish.park_map import ParkData, build_park
from pipeline.publish.park_surroundings import (
    Extent,
    extent_of,
    plausible_area,
    ring_around,
    straight_lines,
    view_of,
    within_box,
)
from pipeline.publish.themed_map import MapLayer, MapList
from pipeline.settings.maps import MapsSettings
from pipeline.stages.context import StageContext
from pipeline.stages.map_island import island_figure
from pipeline.stages.map_routes import MapStreets
from pipeline.stages.map_tables import MapTables
from pipeline.stages.map_walking import CERTAIN, ESTIMATED, MEASURED, Walking

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
AREAS = {"planned_area_disc": ("规划", "planned"), "assumed_area_disc": ("假设", "assumed")}
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
        gaps = self._gaps(place_id)
        targets = gpd.GeoSeries(
            gpd.points_from_xy(gaps["nearest_lon"], gaps["nearest_lat"]), crs=4326
        ).to_crs(place.crs)
        certain = row["boundary_class"] in CERTAIN
        may_lie = None if certain else plausible_area(place)
        margin = max(
            600.0,
            max(settings.catchment_min) * self._walking.straight_m_per_min,
            0.0 if may_lie is None else 1.1 * float(row["precision_m"]),
        )
        box = view_of(
            place,
            targets[gaps["nearest_lon"].notna().to_numpy()],
            reach_m=1000 * settings.park_view_km,
            margin_m=margin,
        )
        gates = self._walking.gates(place) if certain else None
        catchments, source = self._walking.catchments(place, gates, limits=settings.catchment_min)
        routes = self._routes(gaps)
        return ParkData(
            name=(str(row["name_zh"]), str(row["name_en"])),
            subtitle=self._subtitle(row),
            footprint=place[place.geometry.notna()].assign(outline=outline_code(row)).to_crs(4326),
            plausible=_wgs84(may_lie),
            ring=_wgs84(ring_around(place, width_m=self.context.settings("island").ring_m)),
            catchments=_wgs84(catchments),
            gates=_wgs84(gates),
            routes=routes,
            facilities=self._facilities(box),
            nearest=self._nearest(routes),
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
    def _points(self) -> pd.DataFrame:
        """The points of all places, as `lon` and `lat`."""
        places = self.tables.places_m
        points = gpd.GeoSeries.from_xy(places["x"], places["y"], crs=self.context.crs).to_crs(4326)
        lon_lat = {"lon": points.x.to_numpy(), "lat": points.y.to_numpy()}
        return pd.DataFrame(lon_lat, index=places["place_id"])

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

    @cached_property
    def _access(self) -> dict[str, pd.DataFrame]:
        told = self.tables.access[~self.tables.access["status"].isin(SILENT)]
        return {str(key): rows for key, rows in told.groupby("place_id", sort=False)}

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

    def _gaps(self, place_id: str) -> pd.DataFrame:
        rows = self.tables.gaps[self.tables.gaps["place_id"].eq(place_id)]
        order = [*self.context.settings("gaps").weights, "composite", "island", "separation"]
        rank = rows["service"].map({name: i for i, name in enumerate(order)}).fillna(len(order))
        lon, lat = self._points.loc[[place_id]].to_numpy()[0]
        return rows.assign(order=rank, lon=lon, lat=lat).sort_values("order", ignore_index=True)

    def _routes(self, gaps: pd.DataFrame) -> gpd.GeoDataFrame:
        known = gaps[gaps["nearest_lon"].notna()]
        straight = straight_lines(known)
        lines = [
            route if isinstance(route, shapely.Geometry) else line
            for route, line in zip(known["route"], straight, strict=True)
        ]
        measured = [isinstance(route, shapely.Geometry) for route in known["route"]]
        return gpd.GeoDataFrame(
            {
                "service": known["service"],
                "name_zh": known["nearest_name_zh"],
                "name_en": known["nearest_name_en"],
                "minutes": known["route_min"].astype("float64"),
                "straight_m": known["nearest_straight_m"],
                "method": [MEASURED if one else ESTIMATED for one in measured],
            },
            geometry=lines,
            crs=4326,
        )

    def _nearest(self, known: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        ends = [shapely.get_point(line, -1) for line in known.geometry]
        return known.set_geometry(gpd.GeoSeries(ends, index=known.index, crs=4326))

    def _facilities(self, box: tuple[float, float, float, float]) -> gpd.GeoDataFrame:
        (south, west), (north, east) = self._extent(_wider(box, 0.5))
        near: gpd.GeoDataFrame = self._known_facilities.cx[west:east, south:north]
        return near.reset_index(drop=True)

    def _measures(self, place_id: str) -> list[tuple[tuple[str, str], pd.DataFrame]]:
        rows = self._access.get(place_id)
        if rows is None:
            return []
        names = self.tables.words
        named = []
        for service in rows["service"].unique():
            zh, en = names.get(service, (service, service))
            own = rows[rows["service"].eq(service)]
            named.append(((f"全部指标：{zh}", f"All measures: {en}"), own.reset_index(drop=True)))
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
        for row in gaps.itertuples():
            if isinstance(row.change_zh, str):
                service = str(row.service)
                zh, en = words.get(service, (service, service))
                said.append((f"{zh}：{row.change_zh}", f"{en}: {row.change_en}"))
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


def outline_code(place: pd.Series) -> object:
    """Tell what the outline of a place is: its class, or the disc that stands in for one."""
    disc = place["boundary_class"] == "indicative" and place["footprint_basis"] in AREAS
    return place["footprint_basis" if disc else "boundary_class"]


def _indicative_note(place: pd.Series) -> tuple[str, str]:
    zh, en = AREAS.get(str(place["footprint_basis"]), AREAS["planned_area_disc"])
    return INDICATIVE_NOTE[0].format(zh=zh), INDICATIVE_NOTE[1].format(en=en)

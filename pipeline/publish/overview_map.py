"""Draw the overview: the layout of places beside their service gaps, in one offline file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import geopandas as gpd
import pandas as pd

from pipeline.measures.targets import target_columns, target_year
from pipeline.publish.leaflet import OfflineMap
from pipeline.publish.map_checks import check_access, check_gaps, check_places
from pipeline.publish.map_elements import (
    MapSource,
    PageText,
    Starter,
    build_page,
    colours,
    credit_lines,
    tile_credit,
)
from pipeline.publish.map_glossary import CAVEATS, CLASSES_OF, GAP_CLASSES, GLOSSARY, HINTS_OF
from pipeline.publish.map_payload import (
    Cells,
    Payload,
    encode_geometries,
    require_wgs84,
    simplified,
    within_budget,
)
from pipeline.publish.map_search import sounds
from pipeline.publish.map_tiles import Tiles, frame_on, table_on, tiles_of
from pipeline.settings.maps import MapsSettings

SERVICES = ("rail", "hospital", "school", "island", "composite")
SCRIPTS = (
    "core.js",
    "canvas.js",
    "tiles.js",
    "symbols.js",
    "arrange.js",
    "stage.js",
    "layers.js",
    "why.js",
    "panel.js",
    "tabs.js",
    "search.js",
    "state.js",
    "overview.js",
)
PLACE_FIELDS = (
    "place_id", "name_zh", "name_en", "label_zh", "label_en", "sounds", "tier", "category", "case",
    "district_zh", "planned_area_km2", "priority_group", "district_role", "part", "precision_m",
    "boundary_class", "footprint_basis",
    "synthetic", "page", "lon", "lat",
)  # fmt: skip
GAP_FIELDS = (
    "place_id", "service", "gap", "method", "status", "finding", "verdict", "value", "unit", "low",
    "high", "need", "missing",
    "nearest_name_zh", "nearest_name_en", "nearest_lon", "nearest_lat", "standard_id", "rank",
    "nearest_straight_m", "rank_low", "rank_high", "route", "change_zh", "change_en", "snapshot",
    "judged", "largest", "significant", "p",
)  # fmt: skip
ACCESS_FIELDS = (
    "place_id", "service", "variant", "mode", "measure", "value", "unit", "status", "method",
    "low", "high", "verdict",
)  # fmt: skip
FACILITY_FIELDS = (
    "name_zh", "name_en", "sounds", "status", "detail_zh", "detail_en", "source", "counted",
)  # fmt: skip
LABEL_LENGTH_ZH = 14
LABEL_LENGTH_EN = 60
CHINESE = re.compile(r"[\u3400-\u9fff]")
COMMON_BRAND = 3  # so many names with the same brand: the brand tells nobody apart


def _no_layer() -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"name_zh": [], "name_en": []}, geometry=[], crs=4326)


@dataclass(frozen=True)
class OverviewData:
    """Everything the overview shows; layers in EPSG:4326, every cell may be null unless said.

    Parameters
    ----------
    title, subtitle
        Chinese and English.
    places
        One row per place: ``place_id`` (never null, unique), ``name_zh``, ``name_en``, ``tier``,
        ``boundary_class`` and the other columns of
        `PLACE_FIELDS` where known. Geometry is the footprint; ``lon``/``lat`` its point (else the
        footprint's middle). ``label_zh``/``label_en`` are short names for the map; ``case`` marks
        case parks (else ``category == "case_park"``); ``part`` marks sub-areas that are not
        counted (else ``category == "core_part"``); ``page`` is the park's own page, a path relative
        to this one; ``synthetic`` marks made-up places.
    gaps
        One row per place and service of `SERVICES`: ``gap`` 0 (none) to 1, ``method``
        (``measured_network`` or ``estimated_straight_line``) and the other columns of
        `GAP_FIELDS`: what was measured (``value``, ``unit``, 90 % ``low``..``high``), the nearest
        facility by name and point, the ``route`` to it (a line in EPSG:4326), ``standard_id``,
        rank and its range, what would change it.
    access
        The long table of results (docs/architecture.md), shown in full on demand (`results_told`).
    districts, metro_lines
        Ground: outlines (polygons) and lines, with ``name_zh``, ``name_en``; lines may carry
        ``status``.
    stations, hospitals, schools
        Points with ``name_zh``, ``name_en``, ``status`` (``operating``, ``under_construction``,
        ``planned``), ``detail_zh``/``detail_en`` (lines, grade), ``source``.
    standards
        ``standard_id``, ``name_zh``, ``name_en``, ``confidence`` (``memory`` is shown unverified).
    headlines
        Sentences (Chinese, English) for the notes, made from the figures.
    sources
        Credits: attribution, licence, date.
    banner
        A mark beside the controls, such as "estimated" or "synthetic"; empty for none.
    glossary
        Names (Chinese, English) of further codes: tiers, measures, variants, units; ``layout`` is
        the title of the map of the layout.
    pages
        Further maps beside this one: address, Chinese and English name.
    """

    title: tuple[str, str]
    subtitle: tuple[str, str]
    places: gpd.GeoDataFrame
    gaps: pd.DataFrame
    access: Cells
    districts: gpd.GeoDataFrame = field(default_factory=_no_layer)
    metro_lines: gpd.GeoDataFrame = field(default_factory=_no_layer)
    stations: gpd.GeoDataFrame = field(default_factory=_no_layer)
    hospitals: gpd.GeoDataFrame = field(default_factory=_no_layer)
    schools: gpd.GeoDataFrame = field(default_factory=_no_layer)
    standards: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame({"standard_id": [], "name_zh": [], "name_en": []})
    )
    headlines: Sequence[tuple[str, str]] = ()
    sources: Sequence[MapSource] = ()
    banner: tuple[str, str] = ("", "")
    glossary: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    pages: Sequence[tuple[str, str, str]] = ()


def build_overview(data: OverviewData, settings: MapsSettings) -> str:
    """Build the overview as one HTML document that asks the network for nothing.

    The same data give the same bytes.

    Raises
    ------
    FieldError, CrsError
        A layer breaks its contract.
    LayerError
        The page would exceed its budget or fetch something.
    SourceError
        The browser components were never installed.
    """
    check_places(data.places)
    check_gaps(data.gaps, place_ids=list(data.places["place_id"]), services=SERVICES)
    tiles = tiles_of(settings.tiles)
    data = _on_datum(data, tiles)
    places = prepared_places(data.places)
    payload = overview_payload(data, places, settings)
    credits_ = [*tile_credit(tiles), *credit_lines(data.sources)]
    text = PageText(data.title, data.subtitle, data.banner, credits_)
    extent = first_extent(places, data.districts)
    page = build_page(
        text=text,
        language=settings.first_language,
        scripts=SCRIPTS,
        settings={**_settings_of(data, settings, extent), "tiles": tiles and tiles.options()},
        packed=payload.pack(),
        search=True,
        image_hosts=(tiles.host,) if tiles else (),
    )
    middle = ((extent[0][0] + extent[1][0]) / 2, (extent[0][1] + extent[1][1]) / 2)
    maps = {
        "layout": _map("布局 Layout", middle),
        "gaps": _map("服务缺口 Service gaps", middle),
    }
    for one in maps.values():
        page.add_child(one)
    page.add_child(Starter(function="startOverview", maps=maps))
    return within_budget(page.render(), payload, budget_mb=settings.budget_mb, name="overview")


def _on_datum(data: OverviewData, tiles: Tiles | None) -> OverviewData:
    """Move all that is drawn onto the datum of the tiles below it."""
    if tiles is None:
        return data
    layers = ("places", "districts", "metro_lines", "stations", "hospitals", "schools")
    moved = {name: frame_on(getattr(data, name), tiles.datum) for name in layers}
    return replace(data, gaps=table_on(data.gaps, tiles.datum), **moved)


def overview_payload(
    data: OverviewData, places: gpd.GeoDataFrame, settings: MapsSettings
) -> Payload:
    """Pack every layer and table of the overview."""
    payload = Payload(decimals=settings.coordinate_decimals)
    targets = [target_column(year) for year in target_years(places)]
    payload.add_layer("places", places, (*PLACE_FIELDS, *targets))
    order = ["place_id", "service"]
    gaps = with_columns(data.gaps, GAP_FIELDS).sort_values(order)
    routes = encode_geometries(gaps["route"].tolist(), decimals=settings.coordinate_decimals)
    gaps["route"] = pd.Series(routes, index=gaps.index, dtype="object")
    payload.add_table("gaps", gaps, GAP_FIELDS)
    payload.add_table("access", data.access, ACCESS_FIELDS)
    payload.add_table("standards", data.standards, tuple(data.standards.columns))
    districts = _with_points(simplified(data.districts, tolerance_m=settings.simplify_m))
    payload.add_layer("districts", districts, ("name_zh", "name_en", "lon", "lat"))
    lines = with_columns(simplified(data.metro_lines, tolerance_m=settings.simplify_m), ("status",))
    payload.add_layer("lines", lines.fillna({"status": "operating"}), ("name_zh", "status"))
    layers = {"rail": data.stations, "hospital": data.hospitals, "school": data.schools}
    for name, layer in layers.items():
        require_wgs84(name, layer)
        full = with_columns(layer, FACILITY_FIELDS)
        full["sounds"] = sounds(full["name_zh"])
        full["status"] = full["status"].fillna("operating")
        payload.add_layer(name, full, FACILITY_FIELDS)
    return payload


def results_told(access: pd.DataFrame, *further: str) -> Cells:
    """Encode the results that the overview shows, with further columns for other pages.

    Raises
    ------
    FieldError
        The table lacks a column of its contract.
    """
    check_access(access)
    return Cells.of(with_columns(access, ACCESS_FIELDS), [*ACCESS_FIELDS, *further])


def target_years(places: pd.DataFrame) -> list[int]:
    """List the years for which any place has a construction target."""
    columns = target_columns(places.columns)
    return [target_year(name) for name in columns if places[name].notna().any()]


def target_column(year: int) -> str:
    """Name the column of a year's construction targets."""
    return f"target_{year}_10k_m2"


def prepared_places(places: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Complete the places with what the map derives: points, short names, pinyin, case mark."""
    full = with_columns(places, PLACE_FIELDS)
    middle = full.geometry.representative_point()
    full["lon"] = full["lon"].astype("float64").fillna(middle.x)
    full["lat"] = full["lat"].astype("float64").fillna(middle.y)
    full["sounds"] = sounds(full["name_zh"])
    full["label_zh"] = full["label_zh"].fillna(_short(full["name_zh"], LABEL_LENGTH_ZH))
    full["label_en"] = full["label_en"].fillna(_short(full["name_en"], LABEL_LENGTH_EN))
    for column, category in (("case", "case_park"), ("part", "core_part")):
        implied = full["category"].astype("string").eq(category).fillna(value=False)
        full[column] = full[column].astype("boolean").fillna(implied)
    return full.sort_values("place_id")


def with_columns(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Copy a frame, adding the columns it lacks as nulls."""
    absent = {name: pd.Series(None, index=frame.index, dtype="object") for name in columns}
    return frame.assign(**{k: v for k, v in absent.items() if k not in frame.columns})


def first_extent(
    places: gpd.GeoDataFrame, districts: gpd.GeoDataFrame
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Give the first view as (south, west), (north, east).

    It holds the places, leaving out what lies beyond the districts (a comparator abroad).
    """
    points = places.dropna(subset=["lon", "lat"])
    if not districts.empty:
        west, south, east, north = districts.total_bounds
        points = points[points["lon"].between(west, east) & points["lat"].between(south, north)]
    if points.empty:
        if districts.empty:
            return (-60.0, -170.0), (75.0, 170.0)
        return (south, west), (north, east)
    margin = 0.03
    return (
        (float(points["lat"].min()) - margin, float(points["lon"].min()) - margin),
        (float(points["lat"].max()) + margin, float(points["lon"].max()) + margin),
    )


def _map(label: str, location: tuple[float, float]) -> OfflineMap:
    return OfflineMap(
        label=label,
        location=location,
        zoom_start=10,
        zoom_snap=0.25,
        zoom_delta=0.5,
        min_zoom=4,
        max_zoom=17,
        wheel_px_per_zoom_level=120,
        attribution_control=False,
    )


def _settings_of(
    data: OverviewData, settings: MapsSettings, extent: tuple[tuple[float, float], ...]
) -> dict[str, object]:
    present = [service for service in SERVICES if (data.gaps["service"] == service).any()]
    return {
        "services": present or list(SERVICES),
        "breaks": list(settings.gap_breaks),
        "classNames": GAP_CLASSES,
        "classNamesOf": CLASSES_OF,
        "hintsOf": HINTS_OF,
        "colours": colours(),
        "glossary": {**GLOSSARY, **data.glossary},
        "headlines": list(data.headlines),
        "caveats": CAVEATS,
        "years": target_years(data.places),
        "pages": [list(page) for page in data.pages],
        "sources": [vars(source) for source in data.sources],
        "extent": extent,
        "first": {
            "service": settings.first_service,
            "mode": settings.first_mode,
            "language": settings.first_language,
        },
    }


def _with_points(districts: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    points = districts.geometry.representative_point()
    return districts.assign(lon=points.x, lat=points.y)


def _short(names: pd.Series[str], longest: int) -> pd.Series[str]:
    """Cut a name to what fits on a map: no shared brand before a dot, no bracket, no tail."""
    brands = names.str.extract(r"^(.+?)\s*·")[0].value_counts()
    common = set(brands.index[brands >= COMMON_BRAND])

    def cut(name: object) -> object:
        if not isinstance(name, str):
            return name
        brand, _, rest = name.partition("·")
        own = rest if rest and brand.strip() in common else name
        head = re.split(r"[(（/]", own, maxsplit=1)[0].strip() or name
        limit = longest if CHINESE.search(head) else LABEL_LENGTH_EN  # Latin names break into lines
        return head if len(head) <= limit else _tailless(head, limit)

    return names.map(cut)


def _tailless(name: str, longest: int) -> str:
    """Cut at a space where the name has one near its limit."""
    head = name[: longest - 1]
    at_space = head.rpartition(" ")[0]
    return (at_space if len(at_space) > longest // 2 else head) + "…"

"""Read the inputs of the study, place them in the working CRS, and check them."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.measures.targets import target_columns
from pipeline.settings.inputs import TableInput
from pipeline.sources.boundaries import with_boundaries
from pipeline.sources.cells import CellGrid, district_shapes
from pipeline.sources.facility_tables import hospitals_of, schools_of
from pipeline.sources.osm_facilities import CATEGORIES, ordinary_facilities, school_flags
from pipeline.sources.osm_facilities import COLUMNS as ORDINARY
from pipeline.sources.osm_roles import (
    LAND_USE,
    facilities_of,
    places_of_areas,
    planned_of,
    stations_of,
)
from pipeline.sources.prices import prices_of
from pipeline.sources.reference import TableSpec, read_reference, reference_tables
from pipeline.sources.role_tables import check_ids, flags_of, text_of
from pipeline.sources.study_cells import areas_of_districts, areas_of_townships, count
from pipeline.sources.study_inputs import ENTRANCES, StudyInputs
from pipeline.sources.tables import points_of, require_columns
from pipeline.stages.context import StageContext
from pipeline.stages.ingest_people import write_people

PLACE_COLUMNS = (
    "place_id",
    "name_zh",
    "name_en",
    "tier",
    "category",
    "district_zh",
    "planned_area_km2",
    "priority_group",
    "parent_id",
    "same_site_as",
    "precision_m",
    "is_station_point",
    "point_anchor",
    "location_type",
    "space_type",
    "stage",
    "district_role",
    "boundary_class",
    "lon",
    "lat",
    "source",
    "confidence",
    "note",
)
UNSTATED = "未声明，请向提供者确认 / not stated, ask the provider"
PLAIN = {"districts": "district_names", "standards": "standards"}
# By what the rows of a table are ordered, so that a user's own order means nothing.
ORDER = {
    "districts": ["district_id", "name_zh"],
    "standards": ["topic", "standard_id"],
    "service_hubs": ["hub_id"],
    "lines": ["line_id"],
}
FACILITY_COLUMNS = (
    "facility_id",
    "campus_id",
    "service",
    "name_zh",
    "name_en",
    "status",
    "detail_zh",
    "detail_en",
    "supply",
    "supply_basis",
    "supply_year",
    "admission_district_zh",
    "admission_scope",
    "precision_m",
    "source",
    "geometry",
)


def run(context: StageContext) -> None:
    """Write places with footprints, facilities, stations, districts, cells and standards."""
    given = StudyInputs(
        context.settings("inputs"),
        context.settings("sources"),
        context.settings("timetables"),
        crs=context.crs,
    )
    places = _places(context, given)
    context.put("places.parquet", places)
    context.put("facilities.parquet", _gathered([_hospitals(given), _schools(given)], context))
    context.put("ordinary.parquet", _ordinary(given))
    context.put("line_stations.parquet", _stations(context, given))
    context.put("planned_stations.parquet", _planned(given, context.crs))
    around = shapely.union_all(places.geometry.dropna().to_numpy()).convex_hull
    area = around.buffer(context.settings("study").buffer_m)
    write_people(context, given, places, area)
    context.put("entrances.parquet", _entrances(given))
    context.put("townships.parquet", areas_of_townships(given))
    context.put("prices.parquet", prices_of(given, crs=context.crs))
    _surroundings(context, given, places)
    for role, name in PLAIN.items():
        context.put(f"{name}.parquet", _or_empty(given.plain(role), like=role))
    context.put("hubs.parquet", _or_empty(given.placed("hubs"), like="service_hubs"))
    context.put("lines.parquet", _lines(given))
    context.put("labels.parquet", _labels(given))
    context.put("sources.parquet", _credits(given))


def _or_empty(table: pd.DataFrame | None, *, like: str) -> pd.DataFrame:
    """Order a table, without its geometry; an absent one is empty, with the embedded columns."""
    if table is None:
        table = read_reference(like).iloc[:0]
    plain = pd.DataFrame(table.drop(columns="geometry", errors="ignore"))
    keys = [name for name in ORDER.get(like, []) if name in plain.columns]
    return plain.sort_values(keys, ignore_index=True) if keys else plain


def _places(context: StageContext, given: StudyInputs) -> gpd.GeoDataFrame:
    areas = given.features("places")
    if areas is not None:
        table = places_of_areas(areas, given.settings.from_osm)
    else:
        table = _or_raise(given.placed("places"))
        require_columns(table, ("place_id", "tier", "lon", "lat"), role="places")
    check_ids(table, "place_id", role="places")
    table["name_zh"] = text_of(table, "name_zh", "name", "name_en").fillna(table["place_id"])
    table["name_en"] = text_of(table, "name_en", "name", "name_zh").fillna(table["place_id"])
    absent = [name for name in PLACE_COLUMNS if name not in table.columns]
    table = table.assign(**dict.fromkeys(absent))
    if given.settings.boundaries is not None:
        table = with_boundaries(table, given.settings.boundaries, archives=given.sources.archives)
    points = points_of(table, crs=context.crs)
    table["x"], table["y"] = points.geometry.x, points.geometry.y
    shapes, basis = _footprints(
        table, context.crs, context.settings("uncertainty").assumed_area_km2
    )
    stated = table["boundary_class"].where(basis.eq("given_boundary")).fillna("digitised")
    table["boundary_class"] = np.select(
        [basis.eq("none"), basis.eq("given_boundary")], ["none", stated], "indicative"
    )
    table["footprint_basis"] = basis
    table["precision_m"] = pd.to_numeric(table["precision_m"]).astype("float64")
    table["is_station_point"] = flags_of(table["is_station_point"])
    years = target_columns(table.columns)
    table[years] = table[years].apply(pd.to_numeric).astype("float64")
    places = gpd.GeoDataFrame(
        table[[*PLACE_COLUMNS, *years, "footprint_basis", "x", "y"]],
        geometry=shapes,
        crs=context.crs,
    )
    context.log.info("read %d places, %d with a point", len(places), int(places["x"].notna().sum()))
    return places.sort_values("place_id", ignore_index=True)


def _or_raise(table: pd.DataFrame | None) -> pd.DataFrame:
    assert table is not None  # noqa: S101 - the study model requires the role
    return table


def _footprints(
    table: pd.DataFrame, crs: str, assumed_area_km2: float
) -> tuple[gpd.GeoSeries, pd.Series[str]]:
    """Take the boundary given, else the disc of the planned area, else of an assumed one."""
    radius = np.sqrt(
        table["planned_area_km2"].astype("float64").fillna(assumed_area_km2) * 1e6 / np.pi
    )
    located = table["x"].notna()
    circles = gpd.GeoSeries.from_xy(table["x"], table["y"], crs=crs).buffer(radius, quad_segs=32)
    shapes = circles.where(located)
    basis = pd.Series("none", index=table.index).mask(located, "assumed_area_disc")
    basis = basis.mask(located & table["planned_area_km2"].notna(), "planned_area_disc")
    if "geometry" in table.columns:
        outlines = gpd.GeoSeries(table["geometry"], crs=4326).to_crs(crs)
        drawn = outlines.area > 0
        shapes, basis = shapes.mask(drawn, outlines), basis.mask(drawn, "given_boundary")
    return shapes, basis


def _hospitals(given: StudyInputs) -> gpd.GeoDataFrame | None:
    features = given.features("hospitals")
    if features is not None:
        table = facilities_of(features, key="campus_id", zh="医院", en="Hospital")
        return hospitals_of(table, crs=given.crs)
    found = given.placed("hospitals")
    grades = given.settings.hospital_grades
    return None if found is None else hospitals_of(found, crs=given.crs, grades=grades)


def _schools(given: StudyInputs) -> gpd.GeoDataFrame | None:
    features = given.features("schools")
    if features is not None:
        table = facilities_of(features, key="school_id", zh="学校", en="School")
        flags = school_flags(features, given.school_reader)
        return schools_of(table.join(flags, how="inner"), crs=given.crs)
    found = given.placed("schools")
    reader = given.school_reader
    return None if found is None else schools_of(found, crs=given.crs, reader=reader)


def _ordinary(given: StudyInputs) -> gpd.GeoDataFrame:
    """Sort out the extract's schools, clinics and shops; none without an extract."""
    if given.settings.osm_extract is None:
        return gpd.GeoDataFrame({name: [] for name in ORDINARY}, crs=given.crs)
    listed, quality = given.placed("schools"), pd.Series(dtype="str")
    rules = given.sources.school_names
    if listed is not None and rules.affiliates_of in listed.columns:
        quality = listed.loc[flags_of(listed[rules.affiliates_of]), "name_zh"]
    known = [name for name in CATEGORIES if name in given.mapping.categories]
    return ordinary_facilities(
        given.of_categories(known),
        quality_names=quality,
        reader=given.school_reader,
        snapshot=given.extract.report.snapshot,
    )


def _gathered(parts: list[gpd.GeoDataFrame | None], context: StageContext) -> gpd.GeoDataFrame:
    present = [part for part in parts if part is not None and len(part)]
    variants = sorted({name for part in present for name in part.columns if name.startswith("v_")})
    columns = [*FACILITY_COLUMNS, *variants]
    frames = [
        part.assign(**dict.fromkeys(set(variants) - set(part.columns), False)).reindex(
            columns=columns
        )
        for part in present
    ]
    if not frames:
        return gpd.GeoDataFrame({key: [] for key in FACILITY_COLUMNS}, crs=context.crs)
    joined = pd.concat(frames, ignore_index=True)
    return gpd.GeoDataFrame(joined, crs=context.crs).sort_values(
        ["service", "facility_id"], ignore_index=True
    )


def _stations(context: StageContext, given: StudyInputs) -> gpd.GeoDataFrame:
    """Place the line-stations of the table, else of the extract, else of the timetable."""
    features = given.features("line_stations")
    table = given.placed("line_stations")
    if features is not None:
        table = stations_of(features[features["status"].eq("operating")])
    elif table is None and given.timetable is not None:
        table = given.timetable.line_stations
        if table.empty:
            context.notice(
                "时刻表中没有轨道线路（见 inputs.rail_route_types）：没有车站",
                "the timetable has no rail route (see inputs.rail_route_types): no stations",
            )
    return _points_or_none(table, context.crs, like="line_stations")


def _planned(given: StudyInputs, crs: str) -> gpd.GeoDataFrame:
    features = given.features("planned_stations")
    table = given.placed("planned_stations") if features is None else planned_of(features)
    return _points_or_none(table, crs, like="planned_stations")


def _points_or_none(table: pd.DataFrame | None, crs: str, *, like: str) -> gpd.GeoDataFrame:
    """Place a table of points; an absent or empty input is an empty layer, not an error."""
    if table is None or not len(table):
        table = read_reference(like).iloc[:0]
    return points_of(table, crs=crs).reset_index(drop=True)


def _lines(given: StudyInputs) -> pd.DataFrame:
    table = given.plain("lines")
    if table is None and given.source("line_stations") is None and given.timetable is not None:
        table = given.timetable.lines
    return _or_empty(None if table is None or table.empty else table, like="lines")


def _surroundings(context: StageContext, given: StudyInputs, places: gpd.GeoDataFrame) -> None:
    """Write the cells of counted facilities and the generalised outlines of districts."""
    grid = _counted(context, given, places) if given.counts_cells else given.given_cells
    if grid is None:
        empty = gpd.GeoDataFrame({"district": []}, geometry=[], crs=context.crs)
        context.put("cells.parquet", empty)
        context.put("districts.parquet", empty.rename(columns={"district": "district_zh"}))
        return
    tolerance_m = context.settings("sources").cells.outline_tolerance_m
    context.put("cells.parquet", grid.frame())
    context.put("districts.parquet", district_shapes(grid, tolerance_m=tolerance_m))


def _entrances(given: StudyInputs) -> gpd.GeoDataFrame:
    """Place the entrances of rail stations that the extract maps; none without an extract."""
    if given.settings.osm_extract is None or ENTRANCES not in given.mapping.categories:
        return gpd.GeoDataFrame({"osm_id": []}, geometry=[], crs=given.crs)
    found = given.of_categories([ENTRANCES])
    open_ones = found[found["status"].eq("operating")].sort_values("osm_id", ignore_index=True)
    points = open_ones.geometry.representative_point()
    return gpd.GeoDataFrame({"osm_id": open_ones["osm_id"]}, geometry=points, crs=given.crs)


def _counted(
    context: StageContext, given: StudyInputs, places: gpd.GeoDataFrame
) -> CellGrid | None:
    """Count the extract's facilities per cell, in the districts drawn or, without, as one area."""
    mapping = given.mapping
    wanted = {name for names in mapping.cells.values() for name in names}
    features = given.of_categories(sorted(wanted))
    areas = _areas(context, given, places, features)
    if areas.empty:
        return None
    return count(given, features, areas)


def _areas(
    context: StageContext,
    given: StudyInputs,
    places: gpd.GeoDataFrame,
    features: gpd.GeoDataFrame,
) -> gpd.GeoDataFrame:
    """Take the polygons of districts, else the mapped land around the places as one area."""
    field, path = given.sources.cells.district_field, given.settings.district_shapes
    if path is not None:
        return areas_of_districts(path)
    identity = context.settings("study")
    around = shapely.union_all(places.geometry.dropna().to_numpy()).convex_hull
    spots = shapely.points(features[["x", "y"]].to_numpy(dtype="float64").reshape(-1, 2))
    mapped = shapely.convex_hull(shapely.multipoints(spots))
    area = shapely.intersection(mapped, around.buffer(identity.buffer_m))
    named = gpd.GeoDataFrame({field: [identity.name_zh]}, geometry=[area], crs=context.crs)
    return named[named.area > 0]


def _labels(given: StudyInputs) -> pd.DataFrame:
    """List the names that the study gives to its codes."""
    settings = given.settings
    from_osm = settings.places.osm is not None and settings.boundaries is None
    labels = (LAND_USE if from_osm else {}) | settings.labels
    rows = [(code, zh, en) for code, (zh, en) in labels.items()]
    return pd.DataFrame(rows, columns=["code", "name_zh", "name_en"]).astype("str")


def _credits(given: StudyInputs) -> pd.DataFrame:
    """List what every input is, under which licence and of which date."""
    tables = reference_tables()
    rows = []
    for role, source in given.settings:
        if not isinstance(source, TableInput):
            continue
        if source.osm is not None:
            rows.append(_extract_credit(role, given, source))
        elif source.path is not None:
            rows.append(_credit(role, (source.path.name,) * 2, source))
        elif (spec := tables.get(source.reference or "")) is not None:
            rows.append(_credit(role, (spec.title_zh, spec.title_en), source, spec))
    if given.settings.osm_extract is not None:
        rows.append(_extract_credit("osm_extract", given))
    rows += _timetable_credits(given)
    return pd.DataFrame(rows, columns=["role", "name_zh", "name_en", "licence", "date"])


def _extract_credit(
    role: str, given: StudyInputs, source: TableInput | None = None
) -> dict[str, str | None]:
    """Name the extract and its day."""
    path = given.settings.osm_extract
    assert path is not None  # noqa: S101 - the settings model holds it for every role from OSM
    stated = source.snapshot if source is not None else None
    day = given.extract.report.snapshot
    return {
        "role": role,
        "name_zh": f"OpenStreetMap 摘录 {path.name} © OpenStreetMap contributors",
        "name_en": f"OpenStreetMap extract {path.name} © OpenStreetMap contributors",
        "licence": "ODbL-1.0",
        "date": str(stated or day) if stated or day else None,
    }


def _timetable_credits(given: StudyInputs) -> list[dict[str, str | None]]:
    """Name the timetable for each role that it fills; its day is the first on which it holds."""
    path, found = given.settings.rail_timetable, given.timetable
    if path is None or found is None:
        return []
    filled = [role for role in ("line_stations", "lines") if given.source(role) is None]
    whom = given.settings.rail_timetable_attribution or ""
    return [
        {
            "role": role,
            "name_zh": f"时刻表 {path.name} {whom}".strip(),
            "name_en": f"timetable {path.name} {whom}".strip(),
            "licence": given.settings.rail_timetable_licence or UNSTATED,
            "date": found.first_day,
        }
        for role in filled
    ]


def _credit(
    role: str, name: tuple[str, str], source: TableInput, spec: TableSpec | None = None
) -> dict[str, str | None]:
    """Say of one input what it is; what the study file states goes before the dictionary."""
    licence = source.licence or (spec.licence.name if spec else None)
    whom = source.attribution or (spec.licence.attribution if spec else None) or ""
    date = source.snapshot or (spec.snapshot if spec else None)
    return {
        "role": role,
        "name_zh": f"{name[0]} {whom}".strip(),
        "name_en": f"{name[1]} {whom}".strip(),
        "licence": licence or UNSTATED,
        "date": None if date is None else str(date),
    }

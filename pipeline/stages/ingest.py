"""Read the tables of the study, place them in the working CRS, and check them."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from pipeline.settings.inputs import TableInput
from pipeline.sources.reference import TableSpec
from pipeline.sources.tables import open_table, points_of, require_columns
from pipeline.stages.context import StageContext

PLACE_COLUMNS = (
    "place_id",
    "name_zh",
    "name_en",
    "tier",
    "category",
    "district_zh",
    "planned_area_km2",
    "target_2023_10k_m2",
    "target_2024_10k_m2",
    "priority_group",
    "parent_id",
    "same_site_as",
    "precision_m",
    "is_station_point",
    "location_type",
    "space_type",
    "stage",
    "minhang_role",
    "boundary_class",
    "lon",
    "lat",
    "source",
    "confidence",
    "note",
)
PLAIN = {
    "lines": "lines",
    "districts": "district_names",
    "hubs": "hubs",
    "standards": "standards",
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
    "source",
    "geometry",
)


def run(context: StageContext) -> None:
    """Write places with footprints, facilities, stations, districts, cells and standards."""
    context.put("places.parquet", _places(context))
    facilities = [_hospitals(context), _schools(context)]
    context.put("facilities.parquet", _gathered(facilities, context))
    context.put("line_stations.parquet", _placed(context, "line_stations"))
    context.put("planned_stations.parquet", _placed(context, "planned_stations"))
    _surroundings(context)
    for role, name in PLAIN.items():
        source = context.input(role)
        context.put(f"{name}.parquet", open_table(source) if source else pd.DataFrame())
    context.put("sources.parquet", _credits(context))


def _places(context: StageContext) -> gpd.GeoDataFrame:
    source = context.input("places")
    assert source is not None  # noqa: S101 - the study model requires it
    table = open_table(source)
    require_columns(table, ("place_id", "name_zh", "tier", "lon", "lat"), role="places")
    absent = [name for name in PLACE_COLUMNS if name not in table.columns]
    table = table.assign(**dict.fromkeys(absent))
    rules = context.settings("uncertainty")
    points = points_of(table, crs=context.crs)
    table["x"], table["y"] = points.geometry.x, points.geometry.y
    shapes, basis = _footprints(table, context.crs, rules.assumed_area_km2)
    stated = table["boundary_class"].where(basis.eq("given_boundary")).fillna("digitised")
    table["boundary_class"] = np.select(
        [basis.eq("none"), basis.eq("given_boundary")], ["none", stated], "indicative"
    )
    table["footprint_basis"] = basis
    table["precision_m"] = table["precision_m"].astype("float64")
    table["is_station_point"] = table["is_station_point"].fillna(value=False).astype(bool)
    places = gpd.GeoDataFrame(
        table[[*PLACE_COLUMNS, "footprint_basis", "x", "y"]], geometry=shapes, crs=context.crs
    )
    context.log.info("read %d places, %d with a point", len(places), int(places["x"].notna().sum()))
    return places.sort_values("place_id", ignore_index=True)


def _footprints(
    table: pd.DataFrame, crs: str, assumed_area_km2: float
) -> tuple[gpd.GeoSeries, pd.Series[str]]:
    """Take the boundary given, else the disc of the planned area, else of an assumed one."""
    radius = np.sqrt(
        table["planned_area_km2"].fillna(assumed_area_km2).astype("float64") * 1e6 / np.pi
    )
    located = table["x"].notna()
    circles = gpd.GeoSeries.from_xy(table["x"], table["y"], crs=crs).buffer(radius, quad_segs=32)
    shapes = circles.where(located)
    basis = pd.Series("none", index=table.index).mask(located, "assumed_area_disc")
    basis = basis.mask(located & table["planned_area_km2"].notna(), "planned_area_disc")
    if "geometry" in table.columns:
        given = gpd.GeoSeries(table["geometry"], crs=4326).to_crs(crs)
        drawn = given.area > 0
        shapes, basis = shapes.mask(drawn, given), basis.mask(drawn, "given_boundary")
    return shapes, basis


def _hospitals(context: StageContext) -> gpd.GeoDataFrame | None:
    source = context.input("hospitals")
    if source is None:
        return None
    table = open_table(source)
    require_columns(
        table, ("campus_id", "name_zh", "grade", "kind", "lon", "lat"), role="hospitals"
    )
    found = points_of(table, crs=context.crs)
    third = found["grade"].isin(["3A", "3B", "3?"])
    first_class = found["grade"].eq("3A")
    general = found["kind"].isin(["general", "general_military"])
    return found.assign(
        facility_id=found["campus_id"],
        service="hospital",
        name_zh=_joined(found["name_zh"], found.get("campus_zh")),
        name_en=_joined(found["name_en"], found.get("campus_en")),
        status="operating",
        detail_zh=found["grade"] + " " + found["kind"],
        detail_en=found["grade"] + " " + found["kind"],
        supply=found["beds"].astype("float64"),
        supply_basis=np.where(found["beds"].notna(), "beds", "unknown"),
        v_tertiary_all=third,
        v_tertiary_3a=first_class,
        v_tertiary_3a_general=first_class & general,
    )


def _schools(context: StageContext) -> gpd.GeoDataFrame | None:
    source = context.input("schools")
    if source is None:
        return None
    table = open_table(source)
    require_columns(table, ("school_id", "name_zh", "lon", "lat"), role="schools")
    found = points_of(table, crs=context.crs)
    flags = {
        f"v_senior_{name.removeprefix('v_')}": found[name].astype(bool)
        for name in found.columns
        if name.startswith("v_")
    }
    return found.assign(
        facility_id=found["school_id"].astype(str),
        campus_id=found["school_id"].astype(str),
        service="school",
        status="operating",
        detail_zh=found.get("official_type_zh"),
        detail_en=found.get("official_type"),
        supply=np.nan,
        supply_basis="unknown",
        **flags,
    )


def _joined(name: pd.Series[str], campus: pd.Series[str] | None) -> pd.Series[str]:
    if campus is None:
        return name
    return name.where(campus.isna(), name + " " + campus.fillna(""))


def _gathered(parts: list[gpd.GeoDataFrame | None], context: StageContext) -> gpd.GeoDataFrame:
    present = [part for part in parts if part is not None and len(part)]
    variants = sorted({name for part in present for name in part.columns if name.startswith("v_")})
    columns = [*FACILITY_COLUMNS, *variants]
    frames = [
        part.assign(**dict.fromkeys(set(variants) - set(part.columns), False))[columns]
        for part in present
    ]
    if not frames:
        return gpd.GeoDataFrame({key: [] for key in FACILITY_COLUMNS}, crs=context.crs)
    joined = pd.concat(frames, ignore_index=True)
    return gpd.GeoDataFrame(joined, crs=context.crs).sort_values(
        ["service", "facility_id"], ignore_index=True
    )


def _placed(context: StageContext, role: str) -> gpd.GeoDataFrame:
    """Place a table of points; an absent input is an empty layer, not an error."""
    source = context.input(role)
    if source is None:
        return gpd.GeoDataFrame({"name_zh": []}, geometry=[], crs=context.crs)
    return points_of(open_table(source), crs=context.crs).reset_index(drop=True)


def _surroundings(context: StageContext) -> None:
    """Write the cells of counted facilities and the generalised outlines of districts."""
    from pipeline.resources import shipped
    from pipeline.sources.cells import district_shapes, read_cells

    source = context.input("cells")
    if source is None:
        empty = gpd.GeoDataFrame({"district": []}, geometry=[], crs=context.crs)
        context.put("cells.parquet", empty)
        context.put("districts.parquet", empty)
        return
    rules = context.settings("sources").cells
    counts = source.path or shipped("reference") / f"{source.reference}.csv"
    land = counts.with_name(f"{counts.stem}_land.csv")
    grid = read_cells(counts, land, cell_m=rules.cell_m, crs=context.crs)
    context.put("cells.parquet", grid.frame())
    context.put("districts.parquet", district_shapes(grid, tolerance_m=rules.outline_tolerance_m))


def _credits(context: StageContext) -> pd.DataFrame:
    """List what every input is, under which licence and of which date."""
    from pipeline.sources.reference import reference_tables

    tables = reference_tables()
    rows = []
    for role in context.spec.inputs:
        source = context.input(role)
        if source is None:
            continue
        if source.path is not None:
            rows.append(_credit(role, (source.path.name,) * 2, source))
        elif (spec := tables.get(source.reference or "")) is not None:
            rows.append(_credit(role, (spec.title_zh, spec.title_en), source, spec))
    return pd.DataFrame(rows)


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
        "licence": licence or "未声明 / not stated",
        "date": None if date is None else str(date),
    }

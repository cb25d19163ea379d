"""Write the study of the generated city: its extract, its tables, its settings."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from ruamel.yaml import YAML

from benchmarks.city.land import Zone, choose_zones
from benchmarks.city.plane import Floats, Plane, read_parameters, with_pois
from benchmarks.city.streets import Streets, draw_streets
from benchmarks.city.things import Boxes, place_buildings, place_pois, rail_lines
from benchmarks.city.writing import Drawing
from pipeline.settings.parcels import find_rules
from pipeline.sources.parcel_rules import read_rules
from pipeline.sources.study_new import new_study, short_name
from pipeline.sources.synthetic_parcels import synthetic_zone

NAME = "Generated City"
TODAY = dt.date(2026, 5, 19)
DISTRICTS = 16
CELL_STEPS = 10


def write_city(
    folder: Path,
    size: float,
    *,
    seed: int | None = None,
    name: str = NAME,
    pois: int | None = None,
) -> Path:
    """Write the extract and the study of a city of a share of Shanghai's size.

    Parameters
    ----------
    folder
        Where to write.
    size
        1 for the whole city.
    seed
        Replaces the seed of the parameters, so that cities differ.
    name
        Name of the city, of which the study's id is made.
    pois
        Points of interest of the whole city, of which a smaller one has its share; if none,
        those of the parameters.

    Returns
    -------
    The study file, named by the study's id.
    """
    folder.mkdir(parents=True, exist_ok=True)
    given = read_parameters() if pois is None else with_pois(read_parameters(), pois)
    plane, rng = Plane(given, size), np.random.default_rng(given["seed"] if seed is None else seed)
    zones = choose_zones(plane, rng)
    streets = draw_streets(plane, zones, rng)
    drawing = Drawing(plane)
    _add_streets(drawing, streets)
    _add_land(drawing, zones)
    lines = rail_lines(plane, rng)
    _add_rail(drawing, lines)
    buildings = place_buildings(plane, streets.crossing, rng)
    _add_buildings(drawing, buildings, rng)
    _add_pois(drawing, streets, rng)
    extract = folder / "city.osm.pbf"
    drawing.write(extract)
    _write_stations(folder, plane, lines)
    _write_areas(folder, plane, zones)
    _write_residents(folder, plane)
    _write_parcels(folder, plane, zones, rng)
    return _write_study(folder, extract, plane, name)


def _add_streets(drawing: Drawing, streets: Streets) -> None:
    first = drawing.add_nodes(streets.i, streets.j)
    drawing.node_tags |= {first + node: tags for node, tags in streets.gates.items()}
    drawing.ways += [([first + node for node in nodes], tags) for nodes, tags in streets.ways]


def _add_land(drawing: Drawing, zones: list[Zone]) -> None:
    """Add land use, walls and the river."""
    for zone in zones:
        i, j = zone.outline()
        use = "residential" if zone.kind == "housing" else "industrial"
        drawing.add_rings(i[None, :-1], j[None, :-1], [{"landuse": use}])
        if zone.walled:
            drawing.ways.append((drawing.ways[-1][0], {"barrier": "wall"}))
    plane = drawing.plane
    run = np.arange(-plane.half, plane.half, 4.0)
    column = plane.river_column
    i = np.concatenate((np.full(len(run), column + 0.4), np.full(len(run), column + 0.6)))
    j = np.concatenate((run, run[::-1]))
    drawing.add_rings(i[None], j[None], [{"natural": "water", "water": "river", "name": "大江"}])


def _add_rail(drawing: Drawing, lines: list[tuple[Floats, Floats]]) -> None:
    """Add tracks, stations and their entrances; every tenth line runs at grade."""
    given = drawing.plane.given
    for number, (i, j) in enumerate(lines):
        first = drawing.add_nodes(i, j)
        underground = {"railway": "subway", "tunnel": "yes"}
        track = {"railway": "rail"} if number % 10 == 0 else underground
        drawing.ways.append((range(first, first + len(i)), track))
        names = [f"线{number + 1}站{place + 1}" for place in range(len(i))]
        tags = {"railway": "station", "station": "subway"}
        drawing.add_points(i, j, [{**tags, "name": name} for name in names])
        around = np.linspace(0, 2 * np.pi, given["entrances_per_station"], endpoint=False)
        drawing.add_points(
            (i[:, None] + np.cos(around)).ravel(),
            (j[:, None] + np.sin(around)).ravel(),
            [{"railway": "subway_entrance"}] * (len(i) * len(around)),
        )


def _add_buildings(drawing: Drawing, boxes: Boxes, rng: np.random.Generator) -> None:
    levels = rng.integers(1, 30, len(boxes.i))
    known = rng.random(len(boxes.i)) < drawing.plane.given["buildings_with_levels_share"]
    plain = {"building": "yes"}
    tags = [
        {"building": "apartments", "building:levels": str(level)} if told else plain
        for level, told in zip(levels.tolist(), known.tolist(), strict=True)
    ]
    drawing.add_rings(*boxes.corners(), tags)


def _add_pois(drawing: Drawing, streets: Streets, rng: np.random.Generator) -> None:
    """Add points and areas of interest; some areas have a point of the same name inside."""
    plane = drawing.plane
    for kind in plane.given["pois"]:
        count = max(2, round(kind["count"] * plane.size))
        boxes = place_pois(plane, streets.crossing, count, rng)
        tags = [{**kind["tags"], "name": f"{kind['name']}{number}"} for number in range(count)]
        areas = round(count * kind["area_share"])
        corners = boxes.corners()
        drawing.add_rings(corners[0][:areas], corners[1][:areas], tags[:areas])
        drawing.add_points(boxes.i[areas:], boxes.j[areas:], tags[areas:])
        twice = round(areas * plane.given["duplicates_share"])
        drawing.add_points(boxes.i[:twice], boxes.j[:twice], tags[:twice])


def _write_stations(folder: Path, plane: Plane, lines: list[tuple[Floats, Floats]]) -> None:
    rows, named = [], []
    for number, (i, j) in enumerate(lines, start=1):
        named.append({"line_id": f"L{number:02d}", "line": str(number), "name_zh": f"{number}号线"})
        places = plane.degrees(*plane.metres(i, j))
        rows += [
            {
                "line_station_id": f"L{number:02d}-{seq:02d}",
                "line_id": f"L{number:02d}",
                "line": str(number),
                "branch": "main",
                "seq": seq,
                "station_id": f"s{number:02d}_{seq:02d}",
                "name_zh": f"线{number}站{seq + 1}",
                "name_en": f"Line {number} station {seq + 1}",
                "lon": lon,
                "lat": lat,
                "status": "operating",
            }
            for seq, (lon, lat) in enumerate(places.tolist())
        ]
    stations = pd.DataFrame(rows)
    stations.to_csv(folder / "line_stations.csv", index=False)
    pd.DataFrame(named).assign(name_en=lambda t: "Line " + t["line"], colour_hex="#1f78b4").to_csv(
        folder / "lines.csv", index=False
    )
    middle = stations.iloc[[len(lines[0][0]) // 2]]
    middle.assign(hub_id="hub_centre", kind="railway_station")[
        ["hub_id", "name_zh", "name_en", "kind", "station_id", "lon", "lat"]
    ].to_csv(folder / "hubs.csv", index=False)


def _outline(plane: Plane, zone: Zone) -> shapely.Polygon:
    return shapely.Polygon(plane.degrees(*plane.metres(*zone.outline())))


def _write_areas(folder: Path, plane: Plane, zones: list[Zone]) -> None:
    """Write the parks and, as sectors of the city, the districts."""
    parks = [zone for zone in zones if zone.kind == "park"]
    names = [f"P{number:03d}" for number in range(1, len(parks) + 1)]
    frame = gpd.GeoDataFrame(
        {
            "place_id": names,
            "name_zh": [f"园区{name}" for name in names],
            "name_en": [f"Park {name}" for name in names],
            "tier": "local",
            "category": "industrial_land",
            "precision_m": 10.0,
            "boundary_class": "digitised",
        },
        geometry=[_outline(plane, zone) for zone in parks],
        crs=4326,
    )
    frame.to_file(folder / "parks.geojson")
    turns = np.linspace(0, 2 * np.pi, DISTRICTS + 1)
    reach, sectors = plane.steps * 0.999, []
    for low, high in pairwise(turns):
        arc = np.linspace(low, high, 20)
        i = np.concatenate(([0.0], reach * np.cos(arc)))
        j = np.concatenate(([0.0], reach * np.sin(arc)))
        sectors.append(shapely.Polygon(plane.degrees(*plane.metres(i, j))))
    districts = {"district": [f"第{number}区" for number in range(1, DISTRICTS + 1)]}
    gpd.GeoDataFrame(districts, geometry=sectors, crs=4326).to_file(folder / "districts.geojson")


def _write_residents(folder: Path, plane: Plane) -> None:
    run = np.arange(-plane.half, plane.half, CELL_STEPS).astype(float)
    i, j = (one.ravel() for one in np.meshgrid(run, run, indexing="ij"))
    there = plane.inside(i, j)
    i, j = i[there], j[there]
    weight = np.exp(-2 * np.hypot(i, j) / plane.steps)
    people = np.round(plane.given["residents"] * plane.size * weight / weight.sum())
    place = plane.degrees(*plane.metres(i, j))
    ids = [f"c{number:06d}" for number in range(len(i))]
    pd.DataFrame(
        {"cell_id": ids, "residents": people, "lon": place[:, 0], "lat": place[:, 1]}
    ).to_csv(folder / "residents.csv", index=False)


def _write_parcels(folder: Path, plane: Plane, zones: list[Zone], rng: np.random.Generator) -> None:
    """Cut the parks into parcels with figures drawn from the demonstration zone's."""
    rules = read_rules(find_rules("shanghai"))
    drawn = synthetic_zone(seed=1, parcels=1000, rules=rules).parcels
    left_out = ("before_", "source_row", "case", "revived", "x", "y", "synthetic", "geometry")
    drawn = drawn[[name for name in drawn.columns if not name.startswith(left_out)]]
    side = plane.given["parcel_crossings"]
    rows, parks = [], [zone for zone in zones if zone.kind == "park"]
    for number, zone in enumerate(parks, start=1):
        run = np.arange(0, zone.side - side, side)
        i, j = (one.ravel() for one in np.meshgrid(zone.west + run, zone.south + run))
        rows.append((np.full(len(i), number), i + 0.1, j + 0.1))
    park, i, j = (np.concatenate(part) for part in zip(*rows, strict=True))
    reach = side - 0.2
    boxes = Boxes(i + reach / 2, j + reach / 2, *np.full((2, len(i)), reach / 2))
    corners = [plane.metres(a, b) for a, b in zip(*boxes.corners(), strict=True)]
    places = plane.degrees(*(np.concatenate(one) for one in zip(*corners, strict=True)))
    shapes = shapely.polygons(places.reshape(-1, 4, 2))
    table = drawn.iloc[rng.integers(0, len(drawn), len(i))].reset_index(drop=True)
    named = {"park_id": [f"P{one:03d}" for one in park], "zone_id": [f"P{one:03d}" for one in park]}
    table = table.assign(parcel_id=[f"D{one:06d}" for one in range(len(i))], **named)
    frame = gpd.GeoDataFrame(table, geometry=shapes, crs=4326).to_crs(plane.given["crs"])
    scale = frame.area / frame["area_m2"]
    sized = [name for name in frame.columns if name.endswith("_m2")]
    frame[sized] = frame[sized].astype("float64").multiply(scale, axis=0)
    frame.to_parquet(folder / "parcels.parquet")


def _write_study(folder: Path, extract: Path, plane: Plane, name: str) -> Path:
    """Let `parkgap new` draw the study up and name the city's own tables in it."""
    centre = (plane.given["centre_lon"], plane.given["centre_lat"])
    path = folder / f"{short_name(name)}.yml"
    path.unlink(missing_ok=True)
    new = new_study(name, folder=folder, start="minimal", osm=extract, centre=centre, today=TODAY)
    values: dict[str, Any] = YAML(typ="safe", pure=True).load(new.text)
    values["study"]["buffer_m"] = 15_000
    values["inputs"] |= {
        "places": {"path": "parks.geojson"},
        "line_stations": {"path": "line_stations.csv"},
        "lines": {"path": "lines.csv"},
        "hubs": {"path": "hubs.csv"},
        "residents": {"path": "residents.csv"},
        "district_shapes": "districts.geojson",
        "parcels": {"path": "parcels.parquet", "area_unit": "m2", "money_unit": "wan_yuan"},
    }
    values["network"] = {**values.get("network", {}), "extract_is_complete": True}
    values["sources"] = {"cells": {"district_field": "district"}}
    values["rail_coverage"] = {"hubs": ["hub_centre"]}
    with path.open("w", encoding="utf-8") as out:
        YAML().dump(values, out)
    return path

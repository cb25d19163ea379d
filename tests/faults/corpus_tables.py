"""Bad tables of every role, bad timetables, extracts and parcels, through the stages that read."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from pipeline.errors import ExitCode
from pipeline.study import read_study
from tests.faults.corpus import Bad, Make, damages, ends, file_of

REFUSED = ends(ExitCode.STUDY, ExitCode.SOURCE, ExitCode.CRS, ExitCode.FIELD, ExitCode.GEOMETRY)
MINI = """schema_version: 1
study: {id: mini, name_zh: 小城, name_en: Mini, crs: EPSG:32651, date: 2026-05-19,
        centre_lon: 121.4, centre_lat: 31.2, centre_name: 中心}
inputs:
  places: {path: places.csv}
"""
PLACES = (
    "place_id,name_zh,name_en,tier,planned_area_km2,precision_m,lon,lat\n"
    "A1,甲,A,core,1.5,300,121.40,31.20\nA2,乙,B,zone,,,121.45,31.22\n"
)


def mini(folder: Path) -> Path:
    """Write the smallest study: two places, nothing else."""
    file_of(folder / "places.csv", PLACES)
    return file_of(folder / "mini.yml", MINI)


def staged(stage: str, overrides: Mapping[str, object]) -> Callable[[Path], list[str]]:
    """Run one stage by itself on the smallest study with some settings replaced."""

    def make(folder: Path) -> list[str]:
        study = read_study(mini(folder), overrides)
        plan = folder / "layers" / "built" / "mini" / "study.json"
        file_of(plan, study.model_dump_json() + "\n")
        return ["execute", stage, "--plan", str(plan)]

    return make


def given(setting: str, name: str, content: bytes | str, **more: object) -> Make:
    """Give a role's file to the stage `ingest`."""

    def make(folder: Path) -> list[str]:
        path = file_of(folder / name, content)
        return staged("ingest", {setting: str(path), **more})(folder)

    return make


def tables() -> Iterator[Bad]:
    """Give all bad tables, timetables and extracts."""
    for role in ("places", "hospitals", "schools", "residents", "hubs", "planned_stations"):
        for name, text in placed_texts(role):
            yield Bad(role, name, given(f"inputs.{role}.path", "t.csv", text), REFUSED)
    for name, text in cells_texts():
        yield Bad("cells", name, given("inputs.cells.path", "cells.csv", text), REFUSED)
    for role in ("standards", "districts", "lines", "line_stations"):
        for name, text in plain_texts():
            yield Bad(role, name, given(f"inputs.{role}.path", "t.csv", text), REFUSED)
    for name, ruin in damages():
        raw = ruin(feed())
        yield Bad("gtfs", name, given("inputs.rail_timetable", "f.zip", raw), REFUSED)
        raw = ruin(extract())
        yield Bad("osm", name, given("inputs.osm_extract", "c.osm.pbf", raw), REFUSED)
    for name, raw in feeds():
        yield Bad("gtfs", name, given("inputs.rail_timetable", "f.zip", raw), REFUSED)
    bomb = feed(shapes="0" * 60_000_000)
    small = {"timetables.max_unpacked_mb": 50}
    yield Bad("gtfs", "bomb", given("inputs.rail_timetable", "f.zip", bomb, **small), REFUSED)
    for name, text in osm_texts():
        yield Bad("osm", name, given("inputs.osm_extract", "c.osm", text), REFUSED)
    for name, text in shapes():
        yield Bad("district_shapes", name, _districts(text), REFUSED)


def _districts(text: str) -> Make:
    def make(folder: Path) -> list[str]:
        path = file_of(folder / "good.osm.pbf", extract())
        return given(
            "inputs.district_shapes", "d.geojson", text, **{"inputs.osm_extract": str(path)}
        )(folder)

    return make


IDS = {
    "places": "place_id", "hospitals": "campus_id", "schools": "school_id", "residents": "cell_id",
    "hubs": "hub_id", "planned_stations": "station_id",
}  # fmt: skip


def placed_texts(role: str) -> Iterator[tuple[str, bytes | str]]:
    """Give tables with places that break a rule."""
    key = IDS[role]
    head = f"{key},name_zh,name_en,tier,lon,lat,residents,line_id,status\n"
    row = "a,甲,A,core,121.4,31.2,10,L1,planned\n"
    yield "empty", ""
    yield "header_only", head
    yield "no_coordinates", f"{key},name_zh,tier\na,甲,core\n"
    yield "infinite", head + row.replace("121.4", "inf").replace("31.2", "-inf")
    yield "text_coordinates", head + row.replace("121.4", "east").replace("31.2", "north")
    yield "zeros", bytes(300)
    yield "ragged", head + row + row.strip() + ",1,2,3,4,5,6\n"
    if role in {"places", "hospitals", "schools"}:
        yield "same_id", head + row + row
        yield "blank_id", head + row + row.replace("a,", ",", 1)
    if role == "places":
        yield "no_id", "name_zh,tier,lon,lat\n甲,core,121.4,31.2\n"
        yield "no_tier", "place_id,lon,lat\na,121.4,31.2\n"
        wide = head.strip() + ",planned_area_km2,precision_m\n"
        for name, value in (("text", "big"), ("negative", "-4"), ("infinite", "inf")):
            yield f"area_{name}", wide + row.strip() + f",{value},300\n"
            yield f"precision_{name}", wide + row.strip() + f",1,{value}\n"
    if role == "residents":
        yield "text_people", head + row.replace(",10,", ",many,")
        yield "negative_people", head + row.replace(",10,", ",-10,")
        yield "infinite_people", head + row.replace(",10,", ",inf,")


def plain_texts() -> Iterator[tuple[str, bytes | str]]:
    """Give tables without places that break a rule."""
    yield "empty", ""
    yield "no_table", b"\x89PNG\r\n\x1a\n\x00\x01\x02"
    yield "zeros", bytes(100)
    yield "open_quote", 'a,b\n"1,2\n'
    yield "other_columns", "colour,shape\nred,round\n"
    yield "header_only_other", "colour,shape\n"


def cells_texts() -> Iterator[tuple[str, bytes | str]]:
    """Give tables of counts per cell that break a rule."""
    yield "empty", ""
    yield "no_land", "row,column,shop\n0,0,1\n"
    yield "text", "row,column,shop\nx,y,z\n"
    yield "huge", "row,column,shop\n99999999999999999999,0,1\n"


def feed(**changed: str | None) -> bytes:
    """Write a small sound timetable; `name=text` replaces a table, None leaves it out."""
    content: dict[str, str | None] = {
        "stops": "stop_id,stop_name,stop_lat,stop_lon\nA,甲,31.20,121.40\nB,乙,31.22,121.45\n",
        "routes": "route_id,route_type,route_short_name\nR,1,1\n",
        "trips": "trip_id,route_id,service_id\nT,R,S\n",
        "stop_times": "trip_id,stop_id,stop_sequence,arrival_time,departure_time\n"
        "T,A,1,08:00:00,08:00:00\nT,B,2,08:05:00,08:05:00\n",
        "calendar": "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,"
        "start_date,end_date\nS,1,1,1,1,1,1,1,20260101,20261231\n",
        **changed,
    }
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in content.items():
            if text is not None:
                archive.writestr(f"{name}.txt", text)
    return memory.getvalue()


def feeds() -> Iterator[tuple[str, bytes]]:
    """Give timetables with a missing, contradicting or impossible table."""
    for name in ("stops", "routes", "trips", "stop_times", "calendar"):
        yield f"without_{name}", feed(**{name: None})
        yield f"empty_{name}", feed(**{name: ""})
        yield f"other_{name}", feed(**{name: "colour\nred\n"})
    stops = "stop_id,stop_name,stop_lat,stop_lon\n"
    yield "text_position", feed(stops=stops + "A,甲,north,east\nB,乙,31.22,121.45\n")
    yield "infinite_position", feed(stops=stops + "A,甲,inf,nan\nB,乙,31.22,121.45\n")
    yield "beyond_the_earth", feed(stops=stops + "A,甲,931.2,4121.4\nB,乙,31.22,121.45\n")
    times = "trip_id,stop_id,stop_sequence,arrival_time,departure_time\n"
    yield "unknown_stop", feed(stop_times=times + "T,Z,1,08:00:00,08:00:00\n")
    yield "unknown_trip", feed(stop_times=times + "Z,A,1,08:00:00,08:00:00\n")
    yield "text_time", feed(stop_times=times + "T,A,1,soon,later\nT,B,2,x,y\n")
    yield (
        "text_sequence",
        feed(stop_times=times + "T,A,x,08:00:00,08:00:00\nT,B,y,08:05:00,08:05:00\n"),
    )
    yield "same_stop", feed(stops=stops + "A,甲,31.2,121.4\nA,甲,31.2,121.4\nB,乙,31.2,121.5\n")
    yield "text_type", feed(routes="route_id,route_type\nR,metro\n")
    calendar = "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,"
    calendar += "start_date,end_date\n"
    yield "text_date", feed(calendar=calendar + "S,1,1,1,1,1,1,1,spring,autumn\n")
    yield "no_such_date", feed(calendar=calendar + "S,1,1,1,1,1,1,1,20260231,20269999\n")


def extract() -> bytes:
    """Write a small sound extract."""
    from tempfile import TemporaryDirectory

    import osmium

    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.osm.pbf"
        with osmium.SimpleWriter(path) as writer:
            for number in range(1, 200):
                place = (121.4 + number / 1e4, 31.2)
                writer.add_node(osmium.osm.mutable.Node(id=number, location=place))
            tags = {"highway": "residential"}
            writer.add_way(osmium.osm.mutable.Way(id=1, nodes=range(1, 200), tags=tags))
        return path.read_bytes()


def osm_texts() -> Iterator[tuple[str, str]]:
    """Give OSM files in XML that are broken or impossible."""
    head = '<?xml version="1.0"?><osm version="0.6">'
    yield "no_text", ""
    yield "no_osm", "<html></html>"
    yield "open", head + '<node id="1" lat="31.2" lon="121.4">'
    yield "text_position", head + '<node id="1" lat="north" lon="east"/></osm>'
    yield "beyond_the_earth", head + '<node id="1" lat="931" lon="4121"/></osm>'
    yield "text_id", head + '<node id="one" lat="31.2" lon="121.4"/></osm>'
    yield "huge_id", head + '<node id="99999999999999999999999" lat="31" lon="121"/></osm>'
    yield "version", '<?xml version="1.0"?><osm version="9"></osm>'


def shapes() -> Iterator[tuple[str, str]]:
    """Give district outlines that are none."""
    point = {"type": "Point", "coordinates": [121.4, 31.2]}
    feature = {"type": "Feature", "properties": {"name": "a"}, "geometry": point}
    yield "points", json.dumps({"type": "FeatureCollection", "features": [feature]})
    yield "empty", json.dumps({"type": "FeatureCollection", "features": []})
    yield "no_json", "{"

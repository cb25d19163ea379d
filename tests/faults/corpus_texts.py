"""Bad study files, settings, rules, scenarios and parcel files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import geopandas as gpd
import shapely

from pipeline.errors import ExitCode
from tests.faults.corpus import Bad, Make, damages, ends, file_of
from tests.faults.corpus_layers import collection
from tests.faults.corpus_tables import MINI, PLACES, mini, staged

STUDY = ends(ExitCode.STUDY)
PARCEL = ends(ExitCode.SOURCE, ExitCode.CRS, ExitCode.FIELD, ExitCode.GEOMETRY)
RULES = """schema: parkgap-rules/1
id: own
zh: 自定
en: own
cutoffs:
  floor: {value: 2.0, unit: ratio, status: policy, source: s, zh: 甲, en: a}
rules:
  - {id: low, zh: 低效, en: low, status: proposal, source: s, when: CONDITION}
"""
SCENARIO = """schema_version: 1
name_zh: 甲
name_en: a
changes:
  - CHANGE
"""


def texts() -> Iterator[Bad]:
    """Give all bad texts and parcel files."""
    for name, text in studies():
        yield Bad("study", name, _study(text), STUDY)
    for name, item in SETTINGS.items():
        yield Bad("setting", name, _setting(item), STUDY)
    for name, text in rules():
        yield Bad("rules", name, _rules(text), STUDY)
    for name, text in scenarios():
        yield Bad("scenario", name, _scenario(text), STUDY)
    for name, ruin in damages():
        yield Bad("parcels_gpkg", name, parcels("p.gpkg", ruin(sound_parcels())), PARCEL)
    for name, text in parcel_csvs():
        yield Bad("parcels_csv", name, parcels("p.csv", text), PARCEL)
    for name, text in parcel_geojsons():
        yield Bad("parcels_geojson", name, parcels("p.geojson", text), PARCEL)


def _study(text: bytes | str) -> Make:
    def make(folder: Path) -> list[str]:
        file_of(folder / "places.csv", PLACES)
        path = file_of(folder / "own.yml", text)
        return ["stages", "-s", str(path), "-w", str(folder)]

    return make


def studies() -> Iterator[tuple[str, bytes | str]]:
    """Give study files that are no YAML, are dangerous YAML, or say what cannot be."""
    yield "empty", ""
    yield "list", "- a\n- b\n"
    yield "scalar", "hello"
    yield "tab", "study:\n\tid: a\n"
    yield "unclosed", "study: {id: mini\n"
    yield "twice", MINI + "schema_version: 1\n"
    yield "tag_python", "a: !!python/object/apply:os.system ['touch /tmp/pwned']\n"
    yield "tag_new", "a: !!python/object/new:subprocess.Popen [['id']]\n"
    yield "tag_own", "a: !include /etc/passwd\n"
    yield "alias_bomb", _laughs()
    yield "alias_loop", "a: &a [*a]\n"
    yield "deep", "a: " + "[" * 3000 + "]" * 3000
    yield "deep_map", "\n".join(" " * i + "a:" for i in range(400))
    yield "huge", "# " + "x" * 1_100_000
    yield "zeros", bytes(50)
    yield "gbk", MINI.encode("gbk")
    yield "utf16", MINI.encode("utf-16")
    yield "control", MINI.replace("小城", "小\x07城")
    yield "two_documents", MINI + "---\n" + MINI
    for name, old, new in (
        ("unknown_key", "inputs:", "colour: red\ninputs:"),
        ("unknown_crs", "EPSG:32651", "EPSG:999999"),
        ("degrees_crs", "EPSG:32651", "EPSG:4326"),
        ("text_crs", "EPSG:32651", "'; DROP TABLE x'"),
        ("no_date", "2026-05-19", "2026-13-45"),
        ("text_longitude", "121.4,", "east,"),
        ("nan_longitude", "121.4,", ".nan,"),
        ("inf_longitude", "121.4,", ".inf,"),
        ("far_longitude", "121.4,", "4121.4,"),
        ("id_up", "id: mini", "id: ../../mini"),
        ("id_rooted", "id: mini", "id: /etc"),
        ("id_blank", "id: mini", "id: ''"),
        ("id_control", "id: mini", 'id: "a\\0b"'),
        ("absent_places", "places.csv", "nowhere.csv"),
        ("folder_places", "places.csv", "."),
        ("null_path", "places.csv", '"a\\0b"'),
        ("future_version", "schema_version: 1", "schema_version: 99"),
        ("text_version", "schema_version: 1", "schema_version: one"),
        ("list_inputs", "  places: {path: places.csv}", "  - places"),
        ("two_sources", "{path: places.csv}", "{path: places.csv, reference: places}"),
        ("no_source", "{path: places.csv}", "{}"),
        ("unknown_reference", "{path: places.csv}", "{reference: nowhere}"),
        ("reference_up", "{path: places.csv}", "{reference: ../../../etc/passwd}"),
        ("negative_precision", "{path: places.csv}", "{path: places.csv, precision_m: -1}"),
    ):
        yield name, MINI.replace(old, new)


def _laughs() -> str:
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    return "\n".join(lines)


SETTINGS = {
    "no_sign": "network.walk_speed_m_min",
    "no_key": "=3",
    "unknown": "network.walk_speed=3",
    "unknown_section": "colour.red=3",
    "into_a_number": "network.walk_speed_m_min.x=3",
    "text": "network.walk_speed_m_min=fast",
    "negative": "network.walk_speed_m_min=-80",
    "nan": "network.walk_speed_m_min=.nan",
    "inf": "network.walk_speed_m_min=.inf",
    "other_unit": "network.walk_speed_m_min=80 km",
    "mapping": "network.walk_speed_m_min={a: 1}",
    "tag": "network.walk_speed_m_min=!!python/object/apply:os.getcwd []",
    "open": "gaps.needs=[{",
    "dots": "network..walk=3",
    "into_a_list": "gaps.needs.0.threshold=3",
    "into_null": "inputs.hospitals.path=nowhere.csv",
}


def _setting(item: str) -> Make:
    return lambda folder: ["stages", "-s", str(mini(folder)), "-w", str(folder), "--set", item]


def _rules(text: bytes | str) -> Make:
    def make(folder: Path) -> list[str]:
        path = file_of(folder / "own.yml", text)
        out, part = folder / "out", folder / "none.parquet"
        return ["parcel-parts", "judge", str(part), "--out", str(out), "-s", str(mini(folder)),
                "--set", f"parcels.rules={path}"]  # fmt: skip

    return make


def rules() -> Iterator[tuple[str, bytes | str]]:
    """Give rule files whose expressions cannot be."""
    yield "empty", ""
    yield "list", "[]"
    yield "tag", "!!python/object/apply:os.system ['id']"
    yield "alias", "a: &a 1\nb: *a\n"
    yield "deep", RULES.replace("CONDITION", "{not: " * 60 + "{field: far, op: known}" + "}" * 60)
    yield "huge", "# " + "x" * 600_000
    yield "zeros", bytes(50)
    yield "gbk", RULES.encode("gbk")
    for name, condition in {
        "unknown_field": "{field: colour, op: known}",
        "unknown_op": "{field: far, op: like, value: x}",
        "unknown_cutoff": "{field: far, op: lt, cutoff: ceiling}",
        "unknown_rule": "{rule: other}",
        "itself": "{rule: low}",
        "code": "{field: far, op: lt, value: \"__import__('os').system('id')\"}",
        "no_op": "{field: far}",
        "empty_all": "{all: []}",
        "both": "{all: [{field: far, op: known}], any: [{field: far, op: known}]}",
        "text": "far < 2",
        "null": "null",
        "number": "3",
        "two_values": "{field: far, op: lt, cutoff: floor, other: far_now}",
        "nan": "{field: far, op: lt, value: .nan}",
    }.items():
        yield name, RULES.replace("CONDITION", condition)
    sound = RULES.replace("CONDITION", "{field: far, op: known}")
    yield "infinite_cutoff", sound.replace("2.0", ".inf")
    yield "text_cutoff", sound.replace("2.0", "much")
    yield "same_id", sound + sound.splitlines()[-1] + "\n"


def _scenario(text: bytes | str) -> Make:
    def make(folder: Path) -> list[str]:
        path = file_of(folder / "s.yml", text)
        return ["scenario", "run", str(path), "-s", str(mini(folder)), "-w", str(folder)]

    return make


def scenarios() -> Iterator[tuple[str, bytes | str]]:
    """Give scenarios that are none or change what is not there."""
    yield "empty", ""
    yield "list", "[]"
    yield "tag", "!!python/object/apply:os.system ['id']"
    yield "deep", "a: " + "[" * 3000 + "]" * 3000
    yield "zeros", bytes(50)
    yield "gbk", SCENARIO.encode("gbk")
    yield "no_changes", SCENARIO.replace("  - CHANGE", "")
    for name, change in {
        "unknown_kind": "{kind: fly}",
        "no_kind": "{name: a}",
        "far_hospital": "{kind: add_hospital, name_zh: 甲, name_en: a, lon: 500, lat: 31}",
        "nan_hospital": "{kind: add_hospital, name_zh: 甲, name_en: a, lon: .nan, lat: 31}",
        "gate_text": "{kind: open_gate, name: a, start: [x, y], end: [1, 2]}",
        "gate_short": "{kind: open_gate, name: a, start: [1], end: [1, 2]}",
        "need_zero": "{kind: change_need, service: rail, threshold: 0}",
        "need_unknown": "{kind: change_need, service: sea, threshold: 5}",
        "setting_up": "{kind: change_setting, setting: ../x, value: 1}",
        "setting_unknown": "{kind: change_setting, setting: network.colour, value: 1}",
        "line_unknown": "{kind: open_line, line_id: nowhere}",
    }.items():
        yield name, SCENARIO.replace("CHANGE", change)


def parcels(name: str, content: bytes | str) -> Make:
    """Give a parcel file to the stage that judges parcels."""

    def make(folder: Path) -> list[str]:
        path = file_of(folder / name, content)
        arguments = staged("parcels", {"inputs.parcels.path": str(path)})(folder)
        places = gpd.GeoDataFrame(
            {"place_id": ["A1"]}, geometry=[shapely.box(0, 0, 1e6, 4e6)], crs="EPSG:32651"
        )
        stage = folder / "layers" / "built" / "mini" / "ingest"
        stage.mkdir(parents=True, exist_ok=True)
        places.to_parquet(stage / "places.parquet")
        return arguments

    return make


@cache
def sound_parcels() -> bytes:
    """Give the bytes of a sound parcel file."""
    box = shapely.box(345_000, 3_438_000, 345_100, 3_438_100)
    frame = gpd.GeoDataFrame(
        {"宗地编号": ["莘-01"], "面积（亩）": [15.0]}, geometry=[box], crs="EPSG:32651"
    )
    with TemporaryDirectory() as folder:
        path = Path(folder) / "p.gpkg"
        frame.to_file(path, driver="GPKG")
        return path.read_bytes()


def parcel_csvs() -> Iterator[tuple[str, bytes | str]]:
    """Give parcel tables that break a rule."""
    wkt = '"POLYGON((121.4 31.2,121.41 31.2,121.41 31.21,121.4 31.2))"'
    head = "宗地编号,面积（亩）,wkt\n"
    yield "empty", ""
    yield "header_only", head
    yield "no_id", f"面积（亩）,wkt\n15,{wkt}\n"
    yield "same_id", head + f"a,15,{wkt}\n" * 2
    yield "text_area", head + f"a,large,{wkt}\n"
    yield "negative_area", head + f"a,-15,{wkt}\n"
    yield "infinite_area", head + f"a,inf,{wkt}\n"
    yield "no_unit", f"宗地编号,税收,wkt\na,15,{wkt}\n"
    yield "broken_wkt", head + 'a,15,"POLYGON((121.4 31.2,"\n'
    yield "point_wkt", head + 'a,15,"POINT(121.4 31.2)"\n'
    yield "infinite_wkt", head + 'a,15,"POLYGON((inf 31,121 31,121 32,inf 31))"\n'
    yield "ring_odd", '宗地编号,面积（亩）,坐标串\na,15,"121.4 31.2 121.5"\n'
    yield "zeros", bytes(200)
    yield "noise", bytes(range(256)) * 20
    yield "open_quote", head + 'a,15,"POLY\n'
    yield "no_date", f"宗地编号,约定竣工,wkt\na,someday,{wkt}\n"


def parcel_geojsons() -> Iterator[tuple[str, str]]:
    """Give parcel layers whose outlines cannot be."""

    def ring(*spots: list[float]) -> str:
        text = collection({"type": "Polygon", "coordinates": [list(spots)]})
        tree = json.loads(text)
        tree["features"][0]["properties"] = {"宗地编号": "a", "面积（亩）": 15}
        return json.dumps(tree)

    yield "nan", ring([float("nan"), 31.2], [121.5, 31.2], [121.5, 31.3], [float("nan"), 31.2])
    yield "huge", ring([1e300, 1], [2, 1e300], [3, 3], [1e300, 1])
    yield "metres", ring([5e5, 3.4e6], [5.1e5, 3.4e6], [5.1e5, 3.5e6], [5e5, 3.4e6])
    yield "null_geometries", collection(None)
    yield "points", collection({"type": "Point", "coordinates": [121.4, 31.2]})

"""Streets read as arrays are those that a loop over the objects of the file gives."""

from __future__ import annotations

import datetime as dt
import resource
from pathlib import Path
from typing import Any

import numpy as np
import osmium
import pytest
import shapely

from pipeline.errors import MachineError, SourceError
from pipeline.network import osm_lines
from pipeline.network.osm_reading import RawStreets, read_raw_streets
from pipeline.network.osm_streets import read_osm_streets
from pipeline.settings.network import NetworkSettings
from tests.network.conftest import KEYS, PORTO_ALEGRE
from tests.network.osm_writing import UTM, Drawing, draw_lattice

NASTY = [
    "南京东路",
    "a, b = c; d%20%e",
    "100 % @home",
    "line\nbreak\tand\rreturn",
    "Straße 🚶 “quoted”",
    "\u200b\u0301",
    '"',
    "name=",
]


def looped(path: Path, keys: frozenset[str]) -> dict[str, Any]:
    """Read ways and barriers object by object."""
    ways: dict[int, Any] = {}
    barriers = {}
    for item in osmium.FileProcessor(path, osmium.osm.NODE | osmium.osm.WAY).with_locations():
        if isinstance(item, osmium.osm.Node) and "barrier" in item.tags:
            barriers[item.id] = dict(item.tags)
        elif isinstance(item, osmium.osm.Way) and "highway" in item.tags and item.id not in ways:
            tags = dict(item.tags)
            places = [
                (node.ref, place.x, place.y) if (place := node.location).valid() else (node.ref,)
                for node in item.nodes
            ]
            kept = {key: value for key, value in tags.items() if key in keys - {"name"}}
            ways[item.id] = kept, tags.get("name"), places
    return {"ways": ways, "barriers": barriers}


def read_back(raw: RawStreets) -> dict[str, Any]:
    """Spell out the arrays in the same way."""
    ways = {}
    units = np.rint(np.column_stack((raw.lon, raw.lat)) * 1e7)
    for row, way in enumerate(raw.way_ids.tolist()):
        span = slice(raw.offsets[row], raw.offsets[row + 1])
        places = [
            (ref,) if np.isnan(x) else (ref, int(x), int(y))
            for ref, (x, y) in zip(raw.refs[span].tolist(), units[span].tolist(), strict=True)
        ]
        name = None if raw.name_row[row] < 0 else raw.names[raw.name_row[row]]
        ways[way] = dict(raw.tags[raw.tag_row[row]]), name, places
    return {"ways": ways, "barriers": dict(raw.barriers)}


def assert_equal(raw: RawStreets, path: Path) -> None:
    """Compare both readings."""
    assert read_back(raw) == looped(path, KEYS)


def nasty_city() -> Drawing:
    """Draw ways and barriers with every kind of text, missing nodes and nodes off the earth."""
    drawing = draw_lattice(6, 5)
    for number, text in enumerate(NASTY):
        nodes = [1001 + number % 5, 99_000 + number, 1002 + number % 4]
        tags = {"highway": "residential", "name": text, "note": text, "foot": text, text: "yes"}
        drawing.way(5000 + number, nodes, tags)
        drawing.node(70_000 + number, number, 5.0, barrier="gate", note=text)
    drawing.way(6000, [], {"highway": "footway"})
    drawing.way(6001, [1001, 1002], {"highway": "footway", "oneway:bicycle": "no"})
    drawing.way(6001, [1003, 1004], {"highway": "steps"})  # repeated
    drawing.way(6002, [1001, 1002], {"building": "yes"})
    return drawing


@pytest.mark.parametrize("snapshot", ["2026-05-19T00:00:00Z", None])
@pytest.mark.parametrize("block", [2**24, 700])
def test_any_text_and_any_gap_is_read_as_by_a_loop(
    tmp_path: Path, snapshot: str | None, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(osm_lines, "_BLOCK_BYTES", block)
    path = nasty_city().write(tmp_path / "city.osm.pbf", snapshot=snapshot)
    raw = read_raw_streets(path, area=None, keys=KEYS)
    assert_equal(raw, path)
    assert raw.snapshot == (dt.date(2026, 5, 19) if snapshot else None)


def test_a_file_without_a_date_has_that_of_its_newest_street(tmp_path: Path) -> None:
    path = tmp_path / "edited.osm"
    path.write_text(
        '<osm version="0.6"><node id="1" lat="31" lon="121" timestamp="2026-09-01T00:00:00Z"/>'
        '<node id="3" lat="31.001" lon="121"/>'
        '<way id="1" timestamp="2024-02-29T23:00:00Z"><nd ref="1"/><nd ref="3"/>'
        '<tag k="highway" v="path"/></way><way id="2" timestamp="2025-01-01T00:00:00Z">'
        '<nd ref="1"/><nd ref="3"/></way></osm>',
        encoding="utf-8",
    )
    assert read_raw_streets(path, area=None, keys=KEYS).snapshot == dt.date(2024, 2, 29)


@pytest.mark.parametrize(
    "raw",
    [b"\xff\xfe\xff\xfe....", b".......\xe5", b"\xc3(......", b"\xed\xa0\x80.....", b"\0......."],
)
def test_text_that_is_no_unicode_is_refused_by_name(tmp_path: Path, raw: bytes) -> None:
    drawing = draw_lattice(3, 3)
    drawing.way(99, [1001, 1002], {"highway": "footway", "name": "QQQQQQQQ"})
    path = drawing.write(tmp_path / "city.osm.pbf", form="pbf,pbf_compression=none")
    content = path.read_bytes()
    assert content.count(b"QQQQQQQQ") == 1
    path.write_bytes(content.replace(b"QQQQQQQQ", raw))
    with pytest.raises(SourceError, match="no readable OpenStreetMap file"):
        read_raw_streets(path, area=None, keys=KEYS)


def test_a_disk_that_is_full_is_the_machines_fault(tmp_path: Path) -> None:
    path = draw_lattice(20, 20).write(tmp_path / "city.osm.pbf")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(MachineError, match="larger than the system allows"):
            read_raw_streets(path, area=None, keys=KEYS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.shared
def test_real_streets_are_read_as_by_a_loop(shared: Path) -> None:
    path = shared / "data" / PORTO_ALEGRE[0]
    assert_equal(read_raw_streets(path, area=None, keys=KEYS), path)


def test_what_is_far_from_the_area_is_left_out_without_a_trace(tmp_path: Path) -> None:
    path = draw_lattice(12, 12).write(tmp_path / "city.osm.pbf")
    whole = read_raw_streets(path, area=None, keys=KEYS)
    corner = shapely.box(whole.lon.min(), whole.lat.min(), np.median(whole.lon), whole.lat.max())
    near = read_raw_streets(path, area=corner, keys=KEYS)
    assert len(near.way_ids) == 12 + 6
    settings = NetworkSettings()
    graphs = [
        read_osm_streets(
            path,
            area=area,
            crs=UTM,
            rules={"walk": settings.rules("walk")},
            walk_speed_m_min=80.0,
            scrap_max_km=0.0,
        )["walk"]
        for area in (corner, None)
    ]
    assert 0 < len(graphs[0].edges) < len(graphs[1].edges)
    both = graphs[0].edges.merge(graphs[1].edges, on="edge_id")
    assert (both["length_m_x"] == both["length_m_y"]).all()

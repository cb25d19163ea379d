"""Overpass is asked politely, once, for small areas; its answer is sorted as an extract is."""

from __future__ import annotations

import datetime as dt
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pytest
import shapely
from pyproj import CRS

from pipeline.errors import SourceError
from pipeline.network.osm_streets import read_osm_streets
from pipeline.settings.network import NetworkSettings
from pipeline.settings.sources import OverpassSettings
from pipeline.sources.osm_features import read_osm_features
from pipeline.sources.osm_mapping import read_mapping
from pipeline.sources.overpass import overpass_extract
from pipeline.sources.study_new import new_study, write_study
from tests.built import parkgap

STAMP = "2026-05-01T00:00:00Z"
AREA = shapely.box(121.40, 31.20, 121.42, 31.22)
ELEMENTS: list[dict[str, Any]] = [
    {"type": "node", "id": 1, "lat": 31.201, "lon": 121.401},
    {"type": "node", "id": 2, "lat": 31.201, "lon": 121.402},
    {"type": "node", "id": 3, "lat": 31.202, "lon": 121.402},
    {"type": "node", "id": 4, "lat": 31.202, "lon": 121.401},
    {
        "type": "node", "id": 5, "lat": 31.21, "lon": 121.41,
        "tags": {"amenity": "hospital", "name": "甲医院", "name:en": "First"},
    },
    {
        "type": "way", "id": 6, "nodes": [1, 2, 3, 4, 1],
        "tags": {"landuse": "industrial", "name": "园区（规划）"},
    },
    {"type": "way", "id": 7, "nodes": [1, 2], "tags": {"highway": "residential"}},
]  # fmt: skip


@dataclass
class Server:
    """A server that answers as Overpass does, and remembers what it was asked."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    status_asked: int = 0
    answer: tuple[int, str] = (
        200,
        json.dumps({"elements": ELEMENTS, "osm3s": {"timestamp_osm_base": STAMP}}),
    )


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.status_asked += 1
            self._send(
                200,
                "Connected as: 1\nCurrent time: now\nx\nRate limit: 2\n2 slots available now.\n",
            )

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            state.asked.append(parse_qs(body)["data"][0])
            self._send(*state.answer)

        def _send(self, code: int, text: str) -> None:
            raw = text.encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        state.url = f"http://127.0.0.1:{web.server_port}/api"
        threading.Thread(target=web.serve_forever, daemon=True).start()
        yield state
        web.shutdown()


def _ask(server: Server, cache: Path, **changes: Any) -> Path:
    settings = OverpassSettings(url=server.url, timeout_s=10.0, largest_km2=25.0)
    return overpass_extract(
        AREA,
        mapping=read_mapping(),
        crs="EPSG:32651",
        cache=cache,
        settings=settings.model_copy(update=changes),
    )


def test_the_answers_are_read_as_an_extract_is(server: Server, tmp_path: Path) -> None:
    path = _ask(server, tmp_path)
    read = read_osm_features(
        path, mapping=read_mapping(), crs="EPSG:32651", categories=["hospitals", "industrial"]
    )
    found = read.features.set_index("osm_id")
    assert found["category"].to_dict() == {"n5": "hospitals", "w6": "industrial"}
    assert found.loc["w6", "status"] == "planned"
    assert found.loc["n5", "name_en"] == "First"
    assert found.loc["w6", "area_m2"] == pytest.approx(95.3 * 110.9, rel=0.01)
    assert str(read.report.snapshot).startswith("2026-05-01")
    streets = read_osm_streets(
        path, area=None, crs=CRS.from_epsg(32651), rules={"walk": NetworkSettings().walk},
        walk_speed_m_min=80, scrap_max_km=0.0,
    )["walk"]  # fmt: skip
    assert len(streets.edges) == 1
    assert streets.edges["length_m"].iloc[0] == pytest.approx(95.3, rel=0.01)


def test_the_same_question_is_asked_once(server: Server, tmp_path: Path) -> None:
    import osmnx

    before = (osmnx.settings.overpass_url, osmnx.settings.cache_only_mode)
    first = _ask(server, tmp_path)
    asked, content = list(server.asked), first.read_bytes()
    assert server.status_asked >= 1  # it waits for a slot before it asks
    assert len(asked) == 2  # streets, then objects
    assert _ask(server, tmp_path) == first
    assert server.asked == asked
    assert first.read_bytes() == content
    assert (osmnx.settings.overpass_url, osmnx.settings.cache_only_mode) == before


def test_only_streets_and_what_the_mapping_knows_is_asked(server: Server, tmp_path: Path) -> None:
    _ask(server, tmp_path)
    text = " ".join(server.asked)
    assert "[highway]" in text.replace('"', "")
    assert "industrial" in text
    assert "tourism" not in text


def test_a_large_area_is_refused_before_anything_is_sent(server: Server, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="get an extract instead"):
        _ask(server, tmp_path, largest_km2=4.0)
    assert server.asked == []
    assert server.status_asked == 0


@pytest.mark.parametrize(
    "answer",
    [
        (400, "bad request"),
        (200, "<html>log in</html>"),
        (200, json.dumps({"elements": []})),
        (200, json.dumps({"elements": ELEMENTS, "remark": "runtime error: Query timed out"})),
    ],
)
def test_a_bad_answer_is_an_error(server: Server, tmp_path: Path, answer: tuple[int, str]) -> None:
    server.answer = answer
    with pytest.raises(SourceError, match="Overpass gave no data"):
        _ask(server, tmp_path)
    assert not list(tmp_path.rglob("*.pbf"))


def test_no_server_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _s: None)  # OSMnx waits a minute for a silent server
    with pytest.raises(SourceError, match="Overpass gave no data"):
        _ask(Server(url="http://127.0.0.1:9/api"), tmp_path, timeout_s=2.0)


def test_the_command_asks_for_what_the_study_needs(server: Server, tmp_path: Path) -> None:
    """A study of one park, its surroundings asked of the server, its extract named at the end."""
    folder = tmp_path / "studies"
    plan = new_study(
        "Nowhere", folder=folder, start="minimal", osm=None, centre=(121.41, 31.21),
        today=dt.date(2026, 5, 19),
    )  # fmt: skip
    write_study(plan)
    done = parkgap(
        "fetch", "--overpass", "-s", "nowhere", "-w", str(tmp_path),
        "--set", f"sources.overpass.url={server.url}",
    )  # fmt: skip
    path = next(tmp_path.rglob("overpass.osm.pbf"))
    assert str(path) in done.stdout
    assert f"--osm {path}" in done.stdout
    lat, lon = (float(part) for part in re.findall(r"poly:'([\d.]+) ([\d.]+)", server.asked[0])[0])
    assert 0.01 < np.hypot(lon - 121.41, lat - 31.21) < 0.03  # 1.5 km around the place

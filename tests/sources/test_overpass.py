"""Overpass is asked politely, once, for small areas; its answer is sorted as an extract is."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import geopandas as gpd
import pytest
import shapely

from pipeline.errors import SourceError
from pipeline.sources.osm_mapping import read_mapping
from pipeline.sources.overpass import overpass_features

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
]  # fmt: skip


@dataclass
class Server:
    """A server that answers as Overpass does, and remembers what it was asked."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    status_asked: int = 0
    answer: tuple[int, str] = (200, json.dumps({"elements": ELEMENTS}))


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


def _ask(server: Server, cache: Path, **changes: Any) -> gpd.GeoDataFrame:
    given: dict[str, Any] = {
        "mapping": read_mapping(),
        "categories": ["hospitals", "industrial"],
        "crs": "EPSG:32651",
        "cache": cache,
        "url": server.url,
        "timeout_s": 10.0,
        "largest_km2": 25.0,
        **changes,
    }
    return overpass_features(AREA, **given)


def test_answers_are_sorted_as_an_extract_is(server: Server, tmp_path: Path) -> None:
    found = _ask(server, tmp_path).set_index("osm_id")
    assert found["category"].to_dict() == {"n5": "hospitals", "w6": "industrial"}
    assert found.loc["w6", "status"] == "planned"
    assert found.loc["n5", "name_en"] == "First"
    assert found.loc["w6", "area_m2"] == pytest.approx(95.3 * 110.9, rel=0.01)
    assert found.crs.to_epsg() == 32651


def test_the_same_question_is_asked_once(server: Server, tmp_path: Path) -> None:
    import osmnx

    before = osmnx.settings.overpass_url
    first = _ask(server, tmp_path)
    asked = list(server.asked)
    assert server.status_asked >= 1  # it waits for a slot before it asks
    again = _ask(server, tmp_path)
    assert server.asked == asked
    assert again["osm_id"].tolist() == first["osm_id"].tolist()
    assert osmnx.settings.overpass_url == before


def test_only_what_the_categories_need_is_asked(server: Server, tmp_path: Path) -> None:
    _ask(server, tmp_path, categories=["industrial"])
    text = " ".join(server.asked)
    assert "landuse" in text
    assert "industrial" in text
    assert "amenity" not in text


def test_a_large_area_is_refused_before_anything_is_sent(server: Server, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="get an extract instead"):
        _ask(server, tmp_path, largest_km2=4.0)
    assert server.asked == []
    assert server.status_asked == 0


def test_nothing_there_is_an_empty_layer(server: Server, tmp_path: Path) -> None:
    server.answer = (200, json.dumps({"elements": []}))
    found = _ask(server, tmp_path)
    assert len(found) == 0
    assert {"osm_id", "category", "x", "y", "area_m2"} <= set(found.columns)


@pytest.mark.parametrize("answer", [(400, "bad request"), (200, "<html>log in</html>")])
def test_a_bad_answer_is_an_error(server: Server, tmp_path: Path, answer: tuple[int, str]) -> None:
    server.answer = answer
    with pytest.raises(SourceError, match="Overpass gave no data"):
        _ask(server, tmp_path)


def test_no_server_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _s: None)  # OSMnx waits a minute for a silent server
    with pytest.raises(SourceError, match="Overpass gave no data"):
        _ask(Server(url="http://127.0.0.1:9/api"), tmp_path, timeout_s=2.0)

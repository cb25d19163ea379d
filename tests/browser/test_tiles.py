"""Lay an online base map under a page: from a local server, and with nobody there."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipeline.publish.overview_map import build_overview
from pipeline.settings.maps import MapsSettings, TileSettings
from tests.pages import Open
from tests.publish.map_samples import reference_overview

pytestmark = pytest.mark.browser

GREY = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mM8cOBAPQAGgQJ/X2hU8wAAAABJRU5ErkJggg=="
)


@contextmanager
def tile_server() -> Iterator[tuple[str, list[str]]]:
    """Serve the same picture for every tile; gives the address and the paths asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "image/png")
            self.end_headers()
            self.wfile.write(GREY)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()


def page_with(tiles: str, path: Path) -> Path:
    """Write the overview with tiles of an address."""
    settings = MapsSettings(
        tiles=TileSettings(
            source="custom", url=f"{tiles}/{{z}}/{{x}}/{{y}}.png", attribution="瓦片 tiles"
        )
    )
    path.write_text(build_overview(reference_overview(), settings), encoding="utf-8")
    return path


def test_tiles_come_from_the_one_host_that_the_policy_allows(
    open_offline: Open, tmp_path: Path
) -> None:
    with tile_server() as (address, asked), tile_server() as (other, strayed):
        watch = open_offline(page_with(address, tmp_path / "tiles.html"))
        page = watch.page
        page.wait_for_selector(".with-tiles")
        assert asked
        assert all(path.count("/") == 3 for path in asked)
        assert all(url.startswith(address) for url in watch.requests)
        assert watch.errors == []
        assert "瓦片 tiles" in page.locator("#foot").inner_text()
        page.evaluate(f"new Image().src = '{other}/0/0/0.png'")
        page.wait_for_timeout(300)
        assert strayed == []
        assert any("Content Security Policy" in error for error in watch.errors)


def test_without_a_server_the_map_is_what_it_is_without_tiles(
    open_offline: Open, tmp_path: Path
) -> None:
    with tile_server() as (address, _):
        pass
    page = open_offline(page_with(address, tmp_path / "nobody.html")).page
    page.wait_for_function("!document.querySelector('.leaflet-tiles-pane .leaflet-layer')")
    assert page.locator(".with-tiles").count() == 0
    assert page.locator("#failure").is_hidden()
    assert page.locator(".place-symbol").count() > 40
    page.locator("label[for=service-rail]").click()
    assert "轨道" in page.locator("#gap-title").inner_text()

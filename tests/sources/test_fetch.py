"""Downloads from a server on this machine that is slow, cuts off, lies and redirects."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipeline.errors import SourceError
from pipeline.settings.sources import FetchSettings
from pipeline.sources.fetch import Fetched, fetch, progress_bar

DATA = b"\x00\x00\x00\x0eOSMHeader" + bytes(range(256)) * 2000
SHA256 = hashlib.sha256(DATA).hexdigest()
PATIENCE = {"backoff_s": 0.01, "longest_backoff_s": 0.05, "timeout_s": 2.0}


class _Server(ThreadingHTTPServer):
    """Counts what it was asked; each path misbehaves in its own way."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, str | None]] = []
        self.body = DATA
        self.etag = '"one"'

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def times(self, path: str) -> int:
        return sum(asked == path for asked, _ in self.asked)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        self.server.asked.append((path, self.headers.get("Range")))
        kind = path.strip("/").split("/")[0]
        getattr(self, f"_{kind}", self._good)()

    def _start(self) -> int:
        """Honour a range when the tag still fits."""
        asked = self.headers.get("Range")
        fits = self.headers.get("If-Range") in {None, self.server.etag}
        return int(asked.removeprefix("bytes=").rstrip("-")) if asked and fits else 0

    def _answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        headers.setdefault("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def _good(self) -> None:
        body, start = self.server.body, self._start()
        if self.headers.get("If-None-Match") == self.server.etag:
            self._answer(b"", 304)
        elif start:
            whole = len(body)
            span = f"bytes {start}-{whole - 1}/{whole}"
            self._answer(body[start:], 206, Content_Range=span, ETag=self.server.etag)
        else:
            self._answer(body, ETag=self.server.etag)

    def _cut(self) -> None:
        """Send a third at most, then hang up."""
        body, start = self.server.body, self._start()
        whole, status = len(body), 206 if start else 200
        self.send_response(status)
        self.send_header("ETag", self.server.etag)
        self.send_header("Content-Length", str(whole - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
        self.end_headers()
        self.wfile.write(body[start : start + whole // 3 + 1])
        self.close_connection = True

    def _short(self) -> None:
        """State a length that is larger than what comes, each time."""
        self._answer(DATA, Content_Length=str(len(DATA) + 10))
        self.close_connection = True

    def _stall(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(DATA)))
        self.end_headers()
        self.wfile.write(DATA[:1000])
        self.wfile.flush()
        threading.Event().wait(1.0)
        self.close_connection = True

    def _page(self) -> None:
        self._answer(b"<!DOCTYPE html><title>Please log in</title>", Content_Type="text/html")

    def _busy(self) -> None:
        if self.server.times(self.path) < 3:
            self._answer(b"", 503, Retry_After="0")
        else:
            self._good()

    def _missing(self) -> None:
        self._answer(b"", 404)

    def _moved(self) -> None:
        self._answer(b"", 302, Location="/good/a.osm.pbf")

    def _round(self) -> None:
        self._answer(b"", 302, Location=self.path)

    def _elsewhere(self) -> None:
        self._answer(b"", 302, Location="ftp://127.0.0.1/a")

    def _otherpart(self) -> None:
        start = self._start()
        if start and self.server.times(self.path) < 4:
            self._answer(DATA[5:], 206, Content_Range=f"bytes 5-9/{len(DATA)}", ETag='"one"')
        elif start:
            self._good()
        else:
            self._cut()


@pytest.fixture
def server() -> Iterator[_Server]:
    running = _Server()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join()


def _get(server: _Server, path: str, cache: Path, **more: object) -> Fetched:
    settings = FetchSettings(**(PATIENCE | {k: v for k, v in more.items() if k != "sha256"}))
    sha256 = more.get("sha256")
    assert sha256 is None or isinstance(sha256, str)
    return fetch(server.url + path, cache=cache, settings=settings, sha256=sha256)


def test_once_then_unchanged_then_changed(server: _Server, tmp_path: Path) -> None:
    first = _get(server, "/good/a.osm.pbf", tmp_path)
    assert first.path.read_bytes() == DATA
    assert first.path.name == "a.osm.pbf"
    assert (first.how, first.sha256, first.size) == ("downloaded", SHA256, len(DATA))
    again = _get(server, "/good/a.osm.pbf", tmp_path)
    assert (again.how, again.path) == ("unchanged", first.path)
    server.body, server.etag = DATA + b"x", '"two"'
    changed = _get(server, "/good/a.osm.pbf", tmp_path)
    assert changed.how == "downloaded"
    assert changed.path != first.path
    assert first.path.exists()  # content is kept by its hash


def test_a_known_checksum_needs_no_server(server: _Server, tmp_path: Path) -> None:
    _get(server, "/good/a.osm.pbf", tmp_path)
    kept = _get(server, "/good/a.osm.pbf", tmp_path, sha256=SHA256.upper())
    assert kept.how == "cached"
    assert server.times("/good/a.osm.pbf") == 1


def test_damage_in_the_cache_is_noticed(server: _Server, tmp_path: Path) -> None:
    path = _get(server, "/good/a.osm.pbf", tmp_path).path
    path.write_bytes(DATA[:-1])
    assert _get(server, "/good/a.osm.pbf", tmp_path).how == "downloaded"
    assert path.read_bytes() == DATA


def test_a_cut_download_goes_on_where_it_stopped(server: _Server, tmp_path: Path) -> None:
    got = _get(server, "/cut/a.osm.pbf", tmp_path)
    assert got.path.read_bytes() == DATA
    ranges = [asked for _, asked in server.asked]
    assert ranges[0] is None
    assert len(ranges) <= 4  # the last block before a cut is asked for again
    assert all(asked for asked in ranges[1:])


def test_the_next_run_goes_on_too_unless_the_file_changed(server: _Server, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="1 attempts"):
        _get(server, "/cut/a.osm.pbf", tmp_path, attempts=1)
    server.body, server.etag = DATA[:14] + DATA[14:][::-1], '"two"'
    got = _get(server, "/cut/a.osm.pbf", tmp_path)
    assert got.path.read_bytes() == server.body


def test_another_part_than_asked_for_is_not_glued_on(server: _Server, tmp_path: Path) -> None:
    got = _get(server, "/otherpart/a.osm.pbf", tmp_path, attempts=8)
    assert got.path.read_bytes() == DATA


@pytest.mark.parametrize(
    ("path", "message", "times"),
    [
        ("/short/a.osm.pbf", "5 attempts", 5),
        ("/missing/a.osm.pbf", "404", 1),
        ("/page/a.osm.pbf", "a web page instead of a .pbf", 1),
        ("/page/a.bin", "a web page", 1),
        ("/good/a.zip", "something else instead of a .zip", 1),
        ("/round/a.osm.pbf", "too many redirects", 6),
        ("/elsewhere/a.osm.pbf", "bad address", 1),
    ],
)
def test_what_is_refused(
    server: _Server, tmp_path: Path, path: str, message: str, times: int
) -> None:
    with pytest.raises(SourceError, match=message):
        _get(server, path, tmp_path)
    assert server.times(path) == times
    assert not list((tmp_path / "addresses").glob("*"))


def test_a_server_that_stalls_is_given_up(server: _Server, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="2 attempts"):
        _get(server, "/stall/a.osm.pbf", tmp_path, attempts=2, timeout_s=0.2)


def test_a_busy_server_is_asked_again(server: _Server, tmp_path: Path) -> None:
    assert _get(server, "/busy/a.osm.pbf", tmp_path).path.read_bytes() == DATA
    assert server.times("/busy/a.osm.pbf") == 3


def test_redirects_are_followed(server: _Server, tmp_path: Path) -> None:
    assert _get(server, "/moved/a.osm.pbf", tmp_path).path.read_bytes() == DATA


def test_limits_and_checksums(server: _Server, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"limit 0\.1 MB"):
        _get(server, "/good/a.osm.pbf", tmp_path, largest_mb=0.1)
    with pytest.raises(SourceError, match="another checksum"):
        _get(server, "/good/a.osm.pbf", tmp_path, sha256="0" * 64)
    assert not list((tmp_path / "partial").glob("*.part"))


def test_mirrors_come_first_and_the_origin_helps_out(server: _Server, tmp_path: Path) -> None:
    mirrors = {"http://origin.invalid/": f"{server.url}/good/"}
    settings = FetchSettings(**PATIENCE, mirrors=mirrors)
    got = fetch("http://origin.invalid/a.osm.pbf", cache=tmp_path, settings=settings)
    assert got.path.read_bytes() == DATA
    assert got.url == "http://origin.invalid/a.osm.pbf"
    broken = FetchSettings(**PATIENCE, mirrors={f"{server.url}/good/": f"{server.url}/missing/"})
    fetch(f"{server.url}/good/b.osm.pbf", cache=tmp_path, settings=broken)
    assert server.times("/missing/b.osm.pbf") == server.times("/good/b.osm.pbf") == 1


def test_local_files_stay_where_they_are(tmp_path: Path) -> None:
    path = tmp_path / "a.osm.pbf"
    path.write_bytes(DATA)
    settings = FetchSettings()
    got = fetch(str(path), cache=tmp_path / "cache", settings=settings, sha256=SHA256)
    assert (got.path, got.how) == (path, "local")
    with pytest.raises(SourceError, match="another checksum"):
        fetch(str(path), cache=tmp_path / "cache", settings=settings, sha256="0" * 64)
    with pytest.raises(SourceError, match="does not exist"):
        fetch(str(tmp_path / "no"), cache=tmp_path / "cache", settings=settings)


def test_progress_tells_bytes_and_is_silent_without_a_terminal(
    server: _Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[tuple[int, int | None]] = []
    url = f"{server.url}/good/a.osm.pbf"
    fetch(url, cache=tmp_path, settings=FetchSettings(), progress=lambda *at: seen.append(at))
    assert seen[-1] == (len(DATA), len(DATA))
    with progress_bar("a") as progress:
        progress(1, 2)
    assert capsys.readouterr().err == ""

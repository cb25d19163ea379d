"""Open built pages in headless Chromium and watch what they do."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESK = (1440, 900)
PHONE = (390, 844)
READY = "html[data-ready=yes]"


@dataclass
class Watch:
    """What a page did since it was opened: requests beyond itself, and everything that failed."""

    page: Any
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def assert_quiet(self) -> None:
        """Hold that nothing was requested, nothing failed and no dialog opened."""
        assert self.requests == []
        assert self.errors == []
        assert self.dialogs == []


Open = Callable[..., Watch]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Start Debian's Chromium (or the one PARKGAP_CHROMIUM names) once."""
    program = os.environ.get("PARKGAP_CHROMIUM") or shutil.which("chromium")
    if program is None:
        from tests.conftest import required_in_ci  # which takes these fixtures from here

        required_in_ci("Chromium is not installed (set PARKGAP_CHROMIUM)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def open_offline(chromium: Any) -> Iterator[Open]:
    """Give a function that opens a page file and reports its requests and console errors.

    ``open_offline(path, fragment="", size=DESK, ready=READY)`` returns a `Watch` whose `page` is
    Playwright's page.
    """
    contexts: list[Any] = []

    def open_page(
        path: Path, *, fragment: str = "", size: tuple[int, int] = DESK, ready: str = READY
    ) -> Watch:
        phone = size[0] < 600
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]}, has_touch=phone, is_mobile=phone
        )
        context.set_default_timeout(8_000)
        contexts.append(context)
        page = context.new_page()
        watch = Watch(page)
        address = path.resolve().as_uri()
        page.on("request", lambda request: _note_request(watch, request.url, address))
        page.on("console", lambda message: _note_message(watch, message))
        page.on("pageerror", lambda error: watch.errors.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (watch.dialogs.append(dialog.message), dialog.dismiss()))
        page.goto(address + (f"#{fragment}" if fragment else ""))
        if ready:
            page.wait_for_selector(ready, state="attached", timeout=20_000)
        return watch

    yield open_page
    for context in contexts:
        context.close()


def _note_request(watch: Watch, url: str, address: str) -> None:
    if not url.startswith(("data:", "blob:")) and url.partition("#")[0] != address:
        watch.requests.append(url)


def _note_message(watch: Watch, message: Any) -> None:
    if message.type in ("error", "warning"):
        watch.errors.append(f"{message.type}: {message.text}")
